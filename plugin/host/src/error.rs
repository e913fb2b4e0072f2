//! What can go wrong with a plugin.

/// What can go wrong. The text says which call was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bundle has no library for this machine, or it cannot be loaded.
    #[error("{0}")]
    Load(String),
    /// The library lacks something that the format asks for.
    #[error("the plugin lacks {0}")]
    Missing(&'static str),
    /// The plugin answered that it cannot.
    #[error("the plugin refused {0}")]
    Refused(&'static str),
    /// The screen refuses a window.
    #[error("no window: {0}")]
    Window(String),
}
