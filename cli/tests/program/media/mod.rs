//! Files other than WAV, made by ffmpeg when the tests run: what comes out is what went in, but for the noise.

mod broken;
mod combinations;
mod contents;
mod cut;
pub mod ffmpeg;
mod films;
mod fuzz;
mod impostors;
mod kept;
mod odd_flac;
mod side_tracks;
mod sounds;
mod timing;
mod torture;
mod voice_mail;
