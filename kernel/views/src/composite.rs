//! Several images as one picture: what its levels are chosen from, and its colours.

use signal::Frame;

use crate::colormap::{Contrast, Rgb};

/// Lengths of the vectors whose components two images hold; NaN where one of them has no value.
///
/// # Errors
/// A sentence where the images are not of one shape.
pub fn lengths(y: &Frame, x: &Frame) -> Result<Frame, String> {
    if y.shape() != x.shape() {
        let (y, x) = (y.shape(), x.shape());
        return Err(format!("images of {y:?} and {x:?} pixels are no vectors"));
    }
    let lengths = (y.to_f32().iter().zip(x.to_f32().iter()))
        .map(|(y, x)| length([*y, *x]))
        .collect();
    Frame::from_vec(y.shape(), lengths)
}

/// In double precision, as the page has it; `hypot` would take an infinity beside NaN for a length.
fn length([y, x]: [f32; 2]) -> f32 {
    let [y, x] = [y, x].map(f64::from);
    (y * y + x * x).sqrt() as f32
}

/// The colour of a vector: its direction is the hue, its length between the levels the brightness; `None` without value.
pub(crate) fn vector_color(
    contrast: &Contrast,
    [low, high]: [f64; 2],
    [y, x]: [f32; 2],
) -> Option<Rgb> {
    let length = f64::from(length([y, x]));
    let range = if high > low { high - low } else { 1.0 };
    length.is_finite().then(|| {
        let share = contrast.brightness((length - low) / range);
        contrast.colormap.toward(y.into(), x.into(), share)
    })
}

/// The colour of three values, each between its own levels; `None` where one has no value.
pub(crate) fn rgb_color(contrast: &Contrast, levels: &[[f64; 2]], values: [f32; 3]) -> Option<Rgb> {
    let valid = values.iter().all(|value| value.is_finite());
    valid.then(|| {
        std::array::from_fn(|channel| {
            let [low, high] = levels.get(channel).copied().unwrap_or([0.0, 1.0]);
            let range = if high > low { high - low } else { 1.0 };
            let share = contrast.brightness((f64::from(values[channel]) - low) / range);
            (share * 255.0).round() as u8
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(values: &[f32]) -> Frame {
        Frame::from_vec(&[1, values.len()], values.to_vec()).unwrap()
    }

    #[test]
    fn a_length_needs_both_components() {
        let nan = f32::NAN;
        let (y, x) = (
            frame(&[3.0, -3.0, nan, f32::INFINITY]),
            frame(&[4.0, 0.0, 1.0, nan]),
        );
        let found = lengths(&y, &x).unwrap();
        let found = found.pixels::<f32>().unwrap();
        assert_eq!(found[..2], [5.0, 3.0]);
        assert!(found[2].is_nan() && found[3].is_nan());
        assert!(lengths(&y, &frame(&[1.0])).is_err());
    }

    #[test]
    fn hue_turns_from_right_to_down_and_brightness_grows_with_length() {
        let hsv = Contrast::of("hsv");
        let colour = |y: f32, x: f32| vector_color(&hsv, [0.0, 2.0], [y, x]).unwrap();
        // Right is red; down, a quarter turn on, between yellow and green; left is cyan; up is violet.
        assert_eq!(colour(0.0, 2.0), [255, 0, 0]);
        assert_eq!(colour(2.0, 0.0), [128, 255, 0]);
        assert_eq!(colour(0.0, -2.0), [0, 255, 255]);
        assert_eq!(colour(-2.0, 0.0), [128, 0, 255]);
        assert_eq!(colour(0.0, 1.0), [128, 0, 0]);
        assert_eq!(colour(0.0, 9.0), [255, 0, 0]);
        assert_eq!(colour(0.0, 0.0), [0, 0, 0]);
        assert_eq!(vector_color(&hsv, [0.0, 2.0], [f32::NAN, 1.0]), None);
    }

    #[test]
    fn channels_have_levels_of_their_own() {
        let levels = [[0.0, 1.0], [0.0, 100.0], [-1.0, 1.0]];
        let colour = |values| rgb_color(&Contrast::of("gray"), &levels, values);
        assert_eq!(colour([1.0, 20.0, 0.0]), Some([255, 51, 128]));
        assert_eq!(colour([-1.0, 200.0, f32::NAN]), None);
    }

    /// Both sides of the wire are held to it, see `widget/test/composites.test.ts`.
    #[test]
    fn colours_are_those_of_pyxem() {
        let text = include_str!("../../../tests/golden/composite_wheel.json");
        let golden: signal::serde_json::Value = signal::serde_json::from_str(text).unwrap();
        let rim = golden["rim"].as_f64().unwrap();
        let rows = golden["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 48);
        for row in rows {
            let number = |at: usize| row[at].as_f64().unwrap();
            let vector = [number(0) as f32, number(1) as f32];
            let found = vector_color(&Contrast::of("hsv"), [0.0, rim], vector).unwrap();
            for (channel, found) in found.into_iter().enumerate() {
                let off = (f64::from(found) - number(2 + channel)).abs();
                // Two roundings to whole numbers: of the hue, and of hue times brightness.
                assert!(off <= 1.01, "{row}: {found}");
            }
        }
    }

    /// Relative luminance to CIE lightness, 0 to 100.
    fn lightness(color: Rgb) -> f64 {
        let linear = color.map(|channel| {
            let value = f64::from(channel) / 255.0;
            match value <= 0.04045 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        });
        let y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        116.0 * y.cbrt() - 16.0
    }

    #[test]
    fn all_directions_are_as_light_as_each_other_and_length_grows_evenly() {
        let hues = Contrast::of("hues");
        let light = |degrees: i32, length: f32| {
            let (y, x) = (degrees as f32).to_radians().sin_cos();
            let vector = [y * length, x * length];
            lightness(vector_color(&hues, [0.0, 1.0], vector).unwrap())
        };
        let all: Vec<f64> = (0..360).map(|degrees| light(degrees, 1.0)).collect();
        let (least, most) = all.iter().fold((f64::MAX, 0.0f64), |(least, most), light| {
            (least.min(*light), most.max(*light))
        });
        // CIE lightness and that of OKLab, which the table keeps, differ by some units; HSV spreads over 65.
        assert!(least > 65.0 && most < 76.0, "{least} to {most}");
        for degrees in (0..360).step_by(30) {
            for step in 1..=8 {
                let (one, next) = (step as f32 / 9.0, (step + 1) as f32 / 9.0);
                let rise = light(degrees, next) - light(degrees, one);
                assert!((4.0..11.0).contains(&rise), "{degrees} {step}: {rise}");
            }
        }
    }
}
