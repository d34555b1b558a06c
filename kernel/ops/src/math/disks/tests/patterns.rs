//! Disks with strong patterns inside: they are found whole, where their radius or a vacuum is said and where it is not.

use super::*;

/// Softly 1 on one side of a place and 0 on the other.
fn side(away: f64) -> f64 {
    1.0 / (1.0 + (-away / 0.4).exp())
}

/// One in the middle of `half` and `rest` beside it.
fn bar(away: f64, half: f64, rest: f64) -> f64 {
    rest + (1.0 - rest) * side(half - away.abs())
}

fn bar_of_three(radius: f64, dy: f64, dx: f64) -> f64 {
    bar(0.8 * dy - 0.6 * dx, 0.25 * radius, 1.0 / 3.0)
}

fn bar_of_four(radius: f64, _: f64, dx: f64) -> f64 {
    bar(dx, 0.3 * radius, 0.25)
}

fn stripes(radius: f64, dy: f64, dx: f64) -> f64 {
    let along = 0.9 * dy + 0.4 * dx;
    let wave = (std::f64::consts::TAU * along / (0.55 * radius)).cos();
    0.1 + 0.9 / (1.0 + (-4.0 * wave).exp())
}

fn bright_centre(radius: f64, dy: f64, dx: f64) -> f64 {
    bar(dy.hypot(dx), 0.4 * radius, 0.25)
}

fn half_moon(_: f64, dy: f64, dx: f64) -> f64 {
    0.1 + 0.9 * side(0.7 * dy + 0.7 * dx)
}

type Inside = fn(f64, f64, f64) -> f64;

const PATTERNS: [(&str, Inside); 5] = [
    ("bar 3:1", bar_of_three),
    ("bar 4:1", bar_of_four),
    ("stripes", stripes),
    ("bright centre", bright_centre),
    ("half-moon", half_moon),
];

const OBLIQUE: [[f64; 2]; 2] = [[2.0, 24.0], [23.0, 7.0]];

fn family(name: &'static str, inside: Inside, vectors: [[f64; 2]; 2], dose: f64) -> Family {
    Family {
        name,
        radius: 9.0,
        edge: 0.6,
        bragg: dose,
        beam: 4.0 * dose,
        diffuse: 0.1 * dose,
        vectors,
        inside,
        ..Family::default()
    }
}

/// What is said before.
#[derive(Clone, Copy, Debug)]
enum Said {
    Nothing,
    Radius(f64),
    Vacuum,
}

fn measured(family: &Family, said: Said, seed: u64, count: u64) -> Option<Prepared> {
    let some = |family: &Family, first: u64, count: u64| -> Vec<Vec<f32>> {
        (first..first + count)
            .map(|seed| family.frame(seed, 0).image.counts)
            .collect()
    };
    let vacuum = match said {
        Said::Vacuum => {
            let empty = Family {
                bragg: 1e-9,
                diffuse: 0.01 * family.bragg,
                ..*family
            };
            some(&empty, seed + 1000, 32)
        }
        _ => Vec::new(),
    };
    let given = Given {
        radius: match said {
            Said::Radius(radius) => Some(radius),
            _ => None,
        },
        ..Given::default()
    };
    prepare(
        some(family, seed, count),
        vacuum,
        (family.rows, family.columns),
        given,
    )
}

/// Whole disks as they were found.
#[derive(Default)]
struct Whole {
    score: Score,
    /// Of those that were found, how far off.
    off: Vec<[f64; 2]>,
}

impl Whole {
    fn of(family: &Family, prepared: &Prepared, seeds: std::ops::Range<u64>) -> Self {
        let model = &prepared.model;
        let mut whole = Whole::default();
        let mut scratch = Scratch::default();
        let border = family.radius - 1.0;
        let inside = |at: f64, size: usize| at >= border && at <= size as f64 - 1.0 - border;
        for seed in seeds {
            let frame = family.frame(seed, model.margin());
            let mut found = model.find(&frame.image, &mut scratch);
            found.retain(|peak| inside(peak.y, family.rows) && inside(peak.x, family.columns));
            whole.score.add(family, &frame.truth, &found);
            for [y, x, _] in frame.truth.disks {
                let off = found.iter().map(|peak| [peak.y - y, peak.x - x]);
                let nearest = off.min_by(|a, b| a[0].hypot(a[1]).total_cmp(&b[0].hypot(b[1])));
                whole
                    .off
                    .extend(nearest.filter(|off| off[0].hypot(off[1]) < 0.4 * family.radius));
            }
        }
        whole
    }

    /// One vector that all are off by: what the middle of a pattern without symmetry is, nobody can say.
    fn common(&self) -> [f64; 2] {
        [0, 1].map(|axis| {
            let mut all: Vec<f64> = self.off.iter().map(|off| off[axis]).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
        })
    }

    fn text(&self, prepared: &Prepared) -> String {
        let kind = if prepared.model.probe.is_some() {
            "pattern"
        } else {
            "flat"
        };
        format!(
            "radius {:.2} {kind} misfit {:.2}, gain {:.2}, {:.2} of the bound ({:.2}, by {:.2?}), recall {:.3}, precision {:.3}, {:.2} within",
            prepared.model.shape.radius,
            prepared.misfit,
            prepared.clean.gain,
            self.score.ratio(),
            self.ratio(),
            self.common(),
            self.score.recall(),
            self.score.precision(),
            self.score.covered(),
        )
    }

    /// Root mean square error over the bound beside that.
    fn ratio(&self) -> f64 {
        let Score {
            square,
            bound,
            found,
            ..
        } = self.score;
        let [y, x] = self.common();
        ((square - found * (y * y + x * x)).max(0.0) / bound).sqrt()
    }
}

/// Nor are they taken to pieces where nothing is said.
#[test]
fn strongly_patterned_disks_are_found_whole() {
    for (pattern, vectors, said) in [
        (1, HEXAGONAL, Said::Radius(9.0)),
        (0, OBLIQUE, Said::Vacuum),
        (4, HEXAGONAL, Said::Radius(9.0)),
        (2, OBLIQUE, Said::Nothing),
        (3, HEXAGONAL, Said::Nothing),
    ] {
        let (name, inside) = PATTERNS[pattern];
        let family = Family {
            columns: 144,
            ..family(name, inside, vectors, 60.0)
        };
        let prepared = measured(&family, said, 7600, 24).expect(name);
        let whole = Whole::of(&family, &prepared, 7800..7812);
        let text = format!("{name} {said:?}: {}", whole.text(&prepared));
        println!("{text}");
        assert!(whole.ratio() < 1.3, "{text}");
        let [y, x] = whole.common();
        // Of a half-moon the dark part is hardly seen.
        assert!(y.hypot(x) < 0.15 * family.radius, "{text}");
        assert!(
            whole.score.recall() > 0.99 && whole.score.precision() > 0.99,
            "{text}"
        );
    }
}

/// Where counts are few, noise of the pattern is not taken for slopes that tell the place.
#[test]
fn patterns_of_few_counts_are_found_whole_with_true_errors() {
    for (pattern, radius, said) in [
        (2, 9.0, Said::Nothing),
        (3, 5.0, Said::Radius(5.0)),
        (3, 9.0, Said::Nothing),
        (1, 9.0, Said::Vacuum),
    ] {
        let (name, inside) = PATTERNS[pattern];
        let family = Family {
            radius,
            ..family(name, inside, OBLIQUE, 5.0)
        };
        let prepared = measured(&family, said, 9600, 32).expect(name);
        let whole = Whole::of(&family, &prepared, 9800..9830);
        let text = format!("{name} {radius} {said:?}: {}", whole.text(&prepared));
        println!("{text}");
        assert!(prepared.model.probe.is_some(), "{text}");
        assert!(whole.ratio() < 1.2, "{text}");
        assert!((0.61..0.74).contains(&whole.score.covered()), "{text}");
        assert!(
            whole.score.recall() > 0.97 && whole.score.precision() > 0.99,
            "{text}"
        );
    }
}

/// Rings of large disks touch each other, and the dark ones between them end what is seen of the beam.
#[test]
fn rings_of_few_counts_are_one_disk() {
    for dose in [2.0, 5.0] {
        let family = Family {
            radius: 12.0,
            vectors: [[2.0, 32.0], [29.0, 10.0]],
            ..family("rings", bullseye, OBLIQUE, dose)
        };
        let prepared = measured(&family, Said::Nothing, 10_600, 48).expect("disks");
        let whole = Whole::of(&family, &prepared, 10_800..10_820);
        let text = format!("{dose}: {}", whole.text(&prepared));
        println!("{text}");
        assert!(
            whole.score.precision() > 0.98 && whole.score.recall() > 0.98,
            "{text}"
        );
        assert!(whole.ratio() < 1.3, "{text}");
    }
}

#[test]
#[ignore = "prints a table"]
fn table() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let modes = std::env::var("MODES").unwrap_or("nrv".to_owned());
    let small = [[2.0, 18.0], [17.0, 5.0]];
    for (name, inside) in PATTERNS {
        for (lattice, radius, vectors) in [
            ("small", 5.0, small),
            ("hexagonal", 9.0, HEXAGONAL),
            ("oblique", 9.0, OBLIQUE),
            ("touching", 9.0, SQUARE),
        ] {
            for dose in [1.0, 5.0, 20.0, 60.0, 300.0] {
                let title = format!("{name} {lattice} {dose}");
                if !only.split(',').all(|word| title.contains(word)) {
                    continue;
                }
                let family = Family {
                    radius,
                    ..family(name, inside, vectors, dose)
                };
                for (mode, said) in [
                    ('n', Said::Nothing),
                    ('r', Said::Radius(radius)),
                    ('v', Said::Vacuum),
                ] {
                    if !modes.contains(mode) {
                        continue;
                    }
                    let start = std::time::Instant::now();
                    let prepared = measured(&family, said, 600, 64);
                    let took = start.elapsed().as_millis();
                    let text = match &prepared {
                        Some(found) => Whole::of(&family, found, 800..820).text(found),
                        None => "none".to_owned(),
                    };
                    println!("{title} {said:?}: {text}; {took} ms");
                }
            }
        }
    }
}
