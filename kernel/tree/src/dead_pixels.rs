//! Dead pixels of a detector: module gaps, masked and broken pixels that hold the largest number of the pixel type in
//! every frame that is looked at: once per file, a few frames that depend on the file alone, and only when a frame that is
//! used holds that number at all. Operations and statistics are handed NaN where a dead pixel holds it, and the count where
//! another frame has one, so that nothing depends on which frames were used first; what is stored stays as it is.

use std::sync::Arc;

use signal::simd::{Vectorised, vectorised};
use signal::{
    CancelToken, Caveat, Element, ElementType, Frame, NavigationIndex, Output, Source, for_pixels,
};

use crate::compute::{Inner, UnitScope};
use crate::region_sum::far_step;
use crate::scheduler::Priority;
use crate::{ComputeError, Engine, EngineEvent, Graph, Node};

mod search;

use search::Search;

/// Frames that are looked at, spread over the scan.
const FRAMES: usize = 8;

/// Pixels that hold the largest number of their type in every frame that was looked at.
#[derive(Debug, PartialEq)]
pub(crate) struct DeadPixels {
    /// Flat, in C order.
    places: Vec<usize>,
    caveat: Caveat,
}

impl DeadPixels {
    pub fn caveat(&self) -> &Caveat {
        &self.caveat
    }

    /// The frame as it is to be used: numbers with NaN at the dead pixels. One in which none of them holds the
    /// largest number stays as it is, as does such a pixel where it has a value after all.
    pub fn leave_out(&self, frame: &Frame) -> Frame {
        let dead: Vec<usize> = for_pixels!(frame, |pixels| {
            let largest = |place: &usize| pixels.get(*place).is_some_and(is_largest);
            self.places.iter().copied().filter(largest).collect()
        });
        match dead.is_empty() {
            true => frame.clone(),
            false => frame.without(dead),
        }
    }
}

#[inline(always)]
fn is_largest<T: Element>(pixel: &T) -> bool {
    T::LARGEST.is_some_and(|largest| *pixel == largest)
}

/// Whether a frame holds the largest number of its integer type.
fn has_largest(frame: &Frame) -> bool {
    struct Any<'a, T>(&'a [T]);
    impl<T: Element> Vectorised for Any<'_, T> {
        type Result = bool;
        #[inline(always)]
        fn run(self) -> bool {
            self.0.chunks(4096).any(|part| {
                part.iter()
                    .fold(false, |any, pixel| any | is_largest(pixel))
            })
        }
    }
    !frame.element().is_float() && for_pixels!(frame, |pixels| vectorised(Any(pixels)))
}

impl Engine {
    /// The output of a node as operations and pictures take it: what a file has at dead pixels is NaN.
    ///
    /// # Errors
    /// As [`Engine::output`].
    pub fn output_in_use(
        &self,
        graph: &Graph,
        node: u32,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let output = self.output(graph, node, at, priority, cancel)?;
        match graph.node(node) {
            Some(node) => self.inner.in_use(graph, node, output, priority, cancel),
            None => Ok(output),
        }
    }

    /// Looks for dead pixels in the file a node goes back to, unless somebody has.
    ///
    /// # Errors
    /// `cancelled`.
    pub fn find_dead_pixels(
        &self,
        graph: &Graph,
        node: u32,
        cancel: &CancelToken,
    ) -> Result<(), ComputeError> {
        match graph.source_of(node) {
            Some((root, source)) => {
                let found = self
                    .inner
                    .dead_pixels(root, source, Priority::Batch, cancel);
                found.map(|_| ())
            }
            None => Ok(()),
        }
    }
}

impl Inner {
    /// See [`Engine::output_in_use`]; `output` is that of `node`.
    pub fn in_use(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        output: Output,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let Output::Frame(frame) = &output else {
            return Ok(output);
        };
        let Some((root, source)) = graph.stored_in(node) else {
            return Ok(output);
        };
        let dead = match root.file.found.dead.get() {
            Some(known) => known.as_ref(),
            None if !has_largest(frame) => None,
            None => self.dead_pixels(root, source, priority, cancel)?,
        };
        Ok(match dead {
            Some(dead) => Output::Frame(dead.leave_out(frame)),
            None => output,
        })
    }

    /// The dead pixels of a file. Several threads may look at the same time; all find the same.
    pub fn dead_pixels<'n>(
        &self,
        root: &'n Arc<Node>,
        source: &Arc<dyn Source>,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Option<&'n DeadPixels>, ComputeError> {
        if let Some(known) = root.file.found.dead.get() {
            return Ok(known.as_ref());
        }
        let found = match root.meta.element.is_float() {
            true => None,
            false => self.look_for_dead_pixels(root, source, priority, cancel)?,
        };
        let any = found.is_some();
        let is_news = root.file.found.dead.set(found).is_ok() && any;
        if is_news {
            self.notify(EngineEvent::Caveats { source: root.id });
        }
        Ok(root.file.found.dead.get().and_then(Option::as_ref))
    }

    /// Ends with the first frame that says something and has no such pixel. A frame that cannot be read, and one whose
    /// pixels are all alike (a position that was not recorded), say nothing.
    fn look_for_dead_pixels(
        &self,
        root: &Arc<Node>,
        source: &Arc<dyn Source>,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Option<DeadPixels>, ComputeError> {
        let _scope = UnitScope;
        let shape = root.meta.axes.navigation_shape();
        let mut search: Option<Search> = None;
        for at in sample(&shape) {
            let output = match self.read(root, source, at, priority, cancel) {
                Ok(output) => output,
                Err(error) if error.is_cancelled() => return Err(error),
                Err(_) => continue,
            };
            let Output::Frame(frame) = output else {
                continue;
            };
            let (rows, columns) = frame.rows_columns();
            let search = search.get_or_insert_with(|| Search::new(rows, columns, frame.element()));
            if !search.look_at(&frame) {
                return Ok(None);
            }
        }
        let frames = search.as_ref().map_or(0, Search::frames);
        let places = search.map_or_else(Vec::new, Search::found);
        Ok((!places.is_empty()).then(|| DeadPixels {
            caveat: caveat(places.len(), frames, root.meta.element),
            places,
        }))
    }
}

/// The middle of the scan, where people look first, and then far from everywhere before.
fn sample(shape: &[usize]) -> Vec<NavigationIndex> {
    let positions: usize = shape.iter().product();
    let middle: Vec<usize> = shape.iter().map(|size| size / 2).collect();
    let middle = NavigationIndex::new(&middle).flat(shape);
    (0..FRAMES.min(positions))
        .map(|number| (middle + number * far_step(positions)) % positions)
        .map(|flat| NavigationIndex::from_flat(flat, shape))
        .collect()
}

/// Of so many pixels, told from so many frames.
fn caveat(count: usize, frames: usize, element: ElementType) -> Caveat {
    let looked_at = match frames {
        1 => "the one frame that was looked at".to_owned(),
        _ => format!("all {frames} frames that were looked at"),
    };
    let (pixels, hold) = match count {
        1 => ("1 pixel is".to_owned(), "it holds"),
        _ => (format!("{count} pixels are"), "they hold"),
    };
    let text = format!(
        "{pixels} taken for dead ({hold} the largest {element} in {looked_at}); wherever {hold} that number, nothing built \
         in counts it, but the closure of a `map` gets it as it is stored"
    );
    Caveat::new("dead_pixels", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_begins_in_the_middle_and_goes_everywhere() {
        let found = sample(&[8, 16]);
        assert_eq!(found[0], NavigationIndex::new(&[4, 8]));
        assert_eq!(found.len(), FRAMES);
        for axis in 0..2 {
            let mut seen: Vec<_> = found.iter().map(|at| at.as_slice()[axis]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(seen.len() >= 5, "{found:?}");
        }
        assert_eq!(sample(&[3]).len(), 3);
        assert_eq!(sample(&[]), [NavigationIndex::new(&[])]);
    }

    #[test]
    fn a_dead_pixel_that_has_a_value_keeps_it() {
        let dead = DeadPixels {
            places: vec![1, 4],
            caveat: caveat(2, 8, ElementType::U16),
        };
        let frame = Frame::from_vec(&[2, 3], vec![1u16, 65535, 65535, 4, 9, 6]).unwrap();
        let used = dead.leave_out(&frame);
        let pixels = used.pixels::<f32>().unwrap();
        assert!(pixels[1].is_nan());
        assert_eq!((pixels[2], pixels[4]), (65535.0, 9.0));
        let whole = Frame::from_vec(&[2, 3], vec![1u16, 2, 65535, 4, 9, 6]).unwrap();
        assert_eq!(dead.leave_out(&whole).element(), ElementType::U16);
        assert!(has_largest(&frame) && has_largest(&whole));
        assert!(!has_largest(&used));
    }
}
