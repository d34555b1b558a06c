//! The name that was meant.

use signal::edits;

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
            edits(&name.to_lowercase(), &theirs.to_lowercase())
        }
    };
    all.map(|found| (score(&found), found))
        .filter(|(score, _)| *score <= limit)
        .min_by_key(|(score, _)| *score)
        .map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_by_their_letters() {
        let found = nearest_by("find_peak", ["shape", "find_peaks"].into_iter(), |name| {
            name
        });
        assert_eq!(found, Some("find_peaks"));
    }
}
