//! What an operation prepares over the scan before it can compute a frame: a mean pattern, a reference lattice, the
//! shape of disks; of several passes, the components of a decomposition or the drift of a movie.

use std::any::Any;
use std::sync::Arc;

use crate::{CancelToken, Frame, Inputs, NavigationIndex, OperationError, Region};

/// Scan positions that one pass of a preparation goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// It is made from parameters alone.
    None,
    All,
    Region(Region),
    /// At most so many, spread over all navigation axes alike.
    Spread(usize),
    /// The same, and at most so many of a region.
    SpreadAnd(usize, Region),
}

impl Positions {
    /// Those of a scan of this shape (slowest axis first), in C order.
    pub fn of(self, shape: &[usize]) -> Vec<NavigationIndex> {
        let count = shape.iter().product();
        let all = (0..count).map(|flat| NavigationIndex::from_flat(flat, shape));
        match self {
            Positions::None => Vec::new(),
            Positions::All => all.collect(),
            Positions::Region(region) => all.filter(|at| region.contains(*at)).collect(),
            Positions::Spread(most) => {
                let mut some = spread(most, shape);
                some.sort_unstable();
                some.dedup();
                some
            }
            Positions::SpreadAnd(most, region) => {
                let inside = Positions::Region(region).of(shape);
                let mut some = Positions::Spread(most).of(shape);
                some.extend(
                    spread_over(inside.len(), most)
                        .into_iter()
                        .map(|n| inside[n]),
                );
                some.sort_unstable();
                some.dedup();
                some
            }
        }
    }
}

/// Places that fill a box evenly in any number of dimensions and are in no step with its rows: the fractions of the
/// multiples of the powers of an irrational number (Roberts 2018, the R sequence).
fn spread(most: usize, shape: &[usize]) -> Vec<NavigationIndex> {
    let count: usize = shape.iter().product();
    if count <= most {
        return Positions::All.of(shape);
    }
    let dimensions = shape.len() as i32;
    // The root of x^(d + 1) = x + 1, by iteration.
    let root = (0..40).fold(2.0f64, |x, _| {
        (1.0 + x).powf(1.0 / f64::from(dimensions + 1))
    });
    (0..most)
        .map(|n| {
            let place: Vec<usize> = (shape.iter().zip(1..))
                .map(|(size, axis)| {
                    let share = (0.5 + n as f64 * root.powi(-axis)).fract();
                    ((share * *size as f64) as usize).min(size - 1)
                })
                .collect();
            NavigationIndex::new(&place)
        })
        .collect()
}

/// At most so many of a row's places, in order, spread over all of it. Every n-th would be in step with the rows of a box
/// that lies in the row one after the other: of one as wide as n, always the same column.
#[must_use]
pub fn spread_over(length: usize, most: usize) -> Vec<usize> {
    let places = spread(most.max(1), &[length]);
    let mut some: Vec<usize> = places.iter().map(|at| at.as_slice()[0]).collect();
    some.sort_unstable();
    some.dedup();
    some
}

/// Bytes of a value beside its own size: what it keeps in memory counts in the engine's budget.
pub trait HeapBytes {
    fn heap_bytes(&self) -> usize;
}

impl HeapBytes for () {
    fn heap_bytes(&self) -> usize {
        0
    }
}

impl HeapBytes for Frame {
    fn heap_bytes(&self) -> usize {
        Frame::heap_bytes(self)
    }
}

impl<T: Copy> HeapBytes for Vec<T> {
    fn heap_bytes(&self) -> usize {
        self.capacity() * size_of::<T>()
    }
}

impl<T: HeapBytes> HeapBytes for Option<T> {
    fn heap_bytes(&self) -> usize {
        self.as_ref().map_or(0, T::heap_bytes)
    }
}

/// What a pass of a preparation has come to.
pub enum Finished<T> {
    Done(T),
    /// Another pass has to follow.
    Again(Preparation<T>),
}

/// An accumulator over scan positions, for one pass. `add` is called in C order of the positions, one at a time,
/// whatever the number of threads that compute the inputs, so a result never depends on it.
///
/// A preparation that is cancelled is kept as far as it is, and goes on from there when it is asked for again: what
/// returns [`OperationError::Cancelled`] leaves `self` as if it had not been called.
pub trait Prepare<T>: Send {
    /// # Errors
    /// [`OperationError`] when the input cannot be used, or `Cancelled`.
    fn add(
        &mut self,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError>;

    /// What a further input has at one of the positions that the preparation names for it, when all of the first input is
    /// there: `inputs` has this one only, `which` counts from 0.
    ///
    /// # Errors
    /// [`OperationError`] when the input cannot be used, or `Cancelled`.
    fn add_further(
        &mut self,
        which: usize,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        let _ = (which, at, inputs, cancel);
        Ok(())
    }

    /// The result, or the next pass over the scan. Called once all is added, and again when it was cancelled. What shares
    /// its work among cores does so through [`crate::crew`], which ends it when it is cancelled.
    ///
    /// # Errors
    /// [`OperationError`] when what was added is not enough, or `Cancelled`.
    fn finish(&mut self, cancel: &CancelToken) -> Result<Finished<T>, OperationError>;

    /// Bytes of what is gathered: it counts in the memory budget while it is kept to go on with.
    fn heap_bytes(&self) -> usize;

    /// Bytes that [`Prepare::finish`] takes beside that, with those of its result: they count while it works.
    fn finish_bytes(&self) -> usize {
        0
    }

    /// An empty one of the same kind for a part of the scan, when parts can be merged; then `add` is called in C
    /// order within each part only, and parts are merged with their neighbours, always in the same pairs: the
    /// result does not depend on the number of threads either.
    fn fork(&self) -> Option<Box<dyn Prepare<T>>> {
        None
    }

    /// This, for [`Prepare::merge`]; an accumulator that forks gives itself.
    fn as_any(&mut self) -> Option<&mut dyn Any> {
        None
    }

    /// Takes over what the part after this one has gathered: an accumulator of the same type.
    fn merge(&mut self, later: &mut dyn Any) {
        let _ = later;
    }
}

/// One pass over the scan, of one or several, that is done before any frame.
///
/// The mean of a scan, and in a second pass how far each frame is from it:
///
/// ```
/// use signal::{CancelToken, Finished, Inputs, NavigationIndex, OperationError, Positions, Prepare, Preparation};
///
/// struct Mean { sum: f64, count: f64 }
/// struct Deviation { mean: f64, squares: f64, count: f64 }
///
/// fn total(inputs: &Inputs<'_>) -> Result<f64, OperationError> {
///     Ok(inputs.frame()?.to_f32().iter().map(|pixel| f64::from(*pixel)).sum())
/// }
///
/// impl Prepare<f64> for Mean {
///     fn add(&mut self, _: NavigationIndex, inputs: &Inputs<'_>, _: &CancelToken) -> Result<(), OperationError> {
///         self.sum += total(inputs)?;
///         self.count += 1.0;
///         Ok(())
///     }
///     fn finish(&mut self, _: &CancelToken) -> Result<Finished<f64>, OperationError> {
///         let mean = self.sum / self.count;
///         let next = Deviation { mean, squares: 0.0, count: self.count };
///         Ok(Finished::Again(Preparation::new(Positions::All, next)))
///     }
///     fn heap_bytes(&self) -> usize { 0 }
/// }
///
/// impl Prepare<f64> for Deviation {
///     fn add(&mut self, _: NavigationIndex, inputs: &Inputs<'_>, _: &CancelToken) -> Result<(), OperationError> {
///         self.squares += (total(inputs)? - self.mean).powi(2);
///         Ok(())
///     }
///     fn finish(&mut self, _: &CancelToken) -> Result<Finished<f64>, OperationError> {
///         Ok(Finished::Done((self.squares / self.count).sqrt()))
///     }
///     fn heap_bytes(&self) -> usize { 0 }
/// }
///
/// let first = Preparation::new(Positions::All, Mean { sum: 0.0, count: 0.0 }).with_passes(2);
/// assert_eq!(first.passes, Some(2));
/// ```
pub struct Preparation<T> {
    /// Of the first input.
    pub positions: Positions,
    /// Of the further inputs, each of its own scan, in their order; those that are not named are not read.
    pub further: Vec<Positions>,
    /// How many passes over the scan there are from this one on, where that is known: a look at a few positions
    /// ([`Positions::Spread`]) before others is none.
    pub passes: Option<usize>,
    pub prepare: Box<dyn Prepare<T>>,
}

impl<T> Preparation<T> {
    /// A pass that may be the last one.
    pub fn new(positions: Positions, prepare: impl Prepare<T> + 'static) -> Self {
        Preparation {
            positions,
            further: Vec::new(),
            passes: Some(1),
            prepare: Box::new(prepare),
        }
    }

    pub fn with_further(self, further: Vec<Positions>) -> Self {
        Preparation { further, ..self }
    }

    pub fn with_passes(self, passes: impl Into<Option<usize>>) -> Self {
        Preparation {
            passes: passes.into(),
            ..self
        }
    }
}

/// Result of a preparation, type-erased.
#[derive(Clone)]
pub struct Prepared {
    value: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

impl Prepared {
    pub fn new<T: HeapBytes + Send + Sync + 'static>(value: T) -> Self {
        Prepared {
            bytes: size_of::<T>() + value.heap_bytes(),
            value: Arc::new(value),
        }
    }

    /// `None` when it is of another operation.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Prepared({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_positions_are_spread_over_every_row_and_column_of_a_scan() {
        let shape = [32, 40];
        let some = Positions::Spread(64).of(&shape);
        assert_eq!(some.len(), 64);
        assert!(some.is_sorted());
        for (axis, size) in shape.into_iter().enumerate() {
            let mut seen: Vec<usize> = some.iter().map(|at| at.as_slice()[axis]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(seen.len() >= size * 3 / 4, "{seen:?}");
        }
        let region = Region::rectangle(1, 2, 20, 30);
        let more = Positions::SpreadAnd(64, region).of(&shape);
        assert!(more.is_sorted() && some.iter().all(|at| more.contains(at)));
        let inside = more.iter().filter(|at| region.contains(**at)).count();
        assert!((64..96).contains(&inside), "{inside}");
        // Where every second one would be column 0 only.
        let narrow = Region::rectangle(1, 2, 2, 30);
        let narrow = Positions::SpreadAnd(30, narrow).of(&shape);
        let columns = [1, 2].map(|x| (narrow.iter()).filter(|at| at.as_slice()[1] == x).count());
        assert!(columns.iter().all(|count| *count >= 8), "{columns:?}");
        assert_eq!(spread_over(3, 5), [0, 1, 2]);
        let few = Positions::Spread(64).of(&[7, 5]);
        assert_eq!(few, Positions::All.of(&[7, 5]));
    }
}
