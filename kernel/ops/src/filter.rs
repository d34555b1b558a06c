//! What smooths or sharpens over scan positions.

pub mod rolling_mean;
