//! What computes with two signals.

operations! {
    pub mod two_signals: SubtractSignals, AddSignals, MultiplySignals, DivideSignals;
}
