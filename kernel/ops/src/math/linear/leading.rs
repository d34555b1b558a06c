//! The leading eigenpairs of a large symmetric matrix in memory.

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use super::{Eigen, NoEigenvalues, orthonormal, product, signs, symmetric};

/// Matrices of so many rows are decomposed as a whole.
const WHOLE: usize = 384;
/// Columns beside those that are wanted.
const BESIDE: usize = 12;
/// Powers of the matrix in one round.
const POWERS: usize = 8;
/// Rounds at most; each multiplies what is wrong by a small number.
const ROUNDS: usize = 60;
/// How large the residual of an eigenpair may be, as a share of its value and of the largest one.
const ENOUGH: [f64; 2] = [1e-9, 1e-13];

/// The `count` largest eigenpairs of a symmetric matrix without negative eigenvalues: of a small one by its decomposition, else
/// by block Krylov rounds, each from the best vectors of the one before, until every residual is small. `keep_on` is asked between
/// rounds; `None`: it said no.
///
/// # Errors
/// [`NoEigenvalues`].
pub fn leading(
    matrix: ArrayView2<'_, f64>,
    count: usize,
    keep_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Eigen>, NoEigenvalues> {
    let n = matrix.nrows();
    let count = count.min(n);
    let columns = count + BESIDE;
    if n <= WHOLE || columns * (POWERS + 1) >= n {
        let all = symmetric(matrix)?;
        return Ok(Some(first_of(&all, count)));
    }
    if matrix.iter().any(|value| !value.is_finite()) {
        return Err(NoEigenvalues);
    }
    let mut block = orthonormal(signs(n, columns).mapv(f64::from).view());
    let (mut best, mut before) = (None, f64::INFINITY);
    for round in 0..ROUNDS {
        if !keep_on() {
            return Ok(None);
        }
        let (basis, image) = krylov(matrix, block);
        let ritz = symmetric(basis.t().dot(&image).view())?;
        let ritz = first_of(&ritz, columns);
        let found = Eigen {
            vectors: basis.dot(&ritz.vectors),
            values: ritz.values,
        };
        let images = image.dot(&ritz.vectors);
        let worst = (0..count)
            .map(|at| {
                let value = found.values[at];
                let off = &images.column(at) - &(&found.vectors.column(at) * value);
                let enough = ENOUGH[0] * value.abs() + ENOUGH[1] * found.values[0].abs();
                off.dot(&off).sqrt() / enough.max(f64::MIN_POSITIVE)
            })
            .fold(0.0, f64::max);
        // Where rounding leaves no less, another round brings nothing.
        let is_done = worst <= 1.0 || (round >= 2 && worst > 0.7 * before);
        before = worst;
        block = found.vectors.clone();
        best = Some(found);
        if is_done {
            break;
        }
    }
    Ok(best.map(|best| first_of(&best, count)))
}

/// An orthonormal basis of the powers of a matrix on some columns, and the matrix times that.
fn krylov(matrix: ArrayView2<'_, f64>, block: Array2<f64>) -> (Array2<f64>, Array2<f64>) {
    let mut image = product(matrix, block.view());
    let mut basis = block;
    let mut last = image.clone();
    for _ in 1..POWERS {
        let mut next = last;
        // Once is not enough where little is left, nor is it then orthogonal to the others any more.
        for _ in 0..2 {
            next -= &basis.dot(&basis.t().dot(&next));
            next = orthonormal(next.view());
        }
        last = product(matrix, next.view());
        basis = joined(&basis, &next);
        image = joined(&image, &last);
    }
    (basis, image)
}

fn joined(some: &Array2<f64>, more: &Array2<f64>) -> Array2<f64> {
    concatenate(Axis(1), &[some.view(), more.view()]).expect("both have the same rows")
}

fn first_of(all: &Eigen, count: usize) -> Eigen {
    Eigen {
        values: all.values[..count].to_vec(),
        vectors: all.vectors.slice(s![.., ..count]).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix with these eigenvalues, turned by a few reflections.
    fn with_values(values: &[f64]) -> Array2<f64> {
        let n = values.len();
        let mut matrix = Array2::from_diag(&ndarray::Array1::from(values.to_vec()));
        for turn in 1..6 {
            let mut v: ndarray::Array1<f64> = (0..n)
                .map(|at| ((at * turn) as f64 * 0.731 + turn as f64).sin())
                .collect();
            v /= v.dot(&v).sqrt();
            let v = v.insert_axis(Axis(1));
            let reflection = Array2::eye(n) - 2.0 * v.dot(&v.t());
            matrix = reflection.dot(&matrix).dot(&reflection);
        }
        (&matrix + &matrix.t()) / 2.0
    }

    #[test]
    fn leading_pairs_are_those_of_the_whole_also_inside_of_noise() {
        // A few that stand out, and many that hardly differ.
        let values: Vec<f64> = (0..700)
            .map(|at| match at {
                0..4 => 1e5 / f64::from(at as u32 * 7 + 1),
                _ => 1.3 - 0.4 * (at as f64 / 700.0).sqrt(),
            })
            .collect();
        let matrix = with_values(&values);
        let found = leading(matrix.view(), 20, &mut || true).unwrap().unwrap();
        for (at, value) in found.values.iter().enumerate() {
            assert!((value / values[at] - 1.0).abs() < 1e-9, "{at}: {value}");
            let v = found.vectors.column(at);
            let off = matrix.dot(&v) - &v * *value;
            assert!(
                off.dot(&off).sqrt()
                    < 1e-6 * values[at].max(1e-3 * values[0]).min(1.0) + 1e-8 * value
            );
        }
    }

    #[test]
    fn what_has_few_dimensions_has_no_more() {
        let mut values = vec![0.0; 600];
        values[..3].copy_from_slice(&[9.0, 4.0, 4.0]);
        let found = leading(with_values(&values).view(), 8, &mut || true)
            .unwrap()
            .unwrap();
        assert!((found.values[2] - 4.0).abs() < 1e-10 && found.values[3].abs() < 1e-10);
        let unit = found.vectors.t().dot(&found.vectors) - Array2::<f64>::eye(8);
        assert!(unit.iter().all(|off| off.abs() < 1e-9));
        assert!(
            leading(with_values(&values).view(), 8, &mut || false)
                .unwrap()
                .is_none()
        );
    }
}
