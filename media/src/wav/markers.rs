//! Markers in WAV files: `cue ` (places) and `LIST` of type `adtl` with `labl` and `ltxt` (names and lengths), as the
//! "Multimedia Programming Interface and Data Specifications 1.0" has them and DAWs read them.

use super::Chunk;

/// A place with a name, in frames.
#[derive(Debug)]
pub struct Marker {
    /// First frame.
    pub start: u64,
    /// Frames that it lasts.
    pub length: u64,
    /// Its name.
    pub name: String,
}

/// Whether a chunk would contradict new markers.
pub fn is_marking(chunk: &Chunk) -> bool {
    chunk.id == *b"cue " || (chunk.id == *b"LIST" && chunk.body.starts_with(b"adtl"))
}

/// The two chunks; markers beyond 2^32 frames, which they cannot hold, are left out.
pub fn chunks(markers: &[Marker]) -> Vec<Chunk> {
    let places = markers
        .iter()
        .filter_map(|marker| u32::try_from(marker.start).ok().map(|start| (start, marker)));
    let places: Vec<(u32, &Marker)> = places.collect();
    let mut cue = (places.len() as u32).to_le_bytes().to_vec();
    let mut list = b"adtl".to_vec();
    for (number, (start, marker)) in (1u32..).zip(&places) {
        // Number, place in the play order, chunk, start of chunk and block, place in the chunk.
        for field in [number, *start, u32::from_le_bytes(*b"data"), 0, 0, *start] {
            cue.extend(field.to_le_bytes());
        }
        let mut label = number.to_le_bytes().to_vec();
        label.extend(marker.name.as_bytes());
        label.push(0);
        let mut length = number.to_le_bytes().to_vec();
        length.extend((marker.length.min(u32::MAX.into()) as u32).to_le_bytes());
        length.extend(b"rgn ");
        length.extend([0; 8]); // country, language, dialect, code page: none
        for (id, body) in [(b"labl", label), (b"ltxt", length)] {
            list.extend(id);
            list.extend((body.len() as u32).to_le_bytes());
            list.extend(&body);
            list.extend(vec![0; body.len() % 2]);
        }
    }
    vec![
        Chunk {
            id: *b"cue ",
            body: cue,
        },
        Chunk {
            id: *b"LIST",
            body: list,
        },
    ]
}
