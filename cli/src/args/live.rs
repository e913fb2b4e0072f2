//! The arguments of `aeden live` and `aeden devices`.

use super::sound::{NetworkArgs, Quality, attenuation, bands, fraction, preset};
use aeden::BandLimits;
use aeden::presets::Preset;
use aeden_media::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::path::PathBuf;

const LIVE_EXAMPLES: &str = "\
Without --virtual-mic and --output the sound is played on the default output: use headphones, or it will howl.

Examples:
  aeden live --virtual-mic                  then choose \"aeden microphone\" in the other program
  aeden live --virtual-mic --monitor        and hear yourself; use headphones
  aeden live --input pulseaudio:NAME --limit 20
                                            from one microphone to the default output, at most 20 dB quieter
  aeden live --virtual-mic --record talk.wav
                                            also writes talk.raw.wav and talk.clean.wav
  aeden live --virtual-mic --install-service
                                            from now on at every login, in the background

Keys, on a terminal: b bypass on or off, + and - strength, q quit.";

/// Arguments of `aeden live`.
#[derive(Debug, Args)]
#[command(after_help = format!("{LIVE_EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct LiveArgs {
    /// The microphone, an id from `aeden devices` [default: the default input, also when that changes]
    #[arg(long, value_name = "ID")]
    pub input: Option<String>,

    /// Where to play the cleaned sound, an id from `aeden devices` [default: the default output]
    #[arg(long, value_name = "ID")]
    pub output: Option<String>,

    /// Make a microphone that other programs can choose, and play into that
    #[arg(long, conflicts_with = "output")]
    pub virtual_mic: bool,

    /// Also play the cleaned sound on the default output
    #[arg(long)]
    pub monitor: bool,

    /// The sound system: pulseaudio (PipeWire too), or one that this aeden was built with [default: what answers]
    #[arg(long, value_name = "NAME")]
    pub system: Option<String>,

    /// The network: high, which gives way to light where the machine cannot keep up, or light [default: high]
    #[arg(long, value_enum)]
    pub quality: Option<Quality>,

    /// Settings for a purpose, those of the plugin's presets; --limit and --mix change them
    #[arg(long, ignore_case = true, value_parser = preset())]
    pub preset: Option<Preset>,

    /// The most that anything is attenuated, 0 to 100 dB [default: no limit]
    #[arg(long, value_name = "DB", allow_negative_numbers = true, value_parser = attenuation)]
    pub limit: Option<f32>,

    /// The same by frequency: up to six nodes HERTZ:DB, such as 0:10,2000:30,8000:20; where --limit is smaller, that counts
    #[arg(long, value_name = "HZ:DB,...", allow_negative_numbers = true, value_parser = bands)]
    pub bands: Option<BandLimits>,

    /// From 0, the input untouched, to 1, the cleaned sound [default: 1]
    #[arg(long, value_name = "0..1", allow_negative_numbers = true, value_parser = fraction)]
    pub mix: Option<f32>,

    /// Also record: FILE.wav becomes FILE.raw.wav and FILE.clean.wav, in step with each other
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub record: Option<PathBuf>,

    /// Replace recordings that exist
    #[arg(short = 'y', long = "overwrite", requires = "record")]
    pub overwrite: bool,

    /// Print a line of statistics every second
    #[arg(long)]
    pub stats: bool,

    /// Statistics as JSON, one object a line, on standard output
    #[arg(long)]
    pub json: bool,

    /// What estimates the clean sound
    #[command(flatten)]
    pub network: NetworkArgs,

    /// Instead of running now, run this command at every login: a systemd user unit on Linux
    #[arg(long, conflicts_with_all = ["record", "stats", "json"])]
    pub install_service: bool,
}

/// Arguments of `aeden devices`.
#[derive(Debug, Args)]
#[command(after_help = format!("\
'*' marks the defaults. The ids are for aeden live --input and --output.

{EXIT_STATUS_HELP}"))]
pub struct DevicesArgs {
    /// The sound system [default: what answers]
    #[arg(long, value_name = "NAME")]
    pub system: Option<String>,

    /// Print one line of JSON per device
    #[arg(long)]
    pub json: bool,
}
