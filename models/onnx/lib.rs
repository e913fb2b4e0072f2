//! aeden's denoising networks for streams as ONNX files, for programs that run them in a runtime of their own.
//!
//! The same weights as those built into the crate `aeden`. `models/light/CARD.md` and `models/high/CARD.md` of the repository tell what they were trained on
//! and how good they are. One call cleans one frame; the hidden state goes in and comes out.

/// The file of the network `light`: frames of 20 ms every 10 ms at 48 kHz.
pub const LIGHT: &[u8] = include_bytes!("light.onnx");

/// The file of the network `high`: frames of 32 ms every 16 ms at 48 kHz.
pub const HIGH: &[u8] = include_bytes!("high.onnx");
