//! Boxes of scan positions: the chunks a result is compressed in, and the blocks it is finished in.

use std::ops::Range;

use signal::NavigationIndex;

/// Boxes of one size in C order over the scan; those at the far edges are smaller.
#[derive(Clone, Debug, PartialEq)]
pub struct Boxes {
    navigation: Vec<usize>,
    pub size: Vec<usize>,
    grid: Vec<usize>,
}

impl Boxes {
    pub fn new(navigation: &[usize], size: &[usize]) -> Self {
        Boxes {
            grid: (navigation.iter().zip(size))
                .map(|(all, one)| all.div_ceil(*one))
                .collect(),
            navigation: navigation.to_vec(),
            size: size.to_vec(),
        }
    }

    pub fn count(&self) -> usize {
        self.grid.iter().product()
    }

    /// Boxes along each navigation axis.
    pub fn grid(&self) -> &[usize] {
        &self.grid
    }

    /// Number of the box that holds a position, and the place of the position in a box of full size.
    pub fn place(&self, at: &[usize]) -> (usize, usize) {
        let mut found = (0, 0);
        for ((index, size), grid) in at.iter().zip(&self.size).zip(&self.grid) {
            found.0 = found.0 * grid + index / size;
            found.1 = found.1 * size + index % size;
        }
        found
    }

    /// Index of a box along each navigation axis.
    pub fn index(&self, number: usize) -> Vec<usize> {
        NavigationIndex::from_flat(number, &self.grid)
            .as_slice()
            .to_vec()
    }

    /// The positions of a box, one range per navigation axis.
    pub fn ranges(&self, number: usize) -> Vec<Range<usize>> {
        (self.index(number).iter().zip(&self.size))
            .zip(&self.navigation)
            .map(|((index, size), all)| index * size..((index + 1) * size).min(*all))
            .collect()
    }

    /// Number of positions of a box.
    pub fn positions(&self, number: usize) -> usize {
        self.ranges(number)
            .iter()
            .map(ExactSizeIterator::len)
            .product()
    }

    /// Numbers of the boxes of `other` (of the same scan, dividing these) inside one box, in C order.
    pub fn inside(&self, number: usize, other: &Boxes) -> Vec<usize> {
        let ranges: Vec<Range<usize>> = (self.ranges(number).iter().zip(&other.size))
            .map(|(range, size)| range.start / size..range.end.div_ceil(*size))
            .collect();
        flats(&ranges, &other.grid)
    }
}

/// Flat numbers, within `shape`, of all indices of a box, in C order.
pub fn flats(ranges: &[Range<usize>], shape: &[usize]) -> Vec<usize> {
    let mut all = vec![0];
    for (range, size) in ranges.iter().zip(shape) {
        all = (all.iter())
            .flat_map(|flat| range.clone().map(move |index| flat * size + index))
            .collect();
    }
    all
}

/// A box of about `most` positions (at least one) over the two fastest axes, as square as powers of two are:
/// a drag goes in both directions.
pub fn square(navigation: &[usize], most: usize) -> Vec<usize> {
    let mut size = vec![1; navigation.len()];
    let mut turn = true;
    loop {
        let axes = [size.len().checked_sub(1), size.len().checked_sub(2)];
        let mut candidates: Vec<usize> = axes.into_iter().flatten().collect();
        if !turn {
            candidates.reverse();
        }
        let room = 2 * size.iter().product::<usize>() <= most.max(1);
        let open = (candidates.iter()).find(|axis| size[**axis] < navigation[**axis]);
        match open {
            Some(axis) if room => size[*axis] *= 2,
            _ => break,
        }
        turn = !turn;
    }
    clamp(size, navigation)
}

/// As many boxes of `chunk` as hold `most` positions, along the fastest axis first: a scan in its own order.
pub fn rows(navigation: &[usize], chunk: &[usize], most: usize) -> Vec<usize> {
    let mut size = chunk.to_vec();
    for axis in (0..size.len()).rev() {
        let now: usize = size.iter().product();
        let times = (most / now.max(1)).clamp(1, navigation[axis].div_ceil(size[axis]));
        size[axis] *= times;
        if size[axis] < navigation[axis] {
            break;
        }
    }
    size
}

fn clamp(size: Vec<usize>, navigation: &[usize]) -> Vec<usize> {
    (size.into_iter().zip(navigation))
        .map(|(size, all)| size.min(*all).max(1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_cover_every_position_once_and_know_their_inside() {
        let navigation = [5, 7];
        let (chunks, blocks) = (
            Boxes::new(&navigation, &[2, 2]),
            Boxes::new(&navigation, &[4, 2]),
        );
        let mut seen = vec![0; 35];
        for block in 0..blocks.count() {
            let inside = blocks.inside(block, &chunks);
            let positions: usize = inside.iter().map(|chunk| chunks.positions(*chunk)).sum();
            assert_eq!(positions, blocks.positions(block));
            for chunk in inside {
                for flat in flats(&chunks.ranges(chunk), &navigation) {
                    seen[flat] += 1;
                    let at = [flat / 7, flat % 7];
                    assert_eq!(chunks.place(&at).0, chunk);
                    assert_eq!(blocks.place(&at).0, block);
                }
            }
        }
        assert_eq!(seen, vec![1; 35]);
    }

    #[test]
    fn sizes_keep_within_what_is_asked() {
        assert_eq!(square(&[128, 128], 4), [2, 2]);
        assert_eq!(square(&[128, 128], 3), [1, 2]);
        assert_eq!(square(&[1, 128], 8), [1, 8]);
        assert_eq!(square(&[3, 5], 1000), [3, 5]);
        assert_eq!(square(&[], 8), Vec::<usize>::new());
        assert_eq!(rows(&[128, 128], &[2, 2], 1024), [8, 128]);
        assert_eq!(rows(&[40, 56], &[1, 7], 120), [2, 56]);
        assert_eq!(rows(&[40, 56], &[1, 7], 20), [1, 14]);
        assert_eq!(rows(&[3, 40, 56], &[1, 1, 56], 1 << 20), [3, 40, 56]);
    }
}
