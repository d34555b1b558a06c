//! Frames, peaks and lists.

use super::Mistake;

pub(super) const SLIPS: &[Mistake] = &[
    ("pattern.shape", "`shape` is a method", "pattern.shape()"),
    ("pattern[0, 1]", "`frame[(row, column)]`", "pattern[(0, 1)]"),
    ("pattern[0][1]", "`frame[(row, column)]`", "pattern[(0, 1)]"),
    ("pattern(0, 1)", "square brackets", "pattern[(0, 1)]"),
    (
        "pattern / 2.0",
        "`mapv`",
        "pattern.mapv(|pixel| pixel / 2.0)",
    ),
    (
        "let p = flat.peaks((0, 0))?; p[0].x",
        "did you mean `kx`",
        "let p = flat.find_peaks(NormalizedCorrelation::default())?.peaks((0, 0))?; p[0].kx",
    ),
    (
        "let axis = scan.axes()?[0];",
        "`.clone()`",
        "let axis = scan.axes()?[0].clone();",
    ),
    ("list[0:2]", "copied by `.to_vec()`", "list[0..2].to_vec()"),
    (
        "list[-1]",
        "counted from its length",
        "list[list.len() - 1]",
    ),
    ("let x = list[0.0];", "whole number", "let x = list[0];"),
    (
        "let part = list[0..2];",
        "`.to_vec()`",
        "let part = list[0..2].to_vec();",
    ),
    (
        "list.append(4)",
        "`push`",
        "let mut list = list;\nlist.push(4);",
    ),
    ("list.length", "`list.len()`", "list.len()"),
    (
        "let y = [x * 2 for x in list];",
        ".collect()`",
        "let y = list.iter().map(|x| x * 2).collect::<Vec<_>>();",
    ),
    ("sum(list)", "`.iter()`", "list.iter().sum::<i32>()"),
    ("pattern.plot()", "last line", "pattern"),
    (
        "scan.frame((0, 1)).plot()",
        "may fail",
        "scan.frame((0, 1))?",
    ),
    ("pattern.sqrt()", "`mapv`", "pattern.mapv(f64::sqrt)"),
    ("pattern.log()", "`mapv`", "pattern.mapv(f64::ln)"),
    (
        "pattern > 100.0",
        "`mapv`",
        "pattern.mapv(|pixel| f64::from(u8::from(pixel > 100.0)))",
    ),
    (
        "pattern.argmax()",
        "row by row",
        "pattern.iter().enumerate().filter(|(_, pixel)| !pixel.is_nan()).max_by(|a, b| a.1.total_cmp(b.1))\
         .map(|(at, _)| (at / pattern.rows_columns().1, at % pattern.rows_columns().1))",
    ),
    (
        "pattern.T()",
        "rows become columns",
        "Frame::from_fn((pattern.rows_columns().1, pattern.rows_columns().0), |(row, column)| pattern[(column, row)])",
    ),
    (
        "pattern.std()",
        "squares about the mean",
        "{ let mean = pattern.mean(); pattern.mapv(|pixel| (pixel - mean).powi(2)).mean().sqrt() }",
    ),
    (
        "pattern.flatten()",
        "`as_slice()`",
        "pattern.as_slice().to_vec()",
    ),
    (
        "pattern.sum() / pattern.len()",
        "decimal number",
        "pattern.sum() / pattern.len() as f64",
    ),
    (
        "scan.map(|f| f[0])?",
        "`frame[(row, column)]`",
        "scan.map(|f: Frame<f32>| f[(0, 0)])?",
    ),
    (
        "scan.map(|f: Frame<f32>| f * 2.0)?",
        "`mapv`",
        "scan.map(|f: Frame<f32>| f.mapv(|pixel| pixel * 2.0))?",
    ),
    (
        "let m = scan.map(|f: Frame<f32>| { f.mean(); })?;",
        "last semicolon",
        "let m = scan.map(|f: Frame<f32>| { f.mean() })?;",
    ),
    (
        "scan.axes()?[\"x\"]",
        "`find` looks for",
        "scan.axes()?.into_iter().find(|axis| axis.name == \"x\")",
    ),
    (
        "let (rows, columns) = scan.shape()?;",
        "`navigation`",
        "let shape = scan.shape()?; let (rows, columns) = (shape.navigation[0], shape.navigation[1]);",
    ),
    (
        "flat.peaks((0, 0))?.x",
        "one of its entries",
        "flat.find_peaks(NormalizedCorrelation::default())?.peaks((0, 0))?[0].kx",
    ),
    (
        "scan.axes()?.x",
        "by its name",
        "scan.axes()?.into_iter().find(|axis| axis.name == \"x\")",
    ),
    ("list.sum()", "`.iter()`", "list.iter().sum::<i32>()"),
    (
        "list.mean()",
        "`.iter()`",
        "list.iter().sum::<i32>() as f64 / list.len() as f64",
    ),
    (
        "list.map(|x| x * 2)",
        "`.collect()`",
        "list.iter().map(|x| x * 2).collect::<Vec<_>>()",
    ),
    (
        "list.push(4);",
        "`let mut`",
        "let mut list = list;\nlist.push(4);",
    ),
    ("let v = [0] * 10;", "equal entries", "let v = vec![0; 10];"),
    // Peaks are no frames.
    (
        "found((0, 1))?",
        "`peaks((row, column))?`",
        "found.peaks((0, 1))?",
    ),
    ("found(0, 1)", "`peaks(", "found.peaks((0, 1))?"),
    ("found[0, 1]", "`peaks(", "found.peaks((0, 1))?"),
    ("found[(0, 1)]", "`peaks(", "found.peaks((0, 1))?"),
    ("found[0]", "`peaks(", "found.peaks((0, 0))?"),
    ("found[0:2, 1]", "`peaks(", "found.peaks((0, 1))?"),
    ("found.inav[1, 0]", "`peaks(", "found.peaks((0, 1))?"),
    ("found.inav(0, 1)", "`peaks(", "found.peaks((0, 1))?"),
    ("found.data[0, 1]", "`peaks(", "found.peaks((0, 1))?"),
    ("found.data", "`peaks(", "found.peaks((0, 0))?"),
    ("found.mean(axis=0)", "`peaks(", "found.peaks((0, 0))?"),
    ("found.abs()", "`peaks(", "found.peaks((0, 0))?"),
    (
        "for p in found { println!(\"{p:?}\"); }",
        "the peaks of one position after the other",
        "for row in 0..found.shape()?.navigation[0] {\n    println!(\"{:?}\", found.peaks((row, 0))?);\n}",
    ),
];
