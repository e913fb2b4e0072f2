//! `aeden report`: what cleaning does to recordings, as one page to look at and to listen to.

pub(crate) mod clip;
mod excerpt;
mod page;

use crate::args::{Channels, ReportArgs};
use crate::commands::inspect::{Findings, inspect};
use crate::commands::writing::check_beside;
use crate::run::cleaner::{ChosenNetwork, CleanerSettings};
use crate::run::cores::Cores;
use crate::run::named::Named;
use crate::run::plan::{Source, inputs};
use crate::run::progress::Progress;
use aeden_media::output::{Output, Target, commit, print};
use aeden_media::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, counted, describe};
use aeden_media::unfinished::{clean_up_when_stopped, sweep};
use excerpt::Excerpt;
use page::{Entry, Page};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Seconds of sound on a page that recordings share if nothing else is asked for, and what one has at least and at most.
const SHARED_SECONDS: f64 = 1200.0;
const EXCERPT_SECONDS: (f64, f64) = (5.0, 30.0);

/// Does what the arguments say, and returns the exit status.
pub fn report(args: &ReportArgs) -> Result<u8, Problem> {
    let target = Target::File(args.output.clone());
    if args.output.is_dir() {
        return Err(Problem::usage(format!(
            "{}: a folder; -o takes the name of the page, such as report.html",
            args.output.display()
        )));
    }
    check_beside(&args.output, &[], args.run.overwrite)?;
    if args.inputs.iter().any(|input| input == Path::new("-")) {
        return Err(Problem::usage(
            "standard input '-' has no name to show on the page; give files, folders or patterns",
        ));
    }
    let inputs = inputs(&args.inputs);
    let network = ChosenNetwork::load(&args.network, args.sound.quality, args.sound.streaming)?;
    if !args.run.quiet {
        network.tell_library("report");
    }
    let settings = CleanerSettings::from(&args.sound);
    let seconds = args.excerpt.unwrap_or_else(|| {
        let share = SHARED_SECONDS / inputs.len() as f64;
        share.clamp(EXCERPT_SECONDS.0, EXCERPT_SECONDS.1)
    });
    let progress = Progress::new(!args.run.quiet);
    clean_up_when_stopped(|| INTERRUPTED);
    sweep(&target.folder());
    let unwritable = |e: std::io::Error| Problem::file(&args.output, describe(&e));
    let output = Output::create(&target, args.run.overwrite)?;
    let head = page::Head {
        title: &args.title,
        model: network.name(),
        settings: describe_settings(args, &settings),
    };
    let page = Page::begin(output, &head).map_err(unwritable)?;

    let collector = Mutex::new(Collector {
        page,
        waiting: BTreeMap::new(),
        failed: 0,
        problem: None,
    });
    let sizes = inputs
        .iter()
        .map(|(source, _)| std::fs::metadata(source.name()).map_or(0, |about| about.len()));
    let sizes: Vec<u64> = sizes.collect();
    let progress = progress.with_total(sizes.iter().sum());
    progress.tell(&counted(inputs.len(), "recording", "recordings"));
    let cores = Cores::share(args.run.jobs, inputs.len());
    cores.for_each(inputs.len(), |number| {
        let (source, usable) = &inputs[number];
        let result = usable.clone().and_then(|()| {
            let progress = progress.of_file(sizes[number]);
            hear(source, &network, &settings, seconds, cores.each, &progress)
        });
        let mut collector = collector.lock().unwrap_or_else(PoisonError::into_inner);
        collector.take(number, source, result, args, &progress);
    });
    progress.finish();

    let collector = collector.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failed = collector.failed;
    collector.problem.map_or(Ok(()), |e| Err(unwritable(e)))?;
    if failed == inputs.len() {
        return Err(Problem::file(
            &args.output,
            "not written: there is no recording to show",
        ));
    }
    let output = collector.page.end().map_err(unwritable)?;
    commit(vec![output.seal(&[])?])?;
    if !args.run.quiet && inputs.len() > 1 {
        let done = inputs.len() - failed;
        let line = format!("{}, {failed} failed", counted(done, "recording", "recordings"));
        progress.line(&format!("aeden: report: {}: {line}", args.output.display()));
    }
    Ok(if failed == 0 { DONE } else { FILE_FAILED })
}

/// Everything that the page shows of one recording.
fn hear(
    source: &Source,
    network: &ChosenNetwork,
    settings: &CleanerSettings,
    seconds: f64,
    cores: usize,
    progress: &Progress,
) -> Result<(Findings, Excerpt), Problem> {
    // A defect that one file brings to light must not stop the others.
    let heard = catch_unwind(AssertUnwindSafe(|| {
        let (mut excerpt, mut bar) = (None, None);
        let findings = inspect(source, network, settings, cores, |about, before, after| {
            let excerpt = excerpt.get_or_insert_with(|| Excerpt::new(about.rate, before.len(), seconds));
            excerpt.push(before, after);
            let bar = bar.get_or_insert_with(|| progress.file(source.name(), about.frames, about.rate));
            bar.advance(before.first().map_or(0, Vec::len));
        })?;
        let mut excerpt =
            excerpt.unwrap_or_else(|| Excerpt::new(findings.rate, findings.channels.into(), seconds));
        excerpt.finish();
        Ok((findings, excerpt))
    }));
    heard.unwrap_or_else(|_| {
        Err(Problem::file(
            source.name(),
            "aeden itself is at fault here; please report it with this file",
        ))
    })
}

/// Puts recordings on the page in the order in which they were named, whichever is ready first.
struct Collector {
    page: Page<Output>,
    waiting: BTreeMap<usize, Entry>,
    failed: usize,
    /// Why the page could not be written.
    problem: Option<std::io::Error>,
}

impl Collector {
    fn take(
        &mut self,
        number: usize,
        source: &Source,
        result: Result<(Findings, Excerpt), Problem>,
        args: &ReportArgs,
        progress: &Progress,
    ) {
        let name = source.name().display().to_string();
        let (entry, line) = match result.and_then(|(findings, excerpt)| {
            let entry = Entry::new(&findings, &excerpt).map_err(|e| Problem::io(source.name(), &e))?;
            Ok((entry, findings))
        }) {
            Ok((entry, findings)) => (entry, json!(Line::new("reported", findings, args))),
            Err(problem) => {
                self.failed += 1;
                progress.line(&format!("aeden: report: {problem}"));
                let failure = Failure {
                    file: Named::new("file", source.name()),
                    error: problem.to_string(),
                };
                let entry = Entry::failed(&name, &failure.error);
                (entry, json!(Line::new("failed", failure, args)))
            }
        };
        if args.run.json {
            // A reader that has gone is told by the exit status of the next program, not by ours.
            let _ = print(&format!("{line}\n"));
        }
        self.waiting.insert(number, entry);
        while let Some(entry) = self.waiting.remove(&self.page.entries()) {
            if let Err(e) = self.page.add(&entry) {
                self.problem.get_or_insert(e);
            }
        }
    }
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<A> {
    #[serde(flatten)]
    about: A,
    status: &'static str,
    #[serde(flatten)]
    page: Named,
}

impl<A> Line<A> {
    fn new(status: &'static str, about: A, args: &ReportArgs) -> Self {
        Line {
            about,
            status,
            page: Named::new("page", &args.output),
        }
    }
}

/// A recording that is not on the page.
#[derive(Serialize)]
struct Failure {
    #[serde(flatten)]
    file: Named,
    error: String,
}

/// What was asked of the denoiser, in words for the page.
fn describe_settings(args: &ReportArgs, settings: &CleanerSettings) -> String {
    let mut words = Vec::new();
    if let Some(preset) = args.sound.preset {
        words.push(format!("preset {}", preset.name));
    }
    if let Some(purpose) = args.sound.purpose {
        words.push(format!("for {}", purpose.name.to_lowercase()));
    }
    words.push(match settings.limit {
        Some(limit) => format!("at most {limit} dB"),
        None => "no limit".into(),
    });
    if !settings.bands.is_empty() {
        words.push(format!("bands {}", settings.bands));
    }
    if settings.mix != 1.0 {
        words.push(format!("mix {}", settings.mix));
    }
    if settings.channels == Channels::Independent {
        words.push("every channel on its own".into());
    }
    words.join(", ")
}
