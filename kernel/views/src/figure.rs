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
mod tests;
