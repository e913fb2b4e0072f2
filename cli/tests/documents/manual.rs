//! The pages of the commands are made from the arguments.

use crate::markdown;
use aeden_cli::args::Cli;
use clap::CommandFactory;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

#[test]
fn the_pages_of_the_commands_are_those_of_the_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let mut aeden = Command::new(env!("CARGO_BIN_EXE_aeden"));
    let aeden = aeden.args(["man", "--markdown", "--all"]).arg(folder.path());
    assert!(aeden.status().unwrap().success());
    let (made, there) = (
        texts(folder.path()),
        texts(&markdown::root().join("docs/commands")),
    );
    let names = |texts: &BTreeMap<String, String>| texts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&made),
        names(&there),
        "`cargo xtask manual` writes these pages"
    );
    for (name, text) in made {
        assert_eq!(
            text, there[&name],
            "docs/commands/{name}: `cargo xtask manual` writes it anew"
        );
    }
}

/// What the arguments' types say of a whole command is what its help and its page begin with.
#[test]
fn help_tells_what_a_command_is_for() {
    let mut program = Cli::command();
    program.build();
    for name in [
        "clean", "report", "demo", "detect", "find", "encode", "repair", "web", "licences",
    ] {
        let command = program.find_subcommand_mut(name).unwrap();
        let (short, long) = (command.get_about().unwrap().to_string(), command.get_long_about());
        let long = long.map(ToString::to_string).unwrap_or_default();
        assert!(long.len() > 2 * short.len(), "aeden {name} --help: {long:?}");
        assert!(long.starts_with(&short), "aeden {name} --help: {long:?}");
    }
}

/// The pages of a folder by their names.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}
