//! What a frame costs, beside `nnnoiseless` on the same sound in the same run, and what the plugin and the whole
//! program cost.
//!
//! Times are CPU times of one thread, taken in turns: on a shared machine, ratios hold where times do not.

mod plugin;

use crate::program::watch;
use crate::{BenchOptions, build_aeden, build_plugin, target};
use aeden::engine::Engine;
use aeden::{Cleaner, Complex32, Config, Denoiser, Model};
use anyhow::{Context, Result};
use cpu_time::ThreadTime;
use nnnoiseless::DenoiseState;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Samples of 10 ms at 48 kHz.
const FRAME: usize = 480;

/// Turns, each of one sounding of the sample recording.
const ROUNDS: usize = 15;

/// Frames that the engine alone takes in one call, offline.
const MANY: usize = 32;

/// Samples in a block of the offline measurement.
const LARGE: usize = 1 << 16;

/// Measures and prints Markdown.
pub fn run(options: &BenchOptions) -> Result<()> {
    let mut network = Vec::new();
    let models = match &options.model {
        Some(file) => {
            network.extend(["--model", file.to_str().context("the model's path is no text")?]);
            vec![Model::open(file)?]
        }
        None => vec![Model::light(), Model::high()],
    };
    let aeden = build_aeden()?;
    let library = build_plugin()?;
    let sound = recording()?;

    println!("| | median | ratio |\n|---|---:|---:|");
    for model in &models {
        let parameters = model.parameters().unwrap_or(0);
        println!("| **{}**, {parameters} parameters | | |", model.name());
        frames(model, &sound)?;
        offline(model, &sound)?;
    }
    best(&sound)?;
    plugin::run(&library, &sound)?;
    plugin::editor(&library)?;
    whole_program(&aeden, &network, options.long)
}

/// The sample recording, mono, -1 … 1, whole frames.
fn recording() -> Result<Vec<f32>> {
    let mut file = hound::WavReader::open("tests/fixtures/noisy.wav")?;
    let samples: Result<Vec<i16>, _> = file.samples().collect();
    let mut sound: Vec<f32> = samples?.into_iter().map(|x| f32::from(x) / 32768.0).collect();
    sound.truncate(sound.len() / FRAME * FRAME);
    Ok(sound)
}

fn denoiser(model: &Model) -> Result<Denoiser> {
    Ok(Denoiser::with_model(model, &Config::default())?)
}

/// CPU seconds of this thread.
fn timed(work: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median of the ratios in each turn: what else the machine did in that turn, it did to both.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(ours.iter().zip(theirs).map(|(a, b)| a / b).collect())
}

/// One frame after the other, as on an audio thread.
fn frames(model: &Model, sound: &[f32]) -> Result<()> {
    let mut ours = denoiser(model)?;
    let mut theirs = DenoiseState::new();
    // nnnoiseless takes samples in the range of 16-bit integers.
    let loud: Vec<f32> = sound.iter().map(|x| x * 32768.0).collect();
    let mut single = model.native(1)?.with_frames(1);
    let mut many = model.native(1)?.with_frames(MANY);
    let spectra = spectra(sound, model.framing().window);
    let bins = model.framing().window / 2 + 1;
    let (count, spectra_count) = ((sound.len() / FRAME) as f64, (spectra.len() / bins) as f64);

    let mut out = vec![0.0; sound.len()];
    let mut cleaned = spectra.clone();
    let mut times: [Vec<f64>; 5] = Default::default();
    for round in 0..=ROUNDS {
        let turn = [
            timed(|| {
                out.copy_from_slice(sound);
                for block in out.chunks_exact_mut(FRAME) {
                    ours.process(&mut [block]);
                }
            }) / count,
            timed(|| {
                for (block, out) in loud.chunks_exact(FRAME).zip(out.chunks_exact_mut(FRAME)) {
                    theirs.process_frame(out, block);
                }
            }) / count,
            timed(|| network(&mut single, &spectra, &mut cleaned, bins)) / spectra_count,
            timed(|| network(&mut many, &spectra, &mut cleaned, MANY * bins)) / spectra_count,
            1.0 / multiply_adds_per_second(),
        ];
        // The first turn warms caches.
        if round > 0 {
            for (times, time) in times.iter_mut().zip(turn) {
                times.push(time);
            }
        }
    }
    black_box((&out, &cleaned));
    let [denoiser, nnnoiseless, single, many, multiply_add] = &times;
    let us = |values: &[f64]| 1e6 * median(values.to_vec());
    println!(
        "| denoiser, µs per 10 ms | {:.1} | {:.2} × nnnoiseless |",
        us(denoiser),
        ratio(denoiser, nnnoiseless)
    );
    println!("| nnnoiseless, µs per 10 ms | {:.1} | 1 |", us(nnnoiseless));

    let work = model.multiply_adds().unwrap_or(0) as f64;
    let peak = 1e-9 / median(multiply_add.clone());
    println!(
        "| this machine's peak, GMAC/s in {INSTRUCTIONS} | {peak:.1} | |",
        INSTRUCTIONS = instructions()
    );
    for (what, times) in [("one frame a call", single), ("32 frames a call", many)] {
        let share = 100.0 * work * ratio(multiply_add, times);
        println!(
            "| network alone, {what}, µs a frame | {:.1} | {share:.0} % of the peak |",
            us(times)
        );
    }

    let mut ours = self::denoiser(model)?;
    out.copy_from_slice(sound);
    let allocations = allocation_counter::measure(|| {
        for block in out.chunks_exact_mut(FRAME) {
            ours.process(&mut [block]);
        }
    });
    println!(
        "| denoiser, allocations a frame | {} | |",
        allocations.count_total as f64 / count
    );
    Ok(())
}

/// Frames of the sound as an engine gets them; a plain cosine window does for timing.
fn spectra(sound: &[f32], window: usize) -> Vec<Complex32> {
    let transform = realfft::RealFftPlanner::<f32>::new().plan_fft_forward(window);
    let mut all = Vec::new();
    for samples in sound.windows(window).step_by(window / 2) {
        let taper = |k: usize| (std::f32::consts::PI * (k as f32 + 0.5) / window as f32).sin();
        let mut frame: Vec<f32> = samples.iter().enumerate().map(|(k, x)| x * taper(k)).collect();
        let mut spectrum = transform.make_output_vec();
        transform
            .process(&mut frame, &mut spectrum)
            .expect("the lengths are those of the transform");
        all.extend(spectrum);
    }
    all
}

/// Sends spectra through an engine, `piece` bins a call.
fn network(engine: &mut impl Engine, spectra: &[Complex32], cleaned: &mut [Complex32], piece: usize) {
    cleaned.copy_from_slice(spectra);
    for (guide, out) in spectra.chunks(piece).zip(cleaned.chunks_mut(piece)) {
        engine.process(guide, out);
    }
}

/// As fast as it goes: large blocks, and several files at a time.
fn offline(model: &Model, sound: &[f32]) -> Result<()> {
    let long: Vec<f32> = sound.iter().copied().cycle().take(8 * sound.len()).collect();
    let seconds = long.len() as f64 / 48_000.0;
    for threads in [1, 2] {
        let mut rates = Vec::new();
        for _ in 0..5 {
            let denoisers: Result<Vec<_>> = (0..threads).map(|_| denoiser(model)).collect();
            let wall = Instant::now();
            // The slowest thread decides.
            let slowest = std::thread::scope(|scope| {
                let started: Vec<_> = denoisers?
                    .into_iter()
                    .map(|mut denoiser| {
                        let mut sound = long.clone();
                        scope.spawn(move || {
                            timed(|| {
                                for block in sound.chunks_mut(LARGE) {
                                    denoiser.process(&mut [block]);
                                }
                            })
                        })
                    })
                    .collect();
                let times = started.into_iter().map(|t| t.join().unwrap_or(f64::INFINITY));
                Ok::<f64, anyhow::Error>(times.fold(0.0, f64::max))
            })?;
            rates.push((
                threads as f64 * seconds / slowest,
                threads as f64 * seconds / wall.elapsed().as_secs_f64(),
            ));
        }
        let (cpu, wall): (Vec<_>, Vec<_>) = rates.into_iter().unzip();
        println!(
            "| offline, {threads} thread(s), × real time | {:.0} | {:.0} by the clock on the wall |",
            median(cpu),
            median(wall)
        );
    }
    Ok(())
}

/// The same for the best quality, on one core.
fn best(sound: &[f32]) -> Result<()> {
    let long: Vec<f32> = sound.iter().copied().cycle().take(8 * sound.len()).collect();
    let seconds = long.len() as f64 / 48_000.0;
    let mut rates = Vec::new();
    for _ in 0..5 {
        let mut cleaner = Cleaner::with_model(&Model::best(), aeden::Context::LookAhead, &Config::default())?;
        let mut cleaned = vec![Vec::new()];
        rates.push(
            seconds
                / timed(|| {
                    for block in long.chunks(LARGE) {
                        cleaner.push(&[block], &mut cleaned);
                    }
                    cleaner.finish(&mut cleaned);
                }),
        );
    }
    println!(
        "| offline, --quality best, 1 thread, × real time | {:.0} | |",
        median(rates)
    );
    Ok(())
}

/// The instruction set that [`multiply_adds_per_second`] uses.
fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "AVX2";
        }
    }
    "the portable code"
}

/// The most multiply-adds of `f32` that this thread does in a second: independent chains in registers, no memory.
fn multiply_adds_per_second() -> f64 {
    const TIMES: usize = 1 << 21;
    let (lanes, time) = match instructions() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `instructions` has found AVX-512F on this processor.
        "AVX-512" => (16 * CHAINS, timed(|| unsafe { chains_avx512(TIMES) })),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `instructions` has found AVX2 and FMA on this processor.
        "AVX2" => (8 * CHAINS, timed(|| unsafe { chains_avx2(TIMES) })),
        _ => (4 * CHAINS, timed(|| chains_portable(TIMES))),
    };
    (TIMES * lanes) as f64 / time
}

/// Enough to hide the latency of a multiply-add on two units; few enough for 16 registers.
const CHAINS: usize = 10;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn chains_avx512(times: usize) {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let (mut sums, factor) = (
        [_mm512_set1_ps(black_box(1.0)); CHAINS],
        _mm512_set1_ps(black_box(0.999)),
    );
    for _ in 0..times {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, factor, factor);
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn chains_avx2(times: usize) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let (mut sums, factor) = (
        [_mm256_set1_ps(black_box(1.0)); CHAINS],
        _mm256_set1_ps(black_box(0.999)),
    );
    for _ in 0..times {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, factor, factor);
        }
    }
    black_box(sums);
}

/// Four lanes, which the compiler puts into one register where there is one.
fn chains_portable(times: usize) {
    let (mut sums, factor) = ([[black_box(1.0f32); 4]; CHAINS], black_box(0.999f32));
    for _ in 0..times {
        for sum in &mut sums {
            for lane in sum {
                *lane = *lane * factor + factor;
            }
        }
    }
    black_box(sums);
}

/// The program as a user runs it.
fn whole_program(aeden: &Path, network: &[&str], long: bool) -> Result<()> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let (input, output) = (folder.join("in.wav"), folder.join("out.wav"));
    let clean = || {
        let mut command = Command::new(aeden);
        command
            .arg("clean")
            .args([&input, &output])
            .args(["--overwrite", "--quiet", "--jobs", "1"])
            .args(network);
        command
    };
    let mut version = || {
        let mut command = Command::new(aeden);
        command.arg("--version").stdout(Stdio::null());
        command
    };
    let milliseconds = |command: &mut dyn FnMut() -> Command| -> Result<f64> {
        let times: Result<Vec<_>> = (0..11)
            .map(|_| Ok(watch(command())?.0.as_secs_f64() * 1e3))
            .collect();
        Ok(median(times?))
    };
    println!(
        "| `aeden --version`, ms by the clock on the wall | {:.1} | |",
        milliseconds(&mut version)?
    );
    stereo_file(&input, 1)?;
    println!(
        "| `aeden clean --jobs 1`, 1 s of stereo, ms by the clock on the wall | {:.1} | |",
        milliseconds(&mut || clean())?
    );

    let hours = if long {
        &[("10 s", 10), ("2 h", 7200)][..]
    } else {
        &[("10 s", 10)]
    };
    for (name, seconds) in hours {
        stereo_file(&input, *seconds)?;
        let (time, peak) = watch(clean())?;
        let rate = f64::from(*seconds) / time.as_secs_f64();
        println!(
            "| `aeden clean --jobs 1`, {name} of stereo, MB at most | {peak:.1} | {rate:.0} × real time by the wall |"
        );
    }
    if long {
        library(aeden, &folder)?;
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// `aeden find` in a library of 100,000 sounds: a fifth of a second each, at many places of the sample recording.
fn library(aeden: &Path, folder: &Path) -> Result<()> {
    const SOUNDS: usize = 100_000;
    let (sounds, index) = (folder.join("library"), folder.join("library.redb"));
    std::fs::create_dir_all(&sounds)?;
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let sound = recording()?;
    for number in 0..SOUNDS {
        let mut file = hound::WavWriter::create(sounds.join(format!("{number}.wav")), spec)?;
        // Neighbouring beginnings lie far apart, and the speed differs.
        let (start, step) = (number * 7919 % sound.len(), 1 + number / sound.len());
        for i in 0..9_600 {
            file.write_sample((sound[(start + i * step) % sound.len()] * 32767.0) as i16)?;
        }
        file.finalize()?;
    }
    let find = |action: &str| {
        let mut command = Command::new(aeden);
        command.args(["find", action]).arg(&sounds);
        command
            .arg("--index")
            .arg(&index)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let (time, peak) = watch(find("index"))?;
    let (again, _) = watch(find("index"))?;
    println!(
        "| `aeden find index`, {SOUNDS} sounds, s by the wall | {:.0} | {:.1} when nothing has changed; {peak:.0} MB |",
        time.as_secs_f64(),
        again.as_secs_f64()
    );
    let query = || {
        let mut command = Command::new(aeden);
        command.args(["find", "query"]).arg(sounds.join("5000.wav"));
        command.arg("--index").arg(&index).stdout(Stdio::null());
        command
    };
    let times: Result<Vec<_>> = (0..11)
        .map(|_| Ok(watch(query())?.0.as_secs_f64() * 1e3))
        .collect();
    println!(
        "| `aeden find query` among {SOUNDS} sounds, ms by the wall, start of the program included | {:.0} | |",
        median(times?)
    );
    Ok(())
}

/// A stereo WAV file of so many seconds at 48 kHz, 16 bit; the sample recording over and over.
fn stereo_file(path: &Path, seconds: u32) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let sound = recording()?;
    let mut file = hound::WavWriter::create(path, spec)?;
    for x in sound.iter().cycle().take(seconds as usize * 48_000) {
        for gain in [32767.0, 30000.0] {
            file.write_sample((x * gain) as i16)?;
        }
    }
    Ok(file.finalize()?)
}
