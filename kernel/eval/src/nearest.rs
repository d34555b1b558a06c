//! The name that was meant.

use crate::api::Entry;

/// The entry whose name is nearest, if it is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(
    name: &str,
    entries: impl Iterator<Item = &'a Entry>,
) -> Option<&'a Entry> {
    nearest_by(name, entries, |entry| &entry.name)
}

/// As [`nearest`], of anything that has a name.
pub(crate) fn nearest_by<T>(
    name: &str,
    all: impl Iterator<Item = T>,
    name_of: impl Fn(&T) -> &str,
) -> Option<T> {
    let limit = 1 + name.chars().count() / 4;
    let score = |found: &T| {
        let theirs = name_of(found);
        if theirs.starts_with(&format!("{name}_")) || theirs.ends_with(&format!("_{name}")) {
            // `inner` of `inner_radius`.
            1
        } else {
            distance(&name.to_lowercase(), &theirs.to_lowercase())
        }
    };
    all.map(|found| (score(&found), found))
        .filter(|(score, _)| *score <= limit)
        .min_by_key(|(score, _)| *score)
        .map(|(_, found)| found)
}

/// Number of characters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_by_their_letters() {
        assert_eq!(distance("radios", "radius"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("centre", "center"), 2);
        let found = nearest_by("find_peak", ["shape", "find_peaks"].into_iter(), |name| {
            name
        });
        assert_eq!(found, Some("find_peaks"));
    }
}
