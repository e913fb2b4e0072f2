//! Blocks as plugins take them: arrays of pointers to channels.

use crate::Audio;

/// The pointers of one block, kept from call to call.
#[derive(Default)]
pub(crate) struct Channels {
    input: Vec<*mut f32>,
    output: Vec<*mut f32>,
}

// SAFETY: the pointers are only followed during the call that set them.
unsafe impl Send for Channels {}

impl Channels {
    /// Takes a block, and gives the number of samples that every channel has.
    ///
    /// # Panics
    /// If the channels are not of one length.
    pub fn set(&mut self, audio: Audio) -> usize {
        self.input.clear();
        self.output.clear();
        let len = match audio {
            Audio::InPlace(channels) => {
                for channel in channels.iter_mut() {
                    self.output.push(channel.as_mut_ptr());
                }
                self.input.extend_from_slice(&self.output);
                one_length(channels.iter().map(|c| c.len()))
            }
            Audio::Apart { input, output } => {
                for channel in input {
                    // Plugins may not write to it; the formats' types just do not say so.
                    self.input.push(channel.as_ptr().cast_mut());
                }
                for channel in output.iter_mut() {
                    self.output.push(channel.as_mut_ptr());
                }
                one_length(
                    input
                        .iter()
                        .map(|c| c.len())
                        .chain(output.iter().map(|c| c.len())),
                )
            }
        };
        // Empty blocks carry parameters only, and hosts then leave the channels out.
        if len == 0 {
            self.input.clear();
            self.output.clear();
        }
        len
    }

    /// How many channels go in and the array of their pointers.
    pub fn input(&mut self) -> (usize, *mut *mut f32) {
        (self.input.len(), self.input.as_mut_ptr())
    }

    /// How many channels come out and the array of their pointers.
    pub fn output(&mut self) -> (usize, *mut *mut f32) {
        (self.output.len(), self.output.as_mut_ptr())
    }

    /// The channels that go in silent, a bit for each, as hosts tell plugins.
    ///
    /// # Safety
    /// The block of `len` samples that was [`set`](Self::set) must still be there.
    pub unsafe fn silent_input(&self, len: usize) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { mask(&self.input, len, is_silent) }
    }

    /// The channels that come out silent, a bit for each.
    ///
    /// # Safety
    /// As for [`silent_input`](Self::silent_input).
    pub unsafe fn silent_output(&self, len: usize) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { mask(&self.output, len, is_silent) }
    }

    /// The channels that come out with one value from start to end, a bit for each.
    ///
    /// # Safety
    /// As for [`silent_input`](Self::silent_input).
    pub unsafe fn constant_output(&self, len: usize) -> u64 {
        // SAFETY: the caller's promise.
        unsafe {
            mask(&self.output, len, |samples| {
                samples.iter().all(|x| *x == samples[0])
            })
        }
    }
}

fn is_silent(samples: &[f32]) -> bool {
    samples.iter().all(|x| *x == 0.0)
}

/// # Safety
/// Every pointer must be to `len` samples.
unsafe fn mask(channels: &[*mut f32], len: usize, is: impl Fn(&[f32]) -> bool) -> u64 {
    channels.iter().enumerate().fold(0, |mask, (channel, start)| {
        // SAFETY: the caller's promise.
        let samples = unsafe { std::slice::from_raw_parts(*start, len) };
        mask | (u64::from(is(samples)) << channel)
    })
}

fn one_length(mut lengths: impl Iterator<Item = usize>) -> usize {
    let first = lengths.next().unwrap_or(0);
    assert!(lengths.all(|len| len == first), "channels of one length");
    first
}
