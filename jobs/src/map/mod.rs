//! Maps sounds by their codes: sounds that are alike lie together on a plane, and make a cluster.
//!
//! Points are the [`Descriptor`]s of [`find`](crate::find). t-SNE (van der Maaten & Hinton 2008) puts them on a plane, so
//! that neighbours stay neighbours; k-means (Lloyd 1982) finds clusters there, as people see them. Nothing is drawn at
//! random: the same sounds make the same map.
//!
//! Cost: every pair of sounds is looked at, 600 times: 1,000 sounds take about 5 s on one core, and 16 MB; [`MOST`] are
//! taken.
//!
//! ```
//! use aeden_jobs::{find::Describer, map};
//!
//! # let tone = |hz: f32| (0..24_000).map(|n| (hz * n as f32 / 7639.4).sin() * 0.2).collect::<Vec<f32>>();
//! let describer = Describer::new();
//! let sounds = [220.0, 230.0, 3000.0, 3100.0].map(|hz| describer.describe(&[tone(hz)], 48_000));
//! let descriptors = sounds.into_iter().map(|s| s.map(|s| s.descriptor)).collect::<Result<Vec<_>, _>>()?;
//! let places = map::place(&descriptors, 2)?;
//! assert!(places[0].cluster == places[1].cluster && places[1].cluster != places[2].cluster);
//! # Ok::<(), aeden_jobs::Error>(())
//! ```

mod clusters;
mod embedding;

use crate::Error;
use crate::find::Descriptor;

/// The most sounds on a map.
pub const MOST: usize = 5_000;

/// The place of a sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// From 0 on the left to 1 on the right.
    pub x: f64,
    /// From 0 at one end to 1 at the other.
    pub y: f64,
    /// Number of its cluster, from 0 on.
    pub cluster: usize,
}

/// Places sounds on a plane, in their order, and puts them into so many clusters, fewer where there are fewer sounds.
///
/// # Errors
/// [`Error::TooMany`] for more than [`MOST`]; [`Error::OtherModel`] for descriptors of different networks.
pub fn place(sounds: &[Descriptor], clusters: usize) -> Result<Vec<Place>, Error> {
    if sounds.len() > MOST {
        return Err(Error::TooMany {
            found: sounds.len(),
            most: MOST,
        });
    }
    if let Some(other) = sounds.iter().find(|sound| sound.model() != sounds[0].model()) {
        return Err(Error::OtherModel {
            stored: sounds[0].model(),
            given: other.model(),
        });
    }
    let points: Vec<Vec<f64>> = sounds.iter().map(Descriptor::unit).collect();
    let places = embedding::on_a_plane(&points);
    // As people see them: on the map, where dense and wide groups have about the same size.
    let on_map: Vec<Vec<f64>> = places.iter().map(|place| place.to_vec()).collect();
    let clusters = clusters::clusters(&on_map, clusters);
    let place = |([x, y], cluster): ([f64; 2], usize)| Place { x, y, cluster };
    Ok(places.into_iter().zip(clusters).map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::clusters::clusters;
    use super::embedding::on_a_plane;

    /// Three heaps of ten points in five dimensions.
    pub fn heaps() -> Vec<Vec<f64>> {
        let at = |i: usize| {
            (0..5).map(move |k| if k == i / 10 { 5.0 } else { 0.0 } + ((i * 7 + k * 13) % 10) as f64 * 0.05)
        };
        (0..30).map(|i| at(i).collect()).collect()
    }

    #[test]
    fn few_or_equal_points_have_a_place_too() {
        for points in [vec![], vec![vec![1.0, 2.0]], vec![vec![1.0, 2.0]; 9]] {
            let places = on_a_plane(&points);
            assert!(places.len() == points.len() && places.iter().flatten().all(|x| x.is_finite()));
            assert_eq!(clusters(&points, 4).len(), points.len());
        }
    }
}
