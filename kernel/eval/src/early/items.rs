//! The items of a cell (functions, types, imports) as the person wrote them.

use std::ops::Range;

use crate::tokens::{Step, step};

/// Bytes of the top-level items; `None` when one is not found for sure. `count` is how many a parser saw.
pub(super) fn items(code: &str, count: usize) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut at = 0;
    // Where a statement may begin; attributes and `pub` belong to it.
    let mut start = None;
    let mut depth = 0usize;
    while at < code.len() && found.len() < count {
        let (end, byte, word) = match step(code, at) {
            Step::Unfinished => return None,
            Step::Skip(end) if is_comment(&code[at..]) => {
                at = end;
                continue;
            }
            Step::Skip(end) => (end, b'"', ""),
            Step::Word(end) => (end, b'_', &code[at..end]),
            Step::Byte(byte) => (at + 1, byte, ""),
        };
        if byte.is_ascii_whitespace() {
            at = end;
            continue;
        }
        if depth == 0 && begins_item(&code[at..], word) {
            let from = start.unwrap_or(at);
            let end = end_of_item(code, at)?;
            syn::parse_str::<syn::Item>(&code[from..end]).ok()?;
            found.push(from..end);
            (at, start) = (end, None);
            continue;
        }
        match byte {
            b'#' if depth == 0 && start.is_none() => start = Some(at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        // `#[…]` and its bracket may be followed by the item, anything else may not.
        if depth == 0 && !matches!(byte, b'#' | b']') {
            start = None;
        }
        at = end;
    }
    (found.len() == count).then_some(found)
}

fn is_comment(rest: &str) -> bool {
    rest.starts_with("//") || rest.starts_with("/*")
}

/// Words that only an item begins with; `rest` starts with `word`.
fn begins_item(rest: &str, word: &str) -> bool {
    let next = || {
        rest[word.len()..]
            .split_whitespace()
            .next()
            .unwrap_or_default()
    };
    match word {
        "pub" | "fn" | "struct" | "enum" | "trait" | "impl" | "mod" | "use" | "type" | "static"
        | "extern" => true,
        "macro_rules" => next().starts_with('!'),
        // `const { }` and `unsafe { }` are expressions.
        "const" | "unsafe" => !next().starts_with('{'),
        "async" => next() == "fn" || next() == "unsafe",
        _ => false,
    }
}

/// The byte behind an item that begins at `start`.
fn end_of_item(code: &str, start: usize) -> Option<usize> {
    // A value or a path may hold braces; then the semicolon ends it.
    let mut to_semicolon = None;
    let mut depth = 0usize;
    let mut at = start;
    while at < code.len() {
        let end = match step(code, at) {
            Step::Unfinished => return None,
            Step::Skip(end) => end,
            Step::Word(end) => {
                match &code[at..end] {
                    "use" | "type" | "static" => _ = to_semicolon.get_or_insert(true),
                    // `const fn` is a function.
                    "fn" | "struct" | "enum" | "union" | "trait" | "impl" | "mod"
                        if to_semicolon != Some(true) || code[start..at].contains("const") =>
                    {
                        to_semicolon = Some(false);
                    }
                    "const" => _ = to_semicolon.get_or_insert(true),
                    _ => {}
                }
                end
            }
            Step::Byte(byte) => {
                let end = at + 1;
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' => depth = depth.checked_sub(1)?,
                    b'}' => {
                        depth = depth.checked_sub(1)?;
                        if depth == 0 && to_semicolon != Some(true) {
                            return Some(end);
                        }
                    }
                    b';' if depth == 0 => return Some(end),
                    _ => {}
                }
                end
            }
        };
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_between_statements() {
        let code = "use std::fmt::{self, Debug};\nlet a = if b { 1 } else { 2 };\n/// Doc.\n#[derive(Debug)]\nstruct S { x: u8 }\n\
                    for i in 0..3 { fn inner() {} }\nconst fn f<T>(x: T) -> [T; 1] where T: Copy { [x] }\nconst N: usize = { 3 };\n\
                    impl S { fn g(&self) {} }\nmacro_rules! m { () => {} }\nunsafe { h() };\npub(crate) type T = u8;\nf(S { x: 1 })";
        let found = items(code, 7).unwrap();
        let texts: Vec<&str> = found.iter().map(|range| &code[range.clone()]).collect();
        assert_eq!(
            texts,
            [
                "use std::fmt::{self, Debug};",
                "#[derive(Debug)]\nstruct S { x: u8 }",
                "const fn f<T>(x: T) -> [T; 1] where T: Copy { [x] }",
                "const N: usize = { 3 };",
                "impl S { fn g(&self) {} }",
                "macro_rules! m { () => {} }",
                "pub(crate) type T = u8;",
            ]
        );
    }

    #[test]
    fn what_is_not_sure_is_not_taken() {
        assert_eq!(items("let a = 1;", 0), Some(vec![]));
        assert_eq!(items("let a = 1;", 1), None);
        assert_eq!(items("fn f() {", 1), None);
    }
}
