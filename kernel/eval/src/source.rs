//! The text of a cell: where its bindings and its value are, and the hooks added to them.

use crate::tokens::{Step, commands_end, rust_start, step};

/// A cell as evcxr gets it: the user's code with a hook after each top-level `let` and around the
/// trailing expression, all on the user's own lines.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) code: String,
    written: Vec<String>,
    hooks: Vec<Hook>,
    /// Line and column, from 1, of the trailing expression.
    value: Option<(usize, usize)>,
    /// How many variables have a hook.
    bound: usize,
}

/// A hook: it takes `length` characters from `column` (from 1) of the compiled `line` (from 1).
#[derive(Debug)]
struct Hook {
    line: usize,
    column: usize,
    length: usize,
}

impl Prepared {
    /// Without any hook.
    pub(crate) fn plain(code: &str) -> Self {
        Prepared {
            code: code.to_owned(),
            written: code.lines().map(str::to_owned).collect(),
            ..Prepared::default()
        }
    }

    /// `bindings` are statements for the values of other cells, put in front of the user's first one.
    pub(crate) fn new(code: &str, bindings: &str) -> Self {
        Self::hooked(code, bindings, |binding| {
            Some(if binding.mutable {
                "name_mutable"
            } else {
                "name"
            })
        })
    }

    /// For a cell without evcxr, which keeps no variable by itself; a variable that may change has no hook yet.
    pub(crate) fn early(code: &str, bindings: &str) -> Self {
        Self::hooked(code, bindings, |binding| {
            (!binding.mutable).then_some("cross")
        })
    }

    /// `hook` chooses the function that is told of a variable.
    fn hooked(code: &str, bindings: &str, hook: impl Fn(&Let) -> Option<&'static str>) -> Self {
        let mut prepared = Prepared {
            code: String::with_capacity(code.len() + bindings.len() + 64),
            written: code.lines().map(str::to_owned).collect(),
            ..Prepared::default()
        };
        let mut from = 0;
        if !bindings.is_empty() {
            from = commands_end(code);
            prepared.code.push_str(&code[..from]);
            if !prepared.code.is_empty() && !prepared.code.ends_with('\n') {
                prepared.code.push('\n');
            }
            prepared.insert(bindings);
        }
        for binding in top_level_lets(code) {
            let Some(hook) = hook(&binding) else {
                continue;
            };
            prepared.code.push_str(&code[from..binding.end]);
            from = binding.end;
            prepared.bound += 1;
            let plain = binding.name.trim_start_matches("r#");
            prepared.insert(&format!(
                " ::signaltree::hook::{hook}(&{}, \"{plain}\");",
                binding.name
            ));
        }
        // evcxr would show the value itself, but then a mistake in the expression is reported at
        // generated code, after a second compilation.
        if let Some(value) = trailing_expression(code).filter(|value| value.start >= from) {
            let before = &code[..value.start];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            prepared.value = Some((
                before.matches('\n').count() + 1,
                before[line_start..].chars().count() + 1,
            ));
            prepared.code.push_str(&code[from..value.start]);
            prepared.insert("(&&&&::signaltree::hook::Value(&(");
            prepared.code.push_str(&code[value.clone()]);
            prepared.insert("))).show_value();");
            from = value.end;
        }
        prepared.code.push_str(&code[from..]);
        prepared
    }

    /// How many variables have a hook.
    pub(crate) fn bound(&self) -> usize {
        self.bound
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

    /// A line of the compiled file as the user wrote it, with columns `start .. end` of it, from 1. Hooks are taken
    /// out; a line that the user did not write is `None`.
    pub(crate) fn written(
        &self,
        generated: &str,
        start: usize,
        end: usize,
    ) -> Option<(&str, usize, usize)> {
        let text = generated.trim();
        if text.is_empty() {
            return None;
        }
        let indent = generated.chars().take_while(|c| c.is_whitespace()).count();
        let found = self.code.lines().enumerate().find_map(|(index, line)| {
            let at = line.find(text)?;
            Some((index + 1, line[..at].chars().count()))
        });
        let (line, before) = found?;
        let column = |column: usize| {
            let column = (before + column).saturating_sub(indent).max(1);
            self.column(line, column)
        };
        Some((self.line(line), column(start), column(end)))
    }

    /// The column where the trailing expression begins on this line.
    pub(crate) fn value_start(&self, line: usize) -> Option<usize> {
        let (first, column) = self.value?;
        if line == first {
            return Some(column);
        }
        let text = self.line(line);
        Some(text.chars().count() - text.trim_start().chars().count() + 1)
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
    mutable: bool,
    /// Byte after the semicolon.
    end: usize,
}

/// The top-level `let name = …;` statements of a cell.
fn top_level_lets(code: &str) -> Vec<Let<'_>> {
    let mut found = Vec::new();
    let mut pending: Option<(&str, bool)> = None;
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
                        if let Some((name, mutable)) = pending.take() {
                            let end = at + 1;
                            found.push(Let { name, mutable, end });
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

/// The name in `[mut] name [: Type] = …`, when the pattern is a plain name with a value, and whether it
/// is `mut`.
fn bound_name(rest: &str) -> Option<(&str, bool)> {
    let rest = rest.trim_start();
    let (rest, mutable) = match rest.strip_prefix("mut") {
        Some(after) if after.starts_with(char::is_whitespace) => (after.trim_start(), true),
        _ => (rest, false),
    };
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    let length = raw
        + rest[raw..].find(|character: char| !character.is_alphanumeric() && character != '_')?;
    let (name, after) = rest.split_at(length);
    let first = name[raw..].chars().next()?;
    let statement = &after[..after.find(';').unwrap_or(after.len())];
    let after = after.trim_start();
    let bound = after.starts_with('=') || (after.starts_with(':') && !after.starts_with("::"));
    (bound && statement.contains('=') && !first.is_numeric() && name != "_")
        .then_some((name, mutable))
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
        let prepared = Prepared::new("let é = 1; let b = é;\nb + x", "");
        assert_eq!(prepared.code.lines().count(), 2);
        let line = prepared.code.lines().next().unwrap();
        let column = line.chars().position(|c| c == 'b').unwrap() + 1;
        assert_eq!(prepared.column(1, 5), 5);
        assert!(column > 16);
        assert_eq!(prepared.column(1, column), 16);
        // The `x` of the trailing expression, behind the hook in front of it.
        let line = prepared.code.lines().nth(1).unwrap();
        let column = line.find("b + x").unwrap() + 5;
        assert_eq!(prepared.column(2, column), 5);
        assert_eq!(prepared.value_start(2), Some(1));
        // Inside the first hook.
        assert_eq!(prepared.column(1, 14), 11);
    }

    #[test]
    fn values_of_other_cells_come_behind_commands_and_before_comments() {
        let bind = "let a: u8 = 1; ";
        let code = |code: &str| Prepared::new(code, bind).code;
        assert_eq!(code("// b\nuse a;"), "let a: u8 = 1; // b\nuse a;");
        assert_eq!(
            code(":dep x\n\nlet y = a;"),
            ":dep x\nlet a: u8 = 1; \nlet y = a; ::signaltree::hook::name(&y, \"y\");"
        );
        let prepared = Prepared::new("f(a);", bind);
        assert_eq!(prepared.column(1, 16 + 3), 4);
        assert_eq!(
            code("let mut m = a;"),
            "let a: u8 = 1; let mut m = a; ::signaltree::hook::name_mutable(&m, \"m\");"
        );
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
        assert_eq!(
            Prepared::new("a // b", "").code,
            "(&&&&::signaltree::hook::Value(&(a))).show_value(); // b"
        );
    }
}
