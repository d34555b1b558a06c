//! The finder on families of scans: how near it is to the least error that is possible, and what is found where nothing is.

mod added;
mod beam;
mod detectors;
mod patterns;
mod positions;
mod probes;
mod slopes;

use super::families::*;
use super::*;

/// Frames that a model is measured from, and others that it is tried on.
fn frames(family: &Family, first: u64, count: u64) -> Vec<Vec<f32>> {
    (first..first + count)
        .map(|seed| family.frame(seed, 0).image.counts)
        .collect()
}

/// What is measured of some frames with nothing given.
fn measured(family: &Family, first: u64, count: u64) -> Option<Prepared> {
    let size = (family.rows, family.columns);
    prepare(
        frames(family, first, count),
        Vec::new(),
        size,
        Given::default(),
    )
}

fn try_on(family: &Family, model: &Model, first: u64) -> Score {
    try_within(family, model, first..first + 40, -family.radius)
}

/// Without peaks that are nearer to the frame's edge than `border` px.
fn try_within(family: &Family, model: &Model, seeds: std::ops::Range<u64>, border: f64) -> Score {
    let (mut scratch, mut score) = (Scratch::default(), Score::default());
    let inside = |at: f64, size: usize| at >= border && at <= size as f64 - 1.0 - border;
    for seed in seeds {
        let frame = family.frame(seed, model.margin());
        let mut found = model.find(&frame.image, &mut scratch);
        found.retain(|peak| inside(peak.y, family.rows) && inside(peak.x, family.columns));
        score.add(family, &frame.truth, &found);
    }
    score
}

/// 40 frames with some 1400 disks: the error of a ratio is 2 %, of a share 1 %.
pub(super) fn assert_at_the_bound(name: &str, score: &Score) {
    let text = format!(
        "{name}: {:.3} times the bound, recall {:.4}, precision {:.4}, {:.3} within the errors",
        score.ratio(),
        score.recall(),
        score.precision(),
        score.covered()
    );
    assert!(score.ratio() < 1.12, "{text}");
    assert!(score.recall() > 0.995 && score.precision() > 0.99, "{text}");
    assert!((score.covered() - 0.68).abs() < 0.04, "{text}");
}
