//! Scans with known truth that the kernel can write itself.

mod strained_grain;

use std::path::{Path, PathBuf};

use io::ResultWriter;
use signal::{NavigationIndex, Output, SourceError};

pub use strained_grain::{DISK_RADIUS_PX, Disk, StrainedGrain, Truth, VISIBLE_SNR};

/// Names that `signaltree sample NAME PATH` knows.
pub const NAMES: [&str; 1] = ["strained-grain"];

/// Where the truth of a sample lies: `strained_grain.zspy` → `strained_grain_truth.zspy`.
pub fn truth_path(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}_truth.zspy"))
}

/// Writes the strained grain to `path` and its truth beside it.
///
/// # Errors
/// [`SourceError`] when the folder does not exist, the name does not end in `.zspy` or the disk is full.
pub fn write_strained_grain(path: &Path, grain: &StrainedGrain) -> Result<(), SourceError> {
    let (ny, nx) = grain.scan;
    let scan = ResultWriter::create(path, &grain.meta())?;
    let truth = ResultWriter::create(&truth_path(path), &grain.truth_meta())?;
    for y in 0..ny {
        for x in 0..nx {
            let at = NavigationIndex::new(&[y, x]);
            scan.write(at, &Output::Frame(grain.frame(at)))?;
            truth.write(at, &Output::Values(grain.truth(y, x).values().into()))?;
        }
    }
    scan.finish()?;
    truth.finish()
}
