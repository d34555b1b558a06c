// Written by `cargo xtask codegen` from the registry of operations; do not edit.

super::parameters::operations! {
    choices {
        Marked { Bad, Good }
        Subpixel { None, Parabola, Com }
        Statistic { Sum, Mean }
        Reference { None, Mean, Plane }
        ScanEdges { Mirrored, Periodic }
        BeamMethod { HalfHeight, Com, Blur }
        Movement { Bilinear, WholePixels }
        Outside { Nan, Zero }
        GroupStatistic { Automatic, Sum, Mean }
        ScanAxis { Slowest, Second, Rows, Columns }
        Centre { None, Navigation, Signal }
    }

    MaskPixels: mask_pixels() {
        file: Option<String>,
        marked: Marked
    }

    FlatField: flat_field() {
        file: Option<String>,
        keep_level: bool
    }

    RadialMedian: subtract_background() {
        centre: Option<[f64; 2]>,
        keep_direct_beam: bool,
        clip: bool
    }

    DifferenceOfGaussians: subtract_background() {
        min_sigma: f64,
        max_sigma: f64,
        clip: bool
    }

    MedianKernel: subtract_background() {
        footprint: usize,
        clip: bool
    }

    HDome: subtract_background() {
        h: f64
    }

    NormalizedCorrelation: find_peaks(), find_peaks_with(vacuum) {
        radius: Option<f64>,
        direct_beam: Option<[f64; 2]>,
        vacuum: Option<Region>,
        threshold: Option<f64>,
        min_distance: Option<f64>,
        exclude_border: Option<f64>,
        max_peaks: Option<usize>
    }

    DifferenceOfGaussiansPeaks: find_peaks() {
        sigma_narrow: f64,
        sigma_wide: f64,
        threshold: f64,
        min_distance: usize,
        subpixel: Subpixel,
        exclude_border: usize,
        max_peaks: Option<usize>
    }

    LocalMaximum: find_peaks() {
        min_distance: usize,
        threshold_abs: Option<f64>,
        threshold_rel: Option<f64>,
        subpixel: Subpixel,
        exclude_border: Option<usize>,
        max_peaks: Option<usize>
    }

    StrainMap: strain_map() {
        reference: Region,
        match_radius: Option<f64>,
        min_matches: usize,
        intensity_weights: bool,
        rotation_deg: f64,
        flip_ky: bool,
        calibrated: bool
    }

    Disk: virtual_image() {
        centre: Option<[f64; 2]>,
        radius: f64,
        statistic: Statistic
    }

    Annulus: virtual_image() {
        centre: Option<[f64; 2]>,
        inner_radius: f64,
        outer_radius: f64,
        statistic: Statistic
    }

    Rectangle: virtual_image() {
        corner: Option<[f64; 2]>,
        height: f64,
        width: f64,
        statistic: Statistic
    }

    Polygon: virtual_image() {
        vertices: Option<Vec<[f64; 2]>>,
        statistic: Statistic
    }

    EnergyWindow: energy_window() {
        range: Option<[f64; 2]>,
        statistic: Statistic
    }

    CenterOfMass: center_of_mass() {
        centre: Option<[f64; 2]>,
        radius: Option<f64>,
        reference: Reference
    }

    IntegratedCenterOfMass: integrated_center_of_mass() {
        rotation: f64,
        transpose: bool,
        high_pass: Option<f64>,
        low_pass: Option<f64>,
        edges: ScanEdges
    }

    MeanPattern: pattern() {
        positions: Option<Region>
    }

    MaximumPattern: pattern() {
        positions: Option<Region>
    }

    AzimuthalIntegral: azimuthal_integral() {
        centre: Option<[f64; 2]>,
        npt: Option<usize>,
        inner_radius: f64,
        outer_radius: Option<f64>,
        sector: Option<(f64, f64)>,
        statistic: Statistic
    }

    CenterDirectBeam: center_direct_beam() {
        method: BeamMethod,
        centre: Option<[f64; 2]>,
        radius: Option<f64>,
        sigma: f64,
        movement: Movement,
        outside: Outside
    }

    CropSignal: crop_signal() {
        top: usize,
        bottom: Option<usize>,
        left: usize,
        right: Option<usize>
    }

    RebinSignal: rebin_signal() {
        rows: usize,
        columns: usize,
        statistic: Statistic
    }

    CropScan: crop_scan() {
        region: Option<Region>,
        first: usize,
        end: Option<usize>,
        second_first: usize,
        second_end: Option<usize>
    }

    RebinScan: rebin_scan() {
        rows: usize,
        columns: usize,
        along: usize,
        second_along: usize,
        statistic: GroupStatistic
    }

    RollingMean: rolling_mean() {
        along: ScanAxis,
        window: usize
    }

    Svd: decompose() {
        components: usize,
        centre: Centre,
        normalize_poissonian_noise: bool,
        passes: usize
    }

    Scores: scores() {}

    Loadings: loadings() {}

    Reconstruct: reconstruct() {
        components: usize
    }

    Subtract: subtract(other) {}

    Add: add(other) {}

    Multiply: multiply(other) {}

    Divide: divide(other) {}

    Amplitude: amplitude() {}

    Phase: phase() {}

    Real: real() {}

    Imaginary: imaginary() {}

    Luminance: luminance() {}

    Red: red() {}

    Green: green() {}

    Blue: blue() {}

    Alpha: alpha() {}
}
