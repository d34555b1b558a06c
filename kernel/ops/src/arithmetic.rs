//! What computes with the numbers of two signals, and with the parts of complex ones.

operations! {
    pub mod two_signals: SubtractSignals, AddSignals, MultiplySignals, DivideSignals;
    pub mod complex_parts: TakeAmplitude, TakePhase, TakeReal, TakeImaginary;
}
