//! Prints the TypeScript side of every message, as `cargo xtask codegen` writes it.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(protocol::typescript().as_bytes())
}
