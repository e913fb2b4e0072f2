//! WAV files whose sound is compressed, as voice mail and telephone exchanges store it.

use super::ffmpeg::{encodes, ffmpeg, is_here, samples, streams};
use crate::recordings::{Folder, chunk};

const CODECS: &[(&str, &str)] = &[
    ("pcm_mulaw", "-ar 8000"),
    ("pcm_alaw", "-ar 8000"),
    ("adpcm_ms", "-ar 22050"),
    ("adpcm_ima_wav", "-ar 22050"),
    ("g722", "-ar 16000"),
    ("libgsm_ms", "-ar 8000"),
    ("libmp3lame", "-ar 44100"),
];

#[test]
fn compressed_wav_is_read() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    for (codec, how) in CODECS.iter().filter(|(codec, _)| encodes(codec)) {
        let name = format!("{codec}.wav");
        ffmpeg(&folder, &format!("-i SPEECH -t 2 {how} -c:a {codec} {name}"));
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify"))
            .quietly();
        let out = folder.path(&format!("out/{name}"));
        let sound = &streams(&out)[0];
        assert!(
            sound["codec_name"].as_str().unwrap().starts_with("pcm_s"),
            "{codec}"
        );
        // Bit for bit what comes out of the codec, up to the depth that is stored.
        let (before, after) = (samples(&folder.path(&name), 0), samples(&out, 0));
        assert_eq!(before.len(), after.len(), "{codec}");
        let most = before
            .iter()
            .zip(&after)
            .map(|(a, b)| a.abs_diff(*b))
            .max()
            .unwrap();
        assert!(most <= 1 << 9, "{codec}: {most}");
        folder.aeden(&format!("clean {name} {codec}.flac")).quietly();
        assert_eq!(folder.aeden(&format!("inspect {name}")).quietly().status(), 0);
        // Many exchanges write the short header, without the size of an extension and without that.
        let file = folder.read(&name);
        let size = u32::from_le_bytes(file[16..20].try_into().unwrap()) as usize;
        let mut short = [&file[..16], &[16, 0, 0, 0], &file[20..36], &file[20 + size..]].concat();
        let riff = (short.len() as u32 - 8).to_le_bytes();
        short[4..8].copy_from_slice(&riff);
        folder.write("short.wav", &short);
        folder
            .aeden("clean short.wav -o out --mix 0 --verify -y")
            .quietly();
        assert_eq!(samples(&folder.path("out/short.wav"), 0), after, "{codec}");
    }
}

#[test]
fn chunks_of_compressed_wav_are_kept_or_named() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-i SPEECH -t 2 -ar 8000 -c:a pcm_mulaw plain.wav");
    let plain = folder.read("plain.wav");
    let notes = chunk(b"iXML", b"<BWFXML><SCENE>4</SCENE></BWFXML>");
    let mut file = [&plain[..12], &notes, &plain[12..]].concat();
    let size = (file.len() as u32 - 8).to_le_bytes();
    file[4..8].copy_from_slice(&size);
    folder.write("call.wav", &file);
    folder.aeden("clean call.wav a.wav --mix 0").quietly();
    assert!(
        folder
            .read("a.wav")
            .windows(notes.len())
            .any(|part| part == notes)
    );
    folder.aeden("clean call.wav a.m4a --mix 0").warned("iXML");
}

#[test]
fn compressed_wav_that_is_cut_short_is_told() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-i SPEECH -t 4 -ar 8000 -c:a pcm_mulaw whole.wav");
    let whole = folder.read("whole.wav");
    folder.write("cut.wav", &whole[..whole.len() / 2]);
    folder.aeden("clean cut.wav a.wav --mix 0").failed(1, "cut.wav");
    folder
        .aeden("clean cut.wav a.wav --mix 0 --accept-damage")
        .warned("what is there is taken");
    // From a pipe ffmpeg cannot be asked first.
    folder
        .aeden_with_input("clean - b.wav", &whole)
        .failed(1, "mu-law");
}
