//! Numbers of passed, failed and skipped tests, from what each runner prints.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::report::Counts;

/// Sum over the `test result: ok. 3 passed; 0 failed; 1 ignored; …` lines.
pub fn cargo(text: &str) -> Counts {
    let mut total = Counts::default();
    for line in text.lines() {
        let Some((_, numbers)) = line.split_once("test result: ") else {
            continue;
        };
        let number = |word: &str| before(numbers, word).unwrap_or(0);
        total.add(Counts {
            passed: number("passed"),
            failed: number("failed"),
            skipped: number("ignored"),
        });
    }
    // Tests that need a program this machine lacks pass, and print this line instead.
    let skipped = text
        .lines()
        .filter(|line| line.contains("SKIPPED:"))
        .count();
    total.skipped += skipped;
    total.passed = total.passed.saturating_sub(skipped);
    total
}

/// The JSON report of vitest.
///
/// # Errors
/// When it is not JSON.
pub fn vitest(text: &str) -> Result<Counts> {
    let report: Value = serde_json::from_str(text).context("vitest's report is not JSON")?;
    let number = |name: &str| report[name].as_u64().unwrap_or(0) as usize;
    Ok(Counts {
        passed: number("numPassedTests"),
        // A file that does not load has no test to fail.
        failed: number("numFailedTests").max(usize::from(report["success"] == Value::Bool(false))),
        skipped: number("numPendingTests") + number("numTodoTests"),
    })
}

/// The end of a `unittest` run: `Ran 14 tests in 9.1s`, `FAILED (failures=1, errors=2, skipped=1)`.
///
/// # Errors
/// When there is no such line.
pub fn unittest(text: &str) -> Result<Counts> {
    let ran = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("Ran "))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok())
        .context("unittest printed no number of tests")?;
    let verdict = text
        .lines()
        .rev()
        .find(|line| line.starts_with("OK") || line.starts_with("FAILED"))
        .unwrap_or_default();
    let number = |name: &str| after(verdict, name).unwrap_or(0);
    let failed = number("failures=") + number("errors=");
    let skipped = number("skipped=");
    Ok(Counts {
        passed: ran.saturating_sub(failed + skipped),
        failed,
        skipped,
    })
}

/// Lines `ok - name`, `not ok - name`, `skip - name` of our own browser scripts.
pub fn lines(text: &str) -> Counts {
    let count = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
    Counts {
        passed: count("ok - "),
        failed: count("not ok - "),
        skipped: count("skip - "),
    }
}

fn before(text: &str, word: &str) -> Option<usize> {
    let (numbers, _) = text.split_once(&format!(" {word}"))?;
    numbers.split_whitespace().last()?.parse().ok()
}

fn after(text: &str, name: &str) -> Option<usize> {
    let (_, rest) = text.split_once(name)?;
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn cargo_sums_over_the_test_programs() {
        let text = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                    test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured\n";
        assert_eq!(cargo(text), counts(7, 2, 1));
        let text =
            "SKIPPED: no Python with hyperspy\ntest result: ok. 3 passed; 0 failed; 0 ignored";
        assert_eq!(cargo(text), counts(2, 0, 1));
    }

    #[test]
    fn unittest_verdicts() {
        let text = "Ran 14 tests in 9.1s\n\nFAILED (failures=1, errors=2, skipped=3)\n";
        assert_eq!(unittest(text).unwrap(), counts(8, 3, 3));
        assert_eq!(
            unittest("Ran 2 tests in 1s\n\nOK\n").unwrap(),
            counts(2, 0, 0)
        );
        assert!(unittest("Traceback").is_err());
    }

    #[test]
    fn vitest_report_and_a_file_that_does_not_load() {
        let text =
            r#"{"numPassedTests": 5, "numFailedTests": 0, "numPendingTests": 1, "success": true}"#;
        assert_eq!(vitest(text).unwrap(), counts(5, 0, 1));
        let text = r#"{"numPassedTests": 5, "numFailedTests": 0, "success": false}"#;
        assert_eq!(vitest(text).unwrap(), counts(5, 1, 0));
    }

    #[test]
    fn lines_of_the_browser_scripts() {
        assert_eq!(
            lines("ok - a\nnot ok - b\nskip - c\nok - d\nnote"),
            counts(2, 1, 1)
        );
    }
}
