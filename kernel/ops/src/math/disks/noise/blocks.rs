//! Blocks of pixels: how much neighbours differ in each, against their mean.

use super::super::statistics::{middle, spread};

/// Pixels along a side of the blocks that noise is measured in.
const BLOCK: usize = 8;
/// Standard deviation of the variance of a block, and of half of one, as a share of it, how many of these a fifth of the blocks
/// are below the middle, and from how many on a block is no noise.
const BY_CHANCE: f64 = 0.28;
pub(super) const HALF_BY_CHANCE: f64 = 0.4;
const FIFTH: f64 = 0.84;
const FAR: f64 = 2.5;
/// Mean of the variances of blocks over their median.
pub(super) const TRIMMED: f64 = 1.03;
pub(super) const HALF_TRIMMED: f64 = 1.05;
/// Square of the mean over the variance below which there are hardly any counts.
pub(super) const HARDLY_ANY: f64 = 0.2;

/// How far away what confirms a pixel is looked for, and how far it must be from that to be broken: so many times as far as what
/// is around it is from each other, and so many times as far as that is nearly everywhere.
const APART: usize = 2;
const BEYOND: f32 = 3.0;
const BEYOND_ALL: f32 = 5.0;

/// Pixels that in the sum of all frames are far above or below everything around them.
fn broken(frames: &[Vec<f32>], (rows, columns): (usize, usize)) -> Vec<bool> {
    let mut sums = vec![0.0f32; rows * columns];
    for frame in frames {
        (sums.iter_mut().zip(frame)).for_each(|(sum, value)| *sum += value);
    }
    let near = |at: usize, size: usize| {
        let all = [at.checked_sub(APART), Some(at), Some(at + APART)];
        all.into_iter().flatten().filter(move |at| *at < size)
    };
    let around: Vec<[f32; 2]> = (0..rows * columns)
        .map(|at| {
            let (row, column) = (at / columns, at % columns);
            let mut range = [f32::INFINITY, f32::NEG_INFINITY];
            for y in near(row, rows) {
                for x in near(column, columns).filter(|x| (y, *x) != (row, column)) {
                    let value = sums[y * columns + x];
                    range = [range[0].min(value), range[1].max(value)];
                }
            }
            range
        })
        .collect();
    let wide = |[low, high]: [f32; 2]| high - low;
    let usual = spread(around.iter().map(|range| f64::from(wide(*range))));
    (sums.iter().zip(around))
        .map(|(here, range)| {
            let reach = (BEYOND * wide(range)).max(BEYOND_ALL * usual as f32);
            *here > range[1] + reach || *here < range[0] - reach
        })
        .collect()
}

/// Means and variances of the even and the odd rows of blocks of pixels.
pub(super) fn halves(
    frames: &[Vec<f32>],
    (rows, columns): (usize, usize),
    most: f32,
) -> Vec<[[f64; 2]; 2]> {
    let broken = broken(frames, (rows, columns));
    let half = |frame: &[f32], row: usize, column: usize| {
        let (mut square, mut sum, mut count) = (0.0f64, 0.0f64, 0.0f64);
        for y in (row..row + BLOCK - 1).step_by(2) {
            let line = y * columns + column..y * columns + column + BLOCK;
            let windows = frame[line.clone()].windows(3).zip(broken[line].windows(3));
            for (three, broken) in windows {
                let bend = f64::from(three[0]) - 2.0 * f64::from(three[1]) + f64::from(three[2]);
                let sound = !broken.contains(&true) && three.iter().all(|value| *value < most);
                if bend.is_finite() && sound {
                    square += bend * bend / 6.0;
                    // As much of each as the difference has of its variance.
                    sum += three.iter().map(|value| f64::from(*value)).sum::<f64>() / 6.0
                        + f64::from(three[1]) / 2.0;
                    count += 1.0;
                }
            }
        }
        (count >= 12.0).then(|| [sum / count, square / count])
    };
    let mut halves = Vec::new();
    for frame in frames {
        for row in (0..rows.saturating_sub(BLOCK - 1)).step_by(BLOCK) {
            for column in (0..columns.saturating_sub(BLOCK - 1)).step_by(BLOCK) {
                let both = half(frame, row, column).zip(half(frame, row + 1, column));
                halves.extend(both.map(|(even, odd)| [even, odd]));
            }
        }
    }
    halves
}

/// In the order of the mean of the other half: by their own they would be bright or dark by chance, of which their variance knows
/// nothing, and the line would be too flat.
pub(super) fn by_the_other(halves: &[[[f64; 2]; 2]]) -> Vec<[f64; 2]> {
    let mut sorted: Vec<([f64; 2], f64)> = (halves.iter())
        .flat_map(|[even, odd]| [(*even, odd[0]), (*odd, even[0])])
        .collect();
    sorted.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    sorted.into_iter().map(|(half, _)| half).collect()
}

/// Blocks of about one mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) blocks: f64,
}

/// Of blocks in the order of their means.
pub(super) fn points(dark: &[[f64; 2]], parts: usize) -> Vec<Point> {
    dark.chunks(dark.len().div_ceil(parts))
        .map(|part| Point::of(part, |variances, mean| usual(variances, mean, BY_CHANCE)))
        .collect()
}

impl Point {
    pub(super) fn of(part: &[[f64; 2]], usual: impl Fn(&mut [f64], f64) -> f64) -> Self {
        let blocks = part.len() as f64;
        let mean = part.iter().map(|[mean, _]| mean).sum::<f64>() / blocks;
        let mut variances: Vec<f64> = part.iter().map(|[_, variance]| *variance).collect();
        Point {
            mean,
            variance: usual(&mut variances, mean),
            blocks,
        }
    }
}

/// The median of the variances of blocks without those that edges, cosmic rays and hot pixels are in. Of hardly any counts a median
/// is none.
pub(super) fn usual(variances: &mut [f64], mean: f64, by_chance: f64) -> f64 {
    let all = mean_of(variances);
    if mean * mean < HARDLY_ANY * all {
        return all / TRIMMED;
    }
    variances.sort_unstable_by(f64::total_cmp);
    let mut middle = variances[variances.len() / 2];
    // Where most blocks have edges of bright disks the median is theirs; with few counts chance is more than they are.
    if mean * mean > middle {
        middle = variances[variances.len() / 5] / (1.0 - FIFTH * by_chance);
        for _ in 0..4 {
            let limit = middle * (1.0 + FAR * by_chance);
            let within = variances.partition_point(|variance| *variance <= limit);
            middle = variances[within / 2];
        }
    }
    middle
}

/// Variances of blocks with few counts are no more than so many times their median where there are any.
const MAX: f64 = 20.0;

/// The mean of the variances of blocks with few counts, without those that broken pixels are in.
pub(super) fn mean_of(variances: &[f64]) -> f64 {
    let limit = MAX * middle(variances.iter().copied().filter(|variance| *variance > 0.0));
    let (sum, count) = (variances.iter())
        .filter(|variance| **variance <= limit || **variance == 0.0)
        .fold((0.0, 0.0), |(sum, count), variance| {
            (sum + variance, count + 1.0)
        });
    sum / f64::max(count, 1.0)
}
