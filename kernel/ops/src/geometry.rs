//! What moves, cuts or joins pixels and scan positions.

pub mod center_direct_beam;
pub mod crop_scan;
pub mod crop_signal;
pub mod rebin_scan;
pub mod rebin_signal;
#[cfg(test)]
mod testing;
