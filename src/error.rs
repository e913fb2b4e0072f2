//! The one error type of the crate.

use std::path::{Path, PathBuf};

/// The error behind an error.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// A problem while something is built. Nothing that processes samples can fail.
///
/// The text of an error is one line that needs no other; [`source`](std::error::Error::source) is for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    #[error("model: {}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file is no model file, or is damaged.
    #[error("model: {message}")]
    Format {
        /// The expected, and the found.
        message: String,
        /// The parser's error.
        source: Option<Source>,
    },
    /// A model file describes a network that cannot be run: a tensor or setting is missing or out of range.
    #[error("model: {0}")]
    Model(String),
    /// A model, processor or build of this crate cannot do what is asked.
    #[error("{0}")]
    Unsupported(String),
    /// ONNX Runtime is missing or cannot be used. The text says what to do.
    #[error("ONNX Runtime: {message}")]
    Runtime {
        /// The problem, and the remedy.
        message: String,
        /// ONNX Runtime's error.
        source: Option<Source>,
    },
    /// A setting is outside its range, which is in the text.
    #[error("{0}")]
    Setting(String),
}

impl Error {
    /// A file that is no model file, without another error behind it.
    pub(crate) fn format(message: impl Into<String>) -> Error {
        Error::Format {
            message: message.into(),
            source: None,
        }
    }

    /// A file that another error tells to be damaged, whose text is appended.
    pub(crate) fn damaged(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Format {
            message: format!("{what}: {source}"),
            source: Some(Box::new(source)),
        }
    }

    /// ONNX Runtime that another error tells to be unusable, which is part of the text.
    #[cfg(feature = "onnx")]
    pub(crate) fn runtime(message: String, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Runtime {
            message,
            source: Some(Box::new(source)),
        }
    }

    /// ONNX Runtime that is not where it should be.
    #[cfg(feature = "onnx")]
    pub(crate) fn no_runtime(message: String) -> Error {
        Error::Runtime {
            message,
            source: None,
        }
    }

    /// A processor without an instruction set.
    pub(crate) fn no_instructions(instructions: impl std::fmt::Debug) -> Error {
        Error::Unsupported(format!("this processor has no {instructions:?} instructions"))
    }

    /// The same error, with the name of the file that it is about.
    pub(crate) fn in_file(self, path: &Path) -> Error {
        let named = |message: String| format!("{}: {message}", path.display());
        match self {
            Error::Format { message, source } => Error::Format {
                message: named(message),
                source,
            },
            Error::Model(message) => Error::Model(named(message)),
            other => other,
        }
    }
}
