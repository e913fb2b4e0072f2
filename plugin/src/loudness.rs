//! How much louder one sound is than another, as ears judge it: by the K-weighting and the gate of ITU-R BS.1770-4.

use ebur128::{EbuR128, Mode};

/// Seconds between two looks at the loudness of the last 0.4 s.
const HOP_SECONDS: f64 = 0.1;
/// What is quieter does not count, as a power: −70 LUFS.
const SILENT: f64 = 1e-7;
/// What is so far below the usual loudness does not count, as a power: 10 LU.
const GATE: f64 = 0.1;
/// The usual loudness falls so fast while nothing counts, as a power a hop: 2 dB a second.
const FALL: f64 = 0.954_992_586;
/// The time constant of the comparison, in seconds.
const MEMORY_SECONDS: f64 = 3.0;
/// The most that one sound is taken to be louder than the other: 24 dB.
const MOST: f64 = 15.848_932;

/// Compares the loudness of two sounds that run side by side, sample by sample. Neither allocates nor waits but in
/// [`new`](Self::new).
pub struct Balance {
    /// `None` where the standard says nothing of such sound: then both are as loud.
    meters: Option<[EbuR128; 2]>,
    /// Samples of the hop that is not over, interleaved, and how many there are in all of it.
    hops: [Vec<f32>; 2],
    hop: usize,
    /// Powers that counted, fading with time, and the usual power of the first sound.
    sums: [f64; 2],
    usual: f64,
    ratio: f32,
}

impl std::fmt::Debug for Balance {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Balance")
            .field("ratio", &self.ratio)
            .finish_non_exhaustive()
    }
}

impl Balance {
    /// For a rate in Hz and so many channels.
    pub fn new(sample_rate: u32, channels: usize) -> Self {
        let meter = || EbuR128::new(channels as u32, sample_rate, Mode::M).ok();
        let hop = (HOP_SECONDS * f64::from(sample_rate)) as usize * channels;
        Self {
            meters: meter().zip(meter()).map(|(first, second)| [first, second]),
            hops: [(); 2].map(|()| Vec::with_capacity(hop)),
            hop,
            sums: [0.0; 2],
            usual: 0.0,
            ratio: 1.0,
        }
    }

    /// Forgets all sound.
    pub fn reset(&mut self) {
        self.meters.iter_mut().flatten().for_each(EbuR128::reset);
        self.hops.iter_mut().for_each(Vec::clear);
        (self.sums, self.usual, self.ratio) = ([0.0; 2], 0.0, 1.0);
    }

    /// The factor that makes the first sound as loud as the second, 1 until any sound has counted.
    pub fn ratio(&self) -> f32 {
        self.ratio
    }

    /// Takes a sample of the next channel of both sounds, which are finite. Channels have their turn one after the other.
    pub fn take(&mut self, samples: [f32; 2]) {
        if self.meters.is_none() {
            return;
        }
        for (hop, sample) in self.hops.iter_mut().zip(samples) {
            hop.push(sample);
        }
        if self.hops[0].len() == self.hop {
            self.look();
        }
    }

    fn look(&mut self) {
        let Some(meters) = &mut self.meters else { return };
        let mut powers = [0.0; 2];
        for ((meter, hop), power) in meters.iter_mut().zip(&mut self.hops).zip(&mut powers) {
            // Fails only for parts of a frame.
            let added = meter.add_frames_f32(hop);
            debug_assert!(added.is_ok());
            hop.clear();
            *power = meter
                .loudness_momentary()
                .map_or(0.0, |lufs| 10f64.powf(lufs / 10.0));
        }
        let kept = (-HOP_SECONDS / MEMORY_SECONDS).exp();
        self.sums = self.sums.map(|sum| sum * kept);
        let [first, second] = powers;
        if first < SILENT || first < GATE * self.usual {
            self.usual *= FALL;
            return;
        }
        self.usual = self.usual.max(first * GATE) * kept + first * (1.0 - kept);
        self.sums[0] += first;
        self.sums[1] += second;
        let ratio = (self.sums[1] / self.sums[0]).sqrt();
        self.ratio = ratio.clamp(1.0 / MOST, MOST) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio_of(rate: u32, seconds: f32, sounds: impl Fn(f32) -> [f32; 2]) -> f32 {
        let mut balance = Balance::new(rate, 1);
        for n in 0..(seconds * rate as f32) as usize {
            balance.take(sounds(n as f32 / rate as f32));
        }
        balance.ratio()
    }

    fn sine(frequency: f32, time: f32) -> f32 {
        (std::f32::consts::TAU * frequency * time).sin()
    }

    #[test]
    fn loudness_is_that_of_the_standard() {
        for rate in [8_000, 44_100, 48_000, 192_000] {
            let ratio = ratio_of(rate, 3.0, |time| [0.2, 0.05].map(|a| a * sine(997.0, time)));
            assert!((ratio - 0.25).abs() < 1e-3, "{rate} Hz: {ratio}");
            // Against 1 kHz the K-weighting has −11.1 dB at 25 Hz, and at 3 kHz +3.1 dB.
            for (frequency, decibels, within) in [(25.0, -11.1f32, 0.3), (3000.0, 3.1, 0.5)] {
                let ratio = ratio_of(rate, 3.0, |time| [sine(997.0, time), sine(frequency, time)]);
                let found = 20.0 * ratio.log10();
                assert!(
                    (found - decibels).abs() < within,
                    "{rate} Hz, {frequency} Hz: {found}"
                );
            }
        }
    }

    #[test]
    fn what_is_loud_counts_and_pauses_do_not() {
        // A voice that stays, and noise in its pauses that goes.
        let voice = |time: f32| time % 2.0 < 1.0;
        let sounds = |time: f32| {
            let noise = 0.02 * sine(1500.0, time);
            if voice(time) {
                [0.3 * sine(400.0, time) + noise, 0.3 * sine(400.0, time)]
            } else {
                [noise, 0.05 * noise]
            }
        };
        for seconds in [3.0, 4.9, 20.0] {
            let ratio = ratio_of(48_000, seconds, sounds);
            assert!((20.0 * ratio.log10()).abs() < 0.3, "after {seconds} s: {ratio}");
        }
        // Nothing has counted.
        assert_eq!(ratio_of(48_000, 2.0, |_| [0.0, 1.0]), 1.0);
        // What became much quieter counts after a while.
        let faded = |time: f32| {
            let level = if time < 3.0 { 0.5 } else { 0.001 };
            let other = if time < 3.0 { 1.0 } else { 0.5 };
            [level * sine(800.0, time), other * level * sine(800.0, time)]
        };
        assert!((ratio_of(48_000, 60.0, faded) - 0.5).abs() < 0.01);
    }
}
