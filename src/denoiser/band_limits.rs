//! The most that is taken away, along frequency.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Attenuation limits along frequency: up to six nodes, each a frequency and the most that the level is lowered there.
///
/// Between two nodes the limit goes in a straight line in dB over the logarithm of the frequency; below the first and above the
/// last it is theirs. Without nodes nothing is limited. Where the [limit for all frequencies](crate::Config::attenuation_limit) is
/// smaller, that one counts.
///
/// ```
/// use aeden::BandLimits;
///
/// let bands = BandLimits::new(&[(0.0, 10.0), (2000.0, 30.0), (8000.0, 20.0)])?;
/// assert_eq!(bands, "0:10,2000:30,8000:20".parse()?);
/// assert_eq!(bands.at(4000.0), Some(25.0));
/// assert_eq!(BandLimits::default().at(4000.0), None);
/// # Ok::<(), aeden::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BandLimits {
    /// Frequencies in Hz, rising, and limits in dB; what lies beyond `count` is zero.
    nodes: [(f32, f32); BandLimits::MAX_NODES],
    count: usize,
}

impl BandLimits {
    /// The most nodes.
    pub const MAX_NODES: usize = 6;
    /// The highest frequency of a node, in Hz.
    pub const MAX_FREQUENCY: f32 = 96_000.0;
    /// The largest limit, in dB.
    pub const MAX_LIMIT: f32 = 100.0;

    /// Limits with nodes of (frequency in Hz, limit in dB): frequencies 0 to [`MAX_FREQUENCY`](Self::MAX_FREQUENCY), each above
    /// the one before, and limits 0 (untouched) to [`MAX_LIMIT`](Self::MAX_LIMIT).
    ///
    /// # Errors
    /// [`Error::Setting`] for too many nodes, or a node out of order or range.
    pub fn new(nodes: &[(f32, f32)]) -> Result<Self, Error> {
        Self::checked(nodes).ok_or_else(|| Error::Setting(problem(nodes)))
    }

    /// The same for an audio thread: refuses without words, and never allocates.
    pub fn checked(nodes: &[(f32, f32)]) -> Option<Self> {
        let mut bands = Self::default();
        for &(frequency, limit) in nodes {
            let rises = bands.nodes().last().is_none_or(|(before, _)| *before < frequency);
            let in_range =
                (0.0..=Self::MAX_FREQUENCY).contains(&frequency) && (0.0..=Self::MAX_LIMIT).contains(&limit);
            *bands.nodes.get_mut(bands.count).filter(|_| rises && in_range)? = (frequency, limit);
            bands.count += 1;
        }
        Some(bands)
    }

    /// The nodes: frequency in Hz, and limit in dB.
    pub fn nodes(&self) -> &[(f32, f32)] {
        &self.nodes[..self.count]
    }

    /// Tells whether there are no nodes, and so no limits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Tells whether they leave every frequency untouched.
    pub fn leave_untouched(&self) -> bool {
        !self.is_empty() && self.nodes().iter().all(|(_, limit)| *limit == 0.0)
    }

    /// The limit at a frequency in Hz, in dB; `None` without nodes.
    pub fn at(&self, frequency: f32) -> Option<f32> {
        let nodes = self.nodes();
        let (first, last) = (nodes.first()?, nodes.last()?);
        let above = nodes.iter().position(|(node, _)| *node > frequency);
        Some(match above {
            None => last.1,
            Some(0) => first.1,
            Some(above) => {
                let ((from, low), (to, high)) = (nodes[above - 1], nodes[above]);
                // Not below 1 Hz, where the logarithm has no end.
                let [from, to, at] = [from, to, frequency].map(|frequency| frequency.max(1.0).log2());
                if to > from {
                    low + (high - low) * (at - from) / (to - from)
                } else {
                    high
                }
            }
        })
    }
}

/// The fault of nodes that are refused.
fn problem(nodes: &[(f32, f32)]) -> String {
    let (most, highest, largest) = (
        BandLimits::MAX_NODES,
        BandLimits::MAX_FREQUENCY,
        BandLimits::MAX_LIMIT,
    );
    if nodes.len() > most {
        return format!("the bands must have at most {most} nodes, not {}", nodes.len());
    }
    for (frequency, limit) in nodes {
        if !(0.0..=highest).contains(frequency) {
            return format!("the frequency of a band must be 0 to {highest} Hz, not {frequency}");
        }
        if !(0.0..=largest).contains(limit) {
            return format!("the limit of a band must be 0 to {largest} dB, not {limit}");
        }
    }
    "the frequencies of bands must rise from node to node".into()
}

/// Reads nodes as `FREQUENCY:LIMIT`, with commas between: `0:10,2000:30,8000:20`. Nothing is no nodes.
impl FromStr for BandLimits {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let nodes = text.split(',').filter(|_| !text.trim().is_empty()).map(|node| {
            let parts = node.split_once(':');
            let number = |text: &str| text.trim().parse::<f32>().ok();
            parts.and_then(|(frequency, limit)| number(frequency).zip(number(limit))).ok_or_else(|| {
                Error::Setting(format!(
                    "{node:?} is no band; write hertz and decibels, and commas between bands, such as 0:10,2000:30"
                ))
            })
        });
        Self::new(&nodes.collect::<Result<Vec<_>, _>>()?)
    }
}

/// Writes nodes as they are read.
impl fmt::Display for BandLimits {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (number, (frequency, limit)) in self.nodes().iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{frequency}:{limit}")?;
        }
        Ok(())
    }
}
