//! Stored samples to numbers and back: full scale is ±1.

use super::{Encoding, Format};

/// Decodes whole frames of `raw` into `planes`, one vector a channel, replacing what is in them.
///
/// The error is the place, frame and channel, of a sample that is no finite number of single precision.
pub fn decode(format: &Format, raw: &[u8], planes: &mut [Vec<f32>]) -> Result<(), (usize, usize)> {
    // An integer moved to the top of 32 bits; every one of up to 24 bits is exact in f32.
    const UNIT: f32 = 1.0 / (1u32 << 31) as f32;
    let channels = planes.len();
    for (channel, plane) in planes.iter_mut().enumerate() {
        match format.encoding {
            Encoding::Int { bytes: 1, .. } => {
                every(raw, channel, channels, plane, |[a]: [u8; 1]| {
                    (i32::from(a) - 128) as f32 / 128.0
                });
            }
            Encoding::Int { bytes: 2, .. } => {
                every(raw, channel, channels, plane, |[a, b]: [u8; 2]| {
                    i32::from_le_bytes([0, 0, a, b]) as f32 * UNIT
                });
            }
            Encoding::Int { bytes: 3, .. } => {
                every(raw, channel, channels, plane, |[a, b, c]: [u8; 3]| {
                    i32::from_le_bytes([0, a, b, c]) as f32 * UNIT
                });
            }
            Encoding::Int { .. } => {
                every(raw, channel, channels, plane, |s| {
                    i32::from_le_bytes(s) as f32 * UNIT
                });
            }
            Encoding::Float { bytes: 4 } => every(raw, channel, channels, plane, f32::from_le_bytes),
            Encoding::Float { .. } => every(raw, channel, channels, plane, |s| f64::from_le_bytes(s) as f32),
        }
        if matches!(format.encoding, Encoding::Float { .. })
            && let Some(frame) = plane.iter().position(|s| !s.is_finite())
        {
            return Err((frame, channel));
        }
    }
    Ok(())
}

/// Replaces `plane` by one channel of whole frames of `channels` samples of `N` bytes.
fn every<const N: usize>(
    raw: &[u8],
    channel: usize,
    channels: usize,
    plane: &mut Vec<f32>,
    decode: impl Fn([u8; N]) -> f32,
) {
    let samples = raw.as_chunks::<N>().0;
    plane.clear();
    plane.extend(samples.chunks_exact(channels).map(|frame| decode(frame[channel])));
}

/// Encodes samples, with dither where that is asked for. What is beyond full scale of an integer is clipped and counted.
#[derive(Debug)]
pub struct Encoder {
    encoding: Encoding,
    /// One noise source a channel, so that the split into blocks changes nothing.
    dither: Vec<Dither>,
    clipped: u64,
}

impl Encoder {
    /// Encodes as `encoding`. `dither`: add triangular noise of ±1 step before rounding (Lipshitz, Wannamaker and
    /// Vanderkooy, "Quantization and Dither", JAES 40(5), 1992), the same in every run. Digital silence stays silent.
    pub fn new(encoding: Encoding, channels: usize, dither: bool) -> Self {
        let sources = if dither && matches!(encoding, Encoding::Int { .. }) {
            channels
        } else {
            0
        };
        Encoder {
            encoding,
            dither: (0..sources).map(|c| Dither(c as u64)).collect(),
            clipped: 0,
        }
    }

    /// How many samples have been clipped so far.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// Interleaves `planes`, all of one length, into `raw`, replacing what is in it.
    pub fn encode(&mut self, planes: &[Vec<f32>], raw: &mut Vec<u8>) {
        let frames = planes.first().map_or(0, Vec::len);
        let bytes = self.encoding.bytes();
        raw.clear();
        raw.resize(frames * planes.len() * bytes, 0);
        let stride = planes.len() * bytes;
        for (channel, plane) in planes.iter().enumerate() {
            let stored = raw
                .chunks_exact_mut(stride)
                .map(|frame| &mut frame[channel * bytes..(channel + 1) * bytes]);
            match self.encoding {
                Encoding::Float { bytes: 4 } => {
                    for (out, &x) in stored.zip(plane) {
                        out.copy_from_slice(&x.to_le_bytes());
                    }
                }
                Encoding::Float { .. } => {
                    for (out, &x) in stored.zip(plane) {
                        out.copy_from_slice(&f64::from(x).to_le_bytes());
                    }
                }
                Encoding::Int { valid_bits, .. } => {
                    let unused = bytes as u32 * 8 - u32::from(valid_bits);
                    let full = f64::from(1u32 << (valid_bits - 1));
                    let mut dither = self.dither.get_mut(channel);
                    for (out, &x) in stored.zip(plane) {
                        let mut exact = f64::from(x) * full;
                        self.clipped += u64::from(exact >= full - 0.5 || exact < -full - 0.5);
                        if let Some(dither) = &mut dither {
                            let noise = dither.next();
                            if x != 0.0 {
                                exact += noise;
                            }
                        }
                        // Above zero, cutting off is rounding down, and many times as fast as `floor`, a call into
                        // the C library on processors that are not known to have an instruction for it.
                        let above_zero = exact.clamp(-full, full - 1.0) + full + 0.5;
                        let rounded = (above_zero as i64 - full as i64) as i32;
                        let mut word = (rounded << unused).to_le_bytes();
                        if bytes == 1 {
                            // One byte is stored with an offset.
                            word[0] ^= 0x80;
                        }
                        out.copy_from_slice(&word[..bytes]);
                    }
                }
            }
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): two uniform numbers a step, their difference is triangular.
#[derive(Debug)]
struct Dither(u64);

impl Dither {
    /// Between -1 and 1 steps.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (f64::from(z as u32) - f64::from((z >> 32) as u32)) / 4_294_967_296.0
    }
}
