use signal::{Element, Frame, for_pixels};

/// Range of a picture's finite values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// 1st and 99th percentile.
    pub percentiles: [f64; 2],
    /// Least and greatest.
    pub extrema: [f64; 2],
}

/// Percentiles and extrema of the finite values; zeros when there are none.
///
/// `u8` and `u16` are counted exactly; other types by selection on a copy.
pub fn levels(frame: &Frame) -> Levels {
    if let Some(pixels) = frame.pixels::<u8>() {
        return counted(pixels.iter().map(|pixel| usize::from(*pixel)), 1 << 8);
    }
    if let Some(pixels) = frame.pixels::<u16>() {
        return counted(pixels.iter().map(|pixel| usize::from(*pixel)), 1 << 16);
    }
    let mut finite: Vec<f32> = for_pixels!(frame, |pixels| pixels
        .iter()
        .map(|pixel| pixel.to_f32())
        .filter(|value| value.is_finite())
        .collect());
    selected(&mut finite)
}

/// Rank of a percentile among `count` sorted values.
fn rank(count: usize, percent: usize) -> usize {
    (count - 1) * percent / 100
}

fn counted(values: impl Iterator<Item = usize>, bins: usize) -> Levels {
    let mut histogram = vec![0u32; bins];
    let mut count = 0usize;
    for value in values {
        histogram[value] += 1;
        count += 1;
    }
    if count == 0 {
        return Levels {
            percentiles: [0.0; 2],
            extrema: [0.0; 2],
        };
    }
    let at_rank = |rank: usize| {
        let mut seen = 0usize;
        histogram
            .iter()
            .position(|bin| {
                seen += *bin as usize;
                seen > rank
            })
            .unwrap_or(0) as f64
    };
    Levels {
        percentiles: [at_rank(rank(count, 1)), at_rank(rank(count, 99))],
        extrema: [at_rank(0), at_rank(count - 1)],
    }
}

fn selected(values: &mut [f32]) -> Levels {
    if values.is_empty() {
        return Levels {
            percentiles: [0.0; 2],
            extrema: [0.0; 2],
        };
    }
    let count = values.len();
    let mut at_rank =
        |rank: usize| f64::from(*values.select_nth_unstable_by(rank, f32::total_cmp).1);
    Levels {
        percentiles: [at_rank(rank(count, 1)), at_rank(rank(count, 99))],
        extrema: [at_rank(0), at_rank(count - 1)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_agree() {
        let counts: Vec<u16> = (0..1000).rev().collect();
        let floats: Vec<f32> = counts.iter().map(|value| f32::from(*value)).collect();
        let exact = levels(&Frame::from_vec(&[10, 100], counts).unwrap());
        let selected = levels(&Frame::from_vec(&[10, 100], floats).unwrap());
        assert_eq!(exact, selected);
        assert_eq!(exact.percentiles, [9.0, 989.0]);
        assert_eq!(exact.extrema, [0.0, 999.0]);
    }

    #[test]
    fn nan_and_infinity_are_left_out() {
        let frame = Frame::from_vec(&[4], vec![f32::NAN, 2.0, f32::INFINITY, -1.0]).unwrap();
        assert_eq!(levels(&frame).extrema, [-1.0, 2.0]);
        let nothing = Frame::from_vec(&[2], vec![f32::NAN; 2]).unwrap();
        assert_eq!(levels(&nothing).extrema, [0.0, 0.0]);
    }
}
