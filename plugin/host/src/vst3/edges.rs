//! Questions at the edge of the format, as validators ask them.

use super::{Bundle, Instance};
use crate::{Error, Plugin, Setup};
use std::ffi::c_char;
use std::mem::zeroed;
use std::ptr::null_mut;
use vst3::Steinberg::Vst::{
    BusDirections_, BusInfo, IAudioProcessorTrait, IComponent, IComponentTrait, IEditControllerTrait,
    IHostApplication, IUnitInfo, IUnitInfoTrait, MediaTypes_, ParameterInfo, ProcessData, SpeakerArr,
    SymbolicSampleSizes_, UnitInfo, kRootUnitId,
};
use vst3::Steinberg::{
    FUnknown, IBStream, IPluginBaseTrait, IPluginFactoryTrait, PClassInfo, TUID, kResultOk,
};
use vst3::{Interface, uid};

/// A number that stands for nothing.
const NOTHING: u32 = 0x00ab_cdef;

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
