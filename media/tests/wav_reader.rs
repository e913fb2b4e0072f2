//! The WAV reader takes any bytes: it gives sound or an error, and memory for what is there, not for what is promised.
//!
//! `cargo xtask fuzz` for a long run.

use aeden_media::wav::read::{Error, Reader};
use aeden_media::wav::samples::decode;
use aeden_media::wav::write::{Expected, Writer};
use aeden_media::wav::{Chunk, Container, Encoding, Extension, Format, Header, PLAIN_GUID_TAIL};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, Cursor, Read};

/// Counts the bytes that this thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // At the end of a thread there is nothing left to count with.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every request goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that `work` held at a time beyond what was held before.
fn memory_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let result = work();
    (result, (MOST.get() - before) as usize)
}

/// Reads everything there is, as `aeden clean` does. Returns the number of frames.
fn read_all<R: Read>(mut reader: Reader<R>) -> Result<u64, Error> {
    let format = reader.format().clone();
    let mut planes = vec![Vec::new(); format.channels.into()];
    let (mut raw, mut frames) = (Vec::new(), 0);
    loop {
        let got = reader.read(64, &mut raw)?;
        assert_eq!(raw.len(), got * format.frame_bytes());
        if got == 0 {
            break;
        }
        frames += got as u64;
        if decode(&format, &raw, &mut planes).is_ok() {
            assert!(planes.iter().all(|plane| plane.len() == got));
        }
    }
    if let Some(expected) = reader.frames() {
        assert_eq!(frames, expected);
    }
    reader.finish()?;
    Ok(frames)
}

/// Reads `bytes` as a file and as a pipe, and checks what holds for any bytes.
fn read_both_ways(bytes: &[u8]) -> [Result<u64, Error>; 2] {
    let (results, memory) = memory_of(|| {
        [
            Reader::open(Cursor::new(bytes)).and_then(read_all),
            Reader::new(bytes, None).and_then(read_all),
        ]
    });
    // What is kept, vectors that grow by doubling, and the planes of 64 channels.
    let bound = 8 * bytes.len() + (1 << 18);
    assert!(memory < bound, "{memory} bytes for a file of {}", bytes.len());
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        let text = error.to_string();
        assert!(!text.is_empty() && text.lines().count() == 1, "{text:?}");
    }
    results
}

/// Sizes that are near the truth, near a limit, or anything.
fn size(truth: usize) -> impl Strategy<Value = u32> {
    let truth = truth as u32;
    prop_oneof![
        20 => Just(truth),
        1 => (0u32..9).prop_map(move |d| truth.wrapping_add(d).wrapping_sub(4)),
        1 => select(vec![0, 1, 0x7fff_f000, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX]),
        1 => any::<u32>(),
    ]
}

/// Bytes of a chunk whose stated size may be wrong.
fn any_chunk(
    id: impl Strategy<Value = Vec<u8>>,
    body: impl Strategy<Value = Vec<u8>>,
) -> impl Strategy<Value = Vec<u8>> {
    (id, body).prop_flat_map(|(id, body)| {
        (size(body.len()), any::<bool>()).prop_map(move |(size, padded)| {
            let padding = vec![0; usize::from(padded && body.len() % 2 == 1)];
            [id.as_slice(), &size.to_le_bytes(), &body, &padding].concat()
        })
    })
}

fn name(id: &'static [u8; 4]) -> impl Strategy<Value = Vec<u8>> {
    Just(id.to_vec())
}

/// A `fmt ` body that is often right.
fn format_body() -> impl Strategy<Value = Vec<u8>> {
    let tag = select(vec![1u16, 3, 0xfffe, 0xfffe, 7, 0]);
    let channels = prop_oneof![8 => 1u16..9, 1 => any::<u16>()];
    let rate = prop_oneof![8 => select(vec![8_000u32, 48_000, 192_000]), 1 => any::<u32>()];
    let bits = prop_oneof![8 => select(vec![8u16, 12, 16, 24, 32, 64]), 1 => any::<u16>()];
    (
        tag,
        channels,
        rate,
        bits,
        0u16..40,
        0usize..60,
        prop::bool::weighted(0.9),
    )
        .prop_map(|(tag, channels, rate, bits, valid, length, right)| {
            let block = channels.wrapping_mul(bits.div_ceil(8));
            let mut body = Vec::new();
            body.extend(tag.to_le_bytes());
            body.extend(channels.to_le_bytes());
            body.extend(rate.to_le_bytes());
            body.extend(rate.wrapping_mul(block.into()).to_le_bytes());
            body.extend(block.to_le_bytes());
            body.extend(bits.to_le_bytes());
            body.extend(22u16.to_le_bytes());
            body.extend(valid.to_le_bytes());
            body.extend(3u32.to_le_bytes());
            body.extend(if bits == 64 { 3u16 } else { 1 }.to_le_bytes());
            body.extend(PLAIN_GUID_TAIL);
            if !right {
                body.resize(length, 0xab);
            }
            body
        })
}

fn ds64_body() -> impl Strategy<Value = Vec<u8>> {
    let number = || prop_oneof![0u64..5000, Just(u64::MAX), any::<u64>()];
    let entry = (select(vec![*b"LIST", *b"data", *b"junk"]), number());
    (number(), number(), any::<u32>(), vec(entry, 0..4)).prop_map(|(size, sound, entries, table)| {
        let mut body = [size.to_le_bytes(), sound.to_le_bytes(), [0; 8]].concat();
        body.extend(entries.to_le_bytes());
        body.extend(
            table
                .iter()
                .flat_map(|(id, size)| [id.as_slice(), &size.to_le_bytes()].concat()),
        );
        body
    })
}

/// Something that looks like a WAV file from afar.
fn almost_a_file() -> impl Strategy<Value = Vec<u8>> {
    let id = select(vec![*b"RIFF", *b"RF64", *b"BW64"]);
    let chunk = prop_oneof![
        4 => any_chunk(name(b"fmt "), format_body()),
        4 => any_chunk(name(b"data"), vec(any::<u8>(), 0..700)),
        2 => any_chunk(name(b"ds64"), ds64_body()),
        1 => any_chunk(name(b"fact"), vec(any::<u8>(), 0..9)),
        2 => any_chunk(name(b"LIST"), vec(any::<u8>(), 0..90)),
        1 => any_chunk(vec(any::<u8>(), 4), vec(any::<u8>(), 0..90)),
    ];
    // Mostly in an order that makes sense.
    let sensible = (
        prop::option::of(any_chunk(name(b"ds64"), ds64_body())),
        any_chunk(name(b"fmt "), format_body()),
        any_chunk(name(b"data"), vec(any::<u8>(), 0..700)),
        vec(any_chunk(name(b"LIST"), vec(any::<u8>(), 0..90)), 0..3),
    );
    let sensible = sensible.prop_map(|(ds64, format, data, rest)| {
        [ds64.into_iter().collect::<Vec<_>>(), vec![format, data], rest].concat()
    });
    let chunks = prop_oneof![3 => sensible, 1 => vec(chunk, 0..6)];
    (
        id,
        chunks,
        any::<prop::sample::Index>(),
        prop::bool::weighted(0.2),
    )
        .prop_flat_map(|(id, chunks, cut, is_cut)| {
            let body = chunks.concat();
            size(body.len() + 4).prop_map(move |size| {
                let mut file = [id.as_slice(), &size.to_le_bytes(), b"WAVE", &body].concat();
                if is_cut {
                    file.truncate(cut.index(file.len()));
                }
                file
            })
        })
}

/// A header as it may be written, and sound and chunks to go with it.
fn whole_file() -> impl Strategy<Value = (Header, Vec<u8>, Vec<Chunk>)> {
    let encoding = prop_oneof![
        (1u8..=4, 0u8..8).prop_map(|(bytes, unused)| Encoding::Int {
            bytes,
            valid_bits: bytes * 8 - unused
        }),
        select(vec![Encoding::Float { bytes: 4 }, Encoding::Float { bytes: 8 }]),
    ];
    let extension = prop::option::of(any::<u32>().prop_map(|mask| Extension {
        mask,
        guid_tail: PLAIN_GUID_TAIL,
    }));
    let format = (1u16..=64, 8_000u32..=192_000, encoding, extension).prop_map(
        |(channels, rate, encoding, extension)| Format {
            channels,
            rate,
            encoding,
            extension,
        },
    );
    let chunks = || {
        let id = select(vec![*b"bext", *b"LIST", *b"cue ", *b"junk"]);
        vec(
            (id, vec(any::<u8>(), 0..50)).prop_map(|(id, body)| Chunk { id, body }),
            0..4,
        )
    };
    let container = select(vec![Container::Riff, Container::Rf64, Container::Bw64]);
    (
        container,
        format,
        chunks(),
        any::<prop::sample::Index>(),
        any::<bool>(),
        vec(any::<u8>(), 0..3000),
        chunks(),
    )
        .prop_map(|(container, format, chunks, at, fact, mut sound, after)| {
            sound.truncate(sound.len() / format.frame_bytes() * format.frame_bytes());
            let format_at = at.index(chunks.len() + 1);
            let format_bytes = format.to_bytes();
            (
                Header {
                    container,
                    format,
                    format_bytes,
                    chunks,
                    format_at,
                    fact,
                },
                sound,
                after,
            )
        })
}

/// Writes a file, with the corrections carried out if `correctable`.
fn written(header: &Header, sound: &[u8], after: &[Chunk], expected: Expected) -> io::Result<Vec<u8>> {
    let mut writer = Writer::begin(Vec::new(), header, expected)?;
    for block in sound.chunks(header.format.frame_bytes() * 7) {
        writer.write(block)?;
    }
    let (mut file, patches) = writer.finish(after)?;
    for (at, bytes) in patches.into_iter().filter(|_| expected.correctable) {
        file[at as usize..][..bytes.len()].copy_from_slice(&bytes);
    }
    Ok(file)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fuzz_any_bytes_give_sound_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        let _ = read_both_ways(&bytes);
    }

    #[test]
    fn fuzz_damaged_files_give_sound_or_an_error(bytes in almost_a_file()) {
        let _ = read_both_ways(&bytes);
    }

    #[test]
    fn fuzz_any_promised_length_can_be_written(
        (header, sound, after) in whole_file(),
        frames in prop::option::of(any::<u64>()),
        promised_after in prop::option::of(any::<u64>()),
        correctable: bool,
    ) {
        let expected = Expected { frames, after: promised_after, correctable, riff_limit: None };
        let file = written(&header, &sound, &after, expected).unwrap();
        if correctable {
            let reader = Reader::open(Cursor::new(&file)).unwrap();
            prop_assert_eq!(reader.frames(), Some((sound.len() / header.format.frame_bytes()) as u64));
        }
    }

    #[test]
    fn fuzz_what_is_written_is_what_is_read(
        (header, sound, after) in whole_file(),
        frames_known: bool,
        after_known: bool,
        correctable: bool,
        limit in prop::option::of(0u64..4000),
    ) {
        let frames = (sound.len() / header.format.frame_bytes()) as u64;
        let after = if correctable || after_known { after } else { Vec::new() };
        let expected = Expected {
            frames: frames_known.then_some(frames),
            after: after_known.then(|| after.iter().map(Chunk::stored_bytes).sum()),
            correctable,
            riff_limit: limit,
        };
        // A pipe that is told nothing has no place for chunks after the sound: those would be read as sound.
        let after = if correctable || frames_known { after } else { Vec::new() };
        let file = written(&header, &sound, &after, expected).unwrap();

        let mut reader = Reader::open(Cursor::new(&file)).unwrap();
        prop_assert_eq!(&reader.header().format, &header.format);
        prop_assert_eq!(reader.header().fact, header.fact);
        let kept: Vec<_> = reader.header().chunks.iter().filter(|chunk| &chunk.id != b"JUNK").cloned().collect();
        prop_assert_eq!(&kept, &header.chunks);
        prop_assert_eq!(reader.warnings().len(), 0);
        prop_assert_eq!(reader.frames(), Some(frames));
        let wide = reader.header().container != Container::Riff;
        if let (Some(limit), true) = (limit, correctable || (frames_known && after_known)) {
            prop_assert!(wide || file.len() as u64 - 8 <= limit, "{} bytes in RIFF", file.len());
        }
        let (mut raw, mut all) = (Vec::new(), Vec::new());
        while reader.read(5, &mut raw).unwrap() > 0 {
            all.extend_from_slice(&raw);
        }
        prop_assert_eq!(all, sound);
        prop_assert_eq!(reader.finish().unwrap(), &after[..]);
    }
}

#[test]
fn a_promise_of_four_gigabytes_takes_no_memory() {
    let mut file =
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0w\x01\0\x02\0\x10\0".to_vec();
    file.extend(b"LIST\xf0\xff\xff\xffINFO");
    let [from_file, from_pipe] = read_both_ways(&file);
    assert!(from_file.is_err() && from_pipe.is_err());
}
