//! Middles and spreads of what frames and disks say.

/// The background under a disk is known to this share of itself, before and after it is measured.
pub(super) const KNOWN: f64 = 0.5;
pub(super) const BEST_KNOWN: f64 = 0.05;

pub(super) fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return f64::NAN;
    }
    let at = values.len() / 2;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// How far the background under a disk is from the frame's, as a share of that: the scatter that its errors do not explain.
/// Half of the disks are nearer to the middle than two thirds of a deviation, whatever the outer ones do.
pub(super) fn level_share(levels: &[[f64; 2]]) -> f64 {
    let half = |values: &mut dyn Iterator<Item = f64>| middle(values).abs() / 0.6745;
    // Only those that tell it.
    let telling = || levels.iter().filter(|[_, error]| *error < KNOWN);
    let scatter = half(&mut telling().map(|[off, _]| off.abs()));
    let error = middle(telling().map(|[_, error]| *error));
    let share = (scatter * scatter - error * error).max(0.0).sqrt();
    if share.is_nan() {
        KNOWN
    } else {
        share.clamp(BEST_KNOWN, KNOWN)
    }
}

/// What nearly all are below.
pub(super) fn spread(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return 0.0;
    }
    let at = (0.95 * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Mean of the darker half of the pixels.
pub(super) fn darker_half(frames: &[Vec<f32>]) -> f64 {
    let Some(frame) = frames.get(frames.len() / 2) else {
        return 0.0;
    };
    let mut values: Vec<f32> = frame
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    let at = values.len() / 2;
    if at == 0 {
        return 0.0;
    }
    values.select_nth_unstable_by(at, f32::total_cmp);
    values[..at]
        .iter()
        .map(|value| f64::from(*value))
        .sum::<f64>()
        / at as f64
}
