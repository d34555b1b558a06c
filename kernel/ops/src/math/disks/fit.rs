//! Position, height and background of one disk by maximum likelihood under Poisson counts.

use signal::simd::{Vectorised, vectorised};

use super::around::Run;
use super::lanes::{LANES, Lanes, ln, total};
use super::probe::Probe;
use super::shape::Shape;

/// Least expected counts of a pixel: what is fainter has no infinite weight.
pub const FAINTEST: f32 = 0.01;
/// Furthest that one step moves, in px: the model is linear no further.
const MAX: f64 = 1.0;

/// Pixels around a disk, by what is known of each before the disk is fitted; as many as fill all lanes.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// Places in px from the pixel in the middle, and the runs that they are in.
    pub y: &'a [f32],
    pub x: &'a [f32],
    pub(super) runs: &'a [Run],
    /// Counts.
    pub counts: &'a [f32],
    /// Expected counts of the background, of which a multiple is under the disk; above 0.
    pub ground: &'a [f32],
    /// Expected counts of other disks.
    pub others: &'a [f32],
    /// 1 where the pixel counts, 0 where it is invalid or fills the last lanes.
    pub valid: &'a [f32],
}

/// A disk's share at the pixels of a window, and how that changes as the disk moves by rows and columns.
#[derive(Default)]
pub struct Passes {
    pub(super) share: Vec<f32>,
    pub(super) down: Vec<f32>,
    pub(super) across: Vec<f32>,
    /// One over the distance from the disk's middle, until the spread is asked for.
    pub(super) diagonal: Vec<f32>,
    /// The window as a square.
    pub(super) grid: Vec<f32>,
}

impl Passes {
    pub fn resize(&mut self, pixels: usize) {
        self.share.resize(pixels, 0.0);
        self.down.resize(pixels, 0.0);
        self.across.resize(pixels, 0.0);
        self.diagonal.resize(pixels, 0.0);
    }
}

/// What a disk of height 1 is.
#[derive(Clone, Copy)]
pub enum Pattern<'a> {
    /// Flat with a soft edge.
    Disk(Shape),
    /// As measured.
    Probe(&'a Probe),
}

impl Pattern<'_> {
    /// Its share at pixels around it.
    #[inline(always)]
    pub(super) fn shares(
        self,
        (y, x): (&[f32], &[f32]),
        runs: &[Run],
        disk: Disk,
        out: &mut [f32],
    ) {
        let (y0, x0) = (disk.y as f32, disk.x as f32);
        match self {
            Pattern::Disk(shape) => {
                for ((out, y), x) in out.iter_mut().zip(y).zip(x) {
                    *out = shape.at(y - y0, x - x0).share;
                }
            }
            Pattern::Probe(probe) => probe.fill(runs, [y0, x0], &mut [out]),
        }
    }

    /// Its share and slopes at the pixels of a window.
    #[inline(always)]
    fn slopes(self, window: Window<'_>, disk: Disk, passes: &mut Passes) {
        let (y0, x0) = (disk.y as f32, disk.x as f32);
        let Passes {
            share,
            down,
            across,
            diagonal: nearness,
            ..
        } = passes;
        match self {
            Pattern::Disk(shape) => {
                let places = (window.y.chunks_exact(LANES)).zip(window.x.chunks_exact(LANES));
                let out = (share.chunks_exact_mut(LANES))
                    .zip(down.chunks_exact_mut(LANES))
                    .zip(across.chunks_exact_mut(LANES))
                    .zip(nearness.chunks_exact_mut(LANES));
                for ((y, x), (((share, down), across), nearness)) in places.zip(out) {
                    for n in 0..LANES {
                        let (dy, dx) = (y[n] - y0, x[n] - x0);
                        let cover = shape.at(dy, dx);
                        let slope = cover.slope * cover.nearness;
                        share[n] = cover.share;
                        down[n] = slope * dy;
                        across[n] = slope * dx;
                        nearness[n] = cover.nearness;
                    }
                }
            }
            Pattern::Probe(probe) => {
                probe.fill(window.runs, [y0, x0], &mut [share, down, across]);
            }
        }
    }
}

/// A disk over its background: `height · f(|p - (y, x)|) + level · ground + others`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    /// From the middle of its window, in px.
    pub y: f64,
    pub x: f64,
    /// Counts per pixel inside, above the background.
    pub height: f64,
    /// Times the background that is expected.
    pub level: f64,
}

/// How well a background is known before it is fitted: around `level`, as by an observation of this weight (1 / variance).
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub level: f64,
    pub weight: f64,
}

/// Sums over a window at one place: the information about row, column, height and level, and the slope of the
/// log-likelihood in each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    pub information: [[f64; 4]; 4],
    pub slope: [f64; 4],
}

struct Sum<'a> {
    window: Window<'a>,
    passes: &'a mut Passes,
    pattern: Pattern<'a>,
    disk: Disk,
}

impl Vectorised for Sum<'_> {
    type Result = Sums;

    #[inline(always)]
    fn run(self) -> Sums {
        let Sum {
            window,
            passes,
            pattern,
            disk,
        } = self;
        let (height, level) = (disk.height as f32, disk.level as f32);
        pattern.slopes(window, disk, passes);
        let mut upper = [[0.0; LANES]; 10];
        let mut slope: [Lanes; 4] = [[0.0; LANES]; 4];
        let shares = (passes.share.chunks_exact(LANES))
            .zip(passes.down.chunks_exact(LANES))
            .zip(passes.across.chunks_exact(LANES));
        let counted = (window.counts.chunks_exact(LANES)).zip(window.valid.chunks_exact(LANES));
        let expected = (window.ground.chunks_exact(LANES)).zip(window.others.chunks_exact(LANES));
        for ((((share, down), across), (counts, valid)), (ground, others)) in
            shares.zip(counted).zip(expected)
        {
            for n in 0..LANES {
                let expected = height * share[n] + level * ground[n] + others[n];
                let expected = if expected > FAINTEST {
                    expected
                } else {
                    FAINTEST
                };
                let weight = valid[n] / expected;
                let rest = counts[n] - expected;
                let along = [height * down[n], height * across[n], share[n], ground[n]];
                let weighed = along.map(|value| value * weight);
                let mut at = 0;
                for i in 0..4 {
                    for other in &along[i..] {
                        upper[at][n] += weighed[i] * other;
                        at += 1;
                    }
                    slope[i][n] += weighed[i] * rest;
                }
            }
        }
        let mut sums = Sums::default();
        let mut at = 0;
        for (i, slope) in slope.iter().enumerate() {
            for j in i..4 {
                let value = f64::from(total(&upper[at]));
                sums.information[i][j] = value;
                sums.information[j][i] = value;
                at += 1;
            }
            sums.slope[i] = f64::from(total(slope));
        }
        sums
    }
}

/// What a fit leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub disk: Disk,
    pub information: [[f64; 4]; 4],
    /// Whether it is nearer than was asked for to where the pixels were last compared with a disk.
    pub settled: bool,
}

impl Step {
    /// Standard errors of row and column in px.
    pub fn errors(&self) -> Option<[f64; 2]> {
        let factors = Factors::of(self.information)?;
        Some([0, 1].map(|n| {
            let mut unit = [0.0; 4];
            unit[n] = 1.0;
            factors.solve(unit)[n].max(0.0).sqrt()
        }))
    }
}

impl Window<'_> {
    /// Expected counts of a pixel where the disk has this share.
    pub(super) fn expected(&self, at: usize, share: f32, disk: Disk) -> f32 {
        let under = disk.level as f32 * self.ground[at] + self.others[at];
        (disk.height as f32 * share + under).max(FAINTEST)
    }

    pub fn sums(
        &self,
        passes: &mut Passes,
        pattern: Pattern<'_>,
        disk: Disk,
        known: Known,
    ) -> Sums {
        let mut sums = vectorised(Sum {
            window: *self,
            passes,
            pattern,
            disk,
        });
        sums.information[3][3] += known.weight;
        sums.slope[3] += known.weight * (known.level - disk.level);
        sums
    }

    /// At most `most` steps of Fisher scoring, until one is shorter than `enough` standard errors; `None` where the pixels do not
    /// determine the disk, or it fades.
    pub fn improve(
        &self,
        passes: &mut Passes,
        pattern: Pattern<'_>,
        mut disk: Disk,
        known: Known,
        (most, enough): (usize, f64),
    ) -> Option<Step> {
        let mut step = None;
        for _ in 0..most {
            let sums = self.sums(passes, pattern, disk, known);
            let [dy, dx, height, level] = cholesky(sums.information, sums.slope)?;
            let far = (dy * dy + dx * dx).sqrt();
            let part = if far > MAX { MAX / far } else { 1.0 };
            disk.y += part * dy;
            disk.x += part * dx;
            disk.height += height;
            disk.level = (disk.level + level).max(0.02 * known.level);
            if disk.height.is_nan() || disk.height <= 0.0 {
                return None;
            }
            let moved = part * far;
            let sharper = sums.information[0][0].max(sums.information[1][1]);
            let settled = moved * moved * sharper < enough * enough;
            step = Some(Step {
                disk,
                information: sums.information,
                settled,
            });
            if settled {
                break;
            }
        }
        step
    }

    /// By how many standard deviations the counts speak for the disk over background alone (the square root of twice
    /// the gain in log-likelihood), and the mean square of what is left over in units of its variance.
    pub fn evidence(
        &self,
        passes: &mut Passes,
        pattern: Pattern<'_>,
        disk: Disk,
        known: Known,
    ) -> Evidence {
        vectorised(Judge {
            window: *self,
            passes,
            pattern: Some(pattern),
            disk,
            known,
        })
    }

    /// The same right after [`Window::improve`] of a disk that it left settled: its share of the pixels is that of the last step.
    pub(super) fn evidence_of_settled(
        &self,
        passes: &mut Passes,
        disk: Disk,
        known: Known,
    ) -> Evidence {
        vectorised(Judge {
            window: *self,
            passes,
            pattern: None,
            disk,
            known,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    pub deviations: f64,
    /// Reduced χ²: 1 where the model holds.
    pub misfit: f64,
    /// Pixels that counted.
    pub pixels: f64,
}

struct Judge<'a> {
    window: Window<'a>,
    passes: &'a mut Passes,
    /// `None` where the passes are those of the disk.
    pattern: Option<Pattern<'a>>,
    disk: Disk,
    known: Known,
}

/// Steps for the level of a background without a disk: it is one number and nearly known.
const LEVEL_STEPS: usize = 2;

impl Judge<'_> {
    /// The level without the disk.
    #[inline(always)]
    fn level_alone(&self) -> f64 {
        let window = self.window;
        // As much as there is over what others have.
        let mut level = self.known.level;
        for _ in 0..LEVEL_STEPS {
            let (mut slope, mut information) = ([0.0f32; LANES], [0.0f32; LANES]);
            let pixels = (window.counts.chunks_exact(LANES))
                .zip(window.ground.chunks_exact(LANES))
                .zip(window.others.chunks_exact(LANES))
                .zip(window.valid.chunks_exact(LANES));
            for (((counts, ground), others), valid) in pixels {
                for n in 0..LANES {
                    let expected = level as f32 * ground[n] + others[n];
                    let expected = if expected > FAINTEST {
                        expected
                    } else {
                        FAINTEST
                    };
                    let along = valid[n] * ground[n] / expected;
                    slope[n] += along * (counts[n] - expected);
                    information[n] += along * ground[n];
                }
            }
            let slope = f64::from(total(&slope)) + self.known.weight * (self.known.level - level);
            let information = f64::from(total(&information)) + self.known.weight;
            level = (level + slope / information).max(0.02 * self.known.level);
        }
        level
    }
}

impl Vectorised for Judge<'_> {
    type Result = Evidence;

    #[inline(always)]
    fn run(self) -> Evidence {
        let alone = self.level_alone();
        let Judge {
            window,
            passes,
            pattern,
            disk,
            known,
        } = self;
        match pattern {
            Some(pattern @ Pattern::Disk(_)) => pattern.slopes(window, disk, passes),
            Some(pattern @ Pattern::Probe(_)) => {
                let places = (window.y, window.x);
                pattern.shares(places, window.runs, disk, &mut passes.share);
            }
            None => {}
        }
        let (height, level) = (disk.height as f32, disk.level as f32);
        let (mut gain, mut square, mut pixels) =
            ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
        let all = (passes.share.chunks_exact(LANES))
            .zip(window.counts.chunks_exact(LANES))
            .zip(window.ground.chunks_exact(LANES))
            .zip(window.others.chunks_exact(LANES))
            .zip(window.valid.chunks_exact(LANES));
        for ((((share, counts), ground), others), valid) in all {
            for n in 0..LANES {
                let with = height * share[n] + level * ground[n] + others[n];
                let with = if with > FAINTEST { with } else { FAINTEST };
                let without = alone as f32 * ground[n] + others[n];
                let without = if without > FAINTEST {
                    without
                } else {
                    FAINTEST
                };
                // One division for both.
                let both = 1.0 / (with * without);
                let ratio = with * with * both;
                gain[n] += valid[n] * (counts[n] * ln(ratio) - (with - without));
                let rest = counts[n] - with;
                square[n] += valid[n] * rest * rest * (without * both);
                pixels[n] += valid[n];
            }
        }
        let known_gain = 0.5
            * known.weight
            * ((alone - known.level).powi(2) - (disk.level - known.level).powi(2));
        let gain = f64::from(total(&gain)) + known_gain;
        let pixels = f64::from(total(&pixels));
        Evidence {
            deviations: (2.0 * gain.max(0.0)).sqrt(),
            misfit: f64::from(total(&square)) / (pixels - 4.0).max(1.0),
            pixels,
        }
    }
}

/// Solves a symmetric positive system; `None` where it has no one solution.
pub fn cholesky<const N: usize>(a: [[f64; N]; N], b: [f64; N]) -> Option<[f64; N]> {
    Some(Factors::of(a)?.solve(b))
}

/// A symmetric positive matrix as `L D Lᵀ`.
pub(super) struct Factors<const N: usize> {
    /// Below the diagonal, where there are ones.
    lower: [[f64; N]; N],
    per_diagonal: [f64; N],
}

impl<const N: usize> Factors<N> {
    #[inline(always)]
    pub(super) fn of(mut a: [[f64; N]; N]) -> Option<Self> {
        let mut per_diagonal = [0.0; N];
        for j in 0..N {
            let scale = a[j][j];
            let mut weighed = [0.0; N];
            weighed[..j].copy_from_slice(&a[j][..j]);
            for k in 0..j {
                a[j][k] *= per_diagonal[k];
                a[j][j] -= weighed[k] * a[j][k];
            }
            if a[j][j].is_nan() || a[j][j] <= 1e-7 * scale {
                return None;
            }
            per_diagonal[j] = 1.0 / a[j][j];
            for i in j + 1..N {
                for k in 0..j {
                    a[i][j] -= a[i][k] * a[j][k];
                }
            }
        }
        Some(Factors {
            lower: a,
            per_diagonal,
        })
    }

    #[inline(always)]
    pub(super) fn solve(&self, mut b: [f64; N]) -> [f64; N] {
        for i in 0..N {
            for k in 0..i {
                b[i] -= self.lower[i][k] * b[k];
            }
        }
        for i in (0..N).rev() {
            b[i] *= self.per_diagonal[i];
            for k in i + 1..N {
                b[i] -= self.lower[k][i] * b[k];
            }
        }
        b
    }
}
