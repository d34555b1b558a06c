//! The two precisions an image is computed in.

use super::pool::Pooled;

/// `f32` or `f64`.
pub trait Real: Pooled + Copy + PartialOrd + Send + Sync + 'static {
    const NAN: Self;
    const INFINITY: Self;
    const NEG_INFINITY: Self;

    fn to_f64(self) -> f64;
    fn nearest(value: f64) -> Self;
    /// The smallest number that is not below `value`.
    fn at_least(value: f64) -> Self;
    fn is_nan(self) -> bool;
    /// Whole numbers in the order of `total_cmp`.
    fn order(self) -> u64;
    /// The upper 32 bits of that, which are all there are of the shorter type.
    fn order_high(self) -> u32;
    const IS_LONG: bool;
}

macro_rules! real {
    ($($real:ident: $bits:ty, $signed:ty);*) => {$(
        impl Real for $real {
            const NAN: Self = $real::NAN;
            const INFINITY: Self = $real::INFINITY;
            const NEG_INFINITY: Self = $real::NEG_INFINITY;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn nearest(value: f64) -> Self {
                value as $real
            }

            fn at_least(value: f64) -> Self {
                let nearest = value as $real;
                if f64::from(nearest) < value { nearest.next_up() } else { nearest }
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }

            #[inline(always)]
            fn order(self) -> u64 {
                let bits = self.to_bits();
                let is_negative = (bits as $signed) < 0;
                u64::from(if is_negative { !bits } else { bits | 1 << (<$bits>::BITS - 1) })
            }

            #[inline(always)]
            fn order_high(self) -> u32 {
                (self.order() >> (<$bits>::BITS - 32)) as u32
            }

            const IS_LONG: bool = <$bits>::BITS > 32;
        }
    )*};
}

real! {
    f32: u32, i32;
    f64: u64, i64
}

/// The larger one; the second where the first is NaN. One instruction, unlike [`f32::max`].
#[inline(always)]
pub fn larger<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// The smaller one; the second where the first is NaN.
#[inline(always)]
pub fn smaller<T: PartialOrd>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_total_cmp() {
        let values = [
            f32::NEG_INFINITY,
            -2.0,
            -1e-40,
            -0.0,
            0.0,
            1e-40,
            3.0,
            f32::INFINITY,
        ];
        assert!(
            values
                .windows(2)
                .all(|pair| pair[0].order() < pair[1].order())
        );
        let wide = values.map(f64::from);
        assert!(
            wide.windows(2)
                .all(|pair| pair[0].order() < pair[1].order())
        );
    }

    #[test]
    fn a_threshold_between_two_numbers_is_the_upper_one() {
        assert_eq!(f32::at_least(0.1), 0.1f32);
        assert!(
            f64::from(f32::at_least(0.3)) >= 0.3 && f64::from(f32::at_least(0.3).next_down()) < 0.3
        );
        assert_eq!(f32::at_least(2.0f64.next_up()), 2.0f32.next_up());
        assert_eq!(f64::at_least(0.3), 0.3);
    }
}
