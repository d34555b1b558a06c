//! How a result is to be written.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signal::{SignalKind, SourceError};

/// A format that results are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultFormat {
    /// hyperspy's tree in Zarr 2.
    Zspy,
    /// One sharded Zarr 3 array.
    Zarr,
    /// hyperspy's tree in HDF5.
    Hspy,
    /// A NumPy array, with what it cannot say in `NAME.npy.json`.
    Npy,
}

impl ResultFormat {
    pub const ALL: [ResultFormat; 4] = [
        ResultFormat::Zspy,
        ResultFormat::Zarr,
        ResultFormat::Hspy,
        ResultFormat::Npy,
    ];

    /// The ending of its names, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            ResultFormat::Zspy => "zspy",
            ResultFormat::Zarr => "zarr",
            ResultFormat::Hspy => "hspy",
            ResultFormat::Npy => "npy",
        }
    }

    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_lowercase();
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == extension)
    }

    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim_start_matches('.').to_lowercase();
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == name)
    }

    /// Whether a signal of this kind can be written in it.
    pub fn holds(self, kind: SignalKind) -> bool {
        kind != SignalKind::Peaks || matches!(self, ResultFormat::Zspy | ResultFormat::Hspy)
    }

    /// Whether an interrupted result can be continued. HDF5 has one index for the whole file, and it
    /// is written last.
    pub fn can_resume(self) -> bool {
        self != ResultFormat::Hspy
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// What suits the format: zstd for `.zspy` and `.zarr`, gzip for `.hspy`, none for `.npy`.
    #[default]
    Default,
    /// zstd; counts as bit planes.
    Zstd,
    /// lz4, counts as bit planes: larger, quicker to write and read.
    Lz4,
    /// Deflate with byte shuffle, which every HDF5 reads.
    Gzip,
    None,
}

impl Compression {
    const NAMES: [(&'static str, Compression); 4] = [
        ("zstd", Compression::Zstd),
        ("lz4", Compression::Lz4),
        ("gzip", Compression::Gzip),
        ("none", Compression::None),
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, compression)| compression)
    }

    /// What a format does with it.
    ///
    /// # Errors
    /// [`SourceError::Unsupported`] naming those the format has.
    pub fn for_format(self, path: &Path, format: ResultFormat) -> Result<Self, SourceError> {
        use Compression::{Default, Gzip, Lz4, None, Zstd};
        let known: &[Compression] = match format {
            ResultFormat::Zspy | ResultFormat::Zarr => &[Zstd, Lz4, None],
            ResultFormat::Hspy => &[Gzip, None],
            ResultFormat::Npy => &[None],
        };
        if self == Default {
            return Ok(known[0]);
        }
        if known.contains(&self) {
            return Ok(self);
        }
        let names: Vec<&str> = Self::NAMES
            .iter()
            .filter(|(_, compression)| known.contains(compression))
            .map(|(name, _)| *name)
            .collect();
        Err(SourceError::unsupported(
            path,
            format!(
                "a .{} file is not compressed that way; it can have {}",
                format.extension(),
                names.join(", ")
            ),
            "leave `compression` out, or give one of these",
        ))
    }
}

/// What happens to an unfinished result beside the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unfinished {
    /// The same is continued; of something else, it is kept, and writing is refused.
    #[default]
    Resume,
    /// It is removed. One part of several only removes what is something else: the others are at work.
    Replace,
}

/// One share of a result that several processes write together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// From 1 to `of`.
    pub number: usize,
    pub of: usize,
}

/// How a result is written; the defaults suit a signal that is looked at afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteOptions {
    /// Told by the name when absent.
    pub format: Option<ResultFormat>,
    pub compression: Compression,
    /// Scan positions in one compressed chunk, one number per navigation axis.
    pub chunk: Option<Vec<usize>>,
    /// Scan positions in one shard of a `.zarr`: a multiple of `chunk`.
    pub shard: Option<Vec<usize>>,
    /// Tells what is computed (operations, parameters, source). Empty: it cannot be resumed.
    pub identity: String,
    /// Where the result comes from, any JSON; given back by [`crate::provenance`].
    pub provenance: Value,
    pub unfinished: Unfinished,
    pub part: Option<Part>,
    /// Threads that compress. 0: the thread that calls `write` does.
    pub threads: usize,
}
