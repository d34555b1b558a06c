//! What people type who come from Python, hyperspy or MATLAB: each mistake gets one sentence and code that runs, at
//! once where it can and compiled.

mod frames;
mod habits;
mod lines;
mod maps;
mod parameters;
mod python;
mod reduced;
mod signals;
mod words;

use crate::kernel::Kernel;

/// Variables of the notebook in which the mistakes are made.
const VARIABLES: &[&str] = &[
    "let scan = open(\"scan.zspy\")?; let flat = scan.subtract_background(RadialMedian::default())?; \
     let found = flat.find_peaks(LocalMaximum::default())?; \
     let strain = found.strain_map(StrainMap::default())?; \
     let pattern = scan.frame((0, 0))?; let n_rows = 3;",
    "let list = { vec![1, 2, 3] }; let pending = open(\"scan.zspy\");",
];

/// Gives each remedy variables of its own, which it may take away.
const CLONES: &str = "let (scan, flat, found, strain, pattern, list, pending) = (scan.clone(), flat.clone(), \
                      found.clone(), strain.clone(), pattern.clone(), list.clone(), pending.clone());";

/// A cell, a part of the advice, and the code that is offered first; an empty one: nobody knows code that runs.
type Mistake = (&'static str, &'static str, &'static str);

/// By what is mistaken.
const SLIPS: [&[Mistake]; 9] = [
    signals::SLIPS,
    reduced::SLIPS,
    frames::SLIPS,
    parameters::SLIPS,
    words::SLIPS,
    maps::SLIPS,
    lines::SLIPS,
    habits::SLIPS,
    python::SLIPS,
];

/// Code that an error offers, in order.
fn offered(text: &str) -> Vec<String> {
    const START: &str = "  = write: ";
    let mut found: Vec<String> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        if let Some(code) = line.strip_prefix(START) {
            found.push(code.to_owned());
            within = true;
        } else if let Some(more) = line
            .strip_prefix(&" ".repeat(START.len()))
            .filter(|_| within)
        {
            if let Some(last) = found.last_mut() {
                last.push('\n');
                last.push_str(more);
            }
        } else {
            within = false;
        }
    }
    found
}

pub fn slips(kernel: &mut Kernel) {
    kernel.run(":clear");
    VARIABLES.iter().for_each(|cell| kernel.run(cell));
    let mut wrong = Vec::new();
    let mut remedies: Vec<String> = Vec::new();
    for (cell, hint, code) in SLIPS.into_iter().flatten() {
        let error = match kernel.evaluator.evaluate(cell) {
            Ok(()) => {
                wrong.push(format!("{cell}\n    is no mistake"));
                continue;
            }
            Err(error) => error,
        };
        let text = error.to_string();
        let offers = offered(&text);
        let said = text
            .lines()
            .any(|line| line.starts_with("  = hint: ") && line.contains(hint));
        if !said
            || offers.first().map_or("", String::as_str) != *code
            || !text.contains("--> line ")
        {
            wrong.push(format!(
                "{cell}\n    wanted {hint:?} and {code:?}, got\n{text}"
            ));
        }
        for noise in ["hook", "signaltree::", "show_value", "evcxr", "src/lib.rs"] {
            if text.contains(noise) {
                wrong.push(format!("{cell}\n    {noise} in\n{text}"));
            }
        }
        remedies.extend(offers);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    remedies.sort();
    remedies.dedup();
    kernel.events();
    run(kernel, &remedies);
}

/// Runs each remedy at once, if it can be, and all of them compiled.
fn run(kernel: &mut Kernel, remedies: &[String]) {
    let mut compiled = Vec::new();
    for code in remedies {
        if let Some(name) = code.strip_prefix('?') {
            assert!(kernel.evaluator.help(name).is_ok(), "{code}");
            continue;
        }
        let command = code.starts_with([':', '!']);
        if command || !kernel.evaluator.needs_compiler(code) {
            kernel.run(code);
        }
        if !command {
            // What it has may be a part of a clone.
            compiled.push(format!("let _ = {{ {CLONES}\nlet _ = {{ {code}\n}};\n}};"));
        }
    }
    VARIABLES.iter().for_each(|cell| kernel.run(cell));
    if let Err(all) = kernel.evaluator.evaluate_compiled(&compiled.join("\n")) {
        for code in &compiled {
            VARIABLES.iter().for_each(|cell| kernel.run(cell));
            kernel.compiled(code);
        }
        panic!("only together they fail:\n{all}");
    }
}

/// Examples of the pages and of `:help` are what a reader tries first.
pub fn examples(kernel: &mut Kernel) {
    kernel.run(":clear");
    kernel.run(
        "let scan = open(\"scan.zspy\")?; let flat = scan.subtract_background(RadialMedian::default())?; \
         let peaks = flat.find_peaks(LocalMaximum::default())?; let strain = peaks.strain_map(StrainMap::default())?; \
         let bright = scan.virtual_image(Disk::default())?; let shift = scan.center_of_mass(CenterOfMass::default())?; \
         let other = flat.branch()?; let vacuum = open(\"scan.zspy\")?;",
    );
    let mut compiled = Vec::new();
    for code in eval::examples_of_pages() {
        if !kernel.evaluator.needs_compiler(&code) {
            kernel.run(&code);
        }
        compiled.push(format!("let _ = {{ {code}\n}};"));
    }
    if let Err(all) = kernel.evaluator.evaluate_compiled(&compiled.join("\n")) {
        compiled.iter().for_each(|code| kernel.compiled(code));
        panic!("only together they fail:\n{all}");
    }
}

/// A call whose outcome nobody looks at is refused before anything runs, whichever way.
pub fn unlooked(kernel: &mut Kernel) {
    kernel.run(":clear");
    kernel.run("let scan = open(\"scan.zspy\")?;");
    kernel.clear();
    for cell in [
        "let before = 1;\n// to the disk\nscan.save(\"x.zspy\");",
        "if n_of(&scan) > 0 { scan.save(\"x.zspy\"); }\nfn n_of(_: &Signal) -> u8 { 1 }",
    ] {
        let error = kernel.fails(cell);
        assert!(
            error
                .value
                .starts_with("the outcome of this call is not looked at"),
            "{error}"
        );
        assert_eq!(
            kernel.engine.commands(),
            [] as [serde_json::Value; 0],
            "{cell}"
        );
    }
    // Before evcxr is there too.
    let early = (kernel.evaluator).evaluate_early("for _ in 0..1 { scan.save(\"x.zspy\"); }");
    assert!(early.is_none_or(|outcome| outcome.is_err()));
    assert_eq!(kernel.engine.commands(), [] as [serde_json::Value; 0]);
    let error = kernel.fails("let before = 1;\n// to the disk\n  scan.save(\"x.zspy\");");
    assert!(error.to_string().contains("line 3, column 3"), "{error}");
    kernel.run("let _ = { scan.save(\"x.zspy\") };");
    kernel.run("scan.save(\"x.zspy\")?;");
    kernel.run("scan.save(\"x.zspy\")");
}

/// What evcxr passes through without a place gets the line that makes the variable.
pub fn kept(kernel: &mut Kernel) {
    kernel.compiled("let err = std::fs::rename(\"/no1\", \"/no2\").unwrap_err(); let k = { 3 };");
    for (cell, message, place) in [
        (
            "let g = err.get_ref();",
            "`g` borrows from `err`",
            "line 1, column 5",
        ),
        (
            "let a = 1;\n  let g = err.get_ref();",
            "`g` borrows from `err`",
            "line 2, column 7",
        ),
        (
            "let q = String::from(\"a\"); let it = q.chars();",
            "`it` borrows from `q`",
            "line 1, column 32",
        ),
        (
            "let c = |x: i32| x + 1;\nc(2)",
            "`c` is a closure",
            "line 1, column 5",
        ),
        (
            "let c = move |x: i32| x + k; c(2)",
            "`c` is a closure",
            "line 1, column 5",
        ),
    ] {
        let error = kernel.fails(cell);
        let text = error.to_string();
        assert!(
            error.value.contains(message) && text.contains(place),
            "{cell}\n{text}"
        );
        assert!(
            text.contains("= hint: ") && !text.contains("evcxr"),
            "{text}"
        );
    }
    kernel.compiled("let boxed: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + 1);");
    kernel.compiled("println!(\"{}\", boxed(2));");
}

/// A variable that a cell handed over is looked for there.
pub fn handed_over(kernel: &mut Kernel) {
    kernel.run("let found = open(\"scan.zspy\")?;");
    kernel.compiled("let taken = found;");
    let text = kernel.fails("found.shape()?").to_string();
    assert!(
        text.contains("was handed over by `let taken = found;`"),
        "{text}"
    );
    let right = offered(&text);
    assert_eq!(right[0], "let found = taken.clone();\nfound.shape()?");
    kernel.run(&right[0]);
    kernel.compiled("{ drop(taken); }");
    let text = kernel.fails("taken").to_string();
    assert!(
        text.contains("was given back by `{ drop(taken); }`"),
        "{text}"
    );
    // Made again, it is known again.
    kernel.run("let taken = found.clone(); taken.shape()?");
}

/// A type is told without the compiler, whichever kind of cell made the variable.
pub fn types(kernel: &mut Kernel) {
    kernel.direct("let seen = open(\"scan.zspy\")?;");
    kernel.compiled("let list = vec![1u8];");
    kernel.events();
    for (command, told) in [
        (":type seen", "seen: Signal"),
        (":type list", "list: Vec<u8>"),
    ] {
        kernel.run(command);
        assert_eq!(kernel.events(), [crate::kernel::Event::result(told)]);
    }
    let error = kernel.fails(":type sen");
    assert!(error.to_string().contains("`seen`"), "{error}");
}
