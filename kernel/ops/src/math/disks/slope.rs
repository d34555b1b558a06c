//! A background that is brighter on one side of the direct beam than on the other.

use signal::HeapBytes;

use super::ground;
use super::radial::{NEARLY, Rings, SECTORS, smoothed};

/// Steps of the robust fit, and standard deviations from which on a cell counts less, and none if it is brighter: a disk that was
/// missed.
const STEPS: usize = 30;
const FAR: f64 = 1.5;
const MISSED: f64 = 3.0;
/// Fewest cells of a ring that tell its slope.
const FEWEST: usize = 6;
/// Square of the standard deviations from which on a slope is none by chance.
const SURE: f64 = 150.0;
/// Least share of the background that it is anywhere.
const LEAST: f32 = 0.05;

/// Counts per px by which the background grows downwards and to the right, at whole distances in px from the direct beam.
#[derive(Clone, Debug, PartialEq)]
pub struct Slope {
    pub down: Vec<f32>,
    pub across: Vec<f32>,
}

impl HeapBytes for Slope {
    fn heap_bytes(&self) -> usize {
        self.down.heap_bytes() + self.across.heap_bytes()
    }
}

impl Slope {
    /// Times what the background is at this distance in the mean, so far down and to the right of the beam.
    pub(super) fn factor(&self, mean: f32, [down, across]: [f32; 2], distance: f32) -> f32 {
        let more =
            down * ground::at(&self.down, distance) + across * ground::at(&self.across, distance);
        (1.0 + more / mean.max(1e-6)).max(LEAST)
    }

    pub(super) fn multiply(&mut self, factor: f32) {
        let all = self.down.iter_mut().chain(&mut self.across);
        all.for_each(|value| *value *= factor);
    }
}

/// Counts per pixel of a stretch of a ring, and how sure.
struct Point {
    ring: usize,
    /// From the beam, in px.
    place: [f64; 2],
    counts: f64,
    weight: f64,
}

/// Of a ring: its mean, and the normal equations of its slope.
#[derive(Clone, Copy, Default)]
struct Equations {
    weight: f64,
    places: [f64; 2],
    counts: f64,
    squares: [[f64; 2]; 2],
    along: [f64; 2],
    points: usize,
}

impl Equations {
    fn add(&mut self, point: &Point, weight: f64) {
        self.weight += weight;
        self.counts += weight * point.counts;
        self.points += 1;
        for i in 0..2 {
            self.places[i] += weight * point.place[i];
            self.along[i] += weight * point.place[i] * point.counts;
            for j in 0..2 {
                self.squares[i][j] += weight * point.place[i] * point.place[j];
            }
        }
    }

    /// Information on the slope and its product with it, whatever the mean of the ring is.
    fn without_mean(&self) -> ([[f64; 2]; 2], [f64; 2]) {
        let weight = self.weight.max(1e-30);
        let (places, counts) = (self.places, self.counts);
        let information: [[f64; 2]; 2] = std::array::from_fn(|i| {
            std::array::from_fn(|j| self.squares[i][j] - places[i] * places[j] / weight)
        });
        let along = std::array::from_fn(|i| self.along[i] - places[i] * counts / weight);
        (information, along)
    }

    /// Counts per pixel of the ring where the slope is none.
    fn mean(&self, slope: [f64; 2]) -> f64 {
        let tilted = slope[0] * self.places[0] + slope[1] * self.places[1];
        (self.counts - tilted) / self.weight.max(1e-30)
    }
}

fn solve([[a, b], [_, d]]: [[f64; 2]; 2], [u, v]: [f64; 2]) -> Option<[f64; 2]> {
    let determinant = a * d - b * b;
    (determinant > 1e-9 * a * d)
        .then(|| [(d * u - b * v) / determinant, (a * v - b * u) / determinant])
}

impl Rings {
    /// How the background grows to one side, and its mean at each distance where that is known; `None` where it does not.
    pub(super) fn slope(&self, radius: f64) -> Option<(Slope, Vec<Option<f64>>)> {
        let core = (radius + 2.0).ceil() as usize;
        let effective = self.effective();
        let believed = Rings::believed(&effective);
        let mut points: Vec<Point> = Vec::new();
        for (ring, cells) in effective.iter().enumerate().skip(core) {
            for (direction, cell) in cells.iter().enumerate().filter(|(_, cell)| believed(cell)) {
                let turn = direction_of(direction);
                points.push(Point {
                    ring,
                    place: turn.map(|part| part * ring as f64),
                    counts: cell.counts / cell.weights,
                    weight: cell.weights,
                });
            }
        }
        let rings = effective.len();
        let mut slope = [0.0; 2];
        let mut means: Vec<Option<f64>> = vec![None; rings];
        // The middle of a ring's directions, as long as nothing else is known.
        for points in points.chunk_by(|a, b| a.ring == b.ring) {
            let mut counts: Vec<f64> = points.iter().map(|point| point.counts).collect();
            counts.sort_by(f64::total_cmp);
            means[points[0].ring] = Some(counts[counts.len() / 2].max(1e-4));
        }
        let mut of_rings = vec![Equations::default(); rings];
        let mut information = [[0.0; 2]; 2];
        let (mut square, mut free) = (0.0, 0.0);
        for step in 0..STEPS {
            of_rings = vec![Equations::default(); rings];
            (square, free) = (0.0, 0.0);
            for point in &points {
                let mean = means[point.ring].unwrap_or(1e-4);
                let tilted = slope[0] * point.place[0] + slope[1] * point.place[1];
                let expected = (mean + tilted).max(f64::from(LEAST) * mean);
                let variance = expected / point.weight + (NEARLY * expected).powi(2);
                let off = (point.counts - mean - tilted) / variance.sqrt();
                let missed = off > MISSED && step + 1 == STEPS;
                let trust = match off.abs() > FAR {
                    true if missed => 0.0,
                    true => FAR / off.abs(),
                    false => 1.0,
                };
                if trust > 0.0 {
                    of_rings[point.ring].add(point, trust / variance);
                    square += trust * off * off;
                    free += 1.0;
                }
            }
            let mut along = [0.0; 2];
            information = [[0.0; 2]; 2];
            for ring in of_rings.iter().filter(|ring| ring.points >= FEWEST) {
                let (own, product) = ring.without_mean();
                for i in 0..2 {
                    along[i] += product[i];
                    (0..2).for_each(|j| information[i][j] += own[i][j]);
                }
            }
            slope = solve(information, along)?;
            for (mean, ring) in means.iter_mut().zip(&of_rings) {
                *mean = (ring.points > 0).then(|| ring.mean(slope).max(1e-4));
            }
        }
        let surprise = (0..2)
            .flat_map(|i| (0..2).map(move |j| (i, j)))
            .map(|(i, j)| slope[i] * information[i][j] * slope[j])
            .sum::<f64>();
        let scatter = (square / (free - rings as f64).max(1.0)).max(1.0);
        if surprise < SURE * scatter {
            return None;
        }
        // What rings say of their own, smoothed.
        let telling: Vec<(usize, [f64; 2], [f64; 2])> = (of_rings.iter().enumerate())
            .filter(|(_, ring)| ring.points >= FEWEST)
            .filter_map(|(n, ring)| {
                let (own, along) = ring.without_mean();
                let sure = [0, 1].map(|i| own[i][i] - own[0][1].powi(2) / own[1 - i][1 - i]);
                Some((n, solve(own, along)?, sure.map(|sure| sure / scatter)))
            })
            .collect();
        let (first, last) = (telling.first()?.0, telling.last()?.0);
        let [down, across] = [0, 1].map(|axis| {
            let mut values = vec![slope[axis]; last + 1 - first];
            let mut weights = vec![0.0; values.len()];
            let usual = 1e-6
                * telling
                    .iter()
                    .map(|(_, _, sure)| sure[axis])
                    .fold(0.0, f64::max);
            weights.fill(usual);
            for (ring, value, sure) in &telling {
                values[ring - first] = value[axis];
                weights[ring - first] = sure[axis];
            }
            let smooth = smoothed(&values, &weights, usual);
            let at = |ring: usize| smooth[ring.clamp(first, last) - first] as f32;
            (0..rings).map(at).collect::<Vec<f32>>()
        });
        Some((Slope { down, across }, means))
    }

    /// As they would be if the background were the same in all directions.
    pub(super) fn levelled(&self, slope: &Slope, means: &[Option<f64>]) -> Rings {
        let mut rings = self.clone();
        for (ring, (cells, mean)) in rings.cells.iter_mut().zip(means).enumerate() {
            let Some(mean) = mean else { continue };
            for (direction, cell) in cells.iter_mut().enumerate() {
                let place = direction_of(direction).map(|part| (part * ring as f64) as f32);
                let factor = f64::from(slope.factor(*mean as f32, place, ring as f32));
                cell.weights *= factor;
                cell.pixels *= factor;
                cell.variance *= factor;
            }
        }
        rings
    }
}

/// Row and column of the middle of a sector, one px from the beam.
fn direction_of(sector: usize) -> [f64; 2] {
    let of_quarter = SECTORS / 4;
    let (quarter, direction) = (sector / of_quarter, sector % of_quarter);
    let turn = (direction as f64 + 0.5) / of_quarter as f64 * std::f64::consts::FRAC_PI_2;
    let sign = |is: bool| if is { 1.0 } else { -1.0 };
    [
        sign(quarter >= 2) * turn.sin(),
        sign(quarter % 2 == 1) * turn.cos(),
    ]
}
