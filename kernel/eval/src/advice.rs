//! What is said under an error of a cell: one sentence, and code that is right.

use crate::bridge::Variable;
use crate::repair;
use crate::typing;

/// What to do about a mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    /// One sentence without a full stop.
    pub(crate) text: String,
    /// Code to write instead: each piece compiles and does what the text says.
    pub(crate) write: Vec<String>,
    pub(crate) instead: Instead,
}

/// What of the cell the code takes the place of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Instead {
    /// The line of the mistake.
    #[default]
    Marked,
    /// Another line of the cell, as it reads.
    Line(String),
    /// The line of the mistake and those below it, so many in all.
    Lines(usize),
    /// Nothing: it comes before the line of the mistake.
    Before,
    /// The line of the mistake, and the code is a value to be shown.
    Shown,
    /// The line of the mistake goes; the code is for a cell that has no other.
    Nothing,
    /// The whole cell.
    Cell,
}

impl Advice {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Advice {
            text: text.into(),
            write: Vec::new(),
            instead: Instead::default(),
        }
    }

    /// Says what of the cell the code takes the place of.
    pub(crate) fn instead(mut self, instead: Instead) -> Self {
        self.instead = instead;
        self
    }

    /// With one more piece of code; an empty one is none.
    pub(crate) fn write(mut self, code: impl Into<String>) -> Self {
        let code = code.into();
        if !code.trim().is_empty() && !self.write.contains(&code) {
            self.write.push(code);
        }
        self
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
#[derive(Clone, Copy)]
pub(crate) struct Notebook<'a> {
    /// The cell as it was written.
    pub(crate) cell: &'a str,
    pub(crate) variables: &'a [Variable],
    /// Variables that an earlier cell had.
    pub(crate) lost: &'a [Lost],
    /// What a node holds, if somebody can be asked.
    pub(crate) describe: Option<Describe<'a>>,
}

/// A variable that an earlier cell had and that is gone.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) name: String,
    /// The line that handed it over; `None`: all variables were reset.
    pub(crate) taken: Option<String>,
}

/// Tells the kind of a node as messages have it: `frame`, `peaks`, `map`; `pattern`: a frame without a scan.
pub(crate) type Describe<'a> = &'a dyn Fn(u32) -> Option<String>;

/// What a signal has at each scan position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Frames,
    /// One frame without a scan.
    Pattern,
    Peaks,
    Map,
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

    /// What a signal has at each scan position: frames, where nothing says otherwise.
    pub(crate) fn holds(&self, signal: &str) -> Holds {
        self.known_holds(signal).unwrap_or(Holds::Frames)
    }

    /// What a signal has at each scan position, where somebody knows it.
    pub(crate) fn known_holds(&self, signal: &str) -> Option<Holds> {
        let signal = signal.trim().trim_end_matches('?');
        let variable = self.variables.iter().find(|known| known.name == signal);
        let made_here = (self.cell.rfind(&format!("let {signal} = ")))
            .and_then(|at| self.cell[at..].split([';', '\n']).next());
        let node = variable.and_then(|known| known.node);
        if let (None, Some(node), Some(describe)) = (made_here, node, self.describe) {
            return match describe(node).as_deref() {
                Some("map") => Some(Holds::Map),
                Some("peaks") => Some(Holds::Peaks),
                Some("frame") => Some(Holds::Frames),
                Some("pattern") => Some(Holds::Pattern),
                _ => None,
            };
        }
        // By the call that makes it.
        let mut call = made_here.unwrap_or(signal).trim_end_matches('?');
        // These give the same signal.
        while let Some(same) = [".compute()", ".clone()"]
            .iter()
            .find_map(|end| call.strip_suffix(end))
        {
            call = same.trim_end_matches('?');
        }
        let open = typing::opening_parenthesis(call).unwrap_or(call.len());
        match typing::last_word(&call[..open]) {
            "strain_map" | "virtual_image" | "center_of_mass" => Some(Holds::Map),
            "find_peaks" => Some(Holds::Peaks),
            "pattern" => Some(Holds::Pattern),
            "subtract_background" => Some(Holds::Frames),
            _ => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_signal_holds_is_known_by_its_node_or_by_the_call_that_makes_it() {
        let mut variables = [("strain", "Signal"), ("found", "Signal")].map(Variable::of_kind);
        variables[0].node = Some(3);
        let describe = |node: u32| (node == 3).then(|| "map".to_owned());
        let notebook = Notebook {
            cell: "let bright = scan.virtual_image(Disk::default())?;\nbright.max()",
            variables: &variables,
            lost: &[],
            describe: Some(&describe),
        };
        for (signal, holds) in [
            ("strain", Holds::Map),
            ("found", Holds::Frames),
            ("bright", Holds::Map),
            ("scan.find_peaks(LocalMaximum::default())?", Holds::Peaks),
            ("peaks.strain_map(StrainMap::default())?", Holds::Map),
            ("scan.pattern(MeanPattern::default())?", Holds::Pattern),
            (
                "scan.virtual_image(Disk::default())?.compute()?",
                Holds::Map,
            ),
            ("scan", Holds::Frames),
        ] {
            assert_eq!(notebook.holds(signal), holds, "{signal}");
        }
        assert_eq!(notebook.known_holds("scan"), None);
    }
}
