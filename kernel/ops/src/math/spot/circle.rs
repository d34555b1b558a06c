//! The border of a disk: the circle across which an image drops most.

use std::f64::consts::TAU;
use std::sync::OnceLock;

use super::{EDGE, ON_CIRCLE, mean};
use crate::math::Grid;
use crate::math::pool::{self, Lent};
use signal::simd::{Vectorised, vectorised};

/// The circle is moved until a step is shorter than this, by no more than so many, and by no more than this at a time.
const FINEST: f64 = 0.03;
const STEPS: usize = 10;
const MAX: f64 = 1.0;
/// How an edge bends as a share of its height, before it is known.
const BEND: f64 = 0.4;
/// Of a part of a circle not everything is known.
const DAMPED: f64 = 0.01;
/// Least share of that where the edge is, and of the places inside that are bright: from this share of the usual drop on.
const ROUND: f64 = 0.7;
const FILLED: f64 = 0.85;
const BRIGHT: f64 = 0.4;
/// The same for a disk that nothing touches and that is no ellipse.
const ALL_AROUND: f64 = 0.95;
const EVEN: f64 = 0.7;
/// A peak with a foot, the halo of the beam say, is no disk: much of it rises higher.
const BRIGHTEST: f32 = 2.0;

#[derive(Clone, Copy)]
pub struct Circle {
    pub middle: [f64; 2],
    pub radius: f64,
}

/// Directions to the points on a circle: all to the bottom, all to the right.
struct Units {
    down: [f32; ON_CIRCLE],
    right: [f32; ON_CIRCLE],
}

fn units() -> &'static Units {
    static UNITS: OnceLock<Units> = OnceLock::new();
    UNITS.get_or_init(|| {
        let angle = |n: usize| TAU * n as f64 / ON_CIRCLE as f64;
        Units {
            down: std::array::from_fn(|n| angle(n).sin() as f32),
            right: std::array::from_fn(|n| angle(n).cos() as f32),
        }
    })
}

/// 2²³.
const WHOLE: f32 = 8_388_608.0;

/// Values between pixels on a circle, and how they change downwards and to the right; NaN outside the image.
struct OnCircle {
    values: [f32; ON_CIRCLE],
    down: [f32; ON_CIRCLE],
    right: [f32; ON_CIRCLE],
}

/// An image, to be looked at on circles.
struct Rings<'a> {
    image: &'a Grid<f32>,
    units: &'a Units,
}

impl Rings<'_> {
    /// At `by` from the circle.
    #[inline(always)]
    fn at(&self, circle: &Circle, by: f32) -> OnCircle {
        let Rings { image, units } = self;
        let [y, x] = circle.middle.map(|at| at as f32);
        let radius = circle.radius as f32 + by;
        let reach = radius.abs();
        let last = [image.rows, image.columns].map(|size| size as f32 - 1.0);
        let is_inside = y >= reach && x >= reach && y + reach < last[0] && x + reach < last[1];
        let (mut parts, mut corners) = ([[0.0f32; ON_CIRCLE]; 2], [[0.0f32; ON_CIRCLE]; 4]);
        let mut places = [[0.0f32; ON_CIRCLE]; 2];
        for n in 0..ON_CIRCLE {
            let (y, x) = (y + radius * units.down[n], x + radius * units.right[n]);
            places[0][n] = y;
            places[1][n] = x;
            parts[0][n] = y - y.floor();
            parts[1][n] = x - x.floor();
        }
        if is_inside {
            let mut flat = [0u32; ON_CIRCLE];
            for n in 0..ON_CIRCLE {
                // A number this large has its whole part in the last bits; a cast would look at every number whether it fits.
                let [top, left] = [0, 1].map(|axis| {
                    let whole = places[axis][n] - parts[axis][n];
                    (whole + WHOLE).to_bits() & (WHOLE as u32 - 1)
                });
                flat[n] = top * image.columns as u32 + left;
            }
            for n in 0..ON_CIRCLE {
                let at = flat[n] as usize;
                let around = &image.values[at..at + image.columns + 2];
                corners[0][n] = around[0];
                corners[1][n] = around[1];
                corners[2][n] = around[image.columns];
                corners[3][n] = around[image.columns + 1];
            }
        } else {
            for n in 0..ON_CIRCLE {
                let [y, x] = [places[0][n], places[1][n]];
                let is_there = y >= 0.0 && x >= 0.0 && y <= last[0] && x <= last[1];
                let (top, left) = (y as usize, x as usize);
                for (corner, values) in corners.iter_mut().enumerate() {
                    let row = (top + corner / 2).min(image.rows - 1);
                    let column = (left + corner % 2).min(image.columns - 1);
                    values[n] = match is_there {
                        true => image.at(row, column),
                        false => f32::NAN,
                    };
                }
            }
        }
        let mut found = OnCircle {
            values: [0.0; ON_CIRCLE],
            down: [0.0; ON_CIRCLE],
            right: [0.0; ON_CIRCLE],
        };
        for n in 0..ON_CIRCLE {
            let (v, u) = (parts[0][n], parts[1][n]);
            let [upper, lower] = [0, 2].map(|left| corners[left + 1][n] - corners[left][n]);
            let (above, below) = (corners[0][n] + u * upper, corners[2][n] + u * lower);
            found.down[n] = below - above;
            found.right[n] = upper + v * (lower - upper);
            found.values[n] = above + v * (below - above);
        }
        found
    }

    /// The mean drop across a circle, on the part that is within the image; `None` when that is little.
    #[inline(always)]
    fn drop(&self, circle: &Circle) -> Option<Drop> {
        let edge = EDGE as f32;
        let (inside, outside) = (self.at(circle, -edge), self.at(circle, edge));
        let mut drop = Drop::default();
        let mut count = 0;
        for n in 0..ON_CIRCLE {
            let height = inside.values[n] - outside.values[n];
            let is_valid = !height.is_nan();
            count += usize::from(is_valid);
            let valid = |value: f32| if is_valid { f64::from(value) } else { 0.0 };
            let (y, x) = (self.units.down[n], self.units.right[n]);
            let down = inside.down[n] - outside.down[n];
            let right = inside.right[n] - outside.right[n];
            drop.mean += valid(height);
            drop.slope[0] += valid(down);
            drop.slope[1] += valid(right);
            // Both rings grow with the radius.
            drop.slope[2] += valid(y * down + x * right);
            for (sum, product) in drop.share.iter_mut().zip([y * y, y * x, y, x * x, x, 1.0]) {
                *sum += valid(product);
            }
        }
        mean(drop.mean, count, ON_CIRCLE)?;
        let part = 1.0 / count as f64;
        drop.mean *= part;
        drop.slope = drop.slope.map(|slope| part * slope);
        drop.share = drop.share.map(|share| part * share);
        Some(drop)
    }
}

/// How much darker it is outside of a circle, and what that says of a better one.
#[derive(Clone, Copy, Default)]
struct Drop {
    mean: f64,
    /// By row, column and radius.
    slope: [f64; 3],
    /// Mean products of how far row, column and radius move the edge, the upper triangle by rows: on a whole circle those of one
    /// with itself, on a part of one the others too.
    share: [f64; 6],
}

impl Drop {
    /// Row, column and radius to go, when the drop bends by one per square pixel.
    fn way(&self) -> [f64; 3] {
        let [a, b, c, d, e, f] = self.share;
        let (a, d, f) = (a + DAMPED, d + DAMPED, f + DAMPED);
        let [p, q, r] = self.slope;
        // Cramer's rule.
        let (first, second, third) = (d * f - e * e, c * e - b * f, b * e - c * d);
        let all = a * first + b * second + c * third;
        [
            (first * p + second * q + third * r) / all,
            (second * p + (a * f - c * c) * q + (b * c - a * e) * r) / all,
            (third * p + (b * c - a * e) * q + (a * d - b * b) * r) / all,
        ]
    }

    /// Of the square of a way.
    fn length(&self, [p, q, r]: [f64; 3]) -> f64 {
        let [a, b, c, d, e, f] = self.share;
        a * p * p + d * q * q + f * r * r + 2.0 * (b * p * q + c * p * r + e * q * r)
    }
}

struct Refine<'a> {
    rings: Rings<'a>,
    first: Circle,
}

impl Vectorised for Refine<'_> {
    type Result = Circle;

    #[inline(always)]
    fn run(self) -> Circle {
        let mut best = self.first;
        let Some(mut here) = self.rings.drop(&best) else {
            return best;
        };
        // How the drop bends is seen from one step to the next.
        let mut bend = BEND * here.mean.abs();
        for _ in 0..STEPS {
            let way = here.way().map(|way| way / bend);
            let most = way.iter().fold(0.0f64, |most, way| most.max(way.abs()));
            let part = if most > MAX { MAX / most } else { 1.0 };
            let way = way.map(|way| part * way);
            let next = Circle {
                middle: [best.middle[0] + way[0], best.middle[1] + way[1]],
                radius: best.radius + way[2],
            };
            let there = self
                .rings
                .drop(&next)
                .filter(|there| there.mean > here.mean);
            let Some(there) = there else {
                bend *= 3.0;
                if most / 3.0 < FINEST {
                    break;
                }
                continue;
            };
            let seen = (0..3)
                .map(|n| (here.slope[n] - there.slope[n]) * way[n])
                .sum::<f64>();
            bend = (seen / here.length(way)).clamp(0.3 * bend, 3.0 * bend);
            (best, here) = (next, there);
            if part * most < FINEST {
                break;
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
            rings: Rings { image, units },
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
        let units = units();
        vectorised(Edge {
            rings: Rings { image, units },
            circle: self,
            least: least as f32,
        })
    }
}

struct Edge<'a> {
    rings: Rings<'a>,
    circle: &'a Circle,
    least: f32,
}

impl Vectorised for Edge<'_> {
    type Result = Option<bool>;

    #[inline(always)]
    fn run(self) -> Option<bool> {
        let Edge {
            rings,
            circle,
            least,
        } = self;
        let outside = rings.at(circle, EDGE as f32).values;
        let inside = rings.at(circle, -EDGE as f32).values;
        // NaN where one of both is outside the image.
        let drops: [f32; ON_CIRCLE] = std::array::from_fn(|n| inside[n] - outside[n]);
        let opposite = |n: usize| (n + ON_CIRCLE / 2) % ON_CIRCLE;
        let count = drops.iter().filter(|drop| !drop.is_nan()).count();
        let mut sorted = drops.map(|drop| if drop.is_nan() { f32::INFINITY } else { drop });
        sorted.select_nth_unstable_by(count / 2, f32::total_cmp);
        let usual = sorted[count / 2];
        if count == 0 || usual < least {
            return None;
        }
        let share = |drops: &[f32; ON_CIRCLE], least: f64| {
            let least = least as f32 * usual;
            let edge = drops.iter().filter(|drop| **drop >= least).count();
            edge as f64 / count as f64
        };
        if share(&drops, BRIGHT) < ROUND {
            return None;
        }
        let (mut bright, mut all) = (0usize, 0usize);
        let outer = (circle.radius + EDGE) as f32;
        for part in [0.1, 0.35, 0.6] {
            let by = part * circle.radius as f32;
            let values = rings.at(circle, by - circle.radius as f32).values;
            let part = 0.5 * (1.0 + by / outer);
            for n in 0..ON_CIRCLE {
                let (here, there) = (outside[n], outside[opposite(n)]);
                let level = match (here.is_nan(), there.is_nan()) {
                    (false, false) => part * here + (1.0 - part) * there,
                    (false, true) => here,
                    (true, _) => there,
                };
                let height = (values[n] - level) / usual;
                all += usize::from(!height.is_nan());
                bright += usize::from((height >= BRIGHT as f32) & (height <= BRIGHTEST));
            }
        }
        if all == 0 || (bright as f64) < FILLED * all as f64 {
            return None;
        }
        // A slope under the disk takes from one side what it gives to the other.
        let even: [f32; ON_CIRCLE] = std::array::from_fn(|n| {
            let (here, there) = (drops[n], drops[opposite(n)]);
            match there.is_nan() {
                true => here,
                false => 0.5 * (here + there),
            }
        });
        Some(share(&even, EVEN) >= ALL_AROUND)
    }
}
