//! What every stage of `cargo xtask test` did, and the last line that counts everything.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Tests counted in one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

enum Outcome {
    Ran(Counts),
    NotRun(String),
}

struct Stage {
    name: &'static str,
    outcome: Outcome,
    time: Duration,
}

/// The stages so far.
#[derive(Default)]
pub struct Report {
    stages: Vec<Stage>,
}

impl Report {
    /// Runs a stage; an error counts as one failed test, so that a stage that broke can never look green.
    pub fn stage(&mut self, name: &'static str, work: impl FnOnce() -> Result<Counts>) -> bool {
        println!("\n=== {name} ===");
        let start = Instant::now();
        let counts = work().unwrap_or_else(|error| {
            println!("{name}: {error:#}");
            Counts {
                failed: 1,
                ..Counts::default()
            }
        });
        let time = start.elapsed();
        println!(
            "--- {name}: {} passed, {} failed, {} skipped in {} ---",
            counts.passed,
            counts.failed,
            counts.skipped,
            clock(time)
        );
        self.stages.push(Stage {
            name,
            outcome: Outcome::Ran(counts),
            time,
        });
        counts.failed == 0
    }

    /// A stage that could not or should not run; counted as one skipped test and printed loudly.
    pub fn not_run(&mut self, name: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        println!("\n=== {name} ===\n!!! NOT RUN: {reason}");
        self.stages.push(Stage {
            name,
            outcome: Outcome::NotRun(reason),
            time: Duration::ZERO,
        });
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for stage in &self.stages {
            total.add(match stage.outcome {
                Outcome::Ran(counts) => counts,
                Outcome::NotRun(_) => Counts {
                    skipped: 1,
                    ..Counts::default()
                },
            });
        }
        total
    }

    fn text(&self) -> String {
        let mut text = format!(
            "\n{:<44}{:>8}{:>8}{:>9}{:>14}\n",
            "stage", "passed", "failed", "skipped", "time"
        );
        for stage in &self.stages {
            let line = match &stage.outcome {
                Outcome::Ran(counts) => format!(
                    "{:<44}{:>8}{:>8}{:>9}{:>14}",
                    stage.name,
                    counts.passed,
                    counts.failed,
                    counts.skipped,
                    clock(stage.time)
                ),
                Outcome::NotRun(_) => format!("{:<44}     !!! NOT RUN !!!", stage.name),
            };
            text.push_str(&line);
            text.push('\n');
        }
        for stage in &self.stages {
            if let Outcome::NotRun(reason) = &stage.outcome {
                text.push_str(&format!("\n!!! NOT RUN: {}: {reason}", stage.name));
            }
        }
        let total = self.total();
        text.push_str(&format!(
            "\n{} passed, {} failed, {} skipped",
            total.passed, total.failed, total.skipped
        ));
        text
    }

    /// Prints the table; whether nothing failed.
    pub fn finish(self) -> bool {
        println!("{}", self.text());
        self.total().failed == 0
    }
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", seconds as u64 / 60, seconds as u64 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_stage_fails_and_a_stage_not_run_is_named() {
        let mut report = Report::default();
        assert!(!report.stage("rust", || anyhow::bail!("no compiler")));
        assert!(report.stage("widget", || Ok(Counts {
            passed: 7,
            failed: 0,
            skipped: 1
        })));
        report.not_run("browser", "no Chromium");
        let text = report.text();
        assert!(text.ends_with("7 passed, 1 failed, 2 skipped"), "{text}");
        assert!(text.contains("!!! NOT RUN: browser: no Chromium"), "{text}");
        assert!(!report.finish());
    }
}
