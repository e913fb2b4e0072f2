//! The trait between denoisers and networks.

use crate::spectrum::Framing;
use rustfft::num_complex::Complex32;

/// Cleans spectra frame by frame, carrying its own hidden state from frame to frame.
///
/// Built on any thread; then used by one thread at a time. An engine that [`is_real_time`](Engine::is_real_time)
/// neither allocates, locks, blocks nor panics in [`process`](Engine::process) and [`reset`](Engine::reset).
pub trait Engine: Send {
    /// The framing of the spectra that [`process`](Engine::process) takes.
    fn framing(&self) -> &Framing;

    /// The number of channels that share this engine's one mask, as given when it was built.
    fn channels(&self) -> usize;

    /// The most frames that one call of [`process`](Engine::process) may bring, at least 1.
    fn max_frames(&self) -> usize;

    /// Cleans `spectra` in place: `[channel][frame][bin]`, unnormalised forward transforms of windowed samples.
    ///
    /// `guide` is `[frame][bin]`, the spectrum from which the mask is estimated; every channel gets that same mask.
    /// With one channel it equals `spectra` before the call. The split into calls never changes a value: n frames in
    /// one call give, bit for bit, what n calls of one frame give.
    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]);

    /// Does work that can be done before the next frame, for so many frames' worth of sound, less than 1. Called as samples come, so
    /// that not all the work falls to the call that completes a frame. Changes no result.
    fn work(&mut self, _share: f32) {}

    /// Resets the hidden state to that of a new engine.
    fn reset(&mut self);

    /// Names what [`save`](Engine::save) gives: a number for the network, other networks having others, and how many numbers a state has:
    /// none where an engine cannot hand over what it has learned.
    fn state_of(&self) -> (u64, usize) {
        (0, 0)
    }

    /// Writes what it has learned of the stream, without anything of the sound: running levels, noise floors, hidden state.
    fn save(&self, _state: &mut [f32]) {}

    /// Resets it, but with what another stream has taught it, as [`save`](Engine::save) wrote it. Numbers that nothing teaches are taken
    /// into their range; all are finite.
    fn restore(&mut self, _state: &[f32]) {
        self.reset();
    }

    /// Tells whether [`process`](Engine::process) may run on an audio thread.
    fn is_real_time(&self) -> bool;

    /// Frames by which `spectra` come out of [`process`](Engine::process) later than they go in: none, unless the engine looks
    /// ahead. What comes out of the first so many frames is silent. Such an engine gets all frames, also silent ones.
    fn delay(&self) -> usize {
        0
    }

    /// Frames of silence that may still come out as sound after the last frame with sound in it: none, unless the engine
    /// filters over earlier frames.
    fn tail(&self) -> usize {
        0
    }
}
