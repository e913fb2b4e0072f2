//! A JACK server without hardware. The tests of several packages include this file by its path.
#![allow(dead_code, reason = "every test program uses some of these")]

use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Servers share a register of all servers, and one may fail to start while another starts or ends.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How long a start may take on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server under a name of its own, with one port of each kind. It waits for its clients in every block (`--sync`), so that a
/// busy machine makes it late and nothing else.
pub struct Jack {
    name: String,
    rate: u32,
    period: u32,
    process: Option<Child>,
    _alone: MutexGuard<'static, ()>,
}

impl Jack {
    /// Starts one; `None` where it is not installed, which has been said then.
    pub fn start(test: &str, rate: u32, period: u32) -> Option<Jack> {
        for program in ["jackd", "jack_lsp"] {
            if Command::new(program).arg("--version").output().is_err() {
                println!("skipped: {program} is not installed; `cargo xtask setup` does that");
                return None;
            }
        }
        let mut jack = Jack {
            name: format!("aeden-{test}-{}", std::process::id()),
            rate,
            period,
            process: None,
            _alone: ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner),
        };
        jack.run();
        Some(jack)
    }

    /// Starts it again, after [`stop`](Self::stop).
    pub fn run(&mut self) {
        let start = Instant::now();
        loop {
            // What a killed server has left in the register can make the next one give up, once.
            let runs = self.process.as_mut().map(Child::try_wait);
            if !matches!(runs, Some(Ok(None))) {
                self.process = Some(self.server());
            }
            if self.command("jack_lsp").output().unwrap().status.success() {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "JACK does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn server(&self) -> Child {
        let (rate, period) = (self.rate.to_string(), self.period.to_string());
        let server = ["--name", &self.name, "--no-realtime", "--sync", "-d", "dummy"];
        let device = [
            "--rate",
            &rate,
            "--period",
            &period,
            "--capture",
            "1",
            "--playback",
            "1",
        ];
        self.command("jackd")
            .args(server)
            .args(device)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Ends it, as a crash would.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.process.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// A program that uses this server.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.lead(&mut command);
        command
    }

    /// Leads a program to this server.
    pub fn lead(&self, command: &mut Command) {
        command
            .env("JACK_DEFAULT_SERVER", &self.name)
            .env("JACK_NO_START_SERVER", "1")
            .stdin(Stdio::null());
    }
}

impl Drop for Jack {
    /// Asks the server to end: a killed one keeps one of the eight places that the register has.
    fn drop(&mut self) {
        if let Some(server) = &mut self.process {
            let _ = Command::new("kill").arg(server.id().to_string()).status();
            let _ = server.wait();
        }
    }
}
