//! The input at the loudness of what is heard otherwise, for comparing noise with noise instead of loud with quiet.
//!
//! While it is wanted, the denoiser goes on as if it were not bypassed, so that its loudness is known; the input waits here until
//! it is in step, and is faded in here.

use crate::loudness::Balance;
use aeden::Denoiser;

/// The time constant of a change of the gain while it is heard, in seconds.
const GAIN_SECONDS: f64 = 0.4;
/// Samples beyond this are no sound; broken input has them.
const LARGEST: f32 = 1e6;

/// Fades between what comes from the denoiser and the input at the same loudness. All memory is there from the start.
#[derive(Debug)]
pub struct MatchedBypass {
    /// The last input, `[channel][sample]`, rings.
    rows: Vec<Vec<f32>>,
    /// Where the block begins that was kept last, and how long it is.
    from: usize,
    len: usize,
    latency: usize,
    /// Samples of the way from the denoiser's output to the input, and how many of them have been gone.
    fade: usize,
    faded: usize,
    gain: f32,
    /// The share of a change of the gain that a sample brings.
    share: f32,
    balance: Balance,
    /// Whether anything has been compared.
    compared: bool,
}

impl MatchedBypass {
    /// For a rate in Hz, so many channels, the denoiser's latency in samples, and blocks of up to so many samples.
    pub fn new(sample_rate: u32, channels: usize, latency: usize, block: usize) -> Self {
        let rate = f64::from(sample_rate);
        Self {
            rows: vec![vec![0.0; latency + block.max(1)]; channels],
            from: 0,
            len: 0,
            latency,
            fade: ((rate * Denoiser::FADE_SECONDS) as usize).max(1),
            faded: 0,
            gain: 1.0,
            share: (1.0 - (-1.0 / (GAIN_SECONDS * rate)).exp()) as f32,
            balance: Balance::new(sample_rate, channels),
            compared: false,
        }
    }

    /// Forgets all sound. `heard`: the input is what is heard.
    pub fn reset(&mut self, heard: bool) {
        self.rows.iter_mut().for_each(|row| row.fill(0.0));
        (self.from, self.len) = (0, 0);
        self.faded = if heard { self.fade } else { 0 };
        self.forget();
    }

    /// Samples in a ring.
    fn size(&self) -> usize {
        self.rows.first().map_or(self.latency + 1, Vec::len)
    }

    fn forget(&mut self) {
        self.gain = 1.0;
        self.balance.reset();
        self.compared = false;
    }

    /// Keeps a block of input, before it is processed.
    pub fn keep(&mut self, channels: &[&mut [f32]]) {
        let size = self.size();
        self.from = (self.from + self.len) % size;
        self.len = channels.iter().map(|channel| channel.len()).min().unwrap_or(0);
        for (row, channel) in self.rows.iter_mut().zip(channels) {
            let (late, early) = row.split_at_mut(self.from);
            let mut rest = &channel[..self.len];
            // Blocks are never longer than the host has said; what goes beyond is lost, and never written beyond the ring.
            for place in [early, late] {
                let (now, later) = rest.split_at(rest.len().min(place.len()));
                place[..now.len()].copy_from_slice(now);
                rest = later;
            }
        }
    }

    /// Takes that block after it was processed, and replaces it where the input is to be heard. `wanted`: bypass is to be matched;
    /// `bypass`: the input is to be heard.
    pub fn give(&mut self, channels: &mut [&mut [f32]], wanted: bool, bypass: bool) {
        if !wanted && self.faded == 0 {
            if self.compared {
                self.forget();
            }
            return;
        }
        self.compared = true;
        let size = self.size();
        let late = self.from + size - self.latency;
        for i in 0..self.len {
            let ratio = self.balance.ratio();
            if self.faded == 0 {
                self.gain = ratio;
            }
            self.gain += (ratio - self.gain) * self.share;
            self.faded = if wanted && bypass {
                (self.faded + 1).min(self.fade)
            } else {
                self.faded.saturating_sub(1)
            };
            let part = self.faded as f32 / self.fade as f32;
            let rows = self.rows.iter().zip(channels.iter_mut());
            for (row, samples) in rows {
                let input = row[(late + i) % size];
                // NaN too is not within it.
                let input = if input.abs() <= LARGEST { input } else { 0.0 };
                let output = samples[i];
                self.balance.take([input, output]);
                if self.faded > 0 {
                    let matched = self.gain * input;
                    let mixed = if self.faded == self.fade {
                        matched
                    } else {
                        output + (matched - output) * part
                    };
                    samples[i] = if mixed.is_subnormal() { 0.0 } else { mixed };
                }
            }
        }
    }
}
