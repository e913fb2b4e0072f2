//! The pages of the repository, held against the program: what they tell to type is what it takes.

#[path = "../../../tests/markdown/mod.rs"]
mod markdown;
#[path = "../../../tests/markdown/commands.rs"]
mod shell;

mod licences;
mod manual;
#[cfg(unix)]
mod scenes;
mod typed;
mod palette;
