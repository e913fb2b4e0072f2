//! The functions of `aeden.h`. Their docs are the header's.
//!
//! # Safety
//! Of all of them: a pointer that is not null points to what the function asks for, for as long as it runs.
#![allow(clippy::missing_safety_doc)]

use crate::controls::{Number, Switch};
use crate::handle::Handle;
use crate::samples::Sample;
use crate::status::{Status, guarded};
use aeden::{BandLimits, Config, Denoiser, Error, Link, Model};
use std::ffi::{CStr, c_char, c_void};
use std::ops::RangeInclusive;

/// Quality: little CPU, for weak machines; 20 ms of latency at 48 kHz.
pub const AEDEN_QUALITY_LIGHT: u32 = 0;
/// Quality: hears more, for about five times the CPU; 32 ms of latency at 48 kHz.
pub const AEDEN_QUALITY_HIGH: u32 = 1;

/// Link: one mask for all channels, which keeps the stereo image.
pub const AEDEN_LINK_LINKED: u32 = 0;
/// Link: every channel on its own, for unrelated sounds side by side.
pub const AEDEN_LINK_INDEPENDENT: u32 = 1;

/// The lowest sample rate, in Hz.
pub const AEDEN_MIN_SAMPLE_RATE: u32 = 8_000;
/// The highest sample rate, in Hz.
pub const AEDEN_MAX_SAMPLE_RATE: u32 = 192_000;
/// The most channels of a denoiser.
pub const AEDEN_MAX_CHANNELS: u32 = 64;
/// The largest strength that is a limit, in dB. INFINITY is none.
pub const AEDEN_MAX_STRENGTH: f32 = 100.0;
/// The most bands of aeden_set_bands.
pub const AEDEN_MAX_BANDS: u32 = 6;
/// The highest frequency of a band, in Hz.
pub const AEDEN_MAX_BAND_FREQUENCY: f32 = 96_000.0;
/// The largest gain, in dB, and with a minus the smallest.
pub const AEDEN_MAX_GAIN: f32 = 60.0;

// They stand here as numbers for the header, and are those of the crate.
const _: () = assert!(
    AEDEN_MIN_SAMPLE_RATE == Config::MIN_SAMPLE_RATE
        && AEDEN_MAX_SAMPLE_RATE == Config::MAX_SAMPLE_RATE
        && AEDEN_MAX_CHANNELS as usize == Config::MAX_CHANNELS
        && AEDEN_MAX_STRENGTH == Config::MAX_LIMIT
        && AEDEN_MAX_BANDS as usize == BandLimits::MAX_NODES
        && AEDEN_MAX_BAND_FREQUENCY == BandLimits::MAX_FREQUENCY
        && AEDEN_MAX_GAIN == Config::MAX_GAIN
);

/// The library's version, such as "0.1.0". Real-time: yes.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// What a status means, in one English line that is never freed. Takes any number. Real-time: yes.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_status_text(status: i32) -> *const c_char {
    Status::text_of(status).as_ptr()
}

/// Makes a denoiser with a built-in network.
///
/// sample_rate: AEDEN_MIN_SAMPLE_RATE to AEDEN_MAX_SAMPLE_RATE, in Hz. channels: 1 to AEDEN_MAX_CHANNELS. quality: one of
/// AEDEN_QUALITY_. link: one of AEDEN_LINK_. denoiser: gets the new one, or NULL if this fails. message: NULL, or room for
/// message_size bytes, which gets a line that says what is wrong, cut where the room ends; empty if nothing is.
///
/// Takes some milliseconds. Real-time: no, it allocates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_create(
    sample_rate: u32,
    channels: u32,
    quality: u32,
    link: u32,
    denoiser: *mut *mut Handle,
    message: *mut c_char,
    message_size: usize,
) -> Status {
    let model = || match quality {
        AEDEN_QUALITY_LIGHT => Ok(Model::light()),
        AEDEN_QUALITY_HIGH => Ok(Model::high()),
        _ => Err(Error::Setting(format!(
            "the quality must be {AEDEN_QUALITY_LIGHT} (light) or {AEDEN_QUALITY_HIGH} (high), not {quality}"
        ))),
    };
    // SAFETY: the caller's.
    unsafe {
        create(
            model,
            sample_rate,
            channels,
            link,
            denoiser,
            message,
            message_size,
        )
    }
}

/// Makes a denoiser with a network of your own: model_size bytes at model, the contents of a file that the recipe in
/// models/ exports. They are copied. Everything else as in aeden_create.
///
/// Real-time: no, it allocates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_create_with_model(
    model: *const c_void,
    model_size: usize,
    sample_rate: u32,
    channels: u32,
    link: u32,
    denoiser: *mut *mut Handle,
    message: *mut c_char,
    message_size: usize,
) -> Status {
    let read = || {
        if model_size > isize::MAX as usize {
            return Err(Error::Setting(format!("no model has {model_size} bytes")));
        }
        // SAFETY: the caller's, not null, see below.
        Model::from_bytes(unsafe { std::slice::from_raw_parts(model.cast(), model_size) })
    };
    if model.is_null() {
        // SAFETY: the caller's.
        return unsafe { refuse(denoiser, message, message_size) };
    }
    // SAFETY: the caller's.
    unsafe { create(read, sample_rate, channels, link, denoiser, message, message_size) }
}

/// Makes a denoiser with the network in a file, whose name is UTF-8: one that the recipe in models/ exports, or an ONNX file, which
/// describes itself or has its description beside it (docs/onnx.md). ONNX files need ONNX Runtime, and then aeden_process_* allocates:
/// see aeden_is_real_time. Everything else as in aeden_create; a file that cannot be read is AEDEN_STATUS_MODEL.
///
/// Real-time: no, it reads files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_create_from_file(
    path: *const c_char,
    sample_rate: u32,
    channels: u32,
    link: u32,
    denoiser: *mut *mut Handle,
    message: *mut c_char,
    message_size: usize,
) -> Status {
    if path.is_null() {
        // SAFETY: the caller's.
        return unsafe { refuse(denoiser, message, message_size) };
    }
    let read = || {
        // SAFETY: the caller's, not null.
        let path = unsafe { CStr::from_ptr(path) }.to_str();
        Model::open(path.map_err(|_| Error::Setting("the name of the file is not UTF-8".to_owned()))?)
    };
    // SAFETY: the caller's.
    unsafe { create(read, sample_rate, channels, link, denoiser, message, message_size) }
}

/// Frees a denoiser. NULL is refused and harms nothing. No other thread may use it any more; one that is processing makes
/// this AEDEN_STATUS_BUSY, and nothing is freed. Debug builds tell if it was freed before, and keep some bytes for that.
///
/// Real-time: no, it frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_free(denoiser: *mut Handle) -> Status {
    // SAFETY: the caller's.
    guarded(Status::Internal, || unsafe { Handle::free(denoiser) })
}

/// Cleans frames samples of every channel. input and output are arrays with a pointer for each channel. A channel's output
/// may be its input; other overlaps are not allowed. Full scale is 1; NaN and infinities count as silence.
///
/// Any number of frames, 0 too; how a sound is cut into blocks changes no bit. Real-time: yes, on one thread at a time;
/// a second one gets AEDEN_STATUS_BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_process_f32(
    denoiser: *mut Handle,
    input: *const *const f32,
    output: *const *mut f32,
    frames: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe { planar(denoiser, input, output, frames) }
}

/// As aeden_process_f32, for 16-bit samples. What comes out is rounded to the nearest and limited, without dither.
/// Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_process_i16(
    denoiser: *mut Handle,
    input: *const *const i16,
    output: *const *mut i16,
    frames: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe { planar(denoiser, input, output, frames) }
}

/// As aeden_process_f32, for channels that are interleaved: frames times channels samples at input and at output, which
/// may be the same. Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_process_interleaved_f32(
    denoiser: *mut Handle,
    input: *const f32,
    output: *mut f32,
    frames: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe { interleaved(denoiser, input, output, frames) }
}

/// As aeden_process_interleaved_f32, for 16-bit samples, rounded as in aeden_process_i16. Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_process_interleaved_i16(
    denoiser: *mut Handle,
    input: *const i16,
    output: *mut i16,
    frames: usize,
) -> Status {
    // SAFETY: the caller's.
    unsafe { interleaved(denoiser, input, output, frames) }
}

/// Forgets all sound, as before a new recording. The controls stay, and reach their values at once. Real-time: yes, as
/// aeden_process_f32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_reset(denoiser: *mut Handle) -> Status {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or_else(|status| status, Handle::reset)
}

/// Frames by which the output is later than the input. Constant. 0 for NULL. Real-time: yes, on any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_latency(denoiser: *const Handle) -> usize {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or(0, |handle| handle.facts.latency)
}

/// Frames for which sound can still come out after the input has fallen silent. Constant. 0 for NULL. Real-time: yes, on any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_tail(denoiser: *const Handle) -> usize {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or(0, |handle| handle.facts.tail)
}

/// The sample rate that it was made for, in Hz. 0 for NULL. Real-time: yes, on any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_sample_rate(denoiser: *const Handle) -> u32 {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or(0, |handle| handle.facts.sample_rate)
}

/// The number of channels that it was made for. 0 for NULL. Real-time: yes, on any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_channels(denoiser: *const Handle) -> u32 {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or(0, |handle| handle.facts.channels as u32)
}

/// Whether a real-time thread may process: 1, but 0 with an ONNX file, and for NULL. Constant. Real-time: yes, on any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_is_real_time(denoiser: *const Handle) -> i32 {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or(0, |handle| i32::from(handle.facts.is_real_time))
}

/// Sets the most that the level is lowered anywhere, in dB: 0 (nothing is done) to AEDEN_MAX_STRENGTH, or INFINITY for no
/// limit, as at the start. 10 to 20 leave the place audible. Fades over 10 ms from the next block on. Real-time: yes, on any
/// thread, also while another one processes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_set_strength(denoiser: *mut Handle, decibels: f32) -> Status {
    if decibels == f32::INFINITY {
        // SAFETY: the caller's.
        return unsafe { set(denoiser, Number::Strength, decibels, decibels..=decibels) };
    }
    // SAFETY: the caller's.
    unsafe { set(denoiser, Number::Strength, decibels, 0.0..=AEDEN_MAX_STRENGTH) }
}

/// Sets the most that the level is lowered along frequency: `count` nodes, 0 (none, as at the start) to AEDEN_MAX_BANDS, of a
/// frequency in Hz, 0 to AEDEN_MAX_BAND_FREQUENCY and each above the one before, and a limit in dB, 0 to AEDEN_MAX_STRENGTH.
/// Between nodes it is linear in dB over the logarithm of the frequency, below the first and above the last it is theirs; where
/// the strength is smaller, that counts. A change fades over two frames. Other values change nothing. Real-time: yes, on any
/// thread, also while another one processes; one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_set_bands(
    denoiser: *mut Handle,
    frequencies: *const f32,
    decibels: *const f32,
    count: usize,
) -> Status {
    // SAFETY: the caller's.
    let handle = match unsafe { Handle::at(denoiser) } {
        Ok(handle) => handle,
        Err(status) => return status,
    };
    if count > BandLimits::MAX_NODES {
        return Status::Setting;
    }
    if count > 0 && (frequencies.is_null() || decibels.is_null()) {
        return Status::Null;
    }
    let mut nodes = [(0.0, 0.0); BandLimits::MAX_NODES];
    for (n, node) in nodes[..count].iter_mut().enumerate() {
        // SAFETY: the caller's: as many numbers as it says.
        *node = unsafe {
            (
                frequencies.add(n).read_unaligned(),
                decibels.add(n).read_unaligned(),
            )
        };
    }
    BandLimits::checked(&nodes[..count]).map_or(Status::Setting, |bands| {
        handle.controls.set_bands(&bands);
        Status::Ok
    })
}

/// Sets the share of the cleaned sound, 0 (the input, delayed, bit for bit) to 1 (as at the start). Fades and threads as
/// aeden_set_strength. Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_set_mix(denoiser: *mut Handle, share: f32) -> Status {
    // SAFETY: the caller's.
    unsafe { set(denoiser, Number::Mix, share, 0.0..=1.0) }
}

/// Sets the gain of the output in dB, at most AEDEN_MAX_GAIN up or down; 0 at the start. Fades and threads as
/// aeden_set_strength. Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_set_gain(denoiser: *mut Handle, decibels: f32) -> Status {
    // SAFETY: the caller's.
    unsafe { set(denoiser, Number::Gain, decibels, -AEDEN_MAX_GAIN..=AEDEN_MAX_GAIN) }
}

/// Gives what is removed instead of what is left; 0 is off, any other number on. Fades and threads as aeden_set_strength. Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_set_removed(denoiser: *mut Handle, on: i32) -> Status {
    // SAFETY: the caller's.
    unsafe { switch(denoiser, Switch::Removed, on != 0) }
}

/// Passes the input, delayed by the latency, bit for bit; 0 is off, any other number on. Fades and threads as aeden_set_strength. Real-time: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_set_bypass(denoiser: *mut Handle, on: i32) -> Status {
    // SAFETY: the caller's.
    unsafe { switch(denoiser, Switch::Bypass, on != 0) }
}

/// How much quieter the network made the newest frame of 20 or 32 ms that was complete when the last block ended, in dB, 0 to
/// 100: all channels together, before strength, mix and gain. 0 in silence, and for NULL. Real-time: yes, on any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_reduction(denoiser: *const Handle) -> f32 {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or(0.0, Handle::reduction)
}

/// The level of what the network left of that frame, which is the speech that it found, in dBFS (root mean square, 0 is a
/// mean square of 1). -INFINITY where nothing is left, and for NULL. Real-time: yes, on any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aeden_speech_level(denoiser: *const Handle) -> f32 {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or(f32::NEG_INFINITY, Handle::speech_level)
}

/// Says that a pointer is null, everywhere that it can.
unsafe fn refuse(denoiser: *mut *mut Handle, message: *mut c_char, message_size: usize) -> Status {
    // SAFETY: the caller's.
    unsafe {
        if !denoiser.is_null() {
            denoiser.write_unaligned(std::ptr::null_mut());
        }
        say(
            Status::text_of(Status::Null as i32).to_bytes(),
            message,
            message_size,
        );
    }
    Status::Null
}

unsafe fn create(
    model: impl FnOnce() -> Result<Model, Error>,
    sample_rate: u32,
    channels: u32,
    link: u32,
    denoiser: *mut *mut Handle,
    message: *mut c_char,
    message_size: usize,
) -> Status {
    if denoiser.is_null() {
        // SAFETY: the caller's.
        return unsafe { refuse(denoiser, message, message_size) };
    }
    let build = || {
        let link = match link {
            AEDEN_LINK_LINKED => Link::Linked,
            AEDEN_LINK_INDEPENDENT => Link::Independent,
            _ => {
                return Err(Error::Setting(format!(
                    "the link must be {AEDEN_LINK_LINKED} (linked) or {AEDEN_LINK_INDEPENDENT} (independent), not {link}"
                )));
            }
        };
        let config = Config::new(sample_rate, channels as usize).link(link);
        Ok(Handle::new(
            Denoiser::with_model(&model()?, &config)?,
            sample_rate,
        ))
    };
    let built = guarded(None, || Some(build()));
    let (status, pointer, text) = match built {
        Some(Ok(handle)) => (Status::Ok, Box::into_raw(Box::new(handle)), String::new()),
        Some(Err(error)) => ((&error).into(), std::ptr::null_mut(), error.to_string()),
        None => (
            Status::Internal,
            std::ptr::null_mut(),
            "a fault of aeden".to_owned(),
        ),
    };
    // SAFETY: the caller's.
    unsafe {
        denoiser.write_unaligned(pointer);
        say(text.as_bytes(), message, message_size);
    }
    status
}

/// Writes a text, as much of it as there is room for, and a zero.
unsafe fn say(text: &[u8], message: *mut c_char, message_size: usize) {
    if message.is_null() || message_size == 0 {
        return;
    }
    let mut len = text.len().min(message_size - 1);
    // Not within a character.
    while len < text.len() && len > 0 && text[len] & 0xC0 == 0x80 {
        len -= 1;
    }
    // SAFETY: the caller's, `message_size` bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), message.cast(), len);
        message.add(len).write(0);
    }
}

/// Lets a denoiser work on frames, if there are any, and memory for them.
unsafe fn with_frames(
    denoiser: *mut Handle,
    frames: usize,
    has_memory: bool,
    process: impl FnOnce(&Handle) -> Status,
) -> Status {
    // SAFETY: the caller's.
    match unsafe { Handle::at(denoiser) } {
        Err(status) => status,
        Ok(_) if frames == 0 => Status::Ok,
        Ok(_) if !has_memory => Status::Null,
        Ok(handle) => process(handle),
    }
}

unsafe fn planar<S: Sample>(
    denoiser: *mut Handle,
    input: *const *const S,
    output: *const *mut S,
    frames: usize,
) -> Status {
    let process = |handle: &Handle| {
        // SAFETY: the caller's arrays have a pointer for each channel.
        let (input, output) = unsafe {
            (
                move |c: usize| input.add(c).read_unaligned(),
                move |c: usize| output.add(c).read_unaligned(),
            )
        };
        if (0..handle.facts.channels).any(|c| input(c).is_null() || output(c).is_null()) {
            return Status::Null;
        }
        // SAFETY: the caller's.
        unsafe { handle.process(input, output, 1, frames) }
    };
    let has_memory = !input.is_null() && !output.is_null();
    // SAFETY: the caller's.
    unsafe { with_frames(denoiser, frames, has_memory, process) }
}

unsafe fn interleaved<S: Sample>(
    denoiser: *mut Handle,
    input: *const S,
    output: *mut S,
    frames: usize,
) -> Status {
    let process = |handle: &Handle| {
        // SAFETY: the caller's. Channel c begins with sample c, which exists where there is a frame.
        unsafe {
            handle.process(
                move |c| input.add(c),
                move |c| output.add(c),
                handle.facts.channels,
                frames,
            )
        }
    };
    let has_memory = !input.is_null() && !output.is_null();
    // SAFETY: the caller's.
    unsafe { with_frames(denoiser, frames, has_memory, process) }
}

unsafe fn set(denoiser: *mut Handle, control: Number, value: f32, range: RangeInclusive<f32>) -> Status {
    // SAFETY: the caller's.
    match unsafe { Handle::at(denoiser) } {
        Err(status) => status,
        // Also for NaN.
        Ok(_) if !range.contains(&value) => Status::Setting,
        Ok(handle) => {
            handle.controls.set(control, value);
            Status::Ok
        }
    }
}

unsafe fn switch(denoiser: *mut Handle, control: Switch, on: bool) -> Status {
    // SAFETY: the caller's.
    unsafe { Handle::at(denoiser) }.map_or_else(
        |status| status,
        |handle| {
            handle.controls.switch(control, on);
            Status::Ok
        },
    )
}
