//! Order statistics without sorting: a few of the values bracket the one that is looked for, vector instructions count what
//! is below, and only what is within is looked at again (R. W. Floyd and R. L. Rivest, doi:10.1145/360680.360691).
//! The result is exact. Values are without NaN; the two zeros are alike.

use signal::simd::{Vectorised, vectorised};

use super::pool;
use super::real::{Real, larger};

/// As many values are partitioned outright.
const FEW: usize = 200;
/// Values that a bracket is taken from, and how many places it reaches to both sides of the expected one.
const SAMPLED: usize = 256;
const TO_BOTH_SIDES: usize = 20;
/// As many are looked at together for one that is wanted.
const PER_LOOK: usize = 16;
/// How often a bracket is made narrower.
const ROUNDS: usize = 3;

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
    let expected = rank * sample.len() / values.len();
    let last = (expected + TO_BOTH_SIDES).min(sample.len() - 1);
    let (below, high, _) = sample.select_nth_unstable_by_key(last, |value: &T| value.order());
    let high = *high;
    let first = expected.saturating_sub(TO_BOTH_SIDES);
    let low = *below
        .select_nth_unstable_by_key(first, |value: &T| value.order())
        .1;
    let mut within = Within {
        low: T::NEG_INFINITY,
        high: T::INFINITY,
        before: 0,
        count: values.len(),
    };
    let mut pivots = [low, high];
    for _ in 0..ROUNDS {
        if let Some(found) = within.narrow(values, pivots, rank) {
            return found;
        }
        let Some(next) = within.pivots(rank) else {
            break;
        };
        pivots = next;
    }
    let mut kept = pool::any(within.count + PER_LOOK);
    let count = vectorised(Collect {
        values,
        low: within.low,
        high: within.high,
        kept: &mut kept,
    });
    kept.truncate(count);
    match kept.is_empty() {
        // Only infinities, at one of both ends.
        true => partitioned(values, rank),
        false => {
            let place = rank - within.before;
            *kept
                .select_nth_unstable_by_key(place, |value: &T| value.order())
                .1
        }
    }
}

fn partitioned<T: Real>(values: &[T], rank: usize) -> T {
    let mut all = pool::empty();
    all.extend_from_slice(values);
    *all.select_nth_unstable_by_key(rank, |value: &T| value.order())
        .1
}

/// The values between two, neither of which is the one that is looked for.
struct Within<T> {
    low: T,
    high: T,
    /// How many are not above `low`, and how many are between.
    before: usize,
    count: usize,
}

impl<T: Real> Within<T> {
    /// Between the pivots, or on one side of them; the value that is looked for when it is one.
    fn narrow(&mut self, values: &[T], [low, high]: [T; 2], rank: usize) -> Option<T> {
        let [upto_low, below_high] = vectorised(Count { values, low, high });
        let end = self.before + self.count;
        if (upto_low..below_high).contains(&rank) {
            (self.low, self.high) = (low, high);
            (self.before, self.count) = (upto_low, below_high - upto_low);
            return None;
        }
        let is_low = rank < upto_low;
        let pivot = if is_low { low } else { high };
        let alike = vectorised(Alike { values, pivot });
        let (first, last) = match is_low {
            true => (upto_low - alike, upto_low),
            false => (below_high, below_high + alike),
        };
        if (first..last).contains(&rank) {
            return Some(pivot);
        }
        (self.low, self.high, self.before, self.count) = match is_low {
            true => (self.low, low, self.before, first - self.before),
            false => (high, self.high, last, end - last),
        };
        None
    }

    /// A little below and above where the place is likely to be, of values as far apart everywhere.
    fn pivots(&self, rank: usize) -> Option<[T; 2]> {
        let (low, high) = (self.low.to_f64(), self.high.to_f64());
        if self.count < FEW || !(high - low).is_finite() {
            return None;
        }
        let count = self.count as f64;
        let part = ((rank - self.before) as f64 + 0.5) / count;
        let reach = 1.0 / count.sqrt();
        let pivots = [part - reach, part + reach]
            .map(|part| T::nearest(low + part.clamp(0.0, 1.0) * (high - low)));
        (pivots[0] < pivots[1]).then_some(pivots)
    }
}

/// The values between two; how many.
struct Collect<'a, T: Real> {
    values: &'a [T],
    low: T,
    high: T,
    /// Longer than these by as many as are looked at together.
    kept: &'a mut [T],
}

impl<T: Real> Vectorised for Collect<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let is_within = |value: T| (value > self.low) & (value < self.high);
        let mut count = 0;
        let mut keep = |part: &[T]| {
            let (kept, mut more) = (&mut self.kept[count..][..PER_LOOK], 0);
            for value in part {
                kept[more] = *value;
                more += usize::from(is_within(*value));
            }
            count += more;
        };
        let mut parts = self.values.chunks_exact(PER_LOOK);
        for part in &mut parts {
            if part
                .iter()
                .fold(false, |any, value| any | is_within(*value))
            {
                keep(part);
            }
        }
        keep(parts.remainder());
        count
    }
}

/// So many values that their count fits a small number, and that they are near when they are looked at again.
const PART: usize = 2048;

#[inline(always)]
fn count<T: Copy>(values: &[T], belongs: impl Fn(T) -> bool) -> usize {
    let count: u32 = values.iter().map(|value| u32::from(belongs(*value))).sum();
    count as usize
}

/// How many values are not above `low`, and below `high`.
struct Count<'a, T> {
    values: &'a [T],
    low: T,
    high: T,
}

impl<T: Real> Vectorised for Count<'_, T> {
    type Result = [usize; 2];

    #[inline(always)]
    fn run(self) -> [usize; 2] {
        let Count { values, low, high } = self;
        let mut counts = [0; 2];
        for part in values.chunks(PART) {
            counts[0] += count(part, |value| value <= low);
            counts[1] += count(part, |value| value < high);
        }
        counts
    }
}

/// How many values are equal to one.
struct Alike<'a, T> {
    values: &'a [T],
    pivot: T,
}

impl<T: Real> Vectorised for Alike<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        (self.values.chunks(PART))
            .map(|part| count(part, |value| value == self.pivot))
            .sum()
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
        let below = |value: T| {
            if value < limit {
                value
            } else {
                T::NEG_INFINITY
            }
        };
        let mut lanes = [T::NEG_INFINITY; 32];
        let mut parts = values.chunks_exact(lanes.len());
        for part in &mut parts {
            for (lane, value) in lanes.iter_mut().zip(part) {
                *lane = larger(below(*value), *lane);
            }
        }
        for value in parts.remainder() {
            lanes[0] = larger(below(*value), lanes[0]);
        }
        let counts = values
            .chunks(PART)
            .map(|part| count(part, |value| value < limit));
        let largest = lanes.into_iter().fold(T::NEG_INFINITY, larger);
        (counts.sum(), largest)
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
