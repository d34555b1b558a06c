//! Sums or averages each frame over a polygon.
//!
//! `(ny, nx | ky, kx) → (ny, nx)`, counts → counts, as the other virtual detectors. Inside are the pixels from whose centre a
//! line to the left crosses the outline an odd number of times (even-odd rule): hollows are outside, and so is what an outline that
//! crosses itself goes round twice. An upper or left edge through a centre has it inside, a lower or right one not, so that
//! neighbours share no pixel; a polygon with the corners of a rectangle is that rectangle. What lies outside of the frame is left
//! out. O(pixels inside).
//! Reference: Shimrat, Algorithm 112, doi:10.1145/368637.368653.

use signal::{OperationInfo, Outline, SignalPolygon, parameters};

use crate::detectors::virtual_image::{MeasureInside, Shape, Statistic, info, middle};

pub type MeasurePolygon = MeasureInside<Polygon>;

parameters! {
    /// A virtual detector in the shape of a polygon.
    pub struct Polygon {
        /// Vertices (row, column), in the order in which the outline goes through them; where it crosses itself, what it goes round
        /// twice is outside. Left out: the diamond in the middle of the frame that is half as high and half as wide.
        pub vertices: Option<SignalPolygon> = None, units "px";
        /// Total or average.
        pub statistic: Statistic = Statistic::Sum;
    }
}

fn diamond((rows, columns): (usize, usize)) -> SignalPolygon {
    let [y, x] = middle((rows, columns));
    let [down, right] = [(rows / 4) as f64, (columns / 4) as f64];
    SignalPolygon(vec![
        [y - down, x],
        [y, x + right],
        [y + down, x],
        [y, x - right],
    ])
}

impl Shape for Polygon {
    const INFO: OperationInfo = info(
        "virtual_polygon",
        "Polygon",
        "Virtual polygon",
        "Image of the scan from the counts inside a polygon: a shape of any kind, drawn on the pattern.",
    );
    const OUTLINE: Outline = Outline::Polygon {
        vertices: "vertices",
    };
    const NOUN: [&'static str; 2] = ["a", "polygon"];

    fn statistic(&self) -> Statistic {
        self.statistic
    }

    fn places(&self, shape: (usize, usize)) -> Vec<u32> {
        let left_out;
        let polygon = match &self.vertices {
            Some(polygon) => polygon,
            None => {
                left_out = diamond(shape);
                &left_out
            }
        };
        let spans = polygon.spans(shape).into_iter();
        spans
            .flat_map(|(row, inside)| inside.map(move |column| (row * shape.1 + column) as u32))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::virtual_image::Rectangle;

    #[test]
    fn the_corners_of_a_rectangle_are_that_rectangle() {
        let shape = (34, 29);
        for [top, left, height, width] in [[4.0, 9.0, 11.0, 7.0], [-3.5, 20.25, 30.0, 90.0]] {
            let (bottom, right) = (top + height, left + width);
            let vertices = vec![[top, left], [top, right], [bottom, right], [bottom, left]];
            let polygon = Polygon {
                vertices: Some(SignalPolygon(vertices)),
                ..Polygon::default()
            };
            let rectangle = Rectangle {
                corner: Some([top, left]),
                height,
                width,
                ..Rectangle::default()
            };
            assert!(!rectangle.places(shape).is_empty());
            assert_eq!(polygon.places(shape), rectangle.places(shape));
        }
    }

    #[test]
    fn left_out_it_lies_in_the_middle_of_any_frame() {
        for shape in [(1, 1), (2, 3), (5, 4), (48, 40), (1, 64)] {
            let places = Polygon::default().places(shape);
            let all = shape.0 * shape.1;
            assert!(
                places.len() <= all.div_ceil(2),
                "{shape:?}: {}",
                places.len()
            );
            assert!(places.iter().all(|place| (*place as usize) < all));
        }
        assert_eq!(Polygon::default().places((48, 40)).len(), 240);
    }
}
