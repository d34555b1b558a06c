//! Colours as pixels: files of hyperspy and numpy (`tests/golden/make_colours.py`), and what is written of them.

use std::path::{Path, PathBuf};

use signal::{
    Axes, Axis, Block, Channel, Colouring, ElementType, Frame, NavigationIndex, Output, SignalKind,
    SignalMeta,
};

use super::frame_at;
use super::results::path_in;
use crate::{OpenOptions, ResultFormat, ResultWriter, open};

const COLOURS: [ElementType; 4] = [
    ElementType::Rgb8,
    ElementType::Rgba8,
    ElementType::Rgb16,
    ElementType::Rgba16,
];
const SHAPE: [usize; 2] = [4, 5];

fn file(name: &str) -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/colours"
    ))
    .join(name)
}

/// The formula of `make_colours.py`, as it lies in a frame.
fn numbers(element: ElementType, at: usize) -> Vec<u8> {
    let channels = element.channels();
    let number = |flat: usize| {
        let (channel, column, row) = (
            flat % channels,
            flat / channels % SHAPE[1],
            flat / channels / SHAPE[1],
        );
        101 * at + 37 * row + 11 * column + 53 * channel + 7
    };
    let all = (0..SHAPE[0] * SHAPE[1] * channels).map(number);
    match element.part() {
        ElementType::U8 => all.map(|number| number as u8).collect(),
        _ => all
            .flat_map(|number| ((number * 211) as u16).to_ne_bytes())
            .collect(),
    }
}

fn colours(element: ElementType, at: usize) -> Frame {
    Frame::from_block(&SHAPE, element, Block::new(numbers(element, at)), 0).unwrap()
}

fn check(path: &Path, element: ElementType) {
    let source = open(path, &OpenOptions::default()).unwrap();
    let meta = source.meta();
    assert_eq!((meta.element, meta.kind), (element, SignalKind::Frame));
    assert_eq!(meta.axes.shape_text(), "(3 | 4, 5)");
    assert_eq!(meta.caveats, []);
    assert_eq!((meta.pictures(), &*meta.value_units), (1, ""));
    let shown = meta.composite(0).unwrap();
    assert_eq!(shown.colouring, Colouring::Colours);
    for at in [2, 0, 1] {
        let frame = frame_at(&*source, NavigationIndex::new(&[at])).unwrap();
        assert_eq!(frame.as_bytes(), numbers(element, at), "{path:?} {at}");
    }
}

#[test]
fn colours_of_hyperspy_and_numpy_have_the_bits_they_had() {
    for element in COLOURS {
        for ending in ["hspy", "npy"] {
            check(&file(&format!("{element}.{ending}")), element);
        }
    }
    for element in [ElementType::Rgb8, ElementType::Rgba16] {
        check(&file(&format!("{element}.zspy")), element);
    }
    check(&file("swapped.npy"), ElementType::Rgba16);
}

#[test]
fn one_colour_at_each_position_is_an_image() {
    let source = open(&file("positions.hspy"), &OpenOptions::default()).unwrap();
    let meta = source.meta();
    assert_eq!(meta.axes.shape_text(), "(| 4, 5)");
    assert_eq!(
        (meta.kind, meta.element),
        (SignalKind::Frame, ElementType::Rgb8)
    );
    let frame = frame_at(&*source, NavigationIndex::new(&[])).unwrap();
    assert_eq!(frame.as_bytes(), numbers(ElementType::Rgb8, 0));
}

#[test]
fn what_is_written_is_read_again_and_zarr_3_has_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    for (at, element) in COLOURS.into_iter().enumerate() {
        let axes = Axes::new(
            vec![Axis::new("time", 3, 0.5, 0.0, "s")],
            vec![Axis::pixels("y", 4), Axis::pixels("x", 5)],
        );
        let meta = SignalMeta::frames("colours", axes, element);
        for format in ResultFormat::ALL {
            let folder = folder.path().join(format!("{at}"));
            std::fs::create_dir_all(&folder).unwrap();
            let path = path_in(&folder, format);
            let writer = ResultWriter::create(&path, &meta);
            if format == ResultFormat::Zarr {
                let refused = writer.err().unwrap();
                assert!(refused.to_string().contains("no type for colours"));
                assert!(refused.remedy().contains(".zspy"), "{}", refused.remedy());
                continue;
            }
            let writer = writer.unwrap();
            for at in 0..3 {
                let output = Output::Frame(colours(element, at));
                writer.write(NavigationIndex::new(&[at]), &output).unwrap();
            }
            writer.finish().unwrap();
            check(&path, element);
        }
    }
}

#[test]
fn absent_chunks_are_black_and_other_colours_for_them_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent.zspy");
    copy(&file("rgb8.zspy"), &path);
    let data = path.join("Experiments/colours/data");
    std::fs::remove_file(data.join("1/0/1")).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    let said = source.caveats();
    assert!(said[0].text.contains("fill value black"), "{said:?}");
    let frame = frame_at(&*source, NavigationIndex::new(&[1])).unwrap();
    let red = frame.channel(Channel::Red).unwrap();
    let first_row: Vec<f64> = (0..5).map(|at| red.value(at)).collect();
    assert_eq!(first_row, [108.0, 119.0, 130.0, 0.0, 0.0]);

    let header = data.join(".zarray");
    let text = std::fs::read_to_string(&header).unwrap();
    for (from, to, words) in [
        ("\"AAAA\"", "\"//8A\"", "not black"),
        ("\"order\": \"C\"", "\"order\": \"F\"", "column by column"),
    ] {
        assert!(text.contains(from), "{text}");
        std::fs::write(&header, text.replace(from, to)).unwrap();
        let refused = open(&path, &OpenOptions::default()).err().unwrap();
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => std::fs::copy(entry.path(), target).map(drop).unwrap(),
        }
    }
}
