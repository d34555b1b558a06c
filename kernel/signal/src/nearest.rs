/// The names closest to `name` by edit distance, best first, at most `most`; far ones are left out.
pub fn nearest_names<'a>(
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let limit = name.chars().count().max(4) / 2 + 1;
    let mut scored: Vec<(usize, &str)> = names
        .into_iter()
        .map(|other| (edits(&name.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(distance, other)| {
            *distance <= limit || other.to_lowercase().contains(&name.to_lowercase())
        })
        .collect();
    scored.sort();
    scored
        .into_iter()
        .take(most)
        .map(|(_, name)| name)
        .collect()
}

/// Characters to insert, remove or replace to make one text of the other (Levenshtein).
pub fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_slip_finds_its_name() {
        let names = ["strained_grain.zspy", "vacuum.mrc", "notes.txt"];
        assert_eq!(
            nearest_names("straned_grain.zspy", names, 3),
            ["strained_grain.zspy"]
        );
        assert!(nearest_names("qqqqqqq", names, 3).is_empty());
    }
}
