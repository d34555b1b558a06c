//! What the values of a map are measured from, once they are all there: nothing, their mean, or a plane.

use signal::MapReference;

/// Subtracts the reference from images of `plane` rows and columns that lie one after the other, from each its own. Values
/// that are not finite take no part and stay.
pub fn refer(reference: MapReference, images: &mut [f32], plane: [usize; 2]) {
    if reference == MapReference::None {
        return;
    }
    let found = Fitted::of(reference, images, plane);
    for (place, value) in images.iter_mut().enumerate() {
        *value = found.subtracted(place, *value);
    }
}

/// What is subtracted from images that lie one after the other.
pub(super) struct Fitted {
    plane: [usize; 2],
    /// Value at the first pixel, slopes down and across; `None`: nothing is subtracted.
    images: Vec<Option<[f64; 3]>>,
}

impl Fitted {
    pub fn of(reference: MapReference, images: &[f32], plane: [usize; 2]) -> Self {
        let pixels = (plane[0] * plane[1]).max(1);
        Fitted {
            plane,
            images: match reference {
                MapReference::None => Vec::new(),
                _ => (images.chunks_exact(pixels))
                    .map(|image| fitted(reference, image, plane[1]))
                    .collect(),
            },
        }
    }

    /// A value at a place of the images, less the reference there.
    #[inline(always)]
    pub fn subtracted(&self, place: usize, value: f32) -> f32 {
        let [rows, columns] = self.plane.map(|size| size.max(1));
        let (image, at) = (place / (rows * columns), place % (rows * columns));
        let Some(Some([level, down, across])) = self.images.get(image) else {
            return value;
        };
        let (row, column) = ((at / columns) as f64, (at % columns) as f64);
        (f64::from(value) - level - down * row - across * column) as f32
    }
}

/// Value at the first pixel and slopes down and across; `None` with less than two finite values: one alone is from nothing.
fn fitted(reference: MapReference, image: &[f32], columns: usize) -> Option<[f64; 3]> {
    let finite = || {
        (image.iter().enumerate())
            .filter(|(_, value)| value.is_finite())
            .map(|(at, value)| {
                (
                    (at / columns) as f64,
                    (at % columns) as f64,
                    f64::from(*value),
                )
            })
    };
    let count = finite().count() as f64;
    if count < 2.0 {
        return None;
    }
    let [y, x, z] = finite()
        .fold([0.0; 3], |sum, (y, x, z)| {
            [sum[0] + y, sum[1] + x, sum[2] + z]
        })
        .map(|sum| sum / count);
    if reference != MapReference::Plane {
        return Some([z, 0.0, 0.0]);
    }
    let [mut yy, mut xx, mut yx, mut yz, mut xz] = [0.0; 5];
    for (row, column, value) in finite() {
        let (dy, dx, dz) = (row - y, column - x, value - z);
        yy += dy * dy;
        xx += dx * dx;
        yx += dy * dx;
        yz += dy * dz;
        xz += dx * dz;
    }
    let determinant = yy * xx - yx * yx;
    let [down, across] = if determinant > 1e-9 * yy * xx {
        [
            (yz * xx - xz * yx) / determinant,
            (xz * yy - yz * yx) / determinant,
        ]
    } else if xx > 0.0 {
        // Positions on one line: a slope along it.
        [0.0, xz / xx]
    } else if yy > 0.0 {
        [yz / yy, 0.0]
    } else {
        [0.0, 0.0]
    };
    Some([z - down * y - across * x, down, across])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plane with a bump and a hole, two images.
    fn images() -> Vec<f32> {
        let value = |at: usize| {
            let (image, row, column) = (at / 35, at % 35 / 7, at % 7);
            let plane = 3.0 + image as f32 + 0.5 * row as f32 - 0.25 * column as f32;
            match (row, column) {
                (1, 4) => f32::NAN,
                (2, 2) => f32::INFINITY,
                _ => plane,
            }
        };
        (0..70).map(value).collect()
    }

    #[test]
    fn a_plane_is_taken_away_and_what_is_not_finite_stays() {
        let mut found = images();
        refer(MapReference::Plane, &mut found, [5, 7]);
        for (at, value) in found.iter().enumerate() {
            match at % 35 {
                11 => assert!(value.is_nan()),
                16 => assert!(value.is_infinite()),
                _ => assert!(value.abs() < 1e-6, "{at}: {value}"),
            }
        }
        let mut found = images();
        refer(MapReference::Mean, &mut found, [5, 7]);
        for image in found.chunks(35) {
            let sum: f32 = image.iter().filter(|value| value.is_finite()).sum();
            assert!(sum.abs() < 1e-4);
        }
        let mut same = images();
        refer(MapReference::None, &mut same, [5, 7]);
        assert_eq!(same[0], 3.0);
    }

    #[test]
    fn lines_have_a_reference_too_and_a_single_position_has_none() {
        let mut line: Vec<f32> = (0..9).map(|at| 2.0 + 3.0 * at as f32).collect();
        refer(MapReference::Plane, &mut line, [1, 9]);
        assert!(line.iter().all(|value| value.abs() < 1e-5));
        let mut column: Vec<f32> = (0..9).map(|at| 2.0 - at as f32).collect();
        refer(MapReference::Plane, &mut column, [9, 1]);
        assert!(column.iter().all(|value| value.abs() < 1e-5));
        let mut one = [7.0];
        refer(MapReference::Plane, &mut one, [1, 1]);
        assert_eq!(one, [7.0]);
        let mut nothing = [f32::NAN; 4];
        refer(MapReference::Plane, &mut nothing, [2, 2]);
        assert!(nothing.iter().all(|value| value.is_nan()));
    }
}
