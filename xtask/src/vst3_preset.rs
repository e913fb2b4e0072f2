//! The plugin's factory presets as files that VST3 hosts list: `.vstpreset`.

// One place for the presets' values.
#[expect(
    dead_code,
    reason = "what presets are for, and the library's view of them, is not in these files"
)]
#[path = "../../src/presets.rs"]
mod presets;

use crate::identity::{VERSION, VST3_CLASS_ID};
use anyhow::{Context, Result};
use presets::{PRESETS, Preset};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Writes a file for every preset into a folder.
pub fn write_all(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for preset in &PRESETS {
        let file = folder.join(format!("{}.vstpreset", preset.name));
        fs::write(&file, content(preset)?).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The file of a preset, in Steinberg's format: a header with the plugin's class id, the plugin's state, and a list of
/// what is where; numbers are little-endian.
fn content(preset: &Preset) -> Result<Vec<u8>> {
    const HEADER: u64 = 4 + 4 + 32 + 8;
    let state = serde_json::to_vec(&state(preset))?;
    let mut class = String::new();
    for byte in VST3_CLASS_ID {
        write!(class, "{byte:02X}")?;
    }
    let mut file = Vec::new();
    file.extend(b"VST3");
    file.extend(1_u32.to_le_bytes());
    file.extend(class.as_bytes());
    file.extend((HEADER + state.len() as u64).to_le_bytes());
    file.extend(&state);
    file.extend(b"List");
    file.extend(1_u32.to_le_bytes());
    file.extend(b"Comp");
    file.extend(HEADER.to_le_bytes());
    file.extend((state.len() as u64).to_le_bytes());
    Ok(file)
}

/// The plugin's state with the values of a preset, as nice-plug saves it.
fn state(preset: &Preset) -> Value {
    let mut params = json!({
        "strength": { "f32": preset.strength },
        "mix": { "f32": preset.mix },
        "gain": { "f32": preset.gain },
        "link": { "bool": preset.link },
        "delta": { "bool": false },
        "bypass": { "bool": false },
    });
    // The nodes along frequency, as many as the plugin has.
    for number in 1..=6 {
        params[format!("band_on_{number}")] = json!({ "bool": false });
    }
    json!({ "version": VERSION, "params": params, "fields": {} })
}

#[cfg(test)]
mod tests {
    use super::{PRESETS, content};
    use serde_json::Value;

    /// Reads a preset file as a host does: header, list, state.
    #[test]
    fn hosts_find_the_state_where_the_list_says() {
        for preset in &PRESETS {
            let file = content(preset).unwrap();
            let number = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
            assert_eq!(&file[..4], b"VST3");
            assert_eq!(
                &file[8..40],
                b"616564656E2E64656E6F697365722E31",
                "aeden.denoiser.1"
            );
            let list = number(40);
            assert_eq!(&file[list..list + 4], b"List");
            assert_eq!(&file[list + 8..list + 12], b"Comp");
            let (start, len) = (number(list + 12), number(list + 20));
            assert_eq!(file.len(), list + 28);
            let state: Value = serde_json::from_slice(&file[start..start + len]).unwrap();
            assert_eq!(state["params"]["strength"]["f32"], f64::from(preset.strength));
            assert_eq!(state["params"]["link"]["bool"], preset.link);
        }
    }
}
