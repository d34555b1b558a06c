use std::ops::Range;

use signal::{Axis, Caveat, Channels, NotApplicable, SignalKind, SignalMeta, SignalRange};

use super::{of_kind, rank, refuse};

/// The one input, when its frames are spectra, with their axis.
pub fn spectra<'a>(inputs: &[&'a SignalMeta]) -> Result<(&'a SignalMeta, &'a Axis), NotApplicable> {
    let takes = "spectra: frames with one signal axis";
    let input = of_kind(inputs, SignalKind::Frame, takes)?;
    match input.axes.signal.as_slice() {
        [axis] => Ok((input, axis)),
        _ => Err(rank(input, "1", takes)),
    }
}

/// The channels of an axis in a range; left out, the middle half of them.
pub fn channels_of(range: Option<SignalRange>, axis: &Axis) -> Channels {
    match range {
        Some(range) => range.channels(axis),
        None => Channels {
            inside: axis.size / 4..axis.size - axis.size / 4,
            is_cut: false,
        },
    }
}

/// As [`channels_of`], at least one, and what is to be said when that is not the whole range; `what` names it, and `like` writes
/// another one for a cell.
pub fn channels_inside(
    range: Option<SignalRange>,
    axis: &Axis,
    what: &str,
    like: impl Fn(SignalRange) -> String,
) -> Result<(Range<usize>, Option<Caveat>), NotApplicable> {
    let Channels { inside, is_cut } = channels_of(range, axis);
    let Some(range) = range.filter(|_| inside.is_empty() || is_cut) else {
        return Ok((inside, None));
    };
    let unit = match axis.units.is_empty() {
        true => String::new(),
        false => format!(" {}", axis.units),
    };
    let (from, to) = (short(range.from), short(range.to));
    let asked = format!("the {what} from {from} to {to}{unit}");
    let ends = [0.0, axis.size as f64 - 1.0].map(|index| axis.value(index));
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let goes = format!(
        "the axis `{}`, which goes from {} to {}{unit}",
        axis.name,
        short(low),
        short(high)
    );
    if !inside.is_empty() {
        let channels = match inside.len() {
            1 => "the one channel inside is".to_owned(),
            several => format!("the {several} channels inside are"),
        };
        let text = format!("{asked} reaches beyond {goes}; {channels} used");
        return Ok((inside, Some(Caveat::new("range_cut", text))));
    }
    // Between two channels, or beyond all of them.
    let near = axis.index((range.from + range.to) / 2.0).round();
    if is_cut || near < 0.0 || near > axis.size as f64 - 1.0 {
        let middle = channels_of(None, axis).inside;
        let instead = like(SignalRange::over(&middle, axis));
        return Err(refuse(
            format!("{asked} lies outside {goes}"),
            format!("a {what} on that axis, for one {instead}"),
        ));
    }
    let near = near as usize;
    let step = (axis.value(near as f64 + 0.5) - axis.value(near as f64 - 0.5)).abs();
    let instead = like(SignalRange::over(&(near..near + 1), axis));
    Err(refuse(
        format!(
            "{asked} lies between two channels of the axis `{}`, which are {}{unit} apart",
            axis.name,
            short(step)
        ),
        format!("a {what} over the centre of at least one, for one {instead}"),
    ))
}

/// A number as people write it: to seven digits, without what calculating in binary leaves.
pub fn short(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}
