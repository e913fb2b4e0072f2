//! `aeden roomtone`: new sound that is like the quiet parts of a recording, as long as one likes.

#[path = "../../../jobs/src/roomtone/carrier.rs"]
mod carrier;
#[path = "../../../jobs/src/roomtone/colour.rs"]
mod colour;
#[path = "../../../jobs/src/roomtone/generator.rs"]
mod generator;
#[path = "../../../jobs/src/roomtone/heard.rs"]
mod heard;
#[path = "../../../jobs/src/roomtone/movement.rs"]
mod movement;
#[path = "../../../jobs/src/roomtone/quiet.rs"]
mod quiet;
#[path = "../../../jobs/src/roomtone/room.rs"]
mod room;

use crate::args::roomtone::RoomtoneArgs;
use crate::family::{create, is_input, load, target};
use crate::input::{Input, block_frames, unreadable};
use crate::output::{Output, Sealed, Target, clean_up_when_stopped, commit, exists, print, sweep};
use crate::plan::{Source, is_same_file};
use crate::plot::{Spectrogram, draw};
use crate::problem::{DONE, INTERRUPTED, Problem, one_line};
use crate::progress::Progress;
use crate::wav::Format;
use aeden::autoencoder::{Autoencoder, Kind};
use aeden::resample::{Blocks, Resampler};
use generator::Generator;
use heard::Heard;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;
use room::Room;
use serde_json::json;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

/// Seconds of a recording that are learned from at most.
const HEARD: f64 = 120.0;
/// The shortest stretch of room tone that is learned from, in seconds, and how much there must be in all.
const STRETCH: f64 = 0.4;
const LEAST: f64 = 1.0;

/// Does what the arguments say, and returns the exit status.
pub fn roomtone(args: &RoomtoneArgs) -> Result<u8, Problem> {
    let options = &args.options;
    let target = target(&args.input, &args.output, options)?;
    if let Some(other) = &args.towards
        && is_same_file(other, &args.output)
    {
        return Err(is_input(&args.output));
    }
    if let Some(path) = &args.plot
        && !options.overwrite
        && path.symlink_metadata().is_ok()
    {
        return Err(exists(path));
    }
    let model = load(options.model.as_deref(), Kind::Variational)?;
    if !matches!(
        model.kind(),
        Kind::Variational | Kind::Undercomplete | Kind::DenoisingL1 | Kind::DenoisingL2
    ) {
        return Err(Problem::model(format!(
            "roomtone takes a variational autoencoder, or another with a linear code, not a {} one",
            model.kind().name()
        )));
    }
    clean_up_when_stopped(|| INTERRUPTED);
    let began = Instant::now();
    let recording = Recording::read(&Source::from_path(&args.input), args.plot.is_some())?;
    let (rate, channels) = (recording.format.rate, recording.planes.len());
    let (used, room) = recording.learn(&model, args)?;
    let mut rooms = vec![room];
    let mut pictures = vec![recording.picture];
    if let Some(path) = &args.towards {
        let mut other = Recording::read(&Source::from_path(path), args.plot.is_some())?;
        other.convert(rate)?;
        if other.planes.len() != channels && other.planes.len() != 1 {
            return Err(Problem::file(
                path,
                format!(
                    "has {} channels, IN {channels}; give recordings with equally many, or one in mono",
                    other.planes.len()
                ),
            ));
        }
        let (_, mut room) = other.learn(&model, args)?;
        room.colour.spread(channels);
        rooms.push(room);
        pictures.push(other.picture);
    }

    let total = (args.seconds * f64::from(rate)).round().max(1.0) as u64;
    let random = Pcg64Mcg::seed_from_u64(args.seed);
    let mut generator = Generator::new(&rooms, &model, rate, total, random)?;
    sweep(&target.folder());
    let mut sink = create("roomtone", &recording.format, total, &target, options.overwrite)?;
    let progress = Progress::new(!options.quiet && !options.json);
    let bar = progress.file(target.name(), Some(total), rate);
    let mut picture = args.plot.is_some().then(|| Spectrogram::new(rate, channels));
    let mut planes = vec![Vec::new(); channels];
    let mut left = total;
    while left > 0 {
        for (plane, made) in planes.iter_mut().zip(generator.make()) {
            plane.clear();
            plane.extend_from_slice(&made[..made.len().min(usize::try_from(left).unwrap_or(usize::MAX))]);
        }
        left -= planes[0].len() as u64;
        sink.write(&planes, None)?;
        if let Some(picture) = &mut picture {
            picture.push(&planes);
        }
        bar.advance(planes[0].len());
    }
    drop(bar);
    progress.finish();
    let clipped = sink.clipped();
    let mut sealed = vec![sink.finish(&[])?];
    if let (Some(path), Some(mut picture)) = (&args.plot, picture) {
        picture.finish();
        sealed.push(paint(path, options.overwrite, picture, pictures)?);
    }
    commit(sealed)?;

    if clipped > 0 && !options.quiet {
        let what = format!("warning: {clipped} samples were above full scale and have been limited to it");
        let _ = writeln!(
            io::stderr(),
            "aeden: roomtone: {}",
            Problem::file(target.name(), what)
        );
    }
    let seconds = total as f64 / f64::from(rate);
    let directions = |room: &Room| room.movement.as_ref().map_or(0, movement::Movement::directions);
    if options.json {
        let took = began.elapsed().as_secs_f64();
        let line = json!({
            "status": "made",
            "file": args.input.display().to_string(),
            "towards": args.towards.as_ref().map(|path| path.display().to_string()),
            "output": target.name().display().to_string(),
            "seconds": seconds,
            "rate": rate,
            "channels": channels,
            "seed": args.seed,
            "learned_from": used.iter().map(|part| json!([part.start, part.end])).collect::<Vec<_>>(),
            "learned_seconds": length(&used),
            "tones_hz": rooms[0].colour.tones.iter().map(|t| t.turn * f64::from(rate)).collect::<Vec<_>>(),
            "directions": directions(&rooms[0]),
            "clipped": clipped,
            "took_seconds": took,
            "speed": seconds / took,
        });
        print(&format!("{line}\n"))?;
    } else if !options.quiet && target != Target::Stdout {
        print(&format!(
            "{} -> {}: {seconds:.1} s from {:.1} s of room tone; {} steady tones, moving in {} directions\n",
            one_line(&args.input.display().to_string()),
            one_line(&target.name().display().to_string()),
            length(&used),
            rooms[0].colour.tones.len(),
            directions(&rooms[0]),
        ))?;
    }
    Ok(DONE)
}

fn length(parts: &[Range<f64>]) -> f64 {
    parts.iter().map(|part| part.end - part.start).sum()
}

/// Recordings and what was made of them, under one another.
fn paint(
    path: &Path,
    overwrite: bool,
    made: Spectrogram,
    from: Vec<Option<Spectrogram>>,
) -> Result<Sealed, Problem> {
    let target = Target::File(path.into());
    let mut output = Output::create(&target, overwrite)?;
    let mut panels = vec![("tone", &made)];
    let titles = ["source", "other"];
    for (number, (title, picture)) in titles.into_iter().zip(&from).enumerate() {
        if let Some(picture) = picture {
            panels.insert(if number == 0 { 0 } else { panels.len() }, (title, picture));
        }
    }
    draw(&panels, &mut output).map_err(|e| Problem::io(path, &e))?;
    output.seal(&[])
}

/// The beginning of a recording.
struct Recording {
    name: std::path::PathBuf,
    format: Format,
    planes: Vec<Vec<f32>>,
    picture: Option<Spectrogram>,
}

impl Recording {
    fn read(source: &Source, drawn: bool) -> Result<Recording, Problem> {
        let name = source.name();
        let mut input = Input::open(source)?;
        let format = Format {
            encoding: input.depth(),
            ..input.format().clone()
        };
        let most = (HEARD * f64::from(format.rate)) as usize;
        let mut planes: Vec<Vec<f32>> = vec![Vec::new(); format.channels.into()];
        let mut picture = drawn.then(|| Spectrogram::new(format.rate, planes.len()));
        input.read_all(name, block_frames(format.channels), |_, block| {
            for (plane, block) in planes.iter_mut().zip(block) {
                plane.extend_from_slice(&block[..block.len().min(most - plane.len())]);
            }
            Ok(planes[0].len() < most)
        })?;
        if planes[0].len() < most {
            input.finish().map_err(|e| unreadable(name, &e))?;
        }
        if let Some(picture) = &mut picture {
            picture.push(&planes);
            picture.finish();
        }
        Ok(Recording {
            name: name.into(),
            format,
            planes,
            picture,
        })
    }

    /// To another rate.
    fn convert(&mut self, rate: u32) -> Result<(), Problem> {
        let wrong = |e: aeden::Error| Problem::file(&self.name, e);
        let Some(blocks) = Blocks::between(self.format.rate, rate).map_err(wrong)? else {
            return Ok(());
        };
        let channels = self.planes.len();
        let mut resampler = Resampler::new(blocks.host, blocks.model, channels).map_err(wrong)?;
        let samples = self.planes[0].len() / blocks.host * blocks.host;
        let mut converted = vec![vec![0.0; samples / blocks.host * blocks.model]; channels];
        for block in 0..samples / blocks.host {
            resampler.process(
                &self.planes,
                block * blocks.host,
                &mut converted,
                block * blocks.model,
            );
        }
        // What comes before the first sample.
        let early = resampler.delay().min(converted[0].len());
        converted.iter_mut().for_each(|plane| _ = plane.drain(..early));
        self.planes = converted;
        self.format.rate = rate;
        Ok(())
    }

    /// What was learned from, in seconds, and what.
    fn learn(&self, model: &Autoencoder, args: &RoomtoneArgs) -> Result<(Vec<Range<f64>>, Room), Problem> {
        let rate = f64::from(self.format.rate);
        let seconds = self.planes[0].len() as f64 / rate;
        let wrong = |what: String| Err(Problem::file(&self.name, what));
        if seconds < LEAST {
            return wrong(format!(
                "has {seconds:.2} s of sound; room tone is learned from {LEAST:.0} s at least, 5 s and more are better"
            ));
        }
        let slices: Vec<&[f32]> = self.planes.iter().map(Vec::as_slice).collect();
        let heard = Heard::of(&slices, self.format.rate, model)?;
        if (0..heard.frames()).all(|t| heard.is_silent(t)) {
            return wrong("is silent; there is no room tone in it".into());
        }
        let second = model.view().frame_rate();
        let stretches: Vec<Range<usize>> = quiet::stretches(&heard, args.all, (STRETCH * second) as usize)
            .into_iter()
            .map(|part| {
                let sample =
                    |frame: usize| ((frame as f64 / second * rate) as usize).min(self.planes[0].len());
                // The last frame reaches to the end.
                let end = if part.end == heard.frames() {
                    self.planes[0].len()
                } else {
                    sample(part.end)
                };
                sample(part.start)..end
            })
            .filter(|part| part.len() >= colour::window(self.format.rate))
            .collect();
        let used: Vec<Range<f64>> = stretches
            .iter()
            .map(|part| part.start as f64 / rate..part.end as f64 / rate)
            .collect();
        if length(&used) < LEAST {
            let found = length(&used);
            return wrong(match args.all {
                true => format!(
                    "has {found:.2} s that are not silent; room tone is learned from {LEAST:.0} s at least"
                ),
                false => format!(
                    "has {found:.2} s where nothing stands out, and room tone is learned from {LEAST:.0} s at least; \
                     give a recording with longer pauses, or learn from all of it with --all"
                ),
            });
        }
        let room = Room::of(&self.planes, self.format.rate, &stretches, model, !args.steady)?;
        Ok((used, room))
    }
}
