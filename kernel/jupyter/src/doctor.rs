//! `signaltree doctor`: what a notebook needs, looked at one by one, each with what to do about it.

mod jupyter;
mod launch;
mod machine;
mod rust;

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for another program to answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// Works, but not everything or not everywhere.
    Note,
    Broken,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    /// What was found, as a sentence without its full stop.
    pub what: String,
    /// What to do; empty when nothing is to be done.
    pub advice: String,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Finding {
            verdict: Verdict::Good,
            what: what.into(),
            advice: String::new(),
        }
    }

    fn note(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding {
            verdict: Verdict::Note,
            what: what.into(),
            advice: advice.into(),
        }
    }

    fn broken(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding {
            verdict: Verdict::Broken,
            what: what.into(),
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.verdict {
            Verdict::Good => '✓',
            Verdict::Note => '!',
            Verdict::Broken => '✗',
        };
        write!(out, "{mark} {}", self.what)?;
        if !self.advice.is_empty() {
            write!(out, "\n    → {}", self.advice)?;
        }
        Ok(())
    }
}

/// Looks at everything, and hands over each finding as soon as it is known. Changes nothing: what it
/// writes to try a folder or a compiler is removed again.
///
/// `python` is the Python that Jupyter runs with; without it, the one of the `jupyter` on the path.
pub fn examine(python: Option<PathBuf>, report: &mut dyn FnMut(Finding)) {
    report(Finding::good(format!(
        "signaltree {} at {}",
        env!("CARGO_PKG_VERSION"),
        std::env::current_exe().map_or_else(|_| "?".into(), |path| path.display().to_string())
    )));
    jupyter::examine(python, report);
    rust::examine(report);
    machine::examine(report);
}

/// Runs another program to its end, however little it says.
///
/// # Errors
/// When it cannot be started, or is not done after [`PATIENCE`].
fn output_of<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> io::Result<Output> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let id = child.id();
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || drop(done.send(child.wait_with_output())));
    wait.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        // The thread still waits for the child, so its number is not somebody else's.
        let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        let seconds = PATIENCE.as_secs();
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {seconds} s"),
        ))
    })
}

/// The first line a program says, on stdout or else on stderr.
fn first_line(output: &Output) -> String {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let line = said.iter().find_map(|text| {
        let mut lines = text.lines().map(str::trim);
        lines.find(|line| !line.is_empty())
    });
    line.unwrap_or("it said nothing").to_owned()
}

/// The numbers a version begins with: `4.6.1rc0` is `[4, 6, 1]`.
fn numbers(version: &str) -> Vec<u32> {
    let digits = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_digit());
        part[..end.unwrap_or(part.len())].parse().ok()
    };
    version.split('.').map_while(digits).collect()
}

fn milliseconds(began: Instant) -> u128 {
    began.elapsed().as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_a_line_and_its_advice() {
        assert_eq!(Finding::good("all is well").to_string(), "✓ all is well");
        let broken = Finding::broken("no JupyterLab", "install it");
        assert_eq!(broken.to_string(), "✗ no JupyterLab\n    → install it");
    }

    #[test]
    fn versions_compare_by_their_numbers() {
        assert_eq!(numbers("4.6.1rc0"), [4, 6, 1]);
        assert!(numbers("10.0") > numbers("9.9.9"));
        assert!(numbers("unknown").is_empty());
    }

    #[test]
    fn programs_that_are_missing_or_silent_are_told_apart() {
        assert!(output_of("no-such-program-anywhere", ["-V"]).is_err());
        let quiet = output_of("true", [""; 0]).unwrap();
        assert_eq!(first_line(&quiet), "it said nothing");
        let loud = output_of("sh", ["-c", "echo; echo two >&2"]).unwrap();
        assert_eq!(first_line(&loud), "two");
    }
}
