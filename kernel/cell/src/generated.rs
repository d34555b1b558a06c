// Written by `cargo xtask codegen` from the registry of operations; do not edit.

use crate::error::Result;
use crate::json::{ToJson, quoted};
use crate::operation::Operation;
use crate::region::Region;
use crate::signal::Signal;

/// What a number other than 0 in the mask marks: pixels without a value, or the good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    Bad,
    Good,
}

impl ToJson for Marked {
    fn to_json(&self) -> String {
        quoted(match self {
            Marked::Bad => "bad",
            Marked::Good => "good",
        })
    }
}

/// Mask pixels: Takes the value from pixels that a file marks: dead and hot ones, those behind a beam stop.
///
/// numpy, the definition; Ashiotis et al. (pyFAI), doi:10.1107/S1600576715004306
#[derive(Clone, Debug, PartialEq)]
pub struct MaskPixels {
    /// The mask: a NumPy array with a number for each pixel of a frame. Left out: nothing is masked. Allowed: the path of a file ending in .npy, or left out.
    pub file: Option<String>,
    /// What a number other than 0 in the mask marks: pixels without a value, or the good ones.
    pub marked: Marked,
}

impl Default for MaskPixels {
    fn default() -> Self {
        MaskPixels {
            file: None,
            marked: Marked::Bad,
        }
    }
}

impl Operation for MaskPixels {
    const NAME: &'static str = "mask_pixels";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "the path of a file ending in .npy, or left out",
            "The mask: a NumPy array with a number for each pixel of a frame. Left out: nothing is masked.",
        ],
        [
            "",
            "bad, good",
            "What a number other than 0 in the mask marks: pixels without a value, or the good ones.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("file", self.file.to_json()),
            ("marked", self.marked.to_json()),
        ]
    }
}

/// Flat field: Divides every frame by how sensitive each pixel is, a picture from a file.
///
/// numpy, the definition
#[derive(Clone, Debug, PartialEq)]
pub struct FlatField {
    /// The flat field: a NumPy array with the sensitivity of each pixel of a frame. Left out: nothing is divided. Allowed: the path of a file ending in .npy, or left out.
    pub file: Option<String>,
    /// Divide by the sensitivity over its mean, so that counts stay about what they were; off: by the numbers of the file.
    pub keep_level: bool,
}

impl Default for FlatField {
    fn default() -> Self {
        FlatField {
            file: None,
            keep_level: true,
        }
    }
}

impl Operation for FlatField {
    const NAME: &'static str = "flat_field";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "the path of a file ending in .npy, or left out",
            "The flat field: a NumPy array with the sensitivity of each pixel of a frame. Left out: nothing is divided.",
        ],
        [
            "",
            "true or false",
            "Divide by the sensitivity over its mean, so that counts stay about what they were; off: by the numbers of the file.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("file", self.file.to_json()),
            ("keep_level", self.keep_level.to_json()),
        ]
    }
}

/// Subtract radial median: Removes the background that depends only on the distance from the direct beam.
///
/// pyxem, Diffraction2D.subtract_diffraction_background, doi:10.5281/zenodo.2649351
#[derive(Clone, Debug, PartialEq)]
pub struct RadialMedian {
    /// Centre of the rings (row, column). Left out: the direct beam is found in every frame. Allowed: (row, column) in pixels, or left out.
    pub centre: Option<[f64; 2]>,
    /// Leave the direct beam in: its rings take the median of the first ring outside it.
    pub keep_direct_beam: bool,
    /// Set negative results to 0.
    pub clip: bool,
}

impl Default for RadialMedian {
    fn default() -> Self {
        RadialMedian {
            centre: None,
            keep_direct_beam: true,
            clip: false,
        }
    }
}

impl Operation for RadialMedian {
    const NAME: &'static str = "radial_median";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "(row, column) in pixels, or left out",
            "Centre of the rings (row, column). Left out: the direct beam is found in every frame.",
        ],
        [
            "",
            "true or false",
            "Leave the direct beam in: its rings take the median of the first ring outside it.",
        ],
        ["", "true or false", "Set negative results to 0."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("centre", self.centre.to_json()),
            ("keep_direct_beam", self.keep_direct_beam.to_json()),
            ("clip", self.clip.to_json()),
        ]
    }
}

/// Subtract difference of Gaussians: Removes a smooth background of any shape; keeps disks and spots.
///
/// pyxem, Diffraction2D.subtract_diffraction_background, doi:10.5281/zenodo.2649351
#[derive(Clone, Debug, PartialEq)]
pub struct DifferenceOfGaussians {
    /// Standard deviation of the narrow Gaussian, about the size of a disk's edge. Allowed: 0.3 to 20 px.
    pub min_sigma: f64,
    /// Standard deviation of the wide Gaussian, about three disk radii or more. Allowed: 1 to 300 px.
    pub max_sigma: f64,
    /// Set negative results to 0.
    pub clip: bool,
}

impl Default for DifferenceOfGaussians {
    fn default() -> Self {
        DifferenceOfGaussians {
            min_sigma: 1.0,
            max_sigma: 55.0,
            clip: true,
        }
    }
}

impl Operation for DifferenceOfGaussians {
    const NAME: &'static str = "difference_of_gaussians";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "0.3 to 20 px",
            "Standard deviation of the narrow Gaussian, about the size of a disk's edge.",
        ],
        [
            "px",
            "1 to 300 px",
            "Standard deviation of the wide Gaussian, about three disk radii or more.",
        ],
        ["", "true or false", "Set negative results to 0."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("min_sigma", self.min_sigma.to_json()),
            ("max_sigma", self.max_sigma.to_json()),
            ("clip", self.clip.to_json()),
        ]
    }
}

/// Subtract median kernel: Removes whatever is wider than half the square; keeps smaller disks.
///
/// Perreault and Hebert, doi:10.1109/TIP.2007.902329; pyxem, doi:10.5281/zenodo.2649351
#[derive(Clone, Debug, PartialEq)]
pub struct MedianKernel {
    /// Side of the square: an odd number just above four disk radii. Allowed: whole numbers from 3 to 255 px.
    pub footprint: usize,
    /// Set negative results to 0.
    pub clip: bool,
}

impl Default for MedianKernel {
    fn default() -> Self {
        MedianKernel {
            footprint: 19,
            clip: false,
        }
    }
}

impl Operation for MedianKernel {
    const NAME: &'static str = "median_kernel";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "whole numbers from 3 to 255 px",
            "Side of the square: an odd number just above four disk radii.",
        ],
        ["", "true or false", "Set negative results to 0."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("footprint", self.footprint.to_json()),
            ("clip", self.clip.to_json()),
        ]
    }
}

/// Keep h-domes: Keeps peaks that rise a given height above their surroundings; result from 0 to 1.
///
/// Vincent, doi:10.1109/83.217222; pyxem, doi:10.5281/zenodo.2649351
#[derive(Clone, Debug, PartialEq)]
pub struct HDome {
    /// Height of a dome as a fraction of the frame's maximum. Allowed: 0.001 to 1.
    pub h: f64,
}

impl Default for HDome {
    fn default() -> Self {
        HDome { h: 0.2 }
    }
}

impl Operation for HDome {
    const NAME: &'static str = "h_dome";

    const ABOUT: &'static [[&'static str; 3]] = &[[
        "",
        "0.001 to 1",
        "Height of a dome as a fraction of the frame's maximum.",
    ]];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("h", self.h.to_json())]
    }
}

/// Find disks (matched filter): Finds disks of one shape whatever their brightness, as exactly as the counts allow, with their errors.
///
/// G. L. Turin, doi:10.1109/TIT.1960.1057571; P. B. Stetson, doi:10.1086/131977
#[derive(Clone, Debug, PartialEq)]
pub struct NormalizedCorrelation {
    /// About how large the disks are. Left out: measured. The exact radius and the width of the edge are always measured. Allowed: 1 to 128 px, or left out.
    pub radius: Option<f64>,
    /// About where the direct beam is (row, column). Left out: looked for near the middle. Its exact place is measured in every frame. Allowed: (row, column) in pixels, or left out.
    pub direct_beam: Option<[f64; 2]>,
    /// Scan positions without specimen: what the direct beam is there, all disks are, unless the disks themselves tell it better. Left out: measured from all disks, or from a file without specimen: `scan.find_peaks_with(&vacuum, …)`. Allowed: a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out.
    pub vacuum: Option<Region>,
    /// Least standard deviations by which the counts speak for a disk. Left out: as many as noise reaches once in two thousand frames, about 5. Allowed: 2 to 1000 σ, or left out.
    pub threshold: Option<f64>,
    /// Peaks this close to a surer one are dropped. Left out: the radius. Allowed: 0 to 512 px, or left out.
    pub min_distance: Option<f64>,
    /// Peaks closer than this to the frame's edge are dropped. Left out: the radius less one. Disks that the edge cuts off have larger errors. Allowed: 0 to 512 px, or left out.
    pub exclude_border: Option<f64>,
    /// Keep only the surest peaks of each frame. Left out: all. Allowed: whole numbers from 1 to 100000, or left out.
    pub max_peaks: Option<usize>,
}

impl Default for NormalizedCorrelation {
    fn default() -> Self {
        NormalizedCorrelation {
            radius: None,
            direct_beam: None,
            vacuum: None,
            threshold: None,
            min_distance: None,
            exclude_border: None,
            max_peaks: None,
        }
    }
}

impl Operation for NormalizedCorrelation {
    const NAME: &'static str = "normalized_correlation";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "1 to 128 px, or left out",
            "About how large the disks are. Left out: measured. The exact radius and the width of the edge are always measured.",
        ],
        [
            "px",
            "(row, column) in pixels, or left out",
            "About where the direct beam is (row, column). Left out: looked for near the middle. Its exact place is measured in every frame.",
        ],
        [
            "",
            "a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out",
            "Scan positions without specimen: what the direct beam is there, all disks are, unless the disks themselves tell it better. Left out: measured from all disks, or from a file without specimen: `scan.find_peaks_with(&vacuum, …)`.",
        ],
        [
            "σ",
            "2 to 1000 σ, or left out",
            "Least standard deviations by which the counts speak for a disk. Left out: as many as noise reaches once in two thousand frames, about 5.",
        ],
        [
            "px",
            "0 to 512 px, or left out",
            "Peaks this close to a surer one are dropped. Left out: the radius.",
        ],
        [
            "px",
            "0 to 512 px, or left out",
            "Peaks closer than this to the frame's edge are dropped. Left out: the radius less one. Disks that the edge cuts off have larger errors.",
        ],
        [
            "",
            "whole numbers from 1 to 100000, or left out",
            "Keep only the surest peaks of each frame. Left out: all.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("radius", self.radius.to_json()),
            ("direct_beam", self.direct_beam.to_json()),
            ("vacuum", self.vacuum.to_json()),
            ("threshold", self.threshold.to_json()),
            ("min_distance", self.min_distance.to_json()),
            ("exclude_border", self.exclude_border.to_json()),
            ("max_peaks", self.max_peaks.to_json()),
        ]
    }
}

/// How positions are refined beyond whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subpixel {
    None,
    Parabola,
    Com,
}

impl ToJson for Subpixel {
    fn to_json(&self) -> String {
        quoted(match self {
            Subpixel::None => "none",
            Subpixel::Parabola => "parabola",
            Subpixel::Com => "com",
        })
    }
}

/// Find spots (difference of Gaussians): Finds spots of a few pixels that stand out of the frame's noise.
///
/// D. G. Lowe, doi:10.1023/B:VISI.0000029664.99615.94
#[derive(Clone, Debug, PartialEq)]
pub struct DifferenceOfGaussiansPeaks {
    /// Standard deviation of the narrow Gaussian, about the spot's own; for disks half their radius. Allowed: 0.3 to 20 px.
    pub sigma_narrow: f64,
    /// Standard deviation of the wide Gaussian, the spot's surroundings, for disks their radius; spots wider than 12 of these are found on their border. Allowed: 0.5 to 60 px.
    pub sigma_wide: f64,
    /// Lowest score of a peak, in standard deviations of the frame's noise. Disks add to that themselves: 3 finds the faint ones too. Allowed: 1 to 1000.
    pub threshold: f64,
    /// Peaks this close to a better one are dropped. Allowed: whole numbers from 1 to 512 px.
    pub min_distance: usize,
    /// How positions are refined beyond whole pixels.
    pub subpixel: Subpixel,
    /// Peaks closer than this to the frame's edge are dropped. Allowed: whole numbers from 0 to 512 px.
    pub exclude_border: usize,
    /// Keep only the best peaks of each frame. Left out: all. Allowed: whole numbers from 1 to 100000, or left out.
    pub max_peaks: Option<usize>,
}

impl Default for DifferenceOfGaussiansPeaks {
    fn default() -> Self {
        DifferenceOfGaussiansPeaks {
            sigma_narrow: 0.8,
            sigma_wide: 2.0,
            threshold: 10.0,
            min_distance: 5,
            subpixel: Subpixel::Parabola,
            exclude_border: 0,
            max_peaks: None,
        }
    }
}

impl Operation for DifferenceOfGaussiansPeaks {
    const NAME: &'static str = "difference_of_gaussians_peaks";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "0.3 to 20 px",
            "Standard deviation of the narrow Gaussian, about the spot's own; for disks half their radius.",
        ],
        [
            "px",
            "0.5 to 60 px",
            "Standard deviation of the wide Gaussian, the spot's surroundings, for disks their radius; spots wider than 12 of these are found on their border.",
        ],
        [
            "",
            "1 to 1000",
            "Lowest score of a peak, in standard deviations of the frame's noise. Disks add to that themselves: 3 finds the faint ones too.",
        ],
        [
            "px",
            "whole numbers from 1 to 512 px",
            "Peaks this close to a better one are dropped.",
        ],
        [
            "",
            "none, parabola, com",
            "How positions are refined beyond whole pixels.",
        ],
        [
            "px",
            "whole numbers from 0 to 512 px",
            "Peaks closer than this to the frame's edge are dropped.",
        ],
        [
            "",
            "whole numbers from 1 to 100000, or left out",
            "Keep only the best peaks of each frame. Left out: all.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("sigma_narrow", self.sigma_narrow.to_json()),
            ("sigma_wide", self.sigma_wide.to_json()),
            ("threshold", self.threshold.to_json()),
            ("min_distance", self.min_distance.to_json()),
            ("subpixel", self.subpixel.to_json()),
            ("exclude_border", self.exclude_border.to_json()),
            ("max_peaks", self.max_peaks.to_json()),
        ]
    }
}

/// Find local maxima: Finds pixels brighter than everything around them; for sharp spots or smoothed frames.
///
/// scikit-image, peak_local_max, doi:10.7717/peerj.453
#[derive(Clone, Debug, PartialEq)]
pub struct LocalMaximum {
    /// Half the side of the square a peak must be the maximum of. Allowed: whole numbers from 1 to 512 px.
    pub min_distance: usize,
    /// Lowest value of a peak, exclusive. Left out: the frame's minimum. Allowed: a finite number counts, or left out.
    pub threshold_abs: Option<f64>,
    /// Lowest value of a peak as a fraction of the frame's maximum, exclusive. Left out: none. Allowed: 0 to 1, or left out.
    pub threshold_rel: Option<f64>,
    /// How positions are refined beyond whole pixels.
    pub subpixel: Subpixel,
    /// Peaks closer than this to the frame's edge are dropped. Left out: `min_distance`. Allowed: whole numbers from 0 to 512 px, or left out.
    pub exclude_border: Option<usize>,
    /// Keep only the brightest peaks of each frame. Left out: all. Allowed: whole numbers from 1 to 100000, or left out.
    pub max_peaks: Option<usize>,
}

impl Default for LocalMaximum {
    fn default() -> Self {
        LocalMaximum {
            min_distance: 1,
            threshold_abs: None,
            threshold_rel: None,
            subpixel: Subpixel::Parabola,
            exclude_border: None,
            max_peaks: None,
        }
    }
}

impl Operation for LocalMaximum {
    const NAME: &'static str = "local_maximum";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "whole numbers from 1 to 512 px",
            "Half the side of the square a peak must be the maximum of.",
        ],
        [
            "counts",
            "a finite number counts, or left out",
            "Lowest value of a peak, exclusive. Left out: the frame's minimum.",
        ],
        [
            "",
            "0 to 1, or left out",
            "Lowest value of a peak as a fraction of the frame's maximum, exclusive. Left out: none.",
        ],
        [
            "",
            "none, parabola, com",
            "How positions are refined beyond whole pixels.",
        ],
        [
            "px",
            "whole numbers from 0 to 512 px, or left out",
            "Peaks closer than this to the frame's edge are dropped. Left out: `min_distance`.",
        ],
        [
            "",
            "whole numbers from 1 to 100000, or left out",
            "Keep only the brightest peaks of each frame. Left out: all.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("min_distance", self.min_distance.to_json()),
            ("threshold_abs", self.threshold_abs.to_json()),
            ("threshold_rel", self.threshold_rel.to_json()),
            ("subpixel", self.subpixel.to_json()),
            ("exclude_border", self.exclude_border.to_json()),
            ("max_peaks", self.max_peaks.to_json()),
        ]
    }
}

/// Strain map: Maps ε_xx, ε_yy, ε_xy and rotation against a reference region of the scan.
///
/// Pekin et al., doi:10.1016/j.ultramic.2016.12.021; Hÿtch et al., doi:10.1016/S0304-3991(98)00035-7
#[derive(Clone, Debug, PartialEq)]
pub struct StrainMap {
    /// Scan positions whose lattice counts as unstrained.
    pub reference: Region,
    /// How far a peak may lie from its reference vector, at most 0.45 of the peaks' spacing. Left out: a quarter of it. Allowed: 0.1 to 512 px, or left out.
    pub match_radius: Option<f64>,
    /// Fewest matched peaks for a result; three determine it, more make its residual meaningful. Allowed: whole numbers from 3 to 1000.
    pub min_matches: usize,
    /// Weigh each peak by its intensity instead of its error.
    pub intensity_weights: bool,
    /// Turn from detector to scan axes, +x towards +y; used when `calibrated`. Allowed: -360 to 360 deg.
    pub rotation_deg: f64,
    /// Mirror the detector's ky before that turn; used when `calibrated`.
    pub flip_ky: bool,
    /// Give the tensor in scan axes instead of detector axes.
    pub calibrated: bool,
}

impl Default for StrainMap {
    fn default() -> Self {
        StrainMap {
            reference: Region::rectangle(0, 0, 16, 16),
            match_radius: None,
            min_matches: 4,
            intensity_weights: false,
            rotation_deg: 0.0,
            flip_ky: false,
            calibrated: false,
        }
    }
}

impl Operation for StrainMap {
    const NAME: &'static str = "strain_map";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "a region of scan positions: x0, y0, width, height, at least 1 by 1",
            "Scan positions whose lattice counts as unstrained.",
        ],
        [
            "px",
            "0.1 to 512 px, or left out",
            "How far a peak may lie from its reference vector, at most 0.45 of the peaks' spacing. Left out: a quarter of it.",
        ],
        [
            "",
            "whole numbers from 3 to 1000",
            "Fewest matched peaks for a result; three determine it, more make its residual meaningful.",
        ],
        [
            "",
            "true or false",
            "Weigh each peak by its intensity instead of its error.",
        ],
        [
            "deg",
            "-360 to 360 deg",
            "Turn from detector to scan axes, +x towards +y; used when `calibrated`.",
        ],
        [
            "",
            "true or false",
            "Mirror the detector's ky before that turn; used when `calibrated`.",
        ],
        [
            "",
            "true or false",
            "Give the tensor in scan axes instead of detector axes.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("reference", self.reference.to_json()),
            ("match_radius", self.match_radius.to_json()),
            ("min_matches", self.min_matches.to_json()),
            ("intensity_weights", self.intensity_weights.to_json()),
            ("rotation_deg", self.rotation_deg.to_json()),
            ("flip_ky", self.flip_ky.to_json()),
            ("calibrated", self.calibrated.to_json()),
        ]
    }
}

/// Total or average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    Sum,
    Mean,
}

impl ToJson for Statistic {
    fn to_json(&self) -> String {
        quoted(match self {
            Statistic::Sum => "sum",
            Statistic::Mean => "mean",
        })
    }
}

/// Virtual disk: Image of the scan from the counts inside a disk: bright field, or one Bragg disk.
///
/// Clausen et al. (LiberTEM), doi:10.21105/joss.02006
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// Centre (row, column). Left out: the middle of the frame. Allowed: (row, column) in pixels, or left out.
    pub centre: Option<[f64; 2]>,
    /// Radius of the disk. Allowed: 0 to 100000 px.
    pub radius: f64,
    /// Total or average.
    pub statistic: Statistic,
}

impl Default for Disk {
    fn default() -> Self {
        Disk {
            centre: None,
            radius: 8.0,
            statistic: Statistic::Sum,
        }
    }
}

impl Operation for Disk {
    const NAME: &'static str = "virtual_disk";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "(row, column) in pixels, or left out",
            "Centre (row, column). Left out: the middle of the frame.",
        ],
        ["px", "0 to 100000 px", "Radius of the disk."],
        ["", "sum, mean", "Total or average."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("centre", self.centre.to_json()),
            ("radius", self.radius.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// Virtual annulus: Image of the scan from the counts inside a ring: annular dark field.
///
/// Clausen et al. (LiberTEM), doi:10.21105/joss.02006
#[derive(Clone, Debug, PartialEq)]
pub struct Annulus {
    /// Centre (row, column). Left out: the middle of the frame. Allowed: (row, column) in pixels, or left out.
    pub centre: Option<[f64; 2]>,
    /// Inner radius, exclusive; 0 includes the centre. Allowed: 0 to 100000 px.
    pub inner_radius: f64,
    /// Outer radius, inclusive. Allowed: 0 to 100000 px.
    pub outer_radius: f64,
    /// Total or average.
    pub statistic: Statistic,
}

impl Default for Annulus {
    fn default() -> Self {
        Annulus {
            centre: None,
            inner_radius: 12.0,
            outer_radius: 32.0,
            statistic: Statistic::Sum,
        }
    }
}

impl Operation for Annulus {
    const NAME: &'static str = "virtual_annulus";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "(row, column) in pixels, or left out",
            "Centre (row, column). Left out: the middle of the frame.",
        ],
        [
            "px",
            "0 to 100000 px",
            "Inner radius, exclusive; 0 includes the centre.",
        ],
        ["px", "0 to 100000 px", "Outer radius, inclusive."],
        ["", "sum, mean", "Total or average."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("centre", self.centre.to_json()),
            ("inner_radius", self.inner_radius.to_json()),
            ("outer_radius", self.outer_radius.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// Virtual rectangle: Image of the scan from the counts inside a rectangle.
///
/// Clausen et al. (LiberTEM), doi:10.21105/joss.02006
#[derive(Clone, Debug, PartialEq)]
pub struct Rectangle {
    /// First row and column inside. Left out: the rectangle is in the middle of the frame. Allowed: (row, column) in pixels, or left out.
    pub corner: Option<[f64; 2]>,
    /// Extent along the rows' axis ky. Allowed: 1 to 100000 px.
    pub height: f64,
    /// Extent along the columns' axis kx. Allowed: 1 to 100000 px.
    pub width: f64,
    /// Total or average.
    pub statistic: Statistic,
}

impl Default for Rectangle {
    fn default() -> Self {
        Rectangle {
            corner: None,
            height: 16.0,
            width: 16.0,
            statistic: Statistic::Sum,
        }
    }
}

impl Operation for Rectangle {
    const NAME: &'static str = "virtual_rectangle";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "(row, column) in pixels, or left out",
            "First row and column inside. Left out: the rectangle is in the middle of the frame.",
        ],
        ["px", "1 to 100000 px", "Extent along the rows' axis ky."],
        ["px", "1 to 100000 px", "Extent along the columns' axis kx."],
        ["", "sum, mean", "Total or average."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("corner", self.corner.to_json()),
            ("height", self.height.to_json()),
            ("width", self.width.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// Virtual polygon: Image of the scan from the counts inside a polygon: a shape of any kind, drawn on the pattern.
///
/// Clausen et al. (LiberTEM), doi:10.21105/joss.02006
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    /// Vertices (row, column), in the order in which the outline goes through them; where it crosses itself, what it goes round twice is outside. Left out: the diamond in the middle of the frame that is half as high and half as wide. Allowed: 3 to 1000 vertices (row, column) in pixels, or left out.
    pub vertices: Option<Vec<[f64; 2]>>,
    /// Total or average.
    pub statistic: Statistic,
}

impl Default for Polygon {
    fn default() -> Self {
        Polygon {
            vertices: None,
            statistic: Statistic::Sum,
        }
    }
}

impl Operation for Polygon {
    const NAME: &'static str = "virtual_polygon";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "3 to 1000 vertices (row, column) in pixels, or left out",
            "Vertices (row, column), in the order in which the outline goes through them; where it crosses itself, what it goes round twice is outside. Left out: the diamond in the middle of the frame that is half as high and half as wide.",
        ],
        ["", "sum, mean", "Total or average."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("vertices", self.vertices.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// Energy window: Image of the scan from the counts of spectra within a window of energies, or of whatever their axis is.
///
/// hyperspy, isig and sum, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct EnergyWindow {
    /// From where to where on the signal axis, in its unit: channels whose centres lie at `from` or above, and below `to`. Left out: the middle half of the axis. Allowed: [from, to] in the unit of the signal axis, the smaller one first, or left out.
    pub range: Option<[f64; 2]>,
    /// Total or average.
    pub statistic: Statistic,
}

impl Default for EnergyWindow {
    fn default() -> Self {
        EnergyWindow {
            range: None,
            statistic: Statistic::Sum,
        }
    }
}

impl Operation for EnergyWindow {
    const NAME: &'static str = "energy_window";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "[from, to] in the unit of the signal axis, the smaller one first, or left out",
            "From where to where on the signal axis, in its unit: channels whose centres lie at `from` or above, and below `to`. Left out: the middle half of the axis.",
        ],
        ["", "sum, mean", "Total or average."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("range", self.range.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// What the shift is measured from: the centre (none), the mean of the scan, or a plane through it, which takes out a beam that wanders as it is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    None,
    Mean,
    Plane,
}

impl ToJson for Reference {
    fn to_json(&self) -> String {
        quoted(match self {
            Reference::None => "none",
            Reference::Mean => "mean",
            Reference::Plane => "plane",
        })
    }
}

/// Centre of mass: Maps the deflection of the beam: rows and columns, in detector pixels.
///
/// Müller et al., doi:10.1038/ncomms6653
#[derive(Clone, Debug, PartialEq)]
pub struct CenterOfMass {
    /// Middle (row, column) of the circle. Left out: the middle of the frame. Allowed: (row, column) in pixels, or left out.
    pub centre: Option<[f64; 2]>,
    /// Only pixels this close to the centre count. Left out: the largest circle inside the frame. Allowed: 1 to 100000 px, or left out.
    pub radius: Option<f64>,
    /// What the shift is measured from: the centre (none), the mean of the scan, or a plane through it, which takes out a beam that wanders as it is scanned.
    pub reference: Reference,
}

impl Default for CenterOfMass {
    fn default() -> Self {
        CenterOfMass {
            centre: None,
            radius: None,
            reference: Reference::Mean,
        }
    }
}

impl Operation for CenterOfMass {
    const NAME: &'static str = "center_of_mass";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "(row, column) in pixels, or left out",
            "Middle (row, column) of the circle. Left out: the middle of the frame.",
        ],
        [
            "px",
            "1 to 100000 px, or left out",
            "Only pixels this close to the centre count. Left out: the largest circle inside the frame.",
        ],
        [
            "",
            "none, mean, plane",
            "What the shift is measured from: the centre (none), the mean of the scan, or a plane through it, which takes out a beam that wanders as it is scanned.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("centre", self.centre.to_json()),
            ("radius", self.radius.to_json()),
            ("reference", self.reference.to_json()),
        ]
    }
}

/// What lies beyond the edges of the scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanEdges {
    Mirrored,
    Periodic,
}

impl ToJson for ScanEdges {
    fn to_json(&self) -> String {
        quoted(match self {
            ScanEdges::Mirrored => "mirrored",
            ScanEdges::Periodic => "periodic",
        })
    }
}

/// Integrated centre of mass: The phase of the specimen from the deflection of the beam (iDPC).
///
/// Lazić et al., doi:10.1016/j.ultramic.2015.10.011
#[derive(Clone, Debug, PartialEq)]
pub struct IntegratedCenterOfMass {
    /// Angle from the detector's axes to those of the scan, counter-clockwise. Allowed: -180 to 180 °.
    pub rotation: f64,
    /// Whether rows and columns of the detector are swapped against those of the scan; before the rotation.
    pub transpose: bool,
    /// Slow changes below this frequency are damped, in 1 / unit of the scan: uneven thickness, drift. Left out: none. Allowed: 0.000001 to 1000000, or left out.
    pub high_pass: Option<f64>,
    /// Noise above this frequency is damped, in 1 / unit of the scan. Left out: none. Allowed: 0.000001 to 1000000, or left out.
    pub low_pass: Option<f64>,
    /// What lies beyond the edges of the scan.
    pub edges: ScanEdges,
}

impl Default for IntegratedCenterOfMass {
    fn default() -> Self {
        IntegratedCenterOfMass {
            rotation: 0.0,
            transpose: false,
            high_pass: None,
            low_pass: None,
            edges: ScanEdges::Mirrored,
        }
    }
}

impl Operation for IntegratedCenterOfMass {
    const NAME: &'static str = "integrated_center_of_mass";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "°",
            "-180 to 180 °",
            "Angle from the detector's axes to those of the scan, counter-clockwise.",
        ],
        [
            "",
            "true or false",
            "Whether rows and columns of the detector are swapped against those of the scan; before the rotation.",
        ],
        [
            "",
            "0.000001 to 1000000, or left out",
            "Slow changes below this frequency are damped, in 1 / unit of the scan: uneven thickness, drift. Left out: none.",
        ],
        [
            "",
            "0.000001 to 1000000, or left out",
            "Noise above this frequency is damped, in 1 / unit of the scan. Left out: none.",
        ],
        [
            "",
            "mirrored, periodic",
            "What lies beyond the edges of the scan.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("rotation", self.rotation.to_json()),
            ("transpose", self.transpose.to_json()),
            ("high_pass", self.high_pass.to_json()),
            ("low_pass", self.low_pass.to_json()),
            ("edges", self.edges.to_json()),
        ]
    }
}

/// Mean pattern: One frame: the mean of all frames of the scan, or of a region of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanPattern {
    /// Scan positions that count. Left out: all. Allowed: a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out.
    pub positions: Option<Region>,
}

impl Default for MeanPattern {
    fn default() -> Self {
        MeanPattern { positions: None }
    }
}

impl Operation for MeanPattern {
    const NAME: &'static str = "mean_pattern";

    const ABOUT: &'static [[&'static str; 3]] = &[[
        "",
        "a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out",
        "Scan positions that count. Left out: all.",
    ]];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("positions", self.positions.to_json())]
    }
}

/// Maximum pattern: One frame: the largest value of every pixel over the scan, or over a region of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MaximumPattern {
    /// Scan positions that count. Left out: all. Allowed: a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out.
    pub positions: Option<Region>,
}

impl Default for MaximumPattern {
    fn default() -> Self {
        MaximumPattern { positions: None }
    }
}

impl Operation for MaximumPattern {
    const NAME: &'static str = "maximum_pattern";

    const ABOUT: &'static [[&'static str; 3]] = &[[
        "",
        "a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out",
        "Scan positions that count. Left out: all.",
    ]];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("positions", self.positions.to_json())]
    }
}

/// Azimuthal integral: Averages or sums each pattern over rings around the direct beam: a radial profile.
///
/// Ashiotis et al. (pyFAI), doi:10.1107/S1600576715004306; pyxem, doi:10.5281/zenodo.2649351
#[derive(Clone, Debug, PartialEq)]
pub struct AzimuthalIntegral {
    /// Centre of the rings (row, column). Left out: where both axes of the pattern are 0 if that is inside the frame, else the direct beam, measured in up to 32 patterns. Allowed: (row, column) in pixels, or left out.
    pub centre: Option<[f64; 2]>,
    /// Number of rings. Left out: one for each pixel of the range of radii. Allowed: whole numbers from 2 to 4096, or left out.
    pub npt: Option<usize>,
    /// Where the first ring begins, in the unit of the pattern's axes. Allowed: 0 to 1000000.
    pub inner_radius: f64,
    /// Where the last ring ends, in the unit of the pattern's axes. Left out: at the edge of the frame that is nearest to the centre, or for a centre near an edge at half the smaller side of the frame. Allowed: 0 to 1000000, or left out.
    pub outer_radius: Option<f64>,
    /// Directions between which pixels count: 0 to the right, 90 down; across 0 for instance (-15, 15). Left out: all around. Allowed: (from, to), each -360 to 360 °, or left out.
    pub sector: Option<(f64, f64)>,
    /// Average of the pixels of a ring, or their total.
    pub statistic: Statistic,
}

impl Default for AzimuthalIntegral {
    fn default() -> Self {
        AzimuthalIntegral {
            centre: None,
            npt: None,
            inner_radius: 0.0,
            outer_radius: None,
            sector: None,
            statistic: Statistic::Mean,
        }
    }
}

impl Operation for AzimuthalIntegral {
    const NAME: &'static str = "azimuthal_integral";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "(row, column) in pixels, or left out",
            "Centre of the rings (row, column). Left out: where both axes of the pattern are 0 if that is inside the frame, else the direct beam, measured in up to 32 patterns.",
        ],
        [
            "",
            "whole numbers from 2 to 4096, or left out",
            "Number of rings. Left out: one for each pixel of the range of radii.",
        ],
        [
            "",
            "0 to 1000000",
            "Where the first ring begins, in the unit of the pattern's axes.",
        ],
        [
            "",
            "0 to 1000000, or left out",
            "Where the last ring ends, in the unit of the pattern's axes. Left out: at the edge of the frame that is nearest to the centre, or for a centre near an edge at half the smaller side of the frame.",
        ],
        [
            "°",
            "(from, to), each -360 to 360 °, or left out",
            "Directions between which pixels count: 0 to the right, 90 down; across 0 for instance (-15, 15). Left out: all around.",
        ],
        [
            "",
            "sum, mean",
            "Average of the pixels of a ring, or their total.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("centre", self.centre.to_json()),
            ("npt", self.npt.to_json()),
            ("inner_radius", self.inner_radius.to_json()),
            ("outer_radius", self.outer_radius.to_json()),
            ("sector", self.sector.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// How the direct beam is found: the centroid above half of its height, the centre of mass, or the maximum of the smoothed pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeamMethod {
    HalfHeight,
    Com,
    Blur,
}

impl ToJson for BeamMethod {
    fn to_json(&self) -> String {
        quoted(match self {
            BeamMethod::HalfHeight => "half_height",
            BeamMethod::Com => "com",
            BeamMethod::Blur => "blur",
        })
    }
}

/// How patterns are moved: between pixels, or by whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    Bilinear,
    WholePixels,
}

impl ToJson for Movement {
    fn to_json(&self) -> String {
        quoted(match self {
            Movement::Bilinear => "bilinear",
            Movement::WholePixels => "whole_pixels",
        })
    }
}

/// What comes in at the border: no value, or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    Nan,
    Zero,
}

impl ToJson for Outside {
    fn to_json(&self) -> String {
        quoted(match self {
            Outside::Nan => "nan",
            Outside::Zero => "zero",
        })
    }
}

/// Centre direct beam: Moves every pattern so that its direct beam is in the middle of the frame.
///
/// pyxem, center_direct_beam, doi:10.5281/zenodo.2649351
#[derive(Clone, Debug, PartialEq)]
pub struct CenterDirectBeam {
    /// How the direct beam is found: the centroid above half of its height, the centre of mass, or the maximum of the smoothed pattern.
    pub method: BeamMethod,
    /// Where it is looked for (row, column). Left out: around the middle of the frame. Allowed: (row, column) in pixels, or left out.
    pub centre: Option<[f64; 2]>,
    /// How far from there it may be. Left out: a quarter of the frame; for the centre of mass the largest circle inside the frame. Allowed: 2 to 100000 px, or left out.
    pub radius: Option<f64>,
    /// Width of the smoothing, for `blur` only. Allowed: 1 to 10 px.
    pub sigma: f64,
    /// How patterns are moved: between pixels, or by whole ones.
    pub movement: Movement,
    /// What comes in at the border: no value, or 0.
    pub outside: Outside,
}

impl Default for CenterDirectBeam {
    fn default() -> Self {
        CenterDirectBeam {
            method: BeamMethod::HalfHeight,
            centre: None,
            radius: None,
            sigma: 3.0,
            movement: Movement::Bilinear,
            outside: Outside::Nan,
        }
    }
}

impl Operation for CenterDirectBeam {
    const NAME: &'static str = "center_direct_beam";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "half_height, com, blur",
            "How the direct beam is found: the centroid above half of its height, the centre of mass, or the maximum of the smoothed pattern.",
        ],
        [
            "px",
            "(row, column) in pixels, or left out",
            "Where it is looked for (row, column). Left out: around the middle of the frame.",
        ],
        [
            "px",
            "2 to 100000 px, or left out",
            "How far from there it may be. Left out: a quarter of the frame; for the centre of mass the largest circle inside the frame.",
        ],
        [
            "px",
            "1 to 10 px",
            "Width of the smoothing, for `blur` only.",
        ],
        [
            "",
            "bilinear, whole_pixels",
            "How patterns are moved: between pixels, or by whole ones.",
        ],
        [
            "",
            "nan, zero",
            "What comes in at the border: no value, or 0.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("method", self.method.to_json()),
            ("centre", self.centre.to_json()),
            ("radius", self.radius.to_json()),
            ("sigma", self.sigma.to_json()),
            ("movement", self.movement.to_json()),
            ("outside", self.outside.to_json()),
        ]
    }
}

/// Crop signal: Keeps a part of every pattern or spectrum; its axes go on where the part begins.
///
/// hyperspy, crop_signal, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct CropSignal {
    /// First row that is kept. Allowed: whole numbers from 0 to 1000000 px.
    pub top: usize,
    /// First row below that is not kept. Left out: all rows to the end. Allowed: whole numbers from 1 to 1000000 px, or left out.
    pub bottom: Option<usize>,
    /// First column that is kept; of a spectrum the first channel. Allowed: whole numbers from 0 to 1000000 px.
    pub left: usize,
    /// First column behind that is not kept. Left out: all columns to the end. Allowed: whole numbers from 1 to 1000000 px, or left out.
    pub right: Option<usize>,
}

impl Default for CropSignal {
    fn default() -> Self {
        CropSignal {
            top: 0,
            bottom: None,
            left: 0,
            right: None,
        }
    }
}

impl Operation for CropSignal {
    const NAME: &'static str = "crop_signal";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "whole numbers from 0 to 1000000 px",
            "First row that is kept.",
        ],
        [
            "px",
            "whole numbers from 1 to 1000000 px, or left out",
            "First row below that is not kept. Left out: all rows to the end.",
        ],
        [
            "px",
            "whole numbers from 0 to 1000000 px",
            "First column that is kept; of a spectrum the first channel.",
        ],
        [
            "px",
            "whole numbers from 1 to 1000000 px, or left out",
            "First column behind that is not kept. Left out: all columns to the end.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("top", self.top.to_json()),
            ("bottom", self.bottom.to_json()),
            ("left", self.left.to_json()),
            ("right", self.right.to_json()),
        ]
    }
}

/// Rebin signal: Joins blocks of pixels or channels, for less noise and less memory.
///
/// hyperspy, rebin, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct RebinSignal {
    /// Rows that become one; of a spectrum, which has one row, this is left out. Allowed: whole numbers from 1 to 4096 px.
    pub rows: usize,
    /// Columns that become one; of a spectrum: channels. Allowed: whole numbers from 1 to 4096 px.
    pub columns: usize,
    /// Total of a block, or its average.
    pub statistic: Statistic,
}

impl Default for RebinSignal {
    fn default() -> Self {
        RebinSignal {
            rows: 2,
            columns: 2,
            statistic: Statistic::Sum,
        }
    }
}

impl Operation for RebinSignal {
    const NAME: &'static str = "rebin_signal";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "px",
            "whole numbers from 1 to 4096 px",
            "Rows that become one; of a spectrum, which has one row, this is left out.",
        ],
        [
            "px",
            "whole numbers from 1 to 4096 px",
            "Columns that become one; of a spectrum: channels.",
        ],
        ["", "sum, mean", "Total of a block, or its average."],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("rows", self.rows.to_json()),
            ("columns", self.columns.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// Crop scan: Keeps a region of the scan, or a part of a series; positions keep their place in calibrated units.
///
/// hyperspy, inav, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct CropScan {
    /// Rows and columns of the scan that are kept; of a scan along one line its columns. Left out: all. Allowed: a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out.
    pub region: Option<Region>,
    /// First one that is kept along the slowest axis of a series: of scans, or of frames. Allowed: whole numbers from 0 to 1000000.
    pub first: usize,
    /// First one behind that is not kept. Left out: all to the end. Allowed: whole numbers from 1 to 1000000, or left out.
    pub end: Option<usize>,
    /// First one that is kept along the second of four axes. Allowed: whole numbers from 0 to 1000000.
    pub second_first: usize,
    /// First one behind that is not kept along it. Left out: all to the end. Allowed: whole numbers from 1 to 1000000, or left out.
    pub second_end: Option<usize>,
}

impl Default for CropScan {
    fn default() -> Self {
        CropScan {
            region: None,
            first: 0,
            end: None,
            second_first: 0,
            second_end: None,
        }
    }
}

impl Operation for CropScan {
    const NAME: &'static str = "crop_scan";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "a region of scan positions: x0, y0, width, height, at least 1 by 1, or left out",
            "Rows and columns of the scan that are kept; of a scan along one line its columns. Left out: all.",
        ],
        [
            "",
            "whole numbers from 0 to 1000000",
            "First one that is kept along the slowest axis of a series: of scans, or of frames.",
        ],
        [
            "",
            "whole numbers from 1 to 1000000, or left out",
            "First one behind that is not kept. Left out: all to the end.",
        ],
        [
            "",
            "whole numbers from 0 to 1000000",
            "First one that is kept along the second of four axes.",
        ],
        [
            "",
            "whole numbers from 1 to 1000000, or left out",
            "First one behind that is not kept along it. Left out: all to the end.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("region", self.region.to_json()),
            ("first", self.first.to_json()),
            ("end", self.end.to_json()),
            ("second_first", self.second_first.to_json()),
            ("second_end", self.second_end.to_json()),
        ]
    }
}

/// Total of a group, or its average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStatistic {
    Automatic,
    Sum,
    Mean,
}

impl ToJson for GroupStatistic {
    fn to_json(&self) -> String {
        quoted(match self {
            GroupStatistic::Automatic => "automatic",
            GroupStatistic::Sum => "sum",
            GroupStatistic::Mean => "mean",
        })
    }
}

/// Rebin scan: Joins neighbouring scan positions, for less noise and fewer frames.
///
/// hyperspy, rebin, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct RebinScan {
    /// Rows of the scan that become one; a series of frames, or a line, has one row. Allowed: whole numbers from 1 to 4096.
    pub rows: usize,
    /// Columns of the scan that become one; of a series of frames: frames. Allowed: whole numbers from 1 to 4096.
    pub columns: usize,
    /// Scans of a series that become one: along the slowest of three axes or more. Allowed: whole numbers from 1 to 4096.
    pub along: usize,
    /// Scans that become one along the second of four axes. Allowed: whole numbers from 1 to 4096.
    pub second_along: usize,
    /// Total of a group, or its average.
    pub statistic: GroupStatistic,
}

impl Default for RebinScan {
    fn default() -> Self {
        RebinScan {
            rows: 2,
            columns: 2,
            along: 1,
            second_along: 1,
            statistic: GroupStatistic::Automatic,
        }
    }
}

impl Operation for RebinScan {
    const NAME: &'static str = "rebin_scan";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "whole numbers from 1 to 4096",
            "Rows of the scan that become one; a series of frames, or a line, has one row.",
        ],
        [
            "",
            "whole numbers from 1 to 4096",
            "Columns of the scan that become one; of a series of frames: frames.",
        ],
        [
            "",
            "whole numbers from 1 to 4096",
            "Scans of a series that become one: along the slowest of three axes or more.",
        ],
        [
            "",
            "whole numbers from 1 to 4096",
            "Scans that become one along the second of four axes.",
        ],
        [
            "",
            "automatic, sum, mean",
            "Total of a group, or its average.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("rows", self.rows.to_json()),
            ("columns", self.columns.to_json()),
            ("along", self.along.to_json()),
            ("second_along", self.second_along.to_json()),
            ("statistic", self.statistic.to_json()),
        ]
    }
}

/// The axis the window lies along: the slowest one (time of a series), the second one, rows or columns of the scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanAxis {
    Slowest,
    Second,
    Rows,
    Columns,
}

impl ToJson for ScanAxis {
    fn to_json(&self) -> String {
        quoted(match self {
            ScanAxis::Slowest => "slowest",
            ScanAxis::Second => "second",
            ScanAxis::Rows => "rows",
            ScanAxis::Columns => "columns",
        })
    }
}

/// Rolling mean: The mean of each frame and its neighbours along one axis of the scan.
///
/// pandas, rolling mean, doi:10.5281/zenodo.3509134
#[derive(Clone, Debug, PartialEq)]
pub struct RollingMean {
    /// The axis the window lies along: the slowest one (time of a series), the second one, rows or columns of the scan.
    pub along: ScanAxis,
    /// Positions of the window, an odd number: one in the middle, and as many before it as behind. Allowed: whole numbers from 1 to 1001.
    pub window: usize,
}

impl Default for RollingMean {
    fn default() -> Self {
        RollingMean {
            along: ScanAxis::Slowest,
            window: 3,
        }
    }
}

impl Operation for RollingMean {
    const NAME: &'static str = "rolling_mean";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "slowest, second, rows, columns",
            "The axis the window lies along: the slowest one (time of a series), the second one, rows or columns of the scan.",
        ],
        [
            "",
            "whole numbers from 1 to 1001",
            "Positions of the window, an odd number: one in the middle, and as many before it as behind.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("along", self.along.to_json()),
            ("window", self.window.to_json()),
        ]
    }
}

/// What is subtracted first: nothing, the mean frame over the scan (navigation), of each frame its own mean (signal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centre {
    None,
    Navigation,
    Signal,
}

impl ToJson for Centre {
    fn to_json(&self) -> String {
        quoted(match self {
            Centre::None => "none",
            Centre::Navigation => "navigation",
            Centre::Signal => "signal",
        })
    }
}

/// Decomposition: Takes a scan apart into components of the largest variance (PCA): a model with scores, loadings and reconstructions.
///
/// Keenan, Kotula, doi:10.1002/sia.1657; Halko, Martinsson, Tropp, doi:10.1137/090771806
#[derive(Clone, Debug, PartialEq)]
pub struct Svd {
    /// How many components; no more than there are positions and pixels. Allowed: whole numbers from 1 to 200.
    pub components: usize,
    /// What is subtracted first: nothing, the mean frame over the scan (navigation), of each frame its own mean (signal).
    pub centre: Centre,
    /// Weighs frames and pixels by their counts, so that noise of counts is alike in all; not together with a centre.
    pub normalize_poissonian_noise: bool,
    /// Passes over the scan where frames have more than 2048 pixels: more come nearer to components of hardly different variance. Allowed: whole numbers from 2 to 20.
    pub passes: usize,
}

impl Default for Svd {
    fn default() -> Self {
        Svd {
            components: 20,
            centre: Centre::None,
            normalize_poissonian_noise: false,
            passes: 2,
        }
    }
}

impl Operation for Svd {
    const NAME: &'static str = "svd";

    const ABOUT: &'static [[&'static str; 3]] = &[
        [
            "",
            "whole numbers from 1 to 200",
            "How many components; no more than there are positions and pixels.",
        ],
        [
            "",
            "none, navigation, signal",
            "What is subtracted first: nothing, the mean frame over the scan (navigation), of each frame its own mean (signal).",
        ],
        [
            "",
            "true or false",
            "Weighs frames and pixels by their counts, so that noise of counts is alike in all; not together with a centre.",
        ],
        [
            "",
            "whole numbers from 2 to 20",
            "Passes over the scan where frames have more than 2048 pixels: more come nearer to components of hardly different variance.",
        ],
    ];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("components", self.components.to_json()),
            ("centre", self.centre.to_json()),
            (
                "normalize_poissonian_noise",
                self.normalize_poissonian_noise.to_json(),
            ),
            ("passes", self.passes.to_json()),
        ]
    }
}

/// Scores: Maps of how much of each component of a model there is at every scan position.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {}

impl Default for Scores {
    fn default() -> Self {
        Scores {}
    }
}

impl Operation for Scores {
    const NAME: &'static str = "scores";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Loadings: What each component of a model looks like: one frame per component.
#[derive(Clone, Debug, PartialEq)]
pub struct Loadings {}

impl Default for Loadings {
    fn default() -> Self {
        Loadings {}
    }
}

impl Operation for Loadings {
    const NAME: &'static str = "loadings";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Reconstruction: Frames rebuilt from the first components of a model, without most of the noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconstruct {
    /// How many components, from the first one on. Allowed: whole numbers from 1 to 200.
    pub components: usize,
}

impl Default for Reconstruct {
    fn default() -> Self {
        Reconstruct { components: 5 }
    }
}

impl Operation for Reconstruct {
    const NAME: &'static str = "reconstruct";

    const ABOUT: &'static [[&'static str; 3]] = &[[
        "",
        "whole numbers from 1 to 200",
        "How many components, from the first one on.",
    ]];

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("components", self.components.to_json())]
    }
}

/// Subtract: Subtracts another signal, position by position and pixel by pixel: a dark frame, an earlier result.
#[derive(Clone, Debug, PartialEq)]
pub struct Subtract {}

impl Default for Subtract {
    fn default() -> Self {
        Subtract {}
    }
}

impl Operation for Subtract {
    const NAME: &'static str = "subtract";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Add: Adds another signal, position by position and pixel by pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Add {}

impl Default for Add {
    fn default() -> Self {
        Add {}
    }
}

impl Operation for Add {
    const NAME: &'static str = "add";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Multiply by: Multiplies by another signal, position by position and pixel by pixel: a mask, a gain.
#[derive(Clone, Debug, PartialEq)]
pub struct Multiply {}

impl Default for Multiply {
    fn default() -> Self {
        Multiply {}
    }
}

impl Operation for Multiply {
    const NAME: &'static str = "multiply";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Divide by: Divides by another signal, position by position and pixel by pixel: a gain reference, another detector. Without value where that is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Divide {}

impl Default for Divide {
    fn default() -> Self {
        Divide {}
    }
}

impl Operation for Divide {
    const NAME: &'static str = "divide";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Amplitude: How large complex numbers are.
///
/// hyperspy, ComplexSignal, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct Amplitude {}

impl Default for Amplitude {
    fn default() -> Self {
        Amplitude {}
    }
}

impl Operation for Amplitude {
    const NAME: &'static str = "amplitude";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Phase: The angle of complex numbers, in radians from -π to π.
///
/// hyperspy, ComplexSignal, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {}

impl Default for Phase {
    fn default() -> Self {
        Phase {}
    }
}

impl Operation for Phase {
    const NAME: &'static str = "phase";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Real part: The real part of complex numbers.
///
/// hyperspy, ComplexSignal, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct Real {}

impl Default for Real {
    fn default() -> Self {
        Real {}
    }
}

impl Operation for Real {
    const NAME: &'static str = "real";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Imaginary part: The imaginary part of complex numbers.
///
/// hyperspy, ComplexSignal, doi:10.5281/zenodo.592838
#[derive(Clone, Debug, PartialEq)]
pub struct Imaginary {}

impl Default for Imaginary {
    fn default() -> Self {
        Imaginary {}
    }
}

impl Operation for Imaginary {
    const NAME: &'static str = "imaginary";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Luminance: How bright colours are: 0.299 R + 0.587 G + 0.114 B of the stored numbers.
///
/// hyperspy, rgb_tools, doi:10.5281/zenodo.592838; ITU-R BT.601-7
#[derive(Clone, Debug, PartialEq)]
pub struct Luminance {}

impl Default for Luminance {
    fn default() -> Self {
        Luminance {}
    }
}

impl Operation for Luminance {
    const NAME: &'static str = "luminance";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Red: The red part of colours.
///
/// hyperspy, rgb_tools, doi:10.5281/zenodo.592838; ITU-R BT.601-7
#[derive(Clone, Debug, PartialEq)]
pub struct Red {}

impl Default for Red {
    fn default() -> Self {
        Red {}
    }
}

impl Operation for Red {
    const NAME: &'static str = "red";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Green: The green part of colours.
///
/// hyperspy, rgb_tools, doi:10.5281/zenodo.592838; ITU-R BT.601-7
#[derive(Clone, Debug, PartialEq)]
pub struct Green {}

impl Default for Green {
    fn default() -> Self {
        Green {}
    }
}

impl Operation for Green {
    const NAME: &'static str = "green";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Blue: The blue part of colours.
///
/// hyperspy, rgb_tools, doi:10.5281/zenodo.592838; ITU-R BT.601-7
#[derive(Clone, Debug, PartialEq)]
pub struct Blue {}

impl Default for Blue {
    fn default() -> Self {
        Blue {}
    }
}

impl Operation for Blue {
    const NAME: &'static str = "blue";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Alpha: The opacity of colours: 0 where nothing is seen.
///
/// hyperspy, rgb_tools, doi:10.5281/zenodo.592838; ITU-R BT.601-7
#[derive(Clone, Debug, PartialEq)]
pub struct Alpha {}

impl Default for Alpha {
    fn default() -> Self {
        Alpha {}
    }
}

impl Operation for Alpha {
    const NAME: &'static str = "alpha";

    fn fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Which parameters each method of [`Signal`] takes.
pub mod method {
    /// Parameters of [`Signal::subtract_background`](super::Signal::subtract_background).
    #[diagnostic::on_unimplemented(
        message = "`subtract_background` does not take `{Self}`",
        label = "not parameters of `subtract_background`",
        note = "it takes RadialMedian, DifferenceOfGaussians, MedianKernel, HDome"
    )]
    pub trait SubtractBackground: super::Operation {}
    impl SubtractBackground for super::RadialMedian {}
    impl SubtractBackground for super::DifferenceOfGaussians {}
    impl SubtractBackground for super::MedianKernel {}
    impl SubtractBackground for super::HDome {}

    /// Parameters of [`Signal::find_peaks`](super::Signal::find_peaks).
    #[diagnostic::on_unimplemented(
        message = "`find_peaks` does not take `{Self}`",
        label = "not parameters of `find_peaks`",
        note = "it takes NormalizedCorrelation, DifferenceOfGaussiansPeaks, LocalMaximum"
    )]
    pub trait FindPeaks: super::Operation {}
    impl FindPeaks for super::NormalizedCorrelation {}
    impl FindPeaks for super::DifferenceOfGaussiansPeaks {}
    impl FindPeaks for super::LocalMaximum {}

    /// Parameters of [`Signal::virtual_image`](super::Signal::virtual_image).
    #[diagnostic::on_unimplemented(
        message = "`virtual_image` does not take `{Self}`",
        label = "not parameters of `virtual_image`",
        note = "it takes Disk, Annulus, Rectangle, Polygon"
    )]
    pub trait VirtualImage: super::Operation {}
    impl VirtualImage for super::Disk {}
    impl VirtualImage for super::Annulus {}
    impl VirtualImage for super::Rectangle {}
    impl VirtualImage for super::Polygon {}

    /// Parameters of [`Signal::pattern`](super::Signal::pattern).
    #[diagnostic::on_unimplemented(
        message = "`pattern` does not take `{Self}`",
        label = "not parameters of `pattern`",
        note = "it takes MeanPattern, MaximumPattern"
    )]
    pub trait Pattern: super::Operation {}
    impl Pattern for super::MeanPattern {}
    impl Pattern for super::MaximumPattern {}
}

impl Signal {
    /// - [`MaskPixels`]: Takes the value from pixels that a file marks: dead and hot ones, those behind a beam stop.
    ///
    /// Adds a node and computes nothing: `scan.mask_pixels(MaskPixels::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn mask_pixels(&self, parameters: MaskPixels) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`FlatField`]: Divides every frame by how sensitive each pixel is, a picture from a file.
    ///
    /// Adds a node and computes nothing: `scan.flat_field(FlatField::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn flat_field(&self, parameters: FlatField) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`RadialMedian`]: Removes the background that depends only on the distance from the direct beam.
    /// - [`DifferenceOfGaussians`]: Removes a smooth background of any shape; keeps disks and spots.
    /// - [`MedianKernel`]: Removes whatever is wider than half the square; keeps smaller disks.
    /// - [`HDome`]: Keeps peaks that rise a given height above their surroundings; result from 0 to 1.
    ///
    /// Adds a node and computes nothing: `scan.subtract_background(RadialMedian::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn subtract_background<P: method::SubtractBackground>(
        &self,
        parameters: P,
    ) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`NormalizedCorrelation`]: Finds disks of one shape whatever their brightness, as exactly as the counts allow, with their errors.
    /// - [`DifferenceOfGaussiansPeaks`]: Finds spots of a few pixels that stand out of the frame's noise.
    /// - [`LocalMaximum`]: Finds pixels brighter than everything around them; for sharp spots or smoothed frames.
    ///
    /// Adds a node and computes nothing: `scan.find_peaks(NormalizedCorrelation::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn find_peaks<P: method::FindPeaks>(&self, parameters: P) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`StrainMap`]: Maps ε_xx, ε_yy, ε_xy and rotation against a reference region of the scan.
    ///
    /// Adds a node and computes nothing: `peaks.strain_map(StrainMap::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn strain_map(&self, parameters: StrainMap) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`Disk`]: Image of the scan from the counts inside a disk: bright field, or one Bragg disk.
    /// - [`Annulus`]: Image of the scan from the counts inside a ring: annular dark field.
    /// - [`Rectangle`]: Image of the scan from the counts inside a rectangle.
    /// - [`Polygon`]: Image of the scan from the counts inside a polygon: a shape of any kind, drawn on the pattern.
    ///
    /// Adds a node and computes nothing: `scan.virtual_image(Disk::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn virtual_image<P: method::VirtualImage>(&self, parameters: P) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`EnergyWindow`]: Image of the scan from the counts of spectra within a window of energies, or of whatever their axis is.
    ///
    /// Adds a node and computes nothing: `scan.energy_window(EnergyWindow::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn energy_window(&self, parameters: EnergyWindow) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`CenterOfMass`]: Maps the deflection of the beam: rows and columns, in detector pixels.
    ///
    /// Adds a node and computes nothing: `scan.center_of_mass(CenterOfMass::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn center_of_mass(&self, parameters: CenterOfMass) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`IntegratedCenterOfMass`]: The phase of the specimen from the deflection of the beam (iDPC).
    ///
    /// Adds a node and computes nothing: `scan.integrated_center_of_mass(IntegratedCenterOfMass::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn integrated_center_of_mass(&self, parameters: IntegratedCenterOfMass) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`MeanPattern`]: One frame: the mean of all frames of the scan, or of a region of it.
    /// - [`MaximumPattern`]: One frame: the largest value of every pixel over the scan, or over a region of it.
    ///
    /// Adds a node and computes nothing: `scan.pattern(MeanPattern::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn pattern<P: method::Pattern>(&self, parameters: P) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`AzimuthalIntegral`]: Averages or sums each pattern over rings around the direct beam: a radial profile.
    ///
    /// Adds a node and computes nothing: `scan.azimuthal_integral(AzimuthalIntegral::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn azimuthal_integral(&self, parameters: AzimuthalIntegral) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`CenterDirectBeam`]: Moves every pattern so that its direct beam is in the middle of the frame.
    ///
    /// Adds a node and computes nothing: `scan.center_direct_beam(CenterDirectBeam::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn center_direct_beam(&self, parameters: CenterDirectBeam) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`CropSignal`]: Keeps a part of every pattern or spectrum; its axes go on where the part begins.
    ///
    /// Adds a node and computes nothing: `scan.crop_signal(CropSignal::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn crop_signal(&self, parameters: CropSignal) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`RebinSignal`]: Joins blocks of pixels or channels, for less noise and less memory.
    ///
    /// Adds a node and computes nothing: `scan.rebin_signal(RebinSignal::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn rebin_signal(&self, parameters: RebinSignal) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`CropScan`]: Keeps a region of the scan, or a part of a series; positions keep their place in calibrated units.
    ///
    /// Adds a node and computes nothing: `scan.crop_scan(CropScan::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn crop_scan(&self, parameters: CropScan) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`RebinScan`]: Joins neighbouring scan positions, for less noise and fewer frames.
    ///
    /// Adds a node and computes nothing: `scan.rebin_scan(RebinScan::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn rebin_scan(&self, parameters: RebinScan) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`RollingMean`]: The mean of each frame and its neighbours along one axis of the scan.
    ///
    /// Adds a node and computes nothing: `scan.rolling_mean(RollingMean::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn rolling_mean(&self, parameters: RollingMean) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`Svd`]: Takes a scan apart into components of the largest variance (PCA): a model with scores, loadings and reconstructions.
    ///
    /// Adds a node and computes nothing: `scan.decompose(Svd::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn decompose(&self, parameters: Svd) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// Maps of how much of each component of a model there is at every scan position.
    ///
    /// Adds a node and computes nothing: `model.scores()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn scores(&self) -> Result<Signal> {
        self.apply(&Scores {})
    }

    /// What each component of a model looks like: one frame per component.
    ///
    /// Adds a node and computes nothing: `model.loadings()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn loadings(&self) -> Result<Signal> {
        self.apply(&Loadings {})
    }

    /// Frames rebuilt from the first components of a model, without most of the noise.
    /// - `components`: How many components, from the first one on. Allowed: whole numbers from 1 to 200.
    ///
    /// Adds a node and computes nothing: `model.reconstruct(5)?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit this signal.
    pub fn reconstruct(&self, components: usize) -> Result<Signal> {
        self.apply(&Reconstruct { components })
    }

    /// Subtracts another signal, position by position and pixel by pixel: a dark frame, an earlier result.
    ///
    /// With
    /// - `other`: What is subtracted: a signal of the same shape, or one frame for all scan positions.
    ///
    /// Adds a node and computes nothing: `scan.subtract(&other)?`.
    ///
    /// # Errors
    /// The operation does not fit these signals.
    pub fn subtract(&self, other: &Signal) -> Result<Signal> {
        self.apply_with(&[other], &Subtract {})
    }

    /// Adds another signal, position by position and pixel by pixel.
    ///
    /// With
    /// - `other`: What is added: a signal of the same shape, or one frame for all scan positions.
    ///
    /// Adds a node and computes nothing: `scan.add(&other)?`.
    ///
    /// # Errors
    /// The operation does not fit these signals.
    pub fn add(&self, other: &Signal) -> Result<Signal> {
        self.apply_with(&[other], &Add {})
    }

    /// Multiplies by another signal, position by position and pixel by pixel: a mask, a gain.
    ///
    /// With
    /// - `other`: What it is multiplied by: a signal of the same shape, or one frame for all scan positions.
    ///
    /// Adds a node and computes nothing: `scan.multiply(&other)?`.
    ///
    /// # Errors
    /// The operation does not fit these signals.
    pub fn multiply(&self, other: &Signal) -> Result<Signal> {
        self.apply_with(&[other], &Multiply {})
    }

    /// Divides by another signal, position by position and pixel by pixel: a gain reference, another detector. Without value where that is 0.
    ///
    /// With
    /// - `other`: What it is divided by: a signal of the same shape, or one frame for all scan positions.
    ///
    /// Adds a node and computes nothing: `scan.divide(&other)?`.
    ///
    /// # Errors
    /// The operation does not fit these signals.
    pub fn divide(&self, other: &Signal) -> Result<Signal> {
        self.apply_with(&[other], &Divide {})
    }

    /// How large complex numbers are.
    ///
    /// Adds a node and computes nothing: `scan.amplitude()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn amplitude(&self) -> Result<Signal> {
        self.apply(&Amplitude {})
    }

    /// The angle of complex numbers, in radians from -π to π.
    ///
    /// Adds a node and computes nothing: `scan.phase()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn phase(&self) -> Result<Signal> {
        self.apply(&Phase {})
    }

    /// The real part of complex numbers.
    ///
    /// Adds a node and computes nothing: `scan.real()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn real(&self) -> Result<Signal> {
        self.apply(&Real {})
    }

    /// The imaginary part of complex numbers.
    ///
    /// Adds a node and computes nothing: `scan.imaginary()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn imaginary(&self) -> Result<Signal> {
        self.apply(&Imaginary {})
    }

    /// How bright colours are: 0.299 R + 0.587 G + 0.114 B of the stored numbers.
    ///
    /// Adds a node and computes nothing: `scan.luminance()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn luminance(&self) -> Result<Signal> {
        self.apply(&Luminance {})
    }

    /// The red part of colours.
    ///
    /// Adds a node and computes nothing: `scan.red()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn red(&self) -> Result<Signal> {
        self.apply(&Red {})
    }

    /// The green part of colours.
    ///
    /// Adds a node and computes nothing: `scan.green()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn green(&self) -> Result<Signal> {
        self.apply(&Green {})
    }

    /// The blue part of colours.
    ///
    /// Adds a node and computes nothing: `scan.blue()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn blue(&self) -> Result<Signal> {
        self.apply(&Blue {})
    }

    /// The opacity of colours: 0 where nothing is seen.
    ///
    /// Adds a node and computes nothing: `scan.alpha()?`.
    ///
    /// # Errors
    /// The operation does not fit this signal.
    pub fn alpha(&self) -> Result<Signal> {
        self.apply(&Alpha {})
    }

    /// - [`NormalizedCorrelation`]: Finds disks of one shape whatever their brightness, as exactly as the counts allow, with their errors.
    ///
    /// As [`Signal::find_peaks`], with
    /// - `vacuum`: A scan without specimen, or one frame of it, from the same detector: what the direct beam is there, all disks are, unless the disks themselves tell it better.
    ///
    /// Adds a node and computes nothing: `scan.find_peaks_with(&vacuum, NormalizedCorrelation::default())?`.
    ///
    /// # Errors
    /// A parameter is out of range, or the operation does not fit these signals.
    pub fn find_peaks_with(
        &self,
        vacuum: &Signal,
        parameters: NormalizedCorrelation,
    ) -> Result<Signal> {
        self.apply_with(&[vacuum], &parameters)
    }
}
