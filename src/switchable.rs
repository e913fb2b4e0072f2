//! A denoiser whose channel link can be switched while it runs.
//!
//! [`Denoiser`] has its link for life. So both kinds are built ahead; one runs. When the link is switched, the other
//! one first listens for half a second, until what its network remembers is as good as what the running one
//! remembers; then the sound fades over, and the first one rests. Both run only meanwhile.

use crate::denoiser::{BandLimits, Config, Denoiser, Link, Listen, StreamState};
use crate::error::Error;
use crate::model::Model;
use std::fmt;
use std::ops::Range;

/// Seconds that a denoiser listens before it is heard.
const WARM_UP_SECONDS: f64 = 0.5;

/// The most samples that are faded at once.
const PART: usize = 512;

/// Everything that can be set while a [`SwitchableDenoiser`] runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// In dB; `None` for no limit.
    pub attenuation_limit: Option<f32>,
    /// 0 to 1.
    pub mix: f32,
    /// In dB.
    pub output_gain: f32,
    /// The signal at the output.
    pub listen: Listen,
    /// One mask for all channels, or one for each.
    pub link: Link,
    /// The input passes untouched.
    pub bypass: bool,
}

impl Settings {
    /// The output is the input, bit for bit.
    pub fn leaves_untouched(&self) -> bool {
        let takes_nothing = self.mix <= 0.0 || self.attenuation_limit.is_some_and(|limit| limit <= 0.0);
        self.bypass || (takes_nothing && self.output_gain == 0.0 && self.listen == Listen::Cleaned)
    }
}

/// A denoiser whose channel [`Link`] can be switched while it runs: a [`Denoiser`] for each link, and the way from one to
/// the other, which takes half a second. For plugins; with one channel it is a mere [`Denoiser`].
pub struct SwitchableDenoiser {
    /// The one that is heard.
    running: Kind,
    /// The other one, where the link makes a difference.
    resting: Option<Kind>,
    /// Samples since the other one began to listen, if it does.
    switching: Option<usize>,
    /// Samples that it listens.
    warm_up: usize,
    /// Length of the crossfade in samples.
    fade: usize,
    /// `[channel][PART]`, what the other one makes of the input.
    other: Vec<Vec<f32>>,
}

/// A denoiser and the link that it was built with.
struct Kind {
    link: Link,
    denoiser: Denoiser,
}

impl Kind {
    fn apply(&mut self, settings: &Settings) {
        self.denoiser.set_attenuation_limit(settings.attenuation_limit);
        self.denoiser.set_mix(settings.mix);
        self.denoiser.set_output_gain(settings.output_gain);
        self.denoiser.set_listen(settings.listen);
        self.denoiser.set_bypass(settings.bypass);
    }

    /// Processes a part of every channel.
    fn process<'a>(&mut self, channels: impl IntoIterator<Item = &'a mut [f32]>, part: Range<usize>) {
        let mut parts: [&mut [f32]; SwitchableDenoiser::MAX_CHANNELS] = std::array::from_fn(|_| &mut [][..]);
        let mut count = 0;
        for (slot, channel) in parts.iter_mut().zip(channels) {
            *slot = &mut channel[part.clone()];
            count += 1;
        }
        self.denoiser.process(&mut parts[..count]);
    }
}

impl SwitchableDenoiser {
    /// The most channels.
    pub const MAX_CHANNELS: usize = 16;

    /// Builds all there is for a host's rate (Hz) and number of channels. Allocates.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate outside what [`Config`] allows, and for no or more than [`MAX_CHANNELS`](Self::MAX_CHANNELS) channels.
    pub fn new(model: &Model, sample_rate: u32, channels: usize, settings: &Settings) -> Result<Self, Error> {
        let max = Self::MAX_CHANNELS;
        if channels > max {
            return Err(Error::Setting(format!(
                "the number of channels must be 1 to {max}, not {channels}"
            )));
        }
        let build = |link| {
            let config = Config::new(sample_rate, channels).link(link);
            let denoiser = if model.looks_ahead() {
                Denoiser::with_look_ahead(model, &config)
            } else {
                Denoiser::with_model(model, &config)
            }?;
            Ok::<_, Error>(Kind { link, denoiser })
        };
        let seconds = |seconds: f64| (f64::from(sample_rate) * seconds) as usize;
        let running = build(Link::Linked)?;
        let resting = (channels > 1).then(|| build(Link::Independent)).transpose()?;
        let mut switchable = Self {
            warm_up: running.denoiser.latency() + seconds(WARM_UP_SECONDS),
            fade: seconds(Denoiser::FADE_SECONDS),
            running,
            resting,
            switching: None,
            other: vec![vec![0.0; PART]; channels],
        };
        switchable.reset(settings);
        Ok(switchable)
    }

    /// Latency in samples, constant and exact.
    pub fn latency(&self) -> usize {
        self.running.denoiser.latency()
    }

    /// For how many samples sound can still come out after the input has fallen silent.
    pub fn tail(&self) -> usize {
        self.running.denoiser.tail()
    }

    /// Sets limits along frequency, as [`Denoiser::set_bands`] does.
    pub fn set_bands(&mut self, bands: BandLimits) {
        for kind in self.kinds() {
            kind.denoiser.set_bands(bands);
        }
    }

    /// As [`Denoiser::state`], with room for the one of any link.
    pub fn state(&self) -> StreamState {
        let mut state = self.running.denoiser.state();
        if let Some(resting) = &self.resting {
            state.reserve(resting.denoiser.state_numbers());
        }
        state
    }

    /// As [`Denoiser::write_state`], of what is heard.
    pub fn write_state(&self, state: &mut StreamState) {
        self.running.denoiser.write_state(state);
    }

    /// As [`Denoiser::begin_with`].
    pub fn begin_with(&mut self, state: Option<&StreamState>) -> bool {
        let mut all = true;
        for kind in self.kinds() {
            all &= kind.denoiser.begin_with(state);
        }
        all
    }

    /// Replaces the samples of every channel, as [`Denoiser::process`] does. Neither allocates, locks nor fails;
    /// how blocks are cut changes no sample.
    pub fn process(&mut self, channels: &mut [&mut [f32]], settings: &Settings) {
        for kind in self.kinds() {
            kind.apply(settings);
        }
        self.switch_to(settings.link);
        let len = channels.iter().map(|c| c.len()).min().unwrap_or(0);
        let mut start = 0;
        while start < len {
            // Without a switch in progress all goes through in one piece, which is faster.
            let Some(done) = self.switching else {
                self.running.process(rows(channels), start..len);
                return;
            };
            let end = len.min(start + PART).min(start + self.end() - done);
            self.process_both(channels, start..end, done);
            start = end;
            if self.switching == Some(self.end()) {
                self.finish_switching();
                self.switch_to(settings.link);
            }
        }
    }

    /// Forgets all sound; fades and switches are over at once.
    pub fn reset(&mut self, settings: &Settings) {
        self.switching = None;
        if self.running.link != settings.link
            && let Some(resting) = &mut self.resting
        {
            std::mem::swap(&mut self.running, resting);
        }
        for kind in self.kinds() {
            kind.apply(settings);
            kind.denoiser.reset();
        }
    }

    fn kinds(&mut self) -> impl Iterator<Item = &mut Kind> {
        std::iter::once(&mut self.running).chain(&mut self.resting)
    }

    /// Duration of a switch in samples.
    fn end(&self) -> usize {
        self.warm_up + self.fade
    }

    /// Begins a switch, or takes one back that cannot be heard yet.
    fn switch_to(&mut self, link: Link) {
        let Some(resting) = &mut self.resting else {
            return;
        };
        match self.switching {
            None if self.running.link != link => {
                resting.denoiser.reset();
                self.switching = Some(0);
            }
            Some(done) if self.running.link == link && done <= self.warm_up => self.switching = None,
            // Where the sound is fading already, it goes on to the end, and then back.
            _ => {}
        }
    }

    fn finish_switching(&mut self) {
        self.switching = None;
        if let Some(resting) = &mut self.resting {
            std::mem::swap(&mut self.running, resting);
        }
    }

    /// Lets both run, and fades from one to the other; `done` samples of the switch are over.
    fn process_both(&mut self, channels: &mut [&mut [f32]], part: Range<usize>, done: usize) {
        let len = part.len();
        for (other, channel) in self.other.iter_mut().zip(&*channels) {
            other[..len].copy_from_slice(&channel[part.clone()]);
        }
        self.running.process(rows(channels), part.clone());
        if let Some(resting) = &mut self.resting {
            resting.process(self.other.iter_mut().map(|row| &mut row[..]), 0..len);
        }
        for (other, channel) in self.other.iter().zip(channels) {
            for (i, (other, sample)) in other[..len].iter().zip(&mut channel[part.clone()]).enumerate() {
                let faded = (done + i).saturating_sub(self.warm_up);
                let step = (other - *sample) * (faded as f32 / self.fade as f32);
                if step != 0.0 {
                    let faded = *sample + step;
                    // Hosts do not want subnormal numbers, which cost them time.
                    *sample = if faded.is_subnormal() { 0.0 } else { faded };
                }
            }
        }
        self.switching = Some(done + len);
    }
}

impl fmt::Debug for SwitchableDenoiser {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("SwitchableDenoiser")
            .field("running", &self.running.denoiser)
            .field("link", &self.running.link)
            .finish_non_exhaustive()
    }
}

fn rows<'a>(channels: &'a mut [&mut [f32]]) -> impl Iterator<Item = &'a mut [f32]> {
    channels.iter_mut().map(|channel| &mut **channel)
}
