//! The page of `aeden find query --html`: what was looked for and what was found, each with a player.

use crate::output::{Output, Target, commit, exists};
use crate::plan::Source;
use crate::problem::Problem;
use crate::report::clip::clip;
use crate::report::page::escape;
use aeden_jobs::find::Match;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Seconds of every sound that can be heard.
const SECONDS: f64 = 10.0;

const HEAD: &str = include_str!("find.html");

/// A page under way.
pub struct Page {
    file: PathBuf,
    out: Output,
}

impl Page {
    /// Begins a page, which appears when it is complete.
    pub fn begin(file: &Path, overwrite: bool) -> Result<Page, Problem> {
        if !overwrite && file.symlink_metadata().is_ok() {
            return Err(exists(file));
        }
        let mut page = Page {
            file: file.into(),
            out: Output::create(&Target::File(file.into()), overwrite)?,
        };
        page.write(HEAD)?;
        Ok(page)
    }

    /// Where it lies.
    pub fn folder(&self) -> PathBuf {
        Target::File(self.file.clone()).folder()
    }

    fn write(&mut self, text: &str) -> Result<(), Problem> {
        self.out
            .write_all(text.as_bytes())
            .map_err(|e| Problem::io(&self.file, &e))
    }

    /// Adds a query and what was found.
    pub fn add(&mut self, sound: &Path, matches: &[Match]) -> Result<(), Problem> {
        let name = escape(&sound.display().to_string());
        self.write(&format!("<h2>{name}</h2>\n<p>{}</p>\n<table>\n", player(sound)))?;
        self.write("<tr><th>likeness</th><th>seconds</th><th>sound</th><th></th></tr>\n")?;
        for found in matches {
            let (name, folder) = (found.path.file_name(), found.path.parent());
            let text =
                |part: Option<&Path>| escape(&part.map(|p| p.display().to_string()).unwrap_or_default());
            self.write(&format!(
                "<tr><td>{:.3}</td><td>{:.1}</td><td>{}<br><small>{}</small></td><td>{}</td></tr>\n",
                found.similarity,
                found.seconds,
                text(name.map(Path::new)),
                text(folder),
                player(&found.path)
            ))?;
        }
        self.write("</table>\n")
    }

    /// Ends the page and gives it its name.
    pub fn end(mut self) -> Result<(), Problem> {
        self.write("</body>\n</html>\n")?;
        commit(vec![self.out.seal(&[])?])
    }
}

/// A player with the sound inside, or why there is none.
fn player(path: &Path) -> String {
    match clip(&Source::from_path(path), SECONDS) {
        Ok(sound) => {
            let data = STANDARD.encode(sound);
            format!("<audio controls preload=\"none\" src=\"data:audio/flac;base64,{data}\"></audio>")
        }
        Err(problem) => format!("<small>{}</small>", escape(&problem.to_string())),
    }
}
