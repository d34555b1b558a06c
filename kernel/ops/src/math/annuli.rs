//! Sums of an image over rings around a point, every pixel with the share of it that lies in the ring.

use signal::simd::{Vectorised, vectorised};

use super::{Grid, Real};

/// Where rings lie in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub rows: usize,
    pub columns: usize,
    /// Row and column.
    pub centre: [f64; 2],
    /// Height and width of a pixel, in the unit of `range`.
    pub pixel: [f64; 2],
    /// Inner edge of the first ring, outer edge of the last.
    pub range: [f64; 2],
    pub rings: usize,
    /// Directions that count, from and up to, in degrees: pixels whose centres lie there. `None`: all.
    pub sector: Option<[f64; 2]>,
}

impl Layout {
    fn edge(&self, ring: usize) -> f64 {
        let [inner, outer] = self.range;
        inner + (outer - inner) * ring as f64 / self.rings as f64
    }

    /// Lower and upper end of a row or column, from the centre.
    fn ends(&self, axis: usize, index: usize) -> [f64; 2] {
        [-0.5, 0.5].map(|half| (index as f64 + half - self.centre[axis]) * self.pixel[axis])
    }

    /// Whether the centre of a pixel lies in the sector. Sectors that follow each other share no pixel and leave out none.
    fn counts(&self, row: [f64; 2], column: [f64; 2]) -> bool {
        let Some([from, to]) = self.sector else {
            return true;
        };
        let middle = |[low, high]: [f64; 2]| 0.5 * (low + high);
        let direction = middle(row).atan2(middle(column)).to_degrees();
        // Turned by whole circles to where the sector begins: comparing ends, not a difference of them, keeps what one sector
        // leaves out for the next.
        let turns = ((from - direction) / 360.0).ceil();
        let turned = direction + 360.0 * turns;
        turned < to || to - from >= 360.0
    }

    /// Calls `visit` with every ring that the pixel has a share in, and the share.
    fn shares(&self, row: [f64; 2], column: [f64; 2], mut visit: impl FnMut(usize, f64)) {
        let [nearest, furthest] = distances(row, column);
        let [inner, outer] = self.range;
        if furthest <= inner || nearest >= outer {
            return;
        }
        let ring_of = |radius: f64| (radius - inner) / (outer - inner) * self.rings as f64;
        // One more on either side, for edges that a rounding puts beside a pixel.
        let first = (ring_of(nearest).floor() - 1.0).max(0.0) as usize;
        let last = (ring_of(furthest).floor() as usize + 1).min(self.rings - 1);
        let area = self.pixel[0] * self.pixel[1];
        let covered = |radius: f64| {
            if radius <= nearest {
                0.0
            } else if radius >= furthest {
                area
            } else {
                overlap(row, column, radius).clamp(0.0, area)
            }
        };
        let mut within = covered(self.edge(first));
        for ring in first..=last {
            let reached = covered(self.edge(ring + 1));
            if reached > within {
                visit(ring, (reached - within) / area);
                within = reached;
            }
        }
    }
}

/// Nearest and furthest point of a pixel, from the centre.
fn distances([y0, y1]: [f64; 2], [x0, x1]: [f64; 2]) -> [f64; 2] {
    let near = |low: f64, high: f64| low.max(-high).max(0.0);
    let far = |low: f64, high: f64| high.max(-low);
    [
        near(y0, y1).hypot(near(x0, x1)),
        far(y0, y1).hypot(far(x0, x1)),
    ]
}

/// Area of a rectangle inside the circle around the origin.
fn overlap([y0, y1]: [f64; 2], [x0, x1]: [f64; 2], radius: f64) -> f64 {
    quadrant(x1, y1, radius) - quadrant(x0, y1, radius) - quadrant(x1, y0, radius)
        + quadrant(x0, y0, radius)
}

/// Area inside the circle between the origin and a corner, negative in the second and the fourth quadrant.
fn quadrant(x: f64, y: f64, radius: f64) -> f64 {
    let sign = x.signum() * y.signum();
    let (x, y) = (x.abs().min(radius), y.abs().min(radius));
    let squared = radius * radius;
    if x * x + y * y <= squared {
        return sign * x * y;
    }
    let segment = |a: f64| a * (squared - a * a).max(0.0).sqrt() + squared * (a / radius).asin();
    sign * 0.5 * (segment(x) + segment(y) - squared * std::f64::consts::FRAC_PI_2)
}

/// What a ring has of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    /// Of values times shares.
    pub sum: f64,
    /// Pixels that count, by their shares.
    pub pixels: f64,
    /// The same, had all a value.
    pub all: f64,
}

/// The shares of the pixels of an image in each ring.
pub struct Annuli {
    /// Where each ring begins in what follows, and the end.
    starts: Vec<usize>,
    places: Vec<u32>,
    shares: Vec<f32>,
    /// Sum of the shares of each ring.
    pixels: Vec<f64>,
}

impl Annuli {
    /// Exact, from the areas in which circles and pixels overlap. O(P).
    pub fn new(layout: &Layout) -> Self {
        let columns: Vec<_> = (0..layout.columns).map(|at| layout.ends(1, at)).collect();
        let mut found: Vec<(u32, u32, f32)> = Vec::new();
        let mut starts = vec![0; layout.rings + 1];
        for row in 0..layout.rows {
            let ends = layout.ends(0, row);
            for (column, across) in columns.iter().enumerate() {
                if !layout.counts(ends, *across) {
                    continue;
                }
                let place = (row * layout.columns + column) as u32;
                layout.shares(ends, *across, |ring, share| {
                    found.push((ring as u32, place, share as f32));
                    starts[ring + 1] += 1;
                });
            }
        }
        for ring in 0..layout.rings {
            starts[ring + 1] += starts[ring];
        }
        let mut next = starts.clone();
        let mut places = vec![0; found.len()];
        let mut shares = vec![0.0; found.len()];
        for (ring, place, share) in found {
            let at = &mut next[ring as usize];
            (places[*at], shares[*at]) = (place, share);
            *at += 1;
        }
        let of_ring = |ends: &[usize]| shares[ends[0]..ends[1]].iter().copied().map(f64::from);
        let pixels = (starts.windows(2))
            .map(|ends| of_ring(ends).sum())
            .collect();
        Annuli {
            starts,
            places,
            shares,
            pixels,
        }
    }

    /// What each ring has of an image; NaN does not count.
    pub fn totals<T: Real>(&self, grid: &Grid<T>, mut each: impl FnMut(Total)) {
        let has_nan = grid.has_nan();
        for (ends, all) in self.starts.windows(2).zip(&self.pixels) {
            let inside = ends[0]..ends[1];
            let ring = Ring {
                places: &self.places[inside.clone()],
                shares: &self.shares[inside],
                values: &grid.values,
            };
            let (sum, pixels) = match has_nan {
                true => vectorised(Valid(ring)),
                false => (vectorised(ring), *all),
            };
            each(Total {
                sum,
                pixels,
                all: *all,
            });
        }
    }
}

/// Partial sums, so that an addition need not wait for the one before.
const LANES: usize = 8;

struct Ring<'a, T> {
    places: &'a [u32],
    shares: &'a [f32],
    values: &'a [T],
}

impl<T: Real> Vectorised for Ring<'_, T> {
    type Result = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0; LANES];
        let mut places = self.places.chunks_exact(LANES);
        let mut shares = self.shares.chunks_exact(LANES);
        for (places, shares) in (&mut places).zip(&mut shares) {
            for lane in 0..LANES {
                let value = self.values[places[lane] as usize].to_f64();
                sums[lane] += value * f64::from(shares[lane]);
            }
        }
        for (place, share) in places.remainder().iter().zip(shares.remainder()) {
            sums[0] += self.values[*place as usize].to_f64() * f64::from(*share);
        }
        sums.iter().sum()
    }
}

/// Sum and number of the pixels that have a value.
struct Valid<'a, T>(Ring<'a, T>);

impl<T: Real> Vectorised for Valid<'_, T> {
    type Result = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let Valid(ring) = self;
        let (mut sum, mut pixels) = (0.0, 0.0);
        for (place, share) in ring.places.iter().zip(ring.shares) {
            let value = ring.values[*place as usize].to_f64();
            let share = f64::from(*share);
            if !value.is_nan() {
                sum += value * share;
                pixels += share;
            }
        }
        (sum, pixels)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn totals(layout: &Layout, grid: &Grid<f64>) -> Vec<Total> {
        let mut found = Vec::new();
        Annuli::new(layout).totals(grid, |total| found.push(total));
        found
    }

    fn layout(centre: [f64; 2], pixel: [f64; 2], range: [f64; 2], rings: usize) -> Layout {
        Layout {
            rows: 44,
            columns: 37,
            centre,
            pixel,
            range,
            rings,
            sector: None,
        }
    }

    #[test]
    fn sectors_that_follow_each_other_add_up() {
        let mut grid = Grid::filled(44, 37, 0.0);
        for (at, value) in grid.values.iter_mut().enumerate() {
            *value = (at % 97) as f64;
        }
        let whole = layout([21.0, 18.0], [0.7, 1.3], [0.0, 14.0], 9);
        let all = totals(&whole, &grid);
        // Centres of pixels lie on the edges at 0, 90 and -90.
        let edges = [-97.3, -90.0, 0.0, 61.9, 90.0, 262.7];
        let parts = edges.windows(2).map(|ends| Layout {
            sector: Some([ends[0], ends[1]]),
            ..whole.clone()
        });
        let mut sums = [0.0; 9];
        for part in parts {
            for (sum, total) in sums.iter_mut().zip(totals(&part, &grid)) {
                *sum += total.sum;
            }
        }
        for (sum, total) in sums.iter().zip(&all) {
            assert!(
                (sum - total.sum).abs() < 1e-6 * total.sum,
                "{sum} {total:?}"
            );
        }
    }

    #[test]
    fn a_sector_turns_from_the_columns_to_the_rows() {
        let mut grid = Grid::filled(44, 37, 0.0);
        grid.values[30 * 37 + 18] = 5.0;
        for (sector, expected) in [
            ([80.0, 100.0], 5.0),
            ([-280.0, -260.0], 5.0),
            ([-90.0, 90.0], 0.0),
        ] {
            let layout = Layout {
                sector: Some(sector),
                ..layout([22.0, 18.0], [1.0, 1.0], [0.0, 20.0], 20)
            };
            let sum: f64 = totals(&layout, &grid).iter().map(|total| total.sum).sum();
            assert!((sum - expected).abs() < 1e-6, "{sector:?}: {sum}");
        }
    }

    #[test]
    fn a_flat_image_has_the_areas_of_the_rings() {
        let one = Grid::filled(44, 37, 1.0);
        for (centre, pixel, range, rings) in [
            ([22.0, 18.0], [1.0, 1.0], [0.0, 15.0], 15),
            ([21.37, 18.81], [1.0, 1.0], [0.0, 17.0], 17),
            ([22.5, 18.5], [0.1, 0.1], [0.0, 1.5], 4),
            ([21.3, 18.2], [0.1, 0.1], [0.13, 1.6], 90),
            ([20.2, 18.6], [0.05, 0.11], [0.0, 1.0], 23),
            ([23.1, 17.9], [0.3, 0.02], [0.1, 0.35], 3),
        ] {
            let layout = layout(centre, pixel, range, rings);
            for (ring, total) in totals(&layout, &one).into_iter().enumerate() {
                let [inner, outer] = [layout.edge(ring), layout.edge(ring + 1)];
                let area = PI * (outer * outer - inner * inner) / (pixel[0] * pixel[1]);
                assert!(
                    (total.sum - area).abs() < 1e-6 * area,
                    "{layout:?}: ring {ring}: {} instead of {area}",
                    total.sum
                );
            }
        }
    }

    /// Also where rings leave the image, and around a point outside of it: against many points in every pixel.
    #[test]
    fn shares_are_the_areas_of_overlap() {
        const STEPS: usize = 400;
        for centre in [[3.3, 30.1], [-4.2, 12.7], [22.0, 18.0], [43.5, 36.5]] {
            let layout = layout(centre, [0.7, 1.3], [0.4, 9.1], 11);
            let width = (9.1 - 0.4) / 11.0;
            for (row, column) in [(1, 27), (0, 13), (22, 18), (23, 17), (41, 36), (43, 33)] {
                let mut exact = [0.0; 11];
                let (down, across) = (layout.ends(0, row), layout.ends(1, column));
                layout.shares(down, across, |ring, share| exact[ring] += share);
                let mut counted = [0.0; 11];
                for step in 0..STEPS * STEPS {
                    let at = |[low, high]: [f64; 2], step: usize| {
                        low + (high - low) * (step as f64 + 0.5) / STEPS as f64
                    };
                    let radius = at(down, step / STEPS).hypot(at(across, step % STEPS));
                    let ring = (radius - 0.4) / width;
                    if (0.0..11.0).contains(&ring) {
                        counted[ring as usize] += 1.0 / (STEPS * STEPS) as f64;
                    }
                }
                for (exact, counted) in exact.iter().zip(counted) {
                    assert!(
                        (exact - counted).abs() < 1e-3,
                        "{centre:?} {row} {column}: {exact} {counted}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_pixel_is_where_it_is_on_an_image_that_is_not_square() {
        let mut grid = Grid::filled(44, 37, 0.0);
        grid.values[30 * 37 + 9] = 5.0;
        // 8 rows of 2 and 9 columns of 1 from the centre.
        let layout = layout([22.0, 18.0], [2.0, 1.0], [0.0, 40.0], 40);
        let found = totals(&layout, &grid);
        let sum: f64 = found.iter().map(|total| total.sum).sum();
        let middle: f64 = (found.iter().enumerate())
            .map(|(ring, total)| (ring as f64 + 0.5) * total.sum / sum)
            .sum();
        assert!((sum - 5.0).abs() < 1e-6);
        assert!((middle - 16f64.hypot(9.0)).abs() < 0.05, "{middle}");
    }

    #[test]
    fn nan_counts_neither_above_nor_below_the_line() {
        let mut grid = Grid::filled(44, 37, 3.0);
        for at in [22 * 37 + 18, 25 * 37 + 20, 0] {
            grid.values[at] = f64::NAN;
        }
        let layout = layout([22.0, 18.0], [1.0, 1.0], [0.0, 12.0], 12);
        let found = totals(&layout, &grid);
        assert!(found[0].pixels > 0.0 && found[0].pixels < found[0].all - 0.5);
        assert!(
            found
                .iter()
                .all(|total| (total.sum / total.pixels - 3.0).abs() < 1e-12)
        );
        grid.values.fill(f64::NAN);
        assert!(
            totals(&layout, &grid)
                .iter()
                .all(|total| total.pixels == 0.0 && total.all > 3.0)
        );
    }

    #[test]
    fn rings_outside_of_the_image_have_nothing() {
        let layout = layout([22.0, 18.0], [1.0, 1.0], [40.0, 60.0], 5);
        let found = totals(&layout, &Grid::filled(44, 37, 1.0));
        assert!(
            found
                .iter()
                .all(|total| total.sum == 0.0 && total.all == 0.0)
        );
    }
}
