//! The inputs of this kernel and of those before it, answering `history_request`.
//!
//! Sessions are kernels, counted from 1 for each user; clients call the current one 0 and earlier ones
//! by negative numbers, as IPython does. Results are kept for the current session only.

mod file;

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use self::file::Store;

/// What is remembered of this session; the oldest go first.
const MAX_ENTRIES: usize = 10_000;
const MAX_BYTES: usize = 8 << 20;
/// A longer input is not remembered.
const MAX_INPUT: usize = 256 << 10;
/// A longer result is cut.
const MAX_OUTPUT: usize = 16 << 10;

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    session: i64,
    line: i64,
    input: String,
    output: Option<String>,
}

#[derive(Default)]
struct Own {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// Whose numbers are asked for are the client's: `None` is the default of each question.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// The last `n` entries, those of this session last.
    Tail { n: Option<i64> },
    /// Lines `start .. stop` of a session. Negative lines count from its end; without `stop`, to its end.
    Range {
        session: i64,
        start: i64,
        stop: Option<i64>,
    },
    /// The last `n` entries whose whole input matches the glob `pattern` (`*` and `?`).
    Search {
        pattern: String,
        n: Option<i64>,
        unique: bool,
    },
}

/// Number of entries a tail has when nothing is said.
const DEFAULT_TAIL: i64 = 10;

pub struct History {
    own: Mutex<Own>,
    store: Option<Store>,
}

impl History {
    /// Keeps the inputs in `folder` too, for the kernels to come; without one, or when it cannot be written,
    /// in memory only. Touches no file before the first input.
    pub fn new(folder: Option<PathBuf>) -> Self {
        History {
            own: Mutex::default(),
            store: folder.and_then(Store::start),
        }
    }

    /// Remembers an input. Does not wait for the disk.
    pub fn add(&self, line: u32, input: &str) {
        if input.len() > MAX_INPUT {
            return;
        }
        let mut own = self.own();
        while own.entries.len() >= MAX_ENTRIES || own.bytes + input.len() > MAX_BYTES {
            let Some(oldest) = own.entries.pop_front() else {
                break;
            };
            own.bytes -= oldest.bytes();
        }
        let entry = Entry {
            session: 0,
            line: line.into(),
            input: input.to_owned(),
            output: None,
        };
        own.bytes += entry.bytes();
        own.entries.push_back(entry);
        drop(own);
        if let Some(store) = &self.store {
            store.add(line, input);
        }
    }

    /// Sets the result of a line that has been added.
    pub fn set_output(&self, line: u32, mut output: String) {
        if output.len() > MAX_OUTPUT {
            let end = (0..=MAX_OUTPUT)
                .rev()
                .find(|at| output.is_char_boundary(*at));
            output.truncate(end.unwrap_or(0));
            output.push('…');
        }
        let mut own = self.own();
        let added = output.len();
        let entry = (own.entries.iter_mut().rev()).find(|entry| entry.line == i64::from(line));
        if let Some(entry) = entry {
            entry.output = Some(output);
            own.bytes += added;
        }
    }

    /// Rows of a `history_reply`: `[session, line, input]`, or `[session, line, [input, output]]`.
    pub fn ask(&self, question: &Question, with_output: bool) -> Vec<Value> {
        let (mut entries, current) = self.everything();
        let found: Vec<Entry> = match question {
            Question::Tail { n } => last(entries, n.unwrap_or(DEFAULT_TAIL)),
            Question::Range {
                session,
                start,
                stop,
            } => {
                let session = if *session <= 0 {
                    session + current
                } else {
                    *session
                };
                entries.retain(|entry| entry.session == session);
                let end = entries.last().map_or(0, |entry| entry.line + 1);
                let from_end = |line: i64| if line < 0 { line + end } else { line };
                // IPython takes a stop of 0 for none.
                let stop = stop.filter(|stop| *stop != 0).map_or(end, from_end);
                let lines = from_end(*start)..stop;
                entries.retain(|entry| lines.contains(&entry.line));
                entries
            }
            Question::Search { pattern, n, unique } => {
                let mut seen = HashSet::new();
                let mut found: Vec<Entry> = entries
                    .into_iter()
                    .rev()
                    .filter(|entry| matches_glob(pattern, &entry.input))
                    .filter(|entry| !unique || seen.insert(entry.input.clone()))
                    .take(n.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(0)))
                    .collect();
                found.reverse();
                found
            }
        };
        found.iter().map(|entry| entry.row(with_output)).collect()
    }

    /// Earlier sessions in their order, then this one, with its number.
    fn everything(&self) -> (Vec<Entry>, i64) {
        let (mut entries, session) = match &self.store {
            Some(store) => store.read(!self.own().entries.is_empty()),
            None => (Vec::new(), 1),
        };
        entries.retain(|entry| entry.session != session);
        // Kernels that run side by side write in turns.
        entries.sort_by_key(|entry| (entry.session, entry.line));
        let own = self.own();
        entries.extend(own.entries.iter().map(|entry| Entry {
            session,
            ..entry.clone()
        }));
        (entries, session)
    }

    /// Waits until what was added is written, at most for `limit`.
    pub fn flush(&self, limit: Duration) {
        if let Some(store) = &self.store {
            store.flush(limit);
        }
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn last(mut entries: Vec<Entry>, n: i64) -> Vec<Entry> {
    let n = usize::try_from(n).unwrap_or(0);
    entries.split_off(entries.len().saturating_sub(n))
}

impl Entry {
    fn bytes(&self) -> usize {
        self.input.len() + self.output.as_ref().map_or(0, String::len)
    }

    fn row(&self, with_output: bool) -> Value {
        if with_output {
            json!([self.session, self.line, [self.input, self.output]])
        } else {
            json!([self.session, self.line, self.input])
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

    fn fill(history: &History) {
        for (line, input) in [
            (1, "let a = 1;"),
            (2, "a + 1"),
            (3, "let a = 1;"),
            (4, "open(\"x\")?"),
        ] {
            history.add(line, input);
        }
        history.set_output(2, "2".into());
    }

    fn tail(n: i64) -> Question {
        Question::Tail { n: Some(n) }
    }

    fn range(session: i64, start: i64, stop: Option<i64>) -> Question {
        Question::Range {
            session,
            start,
            stop,
        }
    }

    fn search(pattern: &str, n: Option<i64>, unique: bool) -> Question {
        Question::Search {
            pattern: pattern.into(),
            n,
            unique,
        }
    }

    #[test]
    fn tail_range_and_search() {
        let history = History::new(None);
        fill(&history);
        assert_eq!(
            history.ask(&tail(2), false),
            [json!([1, 3, "let a = 1;"]), json!([1, 4, "open(\"x\")?"])]
        );
        assert_eq!(history.ask(&Question::Tail { n: None }, false).len(), 4);
        assert!(history.ask(&tail(-1), false).is_empty());
        assert_eq!(
            history.ask(&range(0, 2, Some(3)), true),
            [json!([1, 2, ["a + 1", "2"]])]
        );
        assert_eq!(
            history.ask(&range(1, 4, Some(i64::MAX)), true),
            [json!([1, 4, ["open(\"x\")?", null]])]
        );
        assert_eq!(
            history.ask(&range(0, -1, None), false),
            [json!([1, 4, "open(\"x\")?"])]
        );
        assert_eq!(history.ask(&range(0, 1, Some(-1)), false).len(), 3);
        assert!(history.ask(&range(-1, 0, Some(9)), false).is_empty());
        assert_eq!(history.ask(&search("let*", None, false), false).len(), 2);
        for question in [search("let*", None, true), search("let*", Some(1), false)] {
            assert_eq!(history.ask(&question, false), [json!([1, 3, "let a = 1;"])]);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let history = History::new(None);
        let long = "x".repeat(MAX_INPUT);
        for line in 1..=40 {
            history.add(line, &long);
        }
        history.add(41, &"x".repeat(MAX_INPUT + 1));
        history.set_output(40, "é".repeat(MAX_OUTPUT));
        let rows = history.ask(&tail(99), true);
        assert!(history.own().bytes <= MAX_BYTES + MAX_OUTPUT + 4);
        assert_eq!(rows.last().unwrap()[1], 40);
        assert!(rows.len() > 20 && rows.len() <= MAX_BYTES / MAX_INPUT);
        assert!(rows.last().unwrap()[2][1].as_str().unwrap().ends_with('…'));
    }

    #[test]
    fn sessions_follow_each_other_and_run_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let kernel = || History::new(Some(folder.path().join("history")));
        let patience = Duration::from_secs(20);
        let first = kernel();
        fill(&first);
        first.flush(patience);
        let (second, third) = (kernel(), kernel());
        assert!(second.ask(&range(-1, 4, None), false) == [json!([1, 4, "open(\"x\")?"])]);
        for line in 1..=50 {
            second.add(line, &format!("second {line}"));
            third.add(line, &format!("third {line}"));
        }
        second.flush(patience);
        third.flush(patience);
        let rows = second.ask(&range(0, 1, None), false);
        let own = rows[0][0].as_i64().unwrap();
        assert!((2..=3).contains(&own) && rows.len() == 50);
        assert!(
            rows.iter()
                .all(|row| row[2].as_str().unwrap().starts_with("second"))
        );
        // Its own inputs are the last ones, whoever wrote last.
        let rows = third.ask(&tail(60), false);
        assert!(
            rows[10..]
                .iter()
                .all(|row| row[2].as_str().unwrap().starts_with("third"))
        );
        assert_eq!(rows[0][2], "second 41");
        let last = kernel();
        assert_eq!(last.ask(&tail(1000), true).len(), 104);
        assert_eq!(
            last.ask(&range(-3, 2, Some(3)), true),
            [json!([1, 2, ["a + 1", null]])]
        );
        assert_eq!(last.ask(&search("*1", Some(3), false), false).len(), 3);
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
