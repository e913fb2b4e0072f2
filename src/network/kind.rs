//! The kinds of networks that model files hold.

use serde::Deserialize;

/// A kind of network; `models/recipe/model.py` and `models/recipe/family.py` have the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A denoiser: noisy spectra → clean spectra.
    Denoising,
    /// Reconstruction through a narrow code.
    Undercomplete,
    /// Reconstruction with a penalty on the sum of a non-negative code.
    SparseL1,
    /// Reconstruction with each unit of the code active a given share of the time.
    SparseKl,
    /// Reconstruction with a code that changes little when the patch does.
    Contractive,
    /// Reconstruction of a damaged patch, by absolute error.
    DenoisingL1,
    /// Reconstruction of a damaged patch, by squared error.
    DenoisingL2,
    /// Reconstruction from a normally distributed code, so that the code can be drawn at random.
    Variational,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Kind; 8] = [
        Kind::Denoising,
        Kind::Undercomplete,
        Kind::SparseL1,
        Kind::SparseKl,
        Kind::Contractive,
        Kind::DenoisingL1,
        Kind::DenoisingL2,
        Kind::Variational,
    ];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Denoising => "denoising",
            Kind::Undercomplete => "undercomplete",
            Kind::SparseL1 => "sparse-l1",
            Kind::SparseKl => "sparse-kl",
            Kind::Contractive => "contractive",
            Kind::DenoisingL1 => "denoising-l1",
            Kind::DenoisingL2 => "denoising-l2",
            Kind::Variational => "variational",
        }
    }
}
