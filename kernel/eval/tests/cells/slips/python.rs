//! Whole cells of Python: loops, lists, functions of arrays, errors.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    // Variables that change.
    (
        "total = 0\nfor i in range(3):\n    total += scan.frame((i, i)).sum()",
        "a block stands in braces",
        "let mut total = 0.0;\nfor i in 0..3 {\n    total += scan.frame((i, i))?.sum();\n}",
    ),
    (
        "best = 0\nfor i in range(3):\n    if i > best:\n        best = i\nprint(best)",
        "a block stands in braces",
        "let mut best = 0;\nfor i in 0..3 {\n    if i > best {\n        best = i;\n    }\n}\nprintln!(\"{best}\");",
    ),
    (
        "x = 5\nx += 1",
        "a statement ends with `;`",
        "let mut x = 5;\nx += 1",
    ),
    (
        "let total = 0;\nfor i in 0..3 { total += scan.frame((i, i))?.mean(); }\ntotal",
        "a sum of decimal numbers",
        "let mut total = 0.0;\nfor i in 0..3 { total += scan.frame((i, i))?.mean(); }\ntotal",
    ),
    (
        "count = 0\nfor peak in flat.peaks((0, 0)):\n    count = count + 1\nprint(count)",
        "a block stands in braces",
        "let mut count = 0;\nfor peak in flat.find_peaks(NormalizedCorrelation::default())?.peaks((0, 0))? {\n    \
         count = count + 1;\n}\nprintln!(\"{count}\");",
    ),
    (
        "result = 10 // 3\nprint(result)",
        "a statement ends with `;`",
        "let result = 10 / 3;\nprintln!(\"{result}\");",
    ),
    // Texts.
    (
        "x = 5\nprint(\"value: %d\" % x)",
        "a statement ends with `;`",
        "let x = 5;\nprintln!(\"value: {x}\");",
    ),
    (
        "let t = \"%d rows, %.2f\" % (n_rows, pattern.mean());",
        "by `format!`",
        "let t = format!(\"{n_rows} rows, {:.2}\", pattern.mean());",
    ),
    (
        "print(\"shape: {}, mean: {:.2f}\".format(n_rows, pattern.mean()))",
        "printing is a macro",
        "println!(\"shape: {n_rows}, mean: {:.2}\", pattern.mean())",
    ),
    // Lists.
    (
        "values = []\nfor i in range(3):\n    values.append(scan.frame((i, 0)).sum())\nprint(len(values), values)",
        "a block stands in braces",
        "let mut values = vec![];\nfor i in 0..3 {\n    values.push(scan.frame((i, 0))?.sum());\n}\n\
         println!(\"{} {values:?}\", values.len());",
    ),
    (
        "total = sum([scan.frame((i, 0)).mean() for i in range(3)])",
        ".collect()`",
        "let total = (0..3).map(|i| Ok(scan.frame((i, 0))?.mean())).collect::<Result<Vec<_>>>()?.iter().sum::<f64>();",
    ),
    (
        "x = np.linspace(0, 1, 50)\ny = np.sin(x)",
        "a statement ends with `;`",
        "let x = (0..50).map(|i| 0.0 + (1.0 - 0.0) * i as f64 / (50 - 1) as f64).collect::<Vec<f64>>();\n\
         let y = x.iter().map(|value| value.sin()).collect::<Vec<f64>>();",
    ),
    (
        "r = sqrt(3^2 + 4^2);",
        "`let`",
        "let r = (3.0_f64.powi(2) + 4.0_f64.powi(2)).sqrt();",
    ),
    (
        "[scan.frame((i, 0)).mean() for i in range(3)]",
        ".collect()`",
        "(0..3).map(|i| Ok(scan.frame((i, 0))?.mean())).collect::<Result<Vec<_>>>()?",
    ),
    (
        "large = [x * 2 for x in list if x > 1]",
        ".collect()`",
        "let large = list.iter().copied().filter(|&x| x > 1).map(|x| x * 2).collect::<Vec<_>>();",
    ),
    ("list(range(3))", "", "(0..3).collect::<Vec<_>>()"),
    // Functions.
    (
        "flat.map(lambda frame: frame ** 2)",
        "a closure is written",
        "flat.map(|frame: Frame<f32>| frame.mapv(|pixel| pixel.powi(2)))",
    ),
    (
        "norm = scan.map(lambda f: (f - f.mean()) / f.max(), inplace=False)",
        "a closure is written",
        "let norm = scan.map(|f: Frame<f32>| { let mean = f.mean() as f32; let max = f.max().unwrap_or(f32::NAN); \
         f.mapv(|pixel| (pixel - mean) / max) })?;",
    ),
    (
        "scan.map(|f| f * 2)",
        "`mapv`",
        "scan.map(|f: Frame<f32>| f.mapv(|pixel| pixel * 2.0))",
    ),
    (
        "let f = |x| x * 2;",
        "an argument says its type",
        "fn f(x: f64) -> f64 { x * 2.0 }",
    ),
    (
        "def root(frame): return frame.sqrt()",
        "types of its arguments",
        "fn root(frame: &Frame<f64>) -> Frame<'static, f64> { frame.mapv(f64::sqrt) }",
    ),
    (
        "def root(frame):\n    return np.sqrt(frame)",
        "types of its arguments",
        "fn root(frame: &Frame<f64>) -> Frame<'static, f64> { frame.mapv(f64::sqrt) }",
    ),
    (
        "def f(s):\n    return s.inav[0].isig[1].learn()",
        "types of its arguments",
        "",
    ),
    // Values.
    (
        "let com = scan.center_of_mass(CenterOfMass::default())?;\ncx, cy = com.values((1, 1))",
        "in brackets",
        "let com = scan.center_of_mass(CenterOfMass::default())?;\n\
         let values = com.values((1, 1))?; let (cx, cy) = (values[1], values[0]);",
    ),
    (
        "flat.peaks((0, 0))?[0].x",
        "did you mean `kx`",
        "flat.find_peaks(NormalizedCorrelation::default())?.peaks((0, 0))?[0].kx",
    ),
    ("None is None and True", "`and` is `&&`", "true && true"),
    (
        "let s = StrainMap(reference=Region.rectangle(0, 0, 2, 2));",
        "",
        "let s = StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() };",
    ),
    // Calls of several lines.
    (
        "found = flat.find_peaks(\n    method=\"difference_of_gaussian\",\n    threshold=0.5,\n)",
        "",
        "let found = flat.find_peaks(DifferenceOfGaussiansPeaks { threshold: 0.5, ..default() })?;",
    ),
    (
        "bg = scan.subtract_background(\n    method=\"radial median\",\n    lazy_output=True)",
        "",
        "let bg = scan.subtract_background(RadialMedian::default())?;",
    ),
    // Errors.
    (
        "try:\n    s = open(\"scan.zspy\")\nexcept Exception as e:\n    print(e)",
        "may fail",
        "let s = open(\"scan.zspy\").inspect_err(|e| {\n    println!(\"{e}\");\n})?;",
    ),
    (
        "try:\n    f = scan.frame((0, 0))\n    print(f.mean())\nexcept:\n    print(\"failed\")",
        "may fail",
        "let tried = || -> Result<()> {\n    let f = scan.frame((0, 0))?;\n    println!(\"{}\", f.mean());\n    Ok(())\n};\n\
         if let Err(_) = tried() {\n    println!(\"failed\");\n}",
    ),
    (
        "with open(\"scan.zspy\") as s:\n    print(s.shape)",
        "closed by itself",
        "let s = open(\"scan.zspy\")?;\nprintln!(\"{}\", s.shape()?);",
    ),
    (
        "with open(\"notes.txt\", \"w\") as f:\n    f.write(\"x\")",
        "closed by itself",
        "",
    ),
    (
        "assert n_rows == 3, \"three rows\"",
        "is a macro",
        "assert!(n_rows == 3, \"three rows\");",
    ),
    (
        "assert scan.shape == (3, 5)",
        "is a macro",
        "assert!(scan.shape()?.navigation == [3, 5]);",
    ),
    (
        "if n_rows < 3:\n    raise ValueError(f\"{n_rows} are few\")",
        "a block stands in braces",
        "if n_rows < 3 {\n    Err(format!(\"{n_rows} are few\"))?;\n}",
    ),
    ("raise", "of your own", ""),
    (
        "raise ValueError(\"few\") if n_rows < 3 else None",
        "of your own",
        "",
    ),
    (
        "squares = list(map(lambda v: v ** 2, [1, 2, 3]))",
        "a closure is written",
        "",
    ),
];
