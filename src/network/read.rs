//! Reads a denoising network from the tensors of a file.

use super::layers::{Gru, Layer, Network, SubBand};
use super::settings::{NetworkSettings, Place};
use super::weights::{MAX_WEIGHTS, Tensors};
use crate::error::Error;
use crate::kernels::{Mixer, PANEL};

impl Network {
    /// Reads the network; of `settings`, the file's, nothing is trusted.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Model`], naming the tensor or setting, what was expected and what was found.
    pub(crate) fn read(settings: serde_json::Value, tensors: &Tensors) -> Result<Network, Error> {
        let settings: NetworkSettings =
            serde_json::from_value(settings).map_err(|e| Error::damaged("metadata `aeden`: settings", e))?;
        settings.check()?;
        Plan::new(&settings).read(&settings, tensors)
    }
}

/// The tensors that a network of some settings has, and their place in it.
struct Plan {
    places: Vec<Place>,
    channels: ChannelOrder,
    layers: Vec<Named>,
    /// Prefixes of the GRUs in a layer.
    directions: &'static [&'static str],
    bands: usize,
    /// Features of a sub-band, and the most bands of one.
    features: usize,
    most_bands: usize,
    /// Filter coefficients of a low sub-band.
    coefficients: usize,
}

/// A layer under its name in the file.
struct Named {
    name: String,
    recurrent: bool,
}

impl Plan {
    fn new(s: &NetworkSettings) -> Plan {
        let bands = s.bands().len();
        let places = s.places(bands);
        // Mixing and GRU layers take turns; the latent code is the result of the encoder's last mixing.
        let named = |part: &str, number: usize, recurrent: bool| Named {
            name: format!("{part}.{number}"),
            recurrent,
        };
        let encoder = (0..2 * s.encoder_layers + 1).map(|i| named("encoder", i, i % 2 == 1));
        let decoder = (0..2 * s.decoder_layers).map(|i| named("decoder", i, i % 2 == 0));
        Plan {
            channels: ChannelOrder {
                heads: s.heads,
                width: s.channels / s.heads,
            },
            layers: encoder.chain(decoder).collect(),
            directions: if s.both_ways {
                &["before.", "after."]
            } else {
                &[""]
            },
            bands,
            features: places[0].features.len(),
            most_bands: places.iter().map(|place| place.bands.len()).max().unwrap_or(0),
            coefficients: s.coefficients() / s.low_positions,
            places,
        }
    }

    fn read(&self, settings: &NetworkSettings, tensors: &Tensors) -> Result<Network, Error> {
        self.check(settings, tensors)?;
        let layer = |layer: &Named| self.layer(layer, settings, tensors);
        let sub_band = |(index, place): (usize, &Place)| self.sub_band(index, place, settings, tensors);
        Ok(Network {
            checksum: tensors.checksum(),
            sub_bands: self
                .places
                .iter()
                .enumerate()
                .map(sub_band)
                .collect::<Result<_, _>>()?,
            layers: self.layers.iter().map(layer).collect::<Result<_, _>>()?,
            rise: tensors.vector("rise")?,
            framing: settings.framing(),
            bands: settings.bands(),
            settings: settings.clone(),
        })
    }

    /// Checks all shapes first, then the size in memory, before any memory is taken.
    fn check(&self, s: &NetworkSettings, tensors: &Tensors) -> Result<(), Error> {
        let shapes = self.shapes(s);
        for (name, shape) in &shapes {
            tensors.check(name, shape)?;
        }
        let is_known = |name: &str| shapes.iter().any(|(known, _)| known == name);
        if let Some(name) = tensors.names().find(|name| !is_known(name)) {
            return Err(Error::Model(format!(
                "tensor {name:?}: unexpected in a model with {} + {} recurrent layers",
                s.encoder_layers, s.decoder_layers
            )));
        }
        let weights = self.weights(s);
        if weights > MAX_WEIGHTS {
            return Err(Error::Model(format!(
                "expected at most {MAX_WEIGHTS} weights, found {weights} with padding"
            )));
        }
        Ok(())
    }

    fn shapes(&self, s: &NetworkSettings) -> Vec<(String, Vec<usize>)> {
        let (positions, channels) = (self.places.len(), s.channels);
        let affine = |name: &str, rows: &[usize], columns: usize| {
            [
                (format!("{name}.weight"), [rows, &[columns]].concat()),
                (format!("{name}.bias"), rows.to_vec()),
            ]
        };
        let mut shapes = Vec::new();
        shapes.extend(affine("encode", &[positions, channels], self.features));
        for Named { name, recurrent } in &self.layers {
            if *recurrent {
                for direction in self.directions {
                    for side in ["input", "state"] {
                        shapes.extend(affine(
                            &format!("{name}.{direction}{side}"),
                            &[3 * channels],
                            channels,
                        ));
                    }
                }
            } else {
                shapes.extend(affine(&format!("{name}.channels"), &[channels], channels));
                shapes.push((format!("{name}.across"), vec![s.heads, positions, positions]));
                shapes.push((format!("{name}.bias"), vec![positions, channels]));
            }
        }
        shapes.extend(affine("gains", &[positions, self.most_bands], channels));
        shapes.push(("rise".to_owned(), vec![self.bands]));
        shapes.extend(affine("filters", &[s.low_positions, self.coefficients], channels));
        shapes
    }

    /// Weights in memory, padding included.
    fn weights(&self, s: &NetworkSettings) -> u64 {
        let (positions, padded) = (self.places.len() as u64, self.channels.padded() as u64);
        let panels = |outputs: usize| outputs.next_multiple_of(PANEL) as u64;
        let ends = self.features as u64 + panels(self.most_bands) + panels(self.coefficients);
        let across = s.heads as u64 * positions * positions;
        let gru = 6 * self.directions.len() as u64 * padded * padded;
        positions * padded * ends + self.layers.len() as u64 * (gru + across + positions * padded)
    }

    fn layer(&self, layer: &Named, s: &NetworkSettings, tensors: &Tensors) -> Result<Layer, Error> {
        let (name, order) = (&layer.name, self.channels);
        if layer.recurrent {
            return Ok(Layer::Recurrent {
                forward: self.gru(name, self.directions[0], s, tensors)?,
                backward: self
                    .directions
                    .get(1)
                    .map(|direction| self.gru(name, direction, s, tensors))
                    .transpose()?,
            });
        }
        let positions = self.places.len();
        let across = tensors.vector(&format!("{name}.across"))?;
        let bias = tensors.vector(&format!("{name}.bias"))?;
        let channel = |c| order.channel(c);
        Ok(Layer::Mixing {
            channels: tensors.matrix(
                &format!("{name}.channels"),
                (order.padded(), order.padded()),
                channel,
                channel,
            )?,
            across: Mixer::new(
                positions,
                order.heads,
                order.padded_width() / PANEL,
                |head, out, from| across[(head * positions + out) * positions + from],
                |position, c| channel(c).map_or(0.0, |c| bias[position * s.channels + c]),
            ),
        })
    }

    fn gru(
        &self,
        layer: &str,
        direction: &str,
        s: &NetworkSettings,
        tensors: &Tensors,
    ) -> Result<Gru, Error> {
        let order = self.channels;
        let side = |side: &str| {
            let place = |o| order.gate_and_channel(o).map(|(gate, c)| gate * s.channels + c);
            let size = (3 * order.padded(), order.padded());
            let name = format!("{layer}.{direction}{side}");
            tensors.matrix(&name, size, place, |c| order.channel(c))
        };
        Ok(Gru {
            input: side("input")?,
            state: side("state")?,
        })
    }

    fn sub_band(
        &self,
        index: usize,
        place: &Place,
        s: &NetworkSettings,
        tensors: &Tensors,
    ) -> Result<SubBand, Error> {
        let (order, own) = (self.channels, place.bands.len());
        let filters = if index < s.low_positions {
            self.coefficients
        } else {
            0
        };
        Ok(SubBand {
            encode: tensors.matrix(
                "encode",
                (order.padded(), self.features),
                |c| Some(index * s.channels + order.channel(c)?),
                Some,
            )?,
            decode: tensors.joined(
                &["filters", "gains"],
                (filters + own, order.padded()),
                |o| {
                    Some(match o.checked_sub(filters) {
                        None => (0, index * self.coefficients + o),
                        Some(gain) if gain < own => (1, index * self.most_bands + gain),
                        Some(_) => return None,
                    })
                },
                |c| order.channel(c),
            )?,
            filters,
            bands: place.bands.clone(),
            features: place.features.clone(),
        })
    }
}

/// The order of channels in memory: head by head, each padded to whole panels.
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

    /// The model's channel that stands here, unless it is padding.
    fn channel(self, at: usize) -> Option<usize> {
        let (head, channel) = (at / self.padded_width(), at % self.padded_width());
        (head < self.heads && channel < self.width).then_some(head * self.width + channel)
    }

    /// The gate and its channel that stand at this output, unless it is padding.
    fn gate_and_channel(self, output: usize) -> Option<(usize, usize)> {
        let (panel, lane) = (output / PANEL, output % PANEL);
        let channel = self.channel(panel / 3 * PANEL + lane)?;
        Some((panel % 3, channel))
    }
}
