//! Maps: neighbours stay neighbours, the same sounds make the same map, and what comes later moves nothing.

use aeden_jobs::find::Descriptor;
use aeden_jobs::map::{MOST, Map, Place, place};
use aeden_jobs::{Error, FormatError};
use proptest::prelude::*;

/// Numbers that look drawn at random: the bits of a linear congruential generator.
fn random(seed: u64) -> impl FnMut() -> i8 {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8 as i8
    }
}

fn descriptor(values: Vec<i8>) -> Descriptor {
    Descriptor::restore(1, values)
}

/// A sound of a kind: near the middle of its kind, which is anywhere.
fn of_kind(kind: usize, number: usize, width: usize) -> Descriptor {
    let (mut middle, mut own) = (
        random(kind as u64),
        random(1_000_000 + (kind * 100_000 + number) as u64),
    );
    let value = |_| middle().clamp(-100, 100) / 2 + own() / 8;
    descriptor((0..width).map(value).collect())
}

/// So many sounds of so many kinds in turn.
fn kinds(sounds: usize, kinds: usize, width: usize) -> Vec<Descriptor> {
    (0..sounds).map(|n| of_kind(n % kinds, n, width)).collect()
}

/// The share of the nearest on the map that are of the same kind.
fn share_of_kind(places: &[Place], kind: impl Fn(usize) -> usize, of: impl Iterator<Item = usize>) -> f64 {
    let square = |a: Place, b: Place| (a.x - b.x).powi(2) + (a.y - b.y).powi(2);
    let (mut right, mut all) = (0.0, 0.0);
    for own in of {
        let others = (0..places.len()).filter(|&other| other != own);
        let distance = |&other: &usize| square(places[own], places[other]);
        let nearest = others.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        right += f64::from(nearest.is_some_and(|other| kind(other) == kind(own)));
        all += 1.0;
    }
    right / all
}

#[test]
fn kinds_lie_together_and_make_clusters() {
    let map = Map::new(kinds(300, 6, 32), 6, 2).unwrap();
    let places = map.places();
    assert!(share_of_kind(places, |n| n % 6, 0..300) > 0.99);
    assert!(
        places
            .iter()
            .all(|p| (0.0..=1.0).contains(&p.x) && (0.0..=1.0).contains(&p.y))
    );
    for n in 6..300 {
        assert_eq!(places[n].cluster, places[n % 6].cluster, "sound {n}");
    }
    assert_eq!(places, place(&kinds(300, 6, 32), 6).unwrap());
}

#[test]
fn neighbours_stay_neighbours_as_they_do_in_an_exact_descent() {
    // On a ring that winds through 16 dimensions: who is beside whom is known.
    let turn = |n: usize, k: usize| {
        (n as f64 / 400.0 * std::f64::consts::TAU * f64::from(1 + (k / 2) as u8 % 2)).cos()
    };
    let shifted = |n: usize, k: usize| {
        if k.is_multiple_of(2) {
            turn(n, k)
        } else {
            turn(n + 300, k)
        }
    };
    let sound = |n| descriptor((0..16).map(|k| (shifted(n, k) * 120.0) as i8).collect());
    let places = place(&(0..400).map(sound).collect::<Vec<_>>(), 2).unwrap();
    let mut beside = 0;
    for own in 0..400 {
        let square = |n: usize| (places[n].x - places[own].x).powi(2) + (places[n].y - places[own].y).powi(2);
        let mut others: Vec<usize> = (0..400).filter(|&n| n != own).collect();
        others.sort_by(|&a, &b| square(a).total_cmp(&square(b)));
        let along = |n: usize| n.abs_diff(own).min(400 - n.abs_diff(own));
        beside += others[..10].iter().filter(|&&n| along(n) <= 10).count();
    }
    assert!(beside > 3800, "{beside} of 4000");
}

#[test]
fn what_comes_later_lies_beside_its_kind_and_new_kinds_make_their_own_heap() {
    let all = kinds(500, 5, 32);
    let mut map = Map::new(all[..400].to_vec(), 5, 2).unwrap();
    let before = map.places().to_vec();
    map.add(all[400..].to_vec(), 2).unwrap();
    assert_eq!(map.places()[..400], before);
    assert!(share_of_kind(map.places(), |n| n % 5, 400..500) > 0.99);
    for n in 400..500 {
        assert_eq!(map.places()[n].cluster, before[n % 5].cluster);
    }
    // Nobody has heard these before: they are with one another, and not among others.
    let new = (0..60).map(|n| of_kind(77, n, 32)).collect();
    let before = map.places().to_vec();
    map.add(new, 2).unwrap();
    assert_eq!(map.places()[..500], before);
    let kind = |n: usize| if n < 500 { n % 5 } else { 77 };
    assert!(share_of_kind(map.places(), kind, 0..560) > 0.98);
}

#[test]
fn many_may_come_to_a_few() {
    let all = kinds(203, 4, 32);
    let mut map = Map::new(all[..3].to_vec(), 2, 1).unwrap();
    let before = map.places().to_vec();
    map.add(all[3..].to_vec(), 1).unwrap();
    assert_eq!(map.places()[..3], before);
    assert!(map.places().iter().all(|p| p.x.abs() < 10.0 && p.y.abs() < 10.0));
    assert!(share_of_kind(map.places(), |n| n % 4, 3..203) > 0.95);
}

#[test]
fn a_map_that_was_kept_elsewhere_goes_on_as_if_it_had_not() {
    let all = kinds(130, 3, 16);
    let mut map = Map::new(all[..100].to_vec(), 3, 1).unwrap();
    let restored = Map::restore(map.sounds().to_vec(), map.places().to_vec(), map.unit());
    let mut restored = restored.unwrap();
    map.add(all[100..].to_vec(), 1).unwrap();
    restored.add(all[100..].to_vec(), 2).unwrap();
    assert_eq!(map, restored);
    // Some may go.
    let places = map.places()[..50].to_vec();
    let mut fewer = Map::restore(all[..50].to_vec(), places.clone(), map.unit()).unwrap();
    fewer.add(all[50..].to_vec(), 1).unwrap();
    assert_eq!(fewer.places()[..50], places);
    map.cluster(2);
    assert!(map.places().iter().all(|place| place.cluster < 2));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let [one, other] = [1, 2].map(|model| Descriptor::restore(model, vec![1; 4]));
    let place = |x: f64| Place {
        x,
        y: 0.5,
        cluster: 0,
    };
    assert!(matches!(
        Map::new(vec![one.clone(), other.clone()], 2, 1),
        Err(Error::OtherModel { .. })
    ));
    let wide = Descriptor::restore(1, vec![1; 5]);
    assert!(matches!(
        Map::new(vec![one.clone(), wide], 2, 1),
        Err(Error::OtherModel { .. })
    ));
    let too_many = vec![one.clone(); MOST + 1];
    assert!(matches!(Map::new(too_many, 2, 1), Err(Error::TooMany { found, .. }) if found == MOST + 1));
    for (places, unit) in [
        (vec![], 1.0),
        (vec![place(f64::NAN)], 1.0),
        (vec![place(0.5)], 0.0),
        (vec![place(0.5)], f64::INFINITY),
        (
            vec![Place {
                cluster: usize::MAX,
                ..place(0.5)
            }],
            1.0,
        ),
    ] {
        let restored = Map::restore(vec![one.clone()], places, unit);
        assert!(matches!(restored, Err(Error::Format(FormatError::Senseless))));
    }
    let mut map = Map::new(vec![one.clone()], 2, 1).unwrap();
    let before = map.clone();
    assert!(map.add(vec![other], 1).is_err() && map == before);
    assert!(map.add(vec![one; MOST], 1).is_err() && map == before);
}

#[test]
fn thousands_of_equal_sounds_have_a_place_too() {
    let mut sounds = vec![descriptor(vec![5; 8]); 3_000];
    sounds.extend(kinds(100, 2, 8));
    sounds.extend(vec![descriptor(vec![0; 8]); 100]);
    let places = place(&sounds, 3).unwrap();
    assert!(places.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
}

#[test]
fn twenty_thousand_sounds_keep_their_neighbours() {
    let all = kinds(20_000, 100, 16);
    let mut map = Map::new(all[..19_000].to_vec(), 12, 2).unwrap();
    map.add(all[19_000..].to_vec(), 2).unwrap();
    let share = share_of_kind(map.places(), |n| n % 100, (0..20_000).step_by(37));
    assert!(share > 0.9, "{share}");
}

/// Whatever computes this, on however many threads: a machine that differs in one bit differs here.
#[test]
fn the_map_has_the_same_bits_on_every_machine() {
    let mut map = Map::new(kinds(200, 7, 24), 4, 3).unwrap();
    map.add((0..20).map(|n| of_kind(n, 900 + n, 24)).collect(), 3)
        .unwrap();
    let mut sum = crc32fast::Hasher::new();
    for place in map.places() {
        sum.update(&place.x.to_bits().to_le_bytes());
        sum.update(&place.y.to_bits().to_le_bytes());
        sum.update(&(place.cluster as u64).to_le_bytes());
    }
    assert_eq!(sum.finalize(), 2_855_487_347);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_sounds_make_the_same_map_twice_on_any_number_of_threads_and_stay(
        values in prop::collection::vec(prop::collection::vec(any::<i8>(), 9), 0..150),
        more in prop::collection::vec(prop::collection::vec(any::<i8>(), 9), 0..40),
        workers in 1usize..5,
        clusters in 1usize..9,
    ) {
        let sounds: Vec<Descriptor> = values.into_iter().map(descriptor).collect();
        let more: Vec<Descriptor> = more.into_iter().map(descriptor).collect();
        let mut map = Map::new(sounds.clone(), clusters, 1).unwrap();
        let mut other = Map::new(sounds.clone(), clusters, workers).unwrap();
        prop_assert_eq!(&map, &other);
        let before = map.places().to_vec();
        map.add(more.clone(), workers).unwrap();
        other.add(more.clone(), 1).unwrap();
        prop_assert_eq!(&map, &other);
        prop_assert_eq!(map.places().len(), sounds.len() + more.len());
        prop_assert_eq!(&map.places()[..before.len()], &before[..]);
        prop_assert!(map.places().iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }
}
