//! How loud a recording is over time, in constant memory: a histogram of short-time levels.

use aeden::denoiser::HUGE;
use aeden_media::problem::counted;

/// Seconds of one block.
const BLOCK: f64 = 0.05;
/// What counts as digital silence, in dBFS.
pub const SILENCE: f32 = -120.0;
const LOUDEST: f32 = 40.0;
const STEP: f32 = 0.1;
const BINS: usize = ((LOUDEST - SILENCE) / STEP) as usize + 1;

/// Levels of blocks of 50 ms, the mean power of all channels, where a signal that is ±1 throughout has 0 dBFS.
pub struct Levels {
    block_frames: usize,
    /// Frames and energy of the block that is being filled.
    frames: usize,
    energy: f64,
    channels: usize,
    /// Number of blocks, and their summed power, by level.
    counts: Vec<u64>,
    powers: Vec<f64>,
    /// Frames of the whole recording.
    total_frames: u64,
    /// Samples that the denoiser does not take for sound.
    absurd: usize,
}

impl Levels {
    /// Starts at the beginning of a recording.
    pub fn new(rate: u32, channels: usize) -> Self {
        Levels {
            block_frames: (f64::from(rate) * BLOCK) as usize,
            frames: 0,
            energy: 0.0,
            channels,
            counts: vec![0; BINS],
            powers: vec![0.0; BINS],
            total_frames: 0,
            absurd: 0,
        }
    }

    /// Takes the next samples, one vector a channel.
    pub fn push(&mut self, planes: &[Vec<f32>]) {
        let frames = planes.first().map_or(0, Vec::len);
        let mut start = 0;
        while start < frames {
            let end = frames.min(start + self.block_frames - self.frames);
            for plane in planes {
                // Several sums, so that the compiler may add in parallel.
                let mut sums = [0.0f64; 8];
                let mut absurd = 0;
                for chunk in plane[start..end].chunks(8) {
                    for (sum, &x) in sums.iter_mut().zip(chunk) {
                        *sum += f64::from(x) * f64::from(x);
                        absurd += usize::from(x.abs() > HUGE);
                    }
                }
                self.energy += sums.iter().sum::<f64>();
                self.absurd += absurd;
            }
            self.frames += end - start;
            start = end;
            if self.frames == self.block_frames {
                self.close_block();
            }
        }
    }

    fn close_block(&mut self) {
        let power = self.energy / (self.frames * self.channels) as f64;
        let bin = ((decibels(power) - SILENCE) / STEP)
            .round()
            .clamp(0.0, (BINS - 1) as f32) as usize;
        self.counts[bin] += 1;
        self.powers[bin] += power;
        self.total_frames += self.frames as u64;
        (self.frames, self.energy) = (0, 0.0);
    }

    /// Ends the recording: what is left counts only if there was no whole block.
    pub fn finish(&mut self) {
        if self.frames > 0 && self.total_frames == 0 {
            self.close_block();
        }
    }

    /// What a user should know of samples that no sound has.
    pub fn beyond_sound(&self) -> Option<String> {
        (self.absurd > 0).then(|| {
            format!(
                "{} beyond {:.0} dBFS, which no sound has, and count as silence; the file is damaged",
                counted(self.absurd, "sample is", "samples are"),
                20.0 * HUGE.log10()
            )
        })
    }

    /// The level in dBFS that `share` of all blocks stay below; `None` without any block.
    pub fn percentile(&self, share: f64) -> Option<f32> {
        let blocks: u64 = self.counts.iter().sum();
        let wanted = (blocks as f64 * share) as u64;
        let mut below = 0;
        let bin = self.counts.iter().position(|&count| {
            below += count;
            below > wanted
        });
        bin.map(|bin| SILENCE + bin as f32 * STEP)
    }

    /// The level that a tenth of all blocks stay below, in dBFS.
    pub fn noise_floor(&self) -> Option<f32> {
        self.percentile(0.1)
    }

    /// Estimated ratio of signal to noise in dB: the power of the loud blocks, those within 20 dB of the 95th
    /// percentile, less the noise floor's, to the noise floor's. Between -20 and 100.
    pub fn signal_to_noise(&self) -> Option<f32> {
        let noise = 10f64.powf(f64::from(self.noise_floor()?) / 10.0);
        let loud = self.percentile(0.95)? - 20.0;
        let first = ((loud - SILENCE) / STEP).round().max(0.0) as usize;
        let blocks: u64 = self.counts[first..].iter().sum();
        let power = self.powers[first..].iter().sum::<f64>() / blocks as f64;
        Some(decibels(((power - noise) / noise).max(0.0)).clamp(-20.0, 100.0))
    }
}

/// Power in dB, no less than [`SILENCE`].
fn decibels(power: f64) -> f32 {
    (10.0 * power.log10()).max(f64::from(SILENCE)) as f32
}
