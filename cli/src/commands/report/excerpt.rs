//! The part of a recording that can be heard on the page: all of it if it is short, else where it is loudest.

use aeden_media::plot::Spectrogram;
use flac_codec::encode::{FlacSampleWriter, Options};
use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::sync::Arc;

/// Parts of an excerpt: it starts and ends between two of them.
const PARTS: usize = 60;

/// Chosen while the recording passes by, in memory for two excerpts.
pub struct Excerpt {
    /// Of the sound that is kept: one or two, more are mixed to one.
    channels: usize,
    rate: u32,
    part_frames: usize,
    filling: Part,
    window: VecDeque<Arc<Part>>,
    /// Parts that were complete so far.
    count: usize,
    best: Best,
}

/// Interleaved samples before and after.
#[derive(Default)]
struct Part {
    sound: [Vec<i16>; 2],
    /// Of the cleaned sound.
    energy: f64,
}

#[derive(Default)]
struct Best {
    score: f64,
    start: usize,
    parts: Vec<Arc<Part>>,
}

impl Excerpt {
    /// Starts at the beginning of a recording.
    pub fn new(rate: u32, channels: usize, seconds: f64) -> Self {
        Excerpt {
            channels: if channels == 2 { 2 } else { 1 },
            rate,
            part_frames: ((f64::from(rate) * seconds / PARTS as f64).ceil() as usize).max(1),
            filling: Part::default(),
            window: VecDeque::new(),
            count: 0,
            best: Best::default(),
        }
    }

    /// Takes the next samples before and after cleaning, one vector a channel.
    pub fn push(&mut self, before: &[Vec<f32>], after: &[Vec<f32>]) {
        for frame in 0..before.first().map_or(0, Vec::len) {
            for (sound, planes) in self.filling.sound.iter_mut().zip([before, after]) {
                if self.channels == 2 {
                    sound.extend(planes.iter().map(|plane| to_16_bits(plane[frame])));
                } else {
                    let sum: f32 = planes.iter().map(|plane| plane[frame]).sum();
                    sound.push(to_16_bits(sum / planes.len() as f32));
                }
            }
            if self.filling.sound[0].len() == self.part_frames * self.channels {
                self.close_part();
                if self.window.len() == PARTS {
                    self.compare();
                }
            }
        }
    }

    /// Ends the recording.
    pub fn finish(&mut self) {
        if !self.filling.sound[0].is_empty() {
            self.close_part();
        }
        if self.best.parts.is_empty() {
            self.compare();
        }
    }

    fn close_part(&mut self) {
        let mut part = std::mem::take(&mut self.filling);
        part.energy = part.sound[1].iter().map(|&x| f64::from(x).powi(2)).sum();
        self.window.push_back(Arc::new(part));
        if self.window.len() > PARTS {
            self.window.pop_front();
        }
        self.count += 1;
    }

    /// Keeps what is in the window if it is louder than what was. Amplitudes are added, not powers, so that one bang
    /// does not outdo half a minute of speech.
    fn compare(&mut self) {
        let score = self.window.iter().map(|part| part.energy.sqrt()).sum();
        if self.best.parts.is_empty() || score > self.best.score {
            self.best = Best {
                score,
                start: self.count - self.window.len(),
                parts: self.window.iter().cloned().collect(),
            };
        }
    }

    /// Where it starts in the recording, in seconds.
    pub fn start(&self) -> f64 {
        (self.best.start * self.part_frames) as f64 / f64::from(self.rate)
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        let samples: usize = self.best.parts.iter().map(|part| part.sound[0].len()).sum();
        (samples / self.channels) as f64 / f64::from(self.rate)
    }

    /// As FLAC files: before, after. Nothing for a recording without sound, which FLAC cannot hold.
    pub fn sounds(&self) -> io::Result<[Vec<u8>; 2]> {
        if self.best.parts.is_empty() {
            return Ok([Vec::new(), Vec::new()]);
        }
        let encode = |which: usize| -> Result<Vec<u8>, flac_codec::Error> {
            let mut file = Cursor::new(Vec::new());
            let options = Options::default().no_padding().no_seektable();
            let mut writer =
                FlacSampleWriter::new(&mut file, options, self.rate, 16, self.channels as u8, None)?;
            for part in &self.best.parts {
                let samples: Vec<i32> = part.sound[which].iter().map(|&x| x.into()).collect();
                writer.write(&samples)?;
            }
            writer.finalize()?;
            Ok(file.into_inner())
        };
        let failed = |e: flac_codec::Error| io::Error::other(e.to_string());
        Ok([encode(0).map_err(failed)?, encode(1).map_err(failed)?])
    }

    /// Spectrograms of it: before, after, and what was removed.
    pub fn spectrograms(&self) -> [Spectrogram; 3] {
        let mut spectrograms = [(); 3].map(|()| Spectrogram::new(self.rate, self.channels));
        for part in &self.best.parts {
            let planes = |sample: &dyn Fn(usize) -> i32| -> Vec<Vec<f32>> {
                let places = |channel| (channel..part.sound[0].len()).step_by(self.channels);
                let plane = |channel| places(channel).map(|i| sample(i) as f32 / 32_768.0).collect();
                (0..self.channels).map(plane).collect()
            };
            let [before, after] = &part.sound;
            spectrograms[0].push(&planes(&|i| before[i].into()));
            spectrograms[1].push(&planes(&|i| after[i].into()));
            spectrograms[2].push(&planes(&|i| i32::from(before[i]) - i32::from(after[i])));
        }
        spectrograms.iter_mut().for_each(Spectrogram::finish);
        spectrograms
    }
}

fn to_16_bits(sample: f32) -> i16 {
    (sample * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    /// Two seconds at 8 kHz of a recording of ten, the loudest of which is the seventh.
    fn of_ten(seconds: f64) -> Excerpt {
        let mut excerpt = Excerpt::new(8_000, 1, seconds);
        for second in 0..10 {
            let level = if second == 6 { 0.5 } else { 0.1 };
            excerpt.push(&[vec![0.6; 8_000]], &[vec![level; 8_000]]);
        }
        excerpt.finish();
        excerpt
    }

    #[test]
    fn the_loudest_part_is_chosen() {
        let excerpt = of_ten(2.0);
        assert!((5.0..=6.0).contains(&excerpt.start()), "{}", excerpt.start());
        assert!((excerpt.seconds() - 2.0).abs() < 0.05);
    }

    #[test]
    fn a_short_recording_is_kept_whole() {
        let excerpt = of_ten(30.0);
        assert_eq!((excerpt.start(), excerpt.seconds()), (0.0, 10.0));
        let [before, after] = excerpt.sounds().unwrap();
        assert!(before.starts_with(b"fLaC") && after.starts_with(b"fLaC"));
    }

    #[test]
    fn an_empty_recording_has_an_empty_excerpt() {
        let mut excerpt = Excerpt::new(48_000, 2, 30.0);
        excerpt.finish();
        assert_eq!((excerpt.start(), excerpt.seconds()), (0.0, 0.0));
        assert!(excerpt.sounds().unwrap().iter().all(Vec::is_empty));
        excerpt.spectrograms();
    }
}
