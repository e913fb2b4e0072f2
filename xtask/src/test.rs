//! Every check and test there is, with one total at the end.

use crate::bare_root::BareRoot;
use crate::{bundle, deny, package, program, python, setup, web};
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Systems that we have no machine of: all that can be shown here is that everything compiles for them, which takes no
/// other compiler or linker. Windows with WASAPI and macOS with CoreAudio are in it.
const OTHER_SYSTEMS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// What the checks and tests came to.
#[derive(Default)]
struct Total {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
    /// What failed, and passed when it was run once more by itself.
    second_attempt: Vec<String>,
}

impl Total {
    /// Counts a check that drives servers or browsers, which gets a second attempt.
    fn check_twice(&mut self, name: &str, check: impl Fn() -> Result<String>) {
        let result = check().or_else(|why| {
            eprintln!("{name}: {why:#}; once more");
            check().inspect(|_| self.second_attempt.push(name.to_owned()))
        });
        self.check(name, result);
    }

    /// Counts one check.
    fn check(&mut self, name: &str, result: Result<String>) {
        match result {
            Ok(what) => {
                eprintln!("{name}: {what}");
                self.passed += 1;
            }
            Err(e) => {
                eprintln!("{name}: {e:#}");
                self.failed.push(name.to_owned());
            }
        }
    }
}

/// What is checked.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only what needs nothing but Rust, and ffmpeg where there is one: two minutes after a first build
    ///
    /// Format, lints and tests of the library crates, and the tests of the program but the long ones. Installs nothing, needs
    /// no root. What it leaves out is printed.
    #[arg(long)]
    quick: bool,
    /// Also make the package for Debian, and install, use and remove it and the wheel in a bare Debian root: ten minutes more
    #[arg(long, conflicts_with = "quick")]
    bare: bool,
}

/// The crates that others build on, by their packages' names.
const LIBRARIES: [&str; 3] = ["aeden", "aeden-family", "aeden-jobs"];

/// What `--quick` leaves out of the program's tests: words in their names, and what they do for so long.
const LONG: [(&str, &str); 7] = [
    (
        "a_batch_that_is_killed",
        "kills and resumes a program again and again",
    ),
    ("encoding::", "codes sounds at many rates, searching for each"),
    ("repairing::", "mends many gaps"),
    ("roomtoning::", "makes much room tone"),
    ("loudness::", "cleans to one loudness after the other"),
    ("scenes::", "plays the pages' commands on films and folders"),
    ("media::", "makes and cleans files and films of every format"),
];

/// What `--quick` leaves to the whole run.
const LEFT_OUT: [&str; 7] = [
    "live: needs sound servers",
    "plugin: needs a screen and hosts",
    "Python bindings: need a virtual environment",
    "ONNX Runtime: comes from a virtual environment",
    "clippy of the other crates, documentation, licences, packages",
    "builds for other systems",
    "web: needs a browser and Node",
];

/// Runs checks and tests, all of them or the quick ones.
///
/// # Errors
/// If anything failed; the summary has been printed.
pub fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let mut total = Total::default();
    if options.quick {
        quick(&mut total)?;
    } else {
        everything(&mut total, options.bare)?;
    }

    println!();
    for why in &total.skipped {
        println!("skipped: {why}");
    }
    for what in &total.second_attempt {
        println!("failed, and passed at the second attempt: {what}");
    }
    for what in &total.failed {
        println!("failed: {what}");
    }
    eprintln!("{} s", start.elapsed().as_secs());
    println!(
        "{} passed, {} failed, {} skipped",
        total.passed,
        total.failed.len(),
        total.skipped.len()
    );
    if !total.failed.is_empty() {
        bail!("not everything passed");
    }
    Ok(())
}

fn cargo() -> Command {
    Command::new("cargo")
}

fn ran(command: &mut Command) -> Result<String> {
    program::run(command).map(|()| "fine".to_owned())
}

/// Format, and lints of some packages.
fn style(total: &mut Total, packages: &[&str]) {
    let mut lints = vec!["clippy", "--all-targets", "--locked"];
    lints.extend(packages);
    lints.extend(["--", "-D", "warnings"]);
    for (component, arguments) in [("fmt", &["fmt", "--all", "--check"][..]), ("clippy", &lints)] {
        if program::succeeds(cargo().args([component, "--version"])) {
            total.check(component, ran(cargo().args(arguments)));
        } else {
            total.skipped.push(format!(
                "{component}: this Rust has no cargo-{component} (rustup component add)"
            ));
        }
    }
}

/// Checks that need nothing but Rust.
fn quick(total: &mut Total) -> Result<()> {
    let libraries: Vec<&str> = LIBRARIES.iter().flat_map(|name| ["--package", name]).collect();
    style(total, &libraries);
    let with_sound_servers = modules(Path::new("cli/tests/live/main.rs"))?;
    count_tests(total, &|| {
        let mut tests = cargo();
        tests.args(["test", "--locked", "--no-fail-fast", "--package", "aeden-cli"]);
        tests.args(&libraries).args(["--", "--show-output"]);
        for (name, _) in LONG {
            tests.args(["--skip", name]);
        }
        for name in &with_sound_servers {
            tests.args(["--skip", name]);
        }
        tests
    })?;
    total
        .skipped
        .extend(LONG.map(|(name, what)| format!("{name}: {what}")));
    total.skipped.extend(LEFT_OUT.map(str::to_owned));
    total
        .skipped
        .push("all this is in `cargo xtask test`, which installs what it needs".to_owned());
    Ok(())
}

/// The modules of a program of tests, as names of tests begin.
fn modules(file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    Ok(names.map(|name| format!("{name}::")).collect())
}

/// Sets up, checks format, lints, licences, packages and documentation, and runs all tests.
fn everything(total: &mut Total, bare: bool) -> Result<()> {
    setup::run()?;
    style(total, &["--workspace", "--all-features"]);
    for target in OTHER_SYSTEMS {
        if has_target(target)? {
            let packages = [
                "aeden-cli",
                "aeden-plugin",
                "aeden-c",
                "aeden-rnnoise",
                "aeden-lv2",
            ];
            let packages = packages.iter().flat_map(|name| ["--package", name]);
            let check = ["check", "--locked", "--target", target];
            total.check(target, ran(cargo().args(check).args(packages)));
        } else {
            total
                .skipped
                .push(format!("{target}: not installed (rustup target add {target})"));
        }
    }
    match web::lint() {
        Ok(None) => total
            .skipped
            .push("clippy for browsers: no WebAssembly target".to_owned()),
        Ok(Some(what)) => total.check("clippy for browsers", Ok(what)),
        Err(e) => total.check("clippy for browsers", Err(e)),
    }
    total.check("deny", deny::check());
    total.check("package", package::crates());
    let bundles = bundle::for_tests();
    let folder = bundles.as_ref().map(PathBuf::clone).unwrap_or_default();
    total.check("bundles", bundles.map(|folder| folder.display().to_string()));
    let onnx_runtime = setup::onnx_runtime()?;
    count_tests(total, &|| {
        let mut tests = cargo();
        tests.args([
            "test",
            "--workspace",
            "--all-features",
            "--locked",
            "--no-fail-fast",
        ]);
        tests
            .args(["--", "--show-output"])
            .env("ORT_DYLIB_PATH", &onnx_runtime)
            .env("AEDEN_BUNDLES", &folder);
        tests
    })?;
    total.check_twice("python", python::test);
    match web::missing()? {
        Some(why) => total.skipped.push(format!("web: {why}")),
        None => total.check_twice("web", web::check),
    }
    if bare {
        in_bare_root(total);
    } else {
        total
            .skipped
            .push("package and wheel in a bare Debian: --bare does it, ten minutes more".to_owned());
    }
    let documentation = ["doc", "--workspace", "--all-features", "--no-deps", "--locked"];
    total.check(
        "rustdoc",
        ran(cargo().args(documentation).env("RUSTDOCFLAGS", "-D warnings")),
    );
    Ok(())
}

/// Makes the package, and installs, uses and removes it and the wheel in a bare root.
fn in_bare_root(total: &mut Total) {
    let packages = [&package::INCLUDED[..], &python::INCLUDED].concat();
    let root = BareRoot::make(&crate::target().join("bare"), &packages);
    // Of the build that the other tests have made: the release version is made of the same files.
    total.check(
        "deb",
        package::check(&crate::target().join("debug"), root.as_ref().ok()),
    );
    match root {
        Ok(root) => total.check("wheel", python::in_bare_root(&root)),
        Err(why) => total
            .skipped
            .push(format!("package and wheel in a bare Debian: {why:#}")),
    }
}

/// Whether this Rust has the standard library of a target.
fn has_target(target: &str) -> Result<bool> {
    let arguments = ["--print", "target-libdir", "--target", target];
    let folder = program::output(Command::new("rustc").args(arguments))?;
    Ok(Path::new(folder.trim()).is_dir())
}

/// At most so many failed tests are run once more: where more fail, it is not the machine.
const SECOND_ATTEMPTS: usize = 5;

/// Runs `cargo test` as the command is, and counts what passed, failed and was skipped. A test that cannot run here passes
/// and prints `skipped: why`.
///
/// A few tests that failed are run once more, by themselves: sound servers, screens and browsers of a busy machine can be so
/// late that nothing else is wrong. What passes then is named in the summary; what fails twice has failed.
fn count_tests(total: &mut Total, tests: &dyn Fn() -> Command) -> Result<()> {
    count(total, tests, |line| println!("{line}"))
}

fn count(total: &mut Total, tests: &dyn Fn() -> Command, show: impl Fn(&str)) -> Result<()> {
    let mut first = Tests::run(&mut tests(), &show)?;
    if first.all_named() && (1..=SECOND_ATTEMPTS).contains(&first.failed.len()) {
        show(&format!("once more, by themselves: {}", first.failed.join(", ")));
        let second = Tests::run(tests().arg("--exact").args(&first.failed), &show)?;
        let mended = |name: &String| second.ok.contains(name) && !second.failed.contains(name);
        let (passed, failed): (Vec<_>, Vec<_>) = first.failed.into_iter().partition(mended);
        first.passed += passed.len();
        first.failures = failed.len();
        first.failed = failed;
        total.second_attempt.extend(passed);
    }
    let unnamed = first.failures - first.failed.len();
    total.passed += first.passed - first.skipped.len();
    total.failed.append(&mut first.failed);
    total.failed.extend((0..unnamed).map(|_| "a test".to_owned()));
    total.skipped.append(&mut first.ignored);
    total.skipped.append(&mut first.skipped);
    if let Some(why) = first.stopped {
        total.failed.push(why);
    }
    Ok(())
}

/// What one `cargo test` printed.
#[derive(Default)]
struct Tests {
    passed: usize,
    failures: usize,
    /// Names.
    ok: HashSet<String>,
    /// Names.
    failed: Vec<String>,
    /// Reasons.
    skipped: Vec<String>,
    /// Names and reasons.
    ignored: Vec<String>,
    /// Why it stopped, if no test is the reason.
    stopped: Option<String>,
}

impl Tests {
    /// Runs the command; every line that it prints is shown.
    fn run(cargo: &mut Command, show: impl Fn(&str)) -> Result<Tests> {
        let mut child = cargo.stdout(Stdio::piped()).spawn().context("cargo test")?;
        let mut tests = Tests::default();
        let mut results = 0;
        for line in BufReader::new(child.stdout.take().context("cargo test has no output")?).lines() {
            let line = line?;
            show(&line);
            if let Some(why) = line.strip_prefix("skipped: ") {
                tests.skipped.push(why.to_owned());
            } else if let Some(counts) = line.strip_prefix("test result: ") {
                results += 1;
                let count = |what| number(counts, what).with_context(|| format!("cannot be read: {line}"));
                tests.passed += count("passed")?;
                tests.failures += count("failed")?;
            } else if let Some((name, how)) = line
                .strip_prefix("test ")
                .and_then(|line| line.split_once(" ... "))
            {
                match how {
                    "ok" => _ = tests.ok.insert(name.to_owned()),
                    "FAILED" => tests.failed.push(name.to_owned()),
                    _ => tests
                        .ignored
                        .extend(how.strip_prefix("ignored").map(|why| format!("{name}{why}"))),
                }
            }
        }
        let status = child.wait()?;
        if results == 0 || (!status.success() && tests.failures == 0) {
            tests.stopped = Some(format!("cargo test gave {status}"));
        }
        Ok(tests)
    }

    /// Whether every failure is that of a test whose name is known.
    fn all_named(&self) -> bool {
        self.stopped.is_none() && self.failed.len() == self.failures
    }
}

/// Runs the tests that feed invented files to readers, for long. `run` has run them for short.
pub fn fuzz(cases: u32) -> Result<()> {
    // The development build is optimised too, and stops at arithmetic that overflows.
    let arguments = [
        "test",
        "--workspace",
        "--all-features",
        "--locked",
        "--no-fail-fast",
        "fuzz",
    ];
    let mut cargo = Command::new("cargo");
    cargo.args(arguments);
    // The WAV reader is tested by proptest, which knows its own variable, the model reader by a loop.
    let cases = cases.to_string();
    cargo
        .env("PROPTEST_CASES", &cases)
        .env("AEDEN_FUZZ_ROUNDS", cases);
    program::run(&mut cargo)
}

/// Runs the days of the virtual clock at their full length, with what they measured.
///
/// # Errors
/// If the sound was not what it should be at any time of a day.
pub fn all_day(hours: f64) -> Result<()> {
    let arguments = [
        "test",
        "--release",
        "--locked",
        "--package",
        "aeden-live",
        "--test",
        "virtual_clock",
    ];
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).args(["a_day", "--", "--show-output"]);
    program::run(cargo.env("AEDEN_VIRTUAL_HOURS", hours.to_string()))
}

/// Runs the test of a batch that is killed and resumed with many files and kills, and shows how it went.
///
/// # Errors
/// If a file was lost, half done or left over.
pub fn batch(files: u32, kills: u32) -> Result<()> {
    let arguments = [
        "test",
        "--locked",
        "--package",
        "aeden-cli",
        "--test",
        "program",
        "a_batch_that_is_killed",
        "--",
        "--show-output",
    ];
    let mut cargo = Command::new("cargo");
    cargo.args(arguments);
    program::run(
        cargo
            .env("AEDEN_BATCH_FILES", files.to_string())
            .env("AEDEN_BATCH_KILLS", kills.to_string()),
    )
}

/// The number before a word in "ok. 12 passed; 0 failed; 1 ignored; …".
fn number(counts: &str, what: &str) -> Option<usize> {
    let words: Vec<_> = counts.split([' ', ';']).filter(|w| !w.is_empty()).collect();
    let at = words.iter().position(|&w| w == what)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::{Total, count, modules};
    use std::process::Command;

    #[test]
    fn quick_leaves_out_all_that_plays_to_sound_servers() {
        let live = modules(&crate::root().join("cli/tests/live/main.rs")).unwrap();
        assert!(live.iter().any(|name| name == "microphone::"), "{live:?}");
    }

    /// In place of cargo: "late" passes when it is run by itself, "wrong" never.
    const CARGO: &str = r#"
        state() { if [ "$1" = wrong ] || { [ "$1" = late ] && [ "$alone" != yes ]; }; then echo FAILED; else echo ok; fi; }
        [ "$1" = --exact ] && alone=yes && shift || set -- fine $FAILING
        failed=0
        for name in "$@"; do
            result=$(state "$name")
            [ "$result" = FAILED ] && failed=$((failed + 1))
            echo "test $name ... $result"
        done
        echo "test result: done. $(($# - failed)) passed; $failed failed; 0 ignored"
        [ $failed = 0 ]"#;

    fn total(failing: &str) -> Total {
        let mut total = Total::default();
        let tests = || {
            let mut cargo = Command::new("sh");
            cargo.args(["-c", CARGO, "cargo"]).env("FAILING", failing);
            cargo
        };
        // Not shown: who counts the tests of this file reads what they print.
        count(&mut total, &tests, |_| ()).unwrap();
        total
    }

    #[test]
    fn what_fails_twice_has_failed_and_what_fails_once_is_named() {
        let all_well = total("");
        assert_eq!((all_well.passed, all_well.failed.len()), (1, 0));

        let total = total("late wrong");
        assert_eq!(total.passed, 2);
        assert_eq!(total.failed, ["wrong"]);
        assert_eq!(total.second_attempt, ["late"]);
    }

    #[test]
    fn where_many_fail_none_is_run_again() {
        let total = total("late wrong wrong wrong wrong wrong");
        assert_eq!((total.passed, total.failed.len()), (1, 6));
    }
}
