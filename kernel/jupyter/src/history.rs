//! The inputs and results of this kernel's life, answering `history_request`.

use std::collections::{HashSet, VecDeque};

use serde_json::{Value, json};

/// Entries kept; older ones are forgotten.
const LIMIT: usize = 10_000;
/// Kernels have one session; clients call the current one 0, earlier ones by negative numbers.
const SESSION: i64 = 1;

struct Entry {
    line: u32,
    input: String,
    output: Option<String>,
}

#[derive(Default)]
pub struct History {
    entries: VecDeque<Entry>,
}

impl History {
    pub fn add(&mut self, line: u32, input: &str) {
        if self.entries.len() == LIMIT {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            line,
            input: input.to_owned(),
            output: None,
        });
    }

    /// Sets the result of a line that has been added.
    pub fn set_output(&mut self, line: u32, output: String) {
        if let Some(entry) = self
            .entries
            .iter_mut()
            .rev()
            .find(|entry| entry.line == line)
        {
            entry.output = Some(output);
        }
    }

    /// The last `n` entries.
    pub fn tail(&self, n: usize, with_output: bool) -> Vec<Value> {
        self.entries
            .iter()
            .skip(self.entries.len().saturating_sub(n))
            .map(|entry| entry.row(with_output))
            .collect()
    }

    /// Lines `start .. stop` of a session; only the current one is known.
    pub fn range(&self, session: i64, start: i64, stop: i64, with_output: bool) -> Vec<Value> {
        if session != 0 && session != SESSION {
            return Vec::new();
        }
        let lines = start.max(0)..stop;
        self.entries
            .iter()
            .filter(|entry| lines.contains(&i64::from(entry.line)))
            .map(|entry| entry.row(with_output))
            .collect()
    }

    /// The last `n` entries whose whole input matches the glob `pattern` (`*` and `?`).
    pub fn search(&self, pattern: &str, n: usize, unique: bool, with_output: bool) -> Vec<Value> {
        let mut seen = HashSet::new();
        let mut rows: Vec<Value> = self
            .entries
            .iter()
            .rev()
            .filter(|entry| matches_glob(pattern, &entry.input))
            .filter(|entry| !unique || seen.insert(entry.input.as_str()))
            .take(n)
            .map(|entry| entry.row(with_output))
            .collect();
        rows.reverse();
        rows
    }
}

impl Entry {
    fn row(&self, with_output: bool) -> Value {
        if with_output {
            json!([SESSION, self.line, [self.input, self.output]])
        } else {
            json!([SESSION, self.line, self.input])
        }
    }
}

/// Whether `text` as a whole matches `pattern`, where `*` stands for any run and `?` for one character.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to resume when a literal fails: after the last star, one character further on.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    (p, t) = (after_star, from + 1);
                    retry = Some((after_star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for (line, input) in [
            (1, "let a = 1;"),
            (2, "a + 1"),
            (3, "let a = 1;"),
            (4, "open(\"x\")?"),
        ] {
            history.add(line, input);
        }
        history.set_output(2, "2".into());
        history
    }

    #[test]
    fn tail_range_and_search() {
        let history = history();
        assert_eq!(
            history.tail(2, false),
            [json!([1, 3, "let a = 1;"]), json!([1, 4, "open(\"x\")?"])]
        );
        assert_eq!(
            history.range(0, 2, 3, true),
            [json!([1, 2, ["a + 1", "2"]])]
        );
        assert_eq!(
            history.range(1, 4, i64::MAX, true),
            [json!([1, 4, ["open(\"x\")?", null]])]
        );
        assert!(history.range(-1, 0, 9, false).is_empty());
        assert_eq!(history.search("let*", 9, false, false).len(), 2);
        assert_eq!(
            history.search("let*", 9, true, false),
            [json!([1, 3, "let a = 1;"])]
        );
        assert_eq!(
            history.search("let*", 1, false, false),
            [json!([1, 3, "let a = 1;"])]
        );
    }

    #[test]
    fn globs_match_whole_inputs() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "abbc", false),
            ("*b*", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a", "ab", false),
            ("", "", true),
            ("é?", "éà", true),
        ] {
            assert_eq!(matches_glob(pattern, text), matches, "{pattern} on {text}");
        }
    }
}
