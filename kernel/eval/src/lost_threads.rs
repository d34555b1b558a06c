//! What is said of user code that did not come back.

use crate::CellError;
use crate::error_report;
use crate::park::{Ending, Loss};

/// A lost thread in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Name of the error.
    name: &'static str,
    /// Goes after "the cell" or "the closure".
    what: String,
    /// Memory of the kernel may have been overwritten.
    pub(crate) damaged: bool,
    inside: bool,
}

const RESTART: &str = "Memory may be damaged: save what you need and restart the kernel";

/// What std, or the allocator of the system, says before it aborts.
const LAST_WORDS: [&str; 12] = [
    "memory allocation of",
    "non-unwinding panic. aborting",
    "panicked while processing panic. aborting",
    "double free",
    "free(): ",
    "malloc(): ",
    "realloc(): ",
    "munmap_chunk(): ",
    "corrupted size",
    "corrupted double-linked",
    "malloc_consolidate(): ",
    "*** stack smashing",
];

/// Bytes of stderr that are kept to look for last words.
const KEPT: usize = 1000;

/// Adds to the end of what was written; it comes in pieces.
pub(crate) fn remember(kept: &mut String, text: &str) {
    kept.push_str(text);
    if kept.len() > KEPT {
        let from = kept.ceil_char_boundary(kept.len() - KEPT);
        kept.drain(..from);
    }
}

/// The line of `text` that says why a program gives up.
pub(crate) fn last_words(text: &str) -> Option<String> {
    text.lines()
        .rev()
        .find(|line| LAST_WORDS.iter().any(|words| line.contains(words)))
        .map(|line| line.trim().chars().take(200).collect())
}

impl Lost {
    /// `words`: what was said last, if anything.
    pub(crate) fn new(loss: Loss, words: Option<&str>) -> Self {
        let (name, what, damaged) = match loss.ending {
            Ending::Abandoned => (
                "Interrupted",
                "did not stop by itself, so it was abandoned".to_owned(),
                false,
            ),
            Ending::Exit(Some(status)) => (
                "Exit",
                format!("called `std::process::exit({status})`; the kernel goes on"),
                false,
            ),
            Ending::Exit(None) => (
                "Exit",
                "called `std::process::exit`; the kernel goes on".to_owned(),
                false,
            ),
            Ending::Signal {
                signal: libc::SIGABRT,
                ..
            } => aborted(words.unwrap_or_default()),
            Ending::Signal { overflow: true, .. } => (
                "StackOverflow",
                "ran out of stack: is there a recursion without an end?".to_owned(),
                false,
            ),
            Ending::Signal {
                signal, address, ..
            } => ("Crash", crashed(signal, address), true),
        };
        Lost {
            name,
            what,
            damaged,
            inside: loss.inside,
        }
    }
}

fn aborted(words: &str) -> (&'static str, String, bool) {
    if words.contains("memory allocation of") {
        let what = format!(
            "asked for more memory than there is ({words}); what it had got stays taken until the kernel is \
             restarted"
        );
        return ("OutOfMemory", what, false);
    }
    if words.contains("panic. aborting") {
        let what = "panicked a second time while it dropped its values after a panic".to_owned();
        return ("Panic", what, false);
    }
    if words.is_empty() {
        return ("Abort", "called `std::process::abort()`".to_owned(), false);
    }
    ("Crash", format!("damaged memory: {words}"), true)
}

fn crashed(signal: i32, address: usize) -> String {
    match signal {
        libc::SIGSEGV | libc::SIGBUS => {
            format!("crashed: it accessed memory that is not its own, at {address:#x}")
        }
        libc::SIGILL => "crashed: it executed an instruction that does not exist".into(),
        libc::SIGFPE => "crashed: it made an impossible division".into(),
        libc::SIGTRAP => "stopped at a break point without a debugger".into(),
        other => format!("crashed with signal {other}"),
    }
}

/// The error of a cell whose thread is lost. `remaining`: what is left of its variables.
pub(crate) fn cell_lost(lost: &Lost, remaining: &str) -> CellError {
    lost_with(
        lost,
        &format!(
            "Its session is lost: variables of compiled cells were reset, signals stay in the tree{remaining}."
        ),
    )
}

/// The same before evcxr is there: no variable lives on the thread of such a cell.
pub(crate) fn early_cell_lost(lost: &Lost) -> CellError {
    lost_with(lost, "What cells before it made is kept.")
}

fn lost_with(lost: &Lost, consequence: &str) -> CellError {
    let mut text = format!("the cell {}\n{consequence}", lost.what);
    if lost.inside {
        text.push_str(
            "\nIt was inside a call of SignalTree, whose locks may stay locked: if something hangs now, restart \
             the kernel.",
        );
    }
    if lost.damaged {
        text.push_str(&format!("\n{RESTART}."));
    }
    error_report::plain(lost.name, &text)
}

/// The error of a frame whose closure was lost; a sentence without a full stop.
pub(crate) fn closure_lost(lost: &Lost) -> String {
    sentence("the closure", lost)
}

/// A closure nobody needs any more, whose captured values could not be dropped.
pub(crate) fn dropped_lost(lost: &Lost) -> String {
    sentence("A closure, while what it had captured was dropped,", lost)
}

/// A thread that a cell had started itself.
pub(crate) fn thread_lost(lost: &Lost) -> String {
    sentence("A thread that a cell had started", lost)
}

fn sentence(who: &str, lost: &Lost) -> String {
    let after = if lost.damaged {
        format!(". {RESTART}")
    } else {
        String::new()
    };
    format!("{who} {}{after}", lost.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(signal: i32, words: Option<&str>) -> Lost {
        let ending = Ending::Signal {
            signal,
            address: 1,
            overflow: false,
        };
        Lost::new(
            Loss {
                ending,
                inside: false,
            },
            words,
        )
    }

    #[test]
    fn only_what_may_have_damaged_memory_asks_for_a_restart() {
        let asks = |lost: &Lost| cell_lost(lost, "").value.contains("restart the kernel");
        assert!(asks(&signal(libc::SIGSEGV, None)));
        assert!(asks(&signal(
            libc::SIGABRT,
            Some("free(): double free detected in tcache 2")
        )));
        assert!(!asks(&signal(libc::SIGABRT, None)));
        let words = last_words("x\nmemory allocation of 12 bytes failed\n");
        let lost = signal(libc::SIGABRT, words.as_deref());
        assert_eq!(lost.name, "OutOfMemory");
        assert!(!lost.damaged && lost.what.contains("12 bytes"));
        assert_eq!(last_words("all is well"), None);
    }

    #[test]
    fn words_that_come_in_pieces_are_put_together() {
        let mut kept = String::new();
        remember(&mut kept, &"é".repeat(5000));
        for piece in ["\nmemory allocation of ", "12", " bytes failed\n"] {
            remember(&mut kept, piece);
        }
        assert!(kept.len() <= KEPT);
        let words = last_words(&kept);
        assert_eq!(
            words.as_deref(),
            Some("memory allocation of 12 bytes failed")
        );
    }
}
