//! The text of a cell: where its statements end, whether it is complete, and the hooks added to it.

use crate::IsComplete;

/// A cell as evcxr gets it: the user's code with a hook after each top-level `let` and around the
/// trailing expression, all on the user's own lines.
pub(crate) struct Prepared {
    pub(crate) code: String,
    written: Vec<String>,
    hooks: Vec<Hook>,
}

/// A hook: it takes `length` characters from `column` (from 1) of the compiled `line` (from 1).
struct Hook {
    line: usize,
    column: usize,
    length: usize,
}

impl Prepared {
    pub(crate) fn new(code: &str) -> Self {
        let mut prepared = Prepared {
            code: String::with_capacity(code.len() + 64),
            written: code.lines().map(str::to_owned).collect(),
            hooks: Vec::new(),
        };
        let mut from = 0;
        for binding in top_level_lets(code) {
            prepared.code.push_str(&code[from..binding.end]);
            from = binding.end;
            let plain = binding.name.trim_start_matches("r#");
            prepared.insert(&format!(
                " ::signaltree::hook::name(&{}, \"{plain}\");",
                binding.name
            ));
        }
        // evcxr would show the value itself, but then a mistake in the expression is reported at
        // generated code, after a second compilation.
        if let Some(value) = trailing_expression(code).filter(|value| value.start >= from) {
            prepared.code.push_str(&code[from..value.start]);
            prepared.insert("(");
            prepared.code.push_str(&code[value.clone()]);
            prepared.insert(").evcxr_display();");
            from = value.end;
        }
        prepared.code.push_str(&code[from..]);
        prepared
    }

    fn insert(&mut self, hook: &str) {
        let before = self.code.rfind('\n').map_or(0, |newline| newline + 1);
        self.hooks.push(Hook {
            line: self.code.matches('\n').count() + 1,
            column: self.code[before..].chars().count() + 1,
            length: hook.chars().count(),
        });
        self.code.push_str(hook);
    }

    /// The user's column of a column of the compiled line; a place inside a hook is its end.
    pub(crate) fn column(&self, line: usize, column: usize) -> usize {
        let shift: usize = self
            .hooks
            .iter()
            .filter(|hook| hook.line == line && hook.column < column)
            .map(|hook| hook.length.min(column - hook.column))
            .sum();
        column - shift
    }

    /// A line as the user wrote it, from 1.
    pub(crate) fn line(&self, line: usize) -> &str {
        line.checked_sub(1)
            .and_then(|index| self.written.get(index))
            .map_or("", String::as_str)
    }
}

struct Let<'a> {
    name: &'a str,
    /// Byte after the semicolon.
    end: usize,
}

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

/// The top-level `let name = …;` statements of a cell.
fn top_level_lets(code: &str) -> Vec<Let<'_>> {
    let mut found = Vec::new();
    let mut pending: Option<&str> = None;
    let mut depth = 0usize;
    // Whether a statement may start here.
    let mut fresh = true;
    let mut at = rust_start(code);
    while at < code.len() {
        match step(code, at) {
            Step::Skip(end) => {
                // Literals end the chance of a statement start; comments do not.
                fresh &= code[at..].starts_with("//") || code[at..].starts_with("/*");
                at = end;
            }
            Step::Unfinished => break,
            Step::Word(end) => {
                if depth == 0 && fresh && &code[at..end] == "let" {
                    pending = bound_name(&code[end..]);
                }
                fresh = false;
                at = end;
            }
            Step::Byte(byte) => {
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' => depth = depth.saturating_sub(1),
                    b'}' => {
                        depth = depth.saturating_sub(1);
                        fresh = depth == 0;
                    }
                    b';' if depth == 0 => {
                        if let Some(name) = pending.take() {
                            found.push(Let { name, end: at + 1 });
                        }
                        fresh = true;
                    }
                    byte if byte.is_ascii_whitespace() => {}
                    _ => fresh = false,
                }
                if matches!(byte, b'(' | b'[' | b'{' | b')' | b']') {
                    fresh = false;
                }
                at += 1;
            }
        }
    }
    found
}

/// The expression a cell ends with, without a semicolon: its bytes, comments around it left out.
fn trailing_expression(code: &str) -> Option<std::ops::Range<usize>> {
    let mut depth = 0usize;
    // Where the last statement may begin, and where the code ends.
    let mut starts = Vec::new();
    let mut end = None;
    let mut fresh = true;
    let mut at = rust_start(code);
    while at < code.len() {
        let (next, significant) = match step(code, at) {
            Step::Unfinished => return None,
            Step::Skip(end) => {
                let rest = &code[at..];
                (end, !rest.starts_with("//") && !rest.starts_with("/*"))
            }
            Step::Word(end) => (end, true),
            Step::Byte(byte) => (at + 1, !byte.is_ascii_whitespace()),
        };
        if significant {
            if fresh {
                starts.push(at);
            }
            fresh = false;
            end = Some(next);
        }
        match code.as_bytes()[at] {
            _ if next > at + 1 => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'}' => {
                depth = depth.checked_sub(1)?;
                fresh = depth == 0;
            }
            b';' if depth == 0 => {
                starts.clear();
                end = None;
                fresh = true;
            }
            _ => {}
        }
        at = next;
    }
    let end = end?;
    // After a `}` an item or a loop may have ended, or an expression may go on: syn knows.
    starts.into_iter().map(|start| start..end).find(|range| {
        let parsed = syn::parse::Parser::parse_str(syn::Block::parse_within, &code[range.clone()]);
        match parsed.as_deref() {
            Ok([syn::Stmt::Expr(_, None)]) => true,
            Ok([syn::Stmt::Macro(call)]) => call.semi_token.is_none() && !defines(call),
            _ => false,
        }
    })
}

/// `macro_rules! name {}` and its like have no value.
fn defines(call: &syn::StmtMacro) -> bool {
    call.mac.path.is_ident("macro_rules")
}

/// The name in `[mut] name [: Type] = …`, when the pattern is a plain name with a value.
fn bound_name(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix("mut") {
        Some(after) if after.starts_with(char::is_whitespace) => after.trim_start(),
        _ => rest,
    };
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    let length = raw
        + rest[raw..].find(|character: char| !character.is_alphanumeric() && character != '_')?;
    let (name, after) = rest.split_at(length);
    let first = name[raw..].chars().next()?;
    let statement = &after[..after.find(';').unwrap_or(after.len())];
    let after = after.trim_start();
    let bound = after.starts_with('=') || (after.starts_with(':') && !after.starts_with("::"));
    (bound && statement.contains('=') && !first.is_numeric() && name != "_").then_some(name)
}

enum Step {
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
fn step(code: &str, at: usize) -> Step {
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
    match syn::parse::Parser::parse_str(syn::Block::parse_within, rust) {
        Ok(_) => IsComplete::Complete,
        Err(error) if error.to_string().starts_with("unexpected end of input") => {
            IsComplete::Incomplete {
                indent: String::new(),
            }
        }
        Err(_) => IsComplete::Invalid,
    }
}

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
            let word = path.rfind(|c: char| !c.is_alphanumeric() && c != '_');
            cursor.path_of = Some(&path[word.map_or(0, |at| at + 1)..]);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str) -> Vec<&str> {
        top_level_lets(code)
            .iter()
            .map(|found| found.name)
            .collect()
    }

    #[test]
    fn only_plain_top_level_lets_get_a_hook() {
        assert_eq!(
            names("let a = 1; let mut b: u32 = 2;\nlet r#type = 3;"),
            ["a", "b", "r#type"]
        );
        assert_eq!(
            names("let (a, b) = c; let _ = d; let e; if let Some(f) = g {}"),
            [""; 0]
        );
        assert_eq!(
            names("fn f() { let a = 1; }\nlet b = { let c = 2; c };"),
            ["b"]
        );
        assert_eq!(
            names("let a = \"; let x = 1;\"; // let y = 2;\n/* let z = 3; */ let w = 'l';"),
            ["a", "w"]
        );
        assert_eq!(
            names("let a = r#\"\" ; \"#; let b = b'\\''; let c: &'static str = \"\";"),
            ["a", "b", "c"]
        );
        assert_eq!(names(":dep x = { version = \"1\" }\nlet a = 1;"), ["a"]);
        assert_eq!(
            names("while let Some(a) = b.pop() { }\nlet Some(x) = y else { return };"),
            [""; 0]
        );
        assert_eq!(
            names("let a = if b { 1 } else { 2 }; let c = match a { _ => { 3 } };"),
            ["a", "c"]
        );
        assert_eq!(names("let unfinished = 5"), [""; 0]);
    }

    #[test]
    fn hooks_keep_lines_and_columns() {
        let prepared = Prepared::new("let é = 1; let b = é;\nb + x");
        assert_eq!(prepared.code.lines().count(), 2);
        let line = prepared.code.lines().next().unwrap();
        let column = line.chars().position(|c| c == 'b').unwrap() + 1;
        assert_eq!(prepared.column(1, 5), 5);
        assert!(column > 16);
        assert_eq!(prepared.column(1, column), 16);
        assert_eq!(prepared.column(2, 5), 5);
        // Inside the first hook.
        assert_eq!(prepared.column(1, 14), 11);
    }

    #[test]
    fn the_trailing_expression_is_found() {
        let found = |code: &str| trailing_expression(code).map(|range| code[range].to_owned());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found("let a = 1;\nstrain    // the widget"), some("strain"));
        assert_eq!(found("fn f() -> u8 { 1 }\nf()"), some("f()"));
        assert_eq!(
            found("if a { 1 } else { 2 }"),
            some("if a { 1 } else { 2 }")
        );
        assert_eq!(
            found("match a { _ => { 3 } }.abs()"),
            some("match a { _ => { 3 } }.abs()")
        );
        assert_eq!(found("for i in 0..3 { }\nvec![1, 2]"), some("vec![1, 2]"));
        assert_eq!(found("\"text; with\" // }"), some("\"text; with\""));
        assert_eq!(found("let a = 1;"), None);
        assert_eq!(found("use std::fmt;\n// nothing"), None);
        assert_eq!(found("struct A { b: u8 }"), None);
        assert_eq!(found("macro_rules! m { () => {} }"), None);
        assert_eq!(found("f(;"), None);
        assert_eq!(found(""), None);
        assert_eq!(Prepared::new("a // b").code, "(a).evcxr_display(); // b");
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
        match is_complete("for i in 0..3 {\n    f(") {
            IsComplete::Incomplete { indent } => assert_eq!(indent.len(), 8),
            other => panic!("{other:?}"),
        }
    }
}
