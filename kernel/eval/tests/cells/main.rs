//! Real cells through evcxr in one process, in sequence, against an engine that records.

mod assistance;
mod bridge;
mod closures;
mod errors;
mod kernel;
mod output;
mod rich;
mod slips;
mod starting;
mod stopping;
mod tasks;
mod values;
mod ways;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use kernel::Kernel;

type Check = fn(&mut Kernel);
/// Gives what the test is told.
type Role = fn() -> String;

/// Arguments that make this program play a kernel of its own and tell the test what came out.
const WITHOUT_RUST: &str = "without-rust";
const DIRECT_WITHOUT_RUST: &str = "direct-without-rust";
const SMALL: &str = "small";
const PREPARE: &str = "prepare";
const EARLY: &str = "early";
const FIRST: &str = "first";

const ROLES: &[(&str, Role)] = &[
    (WITHOUT_RUST, || Kernel::start().fails("{ 1 + 1 }").value),
    (DIRECT_WITHOUT_RUST, bridge::direct_without_rust),
    (SMALL, bridge::resident_after_direct_cells),
    (PREPARE, starting::run_prepare),
    (EARLY, starting::run_early),
    (FIRST, starting::run_first),
];

/// Cells run the way a kernel chooses.
const EITHER_WAY: &[(&str, Check)] = &[
    (
        "direct cells run while the compiler starts",
        bridge::while_starting,
    ),
    (
        "the first cells need not wait for the compiler; others do and say so",
        starting::waiting,
    ),
    (
        "cells run, fail and are interrupted without evcxr",
        starting::early,
    ),
    ("what is prepared is not compiled again", starting::prepared),
    (
        "without Rust direct cells run and the others say what they need",
        bridge::without_rust,
    ),
    ("a kernel of direct cells is small", bridge::memory),
    ("values cross to compiled cells", bridge::to_compiled),
    ("values cross to direct cells", bridge::to_direct),
    (
        "lists of any length cross as far as they should",
        bridge::long_lists,
    ),
    ("the cell that ran last wins", bridge::shadowing),
    ("frames cross without a copy", bridge::frames),
    ("a moved variable is gone everywhere", bridge::moved),
    ("what a failing cell binds is lost", bridge::failures),
    (
        "cells that run again leave no stale handle",
        bridge::handles,
    ),
    ("variables of both sides are told", bridge::variables),
    ("expressions are evaluated, not shown", bridge::expressions),
    ("slips get a remedy that runs", slips::slips),
    ("examples of the pages run", slips::examples),
    ("an outcome nobody looks at is refused", slips::unlooked),
    ("what cannot be kept is told with its line", slips::kept),
    (
        "what was handed over is told with the line that did",
        slips::handed_over,
    ),
    ("types are told without the compiler", slips::types),
    ("compute gives the signal itself", values::computed),
    (
        "doubts about a file stand once under its cell",
        output::remarks,
    ),
    (
        "cells of the notebooks do the same both ways",
        ways::notebooks,
    ),
    ("cells of the corpus do the same both ways", ways::corpus),
];

/// Every cell is compiled.
const CHECKS: &[(&str, Check)] = &[
    (
        "without Rust the error says what to install",
        starting::no_toolchain,
    ),
    ("value, let across cells, no value", values::values),
    ("the four cells of the main journey", values::four_cells),
    ("variables name their nodes", values::names),
    ("an error through ? keeps its text", errors::question_mark),
    (
        "a compile error points into the cell",
        errors::compile_error,
    ),
    ("wrong parameters are explained", errors::wrong_parameters),
    ("a panic is an error with its line", errors::panic),
    ("output keeps its order", output::output),
    ("what looks like a marker is text", output::markers),
    ("frames are read without a copy", values::zero_copy),
    ("a closure runs on borrowed memory", closures::closure),
    (
        "a closure takes and gives complex numbers",
        closures::closure_of_complex_numbers,
    ),
    (
        "a closure that panics names its line",
        closures::closure_panics,
    ),
    (
        "a closure with a wrong shape is refused",
        closures::closure_shape,
    ),
    ("handles are counted", values::handles),
    ("display, update, input", output::display),
    ("values show themselves, text and HTML", rich::values),
    ("plain Rust values read well", rich::plain_rust),
    ("compile errors give advice", rich::advice),
    // Before the next, which stays offline.
    ("tasks go on in any cell", tasks::tasks),
    ("help, crates, clear", rich::commands),
    (
        "interrupt in a call and while compiling",
        stopping::interrupt,
    ),
    (
        "completion, inspection, completeness",
        assistance::assistance,
    ),
    (
        "an endless loop is abandoned, the kernel lives",
        stopping::endless,
    ),
];

/// Checks that take long and look at nothing but their cells: a process of their own runs them beside the others.
const BESIDE: [&str; 4] = [
    "slips get a remedy that runs",
    "examples of the pages run",
    "cells of the notebooks do the same both ways",
    "cells of the corpus do the same both ways",
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
    if let Some((_, play)) = ROLES.iter().find(|(role, _)| only == [*role]) {
        let _ = write!(log, "{}", play());
        return;
    }
    // What cells write goes with the test.
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    std::env::set_current_dir(&folder).expect("the test may enter its folder");
    // As installation does.
    let told = starting::prepare_for_tests();
    let _ = write!(log, "{told}");
    let beside = only.is_empty().then(|| {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(BESIDE).stderr(Stdio::piped());
        program.spawn().unwrap()
    });
    let mut kernel = Kernel::start();
    let mut failed = 0;
    let either = EITHER_WAY.iter().map(|check| (false, check));
    let compiled = CHECKS.iter().map(|check| (true, check));
    for (all_compiled, (name, check)) in either.chain(compiled) {
        let asked = match only.is_empty() {
            true => !BESIDE.contains(name),
            false => only.iter().any(|word| name.contains(word.as_str())),
        };
        if !asked {
            continue;
        }
        if name.contains("compiler") {
            // These look at its start.
        } else if kernel.evaluator.state() != eval::Compiler::Ready {
            kernel.compiled("{ 1 };");
        }
        let began = Instant::now();
        kernel.clear();
        kernel.all_compiled = all_compiled;
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
    kernel.evaluator.clean_up();
    if let Some(beside) = beside {
        let ended = beside.wait_with_output().unwrap();
        let _ = log.write_all(&ended.stderr);
        failed += i32::from(!ended.status.success());
    }
    let _ = writeln!(log, "{failed} failed");
    // Exit drops nothing.
    drop(folder);
    std::process::exit(i32::from(failed > 0));
}

/// What this program says in a role, on a machine where Rust is not installed.
fn output_without_rust(role: &str) -> String {
    let program = std::env::current_exe().expect("the test knows its program");
    let output = std::process::Command::new(program)
        .arg(role)
        .env("PATH", "/nonexistent")
        .env("HOME", "/nonexistent")
        .env_remove("CARGO_HOME")
        .output()
        .expect("the test can start itself");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
