//! What VST3 hosts load: nice-plug's wrapper, with what nice-plug 0.4 lacks around it.
//!
//! - Hosts may call `setProcessing(true)` and then not `process`: REAPER on bypass, DawDreamer between two renderings. nice-plug
//!   then waits with every new value for a block that does not come. Here values wait for 100 ms at most.
//! - The controller has the value that a host gave it at once, also while the processor waits for it.
//! - A bus has the speakers that the host chose, and not merely as many.
//! - One unit, the root; all parameters are in it.

use crate::AedenPlugin;
use crate::hosting::{Format, Link};
use crate::identity;
use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusDirection, BusDirections_, BusInfo, CString, ChannelContext::IInfoListener,
    ChannelContext::IInfoListenerTrait, IAttributeList, IAudioProcessor, IAudioProcessorTrait, IComponent,
    IComponentHandler, IComponentHandlerTrait, IComponentTrait, IEditController, IEditControllerTrait,
    IParamValueQueueTrait, IParameterChangesTrait, IProcessContextRequirements,
    IProcessContextRequirementsTrait, IUnitInfo, IUnitInfoTrait, IoMode, MediaType, ParamID, ParamValue,
    ParameterInfo, ProcessData, ProcessSetup, ProgramListID, ProgramListInfo, RestartFlags_, RoutingInfo,
    SpeakerArr, SpeakerArrangement, String128, TChar, UnitID, UnitInfo, kNoParentUnitId, kNoProgramListId,
    kRootUnitId,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IBStream, IPlugView, IPluginBaseTrait, IPluginFactory, IPluginFactory2,
    IPluginFactory2Trait, IPluginFactory3, IPluginFactory3Trait, IPluginFactoryTrait, PClassInfo,
    PClassInfo2, PClassInfoW, PFactoryInfo, TBool, TUID, int16, int32, kInvalidArgument, kResultFalse,
    kResultOk, tresult, uint32,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComRef, ComWrapper};
use nice_plug::wrapper::vst3::{PluginInfo, Wrapper};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The bits of no value: a NaN that nothing computes.
const NOTHING: u64 = u64::MAX;

/// An instance, as hosts see it.
struct Instance {
    inside: Arc<Inside>,
}

/// An instance without the host's count of references.
struct Inside {
    wrapped: Wrapper<AedenPlugin>,
    link: Arc<Link>,
    /// Whether the host says that it processes, and whether `wrapped` believes so.
    running: AtomicBool,
    told: AtomicBool,
    /// Values that the host gave the controller, and that wait for a block: as bits of `f64`, by parameter.
    waiting: Vec<(ParamID, AtomicU64)>,
    /// The speakers of the input and the output.
    speakers: [AtomicU64; 2],
    handler: Mutex<Option<ComPtr<IComponentHandler>>>,
    /// Whether the host has been asked to activate the plugin again.
    asked: AtomicBool,
}

// SAFETY: the only part that is not shared by itself is the host's handler, which is behind a lock and called on the main thread.
unsafe impl Send for Inside {}
// SAFETY: as above.
unsafe impl Sync for Inside {}

impl Class for Instance {
    type Interfaces = (
        IComponent,
        IEditController,
        IAudioProcessor,
        IProcessContextRequirements,
        IUnitInfo,
        IInfoListener,
    );
}

impl Instance {
    fn new() -> Self {
        let (link, wrapped) = Link::around(Wrapper::<AedenPlugin>::new);
        // SAFETY: `info` lives through the call.
        let ids = unsafe {
            let of = |index| {
                let mut info: ParameterInfo = std::mem::zeroed();
                let found = IEditControllerTrait::getParameterInfo(&wrapped, index, &mut info);
                (found == kResultOk).then_some(info.id)
            };
            let count = IEditControllerTrait::getParameterCount(&wrapped);
            (0..count).filter_map(of).collect::<Vec<_>>()
        };
        let inside = Arc::new(Inside {
            wrapped,
            link,
            running: AtomicBool::new(false),
            told: AtomicBool::new(false),
            waiting: ids.into_iter().map(|id| (id, AtomicU64::new(NOTHING))).collect(),
            speakers: [SpeakerArr::kStereo, SpeakerArr::kStereo].map(AtomicU64::new),
            handler: Mutex::new(None),
            asked: AtomicBool::new(false),
        });
        let format: Weak<dyn Format> = Arc::downgrade(&inside) as Weak<dyn Format>;
        inside.link.connect(format);
        Self { inside }
    }
}

impl Inside {
    fn waiting(&self, id: ParamID) -> Option<&AtomicU64> {
        let (_, value) = self.waiting.iter().find(|(other, _)| *other == id)?;
        Some(value)
    }

    /// Tells `wrapped` whether blocks come, on the thread that may.
    fn tell(&self, processing: bool) {
        if self.told.swap(processing, Relaxed) != processing {
            self.link.resume(|| {
                // SAFETY: a plain call.
                unsafe { IAudioProcessorTrait::setProcessing(&self.wrapped, TBool::from(processing)) }
            });
        }
    }

    /// Takes the values of a block out of those that wait for it.
    ///
    /// # Safety
    /// `data` must be what a host may pass to `process`.
    unsafe fn take_waiting(&self, data: *mut ProcessData) {
        // SAFETY: the caller's promise; null is no block.
        unsafe {
            let Some(data) = data.as_ref() else { return };
            let Some(changes) = ComRef::from_raw(data.inputParameterChanges) else {
                return;
            };
            for index in 0..changes.getParameterCount() {
                let Some(queue) = ComRef::from_raw(changes.getParameterData(index)) else {
                    continue;
                };
                if let Some(value) = self
                    .waiting(queue.getParameterId())
                    .filter(|_| queue.getPointCount() > 0)
                {
                    value.store(NOTHING, Relaxed);
                }
            }
        }
    }
}

impl Format for Inside {
    /// Gives values that wait to the plugin if no block takes them, and asks the host for what it has to do.
    fn settle(&self) -> bool {
        if !(self.running.load(Relaxed) && self.link.is_processing()) {
            self.tell(false);
            for (id, value) in &self.waiting {
                let bits = value.swap(NOTHING, Relaxed);
                if bits != NOTHING {
                    // SAFETY: a plain call.
                    unsafe {
                        IEditControllerTrait::setParamNormalized(&self.wrapped, *id, f64::from_bits(bits))
                    };
                }
            }
        }
        if !self.link.is_outdated() {
            self.asked.store(false, Relaxed);
        } else if !self.asked.swap(true, Relaxed) {
            let handler = self
                .handler
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if let Some(handler) = handler {
                // SAFETY: a plain call, on the main thread.
                unsafe { handler.restartComponent(RestartFlags_::kLatencyChanged as int32) };
            }
        }
        self.waiting
            .iter()
            .any(|(_, value)| value.load(Relaxed) != NOTHING)
    }

    /// VST3 hosts are asked on their main thread alone.
    fn ask_for_restart(&self) {
        self.asked.store(false, Relaxed);
    }
}

/// Methods that nice-plug's wrapper has.
macro_rules! as_wrapped {
    ($of:ident: $(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(unsafe fn $name(&self, $($argument: $kind),*) -> $result {
            // SAFETY: the host's promise is handed on.
            unsafe { $of::$name(&self.inside.wrapped, $($argument),*) }
        })*
    };
}

impl IPluginBaseTrait for Instance {
    as_wrapped! { IPluginBaseTrait:
        fn initialize(context: *mut FUnknown) -> tresult;
        fn terminate() -> tresult;
    }
}

impl IComponentTrait for Instance {
    as_wrapped! { IComponentTrait:
        fn getControllerClassId(id: *mut TUID) -> tresult;
        fn setIoMode(mode: IoMode) -> tresult;
        fn getBusCount(kind: MediaType, direction: BusDirection) -> int32;
        fn getBusInfo(kind: MediaType, direction: BusDirection, index: int32, info: *mut BusInfo) -> tresult;
        fn getRoutingInfo(input: *mut RoutingInfo, output: *mut RoutingInfo) -> tresult;
        fn activateBus(kind: MediaType, direction: BusDirection, index: int32, state: TBool) -> tresult;
        fn setActive(state: TBool) -> tresult;
    }

    unsafe fn setState(&self, state: *mut IBStream) -> tresult {
        // What waits for a block is older than the state.
        for (_, value) in &self.inside.waiting {
            value.store(NOTHING, Relaxed);
        }
        // SAFETY: the host's promise is handed on.
        let taken = unsafe { IComponentTrait::setState(&self.inside.wrapped, state) };
        self.inside.settle();
        taken
    }

    unsafe fn getState(&self, state: *mut IBStream) -> tresult {
        self.inside.settle();
        // SAFETY: the host's promise is handed on.
        unsafe { IComponentTrait::getState(&self.inside.wrapped, state) }
    }
}

impl IEditControllerTrait for Instance {
    as_wrapped! { IEditControllerTrait:
        fn setComponentState(state: *mut IBStream) -> tresult;
        fn setState(state: *mut IBStream) -> tresult;
        fn getState(state: *mut IBStream) -> tresult;
        fn getParameterCount() -> int32;
        fn getParamStringByValue(id: ParamID, value: ParamValue, text: *mut String128) -> tresult;
        fn getParamValueByString(id: ParamID, text: *mut TChar, value: *mut ParamValue) -> tresult;
        fn normalizedParamToPlain(id: ParamID, value: ParamValue) -> ParamValue;
        fn plainParamToNormalized(id: ParamID, value: ParamValue) -> ParamValue;
        fn createView(name: FIDString) -> *mut IPlugView;
    }

    unsafe fn getParameterInfo(&self, index: int32, info: *mut ParameterInfo) -> tresult {
        // SAFETY: the host's promise is handed on; nice-plug looks one past the end.
        unsafe {
            if index >= self.getParameterCount() {
                return kInvalidArgument;
            }
            IEditControllerTrait::getParameterInfo(&self.inside.wrapped, index, info)
        }
    }

    unsafe fn getParamNormalized(&self, id: ParamID) -> ParamValue {
        self.inside.settle();
        match self.inside.waiting(id).map(|value| value.load(Relaxed)) {
            Some(bits) if bits != NOTHING => f64::from_bits(bits),
            // SAFETY: the host's promise is handed on.
            _ => unsafe { IEditControllerTrait::getParamNormalized(&self.inside.wrapped, id) },
        }
    }

    unsafe fn setParamNormalized(&self, id: ParamID, value: ParamValue) -> tresult {
        let Some(waiting) = self.inside.waiting(id) else {
            return kInvalidArgument;
        };
        if !value.is_finite() {
            return kInvalidArgument;
        }
        waiting.store(value.clamp(0.0, 1.0).to_bits(), Relaxed);
        self.inside.settle();
        kResultOk
    }

    unsafe fn setComponentHandler(&self, handler: *mut IComponentHandler) -> tresult {
        // SAFETY: the host's promise: null or a handler.
        let host = unsafe { ComRef::from_raw(handler) }.map(|handler| handler.to_com_ptr());
        let inside = Arc::downgrade(&self.inside);
        let ours = host.clone().map(|host| ComWrapper::new(Handler { inside, host }));
        let ours = ours.and_then(|ours| ours.to_com_ptr::<IComponentHandler>());
        *self.inside.handler.lock().unwrap_or_else(PoisonError::into_inner) = host;
        let ours = ours.as_ref().map_or(std::ptr::null_mut(), ComPtr::as_ptr);
        // SAFETY: null or a handler, of which nice-plug takes a reference.
        unsafe { IEditControllerTrait::setComponentHandler(&self.inside.wrapped, ours) }
    }
}

impl IAudioProcessorTrait for Instance {
    as_wrapped! { IAudioProcessorTrait:
        fn canProcessSampleSize(size: int32) -> tresult;
        fn getLatencySamples() -> uint32;
        fn setupProcessing(setup: *mut ProcessSetup) -> tresult;
    }

    unsafe fn setBusArrangements(
        &self,
        inputs: *mut SpeakerArrangement,
        ins: int32,
        outputs: *mut SpeakerArrangement,
        outs: int32,
    ) -> tresult {
        // SAFETY: the host's promise is handed on; what was taken is one arrangement in each direction.
        unsafe {
            let taken =
                IAudioProcessorTrait::setBusArrangements(&self.inside.wrapped, inputs, ins, outputs, outs);
            if taken == kResultOk {
                self.inside.speakers[0].store(*inputs, Relaxed);
                self.inside.speakers[1].store(*outputs, Relaxed);
            }
            taken
        }
    }

    unsafe fn getBusArrangement(
        &self,
        direction: BusDirection,
        index: int32,
        speakers: *mut SpeakerArrangement,
    ) -> tresult {
        let side = match direction {
            _ if index != 0 || speakers.is_null() => return kInvalidArgument,
            d if d == BusDirections_::kInput as BusDirection => 0,
            d if d == BusDirections_::kOutput as BusDirection => 1,
            _ => return kInvalidArgument,
        };
        // SAFETY: the host's promise; it is not null.
        unsafe { *speakers = self.inside.speakers[side].load(Relaxed) };
        kResultOk
    }

    unsafe fn setProcessing(&self, state: TBool) -> tresult {
        let inside = &self.inside;
        inside.link.forget_blocks();
        inside.running.store(state != 0, Relaxed);
        // SAFETY: a plain call, which forgets all sound.
        let done = unsafe { IAudioProcessorTrait::setProcessing(&inside.wrapped, state) };
        inside.told.store(state != 0, Relaxed);
        // Until the first block comes, values are taken at once.
        inside.tell(false);
        done
    }

    unsafe fn process(&self, data: *mut ProcessData) -> tresult {
        let inside = &self.inside;
        inside.link.note_block();
        if inside.running.load(Relaxed) {
            inside.tell(true);
        }
        // SAFETY: the host's promise is handed on.
        unsafe {
            inside.take_waiting(data);
            IAudioProcessorTrait::process(&inside.wrapped, data)
        }
    }

    unsafe fn getTailSamples(&self) -> uint32 {
        self.inside.link.tail()
    }
}

impl IProcessContextRequirementsTrait for Instance {
    /// Nothing: what is cleaned does not depend on where in a song it is.
    unsafe fn getProcessContextRequirements(&self) -> uint32 {
        0
    }
}

impl IUnitInfoTrait for Instance {
    as_wrapped! { IUnitInfoTrait:
        fn getProgramListCount() -> int32;
        fn getProgramListInfo(index: int32, info: *mut ProgramListInfo) -> tresult;
        fn getProgramName(list: ProgramListID, index: int32, name: *mut String128) -> tresult;
        fn getProgramInfo(list: ProgramListID, index: int32, id: CString, value: *mut String128) -> tresult;
        fn hasProgramPitchNames(list: ProgramListID, index: int32) -> tresult;
        fn getProgramPitchName(list: ProgramListID, index: int32, pitch: int16, name: *mut String128) -> tresult;
        fn setUnitProgramData(list: int32, index: int32, data: *mut IBStream) -> tresult;
    }

    unsafe fn getUnitCount(&self) -> int32 {
        1
    }

    unsafe fn getUnitInfo(&self, index: int32, info: *mut UnitInfo) -> tresult {
        if index != 0 || info.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the host's promise; it is not null, and zeroes are a unit without a name.
        unsafe {
            *info = std::mem::zeroed();
            (*info).id = kRootUnitId;
            (*info).parentUnitId = kNoParentUnitId;
            (*info).programListId = kNoProgramListId;
            for (to, from) in (*info).name.iter_mut().zip(identity::NAME.encode_utf16()) {
                *to = from as TChar;
            }
        }
        kResultOk
    }

    unsafe fn getSelectedUnit(&self) -> UnitID {
        kRootUnitId
    }

    unsafe fn selectUnit(&self, unit: UnitID) -> tresult {
        if unit == kRootUnitId {
            kResultOk
        } else {
            kResultFalse
        }
    }

    unsafe fn getUnitByBus(
        &self,
        kind: MediaType,
        direction: BusDirection,
        index: int32,
        _channel: int32,
        unit: *mut UnitID,
    ) -> tresult {
        // SAFETY: as for any call of the host's; null is refused.
        unsafe {
            if unit.is_null() || index < 0 || index >= self.getBusCount(kind, direction) {
                return kResultFalse;
            }
            *unit = kRootUnitId;
        }
        kResultOk
    }
}

impl IInfoListenerTrait for Instance {
    as_wrapped! { IInfoListenerTrait:
        fn setChannelContextInfos(list: *mut IAttributeList) -> tresult;
    }
}

/// What the editor's changes go through on their way to the host.
struct Handler {
    inside: Weak<Inside>,
    host: ComPtr<IComponentHandler>,
}

impl Class for Handler {
    type Interfaces = (IComponentHandler,);
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, id: ParamID) -> tresult {
        // SAFETY: a plain call, on the thread that the caller was to choose.
        unsafe { self.host.beginEdit(id) }
    }

    /// A host that processes gives the value back with a block; it waits for that.
    unsafe fn performEdit(&self, id: ParamID, value: ParamValue) -> tresult {
        if let Some(inside) = self.inside.upgrade()
            && inside.told.load(Relaxed)
            && let Some(waiting) = inside.waiting(id)
        {
            waiting.store(value.to_bits(), Relaxed);
        }
        // SAFETY: as above.
        unsafe { self.host.performEdit(id, value) }
    }

    unsafe fn endEdit(&self, id: ParamID) -> tresult {
        // SAFETY: as above.
        unsafe { self.host.endEdit(id) }
    }

    unsafe fn restartComponent(&self, flags: int32) -> tresult {
        // SAFETY: as above.
        unsafe { self.host.restartComponent(flags) }
    }
}

/// What hosts find in the library.
struct Factory {
    plugin: PluginInfo,
}

impl Class for Factory {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl Factory {
    /// Writes what is known about the plugin of this index.
    ///
    /// # Safety
    /// `info` must be null or a place for it.
    unsafe fn describe<T>(&self, index: int32, info: *mut T, of: impl FnOnce(&PluginInfo) -> T) -> tresult {
        if index != 0 || info.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the caller's promise; it is not null.
        unsafe { *info = of(&self.plugin) };
        kResultOk
    }
}

impl IPluginFactoryTrait for Factory {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the host's promise.
        unsafe { self.describe(0, info, PluginInfo::create_factory_info) }
    }

    unsafe fn countClasses(&self) -> int32 {
        1
    }

    unsafe fn getClassInfo(&self, index: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the host's promise.
        unsafe { self.describe(index, info, PluginInfo::create_class_info) }
    }

    unsafe fn createInstance(
        &self,
        class: FIDString,
        interface: FIDString,
        object: *mut *mut c_void,
    ) -> tresult {
        if class.is_null() || interface.is_null() || object.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: ids are 16 bytes; the host vouches for the rest.
        unsafe {
            if *class.cast::<[u8; 16]>() != AedenPlugin::PLATFORM_VST3_CLASS_ID {
                return kInvalidArgument;
            }
            let instance = ComWrapper::new(Instance::new());
            let Some(unknown) = instance.as_com_ref::<FUnknown>() else {
                return kResultFalse;
            };
            let unknown = unknown.as_ptr();
            ((*(*unknown).vtbl).queryInterface)(unknown, interface.cast::<TUID>(), object)
        }
    }
}

impl IPluginFactory2Trait for Factory {
    unsafe fn getClassInfo2(&self, index: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the host's promise.
        unsafe { self.describe(index, info, PluginInfo::create_class_info_2) }
    }
}

impl IPluginFactory3Trait for Factory {
    unsafe fn getClassInfoUnicode(&self, index: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the host's promise.
        unsafe { self.describe(index, info, PluginInfo::create_class_info_unicode) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}

/// Gives hosts the factory.
#[unsafe(no_mangle)]
pub extern "system" fn GetPluginFactory() -> *mut c_void {
    let plugin = PluginInfo::for_plugin::<AedenPlugin>();
    let factory = ComWrapper::new(Factory { plugin }).to_com_ptr::<IPluginFactory>();
    factory.map_or(std::ptr::null_mut(), |factory| factory.into_raw().cast())
}

/// The calls around all others, which have a name of their own on every system.
macro_rules! entries {
    ($system:meta: $enter:ident($($argument:ident: $kind:ty)?), $leave:ident, $abi:literal) => {
        /// Called when a host has loaded the library.
        #[unsafe(no_mangle)]
        #[cfg($system)]
        pub extern $abi fn $enter($($argument: $kind)?) -> bool {
            nice_plug::wrapper::setup_logger::<AedenPlugin>();
            true
        }

        /// Called before a host unloads the library.
        #[unsafe(no_mangle)]
        #[cfg($system)]
        pub extern $abi fn $leave() -> bool {
            true
        }
    };
}

entries!(all(unix, not(target_os = "macos")): ModuleEntry(_library: *mut c_void), ModuleExit, "C");
entries!(target_os = "macos": bundleEntry(_library: *mut c_void), bundleExit, "C");
entries!(windows: InitDll(), ExitDll, "system");
