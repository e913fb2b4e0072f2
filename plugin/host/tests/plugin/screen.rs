//! A screen in memory, for windows that nobody sees.

use std::io::BufRead;
use std::process::{Child, Command, Stdio};

/// The screen, with a window manager, without which JUCE's windows do not come up.
pub struct Screen {
    programs: Vec<Child>,
    display: String,
}

impl Screen {
    /// Starts it; `None` where a program for it is missing, which has been said then.
    pub fn new() -> Option<Self> {
        for program in ["Xvfb", "openbox", "import", "identify"] {
            if Command::new(program).arg("--version").output().is_err() {
                println!("skipped: no {program}; `cargo xtask setup` installs it");
                return None;
            }
        }
        // The server takes a free number and writes it down when it is ready.
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1280x800x24",
                "-nolisten",
                "tcp",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb");
        let mut number = String::new();
        let answer = server.stdout.as_mut().expect("an answer");
        std::io::BufReader::new(answer)
            .read_line(&mut number)
            .expect("a number");
        let display = format!(":{}", number.trim());
        let manager = Command::new("openbox")
            .env("DISPLAY", &display)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox");
        Some(Screen {
            programs: vec![manager, server],
            display,
        })
    }

    /// What `DISPLAY` must be for programs that are to be on it.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// How many colours are on it. An empty screen has a few, an editor that is drawn has hundreds.
    pub fn colours(&self) -> usize {
        let mut picture = Command::new("import")
            .args(["-window", "root", "miff:-"])
            .env("DISPLAY", &self.display)
            .stdout(Stdio::piped())
            .spawn()
            .expect("import");
        let count = Command::new("identify")
            .args(["-format", "%k", "-"])
            .stdin(picture.stdout.take().expect("a picture"))
            .output()
            .expect("identify");
        picture.wait().expect("import to end");
        String::from_utf8_lossy(&count.stdout)
            .trim()
            .parse()
            .expect("a number of colours")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}
