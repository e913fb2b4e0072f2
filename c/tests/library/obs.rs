//! The filter for OBS gives the samples of [`aeden::Denoiser`] in OBS's own library, with the times that they had.

use super::Random;
use super::programs::{Installed, bytes, cleaned, prefix, same, source};
use aeden::{Config, Model};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

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

#[test]
fn the_filter_of_obs_gives_them_too_and_tells_how_late_it_is() {
    let mut pkg_config = Command::new("pkg-config");
    if !pkg_config
        .args(["--exists", "libobs"])
        .status()
        .is_ok_and(|status| status.success())
    {
        println!("skipped: no libobs-dev here");
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
