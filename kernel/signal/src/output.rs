use std::sync::Arc;

use crate::{Frame, Peaks, Prepared, SignalKind};

/// What a node yields at one scan position.
#[derive(Clone, Debug)]
pub enum Output {
    Frame(Frame),
    Peaks(Arc<Peaks>),
    /// One number per component of a map (ε_xx, ε_yy, …); NaN where there is no answer.
    Values(Arc<[f32]>),
    /// What was prepared for a model. No node yields it: it is handed to operations that take it ([`crate::Needs::Model`]).
    Model(Prepared),
}

impl Output {
    /// `None` for what is no output of a node.
    pub fn kind(&self) -> Option<SignalKind> {
        match self {
            Output::Frame(_) => Some(SignalKind::Frame),
            Output::Peaks(_) => Some(SignalKind::Peaks),
            Output::Values(_) => Some(SignalKind::Map),
            Output::Model(_) => None,
        }
    }

    /// What it is, in words for people.
    pub fn noun(&self) -> &'static str {
        self.kind().map_or("a model", SignalKind::noun)
    }

    /// Heap bytes this output alone keeps alive.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Output::Frame(frame) => frame.heap_bytes(),
            Output::Peaks(peaks) => peaks.heap_bytes(),
            Output::Values(values) => size_of_val(&**values),
            // Counted where it is kept.
            Output::Model(_) => 0,
        }
    }
}
