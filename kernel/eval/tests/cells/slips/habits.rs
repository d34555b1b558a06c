//! What a microscopist types who never saw Rust.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    // Frames of a call that may fail.
    (
        "scan.frame((0, 1)).max()",
        "write `?` behind",
        "scan.frame((0, 1))?.max()",
    ),
    (
        "scan.frame((0, 1)).sqrt()",
        "`mapv`",
        "scan.frame((0, 1))?.mapv(f64::sqrt)",
    ),
    (
        "pattern.max() > 5",
        "may be missing",
        "pattern.max().unwrap_or(f64::NAN) > 5.0",
    ),
    (
        "scan.map(|frame: Frame<f32>| frame.max())?",
        "may be missing",
        "scan.map(|frame: Frame<f32>| frame.max().unwrap_or(f32::NAN))?",
    ),
    (
        "scan.map(|frame: Frame<f32>| frame.mapv(sqrt))?",
        "belong to their type",
        "scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?",
    ),
    // Variables.
    (
        "scan = open(\"scan.zspy\")",
        "by `let`",
        "let scan = open(\"scan.zspy\")?;",
    ),
    (
        "scan = open(\"scan.zspy\")?",
        "by `let`",
        "let scan = open(\"scan.zspy\")?;",
    ),
    (
        "const other = scan",
        "made by `let mut`",
        "let other = scan.clone();",
    ),
    ("const limit = 3;", "made by `let mut`", "let limit = 3;"),
    ("del scan", "given back by `drop`", "drop(scan);"),
    ("return scan", "that of its last line", "scan"),
    (
        "let bright scan.virtual_image(Disk::default())?;",
        "makes a variable",
        "let bright = scan.virtual_image(Disk::default())?;",
    ),
    ("let many: 3;", "makes a variable", "let many = 3;"),
    ("let many == 3;", "makes a variable", "let many = 3;"),
    (
        "let a = 5, b = 6;",
        "`let` of its own",
        "let a = 5; let b = 6;",
    ),
    ("let (a, b) = 5, 6;", "in brackets", "let (a, b) = (5, 6);"),
    ("a, b = 5, 6", "in brackets", "let (a, b) = (5, 6);"),
    (
        "scan.axes()?[0].name = \"y\"",
        "when the file is opened",
        "let mut axes = scan.axes()?;\naxes[0].name = \"y\".into();\n\
         let scan = open_with(\"scan.zspy\", Open { axes, ..default() })?;",
    ),
    // Conditions, loops, functions.
    (
        "if (n_rows == 3) println!(\"yes\");",
        "no parentheses",
        "if n_rows == 3 { println!(\"yes\"); }",
    ),
    (
        "if (n_rows == 3)\n    println!(\"yes\");",
        "no parentheses",
        "if n_rows == 3 { println!(\"yes\"); }",
    ),
    (
        "while True: pass",
        "`break` leaves it",
        "loop {\n    break;\n}",
    ),
    (
        "fn next(x) { x + 1 }",
        "`x: f64`",
        "fn next(x: f64) -> f64 { x + 1.0 }",
    ),
    (
        "def mean_of(x):\n    return x.mean()",
        "types of its arguments",
        "fn mean_of(x: &Frame<f64>) -> f64 { x.mean() }",
    ),
    // Calls.
    (
        "let file = \"scan.zspy\"; open_with(file, scan=(3, 5))?",
        "no keyword arguments",
        "let file = \"scan.zspy\"; open_with(file, Open { scan: (3, 5), ..default() })?",
    ),
    (
        "open_with(\"scan.zspy\", signal_axes=2)?",
        "no keyword arguments",
        "open_with(\"scan.zspy\", Open { signal_axes: 2, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk, radius=10)?",
        "Disk",
        "scan.virtual_image(Disk { radius: 10.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Circle { radius: 10.0 })?",
        "`virtual_image` takes",
        "scan.virtual_image(Disk { radius: 10.0, ..default() })?",
    ),
    (
        "scan.pattern(Mean)?",
        "",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "scan.frame(x=2, y=1)?",
        "no keyword arguments",
        "scan.frame((1, 2))?",
    ),
    (
        "scan.data.mean(axis=(0, 1))",
        "say over what",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "scan.mean(axis=0)",
        "say over what",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "hs.load('scan.zspy', lazy=True)",
        "double ones for a text",
        "open(\"scan.zspy\")?",
    ),
    (
        "open(\"scan.zspy\", Open { scan: (3, 5), ..default() })?",
        "is called as",
        "open_with(\"scan.zspy\", Open { scan: (3, 5), ..default() })?",
    ),
    (
        "open_with(\"scan.zspy\")?",
        "is called as",
        "open(\"scan.zspy\")?",
    ),
    (
        "let name = \"scan\"; open(name + \".zspy\")?",
        "`format!`",
        "let name = \"scan\"; open(format!(\"{name}.zspy\"))?",
    ),
    ("compute(flat)", "method of a signal", "flat.compute()?"),
    ("tree", "call it", "tree()?"),
    ("help find_peaks", "`?name`", "?find_peaks"),
    ("scan.plot", "last line of a cell", "scan"),
    (
        "pattern.save(\"p.csv\")?",
        "row by row",
        "std::fs::write(\"p.csv\", pattern.rows().map(|row| row.iter().map(|pixel| pixel.to_string())\
         .collect::<Vec<_>>().join(\",\")).collect::<Vec<_>>().join(\"\\n\"))?",
    ),
    (
        "pattern.values",
        "`as_slice()`",
        "pattern.as_slice().to_vec()",
    ),
    (
        "pattern.to_numpy()",
        "`as_slice()`",
        "pattern.as_slice().to_vec()",
    ),
    (
        "scan.axes()?[\"x\"].scale",
        "`find` looks for",
        "scan.axes()?.into_iter().find(|axis| axis.name == \"x\").map(|axis| axis.scale)",
    ),
    ("scan.tree()", "by itself", "tree()?"),
    ("scan.title", "what it is called", "?scan"),
    (
        "let v: Vec<f64> = [1, 2, 3];",
        "a list that may grow",
        "let v: Vec<f64> = vec![1.0, 2.0, 3.0];",
    ),
    ("scan.close()", "gives a variable back", "drop(scan);"),
    ("close(scan)", "gives a variable back", "drop(scan);"),
    (
        "println!(\"{}\" n_rows)",
        "commas",
        "println!(\"{}\", n_rows)",
    ),
    (
        "println!(\"%d rows\", n_rows)",
        "place of one value",
        "println!(\"{} rows\", n_rows)",
    ),
    (
        "printf(\"%d rows\", n_rows);",
        "",
        "print!(\"{} rows\", n_rows);",
    ),
    (
        "[1, 2, 3].mean()",
        "`.iter()`",
        "[1, 2, 3].iter().sum::<i32>() as f64 / [1, 2, 3].len() as f64",
    ),
    // Parameters.
    (
        "scan.virtual_image(Annulus { inner_radius: 40.0, outer_radius: 10.0 })?",
        "..default() }`",
        "scan.virtual_image(Annulus { inner_radius: 10.0, outer_radius: 40.0, ..default() })?",
    ),
    (
        "flat.find_peaks(NormalizedCorrelation { radius: \"4 px\", ..default() })?",
        "without quotes",
        "flat.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    (
        "flat.find_peaks(NormalizedCorrelation { radius: 4px, ..default() })?",
        "without its unit",
        "flat.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    (
        "flat.find_peaks(NormalizedCorrelation { radius: 4.0, default() })?",
        "..default()",
        "flat.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    // Regions.
    (
        "Region::rectangle(0, 0, 2)",
        "first column, first row",
        "Region::rectangle(0, 0, 2, 2)",
    ),
    (
        "Region::rectangle(0.0, 0.0, 2.0, 2.0)",
        "first column, first row",
        "Region::rectangle(0, 0, 2, 2)",
    ),
    (
        "Region::rectangle((1, 0), (2, 3))",
        "first column, first row",
        "Region::rectangle(1, 0, 2, 3)",
    ),
    (
        "Region::rectangle(x0=1, y0=0, width=2, height=3)",
        "first column, first row",
        "Region::rectangle(1, 0, 2, 3)",
    ),
    (
        "Region::rect(0, 0, 2, 2)",
        "first column, first row",
        "Region::rectangle(0, 0, 2, 2)",
    ),
    (
        "Region { x: 0, y: 0, w: 2, h: 3 }",
        "did you mean",
        "Region { x0: 0, y0: 0, width: 2, height: 3 }",
    ),
    (
        "scan.pattern(Region::rectangle(0, 0, 2, 2))?",
        "`pattern` takes",
        "scan.pattern(MeanPattern { positions: Some(Region::rectangle(0, 0, 2, 2)), ..default() })?",
    ),
];
