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
}

/// An open bracket and the word before it.
struct Open<'a> {
    word: &'a str,
    /// Words followed by a colon directly inside.
    fields: Vec<&'a str>,
    /// A field name may start here.
    at_field: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn at(code: &'a str, byte: usize) -> Self {
        let code = &code[..byte];
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut word = "";
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
                    at = end;
                }
                Step::Byte(bracket) => {
                    bracket_or_sign(bracket, word, &mut open);
                    if !bracket.is_ascii_whitespace() {
                        word = "";
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
        } else if let Some(path) = before.strip_suffix("::") {
            cursor.path_of = path
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
        } else if let Some(last) = open.pop()
            && last.at_field
            && last.word.starts_with(char::is_uppercase)
        {
            cursor.literal_of = Some(last.word);
            cursor.fields_before = last.fields;
        }
        cursor
    }
}

fn bracket_or_sign<'a>(byte: u8, word: &'a str, open: &mut Vec<Open<'a>>) {
    match byte {
        b'(' | b'[' | b'{' => open.push(Open {
            word: if byte == b'{' { word } else { "" },
            fields: Vec::new(),
            at_field: byte == b'{',
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
                last.at_field = byte == b',';
            }
        }
    }
}
