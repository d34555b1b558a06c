//! Interrupts.

use std::time::{Duration, Instant};

use crate::kernel::{Event, Kernel};

pub fn interrupt(kernel: &mut Kernel) {
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

pub fn endless(kernel: &mut Kernel) {
    let quarter = Duration::from_millis(1500);
    for code in [
        "loop {}",
        "let mut v = vec![1u64]; loop { v.push(v.len() as u64); if v.len() > 1000 { v = Vec::new(); } }",
    ] {
        kernel.run("let lost = vec![Some(1u16)]; fn kept() -> u8 { 7 }");
        kernel.run("let held = open(\"scan.zspy\")?;");
        let node = kernel.engine.node_named("held");
        assert_eq!(kernel.engine.handles(node), 2);
        let error = kernel.interrupted_after(quarter, code);
        assert_eq!(error.name, "Interrupted");
        assert!(error.value.contains("were reset"), "{error}");
        // The direct cells' side of it stays.
        assert_eq!(kernel.engine.handles(node), 1);
        kernel.compiled("{ println!(\"{}\", held.id()); }");
        assert_eq!(kernel.events(), [Event::out(&format!("{node}\n"))]);
        let error = kernel.fails("lost");
        assert!(error.value.contains("lost"), "{error}");
        assert!(
            error
                .to_string()
                .contains("run the cell that makes it again"),
            "{error}"
        );
        kernel.run("let after = open(\"scan.zspy\")?; kept()");
        assert_eq!(kernel.events().last(), Some(&Event::result("7")));
    }
}
