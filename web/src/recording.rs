//! A recording that comes in blocks.

use crate::controls::Controls;
use aeden::{Cleaner, Config, Context, Error, Model};

pub(crate) struct Recording {
    cleaner: Cleaner,
    /// `[channel][sample]`
    ready: Vec<Vec<f32>>,
}

impl Recording {
    pub(crate) fn new(
        model: &Model,
        rate: u32,
        channels: usize,
        streaming: bool,
        controls: Controls,
    ) -> Result<Recording, Error> {
        let context = match (model.looks_ahead(), streaming) {
            (true, false) => Context::LookAhead,
            (false, false) => Context::LeadIn,
            (_, true) => Context::Stream,
        };
        let config = Config::new(rate, channels)
            .attenuation_limit(controls.limit())
            .bands(controls.bands)
            .mix(controls.mix)
            .listen(controls.listen());
        Ok(Recording {
            cleaner: Cleaner::with_model(model, context, &config)?,
            ready: vec![Vec::new(); channels],
        })
    }

    /// Takes the first samples of every channel; gives how many are ready.
    pub(crate) fn push(&mut self, samples: &[Vec<f32>], frames: usize) -> usize {
        self.ready.iter_mut().for_each(Vec::clear);
        let input: Vec<&[f32]> = samples.iter().map(|channel| &channel[..frames]).collect();
        self.cleaner.push(&input, &mut self.ready);
        self.ready[0].len()
    }

    /// Ends the recording; gives how many samples are ready.
    pub(crate) fn finish(&mut self) -> usize {
        self.ready.iter_mut().for_each(Vec::clear);
        self.cleaner.finish(&mut self.ready);
        self.ready[0].len()
    }

    pub(crate) fn ready(&self, channel: usize) -> Option<&[f32]> {
        self.ready.get(channel).map(Vec::as_slice)
    }
}
