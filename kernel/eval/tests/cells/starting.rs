//! Before evcxr is there: what runs, what waits, what installation has prepared.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use eval::{Compiler, Options, Preparing};
use signal::{NavigationIndex, Output};

use crate::kernel::{Event, Kernel};
use crate::{EARLY, FIRST, PREPARE, WITHOUT_RUST, output_without_rust};

/// Names the cache of a role.
const CACHE: &str = "SIGNALTREE_TEST_CACHE";

pub fn no_toolchain(_: &mut Kernel) {
    let text = output_without_rust(WITHOUT_RUST);
    assert!(text.contains("Rust is not installed"), "{text}");
    assert!(text.contains("rustup.rs"), "{text}");
}

/// A cell that keeps a value of a type that evcxr has to know waits for it, and says what for.
pub fn waiting(kernel: &mut Kernel) {
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);
    kernel.compiled("{ 1 + 1 }");
    kernel.compiled(
        "fn one_third(x: f64) -> f64 { x / 3.0 }\nlet first = { 6.0 };\nlet mut last = 0;\nlast += 4;",
    );
    assert_eq!(kernel.events(), [Event::result("2")]);
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);
    kernel.direct("println!(\"{first}\");");
    assert_eq!(kernel.events(), [Event::out("6\n")]);

    kernel.compiled(
        "let squares = (0..5).map(|i| i * i).collect::<Vec<i32>>();\nlet many: Vec<f64> = (0..1000).map(f64::from).collect();\n\
         let mut grown = Vec::new();\nfor i in 0..3u8 { grown.push((f64::from(i), 0.5)); }",
    );
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);
    kernel.direct("println!(\"{squares:?} {}\", many.len());");
    assert_eq!(kernel.events(), [Event::out("[0, 1, 4, 9, 16] 1000\n")]);

    kernel.compiled("let words = vec![Some(\"a\")]; words");
    let events = kernel.events();
    let said = |event: &Event| match event {
        Event::Display(shown) => {
            shown.bundle["text/plain"].as_str() == Some(&Preparing::Types.to_string())
        }
        _ => false,
    };
    assert!(said(&events[0]), "{events:?}");
    assert_eq!(
        events[1..],
        [Event::Clear(false), Event::result("[Some(\"a\")]")]
    );
    assert_eq!(kernel.evaluator.state(), Compiler::Ready);
    assert_eq!(kernel.evaluator.preparing(), None);
    // What was there before evcxr is there with it.
    kernel.compiled("last += 1; println!(\"{} {last} {words:?}\", one_third(first));");
    assert_eq!(kernel.events(), [Event::out("2 5 [Some(\"a\")]\n")]);
    kernel.compiled(
        "grown.push((9.0, many.iter().sum())); println!(\"{grown:?} {}\", squares.iter().sum::<i32>());",
    );
    assert_eq!(
        kernel.events(),
        [Event::out(
            "[(0.0, 0.5), (1.0, 0.5), (2.0, 0.5), (9.0, 499500.0)] 30\n"
        )]
    );
    kernel.direct("let first = 9.0;");
    kernel.compiled("{ println!(\"{}\", one_third(first)); }");
    assert_eq!(kernel.events(), [Event::out("3\n")]);
}

/// A process in which evcxr does not come for a long time.
pub fn early(_: &mut Kernel) {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "rustup", "sleep 100");
    let path = std::env::var("PATH").unwrap();
    let text = role(EARLY, None, &format!("{}:{path}", folder.path().display()));
    assert_eq!(text.trim(), "ok", "{text}");
}

/// The part of [`early`] in that process.
pub fn run_early() -> String {
    let mut kernel = Kernel::start();
    let check = std::panic::AssertUnwindSafe(|| without_evcxr(&mut kernel));
    match std::panic::catch_unwind(check) {
        Ok(()) => "ok".into(),
        Err(payload) => match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => "an assertion failed".into(),
        },
    }
}

fn without_evcxr(kernel: &mut Kernel) {
    kernel.direct("let scan = open(\"scan.zspy\")?;");
    kernel.compiled("let doubled = scan.map(|frame: Frame<f32>| frame.mapv(|v| v * 2.0))?;");
    let node = kernel.engine.node_named("doubled");
    assert!(kernel.engine.handles(node) > 0);
    kernel.direct("doubled");
    assert_eq!(kernel.events(), [Event::Show(node)]);
    let at = NavigationIndex::new(&[1, 2]);
    let function = kernel.engine.last_function();
    let Ok(Output::Frame(frame)) = function.call(&kernel.engine.frame_at(1, 2), at) else {
        panic!("the closure gives a frame")
    };
    assert_eq!(frame.pixels::<f32>().unwrap()[3], 2.0 * 703.0);

    kernel.compiled("use std::fmt::Write;\nfn name(n: u8) -> String { let mut s = String::new(); write!(s, \"n{n}\").unwrap(); s }");
    kernel.compiled("println!(\"{}\", name(7)); eprintln!(\"told\");");
    let mut printed = kernel.events();
    printed.sort_by_key(|event| *event == Event::err("told\n"));
    assert_eq!(printed, [Event::out("n7\n"), Event::err("told\n")]);

    let error = kernel.fails("// one\nfor i in 0..3 { println!(\"{}\", radios + i); }");
    assert_eq!(error.name, "CompileError");
    assert!(error.value.contains("`radios`"), "{error}");
    assert!(error.to_string().contains("line 2, column 32"), "{error}");
    let error = kernel.fails("{ let short = vec![1];\nprintln!(\"{}\", short[5 + short.len()]); }");
    assert_eq!(error.name, "Panic");
    assert!(error.to_string().contains("line 2"), "{error}");
    let error = kernel.fails("let lost = { 5 }; { open(\"missing.zspy\")?; }");
    assert_eq!(
        (&*error.name, error.to_string().contains("check the path")),
        ("Error", true)
    );
    assert!(kernel.fails("{ lost + 1 }").value.contains("lost"));

    let error = kernel.interrupted_after(Duration::from_millis(1500), "loop {}");
    assert_eq!(error.name, "Interrupted", "{error}");
    let error = kernel.fails("std::process::abort();");
    assert_eq!(error.name, "Abort", "{error}");
    let slow = "#[allow(long_running_const_eval)]\nconst N: u64 = { let mut i = 0u64; while i < 1 << 40 { i += 1; } i };\nN";
    let error = kernel.interrupted_after(Duration::from_millis(500), slow);
    assert_eq!(error.name, "Interrupted", "{error}");
    kernel.compiled("{ println!(\"{}\", doubled.id()); }");
    assert_eq!(kernel.events(), [Event::out(&format!("{node}\n"))]);
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);

    // These are for evcxr.
    for code in [
        "let list = vec![Some(1u8)];",
        "let (a, b) = (1, 2);",
        "{ drop(doubled); }",
        "async {}.await",
    ] {
        assert!(kernel.evaluator.evaluate_early(code).is_none(), "{code}");
    }
    assert!(kernel.engine.handles(node) > 0);
}

/// What installation compiles is what the first kernel uses: no crate is compiled again.
pub fn prepared(_: &mut Kernel) {
    let cache = tempfile::tempdir().unwrap();
    let path = std::env::var("PATH").unwrap();
    let before = eval::prepared(Some(cache.path())).unwrap();
    assert!(!before.compiled);
    let told = role(PREPARE, Some(cache.path()), &path);
    assert!(told.contains("compiling"), "{told}");
    let after = eval::prepared(Some(cache.path())).unwrap();
    assert!(after.is_complete(), "{after:?}");
    let library = libraries(&after.folder.join("compiled"));
    assert_eq!(library.len(), 1, "{library:?}");
    // The second time there is nothing to do.
    assert_eq!(role(PREPARE, Some(cache.path()), &path), "");

    let told = role(FIRST, Some(cache.path()), &path);
    let age = format!("{:?}", modified(&library[0]));
    assert_eq!(
        told,
        format!("early 2, then Some(Types), then [3], with {age}")
    );
    assert_eq!(
        modified(&libraries(&after.folder.join("compiled"))[0]),
        modified(&library[0])
    );
}

/// Prepares the user's cache, in a process of its own.
pub fn prepare_for_tests() -> String {
    role(PREPARE, None, &std::env::var("PATH").unwrap_or_default())
}

/// Prepares a cache; gives what is told meanwhile.
pub fn run_prepare() -> String {
    let mut told = String::new();
    let cache = std::env::var_os(CACHE).map(PathBuf::from);
    let prepared = eval::prepare(cache.as_deref(), &mut |step| told.push_str(step));
    match prepared {
        Ok(_) => told,
        Err(reason) => format!("{told}; {reason}"),
    }
}

/// The first cells with a prepared cache, and the age of the crate they were compiled with.
pub fn run_first() -> String {
    let kernel = Kernel::start_with(Options {
        cache: std::env::var_os(CACHE).map(PathBuf::from),
        ..Options::default()
    });
    let shown = |kernel: &Kernel| match kernel.events().last() {
        Some(Event::Result(shown)) => shown.bundle["text/plain"].as_str().unwrap().to_owned(),
        other => format!("{other:?}"),
    };
    kernel.compiled("{ 1 + 1 }");
    let early = shown(&kernel);
    let preparing = kernel.evaluator.preparing();
    kernel.compiled("let list = vec![1 + 2]; list");
    let list = shown(&kernel);
    let target = PathBuf::from(std::env::var_os("EVCXR_TMPDIR").unwrap()).join("target");
    let ages: Vec<String> = libraries(&target)
        .iter()
        .map(|library| format!("{:?}", modified(library)))
        .collect();
    kernel.evaluator.clean_up();
    format!(
        "early {early}, then {preparing:?}, then {list}, with {}",
        ages.join(" and ")
    )
}

fn libraries(target: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for triple in std::fs::read_dir(target).unwrap() {
        let deps = triple.unwrap().path().join("debug/deps");
        for entry in std::fs::read_dir(deps).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with("libsignaltree-") && name.ends_with(".rlib") {
                found.push(path);
            }
        }
    }
    found
}

fn modified(path: &Path) -> SystemTime {
    std::fs::metadata(path).unwrap().modified().unwrap()
}

/// What this program says in a role.
fn role(role: &str, cache: Option<&Path>, path: &str) -> String {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.arg(role).env("PATH", path);
    if let Some(cache) = cache {
        program.env(CACHE, cache);
    }
    let output = program.output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn script(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;

    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
