//! `aeden completions` and `aeden man`: what other programs read of the arguments.

mod markdown;

use crate::args::Cli;
use aeden_media::output::print;
use aeden_media::problem::{DONE, Problem};
use clap::CommandFactory;
use std::path::Path;

/// `aeden completions`.
pub fn completions(shell: clap_complete::Shell) -> Result<u8, Problem> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "aeden", &mut text);
    print(&String::from_utf8_lossy(&text)).map(|()| DONE)
}

/// `aeden man`.
pub fn man(name: Option<&str>) -> Result<u8, Problem> {
    let mut program = Cli::command();
    program.build();
    let command = match name {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            let names = || {
                program
                    .get_subcommands()
                    .map(|c| c.get_name())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            found.ok_or_else(|| Problem::usage(format!("there is no command {name:?}, only: {}", names())))?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|e| Problem::io(Path::new("-"), &e))?;
    print(&String::from_utf8_lossy(&text)).map(|()| DONE)
}

/// `aeden man --all`: aeden.1, and aeden-COMMAND.1 for every command.
pub fn all_pages(folder: &Path) -> Result<u8, Problem> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .map_err(|e| Problem::io(folder, &e))?;
    Ok(DONE)
}

/// `aeden man --all --markdown`: README.md, and COMMAND.md for every command.
pub fn all_pages_in_markdown(folder: &Path) -> Result<u8, Problem> {
    std::fs::create_dir_all(folder).map_err(|e| Problem::io(folder, &e))?;
    for (name, text) in markdown::pages(Cli::command()) {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|e| Problem::io(&file, &e))?;
    }
    Ok(DONE)
}
