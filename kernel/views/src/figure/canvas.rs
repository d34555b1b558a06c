//! A picture of inks and of one ramp of shades for each colormap that it uses: indexed, which is a third of the size of one in
//! full colour; unless something is drawn in colours that no ramp has.

use crate::colormap::{Colormap, Contrast, Rgb};

const GROUND: Rgb = [255, 255, 255];
const TEXT: Rgb = [34, 38, 48];
const BOX: Rgb = [30, 32, 40];
/// Steps from the ground to the text, and from the box of a scale bar to its text: smooth edges.
const TEXT_STEPS: usize = 15;
const BOX_STEPS: usize = 7;

/// An entry of the palette that is not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Ground,
    /// Text on the ground, by how much of the pixel it covers.
    Text(u8),
    /// Text on a box, the same; 0 is the box.
    OnBox(u8),
    /// Two tones of the hatching of what has no value.
    Hatch(bool),
    /// Crosshair and circles, and their halo.
    Mark,
    Halo,
    Curve,
    /// Faint lines of a plot.
    Grid,
}

const INKS: usize = 1 + TEXT_STEPS + (BOX_STEPS + 1) + 2 + 4;

impl Ink {
    /// Text that covers this share of a pixel.
    pub fn text(coverage: f32) -> Option<Ink> {
        match (coverage * TEXT_STEPS as f32).round() as u8 {
            0 => None,
            step => Some(Ink::Text(step)),
        }
    }

    pub fn on_box(coverage: f32) -> Ink {
        Ink::OnBox((coverage * BOX_STEPS as f32).round() as u8)
    }

    fn index(self) -> u8 {
        let text = 1;
        let on_box = text + TEXT_STEPS as u8;
        let rest = on_box + BOX_STEPS as u8 + 1;
        match self {
            Ink::Ground => 0,
            Ink::Text(step) => text + step.clamp(1, TEXT_STEPS as u8) - 1,
            Ink::OnBox(step) => on_box + step.min(BOX_STEPS as u8),
            Ink::Hatch(dark) => rest + u8::from(dark),
            Ink::Mark => rest + 2,
            Ink::Halo => rest + 3,
            Ink::Curve => rest + 4,
            Ink::Grid => rest + 5,
        }
    }
}

fn mix(from: Rgb, to: Rgb, part: f32) -> Rgb {
    std::array::from_fn(|channel| {
        let (from, to) = (f32::from(from[channel]), f32::from(to[channel]));
        (from + (to - from) * part).round() as u8
    })
}

/// The palette of one figure.
pub(crate) struct Palette {
    maps: Vec<&'static Colormap>,
    shades: usize,
}

impl Palette {
    pub fn new(contrasts: impl Iterator<Item = Contrast>) -> Self {
        let mut maps: Vec<&'static Colormap> = Vec::new();
        for contrast in contrasts {
            if !maps.contains(&contrast.colormap) {
                maps.push(contrast.colormap);
            }
        }
        let mut shades = (256 - INKS) / maps.len().max(1);
        // Odd, so that zero has a shade of its own in the middle of a diverging map.
        shades -= usize::from(shades.is_multiple_of(2));
        Palette { maps, shades }
    }

    /// The entry for each of `TABLE` shares of the range between the levels.
    pub fn table(&self, contrast: &Contrast) -> Vec<u8> {
        let map = self.maps.iter().position(|map| *map == contrast.colormap);
        let start = INKS + map.unwrap_or(0) * self.shades;
        (0..TABLE)
            .map(|entry| {
                let share = contrast.transfer(entry as f64 / (TABLE - 1) as f64);
                (start + (share * (self.shades - 1) as f64).round() as usize) as u8
            })
            .collect()
    }

    pub fn colors(&self) -> Vec<Rgb> {
        let mut colors = vec![GROUND];
        colors.extend(
            (1..=TEXT_STEPS).map(|step| mix(GROUND, TEXT, step as f32 / TEXT_STEPS as f32)),
        );
        colors.extend((0..=BOX_STEPS).map(|step| mix(BOX, GROUND, step as f32 / BOX_STEPS as f32)));
        colors.extend([
            [214, 214, 220],
            [186, 186, 196],
            [255, 90, 60],
            [60, 30, 24],
            [38, 110, 200],
            [226, 228, 233],
        ]);
        debug_assert_eq!(colors.len(), INKS);
        for map in &self.maps {
            let last = (self.shades - 1) as f64;
            colors.extend((0..self.shades).map(|shade| map.color(shade as f64 / last)));
        }
        colors
    }
}

/// Entries of [`Palette::table`].
pub(crate) const TABLE: usize = 1024;

/// What a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pixel {
    /// An entry of the palette.
    Entry(u8),
    Rgb(Rgb),
}

pub(crate) struct Canvas {
    pub width: usize,
    pub height: usize,
    pixels: Vec<Pixel>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        Canvas {
            width,
            height,
            pixels: vec![Pixel::Entry(Ink::Ground.index()); width * height],
        }
    }

    pub fn set(&mut self, row: isize, column: isize, ink: Ink) {
        self.put(row, column, Pixel::Entry(ink.index()));
    }

    pub fn put(&mut self, row: isize, column: isize, pixel: Pixel) {
        if (0..self.height as isize).contains(&row) && (0..self.width as isize).contains(&column) {
            self.pixels[row as usize * self.width + column as usize] = pixel;
        }
    }

    pub fn fill(&mut self, top: isize, left: isize, height: isize, width: isize, ink: Ink) {
        for row in top..top + height {
            for column in left..left + width {
                self.set(row, column, ink);
            }
        }
    }

    /// A frame of one line just outside the given area.
    pub fn outline(&mut self, top: isize, left: isize, height: isize, width: isize, line: isize) {
        let ink = Ink::Text(7);
        self.fill(top - line, left - line, line, width + 2 * line, ink);
        self.fill(top + height, left - line, line, width + 2 * line, ink);
        self.fill(top, left - line, height, line, ink);
        self.fill(top, left + width, height, line, ink);
    }

    /// # Errors
    /// A sentence when the PNG cannot be written.
    pub fn png(&self, palette: &Palette) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        let colors = palette.colors();
        let entries = self.pixels.iter().map(|pixel| match pixel {
            Pixel::Entry(entry) => Some(*entry),
            Pixel::Rgb(_) => None,
        });
        let data: Vec<u8> = match entries.collect() {
            Some(entries) => {
                encoder.set_color(png::ColorType::Indexed);
                encoder.set_palette(colors.concat());
                entries
            }
            None => {
                encoder.set_color(png::ColorType::Rgb);
                let rgb = self.pixels.iter().map(|pixel| match pixel {
                    Pixel::Entry(entry) => colors[usize::from(*entry)],
                    Pixel::Rgb(rgb) => *rgb,
                });
                rgb.flatten().collect()
            }
        };
        // Most rows are those above them: pixels of an image are drawn several times as large.
        encoder.set_filter(png::Filter::Up);
        encoder.set_compression(png::Compression::Balanced);
        let fail = |error| format!("the picture cannot be written: {error}");
        let mut writer = encoder.write_header().map_err(fail)?;
        writer.write_image_data(&data).map_err(fail)?;
        drop(writer);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_palette_holds_every_ink_and_every_map() {
        for count in 0..=Colormap::all().len() {
            let names = Colormap::all()
                .iter()
                .take(count)
                .map(|map| map.name.as_str());
            let palette = Palette::new(names.map(Contrast::of));
            let colors = palette.colors();
            assert!(colors.len() <= 256, "{count} maps: {}", colors.len());
            assert_eq!(colors[Ink::Ground.index() as usize], GROUND);
            assert_eq!(colors[Ink::Text(15).index() as usize], TEXT);
            assert_eq!(colors[Ink::OnBox(0).index() as usize], BOX);
            assert_eq!(colors[Ink::OnBox(7).index() as usize], GROUND);
        }
        assert_eq!(Ink::Grid.index() as usize, INKS - 1);
    }

    #[test]
    fn shades_are_those_of_the_map_within_a_step() {
        let contrast = Contrast::of("diverging");
        let palette = Palette::new([Contrast::of("gray"), contrast].into_iter());
        let (table, colors) = (palette.table(&contrast), palette.colors());
        for share in [0.0, 0.2, 0.5, 0.77, 1.0] {
            let entry = (share * (TABLE - 1) as f64).round() as usize;
            let (drawn, exact) = (
                colors[table[entry] as usize],
                contrast.colormap.color(share),
            );
            let off = drawn.iter().zip(exact).map(|(a, b)| a.abs_diff(b)).max();
            assert!(
                off.is_some_and(|off| off <= 6),
                "{share}: {drawn:?} for {exact:?}"
            );
        }
        assert_eq!(colors[table[TABLE / 2] as usize], [245, 244, 241]);
    }
}
