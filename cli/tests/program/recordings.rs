//! Folders, recordings and runs of the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Sends a signal, named as in `kill -s`.
pub fn send(child: &Child, signal: &str) {
    let id = child.id().to_string();
    Command::new("kill").args(["-s", signal, &id]).status().unwrap();
}

/// A folder that vanishes with the test.
pub struct Folder(TempDir);

impl Folder {
    /// Runs commands that write more into `small/` than there is room: each must fail, and nothing be left.
    pub fn assert_full_disk(&self, commands: &[&str]) {
        let small = self.path("small");
        std::fs::create_dir(&small).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "none"])
            .arg(&small)
            .output();
        if !mount.is_ok_and(|m| m.status.success()) {
            println!("skipped: mounting a small file system needs root");
            return;
        }
        let runs: Vec<Run> = commands.iter().map(|command| self.aeden(command)).collect();
        let left = std::fs::read_dir(&small).unwrap().count();
        Command::new("umount").arg(&small).status().unwrap();
        for run in runs {
            run.failed(1, "no space left");
        }
        assert_eq!(left, 0);
    }

    pub fn new() -> Self {
        Folder(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Names of everything in it, hidden files too.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// `aeden` with these arguments, in this folder.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aeden"));
        command.args(arguments).current_dir(self.0.path());
        // Whoever runs the tests may have defaults of their own.
        command.env_remove("AEDEN_CONFIG");
        command.env("XDG_CONFIG_HOME", self.path(".config"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `aeden` with arguments that are separated by spaces.
    pub fn aeden(&self, arguments: &str) -> Run {
        Run(self.command(arguments.split(' ')).output().unwrap())
    }

    /// Runs it with `input` on standard input.
    pub fn aeden_with_input(&self, arguments: &str, input: &[u8]) -> Run {
        let mut child = self
            .command(arguments.split(' '))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that stops early does not read everything.
        let feeder = std::thread::spawn(move || _ = std::io::Write::write_all(&mut stdin, &input));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        Run(output)
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        self.0.path()
    }
}

/// What a run left behind.
pub struct Run(pub Output);

impl Run {
    pub fn status(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    /// What `--json` prints, line by line.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Went well and had nothing to say.
    #[track_caller]
    pub fn quietly(self) -> Self {
        assert_eq!((self.status(), self.stderr().as_str()), (0, ""));
        self
    }

    /// Went well, with exactly one line that has `part` in it.
    #[track_caller]
    pub fn warned(self, part: &str) -> Self {
        assert_eq!(self.status(), 0, "{}", self.stderr());
        self.one_line(part);
        self
    }

    /// Failed with `status` and exactly one line, which has `part` in it.
    #[track_caller]
    pub fn failed(self, status: i32, part: &str) -> Self {
        assert_eq!(self.status(), status, "{}", self.stderr());
        self.one_line(part);
        self
    }

    /// Refused by the parser of the command line, with `part` in what it said.
    #[track_caller]
    pub fn failed_usage(self, part: &str) {
        assert_eq!(self.status(), 2, "{}", self.stderr());
        assert!(self.stderr().contains(part), "no {part:?} in {}", self.stderr());
    }

    #[track_caller]
    fn one_line(&self, part: &str) {
        let stderr = self.stderr();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(
            stderr.starts_with("aeden: ") && stderr.contains(part),
            "no {part:?} in {stderr:?}"
        );
    }
}

/// A chunk with its padding.
pub fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = id.to_vec();
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out.extend(vec![0; body.len() % 2]);
    out
}

/// A RIFF file of these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [
        b"RIFF".as_slice(),
        &(body.len() as u32 + 4).to_le_bytes(),
        b"WAVE",
        &body,
    ]
    .concat()
}

/// A `fmt ` chunk of the short form.
pub fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels.wrapping_mul(bits / 8);
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend(rate.wrapping_mul(block.into()).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    chunk(b"fmt ", &body)
}

/// A `fmt ` chunk of the extensible form.
pub fn extensible(tag: u16, channels: u16, rate: u32, bits: u16, valid_bits: u16, mask: u32) -> Vec<u8> {
    let mut body = fmt(0xfffe, channels, rate, bits)[8..].to_vec();
    body.extend(22u16.to_le_bytes());
    body.extend(valid_bits.to_le_bytes());
    body.extend(mask.to_le_bytes());
    body.extend(tag.to_le_bytes());
    body.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    chunk(b"fmt ", &body)
}

/// Noise between -0.5 and 0.5, the same for the same `seed`.
pub fn noise(seed: u64, samples: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let numbers = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    });
    numbers.take(samples).collect()
}

/// Sound of 16 bits.
pub fn pcm16(samples: &[f32]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|x| ((x * 32768.0) as i16).to_le_bytes())
        .collect()
}

/// A plain 16-bit file of noise.
pub fn noise_file(channels: u16, rate: u32, frames: usize) -> Vec<u8> {
    let sound = pcm16(&noise(7, frames * usize::from(channels)));
    riff(&[fmt(1, channels, rate, 16), chunk(b"data", &sound)])
}

/// The body of the first chunk of this name.
pub fn body_of(file: &[u8], id: &[u8; 4]) -> Option<Vec<u8>> {
    let mut at = 12;
    while at + 8 <= file.len() {
        let size = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
        if &file[at..at + 4] == id {
            return Some(file[at + 8..file.len().min(at + 8 + size)].to_vec());
        }
        at = at.saturating_add(8 + size + size % 2);
    }
    None
}

/// Names of the chunks in a RIFF file.
pub fn chunk_names(file: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 12;
    while at + 8 <= file.len() {
        let size = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
        names.push(String::from_utf8_lossy(&file[at..at + 4]).into_owned());
        at = at.saturating_add(8 + size + size % 2);
    }
    names
}

/// Interleaved samples of a 16-bit file.
pub fn samples16(file: &[u8]) -> Vec<i16> {
    let sound = body_of(file, b"data").unwrap();
    sound
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect()
}

/// Interleaved samples of a file of 32-bit floats.
pub fn samples32f(file: &[u8]) -> Vec<f32> {
    let sound = body_of(file, b"data").unwrap();
    sound
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// A file of the repository's tests.
pub fn fixture(name: &str) -> String {
    format!("{}/../tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}
