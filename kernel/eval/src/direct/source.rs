//! The text of a cell before it is parsed: whether a parser may touch it, and where words stand.

use crate::tokens::{Step, step};

/// Longer cells go to the compiler.
const LONGEST: usize = 64 << 10;
/// Deepest tree of expressions. Parser, checks and destructors descend once per level.
const DEEPEST: usize = 250;

/// Whether the text can be parsed and walked recursively without fear for the thread's stack.
///
/// Depth comes from brackets and from chains (`a.b.c`, `a + b + c`, `- - a`), so every word and sign counts
/// until the next comma or semicolon at its level.
pub(crate) fn is_shallow(code: &str) -> bool {
    // Words, signs and brackets of the chain at each open bracket.
    let mut chains = vec![0usize];
    let mut depth = 0;
    let mut at = 0;
    let mut after_block = false;
    while at < code.len() {
        let start = at;
        let byte = match step(code, at) {
            Step::Unfinished => return true,
            Step::Skip(end) => {
                at = end;
                continue;
            }
            Step::Word(end) => {
                at = end;
                b'_'
            }
            Step::Byte(byte) => {
                at += 1;
                byte
            }
        };
        if byte.is_ascii_whitespace() {
            continue;
        }
        // What follows a block is another statement, unless the block was a part of an expression.
        let fresh = std::mem::replace(&mut after_block, byte == b'}')
            && matches!(byte, b'_' | b'#' | b'{')
            && &code[start..at] != "else";
        if fresh || matches!(byte, b',' | b';') {
            depth -= chains.last().copied().unwrap_or(0);
            if let Some(chain) = chains.last_mut() {
                *chain = 0;
            }
        }
        if matches!(byte, b',' | b';') {
            continue;
        }
        if matches!(byte, b')' | b']' | b'}') {
            if chains.len() > 1 {
                depth -= chains.pop().unwrap_or(0);
            }
            continue;
        }
        depth += 1;
        if let Some(chain) = chains.last_mut() {
            *chain += 1;
        }
        if matches!(byte, b'(' | b'[' | b'{') {
            chains.push(0);
        }
        if depth > DEEPEST {
            return false;
        }
    }
    true
}

pub(super) fn is_short(code: &str) -> bool {
    code.len() <= LONGEST
}

/// Lines and columns, from 1, of a word wherever it stands outside literals and comments.
pub(super) fn places(code: &str, word: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        match step(code, at) {
            Step::Unfinished => break,
            Step::Skip(end) => at = end,
            Step::Word(end) => {
                if &code[at..end] == word {
                    found.push(place(code, at));
                }
                at = end;
            }
            Step::Byte(_) => at += 1,
        }
    }
    found
}

/// Line and column, from 1, of a byte.
pub(super) fn place(code: &str, at: usize) -> (usize, usize) {
    let before = &code[..at];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[start..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_and_brackets_are_deep_and_lists_are_not() {
        let list = format!("f([{}])", "1.0, ".repeat(5000));
        assert!(is_shallow(&list));
        assert!(is_shallow(&"let a = open(\"x\")?;\n".repeat(1000)));
        assert!(is_shallow(&"fn f(x: u8) -> u8 { x }\n".repeat(1000)));
        assert!(is_shallow(&"if x { f(); }\n#[test]\n{ 1 }".repeat(1000)));
        for hostile in [
            "(".repeat(100_000),
            "[".repeat(300),
            format!("1{}", " + 1".repeat(200)),
            format!("a{}", ".b".repeat(200)),
            format!("{}1", "-".repeat(300)),
            format!("{}1", "& ".repeat(300)),
            "return ".repeat(300),
            "f(a, ".repeat(200),
            "if x {} else ".repeat(100),
        ] {
            assert!(!is_shallow(&hostile), "{}", &hostile[..20]);
        }
    }

    #[test]
    fn words_are_found_outside_of_texts() {
        let code = "a.unwrap(); // unwrap\n\"unwrap\"; é.unwrap()";
        assert_eq!(places(code, "unwrap"), [(1, 3), (2, 13)]);
    }
}
