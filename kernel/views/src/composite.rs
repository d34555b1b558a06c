//! Several images as one picture: what its levels are chosen from, and its colours.

use signal::{Channel, Frame};

use crate::colormap::{Contrast, Rgb};
use crate::reduce::{Part, Reduced, reduce};

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

/// Red, green, blue and, where there is one, alpha of a frame of colours, reduced to what is seen as [`reduce`] does. Where pixels are
/// put together, those that are opaque count for more. `None` for frames without colours.
pub fn channels(frame: &Frame, part: Option<Part>, size_px: [usize; 2]) -> Option<Vec<Reduced>> {
    let stored: Option<Vec<Frame>> = (Channel::STORED.iter().take(frame.element().channels()))
        .map(|channel| frame.channel(*channel))
        .collect();
    let mut stored = stored?;
    let reduced = |frame: &Frame| reduce(frame, part, size_px);
    let alpha = stored
        .get(3)
        .map(|alpha| (alpha.to_f32().into_owned(), reduced(alpha)));
    let Some((alpha, means)) = alpha.filter(|(_, means)| means.block > 1) else {
        return Some(stored.iter().map(reduced).collect());
    };
    stored.truncate(3);
    let weight = means.frame.to_f32();
    let mut all: Vec<Reduced> = Vec::new();
    for colour in &stored {
        let values = colour.to_f32();
        let weighted = values
            .iter()
            .zip(&alpha)
            .map(|(value, alpha)| value * alpha);
        let mut sum =
            reduced(&Frame::from_vec(frame.shape(), weighted.collect::<Vec<f32>>()).ok()?);
        let values = sum.frame.to_f32().into_owned();
        let mean = values
            .iter()
            .zip(weight.iter())
            .map(|(sum, weight)| match *weight {
                0.0 => 0.0,
                weight => sum / weight,
            });
        sum.frame = Frame::from_vec(sum.frame.shape(), mean.collect::<Vec<f32>>()).ok()?;
        all.push(sum);
    }
    drop(weight);
    all.push(means);
    Some(all)
}

/// A colour of its own as it is seen on white; `full` is stored for full intensity.
pub(crate) fn own_color(values: &[f32], full: f64) -> Rgb {
    let share = |value: f32| (f64::from(value) / full).clamp(0.0, 1.0);
    let opacity = values.get(3).map_or(1.0, |alpha| share(*alpha));
    std::array::from_fn(|channel| {
        let seen = values.get(channel).map_or(0.0, |value| share(*value));
        ((seen * opacity + 1.0 - opacity) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use signal::{Block, ElementType};

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

    #[test]
    fn own_colours_are_what_is_stored_over_white() {
        assert_eq!(own_color(&[12.0, 200.0, 255.0], 255.0), [12, 200, 255]);
        assert_eq!(own_color(&[65535.0, 0.0, 32768.0], 65535.0), [255, 0, 128]);
        assert_eq!(own_color(&[255.0, 0.0, 0.0, 0.0], 255.0), [255, 255, 255]);
        assert_eq!(own_color(&[255.0, 0.0, 0.0, 51.0], 255.0), [255, 204, 204]);
    }

    #[test]
    fn what_is_not_seen_colours_no_mean() {
        let colours = |numbers: &[u8], element: ElementType| {
            let shape = [2, numbers.len() / element.channels() / 2];
            Frame::from_block(&shape, element, Block::new(numbers.to_vec()), 0).unwrap()
        };
        // Red and opaque, blue and transparent.
        let pixels = [
            [255, 0, 0, 255],
            [0, 0, 255, 0],
            [255, 0, 0, 255],
            [0, 0, 255, 0],
        ];
        let frame = colours(&pixels.concat(), ElementType::Rgba8);
        let all = channels(&frame, None, [1, 1]).unwrap();
        let means: Vec<f64> = all.iter().map(|one| one.frame.value(0)).collect();
        assert_eq!(means, [255.0, 0.0, 0.0, 127.5]);
        let whole = channels(&frame, None, [2, 2]).unwrap();
        assert_eq!(whole[2].frame.pixels::<u8>(), Some(&[0, 255, 0, 255][..]));
        let opaque = colours(&[1, 2, 3, 5, 6, 7], ElementType::Rgb8);
        let all = channels(&opaque, None, [9, 9]).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[1].frame.pixels::<u8>(), Some(&[2, 6][..]));
        assert!(channels(&frame.channel(Channel::Red).unwrap(), None, [9, 9]).is_none());
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
