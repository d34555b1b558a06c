use std::path::Path;

use crate::json::quoted;
use crate::{Result, Signal, host};

/// How a result is written; anything left at its default is chosen to suit the format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaveOptions {
    /// `zspy`, `zarr`, `hspy` or `npy`; empty: told by the end of the file's name.
    pub format: String,
    /// Scan positions of one chunk, one number per navigation axis: what is decoded to show one frame.
    pub chunk: Vec<usize>,
    /// Scan positions of one file of a `.zarr`, one number per navigation axis.
    pub shard: Vec<usize>,
    /// `zstd`, `lz4`, `gzip` or `none`, as far as the format has it.
    pub compression: String,
    /// Remove what an interrupted save has left beside the file instead of going on with it.
    pub fresh: bool,
}

impl SaveOptions {
    fn to_json(&self) -> String {
        let mut members = Vec::new();
        for (name, text) in [("format", &self.format), ("compression", &self.compression)] {
            if !text.is_empty() {
                members.push(format!(r#""{name}":{}"#, quoted(text)));
            }
        }
        for (name, sizes) in [("chunk", &self.chunk), ("shard", &self.shard)] {
            if !sizes.is_empty() {
                let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
                members.push(format!(r#""{name}":[{}]"#, sizes.join(",")));
            }
        }
        if self.fresh {
            members.push(r#""fresh":true"#.into());
        }
        format!("{{{}}}", members.join(","))
    }
}

impl Signal {
    /// Computes the whole signal and writes it, with the memory of a few chunks; shows progress. The end of the
    /// name tells the format: `.zspy` and `.hspy` for HyperSpy, `.zarr` for large scans that are looked at
    /// afterwards, `.npy` for everything else.
    ///
    /// An interrupted save leaves what is done beside the file; saving the same again goes on there.
    ///
    /// # Errors
    /// A frame cannot be computed, or the file cannot be written; an older file of that name then stays.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_with(path, SaveOptions::default())
    }

    /// As [`Signal::save`], with a format, chunks or a compression of your choice:
    /// `flat.save_with("flat.zarr", SaveOptions { compression: "lz4".into(), ..default() })?`.
    ///
    /// # Errors
    /// As [`Signal::save`], and when the format has no such chunks or compression.
    pub fn save_with(&self, path: impl AsRef<Path>, options: SaveOptions) -> Result<()> {
        host::command(&format!(
            r#"{{"command":"save","node":{},"path":{},"options":{}}}"#,
            self.id(),
            quoted(&path.as_ref().to_string_lossy()),
            options.to_json()
        ))
        .map(drop)
    }

    /// Writes the frames of this file anew, in chunks of a few frames that are quick to drag over, and opens
    /// the new file. Each chunk of this one is decoded once: `let scan = scan.reshard("scan.zarr")?`.
    ///
    /// # Errors
    /// The signal is computed, not read from a file; otherwise as [`Signal::save`].
    pub fn reshard(&self, path: impl AsRef<Path>) -> Result<Signal> {
        let reply = host::command(&format!(
            r#"{{"command":"reshard","node":{},"path":{}}}"#,
            self.id(),
            quoted(&path.as_ref().to_string_lossy())
        ))?;
        Signal::created(&reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_left_alone_are_not_sent() {
        assert_eq!(SaveOptions::default().to_json(), "{}");
        let options = SaveOptions {
            format: "zarr".into(),
            chunk: vec![1, 4],
            shard: vec![16, 64],
            compression: "lz4".into(),
            fresh: true,
        };
        assert_eq!(
            options.to_json(),
            r#"{"format":"zarr","compression":"lz4","chunk":[1,4],"shard":[16,64],"fresh":true}"#
        );
    }
}
