//! What the output of a node at one scan position takes of its inputs.

use crate::NavigationIndex;

/// What one scan position of a result takes of an input. Which of the kinds it is depends on operation and parameters, never
/// on the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Its output at the same position; of an input with a single position that one.
    Same,
    /// Nothing: what is taken of it was prepared before.
    Nothing,
    /// Its output at another position: a part of a scan.
    At(NavigationIndex),
    /// Its outputs in a box of positions, in C order: a group that becomes one, the neighbours along an axis.
    Window(Window),
    /// Nothing at the position, but all of a map: it is finished first, and the preparation is handed it from there
    /// ([`crate::Positions::All`]).
    WholeMap,
    /// Nothing of its positions, but what was prepared for it: of a model ([`crate::Model`]).
    Model,
}

/// A box of scan positions of an input: not empty, and inside its scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    first: NavigationIndex,
    size: NavigationIndex,
}

impl Window {
    /// The positions at most `radius` from `at`, per navigation axis, cut off at the edges of a scan of this shape. Along axes
    /// without a radius it is the one position.
    pub fn around(at: NavigationIndex, radius: &[usize], shape: &[usize]) -> Self {
        let ends = (at.as_slice().iter().zip(shape).enumerate()).map(|(axis, (at, size))| {
            let radius = radius.get(axis).copied().unwrap_or(0);
            let first = at.saturating_sub(radius);
            (first, at.saturating_add(radius).min(size - 1) + 1 - first)
        });
        let (first, size): (Vec<_>, Vec<_>) = ends.unzip();
        Window {
            first: NavigationIndex::new(&first),
            size: NavigationIndex::new(&size),
        }
    }

    /// The `at`-th group of so many positions per navigation axis.
    pub fn group(at: NavigationIndex, size: &[usize]) -> Self {
        let first: Vec<usize> = (at.as_slice().iter().zip(size))
            .map(|(at, size)| at * size)
            .collect();
        Window {
            first: NavigationIndex::new(&first),
            size: NavigationIndex::new(size),
        }
    }

    pub fn first(&self) -> NavigationIndex {
        self.first
    }

    pub fn last(&self) -> NavigationIndex {
        let last: Vec<usize> = (self.first.as_slice().iter().zip(self.size.as_slice()))
            .map(|(first, size)| first + size - 1)
            .collect();
        NavigationIndex::new(&last)
    }

    /// Positions along each axis.
    pub fn size(&self) -> &[usize] {
        self.size.as_slice()
    }

    pub fn count(&self) -> usize {
        self.size().iter().product()
    }

    /// C order.
    pub fn positions(&self) -> impl Iterator<Item = NavigationIndex> + '_ {
        (0..self.count()).map(|flat| {
            let inside = NavigationIndex::from_flat(flat, self.size());
            let index: Vec<usize> = (inside.as_slice().iter().zip(self.first.as_slice()))
                .map(|(inside, first)| inside + first)
                .collect();
            NavigationIndex::new(&index)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(window: Window) -> Vec<Vec<usize>> {
        window
            .positions()
            .map(|at| at.as_slice().to_vec())
            .collect()
    }

    #[test]
    fn a_window_is_cut_off_at_the_edges() {
        let at = |index: &[usize]| NavigationIndex::new(index);
        let window = Window::around(at(&[4, 0]), &[1, 2], &[5, 7]);
        let expected: [[usize; 2]; 6] = [[3, 0], [3, 1], [3, 2], [4, 0], [4, 1], [4, 2]];
        assert_eq!(places(window), expected);
        assert_eq!((window.count(), window.last()), (6, at(&[4, 2])));
        assert_eq!(
            places(Window::around(at(&[2]), &[9], &[4])),
            [[0], [1], [2], [3]]
        );
        assert_eq!(places(Window::around(at(&[2, 3]), &[], &[4, 4])), [[2, 3]]);
    }

    #[test]
    fn groups_lie_beside_each_other() {
        let window = Window::group(NavigationIndex::new(&[1, 2]), &[2, 3]);
        assert_eq!(window.first().as_slice(), [2, 6]);
        assert_eq!(window.last().as_slice(), [3, 8]);
        assert_eq!(window.size(), [2, 3]);
    }
}
