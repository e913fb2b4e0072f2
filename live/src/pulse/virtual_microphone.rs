//! A microphone that other programs can choose: a sink that plays nowhere, and a source that hears it.
//!
//! It is mono, as microphones are: of a stereo source PipeWire gives programs that record in mono, and most calls do,
//! the sum times 0.707, 3 dB too loud for a voice.
//!
//! Both are modules of the server, and outlive us if we crash. Whose they are, and whether their owner lives, only the
//! server knows for certain: processes in containers do not see each other, and programs can have any name. So their
//! arguments carry a mark, and the connection that we keep open as long as we need them carries it too. Modules with a mark
//! that no connection has are left over.

use super::connection::{Connection, text};
use crate::audio::{AudioError, RATE, VirtualMicrophone};
use pulseaudio::protocol::props::PropsUpdateMode;
use pulseaudio::protocol::{
    ClientInfo, Command, LoadModuleParams, LookupReply, ModuleInfo, Props, UpdateClientProplistParams,
};
use std::ffi::{CStr, CString};
use std::time::Duration;

/// The sink that we play to.
const SINK: &str = "aeden_output";
/// The source that other programs record from.
const SOURCE: &str = "aeden_microphone";
/// The name that people see.
const NAME: &str = "aeden microphone";
/// Before the owner's mark, in a property of the devices, and the property of its connection.
const OWNER: &str = "aeden.owner=";
const OWNER_PROPERTY: &CStr = c"aeden.owner";
/// Before its process id, which only people are told.
const PROCESS: &str = "aeden.process=";

/// How often it is looked whether another owner still lives, and how long to wait in between: a server notices the end of
/// a process a little later.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Tells whether a device is a part of a virtual microphone of ours.
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
    let mark = format!("{:032x}", fastrand::u128(..));
    // Before the modules are there, or others would take them for left over.
    connection.mark(&mark)?;
    remove_left_over(&mut connection, &mark)?;
    let mut microphone = Microphone {
        connection,
        modules: Vec::new(),
    };
    let owner = format!("{OWNER}{mark} {PROCESS}{}", std::process::id());
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
    // Two that start at the same moment see each other now: the one that came first stays.
    let modules = modules(&mut microphone.connection)?;
    let first = modules.iter().min_by_key(|(module, _)| *module);
    if let Some((_, other)) = first.filter(|(_, owner)| owner.mark != mark) {
        return Err(busy(other));
    }
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

/// The owner of a module.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    mark: String,
    process: Option<u32>,
}

/// Removes the devices of owners that are no more.
fn remove_left_over(connection: &mut Connection, own: &str) -> Result<(), AudioError> {
    for look in 1.. {
        let clients: Vec<ClientInfo> = connection.ask(&Command::GetClientInfoList)?;
        let lives = |owner: &Owner| clients.iter().any(|client| has_mark(client, &owner.mark));
        let found = modules(connection)?;
        let Some((_, other)) = found.iter().find(|(_, owner)| owner.mark != own && lives(owner)) else {
            // Last loaded, first removed: the source hangs on the sink.
            for (module, _) in found.iter().rev() {
                connection.tell(&Command::UnloadModule(*module))?;
            }
            return Ok(());
        };
        if look == LOOKS {
            return Err(busy(other));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// The modules of virtual microphones, in the order in which they were loaded.
fn modules(connection: &mut Connection) -> Result<Vec<(u32, Owner)>, AudioError> {
    let modules: Vec<ModuleInfo> = connection.ask(&Command::GetModuleInfoList)?;
    let mut found: Vec<(u32, Owner)> = modules
        .iter()
        .filter_map(|module| Some((module.index, owner(&module.argument.as_ref()?.to_string_lossy())?)))
        .collect();
    found.sort_by_key(|(module, _)| *module);
    Ok(found)
}

fn busy(owner: &Owner) -> AudioError {
    let process = owner
        .process
        .map_or_else(String::new, |id| format!(" (process {id})"));
    AudioError::Busy(format!("the virtual microphone of another aeden live{process}"))
}

/// The owner that a module's arguments name.
fn owner(arguments: &str) -> Option<Owner> {
    let value = |name: &str| {
        let (_, rest) = arguments.split_once(name)?;
        rest.split(|c: char| !c.is_ascii_alphanumeric()).next()
    };
    Some(Owner {
        mark: value(OWNER)?.to_owned(),
        process: value(PROCESS).and_then(|id| id.parse().ok()),
    })
}

fn has_mark(client: &ClientInfo, mark: &str) -> bool {
    let value = client.props.get_bytes(OWNER_PROPERTY);
    value.is_some_and(|value| value.strip_suffix(b"\0").unwrap_or(value) == mark.as_bytes())
}

impl Connection {
    /// Lets others see whose connection this is.
    fn mark(&mut self, mark: &str) -> Result<(), AudioError> {
        let mut props = Props::new();
        let value: CString = text(mark);
        props.set_bytes(OWNER_PROPERTY, value.as_bytes_with_nul());
        self.tell(&Command::UpdateClientProplist(UpdateClientProplistParams {
            mode: PropsUpdateMode::Replace,
            props,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_found_in_what_the_server_says_of_a_module() {
        let arguments = "sink_name=x sink_properties=\"device.description='aeden output' aeden.owner=4f00a aeden.process=4711\"";
        let found = Owner {
            mark: "4f00a".into(),
            process: Some(4711),
        };
        assert_eq!(owner(arguments), Some(found));
        assert_eq!(owner("sink_name=aeden_output"), None);
    }
}
