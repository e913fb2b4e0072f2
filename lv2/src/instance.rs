//! One instance of a plugin, whatever the format.

use crate::ports::{Control, Plugin, Port};
use aeden::presets::UNLIMITED;
use aeden::switchable::{Settings, SwitchableDenoiser};
use aeden::{Config, Error, Link, Listen};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The most samples that are cleaned at once.
const PART: usize = 4096;

/// A denoiser and the places that the host has connected it with.
#[derive(Debug)]
pub struct Instance {
    /// Not there where the host's rate is outside what [`Config`] allows: sound then passes untouched.
    denoiser: Option<SwitchableDenoiser>,
    ports: Vec<Port>,
    /// A place for each port; null until the host connects it.
    places: Vec<*mut f32>,
    /// `[channel][PART]`
    rows: Vec<Vec<f32>>,
    /// Whether the next sound is the first one, which the controls as they stand count for without a fade.
    is_fresh: bool,
}

impl Instance {
    /// For a host's rate in Hz. Allocates.
    ///
    /// # Errors
    /// Those of [`SwitchableDenoiser::new`]; none for a rate that is not allowed.
    pub fn new(plugin: &Plugin, sample_rate: f64) -> Result<Instance, Error> {
        let ports = plugin.ports();
        let rates = Config::MIN_SAMPLE_RATE..=Config::MAX_SAMPLE_RATE;
        // What is too large, or no number, becomes something that is not allowed.
        let rate = Some(sample_rate.round() as u32).filter(|rate| rates.contains(rate));
        let mut instance = Instance {
            denoiser: None,
            places: vec![std::ptr::null_mut(); ports.len()],
            ports,
            rows: vec![vec![0.0; PART]; plugin.channels],
            is_fresh: true,
        };
        if let Some(rate) = rate {
            // SAFETY: nothing is connected yet.
            let settings = unsafe { instance.settings() };
            let denoiser = SwitchableDenoiser::new(&plugin.model(), rate, plugin.channels, &settings)?;
            instance.denoiser = Some(denoiser);
        }
        Ok(instance)
    }

    /// Connects a port with the host's memory. Unknown ports are left alone.
    pub fn connect(&mut self, port: usize, place: *mut f32) {
        if let Some(mine) = self.places.get_mut(port) {
            *mine = place;
        }
    }

    /// Forgets all sound.
    pub fn activate(&mut self) {
        self.is_fresh = true;
    }

    /// Cleans so many samples of every channel. Neither allocates, locks nor waits. Inputs and outputs may be the same memory.
    ///
    /// # Safety
    /// What is connected must be there: one value for controls, `samples` for channels.
    pub unsafe fn run(&mut self, samples: usize) {
        // A panic must not reach the host; there is none that we know of.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the caller's.
            unsafe { self.run_unguarded(samples) }
        }));
    }

    unsafe fn run_unguarded(&mut self, samples: usize) {
        // SAFETY: the caller's.
        let settings = unsafe { self.settings() };
        if let Some(denoiser) = &mut self.denoiser
            && self.is_fresh
        {
            denoiser.reset(&settings);
            self.is_fresh = false;
        }
        let latency = self.denoiser.as_ref().map_or(0, SwitchableDenoiser::latency);
        if let Some(place) = self.place(Port::Latency) {
            // SAFETY: the caller's.
            unsafe { place.write(latency as f32) };
        }
        for from in (0..samples).step_by(PART) {
            let len = PART.min(samples - from);
            for c in 0..self.rows.len() {
                let place = self.place(Port::Input(c));
                let row = &mut self.rows[c][..len];
                match place {
                    // SAFETY: the caller's, within `samples`; the row is ours.
                    Some(place) => unsafe { place.add(from).copy_to_nonoverlapping(row.as_mut_ptr(), len) },
                    None => row.fill(0.0),
                }
            }
            if let Some(denoiser) = &mut self.denoiser {
                match &mut self.rows[..] {
                    [one] => denoiser.process(&mut [&mut one[..len]], &settings),
                    [one, two] => denoiser.process(&mut [&mut one[..len], &mut two[..len]], &settings),
                    _ => {}
                }
            }
            for c in 0..self.rows.len() {
                if let Some(place) = self.place(Port::Output(c)) {
                    // SAFETY: the caller's, within `samples`; the row is ours.
                    unsafe {
                        place
                            .add(from)
                            .copy_from_nonoverlapping(self.rows[c].as_ptr(), len)
                    };
                }
            }
        }
    }

    /// The memory that a port is connected with.
    fn place(&self, port: Port) -> Option<*mut f32> {
        let index = self.ports.iter().position(|p| *p == port)?;
        Some(self.places[index]).filter(|place| !place.is_null())
    }

    /// A control's value, taken into its range; the one at the start where it is not connected or no number.
    ///
    /// # Safety
    /// As for [`run`](Self::run).
    unsafe fn value(&self, control: Control) -> f32 {
        let [least, default, most] = control.look().range;
        // SAFETY: the caller's.
        let value = self
            .place(Port::Control(control))
            .map(|place| unsafe { place.read() });
        value
            .filter(|value| !value.is_nan())
            .map_or(default, |value| value.clamp(least, most))
    }

    /// What the controls ask for now.
    ///
    /// # Safety
    /// As for [`run`](Self::run).
    unsafe fn settings(&self) -> Settings {
        // SAFETY: the caller's.
        let value = |control| unsafe { self.value(control) };
        // LADSPA says that a switch is on above 0.
        let is_on = |control| value(control) > 0.0;
        Settings {
            attenuation_limit: Some(value(Control::Strength)).filter(|limit| *limit < UNLIMITED),
            mix: value(Control::Mix),
            output_gain: value(Control::Gain),
            listen: if is_on(Control::Delta) {
                Listen::Removed
            } else {
                Listen::Cleaned
            },
            link: if is_on(Control::Link) {
                Link::Linked
            } else {
                Link::Independent
            },
            bypass: is_on(Control::Bypass),
        }
    }
}
