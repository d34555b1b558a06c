//! What a cell and the pages hear of a save: how far it is, how fast, how long it will take.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::{Event, Measuring, Progress, ProgressState, WireError};

use crate::progress::{self, MEASURING};
use crate::{Session, lock};

/// Shortest time between two reports.
pub(super) const NOTIFY_INTERVAL: Duration = Duration::from_millis(100);
/// The rate is that of the last so many seconds: long enough to smooth over chunks, short enough to follow
/// a machine that gets busy.
const WINDOW: Duration = Duration::from_secs(10);
/// Nothing is said about the rate before.
const PATIENCE: Duration = Duration::from_millis(500);
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// Scan positions per second over the last seconds.
#[derive(Default)]
pub(crate) struct Throughput {
    samples: VecDeque<(Instant, f64)>,
}

impl Throughput {
    /// Rate and seconds left; absent until there is something to measure.
    pub fn of(&mut self, done: f64, total: f64) -> (Option<f64>, Option<f64>) {
        self.at(Instant::now(), done, total)
    }

    fn at(&mut self, now: Instant, done: f64, total: f64) -> (Option<f64>, Option<f64>) {
        // What was begun anew counts from there.
        if self.samples.back().is_some_and(|(_, last)| done < *last) {
            self.samples.clear();
        }
        if (self.samples.back()).is_none_or(|(last, _)| now - *last >= SAMPLE_EVERY) {
            self.samples.push_back((now, done));
        }
        while self.samples.len() > 2 && now - self.samples[1].0 >= WINDOW {
            self.samples.pop_front();
        }
        let Some((since, before)) = self.samples.front() else {
            return (None, None);
        };
        let took = now - *since;
        if took < PATIENCE || done <= *before {
            return (None, None);
        }
        let rate = (done - before) / took.as_secs_f64();
        (Some(rate), Some((total - done).max(0.0) / rate))
    }
}

impl Session {
    /// The progress of a map with its rate and the time left.
    pub(crate) fn with_throughput(&self, mut progress: Progress) -> Progress {
        let mut throughputs = lock(&self.throughputs);
        // Within the lock: what is removed from the tree is forgotten here afterwards.
        let there = self.tree.snapshot().node(progress.node).is_some();
        if progress.state == ProgressState::Running && there {
            let throughput = throughputs.entry(progress.node).or_default();
            (progress.rate, progress.seconds_left) = throughput.of(progress.done, progress.total);
        } else {
            throughputs.remove(&progress.node);
            progress.can_resume = progress.state == ProgressState::Cancelled;
        }
        progress
    }
}

/// Progress of a running save or computation, told to its cell and to every page.
pub(super) struct Report<'a> {
    session: &'a Session,
    last_notified: Instant,
    throughput: Throughput,
    pub progress: Progress,
    cell: &'a mut dyn FnMut(&Progress),
}

impl<'a> Report<'a> {
    pub fn new(
        session: &'a Session,
        node: u32,
        total: usize,
        label: String,
        cell: &'a mut dyn FnMut(&Progress),
    ) -> Self {
        let mut report = Report {
            session,
            last_notified: Instant::now(),
            throughput: Throughput::default(),
            progress: Progress {
                node,
                state: ProgressState::Running,
                done: 0.0,
                total: total as f64,
                label,
                message: String::new(),
                rate: None,
                seconds_left: None,
                kept: 0.0,
                can_resume: false,
                measuring: None,
            },
            cell,
        };
        report.notify();
        report
    }

    /// As [`Report::done`], and tells nobody: the end is about to.
    pub fn count(&mut self, done: usize, already: usize, total: usize) {
        let progress = &mut self.progress;
        (progress.done, progress.total) = (done as f64, total as f64);
        progress.kept = already as f64;
        if already > 0 && progress.message.is_empty() {
            let percent = 100 * already / total.max(1);
            progress.message = format!("resumed, {percent} % was there");
        }
    }

    /// `already` of them were there before.
    pub fn done(&mut self, done: usize, already: usize, total: usize) {
        self.count(done, already, total);
        if self.last_notified.elapsed() >= NOTIFY_INTERVAL {
            let measuring = self.measuring().filter(|_| done <= already);
            let progress = &mut self.progress;
            match &measuring {
                Some(found) => progress.message = format!("{MEASURING}{}", found.name),
                None if progress.message.starts_with(MEASURING) => progress.message.clear(),
                None => {}
            }
            progress.measuring = measuring;
            (progress.rate, progress.seconds_left) = match done > already {
                true => self.throughput.of(progress.done, progress.total),
                false => (None, None),
            };
            self.notify();
        }
    }

    /// What has to be measured over the scan before the first position can be computed.
    fn measuring(&self) -> Option<Measuring> {
        let graph = self.session.tree.snapshot();
        progress::measuring(self.session, graph.node(self.progress.node)?)
    }

    fn notify(&mut self) {
        self.last_notified = Instant::now();
        (self.cell)(&self.progress);
        let event = Event::Progress(self.progress.clone());
        self.session.events.send(&event);
    }

    /// As [`Report::end`] of what is begun anew each time; `instead`: what is not.
    pub fn nothing_kept<T>(
        &mut self,
        result: Result<T, WireError>,
        instead: &str,
    ) -> Result<T, WireError> {
        self.ended(result, format!("nothing of it is kept; {instead}"), false)
    }

    /// `kept`: how much of it stays for the next time, in words.
    pub fn end<T>(
        &mut self,
        result: Result<T, WireError>,
        kept: Option<String>,
    ) -> Result<T, WireError> {
        let can_resume = kept.is_some();
        self.ended(result, kept.unwrap_or_default(), can_resume)
    }

    fn ended<T>(
        &mut self,
        result: Result<T, WireError>,
        kept: String,
        can_resume: bool,
    ) -> Result<T, WireError> {
        let progress = &mut self.progress;
        progress.seconds_left = None;
        progress.measuring = None;
        progress.can_resume = can_resume;
        match &result {
            Ok(_) => {
                progress.state = ProgressState::Done;
                progress.done = progress.total;
                if progress.message.starts_with(MEASURING) {
                    progress.message.clear();
                }
            }
            Err(error) if error.code == "cancelled" => {
                progress.state = ProgressState::Cancelled;
                progress.message = kept;
            }
            Err(error) => {
                progress.state = ProgressState::Failed;
                progress.message = error.message.clone();
            }
        }
        self.notify();
        result
    }
}

/// A file that is complete, in one line.
pub(super) struct Written<'a> {
    /// As the person wrote it.
    pub path: &'a str,
    /// `(40, 56 | 4) f64`.
    pub summary: String,
    /// On the disk; `None`: it was not counted.
    pub bytes: Option<u64>,
    pub took: Duration,
    /// What an earlier save had left and was not computed again.
    pub kept_percent: usize,
}

impl Written<'_> {
    /// `saved strain.zspy: (40, 56 | 4) f64, 71 kB, in 0.4 s`.
    pub fn text(&self) -> String {
        let size = self
            .bytes
            .map_or_else(String::new, |bytes| format!(", {}", size_text(bytes)));
        let seconds = self.took.as_secs();
        let took = match seconds {
            0..10 => format!("{:.1} s", self.took.as_secs_f64()),
            10..60 => format!("{seconds} s"),
            60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
            _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        };
        let kept = match self.kept_percent {
            0 => String::new(),
            percent => format!("; {percent} % of it was there from an earlier save"),
        };
        format!(
            "saved {}: {}{size}, in {took}{kept}",
            self.path, self.summary
        )
    }
}

fn size_text(bytes: u64) -> String {
    let number = bytes as f64;
    match number {
        _ if number >= 1e9 => format!("{:.1} GB", number / 1e9),
        _ if number >= 1e6 => format!("{:.1} MB", number / 1e6),
        _ if number >= 1e3 => format!("{:.0} kB", number / 1e3),
        _ => format!("{bytes} bytes"),
    }
}

/// Bytes of a file, or of all files of a folder; `None` when there are so many that counting them would take long.
pub(super) fn bytes_below(path: &Path) -> Option<u64> {
    const MAX: usize = 20_000;
    let mut folders = vec![path.to_owned()];
    let (mut bytes, mut files) = (0, 0);
    while let Some(path) = folders.pop() {
        let meta = std::fs::symlink_metadata(&path).ok()?;
        if !meta.is_dir() {
            bytes += meta.len();
            files += 1;
        } else {
            for entry in std::fs::read_dir(&path).ok()? {
                folders.push(entry.ok()?.path());
            }
        }
        if files + folders.len() > MAX {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_file_is_told_in_one_line() {
        let mut written = Written {
            path: "strain.zspy",
            summary: "(40, 56 | 4) f64".into(),
            bytes: Some(71_680),
            took: Duration::from_millis(430),
            kept_percent: 0,
        };
        assert_eq!(
            written.text(),
            "saved strain.zspy: (40, 56 | 4) f64, 72 kB, in 0.4 s"
        );
        written.bytes = None;
        written.took = Duration::from_secs(200);
        written.kept_percent = 38;
        assert_eq!(
            written.text(),
            "saved strain.zspy: (40, 56 | 4) f64, in 3 min 20 s; 38 % of it was there from an earlier save"
        );
        assert_eq!(size_text(999), "999 bytes");
        assert_eq!(size_text(2_500_000_000), "2.5 GB");
        // A folder that is surely there.
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/save");
        let of_folder = bytes_below(&sources).unwrap();
        assert!(of_folder > bytes_below(&sources.join("report.rs")).unwrap());
        assert_eq!(bytes_below(&sources.join("missing")), None);
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut throughput = Throughput::default();
        let start = Instant::now();
        assert_eq!(throughput.at(start, 100.0, 1000.0), (None, None));
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut last = (None, None);
        for step in 1..=100 {
            // Twenty a second, then five.
            let seconds = f64::from(step) * 0.25;
            let done = 100.0 + (20.0 * seconds.min(10.0)) + 5.0 * (seconds - 10.0).max(0.0);
            last = throughput.at(at(seconds), done, 1000.0);
            if step == 40 {
                assert!((last.0.unwrap() - 20.0).abs() < 1e-6);
                assert!((last.1.unwrap() - 35.0).abs() < 1e-6);
            }
        }
        assert!((last.0.unwrap() - 5.0).abs() < 0.2, "{last:?}");
        // Begun anew: nothing is said until there is something.
        assert_eq!(throughput.at(at(26.0), 3.0, 1000.0), (None, None));
    }
}
