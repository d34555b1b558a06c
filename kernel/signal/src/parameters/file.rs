//! A file that an operation takes: a mask, a flat field. Whoever binds the operation reads it; the operation has its bytes.

use serde_json::{Value, json};

use super::kind::Rules;
use super::{ParameterKind, ParameterValue};
use crate::Block;

pub(super) const RULES: Rules = Rules {
    allowed: |info| match &info.kind {
        ParameterKind::File { endings } if !endings.is_empty() => {
            format!("the path of a file ending in .{}", endings.join(" or ."))
        }
        _ => "the path of a file".into(),
    },
    literal: |_, value| {
        let written = File::from_json(value).map_or_else(String::new, |file| file.written);
        format!("{written:?}.into()")
    },
};

/// A file with what was in it when it was bound to its operation.
///
/// As JSON it is the path as a person writes it, or an object with `written`, `path` and `sha256` once it was read.
#[derive(Clone, Debug)]
pub struct File {
    /// As the user wrote it, from the folder of the notebook.
    pub written: String,
    /// Absolute; empty before it was read.
    pub path: String,
    /// SHA-256 of its bytes in hexadecimal digits; empty before it was read.
    pub sha256: String,
    bytes: Option<Block>,
}

impl File {
    /// A file of which nothing was read yet.
    pub fn unread(written: impl Into<String>) -> Self {
        File {
            written: written.into(),
            path: String::new(),
            sha256: String::new(),
            bytes: None,
        }
    }

    /// With what is in it.
    #[must_use]
    pub fn with_bytes(self, bytes: Block) -> Self {
        File {
            bytes: Some(bytes),
            ..self
        }
    }

    /// What is in it; `None` before it was read.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_ref().map(Block::as_bytes)
    }

    /// Its name without the folders, for messages.
    pub fn name(&self) -> &str {
        self.written.rsplit('/').next().unwrap_or(&self.written)
    }
}

/// What is in it tells, not whether it is in memory.
impl PartialEq for File {
    fn eq(&self, other: &Self) -> bool {
        (&self.written, &self.path, &self.sha256) == (&other.written, &other.path, &other.sha256)
    }
}

impl ParameterValue for File {
    fn kind() -> ParameterKind {
        ParameterKind::File {
            endings: Vec::new(),
        }
    }
    fn rust_type() -> String {
        "String".into()
    }
    fn to_json(&self) -> Value {
        match self.sha256.is_empty() {
            true => json!(self.written),
            false => json!({"written": self.written, "path": self.path, "sha256": self.sha256}),
        }
    }
    fn from_json(value: &Value) -> Option<Self> {
        if let Some(written) = value.as_str() {
            return Some(File::unread(written));
        }
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        Some(File {
            written: text("written")?,
            path: text("path")?,
            sha256: text("sha256")?,
            bytes: None,
        })
    }
    fn file_mut(&mut self) -> Option<&mut File> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameters as _;

    crate::parameters! {
        /// Example.
        pub struct Example {
            pub mask: Option<File> = None, endings ["npy", "tif"];
            pub share: f64 = 0.5;
        }
    }

    #[test]
    fn it_is_written_as_a_path_and_kept_with_what_was_in_it() {
        let info = &Example::infos()[0];
        assert_eq!(
            info.allowed(),
            "the path of a file ending in .npy or .tif, or left out"
        );
        assert_eq!(info.rust_type, "Option<String>");
        let typed = json!("masks/dead.npy");
        assert_eq!(info.literal(&typed), r#"Some("masks/dead.npy".into())"#);
        let read =
            json!({"written": "masks/dead.npy", "path": "/scans/masks/dead.npy", "sha256": "0a"});
        assert_eq!(info.literal(&read), r#"Some("masks/dead.npy".into())"#);
        let mut example = Example::from_json(&json!({ "mask": read })).unwrap();
        assert_eq!(example.to_json()["mask"], read);
        assert!(Example::from_json(&json!({"mask": 3})).is_err());
        assert!(Example::from_json(&json!({"mask": {"path": "/dead.npy"}})).is_err());

        let file = example.mask.clone().unwrap();
        assert_eq!((file.name(), file.bytes()), ("dead.npy", None));
        let full = file.with_bytes(Block::new([1, 2]));
        example.take_files(&[("mask".into(), full)]);
        let file = example.mask.unwrap();
        assert_eq!(file.bytes(), Some(&[1, 2][..]));
    }
}
