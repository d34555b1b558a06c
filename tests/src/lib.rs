//! Tests that cross crates live in `it/`.
