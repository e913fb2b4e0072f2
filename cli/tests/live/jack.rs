//! `aeden live` between the ports of a JACK server without hardware.

use crate::server::{Live, Process, wait_for};
use crate::sound::{alike, clean, read, read_channels};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Servers share a register of all servers, and one may fail to start while another starts or ends.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A server under a name of its own. It waits for its clients in every block (`--sync`), so that a busy machine makes it
/// late and nothing else.
struct Jack {
    name: String,
    process: Option<Process>,
    _alone: MutexGuard<'static, ()>,
}

impl Jack {
    /// Starts one; `None` where it is not installed, which has been said then.
    fn start(test: &str) -> Option<Jack> {
        for program in ["jackd", "jack_lsp"] {
            if Command::new(program).arg("--version").output().is_err() {
                println!("skipped: {program} is not installed; `cargo xtask setup` does that");
                return None;
            }
        }
        let mut jack = Jack {
            name: format!("aeden-{test}-{}", std::process::id()),
            process: None,
            _alone: ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner),
        };
        jack.run();
        Some(jack)
    }

    fn run(&mut self) {
        let mut server = Process(self.server());
        wait_for("answer of JACK", || {
            // What a killed server has left in the register can make the next one give up, once.
            if !matches!(server.0.try_wait(), Ok(None)) {
                server = Process(self.server());
            }
            let list = self.command("jack_lsp").output().unwrap();
            list.status.success().then_some(())
        });
        self.process = Some(server);
    }

    fn server(&self) -> Child {
        let mut server = self.command("jackd");
        server.args(["--name", &self.name, "--no-realtime", "--sync", "-d", "dummy"]);
        server.args([
            "--rate",
            "48000",
            "--period",
            "480",
            "--capture",
            "1",
            "--playback",
            "1",
        ]);
        server
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Ends the server, as a crash would.
    fn stop(&mut self) {
        self.process = None;
    }

    /// A program that uses this server.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("JACK_DEFAULT_SERVER", &self.name)
            .env("JACK_NO_START_SERVER", "1")
            .stdin(Stdio::null());
        command
    }

    fn live(&self) -> Live {
        Live::start(self.command(env!("CARGO_BIN_EXE_aeden")), "--system jack")
    }
}

impl Drop for Jack {
    /// Asks the server to end: a killed one keeps one of the eight places that the register has.
    fn drop(&mut self) {
        if let Some(Process(server)) = &mut self.process {
            let _ = Command::new("kill").arg(server.id().to_string()).status();
            let _ = server.wait();
        }
    }
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn what_goes_in_by_jack_comes_out_as_clean_makes_it() {
    let python = in_repository(".venv/bin/python");
    let has_jack = Command::new(&python)
        .args(["-c", "import jack, soundfile"])
        .output();
    if !has_jack.is_ok_and(|output| output.status.success()) {
        println!(
            "skipped: no JACK-Client in {}; `cargo xtask setup` installs it",
            python.display()
        );
        return;
    }
    let Some(jack) = Jack::start("sound") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let noisy = in_repository("tests/fixtures/noisy.wav");
    let recording = folder.path().join("heard.wav");
    let mut live = jack.live();
    let Output { status, stderr, .. } = jack
        .command(python.to_str().unwrap())
        .arg(in_repository("cli/tests/python/play_and_record_in_jack.py"))
        .args([&noisy, &recording])
        .output()
        .unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let [played, heard] = &read_channels(&recording)[..] else {
        panic!("two channels were to be recorded")
    };
    let sound = read(&noisy);
    assert!(played[..sound.len()] == sound);
    let status = live.status();
    let (code, said) = live.end("TERM");
    assert_eq!(code, Some(0), "{said}");
    alike(heard, &clean(folder.path(), &noisy)).assert_explained_by(&status, "JACK");
}

#[test]
fn a_jack_server_that_restarts_is_waited_for() {
    let Some(mut jack) = Jack::start("restart") else {
        return;
    };
    let mut live = jack.live();
    jack.stop();
    live.until("waiting", |status| status["running"] == false);
    jack.run();
    live.until("running again", |status| status["running"] == true);
    let (code, said) = live.end("TERM");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn without_jack_it_says_how_to_start_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_aeden"))
        .args(["live", "--system", "jack"])
        .env("JACK_DEFAULT_SERVER", "aeden-nowhere")
        .env("JACK_NO_START_SERVER", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("jackd -d alsa"), "{said}");
}
