//! Words in a figure: DejaVu Sans, which has the letters, signs and units of the field.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

fn font() -> Option<&'static FontRef<'static>> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    FONT.get_or_init(|| FontRef::try_from_slice(dejavu::sans::regular()).ok())
        .as_ref()
}

/// A line of text with what is set below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub text: String,
    /// Smaller and lower, behind the text: the `xx` of ε_xx.
    pub subscript: String,
    /// As large as the text, behind that: the ` error` of ε_xx error.
    pub rest: String,
}

impl Words {
    pub fn plain(text: impl Into<String>) -> Self {
        Words {
            text: text.into(),
            ..Words::default()
        }
    }

    /// `ε_xx`: what follows the first underscore is set below, as far as the word goes.
    pub fn with_subscript(name: &str) -> Self {
        match name.split_once('_') {
            Some((text, after)) if !text.is_empty() => {
                let (subscript, rest) = after.split_at(after.find(' ').unwrap_or(after.len()));
                Words {
                    text: text.into(),
                    subscript: subscript.into(),
                    rest: rest.into(),
                }
            }
            _ => Words::plain(name),
        }
    }
}

const SUBSCRIPT_SIZE: f32 = 0.72;
const SUBSCRIPT_DROP: f32 = 0.22;

pub(crate) fn width(words: &Words, size: f32) -> f32 {
    run_width(&words.text, size)
        + run_width(&words.subscript, size * SUBSCRIPT_SIZE)
        + run_width(&words.rest, size)
}

fn run_width(text: &str, size: f32) -> f32 {
    glyphs(text, size, 0.0, 0.0)
        .last()
        .map_or(0.0, |(_, end)| *end)
}

/// Each glyph with where the next one begins.
fn glyphs(text: &str, size: f32, left: f32, baseline: f32) -> Vec<(Glyph, f32)> {
    let Some(font) = font() else {
        return Vec::new();
    };
    let scale = PxScale::from(size);
    let scaled = font.as_scaled(scale);
    let mut x = left;
    let mut last = None;
    let mut placed = Vec::new();
    for character in text.chars() {
        let id = scaled.glyph_id(character);
        if let Some(last) = last {
            x += scaled.kern(last, id);
        }
        let glyph = id.with_scale_and_position(scale, point(x, baseline));
        x += scaled.h_advance(id);
        placed.push((glyph, x));
        last = Some(id);
    }
    placed
}

/// Calls `ink(row, column, coverage)` for each pixel the words touch; coverage is 0 to 1.
pub(crate) fn draw(
    words: &Words,
    size: f32,
    left: f32,
    baseline: f32,
    ink: &mut dyn FnMut(isize, isize, f32),
) {
    let Some(font) = font() else { return };
    let text = glyphs(&words.text, size, left, baseline);
    let end = text.last().map_or(left, |(_, end)| *end);
    let subscript = glyphs(
        &words.subscript,
        size * SUBSCRIPT_SIZE,
        end,
        baseline + size * SUBSCRIPT_DROP,
    );
    let end = subscript.last().map_or(end, |(_, end)| *end);
    let rest = glyphs(&words.rest, size, end, baseline);
    for (glyph, _) in text.into_iter().chain(subscript).chain(rest) {
        let Some(outlined) = font.outline_glyph(glyph) else {
            continue;
        };
        let bounds = outlined.px_bounds();
        let (x, y) = (bounds.min.x as isize, bounds.min.y as isize);
        outlined.draw(|column, row, coverage| {
            ink(
                y + row as isize,
                x + column as isize,
                coverage.clamp(0.0, 1.0),
            );
        });
    }
}

/// The text in lines that are not wider than `most`; a longer word has a line of its own.
pub(crate) fn lines(text: &str, size: f32, most: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let longer = match line.as_str() {
            "" => word.to_owned(),
            line => format!("{line} {word}"),
        };
        if line.is_empty() || run_width(&longer, size) <= most {
            *line = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_of_the_field_have_glyphs() {
        let font = font().unwrap();
        for sign in "εθσΔÅµ°−×⁻⁰¹²³⁴⁵⁶⁷⁸⁹₁₂éß漢".chars() {
            // A sign the font does not have is drawn as a box, never left out.
            assert_eq!(font.glyph_id(sign).0 == 0, sign == '漢', "{sign}");
        }
    }

    #[test]
    fn a_subscript_is_narrower_than_its_text_would_be() {
        let strain = Words::with_subscript("ε_xx");
        assert_eq!(
            (strain.text.as_str(), strain.subscript.as_str()),
            ("ε", "xx")
        );
        assert!(width(&strain, 20.0) < width(&Words::plain("εxx"), 20.0));
        assert_eq!(Words::with_subscript("_x"), Words::plain("_x"));
        let error = Words::with_subscript("ε_xx error");
        assert_eq!(
            (error.subscript.as_str(), error.rest.as_str()),
            ("xx", " error")
        );
        let all = width(&strain, 20.0) + width(&Words::plain(" error"), 20.0);
        assert!((width(&error, 20.0) - all).abs() < 1e-3);
    }

    #[test]
    fn long_text_is_broken_between_words() {
        let text = "32 of 64 chunks are not in the store; their frames are the fill value 0";
        let broken = lines(text, 12.0, 150.0);
        assert!(broken.len() > 2);
        assert_eq!(broken.join(" "), text);
        assert!(broken.iter().all(|line| run_width(line, 12.0) <= 150.0));
    }
}
