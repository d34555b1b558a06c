//! The progress of a long command, as a line of text in the output of its cell.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protocol::{Progress, ProgressState};
use serde_json::{Map, Value};

use crate::cells::{Display, Outlet};

/// Commands shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(300);
/// Shortest time between two updates of the line.
const INTERVAL: Duration = Duration::from_millis(150);
/// Characters of the bar.
const WIDTH: usize = 30;

/// One line that is replaced as the work goes on.
pub struct ProgressLine<'a> {
    outlet: &'a dyn Outlet,
    display_id: String,
    began: Instant,
    shown: Option<Instant>,
}

impl<'a> ProgressLine<'a> {
    pub fn new(outlet: &'a dyn Outlet) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let display_id = format!("progress-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self {
            outlet,
            display_id,
            began: Instant::now(),
            shown: None,
        }
    }

    pub fn update(&mut self, progress: &Progress) {
        let now = Instant::now();
        let running = progress.state == ProgressState::Running;
        let due = match self.shown {
            None => running && now >= self.began + PATIENCE,
            Some(shown) => !running || now >= shown + INTERVAL,
        };
        if !due {
            return;
        }
        let mut bundle = Map::new();
        bundle.insert(
            "text/plain".into(),
            Value::from(line(progress, self.began.elapsed())),
        );
        self.outlet.display(Display {
            bundle,
            metadata: Map::new(),
            display_id: Some(self.display_id.clone()),
            update: self.shown.is_some(),
        });
        self.shown = Some(now);
    }
}

/// `saving strain.zspy  ███████████░░░░░░░░░  55 %  1232 of 2240 scan positions, 12 s`
fn line(progress: &Progress, elapsed: Duration) -> String {
    let share = if progress.total > 0.0 {
        (progress.done / progress.total).clamp(0.0, 1.0)
    } else {
        0.0
    };
    // `as` is exact here: the share is in 0 ..= 1.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let full = (share * WIDTH as f64).round() as usize;
    let bar = "█".repeat(full) + &"░".repeat(WIDTH - full);
    let state = match progress.state {
        ProgressState::Running | ProgressState::Done => "",
        ProgressState::Cancelled => "  cancelled",
        ProgressState::Failed => "  failed",
    };
    format!(
        "{}  {bar}  {:.0} %  {:.0} of {:.0} scan positions, {:.0} s{state}",
        progress.label,
        (share * 100.0).floor(),
        progress.done,
        progress.total,
        elapsed.as_secs_f64(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Stream;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Shown(Mutex<Vec<(bool, String)>>);

    impl Outlet for Shown {
        fn display(&self, display: Display) {
            let text = display.bundle["text/plain"].as_str().unwrap().to_owned();
            self.0.lock().unwrap().push((display.update, text));
        }
        fn stream(&self, _: Stream, _: &str) {}
        fn result(&self, _: Display) {}
        fn show(&self, _: u32) {}
        fn clear_output(&self, _: bool) {}
        fn read_line(&self, _: &str, _: bool) -> Result<String, String> {
            Err(String::new())
        }
    }

    fn progress(done: f64, state: ProgressState) -> Progress {
        Progress {
            node: 1,
            state,
            done,
            total: 200.0,
            label: "saving a.zspy".into(),
            message: String::new(),
        }
    }

    #[test]
    fn a_line_reads_as_text() {
        let text = line(
            &progress(110.0, ProgressState::Running),
            Duration::from_secs(12),
        );
        assert_eq!(
            text,
            "saving a.zspy  █████████████████░░░░░░░░░░░░░  55 %  110 of 200 scan positions, 12 s"
        );
        assert!(line(&progress(3.0, ProgressState::Failed), Duration::ZERO).ends_with("failed"));
    }

    #[test]
    fn short_work_shows_nothing_and_long_work_ends_with_its_end() {
        let shown = Shown::default();
        let mut line = ProgressLine::new(&shown);
        line.update(&progress(1.0, ProgressState::Running));
        line.update(&progress(200.0, ProgressState::Done));
        assert!(shown.0.lock().unwrap().is_empty());
        line.began -= PATIENCE;
        line.update(&progress(1.0, ProgressState::Running));
        line.update(&progress(2.0, ProgressState::Running));
        line.update(&progress(200.0, ProgressState::Done));
        let shown = shown.0.lock().unwrap();
        assert_eq!(shown.len(), 2);
        assert!(!shown[0].0 && shown[1].0);
        assert!(shown[1].1.contains("100 %"));
    }
}
