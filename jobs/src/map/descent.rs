//! t-distributed stochastic neighbour embedding (van der Maaten & Hinton 2008), by a tree (van der Maaten 2014).

use super::affinities::Affinities;
use super::tree::{Push, Tree};
use super::workers::share;

/// Steps of gradient descent; in the first ones, attraction counts more.
const EARLY: usize = 250;
const STEPS: usize = 750;
const EXAGGERATION: f64 = 12.0;

/// Steps of points that come to a map.
const JOINING: usize = 250;

/// The farthest that a point goes in a step.
const FARTHEST: f64 = 5.0;

/// Points that a thread takes at a time.
const PIECE: usize = 256;

/// Lays out all points, from places that are all near the middle.
pub fn lay_out(places: &mut [[f64; 2]], pulls: &Affinities, workers: usize) {
    let mut descent = Descent::new(&[], places, pulls, workers);
    for step in 0..STEPS {
        match step < EARLY {
            true => descent.step(EXAGGERATION, 0.5),
            false => descent.step(1.0, 0.8),
        }
    }
}

/// Lays out points that come to others, which stay; from places near those that they resemble.
pub fn join(held: &[[f64; 2]], places: &mut [[f64; 2]], pulls: &Affinities, workers: usize) {
    let mut descent = Descent::new(held, places, pulls, workers);
    for _ in 0..JOINING {
        descent.step(1.0, 0.8);
    }
}

/// Gradient descent with momentum of points among others that are held.
struct Descent<'a> {
    held: &'a [[f64; 2]],
    held_tree: Tree,
    /// The sum of `q` over all pairs of held points.
    held_sum: f64,
    places: &'a mut [[f64; 2]],
    speeds: Vec<[f64; 2]>,
    pulls: &'a Affinities,
    rate: f64,
    workers: usize,
}

impl<'a> Descent<'a> {
    fn new(held: &'a [[f64; 2]], places: &'a mut [[f64; 2]], pulls: &'a Affinities, workers: usize) -> Self {
        let held_tree = Tree::new(held);
        let within = pushes(&held_tree, held, held_tree.order(), workers);
        Descent {
            held,
            held_sum: within.iter().map(|push| push.sum - 1.0).sum(),
            held_tree,
            speeds: vec![[0.0; 2]; places.len()],
            // As much as Belkina et al. (2019) found good.
            rate: ((held.len() + places.len()) as f64 / EXAGGERATION).max(10.0),
            places,
            pulls,
            workers,
        }
    }

    fn step(&mut self, exaggeration: f64, momentum: f64) {
        let tree = Tree::new(self.places);
        let pushes_within = pushes(&tree, self.places, tree.order(), self.workers);
        let mut sum = self.held_sum;
        sum += pushes_within.iter().map(|push| push.sum - 1.0).sum::<f64>();
        let pushes_of_held = match self.held {
            [] => Vec::new(),
            _ => pushes(&self.held_tree, self.places, tree.order(), self.workers),
        };
        sum += 2.0 * pushes_of_held.iter().map(|push| push.sum).sum::<f64>();
        let (held, places, pulls, rate) = (self.held, &*self.places, self.pulls, self.rate);
        share(&mut self.speeds, PIECE, self.workers, |start, speeds| {
            for (own, speed) in (start..).zip(speeds) {
                let mut pull = [0.0; 2];
                for &(other, share) in pulls.of(own) {
                    let other = other as usize;
                    let place = held.get(other).unwrap_or_else(|| &places[other - held.len()]);
                    let way = [places[own][0] - place[0], places[own][1] - place[1]];
                    let q = f64::from(share) / (1.0 + way[0] * way[0] + way[1] * way[1]);
                    pull[0] += q * way[0];
                    pull[1] += q * way[1];
                }
                let of_held = pushes_of_held.get(own).map_or([0.0; 2], |push| push.force);
                for axis in 0..2 {
                    let push = (pushes_within[own].force[axis] + of_held[axis]) / sum;
                    let force = 4.0 * (exaggeration * pull[axis] - push);
                    speed[axis] = momentum * speed[axis] - rate * force;
                }
                let far = (speed[0] * speed[0] + speed[1] * speed[1]).sqrt();
                if far > FARTHEST {
                    *speed = speed.map(|s| s * FARTHEST / far);
                }
            }
        });
        for (place, speed) in self.places.iter_mut().zip(&self.speeds) {
            place[0] += speed[0];
            place[1] += speed[1];
        }
    }
}

/// What the points of a tree do to one at each of some places, which are gone through in an order that keeps what is needed
/// next in the cache.
fn pushes(tree: &Tree, places: &[[f64; 2]], order: &[u32], workers: usize) -> Vec<Push> {
    let mut in_order = vec![Push::default(); order.len()];
    share(&mut in_order, PIECE, workers, |start, pushes| {
        for (push, &point) in pushes.iter_mut().zip(&order[start..]) {
            *push = tree.push(places[point as usize]);
        }
    });
    let mut pushes = vec![Push::default(); order.len()];
    for (push, &point) in in_order.into_iter().zip(order) {
        pushes[point as usize] = push;
    }
    pushes
}
