//! Spectrograms as PNG files of few bytes, and colours.

use super::spectrogram::{ROWS, Spectrogram, WIDTH, brightest_of};
use std::io::{self, Write};

/// The darkest colour stands for so much less than the brightest, in dB.
pub const RANGE: f32 = 80.0;
/// Colours of a picture with few bytes.
const SHADES: usize = 96;

/// The three spectrograms on the colours of one scale, without axes, as PNG files of few bytes; and the level in dBFS of
/// the brightest colour. The darkest stands for [`RANGE`] dB less.
pub fn pictures(spectrograms: [&Spectrogram; 3]) -> io::Result<([Vec<u8>; 3], f32)> {
    let brightest = brightest_of(spectrograms[0], spectrograms[1]);
    let mut files = [(); 3].map(|()| Vec::new());
    for (spectrogram, file) in spectrograms.into_iter().zip(&mut files) {
        let places = (0..ROWS).rev().flat_map(|row| (0..WIDTH).map(move |x| (x, row)));
        let pixels: Vec<u8> = places
            .map(|(x, row)| {
                let value = (spectrogram.level(x, row) - brightest) / RANGE + 1.0;
                (value.clamp(0.0, 1.0) * (SHADES - 1) as f32) as u8
            })
            .collect();
        let mut encoder = png::Encoder::new(file, WIDTH as u32, ROWS as u32);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(
            (0..SHADES)
                .flat_map(|i| colour(i as f32 / (SHADES - 1) as f32))
                .collect::<Vec<_>>(),
        );
        write_png(encoder, &pixels)?;
    }
    Ok((files, brightest))
}

/// Writes a picture.
pub fn write_png(encoder: png::Encoder<impl Write>, pixels: &[u8]) -> io::Result<()> {
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.map_err(|e| match e {
        png::EncodingError::IoError(e) => e,
        other => io::Error::other(other),
    })
}

/// From dark at 0 to bright at 1, through colours whose lightness rises all the way.
pub fn colour(value: f32) -> [u8; 3] {
    const STOPS: [[f32; 3]; 6] = [
        [4.0, 4.0, 16.0],
        [52.0, 16.0, 96.0],
        [128.0, 32.0, 120.0],
        [214.0, 68.0, 88.0],
        [250.0, 150.0, 70.0],
        [252.0, 248.0, 196.0],
    ];
    let place = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let stop = (place as usize).min(STOPS.len() - 2);
    let share = place - stop as f32;
    std::array::from_fn(|i| (STOPS[stop][i] * (1.0 - share) + STOPS[stop + 1][i] * share) as u8)
}
