//! A curve of a figure over its axis: a spectrum, or the navigation image of a series.

use signal::Axis;

use super::canvas::{Canvas, Ink};
use super::scale::Ticks;
use super::text::{self, Words};
use super::{HEIGHT, Layout, PIXELS, Panel, SMALL_SIZE, px, size, write};

const WIDTH: usize = 400;
const VALUE_TICKS: usize = super::key::TICKS;
const AXIS_TICKS: usize = 6;
/// Room above the greatest value.
const HEADROOM: f64 = 0.04;

fn value_ticks(panel: &Panel) -> Ticks {
    let [low, high] = panel.levels;
    Ticks::inside(low, high, VALUE_TICKS)
}

/// The axis the panel names, or channels.
fn axis(panel: &Panel) -> Axis {
    let count = panel.frame.shape().first().copied().unwrap_or(0);
    let own = panel.axis.clone().filter(|axis| axis.size == count);
    own.unwrap_or_else(|| Axis::pixels("channel", count))
}

fn label_width(panel: &Panel) -> usize {
    (value_ticks(panel).labels.iter())
        .map(|label| text::width(&Words::plain(label), size(SMALL_SIZE)).ceil() as usize)
        .max()
        .unwrap_or(0)
}

pub(super) fn layout(panel: &Panel) -> Layout {
    let left = label_width(panel) + px(8);
    Layout {
        left,
        width: px(WIDTH),
        outer_width: left + px(WIDTH) + px(14),
        height: px(HEIGHT + 32),
    }
}

pub(super) fn draw(canvas: &mut Canvas, panel: &Panel, [top, left]: [usize; 2], width: usize) {
    let height = px(HEIGHT);
    let [low, high] = panel.levels;
    let span = if high > low { high - low } else { 1.0 };
    let row_of = |value: f64| {
        let share = (value - low) / (span * (1.0 + HEADROOM));
        top as isize + ((1.0 - share.clamp(0.0, 1.0)) * (height - 1) as f64).round() as isize
    };
    let axis = axis(panel);
    let ends = [
        axis.value(0.0),
        axis.value(axis.size.saturating_sub(1) as f64),
    ];
    let [first, last] = if ends[0] <= ends[1] {
        ends
    } else {
        [ends[1], ends[0]]
    };
    let across = if last > first { last - first } else { 1.0 };
    let column_of = |value: f64| {
        left as isize + ((value - first) / across * (width - 1) as f64).round() as isize
    };

    let values = value_ticks(panel);
    for (value, label) in values.values.iter().zip(&values.labels) {
        let row = row_of(*value);
        canvas.fill(row, left as isize, 1, width as isize, Ink::Grid);
        let text_width = text::width(&Words::plain(label), size(SMALL_SIZE));
        let start = left as f32 - px(6) as f32 - text_width;
        write(
            canvas,
            &Words::plain(label),
            SMALL_SIZE,
            start,
            (row + px(4) as isize).max(0) as usize,
        );
    }
    let places = Ticks::inside(first, last, AXIS_TICKS);
    for (value, label) in places.values.iter().zip(&places.labels) {
        let column = column_of(*value);
        canvas.fill(top as isize, column, height as isize, 1, Ink::Grid);
        let text_width = text::width(&Words::plain(label), size(SMALL_SIZE));
        let start = column as f32 - text_width / 2.0;
        write(
            canvas,
            &Words::plain(label),
            SMALL_SIZE,
            start,
            top + height + px(13),
        );
    }
    let quantity = [axis.name.as_str(), places.multiplier.as_str()].join(" ");
    let title = match axis.units.as_str() {
        "" => quantity.trim().to_owned(),
        units => format!("{} ({units})", quantity.trim()),
    };
    let start =
        left as f32 + (width as f32 - text::width(&Words::plain(&title), size(SMALL_SIZE))) / 2.0;
    write(
        canvas,
        &Words::plain(&title),
        SMALL_SIZE,
        start,
        top + height + px(28),
    );

    let samples = panel.frame.to_f32();
    let mut before: Option<[isize; 2]> = None;
    for (index, value) in samples.iter().enumerate() {
        if !value.is_finite() {
            before = None;
            continue;
        }
        let place = [
            row_of(f64::from(*value)),
            column_of(axis.value(index as f64)),
        ];
        line(canvas, before.unwrap_or(place), place);
        before = Some(place);
    }
    if let Some([_, column]) = panel.crosshair {
        let column = column_of(axis.value(f64::from(column)));
        canvas.fill(
            top as isize,
            column,
            height as isize,
            PIXELS as isize,
            Ink::Mark,
        );
    }
    canvas.outline(
        top as isize,
        left as isize,
        height as isize,
        width as isize,
        1,
    );
}

fn line(canvas: &mut Canvas, from: [isize; 2], to: [isize; 2]) {
    let (down, across) = (to[0] - from[0], to[1] - from[1]);
    let steps = down.abs().max(across.abs()).max(1);
    for step in 0..=steps {
        let (row, column) = (
            from[0] + down * step / steps,
            from[1] + across * step / steps,
        );
        canvas.fill(row, column, PIXELS as isize, PIXELS as isize, Ink::Curve);
    }
}
