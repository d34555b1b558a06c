//! Pixels that something covers: dark in every frame, where what is beside them says that they should not be.

/// Counts that nine pixels have over all frames, all but the darkest quarter and those beside a dark patch, from which on none at
/// all means that it is covered.
const COUNTED: f64 = 15.0;
/// Share of a frame up to which dark pixels are what is covered; more are a background without counts.
const MAX: f64 = 0.4;
/// What is covered reaches so many pixels beyond those all around which are dark.
pub(super) const EDGE: usize = 2;
/// Beyond that, so many pixels are beside it.
const BESIDE: usize = 2;

/// What one pixel has over all frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub counts: f64,
    lowest: f32,
    highest: f32,
}

impl Seen {
    pub(super) const NOTHING: Self = Seen {
        counts: 0.0,
        lowest: f32::INFINITY,
        highest: f32::NEG_INFINITY,
    };

    /// What is no number or saturated is not dark.
    pub(super) fn add(&mut self, counts: f32) {
        let finite = counts.is_finite();
        self.counts += if finite { f64::from(counts) } else { 1.0 };
        self.lowest = self.lowest.min(counts);
        self.highest = match finite {
            true => self.highest.max(counts),
            false => f32::INFINITY,
        };
    }

    /// The same in every frame, and no counts.
    fn is_dark(&self) -> bool {
        self.lowest == self.highest && self.highest.abs() < 0.5
    }
}

/// Marks pixels that are covered, and what their edge may reach.
pub(super) fn covered(seen: &[Seen], (rows, columns): (usize, usize), dead: &mut [bool]) {
    if rows < 5 || columns < 5 {
        return;
    }
    let around = |at, reach| around((rows, columns), at, reach);
    let inside = |at: usize| {
        let (row, column) = (at / columns, at % columns);
        (1..rows - 1).contains(&row) && (1..columns - 1).contains(&column)
    };
    let mut left: Vec<bool> = (0..rows * columns)
        .map(|at| seen[at].is_dark() && inside(at) && around(at, 1).all(|at| seen[at].is_dark()))
        .collect();
    let dark = left.iter().filter(|dark| **dark).count();
    let background = dark as f64 > MAX * (rows * columns) as f64;
    if dark == 0 || background || darker_quarter(seen, (rows, columns)) < COUNTED {
        return;
    }
    // 1: of the patch or at its edge, 2: beside it.
    let mut marks = vec![0u8; rows * columns];
    for start in 0..rows * columns {
        if !std::mem::take(&mut left[start]) {
            continue;
        }
        let patch = patch(start, &mut left, |at| {
            [at - columns, at - 1, at + 1, at + columns]
        });
        let mut touched = Vec::new();
        for (reach, mark) in [(EDGE, 1), (EDGE + BESIDE, 2)] {
            for at in patch.iter().flat_map(|at| around(*at, reach)) {
                if marks[at] == 0 {
                    marks[at] = mark;
                    touched.push(at);
                }
            }
        }
        let mut beside: Vec<f64> = (touched.iter())
            .filter(|at| marks[**at] == 2)
            .map(|at| seen[*at].counts)
            .collect();
        let middle = beside.len() / 2;
        let usual = match beside.is_empty() {
            true => 0.0,
            false => *beside.select_nth_unstable_by(middle, f64::total_cmp).1,
        };
        for at in touched {
            dead[at] |= marks[at] == 1 && 9.0 * usual >= COUNTED;
            marks[at] = 0;
        }
    }
}

/// Pixels within so many rows and columns of one, itself among them.
pub(super) fn around(
    (rows, columns): (usize, usize),
    at: usize,
    reach: usize,
) -> impl Iterator<Item = usize> {
    let (row, column) = (at / columns, at % columns);
    let down = row.saturating_sub(reach)..(row + reach + 1).min(rows);
    let across = column.saturating_sub(reach)..(column + reach + 1).min(columns);
    down.flat_map(move |y| across.clone().map(move |x| y * columns + x))
}

/// A pixel and all that is left and hangs together with it, which is left no longer.
pub(super) fn patch<N: IntoIterator<Item = usize>>(
    start: usize,
    left: &mut [bool],
    near: impl Fn(usize) -> N,
) -> Vec<usize> {
    let (mut patch, mut next) = (Vec::new(), vec![start]);
    while let Some(at) = next.pop() {
        patch.push(at);
        next.extend(
            near(at)
                .into_iter()
                .filter(|near| std::mem::take(&mut left[*near])),
        );
    }
    patch
}

/// Leaves of the dark pixels those that are about one where more than no counts are `expected`, and all of a patch where they are
/// in most places.
pub(super) fn darker_than_expected(
    dark: &mut [bool],
    (rows, columns): (usize, usize),
    expected: impl Fn(usize) -> f64,
) {
    let near = |at| around((rows, columns), at, EDGE);
    let mut stays = vec![false; dark.len()];
    let mut left = dark.to_vec();
    for start in 0..dark.len() {
        if !std::mem::take(&mut left[start]) {
            continue;
        }
        let patch = patch(start, &mut left, near);
        // What is at the edge of a patch may have counts.
        let is_inside = |at: &&usize| near(**at).all(|at| dark[at]);
        let is_sure = |at: &&usize| 9.0 * expected(**at) >= COUNTED;
        let inside: Vec<&usize> = patch.iter().filter(is_inside).collect();
        let surely: Vec<&usize> = inside.iter().copied().filter(is_sure).collect();
        if 2 * surely.len() > inside.len() {
            patch.iter().for_each(|at| stays[*at] = true);
        } else {
            let surely = surely.into_iter().flat_map(|at| near(*at));
            surely.for_each(|at| stays[at] = true);
        }
    }
    dark.copy_from_slice(&stays);
}

/// Counts of nine pixels that a quarter of those that have any are below.
fn darker_quarter(seen: &[Seen], (rows, columns): (usize, usize)) -> f64 {
    let inside = (1..rows - 1).flat_map(|row| (1..columns - 1).map(move |column| (row, column)));
    let mut blocks: Vec<f64> = inside
        .map(|(row, column)| {
            let mut sum = 0.0;
            for y in row - 1..=row + 1 {
                for x in column - 1..=column + 1 {
                    sum += seen[y * columns + x].counts.max(0.0);
                }
            }
            sum
        })
        .filter(|sum| *sum > 0.0)
        .collect();
    let quarter = blocks.len() / 4;
    match blocks.is_empty() {
        true => 0.0,
        false => *blocks.select_nth_unstable_by(quarter, f64::total_cmp).1,
    }
}
