//! How far the direct beam reaches, whatever is inside of it: the radius about the middle of its counts that nearly all are within.

/// Share of the counts of a beam that are within its extent, and the share of the radius at which they are in a flat one.
pub(super) const NEARLY_ALL: f64 = 0.98;
pub(super) const OF_FLAT: f64 = 0.99;
/// A ring with less than this share of the brightest one over the darkest is beyond the beam.
const BEYOND: f64 = 0.03;
/// Rings that are brighter again, by this factor, are of another disk.
const AGAIN: f64 = 1.3;
/// Rings between disks have no more than this share of the brightest one.
const DARK: f64 = 0.25;
/// Times that the frames are laid on each other: by the places that are known first, then by the middles of the counts there.
const ROUNDS: usize = 3;

/// What else is in the frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Around {
    Nothing,
    Disks,
}

/// Counts per frame of a pixel, of frames that are laid on each other, by the place from their middles.
struct Laid {
    /// Rows and columns to each side.
    half: usize,
    means: Vec<f64>,
}

impl Laid {
    fn of(
        frames: &[Vec<f32>],
        (rows, columns): (usize, usize),
        places: &[[f64; 2]],
        half: usize,
    ) -> Self {
        let side = 2 * half + 1;
        let mut sums = vec![[0.0; 2]; side * side];
        for (frame, place) in frames.iter().zip(places) {
            let [row, column] = place.map(|at| at.round() as isize - half as isize);
            for (n, [counts, frames]) in sums.iter_mut().enumerate() {
                let (y, x) = (row + (n / side) as isize, column + (n % side) as isize);
                if y < 0 || x < 0 || y >= rows as isize || x >= columns as isize {
                    continue;
                }
                let value = frame[y as usize * columns + x as usize];
                if value.is_finite() {
                    *counts += f64::from(value);
                    *frames += 1.0;
                }
            }
        }
        let mean = |[counts, frames]: [f64; 2]| counts / frames;
        Laid {
            half,
            means: sums.into_iter().map(mean).collect(),
        }
    }

    /// Pixels with their place from the middle.
    fn pixels(&self) -> impl Iterator<Item = ([f64; 2], f64)> {
        let side = 2 * self.half + 1;
        let at = move |n: usize| [n / side, n % side].map(|at| at as f64 - self.half as f64);
        (self.means.iter().enumerate())
            .filter(|(_, mean)| mean.is_finite())
            .map(move |(n, mean)| (at(n), *mean))
    }

    /// Sum and number of pixels in rings about a place.
    fn rings(&self, about: [f64; 2]) -> Vec<[f64; 2]> {
        let mut rings = vec![[0.0; 2]; self.half];
        for ([y, x], mean) in self.pixels() {
            let ring = (y - about[0]).hypot(x - about[1]).round() as usize;
            if let Some([sum, pixels]) = rings.get_mut(ring) {
                *sum += mean;
                *pixels += 1.0;
            }
        }
        rings
    }
}

/// Where a beam ends about a place, counts per pixel there, and the radius that nearly all of it is within.
fn end(rings: &[[f64; 2]], around: Around) -> Option<(usize, f64, f64)> {
    let means: Vec<f64> = rings.iter().map(|[sum, pixels]| sum / pixels).collect();
    let brightest = (1..means.len()).filter(|ring| means[*ring].is_finite());
    let brightest = brightest.max_by(|a, b| means[*a].total_cmp(&means[*b]))?;
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    // As far as the next disk; what is darker inside of the beam is not as dark.
    let (mut darkest, mut last) = (brightest, brightest);
    for ring in brightest..means.len() {
        let is_dark = means[darkest] < least + DARK * (means[brightest] - least);
        let is_another = around == Around::Disks && is_dark && means[ring] > AGAIN * means[darkest];
        if means[ring].is_nan() || is_another {
            break;
        }
        if means[ring] < means[darkest] {
            darkest = ring;
        }
        last = ring;
    }
    let under = means[darkest];
    let beyond = under + BEYOND * (means[brightest] - under);
    let end = (brightest..=last)
        .find(|ring| means[*ring] < beyond)
        .unwrap_or(darkest);
    let over = |[sum, pixels]: &[f64; 2]| sum - under * pixels;
    let all: f64 = rings[..=end].iter().map(over).sum();
    let mut within = 0.0;
    for (ring, sums) in rings[..=end].iter().enumerate() {
        let more = over(sums);
        if within + more >= NEARLY_ALL * all {
            let part = (NEARLY_ALL * all - within) / more;
            return Some((end, under, ring as f64 - 0.5 + part));
        }
        within += more;
    }
    None
}

/// Of the direct beam, which is about at these places of the frames; `None` where nothing stands out.
pub(super) fn extent(
    frames: &[Vec<f32>],
    size: (usize, usize),
    places: &[[f64; 2]],
    around: Around,
) -> Option<f64> {
    let half = (size.0.min(size.1) / 3).max(2);
    let mut places = places.to_vec();
    let mut radius = None;
    for _ in 0..ROUNDS {
        let laid = Laid::of(frames, size, &places, half);
        let (far, under, _) = end(&laid.rings([0.0; 2]), around)?;
        let mut moments = [0.0; 3];
        for ([y, x], mean) in laid.pixels() {
            if y.hypot(x) <= far as f64 {
                let over = mean - under;
                moments = [
                    moments[0] + over,
                    moments[1] + over * y,
                    moments[2] + over * x,
                ];
            }
        }
        let about = [moments[1] / moments[0], moments[2] / moments[0]];
        if !about.iter().all(|at| at.abs() < half as f64) {
            return radius;
        }
        let (far, under, found) = end(&laid.rings(about), around)?;
        radius = Some((found / OF_FLAT).max(1.0));
        // Each frame by the counts of its own beam.
        for (frame, place) in frames.iter().zip(&mut places) {
            let from = [place[0] + about[0], place[1] + about[1]];
            let one = Laid::of(std::slice::from_ref(frame), size, &[from], far);
            let mut sums = [0.0; 3];
            for ([y, x], mean) in one.pixels().filter(|([y, x], _)| y.hypot(*x) <= far as f64) {
                let over = mean - under;
                sums = [sums[0] + over, sums[1] + over * y, sums[2] + over * x];
            }
            let off = [sums[1] / sums[0], sums[2] / sums[0]];
            if sums[0] > 0.0 && off[0].hypot(off[1]) < 0.5 * far as f64 {
                *place = [from[0].round() + off[0], from[1].round() + off[1]];
            }
        }
    }
    radius
}
