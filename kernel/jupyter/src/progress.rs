//! The progress of a long command in the output of its cell: a bar for pages, a line for everything else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protocol::{Measuring, Progress, ProgressState};
use serde_json::{Map, Value};

use crate::cells::{Display, Outlet};

/// Commands shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(300);
/// Shortest time between two updates of the line.
const INTERVAL: Duration = Duration::from_millis(150);
/// Characters of the bar.
const WIDTH: usize = 30;
/// The time left is guessed only from work of this length.
const GUESS_AFTER: Duration = Duration::from_secs(1);

/// One output that is replaced as the work goes on.
pub struct ProgressLine<'a> {
    outlet: &'a dyn Outlet,
    display_id: String,
    began: Instant,
    shown: Option<Instant>,
    last: Option<Progress>,
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
            last: None,
        }
    }

    pub fn update(&mut self, progress: &Progress) {
        let now = Instant::now();
        let running = progress.state == ProgressState::Running;
        let due = match self.shown {
            None => running && now >= self.began + PATIENCE,
            Some(shown) => !running || now >= shown + INTERVAL,
        };
        self.last = Some(progress.clone());
        // The end is said once, when the command has returned.
        if due && progress.state != ProgressState::Done {
            self.show(progress);
        }
    }

    /// The command has ended: work that did not say so itself was stopped. `closing` is the line that stays, also
    /// where the work was too short for a bar.
    pub fn end(mut self, succeeded: bool, closing: Option<&str>) {
        if let Some(closing) = closing.filter(|_| succeeded) {
            return self.publish(
                format!("<div>{}</div>", escaped(closing)),
                closing.to_owned(),
            );
        }
        if self.shown.is_none() {
            return;
        }
        let last = self
            .last
            .take()
            .filter(|last| matches!(last.state, ProgressState::Running | ProgressState::Done));
        if let Some(mut progress) = last {
            progress.state = match succeeded {
                true => ProgressState::Done,
                false => ProgressState::Cancelled,
            };
            self.show(&progress);
        }
    }

    fn show(&mut self, progress: &Progress) {
        let report = Report::new(progress, self.began.elapsed());
        self.publish(report.html(), report.text());
    }

    fn publish(&mut self, html: String, text: String) {
        let mut bundle = Map::new();
        bundle.insert("text/html".into(), Value::from(html));
        bundle.insert("text/plain".into(), Value::from(text));
        self.outlet.display(Display {
            bundle,
            metadata: Map::new(),
            display_id: Some(self.display_id.clone()),
            update: self.shown.is_some(),
        });
        self.shown = Some(Instant::now());
    }
}

/// What is said about the work at one moment.
pub(crate) struct Report<'a> {
    progress: &'a Progress,
    /// From 0 to 1.
    share: f64,
    elapsed: Duration,
}

impl<'a> Report<'a> {
    pub(crate) fn new(progress: &'a Progress, elapsed: Duration) -> Self {
        let share = if progress.total > 0.0 {
            (progress.done / progress.total).clamp(0.0, 1.0)
        } else {
            0.0
        };
        Report {
            progress,
            share,
            elapsed,
        }
    }

    /// `saving strain.zspy  ███████████░░░░░░░░░  55 %  1232 of 2240 scan positions, 103 per second, 10 s left`
    pub(crate) fn text(&self) -> String {
        if self.progress.state != ProgressState::Running {
            return self.summary();
        }
        // `as` is exact here: the share is in 0 ..= 1.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let full = (self.share * WIDTH as f64).round() as usize;
        let bar = "█".repeat(full) + &"░".repeat(WIDTH - full);
        if let Some((beside, measuring)) = self.measuring() {
            return match beside {
                false => format!("{measuring} …"),
                true => format!("{}: {measuring} …", self.progress.label),
            };
        }
        format!(
            "{}  {bar}  {:.0} %  {}",
            self.progress.label,
            self.percent(),
            self.details().join(", ")
        )
    }

    /// No script and no colours of its own: the browser draws the bar in those of the theme.
    fn html(&self) -> String {
        let Progress {
            state,
            label,
            done,
            total,
            ..
        } = self.progress;
        if *state != ProgressState::Running {
            return format!("<div>{}</div>", escaped(&self.summary()));
        }
        if let Some((beside, measuring)) = self.measuring() {
            let share = (self.progress.measuring.as_ref()).and_then(|measuring| measuring.share);
            let share = share.map_or_else(String::new, |share| format!(" value=\"{share:.3}\""));
            let (above, measuring) = match beside {
                true => (label.as_str(), measuring.as_str()),
                false => (measuring.as_str(), ""),
            };
            return format!(
                "<div>{}<br><progress{share} style=\"width:20em\"></progress>&ensp;{}</div>",
                escaped(above),
                escaped(measuring)
            );
        }
        format!(
            "<div>{}<br><progress value=\"{done:.0}\" max=\"{:.0}\" style=\"width:20em\"></progress>\
             &ensp;<b>{:.0}&thinsp;%</b>&ensp;{}</div>",
            escaped(label),
            total.max(1.0),
            self.percent(),
            escaped(&self.details().join(" · "))
        )
    }

    /// `measuring peaks, pass 2 of 3, 42 %`, while nothing else is done yet, and whether that stands beside the label.
    fn measuring(&self) -> Option<(bool, String)> {
        let Progress {
            label,
            message,
            measuring,
            ..
        } = self.progress;
        let is_measuring = |(_, text): &(bool, &String)| text.starts_with("measuring ");
        let (beside, text) = [(false, label), (true, message)]
            .into_iter()
            .find(is_measuring)?;
        let mut text = text.clone();
        if let Some(Measuring {
            pass,
            passes,
            share,
            positions,
            seconds,
            ..
        }) = measuring
        {
            match passes {
                Some(1) => {}
                Some(passes) => text.push_str(&format!(", pass {pass} of {passes},")),
                None => text.push_str(&format!(", pass {pass},")),
            }
            match share {
                Some(share) => text.push_str(&format!(" {:.0} %", (100.0 * share).floor())),
                None => text.truncate(text.trim_end_matches(',').len()),
            }
            if let Some(positions) = positions {
                text.push_str(&format!(" from {positions:.0} positions"));
            }
            if let Some(seconds) = seconds.filter(|seconds| *seconds >= 1.0) {
                text.push_str(&format!(", {seconds:.0} s"));
            }
        }
        Some((beside, text))
    }

    fn percent(&self) -> f64 {
        (self.share * 100.0).floor()
    }

    /// Count, rate, time left.
    fn details(&self) -> Vec<String> {
        let Progress {
            done,
            total,
            message,
            rate,
            seconds_left,
            kept,
            ..
        } = self.progress;
        if *total <= 0.0 {
            return vec!["getting ready".to_owned()];
        }
        let mut details = vec![format!("{done:.0} of {total:.0} scan positions")];
        let computed = done - kept;
        let guessed = computed / self.elapsed.as_secs_f64().max(1e-3);
        let rate = match rate {
            Some(rate) => Some(*rate),
            None => (computed > 0.0 && message.is_empty() && self.elapsed >= GUESS_AFTER)
                .then_some(guessed),
        };
        if let Some(rate) = rate {
            let digits = usize::from(rate < 10.0);
            details.push(format!("{rate:.digits$} per second"));
            let left = seconds_left.unwrap_or((total - done) / rate);
            let left = Duration::from_secs_f64(left.clamp(0.0, 1e9));
            details.push(format!("{} left", duration(left)));
        }
        if !message.is_empty() {
            details.push(message.clone());
        }
        details
    }

    /// How it ended: `saved strain.zspy: 2240 scan positions in 12 s`.
    fn summary(&self) -> String {
        let Progress {
            state,
            label,
            done,
            total,
            message,
            kept,
            ..
        } = self.progress;
        let took = duration(self.elapsed);
        match state {
            ProgressState::Running | ProgressState::Done => {
                let label = past(label);
                let before = match *kept > 0.0 {
                    true => format!(", {kept:.0} were there before"),
                    false => String::new(),
                };
                let computed = total - kept;
                format!("{label}: {computed:.0} scan positions in {took}{before}")
            }
            ProgressState::Cancelled => {
                let kept = match message.is_empty() {
                    true => String::new(),
                    false => format!("; {message}"),
                };
                let done = match *total > 0.0 {
                    true => format!("{done:.0} of {total:.0} scan positions were done"),
                    false => "before anything was computed".to_owned(),
                };
                format!("{label} was interrupted after {took}, {done}{kept}")
            }
            ProgressState::Failed if message.is_empty() => format!("{label} failed after {took}"),
            ProgressState::Failed => format!("{label} failed after {took}: {message}"),
        }
    }
}

/// `saving a.zspy` → `saved a.zspy`.
fn past(label: &str) -> String {
    for (doing, done) in [("saving ", "saved "), ("computing ", "computed ")] {
        if let Some(rest) = label.strip_prefix(doing) {
            return format!("{done}{rest}");
        }
    }
    format!("{label} done")
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Text inside of HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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
            label: "saving <a>.zspy".into(),
            message: String::new(),
            rate: None,
            seconds_left: None,
            kept: 0.0,
            can_resume: false,
            measuring: None,
        }
    }

    #[test]
    fn a_line_reads_as_text() {
        let running = progress(110.0, ProgressState::Running);
        let after = |seconds| Report::new(&running, Duration::from_secs(seconds));
        assert_eq!(
            after(11).text(),
            "saving <a>.zspy  █████████████████░░░░░░░░░░░░░  55 %  110 of 200 scan positions, 10 per second, 9.0 s left"
        );
        assert!(after(0).text().ends_with("110 of 200 scan positions"));
        // Nothing is done yet, and perhaps nobody knows how far what is done first is.
        let measuring = Progress {
            message: "measuring peaks".into(),
            ..progress(0.0, ProgressState::Running)
        };
        let report = Report::new(&measuring, Duration::from_secs(3));
        assert_eq!(report.text(), "saving <a>.zspy: measuring peaks …");
        assert!(
            report.html().contains("<progress style=") && report.html().contains("measuring peaks")
        );
        let computing = Progress {
            label: "measuring peaks".into(),
            ..progress(0.0, ProgressState::Running)
        };
        let report = Report::new(&computing, Duration::from_secs(3));
        assert_eq!(report.text(), "measuring peaks …");
        let far = |pass, passes, share| Progress {
            measuring: Some(Measuring {
                node: 2,
                name: "peaks".into(),
                pass,
                passes,
                share,
                positions: share.is_none().then_some(64.0),
                seconds: share.is_none().then_some(12.0),
            }),
            ..computing.clone()
        };
        let text = |progress: &Progress| Report::new(progress, Duration::from_secs(3)).text();
        assert_eq!(
            text(&far(1, Some(1), Some(0.429))),
            "measuring peaks 42 % …"
        );
        let second = far(2, Some(3), Some(0.5));
        assert_eq!(text(&second), "measuring peaks, pass 2 of 3, 50 % …");
        assert_eq!(
            text(&far(2, Some(3), None)),
            "measuring peaks, pass 2 of 3 from 64 positions, 12 s …"
        );
        assert_eq!(
            text(&far(4, None, Some(0.0))),
            "measuring peaks, pass 4, 0 % …"
        );
        // What was there before was not computed in this time.
        let resumed = Progress {
            kept: 88.0,
            ..running.clone()
        };
        let text = Report::new(&resumed, Duration::from_secs(11)).text();
        assert!(text.ends_with("2.0 per second, 45 s left"), "{text}");
        let early = Progress {
            done: 0.0,
            total: 0.0,
            ..running.clone()
        };
        let text = Report::new(&early, Duration::from_secs(11)).text();
        assert!(text.ends_with("░  0 %  getting ready"), "{text}");
        let told = Progress {
            rate: Some(30.0),
            seconds_left: Some(3.0),
            message: "resumed, 40 % was there".into(),
            ..running.clone()
        };
        let text = Report::new(&told, Duration::from_secs(11)).text();
        assert!(
            text.ends_with("30 per second, 3.0 s left, resumed, 40 % was there"),
            "{text}"
        );
        let html = after(11).html();
        for part in [
            "saving &lt;a&gt;.zspy",
            "<progress value=\"110\" max=\"200\"",
            "9.0 s left",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("color") && !html.contains("script"));
    }

    #[test]
    fn each_end_is_said_in_one_line() {
        let end = |state, message: &str| {
            let progress = Progress {
                message: message.into(),
                ..progress(110.0, state)
            };
            Report::new(&progress, Duration::from_secs(200)).text()
        };
        assert_eq!(
            end(ProgressState::Done, ""),
            "saved <a>.zspy: 200 scan positions in 3 min 20 s"
        );
        let resumed = Progress {
            kept: 150.0,
            ..progress(200.0, ProgressState::Done)
        };
        assert_eq!(
            Report::new(&resumed, Duration::from_secs(2)).text(),
            "saved <a>.zspy: 50 scan positions in 2.0 s, 150 were there before"
        );
        assert_eq!(
            end(ProgressState::Cancelled, ""),
            "saving <a>.zspy was interrupted after 3 min 20 s, 110 of 200 scan positions were done"
        );
        assert_eq!(
            end(ProgressState::Failed, "the disk is full"),
            "saving <a>.zspy failed after 3 min 20 s: the disk is full"
        );
        let early = Progress {
            total: 0.0,
            ..progress(0.0, ProgressState::Cancelled)
        };
        assert_eq!(
            Report::new(&early, Duration::from_secs(2)).text(),
            "saving <a>.zspy was interrupted after 2.0 s, before anything was computed"
        );
        assert!(end(ProgressState::Cancelled, "40 % is kept").ends_with("were done; 40 % is kept"));
        assert_eq!(duration(Duration::from_millis(400)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(3900)), "1 h 5 min");
    }

    #[test]
    fn short_work_shows_nothing_and_long_work_ends_with_its_end() {
        let shown = Shown::default();
        let mut line = ProgressLine::new(&shown);
        line.update(&progress(1.0, ProgressState::Running));
        line.update(&progress(200.0, ProgressState::Done));
        line.end(true, None);
        assert!(shown.0.lock().unwrap().is_empty());
        let mut line = ProgressLine::new(&shown);
        line.began -= PATIENCE;
        line.update(&progress(1.0, ProgressState::Running));
        line.update(&progress(2.0, ProgressState::Running));
        line.update(&progress(200.0, ProgressState::Done));
        line.end(true, None);
        let shown = shown.0.lock().unwrap();
        assert_eq!(shown.len(), 2);
        assert!(!shown[0].0 && shown[1].0);
        assert!(
            shown[1]
                .1
                .starts_with("saved <a>.zspy: 200 scan positions in 0.")
        );
    }

    #[test]
    fn what_was_written_is_said_once_however_short_it_took() {
        let closing = "saved a.zspy: (2, 3 | 4) f64, 1 kB, in 0.0 s";
        let shown = Shown::default();
        let mut line = ProgressLine::new(&shown);
        line.update(&progress(200.0, ProgressState::Done));
        line.end(true, Some(closing));
        let mut line = ProgressLine::new(&shown);
        line.began -= PATIENCE;
        line.update(&progress(1.0, ProgressState::Running));
        line.update(&progress(200.0, ProgressState::Done));
        line.end(true, Some(closing));
        // A failure is told by its error.
        ProgressLine::new(&shown).end(false, Some(closing));
        let shown = shown.0.lock().unwrap();
        let lines: Vec<(bool, bool)> = shown
            .iter()
            .map(|(update, text)| (*update, text == closing))
            .collect();
        assert_eq!(lines, [(false, true), (false, false), (true, true)]);
    }

    #[test]
    fn stopped_work_says_so_even_if_nobody_reported_its_end() {
        let shown = Shown::default();
        let mut line = ProgressLine::new(&shown);
        line.began -= PATIENCE;
        line.update(&progress(1.0, ProgressState::Running));
        line.update(&progress(7.0, ProgressState::Running));
        line.end(false, None);
        let shown = shown.0.lock().unwrap();
        let last = &shown.last().unwrap().1;
        assert!(
            last.contains("was interrupted") && last.contains("7 of 200"),
            "{last}"
        );
    }
}
