use super::*;

const FRAME: [usize; 2] = [26, 21];
const SCAN: [usize; 2] = [9, 11];

fn shape(element: ElementType, budget_bytes: usize) -> CubeShape {
    CubeShape::fitting(SCAN, FRAME, element, budget_bytes).unwrap()
}

fn noise(seed: usize) -> usize {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) as usize >> 16
}

fn pixel(at: usize, place: usize) -> u16 {
    (at * 7 + noise(at * 1000 + place) % 50) as u16
}

fn pattern(at: usize) -> Frame {
    let pixels = (0..FRAME[0] * FRAME[1]).map(|place| pixel(at, place));
    Frame::from_vec(&FRAME, pixels.collect::<Vec<u16>>()).unwrap()
}

fn places(inside: impl Fn(usize, usize) -> bool) -> Vec<u32> {
    (0..FRAME[0] * FRAME[1])
        .filter(|place| inside(place / FRAME[1], place % FRAME[1]))
        .map(|place| place as u32)
        .collect()
}

fn filled(shape: CubeShape, frame: impl Fn(usize) -> Frame) -> DetectorCube {
    let cube = DetectorCube::new(shape);
    let patterns: Vec<_> = (0..shape.positions())
        .map(|at| (at, bin(&frame(at), &shape)))
        .collect();
    assert_eq!(cube.add(&patterns), shape.positions());
    assert_eq!(cube.add(&patterns), 0);
    cube
}

fn sums(places: &[u32], at: usize) -> f64 {
    (places.iter())
        .map(|place| f64::from(pixel(at, *place as usize)))
        .sum()
}

#[test]
fn whole_bins_of_counts_are_exact() {
    let shape = shape(ElementType::U16, 1 << 30);
    assert_eq!((shape.bin, shape.step), (2, 1));
    let cube = filled(shape, pattern);
    // Whole bins of 2 x 2, also the narrow ones at the last column.
    let places = places(|ky, kx| (4..18).contains(&ky) && kx >= 6);
    for (measure, share) in [
        (DetectorStatistic::Sum, 1.0),
        (DetectorStatistic::Mean, places.len() as f64),
    ] {
        let detector = Detector::from_places(&places, FRAME[1] as u32, measure);
        let (images, known) = cube.images(&detector);
        assert!(known.iter().all(|known| *known));
        for (at, value) in images[0].iter().enumerate() {
            assert_eq!(*value, (sums(&places, at) / share) as f32, "{at}");
        }
    }
}

#[test]
fn windows_of_spectra_are_exact_to_the_channel() {
    let channels = FRAME[0] * FRAME[1];
    let shape = |budget| CubeShape::fitting(SCAN, [1, channels], ElementType::U16, budget).unwrap();
    let spectrum = |at: usize| {
        let counts = (0..channels).map(|place| pixel(at, place));
        Frame::from_vec(&[channels], counts.collect::<Vec<u16>>()).unwrap()
    };
    assert_eq!((shape(1 << 30).bin, shape(1 << 30).bins()), (1, channels));
    let cube = filled(shape(1 << 30), spectrum);
    for window in [13..14, 100..173, 540..546] {
        let places: Vec<u32> = window.collect();
        let detector = Detector::from_places(&places, channels as u32, DetectorStatistic::Sum);
        for (at, value) in cube.images(&detector).0[0].iter().enumerate() {
            assert_eq!(*value, sums(&places, at) as f32, "{at}");
        }
    }
    // With less room several share a bin, and ends within one are told by its share.
    let coarse = shape(8 * 100 * 300 * 4);
    assert!(coarse.bin > 1 && coarse.step == 1);
    let places: Vec<u32> = (101..173).collect();
    let detector = Detector::from_places(&places, channels as u32, DetectorStatistic::Sum);
    let (images, _) = filled(coarse, spectrum).images(&detector);
    for (at, value) in images[0].iter().enumerate() {
        let exact = sums(&places, at);
        assert!(
            (f64::from(*value) / exact - 1.0).abs() < 0.1,
            "{value} {exact}"
        );
    }
}

#[test]
fn a_disk_is_estimated_within_the_share_of_its_edge() {
    let cube = filled(shape(ElementType::U16, 1 << 30), pattern);
    let disk = |ky: usize, kx: usize| {
        (ky as f64 - 12.3).powi(2) + (kx as f64 - 9.6).powi(2) <= 6.2f64.powi(2)
    };
    let places = places(disk);
    let sum = Detector::from_places(&places, FRAME[1] as u32, DetectorStatistic::Sum);
    let (images, _) = cube.images(&sum);
    for (at, value) in images[0].iter().enumerate() {
        let exact = sums(&places, at);
        assert!(
            (f64::from(*value) - exact).abs() < 0.05 * exact,
            "{value} {exact}"
        );
    }
    let centre = [12.0, 10.0];
    let mass = Detector::from_places(
        &places,
        FRAME[1] as u32,
        DetectorStatistic::CenterOfMass { centre },
    );
    let (images, _) = cube.images(&mass);
    assert_eq!(images.len(), 2);
    for at in 0..SCAN[0] * SCAN[1] {
        let moment = |axis: usize| {
            let moments = places.iter().map(|place| {
                let place = *place as usize;
                let position = [place / FRAME[1], place % FRAME[1]][axis] as f64;
                f64::from(pixel(at, place)) * (position - centre[axis])
            });
            moments.sum::<f64>() / sums(&places, at)
        };
        for (axis, image) in images.iter().enumerate() {
            let found = f64::from(image[at]);
            assert!(
                (found - moment(axis)).abs() < 0.2,
                "{found} {}",
                moment(axis)
            );
        }
    }
}

#[test]
fn invalid_pixels_are_left_out() {
    let shape = shape(ElementType::F32, 1 << 30);
    let frame = |at: usize| {
        let pixels = (0..FRAME[0] * FRAME[1]).map(|place| match place % 13 {
            4 => f32::NAN,
            _ => f32::from(pixel(at, place)),
        });
        Frame::from_vec(&FRAME, pixels.collect::<Vec<f32>>()).unwrap()
    };
    let cube = filled(shape, frame);
    let places = places(|ky, kx| ky < 20 && (4..16).contains(&kx));
    let valid: Vec<u32> = places
        .iter()
        .copied()
        .filter(|place| place % 13 != 4)
        .collect();
    let mean = Detector::from_places(&places, FRAME[1] as u32, DetectorStatistic::Mean);
    let (images, _) = cube.images(&mean);
    for (at, value) in images[0].iter().enumerate() {
        let exact = sums(&valid, at) / valid.len() as f64;
        assert!(
            (f64::from(*value) - exact).abs() < 1e-4 * exact,
            "{value} {exact}"
        );
    }
}

#[test]
fn a_cube_keeps_to_its_share_of_the_budget() {
    for budget in [1 << 18, 1 << 22, 1 << 26, 1 << 30, 1 << 40] {
        for scan in [[9, 11], [128, 128], [3000, 4100]] {
            for frame in [[26, 21], [256, 256], [2048, 1030]] {
                let Some(shape) = CubeShape::fitting(scan, frame, ElementType::U16, budget) else {
                    assert!(budget < 1 << 22, "{budget} {scan:?} {frame:?}");
                    continue;
                };
                assert!(
                    shape.bytes() <= (budget / BUDGET_SHARE).min(MAX_BYTES),
                    "{shape:?}"
                );
                assert!(shape.bins() >= 64, "{shape:?}");
                for kept in [0, shape.positions() / 2, shape.positions() - 1] {
                    assert_eq!(shape.kept_at(shape.place(kept)), Some(kept));
                }
            }
        }
    }
}

#[test]
fn what_is_not_there_is_not_known() {
    let shape = shape(ElementType::U16, 1 << 30);
    let cube = DetectorCube::new(shape);
    cube.add(&[(70, bin(&pattern(70), &shape))]);
    let all = Detector::from_places(
        &places(|_, _| true),
        FRAME[1] as u32,
        DetectorStatistic::Sum,
    );
    let (images, known) = cube.images(&all);
    for (at, known) in known.iter().enumerate() {
        assert_eq!(*known, at == 70);
        assert_eq!(images[0][at].is_nan(), at != 70);
    }
}
