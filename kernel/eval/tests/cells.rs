//! Real cells through evcxr in one process, in sequence, against an engine that records.

mod kernel;

use std::io::Write;
use std::time::{Duration, Instant};

use eval::{Compiler, IsComplete, Stream};
use kernel::{Event, Kernel};
use serde_json::Value;
use signal::{Frame, NavigationIndex, Output};

type Check = fn(&mut Kernel);

/// Argument that makes this program play a kernel on a machine without Rust.
const WITHOUT_RUST: &str = "without-rust";

const CHECKS: &[(&str, Check)] = &[
    ("without Rust the error says what to install", no_toolchain),
    ("a cell waits for the compiler and says so", waiting),
    ("value, let across cells, no value", values),
    ("the four cells of the main journey", four_cells),
    ("variables name their nodes", names),
    ("an error through ? keeps its text", question_mark),
    ("a compile error points into the cell", compile_error),
    ("wrong parameters are explained", wrong_parameters),
    ("a panic is an error with its line", panic),
    ("output keeps its order", output),
    ("what looks like a marker is text", markers),
    ("frames are read without a copy", zero_copy),
    ("a closure runs on borrowed memory", closure),
    ("a closure that panics names its line", closure_panics),
    ("a closure with a wrong shape is refused", closure_shape),
    ("handles are counted", handles),
    ("display, update, input", display),
    ("interrupt in a call and while compiling", interrupt),
    ("completion, inspection, completeness", assistance),
    ("an endless loop is abandoned, the kernel lives", endless),
];

fn main() {
    eval::runtime_hook_if_child();
    let mut log = eval::log_file().expect("stderr can be duplicated");
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    if std::env::args().any(|argument| argument == "--list") {
        println!("cells: test");
        return;
    }
    if only == [WITHOUT_RUST] {
        let error = Kernel::start().fails("1 + 1");
        let _ = write!(log, "{}", error.value);
        return;
    }
    let mut kernel = Kernel::start();
    let mut failed = 0;
    for (name, check) in CHECKS {
        if !only.is_empty() && !only.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let began = Instant::now();
        kernel.clear();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&mut kernel)));
        let verdict = match result {
            Ok(()) => "ok".to_owned(),
            Err(payload) => {
                failed += 1;
                let text = payload.downcast_ref::<String>().cloned().or_else(|| {
                    payload
                        .downcast_ref::<&str>()
                        .map(|text| (*text).to_owned())
                });
                format!("FAILED\n{}", text.unwrap_or_default())
            }
        };
        let _ = writeln!(
            log,
            "{name} ... {verdict} ({:.2} s)",
            began.elapsed().as_secs_f64()
        );
        if std::env::var_os("SIGNALTREE_TEST_TIMES").is_some() {
            for (time, code) in kernel.times.take() {
                let _ = writeln!(log, "    {:5} ms  {code}", time.as_millis());
            }
        }
    }
    let _ = writeln!(log, "{failed} failed");
    kernel.evaluator.clean_up();
    std::process::exit(i32::from(failed > 0));
}

fn no_toolchain(_: &mut Kernel) {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .arg(WITHOUT_RUST)
        .env("PATH", "/nonexistent")
        .env("HOME", "/nonexistent")
        .env_remove("CARGO_HOME")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("Rust is not installed"), "{text}");
    assert!(text.contains("rustup.rs"), "{text}");
}

fn waiting(kernel: &mut Kernel) {
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);
    kernel.run("1 + 1");
    let events = kernel.events();
    let said = matches!(&events[0], Event::Display(shown)
        if shown.bundle["text/plain"].as_str().is_some_and(|text| text.contains("compiler is starting")));
    assert!(said, "{events:?}");
    assert_eq!(events[1], Event::Clear(false));
    assert_eq!(events[2], Event::result("2"));
    assert_eq!(kernel.evaluator.state(), Compiler::Ready);
}

fn values(kernel: &mut Kernel) {
    kernel.run("let a = 20; let mut words = vec![\"x\".to_string()];");
    assert_eq!(kernel.events(), []);
    kernel.run("words.push(format!(\"{a}\"));");
    kernel.run("words");
    assert_eq!(kernel.events(), [Event::result("[\"x\", \"20\"]")]);
    kernel.run("fn double(x: i32) -> i32 { 2 * x }");
    kernel.run("double(a)");
    kernel.run("()");
    kernel.run("Region::rectangle(0, 0, 16, 8)");
    let events = kernel.events();
    assert_eq!(events[0], Event::result("40"));
    assert_eq!(events.len(), 2, "{events:?}");
    let Event::Result(region) = &events[1] else {
        panic!("{events:?}")
    };
    assert!(
        region.bundle["text/html"]
            .as_str()
            .unwrap()
            .contains("<table>")
    );
}

fn four_cells(kernel: &mut Kernel) {
    kernel.run("let scan   = open(\"strained_grain.zspy\")?;");
    kernel.run("let flat   = scan.subtract_background(RadialMedian::default())?;");
    kernel
        .run("let peaks  = flat.find_peaks(NormalizedCorrelation { radius: 4.0, ..default() })?;");
    kernel.run(
        "let strain = peaks.strain_map(StrainMap { reference: Region::rectangle(0, 0, 16, 16), \
         ..default() })?;   // scan positions\nstrain",
    );
    let strain = kernel.engine.node_named("strain");
    assert_eq!(kernel.events(), [Event::Show(strain)]);
    kernel.run("strain.save(\"strain.zspy\")?;");
    kernel.run("let sharper = flat.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?;");
    kernel.run("let series = open_with(\"a.mrc\", Open { scan: (3, 5), ..default() })?;");
    let commands = kernel.engine.commands();
    let find = |command: &str, key: &str, value: &str| {
        commands
            .iter()
            .find(|sent| sent["command"] == command && sent[key] == value)
            .unwrap_or_else(|| panic!("{command} {value} is not in {commands:#?}"))
            .clone()
    };
    assert_eq!(
        find("add_node", "operation", "normalized_correlation")["params"]["radius"],
        4.0
    );
    assert_eq!(
        find("add_node", "operation", "strain_map")["params"]["reference"]["width"],
        16
    );
    assert_eq!(find("save", "path", "strain.zspy")["node"], strain);
    assert_eq!(
        find("open", "path", "a.mrc")["options"]["scan"],
        serde_json::json!([3, 5])
    );
    kernel.run("scan.shape()?");
    kernel.run("scan.axes()?[1].units.clone()");
    assert_eq!(
        kernel.events(),
        [Event::result("(3, 5 | 4, 6)"), Event::result("\"nm\"")]
    );
}

fn names(kernel: &mut Kernel) {
    kernel.run(
        "let first = open(\"a.zspy\")?; let mut second = first.clone();\nlet text = \"no signal\";",
    );
    kernel.run("fn prepare() -> Result<Signal> { open(\"b.zspy\") }\nlet third = prepare()?;");
    kernel.run("let moved = open(\"c.zspy\")?; let taken = moved;");
    for name in ["first", "second", "third", "moved", "taken"] {
        kernel.engine.node_named(name);
    }
    let named = |command: &&Value| command["command"] == "name" && command["name"] == "text";
    assert!(
        !kernel
            .engine
            .commands()
            .iter()
            .any(|command| named(&command))
    );
}

fn question_mark(kernel: &mut Kernel) {
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

fn compile_error(kernel: &mut Kernel) {
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
        error
            .to_string()
            .contains("`Mute` doesn't implement `Debug`"),
        "{error}"
    );
    let error = kernel.fails("fn broken( {");
    assert_eq!(error.name, "CompileError");
}

fn wrong_parameters(kernel: &mut Kernel) {
    kernel.run("let fresh = open(\"a.zspy\")?;");
    let error = kernel.fails("fresh.subtract_background(Region::rectangle(0, 0, 1, 1))?;");
    assert!(error.to_string().contains("subtract_background"), "{error}");
    let error =
        kernel.fails("fresh.find_peaks(NormalizedCorrelation { radios: 4.0, ..default() })?;");
    assert!(error.to_string().contains("radios"), "{error}");
    let error = kernel.fails("let f = fresh.map(|frame: Frame<f32>| \"text\")?;");
    assert!(error.to_string().contains("cannot return"), "{error}");
}

fn panic(kernel: &mut Kernel) {
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

fn output(kernel: &mut Kernel) {
    kernel.run("print!(\"no newline\"); eprintln!(\"to stderr\"); 3");
    let events = kernel.events();
    assert_eq!(events.last(), Some(&Event::result("3")));
    assert!(events.contains(&Event::err("to stderr\n")), "{events:?}");
    kernel.run("for i in 0..3 { print!(\"{i}\"); display(\"shown\"); }");
    let kinds: Vec<bool> = kernel
        .events()
        .iter()
        .map(|event| matches!(event, Event::Display(_)))
        .collect();
    assert_eq!(kinds, [false, true, false, true, false, true]);
    kernel.run("for i in 0..20_000 { println!(\"line {i} é\"); }");
    let text = kernel.text(Stream::Stdout);
    assert_eq!(text.lines().count(), 20_000);
    assert!(text.ends_with("line 19999 é\n"));
    kernel.run(
        "std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(200)); \
         println!(\"later\"); });",
    );
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(kernel.events(), [Event::out("later\n")]);
    kernel.run("std::process::Command::new(\"echo\").arg(\"from a child\").status()?;");
    assert_eq!(kernel.text(Stream::Stdout), "from a child\n");
}

fn markers(kernel: &mut Kernel) {
    kernel.run("println!(\"EVCXR_EXECUTION_COMPLETE\"); println!(\"still here\");");
    let text = kernel.text(Stream::Stdout);
    assert!(
        text.ends_with("EVCXR_EXECUTION_COMPLETE\nstill here\n"),
        "{text}"
    );
    kernel.run("println!(\"EVCXR_BEGIN_CONTENT text/html\\n<b>bold</b>\\nEVCXR_END_CONTENT\");");
    let events = kernel.events();
    let Event::Result(shown) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(shown.bundle["text/html"], "<b>bold</b>");
}

fn zero_copy(kernel: &mut Kernel) {
    kernel.run("let source = open(\"scan.zspy\")?;");
    kernel.run("let frame = source.frame_as::<f32>((2, 3))?;");
    kernel.run("(frame.as_slice().as_ptr() as usize, frame.shape().to_vec(), frame[(1, 2)])");
    let expected = kernel.engine.frame_at(2, 3);
    let address = expected.as_bytes().as_ptr() as usize;
    let pixel = expected.pixels::<f32>().unwrap()[8];
    assert_eq!(
        kernel.events(),
        [Event::result(&format!("({address}, [4, 6], {pixel:?})"))]
    );
    kernel.run("source.frame((2, 3))?[(1, 2)]");
    assert_eq!(kernel.events(), [Event::result(&format!("{pixel:?}"))]);
    let error = kernel.fails("source.frame((3, 0))?;");
    assert!(error.value.contains("outside"), "{error}");
    let error = kernel.fails("let p = frame[(4, 0)];");
    assert_eq!(error.name, "Panic");
    assert!(error.value.contains("outside a frame of 4 rows"), "{error}");
}

fn closure(kernel: &mut Kernel) {
    kernel.run("let grid = open(\"scan.zspy\")?;");
    kernel.run(
        "let offset = 10.0f32;\nlet mapped = grid.map(move |frame: Frame<f32>| frame.mapv(|pixel| pixel + offset))?;",
    );
    let function = kernel.engine.last_function();
    let input = kernel.engine.frame_at(1, 4);
    let at = NavigationIndex::new(&[1, 4]);
    let Ok(Output::Frame(output)) = function.call(&input, at) else {
        panic!("no frame")
    };
    assert_eq!(output.shape(), [4, 6]);
    let pairs = input
        .pixels::<f32>()
        .unwrap()
        .iter()
        .zip(output.pixels::<f32>().unwrap());
    assert!(pairs.clone().all(|(a, b)| a + 10.0 == *b));

    kernel.run("let where_ = grid.map(|frame: Frame<f32>| frame.as_slice().as_ptr() as usize as f64 % 16777216.0)?;");
    let function = kernel.engine.last_function();
    assert_eq!(function.output(), None);
    let Ok(Output::Values(value)) = function.call(&input, at) else {
        panic!("no value")
    };
    assert_eq!(
        value[0] as usize,
        input.as_bytes().as_ptr() as usize % 16_777_216
    );

    kernel.run("let row = grid.map(|frame: Frame<f64>| frame.position()[0] as f64 * 100.0 + frame[(0, 0)])?;");
    let integers = Frame::from_vec(&[4, 6], vec![7u16; 24]).unwrap();
    let Ok(Output::Values(value)) = kernel.engine.last_function().call(&integers, at) else {
        panic!("no value")
    };
    assert_eq!(value[0], 107.0);

    // Several threads at once.
    let function = kernel.engine.last_function();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert!(function.call(&integers, at).is_ok());
                }
            });
        }
    });
}

fn closure_panics(kernel: &mut Kernel) {
    kernel.run("let signal = open(\"scan.zspy\")?;");
    kernel.run("let broken = signal.map(|frame: Frame<f32>| {\n    let wide = frame.shape()[1];\n    frame[(wide, 0)] as f64\n})?;");
    let error = kernel
        .engine
        .last_function()
        .call(&kernel.engine.frame_at(0, 0), NavigationIndex::new(&[0, 0]))
        .unwrap_err();
    for part in [
        "panicked",
        "outside a frame",
        "line 3",
        "frame[(wide, 0)] as f64",
    ] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
    assert_eq!(kernel.events(), []);
    kernel.run("let refused = signal.map(|frame: Frame<f32>| if frame.mean() < 1e9 { Err(\"too dark\") } else { Ok(1.0) })?;");
    let error = kernel
        .engine
        .last_function()
        .call(&kernel.engine.frame_at(0, 0), NavigationIndex::new(&[0, 0]))
        .unwrap_err();
    assert_eq!(error, "too dark");
}

fn closure_shape(kernel: &mut Kernel) {
    kernel.run("let wide = open(\"scan.zspy\")?;");
    kernel.run("let cut = wide.map(|frame: Frame<f32>| Frame::from_fn((2, 2), |_| 1.0f32))?;");
    let error = kernel
        .engine
        .last_function()
        .call(&kernel.engine.frame_at(0, 0), NavigationIndex::new(&[0, 0]))
        .unwrap_err();
    assert!(
        error.contains("[2, 2]") && error.contains("[4, 6]"),
        "{error}"
    );
}

fn handles(kernel: &mut Kernel) {
    kernel.run("let counted = open(\"scan.zspy\")?;");
    let node = kernel.engine.node_named("counted");
    assert_eq!(kernel.engine.handles(node), 1);
    kernel.run("let other = counted.clone();");
    assert_eq!(kernel.engine.handles(node), 2);
    kernel.run("drop(other);");
    assert_eq!(kernel.engine.handles(node), 1);
    kernel.run("let counted = 1;");
    assert_eq!(kernel.engine.handles(node), 0);
}

fn display(kernel: &mut Kernel) {
    kernel.run(
        "println!(\"one\");\nlet shown = display(&Html(\"<i>1</i>\".into()));\nprintln!(\"two\");\nshown.update(&Html(\"<i>2</i>\".into()));",
    );
    let events = kernel.events();
    let displays: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Display(display) => Some(display),
            _ => None,
        })
        .collect();
    assert_eq!(displays.len(), 2, "{events:?}");
    assert_eq!(displays[0].bundle["text/html"], "<i>1</i>");
    assert!(displays[1].update && displays[0].display_id == displays[1].display_id);
    kernel.run("display(&open(\"scan.zspy\")?); clear_output(true);");
    let events = kernel.events();
    assert!(
        matches!(events[..], [Event::Show(_), Event::Clear(true)]),
        "{events:?}"
    );
    kernel.run("input(\"name? \")?");
    assert_eq!(kernel.events(), [Event::result("\"answer to name? \"")]);
    kernel.run("RadialMedian::default()");
    assert!(
        matches!(&kernel.events()[..], [Event::Result(shown)] if shown.bundle.contains_key("text/html"))
    );
}

fn interrupt(kernel: &mut Kernel) {
    kernel.run("let survivor = 11;");
    let began = Instant::now();
    let error = kernel.interrupted_after(
        Duration::from_millis(1500),
        "while !interrupted() { std::thread::sleep(std::time::Duration::from_millis(5)); }",
    );
    assert_eq!(error.name, "Interrupted");
    assert!(began.elapsed() < Duration::from_secs(4));
    // rustc counts for minutes here.
    let slow = "#[allow(long_running_const_eval)]\nconst N: u64 = { let mut i = 0u64; \
                while i < 1 << 40 { i += 1; } i };\nN";
    let began = Instant::now();
    let error = kernel.interrupted_after(Duration::from_millis(2500), slow);
    assert_eq!(error.name, "Interrupted", "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    kernel.evaluator.interrupt();
    kernel.run("survivor");
    assert_eq!(kernel.events(), [Event::result("11")]);
}

fn endless(kernel: &mut Kernel) {
    let quarter = Duration::from_millis(1500);
    for code in [
        "loop {}",
        "let mut v = vec![1u64]; loop { v.push(v.len() as u64); if v.len() > 1000 { v = Vec::new(); } }",
    ] {
        kernel.run("let lost = 1; fn kept() -> u8 { 7 }");
        kernel.run("let held = open(\"scan.zspy\")?;");
        assert!(kernel.engine.held() > 0);
        let error = kernel.interrupted_after(quarter, code);
        assert_eq!(error.name, "Interrupted");
        assert!(error.value.contains("variables were reset"), "{error}");
        assert_eq!(kernel.engine.held(), 0);
        assert!(kernel.fails("lost").value.contains("lost"));
        kernel.run("let after = open(\"scan.zspy\")?; kept()");
        assert_eq!(kernel.events().last(), Some(&Event::result("7")));
    }
}

fn assistance(kernel: &mut Kernel) {
    kernel.run("let guided = open(\"scan.zspy\")?; let numbers = vec![1.5f64];");
    let texts = |code: &str| -> Vec<String> {
        let completions = kernel.evaluator.complete(code, code.chars().count());
        completions
            .matches
            .into_iter()
            .map(|found| found.text)
            .collect()
    };
    assert!(texts("guided.subt").contains(&"subtract_background(".into()));
    assert!(texts("NormalizedCorrelation { ").contains(&"radius: ".into()));
    // rust-analyzer answers for everything else.
    let found = texts("numbers.is_e");
    assert!(
        found.iter().any(|text| text.starts_with("is_empty")),
        "{found:?}"
    );
    let code = "let é = std::collec";
    let completions = kernel.evaluator.complete(code, code.chars().count());
    assert_eq!((completions.start, completions.end), (13, 19));
    assert!(
        completions
            .matches
            .iter()
            .any(|found| found.text.starts_with("collections"))
    );
    assert!(kernel.evaluator.inspect("guided.map(", 10).is_some());
    let std = kernel.evaluator.inspect("numbers.len", 11);
    assert!(std.is_some_and(|found| found.plain.contains("len")));
    assert_eq!(
        kernel.evaluator.is_complete("let a = 1;"),
        IsComplete::Complete
    );
}
