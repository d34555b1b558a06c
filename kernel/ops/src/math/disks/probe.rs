//! The pattern inside all disks of a scan where they are not flat: measured, and at any place between the pixels.

use signal::HeapBytes;

use super::around::Run;
use super::extent::{NEARLY_ALL, OF_FLAT};
use super::fit::{Disk, Window};
use crate::math::Grid;
use crate::math::gaussian::Blur;

/// Nodes per px that a pattern is measured at; between them it is linear.
const PER_PIXEL: usize = 4;
/// How far outside its window a disk may be, in px.
const FURTHER: f64 = 4.0;
/// Standard deviations that a measured correction is smoothed with, in nodes, at least and at most: what repeated rounds do not
/// sharpen is noise.
const SMOOTH: [f64; 2] = [1.4, 3.5];
/// Patterns that are smoothed by less than this factor differently are the same.
const OTHER: f64 = 1.2;
/// Repeated rounds sharpen wave numbers up to this one over the standard deviation.
const SHARPENED: f64 = 2.2;
/// Share of what a disk tells of its place that may be slopes of the pattern's noise: they make errors look smaller than they are.
const OF_NOISE: f64 = 0.03;
/// Share of its brightest that is nothing.
const FAINT: f64 = 0.05;
/// Parts of a px that its circle is told to.
const FINE: usize = 8;
/// Standard deviations of what is perhaps, and of what is surely no noise, and how near the middles of their circles must be, in
/// radii.
const LIKELY: f64 = 2.0;
const SURELY: f64 = 3.0;
const AGREED: f64 = 0.12;
/// The pattern ends within this distance of its window's rim, in px.
const RIM: f64 = 1.0;

/// Values at nodes, 1 where a disk has its height.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// Distance in px beyond which there is nothing.
    pub(super) reach: f64,
    /// Standard deviation in nodes that its corrections were smoothed with.
    smoothed: f64,
    /// Pixels of a plane to each side of the middle.
    half: usize,
    /// Of the nodes that are whole pixels apart, for each place between pixels: values, and slopes by row and column per px.
    planes: Vec<[Vec<f32>; 3]>,
}

impl HeapBytes for Probe {
    fn heap_bytes(&self) -> usize {
        let numbers = self.planes.iter().flatten();
        numbers.map(HeapBytes::heap_bytes).sum()
    }
}

impl Probe {
    /// The pattern that is `value(row, column)` at a place from its middle, in px.
    pub fn new(reach: f64, value: impl Fn(f64, f64) -> f64) -> Self {
        let half = (reach + FURTHER).ceil() as usize;
        let side = (2 * half + 1) * PER_PIXEL;
        let at = |node: usize| node as f64 / PER_PIXEL as f64 - half as f64;
        let nodes = (0..side * side)
            .map(|n| value(at(n / side), at(n % side)))
            .collect();
        Self::from_nodes(reach, half, nodes, SMOOTH[0])
    }

    fn from_nodes(reach: f64, half: usize, nodes: Vec<f64>, smoothed: f64) -> Self {
        let pixels = 2 * half + 1;
        let side = pixels * PER_PIXEL;
        let slope = |at: usize, next: usize, place: usize| {
            let before = if place == 0 { at } else { at - next };
            let after = if place + 1 == side { at } else { at + next };
            0.5 * PER_PIXEL as f64 * (nodes[after] - nodes[before])
        };
        let plane = |phase: usize, of: &dyn Fn(usize, usize) -> f64| -> Vec<f32> {
            let (down, across) = (phase / PER_PIXEL, phase % PER_PIXEL);
            (0..pixels * pixels)
                .map(|n| {
                    let row = n / pixels * PER_PIXEL + down;
                    of(row, n % pixels * PER_PIXEL + across) as f32
                })
                .collect()
        };
        let planes = (0..PER_PIXEL * PER_PIXEL)
            .map(|phase| {
                [
                    plane(phase, &|row, column| nodes[row * side + column]),
                    plane(phase, &|row, column| slope(row * side + column, side, row)),
                    plane(phase, &|row, column| slope(row * side + column, 1, column)),
                ]
            })
            .collect();
        Probe {
            reach,
            smoothed,
            half,
            planes,
        }
    }

    /// Whether less smoothing would make it another one.
    pub(super) fn is_smooth(&self) -> bool {
        self.smoothed > OTHER * SMOOTH[0]
    }

    /// Numbers that it is free to take: of waves up to those that rounds sharpen, over its area.
    pub(super) fn freedom(&self) -> f64 {
        (0.5 * self.reach * SHARPENED * PER_PIXEL as f64 / self.smoothed).powi(2)
    }

    fn nodes(&self) -> Vec<f64> {
        let pixels = 2 * self.half + 1;
        let side = pixels * PER_PIXEL;
        (0..side * side)
            .map(|n| {
                let (row, column) = (n / side, n % side);
                let phase = row % PER_PIXEL * PER_PIXEL + column % PER_PIXEL;
                let at = row / PER_PIXEL * pixels + column / PER_PIXEL;
                f64::from(self.planes[phase][0][at])
            })
            .collect()
    }

    /// The value so many rows and columns from the middle.
    pub(super) fn at_pixel(&self, down: isize, across: isize) -> f32 {
        let half = self.half as isize;
        if down.abs() > half || across.abs() > half {
            return 0.0;
        }
        self.planes[0][0][((half + down) * (2 * half + 1) + half + across) as usize]
    }

    /// Middle and radius of the smallest circle that has nearly all of it, by flat disks of that share of the radius; nothing of it
    /// is further out than `end` px, where other disks may be. The middle is told only where a circle of what is surely no noise
    /// has it too.
    pub(super) fn circle(&self, end: f64) -> Option<(Option<[f64; 2]>, f64)> {
        let (middle, radius) = self.circle_above(LIKELY, end)?;
        let (surely, _) = self.circle_above(SURELY, end)?;
        let off = (middle[0] - surely[0]).hypot(middle[1] - surely[1]);
        Some(((off < AGREED * radius).then_some(middle), radius))
    }

    /// Of what is above so many standard deviations of the noise.
    fn circle_above(&self, deviations: f64, end: f64) -> Option<([f64; 2], f64)> {
        let rim = end.min(self.reach - RIM);
        let half = self.half as isize;
        let places = || (-half..=half).flat_map(|down| (-half..=half).map(move |x| (down, x)));
        let mut values: Vec<([f64; 2], f64)> = places()
            .map(|(down, across)| {
                let at = [down as f64, across as f64];
                (at, f64::from(self.at_pixel(down, across)))
            })
            .filter(|([y, x], _)| y.hypot(*x) <= rim + RIM)
            .collect();
        // Far out there is nothing but noise, over many pixels; inside, bright parts tell no more than dark ones.
        let most = values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let far = |at: [f64; 2]| rim - at[0].hypot(at[1]);
        let outside = || (values.iter()).filter(|(at, _)| (0.0..1.5).contains(&far(*at)));
        let squares: f64 = outside().map(|(_, value)| value * value).sum();
        let noise = (squares / outside().count().max(1) as f64).sqrt();
        let least = (FAINT * most).max(deviations * noise);
        values.retain(|(_, value)| *value > least);
        (values.iter_mut()).for_each(|(_, value)| *value = value.min(1.5 * least));
        let all: f64 = values.iter().map(|(_, value)| value).sum();
        let radius = |[y, x]: [f64; 2]| {
            let mut rings = vec![0.0; FINE * (2 * self.half + 1)];
            for ([row, column], value) in &values {
                let ring = FINE as f64 * (row - y).hypot(column - x);
                if let Some(ring) = rings.get_mut(ring as usize) {
                    *ring += value;
                }
            }
            let mut within = 0.0;
            let ring = rings.iter().position(|ring| {
                within += ring;
                within >= NEARLY_ALL * all
            })?;
            Some((ring as f64 + 0.5) / FINE as f64 / OF_FLAT)
        };
        let mut best = ([0.0; 2], radius([0.0; 2])?);
        for (step, reach) in [(1.0, 6), (0.25, 4)] {
            let [y, x] = best.0;
            for (down, across) in
                (-reach..=reach).flat_map(|n| (-reach..=reach).map(move |m| (n, m)))
            {
                let at = [y + step * f64::from(down), x + step * f64::from(across)];
                if let Some(radius) = radius(at).filter(|radius| *radius < best.1) {
                    best = (at, radius);
                }
            }
        }
        Some(best)
    }

    /// With another place as its middle.
    pub(super) fn about(&self, [y, x]: [f64; 2]) -> Probe {
        let nodes = self.nodes();
        let side = (2 * self.half + 1) * PER_PIXEL;
        let at = |node: isize, place: isize| match (0..side as isize).contains(&node)
            && (0..side as isize).contains(&place)
        {
            true => nodes[node as usize * side + place as usize],
            false => 0.0,
        };
        let moved = Probe::new(self.reach, |row, column| {
            let node = [row + y, column + x].map(|at| (at + self.half as f64) * PER_PIXEL as f64);
            let [down, across] = node.map(|node| node.floor() as isize);
            let [below, beside] = node.map(|node| node - node.floor());
            let above = (1.0 - beside) * at(down, across) + beside * at(down, across + 1);
            let under = (1.0 - beside) * at(down + 1, across) + beside * at(down + 1, across + 1);
            (1.0 - below) * above + below * under
        });
        Probe {
            smoothed: self.smoothed,
            ..moved
        }
    }

    /// Values, or values and slopes by row and column against the middle, at the pixels of runs around a disk at `place`.
    #[inline(always)]
    pub(super) fn fill<const N: usize>(
        &self,
        runs: &[Run],
        place: [f32; 2],
        out: &mut [&mut [f32]; N],
    ) {
        let pixels = 2 * self.half + 1;
        let middle = place.map(|place| (self.half as f32 - place) * PER_PIXEL as f32);
        let furthest = self.reach.ceil() as usize;
        let fits = |node: f32| {
            let pixel = (node / PER_PIXEL as f32) as usize;
            node >= 0.0 && pixel >= furthest && pixel + furthest + 2 < pixels
        };
        if !middle.iter().all(|node| fits(*node)) {
            out.iter_mut().for_each(|out| out.fill(0.0));
            return;
        }
        let [row, column] = middle.map(|node| node as usize);
        let [below, beside] = middle.map(|node| node - node.floor());
        // The same between two nodes for all pixels: these are whole numbers of nodes apart.
        let corner = |down: usize, across: usize| {
            let (row, column) = (row + down, column + across);
            let phase = row % PER_PIXEL * PER_PIXEL + column % PER_PIXEL;
            (phase, row / PER_PIXEL * pixels + column / PER_PIXEL)
        };
        let corners = [corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)];
        let weights = [
            (1.0 - below) * (1.0 - beside),
            (1.0 - below) * beside,
            below * (1.0 - beside),
            below * beside,
        ];
        for (kind, out) in out.iter_mut().enumerate() {
            // A pattern that moves down has at a pixel what it had above it.
            let sign = if kind == 0 { 1.0 } else { -1.0 };
            let weights = weights.map(|weight| sign * weight);
            let planes = corners.map(|(phase, _)| &*self.planes[phase][kind]);
            for run in runs {
                let line = |n: usize| &planes[n][run.from(corners[n].1, pixels)];
                let lines = [line(0), line(1), line(2), line(3)];
                blend(lines, weights, &mut out[run.to()]);
            }
        }
    }
}

const EIGHT: usize = 8;

/// Weighted sums, eight at a time: runs are short.
#[inline(always)]
fn blend([a, b, c, d]: [&[f32]; 4], weights: [f32; 4], out: &mut [f32]) {
    let sum = |a: f32, b: f32, c: f32, d: f32| {
        weights[0] * a + weights[1] * b + weights[2] * c + weights[3] * d
    };
    let whole = out.len() / EIGHT * EIGHT;
    let parts = (a.chunks_exact(EIGHT).zip(b.chunks_exact(EIGHT)))
        .zip(c.chunks_exact(EIGHT).zip(d.chunks_exact(EIGHT)));
    for (out, ((a, b), (c, d))) in out.chunks_exact_mut(EIGHT).zip(parts) {
        for n in 0..EIGHT {
            out[n] = sum(a[n], b[n], c[n], d[n]);
        }
    }
    for n in whole..out.len() {
        out[n] = sum(a[n], b[n], c[n], d[n]);
    }
}

/// What is left over around all disks, by the place from their middle: the correction of a [`Probe`].
#[derive(Clone, Debug, Default)]
pub(super) struct ProbeSums {
    half: usize,
    /// Of each node: what is left over times height, and height squared, each over the variance.
    nodes: Vec<[f64; 2]>,
    /// What all disks tell of their places, per px², by how far each is trusted.
    places: f64,
}

impl ProbeSums {
    pub(super) fn new(probe: &Probe) -> Self {
        let side = (2 * probe.half + 1) * PER_PIXEL;
        ProbeSums {
            half: probe.half,
            nodes: vec![[0.0; 2]; side * side],
            places: 0.0,
        }
    }

    pub(super) fn merge(&mut self, other: &ProbeSums) {
        for (sum, other) in self.nodes.iter_mut().zip(&other.nodes) {
            (0..2).for_each(|n| sum[n] += other[n]);
        }
        self.places += other.places;
    }

    /// What a disk tells of its row and column.
    pub(super) fn add_place(&mut self, information: f64, trust: f64) {
        self.places += trust * information;
    }

    /// How far corrections are smoothed, in nodes, where that may be `finer` than counts ask for. Noise of a pattern from `n` disks
    /// has an `n`th of the variance of one disk's in each wave, and slopes that tell as much of a place as, over the area and all
    /// waves up to the `k` that rounds sharpen, `area k⁴ / 16π n`, whatever the dose; what the disks truly tell grows with it.
    fn smooth(&self, reach: f64, finer: f64) -> f64 {
        let area = std::f64::consts::PI * reach * reach;
        let of_one = area * SHARPENED.powi(4) / (16.0 * std::f64::consts::PI);
        let fourth = of_one / (OF_NOISE * self.places);
        let [least, most] = SMOOTH;
        ((fourth.powf(0.25) * PER_PIXEL as f64).min(most) / finer).max(least)
    }

    /// Pixels of a window with the share that the pattern has there.
    pub(super) fn add(&mut self, window: &Window<'_>, share: &[f32], disk: Disk, trust: f64) {
        let side = (2 * self.half + 1) * PER_PIXEL;
        let node = |pixel: f32, place: f64| {
            (f64::from(pixel) - place + self.half as f64) * PER_PIXEL as f64
        };
        for (at, share) in share.iter().enumerate().take(window.y.len()) {
            if window.valid[at] == 0.0 {
                continue;
            }
            let (row, column) = (node(window.y[at], disk.y), node(window.x[at], disk.x));
            let last = (side - 2) as f64;
            if row < 0.0 || column < 0.0 || row > last || column > last {
                continue;
            }
            let expected = window.expected(at, *share, disk);
            let weight = trust * disk.height / f64::from(expected);
            let rest = weight * f64::from(window.counts[at] - expected);
            let sure = weight * disk.height;
            let (below, beside) = (row.fract(), column.fract());
            let from = row as usize * side + column as usize;
            for (next, part) in [
                (0, (1.0 - below) * (1.0 - beside)),
                (1, (1.0 - below) * beside),
                (side, below * (1.0 - beside)),
                (side + 1, below * beside),
            ] {
                let sums = &mut self.nodes[from + next];
                sums[0] += part * rest;
                sums[1] += part * sure;
            }
        }
    }

    /// The pattern with the correction, its sum and its centroid as before, and so many times `finer` than counts ask for.
    pub(super) fn correct(&self, probe: &Probe, finer: f64) -> Probe {
        let side = (2 * self.half + 1) * PER_PIXEL;
        let smoothed = self.smooth(probe.reach, finer);
        let blur = Blur::new(side, side, smoothed, 3.0);
        let largest = (self.nodes.iter()).fold(0.0, |most: f64, [_, sure]| most.max(*sure));
        let [rest, sure] = [0, 1].map(|n| {
            // Sums over a whole scan may be beyond single precision.
            let values = self.nodes.iter().map(|sums| (sums[n] / largest) as f32);
            blur.apply(&Grid::new(side, side, values.collect())).values
        });
        let old = probe.nodes();
        let surest = sure.iter().copied().fold(0.0, f32::max);
        let at = |node: usize| node as f64 / PER_PIXEL as f64 - self.half as f64;
        let new: Vec<f64> = (0..old.len())
            .map(|n| {
                let distance = at(n / side).hypot(at(n % side));
                let inside = ((probe.reach - distance) / RIM).clamp(0.0, 1.0);
                let known = sure[n] > 1e-6 * surest;
                let correction = if known { rest[n] / sure[n] } else { 0.0 };
                inside * (old[n] + f64::from(correction))
            })
            .collect();
        // Height and place are each disk's own.
        let moments = |nodes: &[f64]| {
            let mut sums = [0.0; 3];
            for (n, value) in nodes.iter().enumerate() {
                for (sum, factor) in sums.iter_mut().zip([1.0, at(n / side), at(n % side)]) {
                    *sum += factor * value;
                }
            }
            [sums[0], sums[1] / sums[0], sums[2] / sums[0]]
        };
        let (before, after) = (moments(&old), moments(&new));
        let scale = before[0] / after[0];
        let off = [1, 2].map(|n| (after[n] - before[n]) * PER_PIXEL as f64);
        if !(scale.is_finite() && off.iter().all(|off| off.abs() < 0.25 * side as f64)) {
            return probe.clone();
        }
        // By whole nodes, and the rest.
        let nodes = off.map(|off| (0.5 * off).round() * 2.0);
        let from = |n: usize| {
            let [row, column] = [n / side, n % side].map(|at| at as isize);
            let [row, column] = [row + nodes[0] as isize, column + nodes[1] as isize];
            let is_inside = [row, column]
                .iter()
                .all(|at| (0..side as isize).contains(at));
            if is_inside {
                new[row as usize * side + column as usize]
            } else {
                0.0
            }
        };
        let new: Vec<f64> = match nodes == [0.0; 2] {
            true => new,
            false => (0..new.len()).map(from).collect(),
        };
        let off = [0, 1].map(|n| 0.5 * (off[n] - nodes[n]));
        let inner = |n: usize| n > 0 && n + 1 < side;
        let moved = (0..new.len())
            .map(|n| match inner(n / side) && inner(n % side) {
                true => {
                    let down = off[0] * (new[n + side] - new[n - side]);
                    scale * (new[n] + down + off[1] * (new[n + 1] - new[n - 1]))
                }
                false => 0.0,
            })
            .collect();
        Probe::from_nodes(probe.reach, probe.half, moved, smoothed)
    }
}
