//! Every form of WAV goes in and comes out as what it was.

use crate::recordings::{
    Folder, body_of, chunk, chunk_names, extensible, fmt, noise, noise_file, pcm16, riff, samples16,
    samples32f,
};
use std::process::Stdio;

const RATE: u32 = 16_000;

/// Random sound of this many bytes a sample; floats are between -0.5 and 0.5.
fn sound(tag: u16, bits: u16, samples: usize) -> Vec<u8> {
    let values = noise(3, samples);
    match (tag, bits) {
        (3, 32) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (3, 64) => values
            .iter()
            .flat_map(|x| (f64::from(*x) / 3.0).to_le_bytes())
            .collect(),
        _ => {
            let words = noise(9, samples * 4).into_iter().map(|x| (x * 255.0) as i8 as u8);
            words.take(samples * usize::from(bits / 8)).collect()
        }
    }
}

#[test]
fn an_untouched_file_is_the_same_file_in_every_form() {
    let folder = Folder::new();
    for channels in [1, 2, 6, 8] {
        for (tag, bits) in [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)] {
            // An odd number of frames: sound of 8 and 24 bits then needs padding.
            let data = chunk(b"data", &sound(tag, bits, 1001 * usize::from(channels)));
            let fact = if tag == 3 {
                chunk(b"fact", &1001u32.to_le_bytes())
            } else {
                Vec::new()
            };
            for format in [
                fmt(tag, channels, RATE, bits),
                extensible(tag, channels, RATE, bits, bits, 0x3f),
            ] {
                let file = riff(&[format, fact.clone(), data.clone()]);
                folder.write("in.wav", &file);
                folder.aeden("clean in.wav out.wav --mix 0 -y").quietly();
                assert!(
                    folder.read("out.wav") == file,
                    "tag {tag}, {bits} bits, {channels} channels"
                );
            }
        }
    }
}

#[test]
fn cleaning_keeps_rate_depth_channels_and_length_as_an_independent_reader_sees_them() {
    let folder = Folder::new();
    for (tag, bits) in [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32)] {
        for channels in [1, 3] {
            let frames = 4321;
            let data = sound(tag, bits, frames * usize::from(channels));
            folder.write(
                "in.wav",
                &riff(&[fmt(tag, channels, RATE, bits), chunk(b"data", &data)]),
            );
            folder.aeden("clean in.wav out.wav -y -q").quietly();
            let reader = hound::WavReader::open(folder.path("out.wav")).unwrap();
            let spec = reader.spec();
            assert_eq!(
                (spec.channels, spec.sample_rate, spec.bits_per_sample),
                (channels, RATE, bits)
            );
            assert_eq!(reader.duration(), frames as u32);
        }
    }
}

#[test]
fn valid_bits_below_the_container_are_kept_and_the_rest_stays_zero() {
    let folder = Folder::new();
    let samples = noise(5, 3000);
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|x| (((x * 8_388_608.0) as i32) << 8).to_le_bytes())
        .collect();
    let file = riff(&[extensible(1, 1, 48_000, 32, 24, 4), chunk(b"data", &data)]);
    folder.write("in.wav", &file);
    folder.aeden("clean in.wav out.wav").quietly();
    let out = folder.read("out.wav");
    assert_eq!(body_of(&out, b"fmt "), body_of(&file, b"fmt "));
    let sound = body_of(&out, b"data").unwrap();
    assert_eq!(sound.len(), data.len());
    assert!(sound.chunks_exact(4).all(|s| s[0] == 0) && sound.chunks_exact(4).any(|s| s[1] != 0));
}

#[test]
fn bits_chooses_the_depth_of_the_output_and_nothing_else() {
    let folder = Folder::new();
    let data = sound(1, 24, 2000);
    folder.write("in.wav", &riff(&[fmt(1, 2, 44_100, 24), chunk(b"data", &data)]));
    for (bits, expected, float) in [
        ("16", 16, false),
        ("24", 24, false),
        ("32f", 32, true),
        ("keep", 24, false),
    ] {
        folder
            .aeden(&format!("clean in.wav {bits}.wav --bits {bits}"))
            .quietly();
        let reader = hound::WavReader::open(folder.path(&format!("{bits}.wav"))).unwrap();
        let spec = reader.spec();
        assert_eq!(
            (
                spec.bits_per_sample,
                spec.sample_format == hound::SampleFormat::Float
            ),
            (expected, float)
        );
        assert_eq!(
            (spec.channels, spec.sample_rate, reader.duration()),
            (2, 44_100, 1000)
        );
    }
    // 24 bits fit into the mantissa: nothing is lost on the way.
    folder
        .aeden("clean in.wav float.wav --bits 32f --mix 0")
        .quietly();
    folder
        .aeden("clean float.wav back.wav --bits 24 --mix 0")
        .quietly();
    assert_eq!(body_of(&folder.read("back.wav"), b"data").unwrap(), data);
}

#[test]
fn other_chunks_stay_where_they_were_byte_for_byte_and_stale_ones_go() {
    let folder = Folder::new();
    let kept_before = [chunk(b"bext", &[7; 603]), chunk(b"JUNK", &[0; 28])];
    let kept_after = [
        chunk(b"LIST", b"INFOICMT\x03\0\0\0hi!\0"),
        chunk(b"cue ", &[1; 28]),
        chunk(b"id3 ", b"odd"),
    ];
    let data = chunk(b"data", &pcm16(&noise(1, 777)));
    let file = |extra: &[Vec<u8>]| {
        let middle = [chunk(b"iXML", b"<a/>"), data.clone()];
        riff(
            &[
                &kept_before[..],
                &[fmt(1, 1, RATE, 16)],
                extra,
                &middle,
                &kept_after,
            ]
            .concat(),
        )
    };
    folder.write(
        "in.wav",
        &file(&[chunk(b"PEAK", &[0; 16]), chunk(b"levl", &[0; 9])]),
    );
    folder.aeden("clean in.wav same.wav --mix 0").quietly();
    assert!(folder.read("same.wav") == file(&[]));
    folder.aeden("clean in.wav cleaned.wav").quietly();
    let names = ["bext", "JUNK", "fmt ", "iXML", "data", "LIST", "cue ", "id3 "];
    assert_eq!(chunk_names(&folder.read("cleaned.wav")), names);
    // A pipe has no end to come back from, but the same order can be kept.
    let run = folder.aeden("clean in.wav - --mix 0").quietly();
    assert!(run.0.stdout == file(&[]));
}

#[test]
fn the_fact_chunk_counts_the_frames_there_are() {
    let folder = Folder::new();
    let data = chunk(b"data", &sound(3, 32, 500));
    folder.write(
        "in.wav",
        &riff(&[fmt(3, 1, RATE, 32), chunk(b"fact", &[9, 9, 9, 9]), data]),
    );
    folder.aeden("clean in.wav out.wav").quietly();
    assert_eq!(
        body_of(&folder.read("out.wav"), b"fact").unwrap(),
        500u32.to_le_bytes()
    );
    folder.aeden("clean in.wav int.wav --bits 16").quietly();
    assert_eq!(body_of(&folder.read("int.wav"), b"fact"), None);
}

/// A 64-bit file as EBU Tech 3306 describes it.
fn rf64(id: &[u8; 4], sound: &[u8], rest: &[Vec<u8>]) -> Vec<u8> {
    let mut data = chunk(b"data", sound);
    data[4..8].fill(0xff);
    let body = [&[fmt(1, 1, RATE, 16)], &[data], rest].concat().concat();
    let mut ds64 = (body.len() as u64 + 4 + 36).to_le_bytes().to_vec();
    ds64.extend((sound.len() as u64).to_le_bytes());
    ds64.extend((sound.len() as u64 / 2).to_le_bytes());
    ds64.extend(0u32.to_le_bytes());
    [id.as_slice(), &[0xff; 4], b"WAVE", &chunk(b"ds64", &ds64), &body].concat()
}

#[test]
fn rf64_and_bw64_are_read_and_kept() {
    let folder = Folder::new();
    for id in [b"RF64", b"BW64"] {
        let file = rf64(id, &pcm16(&noise(1, 1234)), &[chunk(b"axml", b"<x/>")]);
        folder.write("in.wav", &file);
        folder.aeden("clean in.wav same.wav --mix 0 -y").quietly();
        assert!(folder.read("same.wav") == file, "{}", String::from_utf8_lossy(id));
        let run = folder.aeden("clean in.wav out.wav -y --verify --json").quietly();
        assert!(run.stdout().contains("\"exact_lengths\":1"), "{}", run.stdout());
        assert_eq!(folder.read("out.wav").len(), file.len());
        let piped = folder
            .aeden_with_input("clean - piped.wav --mix 0 -y", &file)
            .quietly();
        assert_eq!(piped.status(), 0);
        assert!(folder.read("piped.wav") == file);
    }
}

#[test]
fn streams_of_unknown_length_are_read_as_ffmpeg_and_sox_write_them() {
    let folder = Folder::new();
    let sound = pcm16(&noise(2, 3333));
    let complete = riff(&[fmt(1, 1, RATE, 16), chunk(b"data", &sound)]);
    let sox = 0x7fff_f000u32;
    for (riff_size, data_size) in [(u32::MAX, u32::MAX), (sox + 36, sox), (0, 0), (u32::MAX, 0)] {
        let mut stream = complete.clone();
        stream[4..8].copy_from_slice(&riff_size.to_le_bytes());
        stream[40..44].copy_from_slice(&data_size.to_le_bytes());
        folder
            .aeden_with_input("clean - out.wav --mix 0 -y", &stream)
            .quietly();
        let out = folder.read("out.wav");
        assert!(
            body_of(&out, b"data").unwrap() == sound,
            "{riff_size:#x} {data_size:#x}"
        );
        let stated = u32::from_le_bytes(out[4..8].try_into().unwrap());
        assert_eq!(
            stated as usize,
            out.len() - 8,
            "the header is completed where that is possible"
        );

        let run = folder.aeden_with_input("clean - - --mix 0", &stream).quietly();
        assert_eq!(run.0.stdout[4..8], [0xff; 4]);
        assert_eq!(run.0.stdout[40..44], [0xff; 4]);
        assert!(run.0.stdout[44..] == sound);
        // What we write to a pipe, we read from one, and from a file that a pipe was written to.
        let again = folder
            .aeden_with_input("clean - - --mix 0", &run.0.stdout)
            .quietly();
        assert!(again.0.stdout == run.0.stdout);
        folder.write("stream.wav", &run.0.stdout);
        folder.aeden("clean stream.wav -o out.wav --mix 0 -y").quietly();
        assert!(folder.read("out.wav") == complete);
    }
}

#[test]
fn recorders_that_could_not_complete_the_header_are_read_to_the_end() {
    let folder = Folder::new();
    let sound = pcm16(&noise(2, 3333));
    let complete = riff(&[fmt(1, 1, RATE, 16), chunk(b"data", &sound)]);
    let full = complete.len() as u32 - 8;
    for size in [0x8000_0000, 0x7fff_ffff, 0x7fff_ffd8, 0xffff_ff9b, 0xffff_ffdb, 0] {
        for riff_size in [full, size, size.wrapping_add(36)] {
            let mut stream = complete.clone();
            stream[4..8].copy_from_slice(&riff_size.to_le_bytes());
            stream[40..44].copy_from_slice(&size.to_le_bytes());
            let case = format!("{riff_size:#x} {size:#x}");
            let run = folder.aeden_with_input("clean - - --mix 0", &stream);
            assert_eq!(run.status(), 0, "{case}: {}", run.stderr());
            assert!(run.0.stdout[44..] == sound, "{case}");
            folder.write("in.wav", &stream);
            let run = folder.aeden("clean in.wav out.wav --mix 0 -y");
            assert_eq!(run.status(), 0, "{case}: {}", run.stderr());
            assert!(folder.read("out.wav") == complete, "{case}");
        }
    }
    // No sound at all, but a chunk behind it, is that.
    let empty = riff(&[fmt(1, 1, RATE, 16), chunk(b"data", b""), chunk(b"LIST", b"INFO")]);
    folder.write("in.wav", &empty);
    folder.aeden("clean in.wav out.wav --mix 0 -y").quietly();
    assert!(folder.read("out.wav") == empty);
}

#[test]
fn a_cut_recording_is_taken_on_request() {
    let folder = Folder::new();
    let file = noise_file(1, RATE, 4000);
    for length in [45, 5000, 5001, file.len() - 1] {
        folder.write("in.wav", &file[..length]);
        folder.aeden("clean in.wav out.wav").failed(1, "--accept-damage");
        let whole = (length - 44) / 2 * 2;
        for arguments in [
            "clean in.wav out.wav --mix 0 -y --accept-damage",
            "clean - out.wav --mix 0 -y --accept-damage",
        ] {
            let run = folder.aeden_with_input(arguments, &file[..length]);
            assert_eq!(run.status(), 0, "{}", run.stderr());
            assert!(run.stderr().contains("cut short"), "{}", run.stderr());
            assert_eq!(
                body_of(&folder.read("out.wav"), b"data").unwrap(),
                file[44..44 + whole]
            );
        }
        std::fs::remove_file(folder.path("out.wav")).unwrap();
        folder
            .aeden("clean in.wav out.wav --accept-damage --strict")
            .failed(1, "--strict");
        assert_eq!(folder.names(), ["in.wav"]);
    }
}

#[test]
fn a_header_that_knows_of_too_little_sound_is_overruled_on_request() {
    let folder = Folder::new();
    let mut file = noise_file(1, RATE, 4000);
    let sound = file.len() - 44;
    for stated in [1_u32, 2, 1001, 3000] {
        file[40..44].copy_from_slice(&stated.to_le_bytes());
        folder.write("in.wav", &file);
        let run = folder.aeden("clean in.wav out.wav --mix 0 -y --accept-damage");
        assert_eq!(run.status(), 0, "{stated}: {}", run.stderr());
        assert!(
            run.stderr().contains("all are taken as sound"),
            "{stated}: {}",
            run.stderr()
        );
        let taken = body_of(&folder.read("out.wav"), b"data").unwrap();
        assert!(taken == file[44..44 + sound], "{stated}");
    }
}

#[test]
fn a_pipe_gets_a_complete_header_when_the_length_is_known() {
    let folder = Folder::new();
    let file = noise_file(2, 48_000, 5000);
    folder.write("in.wav", &file);
    let from_file = folder.aeden("clean in.wav -").quietly();
    assert_eq!(from_file.0.stdout[..44], file[..44]);
    let from_pipe = folder.aeden_with_input("clean -", &file).quietly();
    assert!(from_pipe.0.stdout == from_file.0.stdout);
    folder.aeden("clean in.wav out.wav").quietly();
    assert!(from_file.0.stdout == folder.read("out.wav"));
}

#[test]
fn chunks_behind_the_sound_of_a_pipe_reach_a_file_but_not_a_pipe() {
    let folder = Folder::new();
    let file = riff(&[
        fmt(1, 1, RATE, 16),
        chunk(b"data", &[1; 200]),
        chunk(b"LIST", b"INFO"),
    ]);
    folder
        .aeden_with_input("clean - out.wav --mix 0", &file)
        .quietly();
    assert_eq!(chunk_names(&folder.read("out.wav")), ["fmt ", "data", "LIST"]);
    let run = folder
        .aeden_with_input("clean - - --mix 0", &file)
        .warned("chunks after the sound");
    assert_eq!(chunk_names(&run.0.stdout), ["fmt ", "data"]);
}

#[test]
fn the_output_is_aligned_with_the_input_to_the_sample_at_every_rate() {
    let folder = Folder::new();
    for rate in [8_000, 11_025, 16_000, 44_100, 48_000, 96_000, 192_000] {
        let samples = noise(11, rate as usize / 3);
        let data: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        folder.write("in.wav", &riff(&[fmt(3, 1, rate, 32), chunk(b"data", &data)]));
        // Nearly all input: had it moved by one sample, white noise would differ by as much as itself.
        folder
            .aeden("clean in.wav out.wav --mix 0.01 --removed gone.wav -y")
            .quietly();
        let out = samples32f(&folder.read("out.wav"));
        let gone = samples32f(&folder.read("gone.wav"));
        assert_eq!(out.len(), samples.len());
        for (i, ((x, y), d)) in samples.iter().zip(&out).zip(&gone).enumerate() {
            assert!((x - y).abs() < 0.05, "{rate} Hz, sample {i}: {x} became {y}");
            assert_eq!(*d, x - y, "{rate} Hz, sample {i}: removed is what is missing");
        }
    }
}

#[test]
fn recordings_shorter_than_the_latency_keep_their_length() {
    let folder = Folder::new();
    for frames in [0, 1, 2, 100, 479, 959, 960] {
        folder.write("in.wav", &noise_file(2, 44_100, frames));
        folder
            .aeden("clean in.wav out.wav -y --plot p.png --removed r.wav")
            .quietly();
        assert_eq!(samples16(&folder.read("out.wav")).len(), 2 * frames);
    }
}

#[test]
fn every_run_gives_the_same_bytes_with_any_number_of_jobs() {
    let folder = Folder::new();
    for name in ["a.wav", "b.wav", "c.wav"] {
        folder.write(
            &format!("in/{name}"),
            &noise_file(2, 44_100, 30_000 + name.as_bytes()[0] as usize),
        );
    }
    folder.aeden("clean in -o one --jobs 1 -q").quietly();
    folder.aeden("clean in -o three --jobs 3 -q").quietly();
    for name in ["a.wav", "b.wav", "c.wav"] {
        assert!(folder.read(&format!("one/{name}")) == folder.read(&format!("three/{name}")));
    }
}

#[test]
fn one_file_on_several_cores_gives_the_same_bytes_as_on_one() {
    let folder = Folder::new();
    for (channels, rate, frames, options) in [
        (1, 48_000, 200_000, ""),
        (2, 44_100, 150_001, ""),
        (2, 16_000, 140_000, " --channels independent --limit 12"),
        (1, 48_000, 100, ""),
        (1, 48_000, 250_000, " --quality light --streaming"),
        // Longer than what is cleaned in one go.
        (2, 16_000, 400_000, " --quality best"),
    ] {
        folder.write("in.wav", &noise_file(channels, rate, frames));
        for jobs in [1, 2, 5] {
            let outputs = format!("{jobs}.wav --removed gone{jobs}.wav --plot plot{jobs}.png");
            folder
                .aeden(&format!("clean in.wav {outputs} --jobs {jobs} -q -y{options}"))
                .quietly();
        }
        for name in ["#.wav", "gone#.wav", "plot#.png"] {
            let of = |jobs| folder.read(&name.replace('#', jobs));
            assert!(
                of("1") == of("2") && of("1") == of("5"),
                "{name}: {channels} channels, {rate} Hz"
            );
        }
    }
}

#[test]
fn the_qualities_differ_and_keep_every_sample_in_its_place() {
    let folder = Folder::new();
    for (rate, frames) in [(48_000, 0), (44_100, 1), (48_000, 30_000), (16_000, 500_000)] {
        folder.write("in.wav", &noise_file(2, rate, frames));
        let of = |name: &str| samples16(&folder.read(name));
        let input = of("in.wav");
        let cleaned = ["light --streaming", "high", "best"].map(|quality| {
            let arguments = format!("clean in.wav out.wav --removed gone.wav --quality {quality} -q -y");
            folder.aeden(&arguments).quietly();
            let (out, gone) = (of("out.wav"), of("gone.wav"));
            assert_eq!(out.len(), input.len(), "{quality}: {frames} frames at {rate} Hz");
            // Both are rounded.
            let together = out.iter().zip(&gone).map(|(x, y)| i32::from(*x) + i32::from(*y));
            let mut apart = together.zip(&input).map(|(sum, x)| (sum - i32::from(*x)).abs());
            assert!(
                apart.all(|apart| apart <= 3),
                "{quality}: {frames} frames at {rate} Hz"
            );
            out
        });
        folder.aeden("clean in.wav default.wav -q -y").quietly();
        assert!(of("default.wav") == cleaned[2]);
        assert!(frames < 2 || (cleaned[0] != cleaned[1] && cleaned[1] != cleaned[2]));
    }
}

#[test]
fn sixteen_bits_are_dithered_so_that_what_is_below_a_step_survives() {
    let folder = Folder::new();
    // A constant of 0.3 steps would round to nothing; then a second of digital silence.
    let mut samples = vec![0.3f32 / 32768.0; 48_000];
    samples.extend(vec![0.0; 48_000]);
    let data: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    folder.write("in.wav", &riff(&[fmt(3, 1, 48_000, 32), chunk(b"data", &data)]));
    folder.aeden("clean in.wav out.wav --bits 16 --mix 0").quietly();
    let out = samples16(&folder.read("out.wav"));
    let (sound, silence) = out.split_at(48_000);
    let mean = sound.iter().map(|&x| f64::from(x)).sum::<f64>() / 48_000.0;
    // The mean of n dithered samples has a deviation of about 0.5 / sqrt(n) steps.
    assert!((mean - 0.3).abs() < 0.015, "{mean}");
    assert!(sound.iter().all(|x| (-1..=2).contains(x)));
    assert!(silence.iter().all(|&x| x == 0), "digital silence stays silent");
}

#[test]
fn what_does_not_fit_saturates_and_is_counted() {
    let folder = Folder::new();
    let samples = [0.5f32, 1.5, -1.5, 0.99, -1.0, 2.0];
    let data: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    folder.write("in.wav", &riff(&[fmt(3, 1, 48_000, 32), chunk(b"data", &data)]));
    folder
        .aeden("clean in.wav out.wav --bits 24 --mix 0")
        .warned("3 samples were beyond full scale");
    let out = body_of(&folder.read("out.wav"), b"data").unwrap();
    let out: Vec<i32> = out
        .chunks_exact(3)
        .map(|b| i32::from_le_bytes([0, b[0], b[1], b[2]]) >> 8)
        .collect();
    assert_eq!(
        out,
        [
            1 << 22,
            (1 << 23) - 1,
            -(1 << 23),
            8_304_722,
            -(1 << 23),
            (1 << 23) - 1
        ]
    );
    folder.aeden("clean in.wav float.wav --mix 0").quietly();
    assert!(samples32f(&folder.read("float.wav")) == samples);
}

#[test]
fn headers_with_known_slips_are_read() {
    let folder = Folder::new();
    let sound = pcm16(&noise(1, 100));
    let data = chunk(b"data", &sound);
    // An odd chunk whose padding was forgotten.
    let mut unpadded = chunk(b"LIST", b"INFOx");
    unpadded.pop();
    folder.write(
        "unpadded.wav",
        &riff(&[fmt(1, 1, RATE, 16), unpadded, data.clone()]),
    );
    folder.aeden("clean unpadded.wav 1.wav --mix 0").quietly();
    assert_eq!(body_of(&folder.read("1.wav"), b"data").unwrap(), sound);
    // Rubbish and a cut chunk after the sound cost nothing but themselves.
    let good = riff(&[fmt(1, 1, RATE, 16), data]);
    folder.write("rubbish.wav", &[good.as_slice(), &[0; 11]].concat());
    folder.aeden("clean rubbish.wav 2.wav --mix 0").warned("no chunk");
    folder.write("cut.wav", &[good.as_slice(), b"LIST\xff\0\0\0INFO"].concat());
    folder.aeden("clean cut.wav 3.wav --mix 0").warned("cut short");
    for name in ["2.wav", "3.wav"] {
        assert!(folder.read(name) == good);
    }
    // A recorder that was switched off before it could complete the header.
    let mut unfinished = good.clone();
    unfinished[4..8].fill(0);
    unfinished[40..44].fill(0);
    folder.write("unfinished.wav", &unfinished);
    folder
        .aeden("clean unfinished.wav 4.wav --mix 0")
        .warned("never completed");
    assert!(folder.read("4.wav") == good);
}

#[test]
#[ignore = "reads and writes 4.3 GB through a pipe, about a minute; run it with --ignored"]
fn files_beyond_four_gigabytes_go_through_whole() {
    let folder = Folder::new();
    let bytes = (1u64 << 32) + (1 << 20);
    let mut head = rf64(b"RF64", &[], &[]);
    head[20..28].copy_from_slice(&(bytes + 72).to_le_bytes());
    head[28..36].copy_from_slice(&bytes.to_le_bytes());
    head[36..44].copy_from_slice(&(bytes / 2).to_le_bytes());
    let path = folder.write("large.wav", &head);
    // Sparse: takes no room on the disk.
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(head.len() as u64 + bytes)
        .unwrap();
    let mut child = folder
        .command(["clean", "large.wav", "-", "--mix", "0"])
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut start = vec![0; head.len()];
    std::io::Read::read_exact(&mut out, &mut start).unwrap();
    let rest = std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!((start, rest), (head, bytes));
}
