//! `:help`, and commands of evcxr that a kernel must not run. Neither needs the compiler.

use serde_json::{Map, Value};

use crate::text::escaped;
use crate::{CellError, Display, error_report, pages};

/// What a person can write, and what it does. Commands of evcxr that are left out work too, but change how
/// cells are built (`:opt`, `:linker`, `:toolchain`, …): everything is compiled again then.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "Signals",
        &[
            (
                "let scan = open(\"scan.zspy\")?;",
                "opens a file; reads no pixel",
            ),
            (
                "scan",
                "as the last line of a cell: shows the value, a signal as a live view",
            ),
            (
                "scan.map(|frame: Frame<f32>| frame.mapv(|count| count.max(0.0).sqrt()))?",
                "your own function on every frame; here a square root, with negative counts clipped at 0",
            ),
            (
                "flat.save(\"flat.zspy\")?",
                "computes everything and writes it; `.zspy`, `.hspy`, `.zarr` or `.npy`",
            ),
            (
                "compute_all(&[&bright, &shift])?",
                "several results in one pass over the scan; `bright.compute()?` for one",
            ),
            (
                "display(Html(\"<b>done</b>\"))",
                "shows something in the middle of a cell; also `display(&scan)`, `Markdown(…)`, `Svg(…)`",
            ),
            ("tree()?", "all nodes and what they are"),
            (
                "memory_budget(\"4 GiB\")?",
                "sets what the kernel may keep in memory; `memory()?` shows it",
            ),
            (
                "flat.undo()?",
                "takes the last change of its parameters back; `flat.redo()?`, `flat.branch()?`, `flat.diff(&other)?`",
            ),
            (
                "export()?",
                "the code of the whole tree; `strain.recipe(\"recipe.json\")?` for `signaltree compute`",
            ),
            (
                "replay(\"strain.zspy\")?",
                "the tree that a saved result came from; `provenance(\"strain.zspy\")?` shows how it was made",
            ),
            (
                "restore()?",
                "brings files, operations and names back after a crash or a restart",
            ),
        ],
    ),
    (
        "Help",
        &[
            (
                "?find_peaks",
                "what is known of a name: a call, a struct, a field, a variable, a title of the menu; also `find_peaks?`; \
                 Shift+Tab inside a call",
            ),
            ("Tab", "completes names, fields and paths of files"),
            (":vars", "variables and their types"),
            (":type scan", "the type of one variable"),
            (
                ":explain",
                "what the compiler has to say at length about its last error",
            ),
            ("!ls", "a line that begins with `!` goes to the shell"),
        ],
    ),
    (
        "Rust",
        &[
            (
                ":dep rand = \"0.9\"",
                "adds a crate; then `use rand::…;` in this cell or a later one",
            ),
            (":show_deps", "the crates added so far"),
            (":offline 1", "takes crates only from this computer"),
            (":env KEY=value", "sets a variable of the environment"),
            (
                ":clear",
                "forgets all variables, functions and types; the tree and its views stay",
            ),
            (":timing", "says after each compiled cell how long it took"),
        ],
    ),
];

const FOOT: &str = "The notebooks 01_navigate, 02_background_peaks_strain and 03_detectors_and_saving show a whole analysis.";

/// What a command does, by its name with or without its colon: the line of `:help`.
pub(crate) fn command(name: &str) -> Option<(&'static str, &'static str)> {
    let name = name.trim_start_matches(':');
    let entries = SECTIONS.iter().flat_map(|(_, entries)| entries.iter());
    entries.copied().find(|(code, _)| {
        code.strip_prefix(':')
            .and_then(|code| code.split(' ').next())
            == Some(name)
    })
}

/// Commands with a colon.
pub(crate) fn commands() -> impl Iterator<Item = &'static str> {
    let entries = SECTIONS.iter().flat_map(|(_, entries)| entries.iter());
    entries.filter_map(|(code, _)| code.split(' ').next().filter(|word| word.starts_with(':')))
}

/// Answers a cell that asks for help, refuses a command that would end the kernel.
pub(crate) fn answer(code: &str) -> Option<Result<Display, CellError>> {
    let code = code.trim();
    if matches!(code, ":help" | "?" | "??" | ":h") {
        return Some(Ok(help()));
    }
    let name = code
        .strip_prefix(":help ")
        .or_else(|| code.strip_prefix(":h "));
    if let Some(name) = name.filter(|name| !name.contains('\n')) {
        return Some(about(name.trim()));
    }
    let has = |command: &str| {
        code.lines()
            .any(|line| line.split_whitespace().next() == Some(command))
    };
    let refused = if has(":quit") {
        "`:quit` would end the kernel, and nothing of the cell was run\nhint: shut the kernel down from the \
         menu; `:clear` forgets the variables"
    } else if has(":clear") && code != ":clear" {
        "`:clear` takes a cell of its own, and nothing of this one was run"
    } else {
        return None;
    };
    Some(Err(error_report::plain("Refused", refused)))
}

/// `:help find_peaks`: as `?find_peaks`.
fn about(name: &str) -> Result<Display, CellError> {
    let name = name.trim_start_matches('?');
    let Some(page) = pages::page(name) else {
        let nearest = pages::nearest_name(name).map_or_else(String::new, |nearest| {
            format!(" Did you mean `:help {nearest}`?")
        });
        let text = format!(
            "nothing is known about `{name}`.{nearest}\nhint: `:help` alone lists what a cell can do, `?name` describes \
             a variable"
        );
        return Err(error_report::plain("NotFound", &text));
    };
    let mut bundle = Map::new();
    bundle.insert("text/plain".into(), Value::String(page.plain));
    if let Some(markdown) = page.markdown {
        bundle.insert("text/markdown".into(), Value::String(markdown));
    }
    Ok(Display {
        bundle,
        ..Display::default()
    })
}

fn help() -> Display {
    let width = SECTIONS
        .iter()
        .flat_map(|(_, entries)| entries.iter())
        .map(|(code, _)| code.chars().count())
        .filter(|width| *width <= 34)
        .max()
        .unwrap_or_default();
    let (mut text, mut html) = (String::new(), String::from("<table><tbody>"));
    for (title, entries) in SECTIONS {
        text.push_str(&format!("{title}\n"));
        html.push_str(&format!(
            "<tr><th colspan=\"2\" style=\"text-align:left\">{title}</th></tr>"
        ));
        for (code, meaning) in *entries {
            if code.chars().count() > width {
                text.push_str(&format!("  {code}\n  {:width$}  {meaning}\n", ""));
            } else {
                text.push_str(&format!("  {code:width$}  {meaning}\n"));
            }
            html.push_str(&format!(
                "<tr><td style=\"text-align:left\"><code>{}</code></td>\
                 <td style=\"text-align:left\">{}</td></tr>",
                escaped(code),
                spans(&escaped(meaning))
            ));
        }
    }
    text.push_str(FOOT);
    html.push_str(&format!("</tbody></table><p>{FOOT}</p>"));
    let mut bundle = Map::new();
    bundle.insert("text/plain".into(), Value::String(text));
    bundle.insert("text/html".into(), Value::String(html));
    Display {
        bundle,
        ..Display::default()
    }
}

/// Every line of `:help`.
#[cfg(test)]
pub(crate) fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    SECTIONS
        .iter()
        .flat_map(|(_, entries)| entries.iter().copied())
}

/// Backquotes as code.
fn spans(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.push_str(&format!("<code>{part}</code>"));
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_text_and_table() {
        for code in [":help", "  :help\n", "?"] {
            let Some(Ok(shown)) = answer(code) else {
                panic!("{code} gives no help")
            };
            let text = shown.bundle["text/plain"].as_str().unwrap();
            for part in [":dep ", ":vars", "?find_peaks", "restore()?", "01_navigate"] {
                assert!(text.contains(part), "{part} is missing in\n{text}");
            }
            let html = shown.bundle["text/html"].as_str().unwrap();
            assert!(
                html.contains("<code>use rand::…;</code>") && html.contains("Frame&lt;f32&gt;")
            );
            assert_eq!(html.matches('`').count(), 0);
        }
    }

    #[test]
    fn help_about_a_name_is_its_page() {
        let shown = answer(":help find_peaks").unwrap().unwrap();
        let text = shown.bundle["text/plain"].as_str().unwrap();
        assert!(text.contains("NormalizedCorrelation"), "{text}");
        let error = answer(":help fnd_peaks").unwrap().unwrap_err();
        assert!(error.value.contains("`:help find_peaks`"), "{error}");
        assert!(answer(":help\nlet a = 1;").is_none());
    }

    #[test]
    fn quitting_is_refused_and_everything_else_passes() {
        let refused = answer("let a = 1;\n:quit").unwrap().unwrap_err();
        assert!(refused.value.contains("shut the kernel down"));
        assert!(answer(":clear\nlet a = 1;").unwrap().is_err());
        for code in [
            "help",
            ":dep x = \"1\"",
            "let quit = 1;",
            "// :quit",
            ":clear",
        ] {
            assert!(answer(code).is_none(), "{code}");
        }
    }
}
