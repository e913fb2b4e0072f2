//! VST3 bundles and their plugins, as far as processor and controller are one object.

mod changes;
mod controls;
mod edges;
mod host;
mod library;
mod stream;

use crate::channels::Channels;
use crate::{Audio, Change, Description, Error, Format, Plugin, Requests, Setup, module};
use changes::Changes;
use controls::Controls;
use host::{Application, Handler};
use library::{Module, text8};
use std::mem::zeroed;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Arc;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, BusDirection, BusDirections_, BusInfo, IAudioProcessor,
    IAudioProcessorTrait, IComponent, IComponentHandler, IComponentTrait, IEditController,
    IEditControllerTrait, IHostApplication, IParameterChanges, MediaTypes_, ProcessContext, ProcessData,
    ProcessModes_, ProcessSetup, SpeakerArr, SpeakerArrangement, SymbolicSampleSizes_, kInfiniteTail,
};
use vst3::Steinberg::{
    FUnknown, IPluginBaseTrait, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactoryTrait,
    PClassInfo, PClassInfo2, TBool, TUID, kResultOk,
};
use vst3::{ComPtr, ComWrapper, Interface};

/// The category of classes that process sound.
const EFFECT: &str = "Audio Module Class";

/// A loaded VST3 bundle.
pub struct Bundle {
    factory: ComPtr<IPluginFactory>,
    module: Arc<Module>,
}

impl Bundle {
    /// Loads and initialises a library.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn open(bundle: &Path) -> Result<Self, Error> {
        let (library, _) = module::load(bundle, Format::Vst3)?;
        let module = Module::enter(library)?;
        // SAFETY: the format lays down the symbol's type, and that the caller gets a reference of its own.
        let factory = unsafe {
            let get = module
                .library
                .get::<unsafe extern "system" fn() -> *mut IPluginFactory>(b"GetPluginFactory\0")
                .map_err(|_| Error::Missing("GetPluginFactory"))?;
            ComPtr::from_raw(get()).ok_or(Error::Missing("a plugin factory"))?
        };
        Ok(Bundle {
            factory,
            module: Arc::new(module),
        })
    }

    /// The classes that process sound.
    fn effects(&self) -> Vec<PClassInfo> {
        // SAFETY: the factory fills what it says it fills; zeroes are a valid description.
        unsafe {
            let get = |index| {
                let mut info: PClassInfo = zeroed();
                (self.factory.getClassInfo(index, &mut info) == kResultOk).then_some(info)
            };
            (0..self.factory.countClasses())
                .filter_map(get)
                .filter(|info| text8(&info.category) == EFFECT)
                .collect()
        }
    }

    /// What only newer factories tell about a class.
    fn more_about(&self, class: &TUID) -> Option<PClassInfo2> {
        let factory = self.factory.cast::<IPluginFactory2>()?;
        // SAFETY: as in `effects`.
        unsafe {
            let get = |index| {
                let mut info: PClassInfo2 = zeroed();
                (factory.getClassInfo2(index, &mut info) == kResultOk).then_some(info)
            };
            (0..factory.countClasses())
                .filter_map(get)
                .find(|info| info.cid == *class)
        }
    }
}

impl crate::Bundle for Bundle {
    fn plugins(&self) -> Vec<Description> {
        let describe = |info: PClassInfo| {
            let more = self.more_about(&info.cid);
            let text = |of: fn(&PClassInfo2) -> String| more.as_ref().map(of).unwrap_or_default();
            Description {
                id: info
                    .cid
                    .iter()
                    .map(|byte| format!("{:02X}", *byte as u8))
                    .collect(),
                name: text8(&info.name),
                vendor: text(|more| text8(&more.vendor)),
                version: text(|more| text8(&more.version)),
                categories: text(|more| text8(&more.subCategories))
                    .split('|')
                    .map(str::to_owned)
                    .collect(),
            }
        };
        self.effects().into_iter().map(describe).collect()
    }

    fn instantiate(&self, index: usize) -> Result<Box<dyn Plugin>, Error> {
        let effects = self.effects();
        let class = effects
            .get(index)
            .ok_or(Error::Missing("a plugin of this index"))?;
        Ok(Box::new(Instance::new(
            &self.factory,
            &class.cid,
            self.module.clone(),
        )?))
    }
}

/// An instance of a VST3 plugin.
pub struct Instance {
    component: ComPtr<IComponent>,
    processor: ComPtr<IAudioProcessor>,
    controls: Arc<Controls>,
    handler: ComWrapper<Handler>,
    buffers: Channels,
    /// The plugin's own changes of its parameters in the last block.
    answers: ComWrapper<Changes>,
    setup: ProcessSetup,
    /// Samples processed since the start.
    time: i64,
    active: bool,
    running: bool,
    application: ComWrapper<Application>,
    /// Keeps the code of the objects above alive; the last to go.
    _module: Arc<Module>,
}

impl Instance {
    fn new(factory: &ComPtr<IPluginFactory>, class: &TUID, module: Arc<Module>) -> Result<Self, Error> {
        let mut object = null_mut();
        let application = ComWrapper::new(Application);
        let handler = ComWrapper::new(Handler::new());
        let (context, listener) = (
            application
                .to_com_ptr::<IHostApplication>()
                .ok_or(Error::Missing("an interface of this host"))?,
            handler
                .to_com_ptr::<IComponentHandler>()
                .ok_or(Error::Missing("an interface of this host"))?,
        );
        // SAFETY: ids are 16 bytes; the result is a new reference; calls come in the format's order.
        unsafe {
            let made = factory.createInstance(class.as_ptr(), IComponent::IID.as_ptr().cast(), &mut object);
            let component = ComPtr::from_raw(object.cast::<IComponent>())
                .filter(|_| made == kResultOk)
                .ok_or(Error::Refused("to make an instance"))?;
            if component.initialize(context.as_ptr().cast::<FUnknown>()) != kResultOk {
                return Err(Error::Refused("IComponent::initialize"));
            }
            let processor = component
                .cast::<IAudioProcessor>()
                .ok_or(Error::Missing("IAudioProcessor"))?;
            let controller = component
                .cast::<IEditController>()
                .ok_or(Error::Missing("a controller in the same object"))?;
            controller.setComponentHandler(listener.as_ptr());
            Ok(Instance {
                controls: Arc::new(Controls {
                    component: component.clone(),
                    controller,
                    _module: module.clone(),
                }),
                component,
                processor,
                handler,
                buffers: Channels::default(),
                answers: ComWrapper::new(Changes::default()),
                setup: zeroed(),
                time: 0,
                active: false,
                running: false,
                application,
                _module: module,
            })
        }
    }

    /// The channels of the first bus in a direction.
    fn bus_channels(&self, direction: BusDirection) -> usize {
        // SAFETY: as in `infos`.
        unsafe {
            let mut info: BusInfo = zeroed();
            if self
                .component
                .getBusInfo(MediaTypes_::kAudio as i32, direction, 0, &mut info)
                == kResultOk
            {
                info.channelCount as usize
            } else {
                0
            }
        }
    }

    /// Runs `process` on what the channels hold.
    fn run(&mut self, len: usize, changes: &[Change]) -> Result<(), Error> {
        let bus = |(channels, pointers): (usize, *mut *mut f32)| AudioBusBuffers {
            numChannels: channels as i32,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 {
                channelBuffers32: pointers,
            },
        };
        let mut input = bus(self.buffers.input());
        // SAFETY: the block was set just now.
        input.silenceFlags = unsafe { self.buffers.silent_input(len) };
        let mut output = bus(self.buffers.output());
        // No list where there are no changes: so this allocates nothing in most blocks.
        let changes = (!changes.is_empty())
            .then(|| ComWrapper::new(Changes::new(changes)).to_com_ptr::<IParameterChanges>())
            .flatten();
        self.answers.clear();
        let answers = self.answers.to_com_ptr::<IParameterChanges>();
        // SAFETY: zeroes are a context in which nothing is known.
        let mut context: ProcessContext = unsafe { zeroed() };
        context.sampleRate = self.setup.sampleRate;
        context.projectTimeSamples = self.time;
        context.continousTimeSamples = self.time;
        let pointer =
            |changes: &Option<ComPtr<IParameterChanges>>| changes.as_ref().map_or(null_mut(), ComPtr::as_ptr);
        let mut data = ProcessData {
            processMode: self.setup.processMode,
            symbolicSampleSize: self.setup.symbolicSampleSize,
            numSamples: len as i32,
            numInputs: i32::from(len > 0),
            numOutputs: i32::from(len > 0),
            inputs: &mut input,
            outputs: &mut output,
            inputParameterChanges: pointer(&changes),
            outputParameterChanges: pointer(&answers),
            inputEvents: null_mut(),
            outputEvents: null_mut(),
            processContext: &mut context,
        };
        self.time += len as i64;
        // SAFETY: all that the data point to lives through the call, and the channels have as many samples as they say.
        if unsafe { self.processor.process(&mut data) } != kResultOk {
            return Err(Error::Refused("IAudioProcessor::process"));
        }
        // SAFETY: as above.
        if output.silenceFlags & !unsafe { self.buffers.silent_output(len) } != 0 {
            self.handler
                .complain("sound in a channel that is said to be silent".to_owned());
        }
        Ok(())
    }
}

impl Plugin for Instance {
    fn controls(&self) -> Arc<dyn crate::Controls> {
        self.controls.clone()
    }

    fn set(&mut self, parameter: u32, value: f64) {
        // SAFETY: a plain call.
        unsafe { self.controls.controller.setParamNormalized(parameter, value) };
    }

    fn channels(&self) -> (usize, usize) {
        (
            self.bus_channels(BusDirections_::kInput as i32),
            self.bus_channels(BusDirections_::kOutput as i32),
        )
    }

    fn set_channels(&mut self, channels: usize) -> bool {
        let (mut input, mut output) = (arrangement(channels), arrangement(channels));
        // SAFETY: one arrangement for the one bus in each direction.
        let taken = unsafe { self.processor.setBusArrangements(&mut input, 1, &mut output, 1) };
        taken == kResultOk && self.channels() == (channels, channels)
    }

    fn activate(&mut self, setup: &Setup) -> Result<(), Error> {
        let mode = if setup.offline {
            ProcessModes_::kOffline
        } else {
            ProcessModes_::kRealtime
        };
        self.setup = ProcessSetup {
            processMode: mode as i32,
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as i32,
            maxSamplesPerBlock: setup.max_block as i32,
            sampleRate: setup.sample_rate,
        };
        // SAFETY: calls in the format's order, while not active.
        unsafe {
            if self.processor.setupProcessing(&mut self.setup) != kResultOk {
                return Err(Error::Refused("IAudioProcessor::setupProcessing"));
            }
            for direction in [BusDirections_::kInput, BusDirections_::kOutput] {
                self.component
                    .activateBus(MediaTypes_::kAudio as i32, direction as i32, 0, 1);
            }
            if self.component.setActive(1) != kResultOk {
                return Err(Error::Refused("IComponent::setActive"));
            }
        }
        self.active = true;
        Ok(())
    }

    fn deactivate(&mut self) {
        // SAFETY: a call while active and not processing.
        unsafe { self.component.setActive(0) };
        self.active = false;
    }

    fn start(&mut self) -> Result<(), Error> {
        self.time = 0;
        // The answer says nothing: many plugins that need not know do not implement the call.
        // SAFETY: a call while active.
        unsafe { self.processor.setProcessing(TBool::from(true)) };
        self.running = true;
        Ok(())
    }

    fn stop(&mut self) {
        // SAFETY: a call while active.
        unsafe { self.processor.setProcessing(TBool::from(false)) };
        self.running = false;
    }

    fn process(&mut self, audio: Audio, changes: &[Change]) -> Result<(), Error> {
        let len = self.buffers.set(audio);
        self.run(len, changes)
    }

    fn latency(&self) -> usize {
        // SAFETY: a plain call.
        unsafe { self.processor.getLatencySamples() as usize }
    }

    fn tail(&self) -> Option<usize> {
        // SAFETY: a plain call.
        let tail = unsafe { self.processor.getTailSamples() };
        (tail != kInfiniteTail).then_some(tail as usize)
    }

    fn idle(&mut self) -> Requests {
        self.handler.take_requests()
    }

    fn open_editor(&mut self, _window: u32) -> Result<(u32, u32), Error> {
        Err(Error::Missing("an editor that this host can open"))
    }

    fn resize_editor(&mut self, _width: u32, _height: u32) -> Result<(u32, u32), Error> {
        Err(Error::Missing("an open editor"))
    }

    fn close_editor(&mut self) {}

    fn complaints(&self) -> Vec<String> {
        self.handler.complaints()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.running {
            self.stop();
        }
        if self.active {
            self.deactivate();
        }
    }
}

/// The speakers that hosts use for a number of channels; discrete ones beyond 7.1.
fn arrangement(channels: usize) -> SpeakerArrangement {
    match channels {
        1 => SpeakerArr::kMono,
        2 => SpeakerArr::kStereo,
        3 => SpeakerArr::k30Cine,
        4 => SpeakerArr::k40Music,
        5 => SpeakerArr::k50,
        6 => SpeakerArr::k51,
        7 => SpeakerArr::k70Cine,
        8 => SpeakerArr::k71Cine,
        // Any bits: plugins here count them.
        n => (1 << n) - 1,
    }
}
