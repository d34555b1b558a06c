//! Every cell that runs at once gives the same events when it is compiled, with evcxr and before it is there.

use eval::CellError;
use serde_json::Value;

use crate::kernel::{Event, Kernel};

/// Cells of the interpreter's own tests, separated by lines `%%`.
const CORPUS: &str = include_str!("../direct_cells.txt");

/// Events, commands and outcome of one cell.
type Seen = (Vec<Event>, Vec<Value>, Result<(), CellError>);

pub fn notebooks(kernel: &mut Kernel) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notebooks");
    let mut accepted = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "ipynb")
        {
            continue;
        }
        let notebook: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let cells: Vec<String> = notebook["cells"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|cell| cell["cell_type"] == "code")
            .map(|cell| match &cell["source"] {
                Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
                source => source.as_str().unwrap().to_owned(),
            })
            .collect();
        accepted += both_ways(kernel, &cells);
    }
    assert!(
        accepted >= 8,
        "only {accepted} cells of the notebooks run at once"
    );
}

pub fn corpus(kernel: &mut Kernel) {
    // An item of an earlier check may have the name of one of ours: such cells are compiled.
    kernel.run(":clear");
    let cells: Vec<String> = CORPUS.split("\n%%\n").map(str::to_owned).collect();
    let accepted = both_ways(kernel, &cells);
    let alone = cells
        .iter()
        .filter(|code| kernel.evaluator.evaluate_early(code).is_some());
    assert!(
        alone.count() > cells.len() / 2,
        "few cells of the corpus run before evcxr is there"
    );
    assert_eq!(
        accepted,
        cells.len(),
        "not every cell of the corpus runs at once"
    );
}

/// A way to run a cell.
#[derive(Clone, Copy)]
enum Way {
    AtOnce,
    Compiled,
    /// Compiled without evcxr, where that can be.
    Early,
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}

/// Runs the cells at once, where they can be, and then compiled, both ways; gives how many could.
fn both_ways(kernel: &mut Kernel, cells: &[String]) -> usize {
    let run = |kernel: &Kernel, way: Way| -> Vec<(bool, Seen)> {
        kernel.engine.start_numbers_again();
        // Variables that evcxr had to keep; a kernel whose first cells these are has none.
        let mut kept: Vec<&str> = Vec::new();
        cells
            .iter()
            .map(|code| {
                kernel.clear();
                let direct = !kernel.evaluator.needs_compiler(code);
                let compiled = || kernel.evaluator.evaluate_compiled(code);
                let result = match way {
                    Way::AtOnce => kernel.evaluator.evaluate(code),
                    Way::Compiled => compiled(),
                    Way::Early => words(code)
                        .all(|word| !kept.contains(&word))
                        .then(|| kernel.evaluator.evaluate_early(code))
                        .flatten()
                        .unwrap_or_else(|| {
                            let names = code.split("let ").skip(1);
                            kept.extend(names.filter_map(|rest| words(rest).next()));
                            compiled()
                        }),
                };
                let commands = kernel.engine.commands();
                (
                    direct,
                    (
                        in_order(kernel.events().into_iter().map(nameless)),
                        commands,
                        result,
                    ),
                )
            })
            .collect()
    };
    let at_once = run(kernel, Way::AtOnce);
    for (way, theirs) in [
        ("compiled", run(kernel, Way::Compiled)),
        ("before evcxr", run(kernel, Way::Early)),
    ] {
        for (code, ((direct, ours), (_, theirs))) in cells.iter().zip(at_once.iter().zip(theirs)) {
            if *direct {
                assert_eq!(ours.2, theirs.2, "outcome, {way}, of\n{code}");
                assert_eq!(ours.0, theirs.0, "events, {way}, of\n{code}");
                assert_eq!(ours.1, theirs.1, "commands, {way}, of\n{code}");
            }
        }
    }
    at_once.iter().filter(|(direct, _)| *direct).count()
}

/// stdout and stderr of a compiled cell come through two pipes: which is read first is chance.
fn in_order(events: impl Iterator<Item = Event>) -> Vec<Event> {
    let mut ordered: Vec<Event> = Vec::new();
    // The texts since anything else happened.
    let mut texts = [String::new(), String::new()];
    let gathered = |texts: &mut [String; 2]| {
        let both = std::mem::take(texts).into_iter().zip([false, true]);
        both.filter(|(text, _)| !text.is_empty())
            .map(|(text, error)| Event::Stream(error, text))
    };
    for event in events {
        match event {
            Event::Stream(error, text) => texts[usize::from(error)].push_str(&text),
            other => {
                ordered.extend(gathered(&mut texts));
                ordered.push(other);
            }
        }
    }
    ordered.extend(gathered(&mut texts));
    ordered
}

/// Identifiers of displays differ from run to run.
fn nameless(event: Event) -> Event {
    match event {
        Event::Display(mut shown) => {
            shown.display_id = shown.display_id.map(|_| "some".into());
            Event::Display(shown)
        }
        other => other,
    }
}
