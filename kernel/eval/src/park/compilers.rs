//! Ends the compilers evcxr started.

#![allow(unsafe_code)] // a signal to our own child processes

use std::collections::HashMap;
use std::fs;

/// Processes evcxr starts to compile a cell.
const COMPILERS: [&str; 3] = ["cargo", "rustc", "mold"];

/// Ends the compilers this process started, with everything they started.
pub(crate) fn stop_compilers() {
    let children = processes_by_parent();
    let mut doomed: Vec<i32> = children
        .get(&(std::process::id() as i32))
        .into_iter()
        .flatten()
        .filter(|(_, name)| COMPILERS.contains(&name.as_str()))
        .map(|(process, _)| *process)
        .collect();
    let mut next = 0;
    while let Some(process) = doomed.get(next).copied() {
        doomed.extend(
            children
                .get(&process)
                .into_iter()
                .flatten()
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    for process in doomed {
        // SAFETY: a signal to a descendant of this process; a process that is gone is no harm.
        unsafe { libc::kill(process, libc::SIGKILL) };
    }
}

/// Parent → its children with their names. Empty where there is no `/proc`.
fn processes_by_parent() -> HashMap<i32, Vec<(i32, String)>> {
    let mut children: HashMap<i32, Vec<(i32, String)>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else {
        return children;
    };
    for entry in entries.flatten() {
        let Some(process) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((parent, name)) = parent_and_name(&stat) {
            children.entry(parent).or_default().push((process, name));
        }
    }
    children
}

/// From `pid (name) state parent …`; a name may contain spaces and parentheses.
fn parent_and_name(stat: &str) -> Option<(i32, String)> {
    let open = stat.find('(')?;
    let close = stat.rfind(')')?;
    let parent = stat[close + 1..].split_whitespace().nth(1)?.parse().ok()?;
    Some((parent, stat.get(open + 1..close)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parent_and_name;

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        assert_eq!(
            parent_and_name("12 (a) b (c)) S 7 12 12"),
            Some((7, "a) b (c)".into()))
        );
        assert_eq!(parent_and_name("broken"), None);
    }
}
