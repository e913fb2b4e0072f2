//! The trained autoencoders of `aeden-jobs`: contents of safetensors files, which `aeden::autoencoder` reads. `CARD.md`
//! tells what each was trained on, for what, and how good it is.

/// Describes a sound by few active units: a code of 128 numbers with a penalty on activity (KL). For finding and maps.
pub const SPARSE: &[u8] = include_bytes!("sparse.safetensors");

/// Describes what is usual: a principal component analysis with a code of 32 numbers. For detecting.
pub const PCA: &[u8] = include_bytes!("pca.safetensors");

/// Tells how loud each band is in few bits: an undercomplete network whose code is made for rounding. For the codec.
pub const ENVELOPES: &[u8] = include_bytes!("encode.safetensors");

/// A principal component analysis with a code as large as that of [`ENVELOPES`], which that is measured by.
pub const ENVELOPES_PCA: &[u8] = include_bytes!("encode-pca.safetensors");

/// Tells what lies in a gap: a denoising network (L2). For repair.
pub const REPAIR: &[u8] = include_bytes!("repair.safetensors");

/// Describes ambience by a code that can be drawn at random: a variational network. For room tone.
pub const ROOMTONE: &[u8] = include_bytes!("roomtone.safetensors");
