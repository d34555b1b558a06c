//! Scans with known truth that the kernel can write itself.

mod strained_grain;

pub use strained_grain::{DISK_RADIUS_PX, Disk, StrainedGrain, Truth, VISIBLE_SNR};
