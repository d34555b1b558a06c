use super::*;

fn panel(title: &str, frame: Frame, colormap: &str) -> Panel {
    Panel {
        title: Words::with_subscript(title),
        levels: crate::levels(&frame).percentiles,
        frame,
        contrast: Contrast::of(colormap),
        colours: Colours::Values,
        values: "counts".into(),
        scale_bar: Some(ScaleBar {
            share: 0.25,
            label: "5 nm".into(),
        }),
        axis: None,
        crosshair: Some([2.0, 3.0]),
        peaks: vec![[1.0, 1.0]],
        peak_radius: 1.0,
    }
}

fn ramp(rows: usize, columns: usize) -> Frame {
    let values = (0..rows * columns).map(|value| value as f32).collect();
    Frame::from_vec(&[rows, columns], values).unwrap()
}

fn decoded(figure: &Figure) -> (u32, u32, Vec<[u8; 3]>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(&figure.png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let info = reader.info();
    let rgb = pixels.as_chunks::<3>().0.to_vec();
    (info.width, info.height, rgb)
}

#[test]
fn an_image_is_drawn_with_the_colours_of_its_values() {
    let frame = Frame::from_vec(&[2, 3], vec![0.0f32, 1.0, 2.0, 3.0, f32::NAN, 5.0]).unwrap();
    let shown = Panel {
        levels: [0.0, 5.0],
        scale_bar: None,
        crosshair: None,
        peaks: Vec::new(),
        ..panel("image", frame, "viridis")
    };
    let figure = figure(std::slice::from_ref(&shown), &[]).unwrap();
    let (width, _, pixels) = decoded(&figure);
    assert_eq!(width as usize, figure.width * PIXELS);
    let inner = layout(&shown);
    let (top, left) = (px(MARGIN + TITLE), px(MARGIN) + inner.left);
    let (across, down) = (inner.width / 3, px(HEIGHT) / 2);
    for (row, column, value) in [
        (0, 0, 0.0),
        (0, 1, 1.0),
        (0, 2, 2.0),
        (1, 0, 3.0),
        (1, 2, 5.0),
    ] {
        let at =
            (top + row * down + down / 2) * width as usize + left + column * across + across / 2;
        let exact = shown.contrast.colormap.color(value / 5.0);
        let off = pixels[at]
            .iter()
            .zip(exact)
            .map(|(a, b)| a.abs_diff(b))
            .max();
        assert!(off.is_some_and(|off| off <= 2), "{value}: {:?}", pixels[at]);
    }
    let hatched = (top + down + down / 2) * width as usize + left + across + across / 2;
    assert!([[214, 214, 220], [186, 186, 196]].contains(&pixels[hatched]));
}

/// The middle of each pixel of an image that is drawn alone, row by row.
fn middles(shown: &Panel, size: [usize; 2]) -> Vec<[u8; 3]> {
    let drawn = figure(std::slice::from_ref(shown), &[]).unwrap();
    let (width, _, pixels) = decoded(&drawn);
    let inner = layout(shown);
    let (top, left) = (px(MARGIN + TITLE), px(MARGIN) + inner.left);
    let (across, down) = (inner.width / size[1], px(HEIGHT) / size[0]);
    let middle = |row: usize, column: usize| {
        let row = top + row * down + down / 2;
        pixels[row * width as usize + left + column * across + across / 2]
    };
    (0..size[0])
        .flat_map(|row| (0..size[1]).map(move |column| middle(row, column)))
        .collect()
}

const HATCHES: [[u8; 3]; 2] = [[214, 214, 220], [186, 186, 196]];

fn bare(title: &str, frame: Frame, colormap: &str, colours: Colours) -> Panel {
    Panel {
        scale_bar: None,
        crosshair: None,
        peaks: Vec::new(),
        colours,
        ..panel(title, frame, colormap)
    }
}

#[test]
fn vectors_are_drawn_by_direction_and_length_beside_their_wheel() {
    let frame = |values: [f32; 6]| Frame::from_vec(&[2, 3], values.to_vec()).unwrap();
    let y = frame([0.0, 1.0, 0.0, -1.0, f32::NAN, 0.2]);
    let x = frame([1.0, 0.0, -0.5, 0.0, 1.0, 0.1]);
    let shown = Panel {
        levels: [0.0, 1.0],
        values: "px".into(),
        ..bare(
            "Deflection",
            crate::lengths(&y, &x).unwrap(),
            "hues",
            Colours::Wheel {
                components: [y.clone(), x.clone()],
                names: ["Δy".into(), "Δx".into()],
            },
        )
    };
    let drawn = middles(&shown, [2, 3]);
    let (y, x) = (y.to_f32(), x.to_f32());
    for (at, drawn) in drawn.iter().enumerate() {
        match crate::composite::vector_color(&shown.contrast, [0.0, 1.0], [y[at], x[at]]) {
            Some(exact) => assert_eq!(*drawn, exact, "{at}"),
            None => assert!(at == 4 && HATCHES.contains(drawn), "{at}"),
        }
    }
    // The key: its rim at the right is the colour of a vector to the right, at the bottom of one down.
    let figure = figure(std::slice::from_ref(&shown), &[]).unwrap();
    let (width, _, pixels) = decoded(&figure);
    let inner = layout(&shown);
    let left = px(MARGIN) + inner.width + px(8);
    let side = px(76);
    let at = |row: usize, column: usize| {
        let row = px(MARGIN + TITLE) + row;
        pixels[row * width as usize + left + column]
    };
    let near = |found: [u8; 3], exact: [u8; 3]| {
        let off = found.iter().zip(exact).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off.is_some_and(|off| off <= 6), "{found:?} for {exact:?}");
    };
    let hues = crate::Colormap::named("hues");
    near(at(side / 2, side - 1), hues.color(0.0));
    near(at(side - 1, side / 2), hues.color(0.25));
    near(at(side / 2, 0), hues.color(0.5));
    near(at(0, side / 2), hues.color(0.75));
    near(at(side / 2, side / 2), [0, 0, 0]);
    assert_eq!(at(0, 0), [255, 255, 255]);
    assert_eq!(value_label(&shown), "");
}

#[test]
fn angles_come_back_and_names_have_one_colour_each() {
    let frame = |values: [f32; 4]| Frame::from_vec(&[2, 2], values.to_vec()).unwrap();
    let angles = Panel {
        levels: [0.0, 360.0],
        ..bare(
            "θ",
            frame([30.0, 390.0, -330.0, f32::NAN]),
            "twilight",
            Colours::Cyclic,
        )
    };
    let drawn = middles(&angles, [2, 2]);
    assert!(drawn[0] == drawn[1] && drawn[0] == drawn[2], "{drawn:?}");
    assert!(HATCHES.contains(&drawn[3]));
    let exact = angles.contrast.colormap.color(30.0 / 360.0);
    let off = drawn[0].iter().zip(exact).map(|(a, b)| a.abs_diff(b)).max();
    assert!(off.is_some_and(|off| off <= 6), "{drawn:?} for {exact:?}");

    let names = Colours::Categories(["matrix", "twin"].map(String::from).to_vec());
    let grains = bare("grain", frame([0.0, 1.0, 0.0, -1.0]), "categories", names);
    let drawn = middles(&grains, [2, 2]);
    let map = grains.contrast.colormap;
    assert_eq!(
        drawn[..3],
        [map.category(0), map.category(1), map.category(0)]
    );
    assert!(HATCHES.contains(&drawn[3]));
}

#[test]
fn three_images_are_red_green_and_blue() {
    let frame = |values: [f32; 2]| Frame::from_vec(&[1, 2], values.to_vec()).unwrap();
    let components = [
        frame([1.0, 0.0]),
        frame([20.0, 5.0]),
        frame([0.0, f32::NAN]),
    ];
    let colours = Colours::Rgb {
        levels: [[0.0, 1.0], [0.0, 100.0], [-1.0, 1.0]],
        names: ["a", "b", "c"].map(String::from),
        components: components.clone(),
    };
    let shown = bare("all", components[0].clone(), "gray", colours);
    let drawn = middles(&shown, [1, 2]);
    assert_eq!(drawn[0], [255, 51, 128]);
    assert!(HATCHES.contains(&drawn[1]));
}

#[test]
fn panels_that_do_not_fit_beside_each_other_stand_below() {
    let one = figure(&[panel("e_xx", ramp(40, 56), "diverging")], &[]).unwrap();
    let panels = ["ε_xx", "ε_yy", "ε_xy", "θ"].map(|name| panel(name, ramp(40, 56), "diverging"));
    let four = figure(&panels, &["a caveat".into()]).unwrap();
    assert!(four.width <= MAX_WIDTH + 2 * MARGIN && four.width > 2 * one.width - 20);
    assert!(four.png.len() < 200_000);
}

#[test]
fn images_of_one_size_stand_below_each_other_whatever_their_labels() {
    let mut panels = [1.0, 1e-3].map(|high| {
        let mut panel = panel("ε_xx", ramp(40, 56), "diverging");
        panel.levels = [0.0, high];
        panel.values = "a long unit".repeat((1.0 / high) as usize % 3);
        panel
    });
    let widths = |panels: &[Panel]| {
        let layouts: Vec<Layout> = panels.iter().map(layout).collect();
        let aligned = aligned(layouts.clone());
        [layouts, aligned].map(|all| all.iter().map(|one| one.outer_width).collect::<Vec<_>>())
    };
    let [own, aligned] = widths(&panels);
    assert!(
        own[0] != own[1] && aligned[0] == aligned[1],
        "{own:?} {aligned:?}"
    );
    panels[1].frame = ramp(40, 20);
    let [own, aligned] = widths(&panels);
    assert_eq!(own, aligned);
}

#[test]
fn odd_input_does_not_panic() {
    let nothing = Frame::from_vec::<f32>(&[0, 0], Vec::new()).unwrap();
    let invalid = Frame::from_vec(&[1, 1], vec![f32::NAN]).unwrap();
    let infinite = Frame::from_vec(&[2, 1], vec![f32::INFINITY, 1.0]).unwrap();
    let line = Frame::from_vec(&[1], vec![3u16]).unwrap();
    let empty = Frame::from_vec::<f32>(&[0], Vec::new()).unwrap();
    let wide = Frame::from_vec(&[1, 5000], vec![1u8; 5000]).unwrap();
    let number = Frame::from_vec(&[], vec![f32::NAN]).unwrap();
    for frame in [nothing, invalid, infinite, line, empty, wide, number] {
        figure(&[panel("", frame, "gray")], &[String::new()]).unwrap();
    }
    figure(&[], &[]).unwrap();
}

#[test]
fn a_number_is_written_with_its_unit() {
    let of = |value: f32| Panel {
        values: "%".into(),
        ..panel("ε_xx", Frame::from_vec(&[], vec![value]).unwrap(), "gray")
    };
    assert_eq!(of(1.613_77).number(), "1.614 %");
    assert_eq!(of(f32::NAN).number(), "no value");
    let drawn = figure(&[of(-1.5), of(2.0)], &[]).unwrap();
    let (width, height, pixels) = decoded(&drawn);
    assert!(height as usize == px(TITLE + NUMBER + GAP / 2 + 2 * MARGIN) && width > 100);
    let dark = pixels.iter().filter(|pixel| pixel[0] < 60).count();
    assert!((100..4000).contains(&dark), "{dark}");
}

#[test]
fn an_image_without_values_has_no_colours_to_tell_them_by() {
    let nothing = || Frame::from_vec(&[2, 3], vec![f32::NAN; 6]).unwrap();
    let empty = Panel {
        levels: [f64::NAN; 2],
        ..panel("ε_xx", nothing(), "viridis")
    };
    assert_eq!(value_label(&empty), "no value");
    let coloured = |panel: Panel| {
        let (_, _, pixels) = decoded(&figure(&[panel], &[]).unwrap());
        pixels.contains(&[253, 231, 37])
    };
    assert!(!coloured(empty));
    assert!(coloured(panel("ε_xx", nothing(), "viridis")));
}

#[test]
fn a_curve_has_its_axis() {
    let counts: Vec<u16> = (0..200).map(|channel| 40 + channel % 17).collect();
    let spectrum = Panel {
        axis: Some(Axis::new("Energy loss", 200, 0.5, 280.0, "eV")),
        ..panel("spectrum", Frame::from_vec(&[200], counts).unwrap(), "gray")
    };
    let drawn = figure(&[spectrum], &[]).unwrap();
    let (_, _, pixels) = decoded(&drawn);
    assert!(
        pixels
            .iter()
            .filter(|pixel| **pixel == [38, 110, 200])
            .count()
            > 400
    );
}
