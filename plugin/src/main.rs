//! The plugin as a program of its own.

use aeden_plugin::{AedenPlugin, standalone};
use jack::{Client, ClientOptions};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let Some(backend) = take(&mut arguments.clone(), "-b", "--backend") else {
        return standalone::run();
    };
    let arguments = on_ports(&backend, arguments);
    if nice_plug::prelude::nice_export_standalone_with_args::<AedenPlugin, _>(arguments) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The command line for nice-plug's own back ends. On JACK the server decides on rate and block length, which nice-plug 0.4 does
/// not ask it for: at 44.1 kHz the plugin would be told 48.
fn on_ports(backend: &str, mut arguments: Vec<String>) -> Vec<String> {
    if backend != "auto" && backend != "jack" {
        return arguments;
    }
    if let Ok((client, _)) = Client::new("aeden", ClientOptions::NO_START_SERVER) {
        for (short, long, value) in [
            ("-r", "--sample-rate", client.sample_rate().to_string()),
            ("-p", "--period-size", client.buffer_size().to_string()),
        ] {
            take(&mut arguments, short, long);
            arguments.extend([long.to_owned(), value]);
        }
    }
    arguments
}

/// Takes an option out of a command line, and gives its value.
fn take(arguments: &mut Vec<String>, short: &str, long: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| {
        let name = argument.split_once('=').map_or(&**argument, |(name, _)| name);
        name == long || name == short
    })?;
    let option = arguments.remove(at);
    match option.split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None if at < arguments.len() => Some(arguments.remove(at)),
        None => None,
    }
}
