//! What can be typed.

use clap::Parser;

/// Takes noise out of a microphone while it is in use, with the plugin's window.
///
/// Without options, the default microphone is cleaned into a virtual one, "aeden microphone", which other programs can choose. Devices,
/// strength and the rest are set in the window, and kept for the next time. Sound goes on while the window is minimised,
/// and ends when it is closed. Devices that go and sound servers that restart are waited for.
#[derive(Parser)]
#[command(name = "aeden-standalone", version, after_help = BACKEND)]
pub struct Arguments {
    /// Clean this input, by an id that --devices lists
    #[arg(short, long, value_name = "ID")]
    pub input: Option<String>,
    /// Play on this output
    #[arg(short, long, value_name = "ID", conflicts_with = "virtual_mic")]
    pub output: Option<String>,
    /// Make a microphone that other programs can choose (PulseAudio and PipeWire); so it is at first
    #[arg(long)]
    pub virtual_mic: bool,
    /// Also play on the default output, for headphones
    #[arg(long)]
    pub monitor: bool,
    /// Use this sound system; else the first that answers
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(aeden_live::HOSTS))]
    pub system: Option<String>,
    /// Open the window as an icon (X11)
    #[arg(long)]
    pub minimised: bool,
    /// List the devices, and end
    #[arg(long)]
    pub devices: bool,
}

const BACKEND: &str = "\
With --backend jack, alsa or dummy, it plays between ports or devices that are given by options alone, without rings in \
between; `aeden-standalone --backend dummy --help` lists those.";
