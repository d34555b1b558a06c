//! What is said under an error of a cell: one sentence, and code that is right.

use crate::bridge::Variable;
use crate::repair;
use crate::report;
use crate::typing;

/// What to do about a mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    /// One sentence without a full stop.
    pub(crate) text: String,
    /// Code to write instead: each piece compiles and does what the text says.
    pub(crate) write: Vec<String>,
}

impl Advice {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Advice {
            text: text.into(),
            write: Vec::new(),
        }
    }

    /// With one more piece of code; an empty one is none.
    pub(crate) fn write(mut self, code: impl Into<String>) -> Self {
        let code = code.into();
        if !code.trim().is_empty() && !self.write.contains(&code) {
            self.write.push(code);
        }
        self
    }

    /// Lines for the traceback.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![report::hint(&self.text)];
        lines.extend(self.write.iter().map(|code| report::write(code)));
        lines
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Self {
        Advice::new(text)
    }
}

impl From<String> for Advice {
    fn from(text: String) -> Self {
        Advice::new(text)
    }
}

/// What the rules may know of the notebook: the cell and the variables it can use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notebook<'a> {
    /// The cell as it was written.
    pub(crate) cell: &'a str,
    pub(crate) variables: &'a [Variable],
    /// Variables that an earlier cell had and that were reset since.
    pub(crate) lost: &'a [String],
}

impl<'a> Notebook<'a> {
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable.name == name)
    }

    /// The bare type of an expression: `Signal`, `Frame`, `Vec`, `f64`; empty: nobody knows.
    pub(crate) fn kind(&self, expression: &str) -> &str {
        let expression = expression.trim();
        if let Some(kind) = typing::type_of(expression, self.cell, self.variables) {
            return kind;
        }
        let found = self
            .variables
            .iter()
            .find(|variable| variable.name == expression);
        found.map_or("", |variable| typing::bare(&variable.kind))
    }

    /// The whole type of a variable: `Vec<i32>`.
    pub(crate) fn whole_kind(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|variable| variable.name == name);
        found.map_or("", |variable| &variable.kind)
    }

    /// A signal to write examples with: one that the notebook has.
    pub(crate) fn signal(&self) -> &'a str {
        let signals = || {
            self.variables
                .iter()
                .filter(|variable| typing::bare(&variable.kind) == "Signal")
        };
        let scan = signals().find(|variable| variable.name == "scan");
        scan.or_else(|| signals().next())
            .map_or("scan", |variable| &variable.name)
    }

    /// A line of code with everything else on it put right too, so that it compiles.
    pub(crate) fn mended(&self, line: &str) -> String {
        repair::repaired(line, self.variables).unwrap_or_else(|| line.to_owned())
    }
}
