//! What ffmpeg leaves out between two files of one kind, put back as it was stored.

use super::ape;
use super::id3::Around;
use super::inventory::Loss;
use super::mp4::{self, Origin};
use super::mux::Assembly;
use super::probe::{Probe, Stream};
use super::tags::Tags;
use crate::problem::Problem;
use std::path::Path;

/// Puts back what can be, into the finished file at `place`, whose probe this is. Gives what is in the file now.
pub fn restore(assembly: &Assembly, place: &Path, after: Probe, subject: &Path) -> Result<Probe, Problem> {
    let Some((original, before)) = assembly.original.filter(|_| assembly.same_container) else {
        return Ok(after);
    };
    let failed = |e| Problem::io(subject, &e);
    if before.has_tags_around() {
        // Where a tag cannot be taken over, that of ffmpeg stays.
        if let Ok(around) = Around::of(original)
            && around != Around::default()
        {
            around.put(place).map_err(failed)?;
            return Probe::of_unfinished(place, subject);
        }
    } else if before.is("mov") {
        let origins: Vec<Origin> = origins(assembly, before, &after);
        if let Ok(Some(undo)) = mp4::restore(original, place, &origins) {
            return match Probe::of_unfinished(place, subject) {
                Ok(now) if now.streams.len() >= after.streams.len() => Ok(now),
                // Something in the original does not go with the rest.
                _ => {
                    undo.apply(place).map_err(failed)?;
                    Ok(after)
                }
            };
        }
    }
    Ok(after)
}

/// Adds tags and covers that ffmpeg has no place for where the container takes any. Gives what is in the file then; `None` if
/// nothing was added.
pub fn add_tags(
    assembly: &Assembly,
    (original, before): (&Path, &Probe),
    losses: &[Loss],
    place: &Path,
    subject: &Path,
) -> Result<Option<Probe>, Problem> {
    if matches!(assembly.container.muxer, "wv" | "tta") && losses.iter().any(|loss| loss.what == "cover") {
        let pictures = Tags::of_probe(original, before, None)?.pictures;
        ape::add_pictures(place, &pictures).map_err(|e| Problem::io(subject, &e))?;
        return Probe::of_unfinished(place, subject).map(Some);
    }
    if !matches!(assembly.container.muxer, "ipod" | "mp4") {
        return Ok(None);
    }
    let own = before.sounds().take(1).flat_map(|stream| &stream.tags);
    let all: Vec<(&String, &String)> = before.format.tags.iter().chain(own).collect();
    let lost = losses.iter().filter(|loss| loss.what == "tag");
    let fields: Vec<(&str, &str)> = lost
        .filter_map(|loss| all.iter().find(|(key, _)| key.eq_ignore_ascii_case(&loss.name)))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    if fields.is_empty() || !mp4::add_free(place, &fields).map_err(|e| Problem::io(subject, &e))? {
        return Ok(None);
    }
    Probe::of_unfinished(place, subject).map(Some)
}

fn origins(assembly: &Assembly, before: &Probe, after: &Probe) -> Vec<Origin> {
    let track = |stream: &Stream| {
        let now = after.streams.get(assembly.place(stream.index, after)?)?;
        Some(Origin {
            before: stream.id()?,
            after: now.id()?,
            copied: !assembly
                .tracks
                .iter()
                .any(|track| track.replaces == Some(stream.index)),
        })
    };
    before.streams.iter().filter_map(track).collect()
}
