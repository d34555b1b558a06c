//! Dense linear algebra in double precision: leading eigenpairs of symmetric matrices, orthonormal columns, products shared
//! among cores. Factorisations are those of `nalgebra`, products those of `ndarray`; no result depends on the number of threads.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};

use super::in_parts::in_parts;

mod leading;

pub use leading::leading;

/// Rows of a product that one part has.
const PART_ROWS: usize = 128;
/// Steps of the decomposition of a small matrix, per row: it converges in two or three.
const STEPS_PER_ROW: usize = 200;

/// Eigenvalues, largest first, with their vectors in columns of length 1.
pub struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Array2<f64>,
}

/// Why there are no eigenvalues: a number is not finite, or they do not converge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEigenvalues;

/// All eigenpairs of a symmetric matrix, of which the lower triangle is read; O(n³).
///
/// # Errors
/// [`NoEigenvalues`].
pub fn symmetric(matrix: ArrayView2<'_, f64>) -> Result<Eigen, NoEigenvalues> {
    let n = matrix.nrows();
    if n == 0 {
        return Ok(Eigen {
            values: Vec::new(),
            vectors: Array2::zeros((0, 0)),
        });
    }
    if matrix.iter().any(|value| !value.is_finite()) {
        return Err(NoEigenvalues);
    }
    let matrix = DMatrix::from_fn(n, n, |row, column| matrix[[row, column]]);
    let steps = STEPS_PER_ROW * n.max(1);
    let found = SymmetricEigen::try_new(matrix, f64::EPSILON, steps).ok_or(NoEigenvalues)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| found.eigenvalues[*b].total_cmp(&found.eigenvalues[*a]));
    Ok(Eigen {
        values: order.iter().map(|at| found.eigenvalues[*at]).collect(),
        vectors: Array2::from_shape_fn((n, n), |(row, column)| {
            found.eigenvectors[(row, order[column])]
        }),
    })
}

/// Orthonormal columns that span those of `columns`, as many of them; of columns that depend on each other some are arbitrary.
pub fn orthonormal(columns: ArrayView2<'_, f64>) -> Array2<f64> {
    let (rows, count) = columns.dim();
    let matrix = DMatrix::from_fn(rows, count, |row, column| columns[[row, column]]);
    let q = matrix.qr().q();
    Array2::from_shape_fn((rows, count.min(rows)), |(row, column)| q[(row, column)])
}

/// `matrix · columns`.
pub fn product(matrix: ArrayView2<'_, f64>, columns: ArrayView2<'_, f64>) -> Array2<f64> {
    let rows = matrix.nrows();
    let parts = in_parts(rows.div_ceil(PART_ROWS), |_: &mut (), part| {
        let (first, last) = (part * PART_ROWS, ((part + 1) * PART_ROWS).min(rows));
        matrix.slice(s![first..last, ..]).dot(&columns)
    });
    let mut whole = Array2::zeros((rows, columns.ncols()));
    for (part, mut place) in (parts.iter()).zip(whole.axis_chunks_iter_mut(Axis(0), PART_ROWS)) {
        place.assign(part);
    }
    whole
}

/// `aᵀ · b`, each with one row per sample: the sum over blocks of samples, in their order.
pub fn product_over_rows(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    const BLOCK: usize = 4096;
    let rows = a.nrows();
    let parts = in_parts(rows.div_ceil(BLOCK), |_: &mut (), part| {
        let rows = part * BLOCK..((part + 1) * BLOCK).min(rows);
        a.slice(s![rows.clone(), ..])
            .t()
            .dot(&b.slice(s![rows, ..]))
    });
    let mut sum = Array2::zeros((a.ncols(), b.ncols()));
    parts.iter().for_each(|part| sum += part);
    sum
}

/// Adds `aᵀ · b` to `sum`, in single precision.
pub fn add_product_over_rows(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    sum: &mut Array2<f32>,
) {
    general_mat_mul(1.0, &a.t(), &b, 1.0, sum);
}

/// Signs at random, the same ones always: the start of a range finder.
pub fn signs(rows: usize, columns: usize) -> Array2<f32> {
    let mut state = 0x5157_u64;
    let mut bits = (0u64, 0);
    Array2::from_shape_simple_fn((rows, columns), || {
        if bits.1 == 0 {
            // SplitMix64.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut next = state;
            next = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            next = (next ^ (next >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bits = (next ^ (next >> 31), 64);
        }
        let is_set = bits.0 & 1 == 1;
        bits = (bits.0 >> 1, bits.1 - 1);
        if is_set { 1.0 } else { -1.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenpairs_are_sorted_and_rebuild_the_matrix() {
        let matrix = Array2::from_shape_fn((7, 7), |(a, b)| {
            1.0 / (1.0 + a as f64 + b as f64) + if a == b { a as f64 * 0.1 } else { 0.0 }
        });
        let found = symmetric(matrix.view()).unwrap();
        assert!(found.values.windows(2).all(|pair| pair[0] >= pair[1]));
        let scaled = &found.vectors * &ndarray::Array1::from(found.values.clone());
        let rebuilt = scaled.dot(&found.vectors.t());
        assert!((&rebuilt - &matrix).iter().all(|off| off.abs() < 1e-13));
        assert!(symmetric(Array2::from_elem((3, 3), f64::NAN).view()).is_err());
        assert_eq!(
            symmetric(Array2::zeros((4, 4)).view()).unwrap().values,
            [0.0; 4]
        );
    }

    #[test]
    fn columns_become_orthonormal_and_span_the_same() {
        let columns = Array2::from_shape_fn((50, 4), |(row, column)| {
            ((row * (column + 2)) as f64 * 0.37).sin() + column as f64
        });
        let q = orthonormal(columns.view());
        let unit: Array2<f64> = q.t().dot(&q);
        assert!(
            (&unit - &Array2::<f64>::eye(4))
                .iter()
                .all(|off| off.abs() < 1e-13)
        );
        let left = &columns - &q.dot(&q.t().dot(&columns));
        assert!(left.iter().all(|off| off.abs() < 1e-12));
        assert_eq!(orthonormal(columns.slice(s![..3, ..])).dim(), (3, 3));
    }

    #[test]
    fn products_in_parts_are_products() {
        let a = Array2::from_shape_fn((300, 5), |(row, column)| {
            (row as f64 - 3.0 * column as f64).cos()
        });
        let b = Array2::from_shape_fn((5, 4), |(row, column)| (row * column) as f64 - 1.0);
        assert!(
            (&product(a.view(), b.view()) - &a.dot(&b))
                .iter()
                .all(|off| off.abs() < 1e-12)
        );
        let both = product_over_rows(a.view(), a.view());
        assert!((&both - &a.t().dot(&a)).iter().all(|off| off.abs() < 1e-11));
    }

    #[test]
    fn signs_are_even() {
        let signs = signs(300, 40);
        assert!(signs.iter().all(|sign| sign.abs() == 1.0));
        assert!(signs.sum().abs() < 4.0 * (300.0f32 * 40.0).sqrt());
        let (first, second) = (signs.column(0), signs.column(1));
        assert!(first.dot(&second).abs() < 4.0 * 300.0f32.sqrt());
    }
}
