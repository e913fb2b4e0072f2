//! A damaged index is an error, never a panic, and never tells of sounds that nobody put into it.

use aeden_jobs::find::{Change, Describer, Index, Sound, Stamp};
use aeden_jobs::{Error, FormatError};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use std::collections::HashSet;
use std::path::Path;

/// What is done to an index with nobody looking: as many times as an environment variable says, or 2,500 times.
fn rounds() -> u64 {
    let rounds = std::env::var("AEDEN_FUZZ_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(2_500)
}

/// Sounds of different colours.
fn sounds(describer: &Describer) -> Vec<Sound> {
    let sound = |k: u32| {
        let sample = |n: u32| {
            let noise = (n.wrapping_mul(2_654_435_761 + 2 * k) >> 8) as f32 / 1e8 - 0.08;
            noise * (n % (20 * k + 7)) as f32 / (20 * k + 7) as f32
        };
        describer.describe(&[(0..9_600).map(sample).collect::<Vec<f32>>()], 48_000)
    };
    (0..40).map(|k| sound(k).unwrap()).collect()
}

fn name(number: usize) -> String {
    format!("/sounds/{}/{number}.wav", number % 3)
}

fn fill(file: &Path, describer: &Describer, sounds: &[Sound]) {
    let index = Index::create(file, describer).unwrap();
    for (number, sound) in sounds.iter().enumerate() {
        let path = name(number).into();
        let (stamp, sound) = (Stamp::default(), sound.clone());
        index.apply(&[Change::Put { path, stamp, sound }]).unwrap();
    }
}

/// Everything that an index can be asked and told.
fn use_it(file: &Path, describer: &Describer, sounds: &[Sound]) -> Result<Vec<(String, f32)>, Error> {
    let index = Index::open(file, describer)?;
    let found = index.search(&sounds[7].descriptor, 5, Some(name(7).as_ref()))?;
    index.entry(name(3))?;
    index.count()?;
    index.gone("/sounds/1", &HashSet::new())?;
    index.apply(&[
        Change::Touch {
            path: name(1).into(),
            stamp: Stamp::default(),
        },
        Change::Remove(name(2).into()),
        Change::Put {
            path: "/new.wav".into(),
            stamp: Stamp::default(),
            sound: sounds[9].clone(),
        },
    ])?;
    let text = |found: &aeden_jobs::find::Match| (found.path.display().to_string(), found.similarity);
    Ok(found.iter().map(text).collect())
}

/// Changes bytes as disks, copies and text editors do.
fn mutate(bytes: &mut Vec<u8>, random: &mut Pcg64Mcg) {
    let mut below = |end: usize| (random.next_u64() % end.max(1) as u64) as usize;
    let at = below(bytes.len());
    // Half of all within what is looked at first.
    let at = if below(2) == 0 { at % 4_200 } else { at };
    let length = 1 + below(64);
    let end = bytes.len().min(at + length);
    match below(8) {
        0 => bytes[at] ^= 1 << below(8),
        1 => bytes[at] = below(256) as u8,
        2 => bytes[at..end].fill(0),
        3 => bytes[at..end].fill(0xff),
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..end)),
        6 => drop(bytes.splice(at..at, vec![0x5a; length])),
        _ => {
            let to = below(bytes.len() - (end - at));
            bytes.copy_within(at..end, to);
        }
    }
}

#[test]
fn fuzz_a_damaged_index_is_an_error_and_tells_nothing_that_is_not_so() {
    let folder = tempfile::tempdir().unwrap();
    let describer = Describer::new();
    let sounds = sounds(&describer);
    let file = folder.path().join("whole.index");
    fill(&file, &describer, &sounds);
    let whole = std::fs::read(&file).unwrap();
    let damaged = folder.path().join("damaged.index");
    std::fs::write(&damaged, &whole).unwrap();
    let expected = use_it(&damaged, &describer, &sounds).unwrap();
    assert_eq!(expected.len(), 5);

    let mut random = Pcg64Mcg::seed_from_u64(7);
    let (mut errors, rounds) = (0, rounds());
    for round in 0..rounds {
        let mut bytes = whole.clone();
        for _ in 0..1 + round % 3 {
            if !bytes.is_empty() {
                mutate(&mut bytes, &mut random);
            }
        }
        std::fs::write(&damaged, &bytes).unwrap();
        match use_it(&damaged, &describer, &sounds) {
            Ok(found) => assert_eq!(found, expected, "round {round}"),
            Err(Error::Format(_)) => errors += 1,
            Err(other) => panic!("round {round}: {other:?}"),
        }
        // To add to it, it need not be there.
        if let Err(error) = Index::create(&damaged, &describer).and_then(|index| index.count()) {
            assert!(matches!(error, Error::Format(_)), "round {round}: {error:?}");
        }
    }
    assert!(errors > rounds / 4, "{errors} of {rounds} were noticed");
}

#[test]
fn what_is_no_index_is_told_from_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let describer = Describer::new();
    let file = folder.path().join("i");
    for (bytes, expected) in [
        (b"something else entirely".to_vec(), FormatError::Foreign),
        (b"redb\x1a\x0a\xa9\x0d\x0a".to_vec(), FormatError::Foreign),
        (b"aeden\x8e\r\n123456789012".to_vec(), FormatError::Altered),
        (b"aeden\x8e\r\n".to_vec(), FormatError::CutShort),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        for index in [Index::open(&file, &describer), Index::create(&file, &describer)] {
            match index {
                Err(Error::Format(found)) => assert_eq!(found, expected),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
    }
}
