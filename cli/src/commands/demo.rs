//! `aeden demo`: what cleaning does, for those who have no noisy recording at hand.

use crate::args::demo::DemoArgs;
use crate::args::{CleanArgs, Cli, Command, ReportArgs};
use crate::commands::report;
use crate::run::batch;
use aeden_jobs::codec::Codec;
use aeden_media::output::{Target, commit, print};
use aeden_media::problem::{DONE, Problem, one_line};
use aeden_media::readers;
use aeden_media::sink::{Sink, WavFile};
use aeden_media::wav::samples::Encoder;
use aeden_media::wav::write::Expected;
use aeden_media::wav::{Encoding, Format, plain_header};
use clap::Parser;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use std::f32::consts::TAU;
use std::ffi::OsString;
use std::path::Path;

/// Nine seconds of tests/fixtures/clean.wav, as `aeden encode --rate 32` keeps them; `cargo xtask fixtures` makes it.
const SPEECH: &[u8] = include_bytes!("../../demo/speech.aeden");

/// What is made of the noisy recording, by the name of the quality.
const QUALITIES: [&str; 3] = ["best", "high", "light"];

/// Does what the arguments say, and returns the exit status.
pub fn demo(args: &DemoArgs) -> Result<u8, Problem> {
    let folder = &args.output_dir;
    readers::make_folder(folder, Path::new("")).map_err(|e| Problem::io(folder, &e))?;
    let noisy = folder.join("noisy.wav");
    write(&noisy, args.overwrite)?;
    let mut more: Vec<OsString> = Vec::new();
    more.extend(args.overwrite.then(|| "-y".into()));
    more.extend(args.quiet.then(|| "-q".into()));
    for quality in QUALITIES {
        let out = folder.join(format!("{quality}.wav"));
        let status = batch::clean(&clean_args(&noisy, &out, quality, &more))?;
        if status != DONE {
            return Ok(status);
        }
    }
    let page = folder.join("report.html");
    let status = report::report(&report_args(&noisy, &page, &more))?;
    if !args.quiet {
        print(&format!(
            "{}: open it in a browser\n",
            one_line(&page.display().to_string())
        ))?;
    }
    Ok(status)
}

/// `aeden clean` without the user's own defaults.
fn clean_args(noisy: &Path, out: &Path, quality: &str, more: &[OsString]) -> CleanArgs {
    let words = [
        "clean".into(),
        noisy.into(),
        "-o".into(),
        out.into(),
        "--quality".into(),
        quality.into(),
    ];
    match typed(words.into_iter().chain(more.iter().cloned())) {
        Command::Clean(args) => args,
        _ => unreachable!("the first word is clean"),
    }
}

/// `aeden report` likewise.
fn report_args(noisy: &Path, page: &Path, more: &[OsString]) -> ReportArgs {
    let words = [
        "report".into(),
        noisy.into(),
        "-o".into(),
        page.into(),
        "--title".into(),
        "What aeden does".into(),
    ];
    match typed(words.into_iter().chain(more.iter().cloned())) {
        Command::Report(args) => args,
        _ => unreachable!("the first word is report"),
    }
}

fn typed(words: impl Iterator<Item = OsString>) -> Command {
    Cli::parse_from(std::iter::once("aeden".into()).chain(words)).command
}

/// Writes the noisy recording: 48 kHz, mono, 16 bit.
fn write(path: &Path, overwrite: bool) -> Result<(), Problem> {
    let codec = Codec::new();
    let broken = |e| Problem::file(path, format!("the recording of the demo cannot be decoded: {e}"));
    let mut decoder = codec.decoder(SPEECH).map_err(broken)?;
    let header = decoder.header().clone();
    let format = Format {
        channels: 1,
        rate: header.rate,
        encoding: Encoding::INT16,
        extension: None,
    };
    let mut speech = Vec::new();
    while let Some(planes) = decoder.next_block().map_err(broken)? {
        speech.extend_from_slice(&planes[0]);
    }
    let noise = noise(speech.len(), header.rate as f32);
    let gain = (energy(&speech) / energy(&noise)).sqrt() * 10f32.powf(-5.0 / 20.0);
    let noisy: Vec<f32> = speech.iter().zip(&noise).map(|(s, n)| s + gain * n).collect();
    let expected = Expected {
        frames: Some(header.frames),
        after: Some(0),
        ..Expected::default()
    };
    let file = WavFile::create(
        &Target::File(path.into()),
        overwrite,
        &plain_header(format.clone()),
        expected,
    )?;
    let mut sink = Sink::new(file, Encoder::new(format.encoding, 1, true));
    sink.write(&[noisy], None)?;
    commit(vec![sink.into_place().finish(&[])?])
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|x| x * x).sum()
}

/// A fan, hum on the line, and typing, the same in every run.
fn noise(frames: usize, rate: f32) -> Vec<f32> {
    let mut random = Pcg64Mcg::new(1);
    let mut normal = || -> f32 { StandardNormal.sample(&mut random) };
    // Air is noise below 1 kHz for the most part; its blades and the line hum.
    let [mut slow, mut slower] = [0.0f32; 2];
    let pole = (-TAU * 500.0 / rate).exp();
    let mut sound: Vec<f32> = (0..frames)
        .map(|n| {
            let white = normal();
            slow += (1.0 - pole) * (white - slow);
            slower += (1.0 - pole) * (slow - slower);
            let t = n as f32 / rate;
            let hum = [50.0, 100.0, 150.0, 250.0]
                .iter()
                .map(|f| (TAU * f * t).sin())
                .sum::<f32>();
            0.05 * white + slow + 2.0 * slower + 0.03 * hum
        })
        .collect();
    // A key is a click that rings for some milliseconds, about five times a second.
    let mut at = 0.3 * rate;
    while (at as usize) < frames {
        let loud = 0.4 + 0.1 * normal().abs();
        for (n, x) in sound[at as usize..]
            .iter_mut()
            .take((0.02 * rate) as usize)
            .enumerate()
        {
            *x += loud * normal() * (-(n as f32) / (0.003 * rate)).exp();
        }
        at += rate * (0.12 + 0.08 * normal().abs());
    }
    sound
}
