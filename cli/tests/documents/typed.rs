//! What a page tells to type is understood.

use crate::shell;
use aeden_cli::args::Cli;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

#[test]
fn every_command_of_a_page_is_understood() {
    let (count, wrong) = shell::typed_wrong(arguments, fault);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "{count} commands");
}

#[test]
fn every_option_that_a_sentence_names_with_its_command_is_there() {
    let mut program = Cli::command();
    program.build();
    let (count, wrong) = shell::named_wrong(&program, arguments);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "{count} commands");
}

#[test]
fn commands_that_are_not_there_are_found() {
    let text = "1. so:\n   ```sh\n   X=1 sudo aeden clean a.wav --nois 3 | aplay   # why\n   cd aeden; aeden clean \\\n     --limit x a.wav > b\n   ```\n";
    let lines = shell::lines(text);
    let found: Vec<_> = lines
        .iter()
        .filter_map(|line| Some((line.number, arguments(&line.words)?)))
        .collect();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].0, found[1].0), (3, 4));
    for (_, arguments) in found {
        assert!(fault(arguments).is_some(), "{arguments:?}");
    }
    let mut program = Cli::command();
    program.build();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(shell::unknown(&program, &words("clean --nois")).is_some());
    assert!(shell::unknown(&program, &words("cleam")).is_some());
    assert!(shell::unknown(&program, &words("find query --top 3")).is_none());
}

/// Arguments of `aeden`, where a command runs that, installed or from the source.
fn arguments(words: &[String]) -> Option<&[String]> {
    let (program, arguments) = words.split_first()?;
    if program == "aeden" || program.ends_with("/aeden") {
        return Some(arguments);
    }
    let is_ours = program == "cargo" && words.iter().any(|word| word == "aeden-cli");
    let runs = is_ours && arguments.first().is_some_and(|word| word == "run");
    let behind = words.iter().position(|word| word == "--")?;
    runs.then(|| &words[behind + 1..])
}

/// What the parser says against arguments.
fn fault(arguments: &[String]) -> Option<String> {
    let words = std::iter::once("aeden").chain(arguments.iter().map(String::as_str));
    let error = Cli::try_parse_from(words).err()?;
    let said = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    // `aeden` alone greets.
    let greets = arguments.is_empty();
    (!greets && !said.contains(&error.kind())).then(|| error.to_string())
}
