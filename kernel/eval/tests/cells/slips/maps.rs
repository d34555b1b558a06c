//! Maps: their components and their values.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    ("strain((0, 1))?", "`values(", "strain.values((0, 1))?"),
    (
        "strain.inav[1, 0]",
        "order of its components",
        "strain.values((0, 1))?",
    ),
    (
        "strain_map(reference=(0,0,2,2))",
        "`StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() }`",
        "found.strain_map(StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() })?",
    ),
    (
        "let s = found.strain_map(reference=(0,0,2,2))?;",
        "`StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() }`",
        "let s = found.strain_map(StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() })?;",
    ),
    (
        "found.strain_map(reference=(0,0,2,2), calibrated=True)",
        "`StrainMap { reference: Region::rectangle(0, 0, 2, 2), ..default() }`",
        "found.strain_map(StrainMap { reference: Region::rectangle(0, 0, 2, 2), calibrated: true, ..default() })",
    ),
    (
        "strain.ε_xx",
        "chosen above its picture",
        "strain.compute()?;\nFrame::from_fn((strain.shape()?.navigation[0], strain.shape()?.navigation[1]), \
         |(row, column)| strain.values((row, column)).map_or(f64::NAN, |values| values[0]))",
    ),
    (
        "let e = strain.e_yy;",
        "chosen above its picture",
        "strain.compute()?;\nlet e = Frame::from_fn((strain.shape()?.navigation[0], strain.shape()?.navigation[1]), \
         |(row, column)| strain.values((row, column)).map_or(f64::NAN, |values| values[1]));",
    ),
    (
        "strain.e_xx.max()",
        "chosen above its picture",
        "strain.compute()?;\nFrame::from_fn((strain.shape()?.navigation[0], strain.shape()?.navigation[1]), \
         |(row, column)| strain.values((row, column)).map_or(f64::NAN, |values| values[0])).max()",
    ),
    (
        "strain.component(\"theta\")",
        "chosen above its picture",
        "strain.compute()?;\nFrame::from_fn((strain.shape()?.navigation[0], strain.shape()?.navigation[1]), \
         |(row, column)| strain.values((row, column)).map_or(f64::NAN, |values| values[3]))",
    ),
    (
        "strain[\"e_xx\"].save(\"exx.zspy\")?",
        "with all its components",
        "strain.save(\"exx.zspy\")?",
    ),
    (
        "strain.values((2, 3))?[\"e_xx\"]",
        "order of its components",
        "strain.values((2, 3))?[0]",
    ),
    (
        "strain.values((2, 3))?.e_xy",
        "order of its components",
        "strain.values((2, 3))?[2]",
    ),
    (
        "strain.values(2, 3)?",
        "`.values((2, 3))`",
        "strain.values((2, 3))?",
    ),
];
