//! Pictures that are drawn from several images of a map: what a page gets, what a figure says, what a file keeps.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use protocol::{
    ColouringDescription, Command, Detail, DisplayDescription, FrameReply, NodeDescription, Request,
};
use serde_json::json;
use signal::{Colouring, Component, Composite, Display, ElementType, NavigationIndex, Output};

use crate::session_fixture::{self, SHAPE, SessionFixture, frame_of, frame_request};

/// The centre of mass of the scan, computed.
fn deflection(fixture: &SessionFixture) -> Result<u32> {
    let scan = fixture.open()?;
    let params = json!({"radius": 6.0, "reference": "none"});
    let node = fixture.add(scan, "center_of_mass", params)?;
    fixture.run(Command::Compute { node })?;
    Ok(node)
}

fn picture(
    fixture: &SessionFixture,
    node: u32,
    number: u32,
    size_px: [u32; 2],
) -> Result<(FrameReply, Vec<f32>)> {
    let Request::Frame(mut request) = frame_request(node, [1, 2], size_px) else {
        unreachable!("a wish asks for a frame")
    };
    request.component = number;
    request.detail = Detail::Settled;
    let (reply, buffers) = frame_of(&fixture.session, Request::Frame(request))?;
    let values = (buffers[0].as_chunks::<4>().0.iter())
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    Ok((reply, values))
}

fn described(fixture: &SessionFixture, node: u32) -> Result<NodeDescription> {
    fixture.session.description(node).context("no node")
}

#[test]
fn a_composite_comes_as_the_images_it_is_drawn_from() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = deflection(&fixture)?;
    let is = described(&fixture, node)?;
    ensure!(is.composites.len() == 1 && is.composites[0].components == [0, 1]);
    ensure!(is.composites[0].colouring == ColouringDescription::Wheel);
    for size in [[SHAPE[1] as u32, SHAPE[0] as u32], [3, 2]] {
        let ((one, dy), (_, dx)) = (
            picture(&fixture, node, 0, size)?,
            picture(&fixture, node, 1, size)?,
        );
        let (both, values) = picture(&fixture, node, 2, size)?;
        ensure!((one.planes, both.planes) == (1, 2) && one.ranges.is_empty());
        ensure!((one.width, one.height, one.block) == (both.width, both.height, both.block));
        ensure!(values == [dy.as_slice(), &dx].concat(), "{values:?}");
        ensure!(both.exact && both.complete >= 1.0 && both.component == 2);
        // What levels are chosen from: the lengths of what is sent.
        let mut lengths: Vec<f32> = (dy.iter().zip(&dx))
            .map(|(y, x)| (f64::from(*y).powi(2) + f64::from(*x).powi(2)).sqrt() as f32)
            .collect();
        lengths.sort_by(f32::total_cmp);
        let last = f64::from(lengths[lengths.len() - 1]);
        ensure!(both.extrema == [f64::from(lengths[0]), last], "{both:?}");
        ensure!(both.percentiles[1] <= last && both.percentiles[1] > 0.0);
        ensure!(both.ranges[0] == one.percentiles);
    }
    let refused = picture(&fixture, node, 3, [7, 5])
        .err()
        .context("a third")?;
    ensure!(refused.to_string().contains("3 pictures"), "{refused}");
    Ok(())
}

#[test]
fn a_figure_says_what_hue_and_brightness_are() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = deflection(&fixture)?;
    let look = session::Look::of(
        json!({"levels": {format!("{node}.2"): {"low": 0.0, "high": 1.5}}})
            .as_object()
            .context("an object")?,
    );
    let alt = fixture.session.poster(node, &look)?.alt;
    ensure!(alt.contains("Deflection, direction as hue"), "{alt}");
    ensure!(
        alt.contains("red towards +Δx (right)") && alt.contains("towards +Δy (down)"),
        "{alt}"
    );
    ensure!(alt.contains("length as brightness, 0 to 1.50 px"), "{alt}");
    Ok(())
}

#[test]
fn a_saved_map_keeps_its_displays_and_composites() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = [3, 4];
    let axes = ["y", "x"].iter().zip(scan);
    let axes = axes.map(|(name, size)| signal::Axis::new(*name, size, 2.0, 0.0, "nm"));
    let axes = signal::Axes::new(axes.collect(), Vec::new());
    let names = vec!["matrix".to_owned(), "twin".into()];
    let mut map = signal::SignalMeta::frames("all", axes, ElementType::F32).to_map(vec![
        Component::new("dy", "Δy", "px", Display::Diverging),
        Component::new("dx", "Δx", "px", Display::Diverging),
        Component::new("phase", "Phase", "°", Display::Cyclic { period: 360.0 }),
        Component::new("grain", "Grain", "", Display::Categorical { names }),
    ]);
    map.composites = vec![
        Composite::new("shift", "Shift", Colouring::Wheel, &["dy", "dx"]),
        Composite::new("mixed", "Mixed", Colouring::Rgb, &["dy", "dx", "phase"]),
    ];
    for format in io::ResultFormat::ALL {
        let path = fixture.path(&format!("all.{}", format.extension()));
        let writer = io::ResultWriter::create(&path, &map)?;
        for flat in 0..scan.iter().product() {
            let grain = if flat == 5 {
                f32::NAN
            } else {
                (flat % 2) as f32
            };
            let values = [1.0, 0.5 * flat as f32, 100.0 * flat as f32, grain];
            let at = NavigationIndex::from_flat(flat, &scan);
            writer.write(at, &Output::Values(Arc::new(values)))?;
        }
        writer.finish()?;
        let node = session_fixture::open(&fixture.session, &path)?;
        let is = described(&fixture, node)?;
        let displays: Vec<&DisplayDescription> =
            is.components.iter().map(|one| &one.display).collect();
        ensure!(
            *displays[2] == DisplayDescription::Cyclic { period: 360.0 },
            "{format:?}: {displays:?}"
        );
        let named = DisplayDescription::Categorical {
            names: vec!["matrix".into(), "twin".into()],
        };
        ensure!(*displays[3] == named, "{format:?}: {displays:?}");
        ensure!(is.composites.len() == 2 && is.composites[1].components == [0, 1, 2]);
        fixture.run(Command::Compute { node })?;
        // Angles and names are picked where the picture is small: a mean of them is none.
        let (_, angles) = picture(&fixture, node, 2, [2, 2])?;
        ensure!(
            angles.iter().all(|angle| angle % 100.0 == 0.0),
            "{angles:?}"
        );
        let (reply, mixed) = picture(&fixture, node, 5, [4, 3])?;
        ensure!(reply.planes == 3 && mixed.len() == 36 && reply.ranges.len() == 3);
        let alt = fixture.session.poster(node, &session::Look::default())?.alt;
        for words in [
            "Phase, 0 to 360 °, where the colours begin again",
            "one colour for each of matrix, twin",
            "red Δy ",
        ] {
            ensure!(alt.contains(words), "{alt}");
        }
    }
    Ok(())
}
