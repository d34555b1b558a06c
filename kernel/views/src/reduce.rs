use signal::{Element, ElementType, Frame, for_pixels};

/// Type of the samples sent to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    U8,
    U16,
    F32,
}

/// A rectangle of pixels of a frame, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub x0: usize,
    pub y0: usize,
    pub width: usize,
    pub height: usize,
}

/// A picture of at most the asked size, C order, little endian.
#[derive(Clone, Debug)]
pub struct Reduced {
    pub width: usize,
    pub height: usize,
    /// The pixels of the frame that the samples stand for: at least the part that was asked for.
    pub part: Part,
    /// Pixels of the frame per sample, along each axis; along the only one of a spectrum.
    pub block: usize,
    pub sample: Sample,
    /// Shares the frame's own pixels when they can be sent as they are.
    pub frame: Frame,
    /// The whole numbers that the means come from: sums over the pixels of each block.
    pub sums: Option<Vec<u32>>,
}

/// Longest spectrum sent without reduction.
const FULL_LINE: usize = 8192;
/// Largest block whose pixels of 16 bits have a sum of 32.
const SUMMED: usize = 1 << 8;

/// Reduces the seen part of a frame to fit `size_px` (width, height) by the mean over square blocks.
///
/// The part grows to whole blocks, so that the mean of a block never depends on what else is seen. A frame that
/// fits whole and whose pixels are `u8`, `u16` or `f32` is passed on without a copy; other types become `f32`.
/// Block means are `f32`, so that sparse counts below one survive; invalid pixels (NaN, infinity) are left out,
/// and a block of invalid pixels is NaN. A spectrum has no parts.
pub fn reduce(frame: &Frame, part: Option<Part>, size_px: [usize; 2]) -> Reduced {
    let (part, blocks) = blocks(frame, part, size_px);
    reduced(frame, part, blocks)
}

/// As [`reduce`], with the pixel in the middle of each block: for values that have no mean, as angles and names.
pub fn pick(frame: &Frame, part: Option<Part>, size_px: [usize; 2]) -> Reduced {
    let (part, [down, across]) = blocks(frame, part, size_px);
    if across == 1 {
        return reduced(frame, part, [1, 1]);
    }
    let (_, columns) = frame.rows_columns();
    let middle = |at: usize, block: usize, size: usize| (at * block + block / 2).min(size - 1);
    let values = frame.to_f32();
    let rows: Vec<&[f32]> = part.rows(&values, columns).collect();
    let (height, width) = (part.height.div_ceil(down), part.width.div_ceil(across));
    let picked = (0..height).flat_map(|row| {
        let row = rows[middle(row, down, part.height)];
        (0..width).map(move |column| row[middle(column, across, part.width)])
    });
    Reduced {
        width,
        height,
        part,
        block: across,
        sample: Sample::F32,
        frame: from_pixels(&[height, width], picked.collect::<Vec<f32>>()),
        sums: None,
    }
}

/// The part that is seen, in whole blocks of pixels down and across.
fn blocks(frame: &Frame, part: Option<Part>, size_px: [usize; 2]) -> (Part, [usize; 2]) {
    let (rows, columns) = frame.rows_columns();
    let whole = Part {
        x0: 0,
        y0: 0,
        width: columns,
        height: rows,
    };
    if frame.shape().len() == 1 {
        let block = match columns <= FULL_LINE {
            true => 1,
            false => columns.div_ceil(size_px[0].max(1)),
        };
        return (whole, [1, block]);
    }
    let part = part.map_or(whole, |part| part.inside(whole));
    let across = part.width.div_ceil(size_px[0].max(1));
    let block = across.max(part.height.div_ceil(size_px[1].max(1))).max(1);
    (part.to_blocks(block, whole), [block, block])
}

impl Part {
    /// What of it lies in the frame, at least one pixel if the frame has one.
    fn inside(self, whole: Part) -> Part {
        let span = |start: usize, length: usize, limit: usize| {
            let start = start.min(limit.saturating_sub(1));
            (start, length.clamp(1.min(limit), limit - start))
        };
        let (x0, width) = span(self.x0, self.width, whole.width);
        let (y0, height) = span(self.y0, self.height, whole.height);
        Part {
            x0,
            y0,
            width,
            height,
        }
    }

    fn to_blocks(self, block: usize, whole: Part) -> Part {
        let span = |start: usize, length: usize, limit: usize| {
            let first = start / block * block;
            let end = (start + length).div_ceil(block) * block;
            (first, end.min(limit) - first)
        };
        let (x0, width) = span(self.x0, self.width, whole.width);
        let (y0, height) = span(self.y0, self.height, whole.height);
        Part {
            x0,
            y0,
            width,
            height,
        }
    }

    fn rows<'a, T>(&self, pixels: &'a [T], columns: usize) -> impl Iterator<Item = &'a [T]> {
        let Part {
            x0,
            y0,
            width,
            height,
        } = *self;
        (y0..y0 + height).map(move |row| &pixels[row * columns + x0..][..width])
    }
}

fn reduced(frame: &Frame, part: Part, [down, across]: [usize; 2]) -> Reduced {
    let (_, columns) = frame.rows_columns();
    let (height, width) = (part.height.div_ceil(down), part.width.div_ceil(across));
    let shape = [height, width];
    let mut sums = None;
    let (sample, frame) = if across > 1 {
        sums = match frame.element() {
            _ if down.max(across) > SUMMED => None,
            ElementType::U8 => Some(block_sums::<u8>(frame, &part, columns, down, across)),
            ElementType::U16 => Some(block_sums::<u16>(frame, &part, columns, down, across)),
            _ => None,
        };
        let means = match &sums {
            Some(sums) => means_of(sums, &part, down, across),
            None => for_pixels!(frame, |pixels| block_means(
                pixels, &part, columns, down, across
            )),
        };
        (Sample::F32, from_pixels(&shape, means))
    } else {
        let own = match frame.element() {
            ElementType::U8 => cropped::<u8>(frame, &part, columns),
            ElementType::U16 => cropped::<u16>(frame, &part, columns),
            ElementType::F32 => cropped::<f32>(frame, &part, columns),
            _ => for_pixels!(frame, |pixels| {
                let pixels = part.rows(pixels, columns).flatten();
                from_pixels(&shape, pixels.map(|pixel| pixel.to_f32()).collect())
            }),
        };
        let sample = match own.element() {
            ElementType::U8 => Sample::U8,
            ElementType::U16 => Sample::U16,
            _ => Sample::F32,
        };
        (sample, own)
    };
    Reduced {
        width,
        height,
        part,
        block: across,
        sample,
        frame,
        sums,
    }
}

/// The frame itself, or a copy of a part of it.
fn cropped<T: Element>(frame: &Frame, part: &Part, columns: usize) -> Frame {
    if part.width * part.height == frame.len() {
        return frame.clone();
    }
    let rows: Vec<&[T]> = part
        .rows(frame.pixels_of_own_type::<T>(), columns)
        .collect();
    from_pixels(&[part.height, part.width], rows.concat())
}

/// `pixels` were made for `shape`, so the empty frame is never seen.
fn from_pixels<T: Element>(shape: &[usize], pixels: Vec<T>) -> Frame {
    Frame::from_vec(shape, pixels).unwrap_or_else(|_| Frame::empty())
}

/// Exact sums over blocks: columns first, then along the rows.
fn block_sums<T: Element + Into<u32>>(
    frame: &Frame,
    part: &Part,
    columns: usize,
    down: usize,
    across: usize,
) -> Vec<u32> {
    let mut sums = Vec::with_capacity(part.height.div_ceil(down) * part.width.div_ceil(across));
    let mut lines = vec![0u32; part.width];
    let mut rows = part
        .rows(frame.pixels_of_own_type::<T>(), columns)
        .peekable();
    while rows.peek().is_some() {
        lines.fill(0);
        for row in rows.by_ref().take(down) {
            for (line, pixel) in lines.iter_mut().zip(row) {
                *line += (*pixel).into();
            }
        }
        sums.extend(lines.chunks(across).map(|block| block.iter().sum::<u32>()));
    }
    sums
}

/// A block at the lower and right edge may have fewer pixels than others.
fn means_of(sums: &[u32], part: &Part, down: usize, across: usize) -> Vec<f32> {
    let width = part.width.div_ceil(across);
    let count = |row: usize, column: usize| {
        down.min(part.height - row * down) * across.min(part.width - column * across)
    };
    let rows = sums.chunks(width).enumerate();
    rows.flat_map(|(row, sums)| {
        let sums = sums.iter().enumerate();
        sums.map(move |(column, sum)| (f64::from(*sum) / count(row, column) as f64) as f32)
    })
    .collect()
}

fn block_means<T: Element>(
    pixels: &[T],
    part: &Part,
    columns: usize,
    down: usize,
    across: usize,
) -> Vec<f32> {
    let width = part.width.div_ceil(across);
    let mut means = Vec::with_capacity(part.height.div_ceil(down) * width);
    let mut sums = vec![0.0f64; width];
    let mut counts = vec![0u32; width];
    let mut rows = part.rows(pixels, columns).peekable();
    while rows.peek().is_some() {
        sums.fill(0.0);
        counts.fill(0);
        for row in rows.by_ref().take(down) {
            for (column, block) in row.chunks(across).enumerate() {
                for pixel in block {
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

    fn part(x0: usize, y0: usize, width: usize, height: usize) -> Part {
        Part {
            x0,
            y0,
            width,
            height,
        }
    }

    #[test]
    fn a_frame_that_fits_is_not_copied() {
        let frame = Frame::from_vec(&[3, 5], (0u16..15).collect()).unwrap();
        for asked in [None, Some(part(0, 0, 5, 3)), Some(part(0, 0, 90, 90))] {
            let reduced = reduce(&frame, asked, [5, 3]);
            assert_eq!((reduced.width, reduced.height, reduced.block), (5, 3, 1));
            assert_eq!(reduced.sample, Sample::U16);
            assert_eq!(reduced.frame.as_bytes().as_ptr(), frame.as_bytes().as_ptr());
        }
    }

    #[test]
    fn blocks_are_means_with_a_ragged_edge_and_nan_left_out() {
        let mut pixels: Vec<f32> = (0..15).map(|value| value as f32).collect();
        pixels[0] = f32::NAN;
        let frame = Frame::from_vec(&[3, 5], pixels).unwrap();
        let reduced = reduce(&frame, None, [3, 2]);
        assert_eq!((reduced.width, reduced.height, reduced.block), (3, 2, 2));
        let means = reduced.frame.pixels::<f32>().unwrap();
        assert_eq!(means[0], (1.0 + 5.0 + 6.0) / 3.0);
        assert_eq!(means[5], 14.0);
    }

    #[test]
    fn a_pick_is_a_value_of_the_frame_in_the_blocks_of_the_mean() {
        let angles: Vec<f32> = (0..35).map(|n| [359.0, 1.0][n % 2]).collect();
        let frame = Frame::from_vec(&[5, 7], angles).unwrap();
        for size in [[3, 2], [7, 5], [1, 1], [4, 9]] {
            let (picked, mean) = (pick(&frame, None, size), reduce(&frame, None, size));
            assert_eq!((picked.width, picked.height), (mean.width, mean.height));
            assert_eq!((picked.part, picked.block), (mean.part, mean.block));
            let values = picked.frame.to_f32();
            assert!(values.iter().all(|value| [359.0, 1.0].contains(value)));
        }
        let numbered = Frame::from_vec(&[5, 7], (0..35).map(|n| n as f32).collect()).unwrap();
        let picked = pick(&numbered, None, [3, 2]).frame;
        assert_eq!(*picked.to_f32(), [8.0, 11.0, 13.0, 29.0, 32.0, 34.0]);
    }

    #[test]
    fn whole_numbers_and_floats_have_the_same_means() {
        let counts: Vec<u16> = (0..7 * 11).map(|n| (n * 7919 % 65_536) as u16).collect();
        let floats: Vec<f32> = counts.iter().map(|count| f32::from(*count)).collect();
        let counts = Frame::from_vec(&[7, 11], counts).unwrap();
        let floats = Frame::from_vec(&[7, 11], floats).unwrap();
        for size in [[4, 3], [6, 4], [2, 7], [1, 1]] {
            let (exact, means) = (reduce(&counts, None, size), reduce(&floats, None, size));
            assert_eq!(exact.frame.as_bytes(), means.frame.as_bytes(), "{size:?}");
            assert_eq!(exact.sums.unwrap().len(), exact.width * exact.height);
        }
    }

    #[test]
    fn the_seen_part_is_sent_in_the_frames_own_pixels_when_it_fits() {
        let frame = Frame::from_vec(&[30, 50], (0u16..1500).collect()).unwrap();
        let reduced = reduce(&frame, Some(part(40, 25, 9, 4)), [9, 4]);
        assert_eq!((reduced.part, reduced.block), (part(40, 25, 9, 4), 1));
        let pixels = reduced.frame.pixels::<u16>().unwrap();
        assert_eq!((pixels[0], pixels[35]), (25 * 50 + 40, 28 * 50 + 48));
        let wide = Frame::from_vec(&[30, 50], (0u32..1500).collect()).unwrap();
        let reduced = reduce(&wide, Some(part(40, 25, 9, 4)), [9, 4]);
        assert_eq!(reduced.frame.pixels::<f32>().unwrap()[35], 1448.0);
    }

    #[test]
    fn a_part_outside_the_frame_is_what_of_it_lies_inside() {
        let frame = Frame::from_vec(&[30, 50], (0u16..1500).collect()).unwrap();
        let of = |asked| reduce(&frame, Some(asked), [64, 64]).part;
        assert_eq!(of(part(45, 28, 20, 20)), part(45, 28, 5, 2));
        assert_eq!(of(part(99, 99, 5, 5)), part(49, 29, 1, 1));
        assert_eq!(of(part(3, 4, 0, 0)), part(3, 4, 1, 1));
    }

    #[test]
    fn a_mean_does_not_depend_on_what_else_is_seen() {
        let frame = Frame::from_vec(&[30, 50], (0u16..1500).collect()).unwrap();
        let whole = reduce(&frame, None, [17, 10]);
        let seen = reduce(&frame, Some(part(22, 11, 13, 14)), [5, 5]);
        assert_eq!((whole.block, seen.block), (3, 3));
        assert_eq!(seen.part, part(21, 9, 15, 18));
        let (all, some) = (
            whole.frame.pixels::<f32>().unwrap(),
            seen.frame.pixels::<f32>().unwrap(),
        );
        for row in 0..seen.height {
            for column in 0..seen.width {
                let (y, x) = (row + seen.part.y0 / 3, column + seen.part.x0 / 3);
                assert_eq!(some[row * seen.width + column], all[y * whole.width + x]);
            }
        }
    }

    #[test]
    fn a_spectrum_keeps_its_channels() {
        let frame = Frame::from_vec(&[2048], vec![1u8; 2048]).unwrap();
        let reduced = reduce(&frame, Some(part(100, 0, 5, 1)), [400, 300]);
        assert_eq!((reduced.width, reduced.height, reduced.block), (2048, 1, 1));
        let long = Frame::from_vec(&[10_000], vec![3u8; 10_000]).unwrap();
        let reduced = reduce(&long, None, [400, 300]);
        assert_eq!((reduced.width, reduced.height, reduced.block), (400, 1, 25));
        assert_eq!(reduced.frame.pixels::<f32>().unwrap()[399], 3.0);
    }

    #[test]
    fn a_tall_frame_is_reduced_by_its_tall_side() {
        let frame = Frame::from_vec(&[1000, 10], vec![2u32; 10_000]).unwrap();
        let reduced = reduce(&frame, None, [100, 250]);
        assert_eq!((reduced.width, reduced.height, reduced.block), (3, 250, 4));
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
