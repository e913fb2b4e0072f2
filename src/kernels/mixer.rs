//! Matrices across the sub-bands of a frame, packed as the kernels read them.

use super::panel::PANEL;

/// Mixes the sub-bands of a frame: a matrix across sub-bands for each head of channels, and a bias for every sub-band and
/// channel.
#[derive(Clone, Debug)]
pub struct Mixer {
    pub(super) sub_bands: usize,
    pub(super) heads: usize,
    /// `[head][sub-band out][sub-band in]`
    pub(super) weights: Vec<f32>,
    /// `[sub-band][padded channel]`; a head is a whole number of panels.
    pub(super) bias: Vec<f32>,
}

impl Mixer {
    /// Packs `heads` matrices `weight(head, out, in)`, each for `panels` panels of sixteen channels, and `bias(sub-band,
    /// channel)`, at least one of everything.
    ///
    /// # Panics
    /// If there is nothing to mix.
    pub fn new(
        sub_bands: usize,
        heads: usize,
        panels: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
        bias: impl Fn(usize, usize) -> f32,
    ) -> Mixer {
        assert!(sub_bands > 0 && heads > 0 && panels > 0, "something to mix");
        let channels = heads * panels * PANEL;
        let cells = |columns: usize, count: usize| (0..count).map(move |i| (i / columns, i % columns));
        Mixer {
            sub_bands,
            heads,
            weights: cells(sub_bands, heads * sub_bands * sub_bands)
                .map(|(row, q)| weight(row / sub_bands, row % sub_bands, q))
                .collect(),
            bias: cells(channels, sub_bands * channels)
                .map(|(band, c)| bias(band, c))
                .collect(),
        }
    }

    /// Numbers in a frame: sub-bands times padded channels.
    pub fn frame(&self) -> usize {
        self.bias.len()
    }
}
