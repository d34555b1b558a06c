//! Scans of many kinds made from a formula, with the truth and the least error that is possible beside them.

use super::fit::cholesky;
use super::model::{Beyond, Scan};
use super::*;

/// Random numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            let z = self.normal();
            return (mean + mean.sqrt() * z + (z * z - 1.0) / 6.0 + 0.5)
                .floor()
                .max(0.0);
        }
        let mut left = self.uniform();
        let mut chance = (-mean).exp();
        let mut count = 0.0;
        while left > chance && count < 400.0 {
            left -= chance;
            count += 1.0;
            chance *= mean / count;
        }
        count
    }
}

/// A kind of scan.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    pub rows: usize,
    pub columns: usize,
    pub radius: f64,
    pub edge: f64,
    /// Counts per pixel of the brightest Bragg disk, of the direct beam, and of the diffuse background in the middle.
    pub bragg: f64,
    pub beam: f64,
    pub diffuse: f64,
    /// Rings in the background: counts, and distance and width as shares of the frame.
    pub rings: [[f64; 3]; 2],
    /// Counts per px by which the background grows downwards and to the right, from nothing where it is darkest.
    pub slope: [f64; 2],
    /// Reciprocal vectors in px.
    pub vectors: [[f64; 2]; 2],
    /// Variance in counts² that the readout adds to every pixel, of which the bound knows and the frames do not.
    pub readout: f64,
    /// How far the beam wanders, in px.
    pub wander: f64,
    /// What is inside a disk, by the radius and the place from its middle; 1 where it is flat.
    pub inside: fn(f64, f64, f64) -> f64,
}

/// Rings, as of a probe-forming aperture with some.
pub fn bullseye(radius: f64, dy: f64, dx: f64) -> f64 {
    let turns = 2.0 * dy.hypot(dx) / radius;
    0.15 + 0.85 / (1.0 + (-3.0 * (std::f64::consts::TAU * turns + 1.57).sin()).exp())
}

/// Two bars, one wider than the other.
pub fn cross(radius: f64, dy: f64, dx: f64) -> f64 {
    let bar = |away: f64, half: f64| 1.0 / (1.0 + ((away.abs() - half * radius) / 0.4).exp());
    1.0 - 0.85 * bar(dy, 0.15).max(bar(dx, 0.25))
}

pub const SQUARE: [[f64; 2]; 2] = [[1.9, 20.6], [20.1, -2.6]];
pub const HEXAGONAL: [[f64; 2]; 2] = [[3.1, 26.2], [24.2, 10.4]];
pub const CLOSE: [[f64; 2]; 2] = [[2.0, 23.0], [21.0, -10.0]];

impl Default for Family {
    fn default() -> Self {
        Family {
            name: "d25",
            rows: 128,
            columns: 128,
            radius: 5.76,
            edge: 0.756,
            bragg: 25.0,
            beam: 100.0,
            diffuse: 6.0,
            rings: [[0.0, 0.3, 0.035]; 2],
            slope: [0.0; 2],
            vectors: SQUARE,
            readout: 0.0,
            wander: 2.5,
            inside: |_, _, _| 1.0,
        }
    }
}

pub struct Truth {
    /// Row, column, height.
    pub disks: Vec<[f64; 3]>,
    /// Bound of row and column of each (standard deviations), by a free constant under it.
    pub bounds: Vec<[f64; 2]>,
}

pub struct Frame {
    pub image: Image,
    pub truth: Truth,
}

impl Family {
    pub fn expected_background(&self, distance: f64) -> f64 {
        let size = self.rows.min(self.columns) as f64;
        let rings = self.rings.iter().map(|[counts, at, width]| {
            counts * (-0.5 * ((distance / size - at) / width).powi(2)).exp()
        });
        self.diffuse
            * ((-distance / (0.16 * size)).exp() + 0.35 / (1.0 + (distance / (0.1 * size)).powi(2)))
            + rings.sum::<f64>()
    }

    /// Where the beam is in a frame.
    pub fn somewhere(&self, random: &mut Random) -> [f64; 2] {
        [self.rows, self.columns]
            .map(|size| 0.5 * size as f64 + self.wander * (2.0 * random.uniform() - 1.0))
    }

    /// Bragg disks as row, column, height, of the lattice that `matrix` makes of the family's.
    pub fn lattice(&self, centre: [f64; 2], matrix: [[f64; 2]; 2], thick: f64) -> Vec<[f64; 3]> {
        let mut disks = Vec::new();
        for h in -7i32..=7 {
            for k in -7i32..=7 {
                let [a, b] = self.vectors;
                let g = [0, 1].map(|n| f64::from(h) * a[n] + f64::from(k) * b[n]);
                let at = [0, 1].map(|n| centre[n] + g[0] * matrix[n][0] + g[1] * matrix[n][1]);
                let length = g[0].hypot(g[1]);
                let height = self.bragg
                    * thick
                    * (-(length / (0.5 * self.rows as f64)).powi(2)).exp()
                    * (0.4 + 0.6 * f64::from((h * 31 + k * 17).rem_euclid(7)) / 6.0);
                if (h, k) != (0, 0) && height > 0.12 * self.bragg {
                    disks.push([at[0], at[1], height]);
                }
            }
        }
        disks
    }

    /// What a disk of height 1 is at a place from its middle.
    pub fn share(&self, dy: f64, dx: f64) -> f64 {
        let shape = Shape {
            radius: self.radius as f32,
            edge: self.edge as f32,
        };
        f64::from(shape.at(dy as f32, dx as f32).share) * (self.inside)(self.radius, dy, dx)
    }

    /// Expected counts of a frame.
    pub fn expected(&self, centre: [f64; 2], disks: &[[f64; 3]]) -> Vec<f64> {
        let mut expected = Vec::with_capacity(self.rows * self.columns);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let away = (row as f64 - centre[0]).hypot(column as f64 - centre[1]);
                let more = [(row, self.rows), (column, self.columns)];
                let more = more.iter().zip(self.slope).map(|((at, size), slope)| {
                    slope * *at as f64 + (-slope * (*size as f64 - 1.0)).max(0.0)
                });
                expected.push(self.expected_background(away) + more.sum::<f64>());
            }
        }
        let reach = self.radius + 12.0 * self.edge;
        for [y, x, height] in disks {
            self.near(*y, *x, reach, |at, dy, dx| {
                expected[at] += height * self.share(dy, dx);
            });
        }
        expected
    }

    pub fn frame(&self, seed: u64, margin: usize) -> Frame {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(7));
        let centre = self.somewhere(&mut random);
        let strain: Vec<f64> = (0..4).map(|_| 0.02 * random.normal()).collect();
        let thick = 0.5 + 0.5 * random.uniform();
        let matrix = [[1.0 + strain[0], strain[1]], [strain[3], 1.0 + strain[2]]];
        let mut disks = vec![[centre[0], centre[1], self.beam]];
        disks.extend(self.lattice(centre, matrix, thick));
        let expected = self.expected(centre, &disks);
        let share = |dy: f64, dx: f64| self.share(dy, dx);
        let bounds = disks
            .iter()
            .map(|[y, x, height]| {
                let mut information = [[0.0; 4]; 4];
                self.near(*y, *x, self.radius + 4.0, |at, dy, dx| {
                    const STEP: f64 = 0.01;
                    let down = share(dy - STEP, dx) - share(dy + STEP, dx);
                    let across = share(dy, dx - STEP) - share(dy, dx + STEP);
                    let slope = 0.5 * height / STEP;
                    let along = [slope * down, slope * across, share(dy, dx), 1.0];
                    for i in 0..4 {
                        for j in 0..4 {
                            let variance = (expected[at] + self.readout).max(1e-6);
                            information[i][j] += along[i] * along[j] / variance;
                        }
                    }
                });
                [0, 1].map(|n| {
                    let mut unit = [0.0; 4];
                    unit[n] = 1.0;
                    cholesky(information, unit).map_or(f64::NAN, |inverse| inverse[n].sqrt())
                })
            })
            .collect();
        let mut image = Image::default();
        let counts: Vec<f32> = expected
            .iter()
            .map(|mean| random.poisson(*mean) as f32)
            .collect();
        image.fill((self.rows, self.columns), margin, &counts, 0.0);
        Frame {
            image,
            truth: Truth { disks, bounds },
        }
    }

    /// Pixels within `reach`, with their place against the point.
    pub fn near(&self, y: f64, x: f64, reach: f64, mut each: impl FnMut(usize, f64, f64)) {
        for row in 0..self.rows {
            let dy = row as f64 - y;
            if dy.abs() > reach {
                continue;
            }
            for column in 0..self.columns {
                let dx = column as f64 - x;
                if dy * dy + dx * dx <= reach * reach {
                    each(row * self.columns + column, dy, dx);
                }
            }
        }
    }

    pub fn true_model(&self, threshold: f64) -> Model {
        let far = self.rows.max(self.columns);
        let profile = (0..far + 40)
            .map(|r| self.expected_background(r as f64) as f32)
            .collect();
        let scan = Scan {
            rows: self.rows,
            columns: self.columns,
            shape: Shape {
                radius: self.radius as f32,
                edge: self.edge as f32,
            },
            probe: None,
            profile,
            slope: None,
            centre: [self.rows, self.columns].map(|size| 0.5 * size as f64),
            wander: self.wander + 2.0,
            beam_is_seen: true,
            darker: 1.0,
            level_share: 0.5,
            frame_share: 5.0,
            brightest: self.beam,
            beyond: Beyond::Edge,
        };
        Model::new(scan, threshold)
    }
}

/// What was found against what is there.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub whole: f64,
    pub found: f64,
    pub peaks: f64,
    pub false_peaks: f64,
    pub square: f64,
    pub bound: f64,
    /// Of errors in row and column, those within the standard error.
    pub within: f64,
    pub misfit: f64,
}

impl Score {
    pub fn add(&mut self, family: &Family, truth: &Truth, found: &[Found]) {
        let radius = family.radius;
        let tolerance = (0.4 * radius).max(2.0);
        let distance = |disk: &[f64; 3], peak: &Found| (disk[0] - peak.y).hypot(disk[1] - peak.x);
        for (disk, bound) in truth.disks.iter().zip(&truth.bounds) {
            let inside = |at: f64, size: usize| at > radius && at < size as f64 - 1.0 - radius;
            if !(inside(disk[0], family.rows) && inside(disk[1], family.columns)) {
                continue;
            }
            self.whole += 1.0;
            let nearest = found
                .iter()
                .min_by(|a, b| distance(disk, a).total_cmp(&distance(disk, b)));
            if let Some(peak) = nearest.filter(|peak| distance(disk, peak) < tolerance) {
                self.found += 1.0;
                self.square += distance(disk, peak).powi(2);
                self.bound += bound[0].powi(2) + bound[1].powi(2);
                self.within += f64::from(u8::from((disk[0] - peak.y).abs() < peak.y_error));
                self.within += f64::from(u8::from((disk[1] - peak.x).abs() < peak.x_error));
                self.misfit += peak.evidence.misfit;
            }
        }
        self.peaks += found.len() as f64;
        self.false_peaks += found
            .iter()
            .filter(|peak| {
                truth
                    .disks
                    .iter()
                    .all(|disk| distance(disk, peak) >= tolerance)
            })
            .count() as f64;
    }

    pub fn recall(&self) -> f64 {
        self.found / self.whole
    }

    pub fn precision(&self) -> f64 {
        1.0 - self.false_peaks / self.peaks.max(1.0)
    }

    /// Root mean square error over the bound.
    pub fn ratio(&self) -> f64 {
        (self.square / self.bound).sqrt()
    }

    /// Share of errors within the standard error.
    pub fn covered(&self) -> f64 {
        0.5 * self.within / self.found
    }
}

pub fn families() -> Vec<Family> {
    let d25 = Family::default();
    let close = |share: f64| SQUARE.map(|vector| vector.map(|v| share * v));
    vec![
        d25,
        Family {
            name: "d8",
            bragg: 8.0,
            beam: 32.0,
            diffuse: 3.0,
            ..d25
        },
        Family {
            name: "d100",
            bragg: 100.0,
            beam: 400.0,
            diffuse: 20.0,
            ..d25
        },
        Family {
            name: "r3",
            bragg: 60.0,
            beam: 240.0,
            radius: 3.2,
            edge: 0.7,
            ..d25
        },
        Family {
            name: "r9",
            radius: 8.0,
            edge: 0.76,
            ..d25
        },
        Family {
            name: "hexagonal",
            vectors: HEXAGONAL,
            radius: 7.1,
            edge: 0.5,
            ..d25
        },
        Family {
            name: "sharp",
            edge: 0.25,
            ..d25
        },
        Family {
            name: "soft",
            edge: 1.3,
            ..d25
        },
        Family {
            name: "wide",
            rows: 96,
            columns: 160,
            ..d25
        },
        Family {
            name: "no background",
            diffuse: 0.02,
            bragg: 10.0,
            ..d25
        },
        Family {
            name: "bright",
            bragg: 2000.0,
            beam: 9000.0,
            diffuse: 50.0,
            ..d25
        },
        Family {
            name: "small",
            vectors: close(0.6),
            radius: 2.1,
            edge: 0.5,
            bragg: 60.0,
            ..d25
        },
    ]
}
