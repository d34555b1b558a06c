use signal::{Element, ElementType, Frame, for_pixels};

/// Type of the samples sent to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    U8,
    U16,
    F32,
}

/// A picture of at most the asked size, C order, little endian.
#[derive(Clone, Debug)]
pub struct Reduced {
    pub width: usize,
    pub height: usize,
    /// Pixels of the frame per sample, along each axis.
    pub factor: usize,
    pub sample: Sample,
    /// Shares the frame's own pixels when they can be sent as they are.
    pub frame: Frame,
}

/// Longest spectrum sent without reduction.
const FULL_LINE: usize = 8192;

/// Reduces a frame to fit `size_px` (width, height) by the mean over square blocks.
///
/// A frame that fits and whose pixels are `u8`, `u16` or `f32` is passed on without a copy; other
/// types become `f32`. Block means are `f32`, so that sparse counts below one survive; invalid
/// pixels (NaN, infinity) are left out, and a block of invalid pixels is NaN.
pub fn reduce(frame: &Frame, size_px: [usize; 2]) -> Reduced {
    let (rows, columns) = frame.rows_columns();
    let is_line = frame.shape().len() == 1;
    let factor = if is_line && columns <= FULL_LINE {
        1
    } else {
        let across = columns.div_ceil(size_px[0].max(1));
        let down = if is_line {
            1
        } else {
            rows.div_ceil(size_px[1].max(1))
        };
        across.max(down).max(1)
    };
    if factor == 1 {
        let (sample, frame) = match frame.element() {
            ElementType::U8 => (Sample::U8, frame.clone()),
            ElementType::U16 => (Sample::U16, frame.clone()),
            ElementType::F32 => (Sample::F32, frame.clone()),
            _ => (
                Sample::F32,
                from_pixels(frame.shape(), frame.to_f32().into_owned()),
            ),
        };
        return Reduced {
            width: columns,
            height: rows,
            factor,
            sample,
            frame,
        };
    }
    let down = if is_line { 1 } else { factor };
    let (height, width) = (rows.div_ceil(down), columns.div_ceil(factor));
    let means = for_pixels!(frame, |pixels| block_means(
        pixels, rows, columns, down, factor
    ));
    Reduced {
        width,
        height,
        factor,
        sample: Sample::F32,
        frame: from_pixels(&[height, width], means),
    }
}

/// `pixels` were made for `shape`, so the empty frame is never seen.
fn from_pixels(shape: &[usize], pixels: Vec<f32>) -> Frame {
    Frame::from_vec(shape, pixels).unwrap_or_else(|_| Frame::empty())
}

fn block_means<T: Element>(
    pixels: &[T],
    rows: usize,
    columns: usize,
    down: usize,
    across: usize,
) -> Vec<f32> {
    let width = columns.div_ceil(across);
    let mut means = Vec::with_capacity(rows.div_ceil(down) * width);
    let mut sums = vec![0.0f64; width];
    let mut counts = vec![0u32; width];
    for block in pixels.chunks(columns * down) {
        sums.fill(0.0);
        counts.fill(0);
        for row in block.chunks(columns) {
            for (column, part) in row.chunks(across).enumerate() {
                for pixel in part {
                    let value = pixel.to_f64();
                    if value.is_finite() {
                        sums[column] += value;
                        counts[column] += 1;
                    }
                }
            }
        }
        means.extend(sums.iter().zip(&counts).map(|(sum, count)| match count {
            0 => f32::NAN,
            count => (sum / f64::from(*count)) as f32,
        }));
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_fits_is_not_copied() {
        let frame = Frame::from_vec(&[3, 5], (0u16..15).collect()).unwrap();
        let reduced = reduce(&frame, [5, 3]);
        assert_eq!((reduced.width, reduced.height), (5, 3));
        assert_eq!(reduced.sample, Sample::U16);
        assert_eq!(reduced.frame.as_bytes().as_ptr(), frame.as_bytes().as_ptr());
    }

    #[test]
    fn blocks_are_means_with_a_ragged_edge_and_nan_left_out() {
        let mut pixels: Vec<f32> = (0..15).map(|value| value as f32).collect();
        pixels[0] = f32::NAN;
        let frame = Frame::from_vec(&[3, 5], pixels).unwrap();
        let reduced = reduce(&frame, [3, 2]);
        assert_eq!((reduced.width, reduced.height, reduced.factor), (3, 2, 2));
        let means = reduced.frame.pixels::<f32>().unwrap();
        assert_eq!(means[0], (1.0 + 5.0 + 6.0) / 3.0);
        assert_eq!(means[5], 14.0);
    }

    #[test]
    fn a_spectrum_keeps_its_channels() {
        let frame = Frame::from_vec(&[2048], vec![1u8; 2048]).unwrap();
        let reduced = reduce(&frame, [400, 300]);
        assert_eq!((reduced.width, reduced.height), (2048, 1));
    }

    #[test]
    fn a_tall_frame_is_reduced_by_its_tall_side() {
        let frame = Frame::from_vec(&[1000, 10], vec![2u32; 10_000]).unwrap();
        let reduced = reduce(&frame, [100, 250]);
        assert_eq!((reduced.width, reduced.height, reduced.factor), (3, 250, 4));
        assert!(
            reduced
                .frame
                .pixels::<f32>()
                .unwrap()
                .iter()
                .all(|mean| *mean == 2.0)
        );
    }
}
