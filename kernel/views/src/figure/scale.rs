//! Round numbers: scale bars, ticks and their labels, by the rules of the page (`geometry/axes.ts`).

use signal::Axis;

/// A bar of a round length over an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleBar {
    /// Length as a share of the image's width.
    pub share: f64,
    /// `20 nm`
    pub label: String,
}

/// The largest 1, 2 or 5 times a power of ten that is not above `limit`; 0 when there is none.
fn nice_below(limit: f64) -> f64 {
    if limit.is_nan() || limit <= 0.0 || limit.is_infinite() {
        return 0.0;
    }
    let power = 10f64.powf((limit.log10() + 1e-9).floor());
    let factor = limit / power + 1e-9;
    power
        * match factor {
            factor if factor >= 5.0 => 5.0,
            factor if factor >= 2.0 => 2.0,
            _ => 1.0,
        }
}

impl ScaleBar {
    /// At most about a third of an image that is as wide as `axis`; none where one length does not hold for the whole
    /// axis, or where it has one entry.
    pub fn along(axis: &Axis) -> Option<ScaleBar> {
        const UNITS: [(&str, &str, f64); 4] = [
            ("pm", "nm", 1000.0),
            ("Å", "nm", 10.0),
            ("nm", "µm", 1000.0),
            ("µm", "mm", 1000.0),
        ];
        if !axis.is_uniform() || axis.size < 2 {
            return None;
        }
        let whole = axis.scale.abs() * axis.size as f64;
        let length = nice_below(whole * 0.34);
        if length == 0.0 {
            return None;
        }
        let units = match axis.units.as_str() {
            "" => "px",
            units => units,
        };
        let larger = UNITS.iter().find(|(unit, ..)| *unit == units);
        let smaller = UNITS
            .iter()
            .find(|(_, unit, by)| *unit == units && *by > 10.0);
        let (shown, units) = match (larger, smaller) {
            (Some((_, larger, by)), _) if length >= *by => (length / by, *larger),
            (_, Some((smaller, _, by))) if length < 0.1 => (length * by, *smaller),
            _ => (length, units),
        };
        Some(ScaleBar {
            share: length / whole,
            label: format!("{} {units}", plain(shown)),
        })
    }
}

/// Round values inside `[low, high]`, about `count` of them, with what they and their multiplier are called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    pub values: Vec<f64>,
    pub labels: Vec<String>,
    /// `×10⁶`, or empty: what the labels are to be multiplied by.
    pub multiplier: String,
}

impl Ticks {
    pub fn inside(low: f64, high: f64, count: usize) -> Ticks {
        let least = (high - low) / count.max(1) as f64;
        let mut step = nice_below(least);
        if step > 0.0 && step < least * (1.0 - 1e-9) {
            step = nice_below(step * 2.5001);
        }
        let mut values = Vec::new();
        if step > 0.0 && low.is_finite() {
            let mut at = (low / step - 1e-9).ceil();
            // Counted: beside a large value, steps may be too small to lead on.
            for _ in 0..4 * count.max(1) {
                if at * step > high + step * 1e-9 {
                    break;
                }
                // No minus before zero.
                values.push(at * step + 0.0);
                at += 1.0;
            }
        }
        let largest = values
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        let power = match largest {
            largest if largest >= 1e5 || (largest > 0.0 && largest < 1e-3) => {
                ((largest.log10() + 1e-9) / 3.0).floor() as i32 * 3
            }
            _ => 0,
        };
        let unit = 10f64.powi(power);
        let decimals = (-(step / unit).log10() - 1e-9).ceil().clamp(0.0, 12.0);
        let decimals = if step > 0.0 { decimals as usize } else { 0 };
        let text = |value: &f64| minus(&format!("{:.decimals$}", value / unit));
        // No number of digits tells those apart that no `f64` does.
        values.dedup_by_key(|value| text(value));
        Ticks {
            labels: values.iter().map(text).collect(),
            values,
            multiplier: match power {
                0 => String::new(),
                power => format!("×10{}", superscript(power)),
            },
        }
    }
}

fn superscript(number: i32) -> String {
    let digits = number.to_string();
    let raised = |digit| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32('⁰' as u32 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
    };
    digits.chars().map(raised).collect()
}

/// Six significant digits, no zeros at the end.
fn plain(value: f64) -> String {
    let decimals = (5.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Four significant digits, exponents only where they help (`numberText` of the page).
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        return "no value".into();
    }
    if value.is_infinite() {
        return minus(if value > 0.0 { "∞" } else { "-∞" });
    }
    if value.fract() == 0.0 && size < 1e7 {
        return minus(&format!("{value:.0}"));
    }
    if !(1e-4..1e7).contains(&size) {
        return minus(&format!("{value:.2e}"));
    }
    let decimals = (3.0 - size.log10().floor()).clamp(0.0, 7.0) as usize;
    minus(&format!("{value:.decimals$}"))
}

fn minus(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_a_round_length_in_a_unit_of_the_right_size() {
        let bar = |scale: f64, size: usize, units: &str| {
            ScaleBar::along(&Axis::new("x", size, scale, 0.0, units))
                .map(|bar| (bar.label, bar.share))
        };
        assert_eq!(bar(0.5, 60, "nm"), Some(("10 nm".into(), 1.0 / 3.0)));
        assert_eq!(bar(50.0, 100, "nm"), Some(("1 µm".into(), 0.2)));
        assert_eq!(bar(-0.0002, 1000, "nm"), Some(("50 pm".into(), 0.25)));
        assert_eq!(bar(1.0, 112, ""), Some(("20 px".into(), 20.0 / 112.0)));
        assert_eq!(bar(1.0, 1, "nm"), None);
        let uneven = Axis::with_values("x", vec![0.0, 1.0, 3.0], "nm");
        assert_eq!(ScaleBar::along(&uneven), None);
    }

    #[test]
    fn numbers_have_four_digits() {
        let texts = [0.016_137, -1.5, 3.0, 1234.56, 2.0e-5, f64::NEG_INFINITY].map(number);
        assert_eq!(texts, ["0.01614", "−1.500", "3", "1235", "2.00e−5", "−∞"]);
    }

    #[test]
    fn ticks_are_round_and_named_alike() {
        let ticks = Ticks::inside(-0.021, 0.021, 4);
        assert_eq!(ticks.labels, ["−0.02", "0.00", "0.02"]);
        let counts = Ticks::inside(0.0, 2.6e6, 4);
        assert_eq!(
            (counts.labels.as_slice(), counts.multiplier.as_str()),
            (&["0".to_owned(), "1".into(), "2".into()][..], "×10⁶")
        );
        let small = Ticks::inside(0.0, 4.2e-5, 4);
        assert_eq!(
            (small.labels[1].as_str(), small.multiplier.as_str()),
            ("20", "×10⁻⁶")
        );
        assert_eq!(
            Ticks::inside(153.79, 153.83, 4).labels[..2],
            ["153.79", "153.80"]
        );
        for low in [-3e9, -1.0, 1e-5, 153.8, 65_535.0, 1e7, 4e12] {
            for share in [1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 0.1, 3.0f64] {
                let mut labels = Ticks::inside(low, low + share * low.abs(), 4).labels;
                let count = labels.len();
                labels.dedup();
                assert_eq!(labels.len(), count, "{low} {share}");
            }
        }
        assert_eq!(Ticks::inside(3.0, 3.0, 4).values, Vec::<f64>::new());
        assert_eq!(Ticks::inside(f64::NAN, 1.0, 4).values, Vec::<f64>::new());
    }
}
