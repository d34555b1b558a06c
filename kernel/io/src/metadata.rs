//! What files say of axes and signals.

pub mod axes;
pub mod expression;
pub mod tree;
pub mod units;
