//! What a cell prints and shows.

use std::time::Duration;

use eval::Stream;

use crate::kernel::{Event, Kernel};

pub fn output(kernel: &mut Kernel) {
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

pub fn markers(kernel: &mut Kernel) {
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

pub fn display(kernel: &mut Kernel) {
    kernel.run(
        "println!(\"one\");\nlet shown = display(Html(\"<i>1</i>\"));\nprintln!(\"two\");\nshown.update(&Html(format!(\"<i>{}</i>\", 2)));",
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

pub fn remarks(kernel: &mut Kernel) {
    let said = |kernel: &mut Kernel, code: &str| -> Vec<String> {
        kernel.run(code);
        let shown = kernel.events().into_iter().filter_map(|event| match event {
            Event::Display(display) => Some(display.bundle["text/plain"].as_str()?.to_owned()),
            _ => None,
        });
        shown.collect()
    };
    let half = ["half.zspy: 32 of 64 chunks are not there"];
    let twice = "let half = open(\"half.zspy\")?; let again = open(\"half.zspy\")?;";
    assert_eq!(said(kernel, twice), half);
    // Its output is new when the cell runs again.
    assert_eq!(said(kernel, twice), half);
    assert_eq!(
        said(
            kernel,
            "for _ in 0..3 { println!(\"opened\"); open(\"half.zspy\")?; }"
        ),
        half
    );
    assert_eq!(
        said(kernel, "let scan = open(\"scan.zspy\")?;"),
        [] as [&str; 0]
    );
}
