//! What makes one pattern of many frames.

operations! {
    pub mod pattern: GatherMean, GatherMaximum;
}
