//! The memory of the kernel and its budget.

use crate::error::{Error, Result};
use crate::host;
use crate::output::Show;
use crate::table::{Align, Table};

/// What the kernel keeps in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Decoded chunks, computed frames, maps and navigation images.
    pub used_bytes: u64,
    /// The part of `used_bytes` that is not given up when memory is short: maps and navigation images.
    pub pinned_bytes: u64,
    /// What may be used; see [`memory_budget`].
    pub budget_bytes: u64,
    /// Memory of the machine; 0 when it is not known.
    pub machine_bytes: u64,
}

/// What the kernel keeps in memory, and what it may.
///
/// # Errors
/// Only when the kernel is going away.
pub fn memory() -> Result<Memory> {
    ask(r#"{"command":"memory_budget"}"#)
}

/// Sets what the kernel may keep in memory: `"4 GiB"`, `"800 MB"`, `"50%"` of the machine, or a number of
/// bytes. A smaller budget holds at once. Reaching it makes things slower, nothing fails.
///
/// # Errors
/// Not a size, less than 16 MiB, or more than the machine has.
pub fn memory_budget(budget: impl MemorySize) -> Result<Memory> {
    let bytes = budget.bytes(&|| memory().map_or(0, |memory| memory.machine_bytes))?;
    ask(&format!(r#"{{"command":"memory_budget","bytes":{bytes}}}"#))
}

/// A number of bytes, or a text such as `"4 GiB"`, `"800 MB"`, `"50%"`.
pub trait MemorySize {
    /// `machine`: memory of the machine, 0 when it is not known.
    #[doc(hidden)]
    fn bytes(&self, machine: &dyn Fn() -> u64) -> Result<u64>;
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {
        $(impl MemorySize for $number {
            fn bytes(&self, _: &dyn Fn() -> u64) -> Result<u64> {
                u64::try_from(*self).map_err(|_| not_a_size(&self.to_string()))
            }
        })*
    };
}

whole_numbers!(i32, i64, u32, u64, usize);

impl MemorySize for &str {
    fn bytes(&self, machine: &dyn Fn() -> u64) -> Result<u64> {
        let text = self.trim();
        let split = text
            .find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | '_'))
            .unwrap_or(text.len());
        let number: f64 = (text[..split].replace('_', "").parse()).map_err(|_| not_a_size(text))?;
        let factor = match text[split..].trim().to_ascii_lowercase().as_str() {
            "" | "b" | "bytes" => 1.0,
            "kb" => 1e3,
            "mb" => 1e6,
            "gb" => 1e9,
            "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            "%" => match machine() {
                0 => {
                    return Err(Error::new("the memory of this machine is not known")
                        .with_hint("give the budget in bytes: memory_budget(\"4 GiB\")?"));
                }
                bytes => bytes as f64 / 100.0,
            },
            _ => return Err(not_a_size(text)),
        };
        Ok((number * factor) as u64)
    }
}

impl MemorySize for String {
    fn bytes(&self, machine: &dyn Fn() -> u64) -> Result<u64> {
        MemorySize::bytes(&self.as_str(), machine)
    }
}

fn not_a_size(text: &str) -> Error {
    Error::new(format!("{text:?} is not an amount of memory"))
        .with_hint("write it like \"4 GiB\", \"800 MB\", \"50%\" or as a number of bytes")
}

fn ask(command: &str) -> Result<Memory> {
    let reply = host::command(command)?;
    let memory = reply.get("memory");
    let number = |name: &str| memory.get(name).number().unwrap_or_default() as u64;
    Ok(Memory {
        used_bytes: number("used_bytes"),
        pinned_bytes: number("pinned_bytes"),
        budget_bytes: number("budget_bytes"),
        machine_bytes: number("machine_bytes"),
    })
}

/// `1.5 GiB`.
fn text(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes >= 1024.0 * 1024.0 * 1024.0 => {
            format!("{:.1} GiB", bytes / (1024.0 * 1024.0 * 1024.0))
        }
        _ if bytes >= 1024.0 * 1024.0 => format!("{:.0} MiB", bytes / (1024.0 * 1024.0)),
        _ => format!("{:.0} KiB", bytes / 1024.0),
    }
}

impl Memory {
    fn table(&self) -> Table {
        let share = |bytes: u64| match self.budget_bytes {
            0 => String::new(),
            budget => format!("{:.0} %", 100.0 * bytes as f64 / budget as f64),
        };
        let mut table = Table::new(
            "Memory of the kernel",
            &[
                ("", Align::Text),
                ("size", Align::Number),
                ("of the budget", Align::Number),
            ],
        );
        let mut row = |name: &str, bytes: u64, share: String| {
            table.row(vec![name.into(), text(bytes), share]);
        };
        row("used", self.used_bytes, share(self.used_bytes));
        row(
            "of it maps and images, not given up",
            self.pinned_bytes,
            share(self.pinned_bytes),
        );
        row("budget", self.budget_bytes, String::new());
        if self.machine_bytes > 0 {
            row("machine", self.machine_bytes, String::new());
        }
        table
    }
}

impl Show for Memory {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        self.table().bundle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let bytes = |text: &str| MemorySize::bytes(&text, &|| 8_000).ok();
        let cases = [
            ("4 GiB", Some(4 << 30)),
            ("4GiB", Some(4 << 30)),
            ("1.5 gib", Some(3 << 29)),
            ("800 MB", Some(800_000_000)),
            ("50%", Some(4_000)),
            ("1_000_000", Some(1_000_000)),
            ("12 parsecs", None),
            ("GiB", None),
            ("", None),
            ("-4 GiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text), expected, "{text:?}");
        }
        assert_eq!(MemorySize::bytes(&5u64, &|| 0).ok(), Some(5));
        assert!(MemorySize::bytes(&-5i32, &|| 0).is_err());
        assert!(MemorySize::bytes(&"50%", &|| 0).is_err());
    }
}
