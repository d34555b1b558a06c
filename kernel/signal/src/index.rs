use serde::{Deserialize, Serialize};

/// Most navigation axes a signal can have (for example tilt, time, y, x).
pub const MAX_NAVIGATION_RANK: usize = 4;

/// A scan position: one index per navigation axis, slowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NavigationIndex {
    rank: u8,
    index: [usize; MAX_NAVIGATION_RANK],
}

impl NavigationIndex {
    /// The first `MAX_NAVIGATION_RANK` entries of `index`; axes are checked when a signal is opened.
    pub fn new(index: &[usize]) -> Self {
        let rank = index.len().min(MAX_NAVIGATION_RANK);
        let mut padded = [0; MAX_NAVIGATION_RANK];
        padded[..rank].copy_from_slice(&index[..rank]);
        NavigationIndex {
            rank: rank as u8,
            index: padded,
        }
    }

    pub fn as_slice(&self) -> &[usize] {
        &self.index[..self.rank as usize]
    }

    /// Position in C order within `shape`.
    pub fn flat(&self, shape: &[usize]) -> usize {
        self.as_slice()
            .iter()
            .zip(shape)
            .fold(0, |flat, (index, size)| flat * size + index)
    }

    pub fn from_flat(mut flat: usize, shape: &[usize]) -> Self {
        let mut index = [0; MAX_NAVIGATION_RANK];
        let rank = shape.len().min(MAX_NAVIGATION_RANK);
        for axis in (0..rank).rev() {
            let size = shape[axis].max(1);
            index[axis] = flat % size;
            flat /= size;
        }
        NavigationIndex {
            rank: rank as u8,
            index,
        }
    }
}

impl std::fmt::Display for NavigationIndex {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self
            .as_slice()
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>();
        write!(out, "({})", names.join(", "))
    }
}

/// A rectangle of scan positions in the two fastest navigation axes, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    pub x0: usize,
    pub y0: usize,
    pub width: usize,
    pub height: usize,
}

impl Region {
    pub fn rectangle(x0: usize, y0: usize, width: usize, height: usize) -> Self {
        Region {
            x0,
            y0,
            width,
            height,
        }
    }

    /// Whether the last two entries of `at` (row, column) lie inside; every position of the outer axes does.
    pub fn contains(&self, at: NavigationIndex) -> bool {
        let index = at.as_slice();
        let x = index.last().copied().unwrap_or(0);
        let y = index.len().checked_sub(2).map_or(0, |axis| index[axis]);
        (self.x0..self.x0.saturating_add(self.width)).contains(&x)
            && (self.y0..self.y0.saturating_add(self.height)).contains(&y)
    }
}

/// `20 rows and 28 columns`, `1 row and 1 column`.
pub fn rows_and_columns(rows: usize, columns: usize) -> String {
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    format!(
        "{} and {}",
        counted(rows, "row"),
        counted(columns, "column")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_and_back_on_a_non_square_shape() {
        let shape = [3, 5, 7];
        for flat in 0..105 {
            assert_eq!(NavigationIndex::from_flat(flat, &shape).flat(&shape), flat);
        }
        assert_eq!(NavigationIndex::new(&[2, 1]).flat(&[3, 5]), 11);
    }

    #[test]
    fn a_region_is_row_and_column_not_swapped() {
        let region = Region::rectangle(4, 1, 2, 3);
        assert!(region.contains(NavigationIndex::new(&[3, 5])));
        assert!(!region.contains(NavigationIndex::new(&[5, 3])));
    }
}
