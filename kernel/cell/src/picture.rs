//! A small picture of a frame that needs no other crate: a grey PNG of an image, a line of a spectrum.

use crate::table::number;

/// Largest side of the picture in pixels; a frame that is larger is averaged in blocks.
const SIDE: usize = 192;
/// Points of the line of a spectrum.
const POINTS: usize = 240;

/// HTML of the picture of `pixels`, row after row. Grey levels go from the 1st to the 99th percentile,
/// as in the live view. `None` when there is nothing to draw.
pub(crate) fn html(pixels: &[f64], rows: usize, columns: usize) -> Option<String> {
    if rows * columns != pixels.len() || !pixels.iter().any(|pixel| pixel.is_finite()) {
        return None;
    }
    Some(match rows {
        1 => line(pixels),
        _ => image(pixels, rows, columns),
    })
}

fn image(pixels: &[f64], rows: usize, columns: usize) -> String {
    let block = rows.max(columns).div_ceil(SIDE).max(1);
    let (height, width) = (rows.div_ceil(block), columns.div_ceil(block));
    let mut means = Vec::with_capacity(height * width);
    for top in 0..height {
        for left in 0..width {
            let (mut sum, mut count) = (0.0, 0.0);
            for row in top * block..((top + 1) * block).min(rows) {
                for column in left * block..((left + 1) * block).min(columns) {
                    let pixel = pixels[row * columns + column];
                    if pixel.is_finite() {
                        sum += pixel;
                        count += 1.0;
                    }
                }
            }
            means.push(sum / count);
        }
    }
    let mut sorted: Vec<f64> = means
        .iter()
        .copied()
        .filter(|mean| mean.is_finite())
        .collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let level = |percent: usize| sorted.get(last * percent / 100).copied().unwrap_or(0.0);
    let (mut dark, mut bright) = (level(1), level(99));
    if dark >= bright {
        (dark, bright) = (level(0), level(100));
    }
    let span = if bright > dark { bright - dark } else { 1.0 };
    let greys: Vec<u8> = means
        .iter()
        // A pixel without a value is black; `as` saturates.
        .map(|mean| ((mean - dark) / span * 255.0).round() as u8)
        .collect();
    // A tiny frame is drawn larger, its pixels sharp.
    let shown = width * (SIDE / width.max(height)).max(1);
    format!(
        "<img alt=\"the frame, {rows} × {columns} pixels, from {} in black to {} in white\" width=\"{shown}\" \
         style=\"image-rendering:pixelated\" src=\"data:image/png;base64,{}\">",
        number(dark),
        number(bright),
        base64(&png(&greys, width, height))
    )
}

fn line(pixels: &[f64]) -> String {
    let block = pixels.len().div_ceil(POINTS).max(1);
    let peaks: Vec<f64> = pixels
        .chunks(block)
        // The largest of each block, so that a narrow line does not vanish.
        .map(|chunk| chunk.iter().copied().fold(f64::NAN, f64::max))
        .collect();
    let finite = || peaks.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (
        finite().fold(f64::INFINITY, f64::min),
        finite().fold(f64::NEG_INFINITY, f64::max),
    );
    let span = if high > low { high - low } else { 1.0 };
    let points: Vec<String> = peaks
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .map(|(at, value)| format!("{at},{:.1}", 61.0 - (value - low) / span * 60.0))
        .collect();
    format!(
        "<svg role=\"img\" aria-label=\"the spectrum, {3} channels, from {4} to {5}\" width=\"{0}\" height=\"62\" \
         viewBox=\"0 0 {1} 62\" preserveAspectRatio=\"none\"><polyline fill=\"none\" stroke=\"currentColor\" vector-effect=\"non-scaling-stroke\" points=\"{2}\"/></svg>",
        POINTS,
        peaks.len().max(2) - 1,
        points.join(" "),
        pixels.len(),
        number(low),
        number(high)
    )
}

/// A grey image as PNG (ISO/IEC 15948), its pixels stored without compression.
fn png(greys: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut raw = Vec::with_capacity((width + 1) * height);
    for row in greys.chunks(width) {
        // Filter 0: as it is.
        raw.push(0);
        raw.extend_from_slice(row);
    }
    // zlib (RFC 1950) around stored blocks (RFC 1951).
    let mut stream = vec![0x78, 0x01];
    let blocks = raw.chunks(0xffff);
    let last = blocks.len().saturating_sub(1);
    for (at, block) in blocks.enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(at == last));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend_from_slice(&adler32(&raw).to_be_bytes());

    let mut header = Vec::with_capacity(13);
    header.extend_from_slice(&(width as u32).to_be_bytes());
    header.extend_from_slice(&(height as u32).to_be_bytes());
    // 8 bits, grey, the only compression, the only filters, not interlaced.
    header.extend_from_slice(&[8, 0, 0, 0, 0]);

    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [
        (b"IHDR", &header),
        (b"IDAT", &stream),
        (b"IEND", &Vec::new()),
    ] {
        out.extend_from_slice(&(content.len() as u32).to_be_bytes());
        let checked = out.len();
        out.extend_from_slice(kind);
        out.extend_from_slice(content);
        let sum = crc32(&out[checked..]);
        out.extend_from_slice(&sum.to_be_bytes());
    }
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    (b << 16) | a
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            crc = (crc >> 1) ^ carry;
        }
    }
    !crc
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = (at(0) << 16) | (at(1) << 8) | at(2);
        for digit in 0..4 {
            if digit > chunk.len() {
                out.push('=');
            } else {
                let six = (group >> (18 - 6 * digit)) & 63;
                out.push(char::from(DIGITS[six as usize]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_base64_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(base64(b"Man"), "TWFu");
        assert_eq!(base64(b"Ma"), "TWE=");
        assert_eq!(base64(b"M"), "TQ==");
        assert_eq!(base64(b""), "");
    }

    #[test]
    fn a_png_is_as_long_as_its_parts() {
        let png = png(&[0, 128, 255, 7, 8, 9], 3, 2);
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        // Header 25, image data 12 + 2 + 5 + 8 + 4, end 12.
        assert_eq!(png.len(), 8 + 25 + 31 + 12);
        assert_eq!(&png[16..24], [0, 0, 0, 3, 0, 0, 0, 2]);
    }

    #[test]
    fn what_has_no_value_has_no_picture() {
        assert_eq!(html(&[f64::NAN; 6], 2, 3), None);
        assert_eq!(html(&[], 0, 0), None);
        assert!(html(&[1.0; 6], 2, 3).is_some());
        assert!(html(&[0.0, f64::INFINITY, 2.0, f64::NAN], 1, 4).is_some());
        let large = vec![1.0; 1000 * 700];
        assert!(html(&large, 1000, 700).is_some_and(|html| html.len() < 60_000));
    }
}
