//! The scene of one who puts the library into a program of their own, from its page alone.

use super::programs::{bytes_of_i16, install, is_there, same, source};
use crate::blocks::blocks;
use crate::scene::Scene;
use aeden::{Config, Denoiser, Model};

#[test]
fn the_embedder() {
    if !["cc", "pkg-config"].into_iter().all(is_there) {
        return;
    }
    let page = std::fs::read_to_string(source("../docs/c.md")).unwrap();
    let blocks = blocks(&page);
    let told = |language: &str, what: &str| {
        let block = blocks
            .iter()
            .find(|block| block.language == language && block.text.contains(what));
        block
            .unwrap_or_else(|| panic!("the page has no {language} with {what}"))
            .text
            .clone()
    };
    // The page's first command, without the build: a release version takes minutes, and the files come from the same code.
    told("sh", "cargo xtask bundle c --install \"$HOME/.local\"");
    let scene = Scene::new(&[]);
    install(&scene.file(".local"));
    std::fs::write(scene.file("program.c"), told("c", "int main")).unwrap();
    let talk = source("../tests/fixtures/noisy.wav");
    std::fs::copy(&talk, scene.file("talk.wav")).unwrap();
    scene.play("docs/c.md");

    let talk = std::fs::read(talk).unwrap();
    let (head, samples) = talk.split_at(44);
    let mut sound: Vec<f32> = samples
        .as_chunks::<2>()
        .0
        .iter()
        .map(|sample| f32::from(i16::from_le_bytes(*sample)) / 32_768.0)
        .collect();
    let mut denoiser = Denoiser::with_model(&Model::high(), &Config::new(48_000, 1)).unwrap();
    denoiser.process(&mut [&mut sound]);
    let should = bytes_of_i16(sound.iter().map(|x| (x * 32_768.0).round() as i16));
    same(
        "clean.wav",
        &std::fs::read(scene.file("clean.wav")).unwrap(),
        &[head, &should].concat(),
    );
    same(
        "clean.raw",
        &std::fs::read(scene.file("clean.raw")).unwrap(),
        &should,
    );
}
