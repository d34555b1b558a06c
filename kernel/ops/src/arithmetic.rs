//! What computes with two signals, and the parts of complex numbers.

operations! {
    pub mod two_signals: SubtractSignals, AddSignals, MultiplySignals, DivideSignals;
    pub mod complex_parts: TakeAmplitude, TakePhase, TakeReal, TakeImaginary;
}
