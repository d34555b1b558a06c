//! Which navigation images are kept: of a scan with more than two navigation axes there are many.

use std::sync::Arc;

use super::Navigator;

/// Images of one file that are kept, for scans with more than two navigation axes.
const MAX_PLANES: usize = 16;
/// Those of them that may still be computed; a drag through the slower axes leaves the others behind.
const MAX_UNFINISHED: usize = 2;

/// The images that are kept, the one asked for last at the end.
#[derive(Default)]
pub(crate) struct Navigators(Vec<Arc<Navigator>>);

impl Navigators {
    pub fn get(&mut self, file: u32, outer: &[usize]) -> Option<Arc<Navigator>> {
        let found = (self.0.iter()).position(|kept| kept.file == file && kept.outer == outer)?;
        let navigator = self.0.remove(found);
        self.0.push(navigator.clone());
        Some(navigator)
    }

    /// Keeps one more; of its file the planes asked for longest ago go, and unfinished ones before.
    pub fn add(&mut self, navigator: Arc<Navigator>) {
        let file = navigator.file;
        self.0.push(navigator);
        let (mut kept, mut unfinished) = (0, 0);
        for index in (0..self.0.len()).rev() {
            let other = &self.0[index];
            if other.file != file {
                continue;
            }
            let finished = other.is_finished();
            if kept < MAX_PLANES && (finished || unfinished < MAX_UNFINISHED) {
                kept += 1;
                unfinished += usize::from(!finished);
            } else {
                self.0.remove(index).cancel();
            }
        }
    }

    /// Ends and drops the images of these files.
    pub fn forget(&mut self, files: &[u32]) {
        self.0.retain(|navigator| {
            let goes = files.contains(&navigator.file);
            if goes {
                navigator.cancel();
            }
            !goes
        });
    }

    pub fn cancel_all(&self) {
        self.0.iter().for_each(|navigator| navigator.cancel());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};
    use std::time::Instant;

    use signal::CancelToken;

    use super::*;
    use crate::cache::Cache;
    use crate::navigator::Painting;
    use crate::scheduler::Scheduler;

    fn plane(cache: &Arc<Cache>, file: u32, outer: usize, finished: bool) -> Arc<Navigator> {
        Arc::new(Navigator {
            file,
            rows: 2,
            columns: 3,
            outer: vec![outer],
            painting: Mutex::new(Painting {
                values: vec![f32::NAN; 6],
                stride: 0,
                done: if finished { 6 } else { 5 },
                last_notified: Instant::now(),
                error: None,
            }),
            changed: Condvar::new(),
            cancel: CancelToken::new(),
            _reserved: cache.reserve(24).unwrap(),
        })
    }

    #[test]
    fn planes_asked_for_long_ago_go_and_unfinished_ones_end_before() {
        let cache = Arc::new(Cache::new(1 << 20, Arc::new(Scheduler::new(1))));
        let mut kept = Navigators::default();
        let other = plane(&cache, 2, 0, false);
        kept.add(other.clone());
        let planes: Vec<_> = (0..40)
            .map(|at| plane(&cache, 1, at, at % 2 == 0))
            .collect();
        for plane in &planes {
            kept.add(plane.clone());
            // The first one is looked at again and again.
            assert!(kept.get(1, &[0]).is_some());
        }
        let left: Vec<usize> = (0..40).filter(|at| kept.get(1, &[*at]).is_some()).collect();
        assert_eq!(left.len(), MAX_PLANES);
        assert!(left.contains(&0) && left.contains(&39) && !left.contains(&2));
        let unfinished = left.iter().filter(|at| *at % 2 == 1).count();
        assert_eq!(unfinished, MAX_UNFINISHED);
        assert!(planes[1].cancel.is_cancelled() && !planes[39].cancel.is_cancelled());
        assert!(!other.cancel.is_cancelled());
        kept.forget(&[1]);
        assert!(planes[39].cancel.is_cancelled() && kept.get(2, &[0]).is_some());
    }
}
