//! What the audio thread shows to the editor, without locks, and only while an editor is open.

use cpu_time::ThreadTime;
use nice_plug_egui::RepaintNotifier;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How many samples wait for the editor at most: a third of a second at 192 kHz, and more than any block.
const CAPACITY: usize = 1 << 16;

/// An editor that has left so much unread, a tenth of a second, sleeps; it is woken by sound.
const UNREAD: u32 = 10;

/// How many level meters there are; channels share them in turn.
pub const METERS: usize = 2;

/// Makes both ends of a monitor.
pub fn monitor() -> (Transmitter, Receiver) {
    let (input, shown_input) = RingBuffer::new(CAPACITY);
    let (output, shown_output) = RingBuffer::new(CAPACITY);
    let facts = Arc::new(Facts::default());
    let transmitter = Transmitter {
        facts: facts.clone(),
        input,
        output,
        began: None,
    };
    let receiver = Receiver {
        facts,
        input: shown_input,
        output: shown_output,
    };
    (transmitter, receiver)
}

/// What is known about the stream and its cost.
#[derive(Default)]
pub struct Facts {
    /// Editors that look.
    watching: AtomicUsize,
    sample_rate: AtomicU32,
    latency: AtomicU32,
    channels: AtomicU32,
    /// Largest magnitudes since they were last taken, as bits of `f32`; these have the order of the numbers.
    input_peaks: [AtomicU32; METERS],
    output_peaks: [AtomicU32; METERS],
    /// Time spent in processing, in nanoseconds, and the samples that it was spent on.
    busy: AtomicU64,
    processed: AtomicU64,
    /// Wakes an editor that sleeps since there is nothing to show: a flag that it looks at.
    waker: RepaintNotifier,
}

/// What a host runs the plugin at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stream {
    /// In Hz; 0 before the first activation.
    pub sample_rate: u32,
    /// In samples.
    pub latency: u32,
    /// Channels in, and as many out.
    pub channels: u32,
}

impl Facts {
    /// Notes what the host runs the plugin at.
    pub fn set_stream(&self, stream: Stream) {
        self.sample_rate.store(stream.sample_rate, Relaxed);
        self.latency.store(stream.latency, Relaxed);
        self.channels.store(stream.channels, Relaxed);
        self.waker.request_repaint();
    }

    /// What wakes the editor.
    pub fn waker(&self) -> &RepaintNotifier {
        &self.waker
    }

    /// What the host runs the plugin at.
    pub fn stream(&self) -> Stream {
        Stream {
            sample_rate: self.sample_rate.load(Relaxed),
            latency: self.latency.load(Relaxed),
            channels: self.channels.load(Relaxed),
        }
    }
}

/// The audio thread's end.
pub struct Transmitter {
    facts: Arc<Facts>,
    input: Producer<f32>,
    output: Producer<f32>,
    /// How long this thread had run when the block began that is being watched, if one is.
    began: Option<Duration>,
}

impl Transmitter {
    /// What is known about the stream.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Takes the block before it is processed. [`after`](Self::after) must follow.
    pub fn before(&mut self, channels: &[&mut [f32]]) {
        if self.facts.watching.load(Relaxed) == 0 {
            return;
        }
        let len = length(channels);
        let heard = note_peaks(&self.facts.input_peaks, channels);
        let unread = CAPACITY - self.input.slots();
        if heard && unread >= (self.facts.sample_rate.load(Relaxed) / UNREAD) as usize {
            self.facts.waker.request_repaint();
        }
        // Both sides or none, so that they stay in step.
        if self.input.slots() >= len && self.output.slots() >= len {
            send(&mut self.input, channels);
            self.began = Some(thread_time());
        }
    }

    /// Takes the block after it has been processed.
    pub fn after(&mut self, channels: &[&mut [f32]]) {
        let Some(began) = self.began.take() else {
            return;
        };
        let busy = thread_time().saturating_sub(began).as_nanos() as u64;
        self.facts.busy.fetch_add(busy, Relaxed);
        self.facts.processed.fetch_add(length(channels) as u64, Relaxed);
        send(&mut self.output, channels);
        note_peaks(&self.facts.output_peaks, channels);
    }
}

/// How long this thread has run. Unlike the clock on the wall it stands still while other threads run.
fn thread_time() -> Duration {
    ThreadTime::try_now().map_or(Duration::ZERO, |time| time.as_duration())
}

fn length(channels: &[&mut [f32]]) -> usize {
    channels.iter().map(|c| c.len()).min().unwrap_or(0)
}

/// Sends the mean of all channels.
fn send(to: &mut Producer<f32>, channels: &[&mut [f32]]) {
    let len = length(channels);
    if let Ok(chunk) = to.write_chunk_uninit(len) {
        let share = 1.0 / channels.len() as f32;
        chunk.fill_from_iter((0..len).map(|i| share * channels.iter().map(|c| c[i]).sum::<f32>()));
    }
}

/// Gives whether there was any sound.
fn note_peaks(peaks: &[AtomicU32; METERS], channels: &[&mut [f32]]) -> bool {
    let mut heard = false;
    for (c, channel) in channels.iter().enumerate() {
        let largest = channel.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
        peaks[c % METERS].fetch_max(largest.to_bits(), Relaxed);
        heard |= largest > 0.0;
    }
    heard
}

/// The editor's end.
pub struct Receiver {
    facts: Arc<Facts>,
    input: Consumer<f32>,
    output: Consumer<f32>,
}

impl Receiver {
    /// What is known about the stream.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Begins to watch; what still waits from an earlier time is dropped. Watching ends when the guard is dropped.
    pub fn watch(&mut self) -> Watching {
        self.receive(&mut Vec::new(), &mut Vec::new());
        self.peaks();
        self.load();
        self.facts.watching.fetch_add(1, Relaxed);
        Watching(self.facts.clone())
    }

    /// Appends what has come, equally many samples of input and output.
    pub fn receive(&mut self, input: &mut Vec<f32>, output: &mut Vec<f32>) {
        let ready = self.input.slots().min(self.output.slots());
        for (from, to) in [(&mut self.input, input), (&mut self.output, output)] {
            if let Ok(chunk) = from.read_chunk(ready) {
                to.extend(chunk);
            }
        }
    }

    /// The largest magnitudes of input and output since the last call.
    pub fn peaks(&self) -> ([f32; METERS], [f32; METERS]) {
        let take =
            |peaks: &[AtomicU32; METERS]| std::array::from_fn(|i| f32::from_bits(peaks[i].swap(0, Relaxed)));
        (take(&self.facts.input_peaks), take(&self.facts.output_peaks))
    }

    /// The time spent in processing since the last call, and the samples that it was spent on.
    pub fn load(&self) -> (Duration, u64) {
        let busy = self.facts.busy.swap(0, Relaxed);
        (Duration::from_nanos(busy), self.facts.processed.swap(0, Relaxed))
    }
}

/// As long as one exists, the audio thread shows what it does.
pub struct Watching(Arc<Facts>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.watching.fetch_sub(1, Relaxed);
    }
}
