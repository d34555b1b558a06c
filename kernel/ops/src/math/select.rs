//! Order statistics without sorting: a few of the values bracket the one that is looked for, vector instructions count what
//! is below, and only what is within is looked at again (R. W. Floyd and R. L. Rivest, doi:10.1145/360680.360691).
//! The result is exact. Values are without NaN; the two zeros are alike.

use signal::simd::{Vectorised, vectorised};

use super::pool::{self, Lent};
use super::real::{Real, larger};

/// As many values are partitioned outright.
const FEW: usize = 200;
/// Values that a bracket is taken from, and how many places it reaches to both sides of the expected one.
const SAMPLED: usize = 256;
const TO_BOTH_SIDES: usize = 20;

/// The mean of the middle two for an even count; `None` of no values.
pub fn median<T: Real>(values: &[T]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let upper = at_rank(values, middle);
    if !values.len().is_multiple_of(2) {
        return Some(upper.to_f64());
    }
    let (below, largest) = vectorised(Below {
        values,
        limit: upper,
    });
    let lower = if below < middle { upper } else { largest };
    Some(0.5 * (lower.to_f64() + upper.to_f64()))
}

/// The value that stands at a place, counted from 0, when they are sorted.
pub fn at_rank<T: Real>(values: &[T], rank: usize) -> T {
    if values.len() <= FEW {
        return partitioned(values, rank);
    }
    let mut sample = pool::empty();
    // An odd step does not stay in a few columns of an image whose width is a power of two.
    let step = (values.len() / SAMPLED) | 1;
    sample.extend(values.iter().step_by(step).copied());
    sample.sort_unstable_by_key(|value: &T| value.order());
    let expected = rank * sample.len() / values.len();
    let low = sample[expected.saturating_sub(TO_BOTH_SIDES)];
    let high = sample[(expected + TO_BOTH_SIDES).min(sample.len() - 1)];
    let [below, upto_low, below_high, upto_high] = vectorised(Count { values, low, high });
    if (below..upto_low).contains(&rank) {
        return low;
    }
    if (below_high..upto_high).contains(&rank) {
        return high;
    }
    let is_within = (upto_low..below_high).contains(&rank);
    match is_within && below_high - upto_low < values.len() / 2 {
        true => at_rank(&within(values, low, high), rank - upto_low),
        false => partitioned(values, rank),
    }
}

fn partitioned<T: Real>(values: &[T], rank: usize) -> T {
    let mut all = pool::empty();
    all.extend_from_slice(values);
    *all.select_nth_unstable_by_key(rank, |value: &T| value.order())
        .1
}

/// The values between two.
fn within<T: Real>(values: &[T], low: T, high: T) -> Lent<T> {
    let mut kept = pool::any(values.len());
    let mut count = 0;
    // Without a branch that nobody can predict.
    for value in values {
        kept[count] = *value;
        count += usize::from((*value > low) & (*value < high));
    }
    kept.truncate(count);
    kept
}

/// So many values that their count fits a small number.
const PART: usize = 1 << 16;

#[inline(always)]
fn count<T: Copy>(values: &[T], belongs: impl Fn(T) -> bool) -> usize {
    (values.chunks(PART))
        .map(|part| {
            part.iter()
                .map(|value| u32::from(belongs(*value)))
                .sum::<u32>() as usize
        })
        .sum()
}

/// How many values are below `low`, not above it, below `high`, not above it.
struct Count<'a, T> {
    values: &'a [T],
    low: T,
    high: T,
}

impl<T: Real> Vectorised for Count<'_, T> {
    type Result = [usize; 4];

    #[inline(always)]
    fn run(self) -> [usize; 4] {
        let Count { values, low, high } = self;
        [
            count(values, |value| value < low),
            count(values, |value| value <= low),
            count(values, |value| value < high),
            count(values, |value| value <= high),
        ]
    }
}

/// How many values are below a limit, and the largest of them.
struct Below<'a, T> {
    values: &'a [T],
    limit: T,
}

impl<T: Real> Vectorised for Below<'_, T> {
    type Result = (usize, T);

    #[inline(always)]
    fn run(self) -> (usize, T) {
        let Below { values, limit } = self;
        let mut lanes = [T::NEG_INFINITY; 16];
        for part in values.chunks(16) {
            for (lane, value) in lanes.iter_mut().zip(part) {
                let below = if *value < limit {
                    *value
                } else {
                    T::NEG_INFINITY
                };
                *lane = larger(below, *lane);
            }
        }
        let largest = lanes.into_iter().fold(T::NEG_INFINITY, larger);
        (count(values, |value| value < limit), largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f32]) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f32::total_cmp);
        let last = values.len() - 1;
        for rank in [0, 1, last / 50, last / 3, last / 2, last.div_ceil(2), last] {
            let rank = rank.min(last);
            assert_eq!(at_rank(values, rank), sorted[rank], "rank {rank} of {last}");
        }
        let middle = |at: usize| f64::from(sorted[at]);
        let expected = 0.5 * (middle(last / 2) + middle(values.len() / 2));
        assert_eq!(median(values), Some(expected), "{}", values.len());
        let wide: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        assert_eq!(median(&wide), Some(expected));
    }

    #[test]
    fn any_place_of_any_values_is_that_of_the_sorted_ones() {
        let mut state = 5u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 24) as f32
        };
        for length in [1, 2, 3, 199, 200, 201, 500, 1001, 4096, 16_384, 70_000] {
            let draw = |value: &mut dyn FnMut(usize) -> f32| (0..length).map(value).collect();
            let kinds: [Vec<f32>; 7] = [
                draw(&mut |_| random() - 0.5),
                draw(&mut |at| at as f32),
                draw(&mut |at| -(at as f32)),
                draw(&mut |_| (3.0 * random()).floor()),
                draw(&mut |at| f32::from(at % 97 == 0)),
                // What the sample sees says nothing of the others.
                draw(&mut |at| {
                    if at % ((length / SAMPLED) | 1) == 0 {
                        1e9
                    } else {
                        random()
                    }
                }),
                draw(&mut |_| (20.0 * random() - 10.0).exp2() * (random() - 0.5)),
            ];
            kinds.iter().for_each(|values| check(values));
        }
        assert_eq!(median::<f32>(&[]), None);
    }
}
