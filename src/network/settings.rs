//! The settings of a denoising network: everything that defines it besides its weights.

use crate::error::Error;
use crate::spectrum::{Bands, FeatureSettings, Framing, WindowShape, centres};
use serde::Deserialize;
use std::ops::{Range, RangeInclusive};

/// The definition of a denoiser besides its weights: the fields of `Settings` in `models/recipe/model.py`.
///
/// A position is the place of a sub-band along frequency.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct NetworkSettings {
    /// Samples per second, 8,000 … 192,000.
    pub(crate) rate: u32,
    /// Samples in a frame, even, 16 … 16,384; the frame is tapered by the Vorbis window.
    pub(crate) window: usize,
    /// Samples from frame to frame: half a window.
    pub(crate) hop: usize,
    /// Channels of a sub-band, 1 … 1,024.
    pub(crate) channels: usize,
    /// Sub-bands of the coherent bins, which they share equally, 1 … 256.
    pub(crate) low_positions: usize,
    /// Sub-bands of the bands above, which they share as equally as can be, 1 … 256.
    pub(crate) high_positions: usize,
    /// Groups of channels with a mixing matrix of their own across sub-bands, a divisor of `channels`.
    pub(crate) heads: usize,
    /// GRU layers before the latent code.
    pub(crate) encoder_layers: usize,
    /// GRU layers after it; with those before it at most 16.
    pub(crate) decoder_layers: usize,
    /// Low bins whose phase advance is a feature, 1 … window / 2. Each has a band of its own.
    pub(crate) coherent_bins: usize,
    /// Low bins that get a complex filter over time, 0 … window / 2 + 1, a multiple of `low_positions`.
    pub(crate) filter_bins: usize,
    /// Taps of the filter in frames, the present one included, 1 … 32.
    pub(crate) filter_taps: usize,
    /// Taps that lie in the future, 0 in a network for streams.
    #[serde(default)]
    pub(crate) filter_ahead: usize,
    /// GRU layers that also run backward in time: a network for recordings.
    #[serde(default)]
    pub(crate) both_ways: bool,
    /// First bin of the running level.
    pub(crate) level_first_bin: usize,
    /// Last bin of the running level, inclusive.
    pub(crate) level_last_bin: usize,
    /// Share of the newest frame in the running level, 0 … 1.
    pub(crate) level_smoothing: f32,
    /// Mean |X|² in the level's bins up to which the level stands still, above 0.
    pub(crate) silence: f32,
    /// Speed at which a band's noise floor follows its log power upwards, share per frame, 0 … 1.
    pub(crate) floor_up: f32,
    /// The same downwards.
    pub(crate) floor_down: f32,
    /// Grids of frames whose mean is the output, each shifted by the same part of a hop, 1 … 8, a divisor of the hop.
    #[serde(default = "one")]
    pub(crate) grids: usize,
    /// Pairs (width in bins between band centres, how many bands have it), at most 64, from bin 0 up. The last
    /// centre is the Nyquist bin.
    pub(crate) band_steps: Vec<(usize, usize)>,
}

/// The default of settings that files may lack.
fn one() -> usize {
    1
}

/// The place of a sub-band along frequency.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The bands whose gains it gives.
    pub(crate) bands: Range<usize>,
    /// Its input: features of its own bands and of their neighbours, equally many for every sub-band.
    pub(crate) features: Vec<usize>,
}

impl NetworkSettings {
    /// The frames of all grids together.
    pub(crate) fn framing_of_grids(&self) -> Framing {
        Framing {
            hop: self.hop / self.grids,
            ..self.framing()
        }
    }

    /// The frames of the spectra that the network takes.
    pub(crate) fn framing(&self) -> Framing {
        Framing {
            rate: self.rate,
            window: self.window,
            hop: self.hop,
            shape: WindowShape::Vorbis,
        }
    }

    /// The bands that the bins are pooled to.
    pub(crate) fn bands(&self) -> Bands {
        Bands::new(&self.band_steps, self.window / 2)
    }

    /// The settings of the features.
    pub(crate) fn features(&self) -> FeatureSettings {
        FeatureSettings {
            coherent_bins: self.coherent_bins,
            level_bins: (self.level_first_bin, self.level_last_bin),
            level_smoothing: self.level_smoothing,
            silence: self.silence,
            floor_up: self.floor_up,
            floor_down: self.floor_down,
        }
    }

    /// Complex filter coefficients of a frame, real and imaginary parts.
    pub(crate) fn coefficients(&self) -> usize {
        2 * self.filter_taps * self.filter_bins
    }

    /// Places the sub-bands, given the number of bands. `patches` in `models/recipe/model.py` is the same.
    pub(crate) fn places(&self, bands: usize) -> Vec<Place> {
        let share = self.coherent_bins / self.low_positions;
        let rest = bands - self.coherent_bins;
        let mut places = Vec::new();
        let mut first = 0;
        for position in 0..self.low_positions + self.high_positions {
            // A low sub-band has four features of each band, a high one two of twice as many bands.
            let high = position.checked_sub(self.low_positions);
            let (own, width) = match high {
                None => (share, 2 * share),
                Some(i) => {
                    let more = usize::from(i < rest % self.high_positions);
                    (rest / self.high_positions + more, 4 * share)
                }
            };
            let start = first as isize - (width as isize - own as isize).div_euclid(2);
            let near: Vec<usize> = (start..start + width as isize)
                .map(|band| band.clamp(0, bands as isize - 1) as usize)
                .collect();
            let mut features = near.clone();
            features.extend(near.iter().map(|band| bands + band));
            if high.is_none() {
                for from in [2 * bands, 2 * bands + self.coherent_bins] {
                    features.extend(near.iter().map(|&band| from + band.min(self.coherent_bins - 1)));
                }
            }
            places.push(Place {
                bands: first..first + own,
                features,
            });
            first += own;
        }
        places
    }

    /// Checks that everything is in its range, so that sizes can be computed and memory be taken.
    ///
    /// # Errors
    /// [`Error::Model`], naming the setting, its range and what was found.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_sizes()?;
        self.check_levels()?;
        self.check_bands()
    }

    fn check_sizes(&self) -> Result<(), Error> {
        within("rate", self.rate as usize, 8_000..=192_000)?;
        within("window", self.window, 16..=16_384)?;
        if !self.window.is_multiple_of(2) {
            return Err(bad("window", "an even number", self.window));
        }
        within("hop", self.hop, self.window / 2..=self.window / 2)?;
        within("grids", self.grids, 1..=8)?;
        divides("grids", self.grids, "samples of a hop", self.hop)?;
        within("channels", self.channels, 1..=1_024)?;
        within("heads", self.heads, 1..=self.channels)?;
        within("low_positions", self.low_positions, 1..=256)?;
        within("encoder_layers", self.encoder_layers, 0..=16)?;
        within(
            "decoder_layers",
            self.decoder_layers,
            0..=16 - self.encoder_layers,
        )?;
        divides("heads", self.heads, "channels", self.channels)?;
        let bins = self.window / 2 + 1;
        within("coherent_bins", self.coherent_bins, 1..=bins - 1)?;
        within("filter_bins", self.filter_bins, 0..=bins)?;
        within("filter_taps", self.filter_taps, 1..=32)?;
        let most = if self.both_ways { self.filter_taps - 1 } else { 0 };
        within("filter_ahead", self.filter_ahead, 0..=most)?;
        let low = self.low_positions;
        divides("low_positions", low, "coherent_bins", self.coherent_bins)?;
        divides("low_positions", low, "filter_bins", self.filter_bins)
    }

    fn check_levels(&self) -> Result<(), Error> {
        within("level_last_bin", self.level_last_bin, 0..=self.window / 2)?;
        within("level_first_bin", self.level_first_bin, 0..=self.level_last_bin)?;
        for (name, share) in [
            ("level_smoothing", self.level_smoothing),
            ("floor_up", self.floor_up),
            ("floor_down", self.floor_down),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(bad(name, "0 to 1", share));
            }
        }
        if !(f32::MIN_POSITIVE..=1e30).contains(&self.silence) {
            return Err(bad("silence", "a positive number", self.silence));
        }
        Ok(())
    }

    fn check_bands(&self) -> Result<(), Error> {
        within("band_steps (entries)", self.band_steps.len(), 0..=64)?;
        if self.band_steps.iter().any(|&(step, _)| step == 0) {
            return Err(bad("band_steps", "widths of 1 bin or more", 0));
        }
        let centres = centres(&self.band_steps, self.window / 2);
        let own_bands = centres
            .iter()
            .enumerate()
            .take_while(|(i, bin)| i == *bin)
            .count();
        if own_bands < self.coherent_bins {
            let expected = format!("a band for each of the {} coherent bins", self.coherent_bins);
            return Err(bad("band_steps", &expected, own_bands));
        }
        let most = (centres.len() - self.coherent_bins).min(256);
        within("high_positions", self.high_positions, 1..=most)
    }
}

fn bad(name: &str, expected: &str, found: impl std::fmt::Display) -> Error {
    Error::Model(format!("setting {name}: expected {expected}, found {found}"))
}

fn within(name: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), Error> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = range.into_inner();
    Err(bad(name, &format!("{low} to {high}"), value))
}

fn divides(name: &str, part: usize, whole_name: &str, whole: usize) -> Result<(), Error> {
    if whole.is_multiple_of(part) {
        return Ok(());
    }
    Err(bad(name, &format!("a divisor of {whole} {whole_name}"), part))
}
