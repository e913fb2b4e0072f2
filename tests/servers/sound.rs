//! Sound servers in folders of their own, without hardware. The tests of several packages include this file by its path.
#![allow(dead_code, reason = "every test program uses some of these")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long something may take that takes a moment, on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `ready` gives something.
pub fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "still no {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Which server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PulseAudio itself.
    PulseAudio,
    /// PipeWire with its pulse server.
    PipeWire,
}

/// A server with a stereo null sink `bench`. What is played into its left channel is what the microphone `mic` hears;
/// what is played into `out` comes out of its right channel. Both sides of any program between them thus have one clock.
pub struct Server {
    folder: TempDir,
    kind: Kind,
    // Last first: they end in this order.
    processes: Vec<Process>,
}

const BENCH: &[&[&str]] = &[
    &[
        "module-null-sink",
        "sink_name=bench",
        "format=float32le",
        "rate=48000",
        "channels=2",
        "channel_map=front-left,front-right",
    ],
    &[
        "module-remap-source",
        "source_name=mic",
        "master=bench.monitor",
        "channels=1",
        "channel_map=mono",
        "master_channel_map=front-left",
        "remix=no",
    ],
    &[
        "module-remap-sink",
        "sink_name=out",
        "master=bench",
        "channels=1",
        "channel_map=mono",
        "master_channel_map=front-right",
        "remix=no",
    ],
];

impl Server {
    /// Starts a server; `None` where it is not installed, which has been said then.
    pub fn start(kind: Kind) -> Option<Server> {
        Server::start_with(kind, |_| {})
    }

    /// The same, after something has been put into its folder, where `config` is the user's configuration.
    pub fn start_with(kind: Kind, put: impl FnOnce(&Path)) -> Option<Server> {
        let programs: &[&str] = match kind {
            Kind::PulseAudio => &["pulseaudio", "pactl", "parec", "pacat"],
            Kind::PipeWire => &[
                "dbus-daemon",
                "pipewire",
                "wireplumber",
                "pipewire-pulse",
                "pactl",
                "parec",
                "pacat",
            ],
        };
        let missing = programs
            .iter()
            .find(|p| Command::new(p).arg("--version").output().is_err());
        if let Some(program) = missing {
            println!("skipped: {program} is not installed");
            return None;
        }
        let mut server = Server {
            folder: TempDir::new().unwrap(),
            kind,
            processes: Vec::new(),
        };
        put(server.folder.path());
        server.run();
        server.set_up();
        Some(server)
    }

    fn set_up(&self) {
        for module in BENCH {
            self.pactl(&[&["load-module"], *module].concat());
        }
        // PipeWire answers before WirePlumber, which keeps the defaults, has started.
        for default in [["set-default-source", "mic"], ["set-default-sink", "out"]] {
            wait_for("default device", || {
                let set = self.command("pactl").args(default).status().unwrap();
                set.success().then_some(())
            });
        }
    }

    fn run(&mut self) {
        match self.kind {
            Kind::PulseAudio => {
                let script = self.folder.path().join("ci.pa");
                let socket = self.socket();
                let load =
                    format!("load-module module-native-protocol-unix auth-anonymous=1 socket={socket}\n");
                std::fs::write(&script, load).unwrap();
                let mut pulse = self.command("pulseaudio");
                pulse.args(["-n", "-F"]).arg(&script);
                pulse.args([
                    "--daemonize=no",
                    "--exit-idle-time=-1",
                    "--use-pid-file=no",
                    "--disable-shm=yes",
                ]);
                self.spawn(&mut pulse);
            }
            Kind::PipeWire => {
                let bus = format!("unix:path={}/bus", self.folder.path().display());
                let mut dbus = self.command("dbus-daemon");
                dbus.args(["--session", "--nofork", "--nopidfile", "--address"])
                    .arg(&bus);
                self.spawn(&mut dbus);
                for program in ["pipewire", "wireplumber", "pipewire-pulse"] {
                    let mut command = self.command(program);
                    self.spawn(&mut command);
                    let socket = self.folder.path().join("pipewire-0");
                    wait_for("socket of PipeWire", || socket.exists().then_some(()));
                }
            }
        }
        wait_for("answer of the server", || {
            let info = self.command("pactl").arg("info").output().unwrap();
            info.status.success().then_some(())
        });
    }

    fn spawn(&mut self, command: &mut Command) {
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.processes.insert(0, Process(child));
    }

    /// Ends the server, as a crash would.
    pub fn stop(&mut self) {
        self.processes.clear();
    }

    /// Starts it again after [`stop`](Self::stop).
    pub fn restart(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        self.run();
        self.set_up();
    }

    fn socket(&self) -> String {
        format!("{}/pulse/native", self.folder.path().display())
    }

    /// A program that uses this server and nothing of the user's.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folder = self.folder.path();
        let _ = std::fs::create_dir_all(folder.join("pulse"));
        command
            .env("PULSE_SERVER", format!("unix:{}", self.socket()))
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .env("XDG_CONFIG_HOME", folder.join("config"))
            .env("XDG_STATE_HOME", folder.join("state"))
            .env(
                "DBUS_SESSION_BUS_ADDRESS",
                format!("unix:path={}/bus", folder.display()),
            )
            .stdin(Stdio::null());
        command
    }

    /// Asks the server.
    pub fn pactl(&self, arguments: &[&str]) -> String {
        let output = self.command("pactl").args(arguments).output().unwrap();
        assert!(output.status.success(), "pactl {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The names of all sources.
    pub fn sources(&self) -> Vec<String> {
        let list = self.pactl(&["list", "short", "sources"]);
        list.lines()
            .filter_map(|line| Some(line.split('\t').nth(1)?.to_owned()))
            .collect()
    }

    /// The folder that everything of this server is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
