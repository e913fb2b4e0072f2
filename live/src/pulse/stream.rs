//! Streams: a connection and a thread each, so that no stream waits for another.

use super::connection::{Connection, failed, text};
use crate::audio::{AudioError, BLOCK, Format, Stream};
use crate::bridge::{Intake, Outlet};
use crate::counters::Count;
use crate::priority;
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CreatePlaybackStreamReply, CreateRecordStreamReply, DESCRIPTOR_SIZE, Descriptor,
    DescriptorFlags, PlaybackStreamParams, Prop, Props, ProtocolError, RecordStreamParams, SampleFormat,
    SampleSpec, encode_descriptor, read_descriptor,
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
}

impl Stream for PulseStream {
    fn failure(&self) -> Option<AudioError> {
        self.failure.get().cloned()
    }

    fn latency(&self) -> Option<Duration> {
        Some(self.latency)
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

/// What every stream of ours says about itself.
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
    run: impl FnOnce(&mut Wire) -> AudioError + Send + 'static,
) -> Result<Box<dyn Stream>, AudioError> {
    let lost = |e: io::Error| AudioError::Lost(format!("the sound server's connection: {e}"));
    let socket = connection.socket.get_ref().try_clone().map_err(lost)?;
    // A silent server is no failure of a running stream: a sleeping device says nothing.
    socket.set_read_timeout(None).map_err(lost)?;
    let (failure, underruns) = (Arc::new(OnceLock::new()), Arc::new(Count::default()));
    let mut wire = Wire {
        socket: connection.socket,
        version: connection.version,
        command: vec![0; LONGEST_COMMAND],
        underruns: underruns.clone(),
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
    Ok(Box::new(PulseStream {
        socket,
        thread: Some(thread),
        failure,
        underruns,
        latency: Duration::from_micros(latency),
    }))
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
    start(connection, "aeden-input", created.stream_latency, run)
}

/// Plays to a sink.
pub fn play(
    device: &str,
    format: Format,
    mut outlet: Outlet,
    clock: Instant,
) -> Result<Box<dyn Stream>, AudioError> {
    let (sample_spec, channel_map) = sample_spec(format);
    let block = block_bytes(format);
    let mut connection = Connection::open()?;
    let created: CreatePlaybackStreamReply =
        connection.ask(&Command::CreatePlaybackStream(PlaybackStreamParams {
            sample_spec,
            channel_map,
            sink_name: Some(text(device)),
            buffer_attr: BufferAttr {
                target_length: 2 * block,
                minimum_request_length: block,
                // Never wait for a buffer to fill, and never stop for want of sound.
                pre_buffering: 0,
                ..Default::default()
            },
            flags: flags(),
            props: properties(),
            ..Default::default()
        }))?;
    let channel = created.channel;
    let mut packet = vec![0; DESCRIPTOR_SIZE + MOST];
    let mut samples = vec![0.0; MOST / SAMPLE];
    let mut send = move |socket: &mut UnixStream, length: usize| -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            let part = left.min(MOST);
            let block = &mut samples[..part / SAMPLE];
            outlet.pull(block, clock.elapsed());
            let (descriptor, bytes) = packet.split_at_mut(DESCRIPTOR_SIZE);
            for (bytes, sample) in bytes.as_chunks_mut::<SAMPLE>().0.iter_mut().zip(&*block) {
                *bytes = sample.to_le_bytes();
            }
            let head = Descriptor {
                length: part as u32,
                channel,
                offset: 0,
                flags: DescriptorFlags::empty(),
            };
            encode_descriptor(descriptor.try_into().expect("its size"), &head);
            socket.write_all(&packet[..DESCRIPTOR_SIZE + part])?;
            left -= part;
        }
        Ok(())
    };
    let first = created.requested_bytes as usize;
    let run = move |wire: &mut Wire| {
        let mut wanted = first;
        loop {
            if send(wire.socket.get_mut(), wanted).is_err() {
                return gone();
            }
            wanted = match wire.next(channel, |_, _| Ok(())) {
                Ok(wanted) => wanted,
                Err(error) => return error,
            };
        }
    };
    start(connection, "aeden-output", created.stream_latency, run)
}

fn gone() -> AudioError {
    AudioError::Lost("the sound server has ended the connection".into())
}

/// A stream's connection as its thread sees it.
struct Wire {
    socket: BufReader<UnixStream>,
    version: u16,
    command: Vec<u8>,
    underruns: Arc<Count>,
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
            Ok((_, Command::Underflow(_) | Command::Overflow(_))) => {
                self.underruns.add(1);
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
