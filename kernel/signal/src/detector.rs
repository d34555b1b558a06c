use std::sync::Arc;

/// Pixels of one row of a pattern: columns `first .. end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelRun {
    pub row: u32,
    pub first: u32,
    pub end: u32,
}

/// How the pixels of a virtual detector become the values of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DetectorStatistic {
    /// One component: the total.
    Sum,
    /// One component: the total per valid pixel.
    Mean,
    /// Two components: row and column of the centre of mass, less `centre`; NaN where the total is not positive.
    CenterOfMass { centre: [f64; 2] },
}

impl DetectorStatistic {
    /// Components of the map.
    pub fn components(self) -> usize {
        match self {
            DetectorStatistic::Sum | DetectorStatistic::Mean => 1,
            DetectorStatistic::CenterOfMass { .. } => 2,
        }
    }
}

/// What an operation takes of each frame, when that is all it does: sums of pixels, with NaN and infinities left out.
/// From it the engine can show an estimate of the map before (and while) the operation runs over the scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    /// In C order, without overlaps.
    pub runs: Arc<[PixelRun]>,
    pub measure: DetectorStatistic,
}

impl Detector {
    /// Rows of `places` (flat, ascending, in frames of `columns`) joined into runs.
    pub fn from_places(places: &[u32], columns: u32, measure: DetectorStatistic) -> Self {
        let columns = columns.max(1);
        let mut runs: Vec<PixelRun> = Vec::new();
        for place in places {
            let (row, column) = (place / columns, place % columns);
            match runs.last_mut() {
                Some(run) if run.row == row && run.end == column => run.end += 1,
                _ => runs.push(PixelRun {
                    row,
                    first: column,
                    end: column + 1,
                }),
            }
        }
        Detector {
            runs: runs.into(),
            measure,
        }
    }

    /// Number of pixels inside.
    pub fn pixels(&self) -> usize {
        (self.runs.iter())
            .map(|run| (run.end - run.first) as usize)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_runs_of_rows() {
        let detector = Detector::from_places(&[3, 4, 5, 7, 8, 13], 5, DetectorStatistic::Sum);
        let runs: Vec<_> = (detector.runs.iter())
            .map(|run| (run.row, run.first, run.end))
            .collect();
        assert_eq!(runs, [(0, 3, 5), (1, 0, 1), (1, 2, 4), (2, 3, 4)]);
        assert_eq!(detector.pixels(), 6);
    }
}
