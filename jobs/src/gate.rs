//! Checks of the samples that jobs take. Every job lets its samples in through a [`Gate`], so that nothing behind it can
//! overflow or meet what is no number.

use crate::Error;
use crate::range::{LARGEST, RATES};

/// Lets samples of one recording in, block by block.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    rate: u32,
    channels: usize,
    frames: u64,
}

impl Gate {
    /// For a recording with so many channels.
    pub fn new(rate: u32, channels: usize) -> Result<Gate, Error> {
        if !RATES.contains(&rate) {
            return Err(Error::Rate(rate));
        }
        if channels == 0 {
            return Err(Error::Channels {
                expected: 1,
                found: 0,
            });
        }
        Ok(Gate {
            rate,
            channels,
            frames: 0,
        })
    }

    /// Looks at the next samples of every channel and gives their number. What is refused has not been counted.
    pub fn admit<S: AsRef<[f32]>>(&mut self, planes: &[S]) -> Result<usize, Error> {
        if planes.len() != self.channels {
            return Err(Error::Channels {
                expected: self.channels,
                found: planes.len(),
            });
        }
        let frames = planes[0].as_ref().len();
        for (channel, plane) in planes.iter().enumerate() {
            let plane = plane.as_ref();
            if plane.len() != frames {
                return Err(Error::Lengths {
                    channel,
                    expected: frames,
                    found: plane.len(),
                });
            }
            // What is no number compares as false.
            let is_fine = |x: &f32| x.abs() <= LARGEST;
            if !plane.iter().fold(true, |fine, x| fine & is_fine(x))
                && let Some(frame) = plane.iter().position(|x| !is_fine(x))
            {
                return Err(Error::Sample {
                    seconds: (self.frames + frame as u64) as f64 / f64::from(self.rate),
                    channel,
                    value: plane[frame],
                });
            }
        }
        self.frames += frames as u64;
        Ok(frames)
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Samples of a channel that have been let in.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The same in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames as f64 / f64::from(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_job_can_work_with_is_told_by_its_place() {
        for value in [f32::NAN, f32::INFINITY, -f32::INFINITY, 3e38, -1e36, 1.1e12] {
            let mut gate = Gate::new(8_000, 2).unwrap();
            gate.admit(&[[0.0; 8_000], [1e12; 8_000]]).unwrap();
            let mut block = [[0.5f32; 100], [-1e12; 100]];
            block[1][40] = value;
            match gate.admit(&block) {
                Err(Error::Sample {
                    seconds,
                    channel: 1,
                    value: found,
                }) => {
                    assert_eq!(seconds, 1.005);
                    assert_eq!(found.to_bits(), value.to_bits());
                }
                other => panic!("{value}: {other:?}"),
            }
            assert_eq!(gate.frames(), 8_000);
        }
    }

    #[test]
    fn other_channels_and_unequal_lengths_are_refused() {
        let mut gate = Gate::new(8_000, 2).unwrap();
        assert!(matches!(
            gate.admit(&[[0.0; 4]]),
            Err(Error::Channels {
                expected: 2,
                found: 1
            })
        ));
        assert!(matches!(
            gate.admit(&[vec![0.0; 4], vec![0.0; 3]]),
            Err(Error::Lengths {
                channel: 1,
                expected: 4,
                found: 3
            })
        ));
        assert!(Gate::new(8_000, 0).is_err() && Gate::new(7_999, 1).is_err() && Gate::new(0, 1).is_err());
    }
}
