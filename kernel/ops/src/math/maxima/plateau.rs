//! Pixels alike that touch each other, by their runs along rows.
//!
//! Pixels that are the largest of their squares and touch are alike, for each lies in the square of the other; so that what is
//! connected is told by bits alone. A plateau is no maximum where one of its pixels is a shoulder, which touches one like it that is
//! not the largest of its square.

use super::bits::{Bits, WORD};
use super::candidates::Candidates;
use crate::math::pool::{self, Lent, pooled};

/// Pixels alike that are a maximum together.
#[derive(Clone, Copy)]
pub struct Plateau {
    /// The first pixel in C order.
    pub row: u32,
    pub column: u32,
    /// Row and column of the pixel nearest to the centroid, the first in C order of those as near.
    pub nearest: [u32; 2],
    /// The centroid.
    pub middle: [f64; 2],
}

/// Pixels beside each other in a row, and what is known of the plateau whose first run it is.
#[derive(Clone, Copy)]
struct Run {
    row: u32,
    from: u32,
    to: u32,
    /// An earlier run of the same plateau, or this one.
    earlier: u32,
    is_none: bool,
    count: u32,
    rows: u64,
    columns: u64,
    middle: [f64; 2],
    nearest: [u32; 2],
    distance: f64,
}

impl Run {
    const NONE: Run = Run {
        row: 0,
        from: 0,
        to: 0,
        earlier: 0,
        is_none: false,
        count: 0,
        rows: 0,
        columns: 0,
        middle: [0.0; 2],
        nearest: [0; 2],
        distance: f64::INFINITY,
    };
}

pooled!(
    Run: Run::NONE,
    Plateau: Plateau { row: 0, column: 0, nearest: [0; 2], middle: [0.0; 2] },
);

/// The plateaus that are maxima, in C order of their first pixels.
pub fn plateaus(rows: usize, candidates: &Candidates) -> Lent<Plateau> {
    let mut runs = runs(rows, candidates);
    for at in 0..runs.len() {
        let first = first_of(&mut runs, at);
        let Run {
            row,
            from,
            to,
            is_none,
            ..
        } = runs[at];
        let count = to - from + 1;
        runs[at].earlier = first as u32;
        let first = &mut runs[first];
        first.is_none |= is_none;
        first.count += count;
        first.rows += u64::from(row) * u64::from(count);
        first.columns += u64::from(from + to) * u64::from(count) / 2;
    }
    for run in runs.iter_mut() {
        let count = f64::from(run.count);
        run.middle = [run.rows as f64 / count, run.columns as f64 / count];
    }
    for at in 0..runs.len() {
        let Run {
            row,
            from,
            to,
            earlier,
            ..
        } = runs[at];
        // Of a run one of the two pixels beside the centroid is nearest.
        let first = &mut runs[earlier as usize];
        if first.is_none {
            continue;
        }
        let left = (first.middle[1] as u32).clamp(from, to);
        for column in [left, (left + 1).min(to)] {
            let [down, right] = [row, column].map(f64::from);
            let distance = (down - first.middle[0]).powi(2) + (right - first.middle[1]).powi(2);
            if distance < first.distance {
                (first.distance, first.nearest) = (distance, [row, column]);
            }
        }
    }
    let mut found = pool::empty();
    let is_first = |(at, run): &(usize, &Run)| run.earlier as usize == *at && !run.is_none;
    found.extend(
        (runs.iter().enumerate().filter(is_first)).map(|(_, run)| Plateau {
            row: run.row,
            column: run.from,
            nearest: run.nearest,
            middle: run.middle,
        }),
    );
    found
}

/// The first run of the plateau.
fn first_of(runs: &mut [Run], mut at: usize) -> usize {
    while runs[at].earlier as usize != at {
        let earlier = runs[at].earlier as usize;
        runs[at].earlier = runs[earlier].earlier;
        at = earlier;
    }
    at
}

/// So many shoulders are taken out at once, with what is connected with them.
const MANY: usize = 64;

/// Of pixels that touch others of the largest, those that may be of a plateau, and those that are a shoulder or connected with one; one
/// that touches these is none either.
fn touching(rows: usize, candidates: &Candidates) -> Option<[Bits; 2]> {
    let Candidates { largest, shoulders } = candidates;
    let words = largest.words;
    let bits = || Bits::none(rows, words * WORD);
    let (mut touching, mut none) = (bits(), bits());
    let (mut any, mut any_none) = (0, 0);
    for row in 0..rows {
        for word in 0..words {
            let own = largest.row(row)[word];
            if own == 0 {
                continue;
            }
            let found = own & largest.around(row, word);
            let is_none = found & shoulders.row(row)[word];
            touching.row_mut(row)[word] = found;
            none.row_mut(row)[word] = is_none;
            any |= found;
            any_none |= is_none;
        }
    }
    if any == 0 {
        return None;
    }
    if any_none != 0 && none.count() > MANY {
        // Down, then up again.
        for step in 0..2 * rows {
            let row = if step < rows {
                step
            } else {
                2 * rows - 1 - step
            };
            for word in 0..words {
                let own = touching.row(row)[word];
                if own != 0 {
                    none.row_mut(row)[word] |= own & none.around(row, word);
                }
            }
        }
        for row in 0..rows {
            for (touching, none) in touching.row_mut(row).iter_mut().zip(none.row(row)) {
                *touching &= !none;
            }
        }
    }
    Some([touching, none])
}

/// All runs of pixels that may be of a plateau, in C order.
fn runs(rows: usize, candidates: &Candidates) -> Lent<Run> {
    let mut runs: Lent<Run> = pool::empty();
    let Some([touching, none]) = touching(rows, candidates) else {
        return runs;
    };
    let mut above = 0..0;
    for row in 0..rows {
        let first = runs.len();
        for (n, word) in touching.row(row).iter().enumerate() {
            let mut word = *word;
            if word == 0 {
                continue;
            }
            let beside_none = none.around(row, n);
            while word != 0 {
                let start = word.trailing_zeros();
                // Carries through the lowest run.
                let rest = word & word.wrapping_add(1 << start);
                let own = word ^ rest;
                word = rest;
                let from = (n * WORD) as u32 + start;
                let to = from + own.count_ones() - 1;
                let is_none = own & (beside_none | none.row(row)[n]) != 0;
                match runs.last_mut() {
                    Some(last) if last.row as usize == row && last.to + 1 == from => {
                        last.to = to;
                        last.is_none |= is_none;
                    }
                    _ => {
                        let earlier = runs.len() as u32;
                        runs.push(Run {
                            row: row as u32,
                            from,
                            to,
                            earlier,
                            is_none,
                            ..Run::NONE
                        });
                    }
                }
            }
        }
        let own = first..runs.len();
        let mut other = above.start;
        for at in own.clone() {
            let Run { from, to, .. } = runs[at];
            while other < above.end && runs[other].to + 1 < from {
                other += 1;
            }
            let mut touching = other;
            while touching < above.end && runs[touching].from <= to + 1 {
                let ends = [touching, at].map(|at| first_of(&mut runs, at));
                let (early, late) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
                runs[late].earlier = early as u32;
                touching += 1;
            }
        }
        above = own;
    }
    runs
}
