//! Cells that wait for futures.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use crate::kernel::{Event, Kernel};

/// A task that never ends is an error here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tasks spawned in any cell go on, not only those of the first that waits.
pub fn tasks(kernel: &mut Kernel) {
    kernel.run(
        ":dep tokio = { version = \"1\", features = [\"rt-multi-thread\", \"macros\", \"time\"] }",
    );
    for (cell, shown) in [
        (
            "let h = tokio::spawn(async { 5 }); println!(\"{}\", h.await.unwrap());",
            "5\n",
        ),
        (
            "{ let h = tokio::spawn(async { 7 }); println!(\"{}\", h.await.unwrap()); }",
            "7\n",
        ),
        (
            "let later = tokio::spawn(async { 9 });\n{ tokio::task::yield_now().await; }",
            "",
        ),
        ("{ println!(\"{}\", later.await.unwrap()); }", "9\n"),
        (
            "let x: i32 = \"4\".parse::<i32>()?;\ntokio::time::sleep(std::time::Duration::from_millis(1)).await;\n\
             println!(\"{x}\");",
            "4\n",
        ),
        (
            "let s = open(\"scan.zspy\")?; tokio::spawn(async { 3 }).await?; println!(\"{}\", s.id() > 0);",
            "true\n",
        ),
        (
            "{ println!(\"{}\", x + 1); let _ = tokio::spawn(async {}); }",
            "5\n",
        ),
    ] {
        kernel.events();
        let (ended, waits) = mpsc::channel::<()>();
        let evaluator = Arc::clone(&kernel.evaluator);
        let watch = std::thread::spawn(move || {
            if waits.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                evaluator.interrupt();
            }
        });
        kernel.run(cell);
        drop(ended);
        watch.join().unwrap();
        let printed: String = (kernel.events().iter())
            .filter_map(|event| match event {
                Event::Stream(false, text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(printed, shown, "{cell}");
    }
}
