//! The words and signs of a line of Python, where both quotes make texts.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A name, a keyword or a number up to its point.
    Word(&'a str),
    /// `f"…"`: prefix, and what stands between the quotes.
    Text {
        prefix: &'a str,
        quote: char,
        inner: &'a str,
    },
    Sign(char),
    Space(&'a str),
    /// Without its `#`.
    Comment(&'a str),
}

/// `None` when a text has no end.
pub(super) fn parts(line: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let until =
            |part: &dyn Fn(char) -> bool| rest.find(|letter| !part(letter)).unwrap_or(rest.len());
        if first == '#' && !rest.starts_with("#[") && !rest.starts_with("#!") {
            parts.push(Part::Comment(&rest[1..]));
            break;
        }
        // Behind a value it divides.
        let begins = (parts.iter().rev())
            .find(|part| !matches!(part, Part::Space(_)))
            .is_none_or(|part| matches!(part, Part::Sign(';' | '{' | '}')));
        if rest.starts_with("//") && begins {
            parts.push(Part::Comment(&rest[2..]));
            break;
        }
        let word = until(&|letter| letter.is_alphanumeric() || letter == '_');
        let quoted = rest[word..]
            .chars()
            .next()
            .filter(|next| matches!(next, '"' | '\''));
        if let Some(quote) = quoted.filter(|_| word == 0 || is_prefix(&rest[..word])) {
            let (inner, end) = quoted_text(&rest[word..], quote)?;
            parts.push(Part::Text {
                prefix: &rest[..word],
                quote,
                inner,
            });
            rest = &rest[word + end..];
            continue;
        }
        let (part, used) = if word > 0 {
            (Part::Word(&rest[..word]), word)
        } else if first.is_whitespace() {
            let space = until(&char::is_whitespace);
            (Part::Space(&rest[..space]), space)
        } else {
            (Part::Sign(first), first.len_utf8())
        };
        parts.push(part);
        rest = &rest[used..];
    }
    Some(parts)
}

fn is_prefix(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "f" | "r" | "b" | "u" | "fr" | "rf" | "br"
    )
}

/// What stands between the quotes, and the bytes with them.
fn quoted_text(rest: &str, quote: char) -> Option<(&str, usize)> {
    let three: String = [quote; 3].iter().collect();
    if let Some(inner) = rest.strip_prefix(&three) {
        let end = inner.find(&three)?;
        return Some((&inner[..end], end + 6));
    }
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return Some((&rest[1..at], at + 1)),
            _ => {}
        }
    }
    None
}

/// Without spaces around.
pub(super) fn trimmed<'a, 'b>(parts: &'b [Part<'a>]) -> &'b [Part<'a>] {
    let space = |part: &Part| matches!(part, Part::Space(_));
    let start = parts.iter().take_while(|part| space(part)).count();
    let end = parts[start..]
        .iter()
        .rev()
        .take_while(|part| space(part))
        .count();
    &parts[start..parts.len() - end]
}

/// As it was written.
pub(super) fn text(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Word(text) | Part::Space(text) => (*text).to_owned(),
            Part::Text {
                prefix,
                quote,
                inner,
            } => format!("{prefix}{quote}{inner}{quote}"),
            Part::Sign(sign) => sign.to_string(),
            Part::Comment(text) => format!("#{text}"),
        })
        .collect()
}

/// The parts inside of the bracket that comes first.
pub(super) fn inside<'a, 'b>(parts: &'b [Part<'a>]) -> &'b [Part<'a>] {
    let mut depth = 0usize;
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Sign('(' | '[' | '{') => depth += 1,
            Part::Sign(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return &parts[1..at];
                }
            }
            _ => {}
        }
    }
    parts.get(1..).unwrap_or(parts)
}

/// Cut at a sign outside of brackets.
pub(super) fn split<'a, 'b>(parts: &'b [Part<'a>], sign: char) -> Vec<&'b [Part<'a>]> {
    let mut found = Vec::new();
    let (mut depth, mut from) = (0usize, 0);
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Sign('(' | '[' | '{') => depth += 1,
            Part::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Part::Sign(found_sign) if *found_sign == sign && depth == 0 => {
                found.push(&parts[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&parts[from..]);
    found
}

/// With `**` in place of `^`.
pub(super) fn with_stars<'a>(parts: &[Part<'a>]) -> Vec<Part<'a>> {
    let stars = [Part::Sign('*'), Part::Sign('*')];
    (parts.iter())
        .flat_map(|part| match part {
            Part::Sign('^') => stars.to_vec(),
            other => vec![*other],
        })
        .collect()
}

/// Where a word stands outside of brackets.
pub(super) fn word_at(parts: &[Part], word: &str) -> Option<usize> {
    let mut depth = 0usize;
    parts.iter().position(|part| {
        match part {
            Part::Sign('(' | '[' | '{') => depth += 1,
            Part::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *part == Part::Word(word)
    })
}
