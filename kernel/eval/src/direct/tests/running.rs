//! What accepted cells do: calls, values, names, errors.

use super::*;

#[test]
fn the_cells_of_the_main_journey() {
    let mut session = Session::new();
    session.run("let scan   = open(\"strained_grain.zspy\")?;");
    session.run("let flat   = scan.subtract_background(RadialMedian::default())?;");
    session.run(
        "let peaks  = flat.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?;",
    );
    let events = session.run(
        "let strain = peaks.strain_map(StrainMap { reference: Region::rectangle(0, 0, 16, 16), \
         ..default() })?;   // scan positions\nstrain",
    );
    assert_eq!(events, [Event::Show(4)]);
    session.run("strain.save(\"strain.zspy\")?;");
    let commands = session.commands();
    let words: Vec<&str> = commands
        .iter()
        .map(|command| command["command"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        words,
        [
            "open", "name", "add_node", "name", "add_node", "name", "add_node", "name", "save"
        ]
    );
    assert_eq!(commands[4]["operation"], "normalized_correlation");
    assert_eq!(commands[4]["params"]["radius"], 4.0);
    assert_eq!(commands[6]["params"]["reference"]["width"], 16);
    assert_eq!(commands[7]["name"], "strain");
    assert_eq!(session.type_of("strain"), "Signal");
}

#[test]
fn a_further_signal_is_an_argument() {
    let mut session = Session::new();
    session.run("let scan   = open(\"scan.zspy\")?;");
    session.run("let vacuum = open(\"vacuum.zspy\")?;");
    session.run("scan.find_peaks_with(&vacuum, NormalizedCorrelation { max_peaks: Some(9), ..default() })?;");
    let commands = session.commands();
    assert_eq!(commands[4]["operation"], "normalized_correlation");
    assert_eq!(commands[4]["parents"], serde_json::json!([1, 2]));
    assert_eq!(commands[4]["params"]["max_peaks"], 9);
}

#[test]
fn literals_take_the_types_rustc_gives_them() {
    let mut session = Session::new();
    for (cell, name, ty) in [
        ("let a = 5;", "a", "i32"),
        ("let a = 5.0;", "a", "f64"),
        ("let a = 5u8;", "a", "u8"),
        ("let a = 5_000i64;", "a", "i64"),
        ("let a = 1.5f32 * 2.0;", "a", "f32"),
        ("let a = 5; Region::rectangle(a, 0, 1, 1);", "a", "usize"),
        (
            "let a = 5; let b = a; Region::rectangle(b, 0, 1, 1);",
            "a",
            "usize",
        ),
        (
            "let a = 5; let b = a + 1; Region::rectangle(b, 0, 1, 1);",
            "a",
            "usize",
        ),
        ("let a = [1, 2, 3u16];", "a", "[u16; 3]"),
        (
            "let a = (1, 2.0, \"x\", true);",
            "a",
            "(i32, f64, &'static str, bool)",
        ),
        ("let a = vec![1.0, 2.0f32];", "a", "Vec<f32>"),
        ("let a = Some(1);", "a", "Option<i32>"),
        ("let a = 0..5u8;", "a", "std::ops::Range<u8>"),
        ("let a = \"x\".to_string();", "a", "String"),
        ("let a = Disk::default();", "a", "Disk"),
        ("let a = Statistic::Sum;", "a", "Statistic"),
        ("let a = Region::rectangle(0, 0, 1, 1).width;", "a", "usize"),
        ("let a = open(\"x\")?.shape()?;", "a", "Shape"),
        ("let a = open(\"x\")?.axes()?;", "a", "Vec<Axis>"),
        ("let a = open(\"x\")?.peaks((0, 0))?;", "a", "Vec<Peak>"),
        (
            "let a = open(\"x\")?.frame((0, 0))?.max();",
            "a",
            "Option<f64>",
        ),
        (
            "let a = open(\"x\")?.frame((0, 0))?.rows_columns();",
            "a",
            "(usize, usize)",
        ),
        ("let a = open(\"x\")?.id();", "a", "u32"),
    ] {
        session.run(cell);
        assert_eq!(session.type_of(name), ty, "{cell}");
    }
    // A variable of an earlier cell has its final type.
    session.run("let later = 5;");
    assert!(try_direct("Region::rectangle(later, 0, 1, 1)", &session.scope).is_none());
}

#[test]
fn every_value_that_crosses_has_a_rust_form() {
    let mut session = Session::new();
    session.run("let scan = open(\"x\")?;");
    for (cell, ty, expression) in [
        ("let v = -5;", "i32", "-5i32"),
        ("let v = 1.0;", "f64", "1.0f64"),
        (
            "let v = 1e300 * 1e300;",
            "f64",
            "f64::from_bits(9218868437227405312)",
        ),
        ("let v = 0.1f32;", "f32", "0.1f32"),
        ("let v = \"a\\\"\";", "&'static str", "\"a\\\"\""),
        (
            "let v = \"a\".to_string();",
            "::std::string::String",
            "::std::string::String::from(\"a\")",
        ),
        (
            "let v = scan.clone();",
            "::signaltree::Signal",
            "::signaltree::bridge::signal(1)",
        ),
        (
            "let v = Region::rectangle(1, 2, 3, 4);",
            "::signaltree::Region",
            "::signaltree::Region { x0: 1, y0: 2, width: 3, height: 4 }",
        ),
        (
            "let v = Disk { radius: 2.5, ..default() };",
            "::signaltree::Disk",
            "::signaltree::Disk { centre: None, radius: 2.5f64, statistic: ::signaltree::Statistic::Sum }",
        ),
        ("let v = (1, true);", "(i32, bool)", "(1i32, true)"),
        ("let v = [1.5, 2.0];", "[f64; 2]", "[1.5f64, 2.0f64]"),
        (
            "let v = vec![Some(1u8)];",
            "::std::vec::Vec<::std::option::Option<u8>>",
            "::std::vec![Some(1u8)]",
        ),
        ("let v = 1..4;", "::std::ops::Range<i32>", "1i32..4i32"),
    ] {
        session.run(cell);
        let found = session
            .scope
            .get("v")
            .and_then(|value| value.rust_binding());
        assert_eq!(
            found,
            Some((ty.to_owned(), expression.to_owned())),
            "{cell}"
        );
    }
    session.run("let v = scan.axes()?;");
    let (ty, expression) = session.scope.get("v").unwrap().rust_binding().unwrap();
    assert_eq!(ty, "::std::vec::Vec<::signaltree::Axis>");
    assert!(expression.starts_with("::std::vec![::signaltree::Axis { name: \"y\".into(), size: 3"));
    for entry in ["RadialMedian", "NormalizedCorrelation", "StrainMap", "Open"] {
        session.run(&format!("let v = {entry}::default();"));
        let (_, expression) = session.scope.get("v").unwrap().rust_binding().unwrap();
        assert!(
            syn::parse_str::<syn::Expr>(&expression).is_ok(),
            "{expression}"
        );
    }
}

#[test]
fn an_error_keeps_its_text_and_what_the_cell_bound_is_gone() {
    let mut session = Session::new();
    session.run("let keep = 5; let again = 1;");
    let error = session.fails(
        "println!(\"before\");\nlet again = 2; let new = 3;\nlet missing = open(\"missing.zspy\")?;\nprintln!(\"after\");",
    );
    assert_eq!(error.name, "Error");
    assert_eq!(
        error.value,
        "missing.zspy does not exist\nhint: check the path"
    );
    assert_eq!(session.events(), [Event::Out("before\n".into())]);
    // evcxr loses a variable that a failed cell bound anew.
    let left: Vec<&str> = session.scope.entries().map(|(name, ..)| name).collect();
    assert_eq!(left, ["keep"]);
}

#[test]
fn unwrap_panics_at_its_place() {
    let mut session = Session::new();
    session.run("let scan = open(\"a\")?;");
    let error = session.fails(
        "let a = 1; // unwrap\nlet b = scan.shape().unwrap();\n  open(\"missing.zspy\").unwrap();",
    );
    assert_eq!(error.name, "Panic");
    assert!(
        error
            .value
            .starts_with("called `Result::unwrap()` on an `Err` value: missing.zspy"),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("line 3, column 24"), "{text}");
    assert!(text.contains("open(\"missing.zspy\").unwrap();"), "{text}");
    let error = session.fails("scan.frame((0, 0))?.get((9, 9)).unwrap()");
    assert_eq!(error.value, "called `Option::unwrap()` on a `None` value");
}

#[test]
fn handles_are_counted_as_in_a_compiled_cell() {
    let mut session = Session::new();
    session.run("let counted = open(\"scan.zspy\")?;");
    assert_eq!(session.handles(1), 1);
    session.run("let other = counted.clone();");
    assert_eq!(session.handles(1), 2);
    session.run("counted.shape()?; counted.frame((0, 0))?; counted");
    assert_eq!(session.handles(1), 2);
    session.run("let moved = open(\"b\")?; let taken = moved;");
    assert_eq!(
        (session.handles(2), session.type_of("moved")),
        (1, "nothing".into())
    );
    session.run("let counted = 1; let other = 2;");
    assert_eq!(session.handles(1), 0);
    session.run("open(\"c\")?;");
    assert_eq!(session.handles(3), 0);
}

#[test]
fn displays_come_in_order_and_are_updated() {
    let mut session = Session::new();
    let events = session.run(
        "println!(\"one\"); display(Html(\"<i>1</i>\")).update(&Html(\"<i>2</i>\")); \
         clear_output(true); input(\"name? \")?",
    );
    assert!(
        matches!(&events[..], [Event::Out(_), Event::Display(first), Event::Update(second), Event::Clear(true), Event::Result(_)]
            if first["text/html"] == "<i>1</i>" && second["text/html"] == "<i>2</i>"),
        "{events:?}"
    );
}

#[test]
fn an_interrupt_ends_a_cell_between_two_calls() {
    let mut session = Session::new();
    let kernel = Arc::clone(&session.kernel.shared);
    kernel
        .interrupted
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let error = session.fails("let a = open(\"a\")?;");
    kernel
        .interrupted
        .store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(error.name, "Interrupted");
    assert_eq!(session.commands(), [] as [Json; 0]);
}

#[test]
fn a_syntax_error_has_its_place() {
    use crate::direct::syntax_error;
    for (cell, place) in [
        ("let a = ;", "line 1, column 9"),
        ("let a = 1;\nlet b 2;", "line 2, column 7"),
        ("let a = 1;\n  )", "line 2, column 3"),
        ("scan.frame((1, 2)?", "line 1, column 11"),
        ("f(1];", "line 1, column 4"),
        ("let é = \"x;\n", "line 1, column 9"),
        ("let a = 1\nlet b = 2;", "line 2, column 1"),
        (":dep x = \"1\"\nlet = 5;", "line 2, column 5"),
        ("fn f( {", "line 1, column 7"),
    ] {
        let error = syntax_error(cell).unwrap_or_else(|| panic!("{cell}"));
        assert_eq!(error.name, "CompileError");
        assert!(error.to_string().contains(place), "{cell}\n{error}");
    }
    for cell in [
        "let a = 1;",
        "fn f() {}",
        "for i in 0..3 {}",
        "a b c".get(..1).unwrap_or_default(),
        "",
    ] {
        assert!(syntax_error(cell).is_none(), "{cell}");
    }
}

/// A cell that opens a file costs its engine's time and little more.
#[test]
fn a_direct_cell_is_fast() {
    let mut session = Session::new();
    let began = std::time::Instant::now();
    for _ in 0..200 {
        session.run("let scan = open(\"a.zspy\")?;\nlet flat = scan.subtract_background(RadialMedian::default())?;");
    }
    let each = began.elapsed() / 200;
    assert!(each < std::time::Duration::from_millis(5), "{each:?}");
}

#[test]
fn a_position_has_up_to_four_indices() {
    let mut session = Session::new();
    session.run("let scan = open(\"scan.zspy\")?;");
    for (position, index) in [
        ("2", "[2]"),
        ("(2, 7)", "[2, 7]"),
        ("(1, 2, 7)", "[1, 2, 7]"),
        ("(0, 1, 2, 7)", "[0, 1, 2, 7]"),
        ("[0, 1, 2, 7]", "[0, 1, 2, 7]"),
    ] {
        let error = session.fails(&format!("scan.frame({position})?;"));
        assert!(error.value.contains(index), "{position}: {error}");
    }
    assert!(try_direct("scan.frame((0, 1, 2, 3, 7))?", &session.scope).is_none());
}
