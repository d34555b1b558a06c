//! The border of a disk: the circle across which an image drops most.

use std::f64::consts::TAU;
use std::sync::OnceLock;

use super::{EDGE, ON_CIRCLE, mean};
use crate::math::Grid;
use crate::math::pool::{self, Lent};
use signal::simd::{Vectorised, vectorised};

/// The circle is moved by steps down to this.
const FINEST: f64 = 0.03;
/// Least share of that where the edge is, and of the places inside that are bright: from this share of the usual drop on.
const ROUND: f64 = 0.7;
const FILLED: f64 = 0.85;
const BRIGHT: f64 = 0.4;
/// The same for a disk that nothing touches and that is no ellipse.
const ALL_AROUND: f64 = 0.95;
const EVEN: f64 = 0.7;
/// A peak with a foot, the halo of the beam say, is no disk: much of it rises higher.
const BRIGHTEST: f64 = 2.0;

#[derive(Clone, Copy)]
pub struct Circle {
    pub middle: [f64; 2],
    pub radius: f64,
}

/// Directions to the points on a circle: all to the bottom, all to the right.
struct Units {
    down: [f64; ON_CIRCLE],
    right: [f64; ON_CIRCLE],
}

fn units() -> &'static Units {
    static UNITS: OnceLock<Units> = OnceLock::new();
    UNITS.get_or_init(|| {
        let angle = |n: usize| TAU * n as f64 / ON_CIRCLE as f64;
        Units {
            down: std::array::from_fn(|n| angle(n).sin()),
            right: std::array::from_fn(|n| angle(n).cos()),
        }
    })
}

/// Between the four pixels around a place; NaN outside.
fn between(image: &Grid<f32>, [y, x]: [f64; 2]) -> f64 {
    if !(y >= 0.0 && x >= 0.0 && y <= image.rows as f64 - 1.0 && x <= image.columns as f64 - 1.0) {
        return f64::NAN;
    }
    let (top, left) = (y as usize, x as usize);
    let (bottom, right) = (
        (top + 1).min(image.rows - 1),
        (left + 1).min(image.columns - 1),
    );
    let (v, u) = (y - top as f64, x - left as f64);
    let at = |row, column| f64::from(image.at(row, column));
    (1.0 - v) * ((1.0 - u) * at(top, left) + u * at(top, right))
        + v * ((1.0 - u) * at(bottom, left) + u * at(bottom, right))
}

/// 2⁵².
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// How much darker it is outside of circles.
struct Drops<'a> {
    image: &'a Grid<f32>,
    units: &'a Units,
}

impl Drops<'_> {
    /// The mean on the part that is within the image; `None` when that is little.
    #[inline(always)]
    fn mean(&self, circle: &Circle) -> Option<f64> {
        let (inside, outside) = (self.ring(circle, -EDGE), self.ring(circle, EDGE));
        let (mut sum, mut count) = (0.0, 0usize);
        for (inside, outside) in inside.iter().zip(&outside) {
            let drop = inside - outside;
            let is_valid = !drop.is_nan();
            sum += if is_valid { drop } else { 0.0 };
            count += usize::from(is_valid);
        }
        mean(sum, count, ON_CIRCLE)
    }

    /// The values between pixels at `by` from the circle.
    #[inline(always)]
    fn ring(&self, circle: &Circle, by: f64) -> [f64; ON_CIRCLE] {
        let Drops { image, units } = self;
        let ([y, x], radius) = (circle.middle, circle.radius + by);
        let reach = radius.abs();
        let is_inside = y >= reach
            && x >= reach
            && y + reach < image.rows as f64 - 1.0
            && x + reach < image.columns as f64 - 1.0;
        let mut values = [0.0; ON_CIRCLE];
        if !is_inside {
            for (n, value) in values.iter_mut().enumerate() {
                *value = between(
                    image,
                    [y + radius * units.down[n], x + radius * units.right[n]],
                );
            }
            return values;
        }
        let (mut down, mut right) = ([0.0f32; ON_CIRCLE], [0.0f32; ON_CIRCLE]);
        let mut places = [0u32; ON_CIRCLE];
        let columns = image.columns as f64;
        for n in 0..ON_CIRCLE {
            let (y, x) = (y + radius * units.down[n], x + radius * units.right[n]);
            let (top, left) = (y.floor(), x.floor());
            (down[n], right[n]) = ((y - top) as f32, (x - left) as f32);
            // A number this large has its whole part in the last bits; a cast would look at every number whether it fits.
            places[n] = (top * columns + left + WHOLE).to_bits() as u32;
        }
        let mut corners = [[0.0f32; ON_CIRCLE]; 4];
        for n in 0..ON_CIRCLE {
            let at = places[n] as usize;
            let around = &image.values[at..at + image.columns + 2];
            corners[0][n] = around[0];
            corners[1][n] = around[1];
            corners[2][n] = around[image.columns];
            corners[3][n] = around[image.columns + 1];
        }
        for n in 0..ON_CIRCLE {
            let upper = corners[0][n] + right[n] * (corners[1][n] - corners[0][n]);
            let lower = corners[2][n] + right[n] * (corners[3][n] - corners[2][n]);
            values[n] = f64::from(upper + down[n] * (lower - upper));
        }
        values
    }
}

struct Refine<'a> {
    drops: Drops<'a>,
    first: Circle,
}

impl Vectorised for Refine<'_> {
    type Result = Circle;

    #[inline(always)]
    fn run(self) -> Circle {
        let drop = |circle: &Circle| self.drops.mean(circle);
        let (mut most, mut best) = (drop(&self.first).unwrap_or(0.0), self.first);
        let mut step = 1.0;
        // Where it came from is worse.
        let mut back = usize::MAX;
        while step > FINEST {
            let [y, x] = best.middle;
            let mut better: Option<(f64, usize, Circle)> = None;
            for way in 0..6 {
                let by = if way < 3 { -step } else { step };
                let (middle, radius) = match way % 3 {
                    0 => ([y + by, x], best.radius),
                    1 => ([y, x + by], best.radius),
                    _ => ([y, x], best.radius + by),
                };
                if way == back {
                    continue;
                }
                let other = Circle { middle, radius };
                let Some(drop) = drop(&other) else {
                    continue;
                };
                if drop >= better.map_or(most.next_up(), |better| better.0) {
                    better = Some((drop, way, other));
                }
            }
            match better {
                Some((drop, way, other)) => {
                    (most, best, back) = (drop, other, (way + 3) % 6);
                }
                None => (step, back) = (0.5 * step, usize::MAX),
            }
        }
        best
    }
}

impl Circle {
    /// The one near it across which the drop is largest.
    pub fn refined(self, image: &Grid<f32>) -> Self {
        let units = units();
        vectorised(Refine {
            drops: Drops { image, units },
            first: self,
        })
    }

    /// Those within the image and not further than `beyond` outside the circle.
    pub fn pixels(&self, image: &Grid<f32>, beyond: f64) -> Lent<usize> {
        let ([y, x], radius) = (self.middle, self.radius + beyond);
        let range = |at: f64, size: usize| {
            let (from, to) = ((at - radius).ceil().max(0.0), (at + radius).floor());
            from as usize..((to + 1.0).max(0.0) as usize).min(size)
        };
        let mut pixels = pool::empty();
        for row in range(y, image.rows) {
            for column in range(x, image.columns) {
                let (dy, dx) = (row as f64 - y, column as f64 - x);
                if dy * dy + dx * dx <= radius * radius {
                    pixels.push(row * image.columns + column);
                }
            }
        }
        pixels
    }

    /// Whether the edge is even and goes all around; `None` where it is missing on much of the circle, where it drops by less than
    /// `least`, and where not everything inside is bright.
    pub fn edge(&self, image: &Grid<f32>, least: f64) -> Option<bool> {
        let drops = Drops {
            image,
            units: units(),
        };
        let outside = drops.ring(self, EDGE);
        let inside = drops.ring(self, -EDGE);
        // NaN where one of both is outside the image.
        let drops_at: [f64; ON_CIRCLE] = std::array::from_fn(|n| inside[n] - outside[n]);
        let opposite = |n: usize| (n + ON_CIRCLE / 2) % ON_CIRCLE;
        let mut sorted = drops_at.map(|drop| if drop.is_nan() { f64::INFINITY } else { drop });
        sorted.sort_by(f64::total_cmp);
        let count = drops_at.iter().filter(|drop| !drop.is_nan()).count();
        let usual = (sorted[..count].get(count / 2).copied()).filter(|usual| *usual >= least)?;
        let share = |drops: &[f64; ON_CIRCLE], least: f64| {
            let edge = drops.iter().filter(|drop| **drop >= least * usual).count();
            edge as f64 / count as f64
        };
        // A slope under the disk takes from one side what it gives to the other.
        let even: [f64; ON_CIRCLE] = std::array::from_fn(|n| {
            let (here, there) = (drops_at[n], drops_at[opposite(n)]);
            match there.is_nan() {
                true => here,
                false => 0.5 * (here + there),
            }
        });
        let (mut bright, mut all) = (0usize, 0usize);
        let outer = self.radius + EDGE;
        for part in [0.1, 0.35, 0.6] {
            let by = part * self.radius;
            let values = drops.ring(self, by - self.radius);
            let part = 0.5 * (1.0 + by / outer);
            for n in 0..ON_CIRCLE {
                let (here, there) = (outside[n], outside[opposite(n)]);
                let level = match (here.is_nan(), there.is_nan()) {
                    (false, false) => part * here + (1.0 - part) * there,
                    (false, true) => here,
                    (true, _) => there,
                };
                let height = (values[n] - level) / usual;
                if !height.is_nan() {
                    all += 1;
                    bright += usize::from((BRIGHT..=BRIGHTEST).contains(&height));
                }
            }
        }
        let is_disk =
            share(&drops_at, BRIGHT) >= ROUND && all > 0 && bright as f64 >= FILLED * all as f64;
        is_disk.then(|| share(&even, EVEN) >= ALL_AROUND)
    }
}
