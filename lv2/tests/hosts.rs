//! The plugins in hosts: ffmpeg's two filters, LADSPA's and LV2's own tools, and calls by hand.

use aeden::{Config, Denoiser, Link, Listen, Model};
use aeden_lv2::ladspa::{Descriptor, ladspa_descriptor};
use aeden_lv2::lv2::lv2_descriptor;
use aeden_lv2::ports::{Control, PLUGINS, Plugin, Port, Quality};
use aeden_lv2::turtle;
use allocation_counter::{AllocationInfo, measure};
use std::ffi::CStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[expect(dead_code, reason = "each library lays out its own part")]
#[path = "../../xtask/src/prefix.rs"]
mod prefix;

/// Samples between −0.5 and 0.5, the same every time.
fn noise(seed: u32, len: usize) -> Vec<f32> {
    let step = |random: &mut u32, _| {
        *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*random >> 8) as f32 / (1 << 24) as f32 - 0.5)
    };
    (0..len).scan(seed, step).collect()
}

/// The crate's own result.
fn cleaned(plugin: &Plugin, config: &Config, channels: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let model = match plugin.quality {
        Quality::High => Model::high(),
        Quality::Light => Model::light(),
    };
    let mut denoiser = Denoiser::with_model(&model, config).unwrap();
    let mut channels = channels.to_vec();
    denoiser.process(&mut channels.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
    channels
}

/// Whether a program is there; says so if not.
fn is_there(program: &str, asks: &str) -> bool {
    let there = Command::new(program).arg(asks).output().is_ok();
    if !there {
        println!("skipped: no {program} here");
    }
    there
}

/// The plugins as they are installed.
fn installed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    prefix::lay_out_lv2(&prefix::Prefix::at(folder.path()), &root, test.parent().unwrap()).unwrap();
    folder
}

#[test]
fn what_hosts_read_belongs_to_the_table_of_ports() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("aeden.lv2");
    for (name, made) in [
        ("manifest.ttl", turtle::manifest()),
        ("aeden.ttl", turtle::plugins()),
    ] {
        let file = folder.join(name);
        if std::env::var_os("AEDEN_WRITE_TTL").is_some() {
            std::fs::write(&file, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == made,
            "AEDEN_WRITE_TTL=1 cargo test -p aeden-lv2 table writes lv2/aeden.lv2/{name}:\n{made}"
        );
    }
}

/// Runs ffmpeg with a filter over interleaved floats.
fn ffmpeg(folder: &Path, filter: &str, rate: u32, channels: &[Vec<f32>]) -> Vec<u8> {
    let (input, output) = (folder.join("in.f32"), folder.join("out.f32"));
    let frames = 0..channels[0].len();
    let bytes: Vec<u8> = frames
        .flat_map(|n| channels.iter().flat_map(move |c| c[n].to_le_bytes()))
        .collect();
    std::fs::write(&input, bytes).unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-f", "f32le"]);
    ffmpeg.args(["-ar", &rate.to_string(), "-ac", &channels.len().to_string(), "-i"]);
    ffmpeg
        .arg(&input)
        .args(["-af", filter, "-f", "f32le"])
        .arg(&output);
    ffmpeg.env("LADSPA_PATH", folder.join("lib/ladspa"));
    ffmpeg.env("LV2_PATH", folder.join("lib/lv2"));
    let run = ffmpeg.output().unwrap();
    assert!(
        run.status.success(),
        "{filter}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    std::fs::read(output).unwrap()
}

#[test]
fn ffmpeg_gives_the_samples_of_the_crate_through_ladspa_and_lv2() {
    let filters = Command::new("ffmpeg").args(["-hide_banner", "-filters"]).output();
    let filters = filters.map_or(String::new(), |list| {
        String::from_utf8_lossy(&list.stdout).into_owned()
    });
    let folder = installed();
    for plugin in &PLUGINS {
        for (rate, controls) in [(48_000, false), (44_100, true)] {
            let sound: Vec<Vec<f32>> = (0..plugin.channels).map(|c| noise(c as u32, 40_003)).collect();
            let mut config = Config::new(rate, plugin.channels);
            let (mut ladspa, mut lv2) = (String::new(), String::new());
            if controls {
                config = config.attenuation_limit(Some(20.0)).mix(0.5).output_gain(-3.0);
                config = config.listen(Listen::Removed).link(Link::Independent);
                ladspa = ":controls=c0=20|c1=0.5|c2=-3|c3=1".to_owned();
                lv2 = ":controls=strength=20|mix=0.5|gain=-3|delta=1".to_owned();
                if plugin.channels == 2 {
                    ladspa += "|c4=0";
                    lv2 += "|link=0";
                }
            }
            let should = cleaned(plugin, &config, &sound);
            let frames = 0..sound[0].len();
            let should: Vec<u8> = frames
                .flat_map(|n| should.iter().flat_map(move |c| c[n].to_le_bytes()))
                .collect();
            let uri = plugin.uri().replace(':', "\\\\:");
            for (name, filter) in [
                (
                    "ladspa",
                    format!("ladspa=file=aeden:plugin={}{ladspa}", plugin.label),
                ),
                ("lv2", format!("lv2=plugin={uri}{lv2}")),
            ] {
                if !filters.contains(&format!(" {name} ")) {
                    println!("skipped: no ffmpeg with the filter {name} here");
                    continue;
                }
                let is = ffmpeg(folder.path(), &filter, rate, &sound);
                assert_eq!(is.len(), should.len(), "{filter}");
                let first = is.iter().zip(&should).position(|(a, b)| a != b);
                assert_eq!(first, None, "{filter}: the first byte that differs");
            }
        }
    }
}

#[test]
fn other_tools_read_them_without_complaint() {
    let folder = installed();
    if is_there("analyseplugin", "--help") {
        let library = folder.path().join("lib/ladspa/aeden.so");
        let list = Command::new("analyseplugin").arg(&library).output().unwrap();
        let text = String::from_utf8_lossy(&list.stdout).into_owned();
        assert!(list.status.success(), "{text}");
        for plugin in &PLUGINS {
            assert!(text.contains(&format!("\"{}\"", plugin.label)), "{text}");
        }
        assert!(
            text.contains("\"Strength\" input, control, 0 to 60, default 60"),
            "{text}"
        );
    }
    if is_there("lv2info", "--version") {
        for plugin in &PLUGINS {
            let mut command = Command::new("lv2info");
            command
                .arg(plugin.uri())
                .env("LV2_PATH", folder.path().join("lib/lv2"));
            let info = command.output().unwrap();
            let (text, complaints) = (
                String::from_utf8_lossy(&info.stdout).into_owned(),
                String::from_utf8_lossy(&info.stderr).into_owned(),
            );
            assert!(
                info.status.success() && complaints.is_empty(),
                "{text}{complaints}"
            );
            assert!(
                text.contains("Has latency:       yes, reported by port"),
                "{text}"
            );
            assert!(text.contains("Symbol:      strength"), "{text}");
        }
    }
}

/// A program that ends with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn pipewire_makes_a_microphone_and_speakers_of_the_two_files() {
    if !is_there("pipewire", "--version") || !is_there("pw-dump", "--version") {
        return;
    }
    let folder = installed();
    let home = tempfile::tempdir().unwrap();
    let places = home.path().join("config/pipewire/pipewire.conf.d");
    std::fs::create_dir_all(&places).unwrap();
    for name in ["aeden-source.conf", "aeden-sink.conf"] {
        std::fs::copy(
            folder.path().join("share/aeden/pipewire").join(name),
            places.join(name),
        )
        .unwrap();
    }
    let command = |program: &str| {
        let mut command = Command::new(program);
        command
            .env("XDG_RUNTIME_DIR", home.path())
            .env("HOME", home.path());
        command.env("XDG_CONFIG_HOME", home.path().join("config"));
        // No bus: there is no session here.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        command.stdin(Stdio::null());
        command
    };
    let log = std::fs::File::create(home.path().join("log")).unwrap();
    let mut server = command("pipewire");
    server.stdout(log.try_clone().unwrap()).stderr(log);
    let _server = Running(server.spawn().unwrap());
    let mut objects = String::new();
    for _ in 0..300 {
        std::thread::sleep(Duration::from_millis(100));
        let dump = command("pw-dump").stderr(Stdio::null()).output().unwrap();
        objects = String::from_utf8_lossy(&dump.stdout).into_owned();
        let is_there = |name: &str| objects.contains(&format!("\"node.name\": \"{name}\""));
        if is_there("aeden.source") && is_there("aeden.sink") {
            // Its parameters are the plugin's.
            return assert!(objects.contains("aeden:Strength"), "{objects}");
        }
    }
    let log = std::fs::read_to_string(home.path().join("log")).unwrap();
    panic!("no nodes of ours: {objects}\n{log}");
}

/// One instance with its ports connected with memory of our own.
struct Host {
    descriptor: &'static Descriptor,
    instance: *mut aeden_lv2::instance::Instance,
    ports: Vec<Port>,
    /// A value, or room for sound, for each port.
    memory: Vec<Vec<f32>>,
}

impl Host {
    fn new(number: usize, rate: u32, room: usize) -> Host {
        // SAFETY: as LADSPA's specification says.
        unsafe {
            let descriptor = &*ladspa_descriptor(number as _);
            let instance = descriptor.instantiate.unwrap()(descriptor, rate.into());
            assert!(!instance.is_null());
            let ports = PLUGINS[number].ports();
            let mut memory: Vec<Vec<f32>> = ports
                .iter()
                .map(|port| match port {
                    Port::Control(control) => vec![control.look().range[1]],
                    Port::Latency => vec![-1.0],
                    Port::Input(c) => noise(*c as u32, room),
                    Port::Output(_) => vec![7.0; room],
                })
                .collect();
            for (port, memory) in memory.iter_mut().enumerate() {
                descriptor.connect_port.unwrap()(instance, port as _, memory.as_mut_ptr());
            }
            descriptor.activate.unwrap()(instance);
            Host {
                descriptor,
                instance,
                ports,
                memory,
            }
        }
    }

    fn at(&mut self, port: Port) -> &mut Vec<f32> {
        let index = self.ports.iter().position(|p| *p == port).unwrap();
        &mut self.memory[index]
    }

    fn run(&mut self, samples: usize) {
        // SAFETY: connected memory is as long.
        unsafe { self.descriptor.run.unwrap()(self.instance, samples as _) };
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: made once, freed once.
        unsafe { self.descriptor.cleanup.unwrap()(self.instance) };
    }
}

#[test]
fn running_allocates_nothing_whatever_the_controls() {
    for number in 0..PLUGINS.len() {
        let mut host = Host::new(number, 44_100, 9000);
        let calls = measure(|| {
            for samples in [0, 1, 480, 9000, 9000, 17, 9000] {
                host.run(samples);
                for control in [Control::Mix, Control::Gain, Control::Delta, Control::Bypass] {
                    host.at(Port::Control(control))[0] = samples as f32 / 9000.0;
                }
                if PLUGINS[number].channels > 1 {
                    // Half a second later the other denoiser runs.
                    host.at(Port::Control(Control::Link))[0] = 0.0;
                    for _ in 0..4 {
                        host.run(9000);
                    }
                }
                // SAFETY: as LADSPA's specification says.
                unsafe { host.descriptor.activate.unwrap()(host.instance) };
            }
        });
        assert_eq!(calls, AllocationInfo::default());
    }
}

#[test]
fn the_latency_is_told_and_kept() {
    for (number, plugin) in PLUGINS.iter().enumerate() {
        for rate in [8_000, 44_100, 48_000, 192_000] {
            let mut host = Host::new(number, rate, 100);
            host.run(1);
            let config = Config::new(rate, plugin.channels);
            let denoiser = Denoiser::with_model(&plugin.model(), &config).unwrap();
            assert_eq!(host.at(Port::Latency)[0], denoiser.latency() as f32, "{rate} Hz");
        }
    }
}

#[test]
fn rates_that_are_not_allowed_pass_untouched() {
    for rate in [1, 7_999, 192_001, 4_000_000_000] {
        let mut host = Host::new(1, rate, 5000);
        host.run(5000);
        assert_eq!(host.at(Port::Latency)[0], 0.0);
        let input = host.at(Port::Input(1)).clone();
        assert!(*host.at(Port::Output(1)) == input, "{rate} Hz");
    }
}

#[test]
fn activating_forgets_and_the_first_block_has_the_controls() {
    let mut host = Host::new(2, 48_000, 3000);
    host.at(Port::Control(Control::Strength))[0] = 12.0;
    host.run(3000);
    let first = host.at(Port::Output(0)).clone();
    let config = Config::new(48_000, 1).attenuation_limit(Some(12.0));
    let input = host.at(Port::Input(0)).clone();
    assert!(first == cleaned(&PLUGINS[2], &config, &[input])[0]);
    host.run(3000);
    assert!(*host.at(Port::Output(0)) != first);
    // SAFETY: as LADSPA's specification says.
    unsafe { host.descriptor.activate.unwrap()(host.instance) };
    host.run(3000);
    assert!(*host.at(Port::Output(0)) == first);
}

#[test]
fn numbers_that_are_none_and_ports_that_are_not_connected_harm_nothing() {
    let mut host = Host::new(3, 48_000, 3000);
    for control in [
        Control::Strength,
        Control::Mix,
        Control::Gain,
        Control::Link,
        Control::Bypass,
    ] {
        for value in [f32::NAN, f32::INFINITY, -f32::INFINITY, 1e30, -1e30] {
            host.at(Port::Control(control))[0] = value;
            host.run(3000);
            assert!(
                host.at(Port::Output(0)).iter().all(|y| y.is_finite()),
                "{control:?} {value}"
            );
        }
        host.at(Port::Control(control))[0] = control.look().range[1];
    }
    for port in 0..host.ports.len() + 3 {
        // SAFETY: null is what this is about; unknown ports are left alone.
        unsafe { host.descriptor.connect_port.unwrap()(host.instance, port as _, std::ptr::null_mut()) };
        host.run(3000);
    }
}

#[test]
fn both_formats_list_the_same_plugins_and_then_end() {
    for (number, plugin) in PLUGINS.iter().enumerate() {
        // SAFETY: not null, below.
        unsafe {
            let label = CStr::from_ptr((*ladspa_descriptor(number as _)).label);
            let uri = CStr::from_ptr((*lv2_descriptor(number as u32)).uri);
            assert_eq!(label.to_str().unwrap(), plugin.label);
            assert_eq!(uri.to_str().unwrap(), plugin.uri());
        }
    }
    assert!(
        ladspa_descriptor(PLUGINS.len() as _).is_null() && lv2_descriptor(PLUGINS.len() as u32).is_null()
    );
    assert!(lv2_descriptor(u32::MAX).is_null());
}
