//! Scans of many kinds made from a formula, with the truth and the least error that is possible beside them.

use super::fit::cholesky;
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
            return (mean + mean.sqrt() * z + (z * z - 1.0) / 6.0 + 0.5).floor().max(0.0);
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
    /// Reciprocal vectors in px.
    pub vectors: [[f64; 2]; 2],
    /// How far the beam wanders, in px.
    pub wander: f64,
}

pub const SQUARE: [[f64; 2]; 2] = [[1.9, 20.6], [20.1, -2.6]];
pub const HEXAGONAL: [[f64; 2]; 2] = [[3.1, 26.2], [24.2, 10.4]];

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
            vectors: SQUARE,
            wander: 2.5,
        }
    }
}

pub struct Truth {
    pub centre: [f64; 2],
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
        self.diffuse
            * ((-distance / (0.16 * size)).exp() + 0.35 / (1.0 + (distance / (0.1 * size)).powi(2)))
    }

    pub fn frame(&self, seed: u64, margin: usize) -> Frame {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(7));
        let centre = [self.rows, self.columns]
            .map(|size| 0.5 * size as f64 + self.wander * (2.0 * random.uniform() - 1.0));
        let strain: Vec<f64> = (0..4).map(|_| 0.02 * random.normal()).collect();
        let thick = 0.5 + 0.5 * random.uniform();
        let mut disks = vec![[centre[0], centre[1], self.beam]];
        for h in -7i32..=7 {
            for k in -7i32..=7 {
                let [a, b] = self.vectors;
                let g = [0, 1].map(|n| f64::from(h) * a[n] + f64::from(k) * b[n]);
                let at = [
                    centre[0] + g[0] * (1.0 + strain[0]) + g[1] * strain[1],
                    centre[1] + g[1] * (1.0 + strain[2]) + g[0] * strain[3],
                ];
                let length = g[0].hypot(g[1]);
                let height = self.bragg * thick * (-(length / (0.5 * self.rows as f64)).powi(2)).exp()
                    * (0.4 + 0.6 * f64::from((h * 31 + k * 17).rem_euclid(7)) / 6.0);
                if (h, k) != (0, 0) && height > 0.12 * self.bragg {
                    disks.push([at[0], at[1], height]);
                }
            }
        }
        let shape = Shape {
            radius: self.radius as f32,
            edge: self.edge as f32,
        };
        let mut expected = Vec::with_capacity(self.rows * self.columns);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let away = (row as f64 - centre[0]).hypot(column as f64 - centre[1]);
                expected.push(self.expected_background(away));
            }
        }
        let reach = self.radius + 12.0 * self.edge;
        for [y, x, height] in &disks {
            self.near(*y, *x, reach, |at, dy, dx| {
                expected[at] += height * f64::from(shape.at(dy as f32, dx as f32).share);
            });
        }
        let bounds = disks
            .iter()
            .map(|[y, x, height]| {
                let mut information = [[0.0; 4]; 4];
                self.near(*y, *x, self.radius + 4.0, |at, dy, dx| {
                    let cover = shape.at(dy as f32, dx as f32);
                    let slope = height * f64::from(cover.slope) / f64::from(cover.distance);
                    let along = [slope * dy, slope * dx, f64::from(cover.share), 1.0];
                    for i in 0..4 {
                        for j in 0..4 {
                            information[i][j] += along[i] * along[j] / expected[at].max(1e-6);
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
        let counts: Vec<f32> = expected.iter().map(|mean| random.poisson(*mean) as f32).collect();
        image.fill((self.rows, self.columns), margin, &counts, 0.0);
        Frame {
            image,
            truth: Truth {
                centre,
                disks,
                bounds,
            },
        }
    }

    /// Pixels within `reach`, with their place against the point.
    fn near(&self, y: f64, x: f64, reach: f64, mut each: impl FnMut(usize, f64, f64)) {
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
        let profile = (0..far + 40).map(|r| self.expected_background(r as f64) as f32).collect();
        let shape = Shape {
            radius: self.radius as f32,
            edge: self.edge as f32,
        };
        let centre = [self.rows, self.columns].map(|size| 0.5 * size as f64);
        Model::new(shape, profile, (self.rows, self.columns), centre, self.wander + 2.0, threshold, self.beam)
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
            let nearest = found.iter().min_by(|a, b| distance(disk, a).total_cmp(&distance(disk, b)));
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
            .filter(|peak| truth.disks.iter().all(|disk| distance(disk, peak) >= tolerance))
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
        Family { name: "d8", bragg: 8.0, beam: 32.0, diffuse: 3.0, ..d25 },
        Family { name: "d100", bragg: 100.0, beam: 400.0, diffuse: 20.0, ..d25 },
        Family { name: "r3", bragg: 60.0, beam: 240.0, radius: 3.2, edge: 0.7, ..d25 },
        Family { name: "r9", radius: 9.0, edge: 0.9, ..d25 },
        Family { name: "hexagonal", vectors: HEXAGONAL, radius: 7.1, edge: 0.5, ..d25 },
        Family { name: "sharp", edge: 0.25, ..d25 },
        Family { name: "soft", edge: 1.3, ..d25 },
        Family { name: "wide", rows: 96, columns: 160, ..d25 },
        Family { name: "no background", diffuse: 0.02, bragg: 10.0, ..d25 },
        Family { name: "bright", bragg: 2000.0, beam: 9000.0, diffuse: 50.0, ..d25 },
        Family { name: "small", vectors: close(0.6), radius: 2.1, edge: 0.5, bragg: 60.0, ..d25 },
    ]
}

#[test]
fn positions_are_at_the_bound_with_the_true_model() {
    for family in families() {
        let mut model = family.true_model(4.0);
        let mut scratch = Scratch::default();
        let mut score = Score::default();
        let frames: Vec<Frame> = (0..60).map(|n| family.frame(1000 + n, model.margin())).collect();
        let mut first: Vec<f64> = frames[..20].iter().map(|f| { model.find(&f.image, &mut scratch); scratch.first_amplitude }).collect();
        first.sort_by(f64::total_cmp);
        model.darker = 1.0 / first[10];
        let start = std::time::Instant::now();
        let all: Vec<Vec<Found>> = frames.iter().map(|f| model.find(&f.image, &mut scratch)).collect();
        let time = start.elapsed().as_secs_f64() / frames.len() as f64;
        for (frame, found) in frames.iter().zip(&all) {
            score.add(&family, &frame.truth, found);
        }
        println!(
            "{:14} ratio {:.3} recall {:.4} precision {:.4} within {:.3} misfit {:.3} disks {:.0} time {:.0} us",
            family.name, score.ratio(), score.recall(), score.precision(), score.covered(),
            score.misfit / score.found, score.peaks / 60.0, 1e6 * time
        );
    }
}

#[test]
fn the_shape_is_measured() {
    for family in families() {
        let raw = |n: u64| {
            let frame = family.frame(n, 0);
            (frame.image.counts, frame.truth)
        };
        let frames: Vec<Vec<f32>> = (0..64).map(|n| raw(5000 + n).0).collect();
        for wrong in [None, Some(0.75), Some(1.25)] {
            let start = std::time::Instant::now();
            let given = Given { radius: wrong.map(|share| share * family.radius), ..Given::default() };
            let Some(prepared) = prepare(frames.clone(), (family.rows, family.columns), given) else { println!("{} {wrong:?} NOTHING", family.name); continue; };
            let time = start.elapsed().as_secs_f64();
            let model = &prepared.model;
            let mut scratch = Scratch::default();
            let mut score = Score::default();
            let mut took = 0.0;
            for n in 0..60 {
                let frame = family.frame(1000 + n, model.margin());
                let start = std::time::Instant::now();
                let found = model.find(&frame.image, &mut scratch);
                took += start.elapsed().as_secs_f64();
                score.add(&family, &frame.truth, &found);
            }
            let ground = |r: f64| f64::from(super::ground::at(&model.ground.profile, r as f32)) / family.expected_background(r);
            println!("{:14} {:?} misfit {:.3} R {:.3} ({:.2}) w {:.3} ({:.2}) B {:.2} {:.2} {:.2} darker {:.2} thr {:.2} wander {:.1} ratio {:.3} recall {:.4} precision {:.4} within {:.3} {:.0} us prep {:.2} s", family.name, wrong, prepared.misfit, model.shape.radius, family.radius, model.shape.edge, family.edge,
                ground(family.radius + 3.0), ground(25.0), ground(50.0), model.darker, model.threshold, model.wander, score.ratio(), score.recall(), score.precision(), score.covered(), 1e6 * took / 60.0, time);
        }
    }
}

fn cpu() -> f64 { std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9 }

#[test]
fn race() {
    let Ok(only) = std::env::var("RACE") else { return };
    for name in only.split(',') {
        let bytes = std::fs::read(format!("/tmp/peaksdata/{name}.f32")).unwrap();
        let all: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let truths: Vec<Truth> = std::fs::read_to_string(format!("/tmp/peaksdata/{name}.txt")).unwrap().lines().map(|line| {
            let (disks, _) = line.split_once(';').unwrap();
            let disks: Vec<[f64; 3]> = disks.split(' ').map(|d| { let v: Vec<f64> = d.split(',').map(|v| v.parse().unwrap()).collect(); [v[0], v[1], v[2]] }).collect();
            Truth { centre: [disks[0][0], disks[0][1]], bounds: vec![[1.0, 1.0]; disks.len()], disks }
        }).collect();
        let frames: Vec<&[f32]> = all.chunks_exact(128 * 128).collect();
        let some: Vec<Vec<f32>> = signal::Positions::Spread { most: 64, and: None }.of(&[32, 40]).iter().map(|at| frames[at.as_slice()[0] * 40 + at.as_slice()[1]].to_vec()).collect();
        let start = std::time::Instant::now();
        let prepared = prepare(some, (128, 128), Given { radius: std::env::var("R").ok().map(|r| r.parse().unwrap()), ..Given::default() }).unwrap();
        let m = &prepared.model;
        println!("{name} R {:.3} w {:.3} thr {:.2} darker {:.2} centre {:.1?} wander {:.1} prep {:.2}", m.shape.radius, m.shape.edge, m.threshold, m.darker, m.centre, m.wander, start.elapsed().as_secs_f64());
        let radius = if name == "r3" { 3.2 } else if name == "r9" { 8.96 } else { 5.76 };
        let family = Family { radius, ..Family::default() };
        let (mut image, mut scratch, mut score) = (Image::default(), Scratch::default(), Score::default());
        let start = cpu();
        let mut amps = Vec::new(); let mut flags = Vec::new(); println!("  gain {:.3} offset {:.3} dead {} hot {}", prepared.clean.gain, prepared.clean.offset, prepared.clean.dead.len(), prepared.clean.hot);
        let found: Vec<Vec<Found>> = frames.iter().map(|frame| { let mut v = frame.to_vec(); prepared.clean.apply(&mut v, &mut flags); image.fill((128, 128), m.margin(), &v, prepared.clean.most()); let f = m.find(&image, &mut scratch); amps.push([scratch.amplitude, scratch.first_amplitude * m.darker, scratch.centre[0], scratch.centre[1]]); f }).collect();
        if std::env::var("AMP").is_ok() {
            let text = std::fs::read_to_string(format!("/tmp/peaksdata/{name}.txt")).unwrap();
            for (n, line) in text.lines().enumerate().step_by(23) { let d: f64 = line.split_once(';').unwrap().1.parse().unwrap(); let c = truths[n].disks[18]; println!("   {n} diffuse {d:.3} amplitude {:.3} first {:.3} off centre {:.2} {:.2} found {}", amps[n][0] / d, amps[n][1] / d, amps[n][2] - c[0], amps[n][3] - c[1], found[n].len()); }
        }
        let time = (cpu() - start) / 1280.0;
        for (truth, found) in truths.iter().zip(&found) { score.add(&family, truth, found); }
        for u in [3.8, 4.0, 4.2, 4.4, 4.6, 4.8, 5.0, 5.5, 6.0] {
            let mut score = Score::default();
            for (truth, found) in truths.iter().zip(&found) {
                let kept: Vec<Found> = found.iter().filter(|p| p.evidence.deviations > u && p.y > radius - 1.0 && p.x > radius - 1.0 && p.y < 128.0 - radius && p.x < 128.0 - radius).copied().collect();
                score.add(&family, truth, &kept);
            }
            println!("    {u} rms {:.4} recall {:.4} precision {:.4}", (score.square / score.found).sqrt(), score.recall(), score.precision());
        }
        println!("  rms {:.4} recall {:.4} precision {:.4} within {:.3} misfit {:.3} {:.0} us", (score.square / score.found).sqrt(), score.recall(), score.precision(), score.covered(), score.misfit / score.found, 1e6 * time);
        if std::env::var("SHOW").is_ok() {
            let mut shown = 0;
            for (n, (truth, found)) in truths.iter().zip(&found).enumerate() {
                for p in found {
                    let near = truth.disks.iter().map(|d| ((p.y - d[0]).hypot(p.x - d[1]), d)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
                    if near.0 > (0.4 * radius).max(2.0) && shown < 40 { shown += 1; println!("   {n} false {:.1} {:.1} h {:.2} level {:.2} err {:.2} {:.2} {:?} nearest {near:.1?} centre {:.1?}", p.y, p.x, p.height, p.level, p.y_error, p.x_error, p.evidence, truth.centre); }
                }
            }
        }
    }
}
