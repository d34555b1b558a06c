//! The text of a cell before it is parsed: whether a parser may touch it, and where words stand.

use crate::tokens::{Step, step};

/// Longer cells go to the compiler.
const MAX: usize = 64 << 10;
/// Deepest tree of expressions in a direct cell: check and interpreter descend once per level.
const DEEPEST: usize = 250;
/// Deepest text for a parser alone; what is deeper would need more stack than a thread has.
const DEEPEST_TEXT: usize = 1000;

/// What a bracket or a prefix weighs: parsers need much more stack for it than for a link of a chain.
const HEAVY: usize = 5;

/// Whether parsers can read the text without fear for the thread's stack. What is deeper must not reach one.
pub(crate) fn is_shallow(code: &str) -> bool {
    is_within(code, DEEPEST_TEXT)
}

/// Whether the text can be checked and run without fear for the thread's stack.
pub(super) fn is_flat(code: &str) -> bool {
    is_within(code, DEEPEST)
}

/// Depth comes from brackets and from chains (`a.b.c`, `a + b + c`, `- - a`), so every word and sign counts
/// until the next comma or semicolon at its level.
fn is_within(code: &str, deepest: usize) -> bool {
    // Words, signs and brackets of the chain at each open bracket.
    let mut chains = vec![0usize];
    let mut depth = 0;
    let mut at = 0;
    let mut after_block = false;
    // Whether the token before was a word; `None` at the start of a chain.
    let mut was: Option<bool> = None;
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
            was = None;
            continue;
        }
        if matches!(byte, b')' | b']' | b'}') {
            was = Some(true);
            if chains.len() > 1 {
                depth -= chains.pop().unwrap_or(0);
            }
            continue;
        }
        let opens = matches!(byte, b'(' | b'[' | b'{');
        let word = byte == b'_';
        // Signs or words in a row: a prefix in front of another (`- - a`, `return return`).
        let heavy = opens || was == Some(word);
        was = (!opens).then_some(word);
        let weight = if heavy { HEAVY } else { 1 };
        depth += weight;
        if let Some(chain) = chains.last_mut() {
            *chain += weight;
        }
        if opens {
            chains.push(0);
        }
        if depth > deepest {
            return false;
        }
    }
    true
}

pub(super) fn is_short(code: &str) -> bool {
    code.len() <= MAX
}

/// Lines and columns, from 1, of some words wherever they stand outside literals and comments.
pub(super) fn places(code: &str, words: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        match step(code, at) {
            Step::Unfinished => break,
            Step::Skip(end) => at = end,
            Step::Word(end) => {
                if words.contains(&&code[at..end]) {
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
        for hostile in hostile(300) {
            assert!(!is_flat(&hostile), "{}", &hostile[..20]);
        }
        // What a person may write is no matter.
        let sum = vec!["a[0] * b.powi(2)"; 60].join(" + ");
        assert!(is_shallow(&sum) && is_shallow(&format!("f(|x| {{ {sum} }})")));
        for hostile in hostile(100_000) {
            assert!(!is_shallow(&hostile), "{}", &hostile[..20]);
        }
    }

    /// Texts that are at least so deep, each in its own way.
    fn hostile(depth: usize) -> Vec<String> {
        vec![
            "(".repeat(depth) + "1" + &")".repeat(depth),
            "[".repeat(depth) + &"]".repeat(depth),
            "{".repeat(depth) + &"}".repeat(depth),
            "1".to_owned() + &" + 1".repeat(depth / 2),
            "a".to_owned() + &".b".repeat(depth / 2),
            "a".to_owned() + &".b()".repeat(depth / 3),
            "a".to_owned() + &"?".repeat(depth),
            "a".to_owned() + &" = a".repeat(depth / 2),
            "-".repeat(depth) + "1",
            "& ".repeat(depth) + "a",
            "return ".repeat(depth),
            "|| ".repeat(depth / 2) + "1",
            "f(a, ".repeat(depth / 2) + &")".repeat(depth / 2),
            "f(|x| { ".repeat(depth / 6) + &"})".repeat(depth / 6),
            "if x {} else ".repeat(depth / 4) + "{}",
            "match a { b => ".repeat(depth / 6) + "1" + &"}".repeat(depth / 6),
            "let a: ".to_owned()
                + &"Vec<".repeat(depth / 2)
                + "u8"
                + &">".repeat(depth / 2)
                + " = b;",
            "let ".to_owned() + &"(".repeat(depth) + "a" + &")".repeat(depth) + " = b;",
            "fn f() { ".repeat(depth / 4) + &"}".repeat(depth / 4),
        ]
    }

    #[test]
    fn the_deepest_text_a_parser_gets_leaves_half_of_the_stack() {
        let depths: Vec<usize> = (1..=DEEPEST_TEXT / 10)
            .rev()
            .map(|tenth| 10 * tenth)
            .collect();
        for kind in 0..hostile(10).len() {
            let code = depths
                .iter()
                .map(|depth| hostile(*depth).swap_remove(kind))
                .find(|code| is_shallow(code));
            let code = code.unwrap_or_default();
            assert!(!code.is_empty());
            let parse = move || {
                drop(syn::parse::Parser::parse_str(
                    syn::Block::parse_within,
                    &code,
                ));
            };
            // Threads have 2 MB.
            let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(parse);
            assert!(thread.unwrap().join().is_ok());
        }
    }

    #[test]
    fn words_are_found_outside_of_texts() {
        let code = "a.unwrap(); // unwrap\n\"unwrap\"; é.unwrap()";
        assert_eq!(places(code, &["unwrap"]), [(1, 3), (2, 13)]);
    }
}
