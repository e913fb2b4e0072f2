//! Streams: a connection and a thread each, so that no stream waits for another.
//!
//! # What the server plays when we come late
//! The server plays on when its buffer for a stream is empty, and what comes too late is left out. Behind every block it
//! therefore gets a fade-out, which the next block replaces ([`Playback`]). Where the server asks for more than its whole
//! buffer, the rest is what it has played meanwhile: for that it is given silence, after which sound fades in; and its
//! buffer grows.

use super::connection::{Connection, failed, text};
use crate::audio::{AudioError, BLOCK, Format, Stream};
use crate::bridge::{Intake, Outlet};
use crate::counters::{Count, Gauge};
use crate::priority;
use crate::reserve::Reserve;
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    self, ChannelMap, Command, CreatePlaybackStreamReply, CreateRecordStreamReply, DESCRIPTOR_SIZE,
    Descriptor, DescriptorFlags, PlaybackStreamParams, Prop, Props, ProtocolError, RecordStreamParams,
    SampleFormat, SampleSpec, SetPlaybackStreamBufferAttrParams, encode_descriptor, read_descriptor,
};
use std::io::{self, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The channel that commands come on.
const CONTROL: u32 = u32::MAX;

/// The most bytes of a block that are worked on at once; larger ones are done in parts.
const MOST: usize = 1 << 16;

/// Bytes of a sample.
const SAMPLE: usize = size_of::<f32>();

/// The most bytes of a command that a server sends to a stream; names of devices are the longest part.
const LONGEST_COMMAND: usize = 1 << 16;

struct PulseStream {
    socket: UnixStream,
    thread: Option<JoinHandle<()>>,
    failure: Arc<OnceLock<AudioError>>,
    underruns: Arc<Count>,
    latency: Duration,
    /// Seconds that the server has in hand, now and when the latency was told.
    grown: Option<(Arc<Gauge>, f64)>,
}

impl Stream for PulseStream {
    fn failure(&self) -> Option<AudioError> {
        self.failure.get().cloned()
    }

    fn latency(&self) -> Option<Duration> {
        let grown = self.grown.as_ref().map_or(0.0, |(now, first)| now.get() - first);
        Some(Duration::from_secs_f64(
            (self.latency.as_secs_f64() + grown).max(0.0),
        ))
    }

    fn device_underruns(&self) -> u64 {
        self.underruns.get()
    }
}

impl Drop for PulseStream {
    fn drop(&mut self) {
        // Wakes the thread, which finds the connection at its end. It may be at its end already.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn sample_spec(format: Format) -> (SampleSpec, ChannelMap) {
    let spec = SampleSpec {
        format: SampleFormat::Float32Le,
        channels: format.channels as u8,
        sample_rate: format.rate,
    };
    let map = if format.channels == 1 {
        ChannelMap::mono()
    } else {
        ChannelMap::stereo()
    };
    (spec, map)
}

/// Properties of every stream of ours.
fn properties() -> Props {
    let mut properties = Props::new();
    properties.set(Prop::MediaName, c"aeden live");
    properties.set(Prop::MediaRole, c"production");
    properties
}

/// Streams stay at their device: whether to follow another is decided by the session, which then knows.
fn flags() -> StreamFlags {
    StreamFlags {
        no_move: true,
        adjust_latency: true,
        ..Default::default()
    }
}

fn block_bytes(format: Format) -> u32 {
    (BLOCK * format.channels * SAMPLE) as u32
}

/// Starts a thread on a connection; `run` returns when the connection is at its end.
fn start(
    connection: Connection,
    name: &str,
    latency: u64,
    underruns: Arc<Count>,
    run: impl FnOnce(&mut Wire) -> AudioError + Send + 'static,
) -> Result<PulseStream, AudioError> {
    let lost = |e: io::Error| AudioError::Lost(format!("the sound server's connection: {e}"));
    let socket = connection.socket.get_ref().try_clone().map_err(lost)?;
    // A silent server is no failure of a running stream: a sleeping device says nothing.
    socket.set_read_timeout(None).map_err(lost)?;
    let failure = Arc::new(OnceLock::new());
    let mut wire = Wire {
        socket: connection.socket,
        version: connection.version,
        command: vec![0; LONGEST_COMMAND],
        underruns: underruns.clone(),
        granted: None,
    };
    let why = failure.clone();
    let thread = std::thread::Builder::new()
        .name(name.into())
        .spawn(move || {
            priority::raise();
            let error = run(&mut wire);
            let _ = why.set(error);
        })
        .map_err(lost)?;
    Ok(PulseStream {
        socket,
        thread: Some(thread),
        failure,
        underruns,
        latency: Duration::from_micros(latency),
        grown: None,
    })
}

/// Records from a source.
pub fn record(
    device: &str,
    format: Format,
    mut intake: Intake,
    clock: Instant,
) -> Result<Box<dyn Stream>, AudioError> {
    let (sample_spec, channel_map) = sample_spec(format);
    let mut connection = Connection::open()?;
    let created: CreateRecordStreamReply =
        connection.ask(&Command::CreateRecordStream(RecordStreamParams {
            sample_spec,
            channel_map,
            source_name: Some(text(device)),
            buffer_attr: BufferAttr {
                fragment_size: block_bytes(format),
                ..Default::default()
            },
            flags: flags(),
            props: properties(),
            ..Default::default()
        }))?;
    let channel = created.channel;
    let mut bytes = vec![0; MOST];
    let mut samples = vec![0.0; MOST / SAMPLE];
    let run = move |wire: &mut Wire| loop {
        let heard = wire.next(channel, |socket, length| {
            let mut left = length;
            while left > 0 {
                let part = left.min(MOST);
                socket.read_exact(&mut bytes[..part])?;
                let count = part / SAMPLE;
                for (sample, bytes) in samples.iter_mut().zip(bytes[..part].as_chunks::<SAMPLE>().0) {
                    *sample = f32::from_le_bytes(*bytes);
                }
                intake.push(&samples[..count], clock.elapsed());
                left -= part;
            }
            Ok(())
        });
        if let Err(error) = heard {
            return error;
        }
    };
    let underruns = Arc::new(Count::default());
    let stream = start(connection, "aeden-input", created.stream_latency, underruns, run)?;
    Ok(Box::new(stream))
}

/// Plays to a sink. `by_pipewire`: the server is PipeWire's.
pub fn play(
    device: &str,
    format: Format,
    outlet: Outlet,
    clock: Instant,
    by_pipewire: bool,
) -> Result<Box<dyn Stream>, AudioError> {
    let (sample_spec, channel_map) = sample_spec(format);
    let mut connection = Connection::open()?;
    let buffer = |seconds: f64| Buffer::of(format, &outlet, seconds);
    let wanted = buffer(outlet.reserve());
    let created: CreatePlaybackStreamReply =
        connection.ask(&Command::CreatePlaybackStream(PlaybackStreamParams {
            sample_spec,
            channel_map,
            sink_name: Some(text(device)),
            buffer_attr: wanted.attributes(),
            flags: flags(),
            props: properties(),
            ..Default::default()
        }))?;
    let channel = created.channel;
    // All that may be said later is prepared, so that saying it allocates nothing.
    let mut resize = Vec::new();
    for step in 0..=((Reserve::MAX - Reserve::FIRST) / Reserve::FALL) as u32 {
        let buffer = buffer(Reserve::FIRST + f64::from(step) * Reserve::FALL);
        let command = Command::SetPlaybackStreamBufferAttr(SetPlaybackStreamBufferAttrParams {
            index: channel,
            buffer_attr: buffer.attributes(),
            adjust_latency: true,
            early_requests: false,
        });
        let mut message = Vec::new();
        protocol::write_command_message(&mut message, u32::MAX, &command, connection.version)
            .map_err(|e| failed(&e))?;
        resize.push(message);
    }
    let latency = Arc::new(Gauge::new(outlet.reserve()));
    let underruns = Arc::new(Count::default());
    let mut playback = Playback {
        channel,
        clock,
        by_pipewire,
        granted: Granted {
            bytes: created.buffer_attr.target_length as usize,
            latency: created.stream_latency,
        },
        packet: vec![0; DESCRIPTOR_SIZE + MOST + wanted.tail],
        samples: vec![0.0; MOST / SAMPLE],
        format,
        tail: vec![0.0; wanted.tail / SAMPLE],
        behind: false,
        owed: 0,
        dead: 0,
        reserve: outlet.reserve(),
        resize,
        outlet,
        underruns: underruns.clone(),
        latency: latency.clone(),
    };
    let first = created.requested_bytes as usize;
    let run = move |wire: &mut Wire| {
        let mut wanted = first;
        loop {
            playback.granted = wire.granted.take().unwrap_or(playback.granted);
            if playback.give(wire.socket.get_mut(), wanted).is_err() {
                return gone();
            }
            wanted = 0;
            loop {
                match wire.next(channel, |_, _| Ok(())) {
                    Ok(more) => wanted += more,
                    Err(error) => return error,
                }
                // All that has been asked for meanwhile is answered at once.
                if wire.socket.buffer().is_empty() {
                    break;
                }
            }
        }
    };
    let first_reserve = latency.get();
    let mut stream = start(connection, "aeden-output", created.stream_latency, underruns, run)?;
    stream.grown = Some((latency, first_reserve));
    Ok(Box::new(stream))
}

/// A server's buffer for a playback stream.
#[derive(Clone, Copy)]
struct Buffer {
    /// All that it holds when it is full.
    bytes: u32,
    /// The least that is asked for at a time.
    block: u32,
    /// The part of it that the fade-out takes.
    tail: usize,
}

/// Its state at the server.
#[derive(Clone, Copy)]
struct Granted {
    bytes: usize,
    /// Of the sink behind the buffer, in microseconds.
    latency: u64,
}

impl Buffer {
    /// One that lasts so many seconds, the fade-out not counted.
    fn of(format: Format, outlet: &Outlet, seconds: f64) -> Self {
        let frame = format.channels * SAMPLE;
        let tail = outlet.fade_frames() * frame;
        let frames = (seconds * f64::from(format.rate)).round() as usize;
        Buffer {
            bytes: (frames * frame + tail) as u32,
            block: block_bytes(format),
            tail,
        }
    }

    fn attributes(self) -> BufferAttr {
        BufferAttr {
            target_length: self.bytes,
            minimum_request_length: self.block,
            // Never wait for a buffer to fill, and never stop for want of sound.
            pre_buffering: 0,
            ..Default::default()
        }
    }
}

/// The buffer of a playback stream.
struct Playback {
    outlet: Outlet,
    channel: u32,
    clock: Instant,
    /// PipeWire takes nothing back that it has taken from the buffer, PulseAudio does.
    by_pipewire: bool,
    granted: Granted,
    packet: Vec<u8>,
    samples: Vec<f32>,
    format: Format,
    /// The fade-out that was sent last.
    tail: Vec<f32>,
    /// Whether one stands behind what is to be played.
    behind: bool,
    /// Bytes that have been asked for and not been given.
    owed: usize,
    /// Frames to be given that will be left out, or are silence after which sound begins again.
    dead: usize,
    /// Seconds that the buffer lasts, as the server has been told.
    reserve: f64,
    /// Commands that set it, from the least on.
    resize: Vec<Vec<u8>>,
    underruns: Arc<Count>,
    latency: Arc<Gauge>,
}

impl Playback {
    /// How much more a server may play before it gets what is sent to it, in seconds.
    const GUARD: f64 = 0.020;

    /// Gives what the server asks for.
    fn give(&mut self, socket: &mut UnixStream, wanted: usize) -> io::Result<()> {
        let frame = self.format.channels * SAMPLE;
        self.owed += wanted;
        if wanted > 0 && self.behind {
            self.find_out_what_is_lost();
        }
        self.settle_reserve(socket)?;
        let tail = size_of_val(&*self.tail);
        loop {
            // Servers count what goes beyond what there was; the first message replaces nothing.
            let counted = if !self.behind { tail } else { 0 };
            let part = self.owed.saturating_sub(counted).min(MOST) / frame * frame;
            if part == 0 {
                return Ok(());
            }
            self.send(socket, part)?;
            self.owed -= part + counted;
            self.behind = true;
        }
    }

    /// Finds out whether the server has played on without us: then it asks for more than its whole buffer.
    fn find_out_what_is_lost(&mut self) {
        let seconds = |bytes: usize| {
            bytes as f64 / (self.format.channels * SAMPLE) as f64 / f64::from(self.format.rate)
        };
        let whole = self.granted.bytes.saturating_sub(size_of_val(&*self.tail));
        let lost = seconds(self.owed.saturating_sub(whole));
        // What PulseAudio has taken from the buffer and not played yet, it takes back and takes again.
        let taken_back = match self.by_pipewire {
            true => 0.0,
            false => self.granted.latency as f64 * 1e-6,
        };
        if lost > taken_back {
            self.underruns.add(1);
            self.outlet.ran_dry();
            self.dead = ((lost + Self::GUARD) * f64::from(self.format.rate)) as usize;
        }
    }

    /// Tells the server how much it is to have in hand, if that has changed.
    fn settle_reserve(&mut self, socket: &mut UnixStream) -> io::Result<()> {
        let wanted = self.outlet.reserve();
        if wanted == self.reserve {
            return Ok(());
        }
        let step = ((wanted - Reserve::FIRST) / Reserve::FALL).round() as usize;
        if let Some(message) = self.resize.get(step) {
            socket.write_all(message)?;
        }
        self.reserve = wanted;
        self.latency.set(wanted);
        Ok(())
    }

    /// Sends so many bytes of sound, and the fade-out behind them.
    fn send(&mut self, socket: &mut UnixStream, part: usize) -> io::Result<()> {
        let channels = self.format.channels;
        let (block, _) = self.samples.split_at_mut(part / SAMPLE);
        let dead = (self.dead * channels).min(block.len());
        let (silence, sound) = block.split_at_mut(dead);
        // The fade-out first, of which nobody knows how far it has been played.
        let again = self.tail.len().min(silence.len());
        silence[..again].copy_from_slice(&self.tail[..again]);
        silence[again..].fill(0.0);
        self.tail.copy_within(again.., 0);
        let rest = self.tail.len() - again;
        self.tail[rest..].fill(0.0);
        self.dead -= dead / channels;
        if !sound.is_empty() {
            let more = self.owed.saturating_sub(part) / (channels * SAMPLE);
            self.outlet.pull_before(sound, self.clock.elapsed(), more);
            self.outlet.fade_out(&mut self.tail);
        }
        let length = part + size_of_val(&*self.tail);
        let (descriptor, bytes) = self.packet.split_at_mut(DESCRIPTOR_SIZE);
        let sent = block.iter().chain(&self.tail);
        for (bytes, sample) in bytes.as_chunks_mut::<SAMPLE>().0.iter_mut().zip(sent) {
            *bytes = sample.to_le_bytes();
        }
        let back = if self.behind { size_of_val(&*self.tail) } else { 0 };
        let head = Descriptor {
            length: length as u32,
            channel: self.channel,
            // Relative to what has been written, in two's complement.
            offset: (back as u64).wrapping_neg(),
            flags: DescriptorFlags::empty(),
        };
        encode_descriptor(descriptor.try_into().expect("its size"), &head);
        socket.write_all(&self.packet[..DESCRIPTOR_SIZE + length])
    }
}

fn gone() -> AudioError {
    AudioError::Lost("the sound server has ended the connection".into())
}

/// Reads the answer to the one command that is sent after a stream has begun: tag and number, then four lengths in bytes
/// and a time in microseconds, each behind a letter.
fn granted(answer: &[u8]) -> Option<Granted> {
    let number = |at: usize| Some(u32::from_be_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    let latency = answer.get(31..39)?.try_into().ok()?;
    Some(Granted {
        bytes: number(16)? as usize,
        latency: u64::from_be_bytes(latency),
    })
}

/// A stream's connection as its thread sees it.
struct Wire {
    socket: BufReader<UnixStream>,
    version: u16,
    command: Vec<u8>,
    underruns: Arc<Count>,
    /// The answer to the last command about the buffer.
    granted: Option<Granted>,
}

impl Wire {
    /// Waits for the next message. Sound for `channel` goes to `hear`; what is returned is how many bytes of sound are
    /// asked for. Allocates nothing unless the stream ends.
    fn next(
        &mut self,
        channel: u32,
        hear: impl FnOnce(&mut BufReader<UnixStream>, usize) -> io::Result<()>,
    ) -> Result<usize, AudioError> {
        let descriptor = read_descriptor(&mut self.socket).map_err(|e| failed(&e))?;
        let length = descriptor.length as usize;
        if descriptor.channel == channel {
            return hear(&mut self.socket, length).map(|()| 0).map_err(|_| gone());
        }
        if descriptor.channel != CONTROL || length > self.command.len() {
            return Err(AudioError::Lost(
                "the sound server sent what nobody asked for".into(),
            ));
        }
        self.socket
            .read_exact(&mut self.command[..length])
            .map_err(|_| gone())?;
        match Command::read_tag_prefixed(&mut &self.command[..length], self.version) {
            Ok((_, Command::Request(request))) => Ok(request.length as usize),
            // A playback stream finds out by itself: an empty buffer alone, behind a fade-out, is not heard.
            Ok((_, Command::Overflow(_))) => {
                self.underruns.add(1);
                Ok(0)
            }
            Ok((_, Command::Reply)) => {
                self.granted = granted(&self.command[..length]);
                Ok(0)
            }
            Ok((_, Command::PlaybackStreamKilled(_) | Command::RecordStreamKilled(_))) => {
                Err(AudioError::Lost("the device is gone".into()))
            }
            Ok(_) | Err(ProtocolError::Unimplemented(..)) => Ok(0),
            Err(e) => Err(failed(&e)),
        }
    }
}
