//! An image of a figure with its scale bar, beside the key to its colours.

use signal::Frame;

use super::canvas::{Canvas, Ink, Palette, Pixel, TABLE};
use super::text::{self, Words};
use super::{Colours, HEIGHT, Layout, PIXELS, Panel, SMALL_SIZE, key, px, size};
use crate::composite::{channels, own_color, rgb_color, vector_color};
use crate::{pick, reduce};

const KEY_GAP: usize = 8;
/// Least height of a strip.
const MIN_STRIP: usize = 18;

fn drawn_size(panel: &Panel) -> [usize; 2] {
    let (rows, columns) = panel.frame.rows_columns();
    let (rows, columns) = (rows.max(1), columns.max(1));
    // A wide strip keeps its shape and is centred; one too thin to see is drawn thicker.
    let width = (columns * px(HEIGHT))
        .div_ceil(rows)
        .clamp(px(4), 2 * px(HEIGHT));
    let height = (rows * width)
        .div_ceil(columns)
        .clamp(px(MIN_STRIP), px(HEIGHT));
    [height, width]
}

pub(super) fn layout(panel: &Panel) -> Layout {
    let [_, width] = drawn_size(panel);
    Layout {
        left: 0,
        width,
        outer_width: width + px(KEY_GAP) + key::width(panel),
        height: px(HEIGHT).max(key::height(panel)),
    }
}

pub(super) fn draw(
    canvas: &mut Canvas,
    palette: &Palette,
    panel: &Panel,
    [top, left]: [usize; 2],
    width: usize,
) {
    let table = palette.table(&panel.contrast);
    let [height, _] = drawn_size(panel);
    let image_top = top + (px(HEIGHT) - height) / 2;
    pixels(canvas, panel, &table, [image_top, left], [height, width]);
    let (rows, columns) = panel.frame.rows_columns();
    let down = height as f32 / rows.max(1) as f32;
    let across = width as f32 / columns.max(1) as f32;
    let area = Area {
        top: image_top as isize,
        left: left as isize,
        height: height as isize,
        width: width as isize,
    };
    for [row, column] in &panel.peaks {
        let centre = [(row + 0.5) * down, (column + 0.5) * across];
        area.circle(canvas, centre, panel.peak_radius.max(1.0) * down);
    }
    if let Some([row, column]) = panel.crosshair {
        area.crosshair(canvas, [(row + 0.5) * down, (column + 0.5) * across]);
    }
    scale_bar(canvas, panel, &area);
    canvas.outline(area.top, area.left, area.height, area.width, 1);
    if !panel.levels[0].is_nan() {
        key::draw(canvas, panel, &table, [top, left + width + px(KEY_GAP)]);
    }
}

fn pixels(
    canvas: &mut Canvas,
    panel: &Panel,
    table: &[u8],
    [top, left]: [usize; 2],
    [height, width]: [usize; 2],
) {
    let coloured = coloured(panel, table, [height, width]);
    let (rows, columns) = (coloured.rows.max(1), coloured.columns.max(1));
    for row in 0..height {
        let line = (row * rows / height) * columns;
        for column in 0..width {
            let pixel = coloured.pixels.get(line + column * columns / width);
            let (y, x) = ((top + row) as isize, (left + column) as isize);
            match pixel.copied().flatten() {
                Some(pixel) => canvas.put(y, x, pixel),
                None => {
                    let stripe = ((row + column) / px(3)).is_multiple_of(2);
                    canvas.set(y, x, Ink::Hatch(stripe));
                }
            }
        }
    }
}

/// The samples of an image as they are drawn; `None` where there is no value.
struct Coloured {
    rows: usize,
    columns: usize,
    pixels: Vec<Option<Pixel>>,
}

fn coloured(panel: &Panel, table: &[u8], [height, width]: [usize; 2]) -> Coloured {
    // Means where an image has more pixels than are drawn, as on the screen; of what has no mean one of them.
    let reduced = match panel.colours {
        Colours::Cyclic | Colours::Categories(_) => pick(&panel.frame, None, [width, height]),
        _ => reduce(&panel.frame, None, [width, height]),
    };
    let part = |frame: &Frame| reduce(frame, None, [width, height]).frame;
    let [low, high] = panel.levels;
    let last = (TABLE - 1) as f64;
    let factor = last / if high > low { high - low } else { 1.0 };
    let values = reduced.frame.to_f32();
    let each = |color: &dyn Fn(f64) -> Option<Pixel>| -> Vec<Option<Pixel>> {
        let finite = |value: &f32| Some(f64::from(*value)).filter(|value| value.is_finite());
        values.iter().map(|value| color(finite(value)?)).collect()
    };
    let entry = |place: f64| Some(Pixel::Entry(table[(place + 0.5) as usize]));
    let pixels = match &panel.colours {
        Colours::Values => each(&|value| entry(((value - low) * factor).clamp(0.0, last))),
        Colours::Cyclic => each(&|value| entry(((value - low) * factor).rem_euclid(last))),
        Colours::Categories(_) => each(&|value| {
            let number = value.round();
            let known = number >= 0.0;
            known.then(|| Pixel::Rgb(panel.contrast.colormap.category(number as usize)))
        }),
        Colours::Wheel { components, .. } => {
            let [y, x] = components.each_ref().map(part);
            (y.to_f32().iter().zip(x.to_f32().iter()))
                .map(|(y, x)| vector_color(&panel.contrast, panel.levels, [*y, *x]))
                .map(|color| color.map(Pixel::Rgb))
                .collect()
        }
        Colours::Rgb {
            components, levels, ..
        } => {
            let [red, green, blue] = components.each_ref().map(part);
            let (green, blue) = (green.to_f32(), blue.to_f32());
            (red.to_f32().iter().zip(green.iter().zip(blue.iter())))
                .map(|(red, (green, blue))| {
                    rgb_color(&panel.contrast, levels, [*red, *green, *blue]).map(Pixel::Rgb)
                })
                .collect()
        }
        Colours::Own => own(&panel.frame, [width, height]),
    };
    Coloured {
        rows: reduced.height,
        columns: reduced.width,
        pixels,
    }
}

fn own(frame: &Frame, size_px: [usize; 2]) -> Vec<Option<Pixel>> {
    let channels = channels(frame, None, size_px).unwrap_or_default();
    let values: Vec<_> = channels.iter().map(|one| one.frame.to_f32()).collect();
    let full = frame.element().full();
    (0..values.first().map_or(0, |first| first.len()))
        .map(|at| {
            values
                .iter()
                .map(|channel| channel[at])
                .collect::<Vec<f32>>()
        })
        .map(|colour| Some(Pixel::Rgb(own_color(&colour, full))))
        .collect()
}

/// Where an image is, in pixels of the PNG.
struct Area {
    top: isize,
    left: isize,
    height: isize,
    width: isize,
}

impl Area {
    /// Marks stay inside the image.
    fn set(&self, canvas: &mut Canvas, row: isize, column: isize, ink: Ink) {
        if (0..self.height).contains(&row) && (0..self.width).contains(&column) {
            canvas.set(self.top + row, self.left + column, ink);
        }
    }

    fn circle(&self, canvas: &mut Canvas, [row, column]: [f32; 2], radius: f32) {
        let steps = (radius * 8.0).clamp(16.0, 1000.0) as usize;
        for step in 0..steps {
            let (sine, cosine) = (step as f32 / steps as f32 * std::f32::consts::TAU).sin_cos();
            for line in 0..PIXELS {
                let radius = radius + line as f32;
                let (y, x) = (row + radius * sine, column + radius * cosine);
                self.set(canvas, y.floor() as isize, x.floor() as isize, Ink::Mark);
            }
        }
    }

    fn crosshair(&self, canvas: &mut Canvas, [row, column]: [f32; 2]) {
        const LINE: isize = PIXELS as isize;
        const FREE: isize = 5 * LINE;
        let (row, column) = (row.floor() as isize, column.floor() as isize);
        let line = |at: isize| (at - 1)..(at + 1 + LINE);
        let ink = |off: isize| match (0..LINE).contains(&off) {
            true => Ink::Mark,
            false => Ink::Halo,
        };
        for y in line(row) {
            for x in (0..self.width).filter(|x| (x - column).abs() > FREE) {
                self.set(canvas, y, x, ink(y - row));
            }
        }
        for x in line(column) {
            for y in (0..self.height).filter(|y| (y - row).abs() > FREE) {
                self.set(canvas, y, x, ink(x - column));
            }
        }
    }
}

fn scale_bar(canvas: &mut Canvas, panel: &Panel, area: &Area) {
    let Some(bar) = &panel.scale_bar else { return };
    let label = Words::plain(&bar.label);
    let label_width = text::width(&label, size(SMALL_SIZE)).ceil() as isize;
    let length = (bar.share * area.width as f64).round() as isize;
    let inner = length.max(label_width);
    let pad = px(5) as isize;
    let (box_height, box_width) = (px(24) as isize, inner + 2 * pad);
    if box_width + 2 * pad > area.width || box_height + pad > area.height {
        return;
    }
    let (top, left) = (area.top + area.height - box_height - pad, area.left + pad);
    canvas.fill(top, left, box_height, box_width, Ink::OnBox(0));
    let bar_left = left + pad + (inner - length) / 2;
    let thick = px(3) as isize;
    canvas.fill(
        top + box_height - thick - px(3) as isize,
        bar_left,
        thick,
        length,
        Ink::OnBox(7),
    );
    let text_left = (left + pad + (inner - label_width) / 2) as f32;
    let baseline = (top + px(13) as isize) as f32;
    text::draw(
        &label,
        size(SMALL_SIZE),
        text_left,
        baseline,
        &mut |row, column, coverage| {
            if coverage > 0.0 {
                canvas.set(row, column, Ink::on_box(coverage));
            }
        },
    );
}
