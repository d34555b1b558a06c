//! Lines of a cell with marks under them.

use super::{BLUE, BOLD, Place, RED, RESET};

/// Source lines with marks under them.
pub(super) struct Snippet {
    lines: Vec<String>,
    last_line: usize,
    width: usize,
}

impl Snippet {
    pub(super) fn new(place: Place) -> Self {
        let width = (place.line + 20).to_string().len();
        Snippet {
            lines: vec![
                format!(
                    "{BLUE}{:width$}-->{RESET} line {}, column {}",
                    "", place.line, place.column
                ),
                format!("{BLUE}{:width$} |{RESET}", ""),
            ],
            last_line: 0,
            width,
        }
    }

    /// Marks columns `start .. end` (from 1) of a line.
    pub(super) fn mark(
        &mut self,
        text: &str,
        line: usize,
        start: usize,
        end: usize,
        label: &str,
        primary: bool,
    ) {
        let width = self.width;
        if line != self.last_line {
            if self.last_line != 0 && line > self.last_line + 1 {
                self.lines.push(format!("{BLUE}{:width$}...{RESET}", ""));
            }
            self.lines
                .push(format!("{BLUE}{line:>width$} |{RESET} {text}"));
            self.last_line = line;
        }
        // Front ends give errors a reddish ground, so the words keep the colour of text.
        let (colour, weight, sign) = if primary {
            (RED, BOLD, "^")
        } else {
            (BLUE, "", "-")
        };
        let marks = sign.repeat(end.saturating_sub(start).max(1));
        // Tabs stay tabs, so that the mark stands under its text.
        let indent: String = text
            .chars()
            .take(start.saturating_sub(1))
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        self.lines.push(format!(
            "{BLUE}{:width$} |{RESET} {indent}{colour}{marks}{RESET} {weight}{label}{RESET}",
            ""
        ));
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        self.lines
            .push(format!("{BLUE}{:width$} |{RESET}", "", width = self.width));
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_report::without_colours;

    #[test]
    fn marks_stand_under_their_columns() {
        let mut snippet = Snippet::new(Place { line: 2, column: 5 });
        snippet.mark("let x = y;", 2, 9, 10, "not found", true);
        let text = without_colours(&snippet.finish().join("\n"));
        assert!(
            text.contains("2 | let x = y;\n   |         ^ not found"),
            "{text}"
        );
    }
}
