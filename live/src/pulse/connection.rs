//! One connection to a PulseAudio server, on which one thread asks and waits for the answer.

use crate::audio::AudioError;
use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, Prop, Props, ProtocolError, PulseError,
    SetClientNameReply,
};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Time that a server may take to answer; it is on this machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the secret that a server and its clients share through a file.
const COOKIE_BYTES: usize = 256;

const ADVICE: &str = "start PulseAudio or PipeWire (systemctl --user start pipewire-pulse, or pulseaudio --start), \
    or set PULSE_SERVER=unix:/path/to/its/socket";

/// A connection that has been let in.
pub struct Connection {
    pub(super) socket: BufReader<UnixStream>,
    pub(super) version: u16,
    sequence: u32,
}

impl Connection {
    /// Connects to the server that `PULSE_SERVER`, `PULSE_RUNTIME_PATH` or `XDG_RUNTIME_DIR` lead to.
    ///
    /// # Errors
    /// [`AudioError::NoServer`] or [`AudioError::Denied`].
    pub fn open() -> Result<Self, AudioError> {
        let path = socket_path()?;
        let absent = |e: io::Error| match e.kind() {
            ErrorKind::PermissionDenied => AudioError::Denied(format!("PulseAudio at {}", path.display())),
            _ => no_server(format!("{}: {e}", path.display())),
        };
        let socket = UnixStream::connect(&path).map_err(absent)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(absent)?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(absent)?;
        let mut connection = Connection {
            socket: BufReader::new(socket),
            version: protocol::MAX_VERSION,
            sequence: 0,
        };
        // Servers end a connection that brings a cookie of another length, even those that let everybody in.
        let mut cookie = Vec::new();
        if let Some(path) = pulseaudio::cookie_path_from_env()
            && let Ok(file) = File::open(path)
        {
            // One byte more than it may have, and no file without end.
            let _ = file.take(COOKIE_BYTES as u64 + 1).read_to_end(&mut cookie);
        }
        if cookie.len() != COOKIE_BYTES {
            cookie = vec![0; COOKIE_BYTES];
        }
        let auth = AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie,
        };
        let answer: AuthReply = connection.ask(&Command::Auth(auth))?;
        connection.version = connection.version.min(answer.version);
        let mut properties = Props::new();
        properties.set(Prop::ApplicationName, c"aeden");
        properties.set(Prop::ApplicationProcessId, text(&std::process::id().to_string()));
        let _: SetClientNameReply = connection.ask(&Command::SetClientName(properties))?;
        Ok(connection)
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`AudioError::Lost`] if the connection breaks, and what the server's refusal means.
    pub fn ask<R: CommandReply>(&mut self, command: &Command) -> Result<R, AudioError> {
        let sequence = self.send(command)?;
        let (answered, reply) =
            protocol::read_reply_message(&mut self.socket, self.version).map_err(|e| failed(&e))?;
        expect_same(sequence, answered)?;
        Ok(reply)
    }

    /// Sends a command and waits until it has been done.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn tell(&mut self, command: &Command) -> Result<(), AudioError> {
        let sequence = self.send(command)?;
        let answered = protocol::read_ack_message(&mut self.socket).map_err(|e| failed(&e))?;
        expect_same(sequence, answered)
    }

    fn send(&mut self, command: &Command) -> Result<u32, AudioError> {
        let sequence = self.sequence;
        self.sequence += 1;
        protocol::write_command_message(self.socket.get_mut(), sequence, command, self.version)
            .map_err(|e| failed(&e))?;
        Ok(sequence)
    }
}

fn expect_same(sequence: u32, answered: u32) -> Result<(), AudioError> {
    if sequence == answered {
        Ok(())
    } else {
        Err(AudioError::Lost(
            "the sound server gave an answer to no question".into(),
        ))
    }
}

fn no_server(why: String) -> AudioError {
    AudioError::NoServer {
        system: "PulseAudio",
        why,
        advice: ADVICE,
    }
}

/// The address of the server. Servers on other machines are not supported: their delay is not one for live use.
fn socket_path() -> Result<PathBuf, AudioError> {
    if let Ok(server) = std::env::var("PULSE_SERVER") {
        // A machine's id in braces may come first, meaning that the rest is for that machine only.
        let address = server.split_once('}').map_or(&*server, |(_, rest)| rest);
        let path = address.strip_prefix("unix:").unwrap_or(address);
        return if path.starts_with('/') {
            Ok(path.into())
        } else {
            Err(no_server(format!("PULSE_SERVER={server} is on another machine")))
        };
    }
    let folders = [
        ("PULSE_RUNTIME_PATH", "native"),
        ("XDG_RUNTIME_DIR", "pulse/native"),
    ];
    folders
        .iter()
        .find_map(|(variable, rest)| Some(PathBuf::from(std::env::var_os(variable)?).join(rest)))
        .ok_or_else(|| no_server("XDG_RUNTIME_DIR is not set".into()))
}

/// Translates a failure of the protocol for a user.
pub(super) fn failed(error: &ProtocolError) -> AudioError {
    match error {
        ProtocolError::ServerError(PulseError::AccessDenied | PulseError::AuthKey) => {
            AudioError::Denied("the sound server".into())
        }
        ProtocolError::ServerError(PulseError::Busy) => AudioError::Busy("the device".into()),
        ProtocolError::ServerError(e) => AudioError::Lost(format!("the sound server refuses: {e}")),
        ProtocolError::Io(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            AudioError::Lost("the sound server does not answer any more".into())
        }
        ProtocolError::Io(_) => AudioError::Lost("the sound server has ended the connection".into()),
        e => AudioError::Lost(format!("the sound server talks nonsense: {e}")),
    }
}

/// A string as the protocol wants it; what comes after a NUL is left out.
pub(super) fn text(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}
