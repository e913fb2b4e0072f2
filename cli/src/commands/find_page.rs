//! The page of `aeden find query --html`: what was looked for and what was found, each with a player.

use crate::commands::page;
use crate::commands::report::clip::clip;
use crate::commands::writing::check_beside;
use crate::run::plan::Source;
use aeden_jobs::find::Match;
use aeden_media::output::{Output, Target, commit};
use aeden_media::problem::{Problem, guarded};
use maud::{Markup, html};
use std::io;
use std::path::{Path, PathBuf};

/// Seconds of every sound that can be heard.
const SECONDS: f64 = 10.0;

const STYLE: &str = include_str!("find.css");

/// A page under way.
pub struct Page {
    file: PathBuf,
    page: page::Page<Output>,
}

impl Page {
    /// Begins a page, which appears when it is complete.
    pub fn begin(file: &Path, overwrite: bool) -> Result<Page, Problem> {
        check_beside(file, &[], overwrite)?;
        let out = Output::create(&Target::File(file.into()), overwrite)?;
        let top = html! { h1 { "Sounds found" } };
        let page = page::Page::begin(out, "Sounds found", STYLE, &top);
        Ok(Page {
            page: page.map_err(|e| Problem::io(file, &e))?,
            file: file.into(),
        })
    }

    /// Where it lies.
    pub fn folder(&self) -> PathBuf {
        Target::File(self.file.clone()).folder()
    }

    fn broken(&self) -> impl Fn(io::Error) -> Problem + use<> {
        let file = self.file.clone();
        move |e| Problem::io(&file, &e)
    }

    /// Adds a query and what was found.
    pub fn add(&mut self, sound: &Path, matches: &[Match]) -> Result<(), Problem> {
        let part = |part: Option<&Path>| part.map(|part| part.display().to_string()).unwrap_or_default();
        let found = html! {
            h2 { (sound.display()) }
            p { (player(sound)) }
            table {
                tr { th { "likeness" } th { "seconds" } th { "sound" } th {} }
                @for found in matches {
                    tr {
                        td { (format!("{:.3}", found.similarity)) }
                        td { (format!("{:.1}", found.seconds)) }
                        td {
                            (part(found.path.file_name().map(Path::new)))
                            br;
                            small { (part(found.path.parent())) }
                        }
                        td { (player(&found.path)) }
                    }
                }
            }
        };
        self.page.add(&found).map_err(self.broken())
    }

    /// Ends the page and gives it its name.
    pub fn end(self) -> Result<(), Problem> {
        let broken = self.broken();
        let out = self.page.end("").map_err(broken)?;
        commit(vec![out.seal(&[])?])
    }
}

/// A player with the sound inside, or why there is none.
fn player(path: &Path) -> Markup {
    match guarded(path, || clip(&Source::from_path(path), SECONDS)) {
        Ok(sound) => page::player(&sound),
        Err(problem) => html! { small { (problem) } },
    }
}
