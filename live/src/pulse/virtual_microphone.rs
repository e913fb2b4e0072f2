//! A microphone that other programs can choose: a sink that plays nowhere, and a source that hears it.
//!
//! It is mono, as microphones are: of a stereo source PipeWire gives programs that record in mono, and most calls do,
//! the sum times 0.707, 3 dB too loud for a voice.
//!
//! Both are modules of the server, and outlive us if we crash. Their arguments therefore carry our process id, by which
//! the next start knows what is left over.

use super::connection::{Connection, text};
use crate::audio::{AudioError, RATE, VirtualMicrophone};
use pulseaudio::protocol::{Command, LoadModuleParams, LookupReply, ModuleInfo};
use std::path::Path;

/// Where we play to.
const SINK: &str = "aeden_output";
/// What other programs record from.
const SOURCE: &str = "aeden_microphone";
/// The name that people see.
const NAME: &str = "aeden microphone";
/// Before the process id, in a property of the devices.
const OWNER: &str = "aeden.process=";

/// Whether a device is a part of a virtual microphone of ours.
pub fn is_ours(device: &str) -> bool {
    device == SOURCE || device.strip_suffix(".monitor").unwrap_or(device) == SINK
}

struct Microphone {
    connection: Connection,
    /// In the order in which they were loaded.
    modules: Vec<u32>,
}

/// Makes the microphone.
///
/// # Errors
/// [`AudioError::Busy`] if another aeden has one; what the server refuses.
pub fn make() -> Result<Box<dyn VirtualMicrophone>, AudioError> {
    let mut connection = Connection::open()?;
    remove_left_over(&mut connection)?;
    let mut microphone = Microphone {
        connection,
        modules: Vec::new(),
    };
    let owner = format!("{OWNER}{}", std::process::id());
    microphone.load(
        "module-null-sink",
        &format!(
            "sink_name={SINK} format=float32le rate={RATE} channels=1 channel_map=mono \
             sink_properties=\"device.description='aeden output' {owner}\""
        ),
    )?;
    microphone.load(
        "module-remap-source",
        &format!(
            "source_name={SOURCE} master={SINK}.monitor rate={RATE} channels=1 channel_map=mono \
             master_channel_map=mono remix=no \
             source_properties=\"device.description='{NAME}' {owner}\""
        ),
    )?;
    Ok(Box::new(microphone))
}

impl Microphone {
    fn load(&mut self, name: &str, arguments: &str) -> Result<(), AudioError> {
        let module = Command::LoadModule(LoadModuleParams {
            name: text(name),
            arguments: Some(text(arguments)),
        });
        let LookupReply(index) = self.connection.ask(&module).map_err(|e| match e {
            AudioError::Lost(why) => AudioError::Unsupported(format!(
                "no virtual microphone: {why} ({name}); play into a loopback device with --output instead, see docs/live.md"
            )),
            e => e,
        })?;
        self.modules.push(index);
        Ok(())
    }
}

impl VirtualMicrophone for Microphone {
    fn output(&self) -> &str {
        SINK
    }

    fn name(&self) -> &str {
        NAME
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        for &module in self.modules.iter().rev() {
            // The server may be gone, and its modules with it.
            let _ = self.connection.tell(&Command::UnloadModule(module));
        }
    }
}

/// Removes the devices of processes that are no more.
fn remove_left_over(connection: &mut Connection) -> Result<(), AudioError> {
    let modules: Vec<ModuleInfo> = connection.ask(&Command::GetModuleInfoList)?;
    // Last loaded, first removed: the source hangs on the sink.
    for module in modules.iter().rev() {
        let Some(process) = module.argument.as_ref().and_then(|a| owner(&a.to_string_lossy())) else {
            continue;
        };
        if process != std::process::id() && is_aeden(process) {
            return Err(AudioError::Busy(format!(
                "the virtual microphone of another aeden live (process {process})"
            )));
        }
        connection.tell(&Command::UnloadModule(module.index))?;
    }
    Ok(())
}

/// The process that a module's arguments name.
fn owner(arguments: &str) -> Option<u32> {
    let (_, rest) = arguments.split_once(OWNER)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Whether this process lives and is what we are; process ids are given out again.
fn is_aeden(process: u32) -> bool {
    let program = |process: &str| std::fs::read_link(Path::new("/proc").join(process).join("exe")).ok();
    let name = |path: std::path::PathBuf| {
        path.file_name()
            .map(|n| n.to_string_lossy().replace(" (deleted)", ""))
    };
    let other = program(&process.to_string()).and_then(name);
    other.is_some() && other == program("self").and_then(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_found_in_what_the_server_says_of_a_module() {
        let arguments =
            "sink_name=x sink_properties=\"device.description='aeden output' aeden.process=4711\"";
        assert_eq!(owner(arguments), Some(4711));
        assert_eq!(owner("sink_name=aeden_output"), None);
    }

    #[test]
    fn a_process_that_is_no_more_owns_nothing() {
        assert!(is_aeden(std::process::id()));
        assert!(!is_aeden(u32::MAX));
    }
}
