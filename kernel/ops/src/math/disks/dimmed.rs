//! A beam stop that is not dark: what is scattered under it, or the noise of a camera, gives it counts, but far fewer than there are
//! as far from the beam in other directions.

use super::covered::{EDGE, around, patch};

/// Share of the counts in other directions below which a pixel is under a stop.
const DIM: f64 = 0.5;
/// Counts that nine pixels must have in other directions, over all frames, for that not to be by chance.
const COUNTED: f64 = 30.0;
/// The same share at the edge of a stop, and how many pixels wide that is at most.
const WHOLE: f64 = 0.8;
const SOFT: usize = 4;
/// Of the pixels as far from the beam, this share is darker than what it is compared with: few are under the stop, and between disks
/// there are more.
const OTHERS: f64 = 0.3;
/// Fewest pixels under a stop, and the largest share of a frame.
const FEWEST: usize = 25;
const MAX: f64 = 0.25;
/// How near its middle the place of the beam is, in px.
const NEAR: usize = 3;
/// How far from there it reaches, in radii of a circle as large as it: a stop comes in from the side, while what is dark inside of a
/// disk ends with that.
const LONG: f64 = 2.5;

/// Pixels under a stop that covers the direct beam at `centre`, and what its edge may reach, from the counts of every pixel over all
/// frames, NaN where they are none.
pub(super) fn dimmed(
    counts: &[f64],
    (rows, columns): (usize, usize),
    centre: [f64; 2],
) -> Vec<usize> {
    let size = (rows, columns);
    let distance = |at: usize| {
        let (dy, dx) = (
            (at / columns) as f64 - centre[0],
            (at % columns) as f64 - centre[1],
        );
        dy.hypot(dx)
    };
    let rings: Vec<usize> = (0..counts.len())
        .map(|at| distance(at).round() as usize)
        .collect();
    let expected = in_other_directions(counts, &rings);
    // Nine pixels together: single ones have few counts.
    let shares: Vec<f64> = (0..counts.len())
        .map(|at| {
            let (mut sum, mut of) = (0.0, 0.0);
            for near in around(size, at, 1).filter(|near| counts[*near].is_finite()) {
                sum += counts[near];
                of += expected[rings[near]];
            }
            if of >= COUNTED { sum / of } else { 1.0 }
        })
        .collect();
    let dim: Vec<bool> = shares.iter().map(|share| *share < DIM).collect();
    let [row, column] = [(centre[0], rows), (centre[1], columns)]
        .map(|(at, size)| (at.round().max(0.0) as usize).min(size - 1));
    let Some(start) = around(size, row * columns + column, NEAR).find(|at| dim[*at]) else {
        return Vec::new();
    };
    let patch = patch(start, &mut dim.clone(), |at| around(size, at, 1));
    let area = patch.len() as f64;
    let furthest = patch.iter().map(|at| distance(*at)).fold(0.0, f64::max);
    let is_long = furthest > LONG * (area / std::f64::consts::PI).sqrt();
    if patch.len() < FEWEST || area > MAX * counts.len() as f64 || !is_long {
        return Vec::new();
    }
    let mut under = vec![false; counts.len()];
    patch.iter().for_each(|at| under[*at] = true);
    let mut edge = patch;
    for _ in 0..SOFT {
        let further = edge.iter().flat_map(|at| around(size, *at, 1));
        edge = further
            .filter(|at| shares[*at] < WHOLE && !std::mem::replace(&mut under[*at], true))
            .collect();
    }
    let is_near = |at: &usize| around(size, *at, EDGE).any(|near| under[near]);
    (0..counts.len()).filter(is_near).collect()
}

/// Counts of a pixel beside a stop, by its distance from the beam in px: nearer ones have no fewer.
fn in_other_directions(counts: &[f64], distances: &[usize]) -> Vec<f64> {
    let mut rings: Vec<Vec<f64>> = Vec::new();
    for (counts, ring) in counts.iter().zip(distances) {
        if counts.is_finite() {
            rings.resize_with(rings.len().max(ring + 1), Vec::new);
            rings[*ring].push(*counts);
        }
    }
    let mut least = 0.0f64;
    let mut expected: Vec<f64> = (rings.iter_mut().rev())
        .map(|ring| {
            let place = (OTHERS * ring.len() as f64) as usize;
            if place < ring.len() {
                least = least.max(*ring.select_nth_unstable_by(place, f64::total_cmp).1);
            }
            least
        })
        .collect();
    expected.reverse();
    expected
}
