//! `aeden repair`: fills what is missing, and leaves everything else as it is.

pub mod args;
mod autoregression;
mod damage;
mod envelope;
mod fill;

use crate::family::{load, target};
use crate::input::{Input, block_frames, unreadable};
use crate::media::flac::{self, FlacWriter};
use crate::media::{Form, Material, form};
use crate::output::{Target, clean_up_when_stopped, commit, print, sweep};
use crate::plan::Source;
use crate::problem::{DONE, INTERRUPTED, Problem, one_line};
use crate::progress::Progress;
use crate::sink::{Place, Sink, WavFile};
use crate::wav::samples::Encoder;
use crate::wav::write::Expected;
use crate::wav::{Encoding, Format};
use aeden::autoencoder::{Autoencoder, Kind as Network};
use args::{LONGEST, Region, RepairArgs};
use damage::{Damage, Kind, find};
use envelope::Envelope;
use fill::{CONTEXT, Filler, SHORT};
use serde_json::json;
use std::io::{self, Write};
use std::ops::Range;

/// Seconds that are worked on at once, and that must be known on each side of them.
const WORK: f64 = 5.0;
const AROUND: f64 = LONGEST + 2.0 * CONTEXT;
/// The autoencoder corrects gaps from this length on, in seconds; measured by `cargo xtask family`.
const SHAPED: f64 = 0.015;
/// Short gaps that lie nearer than this, in seconds, are filled together.
const TOGETHER: f64 = 0.01;
/// But no more of them than lie within this, in seconds.
const GROUP: f64 = 0.05;
/// Where more of a stretch is damaged than this, there is nothing to repair it from.
const TOO_MUCH: f64 = 0.5;

/// Does what the arguments say, and returns the exit status.
pub fn repair(args: &RepairArgs) -> Result<u8, Problem> {
    let source = Source::from_path(&args.input);
    let target = target(&args.input, &args.output, &args.options)?;
    let model = load(args.options.model.as_deref(), Network::DenoisingL2)?;
    if !matches!(model.kind(), Network::DenoisingL1 | Network::DenoisingL2) {
        return Err(Problem::model(format!(
            "repair takes a denoising autoencoder, not a {} one",
            model.kind().name()
        )));
    }
    clean_up_when_stopped(|| INTERRUPTED);
    let mut input = Input::open(&source)?;
    let mut sink = Destination::create(&input, &source, &target, args)?;
    sweep(&target.folder());

    let (name, format) = (source.name(), input.format().clone());
    let progress = Progress::new(!args.options.quiet && !args.options.json);
    let bar = progress.file(name, input.frames_about(), format.rate);
    let mut work = Work::new(args, &format, &sink, &model)?;
    let frames = input.read_all(name, block_frames(format.channels), |raw, planes| {
        bar.advance(planes[0].len());
        work.push(raw, planes);
        if work.is_enough() {
            work.advance(false, &mut sink)?;
        }
        Ok(true)
    })?;
    work.advance(true, &mut sink)?;
    drop(bar);
    progress.finish();
    let seconds = frames as f64 / f64::from(format.rate);
    if let Some(region) = args.regions.iter().find(|r| r.end > seconds + 1e-9) {
        return Err(Problem::file(
            name,
            format!(
                "the region {}-{} ends after the recording, which has {seconds:.3} s",
                region.start, region.end
            ),
        ));
    }
    let after = input.finish().map_err(|e| unreadable(name, &e))?;
    let clipped = work.patcher.clipped() + sink.sink.clipped();
    commit(vec![sink.sink.finish(after)?])?;

    let warn = |text: String| {
        if !args.options.quiet {
            let _ = writeln!(
                io::stderr(),
                "aeden: repair: {}",
                Problem::file(name, format!("warning: {text}"))
            );
        }
    };
    for text in input.warnings() {
        warn(text.clone());
    }
    if work.left_alone > 0 {
        warn(format!(
            "{} stretches are damaged so densely that they are left as they are",
            work.left_alone
        ));
    }
    if clipped > 0 {
        warn(format!(
            "{clipped} restored samples were above full scale and have been limited to it; --float keeps them"
        ));
    }
    report(args, &work.mended, &format, seconds, &target)?;
    Ok(DONE)
}

/// Where the result goes, and whether it has the bytes of the input.
struct Destination {
    sink: Sink,
    exact: bool,
}

impl Destination {
    fn create(input: &Input, source: &Source, target: &Target, args: &RepairArgs) -> Result<Self, Problem> {
        let path = match source {
            Source::File(path) if !matches!(input, Input::Stream(_)) => Some(path.as_path()),
            _ => None,
        };
        let material = Material {
            path,
            source: input.contents(),
            format: input.format(),
        };
        let wanted = if args.float {
            Encoding::FLOAT32
        } else {
            input.depth()
        };
        let channels = usize::from(input.format().channels);
        let (place, encoding) = match form(&material, target, true, None, None)? {
            Form::Wav(_) => {
                let header = input.header().clone().with_encoding(wanted);
                let expected = Expected {
                    frames: input.frames(),
                    ..Expected::default()
                };
                let file = WavFile::create(target, args.options.overwrite, &header, expected)?;
                (Place::Wav(file), wanted)
            }
            Form::Flac => {
                if args.float {
                    return Err(Problem::usage(
                        "FLAC has no floating point; give OUT the ending .wav for --float",
                    ));
                }
                let encoding = flac::encoding_for(wanted);
                let (blocks, _) = match input {
                    Input::Flac(reader) => (flac::blocks_of_flac(reader.metadata()), Vec::new()),
                    input => flac::blocks_of_wav(input.header(), input.after().unwrap_or_default()),
                };
                let format = Format {
                    encoding,
                    ..input.format().clone()
                };
                let file = FlacWriter::create(target, args.options.overwrite, &format, blocks)?;
                (Place::Flac(Box::new(file)), encoding)
            }
            Form::Sound(_) | Form::Film(_) => {
                return Err(Problem::file(
                    target.name(),
                    "repair writes WAV, and FLAC from WAV and FLAC; give OUT such an ending",
                ));
            }
        };
        Ok(Destination {
            exact: encoding == input.format().encoding,
            sink: Sink::new(place, Encoder::new(encoding, channels, false)),
        })
    }
}

/// A damage that has been mended.
struct Mended {
    damage: Kind,
    channel: usize,
    start: u64,
    end: u64,
}

/// The part of the recording that is being worked on.
struct Work {
    format: Format,
    kinds: Vec<Kind>,
    regions: Vec<Range<u64>>,
    step: f32,
    fillers: [Filler; 2],
    shaped: bool,
    patcher: Encoder,
    exact: bool,
    /// Frames before what is held.
    gone: u64,
    /// Frames of it that are done.
    done: usize,
    raw: Vec<u8>,
    planes: Vec<Vec<f32>>,
    mended: Vec<Mended>,
    left_alone: usize,
}

impl Work {
    fn new(
        args: &RepairArgs,
        format: &Format,
        sink: &Destination,
        model: &Autoencoder,
    ) -> Result<Self, Problem> {
        let frames = |seconds: f64| (seconds * f64::from(format.rate)).round() as u64;
        let mut regions: Vec<_> = args
            .regions
            .iter()
            .map(|&Region { start, end }| frames(start)..frames(end).max(frames(start) + 1))
            .collect();
        regions.sort_by_key(|region| region.start);
        let all = [Kind::DropOuts, Kind::Clicks, Kind::Peaks];
        let kinds = match (args.find.is_empty(), regions.is_empty()) {
            (true, true) => all.to_vec(),
            _ => args.find.clone(),
        };
        Ok(Work {
            kinds,
            regions,
            step: match format.encoding {
                Encoding::Int { valid_bits, .. } => 2.0 / (1u64 << valid_bits) as f32,
                Encoding::Float { .. } => 0.0,
            },
            shaped: !args.prediction_only,
            fillers: [
                Filler::new(format.rate, None),
                Filler::new(format.rate, Some(Envelope::new(model.clone(), format.rate)?)),
            ],
            patcher: Encoder::new(format.encoding, 1, false),
            exact: sink.exact,
            gone: 0,
            done: 0,
            raw: Vec::new(),
            planes: vec![Vec::new(); format.channels.into()],
            mended: Vec::new(),
            left_alone: 0,
            format: format.clone(),
        })
    }

    fn at(&self, seconds: f64) -> usize {
        (seconds * f64::from(self.format.rate)) as usize
    }

    fn push(&mut self, raw: &[u8], planes: &[Vec<f32>]) {
        if self.exact {
            self.raw.extend_from_slice(raw);
        }
        for (held, plane) in self.planes.iter_mut().zip(planes) {
            held.extend_from_slice(plane);
        }
    }

    fn is_enough(&self) -> bool {
        self.planes[0].len() > self.done + self.at(WORK + AROUND)
    }

    /// Mends what can be mended, and writes all but what the next part needs beside it.
    fn advance(&mut self, last: bool, sink: &mut Destination) -> Result<(), Problem> {
        let held = self.planes[0].len();
        let end = if last { held } else { held - self.at(AROUND) };
        for channel in 0..self.planes.len() {
            self.mend(channel, self.done..end);
        }
        self.done = end;
        let keep = if last { 0 } else { self.at(AROUND) };
        let out = end.saturating_sub(keep);
        let bytes = if self.exact {
            out * self.format.frame_bytes()
        } else {
            0
        };
        let planes: Vec<Vec<f32>> = self.planes.iter_mut().map(|p| p.drain(..out).collect()).collect();
        sink.sink
            .write(&planes, self.exact.then_some(&self.raw[..bytes]))?;
        self.raw.drain(..bytes);
        self.gone += out as u64;
        self.done -= out;
        Ok(())
    }

    /// Mends damage of one channel that begins in `within`.
    fn mend(&mut self, channel: usize, within: Range<usize>) {
        let plane = &self.planes[channel];
        let mut damages = find(plane, within.clone(), self.format.rate, self.step, &self.kinds);
        let here = self.regions.iter().filter_map(|region| {
            let start = usize::try_from(region.start.checked_sub(self.gone)?).ok()?;
            let end = (start + (region.end - region.start) as usize).min(plane.len());
            within.contains(&start).then_some(Damage {
                kind: Kind::Region,
                range: start..end,
                level: 0.0,
            })
        });
        damages.extend(here.collect::<Vec<_>>());
        damages.sort_by_key(|damage| damage.range.start);
        let damages = apart(damages);
        let (short, long): (Vec<_>, Vec<_>) = damages
            .into_iter()
            .partition(|damage| damage.range.len() <= self.at(SHORT));

        // Short ones first, in groups: so that long ones have whole sides.
        let together = self.at(TOGETHER);
        let most = self.at(GROUP);
        let mut rest = short.as_slice();
        while let Some(first) = rest.first() {
            let near = rest.windows(2).take_while(|pair| {
                pair[1].range.start < pair[0].range.end + together
                    && pair[1].range.end < first.range.start + most
            });
            let (group, after) = rest.split_at(1 + near.count());
            rest = after;
            let gaps: Vec<_> = group.iter().map(|d| (d.range.clone(), d.level)).collect();
            let missing: usize = gaps.iter().map(|(range, _)| range.len()).sum();
            let span = group[group.len() - 1].range.end - first.range.start;
            if missing as f64 > TOO_MUCH * (span + together) as f64 {
                self.left_alone += 1;
                continue;
            }
            self.fillers[0].fill_short(&mut self.planes[channel], &gaps);
            for damage in group {
                self.note(channel, damage);
            }
        }
        for (i, damage) in long.iter().enumerate() {
            let ahead = long
                .get(i + 1)
                .map_or(usize::MAX, |next| next.range.start - damage.range.end);
            let filler = usize::from(self.shaped && damage.range.len() >= self.at(SHAPED));
            self.fillers[filler].fill_long(&mut self.planes[channel], damage.range.clone(), ahead);
            self.note(channel, damage);
        }
    }

    /// Takes the new samples over into the bytes, and remembers them.
    fn note(&mut self, channel: usize, damage: &Damage) {
        if self.exact {
            let samples = self.planes[channel][damage.range.clone()].to_vec();
            let mut stored = Vec::new();
            self.patcher.encode(&[samples], &mut stored);
            let (bytes, frame) = (self.format.encoding.bytes(), self.format.frame_bytes());
            for (t, sample) in damage.range.clone().zip(stored.chunks_exact(bytes)) {
                let at = t * frame + channel * bytes;
                self.raw[at..at + bytes].copy_from_slice(sample);
            }
        }
        self.mended.push(Mended {
            damage: damage.kind,
            channel,
            start: self.gone + damage.range.start as u64,
            end: self.gone + damage.range.end as u64,
        });
    }
}

/// Damage that overlaps becomes one; a region of the user's swallows what it meets.
fn apart(sorted: Vec<Damage>) -> Vec<Damage> {
    let mut apart: Vec<Damage> = Vec::new();
    for damage in sorted {
        match apart.last_mut() {
            Some(last)
                if damage.range.start <= last.range.end
                    && (last.kind, damage.kind) != (Kind::Peaks, Kind::Peaks) =>
            {
                last.range.end = last.range.end.max(damage.range.end);
                last.level = 0.0;
                if damage.kind == Kind::Region {
                    last.kind = Kind::Region;
                }
            }
            _ => apart.push(damage),
        }
    }
    apart
}

/// Tells what was done.
fn report(
    args: &RepairArgs,
    mended: &[Mended],
    format: &Format,
    seconds: f64,
    target: &Target,
) -> Result<(), Problem> {
    let in_seconds = |frames: u64| (frames as f64 / f64::from(format.rate) * 1e6).round() / 1e6;
    let count = |kind: Kind| mended.iter().filter(|m| m.damage == kind).count();
    let file = args.input.display().to_string();
    if args.options.json {
        let mut sorted: Vec<&Mended> = mended.iter().collect();
        sorted.sort_by_key(|m| (m.start, m.channel));
        let lines = sorted.iter().map(|m| {
            json!({
                "file": file,
                "kind": m.damage.name(),
                "channel": m.channel + 1,
                "start": in_seconds(m.start),
                "end": in_seconds(m.end),
                "samples": m.end - m.start,
            })
        });
        let whole = json!({
            "status": "repaired",
            "file": file,
            "output": args.output.display().to_string(),
            "seconds": seconds,
            "damages": mended.len(),
            "samples": mended.iter().map(|m| m.end - m.start).sum::<u64>(),
        });
        return print(
            &lines
                .chain([whole])
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        );
    }
    if args.options.quiet || *target == Target::Stdout {
        return Ok(());
    }
    let changed: u64 = mended.iter().map(|m| m.end - m.start).sum();
    print(&format!(
        "{} -> {}: {} drop-outs, {} clicks, {} clipped peaks, {} regions; {changed} samples of {} changed\n",
        one_line(&file),
        one_line(&args.output.display().to_string()),
        count(Kind::DropOuts),
        count(Kind::Clicks),
        count(Kind::Peaks),
        count(Kind::Region),
        (seconds * f64::from(format.rate)).round() as u64 * u64::from(format.channels),
    ))
}
