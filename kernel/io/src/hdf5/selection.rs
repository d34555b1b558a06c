//! Selections of HDF5: which pixels of an array a mapping means.
//!
//! Read are boxes, and boxes of which one axis is in steps, as frames that take turns between files.

use std::ops::Range;

use hdf5_reader::error::{Error, Result as Hdf5Result};
use hdf5_reader::io::Cursor;

const MAX_RANK: usize = 32;
/// Indices of an unlimited selection.
const UNLIMITED: u64 = u64::MAX;

/// A box of an array, of which one axis may be in steps: the lines along that axis follow each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Axis along which lines are counted.
    pub axis: usize,
    start: usize,
    /// From the first line of a block to the first of the next.
    stride: usize,
    pub block: usize,
    lines: usize,
    /// The box, with `start` and one line along `axis`.
    pub ranges: Vec<Range<usize>>,
}

impl Selection {
    pub fn whole(shape: &[usize]) -> Option<Self> {
        let along: Vec<Along> = shape.iter().map(|size| Along::run(0, *size)).collect();
        Selection::of(&along)
    }

    /// Of a regular selection: only its first axis of more than one line may be in steps.
    pub fn of(axes: &[Along]) -> Option<Self> {
        let axis = axes.iter().position(|along| along.lines() > 1).unwrap_or(0);
        let along = axes.get(axis)?;
        if (axes.iter().enumerate()).any(|(at, along)| at != axis && along.count > 1) {
            return None;
        }
        let mut ranges: Vec<Range<usize>> = (axes.iter())
            .map(|along| along.start..along.start + along.block)
            .collect();
        ranges[axis] = along.start..along.start + 1;
        Some(Selection {
            axis,
            start: along.start,
            stride: along.stride,
            block: along.block,
            lines: along.lines(),
            ranges,
        })
    }

    /// Index along `axis` of a line.
    pub fn line(&self, at: usize) -> usize {
        self.start + at / self.block * self.stride + at % self.block
    }

    /// Lines that lie in a range of indices and follow each other in the array, as runs of line numbers.
    pub fn runs(&self, range: &Range<usize>) -> Vec<Range<usize>> {
        let blocks = self.lines / self.block;
        let first = range
            .start
            .saturating_sub(self.start + self.block - 1)
            .div_ceil(self.stride.max(1));
        let mut runs = Vec::new();
        for number in first..blocks {
            let begin = self.start + number * self.stride;
            if begin >= range.end {
                break;
            }
            let from = range.start.max(begin) - begin;
            let to = range.end.min(begin + self.block).saturating_sub(begin);
            if from < to {
                runs.push(number * self.block + from..number * self.block + to);
            }
        }
        runs
    }

    /// Whether its lines follow each other without steps.
    pub fn is_box(&self) -> bool {
        self.stride == self.block
    }

    /// Sizes without those of one, which say nothing about where pixels lie.
    pub fn sizes(&self) -> Vec<usize> {
        let sizes = (self.ranges.iter().enumerate()).map(|(at, range)| {
            if at == self.axis {
                self.lines
            } else {
                range.len()
            }
        });
        sizes.filter(|size| *size != 1).collect()
    }

    fn fits(&self, shape: &[usize]) -> bool {
        self.ranges.len() == shape.len()
            && self.lines > 0
            && self.line(self.lines - 1) < shape[self.axis]
            && (self.ranges.iter().zip(shape)).all(|(range, size)| range.end <= *size)
    }

    pub fn pixels(&self) -> usize {
        self.sizes().iter().product()
    }
}

/// A regular selection along one axis.
#[derive(Clone, Copy, Debug)]
pub struct Along {
    start: usize,
    stride: usize,
    count: usize,
    block: usize,
}

impl Along {
    pub fn run(start: usize, length: usize) -> Self {
        Along {
            start,
            stride: length,
            count: 1,
            block: length,
        }
    }

    /// Blocks that touch are one.
    fn new(start: u64, stride: u64, count: u64, block: u64) -> Option<Self> {
        let [start, stride, count, block] = [start, stride, count, block].map(|number| {
            usize::try_from(number)
                .ok()
                .filter(|number| *number < usize::MAX >> 16)
        });
        let (start, stride, count, block) = (start?, stride?, count?, block?);
        let length = count.checked_mul(block)?;
        start.checked_add(count.checked_mul(stride.max(block))?)?;
        if count == 0 || block == 0 || (count > 1 && stride < block) {
            return None;
        }
        Some(match count == 1 || stride == block {
            true => Along::run(start, length),
            false => Along {
                start,
                stride,
                count,
                block,
            },
        })
    }

    fn lines(&self) -> usize {
        self.count * self.block
    }
}

/// A selection as it is stored.
pub enum Wanted {
    All,
    Regular(Vec<Along>),
}

impl Wanted {
    pub fn in_shape(&self, shape: &[usize]) -> Option<Selection> {
        match self {
            Wanted::All => Selection::whole(shape),
            Wanted::Regular(axes) => Selection::of(axes),
        }
        .filter(|selection| selection.fits(shape))
    }
}

/// A selection as it is stored: all, or a regular one with a start, stride, count and block for each axis, or boxes
/// by their corners, of which one is read.
pub fn selection(cursor: &mut Cursor<'_>) -> Hdf5Result<Wanted> {
    let kind = cursor.read_u32_le()?;
    let version = cursor.read_u32_le()?;
    let unread = || {
        Error::UnsupportedEncoding(
            "has mappings of single points or irregular boxes, which are not read".into(),
        )
    };
    match (kind, version) {
        (3, 1) => {
            cursor.skip(8)?;
            Ok(Wanted::All)
        }
        (2, 1) => {
            cursor.skip(8)?;
            let rank = rank(cursor)?;
            let count = cursor.read_u32_le()?;
            boxes(cursor, rank, count)?
                .map(Wanted::Regular)
                .ok_or_else(unread)
        }
        (2, 2 | 3) => {
            let flags = cursor.read_u8()?;
            let width = match version {
                2 => {
                    cursor.skip(4)?;
                    8
                }
                _ => usize::from(cursor.read_u8()?),
            };
            let rank = rank(cursor)?;
            if flags & 1 == 0 {
                return Err(unread());
            }
            let mut axes = Vec::new();
            for _ in 0..rank {
                let mut number = || cursor.read_uvar(width);
                let (start, stride, count, block) = (number()?, number()?, number()?, number()?);
                if [count, block].contains(&UNLIMITED) {
                    let what = "grows without a limit, which is not read";
                    return Err(Error::UnsupportedEncoding(what.into()));
                }
                axes.push(Along::new(start, stride, count, block).ok_or_else(unread)?);
            }
            Ok(Wanted::Regular(axes))
        }
        _ => Err(unread()),
    }
}

/// Boxes by their first and last corner; read are those of one size that follow each other along one axis in steps of
/// one length, as regular selections were stored before HDF5 1.10.
fn boxes(cursor: &mut Cursor<'_>, rank: usize, count: u32) -> Hdf5Result<Option<Vec<Along>>> {
    let mut found: Vec<(Vec<u64>, Vec<u64>)> = Vec::new();
    for _ in 0..count {
        let mut corner = || -> Hdf5Result<Vec<u64>> {
            (0..rank)
                .map(|_| cursor.read_u32_le().map(u64::from))
                .collect()
        };
        found.push((corner()?, corner()?));
    }
    let Some((first, last)) = found.first() else {
        return Ok(None);
    };
    let along = |axis: usize| {
        let block = last[axis].checked_sub(first[axis])? + 1;
        let step = found
            .get(1)
            .map_or(0, |next| next.0[axis].saturating_sub(first[axis]));
        let is_regular = found.iter().zip(0u64..).all(|((begin, end), number)| {
            begin[axis] == first[axis] + number * step && end[axis] + 1 == begin[axis] + block
        });
        let count = if step > 0 { u64::from(count) } else { 1 };
        let along = is_regular.then(|| Along::new(first[axis], step, count, block));
        along.flatten().map(|along| (along, step > 0))
    };
    let all: Option<Vec<(Along, bool)>> = (0..rank).map(along).collect();
    // Steps along two axes at once are a diagonal, and boxes without steps the same one again.
    let steps = |all: &Vec<(Along, bool)>| all.iter().filter(|(_, steps)| *steps).count();
    let all = all.filter(|all| steps(all) == usize::from(count > 1));
    Ok(all.map(|all| all.into_iter().map(|(along, _)| along).collect()))
}

fn rank(cursor: &mut Cursor<'_>) -> Hdf5Result<usize> {
    let rank = cursor.read_u32_le()? as usize;
    match rank <= MAX_RANK {
        true => Ok(rank),
        false => Err(Error::InvalidData(format!("a selection of {rank} axes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(start: u64, stride: u64, count: u64, block: u64) -> Along {
        Along::new(start, stride, count, block).unwrap()
    }

    #[test]
    fn frames_that_take_turns_are_found_in_both_arrays() {
        // Frames 1, 4, 7 of the whole are frames 0, 1, 2 of the file; of both, rows 2 to 5 of eight.
        let here =
            Selection::of(&[along(1, 3, 3, 1), along(2, 1, 1, 4), along(0, 6, 1, 6)]).unwrap();
        let there =
            Selection::of(&[along(0, 1, 3, 1), along(0, 1, 1, 4), along(0, 1, 1, 6)]).unwrap();
        assert_eq!(
            (here.sizes(), there.sizes()),
            (vec![3, 4, 6], vec![3, 4, 6])
        );
        assert!(here.fits(&[9, 8, 6]) && !here.fits(&[7, 8, 6]) && !here.fits(&[9, 5, 6]));
        assert_eq!(here.runs(&(2..8)), [1..2, 2..3]);
        assert_eq!(here.runs(&(0..9)).len(), 3);
        let whole = Selection::whole(&[4, 5]).unwrap();
        assert_eq!(whole.runs(&(1..3)).first(), Some(&(1..3)));
    }

    #[test]
    fn selections_that_would_mix_lines_are_not_read() {
        // Steps along two axes.
        assert!(Selection::of(&[along(0, 2, 2, 1), along(0, 2, 2, 1)]).is_none());
        // A single line before the steps changes nothing.
        let one =
            Selection::of(&[along(3, 1, 1, 1), along(0, 2, 2, 1), along(0, 1, 1, 6)]).unwrap();
        assert_eq!((one.axis, one.sizes()), (1, vec![2, 6]));
        assert!(Along::new(u64::MAX - 1, 1, 2, 1).is_none());
        assert!(Along::new(0, 1, 2, 3).is_none(), "blocks that overlap");
    }
}
