//! The pictures of a map in a figure: what each is drawn from, and what its colours say in words.

use signal::{Colouring, Display, Frame, SignalMeta};
use tree::Node;
use views::{Colours, Panel, Words};

/// The values of a picture and how they are coloured; `plane` gives the image of a component.
///
/// # Errors
/// A sentence when an image is not there.
pub(super) fn of(
    meta: &SignalMeta,
    picture: usize,
    plane: &dyn Fn(usize) -> Result<Frame, String>,
) -> Result<(Frame, Colours), String> {
    let planes = meta.planes(picture).unwrap_or_default();
    let images: Vec<Frame> = (planes.iter())
        .map(|number| plane(*number))
        .collect::<Result<_, _>>()?;
    let name = |number: &usize| (meta.component(*number)).map_or("", |one| one.title.as_str());
    let names: Vec<String> = planes
        .iter()
        .map(|number| name(number).to_owned())
        .collect();
    let colouring = meta.composite(picture).map(|one| one.colouring);
    match (colouring, images.as_slice(), names.as_slice()) {
        (None, [image], _) => {
            let colours = match meta.component(picture).map(|one| &one.display) {
                None | Some(Display::Sequential | Display::Diverging) => Colours::Values,
                Some(Display::Cyclic { .. }) => Colours::Cyclic,
                Some(Display::Categorical { names }) => Colours::Categories(names.clone()),
            };
            Ok((image.clone(), colours))
        }
        (Some(Colouring::Wheel), [y, x], [name_y, name_x]) => {
            let colours = Colours::Wheel {
                components: [y.clone(), x.clone()],
                names: [name_y.clone(), name_x.clone()],
            };
            Ok((views::lengths(y, x)?, colours))
        }
        (Some(Colouring::Rgb), [red, green, blue], [name_red, name_green, name_blue]) => {
            let components = [red.clone(), green.clone(), blue.clone()];
            let colours = Colours::Rgb {
                levels: components
                    .each_ref()
                    .map(|one| views::levels(one).percentiles),
                components,
                names: [name_red.clone(), name_green.clone(), name_blue.clone()],
            };
            Ok((red.clone(), colours))
        }
        _ => Err(format!(
            "picture {picture} is drawn from images that are not there"
        )),
    }
}

/// The name of the node, and which of several pictures it is.
pub(super) fn title(node: &Node, picture: usize) -> Words {
    let meta = &node.meta;
    let title = match (meta.composite(picture), meta.component(picture)) {
        (Some(composite), _) => &composite.title,
        (None, Some(component)) if meta.components.len() > 1 => &component.title,
        _ => return Words::plain(&node.name),
    };
    let name = Words::with_subscript(title);
    Words {
        text: format!("{}: {}", node.name, name.text),
        ..name
    }
}

/// An image with all values times `factor`.
pub(super) fn times(image: &Frame, factor: f64) -> Result<Frame, String> {
    let values = (image.to_f32().iter())
        .map(|value| (f64::from(*value) * factor) as f32)
        .collect();
    Frame::from_vec::<f32>(image.shape(), values)
}

/// What is coloured in the unit people write it in.
pub(super) fn written(colours: Colours, factor: f64) -> Result<Colours, String> {
    Ok(match colours {
        Colours::Wheel { components, names } => {
            let [y, x] = components;
            Colours::Wheel {
                components: [times(&y, factor)?, times(&x, factor)?],
                names,
            }
        }
        Colours::Rgb {
            components,
            levels,
            names,
        } => {
            let [red, green, blue] = components;
            Colours::Rgb {
                components: [
                    times(&red, factor)?,
                    times(&green, factor)?,
                    times(&blue, factor)?,
                ],
                levels: levels.map(|range| range.map(|level| level * factor)),
                names,
            }
        }
        // The number of a name is no quantity.
        other => other,
    })
}

/// What the colours of an image stand for: `0 to 0.42 px`.
pub(super) fn words(panel: &Panel, short: &dyn Fn(f64) -> String) -> String {
    let range = |[low, high]: [f64; 2]| {
        let range = format!("{} to {} {}", short(low), short(high), panel.values);
        range.trim_end().to_owned()
    };
    if panel.frame.shape().len() < 2 {
        return range(panel.levels);
    }
    match &panel.colours {
        Colours::Values => range(panel.levels),
        Colours::Cyclic => format!("{}, where the colours begin again", range(panel.levels)),
        Colours::Categories(names) => format!("one colour for each of {}", names.join(", ")),
        Colours::Own => "in its own colours".into(),
        Colours::Wheel { names: [y, x], .. } => format!(
            "direction as hue, from red towards +{x} (right) by way of green towards +{y} (down), length as brightness, {}",
            range(panel.levels)
        ),
        Colours::Rgb { levels, names, .. } => {
            let channel = |(colour, (name, levels)): (&str, (&String, &[f64; 2]))| {
                format!("{colour} {name} {}", range(*levels))
            };
            let channels = ["red", "green", "blue"]
                .into_iter()
                .zip(names.iter().zip(levels));
            channels.map(channel).collect::<Vec<_>>().join(", ")
        }
    }
}
