/// The part of a pattern an operation looks at, said by the names of the parameters that place it, so that a page
/// can draw and drag it without knowing the operation. Lengths and points are in pixels of the signal axes
/// where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// `centre` left out: the middle of the frame; `radius` left out: the largest circle inside the frame.
    Disk {
        centre: &'static str,
        radius: &'static str,
    },
    /// A place alone, such as the centre of what is made of the pattern.
    Point { at: &'static str },
    /// `centre` left out: the middle of the frame.
    Annulus {
        centre: &'static str,
        inner_radius: &'static str,
        outer_radius: &'static str,
    },
    /// `corner` (first row and column) left out: the rectangle is in the middle of the frame.
    Rectangle {
        corner: &'static str,
        height: &'static str,
        width: &'static str,
    },
    /// `vertices` left out: the diamond around the middle of the frame that is half as high and half as wide.
    Polygon { vertices: &'static str },
    /// A stretch of the axis of spectra, in its unit; left out: the middle half of its channels.
    Band { range: &'static str },
}
