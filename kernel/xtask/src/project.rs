//! Where things are.

use std::path::PathBuf;

/// Notebook that `cargo xtask lab` opens.
pub const FIRST_NOTEBOOK: &str = "02_background_peaks_strain.ipynb";
pub const NOTEBOOKS: [&str; 3] = [
    "01_navigate.ipynb",
    FIRST_NOTEBOOK,
    "03_detectors_and_saving.ipynb",
];
/// The sample file the notebooks read, beside them.
pub const SAMPLE: &str = "strained_grain.zspy";

/// Root of the checkout: two folders above this crate.
pub fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root.pop();
    root
}

/// Private to this checkout and ignored by git: environments, JupyterLab's settings.
pub fn private() -> PathBuf {
    root().join(".lab")
}

pub fn widget() -> PathBuf {
    root().join("widget")
}

pub fn notebooks() -> PathBuf {
    root().join("notebooks")
}

/// Build products; follows `CARGO_TARGET_DIR`.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

pub fn kernel() -> PathBuf {
    target().join("release").join("signaltree")
}
