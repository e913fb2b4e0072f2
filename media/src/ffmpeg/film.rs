//! A film, or any file with more than one track: its sound is replaced, the rest copied, and the result measured against
//! the original until sound and picture are together again.

use super::Arrangement;
use super::encode::Spool;
use super::inventory::{Loss, losses};
use super::lag::{Excerpt, lag};
use super::mux::{Assembly, Samples, Track};
use super::probe::{Probe, Stream, first_packet, first_sample};
use super::programs::watch;
use super::restore::{add_tags, restore};
use crate::output::{Output, Sealed, Target};
use crate::problem::Problem;
use std::path::Path;

/// Sound that is off by no more is as exact as clocks of containers are.
const EXACT_SECONDS: f64 = 50e-6;

/// What is told to the user: more than rounding to milliseconds makes.
const NOTICEABLE_SECONDS: f64 = 0.6e-3;

/// How often a film is put together at most.
const ATTEMPTS: usize = 4;

/// A track that has been cleaned.
#[derive(Debug)]
pub struct Cleaned {
    /// How it goes into the output; its start and what is skipped are settled here.
    pub track: Track,
    /// Its samples.
    pub spool: Spool,
}

/// A film that is complete.
#[derive(Debug)]
pub struct Finished {
    /// The output, which waits for its name.
    pub sealed: Sealed,
    /// By how much the sound is late against the picture, in seconds; of all tracks the worst. `None` where there is nothing
    /// to compare with.
    pub late: Option<f64>,
    /// What the input has and the output has not.
    pub losses: Vec<Loss>,
    /// The first cleaned track as it is now.
    pub sound: Stream,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Is told how far a film is.
pub trait Progress {
    /// Something else is done with it now.
    fn begin(&self, what: &str);

    /// So many seconds of it have been done.
    fn reach(&self, seconds: f64);
}

/// Puts a film together: `arrangement` without its tracks, and these. `check` may look at the complete file before it gets
/// its name.
pub fn assemble(
    bar: &dyn Progress,
    arrangement: &mut Arrangement,
    cleaned: &mut [Cleaned],
    target: (&Target, bool),
    check: impl FnOnce(&Path, &Assembly, &Probe) -> Result<(), Problem>,
) -> Result<Finished, Problem> {
    let (target, overwrite) = target;
    let output = Output::create(target, overwrite)?;
    let Some(place) = output.path().map(Path::to_path_buf) else {
        return Err(Problem::file(
            target.name(),
            "ffmpeg needs a file to write to; give a file",
        ));
    };
    for one in cleaned.iter_mut() {
        one.track.samples = Samples::File(one.spool.path()?);
        // Silence that the encoder before has left behind the sound serves as well, or every pass would add its own.
        if one.spool.silence_behind() >= u64::from(one.track.codec.tail) {
            one.track.codec.tail = 0;
        }
    }
    let mut tracks: Vec<Track> = cleaned.iter().map(|one| one.track.clone()).collect();
    // What cannot be copied shows at the latest now.
    bar.begin("putting it together");
    let film = Film {
        bar,
        place: &place,
        subject: target.name(),
    };
    if let Err(problem) = film.mux(&arrangement.assembly_of(&tracks)) {
        let hopeless = arrangement
            .assembly_of(&tracks)
            .unwritable(target.name(), &place, true)?;
        if hopeless.is_empty() {
            return Err(problem);
        }
        arrangement.beside.left_out.extend(hopeless);
        film.mux(&arrangement.assembly_of(&tracks))?;
    }
    let late = film.align(arrangement, &mut tracks, cleaned)?;
    let assembly = arrangement.assembly_of(&tracks);
    let mut warnings = Vec::new();
    if let Some(late) = late.filter(|late| late.abs() > NOTICEABLE_SECONDS) {
        warnings.push(format!(
            "the sound is {:.1} ms {}, which .{} files cannot express better",
            late.abs() * 1e3,
            if late > 0.0 { "late" } else { "early" },
            arrangement.container.endings[0]
        ));
    }
    let (losses, probe) = complete(&assembly, &place, target.name())?;
    check(&place, &assembly, &probe)?;
    Ok(Finished {
        sealed: output.seal(&[])?,
        late,
        losses,
        sound: assembly.sound(0, &probe).cloned().unwrap_or_default(),
        warnings,
    })
}

/// Puts back what ffmpeg has left out of a finished file, and tells what is not there any more, and what is.
pub fn complete(assembly: &Assembly, place: &Path, subject: &Path) -> Result<(Vec<Loss>, Probe), Problem> {
    let after = Probe::of_unfinished(place, subject)?;
    let after = restore(assembly, place, after, subject)?;
    let is_heard = |track: usize| assembly.sound(track, &after).is_some_and(Stream::is_sound);
    if let Some(track) = (0..assembly.tracks.len()).find(|&track| !is_heard(track)) {
        return Err(Problem::file(
            subject,
            format!(
                "{} in .{} files is sound that nobody can read afterwards; give OUT another ending, such as .mkv, .flac or .wav",
                assembly.tracks[track].codec.encoder, assembly.container.endings[0]
            ),
        ));
    }
    let Some(before) = assembly.original else {
        return Ok((Vec::new(), after));
    };
    let lost = losses(assembly, before, (place, &after));
    match add_tags(assembly, before, &lost, place, subject)? {
        Some(after) => Ok((losses(assembly, before, (place, &after)), after)),
        None => Ok((lost, after)),
    }
}

/// A film under way.
struct Film<'a> {
    bar: &'a dyn Progress,
    /// Where it is written.
    place: &'a Path,
    /// What errors are about.
    subject: &'a Path,
}

impl Film<'_> {
    fn mux(&self, assembly: &Assembly) -> Result<(), Problem> {
        self.bar.begin("putting it together");
        watch(&mut assembly.command(self.place), self.subject, |seconds| {
            self.bar.reach(seconds)
        })
    }

    /// Moves the sound until it is where it was, as the finished file is measured. It has been put together once. Gives by
    /// how much it is late in the end.
    fn align(
        &self,
        arrangement: &Arrangement,
        tracks: &mut Vec<Track>,
        cleaned: &[Cleaned],
    ) -> Result<Option<f64>, Problem> {
        let assembly = arrangement.assembly_of(tracks);
        let Some((path, probe)) = assembly.original else {
            return Ok(None);
        };
        let subject = Subject {
            path,
            probe,
            cleaned: cleaned_numbers(tracks),
            origin: probe.origin(arrangement.same_container),
        };
        let wanted: Vec<_> = tracks
            .iter()
            .map(|track| relation(&subject, track.replaces, path))
            .collect::<Result<_, _>>()?;
        // Nothing of a recording is cut for milliseconds that nobody can hear.
        let alone = probe.pictures().next().is_none() && probe.sounds().count() == 1;
        let exact = match arrangement.container.is_exact() {
            true => EXACT_SECONDS,
            false => 0.5e-3 + EXACT_SECONDS,
        };
        let mut best: Option<(f64, Vec<Track>)> = None;
        let mut written = tracks.clone();
        for attempt in 0..ATTEMPTS {
            if different(tracks, &written) {
                self.mux(&arrangement.assembly_of(tracks))?;
                written.clone_from(tracks);
            }
            self.bar.begin("measuring");
            let measured = self.measure(&arrangement.assembly_of(tracks), &wanted, cleaned)?;
            let errors = measured.iter().flatten().map(|place| place.late);
            let Some(worst) = errors.max_by(|a, b| a.abs().total_cmp(&b.abs())) else {
                return Ok(None);
            };
            let improved = best
                .as_ref()
                .is_none_or(|(best, _)| worst.abs() < 0.7 * best.abs());
            // Of two that are good enough the later, which has done away with what is replaced.
            let error = |late: f64| late.abs().max(exact);
            if best.as_ref().is_none_or(|(best, _)| error(worst) <= error(*best)) {
                best = Some((worst, tracks.clone()));
            }
            let replaces = attempt == 0 && measured.iter().flatten().any(|place| place.replaced > 0.0);
            if (worst.abs() <= exact && !replaces) || (attempt > 1 && !improved) {
                break;
            }
            for (track, place) in tracks.iter_mut().zip(&measured) {
                let Some(Place { late, replaced }) = *place else {
                    continue;
                };
                if attempt == 0 && replaced > 0.0 {
                    track.skip = replaced;
                    // Where there is no clock, skipping has moved the sound.
                    track.start -= if arrangement.container.muxer == "avi" {
                        late - replaced
                    } else {
                        late
                    };
                } else if late > 0.0 && !alone && (!improved || track.skip > 0.0) {
                    // A container that cannot begin earlier would move the picture instead: what is too early is cut.
                    track.skip += late;
                } else {
                    track.start -= late;
                }
            }
        }
        let Some((late, found)) = best else {
            return Ok(None);
        };
        *tracks = found;
        if different(tracks, &written) {
            self.mux(&arrangement.assembly_of(tracks))?;
        }
        Ok(Some(late))
    }

    /// Where each track is.
    fn measure(
        &self,
        assembly: &Assembly,
        wanted: &[Option<f64>],
        cleaned: &[Cleaned],
    ) -> Result<Vec<Option<Place>>, Problem> {
        let (place, subject) = (self.place, self.subject);
        let probe = Probe::of_unfinished(place, subject)?;
        let place_of = |number: &usize| assembly.place(*number, &probe);
        let written = Subject {
            path: place,
            probe: &probe,
            cleaned: cleaned_numbers(assembly.tracks)
                .iter()
                .filter_map(place_of)
                .collect(),
            origin: 0.0,
        };
        let mut places = Vec::new();
        for ((track, wanted), cleaned) in assembly.tracks.iter().zip(wanted).zip(cleaned) {
            let number = track.replaces.and_then(|number| place_of(&number));
            let found = relation(&written, number, subject)?;
            let Some(((found, wanted), number)) = found.zip(*wanted).zip(number) else {
                places.push(None);
                continue;
            };
            let excerpt = Excerpt {
                track,
                loud_at: cleaned.spool.loud_at(),
            };
            // Encoders put silence before the sound. Where the container cannot say so it is heard, and belongs to the time.
            let delay = lag(&excerpt, place, number, subject)?.unwrap_or(0.0);
            let late = found - wanted + delay;
            let codec = |probe: &Probe, number: Option<usize>| {
                let stream = probe.streams.iter().find(|stream| Some(stream.index) == number);
                stream.map(|stream| stream.codec_name.clone())
            };
            let original = assembly.original.map(|(_, probe)| probe);
            let same = assembly.same_container
                && original.and_then(|probe| codec(probe, track.replaces)) == codec(&probe, Some(number));
            let quiet = cleaned.spool.loud_at().unwrap_or(0) as f64 / f64::from(track.rate);
            // An encoder's echo before the first sound makes the silence a little shorter.
            let echo = match track.codec.encoder.as_str() {
                "libspeex" => 0.2,
                _ => 0.02,
            };
            let replaced = if same && quiet >= (1.0 - echo) * delay {
                delay.max(0.0)
            } else {
                0.0
            };
            places.push(Some(Place { late, replaced }));
        }
        Ok(places)
    }
}

/// Where a track lies in a finished file.
#[derive(Clone, Copy)]
struct Place {
    /// Seconds by which its sound is late.
    late: f64,
    /// Seconds of silence that the encoder has put before the sound and that are heard, where as much is there already from the
    /// encoder before it: the same codec in the same container. One takes the other's place, or each pass would add its own.
    replaced: f64,
}

fn cleaned_numbers(tracks: &[Track]) -> Vec<usize> {
    tracks.iter().filter_map(|track| track.replaces).collect()
}

fn different(a: &[Track], b: &[Track]) -> bool {
    a.iter()
        .zip(b)
        .any(|(a, b)| a.start != b.start || a.skip != b.skip)
}

/// A file whose tracks stand in a relation in time.
struct Subject<'a> {
    path: &'a Path,
    probe: &'a Probe,
    /// The numbers of its cleaned tracks.
    cleaned: Vec<usize>,
    /// What its clock begins at.
    origin: f64,
}

/// The time of a track's first sample after the first picture; after the first packet of another track of sound that is
/// copied, where there is no picture; on the clock of the file where it is alone. `None`: there are no times.
fn relation(subject: &Subject, number: Option<usize>, name: &Path) -> Result<Option<f64>, Problem> {
    let (path, probe) = (subject.path, subject.probe);
    let Some(track) = number.and_then(|number| probe.streams.iter().find(|stream| stream.index == number))
    else {
        return Ok(None);
    };
    let other = |stream: &&Stream| {
        stream.is_sound() && stream.index != track.index && !subject.cleaned.contains(&stream.index)
    };
    let sound = first_sample(path, track, name)?;
    let reference = match probe.picture().or_else(|| probe.streams.iter().find(other)) {
        Some(reference) => first_packet(path, reference, name)?,
        None => Some(subject.origin),
    };
    Ok(sound.zip(reference).map(|(sound, reference)| sound - reference))
}
