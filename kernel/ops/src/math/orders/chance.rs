//! Chances of drawing from an urn, and bounds of them that cost little.

use std::sync::LazyLock;

/// Logarithms of the factorials up to more peaks than a pattern has; beyond them Stirling's series.
static LN_FACTORIALS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let logarithms = (0u32..1024).scan(0.0, |sum, n| {
        *sum += f64::from(n.max(1)).ln();
        Some(*sum)
    });
    logarithms.collect()
});

fn ln_factorial(n: usize) -> f64 {
    LN_FACTORIALS.get(n).copied().unwrap_or_else(|| {
        let n = n as f64;
        n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n)
    })
}

fn ln_ways(of: usize, take: usize) -> f64 {
    ln_factorial(of) - ln_factorial(take) - ln_factorial(of - take)
}

/// Chance that `few` or fewer of `count` things that are taken out of `some + rest` are among `some`.
pub(super) fn so_few_of(some: usize, rest: usize, count: usize, few: usize) -> f64 {
    let all = ln_ways(some + rest, count);
    (0..=few.min(some).min(count))
        .filter(|taken| count - taken <= rest)
        .map(|taken| (ln_ways(some, taken) + ln_ways(rest, count - taken) - all).exp())
        .sum()
}

/// A part of [`so_few_of`]: the chance of exactly `few`.
pub(super) fn so_few_of_at_least(some: usize, rest: usize, count: usize, few: usize) -> f64 {
    match few <= some && few <= count && count - few <= rest {
        true => {
            let ways = ln_ways(some, few) + ln_ways(rest, count - few);
            (ways - ln_ways(some + rest, count)).exp()
        }
        false => 0.0,
    }
}

/// Chance that at least `many` of `count` things are of a kind that `share` of them are.
pub(super) fn so_many_of(count: usize, many: usize, share: f64) -> f64 {
    (many..=count)
        .map(|taken| exactly(count, taken, share))
        .sum::<f64>()
        .min(1.0)
}

/// Chance that at most `few` of them are.
pub(super) fn few_of_many(count: usize, few: usize, share: f64) -> f64 {
    (0..=few.min(count))
        .map(|taken| exactly(count, taken, share))
        .sum::<f64>()
        .min(1.0)
}

fn exactly(count: usize, taken: usize, share: f64) -> f64 {
    let others = (count - taken) as i32;
    ln_ways(count, taken).exp() * share.powi(taken as i32) * (1.0 - share).powi(others)
}

/// Whether [`so_many_of`] is surely at most `limit`: Chernoff's bound says so.
pub(super) fn is_at_most(limit: f64, count: usize, many: usize, share: f64) -> bool {
    let (part, share) = (many as f64 / count as f64, share.max(1e-300));
    if part <= share {
        return false;
    }
    let others = match many < count {
        true => (1.0 - part) * ((1.0 - part) / (1.0 - share)).ln(),
        false => 0.0,
    };
    let bound = -(count as f64) * (part * (part / share).ln() + others);
    bound < limit.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_those_of_an_urn() {
        // 24 orders, 14 of them in the coset: all of 14 found there, and 8 of 8.
        let all: f64 = 1.0 / 1_961_256.0;
        assert!((so_few_of(10, 14, 14, 0) / all - 1.0).abs() < 1e-9);
        assert!((so_few_of(10, 14, 8, 0) - 3003.0 / 735_471.0).abs() < 1e-9);
        assert!((so_few_of(10, 14, 8, 8) - 1.0).abs() < 1e-9);
        assert!((so_many_of(3, 3, 0.5) - 0.125).abs() < 1e-12);
        assert!((so_many_of(3, 0, 0.2) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn bounds_are_on_the_safe_side() {
        for count in 1..30 {
            for many in 1..=count {
                for share in [1e-9, 0.01, 0.2, 0.7] {
                    let chance = so_many_of(count, many, share);
                    assert!(!is_at_most(0.99 * chance, count, many, share));
                    let rest = few_of_many(count, many - 1, share);
                    assert!((chance + rest - 1.0).abs() < 1e-9);
                }
            }
        }
        assert!(is_at_most(0.05, 24, 20, 0.1));
        assert!(so_few_of_at_least(10, 14, 8, 3) < so_few_of(10, 14, 8, 3));
    }
}
