use std::sync::Arc;

use signal::Frame;

use super::*;

/// Flat disks of a radius, each pixel with the share of it that is inside, and a noise that is the same every time.
fn frame(centres: &[[f64; 2]], radius: f64, noise: f64) -> Frame {
    let mut state = 9u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1u32 << 24) - 0.5
    };
    let pixels = (0..80 * 100).map(|at| {
        let (row, column) = ((at / 100) as f64, (at % 100) as f64);
        let inside =
            |[y, x]: &[f64; 2]| (radius + 0.5 - (row - y).hypot(column - x)).clamp(0.0, 1.0);
        let disks: f64 = centres.iter().map(inside).sum();
        (5.0 + 200.0 * disks + noise * random()) as f32
    });
    Frame::from_vec(&[80, 100], pixels.collect::<Vec<f32>>()).unwrap()
}

fn found(frame: Frame, params: &DifferenceOfGaussiansPeaks) -> Arc<signal::Peaks> {
    let outputs = [Output::Frame(frame)];
    let inputs = Inputs {
        metas: &[] as &[Arc<SignalMeta>],
        outputs: &outputs,
    };
    let operation = FindDifferenceOfGaussiansPeaks::default();
    let at = NavigationIndex::new(&[0, 0]);
    match operation.compute(&inputs, at, params, None, &CancelToken::new()) {
        Ok(Output::Peaks(peaks)) => peaks,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disk_of_any_size_that_is_found_is_one_peak_in_its_middle() {
    let centres = [
        [20.0, 20.0],
        [21.3, 50.4],
        [19.7, 79.25],
        [58.5, 31.5],
        [59.1, 66.8],
    ];
    for step in 2..=20 {
        let radius = 0.5 * f64::from(step);
        for noise in [0.0, 10.0, 60.0] {
            let peaks = found(
                frame(&centres, radius, noise),
                &DifferenceOfGaussiansPeaks::default(),
            );
            // The ring of a large disk is fainter than the threshold in much noise, and in none, where the deviation
            // that counts is that of the disks themselves.
            let all = noise == 10.0 || radius <= 3.0;
            assert!(
                peaks.len() == centres.len() || (!all && peaks.len() < centres.len()),
                "radius {radius}, noise {noise}: {peaks:?}"
            );
            let far = |[y, x]: [f64; 2]| {
                let distances = (peaks.ky.iter().zip(&peaks.kx))
                    .map(|(ky, kx)| (f64::from(*ky) - y).hypot(f64::from(*kx) - x));
                distances.fold(f64::INFINITY, f64::min)
            };
            // Where the disk is about as large as the filter the top of D is flat: 0.27 px at a radius of 2.5. Of four
            // pixels alike around a middle between them rounding may leave three: 0.24 px.
            let most = if noise < 20.0 { 0.3 } else { 0.5 };
            let near = centres.iter().filter(|centre| far(**centre) < most).count();
            assert_eq!(
                near,
                peaks.len(),
                "radius {radius}, noise {noise}: {peaks:?}"
            );
        }
    }
}

/// What is drawn in a frame, and how far from the truth its peaks may be.
#[derive(Clone, Copy, Debug)]
struct Picture {
    radius: f64,
    /// Width of the disks' edges in px.
    edge: f64,
    background: f64,
    /// Height of the halo, in that of the disks, and its standard deviation or decay length.
    halo: (f64, f64),
    is_gaussian: bool,
    /// Counts per pixel of a disk; none for a noise of 3 %.
    dose: Option<f64>,
}

const PLAIN: Picture = Picture {
    radius: 5.0,
    edge: 1.0,
    background: 0.1,
    halo: (0.0, 1.0),
    is_gaussian: false,
    dose: None,
};

struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = (self.0.wrapping_mul(6_364_136_223_846_793_005))
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

const ROWS: usize = 90;
const COLUMNS: usize = 110;

impl Picture {
    fn draw(&self, centres: &[[f64; 2]], random: &mut Random) -> Frame {
        let beam = [45.0, 55.0].map(|middle| middle + 4.0 * random.normal());
        let pixels = (0..ROWS * COLUMNS).map(|at| {
            let (y, x) = ((at / COLUMNS) as f64, (at % COLUMNS) as f64);
            let disk = |centre: &[f64; 2]| {
                let far = (y - centre[0]).hypot(x - centre[1]);
                ((self.radius - far) / self.edge + 0.5).clamp(0.0, 1.0)
            };
            let far = (y - beam[0]).hypot(x - beam[1]) / self.halo.1;
            let halo = match self.is_gaussian {
                true => (-0.5 * far * far).exp(),
                false => (-far).exp(),
            };
            let disks = centres.iter().map(disk).fold(0.0, f64::max);
            let value = self.background + disks + self.halo.0 * halo;
            match self.dose {
                Some(dose) => {
                    let mean = dose * value;
                    (mean + mean.sqrt() * random.normal()).round().max(0.0) as f32
                }
                None => (1000.0 * (value + 0.03 * random.normal())) as f32,
            }
        });
        Frame::from_vec(&[ROWS, COLUMNS], pixels.collect::<Vec<f32>>()).unwrap()
    }
}

/// Distance of the nearest peak to each place, and how many peaks there are within `around`.
fn nearest(peaks: &signal::Peaks, places: &[[f64; 2]], around: f64) -> Vec<(f64, usize)> {
    let far = |[y, x]: &[f64; 2]| {
        let all = (peaks.ky.iter().zip(&peaks.kx))
            .map(|(ky, kx)| (f64::from(*ky) - y).hypot(f64::from(*kx) - x));
        (
            all.clone().fold(f64::INFINITY, f64::min),
            all.filter(|far| *far < around).count(),
        )
    };
    places.iter().map(far).collect()
}

fn finder() -> DifferenceOfGaussiansPeaks {
    DifferenceOfGaussiansPeaks {
        threshold: 4.0,
        ..DifferenceOfGaussiansPeaks::default()
    }
}

/// Six places, each anywhere within a few pixels.
fn places(random: &mut Random) -> Vec<[f64; 2]> {
    let around = [
        [18.0, 18.0],
        [18.0, 55.0],
        [20.0, 90.0],
        [68.0, 20.0],
        [70.0, 54.0],
        [70.0, 90.0],
    ];
    around
        .map(|at| at.map(|at| at + 3.0 * (random.uniform() - 0.5)))
        .to_vec()
}

#[test]
fn a_halo_a_slope_and_a_soft_edge_do_not_move_a_disk() {
    let pictures = [
        PLAIN,
        Picture { edge: 3.0, ..PLAIN },
        Picture {
            background: 5.0,
            ..PLAIN
        },
        Picture {
            halo: (1.0, 12.0),
            ..PLAIN
        },
        Picture {
            halo: (5.0, 12.0),
            ..PLAIN
        },
        Picture {
            halo: (3.0, 20.0),
            edge: 2.0,
            ..PLAIN
        },
        Picture {
            halo: (2.0, 20.0),
            is_gaussian: true,
            ..PLAIN
        },
        Picture {
            halo: (5.0, 30.0),
            is_gaussian: true,
            ..PLAIN
        },
        Picture {
            halo: (2.0, 20.0),
            dose: Some(100.0),
            ..PLAIN
        },
    ];
    for picture in pictures {
        for (radius, most) in [
            (1.0, 0.25),
            (1.5, 0.3),
            (2.0, 0.45),
            (3.0, 0.6),
            (4.0, 0.3),
            (5.0, 0.3),
            (6.0, 0.3),
            (7.5, 0.3),
            (10.0, 0.3),
        ] {
            let picture = Picture { radius, ..picture };
            for seed in 40..44 {
                let mut random = Random(seed);
                let centres = places(&mut random);
                let peaks = found(picture.draw(&centres, &mut random), &finder());
                for (far, count) in nearest(&peaks, &centres, radius + 1.0) {
                    assert!(
                        far < most && count == 1,
                        "{picture:?}, seed {seed}: {far}, {count}"
                    );
                }
            }
        }
    }
}

#[test]
fn disks_that_touch_or_are_cut_have_their_own_middle() {
    for radius in [4.0, 5.0, 6.0, 7.5] {
        let picture = Picture { radius, ..PLAIN };
        for seed in 60..66 {
            let mut random = Random(seed);
            let angle = 6.3 * random.uniform();
            let by = [1.02 * radius * angle.sin(), 1.02 * radius * angle.cos()];
            let pair = [[40.0 + by[0], 50.0 + by[1]], [40.0 - by[0], 50.0 - by[1]]];
            let cut = [
                [radius * (0.2 + 0.6 * random.uniform()), 20.0],
                [89.0 - radius * (0.2 + 0.6 * random.uniform()), 80.0],
            ];
            let centres = [pair[0], pair[1], cut[0], cut[1]];
            let peaks = found(picture.draw(&centres, &mut random), &finder());
            for ((far, count), most) in
                (nearest(&peaks, &centres, 0.9 * radius).into_iter()).zip([0.7, 0.7, 1.1, 1.1])
            {
                assert!(far < most && count == 1, "{radius} {seed}: {far}, {count}");
            }
        }
    }
}

/// Neither round nor small: what is found is in the middle of its width, not on its border.
#[test]
fn a_broad_streak_is_found_in_the_middle_of_its_width() {
    let mut random = Random(3);
    let pixels = (0..ROWS * COLUMNS).map(|at| {
        let (y, x) = ((at / COLUMNS) as f64, (at % COLUMNS) as f64);
        let inside = (y - 40.3).abs() <= 4.5 && (x - 50.0).abs() <= 10.0;
        (5.0 + 200.0 * f64::from(u8::from(inside)) + 6.0 * random.normal()) as f32
    });
    let frame = Frame::from_vec(&[ROWS, COLUMNS], pixels.collect::<Vec<f32>>()).unwrap();
    let peaks = found(frame, &finder());
    assert!(!peaks.is_empty());
    for (ky, kx) in peaks.ky.iter().zip(&peaks.kx) {
        assert!(
            (ky - 40.0).abs() < 1.1 && (kx - 50.0).abs() < 10.0,
            "{peaks:?}"
        );
    }
}

#[test]
fn spots_side_by_side_and_streaks_are_not_merged() {
    let centres = [[30.0, 30.0], [30.0, 36.0], [36.0, 30.0], [36.0, 36.0]];
    let params = DifferenceOfGaussiansPeaks {
        min_distance: 3,
        ..DifferenceOfGaussiansPeaks::default()
    };
    let peaks = found(frame(&centres, 1.0, 0.0), &params);
    assert_eq!(peaks.len(), 4, "{peaks:?}");
    let streak: Vec<[f64; 2]> = (0..12).map(|n| [40.0, 30.0 + 2.0 * f64::from(n)]).collect();
    assert!(found(frame(&streak, 1.0, 10.0), &params).len() > 1);
}

/// One pixel that nothing confirms, and two that only confirm each other.
#[test]
fn hot_pixels_are_no_peaks_and_hide_none() {
    let mut random = Random(11);
    let centres = places(&mut random);
    let clean = PLAIN.draw(&centres, &mut random);
    let expected = found(clean.clone(), &finder());
    for hot in [
        &[45 * COLUMNS + 30][..],
        &[45 * COLUMNS + 30, 45 * COLUMNS + 31],
        &[0, COLUMNS],
    ] {
        let mut pixels = clean.to_f32().into_owned();
        hot.iter().for_each(|at| pixels[*at] = 1e5);
        let frame = Frame::from_vec(&[ROWS, COLUMNS], pixels).unwrap();
        let peaks = found(frame, &finder());
        assert_eq!(peaks.len(), expected.len(), "{hot:?}: {peaks:?}");
        assert!(
            (nearest(&peaks, &centres, 6.0).iter()).all(|(far, count)| *far < 0.3 && *count == 1)
        );
    }
}

/// What its parameters say of disks.
#[test]
fn faint_disks_beside_bright_ones_are_found_with_the_parameters_for_disks() {
    for radius in [2.5, 4.0, 6.0] {
        let mut random = Random(5);
        let centres = places(&mut random);
        let pixels = (0..ROWS * COLUMNS).map(|at| {
            let (y, x) = ((at / COLUMNS) as f64, (at % COLUMNS) as f64);
            let disks = centres.iter().enumerate().map(|(n, centre)| {
                let far = (y - centre[0]).hypot(x - centre[1]);
                (radius - far + 0.5).clamp(0.0, 1.0) * 400.0 / 2f64.powi(n as i32)
            });
            let mean = 5.0 + disks.sum::<f64>();
            (mean + mean.sqrt() * random.normal()).round().max(0.0) as u16
        });
        let frame = Frame::from_vec(&[ROWS, COLUMNS], pixels.collect::<Vec<u16>>()).unwrap();
        let params = DifferenceOfGaussiansPeaks {
            sigma_narrow: 0.5 * radius,
            sigma_wide: radius,
            threshold: 3.0,
            ..DifferenceOfGaussiansPeaks::default()
        };
        let peaks = found(frame, &params);
        let far = nearest(&peaks, &centres, radius);
        assert!(
            far.iter().all(|(far, count)| *far < 0.5 && *count == 1),
            "{radius}: {far:?}"
        );
    }
}
