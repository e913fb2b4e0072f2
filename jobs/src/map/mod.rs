//! Maps sounds by their codes: sounds that are alike lie together on a plane, and make a cluster.
//!
//! Points are the [`Descriptor`]s of [`find`](crate::find). t-SNE (van der Maaten & Hinton 2008) puts them on a plane, so
//! that neighbours stay neighbours. k-means (Lloyd 1982) finds clusters there, as people see them. Nothing is drawn at
//! random, and all is computed in integers and plain arithmetic: the same sounds make the same map, bit for bit, on every
//! machine and on any number of threads. Sounds that come [later](Map::add) are laid out among those that are there, which
//! keep their places.
//!
//! The way of the data: descriptors → `points` → the nearest neighbours of each (exact) → `affinities`; `components` (the
//! two principal ones) → `descent`, where far points push through a `tree` (van der Maaten 2014) → places → `clusters`.
//!
//! Cost: neighbours are looked for among all pairs, the rest grows with the number of sounds. `cargo xtask family map`
//! measures both; [`MOST`] sounds are taken.
//!
//! ```
//! use aeden_jobs::{find::Describer, map::Map};
//!
//! # let tone = |hz: f32| (0..24_000).map(|n| (hz * n as f32 / 7639.4).sin() * 0.2).collect::<Vec<f32>>();
//! let describer = Describer::new();
//! let sounds = [220.0, 230.0, 3000.0, 3100.0].map(|hz| describer.describe(&[tone(hz)], 48_000));
//! let sounds = sounds.into_iter().map(|s| s.map(|s| s.descriptor)).collect::<Result<Vec<_>, _>>()?;
//! let mut map = Map::new(sounds, 2, 1)?;
//! let places = map.places().to_vec();
//! assert!(places[0].cluster == places[1].cluster && places[1].cluster != places[2].cluster);
//!
//! map.add(vec![describer.describe(&[tone(225.0)], 48_000)?.descriptor], 1)?;
//! assert_eq!(map.places()[..4], places);
//! assert_eq!(map.places()[4].cluster, places[0].cluster);
//! # Ok::<(), aeden_jobs::Error>(())
//! ```

mod affinities;
mod clusters;
mod components;
mod descent;
mod points;
mod tree;
mod workers;

use crate::Error;
use crate::find::Descriptor;
use affinities::{Affinities, conditional};
use points::{Neighbour, Points};

/// The most sounds on a map.
pub const MOST: usize = 50_000;

/// About as many neighbours attract a point, and so many are looked at.
const PERPLEXITY: f64 = 30.0;
const NEIGHBOURS: usize = 90;

/// So few are shown by their components alone. What comes later is laid out as if their map was ten units wide.
const FEW: usize = 4;
const UNIT_OF_FEW: f64 = 0.1;

/// Neighbours of a sound that comes later, where it begins: as near to those that it resembles as can be.
const FIRST_PERPLEXITY: f64 = 3.0;
const FIRST_NEIGHBOURS: usize = 10;

/// The place of a sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// From 0 on the left to 1 on the right, or beyond for a sound that came later. Distances count alike in both
    /// directions: of the narrower one only the middle is used.
    pub x: f64,
    /// From 0 at one end to 1 at the other, in the same way.
    pub y: f64,
    /// Number of its cluster, from 0 on.
    pub cluster: usize,
}

/// Places sounds on a plane, in their order, and puts them into so many clusters, fewer where there are fewer sounds. Works
/// on all cores.
///
/// # Errors
/// Those of [`Map::new`].
pub fn place(sounds: &[Descriptor], clusters: usize) -> Result<Vec<Place>, Error> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    Map::new(sounds.to_vec(), clusters, workers).map(|map| map.places)
}

/// Sounds on a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    sounds: Vec<Descriptor>,
    places: Vec<Place>,
    unit: f64,
}

impl Map {
    /// Places sounds, in their order, and puts them into so many clusters, fewer where there are fewer sounds. `workers` is
    /// the number of threads; it changes no bit.
    ///
    /// # Errors
    /// [`Error::TooMany`] for more than [`MOST`]; [`Error::OtherModel`] for descriptors of different networks.
    pub fn new(sounds: Vec<Descriptor>, clusters: usize, workers: usize) -> Result<Map, Error> {
        check(&sounds)?;
        let points = Points::new(sounds.iter());
        let mut places = components::components(&points);
        let are_few = points.len() <= FEW;
        if !are_few {
            let near = points.neighbours(0, points.len(), NEIGHBOURS, workers);
            let pulls = Affinities::new(&near, 0, perplexity(points.len()), workers);
            descent::lay_out(&mut places, &pulls, workers);
        }
        let unit = fit(&mut places);
        let unit = if are_few { UNIT_OF_FEW } else { unit };
        let place = |[x, y]: [f64; 2]| Place { x, y, cluster: 0 };
        let mut map = Map {
            sounds,
            places: places.into_iter().map(place).collect(),
            unit,
        };
        map.cluster(clusters);
        Ok(map)
    }

    /// A map that was kept elsewhere: what [`sounds`](Map::sounds), [`places`](Map::places) and [`unit`](Map::unit) said,
    /// or some of the sounds with their places. Rounding of places does not matter.
    ///
    /// # Errors
    /// Those of [`new`](Map::new); [`FormatError::Senseless`](crate::FormatError::Senseless) if there are not as many places
    /// as sounds, or a number is infinite, NaN or, for the unit, not positive.
    pub fn restore(sounds: Vec<Descriptor>, places: Vec<Place>, unit: f64) -> Result<Map, Error> {
        check(&sounds)?;
        let are_places = places
            .iter()
            .all(|place| place.x.is_finite() && place.y.is_finite() && place.cluster < MOST);
        let is_unit = unit.is_finite() && unit > 0.0;
        if sounds.len() != places.len() || !are_places || !is_unit {
            return Err(crate::FormatError::Senseless.into());
        }
        Ok(Map { sounds, places, unit })
    }

    /// Places more sounds, after those that are there, which keep places and clusters. A new sound goes where its neighbours
    /// among all sounds pull it, new ones too, and into the cluster whose middle is nearest.
    ///
    /// # Errors
    /// [`Error::TooMany`] for more than [`MOST`] in all; [`Error::OtherModel`] for descriptors of another network. The map is
    /// then as it was.
    pub fn add(&mut self, sounds: Vec<Descriptor>, workers: usize) -> Result<(), Error> {
        let held = self.sounds.len();
        if held == 0 {
            *self = Map::new(sounds, 1, workers)?;
            return Ok(());
        }
        let all: Vec<Descriptor> = self.sounds.iter().cloned().chain(sounds).collect();
        check(&all)?;
        let points = Points::new(all.iter());
        // In the units of the descent, where the kernel is 1 wide.
        let before: Vec<[f64; 2]> = self
            .places
            .iter()
            .map(|place| [place.x / self.unit, place.y / self.unit])
            .collect();
        let like = points.neighbours(held, held, FIRST_NEIGHBOURS, workers);
        // A little apart, so that none that differ begin at one place, from which they could never part.
        let mut places = components::components(&Points::new(all[held..].iter()));
        for (place, like) in places.iter_mut().zip(&like) {
            let [x, y] = among(like, &before);
            *place = [place[0] + x, place[1] + y];
        }
        let near = points.neighbours(held, all.len(), NEIGHBOURS, workers);
        let pulls = Affinities::new(&near, held, perplexity(all.len()), workers);
        descent::join(&before, &mut places, &pulls, workers);
        let middles = self.middles();
        for place in places {
            let [x, y] = place.map(|x| x * self.unit);
            let distances = middles
                .iter()
                .map(|&(cluster, m)| (cluster, clusters::square(m, [x, y])));
            let nearest = distances.min_by(|a, b| a.1.total_cmp(&b.1));
            let cluster = nearest.map_or(0, |(cluster, _)| cluster);
            self.places.push(Place { x, y, cluster });
        }
        self.sounds = all;
        Ok(())
    }

    /// Makes the clusters anew, from where the sounds lie.
    pub fn cluster(&mut self, count: usize) {
        // As people see them: on the map, where dense and wide groups have about the same size.
        let points: Vec<[f64; 2]> = self.places.iter().map(|place| [place.x, place.y]).collect();
        for (place, cluster) in self.places.iter_mut().zip(clusters::clusters(&points, count)) {
            place.cluster = cluster;
        }
    }

    /// The sounds, in the order in which they came.
    pub fn sounds(&self) -> &[Descriptor] {
        &self.sounds
    }

    /// Their places.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How wide the kernel of t-SNE is, in the units of the places: sounds that are to lie beside others need it.
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// The clusters that have sounds, and the middle of each.
    fn middles(&self) -> Vec<(usize, [f64; 2])> {
        let points: Vec<[f64; 2]> = self.places.iter().map(|place| [place.x, place.y]).collect();
        let clusters: Vec<usize> = self.places.iter().map(|place| place.cluster).collect();
        let count = clusters.iter().max().map_or(0, |last| last + 1);
        let middles = clusters::middles(&points, &clusters, count)
            .into_iter()
            .enumerate();
        middles
            .filter_map(|(cluster, middle)| Some((cluster, middle?)))
            .collect()
    }
}

fn check(sounds: &[Descriptor]) -> Result<(), Error> {
    if sounds.len() > MOST {
        return Err(Error::TooMany {
            found: sounds.len(),
            most: MOST,
        });
    }
    let of_another = |sound: &&Descriptor| {
        (sound.model(), sound.values().len()) != (sounds[0].model(), sounds[0].values().len())
    };
    match sounds.iter().find(of_another) {
        Some(other) => Err(Error::OtherModel {
            stored: sounds[0].model(),
            given: other.model(),
        }),
        None => Ok(()),
    }
}

/// Of so many points: fewer points have fewer neighbours.
fn perplexity(points: usize) -> f64 {
    ((points as f64 - 1.0) / 3.0).clamp(1.0, PERPLEXITY)
}

/// The middle of neighbours on the map, where those count most that are nearest in sound.
fn among(like: &[Neighbour], places: &[[f64; 2]]) -> [f64; 2] {
    let shares = conditional(like, FIRST_PERPLEXITY.min(like.len() as f64));
    let mut middle = [0.0; 2];
    for (neighbour, share) in like.iter().zip(shares) {
        let [x, y] = places[neighbour.point as usize];
        middle = [middle[0] + share * x, middle[1] + share * y];
    }
    middle
}

/// Moves places into the square from 0 to 1, and gives what one unit becomes there.
fn fit(places: &mut [[f64; 2]]) -> f64 {
    let range = |axis: usize| {
        let values = places.iter().map(|place| place[axis]);
        values.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)))
    };
    let ranges = [range(0), range(1)];
    let size = ranges.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
    let unit = if size > 0.0 { 1.0 / size } else { 1.0 };
    for place in places {
        for axis in 0..2 {
            let (low, high) = ranges[axis];
            place[axis] = ((place[axis] - (low + high) / 2.0) * unit + 0.5).clamp(0.0, 1.0);
        }
    }
    unit
}
