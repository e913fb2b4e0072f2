//! What is heard for a map: files that are new, and those that a map has already.

use super::kept::Entry;
use super::link::{link, path, without_parents};
use crate::commands::outputs::failure;
use crate::commands::reading::{Input, Seen, describe, each, seen};
use crate::run::plan::Source;
use crate::run::progress::Progress;
use aeden_jobs::find::{Describer, Stamp};
use aeden_media::output::print;
use aeden_media::problem::Problem;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Tells of files that cannot be read, and counts them.
pub struct Teller {
    pub json: bool,
    pub progress: Progress,
    pub failed: usize,
}

impl Teller {
    pub fn failed(&mut self, name: &Path, problem: &Problem) -> Result<(), Problem> {
        self.failed += 1;
        self.progress.line(&format!("aeden: map: {problem}"));
        match self.json {
            true => print(&format!("{}\n", failure(name, problem))),
            false => Ok(()),
        }
    }
}

/// What an input is to the map.
pub enum Found {
    /// The sound of this number, which has the same contents as before, with the marks and the link that it has now.
    Known(usize, Stamp, String),
    /// A sound that the map does not have.
    New(Box<Entry>),
}

/// The inputs beside what a map has.
pub struct Library<'a> {
    inputs: &'a [Input],
    /// Of the inputs; empty for a pipe.
    links: Vec<String>,
    known: &'a [Entry],
    by_link: HashMap<&'a str, usize>,
    /// Sounds whose files lay in a folder that was named, and are no longer there.
    gone: HashSet<usize>,
    /// The same by size and checksum.
    gone_contents: HashMap<(u64, u32), usize>,
}

impl<'a> Library<'a> {
    /// `folder` is that of the page, canonical; `given` are the folders and files that were named.
    pub fn new(folder: &Path, given: &[PathBuf], inputs: &'a [Input], known: &'a [Entry]) -> Library<'a> {
        let of = |file: &Path| {
            file.canonicalize()
                .map_or(String::new(), |file| link(folder, &file))
        };
        let links: Vec<String> = inputs
            .iter()
            .map(|(source, _)| match source {
                Source::File(file) => of(file),
                Source::Stdin => String::new(),
            })
            .collect();
        let present: HashSet<&str> = links.iter().map(String::as_str).collect();
        let folders = given.iter().filter_map(|folder| folder.canonicalize().ok());
        let folders: Vec<PathBuf> = folders.filter(|folder| folder.is_dir()).collect();
        let is_gone = |entry: &Entry| {
            let file = without_parents(&path(folder, &entry.link));
            !entry.link.is_empty()
                && !present.contains(entry.link.as_str())
                && folders.iter().any(|folder| file.starts_with(folder))
        };
        let gone: HashSet<usize> = (0..known.len())
            .filter(|&number| is_gone(&known[number]))
            .collect();
        let contents = |number: usize| {
            let stamp = known[number].stamp;
            ((stamp.size, stamp.checksum), number)
        };
        // Of copies, the first counts.
        let gone_contents = (0..known.len())
            .rev()
            .filter(|number| gone.contains(number))
            .map(contents)
            .collect();
        let with_files = known
            .iter()
            .enumerate()
            .filter(|(_, entry)| !entry.link.is_empty());
        Library {
            inputs,
            known,
            by_link: with_files
                .map(|(number, entry)| (entry.link.as_str(), number))
                .collect(),
            gone,
            gone_contents,
            links,
        }
    }

    /// Whether the file of a known sound lay in a folder that was named and is no longer there.
    pub fn is_gone(&self, number: usize) -> bool {
        self.gone.contains(&number)
    }

    /// The number of the known sound that has this link.
    pub fn known(&self, link: &str) -> Option<usize> {
        self.by_link.get(link).copied()
    }

    /// How many sounds the map will have if all can be read.
    pub fn total(&self) -> usize {
        let new = |link: &&String| self.known(link).is_none();
        self.known.len() - self.gone.len() + self.links.iter().filter(new).count()
    }

    /// Looks at every input, several at a time, and describes what is new. In the order of the inputs; nothing of those that
    /// cannot be read.
    pub fn hear(
        &self,
        describer: &Describer,
        jobs: Option<u16>,
        teller: &mut Teller,
    ) -> Result<Vec<(usize, Found)>, Problem> {
        let mut all = Vec::new();
        let progress = teller.progress.clone();
        each(
            self.inputs,
            jobs,
            &progress,
            |number, source, progress| self.find(number, source, describer, progress),
            |number, found| match found {
                Ok(found) => {
                    all.push((number, found));
                    Ok(())
                }
                Err(problem) => teller.failed(self.inputs[number].0.name(), &problem),
            },
        )?;
        all.sort_by_key(|(number, _)| *number);
        Ok(all)
    }

    fn find(
        &self,
        number: usize,
        source: &Source,
        describer: &Describer,
        progress: &Progress,
    ) -> Result<Found, Problem> {
        let (name, link) = (source.name(), &self.links[number]);
        let mut stamp = Stamp::default();
        if !link.is_empty() {
            let known = self.known(link);
            let before = known.map(|known| self.known[known].stamp);
            let seen = seen(name, before).map_err(|e| Problem::io(name, &e))?;
            let (same, now) = match seen {
                Seen::Untouched(stamp) | Seen::Same(stamp) => (known, stamp),
                Seen::Other(stamp) => {
                    let contents = (stamp.size, stamp.checksum);
                    (self.gone_contents.get(&contents).copied(), stamp)
                }
            };
            if let Some(known) = same {
                return Ok(Found::Known(known, now, link.clone()));
            }
            stamp = now;
        }
        let sound = describe(source, describer, progress)?;
        Ok(Found::New(Box::new(Entry {
            link: link.clone(),
            folder: folder(name),
            seconds: sound.seconds,
            stamp,
            descriptor: sound.descriptor,
            clip: None,
        })))
    }
}

/// The name of the folder that a file lies in.
pub fn folder(file: &Path) -> String {
    let parent = file.parent().and_then(Path::file_name);
    parent.map_or_else(|| ".".into(), |name| name.to_string_lossy().into_owned())
}
