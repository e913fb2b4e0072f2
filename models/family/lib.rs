//! The autoencoders of aeden besides the denoiser, with their weights; `CARD.md` tells what each was trained on, for what,
//! and how good it is.
//!
//! They stand in a crate of their own so that a program that only takes noise out of sound need not carry them.
//!
//! ```
//! use aeden::autoencoder::Listener;
//!
//! let model = aeden_family::sparse();
//! let mut listener = Listener::new(model.view(), 44_100)?;
//! listener.push(&[0.1; 44_100]);
//! let mut powers = listener.finish();
//! model.standardise(&mut powers);
//! let sound = model.describe(&powers); // two numbers a unit
//! assert_eq!(sound.len(), 2 * model.code());
//! # Ok::<(), aeden::Error>(())
//! ```

use aeden::autoencoder::Autoencoder;

/// Describes a sound by few active units: a code of 128 numbers with a penalty on activity (KL). For finding and maps.
pub fn sparse() -> Autoencoder {
    read(include_bytes!("sparse.safetensors"))
}

/// Describes what is usual: a principal component analysis with a code of 32 numbers. For detecting.
pub fn pca() -> Autoencoder {
    read(include_bytes!("pca.safetensors"))
}

/// Tells how loud each band is in few bits: an undercomplete network whose code is made for rounding. For the codec.
pub fn envelopes() -> Autoencoder {
    read(include_bytes!("encode.safetensors"))
}

/// A principal component analysis with a code as large as that of [`envelopes`], to compare with.
pub fn envelopes_pca() -> Autoencoder {
    read(include_bytes!("encode-pca.safetensors"))
}

/// Tells how loud each band should be in a gap: a denoising network (L2). For repair.
pub fn repair() -> Autoencoder {
    read(include_bytes!("repair.safetensors"))
}

/// Describes ambience by a code that can be drawn at random: a variational network. For room tone.
pub fn roomtone() -> Autoencoder {
    read(include_bytes!("roomtone.safetensors"))
}

fn read(bytes: &[u8]) -> Autoencoder {
    Autoencoder::from_bytes(bytes).expect("the tests read every network that ships")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aeden::Kind;

    #[test]
    fn every_built_in_model_is_whole() {
        for (model, kind) in [
            (pca(), Kind::Undercomplete),
            (sparse(), Kind::SparseKl),
            (repair(), Kind::DenoisingL2),
            (roomtone(), Kind::Variational),
        ] {
            assert_eq!(model.kind(), kind);
            assert!(model.parameters() > 1000, "{}", model.name());
        }
        assert_eq!(envelopes().code(), envelopes_pca().code());
    }
}
