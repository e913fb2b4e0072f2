//! A screen in memory with a window manager, and what is to be seen on it.

use std::process::{Child, Command, Stdio};

/// Without a window manager JUCE's windows do not come up.
pub struct Screen {
    manager: Child,
    screen: aeden_plugin_host::Screen,
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
        let screen = aeden_plugin_host::Screen::new().expect("Xvfb");
        let manager = Command::new("openbox")
            .env("DISPLAY", screen.display())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox");
        Some(Screen { manager, screen })
    }

    /// What `DISPLAY` must be for programs that are to be on it.
    pub fn display(&self) -> &str {
        self.screen.display()
    }

    /// How many colours are on it. An empty screen has a few, an editor that is drawn has hundreds.
    pub fn colours(&self) -> usize {
        let mut picture = Command::new("import")
            .args(["-window", "root", "miff:-"])
            .env("DISPLAY", self.display())
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
        let _ = self.manager.kill();
        let _ = self.manager.wait();
    }
}
