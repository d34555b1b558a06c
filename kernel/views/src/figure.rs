//! A labelled figure: what a notebook shows where no kernel answers, in an exported page and in print. Each image has its
//! name, a scale bar and a colour bar with its unit; each curve has axes.

mod canvas;
mod curve;
mod image;
mod key;
mod scale;
mod text;

use base64::Engine as _;
use signal::{Axis, Frame};

use crate::colormap::Contrast;
use canvas::{Canvas, Ink, Palette};
pub use scale::ScaleBar;
pub use text::Words;

/// One image, curve or number of a figure: two axes, one, none.
#[derive(Clone, Debug)]
pub struct Panel {
    pub title: Words,
    /// The values, of any type; what is not finite is hatched.
    pub frame: Frame,
    /// Values drawn with the first and the last colour, or at the bottom and the top of a curve; NaN where there is no value.
    pub levels: [f64; 2],
    pub contrast: Contrast,
    pub colours: Colours,
    /// Quantity or unit of the values: `%`, `counts`.
    pub values: String,
    pub scale_bar: Option<ScaleBar>,
    /// The axis of a curve.
    pub axis: Option<Axis>,
    /// Row and column of a crosshair, or the place on a curve as column.
    pub crosshair: Option<[f32; 2]>,
    /// Rows and columns of circles.
    pub peaks: Vec<[f32; 2]>,
    /// Radius of the circles in pixels of the frame.
    pub peak_radius: f32,
}

/// What the colours of an image are taken from.
#[derive(Clone, Debug, Default)]
pub enum Colours {
    /// The values between the levels.
    #[default]
    Values,
    /// The values, which come back after the high level.
    Cyclic,
    /// The values as numbers of these names.
    Categories(Vec<String>),
    /// Vectors `y`, `x`: direction and length. The values are their lengths.
    Wheel {
        components: [Frame; 2],
        /// What they are called, `y` first.
        names: [String; 2],
    },
    /// Red, green and blue, each between levels of its own. The values are of no use.
    Rgb {
        components: [Frame; 3],
        levels: [[f64; 2]; 3],
        names: [String; 3],
    },
    /// Those of the frame itself, on white.
    Own,
}

impl Colours {
    /// Whether the colours are those of a colormap between its levels, so that few of them say all.
    fn is_ramp(&self) -> bool {
        matches!(self, Colours::Values | Colours::Cyclic)
    }
}

/// A figure as PNG, and how wide it is meant to be seen.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    pub png: Vec<u8>,
    /// CSS pixels; the PNG has [`PIXELS`] times as many.
    pub width: usize,
}

/// Pixels of the PNG per CSS pixel, so that text is sharp on fine screens and in print.
pub const PIXELS: usize = 2;
/// Height of an image or curve, CSS pixels as all lengths here.
const HEIGHT: usize = 240;
/// Panels beside each other are not wider together, unless one is.
const MAX_WIDTH: usize = 980;
const GAP: usize = 22;
const MARGIN: usize = 6;
const TITLE: usize = 20;
const TITLE_SIZE: f32 = 13.0;
const SMALL_SIZE: f32 = 11.0;
const NOTE: usize = 16;
/// Height of a number, and its size.
const NUMBER: usize = 34;
const NUMBER_SIZE: f32 = 24.0;

/// Lengths in pixels of the PNG.
const fn px(length: usize) -> usize {
    length * PIXELS
}

fn size(points: f32) -> f32 {
    points * PIXELS as f32
}

/// Where and how large a panel is drawn, in pixels of the PNG.
#[derive(Clone, Copy)]
struct Layout {
    /// Of the image or curve, from the upper left corner of the panel, below the title.
    left: usize,
    width: usize,
    /// Of the whole panel.
    outer_width: usize,
    /// Of the whole panel below its title.
    height: usize,
}

impl Panel {
    /// The number of a panel that has one, with its unit: `1.61 %`.
    pub fn number(&self) -> String {
        let value = (self.frame.to_f32().first()).map_or(f64::NAN, |value| f64::from(*value));
        let text = scale::number(value);
        match self.values.as_str() {
            units if !units.is_empty() && !value.is_nan() => format!("{text} {units}"),
            _ => text,
        }
    }
}

/// Draws panels in rows, and notes below them, on a white ground.
///
/// # Errors
/// A sentence when the PNG cannot be written.
pub fn figure(panels: &[Panel], notes: &[String]) -> Result<Figure, String> {
    let ramps = panels.iter().filter(|panel| panel.colours.is_ramp());
    let palette = Palette::new(ramps.map(|panel| panel.contrast));
    let layouts = aligned(panels.iter().map(layout).collect());
    let rows = rows(&layouts);
    let width = (rows.iter())
        .map(|row| {
            let panels: usize = layouts[row.clone()]
                .iter()
                .map(|panel| panel.outer_width)
                .sum();
            panels + px(GAP) * row.len().saturating_sub(1)
        })
        .max()
        .unwrap_or(px(HEIGHT))
        .next_multiple_of(PIXELS);
    let notes: Vec<String> = (notes.iter())
        .flat_map(|note| text::lines(note, size(SMALL_SIZE), width as f32))
        .collect();
    let row_heights: Vec<usize> = (rows.iter())
        .map(|row| {
            let inner = layouts[row.clone()].iter().map(|panel| panel.height).max();
            px(TITLE + GAP / 2) + inner.unwrap_or(px(HEIGHT))
        })
        .collect();
    let height = row_heights.iter().sum::<usize>() + px(NOTE) * notes.len();
    let mut canvas = Canvas::new(width + 2 * px(MARGIN), height.max(1) + 2 * px(MARGIN));
    let mut top = px(MARGIN);
    for (row, row_height) in rows.iter().zip(&row_heights) {
        let mut left = px(MARGIN);
        for number in row.clone() {
            let (panel, layout) = (&panels[number], &layouts[number]);
            heading(&mut canvas, panel, layout, top, left);
            let inner = [top + px(TITLE), left + layout.left];
            match panel.frame.shape().len() {
                0 => {
                    let (baseline, left) = (inner[0] + px(NUMBER) * 3 / 4, inner[1] as f32);
                    let number = Words::plain(panel.number());
                    write(&mut canvas, &number, NUMBER_SIZE, left, baseline);
                }
                1 => curve::draw(&mut canvas, panel, inner, layout.width),
                _ => image::draw(&mut canvas, &palette, panel, inner, layout.width),
            }
            left += layout.outer_width + px(GAP);
        }
        top += row_height;
    }
    for note in &notes {
        let baseline = top + px(NOTE) * 3 / 4;
        write(
            &mut canvas,
            &Words::plain(note),
            SMALL_SIZE,
            px(MARGIN) as f32,
            baseline,
        );
        top += px(NOTE);
    }
    Ok(Figure {
        png: canvas.png(&palette)?,
        width: canvas.width / PIXELS,
    })
}

fn layout(panel: &Panel) -> Layout {
    let inner = match panel.frame.shape().len() {
        0 => {
            let width = text::width(&Words::plain(panel.number()), size(NUMBER_SIZE)).ceil();
            Layout {
                left: 0,
                width: width as usize,
                outer_width: width as usize,
                height: px(NUMBER),
            }
        }
        1 => curve::layout(panel),
        _ => image::layout(panel),
    };
    let words = text::width(&panel.title, size(TITLE_SIZE)) + unit_width(panel);
    Layout {
        outer_width: inner.outer_width.max(words.ceil() as usize + px(10)),
        ..inner
    }
}

/// Images of one size have one width with their bars and labels, so that they stand below each other; unless fewer of them fit
/// beside each other then.
fn aligned(layouts: Vec<Layout>) -> Vec<Layout> {
    let alike =
        |one: &Layout, other: &Layout| (one.width, one.height) == (other.width, other.height);
    let widest = |one: &Layout| {
        let widths = layouts.iter().filter(|other| alike(one, other));
        widths.map(|other| other.outer_width).max()
    };
    let wider: Vec<Layout> = (layouts.iter())
        .map(|layout| Layout {
            outer_width: widest(layout).unwrap_or(layout.outer_width),
            ..*layout
        })
        .collect();
    match rows(&wider).len() == rows(&layouts).len() {
        true => wider,
        false => layouts,
    }
}

fn unit_width(panel: &Panel) -> f32 {
    text::width(&Words::plain(value_label(panel)), size(SMALL_SIZE))
}

/// Quantity of the values with the multiplier of their ticks; a number has its unit behind it.
fn value_label(panel: &Panel) -> String {
    if panel.frame.shape().is_empty() {
        return String::new();
    }
    let [low, high] = panel.levels;
    if low.is_nan() {
        return scale::number(low);
    }
    if panel.frame.shape().len() > 1 && !panel.colours.is_ramp() {
        // The key says it.
        return String::new();
    }
    let multiplier = scale::Ticks::inside(low, high, key::TICKS).multiplier;
    match (multiplier.as_str(), panel.values.as_str()) {
        ("", values) => values.to_owned(),
        (multiplier, "") => multiplier.to_owned(),
        (multiplier, values) => format!("{multiplier} {values}"),
    }
}

/// Title at the left, quantity of the values at the right.
fn heading(canvas: &mut Canvas, panel: &Panel, layout: &Layout, top: usize, left: usize) {
    let baseline = top + px(TITLE) * 2 / 3;
    write(canvas, &panel.title, TITLE_SIZE, left as f32, baseline);
    let right = (left + layout.outer_width) as f32 - unit_width(panel);
    write(
        canvas,
        &Words::plain(value_label(panel)),
        SMALL_SIZE,
        right,
        baseline,
    );
}

fn write(canvas: &mut Canvas, words: &Words, points: f32, left: f32, baseline: usize) {
    text::draw(
        words,
        size(points),
        left,
        baseline as f32,
        &mut |row, column, coverage| {
            if let Some(ink) = Ink::text(coverage) {
                canvas.set(row, column, ink);
            }
        },
    );
}

/// Which panels stand beside each other.
fn rows(layouts: &[Layout]) -> Vec<std::ops::Range<usize>> {
    let mut rows: Vec<std::ops::Range<usize>> = Vec::new();
    let mut used = 0;
    for (number, layout) in layouts.iter().enumerate() {
        match rows.last_mut() {
            Some(row) if used + px(GAP) + layout.outer_width <= px(MAX_WIDTH) => {
                row.end = number + 1;
                used += px(GAP) + layout.outer_width;
            }
            _ => {
                rows.push(number..number + 1);
                used = layout.outer_width;
            }
        }
    }
    rows
}

/// Base64 of a PNG, as notebooks store it.
pub fn base64_text(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(title: &str, frame: Frame, colormap: &str) -> Panel {
        Panel {
            title: Words::with_subscript(title),
            levels: crate::levels(&frame).percentiles,
            frame,
            contrast: Contrast::of(colormap),
            colours: Colours::Values,
            values: "counts".into(),
            scale_bar: Some(ScaleBar {
                share: 0.25,
                label: "5 nm".into(),
            }),
            axis: None,
            crosshair: Some([2.0, 3.0]),
            peaks: vec![[1.0, 1.0]],
            peak_radius: 1.0,
        }
    }

    fn ramp(rows: usize, columns: usize) -> Frame {
        let values = (0..rows * columns).map(|value| value as f32).collect();
        Frame::from_vec(&[rows, columns], values).unwrap()
    }

    fn decoded(figure: &Figure) -> (u32, u32, Vec<[u8; 3]>) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&figure.png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let info = reader.info();
        let rgb = pixels.as_chunks::<3>().0.to_vec();
        (info.width, info.height, rgb)
    }

    #[test]
    fn an_image_is_drawn_with_the_colours_of_its_values() {
        let frame = Frame::from_vec(&[2, 3], vec![0.0f32, 1.0, 2.0, 3.0, f32::NAN, 5.0]).unwrap();
        let shown = Panel {
            levels: [0.0, 5.0],
            scale_bar: None,
            crosshair: None,
            peaks: Vec::new(),
            ..panel("image", frame, "viridis")
        };
        let figure = figure(std::slice::from_ref(&shown), &[]).unwrap();
        let (width, _, pixels) = decoded(&figure);
        assert_eq!(width as usize, figure.width * PIXELS);
        let inner = layout(&shown);
        let (top, left) = (px(MARGIN + TITLE), px(MARGIN) + inner.left);
        let (across, down) = (inner.width / 3, px(HEIGHT) / 2);
        for (row, column, value) in [
            (0, 0, 0.0),
            (0, 1, 1.0),
            (0, 2, 2.0),
            (1, 0, 3.0),
            (1, 2, 5.0),
        ] {
            let at = (top + row * down + down / 2) * width as usize
                + left
                + column * across
                + across / 2;
            let exact = shown.contrast.colormap.color(value / 5.0);
            let off = pixels[at]
                .iter()
                .zip(exact)
                .map(|(a, b)| a.abs_diff(b))
                .max();
            assert!(off.is_some_and(|off| off <= 2), "{value}: {:?}", pixels[at]);
        }
        let hatched = (top + down + down / 2) * width as usize + left + across + across / 2;
        assert!([[214, 214, 220], [186, 186, 196]].contains(&pixels[hatched]));
    }

    /// The middle of each pixel of an image that is drawn alone, row by row.
    fn middles(shown: &Panel, size: [usize; 2]) -> Vec<[u8; 3]> {
        let drawn = figure(std::slice::from_ref(shown), &[]).unwrap();
        let (width, _, pixels) = decoded(&drawn);
        let inner = layout(shown);
        let (top, left) = (px(MARGIN + TITLE), px(MARGIN) + inner.left);
        let (across, down) = (inner.width / size[1], px(HEIGHT) / size[0]);
        let middle = |row: usize, column: usize| {
            let row = top + row * down + down / 2;
            pixels[row * width as usize + left + column * across + across / 2]
        };
        (0..size[0])
            .flat_map(|row| (0..size[1]).map(move |column| middle(row, column)))
            .collect()
    }

    const HATCHES: [[u8; 3]; 2] = [[214, 214, 220], [186, 186, 196]];

    fn bare(title: &str, frame: Frame, colormap: &str, colours: Colours) -> Panel {
        Panel {
            scale_bar: None,
            crosshair: None,
            peaks: Vec::new(),
            colours,
            ..panel(title, frame, colormap)
        }
    }

    #[test]
    fn vectors_are_drawn_by_direction_and_length_beside_their_wheel() {
        let frame = |values: [f32; 6]| Frame::from_vec(&[2, 3], values.to_vec()).unwrap();
        let y = frame([0.0, 1.0, 0.0, -1.0, f32::NAN, 0.2]);
        let x = frame([1.0, 0.0, -0.5, 0.0, 1.0, 0.1]);
        let shown = Panel {
            levels: [0.0, 1.0],
            values: "px".into(),
            ..bare(
                "Deflection",
                crate::lengths(&y, &x).unwrap(),
                "hues",
                Colours::Wheel {
                    components: [y.clone(), x.clone()],
                    names: ["Δy".into(), "Δx".into()],
                },
            )
        };
        let drawn = middles(&shown, [2, 3]);
        let (y, x) = (y.to_f32(), x.to_f32());
        for (at, drawn) in drawn.iter().enumerate() {
            match crate::composite::vector_color(&shown.contrast, [0.0, 1.0], [y[at], x[at]]) {
                Some(exact) => assert_eq!(*drawn, exact, "{at}"),
                None => assert!(at == 4 && HATCHES.contains(drawn), "{at}"),
            }
        }
        // The key: its rim at the right is the colour of a vector to the right, at the bottom of one down.
        let figure = figure(std::slice::from_ref(&shown), &[]).unwrap();
        let (width, _, pixels) = decoded(&figure);
        let inner = layout(&shown);
        let left = px(MARGIN) + inner.width + px(8);
        let side = px(76);
        let at = |row: usize, column: usize| {
            let row = px(MARGIN + TITLE) + row;
            pixels[row * width as usize + left + column]
        };
        let near = |found: [u8; 3], exact: [u8; 3]| {
            let off = found.iter().zip(exact).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off.is_some_and(|off| off <= 6), "{found:?} for {exact:?}");
        };
        let hues = crate::Colormap::named("hues");
        near(at(side / 2, side - 1), hues.color(0.0));
        near(at(side - 1, side / 2), hues.color(0.25));
        near(at(side / 2, 0), hues.color(0.5));
        near(at(0, side / 2), hues.color(0.75));
        near(at(side / 2, side / 2), [0, 0, 0]);
        assert_eq!(at(0, 0), [255, 255, 255]);
        assert_eq!(value_label(&shown), "");
    }

    #[test]
    fn angles_come_back_and_names_have_one_colour_each() {
        let frame = |values: [f32; 4]| Frame::from_vec(&[2, 2], values.to_vec()).unwrap();
        let angles = Panel {
            levels: [0.0, 360.0],
            ..bare(
                "θ",
                frame([30.0, 390.0, -330.0, f32::NAN]),
                "twilight",
                Colours::Cyclic,
            )
        };
        let drawn = middles(&angles, [2, 2]);
        assert!(drawn[0] == drawn[1] && drawn[0] == drawn[2], "{drawn:?}");
        assert!(HATCHES.contains(&drawn[3]));
        let exact = angles.contrast.colormap.color(30.0 / 360.0);
        let off = drawn[0].iter().zip(exact).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off.is_some_and(|off| off <= 6), "{drawn:?} for {exact:?}");

        let names = Colours::Categories(["matrix", "twin"].map(String::from).to_vec());
        let grains = bare("grain", frame([0.0, 1.0, 0.0, -1.0]), "categories", names);
        let drawn = middles(&grains, [2, 2]);
        let map = grains.contrast.colormap;
        assert_eq!(
            drawn[..3],
            [map.category(0), map.category(1), map.category(0)]
        );
        assert!(HATCHES.contains(&drawn[3]));
    }

    #[test]
    fn three_images_are_red_green_and_blue() {
        let frame = |values: [f32; 2]| Frame::from_vec(&[1, 2], values.to_vec()).unwrap();
        let components = [
            frame([1.0, 0.0]),
            frame([20.0, 5.0]),
            frame([0.0, f32::NAN]),
        ];
        let colours = Colours::Rgb {
            levels: [[0.0, 1.0], [0.0, 100.0], [-1.0, 1.0]],
            names: ["a", "b", "c"].map(String::from),
            components: components.clone(),
        };
        let shown = bare("all", components[0].clone(), "gray", colours);
        let drawn = middles(&shown, [1, 2]);
        assert_eq!(drawn[0], [255, 51, 128]);
        assert!(HATCHES.contains(&drawn[1]));
    }

    #[test]
    fn panels_that_do_not_fit_beside_each_other_stand_below() {
        let one = figure(&[panel("e_xx", ramp(40, 56), "diverging")], &[]).unwrap();
        let panels =
            ["ε_xx", "ε_yy", "ε_xy", "θ"].map(|name| panel(name, ramp(40, 56), "diverging"));
        let four = figure(&panels, &["a caveat".into()]).unwrap();
        assert!(four.width <= MAX_WIDTH + 2 * MARGIN && four.width > 2 * one.width - 20);
        assert!(four.png.len() < 200_000);
    }

    #[test]
    fn images_of_one_size_stand_below_each_other_whatever_their_labels() {
        let mut panels = [1.0, 1e-3].map(|high| {
            let mut panel = panel("ε_xx", ramp(40, 56), "diverging");
            panel.levels = [0.0, high];
            panel.values = "a long unit".repeat((1.0 / high) as usize % 3);
            panel
        });
        let widths = |panels: &[Panel]| {
            let layouts: Vec<Layout> = panels.iter().map(layout).collect();
            let aligned = aligned(layouts.clone());
            [layouts, aligned].map(|all| all.iter().map(|one| one.outer_width).collect::<Vec<_>>())
        };
        let [own, aligned] = widths(&panels);
        assert!(
            own[0] != own[1] && aligned[0] == aligned[1],
            "{own:?} {aligned:?}"
        );
        panels[1].frame = ramp(40, 20);
        let [own, aligned] = widths(&panels);
        assert_eq!(own, aligned);
    }

    #[test]
    fn odd_input_does_not_panic() {
        let nothing = Frame::from_vec::<f32>(&[0, 0], Vec::new()).unwrap();
        let invalid = Frame::from_vec(&[1, 1], vec![f32::NAN]).unwrap();
        let infinite = Frame::from_vec(&[2, 1], vec![f32::INFINITY, 1.0]).unwrap();
        let line = Frame::from_vec(&[1], vec![3u16]).unwrap();
        let empty = Frame::from_vec::<f32>(&[0], Vec::new()).unwrap();
        let wide = Frame::from_vec(&[1, 5000], vec![1u8; 5000]).unwrap();
        let number = Frame::from_vec(&[], vec![f32::NAN]).unwrap();
        for frame in [nothing, invalid, infinite, line, empty, wide, number] {
            figure(&[panel("", frame, "gray")], &[String::new()]).unwrap();
        }
        figure(&[], &[]).unwrap();
    }

    #[test]
    fn a_number_is_written_with_its_unit() {
        let of = |value: f32| Panel {
            values: "%".into(),
            ..panel("ε_xx", Frame::from_vec(&[], vec![value]).unwrap(), "gray")
        };
        assert_eq!(of(1.613_77).number(), "1.614 %");
        assert_eq!(of(f32::NAN).number(), "no value");
        let drawn = figure(&[of(-1.5), of(2.0)], &[]).unwrap();
        let (width, height, pixels) = decoded(&drawn);
        assert!(height as usize == px(TITLE + NUMBER + GAP / 2 + 2 * MARGIN) && width > 100);
        let dark = pixels.iter().filter(|pixel| pixel[0] < 60).count();
        assert!((100..4000).contains(&dark), "{dark}");
    }

    #[test]
    fn an_image_without_values_has_no_colours_to_tell_them_by() {
        let nothing = || Frame::from_vec(&[2, 3], vec![f32::NAN; 6]).unwrap();
        let empty = Panel {
            levels: [f64::NAN; 2],
            ..panel("ε_xx", nothing(), "viridis")
        };
        assert_eq!(value_label(&empty), "no value");
        let coloured = |panel: Panel| {
            let (_, _, pixels) = decoded(&figure(&[panel], &[]).unwrap());
            pixels.contains(&[253, 231, 37])
        };
        assert!(!coloured(empty));
        assert!(coloured(panel("ε_xx", nothing(), "viridis")));
    }

    #[test]
    fn a_curve_has_its_axis() {
        let counts: Vec<u16> = (0..200).map(|channel| 40 + channel % 17).collect();
        let spectrum = Panel {
            axis: Some(Axis::new("Energy loss", 200, 0.5, 280.0, "eV")),
            ..panel("spectrum", Frame::from_vec(&[200], counts).unwrap(), "gray")
        };
        let drawn = figure(&[spectrum], &[]).unwrap();
        let (_, _, pixels) = decoded(&drawn);
        assert!(
            pixels
                .iter()
                .filter(|pixel| **pixel == [38, 110, 200])
                .count()
                > 400
        );
    }
}
