//! `scan[0, 0]`, `scan.inav[10, 20]`, `list[1:3]`: indices and slices of Python, hyperspy and MATLAB.

use crate::advice::{Advice, Holds, Notebook};
use crate::text::{at_top, decimal, is_whole, items};

/// One index: a number, or the ends of a slice as far as they are given.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Index<'a> {
    One(&'a str),
    Slice(&'a str, &'a str),
}

impl<'a> Index<'a> {
    fn read(text: &'a str) -> Self {
        match at_top(text, b':')[..] {
            [] => Index::One(text),
            [at, ..] => {
                let end = &text[at + 1..];
                let end = end.split(':').next().unwrap_or(end);
                Index::Slice(text[..at].trim(), end.trim())
            }
        }
    }

    /// First and length, where they are numbers.
    fn span(self) -> Option<(usize, usize)> {
        match self {
            Index::One(one) => Some((one.parse().ok()?, 1)),
            Index::Slice(start, end) => {
                let start = if start.is_empty() {
                    0
                } else {
                    start.parse().ok()?
                };
                let end: usize = end.parse().ok()?;
                (end > start).then_some((start, end - start))
            }
        }
    }
}

/// What to write instead of `base[inner]`; the first piece of code takes its place. `None`: it may be right.
pub(crate) fn index(base: &str, inner: &str, notebook: &Notebook) -> Option<Advice> {
    let written = items(inner);
    let indices: Vec<Index> = written.iter().map(|item| Index::read(item)).collect();
    // hyperspy counts columns before rows.
    for (word, of_scan) in [("inav", true), ("isig", false)] {
        if let Some(receiver) = base
            .strip_suffix(word)
            .and_then(|rest| rest.strip_suffix('.'))
        {
            let indices: Vec<Index> = indices.iter().rev().copied().collect();
            let advice = match (notebook.holds(receiver), of_scan) {
                (Holds::Peaks, _) => of_peaks(receiver, &indices),
                (Holds::Map, true) => of_map(receiver, &indices),
                (_, true) => of_scan_positions(receiver, &indices),
                (_, false) => of_pixels(receiver, &indices),
            };
            return Some(said_first(
                advice,
                "here the row comes first, in hyperspy the column",
            ));
        }
    }
    let plain = base.strip_suffix(".data").unwrap_or(base);
    match notebook.kind(plain) {
        "Signal" => Some(of_signal(plain, &indices, notebook.holds(plain))),
        "Frame" => of_frame(plain, &indices),
        "Shape" => Some(of_shape(plain, inner)),
        _ if base.ends_with(".shape") => {
            let receiver = base.trim_end_matches(".shape");
            (notebook.kind(receiver) == "Signal")
                .then(|| of_shape(&format!("{receiver}.shape()?"), inner))
        }
        _ => of_list(base, &indices),
    }
}

/// What to write instead of `base[inner]`, of an expression that is known to be a signal.
pub(crate) fn index_of_signal(base: &str, inner: &str, notebook: &Notebook) -> Advice {
    let written = items(inner);
    let indices: Vec<Index> = written.iter().map(|item| Index::read(item)).collect();
    of_signal(base, &indices, notebook.holds(base))
}

/// What a signal has at a scan position: `position` is one argument, `(3, 5)`.
pub(crate) fn at_position(receiver: &str, position: &str, holds: Holds) -> Advice {
    let (text, method) = match holds {
        Holds::Frames => (
            "the frame at a scan position is `frame((row, column))?`",
            "frame",
        ),
        Holds::Peaks => (
            "the peaks at a scan position are `peaks((row, column))?`",
            "peaks",
        ),
        Holds::Map => (
            "the values of a map at a scan position are `values((row, column))?`",
            "values",
        ),
        Holds::Pattern => {
            return Advice::new("a pattern is one frame, `frame(())?`")
                .write(format!("{receiver}.frame(())?"));
        }
    };
    Advice::new(text).write(format!("{receiver}.{method}({position})?"))
}

fn said_first(advice: Advice, text: &str) -> Advice {
    Advice {
        text: format!("{}; {text}", advice.text),
        ..advice
    }
}

/// Indices of the scan alone, rows first.
fn of_scan_positions(receiver: &str, indices: &[Index]) -> Advice {
    match indices {
        [Index::One(column)] => frame(receiver, "0", column),
        [Index::One(row), Index::One(column), ..] => frame(receiver, row, column),
        _ => region(receiver, indices),
    }
}

fn frame(receiver: &str, row: &str, column: &str) -> Advice {
    at_position(receiver, &format!("({row}, {column})"), Holds::Frames)
}

/// A part of the scan: the pattern of a region.
fn region(receiver: &str, indices: &[Index]) -> Advice {
    let spans: Option<Vec<(usize, usize)>> = indices.iter().map(|index| index.span()).collect();
    let (x, y) = match spans.as_deref() {
        Some([columns]) => (*columns, (0, 1)),
        Some([rows, columns, ..]) => (*columns, *rows),
        _ => ((0, 16), (0, 16)),
    };
    Advice::new("the mean pattern of a region (x0, y0, width, height) is `pattern`, and the dashed square of the viewer shows it; `crop_scan` cuts the positions out themselves").write(format!(
        "{receiver}.pattern(MeanPattern {{ positions: Some(Region::rectangle({}, {}, {}, {})), ..default() }})?",
        x.0, y.0, x.1, y.1
    ))
}

/// Indices of the frames alone, rows first: the image of these pixels.
fn of_pixels(receiver: &str, indices: &[Index]) -> Advice {
    if let [Index::One(row), Index::One(column)] = indices {
        return pixel(receiver, row, column);
    }
    let spans: Option<Vec<(usize, usize)>> = indices.iter().map(|index| index.span()).collect();
    let advice = Advice::new(
        "the counts inside a rectangle, at every scan position, are a virtual image; `crop_signal` cuts the pixels out themselves",
    );
    match spans.as_deref() {
        Some([rows, columns]) => advice.write(format!(
            "{receiver}.virtual_image(Rectangle {{ corner: Some([{}.0, {}.0]), height: {}.0, width: {}.0, ..default() }})?",
            rows.0, columns.0, rows.1, columns.1
        )),
        _ => advice.write(format!("{receiver}.virtual_image(Rectangle::default())?")),
    }
}

fn pixel(receiver: &str, row: &str, column: &str) -> Advice {
    Advice::new("the image of one detector pixel is a virtual disk of radius 0").write(format!(
        "{receiver}.virtual_image(Disk {{ centre: Some([{}, {}]), radius: 0.0, ..default() }})?",
        decimal(row),
        decimal(column)
    ))
}

/// Indices of the scan: a list of peaks has no others, and no part of the scan is taken at once.
fn of_peaks(receiver: &str, indices: &[Index]) -> Advice {
    if let [Index::One(position)] = indices
        && position.starts_with('(')
    {
        return at_position(receiver, position, Holds::Peaks);
    }
    let at = |axis: usize| match indices.get(axis) {
        Some(Index::One(one)) if *one != "..." => one,
        Some(Index::Slice(start, _)) if !start.is_empty() => start,
        _ => "0",
    };
    at_position(receiver, &format!("({}, {})", at(0), at(1)), Holds::Peaks)
}

/// Indices as numpy has them: scan rows, scan columns, detector rows, detector columns.
fn of_signal(receiver: &str, indices: &[Index], holds: Holds) -> Advice {
    match holds {
        Holds::Map => return of_map(receiver, indices),
        Holds::Peaks => return of_peaks(receiver, indices),
        Holds::Frames | Holds::Pattern => {}
    }
    let all = |index: &Index| matches!(index, Index::Slice("", ""));
    match indices {
        [scan @ .., row, column] if indices.len() == 4 && scan.iter().all(all) => {
            of_pixels(receiver, &[*row, *column])
        }
        [Index::One(row), Index::One(column), rest @ ..] if rest.iter().all(all) => {
            frame(receiver, row, column)
        }
        [
            Index::One(row),
            Index::One(column),
            Index::One(ky),
            Index::One(kx),
        ] => Advice::new("a pixel is read from the frame of its scan position").write(format!(
            "{receiver}.frame(({row}, {column}))?[({ky}, {kx})]"
        )),
        [Index::One("...")] | [] => frame(receiver, "0", "0"),
        [Index::One(row)] => match row.strip_prefix('(').and_then(|row| row.strip_suffix(')')) {
            Some(position) => at_position(receiver, &format!("({position})"), holds),
            None => frame(receiver, row, "0"),
        },
        _ => region(receiver, &indices[..indices.len().min(2)]),
    }
}

/// Indices of a map: its values at a scan position, or a component.
fn of_map(map: &str, indices: &[Index]) -> Advice {
    match indices {
        [Index::One(row), Index::One(column), rest @ ..] => {
            let component = match rest {
                [Index::One(component)] => format!("[{component}]"),
                _ => String::new(),
            };
            Advice::new(
                "the values of a map at a scan position come in the order of its components",
            )
            .write(format!("{map}.values(({row}, {column}))?{component}"))
        }
        _ => Advice::new("the numbers of one component of a map are put into a frame")
            .write(super::component(map, 0)),
    }
}

fn of_frame(base: &str, indices: &[Index]) -> Option<Advice> {
    let pixel = "a pixel of a frame is `frame[(row, column)]`, counted from 0";
    Some(match indices {
        [Index::One(row), Index::One(column)] => {
            Advice::new(pixel).write(format!("{base}[({row}, {column})]"))
        }
        [Index::One(row), Index::Slice(..)] => {
            Advice::new("a row of a frame is one of its `rows()`")
                .write(format!("{base}.rows().nth({row})"))
        }
        [Index::One(row)] if !row.starts_with('(') => Advice::new(pixel)
            .write(format!("{base}[({row}, 0)]"))
            .write(format!("{base}.rows().nth({row})   // the whole row")),
        [Index::Slice(..), Index::One(column)] => {
            Advice::new("a column of a frame is put together from its `rows()`").write(format!(
                "{base}.rows().map(|row| row[{column}]).collect::<Vec<_>>()"
            ))
        }
        [Index::Slice(..), ..] => Advice::new(
            "a part of a frame is put together from its `rows()`",
        )
        .write(match (span(indices, 0), span(indices, 1)) {
            (Some(rows), Some(columns)) => format!(
                "Frame::from_fn(({}, {}), |(row, column)| {base}[(row + {}, column + {})])",
                rows.1, columns.1, rows.0, columns.0
            ),
            _ => format!("{base}.rows().take(2).collect::<Vec<_>>()"),
        }),
        _ => return None,
    })
}

fn span(indices: &[Index], at: usize) -> Option<(usize, usize)> {
    indices.get(at)?.span()
}

fn of_shape(base: &str, inner: &str) -> Advice {
    let at: usize = inner.trim().parse().unwrap_or(0);
    let (part, at) = if at < 2 {
        ("navigation", at)
    } else {
        ("signal", at - 2)
    };
    Advice::new(
        "a shape has the sizes of the scan in `navigation` and those of a frame in `signal`",
    )
    .write(format!("{base}.{part}[{at}]"))
}

fn of_list(base: &str, indices: &[Index]) -> Option<Advice> {
    let list = |code: String| {
        Some(Advice::new("a part of a list is `list[1..3]`, copied by `.to_vec()`").write(code))
    };
    match indices {
        [Index::One(row), Index::One(column)] => Some(
            Advice::new("a pixel of a frame is `frame[(row, column)]`")
                .write(format!("{base}[({row}, {column})]")),
        ),
        [Index::Slice(start, end)] => {
            if let Some(last) = end.strip_prefix('-').filter(|last| is_whole(last)) {
                return list(format!("{base}[{start}..{base}.len() - {last}].to_vec()"));
            }
            if let Some(last) = start.strip_prefix('-').filter(|last| is_whole(last)) {
                return list(format!("{base}[{base}.len() - {last}..].to_vec()"));
            }
            list(format!("{base}[{start}..{end}].to_vec()"))
        }
        [Index::One(one)] if one.starts_with('-') => Some(
            Advice::new("the end of a list is counted from its length")
                .write(format!("{base}[{base}.len() - {}]", &one[1..])),
        ),
        _ => None,
    }
}
