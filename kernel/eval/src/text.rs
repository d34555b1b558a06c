//! Pieces of a line of code: the expression it ends with, what stands in brackets, items of a list.

use crate::tokens::{Step, step};

/// The expression a text ends with: `scan.frame((0, 0))` of `let x = scan.frame((0, 0))`.
pub(crate) fn last_expression(text: &str) -> &str {
    let text = text.trim_end();
    let mut depth = 0usize;
    let mut start = text.len();
    for (at, character) in text.char_indices().rev() {
        match character {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            character if character.is_alphanumeric() || "_.?:\"".contains(character) => {}
            _ => break,
        }
        start = at;
    }
    &text[start..]
}

/// The expression a text begins with, as far as names, numbers, calls and indices go: `flat.len()` of `flat.len() + 1`.
pub(crate) fn first_expression(text: &str) -> &str {
    let mut end = 0;
    while let Some(next) = text[end..].chars().next() {
        end += match next {
            '(' | '[' => match in_brackets(&text[end..]) {
                Some(inner) => inner.len() + 2,
                None => break,
            },
            next if next.is_alphanumeric() || "_.?:".contains(next) => next.len_utf8(),
            _ => break,
        };
    }
    &text[..end]
}

/// What stands in the brackets a text begins with: `25, 36` of `(25, 36)?;`.
pub(crate) fn in_brackets(text: &str) -> Option<&str> {
    let close = match text.as_bytes().first()? {
        b'(' => b')',
        b'[' => b']',
        b'{' => b'}',
        _ => return None,
    };
    let mut open = vec![close];
    let mut at = 1;
    while at < text.len() {
        at = match step(text, at) {
            Step::Unfinished => return None,
            Step::Skip(end) | Step::Word(end) => end,
            Step::Byte(byte) => {
                match byte {
                    b'(' => open.push(b')'),
                    b'[' => open.push(b']'),
                    b'{' => open.push(b'}'),
                    b')' | b']' | b'}' => {
                        if open.pop() != Some(byte) {
                            return None;
                        }
                        if open.is_empty() {
                            return Some(&text[1..at]);
                        }
                    }
                    _ => {}
                }
                at + 1
            }
        };
    }
    None
}

/// Where a sign stands outside of brackets, texts and comments; each place once.
pub(crate) fn at_top(text: &str, sign: u8) -> Vec<usize> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        at = match step(text, at) {
            Step::Unfinished => break,
            Step::Skip(end) | Step::Word(end) => end,
            Step::Byte(byte) => {
                match byte {
                    _ if byte == sign && depth == 0 => found.push(at),
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                at + 1
            }
        };
    }
    found
}

/// Items between commas, outside of brackets and texts; an empty one at the end is no item.
pub(crate) fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut from = 0;
    for at in at_top(text, b',') {
        items.push(text[from..at].trim());
        from = at + 1;
    }
    items.push(text[from..].trim());
    if items.last().is_some_and(|last| last.is_empty()) {
        items.pop();
    }
    items
}

/// A name as a variable may have it.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// `5`, `-3`, `1_000`: a number without a point.
pub(crate) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '_')
}

/// A number as a decimal one: `4` becomes `4.0`; anything else stays.
pub(crate) fn decimal(text: &str) -> String {
    if is_whole(text) {
        format!("{text}.0")
    } else {
        text.to_owned()
    }
}

/// Whether the text is a number of either kind.
pub(crate) fn is_number(text: &str) -> bool {
    is_whole(text) || (text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit()))
}

/// Text inside of HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Whether a parser of Rust takes it as statements of a cell.
pub(crate) fn parses(code: &str) -> bool {
    crate::direct::is_shallow(code)
        && syn::parse::Parser::parse_str(syn::Block::parse_within, code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_found_in_their_line() {
        assert_eq!(
            last_expression("let x = scan.frame((0, 0))"),
            "scan.frame((0, 0))"
        );
        assert_eq!(
            last_expression("f(open(\"a b.zspy\")"),
            "open(\"a b.zspy\")"
        );
        assert_eq!(last_expression("flat"), "flat");
        assert_eq!(
            first_expression("flat.at((0, 1))?[2] + 1"),
            "flat.at((0, 1))?[2]"
        );
        assert_eq!(first_expression("2.0)?"), "2.0");
        assert_eq!(first_expression(" x"), "");
        assert_eq!(last_expression(""), "");
        assert_eq!(in_brackets("(25, (3, 4))?;"), Some("25, (3, 4)"));
        assert_eq!(in_brackets("[\"]\", 1] x"), Some("\"]\", 1"));
        assert_eq!(in_brackets("x(1)"), None);
        assert_eq!(in_brackets("(1"), None);
    }

    #[test]
    fn lists_are_cut_at_their_commas() {
        assert_eq!(items("a, (b, c), \"d, e\","), ["a", "(b, c)", "\"d, e\""]);
        assert_eq!(items(""), [""; 0]);
        assert_eq!(at_top("a: (b: c), d", b':'), [1]);
        assert_eq!(decimal("-4"), "-4.0");
        assert_eq!(decimal("x"), "x");
        assert!(is_number("1e-3") && is_number("4") && !is_number("inf") && !is_number("x"));
    }
}
