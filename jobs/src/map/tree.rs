//! Points on the plane in a tree: those that are far away push together (Barnes & Hut 1986).

/// A group counts as one point if it is narrower than this times its distance, squared.
const NARROW: f64 = 0.25;

/// Points of a leaf at most.
const LEAF: usize = 4;

/// Splits one after another. What lies together after these counts as one point.
const DEEPEST: usize = 100;

/// Points in halves of halves.
#[derive(Debug)]
pub struct Tree {
    /// Each followed by those within it.
    nodes: Vec<Node>,
    /// The places in the order of leaves.
    places: Vec<[f64; 2]>,
    /// Their numbers.
    order: Vec<u32>,
}

#[derive(Debug)]
struct Node {
    middle: [f64; 2],
    count: f64,
    /// Its longer side, squared; 0 if it counts as one point however near it is.
    width: f64,
    /// The node after those within this one.
    next: usize,
    /// The places of a leaf; none for others.
    first: usize,
    last: usize,
}

/// What points do to one at some place: the sum of `q²(y - y')` and that of `q`, with `q = 1 / (1 + |y - y'|²)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Push {
    pub force: [f64; 2],
    pub sum: f64,
}

impl Push {
    fn add(&mut self, [dx, dy]: [f64; 2], square: f64, count: f64) {
        let q = 1.0 / (1.0 + square);
        let all = count * q;
        self.sum += all;
        self.force[0] += all * q * dx;
        self.force[1] += all * q * dy;
    }
}

impl Tree {
    pub fn new(places: &[[f64; 2]]) -> Tree {
        let mut tree = Tree {
            nodes: Vec::with_capacity(places.len()),
            places: Vec::with_capacity(places.len()),
            order: Vec::with_capacity(places.len()),
        };
        let mut numbered: Vec<(u32, [f64; 2])> = (0..).zip(places.iter().copied()).collect();
        if !numbered.is_empty() {
            tree.add(&mut numbered, 0);
        }
        tree
    }

    fn add(&mut self, points: &mut [(u32, [f64; 2])], depth: usize) {
        let (mut low, mut high, mut sum) = ([f64::MAX; 2], [f64::MIN; 2], [0.0; 2]);
        for (_, place) in &*points {
            for axis in 0..2 {
                low[axis] = low[axis].min(place[axis]);
                high[axis] = high[axis].max(place[axis]);
                sum[axis] += place[axis];
            }
        }
        let sides = [high[0] - low[0], high[1] - low[1]];
        let axis = usize::from(sides[1] > sides[0]);
        let is_one = sides[axis] == 0.0 || depth == DEEPEST;
        let (own, first, count) = (self.nodes.len(), self.places.len(), points.len() as f64);
        self.nodes.push(Node {
            middle: sum.map(|s| s / count),
            count,
            width: if is_one { 0.0 } else { sides[axis] * sides[axis] },
            next: 0,
            first,
            last: first,
        });
        if is_one || points.len() <= LEAF {
            self.places.extend(points.iter().map(|(_, place)| place));
            self.order.extend(points.iter().map(|(number, _)| number));
            self.nodes[own].last = self.places.len();
        } else {
            let half = (low[axis] + high[axis]) / 2.0;
            let left = partition(points, |(_, place)| place[axis] < half);
            let (left, right) = points.split_at_mut(left);
            for part in [left, right].into_iter().filter(|part| !part.is_empty()) {
                self.add(part, depth + 1);
            }
        }
        self.nodes[own].next = self.nodes.len();
    }

    /// The numbers of the points in an order in which neighbours follow one another.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// What all points do to one at a place. A point at that place adds 1 to the sum, and no force.
    pub fn push(&self, at: [f64; 2]) -> Push {
        let mut push = Push::default();
        let mut number = 0;
        while let Some(node) = self.nodes.get(number) {
            let way = [at[0] - node.middle[0], at[1] - node.middle[1]];
            let square = way[0] * way[0] + way[1] * way[1];
            if node.width <= NARROW * square {
                push.add(way, square, node.count);
                number = node.next;
            } else if node.first < node.last {
                for place in &self.places[node.first..node.last] {
                    let way = [at[0] - place[0], at[1] - place[1]];
                    push.add(way, way[0] * way[0] + way[1] * way[1], 1.0);
                }
                number = node.next;
            } else {
                number += 1;
            }
        }
        push
    }
}

/// Puts what fits before what does not, each in an order that depends on nothing but the one before. Gives how many fit.
fn partition<T>(items: &mut [T], fits: impl Fn(&T) -> bool) -> usize {
    let mut count = 0;
    for at in 0..items.len() {
        if fits(&items[at]) {
            items.swap(at, count);
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_points_push_together_nearly_as_they_do_one_by_one() {
        let place = |n: usize| {
            [
                ((n * 7919) % 1009) as f64 * 0.1,
                ((n * n * 31) % 997) as f64 * 0.07,
            ]
        };
        let mut places: Vec<[f64; 2]> = (0..2_000).map(place).collect();
        // Some at one place, and some that differ by nothing but the last bits.
        places.extend([[3.0, 4.0]; 50]);
        places.extend((0..50).map(|n| [5.0 + f64::from(n) * f64::EPSILON, 6.0]));
        let tree = Tree::new(&places);
        let mut order = tree.order().to_vec();
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..2_100));
        let (mut wrong, mut all) = (0.0, 0.0);
        for &at in &places {
            let (found, mut exact) = (tree.push(at), Push::default());
            for other in &places {
                let way = [at[0] - other[0], at[1] - other[1]];
                exact.add(way, way[0] * way[0] + way[1] * way[1], 1.0);
            }
            assert!(
                (found.sum / exact.sum - 1.0).abs() < 0.05,
                "{at:?}: {} {}",
                found.sum,
                exact.sum
            );
            for axis in 0..2 {
                wrong += (found.force[axis] - exact.force[axis]).powi(2);
                all += exact.force[axis].powi(2);
            }
        }
        assert!((wrong / all).sqrt() < 0.02, "{}", (wrong / all).sqrt());
        assert_eq!(Tree::new(&[]).push([1.0, 2.0]).sum, 0.0);
    }
}
