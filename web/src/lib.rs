//! aeden in WebAssembly: what `web/js` calls, as plain functions of numbers, without any import.
//!
//! One instance of the module does one thing at a time: it holds a model, and a stream or a recording that the model cleans.
//! Whoever wants two makes two instances of the one compiled module. So nothing here takes a pointer: the caller
//! asks where samples lie, writes them there, and reads the result from the same place.
//!
//! 1. [`aeden_light`], or [`aeden_bytes`] and [`aeden_model`] for a file in safetensors.
//! 2. A stream: [`aeden_stream`], then for each block [`aeden_samples`], [`aeden_process`]; controls at any time.
//! 3. Or a recording: [`aeden_recording`], then [`aeden_samples`], [`aeden_push`], [`aeden_ready`] for each block, and
//!    [`aeden_finish`] at its end.
//!
//! Functions that can fail give 0 then, and [`aeden_error`] says why. Calls that make no sense (a stream's when there is none)
//! do nothing. Addresses stay valid until the next call that can fail.

mod controls;
mod meter;
mod recording;
mod stream;

use aeden::{BandLimits, Error, Model};
use controls::Controls;
use recording::Recording;
use std::cell::RefCell;
use stream::{BLOCK, Stream};

/// The looks of [`aeden_meter`].
const METERS: usize = 4;

#[derive(Default)]
struct Instance {
    bytes: Vec<u8>,
    error: String,
    model: Option<Model>,
    /// `[channel][sample]`, [`BLOCK`] of each
    samples: Vec<Vec<f32>>,
    /// Nodes for [`aeden_bands`]: hertz and decibels.
    nodes: [(f32, f32); BandLimits::MAX_NODES],
    /// The limits along frequency of recordings that begin.
    bands: BandLimits,
    stream: Option<Stream>,
    recording: Option<Recording>,
}

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::default();
}

impl Instance {
    /// Keeps the reason of a failure. Gives 1 where there is none.
    fn tell(&mut self, result: Result<(), Error>) -> u32 {
        match result {
            Ok(()) => 1,
            Err(error) => {
                self.error = error.to_string();
                0
            }
        }
    }

    fn read_model(&mut self, exact: bool) -> Result<(), Error> {
        let bytes = std::mem::take(&mut self.bytes);
        self.model = Some(match exact {
            true => Model::from_bytes_in_f32(&bytes)?,
            false => Model::from_bytes(&bytes)?,
        });
        Ok(())
    }

    fn model(&self) -> Result<&Model, Error> {
        self.model
            .as_ref()
            .ok_or_else(|| Error::Setting("no model has been read".into()))
    }

    fn open_stream(&mut self, rate: u32, channels: usize) -> Result<(), Error> {
        self.stream = Some(Stream::new(self.model()?, rate, channels)?);
        self.recording = None;
        self.samples = vec![vec![0.0; BLOCK]; channels];
        Ok(())
    }

    fn open_recording(
        &mut self,
        rate: u32,
        channels: usize,
        streaming: bool,
        controls: Controls,
    ) -> Result<(), Error> {
        self.recording = Some(Recording::new(
            self.model()?,
            rate,
            channels,
            streaming,
            controls,
        )?);
        self.stream = None;
        self.samples = vec![vec![0.0; BLOCK]; channels];
        Ok(())
    }

    fn limit_bands(&mut self, count: usize) -> Result<(), Error> {
        let most = BandLimits::MAX_NODES;
        let nodes = self.nodes.get(..count);
        let nodes = nodes.ok_or_else(|| {
            Error::Setting(format!("the bands must have at most {most} nodes, not {count}"))
        })?;
        let bands = BandLimits::new(nodes)?;
        self.bands = bands;
        if let Some(stream) = &mut self.stream {
            stream.control(|controls| controls.bands = bands);
        }
        Ok(())
    }

    fn process(&mut self, frames: usize) {
        if let Some(stream) = &mut self.stream {
            stream.process(&mut self.samples, frames.min(BLOCK));
        }
    }

    fn push(&mut self, frames: usize) -> usize {
        let Some(recording) = &mut self.recording else {
            return 0;
        };
        recording.push(&self.samples, frames.min(BLOCK))
    }
}

fn with<R>(work: impl FnOnce(&mut Instance) -> R) -> R {
    INSTANCE.with_borrow_mut(work)
}

fn with_stream(work: impl FnOnce(&mut Stream)) {
    with(|instance| {
        if let Some(stream) = &mut instance.stream {
            work(stream);
        }
    });
}

/// Makes room for so many bytes of a model file, and says where.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_bytes(len: usize) -> *mut u8 {
    with(|instance| {
        instance.bytes = vec![0; len];
        instance.bytes.as_mut_ptr()
    })
}

/// Reads the model file in [`aeden_bytes`]; the next stream or recording is cleaned by it. `exact`: not 0 for `f32` throughout,
/// slower, for comparisons. 0 for a file that is no model.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_model(exact: u32) -> u32 {
    with(|instance| {
        let result = instance.read_model(exact != 0);
        instance.tell(result)
    })
}

/// Takes the built-in model `light`.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_light() -> u32 {
    with(|instance| instance.model = Some(Model::light()));
    1
}

/// The address of the last failure's reason, in UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_error() -> *const u8 {
    with(|instance| instance.error.as_ptr())
}

/// The length of the last failure's reason, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_error_len() -> usize {
    with(|instance| instance.error.len())
}

/// Begins a stream at a rate in Hz. 0 for a rate or a number of channels outside aeden's range, or a model that does not run over
/// streams; a stream that runs goes on then.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_stream(rate: u32, channels: usize) -> u32 {
    with(|instance| {
        let result = instance.open_stream(rate, channels);
        instance.tell(result)
    })
}

/// Begins a recording at a rate in Hz, by a model of either kind. `streaming`: not 0 where it should know no more than a
/// stream does. `strength`, `mix` and `removed` as for streams; limits along frequency are those of [`aeden_bands`]. 0 for something outside aeden's range, or a model that does
/// not fit.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_recording(
    rate: u32,
    channels: usize,
    streaming: u32,
    strength: f32,
    mix: f32,
    removed: u32,
) -> u32 {
    with(|instance| {
        let controls = Controls {
            strength,
            bands: instance.bands,
            mix,
            removed: removed != 0,
            bypass: false,
        };
        let result = instance.open_recording(rate, channels, streaming != 0, controls);
        instance.tell(result)
    })
}

/// The most samples of a channel in a call.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_block() -> usize {
    BLOCK
}

/// The address of a channel's samples, [`aeden_block`] of them; 0 where there is no such channel.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_samples(channel: usize) -> *mut f32 {
    with(|instance| {
        let samples = instance.samples.get_mut(channel);
        samples.map_or(std::ptr::null_mut(), |samples| samples.as_mut_ptr())
    })
}

/// Replaces so many samples of every channel by the cleaned ones of [`aeden_latency`] samples earlier. Allocates nothing.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_process(frames: usize) {
    with(|instance| instance.process(frames));
}

/// The latency of the stream in samples.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_latency() -> usize {
    with(|instance| instance.stream.as_ref().map_or(0, Stream::latency))
}

/// Forgets all that the stream has heard.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_reset() {
    with_stream(Stream::reset);
}

/// Sets the most that the level is lowered, in dB; from 60 on there is no limit.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_strength(db: f32) {
    with_stream(|stream| stream.control(|controls| controls.strength = db));
}

/// Puts a node for the next [`aeden_bands`]: the most that the level is lowered at a frequency in Hz, in dB. Nodes are counted from 0.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_band(node: usize, frequency: f32, limit: f32) {
    with(|instance| {
        if let Some(place) = instance.nodes.get_mut(node) {
            *place = (frequency, limit);
        }
    });
}

/// Limits what is taken away along frequency by the first `count` nodes that [`aeden_band`] has put, none for no such limits: of the
/// stream at once, and of recordings that begin from now on. 0 for nodes out of order or range; what was set before stays then.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_bands(count: usize) -> u32 {
    with(|instance| {
        let result = instance.limit_bands(count);
        instance.tell(result)
    })
}

/// Sets the share of the cleaned sound, 0 to 1.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_mix(share: f32) {
    with_stream(|stream| stream.control(|controls| controls.mix = share));
}

/// Gives what is removed (not 0) or the cleaned sound (0).
#[unsafe(no_mangle)]
pub extern "C" fn aeden_removed(on: u32) {
    with_stream(|stream| stream.control(|controls| controls.removed = on != 0));
}

/// Passes the input, delayed by the latency (not 0), or cleans it (0).
#[unsafe(no_mangle)]
pub extern "C" fn aeden_bypass(on: u32) {
    with_stream(|stream| stream.control(|controls| controls.bypass = on != 0));
}

/// A level of the stream since it was last asked for: 0 and 1 the peaks of input and output, 2 and 3 their mean squares, of all
/// channels. Full scale is 1.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_meter(which: usize) -> f32 {
    with(|instance| {
        let stream = instance.stream.as_mut();
        stream.map_or(0.0, |stream| stream.meter(which.min(METERS - 1)))
    })
}

/// Takes so many samples of every channel of the recording. Gives how many are ready.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_push(frames: usize) -> usize {
    with(|instance| instance.push(frames))
}

/// Ends the recording. Gives how many samples are ready. Another recording may follow.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_finish() -> usize {
    with(|instance| instance.recording.as_mut().map_or(0, Recording::finish))
}

/// The address of a channel's samples that the last [`aeden_push`] or [`aeden_finish`] has made ready.
#[unsafe(no_mangle)]
pub extern "C" fn aeden_ready(channel: usize) -> *const f32 {
    with(|instance| {
        let ready = instance.recording.as_ref().and_then(|r| r.ready(channel));
        ready.map_or(std::ptr::null(), <[f32]>::as_ptr)
    })
}
