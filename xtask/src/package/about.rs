//! What packages say of themselves.

/// Who makes the packages; the address is a placeholder as long as the repository's is.
pub const MAINTAINER: &str = "aeden contributors <aeden@users.noreply.github.com>";
/// What package managers show in a line.
pub const SUMMARY: &str = "takes noise out of speech, in files, in a microphone and in DAWs";
/// The page of the project.
pub const HOMEPAGE: &str = env!("CARGO_PKG_HOMEPAGE");
/// Where its source is.
pub const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
