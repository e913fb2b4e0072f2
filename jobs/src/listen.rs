//! A recording as networks see it: log powers in bands over time.

use crate::Error;
use crate::gate::Gate;
use aeden::autoencoder::{Autoencoder, Listener};

/// Takes the samples of one recording, block by block, and mixes its channels. Memory grows by 26 kB a second.
pub(crate) struct Listening {
    gate: Gate,
    listener: Listener,
    mono: Vec<f32>,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

impl Listening {
    /// For a recording that this network is to see.
    pub fn new(model: &Autoencoder, rate: u32, channels: usize) -> Result<Listening, Error> {
        Ok(Listening {
            gate: Gate::new(rate, channels)?,
            listener: Listener::new(model.view(), rate)?,
            mono: Vec::new(),
        })
    }

    /// Takes the next samples of every channel.
    pub fn push<S: AsRef<[f32]>>(&mut self, planes: &[S]) -> Result<(), Error> {
        self.gate.admit(planes)?;
        mix(planes, &mut self.mono);
        self.listener.push(&self.mono);
        Ok(())
    }

    /// Log powers `[frame][band]`, at least a patch of them, and the length in seconds.
    pub fn finish(self) -> (Vec<f32>, f64) {
        (self.listener.finish(), self.gate.seconds())
    }
}

/// The mean of all channels.
fn mix<S: AsRef<[f32]>>(planes: &[S], mono: &mut Vec<f32>) {
    mono.clear();
    mono.extend_from_slice(planes[0].as_ref());
    for plane in &planes[1..] {
        mono.iter_mut().zip(plane.as_ref()).for_each(|(sum, x)| *sum += x);
    }
    let share = 1.0 / planes.len() as f32;
    mono.iter_mut().for_each(|x| *x *= share);
}
