//! The whole way from the default input to the default output without a denoiser: what the rest costs in time.
//!
//! `cargo run --release -p aeden-live --example through -- [SYSTEM]` prints a line of JSON a second until it is killed.

#[path = "../tests/identity/mod.rs"]
mod identity;

use aeden::spectrum::Framing;
use aeden::{Config, Denoiser};
use aeden_live::audio::{AudioError, Format};
use aeden_live::processor::Controls;
use aeden_live::session::{Plan, Session, Target};
use aeden_live::{HOSTS, open_host};
use std::sync::Arc;
use std::time::Duration;

/// A denoiser that changes nothing, with frames so short (1.3 ms) that they hardly delay.
fn through(format: Format) -> Result<Denoiser, AudioError> {
    let framing = Framing {
        rate: format.rate,
        window: 64,
        hop: 32,
        ..Framing::default()
    };
    identity::denoiser(format, framing, false)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = std::env::args().nth(1).unwrap_or_else(|| HOSTS[0].to_owned());
    let plan = Plan {
        input: None,
        outputs: vec![Target::Default],
        record: false,
        always_retime: false,
    };
    let controls = Arc::new(Controls::new(&Config::default()));
    let mut session = Session::start(open_host(&system)?, plan, controls, Box::new(through))?;
    loop {
        for _ in 0..10 {
            session.tick()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("{}", serde_json::to_string(&session.status())?);
    }
}
