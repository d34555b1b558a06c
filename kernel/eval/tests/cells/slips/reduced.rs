//! Sums, means and largest values: over the scan, a region of it, or the pixels of every frame.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    (
        "scan.inav[1:3, 0:3].mean()",
        "mean over a region",
        "scan.pattern(MeanPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?",
    ),
    (
        "scan.inav[1:3, 0:3].sum()",
        "divided by the number of positions",
        "scan.pattern(MeanPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?",
    ),
    (
        "scan.inav[1:3, 0:3].max()",
        "largest value of every pixel",
        "scan.pattern(MaximumPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?",
    ),
    (
        "let m = scan.inav[1:3, 0:3].mean()?;",
        "mean over a region",
        "let m = scan.pattern(MeanPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?;",
    ),
    (
        "m = scan.inav[1:3, 0:3].max()",
        "largest value",
        "let m = scan.pattern(MaximumPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?;",
    ),
    (
        "scan[0:3, 1:3].mean(axis=(0, 1))",
        "mean over a region",
        "scan.pattern(MeanPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?",
    ),
    (
        "scan.data[0:3, 1:3].max(axis=(0, 1))",
        "largest value",
        "scan.pattern(MaximumPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?",
    ),
    ("scan.inav[1:3, 0:3].std()", "no other", ""),
    (
        "let roi = scan.inav[1:3, 0:3];\nlet m = roi.mean();",
        "",
        "let roi = scan.pattern(MeanPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?;\nlet m = roi.frame(())?.mean();",
    ),
    (
        "np.mean(scan.inav[1:3, 0:3])",
        "",
        "scan.pattern(MeanPattern { positions: Some(Region::rectangle(1, 0, 2, 3)), ..default() })?.frame(())?.mean()",
    ),
    (
        "scan[0:3, 1:3].sum(axis=(2, 3))",
        "the whole of it",
        "scan.virtual_image(Disk { radius: 10000.0, ..default() })?",
    ),
    (
        "scan.isig[1:3, 0:2].sum(axis=(2, 3))",
        "virtual image",
        "scan.virtual_image(Rectangle { corner: Some([0.0, 1.0]), height: 2.0, width: 2.0, ..default() })?",
    ),
    (
        "scan[:, :, 0:2, 1:3].mean(axis=(2, 3))",
        "virtual image",
        "scan.virtual_image(Rectangle { corner: Some([0.0, 1.0]), height: 2.0, width: 2.0, statistic: Statistic::Mean, ..default() })?",
    ),
    (
        "scan.pattern(MeanPattern::default())?.mean()",
        "a pattern is one frame",
        "scan.pattern(MeanPattern::default())?.frame(())?.mean()",
    ),
    (
        "scan.sum(axis=(2,3))",
        "covers the whole frame",
        "scan.virtual_image(Disk { radius: 10000.0, ..default() })?",
    ),
    (
        "scan.sum(axis=(-2,-1))",
        "covers the whole frame",
        "scan.virtual_image(Disk { radius: 10000.0, ..default() })?",
    ),
    (
        "np.sum(scan, axis=(2, 3))",
        "covers the whole frame",
        "scan.virtual_image(Disk { radius: 10000.0, ..default() })?",
    ),
    (
        "total = np.sum(scan, axis=(2, 3))",
        "covers the whole frame",
        "let total = scan.virtual_image(Disk { radius: 10000.0, ..default() })?;",
    ),
    (
        "total = scan.sum(axis=(2, 3))",
        "covers the whole frame",
        "let total = scan.virtual_image(Disk { radius: 10000.0, ..default() })?;",
    ),
    (
        "scan.data.mean(axis=(2, 3))",
        "covers the whole frame",
        "scan.virtual_image(Disk { radius: 10000.0, statistic: Statistic::Mean, ..default() })?",
    ),
    (
        "np.max(scan, axis=(2, 3))",
        "is a map",
        "scan.map(|frame: Frame<f32>| frame.max().unwrap_or(f32::NAN))?",
    ),
    (
        "scan.sum(axis=-1)",
        "one of the two axes",
        "scan.map(|frame: Frame<f32>| frame.sum())?",
    ),
    (
        "scan.sum(axis=(0, 1))",
        "say over what",
        "scan.pattern(MeanPattern::default())?",
    ),
    (
        "np.max(scan, axis=(0, 1))",
        "largest value",
        "scan.pattern(MaximumPattern::default())?",
    ),
    ("scan.min(axis=(0, 1))", "no other", ""),
];
