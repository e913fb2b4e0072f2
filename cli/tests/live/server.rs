//! `aeden live` with sound servers in folders of their own.

#[path = "../../../tests/servers/sound.rs"]
mod sound_server;

use sound_server::PATIENCE;
pub use sound_server::{Kind, Process, Server, wait_for};
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

impl Server {
    /// Runs aeden to its end.
    pub fn aeden(&self, arguments: &str) -> Output {
        self.command(env!("CARGO_BIN_EXE_aeden"))
            .args(arguments.split(' '))
            .output()
            .unwrap()
    }

    /// Starts `aeden live --json`, and returns when it runs.
    pub fn live(&self, arguments: &str) -> Live {
        Live::start(self.command(env!("CARGO_BIN_EXE_aeden")), arguments)
    }
}

/// A running `aeden live`.
pub struct Live {
    process: Process,
    lines: Receiver<String>,
}

impl Live {
    /// Runs `live --json` of a program that is `aeden`, and returns when it runs.
    pub fn start(mut aeden: Command, arguments: &str) -> Live {
        aeden.args(["live", "--json"]).args(arguments.split_whitespace());
        let mut child = aeden
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Read as they come, so that what is old can be told from what is new.
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let mut live = Live {
            process: Process(child),
            lines,
        };
        live.until("running", |status| status["running"] == true);
        live
    }

    /// The next line of statistics; those that have been printed before are dropped.
    pub fn status(&mut self) -> serde_json::Value {
        while self.lines.try_recv().is_ok() {}
        let line = self.lines.recv_timeout(PATIENCE).expect("a line of statistics");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    /// Reads statistics until they are as wanted.
    pub fn until(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        let start = Instant::now();
        loop {
            let status = self.status();
            if wanted(&status) {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "never {what}: {status}");
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let id = self.process.0.id().to_string();
        Command::new("kill").args(["-s", signal, &id]).status().unwrap();
    }

    /// Sends a signal, and returns the exit status and what was said.
    pub fn end(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let status = self.process.0.wait().unwrap();
        let mut said = String::new();
        if let Some(mut stderr) = self.process.0.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        }
        (status.code(), said)
    }
}
