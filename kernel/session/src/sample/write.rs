use std::path::{Path, PathBuf};

use io::ResultWriter;
use signal::{NavigationIndex, Output, SourceError};

use super::StrainedGrain;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub scan: PathBuf,
    /// The true maps: ε_xx, ε_yy, ε_xy, θ, beam row and column, grain.
    pub truth: PathBuf,
}

impl StrainedGrain {
    /// Writes the scan to `path` (`.zspy`) and the truth beside it as `<stem>_truth.zspy`.
    /// `progress` is told the scan positions written so far. The truth comes first, so that a scan
    /// that exists always has one.
    ///
    /// # Errors
    /// [`SourceError`] when a file cannot be written; what was there before stays.
    pub fn write(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Written, SourceError> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let truth_path = path.with_file_name(format!("{stem}_truth.zspy"));
        // Made first: a name that is refused is refused before anything is written.
        let scan = ResultWriter::create(path, &self.meta())?;
        let truth = ResultWriter::create(&truth_path, &self.truth_meta())?;
        for at in self.positions() {
            truth.write(at, &Output::Values(self.true_values(at)))?;
        }
        truth.finish()?;
        for (done, at) in self.positions().enumerate() {
            scan.write(at, &Output::Frame(self.frame(at)))?;
            progress(done + 1);
        }
        scan.finish()?;
        Ok(Written {
            scan: path.to_owned(),
            truth: truth_path,
        })
    }

    fn positions(&self) -> impl Iterator<Item = NavigationIndex> + use<> {
        let (rows, columns) = self.scan;
        (0..rows).flat_map(move |y| (0..columns).map(move |x| NavigationIndex::new(&[y, x])))
    }

    /// In the order of the components of [`StrainedGrain::truth_meta`].
    fn true_values(&self, at: NavigationIndex) -> std::sync::Arc<[f32]> {
        let (y, x) = match at.as_slice() {
            [y, x] => (*y, *x),
            _ => (0, 0),
        };
        let truth = self.truth(y, x);
        [
            truth.e_xx,
            truth.e_yy,
            truth.e_xy,
            truth.rotation,
            truth.beam[0],
            truth.beam[1],
            truth.grain,
        ]
        .map(|value| value as f32)
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_scan_and_its_truth_are_written_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let sample = StrainedGrain {
            scan: (3, 4),
            ..StrainedGrain::default()
        };
        let mut seen = Vec::new();
        let written = sample
            .write(&folder.path().join("grain.zspy"), &mut |done| {
                seen.push(done);
            })
            .unwrap();
        assert_eq!(seen.last(), Some(&12));
        assert_eq!(written.truth, folder.path().join("grain_truth.zspy"));
        let opened = io::open(&written.scan, &io::OpenOptions::default()).unwrap();
        assert_eq!(opened.meta().axes.navigation_shape(), [3, 4]);
        assert!(io::open(&written.truth, &io::OpenOptions::default()).is_ok());
    }

    #[test]
    fn a_wrong_name_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let sample = StrainedGrain::default();
        assert!(sample.write(&folder.path().join("grain.txt"), &mut |_| {}).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
