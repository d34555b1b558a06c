//! Equal maxima that touch.

use super::*;

/// Nine disks of 100 on 5, all pixels of a frame 1 higher than in the frame before; and how one pixel is changed.
fn nine_disks(change: impl Fn(usize, usize) -> Option<f64>) -> (Vec<[f64; 2]>, Vec<f64>) {
    let offsets = [14.0, 32.0, 50.0];
    let centres: Vec<[f64; 2]> = (offsets.iter())
        .flat_map(|y| offsets.iter().map(move |x| [*y, *x]))
        .collect();
    let values = (0..6 * 64 * 64)
        .map(|at| {
            let (row, column) = (at / 64 % 64, at % 64);
            let disk =
                (centres.iter()).any(|[y, x]| (row as f64 - y).hypot(column as f64 - x) <= 4.0);
            let clean = 5.0 + 100.0 * f64::from(u8::from(disk)) + (at / 4096) as f64;
            change(row, column).unwrap_or(clean)
        })
        .collect();
    (centres, values)
}

#[test]
fn a_plateau_is_one_peak_at_its_centroid_also_with_a_dead_or_a_hot_pixel() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let finders = [
        ("local_maximum", json!({"min_distance": 6})),
        ("normalized_correlation", json!({})),
        ("normalized_correlation", json!({"radius": 4.0})),
        (
            "difference_of_gaussians_peaks",
            json!({"sigma_narrow": 3.0, "sigma_wide": 6.0, "threshold": 1.0, "min_distance": 7}),
        ),
    ];
    type Change = fn(usize, usize) -> Option<f64>;
    let changes: [(&str, ElementType, Change); 7] = [
        ("clean", ElementType::F32, |_, _| None),
        ("nan", ElementType::F32, |y, x| {
            ((y, x) == (10, 50)).then_some(f64::NAN)
        }),
        ("infinite", ElementType::F32, |y, x| {
            ((y, x) == (12, 51)).then_some(f64::INFINITY)
        }),
        ("hot", ElementType::F32, |y, x| {
            ((y, x) == (10, 50)).then_some(1e6)
        }),
        ("hot between", ElementType::I32, |y, x| {
            ((y, x) == (40, 41)).then_some(3e5)
        }),
        ("two hot", ElementType::U16, |y, x| match (y, x) {
            (40, 41) => Some(6e4),
            (41, 42) => Some(3e4),
            _ => None,
        }),
        ("dead", ElementType::U32, |y, x| {
            ((y, x) == (10, 50)).then_some(f64::from(u32::MAX))
        }),
    ];
    for (number, (kind, element, change)) in changes.into_iter().enumerate() {
        let (centres, values) = nine_disks(change);
        let path = fixture.path(&format!("nine_{number}.npy"));
        write(&path, &[2, 3, 64, 64], element, &values)?;
        let scan = open(&fixture.session, &path)?;
        for (finder, params) in &finders {
            let node = fixture.add(scan, finder, params.clone())?;
            let found = peaks(&fixture, node, [1, 1])?;
            same_places(&found, &centres, 0.75).with_context(|| format!("{finder} on {kind}"))?;
        }
    }
    Ok(())
}

#[test]
fn saturated_squares_are_one_peak_each() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let square = |row: usize, column: usize, y: usize, x: usize, size: [usize; 2]| {
        (y..y + size[0]).contains(&row) && (x..x + size[1]).contains(&column)
    };
    for positions in [[1, 1], [2, 3]] {
        let values: Vec<f64> = (0..positions[0] * positions[1] * 1600)
            .map(|at| {
                let (row, column) = (at / 40 % 40, at % 40);
                let bright = square(row, column, 10, 10, [3, 3])
                    || square(row, column, 25, 20, [6, 6])
                    || square(row, column, 0, 35, [3, 3]);
                if bright { 255.0 } else { 0.0 }
            })
            .collect();
        let path = fixture.path(&format!("plateau_{}.npy", positions[0]));
        write(
            &path,
            &[positions[0], positions[1], 40, 40],
            ElementType::U8,
            &values,
        )?;
        let scan = open(&fixture.session, &path)?;
        let params = json!({"min_distance": 3, "exclude_border": 0});
        let finder = fixture.add(scan, "local_maximum", params)?;
        let found = peaks(&fixture, finder, [0, 0])?;
        same_places(&found, &[[1.0, 36.0], [11.0, 11.0], [27.5, 22.5]], 1e-6)?;
    }
    Ok(())
}
