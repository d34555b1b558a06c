//! What people type who come from Python, hyperspy or MATLAB: each mistake gets one sentence and code that runs, at
//! once where it can and compiled.

use crate::kernel::Kernel;

/// Variables of the notebook in which the mistakes are made.
const VARIABLES: &[&str] = &[
    "let scan = open(\"scan.zspy\")?; let flat = scan.subtract_background(RadialMedian::default())?; \
     let strain = flat.find_peaks(LocalMaximum::default())?.strain_map(StrainMap::default())?; \
     let pattern = scan.frame((0, 0))?; let n_rows = 3;",
    "let list = { vec![1, 2, 3] }; let pending = open(\"scan.zspy\");",
];

/// Gives each remedy variables of its own, which it may take away.
const CLONES: &str = "let (scan, flat, strain, pattern, list, pending) = (scan.clone(), flat.clone(), strain.clone(), \
                      pattern.clone(), list.clone(), pending.clone());";

/// A cell, a part of the advice, and the code that is offered first.
const SLIPS: &[(&str, &str, &str)] = &[
    // Reported by those who tried.
    (
        "let again = open(\"scan.zspy\")?\nagain.shape()?",
        "ends with `;`",
        "let again = open(\"scan.zspy\")?;",
    ),
    (
        "scan.sum()",
        "say over what",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "import matplotlib.pyplot as plt",
        "nothing to import",
        "scan",
    ),
    (
        "println!(f\"of {scan}\")",
        "`format!`",
        "println!(\"of {scan:?}\");",
    ),
    (
        "print(f\"{n_rows} rows of {scan}\")",
        "`format!`",
        "println!(\"{n_rows} rows of {scan:?}\");",
    ),
    ("plt.imshow(scan)", "needs no plotting", "scan"),
    ("scan.T", "no transposed signal", "scan"),
    (
        "scan.inav[1, 2]",
        "in hyperspy the column",
        "scan.frame((2, 1))?",
    ),
    ("%matplotlib inline", "pictures come by themselves", "scan"),
    ("ls", "goes to the shell", "!ls"),
    (
        "for i in range(10):\n    print(i)",
        "a block stands in braces",
        "for i in 0..10 {\n    println!(\"{i}\");\n}",
    ),
    (
        "peaks",
        "there is no variable `peaks`",
        "let peaks = scan.find_peaks(NormalizedCorrelation::default())?;",
    ),
    (
        "scan.virtual_image(Disk { radius: 6, .. })?",
        "completes a struct",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.mean_pattern()",
        "`pattern`",
        "scan.pattern(MeanPattern::default())?",
    ),
    // Signals as arrays.
    (
        "let m = scan.mean();",
        "say over what",
        "let m = scan.pattern(MeanPattern::default())?;",
    ),
    (
        "scan.max()",
        "largest value of every pixel",
        "scan.pattern(MaximumPattern::default())?",
    ),
    ("scan.data", "read frame by frame", "scan.frame((0, 0))?"),
    ("scan.data.shape", "`shape()?`", "scan.shape()?"),
    (
        "let d = scan.data[0, 1];",
        "frame((row, column))",
        "let d = scan.frame((0, 1))?;",
    ),
    ("scan[0, 1]", "frame((row, column))", "scan.frame((0, 1))?"),
    (
        "scan[(0, 1)]",
        "frame((row, column))",
        "scan.frame((0, 1))?",
    ),
    ("scan(0, 1)", "square brackets", "scan.frame((0, 1))?"),
    (
        "scan.inav[1]",
        "frame((row, column))",
        "scan.frame((0, 1))?",
    ),
    (
        "let roi = scan.inav[0:2, 0:3];",
        "mean pattern of a region",
        "let roi = scan.pattern(MeanPattern { positions: Some(Region::rectangle(0, 0, 2, 3)), ..default() })?;",
    ),
    (
        "scan.isig[1:3, 0:2]",
        "virtual image",
        "scan.virtual_image(Rectangle { corner: Some([0.0, 1.0]), height: 2.0, width: 2.0, ..default() })?",
    ),
    (
        "scan.axes_manager[0].scale",
        "axes of a signal",
        "scan.axes()?[0].scale",
    ),
    ("scan.metadata", "tells what is known", "?scan"),
    (
        "scan.shape[0]",
        "is a method",
        "scan.shape()?.navigation[0]",
    ),
    (
        "scan.shape()?[2]",
        "`navigation`",
        "scan.shape()?.signal[0]",
    ),
    ("len(scan)", "sizes of a signal", "scan.shape()?"),
    ("scan.plot();", "shown by the last line", "scan"),
    (
        "np.mean(scan)",
        "say over what",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "let r = np.sqrt(scan);",
        "`map`",
        "let r = scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?;",
    ),
    (
        "scan.map(np.sqrt)?",
        "module of Python",
        "scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?",
    ),
    (
        "scan / 2",
        "frame by frame",
        "scan.map(|frame: Frame<f32>| frame.mapv(|pixel| pixel / 2.0))?",
    ),
    (
        "scan - flat",
        "`zip_mapv`",
        "scan.frame((0, 0))?.zip_mapv(&flat.frame((0, 0))?, |a, b| a - b)?",
    ),
    (
        "for f in scan { println!(\"{}\", f.mean()); }",
        "a signal is no list",
        "scan.map(|frame: Frame<f32>| frame.mean())?",
    ),
    (
        "strain.e_xx",
        "components of a map",
        "strain.values((0, 0))?[0]",
    ),
    (
        "strain[\"e_xy\"]",
        "order of its components",
        "strain.values((0, 0))?[2]",
    ),
    (
        "scan.fft()",
        "no step `fft` yet",
        "scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?",
    ),
    (
        "scan.bright_field()",
        "here it is `virtual_image`",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.com()?",
        "here it is `center_of_mass`",
        "scan.center_of_mass(CenterOfMass::default())?",
    ),
    (
        "scan.radial_median()",
        "`subtract_background`",
        "scan.subtract_background(RadialMedian::default())?",
    ),
    (
        "scan.find_peak(LocalMaximum::default())?",
        "did you mean `find_peaks`",
        "scan.find_peaks(LocalMaximum::default())?",
    ),
    (
        "scan.map(|f| f.mean())?",
        "type of the pixels",
        "scan.map(|f: Frame<f32>| f.mean())?",
    ),
    (
        "scan.map(lambda f: f.mean())",
        "a closure is written",
        "scan.map(|f: Frame<f32>| f.mean())",
    ),
    // Frames, peaks, lists.
    ("pattern[0, 1]", "`frame[(row, column)]`", "pattern[(0, 1)]"),
    ("pattern[0][1]", "`frame[(row, column)]`", "pattern[(0, 1)]"),
    ("pattern(0, 1)", "square brackets", "pattern[(0, 1)]"),
    (
        "pattern / 2.0",
        "`mapv`",
        "pattern.mapv(|pixel| pixel / 2.0)",
    ),
    (
        "let p = flat.peaks((0, 0))?; p[0].x",
        "did you mean `kx`",
        "let p = flat.peaks((0, 0))?; p[0].kx",
    ),
    (
        "let axis = scan.axes()?[0];",
        "`.clone()`",
        "let axis = scan.axes()?[0].clone();",
    ),
    ("list[0:2]", "copied by `.to_vec()`", "list[0..2].to_vec()"),
    (
        "list[-1]",
        "counted from its length",
        "list[list.len() - 1]",
    ),
    ("let x = list[0.0];", "whole number", "let x = list[0];"),
    (
        "let part = list[0..2];",
        "`.to_vec()`",
        "let part = list[0..2].to_vec();",
    ),
    (
        "list.append(4)",
        "`push`",
        "let mut list = list;\nlist.push(4);",
    ),
    ("list.length", "`list.len()`", "list.len()"),
    (
        "let y = [x * 2 for x in list];",
        ".collect()`",
        "let y = list.iter().map(|x| x * 2).collect::<Vec<_>>();",
    ),
    ("sum(list)", "`.iter()`", "list.iter().sum::<i32>()"),
    // Parameters.
    (
        "scan.virtual_image(Disk { radius: 6 })?",
        "`, ..default() }`",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk { r: 6 })?",
        "did you mean `radius`",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk { center: (2, 3), radius: 2, ..default() })?",
        "did you mean `centre`",
        "scan.virtual_image(Disk { centre: Some([2.0, 3.0]), radius: 2.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk(radius=6))?",
        "`Disk::default()`",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk)?",
        "`Disk::default()`",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.virtual_image(disk)?",
        "parameters are a struct",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.virtual_image(radius=6)?",
        "no keyword arguments",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(6)?",
        "`virtual_image` takes",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image()?",
        "one struct",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.virtual_image({radius: 6})?",
        "struct with a name",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.subtract_background(method=\"difference of gaussians\", max_sigma=9)?",
        "no keyword arguments",
        "scan.subtract_background(DifferenceOfGaussians { max_sigma: 9.0, ..default() })?",
    ),
    (
        "scan.find_peaks(NormalizedCorrelation { subpixel: None, max_peaks: 5, ..default() })?",
        "`Subpixel::None`",
        "scan.find_peaks(NormalizedCorrelation { subpixel: Subpixel::None, max_peaks: Some(5), ..default() })?",
    ),
    (
        "flat.strain_map(StrainMap { reference: (0, 0, 2, 2) })?",
        "..default() }`",
        "flat.strain_map(StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() })?",
    ),
    (
        "scan.frame(1, 2)?",
        "`.frame((1, 2))`",
        "scan.frame((1, 2))?",
    ),
    (
        "scan.frame((1.0, 2.0))?",
        "whole numbers",
        "scan.frame((1, 2))?",
    ),
    ("open(scan.zspy)?", "double quotes", "open(\"scan.zspy\")?"),
    (
        "open('scan.zspy')?",
        "double ones for a text",
        "open(\"scan.zspy\")?",
    ),
    (
        "let s = hs.load(\"scan.hspy\")",
        "ends with `;`",
        "let s = open(\"scan.hspy\")?;",
    ),
    (
        "let s = hs.load(\"scan.hspy\");",
        "opened with `open`",
        "let s = open(\"scan.hspy\")?;",
    ),
    (
        "open(\"scan.zspy\", lazy=True)?",
        "no keyword arguments",
        "open(\"scan.zspy\")?",
    ),
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
        "let pending = pending?;",
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
    // What no variable can keep.
    (
        "let c = |x: i32| x + 1;\nc(2)",
        "keep the closure in a box",
        "let c: Box<dyn Fn(i32) -> i32> = Box::new(move |x: i32| x + 1);",
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
    for (cell, hint, code) in SLIPS {
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
        if !said || offers.first().map(String::as_str) != Some(*code) || !text.contains("--> line ")
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
            compiled.push(format!("let _ = {{ {CLONES}\n{code}\n}};"));
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
         let other = flat.branch()?;",
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
