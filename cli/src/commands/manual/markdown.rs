//! The arguments as pages in Markdown: one for each command, and one that lists them.

use aeden_media::problem::EXIT_STATUS_HELP;
use clap::builder::StyledStr;
use clap::{Arg, Command};

/// Under every page, so that nobody edits one.
const MADE: &str = "---\nMade from the program's arguments by `cargo xtask manual`. [All commands](README.md), [the book](../README.md)\n";

/// Names of files and their texts. README.md lists the commands, and has the exit statuses, which are those of all.
pub fn pages(mut program: Command) -> Vec<(String, String)> {
    program.build();
    let mut pages = Vec::new();
    let mut list = String::new();
    for command in program.get_subcommands().filter(|c| c.get_name() != "help") {
        let file = format!("{}.md", command.get_name());
        let about = one_paragraph(&text(command.get_about()));
        list += &format!(
            "| [`aeden {}`]({file}) | {} |\n",
            command.get_name(),
            about.replace('|', "\\|")
        );
        let mut page = String::new();
        describe(command, "#", &mut page);
        page += "[Exit statuses](README.md#exit-status)\n\n";
        page += MADE;
        pages.push((file, page));
    }
    let status: String = rows_of(EXIT_STATUS_HELP)
        .map(|(status, meaning)| format!("| {status} | {meaning} |\n"))
        .collect();
    let index = format!(
        "# The commands\n\n| | |\n|---|---|\n{list}\n`aeden help COMMAND` says the same on a terminal, \
         `aeden man COMMAND | man -l -` as a manual page.\n\n## Exit status\n\n| | |\n|---|---|\n{status}\n\
         Every error is one line on standard error: `aeden: clean: talk.wav: what is wrong; what to do`.\n\n\
         ---\nMade from the program's arguments by `cargo xtask manual`. [The book](../README.md)\n"
    );
    pages.push(("README.md".to_owned(), index));
    pages
}

/// A command and its own commands, each below a heading.
fn describe(command: &Command, level: &str, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    *page += &format!("{level} {name}\n\n");
    let long = text(command.get_long_about().or(command.get_about()));
    for paragraph in long.split("\n\n") {
        *page += &format!("{}\n\n", escaped(&one_paragraph(paragraph)));
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    *page += &format!("```text\n{usage}\n```\n\n");
    let ours = |arg: &&Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
    for (title, positional) in [("Arguments", true), ("Options", false)] {
        let of_kind: Vec<&Arg> = command
            .get_arguments()
            .filter(ours)
            .filter(|arg| arg.is_positional() == positional)
            .collect();
        if !of_kind.is_empty() {
            *page += &format!("{level}# {title}\n\n");
            of_kind.iter().for_each(|arg| argument(arg, page));
            page.push('\n');
        }
    }
    for part in text(command.get_after_help()).split("\n\n") {
        match part.split_once('\n') {
            _ if part == EXIT_STATUS_HELP || part.is_empty() => {}
            Some(("Examples:", lines)) => *page += &format!("{level}# Examples\n\n{}\n", examples(lines)),
            _ => match part.strip_prefix("Example: ") {
                Some(line) => *page += &format!("{level}# Examples\n\n```sh\n{line}\n```\n\n"),
                None => *page += &format!("{}\n\n", escaped(&one_paragraph(part))),
            },
        }
    }
    let own = command.get_subcommands().filter(|c| c.get_name() != "help");
    own.for_each(|command| describe(command, &format!("{level}#"), page));
}

/// An entry of a list: how an argument is typed, what it is, and what it can be.
fn argument(arg: &Arg, page: &mut String) {
    let values: Vec<_> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(|name| name.to_string())
        .collect();
    let values = if arg.get_action().takes_values() {
        values.join(" ")
    } else {
        String::new()
    };
    let short = arg.get_short().map(|c| format!("-{c}"));
    let long = arg.get_long().map(|name| format!("--{name}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let typed = format!("{} {values}", names.join(", "));
    *page += &format!("- `{}`: ", typed.trim());
    let help = text(arg.get_long_help().or(arg.get_help()));
    let paragraphs: Vec<_> = help
        .split("\n\n")
        .map(|part| escaped(&one_paragraph(part)))
        .collect();
    *page += &paragraphs.join("\n\n  ");
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|v| v.to_string_lossy())
        .collect();
    if arg.get_action().takes_values() && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        *page += &format!(" [default: {}]", defaults.join(" "));
    }
    page.push('\n');
    let possible = arg.get_possible_values();
    if arg.get_action().takes_values() {
        for value in possible.iter().filter(|value| !value.is_hide_set()) {
            *page += &format!("  - `{}`", value.get_name());
            let help = text(value.get_help());
            if !help.is_empty() {
                *page += &format!(": {}", escaped(&one_paragraph(&help)));
            }
            page.push('\n');
        }
    }
}

/// A block of commands, with what each does as a comment before it: in the help that stands behind the command or below it.
fn examples(lines: &str) -> String {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in lines.lines() {
        let (command, said) = match line.strip_prefix("  ") {
            Some(line) if !line.starts_with(' ') => match line.split_once("  ") {
                Some((command, said)) => (Some(command), said.trim()),
                None => (Some(line), ""),
            },
            _ => (None, line.trim()),
        };
        match (command, all.last_mut()) {
            (None, Some((_, last))) => {
                let space = if last.is_empty() { "" } else { " " };
                *last += &format!("{space}{said}");
            }
            (command, _) => all.push((command.unwrap_or_default().to_owned(), said.to_owned())),
        }
    }
    let mut text = String::from("```sh\n");
    for (command, said) in all {
        if !said.is_empty() {
            text += &format!("# {said}\n");
        }
        text += &format!("{command}\n");
    }
    text + "```\n"
}

/// "  0    done" and what continues it, as pairs.
fn rows_of(help: &str) -> impl Iterator<Item = (String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in help.lines().skip(1) {
        match (
            line.trim().split_once(' '),
            line.starts_with("   "),
            rows.last_mut(),
        ) {
            (Some((status, meaning)), false, _) => rows.push((status.to_owned(), meaning.trim().to_owned())),
            (_, _, Some((_, last))) => *last += &format!(" {}", line.trim()),
            _ => {}
        }
    }
    rows.into_iter()
}

fn text(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// Without the breaks of lines that are there for terminals.
fn one_paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As Markdown that shows the same letters; what stands between backticks is code already.
fn escaped(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(i, part)| match i % 2 {
        0 => part
            .replace('\\', "\\\\")
            .replace('*', "\\*")
            .replace('<', "&lt;")
            .replace('_', "\\_"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}
