/// (x, y) = (column, row).
pub type Point = [f64; 2];

pub(super) fn distance_squared(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}
