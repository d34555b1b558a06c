use nalgebra::DMatrix;
use signal::serde_json::{Value, json};
use signal::{Bound, Caveat, Computation, Finished, Prepared, Registered};

use super::*;
use crate::decomposition::loadings::ShowLoadings;
use crate::decomposition::reconstruct::Rebuild;
use crate::decomposition::scores::MapScores;

/// A scan of rows and columns, and what its frames have: `values` in C order.
struct Scan {
    meta: Arc<SignalMeta>,
    shape: Vec<usize>,
    frames: Vec<Vec<f32>>,
}

fn scan([rows, columns]: [usize; 2], frame: &[usize], value: impl Fn(usize, usize) -> f32) -> Scan {
    let axes = |names: &[&str], sizes: &[usize]| -> Vec<Axis> {
        (names.iter().zip(sizes))
            .map(|(name, size)| Axis::pixels(*name, *size))
            .collect()
    };
    let names: &[&str] = if frame.len() == 1 {
        &["E"]
    } else {
        &["ky", "kx"]
    };
    let axes = Axes::new(axes(&["y", "x"], &[rows, columns]), axes(names, frame));
    let pixels = frame.iter().product();
    Scan {
        meta: Arc::new(SignalMeta::frames("scan", axes, ElementType::F32)),
        shape: frame.to_vec(),
        frames: (0..rows * columns)
            .map(|at| (0..pixels).map(|pixel| value(at, pixel)).collect())
            .collect(),
    }
}

/// The same numbers always: a uniform one from 0 to 1 for each pair.
fn random(a: usize, b: usize) -> f32 {
    let mut state = (a as u64) << 32 | b as u64;
    for _ in 0..2 {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^= state >> 31;
    }
    (state >> 40) as f32 / (1u64 << 24) as f32
}

struct Fitted {
    described: Arc<SignalMeta>,
    model: Prepared,
    computation: Arc<dyn Computation>,
}

impl Scan {
    /// In parts of so many positions that are merged in pairs, or in order.
    fn fit(&self, params: &Value, part: Option<usize>) -> Fitted {
        let computation = Bound::<Decompose>::entry().bind(params).unwrap();
        let described = Arc::new(computation.describe(&[&self.meta]).unwrap());
        let never = CancelToken::new();
        let mut pass = computation.preparation(&[&self.meta]).unwrap();
        let shape = self.meta.axes.navigation_shape();
        let add = |prepare: &mut dyn signal::Prepare<Prepared>, at: usize| {
            let frame = Frame::from_vec(&self.shape, self.frames[at].clone()).unwrap();
            let inputs = Inputs {
                metas: std::slice::from_ref(&self.meta),
                outputs: &[Output::Frame(frame)],
            };
            prepare
                .add(NavigationIndex::from_flat(at, &shape), &inputs, &never)
                .unwrap();
        };
        loop {
            let positions: Vec<usize> = (pass.positions.of(&shape).iter())
                .map(|at| at.flat(&shape))
                .collect();
            let mut whole = match part.filter(|_| pass.prepare.fork().is_some()) {
                None => {
                    (positions.iter()).for_each(|at| add(&mut *pass.prepare, *at));
                    pass.prepare
                }
                Some(part) => {
                    let mut parts: Vec<_> = (positions.chunks(part))
                        .map(|some| {
                            let mut one = pass.prepare.fork().unwrap();
                            some.iter().for_each(|at| add(&mut *one, *at));
                            one
                        })
                        .collect();
                    while parts.len() > 1 {
                        let mut pairs = Vec::new();
                        let mut all = parts.into_iter();
                        while let Some(mut first) = all.next() {
                            if let Some(mut later) = all.next() {
                                first.merge(later.as_any().unwrap());
                            }
                            pairs.push(first);
                        }
                        parts = pairs;
                    }
                    parts.remove(0)
                }
            };
            match whole.finish(&never).unwrap() {
                Finished::Done(model) => {
                    return Fitted {
                        described,
                        model,
                        computation,
                    };
                }
                Finished::Again(next) => pass = next,
            }
        }
    }

    fn matrix(&self, centre: Centre) -> DMatrix<f64> {
        let pixels = self.shape.iter().product();
        let mut matrix = DMatrix::from_fn(self.frames.len(), pixels, |row, column| {
            f64::from(self.frames[row][column])
        });
        match centre {
            Centre::None => {}
            Centre::Navigation => {
                let mean = matrix.row_mean();
                matrix.row_iter_mut().for_each(|mut row| row -= &mean);
            }
            Centre::Signal => {
                let mean = matrix.column_mean();
                matrix
                    .column_iter_mut()
                    .for_each(|mut column| column -= &mean);
            }
        }
        matrix
    }
}

impl Fitted {
    fn model(&self) -> &Decomposition {
        self.model.downcast_ref().unwrap()
    }

    fn caveats(&self) -> Vec<Caveat> {
        self.computation.prepared_caveats(&self.model)
    }

    fn says(&self, code: &str) -> bool {
        self.caveats().iter().any(|caveat| caveat.code == code)
    }

    fn of<O: Operation>(&self, params: &Value, at: &[usize]) -> Output {
        let operation = Bound::<O>::entry().bind(params).unwrap();
        let metas = [self.described.clone()];
        assert_eq!(
            operation.needs(0, NavigationIndex::new(at), &metas),
            Needs::Model
        );
        operation.describe(&[&self.described]).unwrap();
        let inputs = Inputs {
            metas: &metas,
            outputs: &[Output::Model(self.model.clone())],
        };
        let at = NavigationIndex::new(at);
        operation
            .compute(&inputs, at, None, &CancelToken::new())
            .unwrap()
    }

    fn pixels<O: Operation>(&self, params: &Value, at: &[usize]) -> Vec<f32> {
        match self.of::<O>(params, at) {
            Output::Frame(frame) => frame.to_f32().into_owned(),
            Output::Values(values) => values.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    /// Largest angle in degrees between the first loadings and the right singular vectors of the matrix, and largest relative
    /// difference of singular values; the angles that were said.
    fn against(&self, matrix: &DMatrix<f64>, count: usize) -> (Vec<f64>, f64) {
        // Of the smaller side.
        let model = self.model();
        let small = matrix * matrix.transpose();
        let mut pairs: Vec<(f64, Vec<f64>)> = {
            let eigen = small.symmetric_eigen();
            (eigen
                .eigenvalues
                .iter()
                .zip(eigen.eigenvectors.column_iter()))
            .map(|(value, vector)| {
                let right = matrix.transpose() * vector;
                (
                    *value,
                    (right.clone() / right.norm()).iter().copied().collect(),
                )
            })
            .collect()
        };
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut angles = Vec::new();
        let mut off = 0.0f64;
        for (component, (value, right)) in pairs.iter().take(count).enumerate() {
            let loading = model.loading(component).unwrap();
            let cosine: f64 = loading
                .iter()
                .zip(right)
                .map(|(a, b)| f64::from(*a) * b)
                .sum();
            let sine: f64 = (loading.iter().zip(right))
                .map(|(a, b)| (f64::from(*a) - cosine.signum() * b).powi(2))
                .sum::<f64>()
                .sqrt();
            angles.push(sine.to_degrees());
            let found = model.variances[component] * matrix.nrows() as f64;
            off = off.max((found / value - 1.0).abs());
        }
        (angles, off)
    }
}

/// Three components with structure of their own, on a level, with noise.
fn structured(at: usize, pixel: usize) -> f32 {
    let (y, x) = ((at / 13) as f32, (at % 13) as f32);
    let p = pixel as f32;
    20.0 + 9.0 * (0.3 * y).sin() * (0.021 * p).cos()
        + 4.0 * (x - 6.0) / 6.0 * (-((p % 47.0) - 20.0).powi(2) / 40.0).exp()
        + 2.0 * (0.5 * x * y).cos() * (0.11 * p).sin()
        + random(at, pixel)
}

#[test]
fn components_are_those_of_the_whole_matrix_however_it_is_centred() {
    let scan = scan([11, 13], &[17, 29], structured);
    for (centre, name) in [
        (Centre::None, "none"),
        (Centre::Navigation, "navigation"),
        (Centre::Signal, "signal"),
    ] {
        for part in [None, Some(7)] {
            let fitted = scan.fit(&json!({"components": 20, "centre": name}), part);
            let matrix = scan.matrix(centre);
            let (angles, off) = fitted.against(&matrix, 20);
            // Components of the noise, too.
            assert!(
                angles.iter().all(|angle| *angle < 0.1),
                "{name} {part:?}: {angles:?}"
            );
            assert!(off < 1e-5, "{name}: {off:e}");
            let model = fitted.model();
            let total: f64 = matrix.iter().map(|value| value * value).sum();
            let share = model.variances[0] * matrix.nrows() as f64 / total;
            assert!((model.shares[0] - share).abs() < 1e-6);
            // Of the noise it may be said that they are not sure, never of the others.
            let others = |caveat: &Caveat| caveat.code != "directions_unsure";
            assert!(
                !fitted.caveats().iter().any(others),
                "{:?}",
                fitted.caveats()
            );
            let sure = if centre == Centre::None { 4 } else { 3 };
            assert!(model.errors[..sure].iter().all(|error| *error < 0.1));
            for (angle, said) in angles.iter().zip(&model.errors) {
                assert!(*angle < 3.0 * said + 0.01, "{angles:?} {:?}", model.errors);
            }
            // The largest pixel of each is positive.
            for component in 0..20 {
                let loading = model.loading(component).unwrap();
                let largest = loading
                    .iter()
                    .copied()
                    .max_by(|a, b| a.abs().total_cmp(&b.abs()));
                assert!(largest.unwrap() > 0.0);
            }
        }
    }
}

#[test]
fn a_reconstruction_of_all_components_is_the_scan() {
    for frame in [&[23][..], &[4, 6]] {
        let scan = scan([3, 5], frame, structured);
        for centre in ["none", "navigation", "signal"] {
            let fitted = scan.fit(&json!({"components": 15, "centre": centre}), Some(4));
            for (at, expected) in scan.frames.iter().enumerate() {
                let found = fitted.pixels::<Rebuild>(&json!({"components": 15}), &[at / 5, at % 5]);
                let off = found
                    .iter()
                    .zip(expected)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max);
                assert!(off < 1e-4, "{centre} {at}: {off}");
            }
            let scores = fitted.pixels::<MapScores>(&json!({}), &[2, 1]);
            let loading = fitted.pixels::<ShowLoadings>(&json!({}), &[0]);
            assert_eq!((scores.len(), loading.len()), (15, frame.iter().product()));
        }
    }
}

#[test]
fn poissonian_noise_is_weighed_as_keenan_and_kotula_do() {
    let scan = scan([7, 9], &[40], |at, pixel| {
        // A pixel and a position without counts.
        if pixel == 11 || at == 20 {
            return 0.0;
        }
        (structured(at, pixel) * (1.0 + pixel as f32))
            .round()
            .max(0.0)
    });
    let fitted = scan.fit(
        &json!({"components": 6, "normalize_poissonian_noise": true}),
        Some(5),
    );
    let matrix = scan.matrix(Centre::None);
    let rows: Vec<f64> = matrix.row_iter().map(|row| row.sum()).collect();
    let columns: Vec<f64> = matrix.column_iter().map(|column| column.sum()).collect();
    let weight = |sum: f64| if sum > 0.0 { 1.0 / sum.sqrt() } else { 0.0 };
    let scaled = DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |row, column| {
        matrix[(row, column)] * weight(rows[row]) * weight(columns[column])
    });
    let svd = scaled.svd(true, true);
    let (u, v) = (svd.u.unwrap(), svd.v_t.unwrap());
    let model = fitted.model();
    for component in 0..6 {
        let loading = model.loading(component).unwrap();
        assert!(loading[11].is_nan());
        let sign = (f64::from(loading[30]) * v[(component, 30)]).signum();
        for pixel in (0..40).filter(|pixel| *pixel != 11) {
            let expected = sign * v[(component, pixel)] * columns[pixel].sqrt();
            assert!((f64::from(loading[pixel]) - expected).abs() < 2e-3 * columns[30].sqrt());
        }
        let score = |at: usize| model.scores_at(at).unwrap()[component];
        assert!(score(20).is_nan());
        let expected = sign * u[(31, component)] * svd.singular_values[component] * rows[31].sqrt();
        assert!((f64::from(score(31)) - expected).abs() < 2e-3 * expected.abs() + 1e-3);
    }
    assert_eq!((model.pixels_left_out, model.positions_left_out), (1, 1));
    assert!(fitted.says("pixels_left_out") && fitted.says("positions_left_out"));
    let refused = Bound::<Decompose>::entry()
        .bind(&json!({"normalize_poissonian_noise": true, "centre": "signal"}))
        .unwrap();
    assert!(refused.describe(&[&scan.meta]).is_err());
}

#[test]
fn what_has_no_value_is_left_out_and_said() {
    let whole = scan([5, 6], &[31], structured);
    let holed = scan([5, 6], &[31], |at, pixel| match (at, pixel) {
        (4, 7) | (9, 7) | (11, 30) => f32::NAN,
        (12, 3) => f32::INFINITY,
        (17, _) => f32::NAN,
        _ => structured(at, pixel),
    });
    let fitted = holed.fit(&json!({"components": 4}), Some(3));
    let model = fitted.model();
    assert_eq!((model.pixels_left_out, model.positions_left_out), (3, 1));
    let kept: Vec<usize> = (0..31)
        .filter(|pixel| ![3, 7, 30].contains(pixel))
        .collect();
    let rows: Vec<usize> = (0..30).filter(|at| *at != 17).collect();
    let matrix = DMatrix::from_fn(rows.len(), kept.len(), |row, column| {
        f64::from(whole.frames[rows[row]][kept[column]])
    });
    let svd = matrix.svd(false, true);
    for component in 0..4 {
        let loading = model.loading(component).unwrap();
        assert!([3, 7, 30].iter().all(|pixel| loading[*pixel].is_nan()));
        let v = svd.v_t.as_ref().unwrap().row(component);
        let cosine: f64 = kept
            .iter()
            .zip(v.iter())
            .map(|(p, v)| f64::from(loading[*p]) * v)
            .sum();
        assert!(1.0 - cosine.abs() < 1e-6, "{component}: {cosine}");
        assert!(model.scores_at(17).unwrap()[component].is_nan());
    }
    let rebuilt = fitted.pixels::<Rebuild>(&json!({"components": 4}), &[2, 5]);
    assert!(rebuilt.iter().all(|pixel| pixel.is_nan()));
    let nothing = scan([3, 4], &[5, 6], |_, _| f32::NAN).fit(&json!({}), Some(5));
    assert_eq!(
        (nothing.model().rank, nothing.model().positions_left_out),
        (0, 12)
    );
    assert!(nothing.says("fewer_components"));
}

#[test]
fn components_that_the_scan_does_not_have_have_no_value() {
    // Of two dimensions, in whole numbers and not.
    for factor in [1.0, 0.7183] {
        for frame in [&[40][..], &[50, 60]] {
            let scan = scan([6, 7], frame, |at, pixel| {
                let first = ((at * 5) % 7) as f32 * ((pixel * 3) % 11) as f32;
                let second = (at % 4) as f32 * ((pixel * 7) % 5) as f32;
                factor * (first + second)
            });
            let fitted = scan.fit(&json!({"components": 5}), Some(4));
            let model = fitted.model();
            assert_eq!(model.rank, 2, "{factor} {frame:?} {:?}", model.shares);
            assert!(fitted.says("fewer_components") && !fitted.says("directions_unsure"));
            let scores = fitted.pixels::<MapScores>(&json!({}), &[3, 2]);
            assert!(scores[1].is_finite() && scores[2..].iter().all(|score| score.is_nan()));
            let loading = fitted.pixels::<ShowLoadings>(&json!({}), &[3]);
            assert!(loading.iter().all(|pixel| pixel.is_nan()));
            let rebuilt = fitted.pixels::<Rebuild>(&json!({"components": 5}), &[3, 2]);
            let off = rebuilt
                .iter()
                .zip(&scan.frames[23])
                .map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f32::max) < 1e-4);
        }
    }
    for (centre, rank) in [("none", 1), ("navigation", 0), ("signal", 0)] {
        let constant = scan([4, 5], &[30], |_, _| 41.3).fit(&json!({"centre": centre}), Some(3));
        assert_eq!(constant.model().rank, rank, "{centre}");
        let rebuilt = constant.pixels::<Rebuild>(&json!({}), &[1, 1]);
        assert!(
            rebuilt.iter().all(|pixel| (pixel - 41.3).abs() < 1e-4),
            "{centre}"
        );
    }
    let zeros = scan([4, 5], &[30], |_, _| 0.0).fit(&json!({}), Some(3));
    assert_eq!(zeros.model().rank, 0);
    let one = scan([4, 5], &[30], structured).fit(&json!({"components": 1}), Some(3));
    assert_eq!((one.model().rank, one.model().shares.len()), (1, 1));
}

#[test]
fn large_frames_are_decomposed_from_products_and_say_how_sure_they_are() {
    let scan = scan([11, 13], &[50, 61], structured);
    for (centre, name) in [(Centre::None, "none"), (Centre::Navigation, "navigation")] {
        for passes in [2, 4] {
            let params = json!({"components": 6, "centre": name, "passes": passes});
            let fitted = scan.fit(&params, Some(16));
            let model = fitted.model();
            assert_eq!(model.method, super::super::model::Method::Sketch { passes });
            let (angles, off) = fitted.against(&scan.matrix(centre), 6);
            let sure = if centre == Centre::None { 4 } else { 3 };
            assert!(
                angles[..sure].iter().all(|angle| *angle < 0.1),
                "{name} {angles:?}"
            );
            assert!(off < 0.3, "{off}");
            for (angle, said) in angles.iter().zip(&model.errors) {
                assert!(
                    *angle < 3.0 * said + 1e-3,
                    "{name} {passes}: {angles:?} {:?}",
                    model.errors
                );
            }
            // What is inside the noise is said to be.
            assert!(model.errors[5] > 0.1 || passes > 2, "{:?}", model.errors);
            assert!(model.errors[sure - 1] < 5.0, "{:?}", model.errors);
            // Scores and loadings rebuild what they explain.
            let matrix = scan.matrix(Centre::None);
            let rebuilt = fitted.pixels::<Rebuild>(&json!({"components": 6}), &[4, 5]);
            let off: f64 = (rebuilt.iter().enumerate())
                .map(|(pixel, value)| (f64::from(*value) - matrix[(57, pixel)]).powi(2))
                .sum();
            assert!((off / rebuilt.len() as f64).sqrt() < 0.35);
        }
    }
}

#[test]
fn parts_and_masks_of_large_frames_give_the_same() {
    let value = |at: usize, pixel: usize| match (at, pixel) {
        (_, 1000) | (3, 2000) => f32::NAN,
        (8, _) => f32::NAN,
        _ => structured(at, pixel),
    };
    let scan = scan([9, 13], &[2100], value);
    for params in [
        json!({"components": 4}),
        json!({"components": 4, "centre": "signal"}),
        json!({"components": 4, "normalize_poissonian_noise": true}),
    ] {
        let [some, all] = [Some(6), None].map(|part| scan.fit(&params, part));
        let (one, other) = (some.model(), all.model());
        assert_eq!((one.pixels_left_out, one.positions_left_out), (2, 1));
        for component in 0..3 {
            let (a, b) = (
                one.loading(component).unwrap(),
                other.loading(component).unwrap(),
            );
            assert!(a[1000].is_nan() && b[2000].is_nan());
            let most = b
                .iter()
                .filter(|v| v.is_finite())
                .fold(0.0f32, |m, v| m.max(v.abs()));
            for (a, b) in a.iter().zip(b).filter(|(a, _)| a.is_finite()) {
                assert!((a - b).abs() < 1e-3 * most, "{params} {component}: {a} {b}");
            }
        }
    }
}
