//! Frames as rows of a matrix in single precision: which positions and pixels count, and what is done to a row first.

use signal::{Frame, HeapBytes, OperationError, for_pixels};

use super::loops::{sum, to_single};
use super::svd::Centre;

/// Room that a block has for rows from the beginning: a pass hands over at least so many positions at a time.
const ROWS_AT_ONCE: usize = 16;

/// What rows are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Pixels of a frame.
    pub pixels: usize,
    /// Pixels are whole numbers: differences from whole numbers are exact.
    pub whole: bool,
    pub centre: Centre,
    pub poissonian: bool,
}

/// Rows that wait to be worked on, in the order of their positions.
#[derive(Default)]
pub(super) struct Rows {
    /// Of several rows each.
    blocks: Vec<Vec<f32>>,
    count: usize,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn append(&mut self, later: &mut Rows) {
        self.blocks.append(&mut later.blocks);
        self.count += std::mem::take(&mut later.count);
    }

    /// Gives a row of zeros to fill in.
    fn grow(&mut self, pixels: usize) -> &mut [f32] {
        if self.blocks.is_empty() {
            self.blocks.push(Vec::with_capacity(ROWS_AT_ONCE * pixels));
        }
        self.count += 1;
        let block = self.blocks.last_mut().map(|block| {
            let start = block.len();
            block.resize(start + pixels, 0.0);
            &mut block[start..]
        });
        block.unwrap_or_default()
    }

    /// Takes the last row away again.
    fn shrink(&mut self, pixels: usize) {
        if let Some(block) = self.blocks.last_mut() {
            block.truncate(block.len() - pixels);
            self.count -= 1;
        }
    }

    /// The row that was added last.
    pub fn last(&self, pixels: usize) -> Option<&[f32]> {
        let block = self.blocks.last()?;
        block.get(block.len().checked_sub(pixels)?..)
    }

    #[cfg(test)]
    pub fn of(block: Vec<f32>, pixels: usize) -> Self {
        Rows {
            count: block.len() / pixels,
            blocks: vec![block],
        }
    }

    pub fn each(&self, pixels: usize) -> impl Iterator<Item = &[f32]> {
        self.blocks
            .iter()
            .flat_map(move |block| block.chunks_exact(pixels))
    }

    pub fn clear(&mut self) {
        *self = Rows::default();
    }
}

impl HeapBytes for Rows {
    fn heap_bytes(&self) -> usize {
        self.blocks.iter().map(HeapBytes::heap_bytes).sum()
    }
}

/// Pixels that have no value somewhere.
#[derive(Clone, Default)]
pub(super) struct Holes(Vec<bool>);

impl Holes {
    pub fn merge(&mut self, other: &Holes) {
        match self.0.is_empty() {
            true => self.0.clone_from(&other.0),
            false => (self.0.iter_mut().zip(&other.0)).for_each(|(own, other)| *own |= other),
        }
    }

    pub fn has(&self, pixel: usize) -> bool {
        self.0.get(pixel).is_some_and(|hole| *hole)
    }

    fn note(&mut self, row: &[f32]) {
        self.0.resize(row.len(), false);
        (self.0.iter_mut().zip(row)).for_each(|(hole, value)| *hole |= value.is_nan());
    }
}

impl HeapBytes for Holes {
    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Row {
    /// It is the last one of the rows: it was multiplied by `scale`, and `level` was subtracted of all its pixels before.
    Taken { scale: f32, level: f32 },
    /// It has no value, or no counts: it says nothing.
    Empty,
}

impl Kind {
    /// Adds a frame as a row, with zeros where it has no value; `holes` learns of those.
    pub fn take(
        &self,
        frame: &Frame,
        rows: &mut Rows,
        holes: &mut Holes,
    ) -> Result<Row, OperationError> {
        if frame.len() != self.pixels {
            return Err(OperationError::failed(
                format!(
                    "the frame has {} pixels, {} are promised",
                    frame.len(),
                    self.pixels
                ),
                "the file is damaged, or its header does not describe it",
            ));
        }
        let row = rows.grow(self.pixels);
        let invalid = for_pixels!(frame, |pixels| to_single(pixels, row));
        if invalid == row.len() {
            rows.shrink(self.pixels);
            return Ok(Row::Empty);
        }
        let valid = (row.len() - invalid) as f64;
        if invalid > 0 {
            holes.note(row);
            row.iter_mut()
                .filter(|value| value.is_nan())
                .for_each(|value| *value = 0.0);
        }
        let (mut scale, mut level) = (1.0, 0.0);
        if self.poissonian {
            let total = sum(row);
            if total <= 0.0 {
                rows.shrink(self.pixels);
                return Ok(Row::Empty);
            }
            scale = (1.0 / total.sqrt()) as f32;
            row.iter_mut().for_each(|value| *value *= scale);
        } else if self.centre == Centre::Signal {
            level = (sum(row) / valid) as f32;
            row.iter_mut().for_each(|value| *value -= level);
        }
        Ok(Row::Taken { scale, level })
    }

    /// The same; where rows are scaled by their totals, those of the pixels before that are added to `totals`.
    pub fn take_with_totals(
        &self,
        frame: &Frame,
        rows: &mut Rows,
        holes: &mut Holes,
        totals: &mut Vec<f64>,
    ) -> Result<(), OperationError> {
        let row = self.take(frame, rows, holes)?;
        if let (Row::Taken { scale, .. }, true) = (row, self.poissonian)
            && let Some(row) = rows.last(self.pixels)
        {
            totals.resize(self.pixels, 0.0);
            let scale = f64::from(scale);
            (totals.iter_mut().zip(row))
                .for_each(|(total, value)| *total += f64::from(*value) / scale);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(centre: Centre, poissonian: bool) -> Kind {
        Kind {
            pixels: 4,
            whole: false,
            centre,
            poissonian,
        }
    }

    fn taken(kind: Kind, pixels: [f32; 4]) -> (Row, Vec<f32>, Holes) {
        let (mut rows, mut holes) = (Rows::default(), Holes::default());
        let frame = Frame::from_vec(&[2, 2], pixels.to_vec()).unwrap();
        let row = kind.take(&frame, &mut rows, &mut holes).unwrap();
        let values = rows.each(4).flatten().copied().collect();
        (row, values, holes)
    }

    #[test]
    fn rows_are_centred_or_scaled_over_what_has_a_value() {
        let nan = f32::NAN;
        let (row, values, holes) = taken(kind(Centre::Signal, false), [1.0, nan, 3.0, 5.0]);
        assert_eq!(
            row,
            Row::Taken {
                scale: 1.0,
                level: 3.0
            }
        );
        // A hole is left out by its pixel, whatever stands there.
        assert_eq!((values[0], values[2], values[3]), (-2.0, 0.0, 2.0));
        assert!(holes.has(1) && !holes.has(0) && !holes.has(9));
        let (row, values, _) = taken(kind(Centre::None, true), [4.0, 0.0, 8.0, 4.0]);
        assert_eq!(
            (row, values[2]),
            (
                Row::Taken {
                    scale: 0.25,
                    level: 0.0
                },
                2.0
            )
        );
    }

    #[test]
    fn what_says_nothing_is_no_row() {
        let nothing = [f32::NAN, f32::INFINITY, f32::NAN, f32::NAN];
        let (row, values, holes) = taken(kind(Centre::None, false), nothing);
        assert_eq!((row, values.len()), (Row::Empty, 0));
        assert!(!holes.has(0));
        let (row, values, _) = taken(kind(Centre::None, true), [0.0; 4]);
        assert_eq!((row, values.len()), (Row::Empty, 0));
        assert_eq!(taken(kind(Centre::None, false), [0.0; 4]).1, [0.0; 4]);
    }
}
