//! The text file Direct Electron cameras write beside a movie: `<prefix>_movie.mrc` has `<prefix>_info.txt`.
//!
//! One `key = value` per line. Values of -1 mean "not known".

use std::path::Path;

use serde_json::{Map, Value};
use signal::{Caveat, SourceError};

use crate::error::io_error;

/// A side file is a few kilobytes of text.
const MAX_BYTES: u64 = 1 << 20;

pub struct SideFile {
    entries: Map<String, Value>,
}

impl SideFile {
    /// The side file of `movie`, if there is one.
    ///
    /// # Errors
    /// [`SourceError::Io`] when it exists and cannot be read.
    pub fn beside(movie: &Path) -> Result<Option<Self>, SourceError> {
        let Some(stem) = movie.file_stem().and_then(|stem| stem.to_str()) else {
            return Ok(None);
        };
        let Some(prefix) = stem.strip_suffix("_movie") else {
            return Ok(None);
        };
        // `<date>_<number>_<suffix>_<n>_movie` may share the side file of `<date>_<number>`.
        let mut prefix = prefix;
        loop {
            let path = movie.with_file_name(format!("{prefix}_info.txt"));
            if path.is_file() {
                return SideFile::read(&path).map(Some);
            }
            match prefix.rsplit_once('_') {
                Some((shorter, _)) if shorter.contains('_') => prefix = shorter,
                _ => return Ok(None),
            }
        }
    }

    fn read(path: &Path) -> Result<Self, SourceError> {
        let size = std::fs::metadata(path)
            .map_err(|error| io_error(path, &error))?
            .len();
        if size > MAX_BYTES {
            return Err(SourceError::header(
                path,
                "the side file",
                format!("{size} bytes are too many for a list of acquisition settings"),
                "move it to another folder; the movie opens without it, its scan shape given with `scan`",
            ));
        }
        let bytes = std::fs::read(path).map_err(|error| io_error(path, &error))?;
        Ok(SideFile::parse(&String::from_utf8_lossy(&bytes)))
    }

    fn parse(text: &str) -> Self {
        let entries = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), Value::from(value.trim())))
            .collect();
        SideFile { entries }
    }

    pub fn into_json(self) -> Value {
        Value::Object(self.entries)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.entries.get(key)?.as_str()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.text(key)?
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite() && *value > 0.0)
    }

    /// (ny, nx) of a raster scan, or of its region of interest.
    pub fn scan_shape(&self) -> Option<(usize, usize)> {
        if self.text("Scan - Enable") != Some("Enable") {
            return None;
        }
        let raster = self
            .text("Scan - Type")
            .is_none_or(|kind| kind.to_lowercase().contains("raster"));
        let keys = if self.text("Scan - ROI Enable") == Some("Enable") {
            ["Scan - ROI Size Y", "Scan - ROI Size X"]
        } else {
            ["Scan - Size Y", "Scan - Size X"]
        };
        let [ny, nx] = keys.map(|key| self.number(key).map(|size| size as usize));
        match (raster, ny, nx) {
            (true, Some(ny), Some(nx)) if ny > 0 && nx > 0 => Some((ny, nx)),
            _ => None,
        }
    }

    /// What to know when the side file speaks of frames of another size than the movie has.
    pub fn doubts(&self, rows: usize, columns: usize) -> Option<Caveat> {
        let said = ["Image Size Y (pixels)", "Image Size X (pixels)"].map(|key| self.number(key));
        let [Some(y), Some(x)] = said else {
            return None;
        };
        ((y, x) != (rows as f64, columns as f64)).then(|| {
            Caveat::new(
                "side_file_differs",
                format!(
                    "the side file speaks of frames of {y} x {x} pixels, and the movie has {rows} x {columns}: its scan and calibration may belong to another movie"
                ),
            )
        })
    }

    /// Scan step (y, x) in nm.
    pub fn scan_step_nm(&self) -> Option<(f64, f64)> {
        let x = self.number("Specimen Pixel Size X (nanometers)")?;
        let y = self.number("Specimen Pixel Size Y (nanometers)");
        Some((y.unwrap_or(x), x))
    }

    /// Detector pixel (ky, kx) in 1/nm.
    pub fn diffraction_step(&self) -> Option<(f64, f64)> {
        let x = self.number("Diffraction Pixel Size X")?;
        let y = self.number("Diffraction Pixel Size Y");
        Some((y.unwrap_or(x), x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_of_interest_wins_and_minus_one_is_unknown() {
        let side = SideFile::parse(
            "Scan - Enable = Enable\nScan - Type = Raster\nScan - Size X = 64\nScan - Size Y = 48\n\
             Scan - ROI Enable = Enable\nScan - ROI Size X = 7\nScan - ROI Size Y = 5\n\
             Diffraction Pixel Size X = -1\nSpecimen Pixel Size X (nanometers) = 2.5\n",
        );
        assert_eq!(side.scan_shape(), Some((5, 7)));
        assert_eq!(side.diffraction_step(), None);
        assert_eq!(side.scan_step_nm(), Some((2.5, 2.5)));
    }
}
