use crate::Span;

/// The pixels of a span of a row, so many at a time.
pub(super) struct Blocks<'a, T, const N: usize> {
    pub whole: &'a [[T; N]],
    /// A block that ends where the span does, of the last pixels, when they are no whole block; 0 before them.
    pub rest: Option<[T; N]>,
}

/// The pixels of a span.
#[inline(always)]
pub(super) fn pixels<'a, T>(pixels: &'a [T], span: &Span, columns: usize) -> &'a [T] {
    let row = span.row as usize * columns;
    let own = pixels.get(row + span.first as usize..row + span.end as usize);
    own.unwrap_or_default()
}

#[inline(always)]
pub(super) fn blocks<'a, T: bytemuck::Pod, const N: usize>(
    pixels: &'a [T],
    span: &Span,
    columns: usize,
) -> Blocks<'a, T, N> {
    let row = span.row as usize * columns;
    let upto = pixels.get(..row + span.end as usize).unwrap_or_default();
    let own = upto.get(row + span.first as usize..).unwrap_or_default();
    let (whole, rest) = own.as_chunks::<N>();
    if rest.is_empty() {
        return Blocks { whole, rest: None };
    }
    let skip = N - rest.len();
    let mut block = [T::zeroed(); N];
    match upto.last_chunk::<N>() {
        // Lane by lane, so that it is one instruction.
        Some(last) => {
            for lane in 0..N {
                block[lane] = if lane < skip { block[lane] } else { last[lane] };
            }
        }
        None => block[skip..].copy_from_slice(rest),
    }
    Blocks {
        whole,
        rest: Some(block),
    }
}
