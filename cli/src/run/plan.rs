//! What will be read, written, left alone and refused, settled before anything is done.

use crate::args::CleanArgs;
use crate::args::job::{is_pattern, stands_for_several};
use crate::args::template::Template;
use aeden_media::ffmpeg::container::has_known_ending;
use aeden_media::ffmpeg::{is_recording, usual_ending};
use aeden_media::output::{Target, exists_or_skip, one_on_stdout, was_made_from};
use aeden_media::problem::{Problem, describe};
use file_id::{FileId, get_file_id};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file, device or named pipe.
    File(PathBuf),
}

impl Source {
    /// `-` is standard input.
    pub fn from_path(path: &Path) -> Self {
        if path == Path::new("-") {
            Source::Stdin
        } else {
            Source::File(path.into())
        }
    }

    /// As the user knows it.
    pub fn name(&self) -> &Path {
        match self {
            Source::Stdin => Path::new("-"),
            Source::File(path) => path,
        }
    }
}

/// One file to clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What is read.
    pub input: Source,
    /// Where the cleaned sound goes.
    pub output: Target,
    /// Where what was taken out goes.
    pub removed: Option<Target>,
    /// Where the picture goes.
    pub plot: Option<Target>,
    /// Whether what exists under these names is replaced.
    pub replace: bool,
    /// Whether the output's name was given to it, so that its ending says what is to be written; otherwise it comes from the
    /// input's.
    pub chosen: bool,
}

impl Job {
    /// Whether there is something under the name of its output.
    pub fn output_exists(&self) -> bool {
        matches!(&self.output, Target::File(path) if path.exists())
    }

    /// Whether what is there was made from its input, as far as that can be told.
    pub fn was_done_before(&self) -> bool {
        match (&self.input, &self.output) {
            (Source::File(input), Target::File(output)) => was_made_from(output, input),
            _ => false,
        }
    }
}

/// What happens to one input.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is cleaned.
    Clean(Job),
    /// Its output exists already, which was said to be fine.
    Skip(Job),
    /// It cannot be cleaned, for this reason.
    Refuse(Source, Problem),
}

impl Step {
    /// The size of its input in bytes, as far as that is known; 0 if there is nothing to do.
    pub fn size(&self) -> u64 {
        match self {
            Step::Clean(Job {
                input: Source::File(path),
                ..
            }) => fs::metadata(path).map_or(0, |about| about.len()),
            _ => 0,
        }
    }
}

/// Settles what happens to every input of `args`. The error is one of usage: nothing at all should be done then.
pub fn plan(args: &CleanArgs) -> Result<Vec<Step>, Problem> {
    settle(pairs(args)?, args)
}

/// Settles what happens to these files of the folder `base`, whose outputs go below that of `-o`.
pub fn plan_files(args: &CleanArgs, base: &Path, files: Vec<PathBuf>) -> Result<Vec<Step>, Problem> {
    let naming = Naming::new(args)?.ok_or_else(|| Problem::usage("outputs need a folder; add -o DIR"))?;
    let pairs = files.into_iter().map(|file| naming.pair(file, base));
    settle(pairs.collect(), args)
}

/// The recordings that paths stand for, folders and patterns resolved, each once, or why there is none.
pub fn inputs(paths: &[PathBuf]) -> Vec<(Source, Result<(), Problem>)> {
    let naming = Naming {
        folder: Some(Path::new("")),
        template: None,
    };
    let mut known = Known::default();
    let mut inputs = Vec::new();
    for pair in paths.iter().flat_map(|path| into_folder(path, &naming)) {
        let name = pair.input.name().to_path_buf();
        if known.files.insert(Identity::of(&name), name).is_none() {
            inputs.push((pair.input, pair.output.map(drop)));
        }
    }
    inputs
}

/// Settles what happens to every pair.
fn settle(pairs: Vec<Pair>, args: &CleanArgs) -> Result<Vec<Step>, Problem> {
    let single = matches!(pairs.as_slice(), [_]);
    if !single && (args.removed.is_some() || args.plot.is_some()) {
        return Err(Problem::usage(
            "--removed and --plot take one file, but there are several inputs; clean them one by one",
        ));
    }
    if pairs
        .iter()
        .any(|pair| pair.output.as_ref().is_ok_and(|out| out == Path::new("-")))
    {
        one_on_stdout(args.run.json, &Target::Stdout)?;
    }
    if pairs.iter().filter(|pair| pair.input == Source::Stdin).count() > 1 {
        return Err(Problem::usage(
            "standard input '-' is given twice; it can be read once",
        ));
    }
    for extra in [&args.removed, &args.plot].into_iter().flatten() {
        if extra == Path::new("-") {
            return Err(Problem::usage("--removed and --plot need a file, not '-'"));
        }
    }

    let streamed = |pair: &Pair| pair.output.as_ref().is_ok_and(|out| out == Path::new("-"));
    if args.verify && pairs.iter().any(streamed) {
        return Err(Problem::usage(
            "--verify reads the finished output again, which a stream cannot be; give OUT or leave out --verify",
        ));
    }

    let inputs = Known::of_inputs(pairs.iter().map(|pair| &pair.input));
    let mut claimed = Known::default();
    let steps = pairs.into_iter().filter_map(|pair| {
        let is_ours = match (&args.shard, &pair.below) {
            (Some(shard), Some(name)) => shard.has(name),
            _ => true,
        };
        let input = pair.input.clone();
        // Also of those that are not ours: two inputs with one output are found in every share alike.
        let step =
            step(pair, args, &inputs, &mut claimed).unwrap_or_else(|problem| Step::Refuse(input, problem));
        is_ours.then_some(step)
    });
    Ok(steps.collect())
}

/// An input, and the path of its output or why there is none.
struct Pair {
    input: Source,
    output: Result<PathBuf, Problem>,
    /// The output is known to be one only by standing second: a shell writes `*.wav` out like that, too.
    by_order: bool,
    /// See [`Job::chosen`].
    chosen: bool,
    /// The name below the folder that was given; `None` for what is no input of its own, such as a folder that cannot be read.
    below: Option<PathBuf>,
}

/// How the outputs of any number of inputs are called.
struct Naming<'a> {
    /// Where they are; beside the inputs where there is none.
    folder: Option<&'a Path>,
    template: Option<&'a Template>,
}

impl<'a> Naming<'a> {
    /// As `-o`, `--beside` and `--template` say; `None` without any of them.
    fn new(args: &'a CleanArgs) -> Result<Option<Self>, Problem> {
        let folder = args.output_dir.as_deref();
        if let Some(folder) = folder.filter(|folder| folder.exists() && !folder.is_dir()) {
            return Err(Problem::usage(format!(
                "{}: not a folder; -o needs one",
                folder.display()
            )));
        }
        let template = args.template.as_ref();
        if template.is_some() && args.paths.iter().any(|path| path == Path::new("-")) {
            return Err(Problem::usage(
                "--template makes names of the inputs' names, and standard input has none; give OUT instead",
            ));
        }
        let each_named = || !args.paths.iter().any(|path| stands_for_several(path));
        let several = folder.is_some() || args.beside || (template.is_some() && each_named());
        Ok(several.then_some(Naming { folder, template }))
    }

    /// Without a template, the output has the same place under the folder as the input under `base`.
    fn pair(&self, path: PathBuf, base: &Path) -> Pair {
        let own = path.file_name().map(Path::new);
        let mut chosen = false;
        let mut filled = |template: &Template, below: &Path| {
            let name = template.fill(&path, below);
            chosen = name.extension() != path.extension();
            name
        };
        let below = path.strip_prefix(base).ok().or(own);
        let output = match below.zip(own) {
            Some((below, own)) => Ok(match (self.folder, self.template) {
                (Some(folder), Some(template)) => folder.join(filled(template, below)),
                (Some(folder), None) => folder.join(below),
                (None, Some(template)) => path.with_file_name("").join(filled(template, own)),
                (None, None) => beside(&path),
            }),
            None => Err(Problem::file(&path, "has no file name; give a file")),
        };
        Pair {
            below: below.map(Path::to_path_buf),
            input: Source::File(path),
            output,
            by_order: false,
            chosen,
        }
    }
}

impl Naming<'_> {
    /// Leaves out what other inputs' outputs are called: those of the last run, where they stand beside the inputs.
    fn without_outputs(&self, mut pairs: Vec<Pair>) -> Vec<Pair> {
        if self.folder.is_none() {
            let outputs: HashSet<PathBuf> =
                pairs.iter().filter_map(|pair| pair.output.clone().ok()).collect();
            pairs.retain(|pair| !outputs.contains(pair.input.name()));
        }
        pairs
    }
}

impl Pair {
    fn refused(path: &Path, problem: Problem) -> Self {
        Pair {
            input: Source::from_path(path),
            output: Err(problem),
            by_order: false,
            chosen: false,
            below: None,
        }
    }
}

/// Inputs with their outputs, folders and patterns resolved.
fn pairs(args: &CleanArgs) -> Result<Vec<Pair>, Problem> {
    if args.shard.is_some() && args.output_dir.is_none() && !args.beside && args.template.is_none() {
        return Err(Problem::usage(
            "--shard shares out the files of folders, patterns and lists; add -o DIR for their outputs, or --beside",
        ));
    }
    if let Some((path, output)) = one_file(args)? {
        return Ok(vec![Pair {
            input: Source::from_path(path),
            output: Ok(output.clone()),
            by_order: false,
            chosen: true,
            below: path.file_name().map(PathBuf::from),
        }]);
    }
    if let Some(naming) = Naming::new(args)? {
        let paths = args.paths.iter();
        return Ok(paths.flat_map(|path| into_folder(path, &naming)).collect());
    }
    if let (Some(path), true) = (
        args.paths.iter().find(|path| stands_for_several(path)),
        args.template.is_some(),
    ) {
        return Err(several(path));
    }
    let (path, out) = match args.paths.as_slice() {
        [path] => (path, None),
        [path, out] => (path, Some(out)),
        _ => {
            return Err(Problem::usage(
                "several inputs need a folder for their outputs; add -o DIR, or --beside to have them beside the inputs",
            ));
        }
    };
    if path != Path::new("-") && stands_for_several(path) {
        return Err(several(path));
    }
    let output = match out {
        Some(out) if out.is_dir() => {
            return Err(Problem::usage(format!(
                "{0}: a folder; to write into it say: -o {0}",
                out.display()
            )));
        }
        Some(out) => out.clone(),
        None if path == Path::new("-") => path.clone(),
        None => beside(path),
    };
    Ok(vec![Pair {
        input: Source::from_path(path),
        output: Ok(output),
        by_order: out.is_some() && path != Path::new("-"),
        chosen: out.is_some(),
        below: None,
    }])
}

/// One input and, with `-o`, the file that it becomes: what `-o` names then has the ending of one, and is no folder.
fn one_file(args: &CleanArgs) -> Result<Option<(&Path, &PathBuf)>, Problem> {
    let (Some(out), [path]) = (&args.output_dir, args.paths.as_slice()) else {
        return Ok(None);
    };
    let several = path != Path::new("-") && stands_for_several(path);
    if several || args.template.is_some() || out.is_dir() || !has_known_ending(out) {
        return Ok(None);
    }
    if is_same_file(path, out) {
        return Err(Problem::usage(format!(
            "{}: the input itself, not a folder; -o needs a folder, or another name for the file",
            out.display()
        )));
    }
    Ok(Some((path, out)))
}

/// That the second of two paths may have been meant as an input.
pub fn is_a_recording(path: &Path) -> Problem {
    Problem::file(
        path,
        format!(
            "exists already, and is a recording (two paths mean IN OUT: to clean both add -o DIR, to replace it say -o {} -y)",
            path.display()
        ),
    )
}

/// Refuses to put a page, a table, a picture or an index where a recording is, whatever was said of replacing: whoever names one has
/// mistaken it for the output.
pub fn spare_recordings(output: &Path) -> Result<(), Problem> {
    match is_recording(output) {
        true => Err(Problem::file(
            output,
            "is a recording, which no page, table, picture or index replaces; give the output another name",
        )),
        false => Ok(()),
    }
}

fn several(path: &Path) -> Problem {
    Problem::usage(format!(
        "{}: a folder or pattern stands for several inputs, which need a folder for their outputs; add -o DIR, or --beside to have \
         them beside the inputs",
        path.display()
    ))
}

/// `NAME.clean.wav` beside `NAME.wav`; a name without an ending gets that of what the file is.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(".clean.");
    match path.extension() {
        Some(ending) => name.push(ending),
        None => name.push(usual_ending(path).unwrap_or("wav")),
    }
    path.with_file_name(name)
}

/// One input of a command with `-o`: a file, a folder, a pattern.
fn into_folder(path: &Path, naming: &Naming) -> Vec<Pair> {
    if path == Path::new("-") {
        let problem = Problem::file(
            path,
            "standard input has no name to make others of; give OUT instead of -o or --beside",
        );
        return vec![Pair::refused(path, problem)];
    }
    if path.is_dir() {
        return from_folder(path, path, naming);
    }
    if path.exists() || !is_pattern(path) {
        let pair = naming.pair(path.into(), path.parent().unwrap_or(path));
        // What is not there is a mistake of the command, not of one share.
        let below = pair.below.filter(|_| path.exists());
        return vec![Pair { below, ..pair }];
    }
    let pattern = path.to_str().unwrap_or_default();
    let options = glob::MatchOptions {
        require_literal_leading_dot: true,
        ..glob::MatchOptions::new()
    };
    let found = match glob::glob_with(pattern, options) {
        Ok(found) => found,
        Err(e) => {
            return vec![Pair::refused(
                path,
                Problem::file(path, format!("not a pattern: {}", e.msg)),
            )];
        }
    };
    // Sub-folders are kept from the first part of the pattern on that is not plain.
    let base: PathBuf = path
        .components()
        .take_while(|part| !is_pattern(part.as_ref()))
        .collect();
    let mut pairs = Vec::new();
    for entry in found {
        match entry {
            Ok(found) if found.is_dir() => pairs.extend(from_folder(&found, &base, naming)),
            Ok(found) => pairs.push(match no_file(&found) {
                Some(e) => Pair::refused(&found, Problem::io(&found, &e)),
                None => naming.pair(found, &base),
            }),
            Err(e) => pairs.push(Pair::refused(e.path(), Problem::io(e.path(), e.error()))),
        }
    }
    if pairs.is_empty() {
        pairs.push(Pair::refused(
            path,
            Problem::file(path, "no file matches this pattern; check it"),
        ));
    }
    naming.without_outputs(pairs)
}

/// Every sound file under `from`, with its place under `base`.
fn from_folder(from: &Path, base: &Path, naming: &Naming) -> Vec<Pair> {
    let found = sound_files(from, naming.folder.unwrap_or(Path::new("")))
        .into_iter()
        .map(|found| match found {
            Ok(path) => naming.pair(path, base),
            Err((folder, e)) => Pair::refused(&folder, Problem::io(&folder, &e)),
        });
    let mut pairs: Vec<Pair> = found.collect();
    if pairs.is_empty() {
        let what = "is a folder with no sound or film files in it; give the files themselves";
        pairs.push(Pair::refused(from, Problem::file(from, what)));
    }
    naming.without_outputs(pairs)
}

/// Why a folder or pattern does not stand for this, if so: a pipe or device in it was not meant, and may be waited for
/// without end.
fn no_file(path: &Path) -> Option<io::Error> {
    let about = fs::metadata(path).ok().filter(|about| !about.is_file());
    about.map(|_| io::Error::other("is a pipe or device, not a file; to read from it name it itself"))
}

/// Every recording under `from`, in the order of names, and what cannot be read: by their names, and where these say nothing
/// by what is in them.
pub fn sound_files(from: &Path, to: &Path) -> Vec<Result<PathBuf, (PathBuf, io::Error)>> {
    let mut found = files(from, to);
    found.retain(|file| file.as_ref().is_ok_and(|path| may_be_recording(path)) || file.is_err());
    found
}

/// Whether a file that lies in a folder is taken.
pub fn may_be_recording(path: &Path) -> bool {
    has_known_ending(path) || is_recording(path)
}

/// Every regular file under `from`, in the order of names, and folders that cannot be read. Hidden files are left alone,
/// and so is the folder `to` if it lies inside `from`.
pub fn files(from: &Path, to: &Path) -> Vec<Result<PathBuf, (PathBuf, io::Error)>> {
    let own = to.canonicalize().ok();
    let mut found = Vec::new();
    let mut folders = vec![from.to_path_buf()];
    while let Some(current) = folders.pop() {
        let listed = fs::read_dir(&current).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(e) => {
                found.push(Err((current, e)));
                continue;
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut inner = Vec::new();
        for entry in entries {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Links to folders are not followed: they may lead in circles. Named pipes are not opened: nobody may be there.
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                if own.is_none() || path.canonicalize().ok() != own {
                    inner.push(path);
                }
            } else if path.is_file() {
                found.push(Ok(path));
            } else if has_known_ending(&path) {
                found.push(match no_file(&path) {
                    Some(e) => Err((path, e)),
                    None => Ok(path),
                });
            }
        }
        folders.extend(inner.into_iter().rev());
    }
    found
}

/// Files by what they are, not by how they are called.
#[derive(Default)]
struct Known {
    files: HashMap<Identity, PathBuf>,
}

/// Equal for all names of one file: links, and ways around such as `./`.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    /// What the file system calls a file that exists. Not `same_file::Handle`, which keeps every file open.
    File(FileId),
    /// Where a file will be.
    Place(PathBuf),
}

impl Identity {
    fn of(path: &Path) -> Self {
        match get_file_id(path) {
            Ok(id) => Identity::File(id),
            Err(_) => Identity::Place(place(path)),
        }
    }

    /// Of the file that standard input or output has been redirected to, where the system can tell.
    #[cfg(unix)]
    fn of_stream(stream: impl std::os::fd::AsFd) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let about = fs::File::from(stream.as_fd().try_clone_to_owned().ok()?)
            .metadata()
            .ok()?;
        let id = || FileId::new_inode(about.dev(), about.ino());
        about.is_file().then(|| Identity::File(id()))
    }

    #[cfg(not(unix))]
    fn of_stream<S>(_stream: S) -> Option<Self> {
        None
    }
}

impl Known {
    fn of_inputs<'a>(inputs: impl Iterator<Item = &'a Source>) -> Self {
        let mut known = Known::default();
        for input in inputs {
            let identity = match input {
                Source::Stdin => Identity::of_stream(io::stdin()),
                Source::File(path) => Some(Identity::of(path)),
            };
            if let Some(identity) = identity {
                known.files.insert(identity, input.name().into());
            }
        }
        known
    }

    /// The name under which a file is known already.
    fn find(&self, identity: &Identity) -> Option<&Path> {
        self.files.get(identity).map(PathBuf::as_path)
    }
}

/// Whether two names stand for one file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    Identity::of(one) == Identity::of(other)
}

/// Where a file that does not exist yet will be: its folder without links, then its name.
fn place(path: &Path) -> PathBuf {
    let mut missing: Vec<Component> = Vec::new();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let mut existing = absolute.as_path();
    loop {
        if let Ok(real) = existing.canonicalize() {
            return missing.into_iter().rev().fold(real, |path, part| path.join(part));
        }
        let (Some(parent), Some(last)) = (existing.parent(), existing.components().next_back()) else {
            return absolute;
        };
        missing.push(last);
        existing = parent;
    }
}

/// Decides about one input.
fn step(pair: Pair, args: &CleanArgs, inputs: &Known, claimed: &mut Known) -> Result<Step, Problem> {
    let output = pair.output?;
    if let Source::File(path) = &pair.input {
        let about = fs::metadata(path).map_err(|e| Problem::io(path, &e))?;
        if about.is_dir() {
            return Err(Problem::file(path, "is a folder; give a file, or add -o DIR"));
        }
    }
    let name = pair.input.name().to_path_buf();
    let mut target = |path: &Path, role: &str| -> Result<Target, Problem> {
        let target = target(path).map_err(|e| Problem::file(path, e))?;
        if matches!(target, Target::Device(_)) && args.output_dir.is_some() {
            let what = "is a pipe or device, not a file; to write into it name it instead of -o";
            return Err(Problem::file(path, what));
        }
        let shared = match &target {
            Target::Stdout => Identity::of_stream(io::stdout()).and_then(|identity| inputs.find(&identity)),
            Target::Device(_) => None,
            Target::File(path) => inputs.find(&Identity::of(path)),
        };
        if let Some(input) = shared {
            let whose = if input == name {
                "the input itself"
            } else {
                "another input"
            };
            return Err(Problem::file(
                &name,
                format!("its {role} {} is {whose}; choose another name", path.display()),
            ));
        }
        if let Target::File(real) = &target {
            let identity = Identity::of(real);
            if let Some(other) = claimed.find(&identity) {
                return Err(Problem::file(
                    &name,
                    format!(
                        "its {role} {} is written already as {}; choose another name",
                        path.display(),
                        other.display()
                    ),
                ));
            }
            claimed.files.insert(identity, real.clone());
        }
        Ok(target)
    };
    let output = target(&output, "output")?;
    let removed = args
        .removed
        .as_deref()
        .map(|path| target(path, "--removed file"))
        .transpose()?;
    let plot = args
        .plot
        .as_deref()
        .map(|path| target(path, "--plot file"))
        .transpose()?;
    let job = Job {
        input: pair.input,
        output,
        removed,
        plot,
        replace: args.run.overwrite,
        chosen: pair.chosen,
    };
    // An empty output of what is not empty is not done, and nothing is lost with it.
    let is_undone = |path: &Path| is_empty(path) && !is_empty(&name);
    let job = match &job.output {
        Target::File(path) if args.skip_existing && is_undone(path) => Job { replace: true, ..job },
        _ => job,
    };
    if let Target::File(path) = &job.output
        && pair.by_order
        && is_recording(path)
        && !was_made_from(path, &name)
    {
        return Err(is_a_recording(path));
    }
    for (target, endings, what) in [
        (
            &job.removed,
            &["wav", "wave"][..],
            "--removed is a WAV file; let its name end in .wav",
        ),
        (
            &job.plot,
            &["png"],
            "--plot is a PNG picture; let its name end in .png",
        ),
    ] {
        if let Some(Target::File(path)) = target
            && (job.replace || path.symlink_metadata().is_err())
            && let Some(ending) = path.extension()
            && !endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
        {
            return Err(Problem::file(path, what));
        }
    }
    if let Some(Target::File(path)) = &job.plot {
        spare_recordings(path)?;
    }
    if args.skip_existing && matches!(&job.output, Target::File(path) if path.exists() && !is_undone(path)) {
        return Ok(Step::Skip(job));
    }
    if !args.run.overwrite {
        for target in [Some(&job.output), job.removed.as_ref(), job.plot.as_ref()]
            .into_iter()
            .flatten()
        {
            if let Target::File(path) = target
                && path.symlink_metadata().is_ok()
                && !job.replace
            {
                return Err(exists_or_skip(path));
            }
        }
    }
    Ok(Step::Clean(job))
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() == 0)
}

/// What kind of thing a path names. Links are followed, so that the file behind them is replaced and not the link.
pub fn target(path: &Path) -> Result<Target, String> {
    if path == Path::new("-") {
        return Ok(Target::Stdout);
    }
    if path.file_name().is_none() {
        return Err("has no file name; give a file".into());
    }
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => Err("is a folder; give a file".into()),
        Ok(about) if about.is_file() => match path.symlink_metadata() {
            Ok(link) if link.is_symlink() => path.canonicalize().map(Target::File).map_err(|e| describe(&e)),
            _ => Ok(Target::File(path.into())),
        },
        Ok(_) => Ok(Target::Device(path.into())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Target::File(path.into())),
        Err(e) => Err(describe(&e)),
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |job: &Job| {
            let extra = [&job.removed, &job.plot].into_iter().flatten();
            let mut text = format!(
                "{} -> {}",
                job.input.name().display(),
                job.output.name().display()
            );
            for target in extra {
                text.push_str(&format!(", {}", target.name().display()));
            }
            text
        };
        match self {
            Step::Clean(job) => write!(f, "clean {}", names(job)),
            Step::Skip(job) => write!(f, "skip {}: the output exists", names(job)),
            Step::Refuse(_, problem) => write!(f, "refuse {problem}"),
        }
    }
}
