//! What a cell shows of each kind of value, advice under compile errors, commands.

use eval::Display;

use crate::kernel::{Event, Kernel};

/// Runs a cell through the compiler, also one that needs none.
fn compiled(kernel: &Kernel, code: &str) {
    if let Err(error) = kernel.evaluator.evaluate_compiled(code) {
        panic!("the cell\n{code}\nfailed:\n{error}");
    }
}

/// The one result of a compiled cell.
fn shown(kernel: &Kernel, code: &str) -> Display {
    compiled(kernel, code);
    let events = kernel.events();
    match &events[..] {
        [Event::Result(shown)] => shown.clone(),
        events => panic!("{code}: {events:?}"),
    }
}

fn text(kernel: &Kernel, code: &str) -> String {
    shown(kernel, code).bundle["text/plain"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn html(kernel: &Kernel, code: &str) -> String {
    let shown = shown(kernel, code);
    let html = shown.bundle.get("text/html").and_then(|html| html.as_str());
    html.unwrap_or_else(|| panic!("{code}: {shown:?}"))
        .to_owned()
}

pub fn values(kernel: &mut Kernel) {
    compiled(
        kernel,
        "let scan = open(\"scan.zspy\")?; let held = scan.axes()?;",
    );
    kernel.events();
    // A call without its `?`.
    assert_eq!(text(kernel, "scan.shape()"), "(3, 5 | 4, 6)");
    assert!(html(kernel, "scan.shape()").contains("3 × 5 scan positions, frames of 4 × 6 pixels"));
    assert_eq!(
        text(kernel, "open(\"missing.zspy\")"),
        "Error: missing.zspy does not exist\nhint: check the path"
    );
    assert!(html(kernel, "open(\"missing.zspy\")").contains("--jp-error-color1"));
    compiled(kernel, "scan.save(\"copy.zspy\")");
    compiled(kernel, "()");
    assert_eq!(kernel.events(), []);

    for code in ["scan.axes()?", "&held", "&held[..]", "scan.axes()"] {
        let axes = text(kernel, code);
        let lines: Vec<&str> = axes.lines().collect();
        assert!(lines[0].starts_with("axis  points  spacing"), "{axes}");
        assert_eq!(lines.len(), 5, "{axes}");
        assert!(
            lines[1].starts_with("y ") && lines[1].ends_with(" nm"),
            "{axes}"
        );
    }
    assert!(html(kernel, "scan.frame((1, 2))?").contains("src=\"data:image/png;base64,"));
    assert!(
        text(kernel, "scan.frame((1, 2))?")
            .starts_with("Frame of 4 × 6 f64 at scan position (1, 2)")
    );
    let parameters = html(
        kernel,
        "NormalizedCorrelation { radius: Some(5.5), ..default() }",
    );
    for part in [
        "NormalizedCorrelation",
        "5.5 px",
        "1 to 128 px",
        "About how large the disks are",
    ] {
        assert!(
            parameters.contains(part),
            "{part} is missing in {parameters}"
        );
    }
    let both = text(kernel, "(scan.clone(), scan.shape()?)");
    assert!(
        both.starts_with("(\n  Signal ") && both.ends_with("\n)"),
        "{both}"
    );
    assert!(text(kernel, "vec![scan.clone()]").starts_with("[\n  0: Signal "));
    compiled(kernel, "Some(scan.clone())");
    compiled(kernel, "&scan");
    assert!(matches!(kernel.events()[..], [Event::Show(a), Event::Show(b)] if a == b));
}

pub fn plain_rust(kernel: &mut Kernel) {
    for (code, plain) in [
        ("1.0f32 / 4.0", "0.25"),
        ("\"one line\"", "\"one line\""),
        ("String::from(\"two\\nlines\")", "two\nlines"),
        ("Some(\"x\")", "Some(\"x\")"),
        ("Ok::<i32, String>(5)", "Ok(5)"),
        ("(0..3).map(|i| i * i).collect::<Vec<i32>>()", "[0, 1, 4]"),
        ("std::time::Duration::from_millis(1500)", "1.5s"),
        ("'a'..='c'", "'a'..='c'"),
    ] {
        assert_eq!(text(kernel, code), plain);
    }
    compiled(
        kernel,
        "use std::collections::BTreeMap;\n\
         #[derive(Clone, Debug)]\nstruct Fit { name: String, width: f64, values: Vec<f64> }\n\
         impl Fit { fn area(&self) -> f64 { self.width * self.values.iter().sum::<f64>() } }\n\
         fn largest<T: PartialOrd + Copy>(items: &[T]) -> Option<T> {\n    \
             items.iter().copied().reduce(|a, b| if b > a { b } else { a })\n}",
    );
    compiled(
        kernel,
        "let fit = Fit { name: \"gaussian\".into(), width: 0.5, values: vec![1.25; 40] };",
    );
    assert_eq!(text(kernel, "fit.area()"), "25.0");
    assert_eq!(text(kernel, "largest(&[2, 7, 5])"), "Some(7)");
    assert_eq!(text(kernel, "BTreeMap::from([(1, 'a')])"), "{1: 'a'}");
    let spread = text(kernel, "fit.clone()");
    assert!(
        spread.starts_with("Fit {\n    name: \"gaussian\",\n"),
        "{spread}"
    );
    let long = text(kernel, "vec![0u8; 1_000_000]");
    assert!(long.ends_with("… 999900 more of 1000000]"), "{long}");
    // A type of the user's own with its own HTML.
    compiled(
        kernel,
        "struct Badge(u8);\nimpl Show for Badge {\n    fn bundle(&self) -> Vec<(&'static str, String)> {\n        \
             vec![(\"text/html\", format!(\"<b>{}</b>\", self.0)), (\"text/plain\", self.0.to_string())]\n    }\n}",
    );
    assert_eq!(html(kernel, "Badge(7)"), "<b>7</b>");
    assert!(html(kernel, "vec![Badge(1), Badge(2)]").contains("<b>2</b>"));
}

pub fn advice(kernel: &mut Kernel) {
    compiled(
        kernel,
        "let scan = open(\"scan.zspy\")?; let pending = open(\"scan.zspy\");",
    );
    // What is refused here is refused by the compiler.
    for (code, hint) in [
        (
            "let p = scan.subtract_background(RadialMedian::default()).find_peaks(LocalMaximum::default())?;",
            "write `?` behind `scan.subtract_background(RadialMedian::default())`",
        ),
        (
            "pending.shape()",
            "write `?` at the end of the line that makes `pending`",
        ),
        (
            "scan.find_peaks(NormalizedCorrelation { radios: 4.0, ..default() })?",
            "did you mean `radius`: About how large the disks are",
        ),
        (
            "let disk = Disk { radius: 4, ..default() };",
            "write a decimal number: `4.0`",
        ),
        ("scan.frame(1, 2)?", "(row, column): `.frame((1, 2))`"),
        (
            "let n = scan.remove_background()?;",
            "here it is `subtract_background`",
        ),
        ("let n = scan.find_peak()?;", "did you mean `find_peaks`"),
        ("let flag = True;", "write `true`"),
        ("import numpy as np", "nothing to import"),
        ("print(\"x\")", "`println!(\"{}\", x)`"),
        ("scan.save('x.zspy')?;", "double quotes"),
        (
            "let one = open(\"scan.zspy\")?; let two = one; one.shape()?",
            "`one.clone()`",
        ),
        ("|x: f64| x * 2.0", "call it"),
    ] {
        let error = kernel.fails(code);
        assert_eq!(error.name, "CompileError", "{code}");
        let text = error.to_string();
        assert!(text.contains(hint), "{code}\n{text}");
        assert_eq!(text.matches("= hint: ").count(), 1, "{code}\n{text}");
        for noise in ["hook", "signaltree::", "show_value", "evcxr"] {
            assert!(!text.contains(noise), "{noise} in\n{text}");
        }
    }
    let error = kernel.fails("struct Mute { depth: f64 }\nlet mute = Mute { depth: 1.0 };\n  mute");
    let text = error.to_string();
    assert!(error.value.contains("`Mute` has no text to show"), "{text}");
    assert!(
        text.contains("write `#[derive(Debug)]` above `struct Mute`"),
        "{text}"
    );
    let lines: Vec<&str> = text.lines().collect();
    let line = lines
        .iter()
        .position(|line| line.ends_with("|   mute"))
        .unwrap_or_else(|| panic!("{text}"));
    let mark = lines[line + 1];
    assert_eq!(
        mark.find('^').map(|at| &lines[line][at..]),
        Some("mute"),
        "{text}"
    );
    assert!(mark.contains("^^^^ the value of this cell"), "{text}");
    // What rustc says better stays.
    let error = kernel.fails("let a = 5;\na = 6;");
    assert!(error.to_string().contains("mut"), "{error}");
}

pub fn commands(kernel: &mut Kernel) {
    kernel.run(":help");
    let events = kernel.events();
    assert!(
        matches!(&events[..], [Event::Result(shown)] if shown.bundle["text/plain"].as_str().unwrap().contains(":dep ")),
        "{events:?}"
    );
    let error = kernel.fails("let quitting = 1;\n:quit");
    assert_eq!(error.name, "Refused");
    assert_eq!(kernel.fails(":clear\nlet a = 1;").name, "Refused");

    // A crate from a folder: no registry is asked.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(
        folder.path().join("Cargo.toml"),
        "[package]\nname = \"lattice\"\nversion = \"0.3.1\"\nedition = \"2021\"\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("src/lib.rs"),
        "pub fn spacing(a: f64) -> f64 { a / 2f64.sqrt() }\n",
    )
    .unwrap();
    kernel.run(":offline 1");
    kernel.run(&format!(
        ":dep lattice = {{ version = \"0.3\", path = {:?} }}\nuse lattice::spacing;\nlet d = spacing(4.0);",
        folder.path()
    ));
    kernel.events();
    kernel.run("(d * 100.0).round()");
    assert_eq!(kernel.events(), [Event::result("283.0")]);

    kernel.run("let kept = open(\"scan.zspy\")?;");
    compiled(kernel, "let also = kept.clone();");
    assert!(kernel.engine.held() > 0);
    kernel.run(":clear");
    assert_eq!(kernel.engine.held(), 0);
    kernel.events();
    // The API is still known.
    compiled(
        kernel,
        "let again = open(\"scan.zspy\")?; let n = again.shape()?.signal.len();",
    );
    assert_eq!(text(kernel, "n"), "2");
    assert!(kernel.fails("also").value.contains("also"));
}
