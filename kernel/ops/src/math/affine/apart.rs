//! How far two lattices are apart whose disks lie on each other, from how the disks are spread.
//!
//! Two lattices that share the direct beam are apart by a matrix `D` times the distance from the beam, `(u, v)`. Disks that merge are
//! spread by the variances `uu`, `uv` and `vv`: of those the finder tells half the sum, half the difference and the mixed one.
//! Each is a form of second degree in the place of the disk, with coefficients that are the products of the four elements of `D`;
//! so the sums over the disks are taken once, and the likeliest `D` is found from them. What is even in all directions and the same
//! for all disks, or the same stretch of all, is no second lattice: thickness, focus and astigmatism. Nor are disks that are all
//! narrower than those of the reference region and stretched towards the beam or across: a thick specimen darkens their ends.

use super::super::deformation::Matrix;
use super::super::disks::cholesky;
use super::super::lattice::Point;

/// So much of what the disks are wider by in the mean may grow with the square of the distance from the beam for other reasons.
const GROWS: f64 = 0.3;
/// Disks that are wider in the mean differ from each other by this share of it.
const UNEVEN: f64 = 0.15;
/// Fewer disks tell nothing.
const FEWEST: usize = 6;
/// Little against all variances.
const NOTHING: f64 = 1e-12;
/// Steps until the likeliest matrix is found.
const STEPS: usize = 8;
/// Angles of each turn that are tried to begin with.
const TURNS: usize = 4;

/// How a disk is spread, and where it is from the beam.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spreading {
    pub at: Point,
    pub even: f64,
    pub even_variance: f64,
    pub stretch: [f64; 2],
    pub stretch_variance: f64,
}

/// Two lattices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Apart {
    /// Twice the gain in log-likelihood over one lattice, as chance goes by the scatter of the disks.
    pub gain: f64,
    /// Times the root of the product of their shares.
    pub by: Matrix,
}

/// Coefficients of `xx`, `xy` and `yy`.
type Form = [f64; 3];

/// What numbers say of a form: the slope of the likelihood in its coefficients, their information, and the squares of the numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    slope: Form,
    information: [Form; 3],
    squares: f64,
}

fn dot(a: Form, b: Form) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// A number of a disk: the form that it is of, what it is, its variance, and what else it may go with.
type Number = (Form, f64, f64, f64);

impl Told {
    /// Of numbers about a mean that says nothing, and which may go with something else by a factor of this variance.
    fn of(numbers: impl Iterator<Item = Number> + Clone, else_variance: f64) -> Self {
        let mut total = 0.0;
        let mut means = [0.0; 5];
        for ([xx, xy, yy], value, variance, other) in numbers.clone() {
            total += 1.0 / variance;
            for (mean, of) in means.iter_mut().zip([xx, xy, yy, value, other]) {
                *mean += of / variance;
            }
        }
        let [xx, xy, yy, mean, other_mean] = means.map(|sum| sum / total);
        let place = [xx, xy, yy];
        let mut told = Told::default();
        let (mut along, mut own, mut share) = ([0.0; 3], 1.0 / else_variance, 0.0);
        for (form, value, variance, other) in numbers {
            let weight = 1.0 / variance;
            let form = [0, 1, 2].map(|n| form[n] - place[n]);
            let (value, other) = (value - mean, other - other_mean);
            for i in 0..3 {
                told.slope[i] += weight * form[i] * value;
                along[i] += weight * form[i] * other;
                for j in 0..3 {
                    told.information[i][j] += weight * form[i] * form[j];
                }
            }
            told.squares += weight * value * value;
            own += weight * other * other;
            share += weight * other * value;
        }
        for i in 0..3 {
            told.slope[i] -= along[i] * share / own;
            for j in 0..3 {
                told.information[i][j] -= along[i] * along[j] / own;
            }
        }
        told.squares -= share * share / own;
        told
    }

    fn times(&self, form: Form) -> Form {
        self.information.map(|row| dot(row, form))
    }
}

/// Half the sum of the variances, half their difference, and the mixed one, as forms, of the elements of a matrix.
fn forms([a, b, c, d]: [f64; 4]) -> [Form; 3] {
    let half = |sign: f64| {
        [
            0.5 * (a * a + sign * c * c),
            a * b + sign * c * d,
            0.5 * (b * b + sign * d * d),
        ]
    };
    [half(1.0), half(-1.0), [a * c, a * d + b * c, b * d]]
}

/// How these change with each element.
fn slopes([a, b, c, d]: [f64; 4]) -> [[Form; 3]; 4] {
    [
        [[a, b, 0.0], [a, b, 0.0], [c, d, 0.0]],
        [[0.0, a, b], [0.0, a, b], [0.0, c, d]],
        [[c, d, 0.0], [-c, -d, 0.0], [a, b, 0.0]],
        [[0.0, c, d], [0.0, -c, -d], [0.0, a, b]],
    ]
}

/// Twice the gain in log-likelihood of a matrix.
fn gain(told: &[Told; 3], by: [f64; 4]) -> f64 {
    let of =
        |(told, form): (&Told, Form)| 2.0 * dot(told.slope, form) - dot(told.times(form), form);
    told.iter().zip(forms(by)).map(of).sum()
}

/// The best of matrices of all kinds: turns with another size, and stretches, and both.
fn start(told: &[Told; 3]) -> [f64; 4] {
    let angle = |n: usize| std::f64::consts::PI * n as f64 / TURNS as f64;
    let kinds = (0..3).flat_map(|mix| {
        let (cos, sin) = (0.5 * std::f64::consts::FRAC_PI_2 * f64::from(mix)).sin_cos();
        (0..TURNS).flat_map(move |turn| {
            (0..2 * TURNS).map(move |stretch| {
                let (y, x) = angle(turn).sin_cos();
                let (q, p) = angle(stretch).sin_cos();
                let (x, y, p, q) = (cos * x, cos * y, sin * p, sin * q);
                [x + p, q - y, q + y, x - p]
            })
        })
    });
    let mut best = (0.0, [0.0; 4]);
    for kind in kinds {
        let (mut slope, mut information) = (0.0, 0.0);
        for (told, form) in told.iter().zip(forms(kind)) {
            slope += dot(told.slope, form);
            information += dot(told.times(form), form);
        }
        if slope > 0.0 && slope * slope > best.0 * information {
            let size = (slope / information).sqrt();
            best = (slope * slope / information, kind.map(|x| size * x));
        }
    }
    best.1
}

/// The likeliest matrix and its gain.
fn likeliest(told: &[Told; 3]) -> (f64, [f64; 4]) {
    let mut by = start(told);
    let mut best = gain(told, by);
    let mut damping = 0.01;
    for _ in 0..STEPS {
        let change = slopes(by);
        let (mut slope, mut information) = ([0.0; 4], [[0.0; 4]; 4]);
        for (n, (told, form)) in told.iter().zip(forms(by)).enumerate() {
            let rest = told.times(form);
            let rest = [0, 1, 2].map(|i| told.slope[i] - rest[i]);
            for i in 0..4 {
                slope[i] += dot(rest, change[i][n]);
                let along = told.times(change[i][n]);
                for j in 0..4 {
                    information[i][j] += dot(along, change[j][n]);
                }
            }
        }
        let least = 1e-9 * (0..4).map(|n| information[n][n]).sum::<f64>();
        for (n, row) in information.iter_mut().enumerate() {
            row[n] += damping * (row[n] + least) + least;
        }
        let Some(step) = cholesky(information, slope) else {
            break;
        };
        let next = [0, 1, 2, 3].map(|n| by[n] + step[n]);
        let with = gain(told, next);
        if with > best {
            let little = with - best < 1e-3 * best;
            (by, best) = (next, with);
            damping *= 0.3;
            if little {
                break;
            }
        } else {
            damping *= 5.0;
        }
    }
    (best, by)
}

/// `None` where disks are too few.
pub(super) fn apart(disks: &[Spreading]) -> Option<Apart> {
    if disks.len() < FEWEST {
        return None;
    }
    let weights = disks.iter().map(|disk| 1.0 / disk.even_variance);
    let weighed = disks.iter().map(|disk| disk.even / disk.even_variance);
    let wider = weighed.sum::<f64>() / weights.sum::<f64>();
    let found = beside(disks, wider, 0.0);
    if wider < 0.0 && found.gain > 0.0 {
        let with = beside(disks, wider, wider);
        return Some(if with.gain < found.gain { with } else { found });
    }
    found.gain.is_finite().then_some(found)
}

/// Beside disks that are wider by so much in the mean, and stretched towards the beam or across by about so much.
fn beside(disks: &[Spreading], wider: f64, inwards: f64) -> Apart {
    let count = disks.len() as f64;
    let square = |at: Point| at[0] * at[0] + at[1] * at[1];
    let far = disks.iter().map(|disk| square(disk.at)).sum::<f64>();
    let far = (far / count).sqrt().max(f64::MIN_POSITIVE);
    let form = |disk: &Spreading| {
        let [x, y] = disk.at.map(|x| x / far);
        [x * x, x * y, y * y]
    };
    let uneven = (UNEVEN * wider).powi(2);
    let even = disks.iter().map(|disk| {
        let form = form(disk);
        let variance = disk.even_variance + uneven;
        (form, disk.even, variance, form[0] + form[2])
    });
    let even = Told::of(even, (GROWS * wider).powi(2) + NOTHING);
    let stretch = |n: usize| {
        let number = move |disk: &Spreading| {
            let form = form(disk);
            let [xx, xy, yy] = form.map(|of| of / (form[0] + form[2] + NOTHING));
            let towards = if n == 0 { xx - yy } else { 2.0 * xy };
            let variance = disk.stretch_variance + uneven;
            (form, disk.stretch[n], variance, towards)
        };
        Told::of(disks.iter().map(number), inwards * inwards + NOTHING)
    };
    let told = [even, stretch(0), stretch(1)];
    let (gain, by) = likeliest(&told);
    let squares: f64 = told.iter().map(|told| told.squares).sum();
    let freedom = 3.0 * count - 4.0 - 4.0;
    let scatter = ((squares - gain) / freedom).max(1.0);
    let [a, b, c, d] = by.map(|x| x / far);
    Apart {
        gain: gain / scatter,
        by: [[a, b], [c, d]],
    }
}
