//! What computes with the numbers of two signals, with the parts of complex ones and of colours.

operations! {
    pub mod two_signals: SubtractSignals, AddSignals, MultiplySignals, DivideSignals;
    pub mod complex_parts: TakeAmplitude, TakePhase, TakeReal, TakeImaginary;
    pub mod colour_channels: TakeLuminance, TakeRed, TakeGreen, TakeBlue, TakeAlpha;
}
