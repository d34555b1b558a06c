use super::blocks::LANES;
use crate::Element;

/// A type of pixel that a mask can leave out.
pub(super) trait Pixel: Element {
    type Bits: Copy + 'static;
    /// No bits for the lanes of a block, all for those of the next, none for those of a third: from any lane of the first two on
    /// there is a mask for a block.
    const MASK: &'static [Self::Bits; 3 * LANES];

    /// 0 where one of the masks has no bits.
    fn masked(self, one: Self::Bits, other: Self::Bits) -> Self;
}

macro_rules! pixel {
    ($($pixel:ty: $bits:ty, |$own:ident, $mask:ident| $masked:expr;)*) => {$(
        impl Pixel for $pixel {
            type Bits = $bits;
            const MASK: &'static [$bits; 3 * LANES] = &{
                let mut mask = [0; 3 * LANES];
                let mut lane = LANES;
                while lane < 2 * LANES {
                    mask[lane] = !0;
                    lane += 1;
                }
                mask
            };

            #[inline(always)]
            fn masked(self, one: $bits, other: $bits) -> Self {
                let ($own, $mask) = (self, one & other);
                $masked
            }
        }
    )*};
}

pixel! {
    u8: u8, |own, mask| own & mask;
    i8: i8, |own, mask| own & mask;
    u16: u16, |own, mask| own & mask;
    i16: i16, |own, mask| own & mask;
    u32: u32, |own, mask| own & mask;
    i32: i32, |own, mask| own & mask;
    u64: u64, |own, mask| own & mask;
    i64: i64, |own, mask| own & mask;
    f32: u32, |own, mask| f32::from_bits(own.to_bits() & mask);
    f64: u64, |own, mask| f64::from_bits(own.to_bits() & mask);
}
