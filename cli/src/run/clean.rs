//! One file through the denoiser.

use crate::args::{Bits, CleanArgs};
use crate::run::cleaner::{ChosenNetwork, CleanerSettings};
use crate::run::input::{Input, block_frames, unreadable};
use crate::run::level::Levels;
use crate::run::named::Named;
use crate::run::paired::PairedCleaner;
use crate::run::plan::{Job, Source};
use crate::run::progress::{FileProgress, Progress, Speed};
use aeden_media::ffmpeg::encode::{Encoded, Spool};
use aeden_media::ffmpeg::film::Progress as _;
use aeden_media::ffmpeg::film::{Cleaned, assemble, complete};
use aeden_media::ffmpeg::flac::{self, FlacWriter};
use aeden_media::ffmpeg::inventory::{Loss, without_place};
use aeden_media::ffmpeg::probe::Stream;
use aeden_media::ffmpeg::verify::{self, Proof};
use aeden_media::ffmpeg::{Arrangement, Form, Material, Reading, TrackChoice, form, misnamed};
use aeden_media::loudness::{self, Adjustment, Loudness};
use aeden_media::output::{Output, Sealed, Target, commit};
use aeden_media::plot::{Spectrogram, draw};
use aeden_media::problem::{Problem, describe};
use aeden_media::readers;
use aeden_media::sink::{Place, Sink, WavFile};
use aeden_media::wav::read::{Damage, Reader};
use aeden_media::wav::samples::Encoder;
use aeden_media::wav::write::Expected;
use aeden_media::wav::{Chunk, Encoding, Format, Header};
use serde::Serialize;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

/// What is the same for all files of a run.
pub struct Options {
    /// How the sound is cleaned.
    pub settings: CleanerSettings,
    /// How loud it is to be; `None`: as it comes out.
    pub loudness: Option<Loudness>,
    /// How it is stored; `None`: as it was.
    pub bits: Option<Encoding>,
    /// Which tracks of sound; `None`: the first.
    pub tracks: Option<TrackChoice>,
    /// What becomes of a recording that ends early.
    pub damage: Damage,
    /// Whether a warning is an error.
    pub strict: bool,
    /// Whether the output is proved to be whole before it gets its name.
    pub verify: bool,
    /// Whether folders are made for outputs.
    pub make_folders: bool,
}

impl Options {
    /// From the command line.
    pub fn new(args: &CleanArgs) -> Self {
        Options {
            settings: CleanerSettings::from(&args.sound),
            loudness: args.loudness,
            bits: match args.bits {
                Bits::Keep => None,
                Bits::Int16 => Some(Encoding::INT16),
                Bits::Int24 => Some(Encoding::INT24),
                Bits::Float32 => Some(Encoding::FLOAT32),
            },
            tracks: args.track,
            damage: match args.accept_damage {
                true => Damage::Accept,
                false => Damage::Refuse,
            },
            strict: args.strict,
            verify: args.verify,
            make_folders: args.output_dir.is_some() || args.template.is_some(),
        }
    }

    /// How a file is read, at the track that comes first.
    fn reading(&self) -> Reading {
        Reading {
            track: self.tracks.unwrap_or(TrackChoice::Number(1)),
            damage: self.damage,
        }
    }
}

/// What became of one file; a line of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The input as it was named, `-` for standard input.
    #[serde(flatten)]
    pub input: Named,
    /// The output likewise.
    #[serde(flatten)]
    pub output: Named,
    /// Length of the recording in seconds.
    pub seconds: f64,
    /// Sampling rate of the output in Hz.
    pub rate: u32,
    /// Number of channels of the output.
    pub channels: u16,
    /// Samples of the output, `16`, `24`, `32f`, …; those that an encoder was given, if it is lossy.
    pub bits: String,
    /// By how many microseconds the sound is late against the picture; null where there is no other track.
    pub late_us: Option<f64>,
    /// What `--verify` has proved; null without it.
    pub verified: Option<Proof>,
    /// Seconds that the work took.
    pub took_seconds: f64,
    /// Seconds of sound in a second of work.
    pub speed: f64,
    /// Samples that were beyond full scale of the output and have been limited to it.
    pub clipped: u64,
    /// By how much the noise floor went down, in dB; null for an empty recording.
    pub noise_reduction_db: Option<f32>,
    /// Signal-to-noise ratio before and after as `aeden inspect` estimates it, in dB; null for an empty recording.
    pub signal_to_noise_db: Option<[f32; 2]>,
    /// With `--loudness`, what was done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loudness: Option<Adjustment>,
    /// What the input has and the output has not.
    pub lost: Vec<Loss>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Report {
    /// Tells of losses, of those with one text in one warning.
    fn lose(&mut self, losses: Vec<Loss>) {
        for loss in &losses {
            if !self.warnings.contains(&loss.text) {
                self.warnings.push(loss.text.clone());
            }
        }
        self.lost.extend(losses);
    }

    /// Tells what the sound of the output is, where an encoder has changed it.
    fn tell_sound(&mut self, sound: Option<&Stream>) {
        if let Some(sound) = sound.filter(|sound| sound.is_sound()) {
            (self.rate, self.channels) = (sound.rate(), sound.channels);
        }
    }
}

/// Everything that takes part in the sound before and after.
struct Results<'a, P> {
    /// What errors of the output are about.
    output: &'a Path,
    cleaned: Sink<P>,
    /// Where cleaned sound waits for its gain.
    waiting: Option<loudness::Spool>,
    removed: Option<Sink<WavFile>>,
    levels: [Levels; 2],
    pictures: Option<[Spectrogram; 3]>,
    difference: Vec<Vec<f32>>,
}

impl<P: Place> Results<'_, P> {
    /// Takes a block before and after cleaning; `raw` if the output is to have exactly these bytes.
    fn take(&mut self, before: &[Vec<f32>], after: &[Vec<f32>], raw: Option<&[u8]>) -> Result<(), Problem> {
        match &mut self.waiting {
            Some(waiting) => waiting
                .push(before, after)
                .map_err(|e| Problem::io(self.output, &e))?,
            None => self.cleaned.write(after, raw)?,
        }
        self.levels[0].push(before);
        self.levels[1].push(after);
        if self.removed.is_some() || self.pictures.is_some() {
            for ((difference, before), after) in self.difference.iter_mut().zip(before).zip(after) {
                difference.clear();
                difference.extend(before.iter().zip(after).map(|(b, a)| b - a));
            }
        }
        if let Some(removed) = &mut self.removed {
            removed.write(&self.difference, None)?;
        }
        if let Some([a, b, c]) = &mut self.pictures {
            a.push(before);
            b.push(after);
            c.push(&self.difference);
        }
        Ok(())
    }
}

/// What is made beside the cleaned sound.
#[derive(Clone, Copy)]
struct Extras<'a> {
    removed: Option<&'a Target>,
    plot: Option<&'a Target>,
}

/// Looks whether a file can be read, and the output be written in its form. Standard input is left for the work itself.
pub fn foresee(job: &Job, options: &Options) -> Result<(), Problem> {
    match &job.input {
        Source::File(path) if path.is_file() => {
            let input = Input::open_as(&job.input, options.reading())?;
            form(
                &material(job, &input),
                &job.output,
                job.chosen,
                options.bits,
                options.tracks,
            )
            .map(drop)
        }
        _ => Ok(()),
    }
}

fn material<'a>(job: &'a Job, input: &'a Input) -> Material<'a> {
    let path = match &job.input {
        Source::Stdin => None,
        // A pipe or device can be read only once.
        Source::File(_) if matches!(input, Input::Stream(_)) => None,
        Source::File(path) => Some(path.as_path()),
    };
    Material {
        path,
        source: input.contents(),
        format: input.format(),
    }
}

/// Cleans one file on so many cores. If anything fails, nothing has been written under the names of the outputs.
pub fn clean(
    job: &Job,
    options: &Options,
    network: &ChosenNetwork,
    cores: usize,
    progress: &Progress,
) -> Result<Report, Problem> {
    let started = Instant::now();
    let name = job.input.name();
    let mut input = Input::open_as(&job.input, options.reading())?;
    let material = material(job, &input);
    let form = form(&material, &job.output, job.chosen, options.bits, options.tracks)?;
    let misnamed = misnamed(&material, &job.output, job.chosen);
    if let Some(folder) = job.output.name().parent()
        && options.make_folders
    {
        let like = material.path.and_then(Path::parent).unwrap_or(Path::new(""));
        readers::make_folder(folder, like).map_err(|e| Problem::io(folder, &e))?;
    }
    let work = Work {
        job,
        options,
        network,
        cores,
        misnamed,
        bar: progress.file(name, input.frames_about(), input.format().rate),
    };
    if let Form::Wav(Some(arrangement)) | Form::Sound(arrangement) = &form {
        input.begin_with_silence(arrangement.silence);
    }
    let mut report = match form {
        Form::Wav(arrangement) => work.to_wav(&mut input, arrangement.as_ref()),
        Form::Flac => work.to_flac(&mut input),
        Form::Sound(arrangement) => work.to_sound(&mut input, &arrangement),
        Form::Film(arrangement) => work.to_film(input, arrangement),
    }?;
    report.took_seconds = started.elapsed().as_secs_f64();
    report.speed = report.seconds / report.took_seconds;
    Ok(report)
}

/// One file under way.
struct Work<'a> {
    job: &'a Job,
    options: &'a Options,
    network: &'a ChosenNetwork,
    cores: usize,
    bar: FileProgress,
    /// What is to be said about the name of the input.
    misnamed: Option<String>,
}

/// What came of one track of sound.
struct Passed<'a, P> {
    results: Results<'a, P>,
    loudness: Option<Adjustment>,
    frames: u64,
    plot: Option<Output>,
    expected: Expected,
}

impl Work<'_> {
    /// A WAV file or stream.
    fn to_wav(&self, input: &mut Input, arrangement: Option<&Arrangement>) -> Result<Report, Problem> {
        let encoding = self.options.bits.unwrap_or(input.depth());
        let (chunks, others) = input.contents().wav_chunks()?;
        let mut header = input.header().clone().with_encoding(encoding);
        header.chunks.extend(chunks);
        let expected = self.expected(input);
        let file = WavFile::create(&self.job.output, self.job.replace, &header, expected)?;
        let passed = self.pass(input, file, encoding, self.extras())?;
        let (frames, name) = (passed.frames, self.job.output.name());
        let mut proof = None;
        let mut report = self.finish(input, passed, encoding, "WAV", |file: WavFile, after| {
            let sealed = file.finish(after)?;
            if let Some(place) = sealed.path().filter(|_| self.options.verify) {
                proof = Some(wav_length(place, frames, name)?);
            }
            let mut lost = without_place("WAV has no place for these blocks", others);
            if let (Some(arrangement), Some(place)) = (arrangement, sealed.path()) {
                lost.extend(complete(&arrangement.assembly(), place, name)?.0);
            }
            Ok((sealed, lost))
        })?;
        report.verified = proof;
        Ok(report)
    }

    /// A FLAC file from a FLAC or WAV file.
    fn to_flac(&self, input: &mut Input) -> Result<Report, Problem> {
        let encoding = flac::encoding_for(self.options.bits.unwrap_or(input.format().encoding));
        let (blocks, lost) = match &*input {
            Input::Flac(reader) => (flac::blocks_of_flac(reader.metadata()), Vec::new()),
            input => flac::blocks_of_wav(input.header(), input.after().unwrap_or_default()),
        };
        let format = Format {
            encoding,
            ..input.format().clone()
        };
        let (output, overwrite) = (&self.job.output, self.job.replace);
        let file = FlacWriter::create(output, overwrite, &format, blocks)?;
        let passed = self.pass(input, file, encoding, self.extras())?;
        let frames = passed.frames;
        let mut report = self.finish(input, passed, encoding, "FLAC", |file: FlacWriter, _| {
            let sealed = file.finish().map_err(|problem| self.or_empty(frames, problem))?;
            if let Some(place) = sealed.path().filter(|_| self.options.verify) {
                self.bar.begin("proving it");
                flac::prove(place, output.name())?;
            }
            Ok((sealed, without_place("FLAC has no place for these chunks", lost)))
        })?;
        report.verified = self.options.verify.then_some(Proof {
            exact_lengths: 1,
            ..Proof::default()
        });
        Ok(report)
    }

    /// One track of sound, which ffmpeg encodes at the same time.
    fn to_sound(&self, input: &mut Input, arrangement: &Arrangement) -> Result<Report, Problem> {
        let assembly = arrangement.assembly();
        let encoding = assembly.tracks[0].codec.feed;
        let taker = &assembly.tracks[0].codec.encoder;
        let encoded = Encoded::start(&self.job.output, self.job.replace, &assembly)?;
        let passed = self.pass(input, encoded, encoding, self.extras())?;
        let (frames, name) = ((passed.frames, assembly.tracks[0].rate), self.job.output.name());
        let (mut proof, mut sound) = (None, None);
        let mut report = self.finish(input, passed, encoding, taker, |encoded: Encoded, _| {
            let why = |problem| self.or_empty(frames.0, problem);
            let sealed = encoded.finish().map_err(why)?;
            let Some(place) = sealed.path() else {
                return Ok((sealed, Vec::new()));
            };
            let (lost, probe) = complete(&assembly, place, name).map_err(why)?;
            sound = assembly.sound(0, &probe).cloned();
            if let Some(sound) = sound.as_ref().filter(|_| self.options.verify) {
                self.bar.begin("proving it");
                let exact = verify::length(place, sound, frames, name)?;
                proof = Some(Proof {
                    identical_tracks: verify::copied_tracks(place, name, &assembly, &probe)?,
                    exact_lengths: usize::from(exact),
                    padded_lengths: usize::from(!exact),
                });
            }
            Ok((sealed, lost))
        })?;
        report.verified = proof;
        report.tell_sound(sound.as_ref());
        Ok(report)
    }

    /// Cleaned tracks among others. `--removed` and `--plot` are about the first.
    fn to_film(&self, first: Input, mut arrangement: Arrangement) -> Result<Report, Problem> {
        let mut first = Some(first);
        let Target::File(target) = &self.job.output else {
            unreachable!("a film is written to a file")
        };
        let mut cleaned = Vec::new();
        let (mut sealed, mut report): (Vec<Sealed>, Option<Report>) = (Vec::new(), None);
        for (number, track) in std::mem::take(&mut arrangement.tracks).into_iter().enumerate() {
            let mut input = match first.take() {
                Some(input) if number == 0 => input,
                _ => {
                    let track = TrackChoice::Number(number + 1);
                    Input::open_as(
                        &self.job.input,
                        Reading {
                            track,
                            ..self.options.reading()
                        },
                    )?
                }
            };
            let encoding = track.codec.feed;
            let spool = Spool::create(target)?;
            let extras = match number {
                0 => self.extras(),
                _ => Extras {
                    removed: None,
                    plot: None,
                },
            };
            let passed = self.pass(&mut input, spool, encoding, extras)?;
            let (made, spool, mut part) = self.close(&mut input, passed, encoding, &track.codec.encoder)?;
            sealed.extend(made);
            match &mut report {
                None => report = Some(part),
                Some(report) => {
                    report.clipped += part.clipped;
                    part.warnings.retain(|warning| !report.warnings.contains(warning));
                    report.warnings.append(&mut part.warnings);
                    report.lost.append(&mut part.lost);
                }
            }
            cleaned.push(Cleaned { track, spool });
        }
        let Some(mut report) = report else {
            unreachable!("a film has a track that is cleaned")
        };
        let frames: Vec<u64> = cleaned.iter().map(|one| one.spool.frames()).collect();
        let name = self.job.output.name();
        let mut proof = None;
        let finished = assemble(
            &self.bar,
            &mut arrangement,
            &mut cleaned,
            (&self.job.output, self.job.replace),
            |place, assembly, probe| {
                if !self.options.verify {
                    return Ok(());
                }
                self.bar.begin("proving it");
                let mut found = Proof {
                    identical_tracks: verify::copied_tracks(place, name, assembly, probe)?,
                    ..Proof::default()
                };
                for (number, (track, frames)) in assembly.tracks.iter().zip(&frames).enumerate() {
                    let skipped = (track.skip * f64::from(track.rate)).round() as u64;
                    let Some(sound) = assembly.sound(number, probe) else {
                        continue;
                    };
                    match verify::length(place, sound, (frames - skipped, track.rate), name)? {
                        true => found.exact_lengths += 1,
                        false => found.padded_lengths += 1,
                    }
                }
                proof = Some(found);
                Ok(())
            },
        )
        .map_err(|problem| self.or_empty(frames.iter().copied().max().unwrap_or(0), problem))?;
        report.late_us = finished.late.map(|late| late * 1e6);
        report.verified = proof;
        report.warnings.extend(finished.warnings);
        report.lose(finished.losses);
        report.tell_sound(Some(&finished.sound));
        sealed.insert(0, finished.sealed);
        self.commit(sealed, &mut report)?;
        Ok(report)
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            removed: self.job.removed.as_ref(),
            plot: self.job.plot.as_ref(),
        }
    }

    /// That `--bits` cannot be had of what takes these samples: lossy codecs have no bits, and FLAC has no floating point.
    fn no_bits(&self, taker: &str, feed: Encoding) -> Option<String> {
        let wanted = self.options.bits.filter(|wanted| *wanted != feed)?;
        let has = match feed {
            Encoding::Float { .. } => "has no bits of its own".to_owned(),
            feed => format!("has {} bits", feed.short_name()),
        };
        let wanted = wanted.short_name();
        Some(format!(
            "--bits {wanted} does not apply here: what {taker} makes {has}"
        ))
    }

    /// Why an output with so many frames could not be written: most formats cannot hold a recording without any.
    fn or_empty(&self, frames: u64, problem: Problem) -> Problem {
        match frames {
            0 => Problem::file(
                self.job.input.name(),
                "has no sound, 0 samples, which WAV, AIFF, CAF and AU can hold; give OUT such an ending",
            ),
            _ => problem,
        }
    }

    fn unchanged(&self) -> bool {
        self.options.settings.change_nothing()
    }

    /// Whether samples of this encoding are dithered.
    fn dither(&self, input: &Input, encoding: Encoding) -> bool {
        is_coarse(encoding)
            && (!self.unchanged()
                || self.options.loudness.is_some()
                || input.format().encoding.resolution() > encoding.resolution())
    }

    /// What is known of a WAV file before its first sample is written.
    fn expected(&self, input: &Input) -> Expected {
        let streamed = !matches!(self.job.output, Target::File(_));
        let after_bytes = |chunks: &[Chunk]| chunks.iter().map(Chunk::stored_bytes).sum();
        Expected {
            frames: input.frames(),
            // Between two pipes there is no place for what is only known at the end.
            after: input.after().map(after_bytes).or(streamed.then_some(0)),
            ..Expected::default()
        }
    }

    /// Cleans all of a track into a place that is fed samples of `encoding`.
    fn pass<P: Place + Send>(
        &self,
        input: &mut Input,
        place: P,
        encoding: Encoding,
        extras: Extras,
    ) -> Result<Passed<'_, P>, Problem> {
        let name = self.job.input.name();
        let format = input.format().clone();
        let channels = usize::from(format.channels);
        let expected = self.expected(input);
        let removed_header: Header = input.header().clone().with_encoding(match encoding {
            // A track of a film or a lossy file has no depth of its own.
            Encoding::Float { .. } if self.options.bits.is_none() => input.depth(),
            encoding => encoding,
        });
        let output = &self.job.output;
        let mut results = Results {
            output: output.name(),
            cleaned: Sink::new(
                place,
                Encoder::new(encoding, channels, self.dither(input, encoding)),
            ),
            waiting: match self.options.loudness {
                Some(_) => Some(loudness::Spool::new(
                    name,
                    &output.folder(),
                    format.rate,
                    channels,
                )?),
                None => None,
            },
            removed: match extras.removed {
                Some(target) => {
                    let file = WavFile::create(target, self.job.replace, &removed_header, expected)?;
                    let encoding = removed_header.format.encoding;
                    let encoder = Encoder::new(encoding, channels, is_coarse(encoding));
                    Some(Sink::new(file, encoder))
                }
                None => None,
            },
            levels: [(); 2].map(|()| Levels::new(format.rate, channels)),
            pictures: extras
                .plot
                .is_some()
                .then(|| [(); 3].map(|()| Spectrogram::new(format.rate, channels))),
            difference: vec![Vec::new(); channels],
        };
        // Created now, so that an unwritable place shows before the work.
        let plot = match extras.plot {
            Some(target) => Some(Output::create(target, self.job.replace)?),
            None => None,
        };

        let mut take = |before: &[Vec<f32>], after: &[Vec<f32>], exact: Option<&[u8]>| {
            self.bar.hear(before, after)?;
            results.take(before, after, exact)
        };
        let frames = if self.unchanged() {
            let exact = encoding == format.encoding;
            input.read_all(name, block_frames(format.channels), |raw, planes| {
                take(planes, planes, exact.then_some(raw)).map(|()| true)
            })?
        } else {
            let (network, settings) = (self.network, &self.options.settings);
            let cleaner = network.cleaner(format.rate, channels, settings, self.cores)?;
            PairedCleaner::new(cleaner)
                .all(input, name, self.cores, |before, after| take(before, after, None))?
        };
        let mut loudness = None;
        if let Some((waiting, wish)) = results.waiting.take().zip(self.options.loudness) {
            let broken = |e| Problem::io(output.name(), &e);
            loudness = Some(waiting.play(wish, broken, |planes| results.cleaned.write(planes, None))?);
        }
        Ok(Passed {
            results,
            loudness,
            frames,
            plot,
            expected,
        })
    }

    /// Ends a track: what stands beside the cleaned sound is complete, and its place has everything. `taker`: what gets the samples.
    fn close<P: Place>(
        &self,
        input: &mut Input,
        passed: Passed<P>,
        encoding: Encoding,
        taker: &str,
    ) -> Result<(Vec<Sealed>, P, Report), Problem> {
        let (format, name) = (input.format().clone(), self.job.input.name());
        let Passed {
            results,
            loudness,
            frames,
            mut plot,
            expected,
        } = passed;
        let mut warnings = Vec::new();
        let after = input.finish().map_err(|e| unreadable(name, &e))?;
        let after = kept_after(after, &expected, &mut warnings);
        let clipped = results.cleaned.clipped();
        let mut sealed = Vec::new();
        if let Some(removed) = results.removed.map(Sink::into_place) {
            sealed.push(removed.finish(after)?);
        }
        if let (Some(output), Some(mut pictures), Some(target)) =
            (&mut plot, results.pictures, &self.job.plot)
        {
            pictures.iter_mut().for_each(Spectrogram::finish);
            let [before, after, removed] = &pictures;
            draw(
                &[("before", before), ("after", after), ("removed", removed)],
                &mut *output,
            )
            .map_err(|e| Problem::file(target.name(), describe(&e)))?;
        }
        if let Some(plot) = plot {
            sealed.push(plot.seal(&[])?);
        }
        warnings.splice(0..0, input.warnings().iter().cloned());
        warnings.extend(self.no_bits(taker, encoding));
        warnings.extend(loudness.iter().flat_map(|adjustment| adjustment.warning.clone()));
        if !self.unchanged() {
            warnings.extend(results.levels[0].beyond_sound());
        }
        if clipped > 0 {
            warnings.push(format!(
                "{clipped} samples were beyond full scale and have been clipped; --bits 32f keeps them"
            ));
        }
        let [mut before, mut after] = results.levels;
        before.finish();
        after.finish();
        let mut report = Report {
            input: Named::new("input", name),
            output: Named::new("output", self.job.output.name()),
            seconds: frames as f64 / f64::from(format.rate),
            rate: format.rate,
            channels: format.channels,
            bits: encoding.short_name(),
            took_seconds: 0.0,
            speed: 0.0,
            clipped,
            noise_reduction_db: before
                .noise_floor()
                .zip(after.noise_floor())
                .map(|(before, after)| before - after),
            signal_to_noise_db: before
                .signal_to_noise()
                .zip(after.signal_to_noise())
                .map(<[f32; 2]>::from),
            loudness,
            late_us: None,
            verified: None,
            lost: Vec::new(),
            warnings,
        };
        if self.options.bits.is_none() {
            report.lose(coarser(input.depth(), encoding, taker).into_iter().collect());
        }
        Ok((sealed, results.cleaned.into_place(), report))
    }

    /// Ends an output of one track and gives everything its name.
    fn finish<P: Place>(
        &self,
        input: &mut Input,
        passed: Passed<P>,
        encoding: Encoding,
        taker: &str,
        end: impl FnOnce(P, &[Chunk]) -> Result<(Sealed, Vec<Loss>), Problem>,
    ) -> Result<Report, Problem> {
        let name = self.job.input.name();
        let expected = passed.expected;
        let (mut sealed, place, mut report) = self.close(input, passed, encoding, taker)?;
        let after = input.finish().map_err(|e| unreadable(name, &e))?;
        let (output, losses) = end(place, kept_after(after, &expected, &mut Vec::new()))?;
        sealed.insert(0, output);
        report.lose(losses);
        self.commit(sealed, &mut report)?;
        Ok(report)
    }

    /// Gives all outputs their names, of which the first is the cleaned recording, unless the user takes no warnings.
    fn commit(&self, sealed: Vec<Sealed>, report: &mut Report) -> Result<(), Problem> {
        report.warnings.extend(self.misnamed.clone());
        if self.options.strict && !report.warnings.is_empty() {
            let what = format!("{}; --strict writes nothing then", report.warnings.join("; "));
            return Err(Problem::file(self.job.input.name(), what));
        }
        if let (Source::File(path), Some(output)) = (&self.job.input, sealed.first()) {
            output.note_source(path);
        }
        commit(sealed)
    }
}

/// That the taker of the samples has none as fine as the recording's.
fn coarser(had: Encoding, has: Encoding, taker: &str) -> Option<Loss> {
    let is_finer = match (had, has) {
        (Encoding::Float { .. }, Encoding::Int { .. }) => true,
        (Encoding::Float { bytes: had }, Encoding::Float { bytes: has }) => had > has,
        _ => had.resolution() > has.resolution(),
    };
    // A codec with loss has no depth.
    let has_depth = matches!(has, Encoding::Int { .. }) || taker == "wavpack" || taker.starts_with("pcm_");
    let named = |encoding: Encoding| match encoding {
        Encoding::Int { valid_bits, .. } => format!("integers of {valid_bits} bits"),
        Encoding::Float { bytes } => format!("floating point of {} bits", u32::from(bytes) * 8),
    };
    (is_finer && has_depth).then(|| Loss {
        what: "depth",
        name: has.short_name(),
        text: format!(
            "its samples, {}, become {}, which is what {taker} takes",
            named(had),
            named(has)
        ),
    })
}

/// Reads a finished WAV file as anybody would.
fn wav_length(path: &Path, frames: u64, subject: &Path) -> Result<Proof, Problem> {
    let file = File::open(path).map_err(|e| Problem::io(subject, &e))?;
    let reader = Reader::open(BufReader::new(file)).map_err(|e| unreadable(subject, &e))?;
    match reader.frames() {
        Some(found) if found == frames => Ok(Proof {
            exact_lengths: 1,
            ..Proof::default()
        }),
        _ => Err(Problem::file(
            subject,
            format!(
                "{frames} samples went into the file, and its header says something else; nothing is written"
            ),
        )),
    }
}

fn is_coarse(encoding: Encoding) -> bool {
    matches!(
        encoding,
        Encoding::Int {
            valid_bits: ..=16,
            ..
        }
    )
}

/// Chunks after the sound of a WAV file, where there is a place for them.
fn kept_after<'a>(after: &'a [Chunk], expected: &Expected, warnings: &mut Vec<String>) -> &'a [Chunk] {
    if expected.after == Some(0) && !after.is_empty() {
        warnings.push("the chunks after the sound cannot be kept in a stream; they are left out".to_string());
        return &[];
    }
    after
}

/// One line for a person.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} -> {}: {:.1} s in {:.1} s ({})",
            self.input,
            self.output,
            self.seconds,
            self.took_seconds,
            Speed(self.speed)
        )?;
        if let Some(reduction) = self.noise_reduction_db {
            write!(f, ", noise floor {reduction:.0} dB lower")?;
        }
        if let Some([before, after]) = self.signal_to_noise_db {
            write!(f, ", signal-to-noise ratio {before:.0} -> {after:.0} dB")?;
        }
        if let Some(Adjustment {
            output_lufs: Some(lufs),
            gain_db,
            ..
        }) = &self.loudness
        {
            write!(f, ", {lufs:.1} LUFS ({gain_db:+.1} dB)")?;
        }
        match &self.verified {
            Some(proof) => write!(f, "; {proof}"),
            None => Ok(()),
        }
    }
}
