//! Radius and edge of all disks, from what is left over around each.

use signal::simd::{Vectorised, vectorised};

use super::fit::{Disk, Evidence, FAINTEST, Known, Window, cholesky};
use super::lanes::{LANES, total};
use super::probe::ProbeSums;
use super::search::{Candidate, Search};
use super::shape::Shape;
use super::sweep::OVERLAP;

/// Standard deviations from which on a disk tells the shape of all.
const SHAPELY: f64 = 8.0;
/// Weight of a disk that may not be whole or not one.
const DOUBTFUL: f64 = 0.01;

/// Normal equations of radius and edge over all disks, every disk's own numbers eliminated.
#[derive(Clone, Debug, Default)]
pub struct ShapeSums {
    pub information: [[f64; 2]; 2],
    pub slope: [f64; 2],
    /// Variance of the slope: information with the square of each disk's trust.
    pub scatter: [[f64; 2]; 2],
    pub disks: usize,
    /// Largest height.
    pub brightest: f64,
    pub misfit: f64,
    /// Of the background under each disk, how far it is from the frame's, as a share, and the error of that.
    pub levels: Vec<[f64; 2]>,
    /// When the disks have a pattern, what is left over of it.
    pub probe: Option<ProbeSums>,
}

impl ShapeSums {
    /// Standard errors of radius and edge in px, as far as counts make them; how far disks are trusted does not make them larger.
    pub(super) fn errors(&self) -> [f64; 2] {
        [0, 1].map(|n| {
            let mut unit = [0.0; 2];
            unit[n] = 1.0;
            cholesky(self.information, unit).map_or(f64::NAN, |inverse| {
                let [[a, b], [_, d]] = self.scatter;
                let [u, v] = inverse;
                (u * u * a + 2.0 * u * v * b + v * v * d).sqrt()
            })
        })
    }

    pub(super) fn merge(&mut self, other: ShapeSums) {
        for i in 0..2 {
            for j in 0..2 {
                self.information[i][j] += other.information[i][j];
                self.scatter[i][j] += other.scatter[i][j];
            }
            self.slope[i] += other.slope[i];
        }
        self.disks += other.disks;
        self.brightest = self.brightest.max(other.brightest);
        self.misfit += other.misfit;
        self.levels.extend(other.levels);
        match (&mut self.probe, &other.probe) {
            (Some(sums), Some(other)) => sums.merge(other),
            (None, Some(_)) => self.probe = other.probe,
            _ => {}
        }
    }
}

impl Search<'_> {
    /// Gauss-Newton equations of radius and edge; row, column, height and level of every disk are eliminated by the Schur
    /// complement.
    pub(super) fn shape_sums(&mut self, sums: &mut ShapeSums) {
        let known = self.known(self.model.level_share);
        let pattern = self.model.pattern();
        let mut passes = std::mem::take(&mut self.scratch.passes);
        for n in 0..self.scratch.candidates.len() {
            let Candidate {
                slot,
                row,
                column,
                disk,
                ..
            } = self.scratch.candidates[n];
            self.others(slot, (row, column));
            let window = self.window(slot);
            let evidence = window.evidence(&mut passes, pattern, disk, known);
            if evidence.deviations < SHAPELY {
                continue;
            }
            let trust = self.trust(n, &evidence);
            let own = match &self.model.probe {
                Some(probe) => {
                    let of_probe = sums.probe.get_or_insert_with(|| ProbeSums::new(probe));
                    of_probe.add(&window, &passes.share, disk, trust);
                    let own = window.sums(&mut passes, pattern, disk, known).information;
                    of_probe.add_place(0.5 * (own[0][0] + own[1][1]), trust);
                    own
                }
                None => match sums.add(window, self.model.shape, disk, known, trust) {
                    Some(own) => own,
                    None => continue,
                },
            };
            if let Some(inverse) = cholesky(own, [0.0, 0.0, 0.0, 1.0]) {
                let amplitude = self.scratch.amplitude;
                let off = disk.level / amplitude - 1.0;
                sums.levels
                    .push([off, inverse[3].max(0.0).sqrt() / amplitude]);
            }
            sums.disks += 1;
            sums.misfit += evidence.misfit;
            sums.brightest = sums.brightest.max(disk.height);
        }
        self.scratch.passes = passes;
    }

    /// How much a disk says of the shape of all.
    pub(super) fn trust(&self, n: usize, evidence: &Evidence) -> f64 {
        let radius = f64::from(self.model.shape.radius);
        let candidates = &self.scratch.candidates;
        let [y, x] = candidates[n].at();
        let away = |[oy, ox]: [f64; 2]| (y - oy).hypot(x - ox);
        let whole = evidence.pixels >= self.model.around.whole;
        // Nor is the background under the direct beam known.
        let of_beam = away(self.scratch.centre) < radius;
        // What overlaps with something brighter may be the misfit of that.
        let overlaps = (candidates.iter().enumerate()).any(|(other, candidate)| {
            let near = away(candidate.at()) < OVERLAP * radius;
            other != n && near && candidate.disk.height > candidates[n].disk.height
        });
        let trust = if overlaps || of_beam || !whole {
            DOUBTFUL
        } else {
            1.0
        };
        trust / evidence.misfit.max(1.0).powi(2)
    }
}

impl ShapeSums {
    /// Adds the equations of radius and edge of one disk; gives those of its own numbers.
    fn add(
        &mut self,
        window: Window<'_>,
        shape: Shape,
        disk: Disk,
        known: Known,
        trust: f64,
    ) -> Option<[[f64; 4]; 4]> {
        let (mut matrix, mut slope, bend) = vectorised(Normal {
            window,
            shape,
            disk,
        });
        matrix[3][3] += known.weight;
        slope[3] += known.weight * (known.level - disk.level);
        let own: [[f64; 4]; 4] = std::array::from_fn(|i| std::array::from_fn(|j| matrix[i][j]));
        let of_own = |right: [f64; 4]| cholesky(own, right);
        let columns = [4, 5].map(|j| of_own(std::array::from_fn(|i| matrix[i][j])));
        let (first, second) = (columns[0]?, columns[1]?);
        let rest = of_own(std::array::from_fn(|i| slope[i]))?;
        // That each disk's place is fitted too makes the edge look sharper than it is, the more so the weaker the disk is: by the
        // expected slope at the true shape, to the first order in the variance of the place.
        let variance = 2.0 / (own[0][0] + own[1][1]);
        let too_sharp = [(first, bend[4]), (second, bend[5])].map(|(own_change, along)| {
            let of_own: f64 = (0..4).map(|k| own_change[k] * bend[k]).sum();
            -0.5 * variance * (along - of_own)
        });
        for (i, row) in [4, 5].into_iter().enumerate() {
            let dot = |other: &[f64; 4]| (0..4).map(|k| matrix[row][k] * other[k]).sum::<f64>();
            let own = [matrix[row][4] - dot(&first), matrix[row][5] - dot(&second)];
            for (j, own) in own.into_iter().enumerate() {
                self.information[i][j] += trust * own;
                self.scatter[i][j] += trust * trust * own;
            }
            self.slope[i] += trust * (slope[row] - dot(&rest) - too_sharp[i]);
        }
        Some(own)
    }
}

/// Normal equations of one disk: row, column, height, level, radius and edge.
struct Normal<'a> {
    window: Window<'a>,
    shape: Shape,
    disk: Disk,
}

impl Vectorised for Normal<'_> {
    /// Information, slopes, and sums of the same along the Laplacian of the disk.
    type Result = ([[f64; 6]; 6], [f64; 6], [f64; 6]);

    #[inline(always)]
    fn run(self) -> Self::Result {
        let Normal {
            window,
            shape,
            disk,
        } = self;
        let (y0, x0) = (disk.y as f32, disk.x as f32);
        let (height, level) = (disk.height as f32, disk.level as f32);
        let mut upper = [[0.0f32; LANES]; 21];
        let mut slope = [[0.0f32; LANES]; 6];
        let mut bend = [[0.0f32; LANES]; 6];
        let all = (window.y.chunks_exact(LANES))
            .zip(window.x.chunks_exact(LANES))
            .zip(window.counts.chunks_exact(LANES))
            .zip(window.ground.chunks_exact(LANES))
            .zip(window.others.chunks_exact(LANES))
            .zip(window.valid.chunks_exact(LANES));
        for (((((y, x), counts), ground), others), valid) in all {
            for n in 0..LANES {
                let (dy, dx) = (y[n] - y0, x[n] - x0);
                let cover = shape.at(dy, dx);
                let expected = height * cover.share + level * ground[n] + others[n];
                let expected = if expected > FAINTEST {
                    expected
                } else {
                    FAINTEST
                };
                let along = height * cover.slope;
                let across = along * cover.nearness;
                let outward = (cover.distance - shape.radius) * (1.0 / shape.edge);
                let all = [
                    across * dy,
                    across * dx,
                    cover.share,
                    ground[n],
                    along,
                    along * outward,
                ];
                let weight = valid[n] / expected;
                let rest = counts[n] - expected;
                let laplacian =
                    along * ((1.0 - 2.0 * cover.share) * (1.0 / shape.edge) - cover.nearness);
                let mut at = 0;
                for i in 0..6 {
                    let weighed = weight * all[i];
                    for other in &all[i..] {
                        upper[at][n] += weighed * other;
                        at += 1;
                    }
                    slope[i][n] += weighed * rest;
                    bend[i][n] += weighed * laplacian;
                }
            }
        }
        let mut matrix = [[0.0; 6]; 6];
        let places = (0..6).flat_map(|i| (i..6).map(move |j| (i, j)));
        for ((i, j), lanes) in places.zip(&upper) {
            matrix[i][j] = f64::from(total(lanes));
            matrix[j][i] = matrix[i][j];
        }
        let sums = |lanes: [[f32; LANES]; 6]| lanes.map(|lanes| f64::from(total(&lanes)));
        (matrix, sums(slope), sums(bend))
    }
}
