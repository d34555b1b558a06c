//! Sums of pixels: exact for whole numbers, in a fixed order for others, with the widest vectors of the machine.
//!
//! The same bits on every machine: whole numbers are added as such, and floating-point sums always run over the
//! same 32 partial sums, in double precision. Nothing is allocated for real numbers.

mod blocks;
mod moments;
mod pixel;
mod runs;

use crate::{Detector, DetectorStatistic, Frame, PixelRun};
use moments::moments;
use runs::runs_total;

/// Sum and number of pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Total {
    pub sum: f64,
    pub valid: usize,
}

impl Total {
    /// NaN without a valid pixel.
    pub fn mean(self) -> f64 {
        if self.valid == 0 {
            f64::NAN
        } else {
            self.sum / self.valid as f64
        }
    }
}

/// The pixels that are neither NaN nor infinite, all of the frame.
pub fn total(frame: &Frame) -> Total {
    let (rows, columns) = frame.rows_columns();
    // One row of all pixels: there is no need to stop at the ends of rows.
    let all = [PixelRun {
        row: 0,
        first: 0,
        end: (rows * columns) as u32,
    }];
    if u32::try_from(rows * columns).is_err() {
        let rows: Vec<PixelRun> = (0..rows)
            .map(|row| PixelRun {
                row: row as u32,
                first: 0,
                end: columns as u32,
            })
            .collect();
        return runs_total(frame, &rows, columns);
    }
    runs_total(frame, &all, 0)
}

impl Detector {
    /// Number of values [`Detector::measure`] gives.
    pub fn components(&self) -> usize {
        self.measure.components()
    }

    /// The values of one frame of the shape this was made for: NaN and infinities are left out; without a valid
    /// pixel (for a centre of mass: without a positive sum) they are NaN. Sums of whole numbers are exact, and so are the
    /// moments of those of at most 16 bits; others are within 10⁻¹³ of the sum of all magnitudes, times the size of the frame.
    pub fn measure(&self, frame: &Frame, values: &mut [f32]) {
        let (_, columns) = frame.rows_columns();
        match (self.measure, values) {
            (DetectorStatistic::Sum, [value, ..]) => {
                let total = runs_total(frame, &self.runs, columns);
                *value = match total.valid {
                    0 => f32::NAN,
                    _ => total.sum as f32,
                };
            }
            (DetectorStatistic::Mean, [value, ..]) => {
                *value = runs_total(frame, &self.runs, columns).mean() as f32;
            }
            (DetectorStatistic::CenterOfMass { centre }, [y, x, ..]) => {
                let moments = moments(frame, &self.runs, columns, centre);
                let shift = |moment: f64| match moments.sum > 0.0 {
                    true => (moment / moments.sum) as f32,
                    false => f32::NAN,
                };
                (*y, *x) = (shift(moments.y), shift(moments.x));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ElementType;

    fn detector(places: &[u32], columns: u32, measure: DetectorStatistic) -> Detector {
        Detector::from_places(places, columns, measure)
    }

    fn measured(frame: &Frame, detector: &Detector) -> Vec<f32> {
        let mut values = vec![f32::NAN; detector.components()];
        detector.measure(frame, &mut values);
        values
    }

    #[test]
    fn whole_numbers_are_summed_exactly() {
        let big = Frame::from_vec(&[1, 3], vec![u64::MAX, 1, 1]).unwrap();
        let two = detector(&[0, 1], 3, DetectorStatistic::Sum);
        assert_eq!(measured(&big, &two), [2f32.powi(64)]);
        let full = Frame::from_vec(&[300, 400], vec![u16::MAX; 120_000]).unwrap();
        assert_eq!(total(&full).sum, 120_000.0 * 65535.0);
        let low = Frame::from_vec(&[1, 70_000], vec![i16::MIN; 70_000]).unwrap();
        assert_eq!(total(&low).sum, -70_000.0 * 32768.0);
    }

    #[test]
    fn invalid_pixels_are_left_out() {
        let holed = Frame::from_vec(&[1, 3], vec![1.0f32, f32::NAN, f32::INFINITY]).unwrap();
        let all = detector(&[0, 1, 2], 3, DetectorStatistic::Sum);
        assert_eq!(measured(&holed, &all), [1.0]);
        let mean = detector(&[0, 1, 2], 3, DetectorStatistic::Mean);
        assert_eq!(measured(&holed, &mean), [1.0]);
        let none = detector(&[1, 2], 3, DetectorStatistic::Sum);
        assert!(measured(&holed, &none)[0].is_nan());
        assert_eq!((total(&holed).sum, total(&holed).valid), (1.0, 1));
        let pixels: Vec<f32> = (0..19)
            .map(|n| if n % 4 == 1 { f32::NAN } else { n as f32 })
            .collect();
        let valid: Vec<f32> = pixels.iter().copied().filter(|p| !p.is_nan()).collect();
        let mean = f64::from(valid.iter().sum::<f32>()) / valid.len() as f64;
        assert!((total(&Frame::from_vec(&[19], pixels).unwrap()).mean() - mean).abs() < 1e-9);
        let nothing = Frame::from_vec(&[1], vec![f64::NAN]).unwrap();
        assert!(total(&nothing).mean().is_nan());
    }

    /// All pixel types against the plain definition, on rows of every length and offset.
    #[test]
    fn sums_and_centres_follow_their_definition() {
        let (rows, columns) = (23, 37);
        let counts: Vec<u8> = (0..rows * columns).map(|n| (n * 31 % 251) as u8).collect();
        let places: Vec<u32> = (0..(rows * columns) as u32)
            .filter(|place| {
                let (row, column) = (place / 37, place % 37);
                column >= row && column < 37 - row / 2
            })
            .collect();
        let centre = [10.5, 17.25];
        let (mut sum, mut y, mut x) = (0.0, 0.0, 0.0);
        for place in &places {
            let value = f64::from(counts[*place as usize]);
            sum += value;
            y += value * (f64::from(place / 37) - centre[0]);
            x += value * (f64::from(place % 37) - centre[1]);
        }
        let frame = Frame::from_vec(&[rows, columns], counts).unwrap();
        for element in [
            ElementType::U8,
            ElementType::U16,
            ElementType::I16,
            ElementType::U32,
            ElementType::I64,
            ElementType::F32,
            ElementType::F64,
        ] {
            let frame = frame.cast(element);
            let total = measured(&frame, &detector(&places, 37, DetectorStatistic::Sum));
            assert_eq!(total, [sum as f32], "{element}");
            let com = detector(&places, 37, DetectorStatistic::CenterOfMass { centre });
            let found = measured(&frame, &com);
            assert!((f64::from(found[0]) - y / sum).abs() < 1e-5, "{element}");
            assert!((f64::from(found[1]) - x / sum).abs() < 1e-5, "{element}");
        }
    }

    #[test]
    fn nothing_has_no_centre() {
        let dark = Frame::from_vec(&[2, 3], vec![0u16; 6]).unwrap();
        let com = detector(
            &[0, 4],
            3,
            DetectorStatistic::CenterOfMass { centre: [0.5, 1.0] },
        );
        assert!(measured(&dark, &com).iter().all(|value| value.is_nan()));
    }
}
