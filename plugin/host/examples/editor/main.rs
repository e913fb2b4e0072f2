//! editor BUNDLE.clap RECORDING.wav|silence SECONDS [OPTIONS]
//! editor empty WIDTHxHEIGHT SECONDS
//!
//! Opens a plugin's editor on a screen in memory, plays a recording through the plugin in real time over and over, and
//! prints as JSON how often the editor was drawn, the view that is saved, and the CPU time that was taken meanwhile, in seconds: by the threads
//! that came with the editor, by those of them that OpenGL draws with since there is no graphics card, by the screen, and
//! by the sound.
//!
//! ```text
//! --size WIDTHxHEIGHT     saved size of the window, in points
//! --zoom FACTOR           saved magnification
//! --view NAME             saved view, `spectrum` or `spectrogram`
//! --set NAME=VALUE        a parameter, as users call it and its values
//! --reopen TIMES          open and close it so often before
//! --drag WIDTHxHEIGHT     size in pixels that a user gives the open window
//! --do "ARGUMENTS; …"     what a user does, one call of xdotool after the other
//! --picture FILE.png      a picture of it, taken at the end
//! ```
//!
//! `empty` measures a window in which nothing is drawn, at an editor's rate: the part of the cost that is not the editor's.

#[cfg(target_os = "linux")]
mod empty;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(target_os = "linux")]
fn main() -> x11::Result<()> {
    x11::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this host opens editors on X11 alone");
    std::process::exit(1);
}
