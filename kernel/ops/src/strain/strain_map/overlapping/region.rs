//! Reference regions of one lattice, of lattices that change, and over two grains: which are said to vary, and by how much.

use super::*;

const POSITIONS: usize = 128;
const PRECIPITATE: &str = "a tenth with 3 %";

/// Of a position by its number, and whether its region is to be said, by how much (strain, turn).
struct Case {
    name: &'static str,
    matrix: fn(usize) -> Matrix,
    apart: Option<[f64; 2]>,
    /// Without a step, or with more than one.
    is_gradual: bool,
}

/// Where a position lies in its region, from 0 to 1.
fn along(n: usize) -> f64 {
    n as f64 / (POSITIONS - 1) as f64
}

/// Reciprocal vectors along rows that are longer.
fn longer(by: f64) -> Matrix {
    [[1.0 + by, 0.0], [0.0, 1.0]]
}

fn half(n: usize, other: Matrix) -> Matrix {
    // Rows of 16 positions, of which the left half is one grain.
    if n % 16 < 8 { IDENTITY } else { other }
}

fn alike() -> Vec<Case> {
    let none = |name, matrix| Case {
        name,
        matrix,
        apart: None,
        is_gradual: false,
    };
    vec![
        none("one grain", |_| IDENTITY),
        none("gradient of ±0.1 %", |n| longer(0.002 * along(n))),
        none("gradient of ±0.25 %", |n| longer(0.005 * along(n))),
        none("bend of ±0.2°", |n| turned(0.4 * along(n))),
        none("drift of ±0.1 %", |n| {
            longer(0.001 * (0.4 * n as f64).sin())
        }),
        none("0.05 % beside each other", |n| half(n, longer(0.0005))),
        none(PRECIPITATE, |n| match n % 10 {
            4 => longer(0.03),
            _ => IDENTITY,
        }),
    ]
}

fn varying() -> Vec<Case> {
    let by = |name, matrix, strain: f64, degrees: f64| Case {
        name,
        matrix,
        apart: Some([strain, degrees.to_radians()]),
        is_gradual: false,
    };
    vec![
        by("0.2 %", |n| half(n, longer(0.002)), 0.002, 0.0),
        by("0.5 %", |n| half(n, longer(0.005)), 0.005, 0.0),
        by("1 %", |n| half(n, longer(0.01)), 0.01, 0.0),
        by("3 %", |n| half(n, longer(0.03)), 0.03, 0.0),
        by("0.3°", |n| half(n, turned(0.3)), 0.0, 0.3),
        by("1.1°", |n| half(n, turned(1.1)), 0.0, 1.1),
        by(
            "1.5 % and 1.1°",
            |n| half(n, product(longer(0.015), turned(1.1))),
            0.015,
            1.1,
        ),
        by(
            "a quarter with 1 %",
            |n| match n % 4 {
                0 => longer(0.01),
                _ => IDENTITY,
            },
            0.01,
            0.0,
        ),
        Case {
            is_gradual: true,
            ..by(
                "gradient of ±1.5 %",
                |n| longer(0.03 * along(n)),
                0.015,
                0.0,
            )
        },
        Case {
            is_gradual: true,
            ..by(
                "three grains",
                |n| longer(0.01 * (n % 3) as f64),
                0.0133,
                0.0,
            )
        },
    ]
}

/// Printed.
fn measure(scan: &mut Scan, case: &Case) -> Reference {
    let matrices: Vec<Matrix> = (0..POSITIONS).map(case.matrix).collect();
    let reference = scan.reference_of(&matrices);
    let text = super::super::caveats::of(&StrainMap::default(), &reference);
    println!(
        "{} counts, {}: {} {:?} {}",
        scan.family.bragg,
        case.name,
        reference.points.len(),
        reference.varies,
        text.first().map_or("", |caveat| &caveat.text)
    );
    reference
}

/// Five standard errors of a position must lie between them, which 5 counts do not tell of 0.2 %.
#[test]
fn a_region_over_two_grains_is_said() {
    for (dose, seed) in [(5.0, 71), (50.0, 72), (500.0, 73)] {
        let mut scan = Scan::new(of(5.76, dose), &[], seed);
        let error = usual_error(&mut scan);
        println!("{dose} counts: standard error {error:.6}");
        for case in alike() {
            let reference = measure(&mut scan, &case);
            assert_eq!(reference.varies, None, "{dose} {}", case.name);
        }
        for case in varying() {
            let reference = measure(&mut scan, &case);
            let [strain, turn] = case.apart.unwrap_or_default();
            let Some(by) = reference.varies else {
                assert!(strain.max(turn) < 6.5 * error, "{dose} {}", case.name);
                continue;
            };
            let close = |found: f64, truth: f64| (found - truth).abs() < 0.05 * truth + 0.6 * error;
            assert!(
                close(by.strain, strain) && close(by.turn, turn),
                "{dose} {}: {by:?}",
                case.name
            );
            assert_eq!(by.is_two, !case.is_gradual, "{dose} {}", case.name);
        }
    }
}

/// What is left unsaid does no harm: the tenth is left out of the mean.
#[test]
fn a_precipitate_in_the_region_leaves_the_zero_where_it_is() {
    for (dose, seed) in [(5.0, 74), (50.0, 75), (500.0, 76)] {
        let mut scan = Scan::new(of(5.76, dose), &[], seed);
        for case in alike().iter().filter(|case| case.name == PRECIPITATE) {
            scan.reference = measure(&mut scan, case);
            let (mut mean, mut usual) = (0.0, 0.0);
            for _ in 0..40 {
                let (values, errors) = scan.strain(&[(IDENTITY, 1.0)]);
                mean += values[1] / 40.0;
                usual += errors[1] / 40.0;
            }
            println!("{dose} counts: zero {mean:.6}, error {usual:.6}");
            assert!(mean.abs() < usual, "{dose}: {mean} {usual}");
        }
    }
}

/// Standard error of ε_yy at one position.
fn usual_error(scan: &mut Scan) -> f64 {
    let mut all: Vec<f64> = (0..21)
        .map(|_| scan.strain(&[(IDENTITY, 1.0)]).1[1])
        .collect();
    all.sort_by(f64::total_cmp);
    all[10]
}
