//! Cells that fail.

use eval::Stream;

use crate::kernel::{Event, Kernel};

pub fn question_mark(kernel: &mut Kernel) {
    kernel.run("let keep = 5;");
    let error = kernel.fails(
        "println!(\"before\");\nlet missing = open(\"missing.zspy\")?;\nprintln!(\"after\");",
    );
    assert_eq!(error.name, "Error");
    assert_eq!(
        error.value,
        "missing.zspy does not exist\nhint: check the path"
    );
    assert_eq!(kernel.events(), [Event::out("before\n")]);
    let error = kernel.fails("let n: i32 = \"x\".parse()?;");
    assert_eq!(error.name, "ParseIntError");
    assert_eq!(error.value, "invalid digit found in string");
    let error = kernel.fails("Err(\"own text\")?;");
    assert_eq!(error.value, "own text");
    kernel.run("keep");
    assert_eq!(kernel.events(), [Event::result("5")]);
    kernel.run("let error = 7; eprintln!(\"{}\", error); eprintln!(\"told {}\", error);");
    let text = kernel.text(Stream::Stderr);
    assert!(text.contains("told 7\n") && text.contains("7\n"), "{text}");
}

pub fn compile_error(kernel: &mut Kernel) {
    let error = kernel.fails("let a = 1;\nlet b = 2; let c: u32 = \"text\";\na + b");
    assert_eq!(error.name, "CompileError");
    let text = error.to_string();
    for part in [
        "error[E0308]: mismatched types",
        "line 2, column 25",
        "let c: u32 = \"text\";",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("hook"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let line = lines
        .iter()
        .position(|line| line.contains("let c"))
        .unwrap();
    let caret = lines[line + 1..]
        .iter()
        .find(|line| line.contains('^'))
        .unwrap();
    assert_eq!(
        caret.chars().position(|c| c == '^'),
        lines[line].chars().position(|c| c == '"'),
        "{text}"
    );
    // Nothing of it reaches the streams: clients expect exactly one output.
    assert_eq!(kernel.events(), []);
    let error = kernel.fails("let x = undefined_name;");
    assert!(error.value.contains("undefined_name"), "{error}");
    let error = kernel.fails("let shown = 1;\nshown.no_such_method(2)");
    assert!(error.to_string().contains("line 2, column 7"), "{error}");
    let error = kernel.fails("struct Mute;\nMute");
    assert!(
        error.to_string().contains("`Mute` has no text to show"),
        "{error}"
    );
    let error = kernel.fails("fn broken( {");
    assert_eq!(error.name, "CompileError");
}

pub fn wrong_parameters(kernel: &mut Kernel) {
    kernel.run("let fresh = open(\"a.zspy\")?;");
    let error = kernel.fails("fresh.subtract_background(Region::rectangle(0, 0, 1, 1))?;");
    assert!(error.to_string().contains("subtract_background"), "{error}");
    let error =
        kernel.fails("fresh.find_peaks(NormalizedCorrelation { radios: 4.0, ..default() })?;");
    assert!(error.to_string().contains("radios"), "{error}");
    let error = kernel.fails("let f = fresh.map(|frame: Frame<f32>| \"text\")?;");
    assert!(error.to_string().contains("cannot return"), "{error}");
}

pub fn panic(kernel: &mut Kernel) {
    kernel.run("let stays = 1;");
    let error = kernel.fails("let v = vec![1, 2, 3];\nlet n = v.len();\nlet w = v[n + 4];\nw");
    assert_eq!(error.name, "Panic");
    assert!(error.value.contains("index out of bounds"), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("line 3") && text.contains("let w = v[n + 4];"),
        "{text}"
    );
    assert_eq!(kernel.events(), []);
    let error = kernel.fails("let nothing: Option<u8> = None;\nnothing.unwrap();");
    assert!(error.to_string().contains("line 2"), "{error}");
    kernel.run("let caught = std::panic::catch_unwind(|| panic!(\"inside\")).is_err(); caught");
    assert!(kernel.text(Stream::Stderr).contains("inside"));
    kernel.run("stays");
    assert_eq!(kernel.events(), [Event::result("1")]);
}
