//! The transform gives back what went in, for every window that it offers, and refuses framings that cannot.

use aeden::Complex32;
use aeden::spectrum::{Framing, Stft, WindowShape};

mod engines;
use engines::{Random, difference_db};

/// What comes out of analysis and synthesis, aligned with the input.
fn there_and_back(framing: &Framing, input: &[f32]) -> Vec<f32> {
    let stft = Stft::new(framing).unwrap();
    let (mut analysis, mut synthesis, mut spectrum) = (stft.analysis(), stft.synthesis(), stft.spectrum());
    let mut out = vec![0.0; input.len()];
    for (x, y) in input
        .chunks_exact(framing.hop)
        .zip(out.chunks_exact_mut(framing.hop))
    {
        analysis.frame(x, &mut spectrum);
        synthesis.frame(&spectrum, y);
    }
    out.split_off(framing.window - framing.hop)
}

#[test]
fn every_window_reconstructs_to_120_db() {
    let input = Random(1).noise(48_000);
    for shape in [WindowShape::Vorbis, WindowShape::SqrtHann, WindowShape::Hann] {
        for (window, hop) in [
            (960, 480),
            (960, 240),
            (512, 256),
            (1024, 256),
            (960, 320),
            (882, 441),
        ] {
            let framing = Framing {
                window,
                hop,
                shape,
                ..Framing::default()
            };
            let out = there_and_back(&framing, &input);
            let whole = input.len() / hop * hop - (window - hop);
            let error = difference_db(&out[..whole], &input[..whole]);
            println!("{shape:?} {window}/{hop}: {error:.1} dB");
            assert!(error <= -120.0, "{framing:?}: {error} dB");
        }
    }
}

#[test]
fn spectra_are_unnormalised_forward_transforms() {
    let framing = Framing {
        shape: WindowShape::SqrtHann,
        ..Framing::default()
    };
    let stft = Stft::new(&framing).unwrap();
    let (mut analysis, mut spectrum) = (stft.analysis(), stft.spectrum());
    let noise = Random(2).noise(960);
    analysis.frame(&noise[..480], &mut spectrum);
    analysis.frame(&noise[480..], &mut spectrum);
    for bin in [0, 1, 10, 479, 480] {
        let term = |n: usize| {
            let tapered = f64::from(noise[n]) * (std::f64::consts::PI * n as f64 / 960.0).sin();
            let turn = std::f64::consts::TAU * (bin * n % 960) as f64 / 960.0;
            (tapered * turn.cos(), -tapered * turn.sin())
        };
        let (re, im) = (0..960)
            .map(term)
            .fold((0.0, 0.0), |sum, x| (sum.0 + x.0, sum.1 + x.1));
        let found = (f64::from(spectrum[bin].re) - re).hypot(f64::from(spectrum[bin].im) - im);
        assert!(found < 1e-4, "bin {bin}: {}, not {re} + {im}i", spectrum[bin]);
    }
    assert_eq!(analysis.aligned(), &noise[..480]);
}

#[test]
fn synthesis_ignores_imaginary_edges() {
    let stft = Stft::new(&Framing::default()).unwrap();
    let mut out = [[0.0; 480]; 2];
    for (out, im) in out.iter_mut().zip([0.0, 5.0]) {
        let mut spectrum = stft.spectrum();
        (spectrum[0], spectrum[480]) = (Complex32::new(3.0, im), Complex32::new(2.0, -im));
        stft.synthesis().frame(&spectrum, out);
    }
    assert_eq!(out[0], out[1]);
}

#[test]
fn reset_forgets_everything() {
    let stft = Stft::new(&Framing::default()).unwrap();
    let (mut analysis, mut synthesis, mut spectrum) = (stft.analysis(), stft.synthesis(), stft.spectrum());
    let mut out = [1.0; 480];
    analysis.frame(&Random(2).noise(480), &mut spectrum);
    synthesis.frame(&spectrum, &mut out);
    analysis.reset();
    synthesis.reset();
    analysis.frame(&[0.0; 480], &mut spectrum);
    synthesis.frame(&spectrum, &mut out);
    assert_eq!(out, [0.0; 480]);
}

#[test]
fn impossible_framings_are_refused_with_the_field_named() {
    let good = Framing::default();
    for (framing, word) in [
        (
            Framing {
                rate: 0,
                ..good.clone()
            },
            "rate",
        ),
        (
            Framing {
                rate: 192_001,
                ..good.clone()
            },
            "rate",
        ),
        (
            Framing {
                window: 0,
                ..good.clone()
            },
            "window",
        ),
        (
            Framing {
                window: 961,
                ..good.clone()
            },
            "window",
        ),
        (
            Framing {
                window: usize::MAX - 1,
                ..good.clone()
            },
            "window",
        ),
        (
            Framing {
                hop: 0,
                ..good.clone()
            },
            "hop",
        ),
        (
            Framing {
                hop: 481,
                ..good.clone()
            },
            "hop",
        ),
        (
            Framing {
                hop: 960,
                ..good.clone()
            },
            "hop",
        ),
        (
            Framing {
                hop: 479,
                ..good.clone()
            },
            "hop",
        ),
    ] {
        let error = Stft::new(&framing).err().unwrap().to_string();
        assert!(error.contains(word), "{framing:?}: {error}");
    }
    assert_eq!(good.bins(), 481);
}
