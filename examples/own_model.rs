//! Uses a network of your own: train, export, run.
//!
//! ```sh
//! cd models/recipe                                         # models/README.md has the whole story
//! python pack.py SPEECH_DIR NOISE_DIR ROOMS_DIR CACHE_DIR  # decodes once
//! python train.py CACHE_DIR RUN_DIR --hours 8
//! python export.py RUN_DIR/best.pt my-model my-model       # writes my-model/my-model.safetensors
//! cargo run --release --example own_model -- my-model/my-model.safetensors
//! ```

use aeden::{Config, Denoiser, Error, Kind, Model};

fn main() -> Result<(), Error> {
    let model = match std::env::args().nth(1) {
        Some(file) => Model::open(file)?,
        None => Model::light(),
    };
    println!("{}", about(&model)?);
    Ok(())
}

/// What a model is, and what it costs.
pub fn about(model: &Model) -> Result<String, Error> {
    let framing = model.framing();
    let mut text = format!(
        "{}: {}, {} weights, {} Hz, {} samples every {}",
        model.name(),
        model.kind().name(),
        model.parameters().unwrap_or(0),
        framing.rate,
        framing.window,
        framing.hop,
    );
    if model.kind() == Kind::Denoising && !model.looks_ahead() {
        let denoiser = Denoiser::with_model(model, &Config::new(framing.rate, 1))?;
        text += &format!(", {} samples late", denoiser.latency());
    }
    Ok(text)
}
