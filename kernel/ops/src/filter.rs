//! What smooths or sharpens over scan positions.

operations! {
    pub mod rolling_mean: AverageWindow;
}
