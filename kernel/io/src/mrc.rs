//! MRC, and what lies beside it.

pub mod direct_electron;
pub mod format;
pub mod header;
