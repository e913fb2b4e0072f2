//! Models in ONNX files: what they compute, and what is said about files that cannot be used.
//!
//! Without ONNX Runtime on the machine these tests print why they are skipped; `cargo xtask test` installs it.
#![cfg(feature = "onnx")]

use aeden::engine::Engine;
use aeden::engine::onnx::load_library;
use aeden::spectrum::WindowShape;
use aeden::{Complex32, Config, Denoiser, Link, Model};
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Whether ONNX Runtime can be loaded; says so where it cannot.
fn library() -> bool {
    match load_library(None) {
        Ok(_) => true,
        Err(e) => {
            println!("skipped: {e}");
            false
        }
    }
}

fn open(name: &str) -> Model {
    Model::open(fixture(name)).unwrap_or_else(|e| panic!("{e}"))
}

/// The error line for a file that must not be accepted.
fn refusal(path: &Path) -> String {
    let text = Model::open(path)
        .expect_err("the file must be refused")
        .to_string();
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    assert!(text.contains(path.to_str().unwrap()), "names the file: {text}");
    text
}

/// A signal that never repeats, the same in every run: 31-bit linear congruential noise in -1 … 1.
fn noise(count: usize) -> Vec<Complex32> {
    let mut seed = 1u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        seed as f32 / (1 << 30) as f32 - 1.0
    };
    (0..count).map(|_| Complex32::new(next(), next())).collect()
}

/// Runs mono spectra through an engine in pieces of these numbers of frames, over and over.
fn in_pieces(engine: &mut dyn Engine, spectra: &[Complex32], pieces: &[usize]) -> Vec<Complex32> {
    let bins = engine.framing().bins();
    let mut out = spectra.to_vec();
    let mut rest = &mut out[..];
    for &frames in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at_mut((frames * bins).min(rest.len()));
        let guide = piece.to_vec();
        engine.process(&guide, piece);
        rest = after;
    }
    out
}

/// Input spectrum and the clean spectrum that PyTorch computed from it, as `export.py` wrote them; where an engine of the model
/// runs over several grids of frames, the same frames on each.
fn golden(path: &Path, model: &Model) -> (Vec<Complex32>, Vec<Complex32>) {
    let file = std::fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        let bytes = tensors.tensor(name).unwrap().data().chunks_exact(4);
        bytes.map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (window, hop) = (model.framing().window, model.framing().hop);
    assert_eq!(model.framing().shape, WindowShape::Vorbis);
    let transform = realfft::RealFftPlanner::<f32>::new().plan_fft_forward(window);
    let mut spectra = Vec::new();
    for samples in floats("input").windows(window).step_by(hop) {
        let mut frame: Vec<f32> = samples.to_vec();
        for (k, x) in frame.iter_mut().enumerate() {
            let phase = std::f64::consts::PI * (k as f64 + 0.5) / window as f64;
            *x *= (std::f64::consts::FRAC_PI_2 * phase.sin().powi(2)).sin() as f32;
        }
        let mut spectrum = transform.make_output_vec();
        transform.process(&mut frame, &mut spectrum).unwrap();
        spectra.extend(spectrum);
    }
    let clean = floats("output")
        .chunks_exact(2)
        .map(|p| Complex32::new(p[0], p[1]))
        .collect();
    let grids = hop / model.engine(1, 1).unwrap().framing().hop;
    let on_each = |spectra: Vec<Complex32>| {
        let frames = spectra.chunks(window / 2 + 1);
        frames.flat_map(|frame| frame.repeat(grids)).collect()
    };
    (on_each(spectra), on_each(clean))
}

/// Denoisers for streams.
const SHIPPED: [&str; 2] = ["light", "high"];

/// The largest difference, relative to the largest value.
fn difference(a: &[Complex32], b: &[Complex32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let peak = b.iter().map(|v| v.norm()).fold(0.0, f32::max);
    a.iter().zip(b).map(|(a, b)| (a - b).norm()).fold(0.0, f32::max) / peak
}

fn agrees_with_pytorch(model: &Path, golden_file: &Path) {
    let model = Model::open(model).unwrap_or_else(|e| panic!("{e}"));
    let mut engine = model.engine(1, 1).unwrap();
    let (noisy, expected) = golden(golden_file, &model);
    let apart = difference(&in_pieces(&mut *engine, &noisy, &[1, 2, 7, 1, 12]), &expected);
    assert!(apart < 1e-5, "{apart:e} from PyTorch");
}

#[test]
fn a_small_model_at_16_khz_agrees_with_pytorch() {
    if library() {
        agrees_with_pytorch(&fixture("small/small.onnx"), &fixture("small/golden.safetensors"));
    }
}

/// The ONNX file of a network that ships.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/onnx/{name}.onnx"))
}

#[test]
fn shipped_models_agree_with_pytorch() {
    for name in SHIPPED {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
        if library() {
            agrees_with_pytorch(&shipped(name), &folder.join("golden.safetensors"));
        }
    }
}

#[test]
fn the_split_into_calls_changes_no_bit() {
    if !library() {
        return;
    }
    let model = open("small/small.onnx");
    let noisy = noise(40 * 161);
    let whole = in_pieces(&mut *model.engine(1, 1).unwrap(), &noisy, &[32]);
    assert_eq!(whole, in_pieces(&mut *model.engine(1, 1).unwrap(), &noisy, &[1]));
    assert_eq!(
        whole,
        in_pieces(&mut *model.engine(1, 1).unwrap(), &noisy, &[3, 1, 11])
    );
}

#[test]
fn reset_forgets_everything() {
    if !library() {
        return;
    }
    let mut engine = open("small/small.onnx").engine(1, 1).unwrap();
    let noisy = noise(12 * 161);
    let first = in_pieces(&mut *engine, &noisy, &[5]);
    let warm = in_pieces(&mut *engine, &noisy, &[5]);
    assert_ne!(
        first, warm,
        "the model must remember something, or this shows nothing"
    );
    engine.reset();
    assert_eq!(first, in_pieces(&mut *engine, &noisy, &[5]));
}

#[test]
fn a_model_by_somebody_else_runs_with_its_own_framing_and_states() {
    if !library() {
        return;
    }
    for name in ["onnx/echo.onnx", "onnx/echo-one-frame.onnx"] {
        let mut engine = open(name).engine(1, 1).unwrap();
        let framing = engine.framing().clone();
        assert_eq!((framing.rate, framing.window, framing.hop), (16_000, 64, 32));
        assert_eq!(framing.shape, WindowShape::Hann);
        let x = noise(6 * 33);
        let y = in_pieces(&mut *engine, &x, &[4]);
        let expected: Vec<_> = (0..x.len())
            .map(|i| x[i] * 0.5 + if i < 33 { Complex32::ZERO } else { x[i - 33] * 0.25 })
            .collect();
        assert!(difference(&y, &expected) < 1e-6, "{name}");
    }
}

#[test]
fn channels_share_the_mask_of_the_guide() {
    if !library() {
        return;
    }
    let model = open("onnx/echo.onnx");
    assert!(!model.engine(2, 1).unwrap().is_real_time());
    assert_eq!(model.engine(2, 1).unwrap().channels(), 2);
    let (frames, bins) = (5, 33);
    let guide = noise(frames * bins);
    let clean = in_pieces(&mut *model.engine(1, 1).unwrap(), &guide, &[frames]);
    // Left twice as loud as the guide, right turned by a quarter: both must keep that relation to what comes out.
    let turn = Complex32::new(0.0, 1.0);
    let mut spectra: Vec<_> = guide
        .iter()
        .map(|x| x * 2.0)
        .chain(guide.iter().map(|x| x * turn))
        .collect();
    model.engine(2, 1).unwrap().process(&guide, &mut spectra);
    for i in 0..frames * bins {
        let bound = 4.0 * guide[i].norm();
        let expected = if clean[i].norm() > bound {
            clean[i] * (bound / clean[i].norm())
        } else {
            clean[i]
        };
        let slack = 1e-5 * (1.0 + expected.norm());
        assert!((spectra[i] - expected * 2.0).norm() < slack, "left, {i}");
        assert!(
            (spectra[frames * bins + i] - expected * turn).norm() < slack,
            "right, {i}"
        );
    }
}

#[test]
fn a_silent_guide_leaves_the_channels_as_they_are() {
    if !library() {
        return;
    }
    let mut spectra = noise(2 * 3 * 33);
    let before = spectra.clone();
    open("onnx/echo.onnx")
        .engine(2, 1)
        .unwrap()
        .process(&[Complex32::ZERO; 3 * 33], &mut spectra);
    assert_eq!(spectra, before);
}

#[test]
fn frames_that_the_network_cannot_handle_pass_unchanged_and_clear_its_memory() {
    if !library() {
        return;
    }
    // This graph adds the number of frames since the start, and has no result for anything that sounds.
    let mut engine = open("onnx/not-a-number.onnx").engine(1, 1).unwrap();
    let silence = vec![Complex32::ZERO; 33];
    let count = |engine: &mut dyn Engine| in_pieces(engine, &silence, &[1])[0].re;
    assert_eq!((count(&mut *engine), count(&mut *engine)), (0.0, 1.0));
    let sound = noise(33);
    assert_eq!(in_pieces(&mut *engine, &sound, &[1]), sound);
    assert_eq!((count(&mut *engine), count(&mut *engine)), (0.0, 1.0));
}

#[test]
fn files_that_are_no_onnx_are_refused() {
    if !library() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("aeden-onnx-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let whole = std::fs::read(fixture("small/small.onnx")).unwrap();
    let cases: [(&str, &[u8]); 4] = [
        ("empty", b""),
        ("text", b"RIFF, or so"),
        ("cut", &whole[..whole.len() / 2]),
        ("zeros", &[0; 4096]),
    ];
    for (name, bytes) in cases {
        let path = folder.join(format!("{name}.onnx"));
        std::fs::write(&path, bytes).unwrap();
        refusal(&path);
    }
    refusal(&folder);
    refusal(&folder.join("missing.onnx"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn damaged_files_never_panic() {
    if !library() {
        return;
    }
    let path = std::env::temp_dir().join(format!("aeden-onnx-damaged-{}.onnx", std::process::id()));
    let whole = std::fs::read(fixture("onnx/echo.onnx")).unwrap();
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            std::fs::write(&path, damaged).unwrap();
            // Either is right; a panic, an abort or a hang is not.
            let _ = Model::open(&path);
        }
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_missing_for_a_foreign_model_is_named() {
    if !library() {
        return;
    }
    for (name, words) in [
        (
            "no-metadata",
            &["no metadata property `aeden`", "spectrum Float32[1, ?, 33, 2]"][..],
        ),
        ("metadata-not-json", &["metadata `aeden`"]),
        ("metadata-format-2", &["format 2", "format 1"]),
        ("metadata-incomplete", &["missing field `states`"]),
        ("metadata-odd-window", &["window must be even", "not 65"]),
        ("foreign-input", &["\"noise_estimate\"", "`states`"]),
        ("state-not-in-graph", &["\"level_in\"", "\"level_out\""]),
        (
            "state-shapes-differ",
            &["\"after\"", "another shape", "before Float32[1, 1, 33, 2]"],
        ),
        ("state-changes-shape", &["\"after\"", "[1, 5]"]),
        ("wrong-bins", &["[1, T, 65, 2]"]),
    ] {
        let text = refusal(&fixture(&format!("onnx/{name}.onnx")));
        for word in words {
            assert!(text.contains(word), "{name}: no {word} in: {text}");
        }
    }
}

#[test]
fn without_the_library_the_error_says_what_to_do() {
    // The library is loaded once in a process, so this looks at another one: this program again.
    const CHILD: &str = "AEDEN_TEST_LOADS_LIBRARY";
    if let Ok(path) = std::env::var(CHILD) {
        let path = Some(path).filter(|p| !p.is_empty());
        println!("{}", load_library(path.as_ref().map(Path::new)).unwrap_err());
        println!("{}", Model::open(fixture("onnx/echo.onnx")).err().unwrap());
        return;
    }
    let run = |variable: &str, argument: &str| {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args([
            "--exact",
            "without_the_library_the_error_says_what_to_do",
            "--nocapture",
        ]);
        let output = program
            .env(CHILD, argument)
            .env("ORT_DYLIB_PATH", variable)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines: Vec<_> = text
            .lines()
            // The first may stand behind the name of the test that prints it.
            .filter_map(|l| l.find("ONNX Runtime:").map(|at| l[at..].to_owned()))
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].contains("pip install onnxruntime") && lines[0].contains("ORT_DYLIB_PATH"),
            "{text}"
        );
        lines[0].clone()
    };
    assert!(run("/nowhere/libonnxruntime.so", "").contains("/nowhere/libonnxruntime.so"));
    // A file that is no library at all.
    let text = fixture("make_models.py");
    assert!(run(text.to_str().unwrap(), "").contains("make_models.py"));
}

#[test]
fn the_library_is_never_taken_from_the_current_folder_unless_it_is_named() {
    // Again another process, in a folder where an attacker has put libraries in every place that is ever looked at.
    const CHILD: &str = "AEDEN_TEST_FINDS_LIBRARY";
    const NAME: &str = "the_library_is_never_taken_from_the_current_folder_unless_it_is_named";
    if std::env::var_os(CHILD).is_some() {
        match load_library(None) {
            Ok(path) => println!("loaded:{}", path.display()),
            Err(e) => println!("refused:{e}"),
        }
        return;
    }
    let folder = std::env::temp_dir().join(format!("aeden-planted-{}", std::process::id()));
    let file = format!(
        "{}onnxruntime{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    for place in [
        "",
        ".venv/lib/python3.11/site-packages/onnxruntime/capi",
        ".venv/Lib/site-packages/onnxruntime/capi",
        "lib/python3.11/site-packages/onnxruntime/capi",
    ] {
        std::fs::create_dir_all(folder.join(place)).unwrap();
        std::fs::write(folder.join(place).join(&file), "planted").unwrap();
    }
    let run = |variable: &str, venv: &str| {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program
            .args(["--exact", NAME, "--nocapture"])
            .current_dir(&folder)
            .env(CHILD, "");
        let output = program
            .env("ORT_DYLIB_PATH", variable)
            .env("VIRTUAL_ENV", venv)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let planted = folder.to_str().unwrap();
    for (variable, venv) in [("", ""), ("", ".venv"), ("", "."), (&*file, "")] {
        let said = run(variable, venv);
        assert!(
            said.contains("loaded:") || said.contains("refused:"),
            "{variable} {venv}: {said}"
        );
        assert!(!said.contains(planted), "{variable} {venv}: {said}");
    }
    // Named, it is loaded, or would be if it were a library.
    for (variable, venv) in [
        (format!("./{file}"), String::new()),
        (String::new(), format!("{planted}/.venv")),
    ] {
        let said = run(&variable, &venv);
        let elsewhere = variable.is_empty() && said.contains("loaded:");
        assert!(elsewhere || said.contains(planted), "{variable} {venv}: {said}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_without_end_is_refused_at_once() {
    if library() {
        let link = std::env::temp_dir().join(format!("aeden-endless-{}.onnx", std::process::id()));
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let text = refusal(&link);
        std::fs::remove_file(&link).unwrap();
        assert!(text.contains("no regular file"), "{text}");
    }
}

/// Both engines on the same network: mono, and stereo in which both channels are the guide at another level.
fn engines_agree(folder: &Path, name: &str, onnx: &Path) {
    let native = std::fs::read(folder.join(format!("{name}.safetensors"))).unwrap();
    let native = Model::from_bytes_in_f32(&native).unwrap();
    let onnx = Model::open(onnx).unwrap();
    assert_eq!(native.framing(), onnx.framing());
    assert_eq!(native.name(), onnx.name());
    let (noisy, clean) = golden(&folder.join("golden.safetensors"), &onnx);
    let bins = onnx.framing().bins();
    let frames = noisy.len() / bins;
    let both = |levels: &[f32]| {
        let stack = || {
            levels
                .iter()
                .flat_map(|&l| noisy.iter().map(move |x| x * l))
                .collect::<Vec<_>>()
        };
        let run = |model: &Model| {
            let mut engine = model.engine(levels.len(), 1).unwrap();
            let mut channels = stack();
            for first in (0..frames).step_by(4) {
                let part = first * bins..(first + 4).min(frames) * bins;
                let of =
                    |channel: usize| channel * noisy.len() + part.start..channel * noisy.len() + part.end;
                let mut some: Vec<_> = (0..levels.len()).flat_map(|c| channels[of(c)].to_vec()).collect();
                engine.process(&noisy[part.clone()], &mut some);
                for (c, cleaned) in some.chunks(part.len()).enumerate() {
                    channels[of(c)].copy_from_slice(cleaned);
                }
            }
            channels
        };
        (run(&native), run(&onnx))
    };
    let (a, b) = both(&[1.0]);
    assert!(difference(&a, &b) < 1e-5, "{:e} apart", difference(&a, &b));

    // Only the native engine knows the filter over time behind a bin that came out much louder than it went in.
    let (mut a, mut b) = both(&[0.5, -2.0]);
    let mut beyond = 0;
    for i in 0..a.len() {
        let (x, y) = (noisy[i % noisy.len()], clean[i % noisy.len()]);
        if y.norm() > 3.9 * x.norm() {
            beyond += 1;
            (a[i], b[i]) = (Complex32::ZERO, Complex32::ZERO);
        }
    }
    assert!(beyond < a.len() / 5, "{beyond} of {} bins tell nothing", a.len());
    assert!(
        difference(&a, &b) < 1e-5,
        "stereo: {:e} apart",
        difference(&a, &b)
    );
}

#[test]
fn both_engines_give_the_same_for_a_small_model() {
    if library() {
        engines_agree(&fixture("small"), "small", &fixture("small/small.onnx"));
    }
}

#[test]
fn both_engines_give_the_same_for_shipped_models() {
    for name in SHIPPED {
        if library() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
            engines_agree(&folder, name, &shipped(name));
        }
    }
}

/// A folder with a graph and the description of it beside it.
fn described(graph: &Path, description: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.onnx");
    std::fs::copy(graph, &path).unwrap();
    std::fs::write(path.with_extension("json"), description).unwrap();
    (folder, path)
}

const ECHO: &str = r#"{"format": 1, "name": "echo", "kind": "denoising", "rate": 16000, "window": 64, "hop": 32, "window_shape": "hann",
    "input": "spectrum", "output": "clean", "states": [["before", "after"]]}"#;

const LATE: &str = r#"{"format": 1, "name": "late", "kind": "denoising", "rate": 16000, "window": 64, "hop": 32, "window_shape": "hann",
    "input": "mix", "output": "enh", "axes": "12FT", "scale": 0.25, "delay": 1,
    "states": [["late_in", "late_out"], {"input": "gain_in", "output": "gain_out", "first": [0.5]}]}"#;

/// Holds an engine to half of what came a frame earlier, of 9 frames of 33 bins; again after a reset.
fn gives_half_a_frame_later(engine: &mut dyn Engine, noisy: &[Complex32]) {
    for _ in 0..2 {
        let is = in_pieces(engine, noisy, &[2, 1, 4]);
        let mut should = vec![Complex32::ZERO; 33];
        should.extend(noisy[..8 * 33].iter().map(|x| x * 0.5));
        assert!(difference(&is, &should) < 1e-6);
        engine.reset();
    }
}

/// Holds the refusal of a graph with this description to one line that names the file and has a word.
fn is_refused(graph: &str, description: &str, word: &str) {
    let (folder, path) = described(&fixture(graph), description);
    let text = Model::open(&path).expect_err(description).to_string();
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    assert!(
        text.contains(folder.path().to_str().unwrap()),
        "names the file: {text}"
    );
    assert!(text.contains(word), "{description}: no {word} in: {text}");
}

#[test]
fn a_description_beside_the_file_serves_as_well_as_one_within() {
    if !library() {
        return;
    }
    let (_folder, path) = described(&fixture("onnx/no-metadata.onnx"), ECHO);
    let noisy = noise(12 * 33);
    let of = |model: &Model| in_pieces(&mut *model.engine(1, 1).unwrap(), &noisy, &[5]);
    let beside = Model::open(&path).unwrap();
    assert_eq!(beside.name(), "echo");
    assert_eq!(of(&beside), of(&open("onnx/echo.onnx")));
    // What a file says of itself counts.
    let (_folder, path) = described(&fixture("onnx/echo.onnx"), "nothing");
    assert_eq!(of(&Model::open(&path).unwrap()), of(&beside));
}

#[test]
fn a_graph_with_other_axes_another_scale_and_a_delay_runs_as_it_was_exported() {
    if !library() {
        return;
    }
    let (_folder, path) = described(&fixture("onnx/late.onnx"), LATE);
    let model = Model::open(&path).unwrap();
    // Half of what came a frame earlier; two channels get the mask of that frame.
    let (noisy, frames) = (noise(9 * 33), 9);
    let mut engine = model.engine(1, 1).unwrap();
    assert_eq!(engine.delay(), 1);
    gives_half_a_frame_later(&mut *engine, &noisy);
    let mut both: Vec<Complex32> = noisy.iter().chain(&noisy).copied().collect();
    model.engine(2, 1).unwrap().process(&noisy, &mut both);
    for channel in both.chunks(frames * 33) {
        assert!(channel[..33].iter().all(|x| *x == Complex32::ZERO));
        let should: Vec<_> = noisy[..8 * 33].iter().map(|x| x * 0.5).collect();
        assert!(difference(&channel[33..], &should) < 1e-5);
    }
    // The denoiser knows: half of the sound and half of the untouched sound are the sound, at every rate.
    for (rate, channels, link) in [
        (16_000, 1, Link::Linked),
        (16_000, 2, Link::Independent),
        (48_000, 2, Link::Linked),
        (44_100, 1, Link::Linked),
    ] {
        let config = Config::new(rate, channels).link(link).mix(0.5);
        let mut denoiser = Denoiser::with_model(&model, &config).unwrap();
        let tone = |c: usize| {
            (0..30_000)
                .map(|n| (n as f32 * (0.05 + 0.01 * c as f32)).sin() * 0.3)
                .collect::<Vec<f32>>()
        };
        let sound: Vec<Vec<f32>> = (0..channels).map(tone).collect();
        let mut out = sound.clone();
        denoiser.process(&mut out.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
        let latency = denoiser.latency();
        for (c, (sound, out)) in sound.iter().zip(&out).enumerate() {
            let worst = (latency + 2000..out.len())
                .map(|n| (out[n] - 0.75 * sound[n - latency]).abs())
                .fold(0.0, f32::max);
            assert!(worst < 2e-3, "{rate} Hz, channel {c}: {worst}");
        }
        // A hop of 32 samples at 16 kHz; between other rates latencies are whole blocks.
        let without = Denoiser::with_model(&open("onnx/echo.onnx"), &config).unwrap();
        if rate % 16_000 == 0 {
            assert_eq!(
                latency - without.latency(),
                32 * rate as usize / 16_000,
                "{rate} Hz"
            );
        }
    }
}

const NUMBERED: &str = r#"{"format": 1, "name": "numbered", "kind": "denoising", "rate": 16000, "window": 64, "hop": 32, "window_shape": "hann",
    "input": "spec_in", "output": "spec_out", "axes": "1FT2", "delay": 1,
    "states": [["cache_in_*", "cache_out_*"], {"input": "state_in", "output": "state_out", "first": {"metadata": ["first", "second"]}}]}"#;

#[test]
fn numbered_states_are_found_and_first_values_read_from_the_metadata() {
    if !library() {
        return;
    }
    let (_folder, path) = described(&fixture("onnx/numbered.onnx"), NUMBERED);
    let noisy = noise(9 * 33);
    let mut engine = Model::open(&path).unwrap().engine(1, 1).unwrap();
    // What came a frame earlier, times the sum of the numbers, which stay.
    gives_half_a_frame_later(&mut *engine, &noisy);
    for (from, to, word) in [
        ("cache_in_*", "cache_in_0", "one *, or none"),
        ("cache_in_*", "cache*_in_*", "one *, or none"),
        ("cache_in_*", "memory_*", "no input \"memory_0\""),
        ("\"second\"", "\"third\"", "no \"third\""),
        ("\"second\"", "\"words\"", "no numbers"),
        ("\"second\"", "\"first\", \"first\"", "the metadata 6"),
    ] {
        is_refused("onnx/numbered.onnx", &NUMBERED.replacen(from, to, 1), word);
    }
}

#[test]
fn a_description_that_does_not_fit_is_refused_in_one_line() {
    if !library() {
        return;
    }
    for (from, to, word) in [
        ("\"12FT\"", "\"FF\"", "axes is"),
        ("\"12FT\"", "\"1FT2\"", "[1, 33, T, 2]"),
        ("\"delay\": 1", "\"delay\": 65", "at most 64"),
        ("\"delay\": 1", "\"delay\": -1", "description"),
        ("0.25", "0", "scale"),
        ("[0.5]", "[0.5, 1.0]", "2 that it begins with"),
        ("[0.5]", "1e39", "not finite"),
        ("\"format\": 1", "\"format\": 2", "format 2"),
        ("\"rate\": 16000", "\"rate\": 1", "rate must be"),
        ("{", "[", "description"),
    ] {
        is_refused("onnx/late.onnx", &LATE.replacen(from, to, 1), word);
    }
}

/// The folder of the published denoisers that quality is compared with, which are not in this repository.
fn peers() -> Option<PathBuf> {
    let named = std::env::var_os("AEDEN_PEERS").map(PathBuf::from);
    let beside = || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        root.ancestors()
            .map(|folder| folder.join("shared/eval"))
            .find(|folder| folder.is_dir())
    };
    let found = named.or_else(beside);
    if found.is_none() {
        println!("skipped: no folder with the weights of GTCRN and UL-UNAS; AEDEN_PEERS names it");
    }
    found
}

/// Python with what the reference needs; nothing where that is missing, which has been said then.
fn python_with(packages: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python =
        std::env::var_os("AEDEN_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    let import = format!("import {packages}");
    let there = Command::new(&python).args(["-c", &import]).status();
    if !there.is_ok_and(|s| s.success()) {
        println!("skipped: no Python with {packages} in .venv; AEDEN_PYTHON names another");
        return None;
    }
    Some(python)
}

/// Three seconds of the recording at 16 kHz, whose rate is three times that: aliases do no harm here.
fn three_seconds() -> Vec<f32> {
    let mut reader = hound::WavReader::open(fixture("noisy.wav")).unwrap();
    let full = 2f32.powi(i32::from(reader.spec().bits_per_sample) - 1);
    let every = 3 * usize::from(reader.spec().channels);
    let samples = reader.samples::<i32>().step_by(every);
    samples.take(48_000).map(|x| x.unwrap() as f32 / full).collect()
}

/// Holds a graph, with a description of ours beside it, to what a peer of `peers.py` makes of the recording. `prepare`, in Python, writes
/// the graph to `graph` from the weights at `weights`.
fn agrees_with_its_own_program(peer: &str, weights: &str, description: &str, packages: &str, prepare: &str) {
    if !library() {
        return;
    }
    let (Some(peers), Some(python)) = (peers(), python_with(packages)) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let graph = folder.path().join("graph.onnx");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = root.join(format!("models/others/{description}.json"));
    std::fs::copy(beside, graph.with_extension("json")).unwrap();
    let sound = three_seconds();
    let bytes: Vec<u8> = sound.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(folder.path().join("in"), bytes).unwrap();
    let script = format!(
        "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1]); import numpy as np, peers\n\
         weights, graph = sys.argv[3:]\n{prepare}\n\
         peers.make(sys.argv[2]).process(np.fromfile('in', '<f4')).astype('<f4').tofile('out')"
    );
    let mut reference = Command::new(&python);
    reference
        .args(["-c", &script])
        .arg(&peers)
        .arg(peer)
        .arg(peers.join(format!("weights/{weights}.onnx")))
        .arg(&graph)
        .current_dir(folder.path());
    assert!(reference.status().unwrap().success());
    let reference: Vec<f32> = std::fs::read(folder.path().join("out"))
        .unwrap()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    let model = Model::open(&graph).unwrap();
    let mut denoiser = Denoiser::with_model(&model, &Config::new(16_000, 1)).unwrap();
    let mut out = sound.clone();
    denoiser.process(&mut [&mut out]);
    // Both are late: the reference by window less hop, which gives whole hops at once.
    let (ours, theirs) = (&out[denoiser.latency()..], &reference[256..]);
    let peak = theirs.iter().fold(0f32, |most, x| most.max(x.abs()));
    let apart = ours
        .iter()
        .zip(theirs)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    println!("{peer}: {apart:e} apart, of {peak}");
    assert!(
        peak > 0.01 && apart < 1e-4 * peak,
        "{peer}: {apart:e} apart, of {peak}"
    );
}

#[test]
fn gtcrn_and_ul_unas_give_what_they_give_in_python() {
    let copy = "import shutil; shutil.copy(weights, graph)";
    for name in ["gtcrn", "ulunas"] {
        agrees_with_its_own_program(name, name, name, "numpy, onnxruntime", copy);
    }
}

/// FastEnhancer is there as an export from waveform to waveform. Between its two transforms lies what its export of spectra is.
#[test]
fn fastenhancer_gives_what_it_gives_in_python() {
    let between = r#"
import onnx, onnx.utils
whole = onnx.shape_inference.infer_shapes(onnx.load(weights))
shape = lambda v: [d.dim_value for d in v.type.tensor_type.shape.dim]
first, *_, last = [v.name for v in whole.graph.value_info if shape(v) == [1, 257, 1, 2]]
onnx.save(whole, "whole.onnx")
states = {f"cache_{way}_{n + 1}": f"cache_{way}_{n}" for way in ("in", "out") for n in range(3)}
ins, outs = ([s for s in states if f"_{way}_" in s] for way in ("in", "out"))
onnx.utils.extract_model("whole.onnx", graph, [first, *ins], [last, *outs], check_model=False)
cut, names = onnx.load(graph), {first: "spec_in", last: "spec_out", **states}
for node in cut.graph.node:
    node.input[:], node.output[:] = ([names.get(n, n) for n in ends] for ends in (list(node.input), list(node.output)))
for value in [*cut.graph.input, *cut.graph.output, *cut.graph.value_info]:
    value.name = names.get(value.name, value.name)
onnx.save(cut, graph)"#;
    agrees_with_its_own_program(
        "fastenhancer_b_vb",
        "fastenhancer_b",
        "fastenhancer",
        "numpy, onnx, onnxruntime",
        between,
    );
}
