//! RNNoise's functions, done by [`aeden::Denoiser`] with the network `light`.
//!
//! A caller's `DenoiseState` holds a pointer to a denoiser, because RNNoise lets callers give the memory of a state
//! themselves, and a denoiser's memory cannot lie in it.
//!
//! # Safety
//! Of all functions: a pointer that is not null points to what the function asks for, for as long as it runs. A state is used
//! by one thread at a time, as RNNoise's.
#![allow(clippy::missing_safety_doc)]

mod voice;

use aeden::{Config, Denoiser, Model};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

/// Samples of a frame, 10 ms at 48 kHz.
const FRAME: usize = 480;

/// Full scale of RNNoise's samples: those of 16 bits, as floats.
const FULL_SCALE: f32 = 32_768.0;

/// Tells a state that was made by these functions from memory that holds anything else.
const MARK: u64 = 0x6165_6465_6E2D_726E;

/// A denoiser for one channel at 48 kHz.
pub struct DenoiseState {
    mark: u64,
    /// Its own address: a copy is no state.
    place: usize,
    inside: *mut Inside,
}

struct Inside {
    denoiser: Denoiser,
    frame: [f32; FRAME],
}

/// A network. NULL everywhere stands for the one that is built in.
pub struct RNNModel(Model);

/// C's `FILE`.
#[repr(C)]
pub struct CFile {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
    fn fread(to: *mut c_void, size: usize, count: usize, file: *mut CFile) -> usize;
}

/// Runs what may have a fault in it; a panic, which C could not take, becomes `otherwise`.
fn guarded<T>(otherwise: T, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(otherwise)
}

/// The denoiser of a state, if it is one.
unsafe fn inside<'a>(state: *mut DenoiseState) -> Option<&'a mut Inside> {
    // SAFETY: the caller's. Volatile, because memory that was never written to may be asked about.
    unsafe {
        if state.is_null()
            || (&raw const (*state).mark).read_volatile() != MARK
            || (&raw const (*state).place).read_volatile() != state as usize
        {
            return None;
        }
        (*state).inside.as_mut()
    }
}

/// Bytes that a DenoiseState takes. Real-time: yes.
#[unsafe(no_mangle)]
pub extern "C" fn rnnoise_get_size() -> c_int {
    size_of::<DenoiseState>() as c_int
}

/// Samples of a frame, 480. Real-time: yes.
#[unsafe(no_mangle)]
pub extern "C" fn rnnoise_get_frame_size() -> c_int {
    FRAME as c_int
}

/// Makes a state in memory of rnnoise_get_size() bytes, or makes it new where there is one. model: NULL for the built-in
/// network. Gives 0, or -1 if it cannot. What it allocates is freed by rnnoise_destroy alone. Real-time: no, it allocates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_init(st: *mut DenoiseState, model: *mut RNNModel) -> c_int {
    if st.is_null() {
        return -1;
    }
    let made = guarded(None, || {
        // SAFETY: the caller's.
        let model = unsafe { model.as_ref() };
        let model = model.map_or_else(Model::light, |model| model.0.clone());
        let denoiser = Denoiser::with_model(&model, &Config::new(48_000, 1)).ok()?;
        let frame = [0.0; FRAME];
        Some(Box::new(Inside { denoiser, frame }))
    });
    let Some(made) = made else {
        return -1;
    };
    // SAFETY: the caller's memory.
    unsafe {
        match inside(st) {
            Some(old) => *old = *made,
            None => st.write(DenoiseState {
                mark: MARK,
                place: st as usize,
                inside: Box::into_raw(made),
            }),
        }
    }
    0
}

/// Allocates a state and makes it ready. model: NULL for the built-in network; it may be freed before the state. Gives NULL if it
/// cannot. Real-time: no, it allocates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_create(model: *mut RNNModel) -> *mut DenoiseState {
    // SAFETY: C's own; the mark is written before anything reads it.
    unsafe {
        let state: *mut DenoiseState = malloc(size_of::<DenoiseState>()).cast();
        if state.is_null() {
            return state;
        }
        (&raw mut (*state).mark).write(0);
        if rnnoise_init(state, model) != 0 {
            free(state.cast());
            return null_mut();
        }
        state
    }
}

/// Frees a state, and its memory with free(), as RNNoise does. NULL is fine. Real-time: no, it frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_destroy(st: *mut DenoiseState) {
    // SAFETY: the caller's.
    unsafe {
        if let Some(inside) = inside(st) {
            (*st).mark = 0;
            let inside: *mut Inside = inside;
            guarded((), || drop(Box::from_raw(inside)));
        }
        free(st.cast());
    }
}

/// Cleans 480 samples at 48 kHz, of a full scale of 32768. out may be in. Gives the probability of a voice in them, 0 to 1. out is
/// 959 samples later than in. Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_process_frame(
    st: *mut DenoiseState,
    out: *mut f32,
    r#in: *const f32,
) -> f32 {
    // SAFETY: the caller's.
    let Some(Inside { denoiser, frame }) = (unsafe { inside(st) }) else {
        return 0.0;
    };
    if out.is_null() || r#in.is_null() {
        return 0.0;
    }
    guarded(0.0, || {
        for (n, x) in frame.iter_mut().enumerate() {
            // SAFETY: the caller's 480 samples.
            *x = unsafe { r#in.add(n).read() } / FULL_SCALE;
        }
        denoiser.process(&mut [&mut frame[..]]);
        for (n, x) in frame.iter().enumerate() {
            // SAFETY: the caller's 480 samples.
            unsafe { out.add(n).write(x * FULL_SCALE) };
        }
        voice::probability(denoiser.reduction(), denoiser.speech_level())
    })
}

/// Reads a network of aeden's from memory, which it copies. Gives NULL for anything else, RNNoise's own files too. Real-time: no.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_model_from_buffer(ptr: *const c_void, len: c_int) -> *mut RNNModel {
    let Ok(len) = usize::try_from(len) else {
        return null_mut();
    };
    if ptr.is_null() {
        return null_mut();
    }
    // SAFETY: the caller's.
    let bytes = unsafe { std::slice::from_raw_parts(ptr.cast::<u8>(), len) };
    read(bytes)
}

/// Reads a network of aeden's from a file, from where it stands to its end. NULL as in rnnoise_model_from_buffer. Real-time: no.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_model_from_file(f: *mut CFile) -> *mut RNNModel {
    if f.is_null() {
        return null_mut();
    }
    let mut bytes = Vec::new();
    let mut part = [0u8; 4096];
    loop {
        // SAFETY: the caller's file, our memory.
        let count = unsafe { fread(part.as_mut_ptr().cast(), 1, part.len(), f) };
        if count == 0 {
            return read(&bytes);
        }
        bytes.extend(&part[..count]);
    }
}

/// Reads a network of aeden's from the file of this name. NULL as in rnnoise_model_from_buffer. Real-time: no.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_model_from_filename(filename: *const c_char) -> *mut RNNModel {
    if filename.is_null() {
        return null_mut();
    }
    // SAFETY: the caller's text.
    let name = unsafe { CStr::from_ptr(filename) }.to_str();
    name.ok()
        .and_then(|name| std::fs::read(name).ok())
        .map_or(null_mut(), |bytes| read(&bytes))
}

/// Frees a network. NULL is fine. Real-time: no.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rnnoise_model_free(model: *mut RNNModel) {
    if !model.is_null() {
        // SAFETY: made by `read`.
        guarded((), || drop(unsafe { Box::from_raw(model) }));
    }
}

/// A network that can clean streams.
fn read(bytes: &[u8]) -> *mut RNNModel {
    let model = guarded(None, || {
        Model::from_bytes(bytes)
            .ok()
            .filter(|model| model.engine(1, 1).is_ok())
    });
    model.map_or(null_mut(), |model| Box::into_raw(Box::new(RNNModel(model))))
}
