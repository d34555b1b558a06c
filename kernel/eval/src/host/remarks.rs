//! Doubts about what a cell has opened, made or saved, told under it.

use serde_json::{Map, Value};

use super::{Shared, lock};
use crate::Display;
use crate::text::escaped;

impl Shared {
    /// Shows what a reply says must be known; each once in a cell.
    pub(super) fn tell_remarks(&self, reply: &str) {
        // Nearly no reply has any, and some are long.
        if !reply.contains(r#""caveats":[{"about""#) {
            return;
        }
        let reply: Value = serde_json::from_str(reply).unwrap_or_default();
        let said =
            |remark: &Value, part: &str| remark[part].as_str().unwrap_or_default().to_owned();
        let remarks: Vec<(String, String)> = (reply["caveats"].as_array().into_iter().flatten())
            .map(|remark| (said(remark, "about"), said(remark, "text")))
            .collect();
        self.show_remarks(remarks);
    }

    /// Shows what was found while the cell that ends now ran.
    pub(super) fn tell_found(&self) {
        self.show_remarks(self.engine.new_remarks());
    }

    fn show_remarks(&self, mut remarks: Vec<(String, String)>) {
        remarks.retain(|remark| lock(&self.running).told.insert(remark.clone()));
        if remarks.is_empty() {
            return;
        }
        self.drain();
        if self.show_something() {
            let mut bundle = Map::new();
            bundle.insert("text/html".into(), html(&remarks).into());
            bundle.insert("text/plain".into(), text(&remarks).into());
            self.outlet.display(Display {
                bundle,
                metadata: Map::new(),
                display_id: None,
                update: false,
            });
        }
    }
}

/// `half.zspy: 32 of 64 chunks are not in the store; …`, a line each.
fn text(remarks: &[(String, String)]) -> String {
    let lines = remarks
        .iter()
        .map(|(about, text)| format!("{about}: {text}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A stroke in the colour of warnings beside them; no script and no style sheet.
fn html(remarks: &[(String, String)]) -> String {
    let lines = remarks
        .iter()
        .map(|(about, text)| format!("<div><b>{}</b>: {}</div>", escaped(about), escaped(text)));
    format!(
        "<div style=\"border-left:3px solid var(--jp-warn-color1,#f57c00);padding-left:.6em\">{}</div>",
        lines.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_and_nothing_of_it_is_markup() {
        let remarks = [
            ("a<b>.zspy".to_owned(), "32 of 64 chunks".to_owned()),
            ("flat".to_owned(), "x & y".to_owned()),
        ];
        assert_eq!(text(&remarks), "a<b>.zspy: 32 of 64 chunks\nflat: x & y");
        let html = html(&remarks);
        assert!(
            html.contains("<b>a&lt;b&gt;.zspy</b>: 32 of 64 chunks"),
            "{html}"
        );
        assert!(
            html.contains("x &amp; y") && !html.contains("script"),
            "{html}"
        );
    }
}
