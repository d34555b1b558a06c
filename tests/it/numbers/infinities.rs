//! Infinite pixels.

use super::*;

#[test]
fn infinite_pixels_are_left_out_and_said() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let shape = [5, 7, 24, 20];
    let value = |at: usize| match at % 480 {
        77 => f64::INFINITY,
        200 if at / 480 == 3 => f64::NEG_INFINITY,
        pixel => (at / 480 * 10 + pixel % 13) as f64,
    };
    let values: Vec<f64> = (0..5 * 7 * 480).map(value).collect();
    for element in [ElementType::F32, ElementType::F64] {
        let path = fixture.path(&format!("infinite_{element}.npy"));
        write(&path, &shape, element, &values)?;
        let scan = open(&fixture.session, &path)?;
        let (reply, means) = navigator(&fixture.session, scan)?;
        for (at, mean) in means.iter().enumerate() {
            let finite: Vec<f64> = (values[at * 480..][..480].iter().copied())
                .filter(|value| value.is_finite())
                .collect();
            let expected = finite.iter().sum::<f64>() / finite.len() as f64;
            ensure!(
                (f64::from(*mean) - expected).abs() < 1e-3,
                "{mean} {expected}"
            );
        }
        ensure!(reply.extrema[1] < 1000.0, "{reply:?}");
        let text = caveat(&fixture.session, scan, "invalid_pixels").context("unsaid")?;
        ensure!(text.contains("at most 2 of a frame"), "{text}");
        for (operation, params) in [
            ("virtual_disk", json!({"radius": 12.0})),
            ("center_of_mass", json!({})),
        ] {
            let node = fixture.add(scan, operation, params)?;
            ensure!(
                map(&fixture, node, 0)?
                    .iter()
                    .all(|value| value.is_finite()),
                "{operation}"
            );
        }
        for operation in ["mean_pattern", "maximum_pattern"] {
            let node = fixture.add(scan, operation, json!({}))?;
            let frame = fixture.session.frame(node, &[])?;
            let pixels = frame.to_f32();
            for (place, pixel) in pixels.iter().enumerate() {
                ensure!(
                    pixel.is_nan() == (place == 77) && !pixel.is_infinite(),
                    "{operation} {place}"
                );
            }
        }
        let poster = fixture.session.poster(scan, &session::Look::default())?;
        ensure!(poster.png.starts_with(b"\x89PNG"));
    }
    Ok(())
}
