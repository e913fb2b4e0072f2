//! What hosts call.

use crate::editor::PluginEditor;
use crate::identity;
use crate::monitor::{Receiver, Stream, Transmitter, monitor};
use crate::parameters::Parameters;
use crate::saved;
use aeden::switchable::SwitchableDenoiser;
use aeden::{Config, Model};
use nice_plug::prelude::*;
use std::sync::{Arc, OnceLock};

/// The plugin, one instance of it.
///
/// Latency depends on the host's rate alone. Rates that [`Config`] does not allow are not refused, since hosts then
/// stay silent: sound passes untouched and without latency.
pub struct AedenPlugin {
    parameters: Arc<Parameters>,
    /// Shows the editor what happens.
    transmitter: Transmitter,
    /// The other end, until the host asks for the editor.
    receiver: Option<Receiver>,
    /// There from the first activation on, unless the rate is not allowed.
    denoiser: Option<SwitchableDenoiser>,
    /// What the denoiser was built for: rate in Hz and channels.
    built_for: Option<(u32, usize)>,
}

impl Default for AedenPlugin {
    fn default() -> Self {
        let (transmitter, receiver) = monitor();
        Self {
            parameters: Arc::default(),
            transmitter,
            receiver: Some(receiver),
            denoiser: None,
            built_for: None,
        }
    }
}

/// The most channels.
const MAX_CHANNELS: usize = SwitchableDenoiser::MAX_CHANNELS;

/// The model, read once for all instances.
fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(Model::high)
}

/// As many channels out as in, from 1 to [`MAX_CHANNELS`]; stereo, the usual, comes first.
const LAYOUTS: [AudioIOLayout; MAX_CHANNELS] = {
    let mut layouts = [AudioIOLayout::const_default(); MAX_CHANNELS];
    let mut i = 0;
    while i < MAX_CHANNELS {
        let channels = match i {
            0 => 2,
            1 => 1,
            _ => i as u32 + 1,
        };
        layouts[i].main_input_channels = NonZeroU32::new(channels);
        layouts[i].main_output_channels = NonZeroU32::new(channels);
        i += 1;
    }
    layouts
};

impl Plugin for AedenPlugin {
    const NAME: &'static str = identity::NAME;
    const VENDOR: &'static str = identity::VENDOR;
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = identity::VERSION;
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &LAYOUTS;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = PluginEditor;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.parameters.clone()
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<PluginEditor> {
        let receiver = self.receiver.take()?;
        Some(PluginEditor::new(self.parameters.clone(), receiver))
    }

    fn filter_state(state: &mut PluginState) {
        if let Err(problem) = saved::check(state) {
            nice_error!("The saved state is not used: {problem}");
            state.params.clear();
            state.fields.clear();
        }
    }

    /// Cheap where nothing has changed: hosts call this again whenever the latency has.
    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        buffers: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let rate = buffers.sample_rate.round() as u32;
        let channels = layout.main_output_channels.map_or(0, NonZeroU32::get) as usize;
        if self.built_for != Some((rate, channels)) {
            let settings = self.parameters.settings();
            let allowed = (Config::MIN_SAMPLE_RATE..=Config::MAX_SAMPLE_RATE).contains(&rate);
            self.denoiser = None;
            self.built_for = None;
            if allowed {
                match SwitchableDenoiser::new(model(), rate, channels, &settings) {
                    Ok(denoiser) => self.denoiser = Some(denoiser),
                    Err(problem) => {
                        nice_error!("{problem}");
                        return false;
                    }
                }
            } else {
                nice_warn!("at {rate} Hz sound passes untouched");
            }
            self.built_for = Some((rate, channels));
        }
        let latency = self.denoiser.as_ref().map_or(0, SwitchableDenoiser::latency) as u32;
        self.transmitter.facts().set_stream(Stream {
            sample_rate: rate,
            latency,
            channels: channels as u32,
        });
        context.set_latency_samples(latency);
        true
    }

    fn reset(&mut self) {
        if let Some(denoiser) = &mut self.denoiser {
            denoiser.reset(&self.parameters.settings());
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let channels = buffer.as_slice();
        self.transmitter.before(channels);
        let status = match &mut self.denoiser {
            Some(denoiser) => {
                denoiser.process(channels, &self.parameters.settings());
                ProcessStatus::Tail(denoiser.tail() as u32)
            }
            None => ProcessStatus::Normal,
        };
        self.transmitter.after(channels);
        status
    }
}

impl ClapPlugin for AedenPlugin {
    const CLAP_ID: &'static str = identity::ID;
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Takes noise out of speech");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::AudioEffect,
        ClapFeature::Restoration,
        ClapFeature::Mono,
        ClapFeature::Stereo,
        ClapFeature::Surround,
    ];
}

impl Vst3Plugin for AedenPlugin {
    const VST3_CLASS_ID: [u8; 16] = identity::VST3_CLASS_ID;
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Fx, Vst3SubCategory::Restoration];
}
