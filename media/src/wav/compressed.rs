//! WAV files whose sound is compressed (mu-law, A-law, GSM, ADPCM, MP3, …): ffmpeg reads the sound, aeden what stands beside it.

use super::{Chunk, PLAIN_GUID_TAIL};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Chunks that are walked through at most.
const CHUNKS: usize = 4096;

/// Memory for those that are carried along.
const MEMORY: u64 = 64 << 20;

/// What describes the sound, or would be wrong once it is another.
const OF_THE_SOUND: [&[u8; 4]; 7] = [b"fmt ", b"fact", b"data", b"ds64", b"PEAK", b"levl", b"MD5 "];

/// Whether the sound of a WAV file is compressed. The file is then at its beginning again.
///
/// Formats of this kind ought to say how long their extension is, if only that it has 0 bytes (`WAVEFORMATEX`). Telephone
/// exchanges leave that out, and ffmpeg does without.
pub fn is_compressed(file: &mut File) -> io::Result<bool> {
    let mut tag = None;
    walk(file, |id, size, file| {
        if id == b"fmt " && size >= 16 {
            let mut body = Vec::new();
            file.take(size.min(40)).read_to_end(&mut body)?;
            let at = |at: usize| Some(u16::from_le_bytes([*body.get(at)?, *body.get(at + 1)?]));
            let plain = body.get(26..40) == Some(&PLAIN_GUID_TAIL[..]);
            tag = match at(0) {
                Some(0xfffe) => at(24).filter(|_| plain),
                tag => tag,
            };
        }
        Ok(!matches!(id, b"fmt " | b"data"))
    })?;
    file.seek(SeekFrom::Start(0))?;
    // 1 is integers, 3 floating point.
    Ok(tag.is_some_and(|tag| !matches!(tag, 0 | 1 | 3 | 0xfffe)))
}

/// The chunks of a WAV file that do not describe its sound, before and after it.
pub fn chunks(path: &Path) -> io::Result<Vec<Chunk>> {
    let (mut chunks, mut left) = (Vec::new(), MEMORY);
    walk(&mut File::open(path)?, |id, size, file| {
        if !OF_THE_SOUND.contains(&id) && size <= left {
            let mut body = Vec::new();
            file.take(size).read_to_end(&mut body)?;
            left -= size;
            chunks.push(Chunk { id: *id, body });
        }
        Ok(true)
    })?;
    Ok(chunks)
}

/// Passes from chunk to chunk as long as `visit` wants more: it gets the name and the size, and the file at the body.
fn walk(
    file: &mut File,
    mut visit: impl FnMut(&[u8; 4], u64, &mut File) -> io::Result<bool>,
) -> io::Result<()> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut at = 12;
    for _ in 0..CHUNKS {
        if at + 8 > end {
            break;
        }
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let [a, b, c, d, size @ ..] = head;
        let size = u64::from(u32::from_le_bytes(size));
        if !visit(&[a, b, c, d], size.min(end - at - 8), file)? {
            break;
        }
        at += 8 + size + size % 2;
    }
    Ok(())
}
