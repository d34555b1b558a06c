//! Sorting by value.

use crate::math::Real;
use crate::math::pool;

/// So many are sorted by comparing them.
const FEW: usize = 128;
/// Bits that are looked at together.
const DIGIT: u32 = 8;
const DIGITS: usize = 1 << DIGIT;

/// Indices of the values, the largest first, those alike in their order; the two zeros are told apart.
pub fn best_first<T: Real>(values: &[T]) -> pool::Lent<u64> {
    let mut keys = pool::empty();
    let key = |(n, value): (usize, &T)| u64::from(!value.order_high()) << 32 | n as u64;
    keys.extend(values.iter().enumerate().map(key));
    match keys.len() <= FEW {
        true => keys.sort_unstable(),
        false => by_digits(&mut keys),
    }
    let index = |key: &u64| (*key as u32) as usize;
    if T::IS_LONG {
        // The rest of the bits, of those whose first bits are the same.
        let groups = keys.chunk_by_mut(|a, b| a >> 32 == b >> 32);
        for group in groups.filter(|group| group.len() > 1) {
            group.sort_unstable_by_key(|key| (!values[index(key)].order(), index(key)));
        }
    }
    keys.iter_mut().for_each(|key| *key = index(key) as u64);
    keys
}

/// By the upper half, the lowest digit first; each pass leaves those alike in their order. Only the bits that differ are looked at.
fn by_digits(keys: &mut pool::Lent<u64>) {
    let first = keys[0];
    let differ = keys.iter().fold(0, |differ, key| differ | (key ^ first)) >> 32;
    let mut sorted = pool::any(keys.len());
    let mut low = differ.trailing_zeros();
    while low < u32::BITS {
        let digit = |key: u64| (key >> (32 + low)) as usize % DIGITS;
        let mut starts = [0u32; DIGITS];
        for key in keys.iter() {
            starts[digit(*key)] += 1;
        }
        let mut next = 0;
        for start in starts.iter_mut() {
            next += std::mem::replace(start, next);
        }
        let out: &mut [u64] = &mut sorted;
        for key in keys.iter() {
            let place = &mut starts[digit(*key)];
            out[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(&mut **keys, &mut *sorted);
        low += DIGIT;
        low += (differ >> low).trailing_zeros();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_a_stable_sort() {
        let mut state = 5u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 24)
        };
        for count in [0, 1, 2, FEW, FEW + 1, 3000] {
            let kinds: [Vec<f64>; 5] = [
                (0..count).map(|_| random() - 0.5).collect(),
                (0..count).map(|_| (20.0 * random()).floor()).collect(),
                (0..count).map(|_| 1e9 + 1e-3 * random()).collect(),
                (0..count).map(|n| [0.0, -0.0][n % 2]).collect(),
                (0..count).map(|n| n as f64).collect(),
            ];
            for values in kinds {
                let single: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                let expected = |values: &[f64]| {
                    let mut order: Vec<u64> = (0..count as u64).collect();
                    order.sort_by(|a, b| values[*b as usize].total_cmp(&values[*a as usize]));
                    order
                };
                assert_eq!(*best_first(&values), expected(&values));
                let back: Vec<f64> = single.iter().map(|value| f64::from(*value)).collect();
                assert_eq!(*best_first(&single), expected(&back));
            }
        }
    }
}
