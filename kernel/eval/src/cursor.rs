//! What stands around the cursor in a cell.

use crate::tokens::{Step, rust_start, step};

/// What stands around a position in a cell, for completion.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor<'a> {
    /// The part of a word before the position.
    pub(crate) prefix: &'a str,
    /// Everything before the dot, when the word follows one.
    pub(crate) receiver: Option<&'a str>,
    /// `Region` in `Region::rec`.
    pub(crate) path_of: Option<&'a str>,
    /// `Params` in `Params { rad`, where a field name is expected.
    pub(crate) literal_of: Option<&'a str>,
    /// Fields already written in that literal.
    pub(crate) fields_before: Vec<&'a str>,
    /// `Params` and `radius` in `Params { radius: 4`, where the value begins at the word.
    pub(crate) value_of: Option<(&'a str, &'a str)>,
    /// What is called in `find_peaks(Norm`, where an argument begins at the word.
    pub(crate) argument_of: Option<Argument<'a>>,
}

/// An argument that begins at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Argument<'a> {
    /// The function or method.
    pub(crate) of: &'a str,
    pub(crate) is_method: bool,
    /// Counted from 0.
    pub(crate) index: usize,
    /// What stands before the word in this argument: `&`, `&[`, `&[&`.
    pub(crate) written: &'a str,
}

/// An open bracket and the word before it.
struct Open<'a> {
    bracket: u8,
    word: &'a str,
    /// The word follows a dot.
    is_method: bool,
    /// Words followed by a colon directly inside.
    fields: Vec<&'a str>,
    /// A field name may start here.
    at_field: bool,
    /// Commas directly inside.
    commas: usize,
    /// Where the item begins that the cursor is in.
    from: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn at(code: &'a str, byte: usize) -> Self {
        let code = &code[..byte];
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut word = "";
        let mut dotted = false;
        let mut after_dot = false;
        let mut at = rust_start(code).min(code.len());
        let mut start = code.len();
        while at < code.len() {
            match step(code, at) {
                // Inside a literal or comment nothing is completed.
                Step::Unfinished => return Cursor::default(),
                Step::Skip(end) => {
                    word = "";
                    at = end;
                }
                Step::Word(end) => {
                    if end == code.len() {
                        start = at;
                        break;
                    }
                    word = &code[at..end];
                    (dotted, after_dot) = (after_dot, false);
                    at = end;
                }
                Step::Byte(bracket) => {
                    bracket_or_sign(bracket, (word, dotted), at, &mut open);
                    if !bracket.is_ascii_whitespace() {
                        word = "";
                        after_dot = bracket == b'.';
                    }
                    at += 1;
                }
            }
        }
        let before = code[..start].trim_end();
        let mut cursor = Cursor {
            prefix: &code[start..],
            ..Cursor::default()
        };
        if let Some(receiver) = before.strip_suffix('.') {
            // `..default()` is no receiver, and neither is the number in `1.`.
            if !receiver.ends_with('.') {
                cursor.receiver = Some(receiver);
            }
            return cursor;
        }
        if let Some(path) = before.strip_suffix("::") {
            cursor.path_of = path
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
            return cursor;
        }
        cursor.argument_of = argument(&open, &code[..start]);
        if let Some(last) = open.pop()
            && last.bracket == b'{'
            && last.word.starts_with(char::is_uppercase)
        {
            if last.at_field {
                cursor.literal_of = Some(last.word);
                cursor.fields_before = last.fields;
            } else if let Some(field) = last.fields.last()
                && before
                    .strip_suffix(':')
                    .is_some_and(|text| text.trim_end().ends_with(field))
            {
                cursor.value_of = Some((last.word, field));
            }
        }
        cursor
    }
}

/// The call whose argument begins at the end of `code`: only signs of borrowing and of a list stand before it.
fn argument<'a>(open: &[Open<'a>], code: &'a str) -> Option<Argument<'a>> {
    let call = open.iter().rposition(|open| open.bracket == b'(')?;
    let lists = open[call + 1..]
        .iter()
        .all(|open| open.bracket == b'[' && open.word.is_empty());
    let call = &open[call];
    // Later items of a list are written like the first.
    let from = open.last().map_or(call.from, |last| last.from);
    let own = code[from..].trim();
    let written = code[call.from..].trim();
    let begins = own.chars().all(|letter| matches!(letter, '&' | '[' | ' '));
    (lists && begins && !call.word.is_empty()).then_some(Argument {
        of: call.word,
        is_method: call.is_method,
        index: call.commas,
        written,
    })
}

fn bracket_or_sign<'a>(
    byte: u8,
    (word, is_method): (&'a str, bool),
    at: usize,
    open: &mut Vec<Open<'a>>,
) {
    match byte {
        b'(' | b'[' | b'{' => open.push(Open {
            bracket: byte,
            word,
            is_method,
            fields: Vec::new(),
            at_field: byte == b'{',
            commas: 0,
            from: at + 1,
        }),
        b')' | b']' | b'}' => {
            open.pop();
        }
        byte if byte.is_ascii_whitespace() => {}
        byte => {
            if let Some(last) = open.last_mut() {
                if byte == b':' && !word.is_empty() {
                    last.fields.push(word);
                }
                last.at_field = byte == b',' && last.bracket == b'{';
                if byte == b',' {
                    last.commas += 1;
                    last.from = at + 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(code: &str) -> Option<(&str, bool, usize, &str)> {
        let found = Cursor::at(code, code.len()).argument_of?;
        Some((found.of, found.is_method, found.index, found.written))
    }

    #[test]
    fn an_argument_knows_its_call() {
        assert_eq!(
            argument("scan.find_peaks("),
            Some(("find_peaks", true, 0, ""))
        );
        assert_eq!(
            argument("scan.find_peaks(Norm"),
            Some(("find_peaks", true, 0, ""))
        );
        assert_eq!(
            argument("open_with(\"a\", "),
            Some(("open_with", false, 1, ""))
        );
        assert_eq!(
            argument("compute_all(&[&a, &b"),
            Some(("compute_all", false, 0, "&[&a, &"))
        );
        assert_eq!(argument("scan.apply(&"), Some(("apply", true, 0, "&")));
        assert_eq!(argument("scan.find_peaks(x + "), None);
        assert_eq!(argument("scan.find_peaks(NormalizedCorrelation { "), None);
        assert_eq!(argument("scan."), None);
        assert_eq!(argument("(1, "), None);
    }

    #[test]
    fn a_value_knows_its_field() {
        let value = |code: &'static str| Cursor::at(code, code.len()).value_of;
        assert_eq!(value("Disk { statistic: "), Some(("Disk", "statistic")));
        assert_eq!(
            value("Disk { radius: 4.0, statistic: St"),
            Some(("Disk", "statistic"))
        );
        assert_eq!(value("Disk { radius: 4.0 + "), None);
        assert_eq!(value("Disk { "), None);
    }
}
