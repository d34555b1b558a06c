use std::path::PathBuf;

use thiserror::Error;

/// A file or store that cannot be opened or read.
#[derive(Clone, Debug, Error)]
pub enum SourceError {
    #[error("{} does not exist{}", path.display(), nearest_text(nearest))]
    NotFound { path: PathBuf, nearest: Vec<String> },
    #[error("{} is truncated: {expected_bytes} bytes expected, {found_bytes} found{}", path.display(), where_text(place))]
    Truncated {
        path: PathBuf,
        expected_bytes: u64,
        found_bytes: u64,
        /// Which part of the file (`chunk 3/0`), or empty.
        place: String,
    },
    /// Some frames cannot be read; the others can.
    #[error("{}: {place} cannot be decoded: {reason}", path.display())]
    Decode {
        path: PathBuf,
        place: String,
        reason: String,
    },
    /// What describes the frames cannot be understood, so that none can be read.
    #[error("{}: {place} cannot be read: {reason}", path.display())]
    Header {
        path: PathBuf,
        place: String,
        reason: String,
        remedy: String,
    },
    /// Sound, but of a kind that is not read or written here.
    #[error("{} is not supported: {reason}", path.display())]
    Unsupported {
        path: PathBuf,
        reason: String,
        remedy: String,
    },
    #[error("{what}")]
    Invalid { what: String, remedy: String },
    #[error("{}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
    #[error("cancelled")]
    Cancelled,
}

/// What helps a file whose description does not make sense.
const DAMAGED: &str = "compare its size with the original and copy it again; if they agree, write it anew with the program that made it";

impl SourceError {
    /// A description of frames that does not make sense: the file is damaged, or no program meant it so.
    pub fn damaged(
        path: impl Into<PathBuf>,
        place: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        SourceError::header(path, place, reason, DAMAGED)
    }

    /// A description of frames that cannot be understood, and what to do about it.
    pub fn header(
        path: impl Into<PathBuf>,
        place: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        SourceError::Header {
            path: path.into(),
            place: place.into(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    /// A kind of file, pixel or codec that is not read or written here, and what to do about it.
    pub fn unsupported(
        path: impl Into<PathBuf>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        SourceError::Unsupported {
            path: path.into(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> String {
        match self {
            SourceError::NotFound { .. } => {
                "check the path; it is relative to the notebook's folder".into()
            }
            SourceError::Truncated { .. } => {
                "copy the file again, or finish the acquisition or conversion that wrote it".into()
            }
            SourceError::Decode { .. } => {
                "other frames can still be read; copy the file again to repair this one".into()
            }
            SourceError::Unsupported { remedy, .. }
            | SourceError::Header { remedy, .. }
            | SourceError::Invalid { remedy, .. } => remedy.clone(),
            SourceError::Io { .. } => "check permissions, free space and the connection".into(),
            SourceError::Cancelled => "run it again".into(),
        }
    }

    /// Stable identifier for programs.
    pub fn code(&self) -> &'static str {
        match self {
            SourceError::NotFound { .. } => "not_found",
            SourceError::Truncated { .. } => "truncated",
            SourceError::Decode { .. } | SourceError::Header { .. } => "decode",
            SourceError::Unsupported { .. } => "unsupported",
            SourceError::Invalid { .. } => "invalid",
            SourceError::Io { .. } => "io",
            SourceError::Cancelled => "cancelled",
        }
    }
}

fn nearest_text(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; nearest names there: {}", names.join(", ")),
    }
}

fn where_text(place: &str) -> String {
    if place.is_empty() {
        String::new()
    } else {
        format!(" ({place})")
    }
}

/// A parameter outside its allowed range or of the wrong kind.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{parameter} = {value} is not allowed; allowed: {allowed}")]
pub struct ParameterError {
    pub parameter: String,
    pub value: String,
    pub allowed: String,
}

/// An operation on a signal it does not fit.
#[derive(Clone, Debug, Error, PartialEq)]
pub struct NotApplicable {
    /// Why: `the signal has maps, not frames`.
    pub reason: String,
    /// Which signals it takes: `frames with two signal axes`; of a parameter, what to give instead.
    pub takes: String,
    /// Whether a parameter is the reason, and not the signal.
    pub of_parameter: bool,
}

impl std::fmt::Display for NotApplicable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.of_parameter {
            true => f.write_str(&self.reason),
            false => write!(f, "{}; it takes {}", self.reason, self.takes),
        }
    }
}

impl NotApplicable {
    pub fn new(reason: impl Into<String>, takes: impl Into<String>) -> Self {
        NotApplicable {
            reason: reason.into(),
            takes: takes.into(),
            of_parameter: false,
        }
    }

    /// A parameter that does not fit this signal, or another parameter; `instead`: what to give.
    pub fn parameter(reason: impl Into<String>, instead: impl Into<String>) -> Self {
        NotApplicable {
            of_parameter: true,
            ..Self::new(reason, instead)
        }
    }
}

/// A frame that could not be computed.
#[derive(Clone, Debug, Error)]
pub enum OperationError {
    #[error("cancelled")]
    Cancelled,
    /// The input is not what `describe` accepted, or a number is out of its domain.
    #[error("{what}")]
    Failed { what: String, remedy: String },
    /// The user's closure panicked or returned something unusable.
    #[error("{what}")]
    User { what: String },
}

impl OperationError {
    pub fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        OperationError::Failed {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}
