//! The filter for OBS gives the samples of [`aeden::Denoiser`] in OBS's own library, with the times that they had.

use super::Random;
use super::programs::{Installed, bytes, cleaned, is_there, prefix, same, source};
use crate::scene::levels;
use aeden::{Config, Model};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A screen in memory, which OBS wants even for sound alone.
struct Screen(Child, String);

impl Screen {
    fn new() -> Option<Screen> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "64x64x24"]);
        let Ok(mut child) = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            println!("skipped: no Xvfb here");
            return None;
        };
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).unwrap();
        Some(Screen(child, format!(":{}", line.trim())))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn has_libobs() -> bool {
    let mut pkg_config = Command::new("pkg-config");
    let there = pkg_config.args(["--exists", "libobs"]).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        println!("skipped: no libobs-dev here");
    }
    there
}

#[test]
fn the_filter_of_obs_gives_them_too_and_tells_how_late_it_is() {
    if !has_libobs() {
        return;
    }
    let Some(screen) = Screen::new() else {
        return;
    };
    let installed = Installed::new();
    let c = prefix::Prefix::at(installed.folder.path());
    let filter = prefix::lay_out_obs(installed.folder.path(), &source(".."), &c).unwrap();
    let host = installed.path("host");
    let mut compiler = Command::new("sh");
    let script = "exec cc -std=gnu11 -Wall -Wextra -Werror -O1 -o \"$0\" \"$1\" $(pkg-config --cflags --libs libobs) -ldl";
    let compiler = compiler
        .args(["-c", script])
        .arg(&host)
        .arg(source("../obs/host.c"));
    assert!(compiler.status().unwrap().success());

    let sound = [Random(1).noise(60_000), Random(2).noise(60_000)];
    let input = bytes(sound.concat());
    for (rate, strength, mix, quality, bypass) in [
        (48_000, "60", 1.0, "1", false),
        (44_100, "12", 0.5, "0", false),
        (48_000, "60", 1.0, "0", true),
    ] {
        let model = if quality == "1" {
            Model::high()
        } else {
            Model::light()
        };
        let limit = Some(strength.parse().unwrap()).filter(|limit| *limit < 60.0);
        let config = Config::new(rate, 2).attenuation_limit(limit).mix(mix);
        let late = aeden::Denoiser::with_model(&model, &config).unwrap().latency();
        let should = if bypass {
            let delayed = |c: &Vec<f32>| [&vec![0.0; late][..], &c[..c.len() - late]].concat();
            sound.iter().map(delayed).collect()
        } else {
            cleaned(&model, &config, &sound)
        };
        let mut command = Command::new(&host);
        command
            .arg(&filter)
            .args([&rate.to_string(), strength, &mix.to_string(), quality]);
        command
            .arg(if bypass { "1" } else { "0" })
            .env("DISPLAY", &screen.1)
            .env("HOME", installed.folder.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(|| pipe.write_all(&input).map(|()| drop(pipe)));
            child.wait_with_output().unwrap()
        });
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let nanoseconds = late as u64 * 1_000_000_000 / u64::from(rate);
        let told =
            format!("4 properties, 60000 frames, 0 allocations, {nanoseconds} to {nanoseconds} ns earlier");
        assert!(said.contains(&told), "{told}: {said}");
        same(&format!("{command:?}"), &output.stdout, &bytes(should.concat()));
    }
}

/// A profile that records a small, slow picture and lossless sound, and takes no questions.
const PROFILE: &str = "[General]\nName=aeden\n[Output]\nMode=Advanced\n[AdvOut]\nRecType=FFmpeg\nFFOutputToFile=true\nFFFilePath=HOME\n\
    FFFormat=matroska\nFFFormatMimeType=video/x-matroska\nFFExtension=mkv\nFFVEncoder=mpeg4\nFFVEncoderId=12\nFFAEncoder=flac\n\
    FFAEncoderId=86028\nFFAudioMixes=1\nFFIgnoreCompat=true\n[Video]\nBaseCX=64\nBaseCY=64\nOutputCX=64\nOutputCY=64\nFPSType=1\nFPSInt=10\n\
    [Audio]\nSampleRate=48000\nChannelSetup=Mono\n";
const GLOBAL: &str = "[General]\nFirstRun=true\nConfirmOnExit=false\n[Basic]\nProfile=aeden\nProfileDir=aeden\nSceneCollection=aeden\n\
    SceneCollectionFile=aeden\n[BasicWindow]\nPreviewEnabled=false\nWarnBeforeStoppingRecord=false\n";
/// A scene with one source, a recording that is played again and again through the filter.
const SCENE: &str = r#"{"name": "aeden", "current_scene": "Scene", "current_program_scene": "Scene", "scene_order": [{"name": "Scene"}],
    "sources": [{"id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "talk", "enabled": true, "volume": 1.0, "mixers": 255,
    "settings": {"local_file": "TALK", "is_local_file": true, "looping": true, "restart_on_activate": false},
    "filters": [{"id": "aeden_noise_removal", "versioned_id": "aeden_noise_removal", "name": "aeden", "enabled": true, "settings": {}}]},
    {"id": "scene", "versioned_id": "scene", "name": "Scene", "enabled": true,
    "settings": {"id_counter": 1, "items": [{"name": "talk", "id": 1, "visible": true}]}}]}"#;

/// OBS finds the filter where `cargo xtask bundle obs --install` puts it, plays noisy speech through it, and records that.
#[test]
fn obs_itself_finds_the_filter_and_records_through_it() {
    if !has_libobs() {
        return;
    }
    if !is_there("obs") {
        return;
    }
    let Some(screen) = Screen::new() else {
        return;
    };
    let installed = Installed::new();
    let home = installed.folder.path();
    let settings = home.join(".config/obs-studio");
    prefix::lay_out_obs(
        &settings.join("plugins"),
        &source(".."),
        &prefix::Prefix::at(home),
    )
    .unwrap();
    let talk = source("../tests/fixtures/noisy.wav");
    let write = |name: &str, text: &str| {
        let file = settings.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(
            file,
            text.replace("HOME", home.to_str().unwrap())
                .replace("TALK", talk.to_str().unwrap()),
        )
        .unwrap();
    };
    write("global.ini", GLOBAL);
    write("basic/profiles/aeden/basic.ini", PROFILE);
    write("basic/scenes/aeden.json", SCENE);
    let said = fs::File::create(home.join("said")).unwrap();
    let mut obs = Command::new("obs");
    obs.args(["--multi", "--startrecording"])
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .env("XDG_RUNTIME_DIR", home)
        .env("DISPLAY", &screen.1)
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said);
    let mut obs = obs.spawn().unwrap();
    let said = || fs::read_to_string(home.join("said")).unwrap();
    let recording = || {
        let mut files = fs::read_dir(home).unwrap().map(|file| file.unwrap().path());
        files.find(|file| file.extension().is_some_and(|ending| ending == "mkv"))
    };
    // Twelve seconds of sound, more or less, in a lossless file.
    let end = Instant::now() + Duration::from_secs(300);
    while recording().is_none_or(|file| file.metadata().unwrap().len() < 600_000) {
        assert!(
            obs.try_wait().unwrap().is_none() && Instant::now() < end,
            "{}",
            said()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    Command::new("kill")
        .args(["-s", "INT", &obs.id().to_string()])
        .status()
        .unwrap();
    while obs.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            let _ = obs.kill();
            panic!("it does not end: {}", said());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let said = said();
    assert!(said.contains("- filter: 'aeden' (aeden_noise_removal)"), "{said}");
    assert!(said.contains("Number of memory leaks: 0"), "{said}");
    let [before, after] = [talk, recording().unwrap()].map(|file| levels(&file));
    assert!(
        after.pauses < before.pauses - 12.0,
        "pauses: {before:?}, {after:?}"
    );
    assert!(
        (after.speech - before.speech).abs() < 6.0,
        "speech: {before:?}, {after:?}"
    );
}
