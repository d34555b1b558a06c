//! Words of Rust.

/// Words of Rust that a cell needs, what they do, and an example that runs.
pub(super) const WORDS: &[(&str, &str, &str)] = &[
    (
        "let",
        "Gives a value a name; later cells know it.",
        "let n = 5;",
    ),
    (
        "mut",
        "After `let`: the variable may change.",
        "let mut n = 5; n += 1;",
    ),
    (
        "for",
        "Runs a block for each value.",
        "for i in 0..3 { println!(\"{i}\"); }",
    ),
    (
        "while",
        "Runs a block as long as something is true.",
        "let mut n = 3; while n > 0 { n -= 1; }",
    ),
    (
        "loop",
        "Runs a block until `break`.",
        "let mut n = 0; loop { n += 1; if n > 3 { break; } }",
    ),
    (
        "if",
        "Runs a block if something is true; it has a value.",
        "let sign = if 1.0 < 0.0 { -1 } else { 1 };",
    ),
    (
        "else",
        "What happens if the condition of an `if` is false.",
        "let sign = if 1.0 < 0.0 { -1 } else { 1 };",
    ),
    (
        "match",
        "Chooses by a value.",
        "match open(\"scan.zspy\") { Ok(scan) => println!(\"{scan:?}\"), Err(error) => println!(\"{error}\") }",
    ),
    (
        "fn",
        "Makes a function; the last line of its block is its value.",
        "fn square(x: f64) -> f64 { x * x }",
    ),
    (
        "return",
        "Ends a function with a value.",
        "fn half(x: f64) -> f64 { return x / 2.0; }",
    ),
    (
        "struct",
        "Makes a type of its own.",
        "#[derive(Debug)]\nstruct Fit { width: f64 }",
    ),
    (
        "use",
        "Makes a name of a crate known.",
        "use std::collections::BTreeMap;",
    ),
    (
        "println",
        "Prints a line: a text with `{}` where a value goes, `{:?}` for values with a structure, `{:.2}` for two digits.",
        "println!(\"{} of {:.2}\", 3, 0.5);",
    ),
    (
        "print",
        "Prints without ending the line; otherwise as `println!`.",
        "print!(\"{} \", 3);",
    ),
    (
        "format",
        "Makes a text with values in it.",
        "let text = format!(\"{} of {}\", 3, 5);",
    ),
    (
        "vec",
        "Makes a list that may grow.",
        "let mut list = vec![1.0, 2.0]; list.push(3.0);",
    ),
    (
        "Some",
        "A value that might have been missing.",
        "let centre = Some([64.0, 56.0]);",
    ),
    (
        "None",
        "No value where one may be missing.",
        "let disk = Disk { centre: None, ..default() };",
    ),
    (
        "Ok",
        "The value of a call that did not fail; `?` takes it out.",
        "let shape = open(\"scan.zspy\")?.shape()?;",
    ),
    (
        "Err",
        "The error of a call that failed; `?` ends the cell with it.",
        "let shape = open(\"scan.zspy\")?.shape()?;",
    ),
    (
        "Option",
        "`Some(value)` or `None`.",
        "let most: Option<f64> = None;",
    ),
    (
        "String",
        "A text of its own; one in quotes is a `&str` and becomes a `String` by `.to_string()`.",
        "let name = \"grain\".to_string();",
    ),
    (
        "Vec",
        "A list of values of one type.",
        "let list: Vec<f64> = Vec::new();",
    ),
    (
        "Box",
        "A value in memory of its own; a closure that is kept for later.",
        "let twice: Box<dyn Fn(f64) -> f64> = Box::new(|x| 2.0 * x);",
    ),
    ("true", "The truth value.", "let clip = true;"),
    ("false", "The other truth value.", "let clip = false;"),
    ("bool", "`true` or `false`.", "let clip: bool = true;"),
    (
        "usize",
        "A whole number that counts or indexes; not negative.",
        "let rows: usize = 40;",
    ),
    (
        "i32",
        "A whole number, also negative; what `5` is unless something else is wanted.",
        "let n: i32 = -5;",
    ),
    (
        "i64",
        "A whole number with twice the digits of an `i32`.",
        "let n: i64 = 5_000_000_000;",
    ),
    (
        "f64",
        "A decimal number of about 16 digits: what `4.0` is unless something else is wanted.",
        "let radius: f64 = 4.0;",
    ),
    (
        "f32",
        "A decimal number of about 7 digits: what computed frames are made of.",
        "let half: f32 = 0.5;",
    ),
    (
        "as",
        "Changes the kind of a number.",
        "let n = 5; let x = n as f64;",
    ),
    (
        "move",
        "Before a closure: what it uses becomes its own.",
        "let offset = 10.0f32; let lifted = open(\"scan.zspy\")?.map(move |frame: Frame<f32>| frame.mapv(|pixel| pixel + offset))?;",
    ),
];
