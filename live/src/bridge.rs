//! The way of the samples between devices whose clocks and moods differ.
//!
//! ```text
//! input callback ─► ring ─► worker: denoise ─┬► resample ─► ring ─► output callback
//!      Intake                 Worker         └► resample ─► ring ─► another one   Outlet
//! ```
//!
//! Every piece is built beforehand by [`Bridge::build`]; from then on nothing allocates, locks or blocks: rings and
//! atomic numbers are all that the threads share.
//!
//! Each outlet keeps its own buffer at a level that is just enough: one block of either side plus a margin. The
//! level is thought of as continuous: what has arrived, plus what the input must have recorded since its last block.
//! Small errors are corrected by the speed of the resampler (`drift`), large ones (a stall) by skipping what is
//! late, with a cross-fade. Where sound is lacking, silence is played until the level is right again.
//!
//! Devices of sound servers have sound in hand (`reserve`), and play on when nobody answers them. For that time they are
//! given a fade-out behind what is to be played ([`Outlet::fade_out`]), which the next block replaces; a device that has
//! run dry all the same gets more in hand, and a fade-in ([`Outlet::ran_dry`]).
//!
//! # What is counted
//! Frames received by the intake = converted by the worker + waiting. Frames an outlet's resampler produced = played +
//! skipped + overflowed + waiting. Nothing else can become of a sample; [`Counters`] has them all.

use crate::counters::{Count, Gauge, Moment};
use crate::device::{AudioError, BLOCK, Format};
use crate::drift::{DriftControl, MAX_CORRECTION};
use crate::margin::Margin;
use crate::processor::{Controlled, Controls, Processor};
use crate::reserve::Reserve;
use aeden::{Config, Denoiser};
use rtrb::chunks::ChunkError;
use rtrb::{Consumer, Producer, RingBuffer};
use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{
    Adjustable as _, Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

/// Seconds that a ring holds: what a stall may last before input is lost rather than late.
pub const RING_SECONDS: f64 = 1.0;

/// Frames that pass through a resampler at a time; little, since less than this waits for the next block.
const CHUNK: usize = 32;

/// Points of the resampler's filter: it delays by half of them, 0.7 ms, and is flat to 20 kHz.
const FILTER: usize = 64;

/// Rates of output devices, in Hz.
const OUTPUT_RATES: RangeInclusive<u32> = Config::MIN_SAMPLE_RATE..=768_000;

/// Seconds over which sound fades where it begins, ends or skips.
const FADE: f64 = 0.005;

/// Seconds above the wanted level, besides one block of either side, from where on late sound is skipped.
const LATE: f64 = 0.010;

/// Counts of the audio threads and values for them, for everybody to read.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames taken from the input.
    pub received: Count,
    /// Frames of the input for which there was no room, since the worker stood still.
    pub overrun: Count,
    /// Frames that the worker has cleaned.
    pub converted: Count,
    /// Sum of squares of all input samples.
    pub energy_in: Gauge,
    /// Sum of squares of all cleaned samples.
    pub energy_out: Gauge,
    /// Seconds that the worker has computed.
    pub busy: Gauge,
    /// When the last input came, by the host's clock.
    pub last_input: Moment,
    /// Frames that the input brings at a time.
    input_block: Gauge,
    /// Frames for a recording that found no room.
    pub unrecorded: Count,
    /// The thread to wake when input has come.
    pub(crate) worker: OnceLock<Thread>,
}

/// The same for one outlet, in frames of its format.
#[derive(Debug, Default)]
pub struct OutletCounters {
    /// Frames from the resampler.
    pub produced: Count,
    /// Frames of them given to the device.
    pub played: Count,
    /// Frames of them skipped since they were late.
    pub skipped: Count,
    /// Times that late sound was skipped.
    pub skips: Count,
    /// Frames of them for which there was no room, since the output stood still.
    pub overflowed: Count,
    /// Frames of silence given to the device since there was no sound, after the first sound.
    pub lacked: Count,
    /// Times that there was no sound to give.
    pub underruns: Count,
    /// When the device last asked for sound.
    pub last_output: Moment,
    /// Speed of the resampler relative to nominal.
    speed: Gauge,
    /// Drift: the speed of the input's clock over the output's, less 1.
    pub drift: Gauge,
    /// Present level and the wanted one, in seconds.
    pub level: Gauge,
    /// The wanted level, in seconds.
    pub target: Gauge,
    /// The resampler's delay, in seconds.
    pub delay: Gauge,
}

/// Format and clock of one output.
#[derive(Clone, Debug)]
pub struct OutputPlan {
    /// Its format.
    pub format: Format,
    /// Its clock is the input's, so that sample n stays sample n. Only then can sound pass bit for bit.
    pub same_clock: bool,
    /// Known drift of its clock against the input's, relative.
    pub drift: f64,
}

/// All pieces of one way, ready to be handed to their threads.
#[derive(Debug)]
pub struct Bridge {
    /// For the input callback.
    pub intake: Intake,
    /// For the worker thread.
    pub worker: Worker,
    /// For the output callbacks, in the order of the plans.
    pub outlets: Vec<Outlet>,
    /// Counts of the input and the worker.
    pub counters: Arc<Counters>,
    /// Counts of the outlets.
    pub outlet_counters: Vec<Arc<OutletCounters>>,
    /// Raw and cleaned frames, if a recording was asked for.
    pub recording: Option<Recording>,
}

/// The end of the input: what an audio thread calls with what it has recorded.
#[derive(Debug)]
pub struct Intake {
    channels: usize,
    ring: Producer<f32>,
    counters: Arc<Counters>,
}

/// The end of one output: what an audio thread calls for what it is to play.
#[derive(Debug)]
pub struct Outlet {
    format: Format,
    /// Seconds a frame takes.
    frame: f64,
    ring: Consumer<f32>,
    input_rate: f64,
    input: Arc<Counters>,
    counters: Arc<OutletCounters>,
    margin: Margin,
    reserve: Reserve,
    drift: Option<DriftControl>,
    /// Frames that the output takes at a time.
    block: f64,
    /// Sound is held back until the level is right.
    filling: bool,
    /// Sound has been played.
    begun: bool,
    /// Sound begins again with the next block.
    begins: bool,
    /// Seconds of silence since sound was lacking.
    silent: f64,
    /// Frames of the fade-in that are still to come.
    fade_in: usize,
    fade: usize,
    /// The samples given last, as long as a fade.
    recent: Vec<f32>,
    /// The fade-out that is being given since sound was lacking, and how many samples of it have been.
    ending: Vec<f32>,
    ended: usize,
}

/// The middle: cleans what has come and hands it on.
#[derive(Debug)]
pub struct Worker {
    ring: Consumer<f32>,
    processor: Box<dyn Processor>,
    /// One block, a vector a channel.
    planes: Vec<Vec<f32>>,
    lanes: Vec<Lane>,
    tape: Option<Producer<f32>>,
    counters: Arc<Counters>,
}

/// From cleaned blocks to one outlet's ring.
#[derive(Debug)]
struct Lane {
    format: Format,
    resampler: Option<Retimer>,
    ring: Producer<f32>,
    counters: Arc<OutletCounters>,
}

/// A resampler whose speed can be changed, fed with any number of frames.
struct Retimer {
    sinc: Async<f32>,
    /// Frames that wait for a whole chunk, then the chunk itself.
    input: Vec<Vec<f32>>,
    waiting: usize,
    output: Vec<Vec<f32>>,
    ratio: f64,
    speed: f64,
}

impl std::fmt::Debug for Retimer {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Retimer")
            .field("waiting", &self.waiting)
            .field("ratio", &self.ratio)
            .field("speed", &self.speed)
            .finish_non_exhaustive()
    }
}

/// Raw and cleaned sound, to be written to disk by a thread that may wait.
#[derive(Debug)]
pub struct Recording {
    ring: Consumer<f32>,
    /// Channels of the raw sound, and as many of the cleaned one.
    pub channels: usize,
    /// Frames a second.
    pub rate: u32,
    /// Latency of the cleaned sound in frames.
    pub latency: usize,
}

impl Recording {
    /// Takes all whole frames that are there: raw samples of each channel, then cleaned ones.
    pub fn take(&mut self, into: &mut Vec<f32>) {
        into.clear();
        let frame = 2 * self.channels;
        let whole = self.ring.slots() / frame * frame;
        if let Ok(chunk) = self.ring.read_chunk(whole) {
            let (first, second) = chunk.as_slices();
            into.extend_from_slice(first);
            into.extend_from_slice(second);
            chunk.commit_all();
        }
    }
}

fn ring(format: Format, samples_a_frame: usize) -> (Producer<f32>, Consumer<f32>) {
    let frames = (f64::from(format.rate) * RING_SECONDS) as usize;
    RingBuffer::new(frames * samples_a_frame)
}

fn unsupported<T>(why: String) -> Result<T, AudioError> {
    Err(AudioError::Unsupported(why))
}

/// Refuses sound of a format that cannot be passed on.
fn check(format: Format, rates: RangeInclusive<u32>) -> Result<(), AudioError> {
    let Format { rate, channels } = format;
    if !rates.contains(&rate) {
        return unsupported(format!(
            "a device has {rate} Hz, not {} to {}",
            rates.start(),
            rates.end()
        ));
    }
    if !(1..=Config::MAX_CHANNELS).contains(&channels) {
        return unsupported(format!(
            "a device has {channels} channels, not 1 to {}",
            Config::MAX_CHANNELS
        ));
    }
    Ok(())
}

impl Bridge {
    /// Builds the way from an input to any number of outputs, through a denoiser with the input's channels that was built for its
    /// rate. Rates are those of [`Config`] for the input, and up to 768 kHz for outputs; channels 1 to
    /// [`Config::MAX_CHANNELS`].
    ///
    /// # Errors
    /// [`AudioError::Unsupported`] if a format is outside of that, or the denoiser has other channels than the input.
    pub fn build(
        input: Format,
        outputs: &[OutputPlan],
        denoiser: Denoiser,
        controls: Arc<Controls>,
        record: bool,
    ) -> Result<Bridge, AudioError> {
        let processor = Box::new(Controlled::new(denoiser, controls));
        Self::around(input, outputs, processor, record)
    }

    /// The same through anything that cleans.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn around(
        input: Format,
        outputs: &[OutputPlan],
        processor: Box<dyn Processor>,
        record: bool,
    ) -> Result<Bridge, AudioError> {
        check(input, Config::MIN_SAMPLE_RATE..=Config::MAX_SAMPLE_RATE)?;
        for plan in outputs {
            check(plan.format, OUTPUT_RATES)?;
        }
        if processor.channels() != input.channels {
            return unsupported(format!(
                "a denoiser for {} channels cannot clean {}",
                processor.channels(),
                input.channels
            ));
        }
        let counters = Arc::new(Counters::default());
        counters.input_block.set(BLOCK as f64);
        let (intake_ring, worker_ring) = ring(input, input.channels);
        let (mut lanes, mut outlets, mut outlet_counters) = (Vec::new(), Vec::new(), Vec::new());
        for plan in outputs {
            let (to, from) = ring(plan.format, plan.format.channels);
            let ratio = f64::from(plan.format.rate) / f64::from(input.rate);
            let fade = (f64::from(plan.format.rate) * FADE) as usize;
            let shared = Arc::new(OutletCounters::default());
            shared.speed.set(1.0);
            shared.drift.set(plan.drift);
            let direct = plan.same_clock && input.rate == plan.format.rate;
            let resampler = (!direct)
                .then(|| Retimer::new(ratio, input.channels))
                .transpose()?;
            if resampler.is_some() {
                shared.delay.set(FILTER as f64 / 2.0 / f64::from(input.rate));
            }
            lanes.push(Lane {
                format: plan.format,
                resampler,
                ring: to,
                counters: shared.clone(),
            });
            outlets.push(Outlet {
                format: plan.format,
                frame: 1.0 / f64::from(plan.format.rate),
                ring: from,
                input_rate: f64::from(input.rate),
                input: counters.clone(),
                counters: shared.clone(),
                margin: Margin::new(),
                reserve: Reserve::new(),
                drift: (!plan.same_clock).then(|| DriftControl::new(plan.drift)),
                block: BLOCK as f64,
                filling: true,
                begun: false,
                begins: false,
                silent: 0.0,
                fade_in: 0,
                fade,
                recent: vec![0.0; fade * plan.format.channels],
                ending: vec![0.0; fade * plan.format.channels],
                ended: fade * plan.format.channels,
            });
            outlet_counters.push(shared);
        }
        let (tape, recording) = if record {
            let (tape, consumer) = ring(input, 4 * input.channels);
            let recording = Recording {
                ring: consumer,
                channels: input.channels,
                rate: input.rate,
                latency: processor.latency(),
            };
            (Some(tape), Some(recording))
        } else {
            (None, None)
        };
        Ok(Bridge {
            intake: Intake {
                channels: input.channels,
                ring: intake_ring,
                counters: counters.clone(),
            },
            worker: Worker {
                ring: worker_ring,
                processor,
                planes: vec![vec![0.0; BLOCK]; input.channels],
                lanes,
                tape,
                counters: counters.clone(),
            },
            outlets,
            counters,
            outlet_counters,
            recording,
        })
    }
}

impl Intake {
    /// Takes what the input has recorded: interleaved samples, complete at the time `at` of the host's clock.
    pub fn push(&mut self, samples: &[f32], at: Duration) {
        let frames = samples.len() / self.channels;
        let taken = frames.min(self.ring.slots() / self.channels);
        if let Ok(chunk) = self.ring.write_chunk_uninit(taken * self.channels) {
            chunk.fill_from_iter(samples.iter().copied());
        }
        self.counters.overrun.add((frames - taken) as u64);
        self.counters.last_input.set(at);
        self.counters.received.add(taken as u64);
        follow(&self.counters.input_block, frames);
        if let Some(worker) = self.counters.worker.get() {
            worker.unpark();
        }
    }

    /// Samples a frame of what [`push`](Self::push) takes.
    pub fn channels(&self) -> usize {
        self.channels
    }
}

/// Follows the usual size of blocks: up quickly, down slowly, since the larger ones are what a buffer is for.
fn follow(usual: &Gauge, frames: usize) {
    let (old, new) = (usual.get(), frames as f64);
    let pace = if new > old { 0.25 } else { 0.02 };
    usual.set(old + (new - old) * pace);
}

impl Worker {
    /// Cleans all that has come. Returns the number of frames.
    pub fn run(&mut self) -> usize {
        let channels = self.planes.len();
        let mut done = 0;
        loop {
            let frames = (self.ring.slots() / channels).min(BLOCK);
            let Ok(chunk) = self.ring.read_chunk(frames * channels) else {
                return done;
            };
            if frames == 0 {
                return done;
            }
            let (first, second) = chunk.as_slices();
            for (i, &sample) in first.iter().chain(second).enumerate() {
                self.planes[i % channels][i / channels] = sample;
            }
            let energy = energy(&self.planes, frames);
            self.counters.energy_in.add(energy);
            let taped = 2 * frames * channels;
            if self.tape.as_ref().is_some_and(|tape| tape.slots() < taped) {
                self.counters.unrecorded.add(frames as u64);
            }
            // Raw samples first, while they are there; the cleaned ones are put between them below.
            let tape = self.tape.as_mut().and_then(|tape| tape.write_chunk(taped).ok());
            let tape = tape.map(|mut tape| {
                put(&mut tape, &self.planes, frames, 0);
                tape
            });
            chunk.commit_all();
            clean(&mut *self.processor, &mut self.planes, frames);
            self.counters.energy_out.add(self::energy(&self.planes, frames));
            if let Some(mut tape) = tape {
                put(&mut tape, &self.planes, frames, channels);
                tape.commit_all();
            }
            for lane in &mut self.lanes {
                lane.feed(&self.planes, frames);
            }
            self.counters.converted.add(frames as u64);
            done += frames;
        }
    }

    /// Frames a second of what it cleans, and its delay in such frames.
    pub fn latency(&self) -> usize {
        self.processor.latency()
    }

    /// Its counts.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

/// Cleans the first `frames` frames in place. The slices are kept on the stack.
fn clean(processor: &mut dyn Processor, planes: &mut [Vec<f32>], frames: usize) {
    let mut slices: [&mut [f32]; Config::MAX_CHANNELS] = std::array::from_fn(|_| &mut [][..]);
    let used = planes.len();
    for (slice, plane) in slices.iter_mut().zip(planes) {
        *slice = &mut plane[..frames];
    }
    processor.process(&mut slices[..used]);
}

/// Puts planes into frames of twice as many samples, `offset` samples from the start of each.
fn put(tape: &mut rtrb::chunks::WriteChunk<'_, f32>, planes: &[Vec<f32>], frames: usize, offset: usize) {
    let channels = planes.len();
    let (first, second) = tape.as_mut_slices();
    let split = first.len();
    for (c, plane) in planes.iter().enumerate() {
        for (f, &sample) in plane[..frames].iter().enumerate() {
            let at = f * 2 * channels + offset + c;
            if at < split {
                first[at] = sample;
            } else {
                second[at - split] = sample;
            }
        }
    }
}

fn energy(planes: &[Vec<f32>], frames: usize) -> f64 {
    let squares = planes.iter().flat_map(|plane| &plane[..frames]).map(|&x| x * x);
    f64::from(squares.sum::<f32>())
}

impl Lane {
    /// Takes a block of cleaned sound.
    fn feed(&mut self, planes: &[Vec<f32>], frames: usize) {
        let Lane {
            format,
            resampler,
            ring,
            counters,
        } = self;
        match resampler {
            None => write(ring, planes, frames, format.channels, counters),
            Some(retimer) => {
                let speed = counters.speed.get();
                retimer.feed(planes, frames, speed, |planes, frames| {
                    write(ring, planes, frames, format.channels, counters);
                });
            }
        }
    }
}

/// Interleaves frames into a ring. One channel goes to all; of more than there are places for, each place gets the mean of
/// those that fall on it, in turns; places for which there is none stay silent.
fn write(
    ring: &mut Producer<f32>,
    planes: &[Vec<f32>],
    frames: usize,
    channels: usize,
    counters: &OutletCounters,
) {
    let room = frames.min(ring.slots() / channels);
    let sample = |f: usize, c: usize| match planes {
        [mono] => mono[f],
        _ => {
            let own = planes.iter().skip(c).step_by(channels);
            let count = own.len().max(1);
            own.map(|plane| plane[f]).sum::<f32>() / count as f32
        }
    };
    if let Ok(chunk) = ring.write_chunk_uninit(room * channels) {
        chunk.fill_from_iter(
            (0..room)
                .flat_map(|f| (0..channels).map(move |c| (f, c)))
                .map(|(f, c)| sample(f, c)),
        );
    }
    counters.produced.add(frames as u64);
    counters.overflowed.add((frames - room) as u64);
}

impl Retimer {
    fn new(ratio: f64, channels: usize) -> Result<Self, AudioError> {
        let parameters = SincInterpolationParameters::new(FILTER, WindowFunction::Blackman2)
            .oversampling_factor(256)
            .interpolation(SincInterpolationType::Linear);
        let sinc = Async::new_sinc(
            ratio,
            1.0 + 2.0 * MAX_CORRECTION,
            &parameters,
            CHUNK,
            channels,
            FixedAsync::Input,
        )
        .map_err(|e| AudioError::Unsupported(format!("no resampler for a ratio of {ratio}: {e}")))?;
        Ok(Retimer {
            input: vec![vec![0.0; CHUNK]; channels],
            waiting: 0,
            output: vec![vec![0.0; sinc.output_frames_max()]; channels],
            sinc,
            ratio,
            speed: 1.0,
        })
    }

    /// Takes frames, and gives those that have become complete.
    fn feed(
        &mut self,
        planes: &[Vec<f32>],
        frames: usize,
        speed: f64,
        mut give: impl FnMut(&[Vec<f32>], usize),
    ) {
        let mut start = 0;
        while start < frames {
            let part = (frames - start).min(CHUNK - self.waiting);
            for (input, plane) in self.input.iter_mut().zip(planes) {
                input[self.waiting..self.waiting + part].copy_from_slice(&plane[start..start + part]);
            }
            start += part;
            self.waiting += part;
            if self.waiting < CHUNK {
                return;
            }
            self.waiting = 0;
            if speed != self.speed && self.sinc.set_resample_ratio(self.ratio * speed, true).is_ok() {
                self.speed = speed;
            }
            let channels = self.input.len();
            let most = self.output[0].len();
            let input = SequentialSliceOfVecs::new(&self.input, channels, CHUNK).expect("a chunk");
            let mut output =
                SequentialSliceOfVecs::new_mut(&mut self.output, channels, most).expect("room for a chunk");
            let at = Indexing::new();
            let (_, made) = self
                .sinc
                .process_into_buffer(&input, &mut output, Some(&at))
                .expect("the chunk has the planned length");
            give(&self.output, made);
        }
    }
}

impl Outlet {
    /// Fills a block to be played, interleaved, that the device asks for at the time `at` of the host's clock.
    pub fn pull(&mut self, out: &mut [f32], at: Duration) {
        self.pull_before(out, at, 0);
    }

    /// The same for a device that asks for `more` frames right after this block, since it has less in hand than it should:
    /// so much sound in the ring is not late.
    pub fn pull_before(&mut self, out: &mut [f32], at: Duration, more: usize) {
        self.counters.last_output.set(at);
        let whole = out.len() / self.format.channels * self.format.channels;
        let (out, rest) = out.split_at_mut(whole);
        rest.fill(0.0);
        if !out.is_empty() {
            self.fill(out, at, more as f64 * self.frame);
            self.remember(out);
        }
    }

    /// The same for a whole number of frames, with `wanted` in seconds.
    fn fill(&mut self, out: &mut [f32], at: Duration, wanted: f64) {
        let channels = self.format.channels;
        let frames = out.len() / channels;
        let pace = if frames as f64 > self.block { 0.25 } else { 0.02 };
        self.block += (frames as f64 - self.block) * pace;
        let elapsed = frames as f64 * self.frame;
        self.reserve.observe(elapsed);
        let mut there = self.ring.slots() / channels;
        let mut level = there as f64 * self.frame + self.on_the_way(at) - wanted;
        let blocks = self.block * self.frame + self.input.input_block.get() / self.input_rate;
        let target = blocks + self.margin.seconds();
        self.counters.level.set(level);
        self.counters.target.set(target);

        if self.filling {
            if level < target || there < frames {
                out.fill(0.0);
                self.end(out);
                if self.begun {
                    self.counters.lacked.add(frames as u64);
                    let before = self.silent;
                    self.silent += elapsed;
                    if before <= Margin::MAX && self.silent > Margin::MAX {
                        self.margin.stalled();
                    }
                }
                return;
            }
            (self.filling, self.begun, self.begins) = (false, true, true);
        }
        if std::mem::take(&mut self.begins) {
            self.fade_in = self.fade;
            self.level_was_set();
            // Blocks come in steps; what is too much is left out now, in the silence, rather than corrected for minutes.
            let surplus = ((level - target) / self.frame) as usize;
            let surplus = surplus.min(there.saturating_sub(frames));
            if let Ok(chunk) = self.ring.read_chunk(surplus * channels) {
                chunk.commit_all();
                self.counters.skipped.add(surplus as u64);
                there -= surplus;
                level -= surplus as f64 * self.frame;
            }
        }

        let late = level - target;
        if late > blocks + LATE && there > frames {
            let skipped = ((late / self.frame) as usize).min(there.saturating_sub(frames));
            self.skip_to(skipped, out);
            self.level_was_set();
            self.begin_gently(out);
            self.end(out);
        } else {
            let (sound, lacking) = out.split_at_mut(frames.min(there) * channels);
            self.copy(sound);
            self.begin_gently(sound);
            // The last fade-out may not be over yet.
            self.end(sound);
            self.margin
                .observe((there as f64 - frames as f64) * self.frame, elapsed);
            if !lacking.is_empty() {
                self.run_dry(sound, lacking);
            } else if let Some(drift) = &mut self.drift {
                self.counters.speed.set(drift.update(late, elapsed));
                self.counters.drift.set(drift.drift());
            }
        }
    }

    /// Seconds of sound that the device should have in hand, if it can.
    pub fn reserve(&self) -> f64 {
        self.reserve.seconds()
    }

    /// The device has run dry: nobody has answered it for longer than its reserve. What comes next begins gently.
    pub fn ran_dry(&mut self) {
        self.reserve.ran_dry();
        self.begins = true;
    }

    /// Frames of a fade.
    pub fn fade_frames(&self) -> usize {
        self.fade
    }

    /// Fills what a device is to play if nothing more comes: what was given last, backwards, so that it joins, and fading
    /// out.
    pub fn fade_out(&self, out: &mut [f32]) {
        fade_out(&[], &self.recent, self.format.channels, out);
    }

    /// Samples a frame of what [`pull`](Self::pull) fills.
    pub fn channels(&self) -> usize {
        self.format.channels
    }

    /// Seconds of sound that have been recorded and are not in the ring yet.
    fn on_the_way(&self, at: Duration) -> f64 {
        let waiting = self
            .input
            .received
            .get()
            .saturating_sub(self.input.converted.get());
        // What the input should be recording now; no more than it brings at a time, or a stall would look like sound.
        let since = at.saturating_sub(self.input.last_input.get()).as_secs_f64();
        let most = 1.5 * self.input.input_block.get() / self.input_rate;
        waiting as f64 / self.input_rate + since.min(most)
    }

    /// Copies frames from the ring, which has them.
    fn copy(&mut self, out: &mut [f32]) {
        if let Ok(chunk) = self.ring.read_chunk(out.len()) {
            let (first, second) = chunk.as_slices();
            out[..first.len()].copy_from_slice(first);
            out[first.len()..].copy_from_slice(second);
            chunk.commit_all();
        }
        self.counters
            .played
            .add((out.len() / self.format.channels) as u64);
    }

    /// Notes what the device is given.
    fn remember(&mut self, out: &[f32]) {
        let all = self.recent.len();
        let kept = all.saturating_sub(out.len());
        self.recent.copy_within(all - kept.., 0);
        self.recent[kept..].copy_from_slice(&out[out.len() - (all - kept)..]);
    }

    /// Leaves out so many frames, fading from what would have come to what comes after them. The ring has both.
    fn skip_to(&mut self, skipped: usize, out: &mut [f32]) {
        let channels = self.format.channels;
        let frames = out.len() / channels;
        let result: Result<_, ChunkError> = self.ring.read_chunk((skipped + frames) * channels);
        if let Ok(chunk) = result {
            let (first, second) = chunk.as_slices();
            let sample = |i: usize| {
                first
                    .get(i)
                    .or_else(|| second.get(i - first.len()))
                    .copied()
                    .unwrap_or(0.0)
            };
            let fade = self.fade.min(frames);
            for (f, frame) in out.chunks_exact_mut(channels).enumerate() {
                let new = if f < fade {
                    (f + 1) as f32 / (fade + 1) as f32
                } else {
                    1.0
                };
                for (c, out) in frame.iter_mut().enumerate() {
                    let i = f * channels + c;
                    *out = new * sample(skipped * channels + i) + (1.0 - new) * sample(i);
                }
            }
            chunk.commit_all();
        }
        self.counters.skipped.add(skipped as u64);
        self.counters.skips.add(1);
        self.counters.played.add(frames as u64);
    }

    /// Begins a fade-out, in the part of a block for which there is no sound, and holds back until enough is there.
    fn run_dry(&mut self, sound: &[f32], lacking: &mut [f32]) {
        lacking.fill(0.0);
        fade_out(sound, &self.recent, self.format.channels, &mut self.ending);
        self.ended = 0;
        self.end(lacking);
        let frames = lacking.len() / self.format.channels;
        self.counters.lacked.add(frames as u64);
        self.counters.underruns.add(1);
        self.margin.lacked(frames as f64 * self.frame);
        (self.filling, self.silent) = (true, 0.0);
    }

    /// Adds what is left of the fade-out, once.
    fn end(&mut self, out: &mut [f32]) {
        let left = &self.ending[self.ended..];
        for (out, ending) in out.iter_mut().zip(left) {
            *out += ending;
        }
        self.ended += left.len().min(out.len());
    }

    /// Fades in after silence.
    fn begin_gently(&mut self, out: &mut [f32]) {
        for frame in out.chunks_exact_mut(self.format.channels) {
            if self.fade_in == 0 {
                return;
            }
            let gain = 1.0 - self.fade_in as f32 / (self.fade + 1) as f32;
            frame.iter_mut().for_each(|x| *x *= gain);
            self.fade_in -= 1;
        }
    }

    /// Lets the drift be found from the present level on.
    fn level_was_set(&mut self) {
        if let Some(drift) = &mut self.drift {
            drift.level_was_set();
        }
    }
}

/// Fills `out` with what was played before it backwards, fading out: `last`, and before that `earlier`.
fn fade_out(last: &[f32], earlier: &[f32], channels: usize, out: &mut [f32]) {
    let frames = out.len() / channels;
    let backwards = last
        .chunks_exact(channels)
        .rev()
        .chain(earlier.chunks_exact(channels).rev());
    for (i, (frame, played)) in out.chunks_exact_mut(channels).zip(backwards).enumerate() {
        let gain = (frames - i) as f32 / (frames + 1) as f32;
        for (out, played) in frame.iter_mut().zip(played) {
            *out = gain * played;
        }
    }
}
