//! The command line as it is typed. Help, the manual and completions all come from here.

pub mod codec;
pub mod demo;
pub mod detect;
pub mod find;
pub mod job;
pub mod licences;
pub mod live;
pub mod map;
pub mod repair;
pub mod roomtone;
pub mod shard;
pub mod sound;
pub mod template;
pub mod web;

use crate::args::shard::Shard;
use crate::args::template::Template;
use aeden_media::ffmpeg::TrackChoice;
use aeden_media::loudness::Loudness;
use aeden_media::problem::EXIT_STATUS_HELP;
use clap::{Args, Parser, Subcommand, ValueEnum};
use codec::{DecodeArgs, EncodeArgs};
use demo::DemoArgs;
use detect::DetectArgs;
use find::FindArgs;
use licences::LicencesArgs;
use live::{DevicesArgs, LiveArgs};
use map::MapArgs;
use repair::RepairArgs;
use roomtone::RoomtoneArgs;
use std::path::PathBuf;
use web::WebArgs;

pub use sound::{Channels, EngineName, NetworkArgs, Quality, SoundArgs};

/// Takes noise out of recordings.
#[derive(Debug, Parser)]
#[command(name = "aeden", version, after_help = EXIT_STATUS_HELP, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `aeden` says by itself.
pub const GREETING: &str = "\
aeden takes noise out of sound. Three things to do now:

  aeden demo                 a noisy recording of ours, cleaned: a page to see and to hear
  aeden clean talk.wav       writes talk.clean.wav beside it; films too
  aeden live --virtual-mic   a clean microphone for calls and streams, until Ctrl-C

In your browser instead: aeden web. All commands: aeden --help. Options and examples of one: aeden help clean
";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take the noise out of recordings and films
    ///
    /// WAV (also RF64 and BW64 beyond 4 GB) and FLAC files, and through the program ffmpeg everything that it reads, films
    /// too: 1 to 64 channels, 8 to 192 kHz. Codec, rate, bit depth, channels, length, tags and other chunks and tracks are
    /// kept, and every sample stays at its place in time. Another ending of the output chooses another format. An output
    /// file appears only when it is complete. The input is never changed.
    ///
    /// Defaults of your own stand in a file, aeden/config.toml in the folder for settings (~/.config on Linux and macOS),
    /// with the names of these options: preset = "podcast".
    Clean(CleanArgs),
    /// Take the noise out of a microphone while it is used
    ///
    /// Runs until Ctrl-C. Devices that vanish are waited for, and the default devices followed when they change. More in
    /// docs/live.md, also on Windows and macOS.
    Live(LiveArgs),
    /// Make a noisy recording, clean it in every quality, and write a page to see and to hear it
    ///
    /// Writes noisy.wav, a computer's voice beside a fan, with hum on the line and typing. Each network makes a file of it:
    /// best.wav, high.wav, light.wav. The page report.html shows and plays them.
    Demo(DemoArgs),
    /// List the devices that `aeden live` can use
    Devices(DevicesArgs),
    /// Tell format, loudness, noise floor and signal-to-noise ratio of recordings
    Inspect(InspectArgs),
    /// Write a page to show and to hear what cleaning does: before, after, removed
    ///
    /// Writes one HTML file that works by itself, offline too. For every recording it has a player that switches between
    /// before, after and removed at the same place, spectrograms, signal-to-noise ratio, noise floor and loudness. The
    /// recordings stay as they are; `aeden clean` with the same options writes what is heard there.
    Report(ReportArgs),
    /// Clean in the browser: drop recordings and films, listen, set the strength by ear, save
    ///
    /// Opens a page in your browser, with this program behind it: drop recordings and films, hear before, after and removed at one
    /// loudness, set the strength by ear, save. Films come back whole; what is saved is what `aeden clean` writes. Only this machine
    /// can reach the page, and only under the address that is printed. Ctrl-C ends it, and removes all that was not saved.
    /// More in docs/web.md.
    Web(WebArgs),
    /// Find what does not sound like the rest of a recording
    ///
    /// Finds what does not fit: clicks, drop-outs, slamming doors, a machine that fails. An autoencoder describes the sound
    /// by a short code and reconstructs it from that. Something unusual happened where it errs more than in normal
    /// material, or where the code is unlike the normal ones. The score is relative to what normal material stays below.
    /// More in docs/family.md.
    Detect(DetectArgs),
    /// Find sounds that sound like another one
    ///
    /// Finds sounds by their content. A sparse autoencoder describes each by which of its units are active, how much and
    /// how steadily; sounds with like descriptions sound alike. More in docs/family.md.
    Find(FindArgs),
    /// Draw how the sounds of a folder lie in the space of codes, as a page
    ///
    /// Draws how the sounds of a folder lie in the space of codes of a sparse autoencoder: what sounds alike lies together. A
    /// click on a point of the page plays it. A page that is there is gone on with: new sounds come to it, sounds that have gone
    /// from the folders go, and all others stay where they are. More in docs/family.md.
    Map(MapArgs),
    /// Fill drop-outs, clicks, clipped peaks and given regions from what stands around them
    ///
    /// Fills what is missing from what stands on both sides of it. Every other sample of the output is the input's, bit for
    /// bit, in the same format; what was coded with loss is coded again. Of a film, the first track of sound. Up to 5 ms: the samples that an autoregressive predictor errs least on. Above: both sides
    /// continued by such predictors, their waves brought together; from 15 ms on, a denoising autoencoder that was trained
    /// with gaps says how loud each band should be. Made for gaps up to 80 ms in speech. More in docs/family.md.
    Repair(RepairArgs),
    /// Make room tone as long as you like from the quiet parts of a recording
    ///
    /// Makes new sound that is like the quiet parts of a recording: as loud, of the same colour, as restless, and as long
    /// as you like. It never repeats, as a loop would. Voices and other events in IN are left out. A variational
    /// autoencoder describes how the bands of the recording rise and fall. A random walk through its codes, as quick and as
    /// wide as that of the recording, moves noise with the recording's own spectrum. Steady tones, such as hum, stay tones;
    /// channels stay as much alike as they are. More in docs/family.md.
    Roomtone(RoomtoneArgs),
    /// Make a small file of a recording
    ///
    /// Makes a small file of a recording. The undercomplete autoencoder says in few bits how loud each band is. The waves
    /// themselves, with their phases, are coefficients of a cosine transform, in steps that follow these envelopes. They
    /// take only as many bits as the envelopes leave open. Each block has a checksum. The format is described in
    /// docs/family.md.
    Encode(EncodeArgs),
    /// Make a recording of a small file
    ///
    /// Makes a recording of a file of `aeden encode`. If the file is cut short or altered, an error says so, and nothing is
    /// written.
    Decode(DecodeArgs),
    /// List the built-in models, or describe a model file
    Models(ModelsArgs),
    /// Tell the licences of the program, its networks, their training data and all libraries
    ///
    /// Tells under which licences the program, its networks, the sound that these were trained on, and the libraries that are linked
    /// in may be used. What you make with aeden is yours.
    Licences(LicencesArgs),
    /// Print the completions of a shell
    #[command(
        after_help = "Example: aeden completions bash > ~/.local/share/bash-completion/completions/aeden"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of aeden or of one command
    #[command(after_help = "Example: aeden man clean | man -l -")]
    Man {
        /// The command; without it, aeden itself
        command: Option<String>,
        /// Write the pages of aeden and of every command into a folder, for packages
        #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
        all: Option<PathBuf>,
        /// The pages of --all as Markdown, for books and websites
        #[arg(long, requires = "all")]
        markdown: bool,
    },
}

impl Command {
    /// Takes files that `-o` names for outputs.
    pub fn settle(&mut self) {
        match self {
            Command::Encode(args) => args.paths.settle(),
            Command::Decode(args) => args.paths.settle(),
            Command::Repair(args) => args.paths.settle(),
            Command::Roomtone(args) => args.paths.settle(),
            _ => {}
        }
    }
}

const CLEAN_EXAMPLES: &str = "\
Examples:
  aeden clean talk.wav                      writes talk.clean.wav beside it
  aeden clean talk.wav out.wav --limit 20   at most 20 dB quieter: some room is left
  aeden clean talk.wav --removed noise.wav --plot talk.png
                                            also what was taken out, and a picture
  aeden clean talk.mp4 out.mp4 --verify     a film: the picture stays as it is, which is proved
  aeden clean recordings -o cleaned         a whole folder, sub-folders too
  aeden clean 'day?/*.wav' -o cleaned --skip-existing --json
                                            go on where the last run stopped, report as JSON
  aeden clean shows -o ready --preset podcast --loudness -16
                                            settings with a name, and the loudness of podcasts
  aeden clean --watch inbox -o ready        clean what comes into a folder, until Ctrl-C
  aeden clean takes --beside                a whole folder, every output beside its input
  aeden clean takes --beside --template '{stem}_clean.{ext}'
                                            the same under names of your own
  ffmpeg -v error -i talk.mp4 -f wav - | aeden clean --streaming - - | aplay
                                            from a pipe to a pipe";

/// Arguments of `aeden clean`.
#[derive(Clone, Debug, Args)]
#[command(after_help = format!("{CLEAN_EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct CleanArgs {
    /// IN, or IN OUT; with -o or --beside any number: files, folders, patterns. '-' is standard input or output
    ///
    /// Without OUT and these, IN.wav becomes IN.clean.wav beside it, and '-' goes to '-'.
    #[arg(required_unless_present = "watch", value_name = "IN [OUT]", value_hint = clap::ValueHint::FilePath)]
    pub paths: Vec<PathBuf>,

    /// Write into this folder under the names of the inputs, sub-folders included; made if it is not there
    ///
    /// With one input, a name that ends like a recording is the output itself: -o out.wav.
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output_dir: Option<PathBuf>,

    /// Write NAME.clean.wav beside each input, also of folders and patterns; such files of the last run are no inputs
    #[arg(long, conflicts_with_all = ["output_dir", "watch"])]
    pub beside: bool,

    /// Template for the names of outputs: {dir} sub-folders, {parent} the input's folder, {stem} and {ext} the parts of its name
    ///
    /// Below DIR of -o; without -o beside each input, of folders and patterns with --beside. {{ and }} are braces.
    #[arg(long, value_name = "TEMPLATE")]
    pub template: Option<Template>,

    /// Clean what is in this folder and every file that arrives later, once it has stopped growing; Ctrl-C ends it
    #[arg(
        long,
        value_name = "DIR",
        value_hint = clap::ValueHint::DirPath,
        conflicts_with_all = ["paths", "overwrite", "dry_run", "removed", "plot"]
    )]
    pub watch: Option<PathBuf>,

    /// With --watch, how many seconds a file must stay unchanged to count as complete
    #[arg(long, value_name = "SECONDS", default_value = "2", requires = "watch", value_parser = seconds)]
    pub settle: f64,

    /// How much is taken out
    #[command(flatten)]
    pub sound: SoundArgs,

    /// Set the loudness: a number of LUFS (EBU R 128) such as -16 or -23, or 'keep' for that of the input
    ///
    /// A limiter lowers peaks that would then be above -1 dBTP, by 12 dB at most. Where that is too little, a warning tells
    /// the loudness that was reached.
    #[arg(long, value_name = "keep|LUFS", allow_negative_numbers = true)]
    pub loudness: Option<Loudness>,

    /// Samples of the output; 16 bits are dithered when the sound has been changed
    #[arg(long, value_enum, default_value = "keep")]
    pub bits: Bits,

    /// Also write what has been taken out, as a WAV file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub removed: Option<PathBuf>,

    /// Also draw spectrograms: before, after, removed
    #[arg(long, value_name = "FILE.png", value_hint = clap::ValueHint::FilePath)]
    pub plot: Option<PathBuf>,

    /// Which track of sound of a film: its number, counted from 1, or all [default: the first]
    #[arg(long, value_name = "N|all")]
    pub track: Option<TrackChoice>,

    /// Check that copied tracks are identical and that the sound has its length; keep no output that fails
    #[arg(long)]
    pub verify: bool,

    /// Treat warnings as errors: where anything would be lost or changed unasked, nothing is written
    #[arg(long)]
    pub strict: bool,

    /// Take what there is of recordings that end early, as after a crash of the recorder; a warning tells how much is missing
    #[arg(long)]
    pub accept_damage: bool,

    /// What estimates the clean sound
    #[command(flatten)]
    pub network: NetworkArgs,

    /// Skip inputs whose output exists already
    #[arg(long, conflicts_with = "overwrite")]
    pub skip_existing: bool,

    /// Take only this share of the inputs, by their names: one run, with I from 1 to N, for each machine or job of an array
    ///
    /// In Slurm: sbatch --array=1-100 --wrap 'aeden clean IN -o OUT --skip-existing --shard $SLURM_ARRAY_TASK_ID/100'. Every input
    /// is in one share, and stays in it whatever else comes into the folder.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,

    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,

    /// How the run goes
    #[command(flatten)]
    pub run: RunArgs,

    /// Where defaults stand
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// How a run goes, whatever it makes.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Replace what exists under the names of the outputs
    #[arg(short = 'y', long = "overwrite")]
    pub overwrite: bool,

    /// Print one line of JSON per file to standard output
    #[arg(long)]
    pub json: bool,

    /// Number of cores to use, for several files at a time or for parts of one [default: all]
    #[arg(long, value_name = "N", value_parser = cores)]
    pub jobs: Option<u16>,

    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}

/// Where defaults of the user's own stand.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// Take defaults from this file instead of ~/.config/aeden/config.toml; $AEDEN_CONFIG names one too
    ///
    /// Its keys are the names of options: preset = "podcast". What is typed wins.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Take no defaults from a file
    #[arg(long, conflicts_with = "config")]
    pub no_config: bool,
}

/// The samples of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bits {
    /// As in the input
    Keep,
    /// 16-bit integers
    #[value(name = "16")]
    Int16,
    /// 24-bit integers
    #[value(name = "24")]
    Int24,
    /// 32-bit floating point
    #[value(name = "32f")]
    Float32,
}

/// Arguments of `aeden inspect`.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Levels: 0 dBFS is the power of a signal that is ±1 throughout; a full-scale sine has -3 dBFS.
Noise floor: the level that a tenth of all 50 ms blocks stay below. Signal-to-noise ratio: of the loud
blocks to the noise floor, an estimate; 'after' is that of the cleaned sound.

Examples:
  aeden inspect talk.wav
  aeden inspect --json *.wav

{EXIT_STATUS_HELP}"))]
pub struct InspectArgs {
    /// Files, folders, patterns; '-' is standard input, as WAV
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// What estimates the clean sound
    #[command(flatten)]
    pub network: NetworkArgs,

    /// Print one line of JSON per file
    #[arg(long)]
    pub json: bool,

    /// Print errors alone, without progress and warnings
    #[arg(short, long)]
    pub quiet: bool,
}

/// Arguments of `aeden report`.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  aeden report takes -o takes.html          a folder with its sub-folders
  aeden report a.wav b.wav -o for-client.html --preset dialogue --title 'Interview, day 2'

{EXIT_STATUS_HELP}"))]
pub struct ReportArgs {
    /// Files, folders, patterns
    #[arg(required = true, value_name = "IN", value_hint = clap::ValueHint::FilePath)]
    pub inputs: Vec<PathBuf>,

    /// The page
    #[arg(short, long, value_name = "FILE.html", default_value = "report.html", value_hint = clap::ValueHint::FilePath)]
    pub output: PathBuf,

    /// What stands at the top of the page
    #[arg(long, value_name = "TEXT", default_value = "Noise removal report")]
    pub title: String,

    /// Seconds of each recording that can be heard: where it is loudest, once cleaned [default: 30, or less of many]
    ///
    /// Without this option all recordings together have 20 minutes of sound on the page, but each at least 5 seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub excerpt: Option<f64>,

    /// How much is taken out
    #[command(flatten)]
    pub sound: SoundArgs,

    /// What estimates the clean sound
    #[command(flatten)]
    pub network: NetworkArgs,

    /// How the run goes
    #[command(flatten)]
    pub run: RunArgs,

    /// Where defaults stand
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Arguments of `aeden models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Model files to describe instead of the built-in models
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// Print one line of JSON per model
    #[arg(long)]
    pub json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.1..=3600.0).contains(&value) => Ok(value),
        _ => Err("a number of seconds from 0.1 to 3600, such as 10".into()),
    }
}

fn cores(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(value) if (1..=1024).contains(&value) => Ok(value),
        _ => Err("a number of cores from 1 to 1024, such as 4".into()),
    }
}
