//! Pictures that are drawn from several images of a map: the images as they are sent, and what levels are chosen from.

use bytes::Bytes;
use signal::{Colouring, Display, Frame, SignalMeta};
use views::{Levels, Part, Reduced};

use crate::convert;
use crate::look::Shows;

/// An image reduced to what is seen: to means of blocks, unless its values have none.
pub(crate) fn reduced(
    meta: &SignalMeta,
    picture: usize,
    image: &Frame,
    part: Option<Part>,
    size_px: [usize; 2],
) -> Reduced {
    match Shows::of(meta, picture) {
        Shows::Component(Display::Cyclic { .. } | Display::Categorical { .. }) => {
            views::pick(image, part, size_px)
        }
        _ => views::reduce(image, part, size_px),
    }
}

/// The images of a composite as they are sent; the first of them is reduced already.
pub(crate) fn sent(
    whole: &[Frame],
    part: Option<Part>,
    size_px: [usize; 2],
    first: &Frame,
) -> Vec<Frame> {
    let others = (whole.iter().skip(1)).map(|image| views::reduce(image, part, size_px).frame);
    std::iter::once(first.clone()).chain(others).collect()
}

/// What the levels of a composite are chosen from, and the percentiles of each image.
///
/// # Errors
/// A sentence where its images are not of one shape.
pub(crate) fn levels(
    meta: &SignalMeta,
    picture: usize,
    images: &[Frame],
) -> Result<(Levels, Vec<[f64; 2]>), String> {
    let ranges: Vec<Levels> = images.iter().map(views::levels).collect();
    let percentiles = ranges.iter().map(|levels| levels.percentiles).collect();
    let levels = match (Shows::of(meta, picture), images, ranges.as_slice()) {
        (Shows::Composite(Colouring::Wheel), [y, x], _) => views::levels(&views::lengths(y, x)?),
        (_, _, [first, ..]) => *first,
        _ => return Err("a picture is drawn from one image at least".into()),
    };
    Ok((levels, percentiles))
}

/// Image after image.
pub(crate) fn bytes(images: &[Frame]) -> Bytes {
    let parts: Vec<Bytes> = (images.iter())
        .map(|image| convert::frame_bytes(image.clone()))
        .collect();
    Bytes::from(parts.concat())
}
