use std::sync::Arc;

use crate::{Frame, Peaks, SignalKind};

/// What a node yields at one scan position.
#[derive(Clone, Debug)]
pub enum Output {
    Frame(Frame),
    Peaks(Arc<Peaks>),
    /// One number per component of a map (ε_xx, ε_yy, …); NaN where there is no answer.
    Values(Arc<[f32]>),
}

impl Output {
    pub fn kind(&self) -> SignalKind {
        match self {
            Output::Frame(_) => SignalKind::Frame,
            Output::Peaks(_) => SignalKind::Peaks,
            Output::Values(_) => SignalKind::Map,
        }
    }

    /// Heap bytes this output alone keeps alive.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Output::Frame(frame) => frame.heap_bytes(),
            Output::Peaks(peaks) => peaks.heap_bytes(),
            Output::Values(values) => size_of_val(&**values),
        }
    }
}
