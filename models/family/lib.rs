//! The autoencoders of aeden besides the denoiser, with their weights; `CARD.md` describes them.
//!
//! They stand in a crate of their own so that a program that only takes noise out of sound need not carry them.
//!
//! ```
//! use aeden::Kind;
//! use aeden::autoencoder::Listener;
//!
//! let model = aeden_family::builtin(Kind::SparseKl).unwrap();
//! let mut listener = Listener::new(model.view(), 44_100)?;
//! listener.push(&[0.1; 44_100]);
//! let mut powers = listener.finish();
//! model.standardise(&mut powers);
//! let sound = model.describe(&powers); // two numbers a unit
//! assert_eq!(sound.len(), 2 * model.code());
//! # Ok::<(), aeden::Error>(())
//! ```

use aeden::Kind;
use aeden::autoencoder::Autoencoder;

fn whole(bytes: &[u8]) -> Autoencoder {
    Autoencoder::from_bytes(bytes).expect("the built-in model is whole")
}

/// The autoencoder of a kind, if one is built in: undercomplete (PCA), sparse-kl, denoising-l2 and variational are.
///
/// # Panics
/// Never: the tests read it.
pub fn builtin(kind: Kind) -> Option<Autoencoder> {
    Some(match kind {
        Kind::Undercomplete => whole(include_bytes!("pca.safetensors")),
        Kind::SparseKl => whole(include_bytes!("sparse.safetensors")),
        Kind::DenoisingL2 => whole(include_bytes!("repair.safetensors")),
        Kind::Variational => whole(include_bytes!("roomtone.safetensors")),
        _ => return None,
    })
}

/// The undercomplete autoencoder of `aeden encode`, whose code is made for rounding to whole numbers.
///
/// # Panics
/// Never: the tests read it.
pub fn for_envelopes() -> Autoencoder {
    whole(include_bytes!("encode.safetensors"))
}

/// The principal component analysis with a code of the same size, the yardstick of [`for_envelopes`].
///
/// # Panics
/// Never: the tests read it.
pub fn pca_for_envelopes() -> Autoencoder {
    whole(include_bytes!("encode-pca.safetensors"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_model_is_whole() {
        for kind in [
            Kind::Undercomplete,
            Kind::SparseKl,
            Kind::DenoisingL2,
            Kind::Variational,
        ] {
            assert_eq!(builtin(kind).map(|model| model.kind()), Some(kind));
        }
        assert!(builtin(Kind::Contractive).is_none());
        assert_eq!(for_envelopes().code(), pca_for_envelopes().code());
    }
}
