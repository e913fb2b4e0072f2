//! How much louder one sound is than another, as ears judge it: by the K-weighting and the gate of ITU-R BS.1770-4.

use std::f64::consts::PI;

/// Seconds between two looks at the levels, and how many of them a block of loudness has: 0.4 s.
const HOP_SECONDS: f64 = 0.1;
const BLOCK_HOPS: usize = 4;
/// The mean square of silence, about −70 LUFS: what is quieter does not count.
const SILENT: f64 = 1e-7;
/// Blocks so far below the usual loudness do not count, as a power: 10 LU.
const GATE: f64 = 0.1;
/// The usual loudness falls so fast while no block counts, as a power a hop: 2 dB a second.
const FALL: f64 = 0.954_992_586;
/// The time constant of the comparison, in seconds of blocks that count.
const MEMORY_SECONDS: f64 = 3.0;
/// The most that one sound is taken to be louder than the other: 24 dB.
const MOST: f64 = 15.848_932;

/// Compares the loudness of two sounds that run side by side, sample by sample. Neither allocates nor waits but in
/// [`new`](Self::new).
#[derive(Debug)]
pub struct Balance {
    weighting: Weighting,
    /// `[channel][sound]`
    filters: Vec<[[State; 2]; 2]>,
    hop: usize,
    /// Samples of the hop that is not over, and its energies.
    filled: usize,
    energies: [f64; 2],
    /// Energies of the last hops, a ring.
    hops: [[f64; 2]; BLOCK_HOPS],
    at: usize,
    /// Energies of the blocks that counted, fading with time, and the usual energy of the first sound's.
    sums: [f64; 2],
    usual: f64,
    ratio: f32,
}

impl Balance {
    /// For a rate in Hz and so many channels.
    pub fn new(sample_rate: u32, channels: usize) -> Self {
        let mut balance = Self {
            weighting: Weighting::new(f64::from(sample_rate)),
            filters: vec![Default::default(); channels],
            hop: ((HOP_SECONDS * f64::from(sample_rate)) as usize).max(1),
            filled: 0,
            energies: [0.0; 2],
            hops: [[0.0; 2]; BLOCK_HOPS],
            at: 0,
            sums: [0.0; 2],
            usual: 0.0,
            ratio: 1.0,
        };
        balance.reset();
        balance
    }

    /// Forgets all sound.
    pub fn reset(&mut self) {
        self.filters.fill(Default::default());
        (self.filled, self.energies, self.at) = (0, [0.0; 2], 0);
        self.hops = [[0.0; 2]; BLOCK_HOPS];
        (self.sums, self.usual, self.ratio) = ([0.0; 2], 0.0, 1.0);
    }

    /// The factor that makes the first sound as loud as the second, 1 until any sound has counted.
    pub fn ratio(&self) -> f32 {
        self.ratio
    }

    /// Takes a sample of a channel of both sounds, which are finite. All channels have their turn before [`advance`](Self::advance).
    pub fn take(&mut self, channel: usize, samples: [f32; 2]) {
        let filters = &mut self.filters[channel];
        for ((energy, filter), sample) in self.energies.iter_mut().zip(filters).zip(samples) {
            *energy += self.weighting.apply(filter, f64::from(sample)).powi(2);
        }
    }

    /// Goes to the next sample.
    pub fn advance(&mut self) {
        self.filled += 1;
        if self.filled == self.hop {
            self.look();
        }
    }

    fn look(&mut self) {
        self.hops[self.at] = std::mem::take(&mut self.energies);
        self.at = (self.at + 1) % BLOCK_HOPS;
        self.filled = 0;
        // Filters of silence would fall into subnormal numbers, which cost time.
        for state in self.filters.iter_mut().flatten().flatten() {
            state
                .0
                .iter_mut()
                .filter(|x| x.abs() < 1e-30)
                .for_each(|x| *x = 0.0);
        }
        let [first, second] = [0, 1].map(|sound| self.hops.iter().map(|hop| hop[sound]).sum::<f64>());
        let samples = (self.hop * BLOCK_HOPS) as f64;
        if first < SILENT * samples || first < GATE * self.usual {
            self.usual *= FALL;
            return;
        }
        let kept = (-HOP_SECONDS / MEMORY_SECONDS).exp();
        self.usual = self.usual.max(first * GATE) * kept + first * (1.0 - kept);
        for (sum, energy) in self.sums.iter_mut().zip([first, second]) {
            *sum = *sum * kept + energy;
        }
        let ratio = (self.sums[1] / self.sums[0]).sqrt();
        self.ratio = ratio.clamp(1.0 / MOST, MOST) as f32;
    }
}

/// The last two values inside a filter.
#[derive(Clone, Copy, Debug, Default)]
struct State([f64; 2]);

/// The two filters of the K-weighting, at any rate: a shelf for the head, and a high-pass.
#[derive(Debug)]
struct Weighting([Filter; 2]);

/// A filter of second order: numerator and denominator, without its first coefficient, which is 1.
#[derive(Debug)]
struct Filter {
    b: [f64; 3],
    a: [f64; 2],
}

impl Weighting {
    /// BS.1770 gives the coefficients at 48 kHz; those at other rates are of the same analogue filters.
    fn new(rate: f64) -> Self {
        let (k, q) = ((PI * 1_681.974_450_955_533 / rate).tan(), 0.707_175_236_955_419_6);
        let gain = 10f64.powf(3.999_843_853_973_347 / 20.0);
        let middle = gain.powf(0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        let shelf = Filter {
            b: [
                (gain + middle * k / q + k * k) / a0,
                2.0 * (k * k - gain) / a0,
                (gain - middle * k / q + k * k) / a0,
            ],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        };
        let (k, q) = ((PI * 38.135_470_876_024_44 / rate).tan(), 0.500_327_037_323_877_3);
        let a0 = 1.0 + k / q + k * k;
        let high_pass = Filter {
            b: [1.0, -2.0, 1.0],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        };
        Self([shelf, high_pass])
    }

    fn apply(&self, states: &mut [State; 2], sample: f64) -> f64 {
        self.0
            .iter()
            .zip(states)
            .fold(sample, |x, (filter, State([first, second]))| {
                let y = filter.b[0] * x + *first;
                *first = filter.b[1] * x - filter.a[0] * y + *second;
                *second = filter.b[2] * x - filter.a[1] * y;
                y
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio_of(rate: u32, seconds: f32, sounds: impl Fn(f32) -> [f32; 2]) -> f32 {
        let mut balance = Balance::new(rate, 1);
        for n in 0..(seconds * rate as f32) as usize {
            balance.take(0, sounds(n as f32 / rate as f32));
            balance.advance();
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
            // Against 1 kHz the K-weighting has −13.7 dB at 25 Hz, and at 3 kHz +3 dB.
            for (frequency, decibels, within) in [(25.0, -13.7f32, 0.5), (3000.0, 3.0, 0.5)] {
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
