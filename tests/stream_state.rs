//! What a stream has taught, as the start of another one.

use aeden::{Config, Denoiser, Link, Model, StreamState};
use allocation_counter::{AllocationInfo, measure};

/// Random numbers from −1 to 1, always the same.
fn noise(mut seed: u32) -> impl FnMut() -> f32 {
    move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Syllables of a buzz in loud noise.
fn sound(seconds: f32) -> Vec<f32> {
    let mut noise = noise(1);
    (0..(seconds * 48_000.0) as usize)
        .map(|n| {
            let time = n as f32 / 48_000.0;
            let syllable = ((3.0 * time).fract() - 0.3).max(0.0);
            0.5 * ((time * 130.0).fract() - 0.5) * syllable + 0.1 * noise()
        })
        .collect()
}

fn denoiser(model: &Model, channels: usize) -> Denoiser {
    Denoiser::with_model(model, &Config::new(48_000, channels)).unwrap()
}

fn cleaned(denoiser: &mut Denoiser, sound: &[f32]) -> Vec<f32> {
    let mut sound = sound.to_vec();
    denoiser.process(&mut [&mut sound]);
    sound
}

fn energy(sound: &[f32]) -> f64 {
    sound.iter().map(|x| f64::from(*x).powi(2)).sum()
}

fn difference_db(sound: &[f32], expected: &[f32]) -> f64 {
    let error: Vec<f32> = sound.iter().zip(expected).map(|(x, y)| x - y).collect();
    10.0 * (energy(&error) / energy(expected)).log10()
}

#[test]
fn a_stream_that_begins_with_it_sounds_as_one_that_goes_on() {
    for model in [Model::light(), Model::high()] {
        let sound = sound(8.0);
        let (before, after) = sound.split_at(5 * 48_000);
        let mut goes_on = denoiser(&model, 1);
        cleaned(&mut goes_on, before);
        let state = goes_on.state();
        let late = goes_on.latency();
        // From where the sound of before has come out, for a second.
        let span = 2 * late..2 * late + 48_000;
        let expected = cleaned(&mut goes_on, after);
        let begin = |state: Option<&StreamState>| {
            let mut denoiser = denoiser(&model, 1);
            assert!(denoiser.begin_with(state));
            denoiser.reset();
            difference_db(
                &cleaned(&mut denoiser, after)[span.clone()],
                &expected[span.clone()],
            )
        };
        let (learned, new) = (begin(Some(&state)), begin(None));
        println!("{}: {learned:.1} dB, without {new:.1} dB", model.name());
        assert!(
            learned < new - 6.0,
            "{}: {learned:.1} dB, without {new:.1} dB",
            model.name()
        );
        // As bytes too.
        let read = StreamState::from_bytes(&state.to_bytes()).unwrap();
        assert_eq!(read, state);
    }
}

#[test]
fn it_stays_the_start_of_every_stream_until_it_is_taken_back() {
    let model = Model::light();
    let sound = sound(3.0);
    let mut teacher = denoiser(&model, 1);
    cleaned(&mut teacher, &sound);
    let state = teacher.state();
    let mut denoiser = denoiser(&model, 1);
    let new = cleaned(&mut denoiser, &sound);
    denoiser.begin_with(Some(&state));
    denoiser.reset();
    let learned = cleaned(&mut denoiser, &sound);
    assert!(learned != new);
    denoiser.reset();
    assert!(cleaned(&mut denoiser, &sound) == learned);
    // After five seconds of silence a stream begins anew.
    denoiser.reset();
    cleaned(&mut denoiser, &vec![0.0; 7 * 48_000]);
    let late = cleaned(&mut denoiser, &sound);
    assert!(difference_db(&late, &learned) < -100.0);
    denoiser.begin_with(None);
    denoiser.reset();
    assert!(cleaned(&mut denoiser, &sound) == new);
    assert!(denoiser.begin_with(Some(&StreamState::default())));
    denoiser.reset();
    assert!(cleaned(&mut denoiser, &sound) == new);
}

#[test]
fn it_serves_any_number_of_channels_and_no_other_network() {
    let sound = sound(2.0);
    let (light, high) = (Model::light(), Model::high());
    let mut teacher = denoiser(&high, 1);
    cleaned(&mut teacher, &sound);
    let state = teacher.state();
    let mut other = denoiser(&light, 1);
    assert!(!other.begin_with(Some(&state)));
    other.reset();
    assert!(cleaned(&mut other, &sound) == cleaned(&mut denoiser(&light, 1), &sound));

    // One mask for each channel: both begin with the one there is.
    let config = Config::new(48_000, 2).link(Link::Independent);
    let mut two = Denoiser::with_model(&high, &config).unwrap();
    assert!(two.begin_with(Some(&state)));
    two.reset();
    let (mut left, mut right) = (sound.clone(), sound.clone());
    two.process(&mut [&mut left, &mut right]);
    let mut one = denoiser(&high, 1);
    one.begin_with(Some(&state));
    one.reset();
    let expected = cleaned(&mut one, &sound);
    assert!(left == expected && right == expected);
    // And back.
    let of_two = two.state();
    assert!(one.begin_with(Some(&of_two)));
    assert_eq!(StreamState::from_bytes(&of_two.to_bytes()).unwrap(), of_two);

    // What looks ahead knows what comes instead.
    let best = Denoiser::with_look_ahead(&Model::best(), &Config::new(48_000, 1)).unwrap();
    assert!(best.state().is_empty());
}

#[test]
fn nothing_is_allocated_when_it_is_taken_and_put_back() {
    let sound = sound(1.0);
    let mut denoiser = denoiser(&Model::high(), 1);
    let mut state = denoiser.state();
    let mut block = sound.clone();
    let allocated = measure(|| {
        denoiser.process(&mut [&mut block]);
        denoiser.write_state(&mut state);
        denoiser.begin_with(Some(&state));
        denoiser.reset();
        denoiser.process(&mut [&mut block]);
        denoiser.begin_with(None);
    });
    assert_eq!(allocated, AllocationInfo::default());
    // No room: nothing happens.
    let mut none = StreamState::default();
    denoiser.write_state(&mut none);
    assert!(none.is_empty());
}

#[test]
fn bytes_that_are_no_state_are_refused() {
    let mut denoiser = denoiser(&Model::light(), 1);
    cleaned(&mut denoiser, &sound(1.0));
    let bytes = denoiser.state().to_bytes();
    assert!(bytes.len() < 1 << 16, "{} bytes", bytes.len());
    for len in 0..bytes.len() {
        assert!(StreamState::from_bytes(&bytes[..len]).is_err(), "{len} bytes");
    }
    let with = |at: usize, new: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        StreamState::from_bytes(&bytes)
    };
    assert!(with(0, b"x").is_err() && with(8, &[2]).is_err());
    for count in [0u32, 1, u32::MAX, 1 << 16] {
        assert!(with(20, &count.to_le_bytes()).is_err(), "{count} numbers");
    }
    assert!(with(24, &0u32.to_le_bytes()).is_err());
    // NaN and infinities.
    for bad in [0x7c00_u16, 0xfc00, 0x7e00, 0xffff] {
        assert!(with(28, &bad.to_le_bytes()).is_err(), "{bad:x}");
    }
    let longer = [&bytes[..], &[0; 2]].concat();
    assert!(StreamState::from_bytes(&longer).is_err());
    assert!(
        StreamState::from_bytes(&StreamState::default().to_bytes())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn any_numbers_give_sound_and_are_forgotten() {
    let sound = sound(12.0);
    for model in [Model::light(), Model::high()] {
        let expected = cleaned(&mut denoiser(&model, 1), &sound);
        for seed in 0..4 {
            let mut denoiser = denoiser(&model, 1);
            let mut bytes = denoiser.state().to_bytes();
            let mut noise = noise(seed);
            for number in bytes[28..].chunks_exact_mut(2) {
                // From numbers around 1 to any.
                let exponents = [1, 2, 8, 30][seed as usize];
                let random = ((noise() + 1.0) * 32_767.0) as u16;
                let number16 = random & 0x83ff | (15 + random % exponents).min(30) << 10;
                number.copy_from_slice(&number16.to_le_bytes());
            }
            let state = StreamState::from_bytes(&bytes).unwrap();
            assert!(denoiser.begin_with(Some(&state)));
            denoiser.reset();
            let out = cleaned(&mut denoiser, &sound);
            assert!(
                out.iter().all(|y| y.is_finite() && y.abs() < 4.0),
                "{}",
                model.name()
            );
            let end = 10 * 48_000;
            let difference = difference_db(&out[end..], &expected[end..]);
            println!("{}, {seed}: {difference:.1} dB at the end", model.name());
            assert!(difference < 0.0, "{}: {difference:.1} dB", model.name());
        }
    }
}
