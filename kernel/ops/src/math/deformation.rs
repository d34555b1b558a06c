//! From the change of reciprocal vectors to strain and rotation. Components are (x, y) = (column, row).

/// Matrix by rows; columns act on (x, y).
pub type Matrix = [[f64; 2]; 2];

/// Right polar decomposition of a deformation gradient, `F = R U`: components of `U - 1`, angle of `R`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deformation {
    /// Expansion along x (columns).
    pub e_xx: f64,
    /// Expansion along y (rows).
    pub e_yy: f64,
    /// Tensor shear; positive lengthens along +x+y.
    pub e_xy: f64,
    /// Radians, positive from +x towards +y.
    pub rotation: f64,
}

impl Deformation {
    /// ε_xx, ε_yy, ε_xy and the rotation.
    pub fn components(&self) -> [f64; 4] {
        [self.e_xx, self.e_yy, self.e_xy, self.rotation]
    }

    /// Real-space deformation of a lattice whose reciprocal vectors follow `g = T g_ref`: plane waves keep their phase,
    /// so `F = T^-T`. `None` when `T` is singular or mirrors.
    pub fn of_reciprocal(t: Matrix) -> Option<Self> {
        let det = t[0][0] * t[1][1] - t[0][1] * t[1][0];
        if !(det.is_finite() && det > 1e-12) {
            return None;
        }
        let f = [
            [t[1][1] / det, -t[1][0] / det],
            [-t[0][1] / det, t[0][0] / det],
        ];
        Some(Deformation::of_gradient(f))
    }

    /// Change of the deformation with each component of `T`, to first order, in the order xx, xy, yx, yy: with
    /// `dF = -F dTᵀ F` and `Rᵀ dF = Ω U + dU`. `None` as in [`Deformation::of_reciprocal`].
    pub fn derivatives(t: Matrix) -> Option<[Deformation; 4]> {
        let own = Deformation::of_reciprocal(t)?;
        let det = t[0][0] * t[1][1] - t[0][1] * t[1][0];
        let f = [
            [t[1][1] / det, -t[1][0] / det],
            [-t[0][1] / det, t[0][0] / det],
        ];
        let (sin, cos) = own.rotation.sin_cos();
        let (u_xx, u_yy, u_xy) = (1.0 + own.e_xx, 1.0 + own.e_yy, own.e_xy);
        Some([(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| {
            // Of one component of T, dF is the product of a column and a row of F.
            let (column, row) = ([f[0][j], f[1][j]], f[i]);
            let turned = [
                -(cos * column[0] + sin * column[1]),
                -(cos * column[1] - sin * column[0]),
            ];
            let a = turned.map(|x| row.map(|y| x * y));
            let rotation = (a[1][0] - a[0][1]) / (u_xx + u_yy);
            Deformation {
                e_xx: a[0][0] + rotation * u_xy,
                e_yy: a[1][1] - rotation * u_xy,
                e_xy: a[0][1] + rotation * u_yy,
                rotation,
            }
        }))
    }

    /// Closed form in two dimensions: `C = F^T F`, `s = sqrt(det C)`, `U = (C + s) / sqrt(tr C + 2 s)`.
    fn of_gradient(f: Matrix) -> Self {
        let c_xx = f[0][0] * f[0][0] + f[1][0] * f[1][0];
        let c_yy = f[0][1] * f[0][1] + f[1][1] * f[1][1];
        let c_xy = f[0][0] * f[0][1] + f[1][0] * f[1][1];
        let s = (f[0][0] * f[1][1] - f[0][1] * f[1][0]).abs();
        let q = (c_xx + c_yy + 2.0 * s).sqrt();
        Deformation {
            e_xx: (c_xx + s) / q - 1.0,
            e_yy: (c_yy + s) / q - 1.0,
            e_xy: c_xy / q,
            rotation: (f[1][0] - f[0][1]).atan2(f[0][0] + f[1][1]),
        }
    }

    /// The same deformation, or the same change of one, in axes reached by `v' = R(angle) M v`, with `M = diag(1, -1)` when `flip_y`.
    pub fn in_axes(self, angle: f64, flip_y: bool) -> Self {
        let sign = if flip_y { -1.0 } else { 1.0 };
        let (sin, cos) = angle.sin_cos();
        let (xx, yy, xy) = (self.e_xx, self.e_yy, sign * self.e_xy);
        Deformation {
            e_xx: cos * cos * xx - 2.0 * sin * cos * xy + sin * sin * yy,
            e_yy: sin * sin * xx + 2.0 * sin * cos * xy + cos * cos * yy,
            e_xy: sin * cos * (xx - yy) + (cos * cos - sin * sin) * xy,
            rotation: sign * self.rotation,
        }
    }
}

/// Standard errors of ε_xx, ε_yy, ε_xy and θ to first order, from how they change with the components of the matrix and the
/// covariance of its two rows, which do not depend on each other.
pub fn standard_errors(changes: [Deformation; 4], covariance: [[f64; 3]; 2]) -> [f64; 4] {
    let changes = changes.map(|change| change.components());
    [0, 1, 2, 3].map(|of| {
        let row = |row: usize| {
            let [xx, xy, yy] = covariance[row];
            let [x, y] = [changes[2 * row][of], changes[2 * row + 1][of]];
            x * x * xx + 2.0 * x * y * xy + y * y * yy
        };
        (row(0) + row(1)).max(0.0).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(a: Matrix, b: Matrix) -> Matrix {
        let cell = |i: usize, j: usize| a[i][0] * b[0][j] + a[i][1] * b[1][j];
        [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
    }

    fn turn(angle: f64) -> Matrix {
        let (sin, cos) = angle.sin_cos();
        [[cos, -sin], [sin, cos]]
    }

    /// `T` with `F = T^-T`.
    fn reciprocal(f: Matrix) -> Matrix {
        let det = f[0][0] * f[1][1] - f[0][1] * f[1][0];
        [
            [f[1][1] / det, -f[1][0] / det],
            [-f[0][1] / det, f[0][0] / det],
        ]
    }

    fn close(a: Deformation, [xx, yy, xy, rotation]: [f64; 4], tolerance: f64) {
        for (a, b) in [
            (a.e_xx, xx),
            (a.e_yy, yy),
            (a.e_xy, xy),
            (a.rotation, rotation),
        ] {
            assert!((a - b).abs() < tolerance, "{a} {b}");
        }
    }

    #[test]
    fn the_worked_case() {
        let f = product([[1.02, 0.012], [0.004, 0.99]], turn(0.2));
        let found = Deformation::of_reciprocal(reciprocal(f)).unwrap();
        close(found, [0.02193, -0.01192, 0.00159, 0.19602], 5e-6);
    }

    #[test]
    fn pure_rotation_stretch_and_shear_have_the_documented_signs() {
        let found = |f| Deformation::of_reciprocal(reciprocal(f)).unwrap();
        close(found(turn(0.3)), [0.0, 0.0, 0.0, 0.3], 1e-12);
        close(
            found([[1.03, 0.0], [0.0, 1.0]]),
            [0.03, 0.0, 0.0, 0.0],
            1e-12,
        );
        close(
            found([[1.0, 0.02], [0.02, 1.0]]),
            [0.0, 0.0, 0.02, 0.0],
            1e-12,
        );
        // F = R U with a known U.
        let u = [[1.01, 0.015], [0.015, 0.98]];
        close(
            found(product(turn(-0.2), u)),
            [0.01, -0.02, 0.015, -0.2],
            1e-12,
        );
        assert_eq!(Deformation::of_reciprocal([[1.0, 0.0], [0.0, -1.0]]), None);
        assert_eq!(Deformation::of_reciprocal([[1.0, 2.0], [2.0, 4.0]]), None);
    }

    #[test]
    fn derivatives_are_those_of_finite_steps() {
        for t in [
            [[1.0, 0.0], [0.0, 1.0]],
            [[0.9, 0.2], [-0.15, 1.1]],
            [[0.5, -0.8], [0.9, 0.45]],
        ] {
            let all = Deformation::derivatives(t).unwrap();
            for (n, derivative) in all.into_iter().enumerate() {
                let at = |step: f64| {
                    let mut t = t;
                    t[n / 2][n % 2] += step;
                    Deformation::of_reciprocal(t).unwrap()
                };
                let (less, more) = (at(-1e-6), at(1e-6));
                let slope = |of: fn(&Deformation) -> f64| (of(&more) - of(&less)) / 2e-6;
                let expected = [
                    slope(|d| d.e_xx),
                    slope(|d| d.e_yy),
                    slope(|d| d.e_xy),
                    slope(|d| d.rotation),
                ];
                close(derivative, expected, 1e-8);
            }
        }
    }

    #[test]
    fn turned_axes() {
        let found = Deformation {
            e_xx: 0.02,
            e_yy: -0.01,
            e_xy: 0.0,
            rotation: 0.1,
        };
        close(
            found.in_axes(std::f64::consts::FRAC_PI_2, false),
            [-0.01, 0.02, 0.0, 0.1],
            1e-12,
        );
        close(
            found.in_axes(std::f64::consts::FRAC_PI_4, false),
            [0.005, 0.005, 0.015, 0.1],
            1e-12,
        );
        let sheared = Deformation {
            e_xx: 0.0,
            e_yy: 0.0,
            e_xy: 0.01,
            rotation: 0.1,
        };
        close(sheared.in_axes(0.0, true), [0.0, 0.0, -0.01, -0.1], 1e-12);
    }
}
