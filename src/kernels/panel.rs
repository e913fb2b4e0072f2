//! Panels: outputs that are computed side by side.

/// Outputs that are computed side by side; rows of results are padded to a multiple of it.
pub const PANEL: usize = 16;

/// The weights of one panel for one input, on their own part of a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub struct Row<S>(pub(super) [S; PANEL]);
