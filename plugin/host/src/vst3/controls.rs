//! What the main thread does with an instance, beside the sound.

use super::library::{Module, text16};
use super::stream::Stream;
use crate::Parameter;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::Arc;
use vst3::Steinberg::Vst::{
    IComponent, IComponentTrait, IEditController, IEditControllerTrait, ParameterInfo,
    ParameterInfo_::ParameterFlags_, TChar,
};
use vst3::Steinberg::{IBStream, IPluginBaseTrait, kResultOk};
use vst3::{ComPtr, ComWrapper};

/// Parameters and state of an initialised plugin; its end is the plugin's.
pub(super) struct Controls {
    pub component: ComPtr<IComponent>,
    pub controller: ComPtr<IEditController>,
    /// The code of the objects above; the last to go.
    pub _module: Arc<Module>,
}

impl Controls {
    /// What the plugin says about its parameters.
    pub fn infos(&self) -> Vec<ParameterInfo> {
        // SAFETY: the controller fills what it says it fills; zeroes are a valid description.
        unsafe {
            let get = |index| {
                let mut info: ParameterInfo = zeroed();
                (self.controller.getParameterInfo(index, &mut info) == kResultOk).then_some(info)
            };
            (0..self.controller.getParameterCount()).filter_map(get).collect()
        }
    }
}

impl crate::Controls for Controls {
    fn parameters(&self) -> Vec<Parameter> {
        let parameter = |info: ParameterInfo| Parameter {
            id: info.id,
            name: text16(&info.title),
            default: info.defaultNormalizedValue,
            steps: info.stepCount as u32,
            automatable: info.flags & ParameterFlags_::kCanAutomate != 0,
            bypass: info.flags & ParameterFlags_::kIsBypass != 0,
        };
        self.infos().into_iter().map(parameter).collect()
    }

    fn value(&self, parameter: u32) -> Option<f64> {
        let known = self.infos().iter().any(|info| info.id == parameter);
        // SAFETY: a plain call.
        known.then(|| unsafe { self.controller.getParamNormalized(parameter) })
    }

    fn text(&self, parameter: u32, value: f64) -> Option<String> {
        let mut text = [0; 128];
        // SAFETY: the text is as long as the type says.
        let told = unsafe { self.controller.getParamStringByValue(parameter, value, &mut text) };
        (told == kResultOk).then(|| text16(&text))
    }

    fn value_of(&self, parameter: u32, text: &str) -> Option<f64> {
        let mut text: Vec<TChar> = text.encode_utf16().chain([0]).collect();
        let mut value = 0.0;
        // SAFETY: the text ends with a zero.
        let read = unsafe {
            self.controller
                .getParamValueByString(parameter, text.as_mut_ptr(), &mut value)
        };
        (read == kResultOk).then_some(value)
    }

    fn save(&self) -> Option<Vec<u8>> {
        let stream = ComWrapper::new(Stream::default());
        let pointer = stream.to_com_ptr::<IBStream>()?;
        // SAFETY: the stream lives through the call.
        let saved = unsafe { self.component.getState(pointer.as_ptr()) };
        (saved == kResultOk).then(|| stream.bytes())
    }

    fn load(&self, state: &[u8]) -> bool {
        // As hosts do: the processor's state to both, each from the start.
        let Some(pointers) = [0; 2]
            .map(|_| ComWrapper::new(Stream::of(state)).to_com_ptr::<IBStream>())
            .into_iter()
            .collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        // SAFETY: the streams live through the calls.
        unsafe {
            self.component.setState(pointers[0].as_ptr()) == kResultOk
                && self.controller.setComponentState(pointers[1].as_ptr()) == kResultOk
        }
    }
}

impl Drop for Controls {
    fn drop(&mut self) {
        // SAFETY: the instance has deactivated the component; after this only references are given back.
        unsafe {
            self.controller.setComponentHandler(null_mut());
            self.component.terminate();
        }
    }
}
