//! The user's lines of what rustc and a panic speak of.

use std::sync::Arc;

use serde_json::Value;

use crate::source::Prepared;

/// Source of one loaded cell: the user's code with its hooks, and the file that evcxr made of it.
#[derive(Debug)]
pub(crate) struct CellSource {
    cell: Arc<Prepared>,
    prepared: Vec<String>,
    generated: Vec<String>,
}

/// Line and column, from 1, in the cell as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Prepared {
    /// A diagnostic of rustc with the user's lines in place of the compiled ones.
    pub(crate) fn in_own_words(&self, json: &Value) -> Value {
        let mut json = json.clone();
        self.clean(&mut json);
        json
    }

    fn clean(&self, diagnostic: &mut Value) {
        for span in diagnostic["spans"].as_array_mut().into_iter().flatten() {
            let Some(line) = span["text"].get_mut(0) else {
                continue;
            };
            let column = |name: &str| line[name].as_u64().map_or(1, |column| column as usize);
            let (start, end) = (column("highlight_start"), column("highlight_end"));
            let text = line["text"].as_str().unwrap_or_default().to_owned();
            if let Some((own, start, end)) = self.written(&text, start, end) {
                *line = serde_json::json!({
                    "text": own, "highlight_start": start, "highlight_end": end,
                });
            }
        }
        for child in diagnostic["children"].as_array_mut().into_iter().flatten() {
            self.clean(child);
        }
    }
}

impl CellSource {
    pub(crate) fn new(cell: Arc<Prepared>, generated: &str) -> Self {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        CellSource {
            prepared: lines(&cell.code),
            cell,
            generated: lines(generated),
        }
    }

    /// Of a cell that was not compiled.
    pub(crate) fn written(code: &str) -> Self {
        CellSource::new(Arc::new(Prepared::plain(code)), code)
    }

    /// The user's place of a place in the compiled file. evcxr copies statements line by line, so the
    /// lines are found by their text; among equal ones the neighbours decide.
    pub(crate) fn locate(&self, line: usize, column: usize) -> Option<Place> {
        let index = line.checked_sub(1)?;
        let text = self.generated.get(index)?.trim();
        if text.is_empty() {
            return None;
        }
        let candidates = self
            .prepared
            .iter()
            .enumerate()
            .filter(|(_, prepared)| prepared.contains(text));
        let (found, prepared) = candidates.max_by_key(|(candidate, _)| {
            // Later ones lose a tie: evcxr keeps the order of statements.
            (self.agreement(index, *candidate), usize::MAX - candidate)
        })?;
        let indent = self.generated[index]
            .chars()
            .take_while(|c| c.is_whitespace())
            .count();
        let start = prepared
            .find(text)
            .map_or(0, |at| prepared[..at].chars().count());
        let column = (start + column).saturating_sub(indent).max(1);
        Some(Place {
            line: found + 1,
            column: self.cell.column(found + 1, column),
        })
    }

    /// How many neighbouring lines agree.
    fn agreement(&self, generated: usize, written: usize) -> usize {
        let same = |offset: isize| {
            let line = |lines: &[String], index: usize| {
                index
                    .checked_add_signed(offset)
                    .and_then(|index| lines.get(index))
                    .map(|line| line.trim().to_owned())
            };
            match (
                line(&self.generated, generated),
                line(&self.prepared, written),
            ) {
                (Some(ours), Some(theirs)) => theirs.contains(&ours) && !ours.is_empty(),
                _ => false,
            }
        };
        [-3, -2, -1, 1, 2, 3]
            .into_iter()
            .filter(|offset| same(*offset))
            .count()
    }

    pub(super) fn line(&self, line: usize) -> &str {
        self.cell.line(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_are_told_apart_by_their_neighbours() {
        let written = "let a = 1;\nf();\nlet b = 2;\n    f();\nlet c = 3;";
        let generated = "fn run() {\nlet a = 1;\nf();\nlet b = 2;\nf();\nlet c = 3;\n}".to_owned();
        let source = CellSource::new(Arc::new(Prepared::plain(written)), &generated);
        assert_eq!(source.locate(3, 1), Some(Place { line: 2, column: 1 }));
        assert_eq!(source.locate(5, 1), Some(Place { line: 4, column: 5 }));
        assert_eq!(source.locate(1, 1), None);
        assert_eq!(source.locate(0, 1), None);
    }
}
