use std::sync::Arc;

/// Pixels of one row of a pattern: columns `first .. end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub row: u32,
    pub first: u32,
    pub end: u32,
}

/// How the pixels of a virtual detector become the values of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// One component: the total.
    Sum,
    /// One component: the total per valid pixel.
    Mean,
    /// Two components: row and column of the centre of mass, less `centre`; NaN where the total is not positive.
    CenterOfMass { centre: [f64; 2] },
}

impl Measure {
    /// Components of the map.
    pub fn components(self) -> usize {
        match self {
            Measure::Sum | Measure::Mean => 1,
            Measure::CenterOfMass { .. } => 2,
        }
    }
}

/// What an operation takes of each frame, when that is all it does: sums of pixels, with NaN and infinities left out.
/// From it the engine can show an estimate of the map before (and while) the operation runs over the scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    /// In C order, without overlaps.
    pub spans: Arc<[Span]>,
    pub measure: Measure,
}

impl Detector {
    /// Rows of `places` (flat, ascending, in frames of `columns`) joined into spans.
    pub fn from_places(places: &[u32], columns: u32, measure: Measure) -> Self {
        let columns = columns.max(1);
        let mut spans: Vec<Span> = Vec::new();
        for place in places {
            let (row, column) = (place / columns, place % columns);
            match spans.last_mut() {
                Some(span) if span.row == row && span.end == column => span.end += 1,
                _ => spans.push(Span {
                    row,
                    first: column,
                    end: column + 1,
                }),
            }
        }
        Detector {
            spans: spans.into(),
            measure,
        }
    }

    /// Number of pixels inside.
    pub fn pixels(&self) -> usize {
        (self.spans.iter())
            .map(|span| (span.end - span.first) as usize)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_spans_of_rows() {
        let detector = Detector::from_places(&[3, 4, 5, 7, 8, 13], 5, Measure::Sum);
        let spans: Vec<_> = (detector.spans.iter())
            .map(|span| (span.row, span.first, span.end))
            .collect();
        assert_eq!(spans, [(0, 3, 5), (1, 0, 1), (1, 2, 4), (2, 3, 4)]);
        assert_eq!(detector.pixels(), 6);
    }
}
