//! A screen in memory, for windows that nobody sees.

use crate::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// An X11 server without hardware, Xvfb, of 1700 by 1200 pixels. It ends when this is dropped.
pub struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    /// Starts it.
    ///
    /// # Errors
    /// [`Error::Window`] if it is not installed or does not start.
    pub fn new() -> Result<Self, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::Window(format!("Xvfb: {e}"));
        // The server takes a free number and writes it down when it is ready.
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1700x1200x24",
                "-nolisten",
                "tcp",
                // Else it begins anew, and loses who is just coming, whenever the last program has gone.
                "-noreset",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| failed(&e))?;
        let mut number = String::new();
        if let Some(answer) = server.stdout.as_mut() {
            BufReader::new(answer)
                .read_line(&mut number)
                .map_err(|e| failed(&e))?;
        }
        let display = format!(":{}", number.trim());
        let screen = Screen { server, display };
        if number.is_empty() {
            return Err(failed(&"it has ended"));
        }
        Ok(screen)
    }

    /// What `DISPLAY` must be for programs that are to be on it.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The process of the server, which draws what programs send it.
    pub fn process(&self) -> u32 {
        self.server.id()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
