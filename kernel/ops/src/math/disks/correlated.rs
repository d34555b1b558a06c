//! Noise that neighbouring pixels have in common, from what the model leaves over: a detector's point spread, pixels that were
//! interpolated or smoothed. Each pixel then has less noise than its counts make and all of a disk together as much, so that errors of
//! positions and the evidence of disks are to be taken larger and smaller by one factor.

use super::image::Image;
use super::model::Model;
use super::search::Scratch;

/// How far neighbours are looked at, in px.
const REACH: isize = 3;
/// So far away nothing is in common but what the model does not say.
const FAR: [[isize; 2]; 4] = [[0, 7], [7, 0], [5, 5], [5, -5]];
/// Expected counts from which on a pixel says something, and standard deviations up to which it is no outlier.
const LEAST: f64 = 0.3;
const OUTLIER: f32 = 5.0;
/// Share of the pixels that must say something: those beside bright disks alone say what the disks do.
const ENOUGH: f64 = 0.1;
/// Correlation of pixels side by side from which on they have noise in common, and not what the model does not say of a background;
/// and standard errors of that.
const IN_COMMON: f64 = 0.12;
const SURE: f64 = 8.0;

/// Products of what is left over at two pixels, and how many there are, by how they lie to each other.
#[derive(Clone, Debug)]
pub(super) struct Products {
    near: Vec<[f64; 2]>,
    far: [f64; 2],
    own: [f64; 2],
    pixels: f64,
}

/// One of each two lags that are opposite to each other.
fn lags() -> impl Iterator<Item = [isize; 2]> {
    (0..=REACH).flat_map(|down| {
        let across = if down == 0 { 1 } else { -REACH };
        (across..=REACH).map(move |across| [down, across])
    })
}

impl Products {
    /// Of a frame in which the disks were found.
    pub(super) fn of(model: &Model, image: &Image, scratch: &Scratch) -> Self {
        let (rows, columns) = model.size();
        let expected = model.expected(image, scratch);
        let left: Vec<f32> = (0..rows * columns)
            .map(|at| {
                let pixel = image.at(at / columns, at % columns);
                let expected = expected(at);
                let off = f64::from(image.counts[pixel]) - expected;
                let left = (off / expected.max(LEAST).sqrt()) as f32;
                // What a model of disks does not say of them is no noise.
                let disks = f64::from(scratch.models[pixel]);
                let of_background = disks * disks < expected && expected >= LEAST;
                let says = image.valid[pixel] > 0.0 && of_background && left.abs() < OUTLIER;
                if says { left } else { f32::NAN }
            })
            .collect();
        let sum = |[down, across]: [isize; 2]| {
            let (mut sum, mut count) = (0.0f64, 0u64);
            let (first, last) = ((-across).max(0) as usize, columns as isize - across.max(0));
            for row in 0..rows.saturating_sub(down as usize) {
                let one = &left[row * columns..][..columns];
                let other = &left[(row + down as usize) * columns..][..columns];
                for column in first..last.max(0) as usize {
                    let product = one[column] * other[(column as isize + across) as usize];
                    if product.is_finite() {
                        sum += f64::from(product);
                        count += 1;
                    }
                }
            }
            [sum, count as f64]
        };
        Products {
            near: lags().map(sum).collect(),
            far: FAR.into_iter().map(sum).fold([0.0; 2], add),
            own: sum([0, 0]),
            pixels: (rows * columns) as f64,
        }
    }

    pub(super) fn merge(self, other: &Self) -> Self {
        let near = self.near.into_iter().zip(&other.near);
        Products {
            near: near.map(|(one, other)| add(one, *other)).collect(),
            far: add(self.far, other.far),
            own: add(self.own, other.own),
            pixels: self.pixels + other.pixels,
        }
    }

    /// Standard deviation of the sum of many pixels over what it would be if each had its noise for itself.
    pub(super) fn factor(&self) -> f64 {
        let mean = |[sum, count]: [f64; 2]| if count > 0.0 { sum / count } else { 0.0 };
        let (own, far) = (mean(self.own), mean(self.far));
        let near = |at: &[f64; 2]| (mean(*at) - far) / own;
        let side_by_side = lags()
            .zip(&self.near)
            .filter(|([y, x], _)| y + x.abs() == 1);
        let least = side_by_side
            .map(|(_, at)| near(at))
            .fold(f64::INFINITY, f64::min);
        let error = 1.0 / self.own[1].max(1.0).sqrt();
        let says = own > 0.0 && self.own[1] > ENOUGH * self.pixels;
        match says && least > IN_COMMON.max(SURE * error) {
            true => (1.0 + 2.0 * self.near.iter().map(near).sum::<f64>())
                .max(1.0)
                .sqrt(),
            false => 1.0,
        }
    }
}

fn add(one: [f64; 2], other: [f64; 2]) -> [f64; 2] {
    [one[0] + other[0], one[1] + other[1]]
}
