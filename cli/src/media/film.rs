//! A film, or any file with more than one track: its sound is replaced, the rest copied, and the result measured against
//! the original until sound and picture are together again.

use super::container::Container;
use super::encode::Spool;
use super::lag::{Excerpt, lag};
use super::mux::{Assembly, Samples, Track};
use super::probe::{Probe, Stream, first_packet, first_sample};
use super::programs::watch;
use crate::output::{Output, Sealed, Target};
use crate::problem::Problem;
use crate::progress::FileProgress;
use std::path::Path;

/// Sound that is off by no more is as exact as clocks of containers are.
const EXACT_SECONDS: f64 = 50e-6;

/// What is told to the user.
const NOTICEABLE_SECONDS: f64 = 1.1e-3;

/// How often a film is put together at most.
const ATTEMPTS: usize = 4;

/// A track that has been cleaned.
pub struct Cleaned {
    /// How it goes into the output; its start and what is skipped are settled here.
    pub track: Track,
    /// Its samples.
    pub spool: Spool,
}

/// A film that is complete.
pub struct Finished {
    /// The output, which waits for its name.
    pub sealed: Sealed,
    /// By how much the sound is late against the picture, in seconds; of all tracks the worst. `None` where there is nothing
    /// to compare with.
    pub late: Option<f64>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Puts a film together. `check` may look at the complete file before it gets its name.
pub fn assemble(
    bar: &FileProgress,
    original: (&Path, &Probe),
    cleaned: &mut [Cleaned],
    container: &'static Container,
    same_container: bool,
    target: (&Target, bool),
    check: impl FnOnce(&Path, &Assembly) -> Result<(), Problem>,
) -> Result<Finished, Problem> {
    let (path, probe) = original;
    let (target, overwrite) = target;
    let output = Output::create(target, overwrite)?;
    let Some(place) = output.path().map(Path::to_path_buf) else {
        return Err(Problem::file(
            target.name(),
            "ffmpeg needs a file to write to; give a file",
        ));
    };
    let mut wanted = Vec::new();
    let mut tracks = Vec::new();
    for one in cleaned.iter_mut() {
        one.track.samples = Samples::File(one.spool.path()?);
        wanted.push(relation(
            path,
            probe,
            one.track.replaces,
            cleaned_numbers(&tracks),
            path,
        )?);
        tracks.push(one.track.clone());
    }
    let exact = if container.is_exact() {
        EXACT_SECONDS
    } else {
        0.5e-3 + EXACT_SECONDS
    };
    let mut best: Option<(f64, Vec<Track>)> = None;
    let mut written = Vec::new();
    for attempt in 0..ATTEMPTS {
        bar.begin("putting it together");
        mux(
            bar,
            original,
            &tracks,
            container,
            same_container,
            (target, &place),
        )?;
        bar.begin("measuring");
        written.clone_from(&tracks);
        let errors = measure(
            original,
            &tracks,
            &wanted,
            cleaned,
            container,
            same_container,
            (&place, target.name()),
        )?;
        let Some(worst) = errors
            .iter()
            .flatten()
            .copied()
            .max_by(|a, b| a.abs().total_cmp(&b.abs()))
        else {
            break;
        };
        let improved = best
            .as_ref()
            .is_none_or(|(best, _)| worst.abs() < 0.7 * best.abs());
        if best.as_ref().is_none_or(|(best, _)| worst.abs() < best.abs()) {
            best = Some((worst, tracks.clone()));
        }
        if worst.abs() <= exact || (attempt > 1 && !improved) {
            break;
        }
        for (track, error) in tracks.iter_mut().zip(&errors) {
            let error = error.unwrap_or(0.0);
            // A container that cannot begin earlier would move the picture instead: what is too early is cut.
            if error > 0.0 && (!improved || track.skip > 0.0) {
                track.skip += error;
            } else {
                track.start -= error;
            }
        }
    }
    if let Some((_, tracks)) = &best
        && different(tracks, &written)
    {
        bar.begin("putting it together");
        mux(bar, original, tracks, container, same_container, (target, &place))?;
        written.clone_from(tracks);
    }
    let assembly = Assembly {
        original: Some(original),
        tracks: &written,
        container,
        same_container,
        film: true,
    };
    let mut warnings = assembly.losses();
    let late = best.map(|(late, _)| late);
    if let Some(late) = late.filter(|late| late.abs() > NOTICEABLE_SECONDS) {
        warnings.push(format!(
            "the sound is {:.1} ms {}, which .{} files cannot express better",
            late.abs() * 1e3,
            if late > 0.0 { "late" } else { "early" },
            container.endings[0]
        ));
    }
    check(&place, &assembly)?;
    Ok(Finished {
        sealed: output.seal(&[])?,
        late,
        warnings,
    })
}

fn cleaned_numbers(tracks: &[Track]) -> Vec<usize> {
    tracks.iter().filter_map(|track| track.replaces).collect()
}

fn different(a: &[Track], b: &[Track]) -> bool {
    a.iter()
        .zip(b)
        .any(|(a, b)| a.start != b.start || a.skip != b.skip)
}

fn mux(
    bar: &FileProgress,
    original: (&Path, &Probe),
    tracks: &[Track],
    container: &'static Container,
    same_container: bool,
    (target, place): (&Target, &Path),
) -> Result<(), Problem> {
    let assembly = Assembly {
        original: Some(original),
        tracks,
        container,
        same_container,
        film: true,
    };
    watch(&mut assembly.command(place), target.name(), |seconds| {
        bar.reach(seconds)
    })
}

/// The time of a track's first sample after the first picture; after the first packet of another track of sound that is
/// copied, where there is no picture. `None`: nothing to compare with.
fn relation(
    path: &Path,
    probe: &Probe,
    number: Option<usize>,
    cleaned: Vec<usize>,
    subject: &Path,
) -> Result<Option<f64>, Problem> {
    let Some(track) = number.and_then(|number| probe.streams.iter().find(|stream| stream.index == number))
    else {
        return Ok(None);
    };
    let other = |stream: &&Stream| {
        stream.is_sound() && stream.index != track.index && !cleaned.contains(&stream.index)
    };
    let Some(reference) = probe.picture().or_else(|| probe.streams.iter().find(other)) else {
        return Ok(None);
    };
    let sound = first_sample(path, track, subject)?;
    let reference = first_packet(path, reference, subject)?;
    Ok(sound.zip(reference).map(|(sound, reference)| sound - reference))
}

/// By how much each track is late, in seconds.
fn measure(
    original: (&Path, &Probe),
    tracks: &[Track],
    wanted: &[Option<f64>],
    cleaned: &[Cleaned],
    container: &'static Container,
    same_container: bool,
    written: (&Path, &Path),
) -> Result<Vec<Option<f64>>, Problem> {
    let (place, subject) = written;
    let assembly = Assembly {
        original: Some(original),
        tracks,
        container,
        same_container,
        film: true,
    };
    let order = assembly.order();
    let probe = Probe::of_unfinished(place, subject)?;
    let place_of = |number: &usize| order.iter().position(|n| n == number);
    let replaced: Vec<usize> = cleaned_numbers(tracks).iter().filter_map(place_of).collect();
    let mut errors = Vec::new();
    for ((track, wanted), cleaned) in tracks.iter().zip(wanted).zip(cleaned) {
        let number = track.replaces.and_then(|number| place_of(&number));
        let found = relation(place, &probe, number, replaced.clone(), subject)?;
        let Some(((found, wanted), number)) = found.zip(*wanted).zip(number) else {
            errors.push(None);
            continue;
        };
        let excerpt = Excerpt {
            track,
            loud_at: cleaned.spool.loud_at(),
        };
        // Encoders put silence before the sound. Where the container cannot say so it is heard, and belongs to the time.
        let delay = lag(&excerpt, place, number, subject)?.unwrap_or(0.0);
        errors.push(Some(found - wanted + delay));
    }
    Ok(errors)
}
