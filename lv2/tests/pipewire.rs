//! Sound through PipeWire with the files that ship: a cleaned microphone, and cleaned speakers.

use aeden::{Config, Denoiser, Model};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

#[expect(dead_code, reason = "each library lays out its own part")]
#[path = "../../xtask/src/prefix.rs"]
mod prefix;
#[path = "../../tests/servers/sound.rs"]
mod server;

use server::{Kind, Process, Server, wait_for};

/// Samples that are compared at once: half a second.
const PART: usize = 24_000;

/// The first channel of a recording in the repository, at 48 kHz.
fn recording(name: &str) -> Vec<f32> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name);
    let mut reader = hound::WavReader::open(file).unwrap();
    let full = 2f32.powi(i32::from(reader.spec().bits_per_sample) - 1);
    let channels = usize::from(reader.spec().channels);
    let samples = reader.samples::<i32>().step_by(channels);
    samples.map(|x| x.unwrap() as f32 / full).collect()
}

/// PipeWire with both files in place and the plugin that they name.
fn server(prefix: &Path) -> Option<Server> {
    let test = std::env::current_exe().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    prefix::lay_out_lv2(&prefix::Prefix::at(prefix), &root, test.parent().unwrap()).unwrap();
    let server = Server::start_with(Kind::PipeWire, |folder| {
        let places = folder.join("config/pipewire/pipewire.conf.d");
        std::fs::create_dir_all(&places).unwrap();
        for name in ["aeden-source.conf", "aeden-sink.conf"] {
            std::fs::copy(prefix.join("share/aeden/pipewire").join(name), places.join(name)).unwrap();
        }
    })?;
    wait_for("cleaned microphone and speakers", || {
        let all = server.pactl(&["list", "short"]);
        (all.contains("aeden.source\t") && all.contains("aeden.sink\t")).then_some(())
    });
    Some(server)
}

/// Plays a sound by `pacat` and gives what `parec` hears meanwhile.
fn heard(server: &Server, sound: &[f32], play: &[&str], record: &[&str]) -> Vec<f32> {
    let (from, to) = (server.folder().join("played"), server.folder().join("heard"));
    let bytes: Vec<u8> = sound.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(&from, bytes).unwrap();
    let format = ["--format=float32le", "--rate=48000", "--latency-msec=100"];
    let program = |name: &str, arguments: &[&str]| -> Command {
        let mut command = server.command(name);
        command.args(format).args(arguments).stderr(Stdio::null());
        command
    };
    let mut recorder = program("parec", record);
    let recorder = Process(recorder.stdout(File::create(&to).unwrap()).spawn().unwrap());
    let size = || to.metadata().unwrap().len();
    wait_for("silence before", || (size() > 96_000).then_some(()));
    let mut player = program("pacat", play);
    let status = player
        .arg("--playback")
        .stdin(File::open(&from).unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    let end = size() + 2 * 4 * 48_000;
    wait_for("what is still on its way", || (size() > end).then_some(()));
    drop(recorder);
    let bytes = std::fs::read(to).unwrap();
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// How alike two sounds of one length are, whatever their levels: 1 for the same.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}

/// Where a part of what should come is found in what came, and how alike it is there.
fn found(part: &[f32], is: &[f32]) -> (usize, f32) {
    // By the whole energy: what is louder elsewhere must not win.
    let mut sums = vec![0.0];
    for x in is {
        sums.push(sums[sums.len() - 1] + f64::from(x * x));
    }
    let mut best = (0, f64::MIN);
    for at in 0..is.len() - part.len() {
        let some = part.iter().zip(&is[at..]).step_by(61);
        let dot: f32 = some.map(|(a, b)| a * b).sum();
        let energy = (sums[at + part.len()] - sums[at]).max(1e-2);
        let score = f64::from(dot) / energy.sqrt();
        if score > best.1 {
            best = (at, score);
        }
    }
    (best.0, correlation(part, &is[best.0..best.0 + part.len()]))
}

/// Compares what was heard with what the crate makes of the sound. On a busy machine servers lose pieces; so each half second counts on
/// its own, and most of them must be there.
fn is_cleaned(what: &str, heard: &[f32], noisy: &[f32], channels: usize) {
    let mut denoiser = Denoiser::with_model(&Model::high(), &Config::new(48_000, channels)).unwrap();
    let mut cleaned = vec![noisy.to_vec(); channels];
    denoiser.process(&mut cleaned.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
    let (cleaned, clean, late) = (&cleaned[0], recording("clean.wav"), denoiser.latency());
    let energy = |sound: &[f32]| sound.iter().map(|x| x * x).sum::<f32>();
    let loudest = clean.chunks_exact(PART).map(energy).fold(0.0, f32::max);
    let (mut alike, mut voices, mut noise, mut left) = (Vec::new(), Vec::new(), 0.0, 0.0);
    for part in 1..noisy.len() / PART - 1 {
        let of = |sound: &[f32], late: usize| -> Vec<f32> { sound[part * PART + late..][..PART].to_vec() };
        if energy(&of(&clean, 0)) < 0.1 * loudest {
            continue;
        }
        let (at, close) = found(&of(cleaned, late), heard);
        alike.push(close);
        voices.push(correlation(&of(&clean, 0), &heard[at..at + PART]));
        // What is no voice, at the level that the part has.
        let rest = |sound: &[f32]| {
            let (c, own) = (correlation(&of(&clean, 0), sound), energy(sound));
            (1.0 - c * c) * own / (c * c * own).max(1e-12)
        };
        noise += rest(&of(noisy, 0));
        left += rest(&heard[at..at + PART]);
    }
    alike.sort_by(f32::total_cmp);
    voices.sort_by(f32::total_cmp);
    let median = |sorted: &[f32]| sorted[sorted.len() / 2];
    let down = 10.0 * (noise / left).log10();
    println!(
        "{what}: {} parts; like the crate's {:?}; like the clean voice {}; noise beside the voice {down} dB down",
        alike.len(),
        alike,
        median(&voices),
    );
    assert!(alike.len() >= 3 && median(&alike) > 0.98, "{what}: {alike:?}");
    assert!(
        down > 5.0 && median(&voices) > 0.8,
        "{what}: {down} dB, {voices:?}"
    );
}

#[test]
fn sound_is_cleaned_on_its_way_through_the_microphone_and_the_speakers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = server(folder.path()) else {
        return;
    };
    let noisy = recording("noisy.wav");
    let one = ["--channels=1", "--no-remix"];
    let left = [&one[..], &["--device=bench", "--channel-map=front-left"]].concat();
    let microphone = ["--channels=1", "--device=aeden.source"];
    is_cleaned(
        "microphone",
        &heard(&server, &noisy, &left, &microphone),
        &noisy,
        1,
    );

    // What others say, on both channels; the default speakers are the right channel of the bench.
    let both: Vec<f32> = noisy.iter().flat_map(|x| [*x; 2]).collect();
    let speakers = ["--channels=2", "--device=aeden.sink"];
    let right = [&one[..], &["--device=bench.monitor", "--channel-map=front-right"]].concat();
    is_cleaned("speakers", &heard(&server, &both, &speakers, &right), &noisy, 2);
}
