//! A shape on frames, by its vertices.

use std::ops::Range;

use serde_json::{Value, json};

use super::kind::Rules;
use super::{ParameterKind, ParameterValue, signal_point};

/// Vertices of one polygon: a shape that somebody draws, not a mask.
const MAX: usize = 1000;

pub(super) const RULES: Rules = Rules {
    allowed: |_| format!("3 to {MAX} vertices (row, column) in pixels"),
    literal: |_, value| {
        let vertices = value.as_array().map_or(&[][..], Vec::as_slice);
        let vertices: Vec<String> = vertices.iter().map(signal_point::literal).collect();
        format!("vec![{}]", vertices.join(", "))
    },
};

/// Vertices `[row, column]` in pixels, in the order in which its outline goes through them; the last one is joined to the
/// first. What lies inside of an outline that crosses itself is told by the even-odd rule.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalPolygon(pub Vec<[f64; 2]>);

impl SignalPolygon {
    /// Columns inside, `first .. end`, of each row of a frame that has some, in C order: those of pixels whose centre has
    /// an odd number of edges to its left. An upper or left edge through a centre has it inside, a lower or right one not, so
    /// polygons that share an edge share no pixel and leave out none.
    pub fn spans(&self, (rows, columns): (usize, usize)) -> Vec<(usize, Range<usize>)> {
        let mut spans: Vec<(usize, Range<usize>)> = Vec::new();
        let mut crossings: Vec<f64> = Vec::new();
        let next = self.0.iter().cycle().skip(1);
        let edges: Vec<[[f64; 2]; 2]> = (self.0.iter().zip(next))
            // Downwards, whichever way the outline goes: the crossings of a shared edge are the same bits.
            .map(|(a, b)| if a[0] <= b[0] { [*a, *b] } else { [*b, *a] })
            .collect();
        for row in 0..rows {
            let y = row as f64;
            let crossed = edges.iter().filter(|[a, b]| a[0] <= y && y < b[0]);
            crossings.clear();
            crossings
                .extend(crossed.map(|[a, b]| a[1] + (y - a[0]) / (b[0] - a[0]) * (b[1] - a[1])));
            crossings.sort_by(f64::total_cmp);
            for [left, right] in crossings.as_chunks::<2>().0 {
                let column = |at: f64| at.ceil().clamp(0.0, columns as f64) as usize;
                let inside = column(*left)..column(*right);
                match spans.last_mut() {
                    _ if inside.is_empty() => {}
                    Some((last, before)) if *last == row && before.end == inside.start => {
                        before.end = inside.end;
                    }
                    _ => spans.push((row, inside)),
                }
            }
        }
        spans
    }
}

impl ParameterValue for SignalPolygon {
    fn kind() -> ParameterKind {
        ParameterKind::SignalPolygon
    }
    fn rust_type() -> String {
        "Vec<[f64; 2]>".into()
    }
    fn to_json(&self) -> Value {
        json!(self.0)
    }
    fn from_json(value: &Value) -> Option<Self> {
        let vertices = value.as_array()?.iter().map(<[f64; 2]>::from_json);
        let vertices = vertices.collect::<Option<Vec<_>>>()?;
        (3..=MAX)
            .contains(&vertices.len())
            .then_some(SignalPolygon(vertices))
    }
    fn numbers(&self) -> Vec<f64> {
        self.0.iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(vertices: &[[f64; 2]], shape: (usize, usize)) -> Vec<String> {
        let mut lines = vec![".".repeat(shape.1); shape.0];
        for (row, inside) in SignalPolygon(vertices.to_vec()).spans(shape) {
            lines[row].replace_range(inside.clone(), &"#".repeat(inside.len()));
        }
        lines
    }

    #[test]
    fn upper_and_left_edges_are_inside() {
        let box_of =
            |top, left, bottom, right| [[top, left], [top, right], [bottom, right], [bottom, left]];
        let whole = ["......", ".###..", ".###..", "......"];
        assert_eq!(mask(&box_of(1.0, 1.0, 3.0, 4.0), (4, 6)), whole);
        assert_eq!(mask(&box_of(0.5, 0.5, 2.5, 3.5), (4, 6)), whole);
        let mut turned = box_of(1.0, 1.0, 3.0, 4.0);
        turned.reverse();
        assert_eq!(mask(&turned, (4, 6)), whole);
        assert_eq!(
            mask(&box_of(-9.0, -9.0, 99.0, 2.0), (2, 4)),
            ["##..", "##.."]
        );
        assert!(
            SignalPolygon(box_of(7.0, 1.0, 9.0, 4.0).into())
                .spans((4, 6))
                .is_empty()
        );
    }

    #[test]
    fn hollows_are_outside_and_so_is_what_is_gone_round_twice() {
        // An arrow head, open to the left.
        let arrow = [[0.0, 0.0], [2.5, 7.0], [5.0, 0.0], [2.5, 3.0]];
        let expected = ["........", "..#.....", "...###..", "...###..", "..#....."];
        assert_eq!(mask(&arrow, (5, 8)), expected);
        let star = [[-0.2, 5.1], [8.6, 8.3], [3.2, 0.1], [3.1, 9.8], [8.7, 1.7]];
        let expected = [
            "...........",
            ".....#.....",
            ".....#.....",
            "....###....",
            "..##...##..",
            "...#...#...",
            "...##.##...",
            "...##.##...",
            "..#.....#..",
        ];
        assert_eq!(mask(&star, (9, 11)), expected);
    }

    #[test]
    fn neighbours_share_no_pixel_and_leave_out_none() {
        let shape = (37, 23);
        let middle = [17.3, 9.1];
        let rim: Vec<[f64; 2]> = (0..7)
            .map(|n| {
                let angle = f64::from(n) * std::f64::consts::TAU / 7.0;
                [
                    middle[0] + 80.0 * angle.sin(),
                    middle[1] + 80.0 * angle.cos(),
                ]
            })
            .collect();
        let mut covered = vec![0; shape.0 * shape.1];
        for n in 0..rim.len() {
            let part = SignalPolygon(vec![middle, rim[n], rim[(n + 1) % rim.len()]]);
            for (row, inside) in part.spans(shape) {
                inside.for_each(|column| covered[row * shape.1 + column] += 1);
            }
        }
        assert!(covered.iter().all(|times| *times == 1));
    }

    #[test]
    fn fewer_than_three_vertices_are_none() {
        assert!(SignalPolygon::from_json(&json!([[1, 2], [3, 4]])).is_none());
        assert!(SignalPolygon::from_json(&json!([[1, 2], [3, 4], [5]])).is_none());
        let shape = SignalPolygon(vec![[1.0, 2.0], [3.0, 4.5], [5.0, 0.0]]);
        assert_eq!(SignalPolygon::from_json(&shape.to_json()), Some(shape));
    }
}
