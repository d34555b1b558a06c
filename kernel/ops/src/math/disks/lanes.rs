//! Arithmetic on many pixels at once. Sums go over a fixed number of lanes, whatever the width of the machine's vectors, so that
//! they have the same bits everywhere.

pub const LANES: usize = 16;

pub type Lanes = [f32; LANES];

/// Sum of the lanes, always in the same order.
#[inline(always)]
pub fn total(lanes: &Lanes) -> f32 {
    let mut half = *lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for at in 0..width {
            half[at] += half[at + width];
        }
        width /= 2;
    }
    half[0]
}

/// `e^x` to 2e-7 of itself; beyond ±80 that of ±80. Polynomial of S. Moshier's Cephes library.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = if x > 80.0 { 80.0 } else { x };
    let x = if x < -80.0 { -80.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4f32;
    p = p * rest + 1.398_199_9e-3;
    p = p * rest + 8.333_452e-3;
    p = p * rest + 4.166_579_6e-2;
    p = p * rest + 1.666_666_5e-1;
    p = p * rest + 5e-1;
    p = p * rest * rest + rest + 1.0;
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    p * f32::from_bits(power.wrapping_add(127) << 23)
}

/// Natural logarithm of a positive normal number to 2e-7. Polynomial of S. Moshier's Cephes library.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    // Powers of two are split off so that what is left lies between the root of a half and that of two.
    const HALF_ROOT: u32 = 0x3f35_04f3;
    let bits = x.to_bits().wrapping_sub(HALF_ROOT);
    let power = (bits as i32 >> 23) as f32;
    let x = f32::from_bits((bits & 0x007f_ffff).wrapping_add(HALF_ROOT)) - 1.0;
    let mut p = 7.037_683_6e-2f32;
    p = p * x - 1.151_461e-1;
    p = p * x + 1.167_699_9e-1;
    p = p * x - 1.242_014_1e-1;
    p = p * x + 1.424_932_3e-1;
    p = p * x - 1.666_805_7e-1;
    p = p * x + 2.000_071_5e-1;
    p = p * x - 2.499_999_4e-1;
    p = p * x + 3.333_333e-1;
    let square = x * x;
    p * x * square + power * -2.121_944_4e-4 - 0.5 * square + x + power * 0.693_359_4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_and_logarithm_equal_the_library_to_single_precision() {
        for n in -4000..4000 {
            let x = n as f32 * 0.0197;
            let close = (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs();
            assert!(close < 3e-7, "{x}: {close}");
            let y = exp(x);
            let off = (f64::from(ln(y)) - f64::from(y).ln()).abs();
            assert!(off < 3e-7 * f64::from(x.abs().max(1.0)), "{y}: {off}");
        }
        assert_eq!(exp(500.0), exp(80.0));
        assert_eq!(total(&[1.0; LANES]), LANES as f32);
    }
}
