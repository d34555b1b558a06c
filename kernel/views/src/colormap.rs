/// Colours of a poster panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    Gray,
    /// Dark violet to yellow, for images of one sign.
    Sequential,
    /// Blue through near white to red, for values about zero.
    Diverging,
}

pub(crate) type Rgb = [u8; 3];

/// Control points at equal steps, interpolated linearly.
const SEQUENTIAL: [Rgb; 6] = [
    [68, 1, 84],
    [65, 68, 135],
    [42, 120, 142],
    [34, 168, 132],
    [122, 209, 81],
    [253, 231, 37],
];
const DIVERGING: [Rgb; 7] = [
    [24, 60, 130],
    [67, 124, 191],
    [160, 196, 224],
    [244, 244, 242],
    [240, 178, 150],
    [206, 86, 76],
    [130, 18, 40],
];
const GRAY: [Rgb; 2] = [[0, 0, 0], [255, 255, 255]];

pub(crate) fn color(colors: Colors, share: f32) -> Rgb {
    match colors {
        Colors::Gray => interpolate(&GRAY, share),
        Colors::Sequential => interpolate(&SEQUENTIAL, share),
        Colors::Diverging => interpolate(&DIVERGING, share),
    }
}

fn interpolate(points: &[Rgb], share: f32) -> Rgb {
    let place = share.clamp(0.0, 1.0) * (points.len() - 1) as f32;
    let left = (place as usize).min(points.len() - 2);
    let part = place - left as f32;
    std::array::from_fn(|channel| {
        let (a, b) = (
            points[left][channel] as f32,
            points[left + 1][channel] as f32,
        );
        (a + (b - a) * part).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        assert_eq!(color(Colors::Gray, -1.0), [0, 0, 0]);
        assert_eq!(color(Colors::Sequential, 2.0), [253, 231, 37]);
        assert_eq!(color(Colors::Diverging, 0.5), [244, 244, 242]);
    }
}
