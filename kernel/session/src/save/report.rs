//! What a cell and the pages hear of a save: how far it is, how fast, how long it will take.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::{Event, Progress, ProgressState, WireError};

use crate::{Session, lock};

/// Shortest time between two reports.
pub(super) const TELL_EVERY: Duration = Duration::from_millis(100);
/// The rate is that of the last so many seconds: long enough to smooth over chunks, short enough to follow
/// a machine that gets busy.
const WINDOW: Duration = Duration::from_secs(10);
/// Nothing is said about the rate before.
const PATIENCE: Duration = Duration::from_millis(500);
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// Scan positions per second over the last seconds.
#[derive(Default)]
pub(crate) struct Pace {
    samples: VecDeque<(Instant, f64)>,
}

impl Pace {
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
    pub(crate) fn paced(&self, mut progress: Progress) -> Progress {
        let mut paces = lock(&self.paces);
        if progress.state == ProgressState::Running {
            let pace = paces.entry(progress.node).or_default();
            (progress.rate, progress.seconds_left) = pace.of(progress.done, progress.total);
        } else {
            paces.remove(&progress.node);
            progress.can_resume = progress.state == ProgressState::Cancelled;
        }
        progress
    }
}

/// Progress of a running save or computation, told to its cell and to every page.
pub(super) struct Report<'a> {
    session: &'a Session,
    told: Instant,
    pace: Pace,
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
            told: Instant::now(),
            pace: Pace::default(),
            progress: Progress {
                node,
                state: ProgressState::Running,
                done: 0.0,
                total: total as f64,
                label,
                message: String::new(),
                rate: None,
                seconds_left: None,
                can_resume: false,
            },
            cell,
        };
        report.tell();
        report
    }

    /// `already` of them were there before.
    pub fn done(&mut self, done: usize, already: usize, total: usize) {
        let progress = &mut self.progress;
        (progress.done, progress.total) = (done as f64, total as f64);
        if already > 0 && progress.message.is_empty() {
            let percent = 100 * already / total.max(1);
            progress.message = format!("resumed, {percent} % was there");
        }
        if self.told.elapsed() >= TELL_EVERY {
            (progress.rate, progress.seconds_left) = match done > already {
                true => self.pace.of(progress.done, progress.total),
                false => (None, None),
            };
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.told = Instant::now();
        (self.cell)(&self.progress);
        let event = Event::Progress(self.progress.clone());
        self.session.events.send(&event);
    }

    /// `kept`: how much of it stays for the next time, in words.
    pub fn end<T>(
        &mut self,
        result: Result<T, WireError>,
        kept: Option<String>,
    ) -> Result<T, WireError> {
        let progress = &mut self.progress;
        progress.seconds_left = None;
        progress.can_resume = kept.is_some();
        match &result {
            Ok(_) => {
                progress.state = ProgressState::Done;
                progress.done = progress.total;
            }
            Err(error) if error.code == "cancelled" => {
                progress.state = ProgressState::Cancelled;
                progress.message = kept.unwrap_or_default();
            }
            Err(error) => {
                progress.state = ProgressState::Failed;
                progress.message = error.message.clone();
            }
        }
        self.tell();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.at(start, 100.0, 1000.0), (None, None));
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut last = (None, None);
        for step in 1..=100 {
            // Twenty a second, then five.
            let seconds = f64::from(step) * 0.25;
            let done = 100.0 + (20.0 * seconds.min(10.0)) + 5.0 * (seconds - 10.0).max(0.0);
            last = pace.at(at(seconds), done, 1000.0);
            if step == 40 {
                assert!((last.0.unwrap() - 20.0).abs() < 1e-6);
                assert!((last.1.unwrap() - 35.0).abs() < 1e-6);
            }
        }
        assert!((last.0.unwrap() - 5.0).abs() < 0.2, "{last:?}");
        // Begun anew: nothing is said until there is something.
        assert_eq!(pace.at(at(26.0), 3.0, 1000.0), (None, None));
    }
}
