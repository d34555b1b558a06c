//! What to write instead, under an error.

use super::{labelled, write};
use crate::advice::{Advice, Notebook};
use crate::mend::{self, Check, Found};

/// Lines of the traceback with what to write: commands, and the cell as it is right, once for each way.
pub(super) fn remedies(notebook: &Notebook, found: &[Found], check: Check) -> Vec<String> {
    let advices = || found.iter().filter_map(|one| one.advice.as_ref());
    let mut texts: Vec<String> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    let mut keep = |text: Option<String>| {
        if let Some(text) = text.filter(|text| !texts.contains(text)) {
            lines.push(offered(notebook.cell, &text));
            texts.push(text);
        }
    };
    keep(mend::mended(notebook, found, check));
    // Another way to say it.
    if let [only] = found
        && let Some(advice) = &only.advice
    {
        for code in advice.write.iter().skip(1) {
            let other = Found {
                advice: Some(Advice {
                    write: vec![code.clone()],
                    ..advice.clone()
                }),
                line: only.line,
            };
            keep(mend::mended(notebook, &[other], check));
        }
    }
    let mut commands: Vec<&String> = advices()
        .flat_map(|advice| &advice.write)
        .filter(|code| mend::is_command(code))
        .collect();
    commands.dedup();
    lines.extend(commands.into_iter().map(|code| write(code)));
    lines
}

/// A cell to write instead: as a whole, or of a long one the lines that are others.
pub(super) fn offered(cell: &str, text: &str) -> String {
    /// As much as is read at a glance.
    const MAX: usize = 16;
    if text.lines().count() <= MAX {
        return write(text);
    }
    let (from, code) = changed(cell, text);
    let last = from + code.lines().count();
    let place = match code.lines().count() {
        0 | 1 => format!("in line {}", from + 1),
        _ => format!("in lines {} to {last}", from + 1),
    };
    labelled(&format!("write {place}"), &code)
}

/// Lines of `right` that are not as in `wrong`, without what is equal before and behind them, and how many are before.
fn changed(wrong: &str, right: &str) -> (usize, String) {
    let (wrong, right): (Vec<&str>, Vec<&str>) = (wrong.lines().collect(), right.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let before = wrong.iter().zip(&right).take_while(same).count();
    let most = wrong.len().min(right.len()) - before;
    let behind = (wrong.iter().rev().zip(right.iter().rev()))
        .take(most)
        .take_while(same)
        .count();
    (before, right[before..right.len() - behind].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_report::without_colours;

    #[test]
    fn only_lines_that_changed_are_others() {
        let changed = |wrong: &str, right: &str| changed(wrong, right);
        assert_eq!(changed("a\nb\nc", "a\nx\ny\nc"), (1, "x\ny".to_owned()));
        assert_eq!(changed("a", "b"), (0, "b".to_owned()));
        assert_eq!(changed("a\na", "a\na\na"), (2, "a".to_owned()));
        assert_eq!(changed("a", "a"), (1, String::new()));
    }

    #[test]
    fn of_a_long_cell_the_lines_that_change_are_told_with_their_numbers() {
        let lines: Vec<String> = (0..30).map(|n| format!("let a{n} = {n};")).collect();
        let cell = lines.join("\n");
        let right = cell.replace("let a4 = 4;", "let a4 = 4.0;");
        let text = without_colours(&offered(&cell, &right));
        assert_eq!(text, "  = write in line 5: let a4 = 4.0;");
        let right = right.replace("let a5 = 5;", "let a5 = 5.0;");
        let text = without_colours(&offered(&cell, &right));
        assert_eq!(
            text,
            "  = write in lines 5 to 6: let a4 = 4.0;\n                           let a5 = 5.0;"
        );
        let text = without_colours(&offered("a\nb", "a\nc"));
        assert_eq!(text, "  = write: a\n           c");
    }
}
