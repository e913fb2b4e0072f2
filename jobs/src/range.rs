//! The samples and rates that the jobs take.

/// The largest size of a sample, where full scale is 1: 240 dB above that. Squares of sums over whole windows of larger
/// ones leave the range of `f32`.
pub const LARGEST: f32 = 1e12;

/// The rates that the jobs take, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
