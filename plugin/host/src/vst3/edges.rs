//! Questions at the edge of the format, as validators ask them.

use super::library::text16;
use super::{Bundle, Instance};
use crate::{Error, Plugin, Setup};
use std::ffi::c_char;
use std::mem::zeroed;
use std::ptr::null_mut;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, BusDirections_, BusInfo, BusInfo_, BusTypes_,
    IAudioProcessorTrait, IComponent, IComponentTrait, IEditControllerTrait, IHostApplication,
    IProcessContextRequirements, IUnitInfo, IUnitInfoTrait, MediaTypes_, ParameterInfo,
    ParameterInfo_::ParameterFlags_, ProcessContext, ProcessData, SpeakerArr, SpeakerArrangement,
    SymbolicSampleSizes_, UnitInfo, kRootUnitId,
};
use vst3::Steinberg::{
    FUnknown, IBStream, IPluginBaseTrait, IPluginFactoryTrait, PClassInfo, TUID, kResultOk,
};
use vst3::{Interface, uid};

/// A number that stands for nothing.
const NOTHING: u32 = 0x00ab_cdef;

/// The arrangements of speakers that validators try in every pair.
const ARRANGEMENTS: [SpeakerArrangement; 22] = [
    SpeakerArr::kEmpty,
    SpeakerArr::kMono,
    SpeakerArr::kStereo,
    SpeakerArr::kStereoSurround,
    SpeakerArr::kStereoCenter,
    SpeakerArr::kStereoSide,
    SpeakerArr::kStereoCLfe,
    SpeakerArr::k30Cine,
    SpeakerArr::k31Music,
    SpeakerArr::k40Cine,
    SpeakerArr::k41Music,
    SpeakerArr::k50,
    SpeakerArr::k51,
    SpeakerArr::k60Cine,
    SpeakerArr::k61Music,
    SpeakerArr::k70Cine,
    SpeakerArr::k71Cine,
    SpeakerArr::k80Cube,
    SpeakerArr::k90,
    SpeakerArr::k102,
    SpeakerArr::k131,
    SpeakerArr::k222,
];

/// The id of no class and no interface.
const NO_ID: TUID = uid(NOTHING, NOTHING, NOTHING, NOTHING);

impl Bundle {
    /// Asks for buses, parameters, classes and more that are not there, and for the life of an instance in unusual
    /// orders. Gives what was answered otherwise than the format demands.
    ///
    /// It never asks for the parameter just behind the last, for which `nice-plug` 0.4 takes down its host.
    ///
    /// # Errors
    /// If there is no instance to ask.
    pub fn wrong_answers(&self) -> Result<Vec<String>, Error> {
        let class = *self
            .effects()
            .first()
            .ok_or(Error::Missing("a class that processes sound"))?;
        let mut instance = Instance::new(&self.factory, &class.cid, self.module.clone())?;
        let mut wrong = Vec::new();
        let mut expect = |right: bool, what: &str| {
            if !right {
                wrong.push(what.to_owned());
            }
        };
        self.ask_factory(&mut expect);
        instance.ask_for_buses(&mut expect);
        instance.ask_for_parameters(&mut expect);
        instance.ask_for_arrangements(&mut expect);
        instance.ask_for_flags(&mut expect);
        instance.flood(&mut expect)?;
        instance.ask_for_states(&mut expect);
        instance.ask_for_lives(&mut expect)?;
        wrong.extend(instance.complaints());
        Ok(wrong)
    }

    fn ask_factory(&self, expect: &mut dyn FnMut(bool, &str)) {
        // SAFETY: calls of the main thread; all pointers are to places of the type that the call fills.
        unsafe {
            let mut info: PClassInfo = zeroed();
            for index in [-1, self.factory.countClasses()] {
                let got = self.factory.getClassInfo(index, &mut info);
                expect(got != kResultOk, &format!("a class of index {index}"));
            }
            let mut object = null_mut();
            let made = self.factory.createInstance(
                NO_ID.as_ptr(),
                IComponent::IID.as_ptr().cast::<c_char>(),
                &mut object,
            );
            expect(made != kResultOk && object.is_null(), "an instance of no class");
        }
    }
}

impl Instance {
    fn ask_for_buses(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        let audio = MediaTypes_::kAudio as i32;
        // SAFETY: as in `ask_factory`.
        unsafe {
            let mut info: BusInfo = zeroed();
            for direction in [BusDirections_::kInput, BusDirections_::kOutput].map(|d| d as i32) {
                expect(
                    self.component.getBusCount(audio, direction) == 1,
                    "one bus in each direction",
                );
                let found = self.component.getBusInfo(audio, direction, 0, &mut info);
                expect(found == kResultOk && info.name[0] != 0, "a name of the bus");
                for index in [-1, 1, 99] {
                    let got = self.component.getBusInfo(audio, direction, index, &mut info);
                    expect(got != kResultOk, &format!("a bus of index {index}"));
                    let got = self.component.activateBus(audio, direction, index, 1);
                    expect(got != kResultOk, &format!("activation of bus {index}"));
                    let mut speakers = 0;
                    let got = self.processor.getBusArrangement(direction, index, &mut speakers);
                    expect(got != kResultOk, &format!("speakers of bus {index}"));
                }
                for state in [1, 0, 1] {
                    let got = self.component.activateBus(audio, direction, 0, state);
                    expect(got == kResultOk, "activation of the only bus");
                }
            }
            let (mut mono, mut stereo) = (SpeakerArr::kMono, SpeakerArr::kStereo);
            let got = self.processor.setBusArrangements(&mut mono, 1, &mut stereo, 1);
            expect(
                got != kResultOk && self.channels() == (2, 2),
                "mono in and stereo out refused",
            );
            for (size, can) in [
                (SymbolicSampleSizes_::kSample32, true),
                (SymbolicSampleSizes_::kSample64, false),
            ] {
                let got = self.processor.canProcessSampleSize(size as i32) == kResultOk;
                expect(got == can, &format!("samples of kind {size}: {can}"));
            }
        }
    }

    fn ask_for_parameters(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        // SAFETY: as in `ask_factory`.
        unsafe {
            let mut info: ParameterInfo = zeroed();
            let count = self.controls.controller.getParameterCount();
            for index in [-1, count + 1, i32::MAX] {
                let got = self.controls.controller.getParameterInfo(index, &mut info);
                expect(got != kResultOk, &format!("a parameter of index {index}"));
            }
            let mut text = [0; 128];
            let got = self
                .controls
                .controller
                .getParamStringByValue(NOTHING, 0.5, &mut text);
            expect(got != kResultOk, "a text of no parameter");
            let got = self.controls.controller.setParamNormalized(NOTHING, 0.5);
            expect(got != kResultOk, "a value of no parameter");
            let units = self.controls.controller.cast::<IUnitInfo>();
            for parameter in self.controls.infos() {
                let known = parameter.unitId == kRootUnitId
                    || units.as_ref().is_some_and(|units| {
                        (0..units.getUnitCount()).any(|index| {
                            let mut unit: UnitInfo = zeroed();
                            units.getUnitInfo(index, &mut unit) == kResultOk && unit.id == parameter.unitId
                        })
                    });
                expect(known, "the unit of every parameter");
                let plain = self
                    .controls
                    .controller
                    .normalizedParamToPlain(parameter.id, parameter.defaultNormalizedValue);
                let back = self
                    .controls
                    .controller
                    .plainParamToNormalized(parameter.id, plain);
                expect(
                    (back - parameter.defaultNormalizedValue).abs() < 1e-6,
                    "the default, made plain and back",
                );
            }
        }
    }

    fn ask_for_states(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        // SAFETY: as in `ask_factory`; a null stream is what this is about.
        unsafe {
            let none: *mut IBStream = null_mut();
            expect(self.component.getState(none) != kResultOk, "a state to nowhere");
            expect(self.component.setState(none) != kResultOk, "a state from nowhere");
            let mut class = NO_ID;
            let apart = self.component.getControllerClassId(&mut class);
            expect(apart != kResultOk, "no other class for the controller");
            let object = self.component.as_ptr().cast::<FUnknown>();
            let mut other = null_mut();
            let got = ((*(*object).vtbl).queryInterface)(object, &NO_ID, &mut other);
            expect(got != kResultOk, "an interface that nobody has");
        }
    }

    /// Every pair of arrangements that validators try is taken if both have as many channels, 1 to 16, and refused if
    /// not; buses always tell the channels of their arrangement.
    fn ask_for_arrangements(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        let audio = MediaTypes_::kAudio as i32;
        for mut input in ARRANGEMENTS {
            for mut output in ARRANGEMENTS {
                let what = format!("the arrangements {input:#x} and {output:#x}");
                let channels = input.count_ones();
                let fit = channels == output.count_ones() && (1..=16).contains(&channels);
                // SAFETY: as in `ask_factory`; one arrangement for the one bus in each direction.
                unsafe {
                    let before = self.channels();
                    let taken = self.processor.setBusArrangements(&mut input, 1, &mut output, 1) == kResultOk;
                    expect(taken == fit, &format!("{what} taken: {fit}"));
                    let now = if fit {
                        (channels as usize, channels as usize)
                    } else {
                        before
                    };
                    expect(self.channels() == now, &format!("channels of {what}"));
                    for direction in [BusDirections_::kInput, BusDirections_::kOutput].map(|d| d as i32) {
                        let (mut info, mut speakers) = (zeroed::<BusInfo>(), 0);
                        let got = [
                            self.component.getBusInfo(audio, direction, 0, &mut info),
                            self.processor.getBusArrangement(direction, 0, &mut speakers),
                        ];
                        expect(
                            got == [kResultOk; 2] && speakers.count_ones() as i32 == info.channelCount,
                            &format!("a bus of the channels of its speakers, after {what}"),
                        );
                        let wanted = if direction == BusDirections_::kInput as i32 {
                            input
                        } else {
                            output
                        };
                        expect(
                            !fit || speakers == wanted,
                            &format!("the speakers that were taken, {what}"),
                        );
                        #[allow(clippy::unnecessary_cast)] // another type on other systems
                        expect(
                            info.busType == BusTypes_::kMain as i32
                                && info.flags & BusInfo_::BusFlags_::kDefaultActive as u32 != 0,
                            "main buses that are active by default",
                        );
                    }
                }
            }
        }
        expect(self.set_channels(2), "stereo");
    }

    /// Flags that contradict each other, units, and what hosts since VST 3.7 must be told.
    fn ask_for_flags(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        let has = |info: &ParameterInfo, flag: i32| info.flags & flag != 0;
        let mut bypasses = 0;
        for info in self.controls.infos() {
            let name = text16(&info.title);
            let read_only = has(&info, ParameterFlags_::kIsReadOnly);
            expect(
                !name.is_empty() && info.stepCount >= 0 && info.unitId >= -1,
                "a name, steps and a unit of every parameter",
            );
            expect(
                !(read_only
                    && has(
                        &info,
                        ParameterFlags_::kCanAutomate | ParameterFlags_::kIsProgramChange,
                    )),
                &format!("{name} not both read only and automated"),
            );
            if has(&info, ParameterFlags_::kIsBypass) {
                bypasses += 1;
                expect(
                    has(&info, ParameterFlags_::kCanAutomate),
                    "a bypass that can be automated",
                );
            }
        }
        expect(bypasses == 1, "one bypass");
        let Some(units) = self.controls.controller.cast::<IUnitInfo>() else {
            return;
        };
        let mut ids = Vec::new();
        // SAFETY: as in `ask_factory`.
        unsafe {
            expect(units.getUnitCount() >= 1, "a unit, where there are units");
            for index in 0..units.getUnitCount() {
                let mut unit: UnitInfo = zeroed();
                let got = units.getUnitInfo(index, &mut unit);
                expect(
                    got == kResultOk
                        && unit.id >= 0
                        && unit.name[0] != 0
                        && unit.parentUnitId >= -1
                        && unit.parentUnitId != unit.id
                        && unit.programListId >= -1,
                    "every unit with an id, a name and another one above it",
                );
                expect(!ids.contains(&unit.id), "an id of its own for every unit");
                ids.push(unit.id);
            }
            let mut unit: UnitInfo = zeroed();
            for index in [-1, units.getUnitCount()] {
                let got = units.getUnitInfo(index, &mut unit);
                expect(got != kResultOk, &format!("a unit of index {index}"));
            }
        }
        expect(
            self.processor.cast::<IProcessContextRequirements>().is_some(),
            "what of the context is needed, which has to be told since VST 3.7",
        );
    }

    /// Flags of silence that say nothing about the sound, in every combination, and a transport that jumps.
    fn flood(&mut self, expect: &mut dyn FnMut(bool, &str)) -> Result<(), Error> {
        const BLOCK: usize = 64;
        self.activate(&Setup::default())?;
        self.start()?;
        let (input, mut output) = ([[0.25f32; BLOCK]; 2], [[0.0f32; BLOCK]; 2]);
        for round in 0..200u32 {
            let mut inputs = input.each_ref().map(|channel| channel.as_ptr().cast_mut());
            let mut outputs = output.each_mut().map(|channel| channel.as_mut_ptr());
            let bus = |pointers: *mut *mut f32, silence: u64| AudioBusBuffers {
                numChannels: 2,
                silenceFlags: silence,
                __field0: AudioBusBuffers__type0 {
                    channelBuffers32: pointers,
                },
            };
            let mut ins = bus(inputs.as_mut_ptr(), u64::from(round % 4));
            let mut outs = bus(outputs.as_mut_ptr(), u64::from(round / 4 % 4));
            // SAFETY: zeroes are data without sound, and a context in which nothing is known; all that the data point
            // to lives through the call.
            let (data, answer) = unsafe {
                let mut context: ProcessContext = zeroed();
                context.state = round.wrapping_mul(0x9e37_79b9);
                context.sampleRate = 48_000.0;
                context.projectTimeSamples = i64::from(round.wrapping_mul(0x85eb_ca6b)) - (1 << 31);
                context.projectTimeMusic = f64::from(round) * 1e6 - 1e8;
                context.barPositionMusic = context.projectTimeMusic.round();
                context.tempo = f64::from(round % 7) * 300.0;
                context.timeSigNumerator = round as i32 % 5;
                context.timeSigDenominator = round as i32 % 3;
                let mut data: ProcessData = zeroed();
                data.symbolicSampleSize = SymbolicSampleSizes_::kSample32 as i32;
                data.numSamples = BLOCK as i32;
                (data.numInputs, data.numOutputs) = (1, 1);
                (data.inputs, data.outputs) = (&mut ins, &mut outs);
                data.processContext = if round % 8 == 0 { null_mut() } else { &mut context };
                let answer = self.processor.process(&mut data);
                (data, answer)
            };
            expect(
                answer == kResultOk && data.numSamples == BLOCK as i32,
                "every combination of flags processed",
            );
            expect(
                output.iter().flatten().all(|y| y.is_finite()),
                "numbers whatever the transport does",
            );
        }
        expect(input == [[0.25; BLOCK]; 2], "input left as it was");
        self.stop();
        self.deactivate();
        Ok(())
    }

    /// Terminated and initialised again, activated again and again, run without buses.
    fn ask_for_lives(&mut self, expect: &mut dyn FnMut(bool, &str)) -> Result<(), Error> {
        let host = self.application.to_com_ptr::<IHostApplication>();
        let context = host.as_ref().map_or(null_mut(), |host| host.as_ptr().cast());
        // SAFETY: as in `ask_factory`; data of zeroes has neither sound nor changes.
        unsafe {
            expect(self.component.terminate() == kResultOk, "to be terminated");
            expect(
                self.component.initialize(context) == kResultOk,
                "to be initialised again",
            );
            for _ in 0..3 {
                self.activate(&Setup::default())?;
                self.start()?;
                let mut nothing: ProcessData = zeroed();
                nothing.symbolicSampleSize = SymbolicSampleSizes_::kSample32 as i32;
                expect(
                    self.processor.process(&mut nothing) == kResultOk,
                    "to process nothing",
                );
                self.stop();
                self.deactivate();
            }
        }
        Ok(())
    }
}
