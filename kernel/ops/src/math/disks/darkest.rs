//! The radial background before any disk is known: disks are in some directions only, a ring is in all.

/// Length and depth in px of the stretches of rings that are compared.
const LONG: f64 = 4.0;
const DEEP: f64 = 3.0;
/// Counts in a stretch, over as many frames as that takes, so that the darkest are not so by chance.
const TELLING: f64 = 30.0;
/// Of a ring's stretches in the order of their counts, those between these shares are background.
const DARK: [f64; 2] = [0.05, 0.25];
/// What the mean of those is below that of all when they differ by chance only, in standard deviations.
const BY_CHANCE: f64 = 1.1;
/// Share of a stretch that must be on the detector.
const SEEN: f64 = 0.5;

/// Counts per pixel at whole distances from the middles of the frames, in the median of them; at least `least`.
/// `None` where no ring is seen.
pub(super) fn darkest(
    frames: &[Vec<f32>],
    (rows, columns): (usize, usize),
    middles: &[[f64; 2]],
    far: usize,
    least: f64,
) -> Option<Vec<f32>> {
    let deep = (far as f64 / DEEP).ceil() as usize + 1;
    let stretches: Vec<usize> = (0..deep)
        .map(|ring| {
            let around = std::f64::consts::TAU * (ring as f64 + 0.5) * DEEP;
            ((around / LONG).round() as usize).max(3)
        })
        .collect();
    let mut first = vec![0usize];
    for count in &stretches {
        first.push(first[first.len() - 1] + count);
    }
    let all = first[deep];
    // Which stretch a pixel is in, by its place from the middle.
    let (down, across) = (2 * rows + 1, 2 * columns + 1);
    let mut places = Vec::with_capacity(down * across);
    for row in 0..down {
        let dy = row as f64 - rows as f64;
        for column in 0..across {
            let dx = column as f64 - columns as f64;
            let ring = ((dy.hypot(dx) / DEEP) as usize).min(deep - 1);
            let turn = dy.atan2(dx) / std::f64::consts::TAU + 0.5;
            let stretch = ((turn * stretches[ring] as f64) as usize).min(stretches[ring] - 1);
            places.push((first[ring] + stretch) as u32);
        }
    }
    let (sum, count) = (frames.iter().flatten())
        .filter(|value| value.is_finite())
        .fold((0.0, 0.0), |(sum, count), value| {
            (sum + f64::from(*value), count + 1.0)
        });
    let each = sum / f64::max(count, 1.0) * LONG * DEEP;
    if each <= 0.0 {
        return None;
    }
    let together = ((TELLING / each).ceil() as usize).clamp(1, frames.len().max(1));
    let mut of_groups: Vec<Vec<f64>> = vec![Vec::new(); deep];
    let frames_middles: Vec<(&Vec<f32>, &[f64; 2])> = frames.iter().zip(middles).collect();
    for group in frames_middles.chunks(together) {
        let mut sums = vec![[0.0f64; 2]; all];
        for (frame, middle) in group {
            let middle = [0, 1].map(|axis| {
                let size = [rows, columns][axis];
                (middle[axis].round().max(0.0) as usize).min(size)
            });
            for (row, line) in frame.chunks_exact(columns).enumerate() {
                let from = (row + rows - middle[0]) * across + columns - middle[1];
                for (value, place) in line.iter().zip(&places[from..]) {
                    if value.is_finite() {
                        let [counts, pixels] = &mut sums[*place as usize];
                        *counts += f64::from(*value);
                        *pixels += 1.0;
                    }
                }
            }
        }
        let enough = SEEN * LONG * DEEP * group.len() as f64;
        for (ring, values) in of_groups.iter_mut().enumerate() {
            let mut cells: Vec<[f64; 2]> = (sums[first[ring]..first[ring + 1]].iter())
                .copied()
                .filter(|[_, pixels]| *pixels >= enough)
                .collect();
            cells.sort_by(|a, b| (a[0] / a[1]).total_cmp(&(b[0] / b[1])));
            let from = (DARK[0] * cells.len() as f64).floor() as usize;
            let to = ((DARK[1] * cells.len() as f64).ceil() as usize).min(cells.len());
            let (counts, pixels) = (cells[from..to].iter())
                .fold((0.0, 0.0), |sum, [counts, pixels]| {
                    (sum.0 + counts, sum.1 + pixels)
                });
            let stretch = pixels / (to - from).max(1) as f64;
            if pixels > 0.0 {
                let value = counts / pixels;
                values.push(value + BY_CHANCE * (value / stretch).sqrt());
            }
        }
    }
    // Frames without counts say nothing.
    let of_rings = of_groups.into_iter().map(|mut values| {
        values.retain(|value| *value > least);
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
    });
    let points: Vec<[f64; 2]> = of_rings
        .enumerate()
        .filter_map(|(ring, value)| value.map(|value| [(ring as f64 + 0.5) * DEEP, value.ln()]))
        .collect();
    let (start, end) = (points.first()?, points.last()?);
    let profile = (0..far).map(|distance| {
        let distance = distance as f64;
        let above = points.partition_point(|[at, _]| *at < distance);
        let value = match (
            above.checked_sub(1).and_then(|n| points.get(n)),
            points.get(above),
        ) {
            (Some([r0, v0]), Some([r1, v1])) => v0 + (v1 - v0) * (distance - r0) / (r1 - r0),
            (None, _) => start[1],
            (_, None) => end[1],
        };
        value.exp() as f32
    });
    Some(profile.collect())
}
