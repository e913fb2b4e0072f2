//! Commands in the fenced blocks of a page, split as a shell would.

use crate::blocks::blocks;
use crate::markdown;
use clap::Command;
use pulldown_cmark::{Event, Options, Parser};

/// A command of a page: the number of its line, counted from 1, and its words.
pub struct Line {
    /// Where it begins.
    pub number: usize,
    /// Program and arguments, without redirections.
    pub words: Vec<String>,
}

/// Languages whose blocks are typed into a shell; a block without one may be.
const SHELLS: [&str; 5] = ["", "sh", "bash", "console", "shell"];

/// Programs that run the command behind them.
const WRAPPERS: [&str; 9] = [
    "sudo",
    "time",
    "nice",
    "do",
    "then",
    "exec",
    "xargs",
    "srun",
    "/usr/bin/time",
];

/// Every command of a page's blocks for shells.
pub fn lines(page: &str) -> Vec<Line> {
    let shells = blocks(page).into_iter();
    let shells =
        shells.filter(|block| SHELLS.contains(&block.language.split(' ').next().unwrap_or_default()));
    shells
        .flat_map(|block| commands(&block.text, block.number))
        .collect()
}

/// Every command that stands in running text, as code.
pub fn named(page: &str) -> Vec<Vec<String>> {
    let parser = Parser::new_ext(page, Options::all());
    let codes = parser.filter_map(|event| match event {
        Event::Code(code) => Some(code.replace("\\|", "|")),
        _ => None,
    });
    codes
        .flat_map(|code| commands(&code, 0))
        .map(|line| line.words)
        .collect()
}

/// Commands of a text from line `number` on. A line that ends with a backslash goes on in the next.
pub fn commands(text: &str, number: usize) -> Vec<Line> {
    let mut found = Vec::new();
    let mut pending: Option<(usize, String)> = None;
    for (i, line) in text.lines().enumerate() {
        let (start, mut whole) = pending.take().unwrap_or((number + i, String::new()));
        match line.strip_suffix('\\') {
            Some(line) => {
                whole += line;
                pending = Some((start, whole));
            }
            None => {
                whole += line.strip_prefix("$ ").unwrap_or(line);
                found.extend(
                    split(&whole)
                        .into_iter()
                        .map(|words| Line { number: start, words }),
                );
            }
        }
    }
    found
}

/// The commands of a line: those of a pipe, and those that follow one another.
fn split(line: &str) -> Vec<Vec<String>> {
    let Some(words) = shlex::split(line) else {
        return Vec::new();
    };
    let mut commands = vec![Vec::new()];
    let mut after_redirection = false;
    for word in words {
        let (word, ends) = match word.strip_suffix(';') {
            Some(word) => (word.to_owned(), true),
            None => (word, false),
        };
        if ["|", "||", "&&", "&", ""].contains(&&*word) {
            commands.push(Vec::new());
        } else if let Some((_, file)) = word.trim_start_matches(['1', '2', '&']).split_once('>')
            && word.starts_with(['>', '1', '2', '&'])
        {
            after_redirection = file.trim_start_matches('>').is_empty();
        } else if after_redirection {
            after_redirection = false;
        } else if let Some(command) = commands.last_mut() {
            command.push(variables_filled(&word));
        }
        if ends {
            commands.push(Vec::new());
        }
    }
    commands
        .into_iter()
        .map(without_wrappers)
        .filter(|words| !words.is_empty())
        .collect()
}

/// From the program on: without variables that are set for it, and programs that run it.
fn without_wrappers(words: Vec<String>) -> Vec<String> {
    let mut wrapped = false;
    let is_before = |word: &String| {
        let sets = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        let wraps = WRAPPERS.contains(&word.as_str());
        wrapped |= wraps;
        sets || wraps || (wrapped && word.starts_with('-'))
    };
    words.into_iter().skip_while(is_before).collect()
}

/// `$NAME` and `${NAME}` as a number, which is also a name of a file.
fn variables_filled(word: &str) -> String {
    let mut parts = word.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let part = part.strip_prefix('{').unwrap_or(part);
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        text += "1";
        text += rest.strip_prefix('}').unwrap_or(rest);
    }
    text
}

/// How many lines of all pages type a command of a program, and what is wrong with some. `arguments` are those of the program in
/// a command's words, if it runs that.
pub fn typed_wrong(
    arguments: impl Fn(&[String]) -> Option<&[String]>,
    fault: impl Fn(&[String]) -> Option<String>,
) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for page in markdown::pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for line in lines(&text) {
            let Some(arguments) = arguments(&line.words) else {
                continue;
            };
            count += 1;
            if let Some(why) = fault(arguments) {
                let typed = line.words.join(" ");
                wrong.push(format!("{}:{}: {typed}\n{why}", page.display(), line.number));
            }
        }
    }
    (count, wrong)
}

/// The same of commands that sentences name, often by a part: a command's own name and its options must be there.
pub fn named_wrong(
    program: &Command,
    arguments: impl Fn(&[String]) -> Option<&[String]>,
) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    // What has been is told in the changelog.
    let pages = markdown::pages().into_iter();
    for page in pages.filter(|page| !page.ends_with("CHANGELOG.md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        for words in named(&text) {
            let Some(arguments) = arguments(&words) else {
                continue;
            };
            count += 1;
            let why = unknown(program, arguments);
            wrong.extend(why.map(|why| format!("{}: {}: {why}", page.display(), words.join(" "))));
        }
    }
    (count, wrong)
}

/// The first command or option that the program does not have.
pub fn unknown(program: &Command, arguments: &[String]) -> Option<String> {
    let mut command = program;
    for word in arguments {
        if let Some(option) = word.strip_prefix("--") {
            let name = option.split(['=', '[']).next().unwrap_or_default();
            let known = command.get_arguments().any(|arg| arg.get_long() == Some(name));
            // A name such as `--…` stands for any.
            if !known && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Some(format!("{} has no --{name}", command.get_name()));
            }
        } else if let Some(found) = command.find_subcommand(word) {
            command = found;
        } else if command.has_subcommands() && command.get_name() != "help" {
            let is_name = word.chars().all(|c| c.is_ascii_lowercase());
            return is_name.then(|| format!("{} has no command {word}", command.get_name()));
        }
    }
    None
}
