//! Model files: the settings and weights of a denoiser, and the engine that runs them.

use crate::bands::{Bands, centres};
use crate::error::Error;
use crate::kernels::{Across, Instructions, Kernels, PANEL};
use crate::network::{Layer, Memory, NativeEngine, Network, Position};
use crate::stft::{Framing, WindowShape};
use crate::weights::{self, MAX_WEIGHTS, Tensors, bad};
use serde::Deserialize;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;

/// What defines a denoiser besides its weights: the fields of `Settings` in `models/recipe/model.py`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Settings {
    /// Samples per second, 8,000 … 192,000.
    pub rate: u32,
    /// Samples in a frame, even, 16 … 16,384; the frame is tapered by the Vorbis window.
    pub window: usize,
    /// Samples from frame to frame: half a window.
    pub hop: usize,
    /// Numbers that describe a position, 1 … 1,024.
    pub channels: usize,
    /// Positions of the coherent bins, which they share equally, 1 … 256.
    pub low_positions: usize,
    /// Positions of the bands above, which they share as equally as can be, 1 … 256.
    pub high_positions: usize,
    /// Groups of channels that are mixed across positions, each its own way, a divisor of `channels`.
    pub heads: usize,
    /// Recurrent layers before the code.
    pub encoder_layers: usize,
    /// Recurrent layers after it; with those before it at most 16.
    pub decoder_layers: usize,
    /// Low bins that also see their phase advance, 1 … window / 2. Each has a band of its own.
    pub coherent_bins: usize,
    /// Low bins that get a complex filter over time, 0 … window / 2 + 1, a multiple of `low_positions`.
    pub filter_bins: usize,
    /// Its length in frames, the present one included, 1 … 32.
    pub filter_taps: usize,
    /// How many of them are still to come, 0 in a network for streams.
    #[serde(default)]
    pub filter_ahead: usize,
    /// Whether the recurrent layers also run from the end to the start: a network for recordings, run by
    /// [`Studio`](crate::studio::Studio).
    #[serde(default)]
    pub both_ways: bool,
    /// The running level is that of the bins from here …
    pub level_first_bin: usize,
    /// … to here, inclusive.
    pub level_last_bin: usize,
    /// Share of the newest frame in the running level, 0 … 1.
    pub level_smoothing: f32,
    /// Mean |X|² in those bins up to which the level stands still, above 0.
    pub silence: f32,
    /// How fast a band's noise floor follows its log power upwards, share per frame, 0 … 1.
    pub floor_up: f32,
    /// And downwards.
    pub floor_down: f32,
    /// Pairs (width in bins between band centres, how many bands have it), at most 64, from bin 0 up. The last
    /// centre is the Nyquist bin.
    pub band_steps: Vec<(usize, usize)>,
}

impl Settings {
    /// Bin numbers of the band centres, strictly increasing from 0 to the Nyquist bin.
    fn centres(&self) -> Vec<usize> {
        centres(&self.band_steps, self.window / 2)
    }

    /// Features of a frame with so many bands: log power and rise of each band, phase advance of the coherent bins.
    pub(crate) fn features(&self, bands: usize) -> usize {
        2 * bands + 2 * self.coherent_bins
    }

    /// The bands of each position and the features that it sees, its own bands' and their neighbours'; every position
    /// sees equally many. `patches` in `models/recipe/model.py` is the same.
    fn patches(&self, bands: usize) -> Vec<(Range<usize>, Vec<usize>)> {
        let share = self.coherent_bins / self.low_positions;
        let rest = bands - self.coherent_bins;
        let mut patches = Vec::new();
        let mut first = 0;
        for position in 0..self.low_positions + self.high_positions {
            // A low position sees four features of each band, a high one two of twice as many bands.
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
            let mut seen = near.clone();
            seen.extend(near.iter().map(|band| bands + band));
            if high.is_none() {
                for from in [2 * bands, 2 * bands + self.coherent_bins] {
                    seen.extend(near.iter().map(|&band| from + band.min(self.coherent_bins - 1)));
                }
            }
            patches.push((first..first + own, seen));
            first += own;
        }
        patches
    }

    /// Whether everything is in its range, so that sizes can be computed and memory be taken.
    fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: usize, range: RangeInclusive<usize>| {
            if range.contains(&value) {
                return Ok(());
            }
            let (low, high) = range.into_inner();
            Err(bad(format!(
                "setting {name}: expected {low} to {high}, found {value}"
            )))
        };
        within("rate", self.rate as usize, 8_000..=192_000)?;
        within("window", self.window, 16..=16_384)?;
        if !self.window.is_multiple_of(2) {
            return Err(bad(format!(
                "setting window: expected an even number, found {}",
                self.window
            )));
        }
        within("hop", self.hop, self.window / 2..=self.window / 2)?;
        within("channels", self.channels, 1..=1_024)?;
        within("heads", self.heads, 1..=self.channels)?;
        within("low_positions", self.low_positions, 1..=256)?;
        within("encoder_layers", self.encoder_layers, 0..=16)?;
        within(
            "decoder_layers",
            self.decoder_layers,
            0..=16 - self.encoder_layers,
        )?;
        let divides = |name: &str, part: usize, whole_name: &str, whole: usize| {
            if whole.is_multiple_of(part) {
                return Ok(());
            }
            Err(bad(format!(
                "setting {name}: expected a divisor of {whole} {whole_name}, found {part}"
            )))
        };
        divides("heads", self.heads, "channels", self.channels)?;
        let bins = self.window / 2 + 1;
        within("coherent_bins", self.coherent_bins, 1..=bins - 1)?;
        within("filter_bins", self.filter_bins, 0..=bins)?;
        within("filter_taps", self.filter_taps, 1..=32)?;
        let most = if self.both_ways { self.filter_taps - 1 } else { 0 };
        within("filter_ahead", self.filter_ahead, 0..=most)?;
        divides(
            "low_positions",
            self.low_positions,
            "coherent_bins",
            self.coherent_bins,
        )?;
        divides(
            "low_positions",
            self.low_positions,
            "filter_bins",
            self.filter_bins,
        )?;
        within("level_last_bin", self.level_last_bin, 0..=bins - 1)?;
        within("level_first_bin", self.level_first_bin, 0..=self.level_last_bin)?;
        for (name, share) in [
            ("level_smoothing", self.level_smoothing),
            ("floor_up", self.floor_up),
            ("floor_down", self.floor_down),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(bad(format!("setting {name}: expected 0 to 1, found {share}")));
            }
        }
        if !(f32::MIN_POSITIVE..=1e30).contains(&self.silence) {
            return Err(bad(format!(
                "setting silence: expected a positive number, found {}",
                self.silence
            )));
        }
        within("band_steps (entries)", self.band_steps.len(), 0..=64)?;
        if self.band_steps.iter().any(|&(step, _)| step == 0) {
            return Err(bad(
                "setting band_steps: expected widths of 1 bin or more, found 0".to_owned(),
            ));
        }
        let centres = self.centres();
        let own_bands = centres
            .iter()
            .enumerate()
            .take_while(|(i, bin)| i == *bin)
            .count();
        if own_bands < self.coherent_bins {
            return Err(bad(format!(
                "setting band_steps: expected a band for each of the {} coherent bins, found {own_bands}",
                self.coherent_bins
            )));
        }
        let most = (centres.len() - self.coherent_bins).min(256);
        within("high_positions", self.high_positions, 1..=most)?;
        Ok(())
    }
}

/// A denoising network, read from a file and checked; cheap to clone.
///
/// The file is [safetensors](https://github.com/huggingface/safetensors) with the settings in its metadata, as
/// `models/recipe` writes it. Nothing in it is trusted: a file that is not a model gives an error, never a panic,
/// and memory is taken only after every size has been checked.
#[derive(Clone, Debug)]
pub struct Model {
    name: String,
    parameters: usize,
    network: Arc<Network>,
}

impl Model {
    /// The denoiser that comes with this crate; `models/denoise/CARD.md` describes it.
    ///
    /// # Panics
    /// Never: the tests read it.
    pub fn builtin() -> Model {
        Model::from_bytes(include_bytes!("../models/denoise/denoise.safetensors"))
            .expect("the built-in model is whole")
    }

    /// Reads a model from a file.
    ///
    /// # Errors
    /// [`Error::Model`], naming the file and what is wrong with it.
    pub fn open(path: impl AsRef<Path>) -> Result<Model, Error> {
        weights::open(path.as_ref(), Model::from_bytes)
    }

    /// Reads a model from the contents of a file.
    ///
    /// # Errors
    /// [`Error::Model`], naming the tensor or setting, what was expected and what was found.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, Error> {
        let model = Model::of_any_kind(bytes)?;
        if model.settings().both_ways {
            return Err(bad(
                "this network runs over recordings in both directions, not over streams: it serves the quality best".to_owned(),
            ));
        }
        Ok(model)
    }

    /// The same, also for a network that runs both ways, for which there is no [`engine`](Model::engine).
    pub(crate) fn of_any_kind(bytes: &[u8]) -> Result<Model, Error> {
        let (description, tensors) = Tensors::read(bytes)?;
        if description.kind != "denoising" {
            return Err(bad(format!(
                "expected the kind \"denoising\", found {:?}",
                description.kind
            )));
        }
        let settings: Settings = serde_json::from_value(description.settings)
            .map_err(|e| bad(format!("metadata `aeden`: settings: {e}")))?;
        settings.check()?;
        let network = tensors.network(settings)?;
        let widen = !Instructions::best().widens_f16();
        Ok(Model {
            name: description.name,
            parameters: tensors.parameters(),
            network: Arc::new(if widen { network.widened() } else { network }),
        })
    }

    /// What runs.
    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// The name that the file gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What defines the network besides its weights.
    pub fn settings(&self) -> &Settings {
        &self.network.settings
    }

    /// How many numbers were learnt.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The framing of the spectra that the network cleans.
    pub fn framing(&self) -> &Framing {
        &self.network.framing
    }

    /// An engine with the fastest kernels for this processor: one mask for all of `channels`, and up to `max_frames`
    /// frames a call. Both count as at least 1. Engines of one model share its weights.
    pub fn engine(&self, channels: usize, max_frames: usize) -> NativeEngine {
        NativeEngine::new(self.network.clone(), Kernels::best(), channels, max_frames)
    }

    /// As [`engine`](Model::engine), with kernels for the given instruction set.
    ///
    /// # Errors
    /// [`Error::Setting`] where this processor does not have it.
    pub fn engine_with(
        &self,
        channels: usize,
        max_frames: usize,
        instructions: Instructions,
    ) -> Result<NativeEngine, Error> {
        let kernels = Kernels::new(instructions)
            .ok_or_else(|| Error::Setting(format!("this processor has no {instructions:?} instructions")))?;
        let network = if instructions.widens_f16() {
            self.network.clone()
        } else {
            Arc::new(self.network.widened())
        };
        Ok(NativeEngine::new(network, kernels, channels, max_frames))
    }
}

impl Tensors<'_> {
    /// Reads the whole network. `settings` have been checked.
    fn network(&self, settings: Settings) -> Result<Network, Error> {
        let s = &settings;
        let bands = Bands::new(s.centres());
        let order = ChannelOrder {
            heads: s.heads,
            width: s.channels / s.heads,
        };
        let patches = s.patches(bands.len());
        let positions = patches.len();
        let features = patches[0].1.len();
        let most_bands = patches.iter().map(|(own, _)| own.len()).max().unwrap_or(0);
        let coefficients = 2 * s.filter_taps * s.filter_bins / s.low_positions;

        // Mixing and memory take turns; the code is what the encoder's last mixing gives.
        let encoder = (0..2 * s.encoder_layers + 1).map(|i| (format!("encoder.{i}"), i % 2 == 1));
        let decoder = (0..2 * s.decoder_layers).map(|i| (format!("decoder.{i}"), i % 2 == 0));
        let layers: Vec<(String, bool)> = encoder.chain(decoder).collect();

        let ways: &[&str] = if s.both_ways {
            &["before.", "after."]
        } else {
            &[""]
        };

        // All shapes first, then the size in memory, then the memory.
        let channels = s.channels;
        let mut shapes = vec![
            ("encode.weight".to_owned(), vec![positions, channels, features]),
            ("encode.bias".to_owned(), vec![positions, channels]),
        ];
        for (layer, recurrent) in &layers {
            let of = |part: &str| format!("{layer}.{part}");
            if *recurrent {
                for way in ways {
                    shapes.extend([
                        (of(&format!("{way}input.weight")), vec![3 * channels, channels]),
                        (of(&format!("{way}input.bias")), vec![3 * channels]),
                        (of(&format!("{way}state.weight")), vec![3 * channels, channels]),
                        (of(&format!("{way}state.bias")), vec![3 * channels]),
                    ]);
                }
            } else {
                shapes.extend([
                    (of("channels.weight"), vec![channels, channels]),
                    (of("channels.bias"), vec![channels]),
                    (of("across"), vec![s.heads, positions, positions]),
                    (of("bias"), vec![positions, channels]),
                ]);
            }
        }
        shapes.extend([
            ("gains.weight".to_owned(), vec![positions, most_bands, channels]),
            ("gains.bias".to_owned(), vec![positions, most_bands]),
            ("rise".to_owned(), vec![bands.len()]),
            (
                "filters.weight".to_owned(),
                vec![s.low_positions, coefficients, channels],
            ),
            ("filters.bias".to_owned(), vec![s.low_positions, coefficients]),
        ]);
        for (name, shape) in &shapes {
            self.check(name, shape)?;
        }
        if let Some(name) = self
            .file
            .names()
            .into_iter()
            .find(|name| shapes.iter().all(|(n, _)| n != name))
        {
            return Err(bad(format!(
                "tensor {name:?}: unexpected in a model with {} + {} recurrent layers",
                s.encoder_layers, s.decoder_layers
            )));
        }
        let padded = order.padded() as u64;
        let panels = |outputs: usize| outputs.next_multiple_of(PANEL) as u64;
        let across = (s.heads * positions * positions) as u64;
        let weights = positions as u64
            * (padded * features as u64 + padded * (panels(most_bands) + panels(coefficients)))
            + layers.len() as u64
                * (6 * ways.len() as u64 * padded * padded + across + positions as u64 * padded);
        if weights > MAX_WEIGHTS {
            return Err(bad(format!(
                "expected at most {MAX_WEIGHTS} weights, found {weights} with padding"
            )));
        }

        let channel = |c| order.channel(c);
        let read_layer = |(layer, recurrent): &(String, bool)| {
            let gates = |part: &str| {
                let place = |o| order.gate_and_channel(o).map(|(gate, c)| gate * channels + c);
                let size = (3 * order.padded(), order.padded());
                self.matrix(&format!("{layer}.{part}"), size, place, channel)
            };
            let memory = |way: &&str| -> Result<Memory, Error> {
                Ok(Memory {
                    input: gates(&format!("{way}input"))?,
                    state: gates(&format!("{way}state"))?,
                })
            };
            if *recurrent {
                return Ok(Layer::Recurrent {
                    before: memory(&ways[0])?,
                    after: ways.get(1).map(memory).transpose()?,
                });
            }
            let across = self.vector(&format!("{layer}.across"))?;
            let bias = self.vector(&format!("{layer}.bias"))?;
            Ok(Layer::Mixing {
                channels: self.matrix(
                    &format!("{layer}.channels"),
                    (order.padded(), order.padded()),
                    channel,
                    channel,
                )?,
                across: Across::new(
                    positions,
                    order.heads,
                    order.padded_width() / PANEL,
                    |head, out, seen| across[(head * positions + out) * positions + seen],
                    |position, c| channel(c).map_or(0.0, |c| bias[position * channels + c]),
                ),
            })
        };
        let read_position = |(index, (own, seen)): (usize, (Range<usize>, Vec<usize>))| {
            let filters = if index < s.low_positions { coefficients } else { 0 };
            Ok(Position {
                encode: self.matrix(
                    "encode",
                    (order.padded(), features),
                    |c| Some(index * channels + channel(c)?),
                    Some,
                )?,
                decode: self.joined(
                    &["filters", "gains"],
                    (filters + own.len(), order.padded()),
                    |o| {
                        Some(match o.checked_sub(filters) {
                            None => (0, index * coefficients + o),
                            Some(gain) if gain < own.len() => (1, index * most_bands + gain),
                            Some(_) => return None,
                        })
                    },
                    channel,
                )?,
                filters,
                bands: own,
                seen,
            })
        };
        Ok(Network {
            positions: patches
                .into_iter()
                .enumerate()
                .map(read_position)
                .collect::<Result<_, Error>>()?,
            layers: layers.iter().map(read_layer).collect::<Result<_, Error>>()?,
            rise: self.vector("rise")?,
            framing: Framing {
                rate: s.rate,
                window: s.window,
                hop: s.hop,
                shape: WindowShape::Vorbis,
            },
            bands,
            settings,
        })
    }
}

/// How channels stand in the engine: head by head, each padded to whole panels.
#[derive(Clone, Copy)]
struct ChannelOrder {
    heads: usize,
    /// Channels in a head.
    width: usize,
}

impl ChannelOrder {
    fn padded_width(self) -> usize {
        self.width.next_multiple_of(PANEL)
    }

    fn padded(self) -> usize {
        self.heads * self.padded_width()
    }

    /// Which channel of the model stands here, unless it is padding.
    fn channel(self, at: usize) -> Option<usize> {
        let (head, channel) = (at / self.padded_width(), at % self.padded_width());
        (head < self.heads && channel < self.width).then_some(head * self.width + channel)
    }

    /// Which gate of which channel stands at this output, unless it is padding.
    fn gate_and_channel(self, output: usize) -> Option<(usize, usize)> {
        let (panel, lane) = (output / PANEL, output % PANEL);
        let channel = self.channel(panel / 3 * PANEL + lane)?;
        Some((panel % 3, channel))
    }
}
