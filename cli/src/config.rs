//! Defaults of the user's own: a TOML file whose keys are the names of options.
//!
//! What it says is put on the command line before what was typed, unless that says otherwise. So every value is checked
//! by the same rules, and the options' own table is the only one.

use crate::args::{Cli, GREETING};
use aeden_media::ffmpeg::container::has_known_ending;
use aeden_media::problem::{Problem, describe, one_line};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, ValueHint};
use etcetera::BaseStrategy;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use toml::Value;

/// The commands that have defaults.
const COMMANDS: [&str; 2] = ["clean", "report"];

/// The options that can have a default. The others name files of one run, or ask for something that should be meant.
const KEYS: [&str; 18] = [
    "preset",
    "limit",
    "bands",
    "mix",
    "channels",
    "quality",
    "streaming",
    "for",
    "loudness",
    "bits",
    "template",
    "model",
    "engine",
    "skip-existing",
    "jobs",
    "quiet",
    "json",
    "excerpt",
];

/// What `--preset` and `--for` on the command line settle, whatever the file says.
const SETTLED_BY_PRESET: [&str; 3] = ["limit", "mix", "channels"];

/// Names a file to use instead of the usual one.
const VARIABLE: &str = "AEDEN_CONFIG";

/// The longest file of defaults that is read.
const MOST_BYTES: u64 = 1 << 20;

/// Reads the command line, completed by the user's defaults. Ends the process where clap does: help, version, usage.
pub fn command_line(typed: Vec<OsString>) -> Result<Cli, Problem> {
    let mut program = Cli::command().mut_subcommands(|command| command.mut_args(with_any_value));
    program.build();
    let matches = program
        .try_get_matches_from_mut(&typed)
        .unwrap_or_else(|e| leave(&e, &typed));
    let words = match matches.subcommand() {
        Some((name, given)) if COMMANDS.contains(&name) => {
            let (name, given) = (name.to_owned(), given.clone());
            complete(typed.clone(), &program, &name, &given)?
        }
        _ => typed.clone(),
    };
    let matches = program
        .try_get_matches_from_mut(&words)
        .unwrap_or_else(|e| leave(&e, &typed));
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|e| leave(&e, &typed)))
}

/// Lets an option's value begin with a dash where it is no name of a file: `--limit -3` is then about limits, and nobody is
/// advised to take the value for a file.
fn with_any_value(arg: Arg) -> Arg {
    let names_files = !matches!(arg.get_value_hint(), ValueHint::Unknown | ValueHint::Other);
    // Of several values, one with a dash would be the next option.
    let several = arg.get_num_args().is_some_and(|count| count.max_values() > 1);
    if arg.get_long().is_some() && arg.get_action().takes_values() && !names_files && !several {
        arg.allow_hyphen_values(true)
    } else {
        arg
    }
}

/// Ends the process with what clap has to say. What was typed stands in it, and a shell may have put it there: names of
/// files that begin with a dash.
fn leave(e: &clap::Error, typed: &[OsString]) -> ! {
    let said = match typed.len() {
        0 | 1 => GREETING.to_owned(),
        _ => e.render().to_string(),
    };
    let mut lines: Vec<String> = said.lines().map(one_line).collect();
    let told = lines.iter().map(String::as_str).eq(said.lines());
    // Who names a recording wants it cleaned.
    let file = typed
        .get(1)
        .map(Path::new)
        .filter(|path| path.exists() || has_known_ending(path));
    match file {
        Some(file) if e.kind() == ErrorKind::InvalidSubcommand => {
            let file = one_line(&file.display().to_string());
            lines.push(format!("\n  tip: to clean it, say: aeden clean {file}"));
        }
        _ if typed.len() > 1 && (!e.use_stderr() || told) => e.exit(),
        _ => {}
    }
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{}", lines.join("\n"));
    std::process::exit(e.exit_code())
}

/// Puts defaults behind the name of the command.
fn complete(
    mut words: Vec<OsString>,
    program: &Command,
    name: &str,
    given: &ArgMatches,
) -> Result<Vec<OsString>, Problem> {
    let Some((file, text)) = read(given)? else {
        return Ok(words);
    };
    let wrong = |what: String| Problem::usage(format!("{}: {what}", file.display()));
    let table: toml::Table = toml::from_str(&text).map_err(|e: toml::de::Error| {
        let line = e
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        wrong(format!("line {line}: {}", e.message()))
    })?;
    let typed = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    let mut defaults = Vec::new();
    for (key, value) in &table {
        if !KEYS.contains(&key.as_str()) {
            return Err(wrong(unknown(key)));
        }
        let mut word = None;
        for command in COMMANDS.iter().filter_map(|name| program.find_subcommand(name)) {
            let Some(arg) = command.get_arguments().find(|arg| arg.get_long() == Some(key)) else {
                continue;
            };
            let text = as_option(key, value, arg.get_action().takes_values()).map_err(&wrong)?;
            if let Some(text) = &text {
                check(program, command.get_name(), text).map_err(|e| wrong(format!("{key}: {e}")))?;
            }
            if command.get_name() == name {
                let id = arg.get_id().as_str();
                let opposed = command.get_arguments().any(|other| {
                    let opposes = |a, b| command.get_arg_conflicts_with(a).contains(&b);
                    typed(other.get_id().as_str()) && (opposes(arg, other) || opposes(other, arg))
                });
                let settled =
                    (typed("preset") || typed("purpose")) && SETTLED_BY_PRESET.contains(&key.as_str());
                // A stream has no name that another could be made of.
                let nameless = key == "template" && words.iter().any(|word| word == "-");
                word = text.filter(|_| !typed(id) && !opposed && !settled && !nameless);
            }
        }
        defaults.extend(word.map(OsString::from));
    }
    // The program's name, the command's name, then what comes first.
    words.splice(2..2, defaults);
    Ok(words)
}

/// The file of defaults with its text, if there is one.
fn read(given: &ArgMatches) -> Result<Option<(PathBuf, String)>, Problem> {
    if given.get_flag("no_config") {
        return Ok(None);
    }
    let named = given.get_one::<PathBuf>("config").cloned();
    let named = named.or_else(|| {
        std::env::var_os(VARIABLE)
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
    });
    let (file, must_exist) = match named {
        Some(file) => (file, true),
        None => match etcetera::choose_base_strategy() {
            Ok(folders) => (folders.config_dir().join("aeden").join("config.toml"), false),
            Err(_) => return Ok(None),
        },
    };
    let mut text = String::new();
    // What is not a file may have no end.
    let read = File::open(&file).and_then(|opened| opened.take(MOST_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > MOST_BYTES => Err(Problem::usage(format!(
            "{}: more than {} KiB; that is no file of defaults",
            file.display(),
            MOST_BYTES >> 10
        ))),
        Ok(_) => Ok(Some((file, text))),
        Err(e) if !must_exist && e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Problem::usage(format!("{}: {}", file.display(), describe(&e)))),
    }
}

fn unknown(key: &str) -> String {
    let nearest = KEYS
        .iter()
        .min_by_key(|known| strsim::damerau_levenshtein(known, key));
    let hint = match nearest {
        Some(near) if strsim::damerau_levenshtein(near, key) <= 2 => format!("did you mean {near:?}?"),
        _ => format!("there are {}", KEYS.join(", ")),
    };
    format!("unknown key {key:?}; {hint}")
}

/// An option with its value as it would be typed; nothing for an option that is off.
fn as_option(key: &str, value: &Value, takes_value: bool) -> Result<Option<String>, String> {
    match value {
        Value::Boolean(on) if !takes_value => Ok(on.then(|| format!("--{key}"))),
        _ if !takes_value => Err(format!("{key} is true or false")),
        Value::String(text) => Ok(Some(format!("--{key}={text}"))),
        Value::Integer(number) => Ok(Some(format!("--{key}={number}"))),
        Value::Float(number) => Ok(Some(format!("--{key}={number}"))),
        _ => Err(format!("{key} takes one text or number")),
    }
}

/// Whether a command takes this option, whatever else there is.
fn check(program: &Command, name: &str, option: &str) -> Result<(), String> {
    let words = [
        Path::new("aeden"),
        Path::new(name),
        Path::new(option),
        Path::new("input"),
    ];
    match program.clone().try_get_matches_from(words) {
        Ok(_) => Ok(()),
        Err(e) => {
            let text = e.to_string();
            let line = text.lines().next().unwrap_or_default();
            Err(line.trim_start_matches("error: ").to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, KEYS, SETTLED_BY_PRESET};
    use crate::args::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_key_is_an_option() {
        let program = Cli::command();
        for key in KEYS.iter().chain(&SETTLED_BY_PRESET) {
            let known = |name: &&str| {
                let command = program.find_subcommand(name).unwrap();
                command.get_arguments().any(|arg| arg.get_long() == Some(key))
            };
            assert!(COMMANDS.iter().any(known), "{key}");
        }
    }
}
