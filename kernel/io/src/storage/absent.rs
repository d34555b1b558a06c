//! Chunks that a store announces and does not have: their pixels are the fill value, and look like counts of zero.
//!
//! How many there are is known from a look at some of them when the file is opened, and then from what is read.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;
use signal::Caveat;

use crate::storage::lock::lock;

/// Chunks of an array that are not in its store, as far as it was looked at.
pub struct Absent {
    store: String,
    /// What stands in their place, as a sentence goes on: `their frames are the fill value 0`.
    filled: String,
    /// Chunks of the array.
    total: u64,
    /// Chunks that were looked at when the file was opened, and those of them that were not there.
    looked: u64,
    at_opening: u64,
    /// The look at the opening told of every chunk.
    exact: bool,
    seen: Mutex<Seen>,
}

/// One bit for each chunk that is known to be absent.
#[derive(Default)]
struct Seen {
    words: HashMap<u64, u64>,
    count: u64,
}

impl Absent {
    /// Nothing was looked at yet. `pieces`: what one chunk holds, `frames` or `pixels`.
    pub fn of(store: &Path, total: u64, pieces: &str, fill: Option<&Value>) -> Self {
        let fill = match fill {
            Some(Value::String(text)) => format!("are the fill value {text}"),
            // `0` for 0.0 too.
            Some(value) if value.is_f64() => {
                format!("are the fill value {}", value.as_f64().unwrap_or(f64::NAN))
            }
            Some(value) if !value.is_null() => format!("are the fill value {value}"),
            _ => "are undefined: the header names no fill value, and they are read as 0".into(),
        };
        Absent {
            store: (store.file_name().unwrap_or_default().to_string_lossy()).into_owned(),
            filled: format!("their {pieces} {fill}"),
            total,
            looked: 0,
            at_opening: 0,
            exact: false,
            seen: Mutex::default(),
        }
    }

    /// What the look at the opening gave; `exact` when nothing was left out.
    pub fn looked(&mut self, looked: u64, absent: u64, exact: bool) {
        (self.looked, self.at_opening, self.exact) = (looked, absent, exact);
    }

    /// A chunk was found to be absent.
    pub fn note(&self, chunk: u64) {
        let mut seen = lock(&self.seen);
        let word = seen.words.entry(chunk / 64).or_default();
        let bit = 1 << (chunk % 64);
        if *word & bit == 0 {
            *word |= bit;
            seen.count += 1;
        }
    }

    /// Whether a chunk is known to be absent.
    pub fn has(&self, chunk: u64) -> bool {
        let seen = lock(&self.seen);
        (seen.words.get(&(chunk / 64))).is_some_and(|word| word & (1 << (chunk % 64)) != 0)
    }

    pub fn caveat(&self) -> Option<Caveat> {
        let count = lock(&self.seen).count.max(self.at_opening);
        let Absent {
            store,
            filled,
            total,
            ..
        } = self;
        let how_many = match count {
            0 => return None,
            count if count >= *total => {
                format!("none of the {total} chunks is in the store {store}")
            }
            1 if self.exact => format!("1 of {total} chunks is not in the store {store}"),
            count if self.exact => {
                format!("{count} of {total} chunks are not in the store {store}")
            }
            count => format!("at least {count} of {total} chunks are not in the store {store}"),
        };
        let estimate = match self.looked {
            looked if !self.exact && self.at_opening > 0 && looked > 0 && count < *total => {
                format!(
                    " (of {looked} that were looked at when it was opened, {})",
                    self.at_opening
                )
            }
            _ => String::new(),
        };
        Some(Caveat::new(
            "absent_chunks",
            format!("{how_many}{estimate}; {filled}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(absent: &Absent) -> String {
        absent
            .caveat()
            .map_or_else(String::new, |caveat| caveat.text)
    }

    #[test]
    fn each_absent_chunk_counts_once() {
        let store = Path::new("data/half.zspy");
        let absent = Absent::of(store, 200, "frames", Some(&json!(0)));
        assert_eq!(text(&absent), "");
        for chunk in [3, 3, 130, 63, 64, 3] {
            absent.note(chunk);
        }
        assert!(absent.has(130) && absent.has(63) && !absent.has(2));
        assert_eq!(
            text(&absent),
            "at least 4 of 200 chunks are not in the store half.zspy; their frames are the fill value 0"
        );
    }

    #[test]
    fn what_is_known_exactly_and_what_is_not() {
        let store = Path::new("half.zspy");
        let looked = |total, looked, found, exact, fill: Option<&Value>| {
            let mut absent = Absent::of(store, total, "pixels", fill);
            absent.looked(looked, found, exact);
            text(&absent)
        };
        assert_eq!(
            looked(64, 64, 32, true, Some(&json!("NaN"))),
            "32 of 64 chunks are not in the store half.zspy; their pixels are the fill value NaN"
        );
        assert_eq!(
            looked(64, 64, 64, true, Some(&json!(7))),
            "none of the 64 chunks is in the store half.zspy; their pixels are the fill value 7"
        );
        assert!(looked(64, 64, 8, true, Some(&json!(0.0))).ends_with("the fill value 0"));
        assert_eq!(
            looked(9000, 4096, 1, false, Some(&Value::Null)),
            "at least 1 of 9000 chunks are not in the store half.zspy (of 4096 that were looked at when it \
             was opened, 1); their pixels are undefined: the header names no fill value, and they are read as 0"
        );
        assert_eq!(looked(64, 64, 0, true, None), "");
    }
}
