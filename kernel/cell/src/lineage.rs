//! How signals came to be: their history, forks, differences, code, recipes.

use std::path::Path;

use crate::error::Result;
use crate::host;
use crate::json::{Json, quoted};
use crate::output::Show;
use crate::restore::Restored;
use crate::signal::Signal;
use crate::table::{Align, Table};

impl Signal {
    /// Takes the last change of this node's parameters back; views of it are computed again. The last hundred
    /// changes are remembered, also over a `restore()`.
    ///
    /// # Errors
    /// There is no change to take back, or the earlier parameters do not fit any more.
    pub fn undo(&self) -> Result<()> {
        self.command("undo").map(drop)
    }

    /// Makes the change again that was taken back last.
    ///
    /// # Errors
    /// Nothing was taken back, or the parameters do not fit any more.
    pub fn redo(&self) -> Result<()> {
        self.command("redo").map(drop)
    }

    /// A second node with the operation, parameters and parent of this one, to try something beside it.
    ///
    /// # Errors
    /// The node is a file, or was removed from the tree.
    pub fn branch(&self) -> Result<Signal> {
        Signal::created(&self.command("branch")?)
    }

    /// What this node and `other` do differently, from where their ways part.
    ///
    /// # Errors
    /// One of the nodes was removed from the tree.
    pub fn diff(&self, other: &Signal) -> Result<Difference> {
        let reply = host::command(&format!(
            r#"{{"command":"diff","a":{},"b":{}}}"#,
            self.id(),
            other.id()
        ))?;
        Ok(Difference::from_json(reply.get("difference")))
    }

    /// The code that makes this node and everything above it, to run in a new notebook.
    ///
    /// # Errors
    /// The node was removed from the tree.
    pub fn export(&self) -> Result<Code> {
        Code::rust(&self.command("export")?)
    }

    /// Writes a recipe: `signaltree compute recipe.json --out DIR` computes this signal without a notebook.
    ///
    /// # Errors
    /// The signal is a file, a closure of a cell is above it, or the recipe cannot be written.
    pub fn recipe(&self, path: impl AsRef<Path>) -> Result<Code> {
        recipe(path, &[self])
    }

    fn command(&self, name: &str) -> Result<Json> {
        host::command(&format!(
            r#"{{"command":{},"node":{}}}"#,
            quoted(name),
            self.id()
        ))
    }
}

/// Writes a recipe for several signals: `signaltree compute recipe.json --out DIR` computes them together.
///
/// # Errors
/// As [`Signal::recipe`].
pub fn recipe(path: impl AsRef<Path>, signals: &[&Signal]) -> Result<Code> {
    let nodes: Vec<String> = signals
        .iter()
        .map(|signal| signal.id().to_string())
        .collect();
    let reply = host::command(&format!(
        r#"{{"command":"recipe","nodes":[{}],"path":{}}}"#,
        nodes.join(","),
        quoted(&path.as_ref().to_string_lossy())
    ))?;
    Ok(Code::plain(&reply))
}

/// The code that makes the whole tree, to run in a new notebook.
///
/// # Errors
/// When the code does not run inside a kernel.
pub fn export() -> Result<Code> {
    Code::rust(&host::command(r#"{"command":"export"}"#)?)
}

/// Builds the tree again that a saved result came from: the file is opened, the operations are added with their
/// parameters, variables get the names they had. Lazy like everything else: no pixel is read.
///
/// # Errors
/// The result does not say how it was made (another program wrote it), or its file is not found: then
/// [`replay_with`].
pub fn replay(result: impl AsRef<Path>) -> Result<Restored> {
    replay_from(result.as_ref(), None)
}

/// As [`replay`], from another file than the one the result was made from: one that was moved, or another scan.
///
/// # Errors
/// As [`replay`]; also when the operations do not fit the file.
pub fn replay_with(result: impl AsRef<Path>, file: impl AsRef<Path>) -> Result<Restored> {
    replay_from(result.as_ref(), Some(file.as_ref()))
}

fn replay_from(result: &Path, file: Option<&Path>) -> Result<Restored> {
    let input = file.map_or_else(String::new, |file| {
        format!(r#","input":{}"#, quoted(&file.to_string_lossy()))
    });
    let reply = host::command(&format!(
        r#"{{"command":"replay","path":{}{input}}}"#,
        quoted(&result.to_string_lossy())
    ))?;
    Ok(Restored::from_json(reply.get("restored")))
}

/// What is in a file and how it was made, as text; `signaltree show FILE` prints the same.
///
/// # Errors
/// The file does not exist or cannot be opened.
pub fn provenance(path: impl AsRef<Path>) -> Result<Code> {
    let reply = host::command(&format!(
        r#"{{"command":"provenance","path":{}}}"#,
        quoted(&path.as_ref().to_string_lossy())
    ))?;
    Ok(Code::plain(&reply))
}

/// Lines of code or plain text; shown in the letters of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    pub text: String,
    language: &'static str,
}

impl Code {
    fn plain(reply: &Json) -> Self {
        Code {
            language: "text",
            text: reply.get("text").text().unwrap_or_default().to_owned(),
        }
    }

    fn rust(reply: &Json) -> Result<Self> {
        Ok(Code {
            language: "rust",
            text: reply.get("text").text().unwrap_or_default().to_owned(),
        })
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl Show for Code {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "text/markdown",
                format!("```{}\n{}\n```", self.language, self.text.trim_end()),
            ),
            ("text/plain", self.text.clone()),
        ]
    }
}

/// What two signals do differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Names of the two.
    pub names: (String, String),
    /// The nearest signal both go back to; empty when they go back to different files.
    pub common: String,
    pub rows: Vec<DifferenceRow>,
}

/// One parameter that differs, or an operation that only one of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferenceRow {
    /// Title of the operation.
    pub operation: String,
    /// Name of the parameter; empty when only one of them has the operation.
    pub parameter: String,
    pub units: String,
    /// The values as text; empty when that one does not have the operation.
    pub values: (String, String),
}

impl Difference {
    /// Whether both do the same.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn from_json(json: &Json) -> Self {
        let text = |json: &Json, name: &str| json.get(name).text().unwrap_or_default().to_owned();
        Difference {
            names: (text(json, "a"), text(json, "b")),
            common: text(json, "common"),
            rows: (json.get("rows").list().iter())
                .map(|row| DifferenceRow {
                    operation: text(row, "operation"),
                    parameter: text(row, "parameter"),
                    units: text(row, "units"),
                    values: (text(row, "a"), text(row, "b")),
                })
                .collect(),
        }
    }

    fn table(&self) -> Table {
        let (a, b) = &self.names;
        let from = match self.common.as_str() {
            "" => "from different files".to_owned(),
            common => format!("from {common} on"),
        };
        let title = match self.rows.len() {
            0 => format!("{a} and {b} do the same"),
            1 => format!("{a} and {b} differ in 1 place, {from}"),
            count => format!("{a} and {b} differ in {count} places, {from}"),
        };
        let mut table = Table::new(
            title,
            &[
                ("operation", Align::Text),
                ("parameter", Align::Text),
                (a, Align::Text),
                (b, Align::Text),
            ],
        );
        for row in &self.rows {
            let value = |text: &str| match (text, row.units.as_str()) {
                ("", _) => "—".to_owned(),
                (text, "") => text.to_owned(),
                (text, units) => format!("{text} {units}"),
            };
            table.row(vec![
                row.operation.clone(),
                row.parameter.clone(),
                value(&row.values.0),
                value(&row.values.1),
            ]);
        }
        table
    }
}

impl Show for Difference {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        self.table().bundle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_table_with_units() {
        let row = |parameter: &str, units: &str, a: &str, b: &str| DifferenceRow {
            operation: "Radial median".into(),
            parameter: parameter.into(),
            units: units.into(),
            values: (a.into(), b.into()),
        };
        let difference = Difference {
            names: ("flat".into(), "flat_branch".into()),
            common: "scan".into(),
            rows: vec![
                row("width", "px", "1", "2"),
                row("", "", "", "with its defaults"),
            ],
        };
        let text = difference.table().text();
        for part in ["differ in 2 places, from scan on", "1 px", "2 px", "—"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let none = Difference {
            rows: Vec::new(),
            ..difference
        };
        assert!(none.table().text().contains("do the same"));
    }
}
