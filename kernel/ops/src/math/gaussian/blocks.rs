//! Sums of scaled rows, a block of columns at a time so that the sums stay in registers.

/// `out[c] = Σ_m factor(m) · row(m)[c]` for `terms` rows of at least `out.len()` samples; the terms are
/// added in order.
#[inline(always)]
pub fn combine<'a>(
    out: &mut [f32],
    terms: usize,
    factor: impl Fn(usize) -> f32,
    row: impl Fn(usize) -> &'a [f32],
) {
    let mut from = 0;
    from = blocks::<32>(out, from, terms, &factor, &row);
    from = blocks::<8>(out, from, terms, &factor, &row);
    blocks::<1>(out, from, terms, &factor, &row);
}

#[inline(always)]
fn blocks<'a, const WIDTH: usize>(
    out: &mut [f32],
    from: usize,
    terms: usize,
    factor: &impl Fn(usize) -> f32,
    row: &impl Fn(usize) -> &'a [f32],
) -> usize {
    let mut at = from;
    while at + WIDTH <= out.len() {
        let mut sums = [0.0f32; WIDTH];
        for term in 0..terms {
            let (factor, values) = (factor(term), &row(term)[at..at + WIDTH]);
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += factor * value;
            }
        }
        out[at..at + WIDTH].copy_from_slice(&sums);
        at += WIDTH;
    }
    at
}

/// `Σ a[i] b[i]` in sixteen sums that are added at the end.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let (mut wide_a, mut wide_b) = (a.chunks_exact(16), b.chunks_exact(16));
    for (a, b) in (&mut wide_a).zip(&mut wide_b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = (wide_a.remainder().iter())
        .zip(wide_b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for half in [8, 4, 2, 1] {
        for at in 0..half {
            sums[at] += sums[at + half];
        }
    }
    sums[0] + rest
}
