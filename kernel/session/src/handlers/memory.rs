//! The memory budget: what is used, and a new one at run time.

use std::sync::{Arc, Weak};
use std::time::Duration;

use protocol::{CommandMemory, CommandReply, Event, WireError};

use crate::Session;

/// How often pages hear of memory and caveats, if they have changed.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(500);
/// Less than this holds no chunk of any real file.
const LEAST_BYTES: u64 = 16 << 20;

/// Sets the budget of the process.
pub(crate) fn set(session: &Session, bytes: u64) -> Result<(), WireError> {
    let machine = machine_bytes();
    let refuse = |message: String| {
        let hint = "for example memory_budget(\"4 GiB\")?";
        Err(WireError::new("budget", message, hint))
    };
    if bytes < LEAST_BYTES {
        return refuse(format!(
            "a memory budget of {} is too small; the least is {}",
            text(bytes),
            text(LEAST_BYTES)
        ));
    }
    if machine > 0 && bytes > machine {
        return refuse(format!(
            "a memory budget of {} is more than the {} of this machine",
            text(bytes),
            text(machine)
        ));
    }
    session
        .engine
        .set_budget(usize::try_from(bytes).unwrap_or(usize::MAX));
    notify(session);
    Ok(())
}

/// A budget of at least so many bytes; `None` when the machine has less.
pub(crate) fn acceptable(bytes: u64) -> Option<u64> {
    let machine = machine_bytes();
    let bytes = bytes.max(LEAST_BYTES);
    (machine == 0 || bytes <= machine).then_some(bytes)
}

/// What is used, for a cell.
pub(crate) fn reply(session: &Session) -> CommandReply {
    let memory = session.memory();
    CommandReply {
        memory: Some(CommandMemory {
            used_bytes: memory.used_bytes as u64,
            pinned_bytes: memory.pinned_bytes as u64,
            budget_bytes: memory.budget_bytes as u64,
            machine_bytes: machine_bytes(),
        }),
        ..CommandReply::default()
    }
}

/// Tells the pages of changes from now on, until the session ends; also of what reading the files has shown.
pub(crate) fn watch(session: Weak<Session>) {
    let started = std::thread::Builder::new()
        .name("memory".into())
        .spawn(move || {
            let mut last_notified = None;
            loop {
                std::thread::sleep(NOTIFY_INTERVAL);
                let Some(session) = session.upgrade() else {
                    return;
                };
                session.look_for_caveats();
                let memory = session.memory();
                if last_notified != Some(memory) && session.events.anybody() {
                    last_notified = Some(memory);
                    notify(&session);
                }
            }
        });
    if let Err(error) = started {
        tracing::warn!("pages do not hear how much memory is used: no thread: {error}");
    }
}

pub(crate) fn notify(session: &Session) {
    let memory = session.memory();
    session.events.send(&Event::Memory {
        used_bytes: memory.used_bytes as f64,
        pinned_bytes: memory.pinned_bytes as f64,
        budget_bytes: memory.budget_bytes as f64,
    });
}

/// Memory of the machine; 0 where the system does not tell.
fn machine_bytes() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else {
        return 0;
    };
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    total
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

fn text(bytes: u64) -> String {
    if bytes >= 1 << 30 {
        format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
    } else {
        format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
    }
}

impl Session {
    /// Keeps the pages up to date about memory.
    pub(crate) fn watch_memory(self: &Arc<Self>) {
        watch(Arc::downgrade(self));
    }
}
