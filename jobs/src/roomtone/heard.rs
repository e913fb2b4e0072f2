//! Sound as the network hears it: powers in bands, means over all channels.

use crate::Error;
use aeden::autoencoder::{Autoencoder, FLOOR, Listener};

/// Channels that are listened to at most: enough to know how a room moves.
const CHANNELS: usize = 8;
/// Powers below this are digital silence.
const SILENCE: f32 = 1e-14;

/// Powers, `[frame][band]`.
#[derive(Clone, Default)]
pub struct Heard {
    powers: Vec<f32>,
    /// Bands of a frame.
    pub bands: usize,
}

impl Heard {
    /// Of samples, one slice a channel.
    pub fn of(planes: &[&[f32]], rate: u32, model: &Autoencoder) -> Result<Heard, Error> {
        let mut powers: Vec<f32> = Vec::new();
        let channels = planes.len().min(CHANNELS);
        for plane in &planes[..channels] {
            let mut listener = Listener::new(model.view(), rate)?;
            plane.chunks(1 << 16).for_each(|part| listener.push(part));
            let (logs, mean) = listener.finish_with_mean();
            powers.resize(logs.len(), 0.0);
            let scale = (mean / channels as f64) as f32;
            for (power, log) in powers.iter_mut().zip(&logs) {
                *power += (log.exp() - FLOOR).max(0.0) * scale;
            }
        }
        Ok(Heard {
            powers,
            bands: model.view().bands(),
        })
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.powers.len() / self.bands
    }

    /// The powers of a frame.
    pub fn frame(&self, t: usize) -> &[f32] {
        &self.powers[t * self.bands..(t + 1) * self.bands]
    }

    /// Whether there is nothing in a frame.
    pub fn is_silent(&self, t: usize) -> bool {
        self.frame(t).iter().all(|&p| p < SILENCE)
    }

    /// Codes of the patches that begin every so many frames, for each of several sounds. Their powers are relative
    /// to their common mean, so that loudness does not count.
    pub fn codes(sounds: &[Heard], model: &Autoencoder, every: usize) -> Vec<Vec<f32>> {
        let sum: f64 = sounds.iter().flat_map(|s| &s.powers).map(|&p| f64::from(p)).sum();
        let count: usize = sounds.iter().map(|s| s.powers.len()).sum();
        let inverse = (count as f64 / sum.max(1e-30)) as f32;
        let codes = |sound: &Heard| {
            let mut logs: Vec<f32> = sound.powers.iter().map(|p| (p * inverse + FLOOR).ln()).collect();
            model.standardise(&mut logs);
            model.encode(&model.patches(&logs, every))
        };
        sounds.iter().map(codes).collect()
    }

    /// The mean of every band.
    pub fn means(sounds: &[Heard]) -> Vec<f64> {
        let bands = sounds[0].bands;
        let mut means = vec![0.0; bands];
        let mut frames = 0;
        for frame in sounds.iter().flat_map(|s| s.powers.chunks_exact(bands)) {
            means.iter_mut().zip(frame).for_each(|(m, &p)| *m += f64::from(p));
            frames += 1;
        }
        means.iter().map(|m| m / f64::from(frames)).collect()
    }
}
