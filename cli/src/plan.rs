//! What will be read, written, left alone and refused, settled before anything is done.

use crate::args::CleanArgs;
use crate::media::container::has_known_ending;
use crate::output::{Target, exists, one_on_stdout};
use crate::problem::{Problem, describe};
use crate::template::Template;
use file_id::{FileId, get_file_id};
use std::collections::HashMap;
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
        folder: Path::new(""),
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

    let inputs = Known::of_inputs(pairs.iter().map(|pair| &pair.input));
    let mut claimed = Known::default();
    let steps = pairs.into_iter().map(|pair| {
        let input = pair.input.clone();
        step(pair, args, &inputs, &mut claimed).unwrap_or_else(|problem| Step::Refuse(input, problem))
    });
    Ok(steps.collect())
}

/// An input, and the path of its output or why there is none.
struct Pair {
    input: Source,
    output: Result<PathBuf, Problem>,
}

/// How outputs in a folder are called.
struct Naming<'a> {
    folder: &'a Path,
    template: Option<&'a Template>,
}

impl<'a> Naming<'a> {
    /// As `-o` and `--template` say; `None` without `-o`.
    fn new(args: &'a CleanArgs) -> Result<Option<Self>, Problem> {
        let Some(folder) = &args.output_dir else {
            return Ok(None);
        };
        if folder.exists() && !folder.is_dir() {
            return Err(Problem::usage(format!(
                "{}: not a folder; -o needs one",
                folder.display()
            )));
        }
        Ok(Some(Naming {
            folder,
            template: args.template.as_ref(),
        }))
    }

    /// Without a template, the output has the same place under the folder as the input under `base`.
    fn pair(&self, path: PathBuf, base: &Path) -> Pair {
        let output = match path.strip_prefix(base).ok().or(path.file_name().map(Path::new)) {
            Some(below) => Ok(match self.template {
                Some(template) => self.folder.join(template.fill(&path, below)),
                None => self.folder.join(below),
            }),
            None => Err(Problem::file(&path, "has no file name; give a file")),
        };
        Pair {
            input: Source::File(path),
            output,
        }
    }
}

impl Pair {
    fn refused(path: &Path, problem: Problem) -> Self {
        Pair {
            input: Source::from_path(path),
            output: Err(problem),
        }
    }
}

/// Inputs with their outputs, folders and patterns resolved.
fn pairs(args: &CleanArgs) -> Result<Vec<Pair>, Problem> {
    if let Some(naming) = Naming::new(args)? {
        let paths = args.paths.iter();
        return Ok(paths.flat_map(|path| into_folder(path, &naming)).collect());
    }
    let single_files = || {
        args.paths
            .iter()
            .all(|path| path != Path::new("-") && !stands_for_several(path))
    };
    if let Some(template) = args.template.as_ref().filter(|_| single_files()) {
        let beside = |path: &PathBuf| {
            let folder = path.parent().unwrap_or(Path::new(""));
            let naming = Naming {
                folder,
                template: Some(template),
            };
            naming.pair(path.clone(), folder)
        };
        return Ok(args.paths.iter().map(beside).collect());
    }
    let (path, out) = match args.paths.as_slice() {
        [path] => (path, None),
        [path, out] => (path, Some(out)),
        _ => {
            return Err(Problem::usage(
                "several inputs need a folder for their outputs; add -o DIR",
            ));
        }
    };
    if path != Path::new("-") && stands_for_several(path) {
        return Err(Problem::usage(format!(
            "{}: a folder or pattern stands for several inputs, which need a folder for their outputs; add -o DIR",
            path.display()
        )));
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
    }])
}

/// `NAME.clean.wav` beside `NAME.wav`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(".clean.");
    // A name without a usual ending gets one.
    let ending = path.extension().filter(|_| has_known_ending(path));
    name.push(ending.unwrap_or("wav".as_ref()));
    path.with_file_name(name)
}

fn stands_for_several(path: &Path) -> bool {
    path.is_dir() || !path.exists() && is_pattern(path)
}

fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '[']))
}

/// One input of a command with `-o`: a file, a folder, a pattern.
fn into_folder(path: &Path, naming: &Naming) -> Vec<Pair> {
    if path == Path::new("-") {
        let problem = Problem::file(
            path,
            "standard input has no name to use in a folder; give OUT instead of -o",
        );
        return vec![Pair::refused(path, problem)];
    }
    if path.is_dir() {
        return from_folder(path, path, naming);
    }
    if path.exists() || !is_pattern(path) {
        return vec![naming.pair(path.into(), path.parent().unwrap_or(path))];
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
            Ok(found) => pairs.push(naming.pair(found, &base)),
            Err(e) => pairs.push(Pair::refused(e.path(), Problem::io(e.path(), e.error()))),
        }
    }
    if pairs.is_empty() {
        pairs.push(Pair::refused(
            path,
            Problem::file(path, "no file matches this pattern; check it"),
        ));
    }
    pairs
}

/// Every sound file under `from`, with its place under `base`.
fn from_folder(from: &Path, base: &Path, naming: &Naming) -> Vec<Pair> {
    let found = sound_files(from, naming.folder)
        .into_iter()
        .map(|found| match found {
            Ok(path) => naming.pair(path, base),
            Err((folder, e)) => Pair::refused(&folder, Problem::io(&folder, &e)),
        });
    let mut pairs: Vec<Pair> = found.collect();
    if pairs.is_empty() {
        let what =
            "no sound or film files in this folder, by their names' endings; give the files themselves";
        pairs.push(Pair::refused(from, Problem::file(from, what)));
    }
    pairs
}

/// Every sound file under `from`, in the order of names, and folders that cannot be read. Hidden files are left alone,
/// and so is the folder `to` if it lies inside `from`.
pub fn sound_files(from: &Path, to: &Path) -> Vec<Result<PathBuf, (PathBuf, io::Error)>> {
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
            // Links to folders are not followed: they may lead in circles.
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                if own.is_none() || path.canonicalize().ok() != own {
                    inner.push(path);
                }
            } else if has_known_ending(&path) {
                found.push(Ok(path));
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
    };
    if args.skip_existing && matches!(&job.output, Target::File(path) if path.exists()) {
        return Ok(Step::Skip(job));
    }
    if !args.run.overwrite {
        for target in [Some(&job.output), job.removed.as_ref(), job.plot.as_ref()]
            .into_iter()
            .flatten()
        {
            if let Target::File(path) = target
                && path.symlink_metadata().is_ok()
            {
                let problem = exists(path);
                let both_sound = args.paths.len() == 2 && args.output_dir.is_none() && target == &job.output;
                return Err(if both_sound {
                    Problem::file(
                        path,
                        "exists already; -y replaces it (two paths mean IN OUT, to clean both add -o DIR)",
                    )
                } else {
                    problem
                });
            }
        }
    }
    Ok(Step::Clean(job))
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
