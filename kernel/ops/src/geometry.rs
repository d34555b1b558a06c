//! What moves, cuts or joins pixels.

pub mod center_direct_beam;
pub mod crop_signal;
pub mod rebin_signal;
#[cfg(test)]
mod testing;
