//! Levels since they were last asked for.

/// The level of one signal.
#[derive(Clone, Copy, Default)]
pub(crate) struct Meter {
    peak: f32,
    energy: f64,
    samples: usize,
}

impl Meter {
    /// Hears so many samples of every channel.
    pub(crate) fn hear(&mut self, channels: &[Vec<f32>], frames: usize) {
        for channel in channels {
            let mut energy = 0.0;
            for &sample in &channel[..frames] {
                self.peak = self.peak.max(sample.abs());
                energy += sample * sample;
            }
            self.energy += f64::from(energy);
            self.samples += frames;
        }
    }

    /// The largest sample since the last call.
    pub(crate) fn peak(&mut self) -> f32 {
        std::mem::take(&mut self.peak)
    }

    /// The mean square since the last call.
    pub(crate) fn mean_square(&mut self) -> f32 {
        let mean = self.energy / self.samples.max(1) as f64;
        (self.energy, self.samples) = (0.0, 0);
        mean as f32
    }
}
