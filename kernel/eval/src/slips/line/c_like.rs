//! Lines of C and its relatives, of word processors and shells.

use super::Line;
use crate::advice::{Advice, Instead};
use crate::slips::Slip;
use crate::text::{at_top, in_brackets, is_name, is_number, parses};

/// `open(“scan.zspy”)`.
pub(super) fn quotes(line: &Line) -> Option<Slip> {
    const QUOTES: [char; 7] = ['“', '”', '„', '«', '»', '`', '´'];
    let (at, quote) = line
        .text
        .char_indices()
        .find(|(_, letter)| QUOTES.contains(letter))?;
    let plain = line.text.replace(QUOTES, "\"");
    parses(&plain).then_some(())?;
    line.slip(
        at,
        at + quote.len_utf8(),
        "a text stands in double quotes",
        Advice::new("these are other quotes, as text programs put them; `\"` is meant")
            .write(line.notebook.mended(&plain)),
    )
}

/// `if (n == 3) println!("x");`: a body without braces.
pub(super) fn condition(line: &Line) -> Option<Slip> {
    let word = line.first_word();
    if !matches!(word, "if" | "while") {
        return None;
    }
    let rest = line.text[word.len()..].trim_start();
    let condition = in_brackets(rest).filter(|_| rest.starts_with('('))?;
    let behind = rest[condition.len() + 2..].trim();
    if !at_top(behind, b'{').is_empty()
        || behind.starts_with(|sign: char| "=<>&|+-*/.?:".contains(sign))
    {
        return None;
    }
    let (body, lines) = match behind.is_empty() {
        true => (line.rest.get(1)?.trim(), 2),
        false => (behind, 1),
    };
    let code = format!("{word} {} {{ {body} }}", condition.trim());
    parses(&code).then_some(())?;
    let at = line.text.len() - behind.len();
    line.slip(
        0,
        at.max(1),
        &format!("what follows a condition of `{word}` stands in braces"),
        Advice::new("the condition needs no parentheses")
            .write(line.notebook.mended(&code))
            .instead(Instead::Lines(lines)),
    )
}

/// `if n > 2 then x();`
pub(super) fn then(line: &Line) -> Option<Slip> {
    let at = line.word("then").filter(|_| line.first_word() == "if")?;
    let condition = line.text[..at].trim();
    let body = line.text[at + "then".len()..]
        .trim()
        .trim_end_matches("end")
        .trim();
    let code = format!("{condition} {{ {body} }}");
    let code = if !body.is_empty() && parses(&code) {
        code
    } else {
        String::new()
    };
    line.slip(
        at,
        at + "then".len(),
        "there is no `then` in Rust",
        Advice::new("what is done stands in braces").write(line.notebook.mended(&code)),
    )
}

/// `n > 2 ? 1 : 3`.
pub(super) fn ternary(line: &Line) -> Option<Slip> {
    let at = line.signs(" ? ")?;
    let (before, behind) = (&line.text[..at], &line.text[at + 3..]);
    let (yes, no) = behind.split_once(" : ")?;
    let (start, condition) = match before
        .split_once(" = ")
        .filter(|_| before.starts_with("let "))
    {
        Some((name, condition)) => (format!("{name} = "), condition),
        None => (String::new(), before),
    };
    let (no, end) = match no.trim_end().strip_suffix(';') {
        Some(no) => (no, ";"),
        None => (no, ""),
    };
    let code = format!(
        "{start}if {} {{ {} }} else {{ {} }}{end}",
        condition.trim(),
        yes.trim(),
        no.trim()
    );
    parses(&code).then_some(())?;
    line.slip(
        at + 1,
        at + 2,
        "there is no `? :` in Rust",
        Advice::new("an `if` with both its braces is a value").write(line.notebook.mended(&code)),
    )
}

/// `for (i = 0; i < 3; i++) {`.
pub(super) fn counted(line: &Line) -> Option<Slip> {
    let rest = line.text.strip_prefix("for")?;
    let space = rest.len() - rest.trim_start().len();
    let inner = in_brackets(rest.trim_start())?;
    let mut parts = inner.split(';').map(str::trim);
    let (first, condition, _) = (parts.next()?, parts.next()?, parts.next()?);
    let (name, from) = first.split_once('=')?;
    let name = name
        .split_whitespace()
        .last()
        .filter(|name| is_name(name))?;
    let end = condition.strip_prefix(name)?.trim_start();
    let (range, end) = match end.strip_prefix("<=") {
        Some(end) => ("..=", end),
        None => ("..", end.strip_prefix('<')?),
    };
    let head = "for".len() + space + inner.len() + 2;
    let header = format!("for {name} in {}{range}{}", from.trim(), end.trim());
    let below: String = line.rest[1..]
        .iter()
        .map(|line| format!("\n{line}"))
        .collect();
    let code = format!("{header}{}{below}", &line.text[head..]);
    let code = if parses(&code) { code } else { String::new() };
    line.slip(
        0,
        head,
        "a loop of C, and cells are Rust",
        Advice::new("a loop goes through a range, `0..10` without its end")
            .write(line.notebook.mended(&code)),
    )
}

/// `memory_budget(4 GiB)`.
pub(super) fn size(line: &Line) -> Option<Slip> {
    let start = line.text.find("memory_budget(")? + "memory_budget".len();
    let inner = in_brackets(&line.text[start..])?;
    let (number, unit) = inner.trim().split_once(' ')?;
    (is_number(number) && is_name(unit.trim())).then_some(())?;
    let code = format!(
        "{}(\"{}\"){}",
        &line.text[..start],
        inner.trim(),
        &line.text[start + inner.len() + 2..]
    );
    line.slip(
        start + 1,
        start + 1 + inner.len(),
        "a size with its unit is a text",
        Advice::new("it stands in double quotes").write(line.notebook.mended(&code)),
    )
}
