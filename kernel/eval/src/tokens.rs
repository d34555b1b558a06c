//! Rust text cut into words, literals and brackets, and whether a cell is complete.

use crate::IsComplete;

/// Where Rust begins: evcxr's command lines (`:dep`, `!ls`) come first.
pub(crate) fn rust_start(code: &str) -> usize {
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let command = line.starts_with('!') || trimmed.starts_with(':');
        if !command && !trimmed.is_empty() && !line.starts_with("//") {
            break;
        }
        start += line.len();
    }
    start
}

/// Where evcxr's command lines end: statements of ours may come here, comments may follow.
pub(crate) fn commands_end(code: &str) -> usize {
    let rust = rust_start(code);
    let mut at = 0;
    let mut end = 0;
    for line in code[..rust].split_inclusive('\n') {
        at += line.len();
        if line.starts_with('!') || line.trim_start().starts_with(':') {
            end = at;
        }
    }
    end
}

/// What starts at a place in Rust code; enough to find statements without a full parser.
pub(crate) enum Step {
    /// One byte of code.
    Byte(u8),
    /// An identifier, keyword or number ends here.
    Word(usize),
    /// A literal or comment ends here.
    Skip(usize),
    /// A literal or comment that does not end.
    Unfinished,
}

/// What starts at byte `at`.
pub(crate) fn step(code: &str, at: usize) -> Step {
    let rest = &code[at..];
    let until = |end: Option<usize>| end.map_or(Step::Unfinished, |end| Step::Skip(at + end));
    if rest.starts_with("//") {
        return Step::Skip(at + rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return until(block_comment(rest));
    }
    if let Some(prefix) = string_prefix(rest) {
        let hashes = rest[prefix..]
            .bytes()
            .take_while(|byte| *byte == b'#')
            .count();
        if rest[..prefix].ends_with('r') {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = prefix + hashes + 1;
            return until(
                rest[open..]
                    .find(&close)
                    .map(|end| open + end + close.len()),
            );
        }
        return until(quoted(&rest[prefix + 1..], b'"').map(|end| prefix + 1 + end));
    }
    let character = match rest.strip_prefix('b') {
        Some(after) if after.starts_with('\'') => 1,
        _ => 0,
    };
    if rest[character..].starts_with('\'') {
        return match character_literal(&rest[character + 1..]) {
            Some(end) => Step::Skip(at + character + 1 + end),
            // A lifetime or a label.
            None => Step::Skip(at + character + 1),
        };
    }
    let word = rest
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(rest.len());
    if word > 0 {
        return Step::Word(at + word);
    }
    match rest.chars().next() {
        Some(character) if character.is_ascii() => Step::Byte(character as u8),
        Some(character) => Step::Skip(at + character.len_utf8()),
        None => Step::Unfinished,
    }
}

/// Length of the letters before the quote (or the hashes) of a string: `""`, `r#""#`, `b""`, `c""`, `br""`.
fn string_prefix(rest: &str) -> Option<usize> {
    ["br", "cr", "r", "b", "c", ""].iter().find_map(|prefix| {
        let after = rest.strip_prefix(prefix)?;
        let quote = if prefix.ends_with('r') {
            after.trim_start_matches('#')
        } else {
            after
        };
        quote.starts_with('"').then_some(prefix.len())
    })
}

/// Bytes up to and with the closing quote.
fn quoted(rest: &str, quote: u8) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if byte == quote => return Some(index + 1),
            _ => {}
        }
    }
    None
}

/// After a single quote: the length of the rest of a character literal, `None` for a lifetime.
fn character_literal(rest: &str) -> Option<usize> {
    if rest.starts_with('\\') {
        return quoted(rest, b'\'');
    }
    let length = rest.chars().next()?.len_utf8();
    rest[length..].starts_with('\'').then_some(length + 1)
}

fn block_comment(rest: &str) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    let bytes = rest.as_bytes();
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

/// Whether a console should run the text or wait for more.
pub(crate) fn is_complete(code: &str) -> IsComplete {
    let rust = &code[rust_start(code)..];
    let mut open = Vec::new();
    let mut at = 0;
    while at < rust.len() {
        match step(rust, at) {
            Step::Skip(end) | Step::Word(end) => at = end,
            Step::Unfinished => {
                return IsComplete::Incomplete {
                    indent: String::new(),
                };
            }
            Step::Byte(byte) => {
                match byte {
                    b'(' | b'[' | b'{' => open.push(byte),
                    b')' | b']' | b'}' => {
                        let wanted = match byte {
                            b')' => b'(',
                            b']' => b'[',
                            _ => b'{',
                        };
                        if open.pop() != Some(wanted) {
                            return IsComplete::Invalid;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
    }
    if !open.is_empty() {
        return IsComplete::Incomplete {
            indent: "    ".repeat(open.len()),
        };
    }
    // Parsers go as deep as the brackets do.
    if !crate::direct::is_shallow(rust) {
        return IsComplete::Unknown;
    }
    match syn::parse::Parser::parse_str(syn::Block::parse_within, rust) {
        Ok(_) => IsComplete::Complete,
        Err(error) if error.to_string().starts_with("unexpected end of input") => {
            IsComplete::Incomplete {
                indent: String::new(),
            }
        }
        // syn does not say that a semicolon at the end is all that is missing.
        Err(_) if crate::text::parses(&format!("{rust};")) => IsComplete::Incomplete {
            indent: String::new(),
        },
        Err(_) => IsComplete::Invalid,
    }
}

/// Whether the cell itself waits for a future, outside any `async` of its own.
pub(crate) fn awaits(code: &str) -> bool {
    !awaited(code).is_empty()
}

/// The cell with every `.await` of its own as a call of the same length. evcxr would put the cell into an `async` block,
/// in which `?` and variables do not go together.
pub(crate) fn waiting(code: &str) -> String {
    let mut waiting = code.to_owned();
    for at in awaited(code) {
        waiting.replace_range(at..at + AWAIT.len(), "now()");
    }
    waiting
}

const AWAIT: &str = "await";

/// Where the cell itself waits.
fn awaited(code: &str) -> Vec<usize> {
    let mut found = Vec::new();
    // Of each open brace: whether it is inside an `async`.
    let mut braces = Vec::new();
    let mut is_async = false;
    let mut after_dot = false;
    let mut at = rust_start(code);
    while at < code.len() {
        let dot = std::mem::replace(&mut after_dot, false);
        match step(code, at) {
            Step::Unfinished => break,
            Step::Skip(end) => {
                // A comment may stand between.
                after_dot = dot && code[at..].starts_with('/');
                at = end;
            }
            Step::Word(end) => {
                match &code[at..end] {
                    "async" => is_async = true,
                    AWAIT if dot && !is_async => found.push(at),
                    _ => {}
                }
                at = end;
            }
            Step::Byte(byte) => {
                match byte {
                    b'{' => braces.push(is_async),
                    // What began before the brace is over with it, unless it is around that too.
                    b'}' => {
                        braces.pop();
                        is_async = braces.last().copied().unwrap_or(false);
                    }
                    b';' => is_async = braces.last().copied().unwrap_or(false),
                    byte => after_dot = byte == b'.' || (dot && byte.is_ascii_whitespace()),
                }
                at += 1;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_waits_is_told_from_one_whose_tasks_do() {
        for code in [
            "h.await",
            "println!(\"{}\", h.await.unwrap());",
            "let x = async { 5 };\nx\n    .await?;",
            "{ let h = spawn(async { g.await; 7 }); h.await; }",
            "async fn f() {} f().await",
        ] {
            assert!(awaits(code), "{code}");
        }
        for code in [
            "block_on(async { h.await })",
            "async fn f() { if a { g().await } else { h().await } }",
            "let f = async move |x| x.await;",
            "// h.await\n\"h.await\"",
            "let r#await = 5;",
        ] {
            assert!(!awaits(code), "{code}");
        }
        assert_eq!(
            waiting("let x = h.await?; spawn(async { g.await }); (k /* é */ . await, \"a.await\")"),
            "let x = h.now()?; spawn(async { g.await }); (k /* é */ . now(), \"a.await\")"
        );
    }

    #[test]
    fn completeness() {
        let incomplete = |code| matches!(is_complete(code), IsComplete::Incomplete { .. });
        assert!(matches!(is_complete("let a = 1;"), IsComplete::Complete));
        assert!(matches!(is_complete("scan"), IsComplete::Complete));
        assert!(matches!(is_complete(""), IsComplete::Complete));
        assert!(matches!(
            is_complete(":dep regex = \"1\""),
            IsComplete::Complete
        ));
        assert!(incomplete("fn f() {"));
        assert!(incomplete("let a ="));
        assert!(incomplete("let a = 1"));
        assert!(incomplete("let s = \"abc"));
        assert!(incomplete("/* comment"));
        assert!(matches!(is_complete("fn f() }"), IsComplete::Invalid));
        assert!(matches!(is_complete("let 1 2;"), IsComplete::Invalid));
        let deep = format!("{}{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(matches!(is_complete(&deep), IsComplete::Unknown));
        assert!(matches!(
            is_complete(&"- ".repeat(100_000)),
            IsComplete::Unknown
        ));
        match is_complete("for i in 0..3 {\n    f(") {
            IsComplete::Incomplete { indent } => assert_eq!(indent.len(), 8),
            other => panic!("{other:?}"),
        }
    }
}
