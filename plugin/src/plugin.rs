//! What hosts call.

use crate::editor::PluginEditor;
use crate::hosting::Link;
use crate::identity;
use crate::learned::Learner;
use crate::matched_bypass::MatchedBypass;
use crate::monitor::{Receiver, Stream, Transmitter, monitor};
use crate::parameters::{Parameters, Quality};
use crate::saved;
use aeden::switchable::SwitchableDenoiser;
use aeden::{Config, Model};
use nice_plug::prelude::*;
use std::sync::{Arc, OnceLock};

/// The plugin, one instance of it.
///
/// Latency depends on the host's rate and the quality alone. Rates that [`Config`] does not allow are not refused, since hosts then
/// stay silent: sound passes untouched and without latency.
pub struct AedenPlugin {
    parameters: Arc<Parameters>,
    /// To the format around it.
    link: Arc<Link>,
    /// Shows the editor what happens.
    transmitter: Transmitter,
    /// The other end, until the host asks for the editor.
    receiver: Option<Receiver>,
    /// What the sound goes through: there from the first activation on, unless the rate is not allowed.
    sound: Option<Sound>,
    /// Keeps what the denoiser learns.
    learner: Learner,
    /// What it was built for: rate in Hz, channels, samples in the longest block, network.
    built_for: Option<(u32, usize, u32, Quality)>,
}

impl Default for AedenPlugin {
    fn default() -> Self {
        let (transmitter, receiver) = monitor();
        let link = Link::take();
        let parameters = Arc::new(Parameters::linked(&link));
        Self {
            learner: Learner::new(&parameters.learned),
            parameters,
            link,
            transmitter,
            receiver: Some(receiver),
            sound: None,
            built_for: None,
        }
    }
}

/// What the sound goes through.
struct Sound {
    denoiser: SwitchableDenoiser,
    bypass: MatchedBypass,
}

/// The most channels.
const MAX_CHANNELS: usize = SwitchableDenoiser::MAX_CHANNELS;

/// No sample beyond ± this comes out, +36 dBFS, unless the input is asked for untouched: 24 dB of gain on sound 12 dB above full
/// scale. What is louder comes of broken input, and would be a bang.
const CEILING: f32 = 63.1;

/// A model, read once for all instances.
fn model(quality: Quality) -> &'static Model {
    static MODELS: [OnceLock<Model>; 3] = [const { OnceLock::new() }; 3];
    MODELS[quality as usize].get_or_init(|| match quality {
        Quality::Light => Model::light(),
        Quality::High => Model::high(),
        Quality::Best => Model::best(),
    })
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

impl AedenPlugin {
    /// What its window shows and moves.
    #[cfg(feature = "standalone")]
    pub(crate) fn parameters(&self) -> &Arc<Parameters> {
        &self.parameters
    }

    /// The editor, the first time.
    pub(crate) fn window(&mut self) -> Option<PluginEditor> {
        let receiver = self.receiver.take()?;
        Some(PluginEditor::new(
            self.parameters.clone(),
            self.link.clone(),
            receiver,
        ))
    }

    /// Makes ready for sound of `rate` Hz in blocks of at most `block` samples, and gives the latency in samples. Does nothing
    /// where nothing has changed.
    ///
    /// # Errors
    /// As [`SwitchableDenoiser::new`]; not for the rate, at which sound passes untouched then.
    pub(crate) fn prepare(&mut self, rate: u32, channels: usize, block: u32) -> Result<u32, aeden::Error> {
        let quality = self.parameters.quality.value();
        if self.built_for != Some((rate, channels, block, quality)) {
            let settings = self.parameters.settings();
            let allowed = (Config::MIN_SAMPLE_RATE..=Config::MAX_SAMPLE_RATE).contains(&rate);
            self.sound = None;
            self.built_for = None;
            if allowed {
                let mut denoiser = SwitchableDenoiser::new(model(quality), rate, channels, &settings)?;
                self.learner.prepare(&mut denoiser, rate);
                let bypass = MatchedBypass::new(rate, channels, denoiser.latency(), block as usize);
                self.sound = Some(Sound { denoiser, bypass });
            } else {
                nice_warn!("at {rate} Hz sound passes untouched");
            }
            self.built_for = Some((rate, channels, block, quality));
        }
        let denoiser = self.sound.as_ref().map(|sound| &sound.denoiser);
        let latency = denoiser.map_or(0, SwitchableDenoiser::latency) as u32;
        let tail = denoiser.map_or(0, SwitchableDenoiser::tail) as u32;
        self.transmitter.facts().set_stream(Stream {
            sample_rate: rate,
            latency,
            channels: channels as u32,
        });
        self.link.note_activation(quality as u8, tail);
        Ok(latency)
    }

    /// Cleans a block in place, a slice a channel. Gives for how many samples sound goes on after the input has ended, or nothing
    /// where it passes untouched.
    pub(crate) fn clean(&mut self, channels: &mut [&mut [f32]]) -> Option<u32> {
        self.transmitter.before(channels);
        let tail = self.sound.as_mut().map(|Sound { denoiser, bypass }| {
            let settings = self.parameters.settings();
            let unmatched = self.parameters.unmatched(&settings);
            denoiser.set_bands(self.parameters.bands());
            bypass.keep(channels);
            self.learner.hear(channels, self.parameters.learn.value());
            denoiser.process(channels, &unmatched);
            self.learner.learn(denoiser);
            bypass.give(channels, self.parameters.bypass_match.value(), settings.bypass);
            if !unmatched.leaves_untouched() {
                for sample in channels.iter_mut().flat_map(|channel| channel.iter_mut()) {
                    *sample = sample.clamp(-CEILING, CEILING);
                }
            }
            denoiser.tail() as u32
        });
        self.transmitter.after(channels);
        tail
    }
}

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
        self.window()
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
        match self.prepare(rate, channels, buffers.max_buffer_size) {
            Ok(latency) => {
                context.set_latency_samples(latency);
                true
            }
            Err(problem) => {
                nice_error!("{problem}");
                false
            }
        }
    }

    fn reset(&mut self) {
        if self.link.is_resuming() {
            return;
        }
        if let Some(Sound { denoiser, bypass }) = &mut self.sound {
            let settings = self.parameters.settings();
            denoiser.set_bands(self.parameters.bands());
            self.learner.begin(denoiser);
            denoiser.reset(&self.parameters.unmatched(&settings));
            bypass.reset(settings.bypass && self.parameters.bypass_match.value());
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        self.clean(buffer.as_slice())
            .map_or(ProcessStatus::Normal, ProcessStatus::Tail)
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

    /// A page for the knobs of a controller.
    fn remote_controls(&self, context: &mut impl RemoteControlsContext) {
        let parameters = &self.parameters;
        context.add_section(identity::NAME, |section| {
            section.add_page("Denoiser", |page| {
                page.add_param(&parameters.strength);
                page.add_param(&parameters.mix);
                page.add_param(&parameters.gain);
                page.add_param(&parameters.delta);
                page.add_param(&parameters.link);
                page.add_param(&parameters.quality);
                page.add_param(&parameters.bypass_match);
                page.add_param(&parameters.bypass);
            });
            for pair in parameters
                .nodes
                .chunks(2)
                .zip(["Bands 1 and 2", "Bands 3 and 4", "Bands 5 and 6"])
            {
                let (nodes, name) = pair;
                section.add_page(name, |page| {
                    for node in nodes {
                        page.add_param(&node.on);
                        page.add_param(&node.pitch);
                        page.add_param(&node.limit);
                        page.add_spacer();
                    }
                });
            }
        });
    }
}

impl Vst3Plugin for AedenPlugin {
    const VST3_CLASS_ID: [u8; 16] = identity::VST3_CLASS_ID;
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Fx, Vst3SubCategory::Restoration];
}
