//! From what is known of a map to a picture without holes.

use crate::detector_cube::CubeShape;

/// Gives pixels of which nothing is known the mean of the smallest square around them in which something is:
/// squares of 2, 4, 8, … pixels from the first corner.
pub(super) fn fill_holes(image: Vec<f32>, known: &[bool], shape: [usize; 2]) -> Vec<f32> {
    if known.iter().all(|known| *known) || !known.iter().any(|known| *known) {
        return image;
    }
    let values = image.iter().zip(known).map(|(value, known)| {
        let valid = *known && value.is_finite();
        (
            if valid { f64::from(*value) } else { 0.0 },
            u32::from(valid),
        )
    });
    let mut levels = vec![(shape, values.collect::<Vec<(f64, u32)>>())];
    while let Some((shape, finer)) = levels.last()
        && *shape != [1, 1]
    {
        let [rows, columns] = *shape;
        let half = [rows.div_ceil(2), columns.div_ceil(2)];
        let mut coarser = vec![(0.0, 0); half[0] * half[1]];
        for (at, (sum, count)) in finer.iter().enumerate() {
            let cell = &mut coarser[at / columns / 2 * half[1] + at % columns / 2];
            cell.0 += sum;
            cell.1 += count;
        }
        levels.push((half, coarser));
    }
    let filled = |at: usize| {
        let [row, column] = [at / shape[1], at % shape[1]];
        let mut found = levels
            .iter()
            .enumerate()
            .skip(1)
            .map(|(level, (shape, cells))| cells[(row >> level) * shape[1] + (column >> level)]);
        let found = found.find(|(_, count)| *count > 0);
        found.map_or(f32::NAN, |(sum, count)| (sum / f64::from(count)) as f32)
    };
    (image.into_iter().zip(known).enumerate())
        .map(|(at, (value, known))| if *known { value } else { filled(at) })
        .collect()
}

/// The image over all scan positions, from that over every `step`-th.
pub(super) fn spread(image: Vec<f32>, shape: &CubeShape) -> Vec<f32> {
    if shape.step == 1 {
        return image;
    }
    let [rows, columns] = shape.scan;
    let across = shape.kept()[1];
    (0..rows * columns)
        .map(|at| image[at / columns / shape.step * across + at % columns / shape.step])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_show_the_nearest_square_in_which_something_is_known() {
        let shape = [5, 6];
        let mut image = vec![f32::NAN; 30];
        let mut known = vec![false; 30];
        for (at, value) in [(0, 1.0), (3, 2.0), (28, 8.0)] {
            (image[at], known[at]) = (value, true);
        }
        let filled = fill_holes(image, &known, shape);
        assert_eq!((filled[0], filled[1], filled[7]), (1.0, 1.0, 1.0));
        assert_eq!((filled[3], filled[8]), (2.0, 2.0));
        assert_eq!((filled[28], filled[29]), (8.0, 8.0));
        assert!(filled.iter().all(|value| value.is_finite()));
    }
}
