//! The key to the colours of an image, at its right: a bar, names, or a wheel of directions.

use super::canvas::{Canvas, Ink, Pixel, TABLE};
use super::scale::{Ticks, number};
use super::text::{self, Words};
use super::{Colours, HEIGHT, PIXELS, Panel, SMALL_SIZE, px, size, write};
use crate::colormap::Rgb;
use crate::composite::vector_color;

/// Ticks of a colour bar, about.
pub(super) const TICKS: usize = 5;
const BAR: usize = 12;
const TICK: usize = 6;
const WHEEL: usize = 76;
const LINE: usize = 15;
/// From the left of a colour to its name.
const NAME: usize = 18;

fn ticks(panel: &Panel) -> Ticks {
    let [low, high] = panel.levels;
    Ticks::inside(low, high, TICKS)
}

fn widest(lines: &[String]) -> usize {
    let width = |line: &String| text::width(&Words::plain(line), size(SMALL_SIZE)).ceil() as usize;
    lines.iter().map(width).max().unwrap_or(0)
}

pub(super) fn width(panel: &Panel) -> usize {
    match &panel.colours {
        Colours::Values | Colours::Cyclic => px(BAR + TICK) + widest(&ticks(panel).labels),
        Colours::Categories(names) => px(NAME) + widest(names),
        Colours::Wheel { names, .. } => px(WHEEL).max(widest(&wheel_lines(panel, names))),
        Colours::Rgb { names, levels, .. } => px(NAME) + widest(&rgb_lines(panel, names, levels)),
        Colours::Own => 0,
    }
}

pub(super) fn height(panel: &Panel) -> usize {
    match &panel.colours {
        Colours::Categories(names) => px(LINE) * names.len(),
        _ => px(HEIGHT),
    }
}

pub(super) fn draw(canvas: &mut Canvas, panel: &Panel, table: &[u8], at: [usize; 2]) {
    match &panel.colours {
        Colours::Values | Colours::Cyclic => color_bar(canvas, panel, table, at),
        Colours::Categories(all) => {
            let colormap = panel.contrast.colormap;
            let color = |(number, name)| (colormap.category(number), name);
            names(canvas, all.iter().enumerate().map(color), at);
        }
        Colours::Wheel { names, .. } => wheel(canvas, panel, names, at),
        Colours::Rgb {
            names: all, levels, ..
        } => {
            let colors = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
            let lines = rgb_lines(panel, all, levels);
            names(canvas, colors.into_iter().zip(&lines), at);
        }
        Colours::Own => {}
    }
}

/// With the unit of the values, if they have one.
fn with_units(panel: &Panel, value: String) -> String {
    format!("{value} {}", panel.values).trim_end().to_owned()
}

fn rgb_lines(panel: &Panel, names: &[String; 3], levels: &[[f64; 2]; 3]) -> Vec<String> {
    (names.iter().zip(levels))
        .map(|(name, [low, high])| {
            let range = format!("{} to {}", number(*low), number(*high));
            format!("{name} {}", with_units(panel, range))
        })
        .collect()
}

/// Which way its axes go, and the lengths at its middle and its rim.
fn wheel_lines(panel: &Panel, [y, x]: &[String; 2]) -> Vec<String> {
    let [low, high] = panel.levels;
    let rim = format!("rim {}", with_units(panel, number(high)));
    let middle = (low != 0.0).then(|| format!("middle {}", with_units(panel, number(low))));
    let axes = format!("{x} \u{2192}  {y} \u{2193}");
    [axes, rim].into_iter().chain(middle).collect()
}

/// Directions as in the picture: to the right +x, down +y.
fn wheel(canvas: &mut Canvas, panel: &Panel, names: &[String; 2], [top, left]: [usize; 2]) {
    let side = px(WHEEL);
    let radius = side as f32 / 2.0;
    for row in 0..side {
        for column in 0..side {
            let [y, x] = [row, column].map(|at| (at as f32 + 0.5 - radius) / radius);
            let color = vector_color(&panel.contrast, [0.0, 1.0], [y, x]);
            if let Some(color) = color.filter(|_| y.hypot(x) <= 1.0) {
                let at = [(top + row) as isize, (left + column) as isize];
                canvas.put(at[0], at[1], Pixel::Rgb(color));
            }
        }
    }
    for (line, text) in wheel_lines(panel, names).iter().enumerate() {
        let baseline = top + side + px(LINE) * (line + 1);
        write(
            canvas,
            &Words::plain(text),
            SMALL_SIZE,
            left as f32,
            baseline,
        );
    }
}

/// A square of each colour with what it stands for.
fn names<'a>(
    canvas: &mut Canvas,
    lines: impl Iterator<Item = (Rgb, &'a String)>,
    [top, left]: [usize; 2],
) {
    for (line, (color, name)) in lines.enumerate() {
        let top = top + px(LINE) * line;
        for row in 0..px(BAR) {
            for column in 0..px(BAR) {
                let at = [(top + row) as isize, (left + column) as isize];
                canvas.put(at[0], at[1], Pixel::Rgb(color));
            }
        }
        let (right, baseline) = ((left + px(NAME)) as f32, top + px(BAR) - px(2));
        write(canvas, &Words::plain(name), SMALL_SIZE, right, baseline);
    }
}

/// From the low level at the bottom to the high one at the top, as high as a panel.
fn color_bar(canvas: &mut Canvas, panel: &Panel, table: &[u8], [top, left]: [usize; 2]) {
    let height = px(HEIGHT);
    for row in 0..height {
        let entry = (TABLE - 1) * (height - 1 - row) / (height - 1);
        for column in 0..px(BAR) {
            let entry = Pixel::Entry(table[entry]);
            canvas.put((top + row) as isize, (left + column) as isize, entry);
        }
    }
    canvas.outline(
        top as isize,
        left as isize,
        height as isize,
        px(BAR) as isize,
        1,
    );
    let [low, high] = panel.levels;
    let ticks = ticks(panel);
    for (value, label) in ticks.values.iter().zip(&ticks.labels) {
        let share = (value - low) / (high - low);
        let row = ((1.0 - share) * (height - 1) as f64).round() as usize + top;
        let right = left + px(BAR);
        canvas.fill(
            row as isize,
            right as isize,
            PIXELS as isize,
            px(3) as isize,
            Ink::Text(12),
        );
        let baseline = (row + px(4)).clamp(top + px(9), top + height);
        write(
            canvas,
            &Words::plain(label),
            SMALL_SIZE,
            (right + px(TICK)) as f32,
            baseline,
        );
    }
}
