//! Real cells through evcxr in one process, in sequence, against an engine that records.

mod assistance;
mod closures;
mod errors;
mod kernel;
mod output;
mod starting;
mod stopping;
mod values;

use std::io::Write;
use std::time::Instant;

use kernel::Kernel;

type Check = fn(&mut Kernel);

/// Argument that makes this program play a kernel on a machine without Rust.
const WITHOUT_RUST: &str = "without-rust";

const CHECKS: &[(&str, Check)] = &[
    (
        "without Rust the error says what to install",
        starting::no_toolchain,
    ),
    (
        "a cell waits for the compiler and says so",
        starting::waiting,
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
        "a closure that panics names its line",
        closures::closure_panics,
    ),
    (
        "a closure with a wrong shape is refused",
        closures::closure_shape,
    ),
    ("handles are counted", values::handles),
    ("display, update, input", output::display),
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
