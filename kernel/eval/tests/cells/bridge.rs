//! Variables that cross between cells that run at once and compiled ones.

use std::process::Command;
use std::time::{Duration, Instant};

use eval::{Compiler, Options, Prewarm, Stream};

use crate::kernel::{Event, Kernel};
use crate::{DIRECT_WITHOUT_RUST, output_without_rust};

/// Cells that bind one variable of every kind, and what `{:?}` of it writes (`None`: a signal).
const KINDS: &[(&str, &str, Option<&str>)] = &[
    ("whole", "5", Some("5")),
    ("size", "7usize", Some("7")),
    ("small", "250u8", Some("250")),
    ("negative", "-9i64", Some("-9")),
    ("half", "0.5", Some("0.5")),
    ("narrow", "1.5f32", Some("1.5")),
    ("yes", "true", Some("true")),
    ("text", "\"a \\\"b\\\" é\"", Some("\"a \\\"b\\\" é\"")),
    ("owned", "\"own\".to_string()", Some("\"own\"")),
    (
        "region",
        "Region::rectangle(1, 2, 3, 4)",
        Some("Region { x0: 1, y0: 2, width: 3, height: 4 }"),
    ),
    ("shape", "signal.shape()?", Some("(3, 5 | 4, 6)")),
    (
        "axis",
        "Axis::calibrated(\"ky\", 0.5, -1.0, \"1/nm\")",
        Some("Axis { name: \"ky\", size: 0, scale: 0.5, offset: -1.0, units: \"1/nm\" }"),
    ),
    (
        "elements",
        "Axis::named(\"element\", vec![\"Fe\", \"O\"])",
        Some(
            "Axis { name: \"element\", size: 0, scale: 1.0, offset: 0.0, units: \"\", names: [\"Fe\", \"O\"] }",
        ),
    ),
    ("list", "vec![3, 1, 2]", Some("[3, 1, 2]")),
    ("words", "vec![\"a, b\", \"]\"]", Some("[\"a, b\", \"]\"]")),
    (
        "pairs",
        "vec![(0.5, 1e300), (1.5, -2.0)]",
        Some("[(0.5, 1e300), (1.5, -2.0)]"),
    ),
    (
        "rows",
        "vec![vec![1.0, 2.0], vec![0.1]]",
        Some("[[1.0, 2.0], [0.1]]"),
    ),
];

pub fn to_compiled(kernel: &mut Kernel) {
    kernel.direct("let signal = open(\"scan.zspy\")?;");
    for (name, expression, text) in KINDS {
        kernel.direct(&format!("let {name} = {expression};"));
        let text = text.expect("all have one");
        // A block is compiled.
        kernel.compiled(&format!("{{ println!(\"{{{name}:?}}\"); }}"));
        assert_eq!(
            kernel.events(),
            [Event::out(&format!("{text}\n"))],
            "{name}"
        );
    }
    let node = kernel.engine.node_named("signal");
    kernel.compiled("{ println!(\"{} {}\", signal.id(), whole + 1); }");
    assert_eq!(kernel.events(), [Event::out(&format!("{node} 6\n"))]);
    // The type is the one the direct cell had.
    let error = kernel.fails("let wrong: u32 = { size };");
    assert!(error.to_string().contains("usize"), "{error}");
    let error = kernel.fails("// where\nlet wrong = { whole }; let x: u32 = \"text\";");
    assert!(error.to_string().contains("line 2, column 37"), "{error}");
    kernel.direct("let tuned = NormalizedCorrelation { radius: Some(4.5), ..default() };");
    kernel.compiled("{ println!(\"{:?}\", tuned.radius); }");
    assert_eq!(kernel.events(), [Event::out("Some(4.5)\n")]);
}

pub fn to_direct(kernel: &mut Kernel) {
    kernel.direct("let signal = open(\"scan.zspy\")?;");
    for (name, expression, text) in KINDS {
        kernel.compiled(&format!("let {name} = {{ {expression} }};"));
        let text = text.expect("all have one");
        kernel.direct(&format!("println!(\"{{{name}:?}}\");"));
        assert_eq!(
            kernel.events(),
            [Event::out(&format!("{text}\n"))],
            "{name}"
        );
    }
    kernel.compiled("let made = { open(\"made.zspy\")? };");
    kernel.direct("made");
    let node = kernel.engine.node_named("made");
    assert_eq!(kernel.events(), [Event::Show(node)]);
    // What only a compiled cell can have, and what may change, is left to compiled cells.
    kernel.compiled("let words = vec![Some(\"a\")]; let mut count = 1;");
    kernel.compiled("count += 1;");
    kernel.compiled("println!(\"{count} {words:?}\");");
    // Before it the compiler may have said that it starts.
    assert_eq!(
        kernel.events().last(),
        Some(&Event::out("2 [Some(\"a\")]\n"))
    );
}

/// A long list crosses before the compiler is there, stays with compiled cells after, and is one literal on its way to them.
pub fn long_lists(kernel: &mut Kernel) {
    kernel.compiled("let many: Vec<f64> = (0..50_000).map(|i| f64::from(i) / 7.0).collect();");
    kernel.direct("println!(\"{}\", many.len());");
    kernel.compiled("println!(\"{:?} {}\", many.last(), many.iter().sum::<f64>());");
    kernel.compiled("let wait = vec![Some(many.len())]; wait");
    kernel.events();
    kernel.compiled("let long: Vec<u16> = (0..200_000u32).map(|i| i as u16).collect();");
    assert!(
        kernel
            .evaluator
            .needs_compiler("println!(\"{}\", long.len());")
    );
    kernel.compiled("println!(\"{} {:?}\", long.len(), many.last());");
    assert_eq!(
        kernel.events(),
        [Event::out("200000 Some(7142.714285714285)\n")]
    );
}

pub fn shadowing(kernel: &mut Kernel) {
    kernel.direct("let value = 1;");
    kernel.compiled("{ println!(\"{value}\"); }");
    kernel.direct("let value = 2.5;");
    kernel.compiled("{ println!(\"{value}\"); }");
    kernel.compiled("let value = { \"three\" };");
    kernel.direct("println!(\"{value}\");");
    kernel.compiled("let value = vec![4];");
    kernel.compiled("println!(\"{value:?}\");");
    kernel.direct("let value = true;");
    kernel.compiled("{ println!(\"{value}\"); }");
    assert_eq!(kernel.events(), [Event::out("1\n2.5\nthree\n[4]\ntrue\n")]);
    // A pattern has no hook; its names are taken from the compiler.
    kernel.compiled("let (value, other) = (vec![5], 6);");
    kernel.compiled("println!(\"{value:?} {other}\");");
    assert_eq!(kernel.events(), [Event::out("[5] 6\n")]);
    // A name of the user hides that of the prelude.
    kernel.compiled("fn tree() -> u8 { 77 }");
    kernel.compiled("tree()");
    assert_eq!(kernel.events(), [Event::result("77")]);
}

/// A frame of a direct cell reaches a compiled one as it is: the same pixels, not a copy.
pub fn frames(kernel: &mut Kernel) {
    kernel.direct("let scan = open(\"scan.zspy\")?; let pattern = scan.frame((1, 2))?;");
    kernel.direct("pattern.mean()");
    kernel.compiled("{ println!(\"{:?} {}\", pattern.position(), pattern.mean()); }");
    let events = kernel.events();
    // Between them the compiler may have said that it starts.
    let (Some(Event::Result(mean)), Some(Event::Stream(_, printed))) =
        (events.first(), events.last())
    else {
        panic!("{events:?}")
    };
    let mean = mean.bundle["text/plain"].as_str().unwrap().to_owned();
    assert_eq!(*printed, format!("[1, 2] {mean}\n"));
    kernel.compiled("let first = { pattern.as_slice().as_ptr() as usize };");
    kernel.compiled("let again = { pattern.as_slice().as_ptr() as usize };");
    kernel.direct("let pattern = 5;");
    kernel.compiled("{ println!(\"{} {pattern}\", first == again); }");
    assert_eq!(kernel.events(), [Event::out("true 5\n")]);
}

pub fn moved(kernel: &mut Kernel) {
    kernel.direct("let gone = open(\"scan.zspy\")?;");
    let node = kernel.engine.node_named("gone");
    kernel.compiled("{ drop(gone); }");
    assert_eq!(kernel.engine.handles(node), 0);
    let error = kernel.fails("gone");
    assert!(error.value.contains("gone"), "{error}");
    kernel.compiled("let text = { String::from(\"x\") }; let taken = text;");
    kernel.direct("println!(\"{taken}\");");
    let error = kernel.fails("println!(\"{text}\");");
    assert!(error.value.contains("text"), "{error}");
}

/// What a failing cell binds is lost, an older value of that name with it, whichever way it ran.
pub fn failures(kernel: &mut Kernel) {
    for compiled in [false, true] {
        let code = "let both = 2; let missing = open(\"missing.zspy\")?;";
        let fails = |kernel: &Kernel| {
            let result = if compiled {
                kernel.evaluator.evaluate_compiled(code)
            } else {
                kernel.evaluator.evaluate(code)
            };
            result.unwrap_err()
        };
        kernel.direct("let both = 1; let stays = 3;");
        kernel.compiled("{ println!(\"{both} {stays}\"); }");
        let error = fails(kernel);
        assert_eq!(error.name, "Error");
        kernel.events();
        let error = kernel.fails("{ println!(\"{both}\"); }");
        assert!(
            error.to_string().contains("both") || error.to_string().contains("StayedBehind"),
            "{error}"
        );
        kernel.direct("println!(\"{stays}\");");
        kernel.compiled("{ println!(\"{stays}\"); }");
        assert_eq!(kernel.events(), [Event::out("3\n3\n")], "{compiled}");
    }
}

/// Cells that run again leave no handle on the nodes they made before.
pub fn handles(kernel: &mut Kernel) {
    let again = |kernel: &mut Kernel| {
        kernel.direct("let first = open(\"a.zspy\")?;");
        kernel.compiled("let second = { first.subtract_background(RadialMedian::default())? };");
        kernel.direct("let third = second.find_peaks(NormalizedCorrelation::default())?;");
        ["first", "second", "third"].map(|name| kernel.engine.node_named(name))
    };
    let old = again(kernel);
    let new = again(kernel);
    for (old, new) in old.into_iter().zip(new) {
        assert_ne!(old, new);
        assert_eq!(
            kernel.engine.handles(old),
            0,
            "a stale handle on node {old}"
        );
        assert!(kernel.engine.handles(new) > 0);
    }
    // Only the direct cell runs again: the copy of the compiled side counts no more.
    kernel.direct("let first = open(\"a.zspy\")?;");
    assert_eq!(kernel.engine.handles(new[0]), 0);
    kernel.compiled("{ println!(\"{}\", first.id()); }");
    kernel.direct("let first = 1; let second = 1; let third = 1;");
    kernel.compiled("{ println!(\"{first}{second}{third}\"); }");
    for node in 1..=kernel.engine.node_named("first") {
        assert!(
            kernel.engine.handles(node) >= 0,
            "node {node} was given back twice"
        );
    }
}

pub fn variables(kernel: &mut Kernel) {
    kernel.direct("let seen = open(\"scan.zspy\")?; let number = 5;");
    kernel.compiled("let list = vec![1u8];");
    let variables = kernel.evaluator.variables();
    for (name, kind) in [("seen", "Signal"), ("number", "i32"), ("list", "Vec<u8>")] {
        assert!(
            variables
                .iter()
                .any(|(known, found)| known == name && found == kind),
            "{name} is missing in {variables:?}"
        );
    }
    kernel.run(":vars");
    let events = kernel.events();
    let [Event::Result(shown)] = &events[..] else {
        panic!("{events:?}")
    };
    let plain = shown.bundle["text/plain"].as_str().unwrap();
    assert!(
        plain.contains("number: i32 = 5") && plain.contains("list: Vec<u8>"),
        "{plain}"
    );
    let about = |name: &str| kernel.evaluator.inspect(name, name.len()).unwrap();
    assert!(
        about("seen").plain.contains("(3, 5 | 4, 6)"),
        "{:?}",
        about("seen")
    );
    assert!(about("seen").html.unwrap().contains("<td>nm</td>"));
    assert_eq!(about("number").plain, "number: i32 = 5");
    let texts = kernel.evaluator.complete("nu", 2).matches;
    assert!(texts.iter().any(|found| found.text == "number"));
}

pub fn expressions(kernel: &mut Kernel) {
    kernel.direct("let width = 5; let shown = open(\"scan.zspy\")?;");
    let text = |code: &str| {
        let value = kernel.evaluator.expression(code).unwrap();
        value.bundle["text/plain"].as_str().unwrap().to_owned()
    };
    assert_eq!(text("width"), "5");
    assert_eq!(text("{ width + 1 }"), "6");
    assert!(text("shown").contains("(3, 5 | 4, 6)"));
    assert!(
        kernel
            .evaluator
            .expression("open(\"missing.zspy\")?")
            .is_err()
    );
    assert!(kernel.evaluator.expression("{ undefined }").is_err());
    assert_eq!(kernel.events(), []);
}

/// Direct cells run at once while the compiler starts, and what they print is not taken for its own.
pub fn while_starting(kernel: &mut Kernel) {
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);
    let began = Instant::now();
    for _ in 0..100 {
        kernel.direct("let early = 40 + 2; println!(\"{early}\");");
        assert_eq!(kernel.events(), [Event::out("42\n")]);
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);
}

pub fn without_rust(_: &mut Kernel) {
    let text = output_without_rust(DIRECT_WITHOUT_RUST);
    assert!(text.contains("shown 43"), "{text}");
    assert!(text.contains("run without it"), "{text}");
}

/// The part of [`without_rust`] that runs in a process with no Rust.
pub fn direct_without_rust() -> String {
    let kernel = Kernel::start();
    kernel.direct("let signal = open(\"scan.zspy\")?; let a = 42;");
    kernel.direct("println!(\"shown {}\", a + 1);");
    let error = kernel.fails("{ a + 1 }");
    let printed = kernel.text(Stream::Stdout);
    format!("{printed}\n{}", error.value)
}

/// Without a compiler in sight, a kernel of direct cells stays small.
pub fn memory(_: &mut Kernel) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg(crate::SMALL).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let kilobytes: u64 = text.trim().parse().unwrap_or_else(|_| panic!("{text}"));
    assert!(kilobytes < 60 << 10, "{kilobytes} kB resident");
}

/// Resident kilobytes of a process that has run only direct cells.
pub fn resident_after_direct_cells() -> String {
    let kernel = Kernel::start_with(Options {
        prewarm: Prewarm::Off,
        ..Options::default()
    });
    for _ in 0..200 {
        kernel.direct("let signal = open(\"scan.zspy\")?; signal.shape()?");
    }
    kernel.evaluator.complete("signal.s", 8);
    std::thread::sleep(Duration::from_millis(50));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1))
        .unwrap()
        .to_owned()
}
