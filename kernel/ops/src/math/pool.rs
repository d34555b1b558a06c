//! Memory that is used again from frame to frame, so that nothing is allocated for one.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

use super::Grid;

/// Most buffers that a thread keeps of one type, and most bytes of one.
const KEPT: usize = 16;
const KEPT_BYTES: usize = 8 << 20;

pub(super) type Pool<T> = RefCell<Vec<Vec<T>>>;

/// What a thread keeps buffers of.
pub trait Pooled: Copy + 'static {
    const BLANK: Self;
    #[doc(hidden)]
    fn pool() -> &'static LocalKey<Pool<Self>>;
}

/// Types that threads keep buffers of.
macro_rules! pooled {
    ($($kept:ty: $blank:expr),* $(,)?) => {$(
        impl $crate::math::pool::Pooled for $kept {
            const BLANK: Self = $blank;
            fn pool() -> &'static std::thread::LocalKey<$crate::math::pool::Pool<Self>> {
                thread_local! {
                    static POOL: $crate::math::pool::Pool<$kept> =
                        const { std::cell::RefCell::new(Vec::new()) };
                }
                &POOL
            }
        }
    )*};
}

pub(super) use pooled;

pooled!(
    f32: 0.0,
    f64: 0.0,
    bool: false,
    u8: 0,
    usize: 0,
    u32: 0,
    u64: 0,
    [f64; 2]: [0.0; 2],
    [u32; 2]: [0; 2],
    [u32; 3]: [0; 3],
);

/// A vector that goes back to its thread.
pub struct Lent<T: Pooled>(Vec<T>);

/// An empty vector, most likely with room.
pub fn empty<T: Pooled>() -> Lent<T> {
    let mut vector = taken(0);
    vector.clear();
    Lent(vector)
}

/// So many values alike.
pub fn filled<T: Pooled>(length: usize, value: T) -> Lent<T> {
    let mut vector = taken(length);
    vector.clear();
    vector.resize(length, value);
    Lent(vector)
}

/// So many values of any kind: to be written before they are read.
pub fn any<T: Pooled>(length: usize) -> Lent<T> {
    let mut vector = taken(length);
    vector.resize(length, T::BLANK);
    Lent(vector)
}

/// The shortest one that is as long, so that nothing has to be written; one that is more than twice as long is left to others,
/// for it would be cut and filled again each time. Else the longest of the shorter ones; for no values the shortest of all.
fn taken<T: Pooled>(length: usize) -> Vec<T> {
    T::pool().with_borrow_mut(|pool| {
        let lengths = || pool.iter().map(Vec::len).enumerate();
        let most = if length == 0 { usize::MAX } else { 2 * length };
        let fitting = lengths().filter(|(_, have)| (length..=most).contains(have));
        let shorter = || lengths().filter(|(_, have)| *have < length);
        let best = (fitting.min_by_key(|(_, have)| *have))
            .or_else(|| shorter().max_by_key(|(_, have)| *have));
        best.map(|(at, _)| pool.swap_remove(at)).unwrap_or_default()
    })
}

impl<T: Pooled> Deref for Lent<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Pooled> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T: Pooled> Drop for Lent<T> {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.0));
    }
}

fn give_back<T: Pooled>(vector: Vec<T>) {
    if vector.capacity() * size_of::<T>() > KEPT_BYTES {
        return;
    }
    // A thread that ends may have lost its pool already.
    let _ = T::pool().try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < KEPT {
            pool.push(vector);
        }
    });
}

/// An image that goes back to its thread.
pub struct LentGrid<T: Pooled>(Grid<T>);

/// An image of pixels of any kind: to be written before they are read.
pub fn grid<T: Pooled>(rows: usize, columns: usize) -> LentGrid<T> {
    let values = std::mem::take(&mut any(rows * columns).0);
    LentGrid(Grid::new(rows, columns, values))
}

impl<T: Pooled> Deref for LentGrid<T> {
    type Target = Grid<T>;

    fn deref(&self) -> &Grid<T> {
        &self.0
    }
}

impl<T: Pooled> DerefMut for LentGrid<T> {
    fn deref_mut(&mut self) -> &mut Grid<T> {
        &mut self.0
    }
}

impl<T: Pooled> Drop for LentGrid<T> {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.0.values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_and_is_bounded() {
        let first = filled(100, 3u64);
        let at = first.as_ptr();
        drop(first);
        let second = any::<u64>(50);
        assert_eq!((second.as_ptr(), second.len()), (at, 50));
        assert!(empty::<u64>().is_empty());
        drop(grid::<u64>(KEPT_BYTES / 8, 2));
        drop((0..2 * KEPT).map(|_| any::<u64>(10)).collect::<Vec<_>>());
        u64::pool().with_borrow(|pool| {
            assert_eq!(pool.len(), KEPT);
            assert!(pool.iter().all(|kept| kept.capacity() < 1000));
        });
    }
}
