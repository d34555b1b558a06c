//! Calls that may fail; words, numbers and texts; what no variable can keep.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    // Calls that may fail.
    (
        "scan.save(\"x.hspy\");",
        "write `?` behind it",
        "scan.save(\"x.hspy\")?;",
    ),
    (
        "{ scan.save(\"x.hspy\"); }",
        "write `?` behind it",
        "{ scan.save(\"x.hspy\")?; }",
    ),
    (
        "scan.frame((0, 0)).mean()",
        "write `?` behind",
        "scan.frame((0, 0))?.mean()",
    ),
    (
        "let f = scan.frame((0, 0)); f.mean()",
        "end of the line",
        "let f = scan.frame((0, 0))?; f.mean()",
    ),
    (
        "pending.shape()?",
        "end of the line",
        "let pending = pending?;\npending.shape()?",
    ),
    (
        "println!(\"{}\", scan.shape());",
        "write `?` behind",
        "println!(\"{}\", scan.shape()?);",
    ),
    (
        "fn f(s: &Signal) { s.save(\"x.zspy\")?; }",
        "may fail",
        "fn f(s: &Signal) -> Result<()> { s.save(\"x.zspy\")?; Ok(()) }",
    ),
    // Words, numbers, texts.
    ("x = 5", "made by `let`", "let x = 5;"),
    ("let n = 5; n += 1;", "`let mut`", "let mut n = 5; n += 1;"),
    ("let flag = True;", "write `true`", "let flag = true;"),
    (
        "let c = None;",
        "what it is to hold",
        "let c: Option<f64> = None;",
    ),
    (
        "pattern.mean() == 3",
        "decimal number",
        "pattern.mean() == 3.0",
    ),
    ("let a = 1 / 2.0;", "decimal number", "let a = 1.0 / 2.0;"),
    ("let a = 2 ** 3;", "a power", "let a = 2.0_f64.powi(3);"),
    ("let x: float = 3.0;", "`f64`", "let x: f64 = 3.0;"),
    (
        "let name: String = \"grain\";",
        "`.to_string()`",
        "let name: String = \"grain\".to_string();",
    ),
    (
        "let t = \"n = \" + 5;",
        "`format!`",
        "let t = format!(\"n = {}\", 5);",
    ),
    (
        "print(scan)",
        "printing is a macro",
        "println!(\"{scan:?}\")",
    ),
    (
        "println!(pattern)",
        "with `{}` where",
        "println!(\"{pattern:?}\")",
    ),
    (
        "println!(\"{}\", scan)",
        "`{:?}`",
        "println!(\"{:?}\", scan)",
    ),
    ("println!(\"{scan}\")", "`{:?}`", "println!(\"{scan:?}\")"),
    ("str(n_rows)", "`format!`", "format!(\"{n_rows}\")"),
    ("int(3.7)", "`as i64`", "3.7 as i64"),
    ("abs(-3)", "methods", "(-3.0_f64).abs()"),
    (
        "let z = np.zeros((3, 4));",
        "a `Frame`",
        "let z = Frame::from_fn((3, 4), |_| 0.0);",
    ),
    (
        "let a = np.array([1, 2]);",
        "a `Vec`",
        "let a = vec![1.0, 2.0];",
    ),
    (
        "let a = np.pi * 2.0;",
        "module of Python",
        "let a = std::f64::consts::PI * 2.0;",
    ),
    ("imagesc(scan)", "needs no plotting", "scan"),
    (
        "disp(n_rows)",
        "printing is a macro",
        "println!(\"{n_rows}\");",
    ),
    (
        "y = 1 if n_rows > 2 else 3",
        "has braces",
        "let y = if n_rows > 2 { 1 } else { 3 };",
    ),
    ("# a comment", "begins with `//`", "// a comment"),
    ("scan.frame((0, 0)?", "close it", "scan.frame((0, 0))?"),
    ("println!(\"a)", "double quote", "println!(\"a\")"),
    (
        "def f(x):\n    return x * 2",
        "types of its arguments",
        "fn f(x: f64) -> f64 {\n    return x * 2.0;\n}",
    ),
    ("type(scan)", "`:type`", ":type scan"),
    ("let a, b = 1, 2;", "in brackets", "let (a, b) = (1, 2);"),
    ("n_rows++", "new value", "let n_rows = n_rows + 1;"),
    // What no variable can keep.
    (
        "let c = |x: i32| x + 1;\nc(2)",
        "keep the closure in a box",
        "let c: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + 1);\nc(2)",
    ),
    (
        "let it = list.iter();",
        "keep a copy",
        "let it = list.iter().cloned().collect::<Vec<_>>();",
    ),
    ("let r = &list;", "keep a copy", "let r = list.clone();"),
    (
        "let m = (0..3).map(|i| i * 2);",
        "`.collect()`",
        "let m = (0..3).map(|i| i * 2).collect::<Vec<_>>();",
    ),
    ("let r = &list[0];", "keep a copy", "let r = list[0];"),
    (
        "let v = strain.values((0, 0))?; let r = &v[0];",
        "keep a copy",
        "let v = strain.values((0, 0))?; let r = v[0];",
    ),
    // What is shown in the middle of a cell.
    ("display(scan)", "lend it with `&`", "display(&scan)"),
    ("display(3)", "lend it with `&`", "display(&3)"),
    (
        "display(Html(\"<b>bold</b>\".into()));",
        "leave `.into()` out",
        "display(Html(\"<b>bold</b>\"));",
    ),
    (
        "display(HTML(\"<b>bold</b>\"))",
        "did you mean `Html`",
        "display(Html(\"<b>bold</b>\"))",
    ),
    (
        "println!(\"{pattern.mean()} counts\");",
        "any other value follows the text",
        "println!(\"{} counts\", pattern.mean());",
    ),
    // C and its relatives.
    (
        "if n_rows == 3 then println!(\"x\");",
        "in braces",
        "if n_rows == 3 { println!(\"x\"); }",
    ),
    (
        "let y = n_rows == 3 ? 1 : 2;",
        "is a value",
        "let y = if n_rows == 3 { 1 } else { 2 };",
    ),
    (
        "for (i = 0; i < 3; i++) { println!(\"{}\", i); }",
        "through a range",
        "for i in 0..3 { println!(\"{}\", i); }",
    ),
    (
        "for i in 3 { println!(\"{}\", i); }",
        "`0..10`",
        "for i in 0..3 { println!(\"{}\", i); }",
    ),
    (
        "let y = 2.sqrt();",
        "decimal numbers",
        "let y = 2.0_f64.sqrt();",
    ),
    (
        "let y = n_rows.sqrt();",
        "decimal numbers",
        "let y = (n_rows as f64).sqrt();",
    ),
    (
        "println!(\"{}\", n_rows, 4)",
        "one value",
        "println!(\"{} {}\", n_rows, 4)",
    ),
];
