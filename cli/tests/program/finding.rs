//! `aeden find`: what is like what, and an index that follows its folder.

use crate::recordings::{Folder, chunk, fmt, noise, noise_file, pcm16, riff};
use serde_json::Value;

fn mono(samples: &[f32]) -> Vec<u8> {
    riff(&[fmt(1, 1, 48_000, 16), chunk(b"data", &pcm16(samples))])
}

/// A second of hiss.
pub fn hiss(seed: u64) -> Vec<u8> {
    mono(&noise(seed, 48_000))
}

/// A second of a note with overtones.
pub fn note(hz: f32) -> Vec<u8> {
    let turn = std::f32::consts::TAU * hz / 48_000.0;
    let at = |n: usize| {
        (1..6)
            .map(|k| (turn * (n * k) as f32).sin() * 0.1 / k as f32)
            .sum()
    };
    mono(&(0..48_000).map(at).collect::<Vec<f32>>())
}

/// Ten clicks in a second.
fn clicks(seed: u64) -> Vec<u8> {
    let mut samples: Vec<f32> = noise(seed, 48_000).iter().map(|x| x * 1e-3).collect();
    for click in samples.chunks_exact_mut(4_800) {
        click[..48].iter_mut().for_each(|x| *x *= 900.0);
    }
    mono(&samples)
}

pub fn library() -> Folder {
    let folder = Folder::new();
    for i in 0..3u64 {
        folder.write(&format!("lib/hiss{i}.wav"), &hiss(i + 1));
        folder.write(&format!("lib/sub/note{i}.wav"), &note(200.0 + 30.0 * i as f32));
        folder.write(&format!("lib/clicks{i}.wav"), &clicks(i + 10));
    }
    folder
}

fn index(folder: &Folder) -> String {
    let run = folder.aeden("find index lib --index i.redb");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    run.stderr()
}

fn found(folder: &Folder, query: &str) -> Vec<Value> {
    folder
        .aeden(&format!("find query {query} --index i.redb --json"))
        .quietly()
        .json_lines()
}

#[test]
fn the_sounds_of_the_same_kind_come_first() {
    let folder = library();
    index(&folder);
    folder.write("new.wav", &hiss(99));
    for (query, kind, others) in [
        ("new.wav", "hiss", 3),
        ("lib/clicks0.wav", "clicks", 2),
        ("lib/sub/note1.wav", "note", 2),
    ] {
        let matches = found(&folder, query);
        for m in &matches[..others] {
            assert!(
                m["file"].as_str().unwrap().contains(kind),
                "{query}: {matches:#?}"
            );
        }
        // A sound of the library is not among those that are like it.
        assert_eq!(matches.len(), if query == "new.wav" { 9 } else { 8 });
        assert_eq!(matches[0]["rank"], 1);
    }
}

#[test]
fn an_index_follows_its_folder() {
    let folder = library();
    assert!(index(&folder).contains("9 heard, 0 unchanged, 0 gone, 0 failed; 9 sounds"));
    assert!(index(&folder).contains("0 heard, 9 unchanged, 0 gone"));
    std::fs::remove_file(folder.path("lib/hiss0.wav")).unwrap();
    folder.write("lib/clicks0.wav", &hiss(50));
    folder.write("lib/sub/more.wav", &note(100.0));
    assert!(index(&folder).contains("2 heard, 7 unchanged, 1 gone, 0 failed; 9 sounds"));
    assert!(
        found(&folder, "lib/hiss1.wav")
            .iter()
            .any(|m| m["file"].as_str().unwrap().contains("clicks0"))
    );
    // A file that only got another time is known by its contents.
    let same = folder.read("lib/hiss1.wav");
    folder.write("lib/hiss1.wav", &same);
    index(&folder);
    assert_eq!(found(&folder, "lib/hiss1.wav").len(), 8);
}

#[test]
fn a_broken_sound_is_told_and_does_not_stop_the_others() {
    let folder = library();
    folder.write("lib/broken.wav", b"RIFF");
    let run = folder.aeden("find index lib --index i.redb -q");
    run.failed(1, "broken.wav");
    assert_eq!(found(&folder, "lib/hiss0.wav").len(), 8);
}

#[test]
fn an_index_that_is_none_is_an_error_and_stays_as_it_is() {
    let folder = library();
    folder.write("i.redb", b"something else entirely");
    folder
        .aeden("find index lib --index i.redb")
        .failed(1, "cannot be used");
    folder
        .aeden("find query lib/hiss0.wav --index i.redb")
        .failed(1, "cannot be used");
    assert_eq!(folder.read("i.redb"), b"something else entirely");
    folder
        .aeden("find query lib/hiss0.wav --index none.redb")
        .failed(1, "aeden find index DIR");
}

#[test]
fn an_index_of_another_model_is_refused() {
    let folder = library();
    index(&folder);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/family/pca.safetensors");
    let mut other = std::fs::read(shipped).unwrap();
    let weight = other.len() - 100;
    other[weight] ^= 1;
    folder.write("other.safetensors", &other);
    folder
        .aeden("find query lib/hiss0.wav --index i.redb --model other.safetensors")
        .failed(1, "another model");
    let denoiser = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/light/light.safetensors");
    let query = format!("find query lib/hiss0.wav --index i.redb --model {denoiser}");
    folder.aeden(&query).failed(3, "its kind is");
}

#[test]
fn the_page_has_a_player_for_every_sound() {
    let folder = library();
    index(&folder);
    let query = "find query lib/hiss0.wav --index i.redb --top 3 --html page.html";
    let run = folder.aeden(query).quietly();
    assert_eq!(run.stdout().lines().count(), 4);
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    assert_eq!(page.matches("<audio").count(), 4);
    assert!(page.ends_with("</html>\n"));
    folder.aeden(query).failed(1, "-y");
    folder.aeden(&format!("{query} -y")).quietly();
}

#[test]
fn any_rate_and_channel_count_can_be_searched() {
    let folder = library();
    index(&folder);
    folder.write("other.wav", &noise_file(2, 44_100, 44_100));
    folder.write("short.wav", &noise_file(1, 8_000, 10));
    assert!(
        found(&folder, "other.wav")[0]["file"]
            .as_str()
            .unwrap()
            .contains("hiss")
    );
    assert_eq!(found(&folder, "short.wav").len(), 9);
}

#[test]
fn a_damaged_index_is_one_line_that_says_how_to_mend_it() {
    let folder = library();
    index(&folder);
    let whole = folder.read("i.redb");
    for at in [0, 9, 17, 25, 4_200, 5_000, 9_000] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        folder.write("i.redb", &bytes);
        let query = folder.aeden("find query lib/hiss0.wav --index i.redb");
        query.failed(1, "aeden find index --rebuild");
        let again = folder.aeden("find index lib --index i.redb -q");
        if again.status() != 0 {
            again.failed(1, "aeden find index --rebuild");
        }
    }
    folder.write("i.redb", &whole[..whole.len() / 2]);
    folder
        .aeden("find query lib/hiss0.wav --index i.redb")
        .failed(1, "aeden find index --rebuild");
    let rebuilt = folder.aeden("find index lib --index i.redb --rebuild");
    assert!(rebuilt.stderr().contains("9 heard"), "{}", rebuilt.stderr());
    assert_eq!(found(&folder, "lib/hiss0.wav").len(), 8);
}

#[test]
fn an_index_in_use_is_told() {
    let folder = library();
    index(&folder);
    let file = std::fs::File::open(folder.path("i.redb")).unwrap();
    file.lock().unwrap();
    folder
        .aeden("find query lib/hiss0.wav --index i.redb")
        .failed(1, "in use by another aeden");
}

const RATE: usize = 48_000;

/// Ringing hits with noise in them, each sound another: pitch, partials, decay, how often, how long.
fn made_sound(number: u64) -> Vec<f32> {
    let p: Vec<f32> = noise(1000 + number, 24)[8..].iter().map(|x| x + 0.5).collect();
    let length = (RATE as f32 * (0.5 + 1.5 * p[0])) as usize;
    let (hz, hits) = (150.0 * 20f32.powf(p[1]), 1 + (5.0 * p[2]) as usize);
    let (decay, hiss) = (0.02 * 20f32.powf(p[3]), noise(77, length));
    let sample = |t: usize| {
        let since = (t % (length / hits)) as f32 / RATE as f32;
        let ringing = |j: usize| {
            let turn = std::f32::consts::TAU * hz * (1.0 + 3.0 * j as f32 * p[5 + j]);
            (turn * since).sin() * 0.2 / (j + 1) as f32
        };
        ((0..4).map(ringing).sum::<f32>() + hiss[t] * 0.3 * p[4] * p[4]) * (-since / decay).exp()
    };
    (0..length).map(sample).collect()
}

/// How a sound is heard elsewhere.
type Change = fn(&[f32]) -> Vec<f32>;

fn beside_noise(x: &[f32]) -> Vec<f32> {
    let power = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32;
    let noise = noise(78, x.len());
    let gain = (power(x) / power(&noise) / 10.0).sqrt(); // 10 dB below
    x.iter().zip(noise).map(|(x, noise)| x + gain * noise).collect()
}

fn in_another_room(x: &[f32]) -> Vec<f32> {
    let mut heard = x.to_vec();
    heard.resize(x.len() + RATE / 4, 0.0);
    for echo in noise(5, 600).chunks_exact(2) {
        let after = ((echo[0] + 0.5) * (RATE / 4) as f32) as usize;
        let gain = 0.5 * echo[1].signum() * (-(after as f32) / (0.06 * RATE as f32)).exp();
        for (heard, x) in heard[after..].iter_mut().zip(x) {
            *heard += gain * x;
        }
    }
    heard
}

fn through_a_filter(x: &[f32]) -> Vec<f32> {
    let before = std::iter::once(&0.0).chain(x);
    x.iter()
        .zip(before)
        .map(|(x, before)| x - 0.35 * before)
        .collect()
}

fn half_of_it(x: &[f32]) -> Vec<f32> {
    x[x.len() / 4..][..(x.len() / 2).max(RATE / 3).min(x.len() * 3 / 4)].to_vec()
}

#[test]
fn a_sound_is_found_again_as_it_is_heard_elsewhere() {
    let folder = Folder::new();
    let changes: [(&str, Change); 4] = [
        ("noise", beside_noise),
        ("room", in_another_room),
        ("filter", through_a_filter),
        ("half", half_of_it),
    ];
    for number in 0..24 {
        let sound = made_sound(number);
        folder.write(&format!("lib/{number}.wav"), &loud(&sound));
        for (name, change) in changes {
            folder.write(&format!("{name}-{number}.wav"), &loud(&change(&sound)));
        }
    }
    index(&folder);
    for (name, _) in changes {
        let queries: Vec<String> = (0..24).map(|number| format!("{name}-{number}.wav")).collect();
        let first = found(&folder, &format!("{} --top 1", queries.join(" ")));
        let right = first.iter().filter(|m| {
            let (query, file) = (m["query"].as_str().unwrap(), m["file"].as_str().unwrap());
            file.ends_with(&query.replace(&format!("{name}-"), "/"))
        });
        assert!(right.count() >= 21, "{name}: {first:#?}");
    }
}

/// A file whose highest peak is at half of full scale.
fn loud(x: &[f32]) -> Vec<u8> {
    let peak = x.iter().fold(1e-6f32, |most, x| most.max(x.abs()));
    mono(&x.iter().map(|x| x * 0.5 / peak).collect::<Vec<f32>>())
}
