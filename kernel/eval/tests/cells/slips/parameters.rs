//! Parameters of operations, scan positions, paths.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    (
        "let bf = scan.virtual_image(radius: 6)?;",
        "fields of a struct with a name",
        "let bf = scan.virtual_image(Disk { radius: 6.0, ..default() })?;",
    ),
    (
        "let w = EnergyWindow { range: 525.0..560.0, ..default() };",
        "write `Some([525.0, 560.0])`",
        "let w = EnergyWindow { range: Some([525.0, 560.0]), ..default() };",
    ),
    (
        "scan.virtual_image(Disk { radius: 6 })?",
        "`, ..default() }`",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk { r: 6 })?",
        "did you mean `radius`",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk { center: (2, 3), radius: 2, ..default() })?",
        "did you mean `centre`",
        "scan.virtual_image(Disk { centre: Some([2.0, 3.0]), radius: 2.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk(radius=6))?",
        "`Disk::default()`",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(Disk)?",
        "`Disk::default()`",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.virtual_image(disk)?",
        "parameters are a struct",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.virtual_image(radius=6)?",
        "no keyword arguments",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image(6)?",
        "`virtual_image` takes",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.virtual_image()?",
        "one struct",
        "scan.virtual_image(Disk::default())?",
    ),
    (
        "scan.virtual_image({radius: 6})?",
        "struct with a name",
        "scan.virtual_image(Disk { radius: 6.0, ..default() })?",
    ),
    (
        "scan.subtract_background(method=\"difference of gaussians\", max_sigma=9)?",
        "no keyword arguments",
        "scan.subtract_background(DifferenceOfGaussians { max_sigma: 9.0, ..default() })?",
    ),
    // Another signal comes first.
    (
        "scan.find_peaks_with(NormalizedCorrelation::default())?",
        "another signal before its parameters: `.find_peaks_with(&vacuum, NormalizedCorrelation::default())`",
        "",
    ),
    (
        "let vacuum = open(\"scan.zspy\")?;\nscan.find_peaks_with(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
        "another signal before its parameters",
        "let vacuum = open(\"scan.zspy\")?;\nscan.find_peaks_with(&vacuum, NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    (
        "scan.find_peaks_with()?",
        "another signal before its parameters",
        "",
    ),
    (
        "scan.find_peaks(LocalMaximum { subpixel: None, max_peaks: 5, ..default() })?",
        "`Subpixel::None`",
        "scan.find_peaks(LocalMaximum { subpixel: Subpixel::None, max_peaks: Some(5), ..default() })?",
    ),
    (
        "scan.find_peaks(NormalizedCorrelation { radius: 4.0, ..default() })?",
        "`Some(4.0)`",
        "scan.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    (
        "scan.find_peaks(NormalizedCorrelation { min_distance: 6, ..default() })?",
        "`Some(6.0)`",
        "scan.find_peaks(NormalizedCorrelation { min_distance: Some(6.0), ..default() })?",
    ),
    (
        "let size = 6;\nscan.find_peaks(NormalizedCorrelation { radius: size, ..default() })?",
        "`Some(size as f64)`",
        "let size = 6;\nscan.find_peaks(NormalizedCorrelation { radius: Some(size as f64), ..default() })?",
    ),
    // Parameters of an earlier release.
    (
        "scan.find_peaks(NormalizedCorrelation { radius: 4.0, threshold: 0.5, ..default() })?",
        "in standard deviations now",
        "scan.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    (
        "scan.find_peaks(NormalizedCorrelation { window_pad: 3, radius: 4, ..default() })?",
        "leave `window_pad` out",
        "scan.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    (
        "scan.find_peaks(NormalizedCorrelation { subpixel: Subpixel::Disk, ..default() })?",
        "leave `subpixel` out",
        "scan.find_peaks(NormalizedCorrelation::default())?",
    ),
    (
        "scan.find_peaks(LocalMaximum { subpixel: Subpixel::Disk, ..default() })?",
        "`find_peaks(NormalizedCorrelation::default())`",
        "scan.find_peaks(LocalMaximum::default())?",
    ),
    (
        "flat.strain_map(StrainMap { reference: (0, 0, 2, 2) })?",
        "..default() }`",
        "flat.strain_map(StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() })?",
    ),
    (
        "scan.frame(1, 2)?",
        "`.frame((1, 2))`",
        "scan.frame((1, 2))?",
    ),
    (
        "scan.frame((1.0, 2.0))?",
        "whole numbers",
        "scan.frame((1, 2))?",
    ),
    ("open(scan.zspy)?", "double quotes", "open(\"scan.zspy\")?"),
    (
        "open('scan.zspy')?",
        "double ones for a text",
        "open(\"scan.zspy\")?",
    ),
    (
        "let s = hs.load(\"scan.hspy\")",
        "ends with `;`",
        "let s = open(\"scan.hspy\")?;",
    ),
    (
        "let s = hs.load(\"scan.hspy\");",
        "opened with `open`",
        "let s = open(\"scan.hspy\")?;",
    ),
    (
        "open(\"scan.zspy\", lazy=True)?",
        "no keyword arguments",
        "open(\"scan.zspy\")?",
    ),
    (
        "flat.find_peaks(DifferenceOfGaussians::default())?",
        "belongs to `subtract_background`",
        "flat.find_peaks(DifferenceOfGaussiansPeaks::default())?",
    ),
    (
        "flat.find_peaks(DifferenceOfGaussians)?",
        "belongs to `subtract_background`",
        "flat.find_peaks(DifferenceOfGaussiansPeaks::default())?",
    ),
    (
        "scan.subtract_background(NormalizedCorrelation::default())?",
        "belongs to `find_peaks`",
        "scan.find_peaks(NormalizedCorrelation::default())?",
    ),
    (
        "scan.center_of_mass(())?",
        "parameters are a struct",
        "scan.center_of_mass(CenterOfMass::default())?",
    ),
    (
        "scan.center_of_mass(Disk::default())?",
        "parameters are a struct",
        "scan.center_of_mass(CenterOfMass::default())?",
    ),
    (
        "flat.find_peaks(method=\"log\")?",
        "no keyword arguments",
        "flat.find_peaks(NormalizedCorrelation::default())?",
    ),
    (
        "strain.values()?",
        "at which scan position",
        "strain.values((0, 0))?",
    ),
    (
        "scan.frame()?",
        "at which scan position",
        "scan.frame((0, 0))?",
    ),
    (
        "scan.frame((-1, 0))?",
        "count from 0",
        "scan.frame((scan.shape()?.navigation[0] - 1, 0))?",
    ),
    (
        "strain.values((0, -2))?",
        "count from 0",
        "strain.values((0, strain.shape()?.navigation[1] - 2))?",
    ),
    (
        "scan.save(result.zspy)?",
        "double quotes",
        "scan.save(\"result.zspy\")?",
    ),
    (
        "scan.save(flat)?",
        "double quotes",
        "scan.save(\"flat.zspy\")?",
    ),
    ("open(scan)?", "is open already", "scan"),
    // Calls.
    (
        "scan.find_peaks(NormalizedCorrelation::new(4.0))?",
        "has all defaults",
        "scan.find_peaks(NormalizedCorrelation::default())?",
    ),
    (
        "scan.find_peaks(NormalizedCorrelation { radius: \"4\", ..default() })?",
        "without quotes",
        "scan.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?",
    ),
    (
        "scan.find_peaks::<LocalMaximum>()?",
        "between the brackets",
        "scan.find_peaks(LocalMaximum::default())?",
    ),
    (
        "scan.save(path=\"x.zspy\")?",
        "in order",
        "scan.save(\"x.zspy\")?",
    ),
    (
        "scan.save()?",
        "is called as",
        "scan.save(\"result.zspy\")?",
    ),
    (
        "scan.save(\"x.zspy\", \"y.zspy\")?",
        "is called as",
        "scan.save(\"x.zspy\")?",
    ),
    (
        "strain.export(\"x.rs\")?",
        "is called as",
        "strain.export()?",
    ),
    ("open()?", "is called as", "open(\"scan.zspy\")?"),
    ("undo()", "parameters were changed", "?undo"),
    (
        "memory_budget(4 GiB)?",
        "double quotes",
        "memory_budget(\"4 GiB\")?",
    ),
    (
        "compute_all(flat, strain)?",
        "one list",
        "compute_all(&[&flat, &strain])?",
    ),
    (
        "compute_all(&[flat, strain])?",
        "one list",
        "compute_all(&[&flat, &strain])?",
    ),
    (
        "scan.virtual_image(Disk { centre: Some(3.0, 4.0), ..default() })?",
        "square brackets",
        "scan.virtual_image(Disk { centre: Some([3.0, 4.0]), ..default() })?",
    ),
    (
        "let s = StrainMap { reference: Region(0, 0, 2, 2), ..default() };",
        "`Region::rectangle",
        "let s = StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() };",
    ),
    ("open(“scan.zspy”)?", "other quotes", "open(\"scan.zspy\")?"),
];
