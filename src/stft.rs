//! Short-time Fourier transform with perfect reconstruction.

/// How samples are cut into frames: sampling rate, window and hop.
#[derive(Clone, Debug, PartialEq)]
pub struct Framing {
    /// Samples per second.
    pub rate: u32,
    /// Samples in a frame.
    pub window: usize,
    /// Samples between the starts of neighbouring frames.
    pub hop: usize,
    /// The taper of analysis and synthesis.
    pub shape: WindowShape,
}

/// The taper of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowShape {
    /// Power-complementary window of the Vorbis I specification, section 4.3.1, in analysis and synthesis.
    Vorbis,
    /// Square root of the periodic Hann window, in analysis and synthesis.
    SqrtHann,
    /// Periodic Hann window in analysis and synthesis, divided by the sum of its squares.
    Hann,
}
