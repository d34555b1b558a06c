//! Which cells run without the compiler, and which go to it.

use super::*;
use crate::direct::Value;
use crate::direct::types::Integer;

/// Cells in order, as a notebook has them.
pub(super) const CELLS: &str = include_str!("../../../tests/direct_cells.txt");

pub(super) fn cells() -> impl Iterator<Item = &'static str> {
    CELLS.split("\n%%\n")
}

/// Every one has something the compiler must see. Known are the variables of `scope`.
pub(super) const REFUSED: &[&str] = &[
    // Not only calls and values.
    "fn f() {}",
    "use std::fmt;",
    "struct A;",
    "let (a, b) = (1, 2);",
    "let mut a = 1;",
    "let a: usize = 1;",
    "let a;",
    "let _ = 1;",
    "let Some(a) = Some(1) else { return };",
    "{ 1 }",
    "if true { 1 } else { 2 }",
    "match n { _ => 1 }",
    "for i in 0..3 { println!(\"{i}\"); }",
    "loop {}",
    "|x| x",
    "scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?",
    "scan.frame((1, 2))?[(0, 0)]",
    "[1, 2][0]",
    "n as f64",
    "n += 1;",
    "n == 5",
    "!true",
    "*&n",
    "&mut n",
    "n % 2",
    "n << 1",
    "\"a\".parse::<i32>()?",
    "\"a\".len()",
    "dbg!(n)",
    "assert!(true)",
    "panic!(\"x\")",
    "#[allow(unused)] let a = 1;",
    "/// text\nlet a = 1;",
    ":vars",
    ":dep x = \"1\"",
    "!ls",
    "r#type",
    "b\"bytes\"",
    "'c'",
    "c\"text\"",
    "1 ;; 2 2",
    "let a = 1",
    "return;",
    "scan.frame((1, 2)).await",
    "unsafe { 1 }",
    "async { 1 }",
    "std::process::exit(3)",
    "exit(3)",
    "vec![0; 3]",
    "[0.0; 4]",
    "0..=3",
    "..",
    "'a: loop {}",
    // Names and numbers of arguments.
    "unknown",
    "unknown()",
    "scan.unknown()",
    "open()",
    "open(\"a\", \"b\")",
    "scan.shape(1)",
    "crate::open(\"a\")?",
    "::signaltree::open(\"a\")?",
    "other::open(\"a\")?",
    "scan.shape::<u8>()",
    "signaltree::hook::warm()?",
    "Signal { node: 1 }",
    "Unknown::default()",
    "RadialMedian::new()",
    "RadialMedian { radius: 1.0, ..default() }",
    "RadialMedian { clip: true }",
    "RadialMedian { clip: true, clip: true, ..default() }",
    "RadialMedian { clip: true, ..RadialMedian { clip: false, ..default() } }",
    "RadialMedian { clip: true, ..Disk::default() }",
    "Region { x0: 1, ..default() }",
    "Region { x0: 1, y0: 2, width: 3 }",
    "Region::default()",
    "Subpixel::Missing",
    "Subpixel::com",
    "default()",
    "None",
    "let a = None;",
    "vec![]",
    "let a = Some(None);",
    "scan.subtract_background(default())?",
    // Types.
    "open(5)?",
    "open(&5)?",
    "scan.frame(1.0)?",
    "scan.frame((1, 2.0))?",
    "scan.frame((1, 2, 3, 4, 5))?",
    "scan.frame(&[1, 2])?",
    "scan.frame((n, 1))?",
    "scan.frame((-1, 0))?",
    "scan.frame((1i32, 2))?",
    "Region::rectangle(0, 0, 16, 16.0)",
    "Region::rectangle(0, 0, 16, -1)",
    "RadialMedian { clip: 1, ..default() }",
    "Disk { radius: 6, ..default() }",
    "Disk { centre: [1.0, 2.0], ..default() }",
    "Disk { centre: Some([1.0, 2.0, 3.0]), ..default() }",
    "Disk { centre: Some((1.0, 2.0)), ..default() }",
    "Disk { statistic: Subpixel::Com, ..default() }",
    "scan.find_peaks(RadialMedian::default())?",
    "scan.apply(RadialMedian::default())?",
    "scan.strain_map(&StrainMap::default())?",
    "open(\"a\").shape()?",
    "n?",
    "n.unwrap()",
    "n.expect(\"x\")",
    "open(\"a\").expect(name)",
    "2.0.sqrt()",
    "n.abs()",
    "\"text\".len()",
    "vec![1].len() + 1",
    "scan.shape()?.unwrap()",
    "scan.frame((1, 2))?.max()?",
    "1 + 1.0",
    "1.0 + n",
    "x + 1",
    "small + n",
    "name + \"x\"",
    "-name",
    "-true",
    "-small",
    "&n + 1",
    "true + true",
    "[1, 2.0]",
    "[n, small]",
    "[1, true]",
    "1u8 + 1u16",
    "1u128",
    "1i3",
    "1.0f16",
    "scan.rename(name)?",
    "Html(\"x\".into())",
    "Html(n)",
    "Html(name)",
    "display(scan)",
    "display(&\"text\")",
    "display(&Subpixel::Com)",
    "clear_output(1);",
    "input(name)?",
    "\"text\".into()",
    "n.into()",
    "5.to_string()",
    "region.x0.clone() as u8",
    "region.unknown",
    "scan.node",
    "(1, 2).2",
    // Numbers that do not fit, and sums whose terms are not known.
    "256u8",
    "-129i8",
    "128i8",
    "2147483648",
    "1e400",
    "1e39f32",
    "3000000000 * 2",
    "200u8 + 100",
    "0usize - 1",
    "1 / 0",
    "n / (5 - n)",
    "-(-128i8)",
    "region.width + 1",
    "scan.frame((1, 2))?.len() * 2",
    "let wide = 300; let sum = small + wide;",
    // Moves and borrows.
    "let a = scan;",
    "let a = name;",
    "scan;",
    "name;",
    "open(name)?",
    "let a = &n;",
    "let a = &scan;",
    "let a = (&n, 1);",
    "let b = vec![1]; let c = b; b",
    "let p = Disk::default(); scan.virtual_image(p)?; p",
    "[scan]",
    "Some(scan)",
    "open_with(\"a\", options)?",
    "let a = axis.units;",
    // Values that compiled cells cannot be given.
    "let frame = scan.frame_as::<f32>((1, 2))?;",
    "let shown = display(&n);",
    "let result = scan.shape();",
    "let a = ();",
    "let a = println!();",
    "let a = scan.save(\"b\")?;",
    // Format strings.
    "println!(\"{}\")",
    "println!(\"{}\", 1, 2)",
    "println!(\"{1}\", 1)",
    "println!(\"{unknown}\")",
    "println!(\"{}\", scan)",
    "println!(\"{}\", region)",
    "println!(\"{}\", (1, 2))",
    "println!(\"{}\", ())",
    "println!(\"{:x}\", 10)",
    "println!(\"{:e}\", 1.0)",
    "println!(\"{:-^9}\", 1)",
    "println!(\"{:w$}\", 1, w = 5)",
    "println!(\"{:.*}\", 3, 1.0)",
    "println!(\"{:1$}\", 1, 5)",
    "println!(\"{:?x}\", 1)",
    "println!(\"{ }\", 1)",
    "println!(\"{\", 1)",
    "println!(\"}\")",
    "println!(\"{:99999}\", 1)",
    "println!(name)",
    "println!(\"{a}\", a = 1, a = 2)",
    "println!(\"{}{a}\", a = 1, 2)",
    "println!(\"{0}\", n, small)",
    "println!(concat!(\"a\", \"b\"))",
    "print!()",
    "format!()",
    "eprintln!(\"{}\", error)",
];

pub(super) fn scope() -> Scope {
    let mut scope = Scope::default();
    let number = |integer, value| Value::Integer(integer, value);
    for (name, value) in [
        ("scan", Value::Signal(signaltree::bridge::signal(1))),
        ("n", number(Integer::I32, 5)),
        ("small", number(Integer::U8, 3)),
        ("x", Value::F64(1.5)),
        ("error", Value::F64(2.5)),
        ("name", Value::Text("grain".into())),
        (
            "region",
            Value::Region(signaltree::Region::rectangle(0, 0, 2, 2)),
        ),
        ("options", Value::Open(signaltree::Open::default())),
        ("axis", Value::Axis(signaltree::Axis::default())),
    ] {
        scope.insert(name, value);
    }
    scope
}

#[test]
fn every_cell_of_the_corpus_is_accepted() {
    let mut session = Session::new();
    for cell in cells() {
        if let Err(error) = session.evaluate(cell) {
            assert_ne!(error.name, "KernelError", "{cell}\n{error}");
            let expected = cell.contains("missing") || cell.contains("9, 9");
            assert!(expected, "{cell}\n{error}");
        }
    }
}

#[test]
fn what_the_compiler_must_see_is_left_to_it() {
    let _session = Session::new();
    let scope = scope();
    for cell in REFUSED {
        assert!(try_direct(cell, &scope).is_none(), "accepted: {cell}");
        // Not even behind statements that would be fine, and before any of them ran.
        let whole = format!("let fine = 1;\n{cell}");
        assert!(try_direct(&whole, &scope).is_none(), "accepted: {whole}");
    }
}

#[test]
fn the_same_cells_with_the_mistake_put_right_are_accepted() {
    let _session = Session::new();
    let scope = scope();
    for cell in [
        "",
        "// only a comment",
        "scan.frame((1, 2))?",
        "open(&name)?",
        "open(name.clone())?",
        "signaltree::open(\"a\")?",
        "scan.rename(&name)?",
        "let a = region;",
        "let a = scan.clone();",
        "display(\"text\");",
        "display(&name);",
        "display(Html(\"<b>bold</b>\"));",
        "display(Html(&name)).update(Markdown(name.clone()));",
        "display(format!(\"{n} peaks\"));",
        "let shown = Svg(\"<svg/>\"); display(shown);",
        "println!(\"{error}\");",
        "scan.strain_map(default())?",
        "scan.virtual_image(Disk { centre: None, ..Disk::default() })?",
        "n / (4 - n)",
        "-128i8",
        "255u8",
        "small + 252",
        "x + 1.0",
        "open_with(\"a\", options.clone())?",
        "let p = Disk::default(); scan.virtual_image(p)?",
        "open(\"a\")?.subtract_background(HDome { h: 0.5 })?.find_peaks(LocalMaximum::default())?",
        "scan.frame(())?",
        "scan.frame(0)?",
        "let p = 5; let q = p; Region::rectangle(p, q, p + 1, q * 2)",
        "println!(\"{0} {0:?} {a} {n}\", 1, a = 2);",
        "println!(\"{{}}\");",
        "((((n))));",
        "n;",
    ] {
        assert!(try_direct(cell, &scope).is_some(), "refused: {cell}");
    }
}

#[test]
fn names_stand_for_what_they_were_last_bound_to() {
    let _session = Session::new();
    let mut scope = scope();
    scope.insert("open", Value::Bool(true));
    assert!(try_direct("open(\"a\")?", &scope).is_none());
    assert!(try_direct("open", &scope).is_some());
    assert!(try_direct("let tree = 1; tree()?", &scope).is_none());
}
