//! No text, however hostile, may bring the kernel down or run in part.

use super::corpus::{REFUSED, cells, scope};
use super::*;
use crate::direct::syntax_error;

#[test]
fn deep_and_long_cells_go_to_the_compiler() {
    let _session = Session::new();
    let scope = scope();
    let deep = 100_000;
    for cell in [
        "(".repeat(deep) + "1" + &")".repeat(deep),
        "[".repeat(deep),
        "{".repeat(deep),
        "&".repeat(deep) + "n",
        "-".repeat(deep) + "1",
        "!".repeat(deep) + "true",
        "1".to_owned() + &" + 1".repeat(10_000),
        "scan".to_owned() + &".clone()".repeat(5_000),
        "n".to_owned() + &".x".repeat(10_000),
        "open(\"a\")".to_owned() + &"?".repeat(10_000),
        "Some(".repeat(deep),
        "println!(\"{}\", ".repeat(deep),
        "vec![".repeat(deep),
        "return ".repeat(deep),
        "|| ".repeat(deep),
        "if x {} else ".repeat(deep),
        "let a = ".repeat(deep),
        "a::".repeat(deep) + "b",
        "Vec<".repeat(deep),
        "let a: ".to_owned() + &"&".repeat(deep) + "u8 = 1;",
        "\"".to_owned() + &"x".repeat(1 << 20) + "\"",
        "let a = 1;".repeat(100_000),
        "/*".repeat(deep),
    ] {
        assert!(try_direct(&cell, &scope).is_none(), "{}", &cell[..30]);
        assert!(syntax_error(&cell).is_none_or(|error| error.name == "CompileError"));
    }
}

/// Marsaglia's xorshift; the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

#[test]
fn mutated_cells_never_panic_and_never_break_a_promise() {
    let mut session = Session::new();
    let pieces: Vec<&str> = cells().chain(REFUSED.iter().copied()).collect();
    let mut numbers = Numbers(0x5157_4e41_4c54_5245);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut cell: Vec<char> = pieces[numbers.below(pieces.len())].chars().collect();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(cell.len());
            let other: Vec<char> = pieces[numbers.below(pieces.len())].chars().collect();
            match numbers.below(5) {
                0 if !cell.is_empty() => {
                    cell.remove(at);
                }
                1 => cell.insert(
                    at,
                    other
                        .get(numbers.below(other.len()))
                        .copied()
                        .unwrap_or(' '),
                ),
                2 => {
                    let start = numbers.below(other.len());
                    let end = (start + numbers.below(12)).min(other.len());
                    cell.splice(at..at, other[start..end].iter().copied());
                }
                3 if !cell.is_empty() => {
                    let with = numbers.below(cell.len());
                    cell.swap(at, with);
                }
                _ => cell.insert(
                    at,
                    [' ', '(', ')', '"', '{', '}', ';', '-', '9', '\u{e9}'][numbers.below(10)],
                ),
            }
        }
        let cell: String = cell.into_iter().collect();
        // Errors of mutated cells have a place, whatever it is.
        drop(syntax_error(&cell));
        let base = scope();
        if let Some(typed) = try_direct(&cell, &base) {
            accepted += 1;
            session.scope = base;
            let kernel = Arc::clone(&session.kernel.shared);
            if let Err(error) = run(typed, &mut session.scope, &kernel) {
                assert_ne!(error.name, "KernelError", "{cell}");
            }
        }
    }
    assert!(accepted > 200, "{accepted}");
}
