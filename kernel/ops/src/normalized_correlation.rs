//! Finds disks by normalised correlation with a flat disk.
//!
//! `(ny, nx | ky, kx)` frames → `(ny, nx | ky, kx)` peaks: position in detector pixels, mean counts over the disk,
//! score from -1 to 1. Formula and edges: [`score_map`](crate::math::disk::score_map); maxima of the score at or above
//! `threshold`, one per `min_distance`, refined by `subpixel` (by default the fit of the disk's outline, which is
//! about as exact as the counts allow; a parabola through the correlation is drawn to whole and half pixels). Invalid pixels
//! have no weight, nor have hot ones, which nothing around them confirms. Empty or constant frames have no peaks.
//! Frame-local, O(P · radius) per frame.
//! Reference: J. P. Lewis, Fast normalized cross-correlation, Vision Interface 1995; score map equal to scikit-image
//! `match_template(pad_input=True, mode="reflect")` when `window_pad` is 0.

use signal::{
    CancelToken, Inputs, NavigationIndex, NotApplicable, Operation, OperationError, OperationInfo,
    Output, SignalMeta, parameters,
};

use crate::accept;
use crate::math::disk::score_map;
use crate::peak_finder::{self, Finder, Subpixel};

parameters! {
    /// Finds disks by normalised correlation with a flat disk.
    pub struct NormalizedCorrelation {
        /// Radius of the disks, rounded to whole pixels for the template.
        pub radius: f64 = 4.0, range (1.0, 128.0), units "px";
        /// Lowest score of a peak: 1 is a perfect disk; below 0.2 noise is found in sparse counts.
        pub threshold: f64 = 0.5, range (-1.0, 1.0);
        /// Peaks this close to a better one are dropped; half a radius to two radii.
        pub min_distance: usize = 5, range (1, 512), units "px";
        /// Widens the window that brightness is compared with beyond the disk's own square.
        pub window_pad: usize = 1, range (0, 3), units "px";
        /// How positions are refined beyond whole pixels.
        pub subpixel: Subpixel = Subpixel::Disk;
        /// Peaks closer than this to the frame's edge are dropped. Left out: the radius less one, because a disk
        /// that the edge cuts off looks shifted.
        pub exclude_border: Option<usize> = None, range (0, 512), units "px";
        /// Keep only the best peaks of each frame. Left out: all.
        pub max_peaks: Option<usize> = None, range (1, 100000);
    }
}

#[derive(Default)]
pub struct FindDisks;

impl Operation for FindDisks {
    type Params = NormalizedCorrelation;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "normalized_correlation",
        method: "find_peaks",
        parameters_type: "NormalizedCorrelation",
        title: "Find disks (normalised correlation)",
        summary: "Finds disks of one radius whatever their brightness, to a fraction of a pixel.",
        category: "Peaks",
        reference: "J. P. Lewis, Fast normalized cross-correlation, Vision Interface 1995",
    };

    const REVISION: u32 = 2;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &NormalizedCorrelation,
    ) -> Result<SignalMeta, NotApplicable> {
        let meta = peak_finder::describe(inputs)?;
        let (rows, columns) = accept::frame_shape(&meta);
        let side = 2 * params.radius.round() as usize + 1;
        if side > rows.min(columns) {
            return Err(accept::refuse(
                format!(
                    "a disk of radius {} px needs {side} px, the frame is {rows} x {columns} px",
                    params.radius
                ),
                "a radius that fits into the frame",
            ));
        }
        Ok(meta)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &NormalizedCorrelation,
        _prepared: Option<&()>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let grid = accept::grid_without_hot_pixels(inputs.frame()?)?;
        let radius = params.radius.round() as usize;
        let score = score_map(&grid, radius, params.window_pad);
        cancel.check()?;
        let finder = Finder {
            min_distance: params.min_distance,
            threshold: params.threshold,
            exclude_border: params.exclude_border.unwrap_or(radius - 1),
            max_peaks: params.max_peaks,
            subpixel: params.subpixel,
            radius: params.radius,
            score_range: (-1.0, 1.0),
        };
        if score.values.iter().all(|value| *value == 0.0) {
            return Ok(Output::Peaks(Default::default()));
        }
        Ok(finder.peaks(&grid, &score))
    }
}
