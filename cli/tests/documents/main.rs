//! The pages of the repository, held against the program: what they tell to type is what it takes.

#[path = "../../../tests/markdown/blocks.rs"]
mod blocks;
#[path = "../../../tests/markdown/mod.rs"]
mod markdown;
#[cfg(unix)]
#[path = "../../../tests/markdown/scene.rs"]
mod scene;
#[path = "../../../tests/markdown/commands.rs"]
mod shell;
#[cfg(unix)]
#[path = "../../../tests/servers/sound.rs"]
mod sound_server;

mod licences;
mod manual;
mod palette;
#[cfg(unix)]
mod scenes;
mod typed;
