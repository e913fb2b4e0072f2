//! The one error type of the crate.

/// What can go wrong while something is being built. Nothing that processes samples can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model file that cannot be used. The text says which part, what was expected and what was found.
    #[error("model: {0}")]
    Model(String),
    /// ONNX Runtime is missing or cannot be used. The text says what to do.
    #[error("ONNX Runtime: {0}")]
    Runtime(String),
    /// A setting outside its range, with the range in the text.
    #[error("{0}")]
    Setting(String),
}
