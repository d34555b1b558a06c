//! Signals as arrays, and what people tried first.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    // Reported by those who tried.
    (
        "let again = open(\"scan.zspy\")?\nagain.shape()?",
        "ends with `;`",
        "let again = open(\"scan.zspy\")?;\nagain.shape()?",
    ),
    (
        "scan.sum()",
        "say over what",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "import matplotlib.pyplot as plt",
        "nothing to import",
        "scan",
    ),
    (
        "println!(f\"of {scan}\")",
        "`format!`",
        "println!(\"of {scan:?}\");",
    ),
    (
        "print(f\"{n_rows} rows of {scan}\")",
        "`format!`",
        "println!(\"{n_rows} rows of {scan:?}\");",
    ),
    ("plt.imshow(scan)", "needs no plotting", "scan"),
    ("scan.T", "no transposed signal", "scan"),
    (
        "scan.inav[1, 2]",
        "in hyperspy the column",
        "scan.frame((2, 1))?",
    ),
    ("%matplotlib inline", "pictures come by themselves", "scan"),
    ("ls", "goes to the shell", "!ls"),
    (
        "for i in range(10):\n    print(i)",
        "a block stands in braces",
        "for i in 0..10 {\n    println!(\"{i}\");\n}",
    ),
    (
        "peaks",
        "there is no variable `peaks`",
        "let peaks = scan.find_peaks(NormalizedCorrelation::default())?;\npeaks",
    ),
    (
        "scan.virtual_image(Disk { radius: 6, .. })?",
        "completes a struct",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.mean_pattern()",
        "`pattern`",
        "scan.pattern(MeanPattern::default())?",
    ),
    // Signals as arrays.
    (
        "let m = scan.mean();",
        "say over what",
        "let m = scan.pattern(MeanPattern::default())?;",
    ),
    (
        "scan.max()",
        "largest value of every pixel",
        "scan.pattern(MaximumPattern::default())?",
    ),
    ("scan.data", "read frame by frame", "scan.frame((0, 0))?"),
    ("scan.data.shape", "`shape()?`", "scan.shape()?"),
    (
        "let d = scan.data[0, 1];",
        "frame((row, column))",
        "let d = scan.frame((0, 1))?;",
    ),
    ("scan[0, 1]", "frame((row, column))", "scan.frame((0, 1))?"),
    (
        "scan[(0, 1)]",
        "frame((row, column))",
        "scan.frame((0, 1))?",
    ),
    (
        "scan(0, 1)",
        "`frame((row, column))?`",
        "scan.frame((0, 1))?",
    ),
    (
        "scan.inav[1]",
        "frame((row, column))",
        "scan.frame((0, 1))?",
    ),
    (
        "let roi = scan.inav[0:2, 0:3];",
        "mean pattern of a region",
        "let roi = scan.pattern(MeanPattern { positions: Some(Region::rectangle(0, 0, 2, 3)), ..default() })?;",
    ),
    (
        "scan.isig[1:3, 0:2]",
        "virtual image",
        "scan.virtual_image(Rectangle { corner: Some([0.0, 1.0]), height: 2.0, width: 2.0, ..default() })?",
    ),
    (
        "scan.axes_manager[0].scale",
        "axes of a signal",
        "scan.axes()?[0].scale",
    ),
    ("scan.metadata", "shows its shape, axes", "?scan"),
    ("scan.describe()", "shows its shape, axes", "?scan"),
    ("scan.describe()?", "shows its shape, axes", "?scan"),
    ("scan.info()", "shows its shape, axes", "?scan"),
    (
        "let m = flat.clone().info();",
        "shows its shape, axes",
        "let m = flat.clone().axes()?;",
    ),
    (
        "let s = flat.clone();\nprint(s.metadata)\ns.shape()?",
        "a statement ends",
        "let s = flat.clone();\ns.shape()?",
    ),
    (
        "np.max(scan.inav[0:2, 0:3])",
        "`crop_scan`",
        "scan.pattern(MaximumPattern { positions: Some(Region::rectangle(0, 0, 2, 3)), ..default() })?",
    ),
    ("print(scan.metadata)", "shows its shape, axes", "?scan"),
    ("print(scan.describe())", "shows its shape, axes", "?scan"),
    (
        "println!(\"{}\", scan.metadata)",
        "shows its shape, axes",
        "?scan",
    ),
    ("scan.node", "is `id()`", "scan.id()"),
    (
        "scan.numbers(\"peaks\", &[0, 0])",
        "not for cells",
        "?Signal",
    ),
    (
        "scan.shape[0]",
        "is a method",
        "scan.shape()?.navigation[0]",
    ),
    (
        "scan.shape()?[2]",
        "`navigation`",
        "scan.shape()?.signal[0]",
    ),
    ("len(scan)", "sizes of a signal", "scan.shape()?"),
    ("scan.plot();", "shown by the last line", "scan"),
    (
        "np.mean(scan)",
        "say over what",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "let r = np.sqrt(scan);",
        "`map`",
        "let r = scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?;",
    ),
    (
        "scan.map(np.sqrt)?",
        "module of Python",
        "scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?",
    ),
    (
        "scan / 2",
        "frame by frame",
        "scan.map(|frame: Frame<f32>| frame.mapv(|pixel| pixel / 2.0))?",
    ),
    ("scan - flat", "`subtract`", "scan.subtract(&flat)?"),
    (
        "for f in scan { println!(\"{}\", f.mean()); }",
        "a signal is no list",
        "scan.map(|frame: Frame<f32>| frame.mean())?",
    ),
    (
        "strain.e_xx",
        "chosen above its picture",
        "strain.compute()?;\nFrame::from_fn((strain.shape()?.navigation[0], strain.shape()?.navigation[1]), \
         |(row, column)| strain.values((row, column)).map_or(f64::NAN, |values| values[0]))",
    ),
    (
        "strain[\"e_xy\"]",
        "chosen above its picture",
        "strain.compute()?;\nFrame::from_fn((strain.shape()?.navigation[0], strain.shape()?.navigation[1]), \
         |(row, column)| strain.values((row, column)).map_or(f64::NAN, |values| values[2]))",
    ),
    (
        "scan.fft()",
        "no step `fft` yet",
        "scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?",
    ),
    (
        "scan.bright_field()",
        "here it is `virtual_image`",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.find_Bragg_disks()",
        "here it is `find_peaks`",
        "scan.find_peaks(NormalizedCorrelation::default())?",
    ),
    (
        "let small = scan.rebin(scale=(1, 1, 2, 2));",
        "here it is `rebin_signal`",
        "let small = scan.rebin_signal(RebinSignal::default())?;",
    ),
    (
        "scan.mean_dp",
        "here it is `pattern`",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "scan.as_lazy()",
        "keeps all of it in memory",
        "scan.compute()?",
    ),
    ("scan.calibrate(0.1)", "when the file is opened", "?Open"),
    (
        "scan.sum_pattern()",
        "the sum divided by the number of positions",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "scan.get_phase()",
        "here it is `integrated_center_of_mass`",
        "scan.integrated_center_of_mass(IntegratedCenterOfMass::default())?",
    ),
    (
        "let flat = &scan;",
        "`.clone()`: no pixels are copied",
        "let flat = scan.clone();",
    ),
    (
        "let other = &open(\"scan.zspy\")?;",
        "use it inside of braces",
        "let other = open(\"scan.zspy\")?;",
    ),
    (
        "scan.com()?",
        "here it is `center_of_mass`",
        "scan.center_of_mass(CenterOfMass::default())?",
    ),
    (
        "scan.radial_median()",
        "`subtract_background`",
        "scan.subtract_background(RadialMedian::default())?",
    ),
    (
        "scan.find_peak(LocalMaximum::default())?",
        "did you mean `find_peaks`",
        "scan.find_peaks(LocalMaximum::default())?",
    ),
    (
        "scan.map(|f| f.mean())?",
        "type of the pixels",
        "scan.map(|f: Frame<f32>| f.mean())?",
    ),
    (
        "scan.map(lambda f: f.mean())",
        "a closure is written",
        "scan.map(|f: Frame<f32>| f.mean())",
    ),
];
