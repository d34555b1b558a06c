//! Whether numbers are two groups with little between them: Otsu's criterion.

/// Least share of the numbers that makes a group.
const GROUP: f64 = 0.2;

/// The division of numbers in two by which most of their variance lies between both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoGroups {
    /// How many are in the lower group.
    pub below: usize,
    /// Difference of the means.
    pub apart: f64,
    /// Variance of all, and how much of that lies between the groups.
    pub variance: f64,
    pub between: f64,
}

/// `None` for numbers of which no fifth stands on either side. `sorted` from the least on.
pub fn two_groups(sorted: &[f64]) -> Option<TwoGroups> {
    let count = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let squares: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
    let mut sum = 0.0;
    (1..sorted.len())
        .filter_map(|below| {
            sum += sorted[below - 1] - mean;
            let (less, more) = (below as f64, count - below as f64);
            let apart = -sum / less - sum / more;
            (less.min(more) >= GROUP * count).then_some(TwoGroups {
                below,
                apart,
                variance: squares / count,
                between: less * more / (count * count) * apart * apart,
            })
        })
        .max_by(|a, b| a.between.total_cmp(&b.between))
}
