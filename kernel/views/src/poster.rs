//! The still picture of a view: what a notebook shows where no kernel answers.

use base64::Engine as _;
use signal::Frame;

use crate::colormap::{Colors, Rgb, color};

/// One image of a poster.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The values, an image or a spectrum of any type; NaN is drawn in a neutral colour.
    pub frame: Frame,
    /// Values drawn with the first and the last colour.
    pub levels: [f64; 2],
    pub colors: Colors,
    /// Row and column of a crosshair.
    pub crosshair: Option<[f32; 2]>,
    /// Rows and columns of circles.
    pub peaks: Vec<[f32; 2]>,
    /// Radius of the circles in pixels of the frame.
    pub peak_radius: f32,
}

// One palette serves every panel, so that a poster is an indexed PNG of a third of the size.
const GRAYS: usize = 120;
const SEQUENTIALS: usize = 64;
const DIVERGINGS: usize = 65;
const CLEAR: u8 = 249;
const INVALID: u8 = 250;
const MARK: u8 = 251;
const LINE: u8 = 252;
const GAP_PX: usize = 12;
/// Least height of a strip.
const MIN_STRIP_PX: usize = 24;

fn palette() -> Vec<Rgb> {
    let ramp = |colors, steps: usize| {
        (0..steps).map(move |step| color(colors, step as f32 / (steps - 1) as f32))
    };
    let mut palette: Vec<Rgb> = ramp(Colors::Gray, GRAYS)
        .chain(ramp(Colors::Sequential, SEQUENTIALS))
        .chain(ramp(Colors::Diverging, DIVERGINGS))
        .collect();
    palette.extend([
        [255, 255, 255],
        [128, 128, 140],
        [255, 90, 60],
        [38, 110, 200],
    ]);
    palette
}

fn index(colors: Colors, share: f32) -> u8 {
    let (start, steps) = match colors {
        Colors::Gray => (0, GRAYS),
        Colors::Sequential => (GRAYS, SEQUENTIALS),
        Colors::Diverging => (GRAYS + SEQUENTIALS, DIVERGINGS),
    };
    (start + (share.clamp(0.0, 1.0) * (steps - 1) as f32).round() as usize) as u8
}

/// Draws panels side by side, each `height_px` high, as a PNG with a transparent ground.
///
/// # Errors
/// A sentence when the PNG cannot be written.
pub fn poster(panels: &[Panel], height_px: usize) -> Result<Vec<u8>, String> {
    let tiles: Vec<Tile> = panels.iter().map(|panel| draw(panel, height_px)).collect();
    let width =
        tiles.iter().map(|tile| tile.width).sum::<usize>() + GAP_PX * tiles.len().saturating_sub(1);
    let mut pixels = vec![CLEAR; width.max(1) * height_px];
    let mut left = 0;
    for tile in &tiles {
        for (row, line) in tile.pixels.chunks(tile.width).enumerate() {
            let start = row * width + left;
            pixels[start..start + tile.width].copy_from_slice(line);
        }
        left += tile.width + GAP_PX;
    }
    write_png(&pixels, width.max(1), height_px)
}

struct Tile {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Tile {
    fn set(&mut self, row: isize, column: isize, ink: u8) {
        if (0..self.height as isize).contains(&row) && (0..self.width as isize).contains(&column) {
            self.pixels[row as usize * self.width + column as usize] = ink;
        }
    }
}

fn draw(panel: &Panel, height: usize) -> Tile {
    let (rows, columns) = panel.frame.rows_columns();
    let (rows, columns) = (rows.max(1), columns.max(1));
    if panel.frame.shape().len() == 1 {
        return draw_line(panel, height);
    }
    // A wide strip keeps its shape and is centred; one too thin to see is drawn thicker.
    let width = (columns * height).div_ceil(rows).clamp(1, 2 * height);
    let drawn = (rows * width)
        .div_ceil(columns)
        .clamp(height.min(MIN_STRIP_PX), height);
    let top = (height - drawn) / 2;
    let values = panel.frame.to_f32();
    let [low, high] = panel.levels;
    let span = if high > low { high - low } else { 1.0 };
    let mut tile = Tile {
        width,
        height,
        pixels: vec![CLEAR; width * height],
    };
    for row in 0..drawn {
        let source = (row * rows / drawn) * columns;
        for column in 0..width {
            let value = values
                .get(source + column * columns / width)
                .copied()
                .unwrap_or(f32::NAN);
            let share = ((f64::from(value) - low) / span) as f32;
            tile.pixels[(top + row) * width + column] = match value.is_finite() {
                true => index(panel.colors, share),
                false => INVALID,
            };
        }
    }
    let (down, across) = (drawn as f32 / rows as f32, width as f32 / columns as f32);
    let top = top as f32;
    for [row, column] in &panel.peaks {
        circle(
            &mut tile,
            top + (row + 0.5) * down,
            (column + 0.5) * across,
            panel.peak_radius.max(1.0) * down,
        );
    }
    if let Some([row, column]) = panel.crosshair {
        crosshair(&mut tile, top + (row + 0.5) * down, (column + 0.5) * across);
    }
    tile
}

fn circle(tile: &mut Tile, row: f32, column: f32, radius: f32) {
    let steps = (radius * 8.0).clamp(16.0, 400.0) as usize;
    for step in 0..steps {
        let angle = step as f32 / steps as f32 * std::f32::consts::TAU;
        tile.set(
            (row + radius * angle.sin()).floor() as isize,
            (column + radius * angle.cos()).floor() as isize,
            MARK,
        );
    }
}

fn crosshair(tile: &mut Tile, row: f32, column: f32) {
    const FREE_PX: isize = 5;
    let (row, column) = (row.floor() as isize, column.floor() as isize);
    for x in 0..tile.width as isize {
        if (x - column).abs() > FREE_PX {
            tile.set(row, x, MARK);
        }
    }
    for y in 0..tile.height as isize {
        if (y - row).abs() > FREE_PX {
            tile.set(y, column, MARK);
        }
    }
}

fn draw_line(panel: &Panel, height: usize) -> Tile {
    let values = panel.frame.to_f32();
    let width = height * 3 / 2;
    let mut tile = Tile {
        width,
        height,
        pixels: vec![CLEAR; width * height],
    };
    let [low, high] = panel.levels;
    let span = if high > low { high - low } else { 1.0 };
    if let Some([_, column]) = panel.crosshair {
        let place = ((column + 0.5) / values.len().max(1) as f32 * width as f32) as isize;
        for row in 0..height as isize {
            tile.set(row, place, MARK);
        }
    }
    let mut last: Option<isize> = None;
    for column in 0..width {
        let value = values
            .get(column * values.len() / width)
            .copied()
            .unwrap_or(f32::NAN);
        if !value.is_finite() {
            last = None;
            continue;
        }
        let share = ((f64::from(value) - low) / span).clamp(0.0, 1.0);
        let row = ((1.0 - share) * (height - 1) as f64) as isize;
        let from = last.unwrap_or(row);
        for y in from.min(row)..=from.max(row) {
            tile.set(y, column as isize, LINE);
        }
        last = Some(row);
    }
    tile
}

fn write_png(pixels: &[u8], width: usize, height: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette().concat());
    let mut opacity = vec![255u8; CLEAR as usize + 1];
    opacity[CLEAR as usize] = 0;
    encoder.set_trns(opacity);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder
        .write_header()
        .map_err(|error| format!("the poster cannot be written: {error}"))?;
    writer
        .write_image_data(pixels)
        .map_err(|error| format!("the poster cannot be written: {error}"))?;
    drop(writer);
    Ok(bytes)
}

/// Base64 of a PNG, as notebooks store it.
pub fn base64_text(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(frame: Frame, colors: Colors) -> Panel {
        Panel {
            frame,
            levels: [0.0, 100.0],
            colors,
            crosshair: Some([2.0, 3.0]),
            peaks: vec![[1.0, 1.0]],
            peak_radius: 1.0,
        }
    }

    #[test]
    fn a_poster_is_a_png_of_the_summed_width() {
        let image = Frame::from_vec(&[10, 20], (0..200).map(|value| value as f32).collect());
        let line = Frame::from_vec(&[64], (0u16..64).collect());
        let bytes = poster(
            &[
                panel(image.unwrap(), Colors::Diverging),
                panel(line.unwrap(), Colors::Gray),
            ],
            100,
        )
        .unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let reader = decoder.read_info().unwrap();
        let info = reader.info();
        assert_eq!((info.width, info.height), (200 + 12 + 150, 100));
        assert_eq!(palette().len(), LINE as usize + 1);
    }

    #[test]
    fn odd_input_does_not_panic() {
        let nothing = Frame::from_vec::<f32>(&[0, 0], Vec::new()).unwrap();
        let invalid = Frame::from_vec(&[1, 1], vec![f32::NAN]).unwrap();
        poster(
            &[panel(nothing, Colors::Gray), panel(invalid, Colors::Gray)],
            40,
        )
        .unwrap();
        poster(&[], 40).unwrap();
    }
}
