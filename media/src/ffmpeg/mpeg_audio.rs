//! The headers of MPEG audio, layers II and III (ISO/IEC 11172-3, 2.4.2.3, and 13818-3).

/// Kilobits a second of layer III at 32 kHz and more; 0 stands for none.
const VERSION_1_LAYER_3: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
/// The same of layer II.
pub const VERSION_1_LAYER_2: [usize; 15] =
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
/// The same of both below 32 kHz.
pub const VERSION_2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// Bytes of the frame whose header comes first (ISO/IEC 11172-3 and 13818-3).
pub fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    let [0xff, b, c, _, ..] = *bytes else { return None };
    let (version, layer) = ((b >> 3) & 3, (b >> 1) & 3);
    if b & 0xe0 != 0xe0 || version == 1 || !matches!(layer, 1 | 2) {
        return None;
    }
    let rates = match (version, layer) {
        (3, 1) => VERSION_1_LAYER_3,
        (3, _) => VERSION_1_LAYER_2,
        _ => VERSION_2,
    };
    let kilobits = *rates.get(usize::from(c >> 4)).filter(|rate| **rate > 0)?;
    let rate = [44_100, 48_000, 32_000].get(usize::from((c >> 2) & 3))?
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let samples_per_bit = if version != 3 && layer == 1 { 72 } else { 144 };
    Some(samples_per_bit * kilobits * 1000 / rate + usize::from(c >> 1 & 1))
}
