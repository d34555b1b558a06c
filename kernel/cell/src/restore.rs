//! The tree of an earlier session, brought back.

use crate::bridge;
use crate::error::{Error, Result};
use crate::host;
use crate::json::Json;
use crate::output::Show;
use crate::signal::Signal;
use crate::table::{Align, Table};

/// Brings back the tree of the earlier session of this notebook, after a restart or a crash: files are
/// opened, operations added, variables have their signals again, and open widgets are live. Lazy like
/// everything else: no pixel is read.
///
/// # Errors
/// No earlier session has left a tree. What could not be brought back is no error but in the result.
pub fn restore() -> Result<Restored> {
    let reply = host::command(r#"{"command":"restore"}"#)?;
    Ok(Restored::from_json(reply.get("restored")))
}

/// What [`restore`] brought back.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// Parents before children.
    pub nodes: Vec<RestoredNode>,
    /// What is lost or differs, with what to do.
    pub problems: Vec<RestoreProblem>,
    /// Widgets that are live again.
    pub widgets: usize,
}

/// A node that is in the tree again.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoredNode {
    pub name: String,
    /// `(40, 56 | 128, 112) u16`.
    pub summary: String,
    node: u32,
}

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoreProblem {
    /// Name of the node in the earlier session.
    pub name: String,
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
    /// The node did not come back.
    pub lost: bool,
}

impl Restored {
    /// A signal by its name, also one that no variable holds.
    ///
    /// # Errors
    /// No node of this name was brought back.
    pub fn signal(&self, name: &str) -> Result<Signal> {
        let found = self.nodes.iter().find(|node| node.name == name);
        found.map(|node| bridge::signal(node.node)).ok_or_else(|| {
            let names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
            Error::new(format!("no `{name}` was brought back"))
                .with_hint(format!("there are: {}", names.join(", ")))
        })
    }

    pub(crate) fn from_json(json: &Json) -> Self {
        let text = |json: &Json, name: &str| json.get(name).text().unwrap_or_default().to_owned();
        let number = |json: &Json, name: &str| json.get(name).number().unwrap_or_default();
        Restored {
            nodes: json
                .get("nodes")
                .list()
                .iter()
                .map(|node| RestoredNode {
                    name: text(node, "name"),
                    summary: text(node, "summary"),
                    node: number(node, "node") as u32,
                })
                .collect(),
            problems: json
                .get("problems")
                .list()
                .iter()
                .map(|problem| RestoreProblem {
                    name: text(problem, "name"),
                    message: text(problem, "message"),
                    hint: text(problem, "hint"),
                    lost: matches!(problem.get("lost"), Json::Bool(true)),
                })
                .collect(),
            widgets: number(json, "widgets") as usize,
        }
    }

    fn title(&self) -> String {
        let count = |number: usize, one: &str, many: &str| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {many}"),
        };
        let mut title = format!(
            "Brought back: {}",
            count(self.nodes.len(), "signal", "signals")
        );
        if self.widgets > 0 {
            title += &format!(", {}", count(self.widgets, "widget", "widgets"));
        }
        let lost = self.problems.iter().filter(|problem| problem.lost).count();
        if lost > 0 {
            title += &format!("; not brought back: {}", count(lost, "signal", "signals"));
        }
        title
    }

    fn tables(&self) -> [Option<Table>; 2] {
        let mut nodes = Table::new(
            self.title(),
            &[("name", Align::Text), ("shape and type", Align::Text)],
        );
        for node in &self.nodes {
            nodes.row(vec![node.name.clone(), node.summary.clone()]);
        }
        let mut problems = Table::new(
            "Not as it was",
            &[
                ("name", Align::Text),
                ("what", Align::Text),
                ("what to do", Align::Text),
            ],
        );
        for problem in &self.problems {
            problems.row(vec![
                problem.name.clone(),
                problem.message.clone(),
                problem.hint.clone(),
            ]);
        }
        [Some(nodes), (!self.problems.is_empty()).then_some(problems)]
    }
}

impl Show for Restored {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        let tables = self.tables();
        let join = |text: &dyn Fn(&Table) -> String, between: &str| {
            let texts: Vec<String> = tables.iter().flatten().map(text).collect();
            texts.join(between)
        };
        vec![
            ("text/html", join(&Table::html, "")),
            ("text/plain", join(&Table::text, "\n\n")),
        ]
    }
}
