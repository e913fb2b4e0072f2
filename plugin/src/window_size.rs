//! How large the editor's window is, saved with the plugin's state.

use serde::{Deserialize, Serialize};

/// A window's size in points at 100 %, and how much everything is enlarged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSize {
    width: f32,
    height: f32,
    zoom: f32,
}

impl WindowSize {
    /// The smallest width and height, in points.
    pub const SMALLEST: [f32; 2] = [600.0, 380.0];
    /// The largest.
    pub const LARGEST: [f32; 2] = [1600.0, 1100.0];
    /// The zoom factors on offer.
    pub const ZOOMS: [f32; 5] = [1.0, 1.25, 1.5, 1.75, 2.0];

    /// A size, taken into the range; what is not a number becomes the default.
    pub fn new(width: f32, height: f32, zoom: f32) -> Self {
        let within = |value: f32, low: f32, high: f32, default: f32| {
            if value.is_finite() {
                value.clamp(low, high)
            } else {
                default
            }
        };
        let ([w, h], [most_w, most_h]) = (Self::SMALLEST, Self::LARGEST);
        let default = Self::default();
        Self {
            width: within(width, w, most_w, default.width),
            height: within(height, h, most_h, default.height),
            zoom: within(zoom, Self::ZOOMS[0], Self::ZOOMS[4], default.zoom),
        }
    }

    /// The same with everything in range, for sizes from a file.
    pub fn checked(self) -> Self {
        Self::new(self.width, self.height, self.zoom)
    }

    /// Width and height in points at 100 %.
    pub fn points(self) -> [f32; 2] {
        [self.width, self.height]
    }

    /// How much everything is enlarged, 1 to 2.
    pub fn zoom(self) -> f32 {
        self.zoom
    }
}

impl Default for WindowSize {
    fn default() -> Self {
        Self {
            width: 820.0,
            height: 500.0,
            zoom: 1.0,
        }
    }
}
