//! The C library as other programs use it.

#[cfg(target_os = "linux")]
#[path = "../../../tests/markdown/blocks.rs"]
mod blocks;
#[cfg(target_os = "linux")]
mod embedder;
mod files;
mod header;
#[cfg(target_os = "linux")]
#[path = "../../../tests/markdown/mod.rs"]
mod markdown;
#[cfg(target_os = "linux")]
mod obs;
mod programs;
mod real_time;
#[cfg(target_os = "linux")]
#[path = "../../../tests/markdown/scene.rs"]
mod scene;

/// Random numbers, the same every time, for noise.
struct Random(u32);

impl Random {
    /// So many samples between −0.5 and 0.5.
    fn noise(&mut self, len: usize) -> Vec<f32> {
        let sample = |_| {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..len).map(sample).collect()
    }
}
