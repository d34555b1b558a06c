//! Before the compiler is there.

use eval::Compiler;

use crate::kernel::{Event, Kernel};
use crate::{WITHOUT_RUST, output_without_rust};

pub fn no_toolchain(_: &mut Kernel) {
    let text = output_without_rust(WITHOUT_RUST);
    assert!(text.contains("Rust is not installed"), "{text}");
    assert!(text.contains("rustup.rs"), "{text}");
}

pub fn waiting(kernel: &mut Kernel) {
    assert_eq!(kernel.evaluator.state(), Compiler::Starting);
    kernel.compiled("{ 1 + 1 }");
    let events = kernel.events();
    let said = matches!(&events[0], Event::Display(shown)
        if shown.bundle["text/plain"].as_str().is_some_and(|text| text.contains("compiler is starting")));
    assert!(said, "{events:?}");
    assert_eq!(events[1], Event::Clear(false));
    assert_eq!(events[2], Event::result("2"));
    assert_eq!(kernel.evaluator.state(), Compiler::Ready);
}
