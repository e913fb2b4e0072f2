//! load BUNDLE: how long a host waits for a plugin that this process has never loaded, as JSON in milliseconds by the
//! clock on the wall: until it knows what is in the bundle (`scan`), and until an instance has been made, activated and
//! started (`ready`).

use aeden_plugin_host::{Format, Setup};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let bundle = std::env::args().nth(1).ok_or("load BUNDLE")?;
    let format = if bundle.ends_with(".vst3") {
        Format::Vst3
    } else {
        Format::Clap
    };
    let start = Instant::now();
    let bundle = format.open(bundle)?;
    bundle.plugins().first().ok_or("no plugin in it")?;
    let scan = start.elapsed();
    let mut plugin = bundle.instantiate(0)?;
    plugin.activate(&Setup::default())?;
    plugin.start()?;
    let ready = start.elapsed();
    let ms = |time: std::time::Duration| 1e3 * time.as_secs_f64();
    println!("{}", serde_json::json!({"scan": ms(scan), "ready": ms(ready)}));
    Ok(())
}
