//! Adds, subtracts, multiplies or divides two signals, pixel by pixel.
//!
//! `(ny, nx | ky, kx)` and the same, or one frame `(| ky, kx)` for all positions → `(ny, nx | ky, kx)` as `f32`; the same of
//! spectra, and of maps, image by image, all of them with the one image of a map that has one. Axes are the first one's.
//! result = `a ∘ b` at the same position and pixel, rounded once. Sums and differences keep the unit, products and quotients get the
//! product and the quotient of both. What is unknown in either (NaN, infinite), and what has no finite result (division by
//! zero), is NaN. Where one of both is complex the result is, a real number being one without an imaginary part: `c64`, or `c128` where
//! either has more digits than `f32` holds; what is unknown in one part is NaN in both. Colours are taken number by number only
//! (`red`, `luminance`). Frame-local, O(P); the second is read where the first is looked at. Reference: none needed.

use std::marker::PhantomData;

use signal::simd::{Vectorised, vectorised};
use signal::{
    Axis, CancelToken, Category, Caveat, Component, Composite, Display, ElementType, Frame,
    FurtherInput, Inputs, NavigationIndex, NotApplicable, Operation, OperationError, OperationInfo,
    Output, SignalKind, SignalMeta, check_inputs, parameters,
};

use crate::inputs;

const TAKES: &str = "two signals of one shape, or a scan and one frame of the same size";

parameters! {
    /// The sum of two signals.
    pub struct Add {}
}

parameters! {
    /// The difference of two signals.
    pub struct Subtract {}
}

parameters! {
    /// The product of two signals.
    pub struct Multiply {}
}

parameters! {
    /// The quotient of two signals.
    pub struct Divide {}
}

/// What is done with two numbers.
trait Rule {
    fn of(a: f64, b: f64) -> f64;

    /// The same of complex numbers, real and imaginary part.
    fn of_complex(a: [f64; 2], b: [f64; 2]) -> [f64; 2];

    /// # Errors
    /// [`NotApplicable`] where the two have no such result.
    fn units(a: &str, b: &str) -> Result<String, NotApplicable>;

    /// How an image of the result is shown.
    fn display(a: &Display) -> Display {
        match a {
            Display::Diverging => Display::Diverging,
            _ => Display::Sequential,
        }
    }

    /// Whether numbers are written as the first one's are, in percent for instance.
    const KEEPS_WRITING: bool;
}

macro_rules! arithmetic {
    ($Operation:ident, $Params:ident, $name:literal, $title:literal, $summary:literal, $help:literal) => {
        #[derive(Default)]
        pub struct $Operation;

        impl Operation for $Operation {
            type Params = $Params;
            type Prepared = ();
            const INFO: OperationInfo = OperationInfo {
                name: $name,
                method: $name,
                parameters_type: stringify!($Params),
                title: $title,
                summary: $summary,
                category: Category::Arithmetic,
                reference: "",
            };
            const FURTHER_INPUTS: &'static [FurtherInput] = &[FurtherInput {
                name: "other",
                help: $help,
                required: true,
            }];
            const COMPLEX: bool = true;

            fn describe(
                &self,
                inputs: &[&SignalMeta],
                _params: &$Params,
            ) -> Result<SignalMeta, NotApplicable> {
                describe::<$Operation>(inputs)
            }

            fn compute(
                &self,
                inputs: &Inputs<'_>,
                _at: NavigationIndex,
                _params: &$Params,
                _prepared: Option<&()>,
                _cancel: &CancelToken,
            ) -> Result<Output, OperationError> {
                compute::<$Operation>(inputs)
            }
        }
    };
}

arithmetic!(
    AddSignals,
    Add,
    "add",
    "Add",
    "Adds another signal, position by position and pixel by pixel.",
    "What is added: a signal of the same shape, or one frame for all scan positions."
);
arithmetic!(
    SubtractSignals,
    Subtract,
    "subtract",
    "Subtract",
    "Subtracts another signal, position by position and pixel by pixel: a dark frame, an earlier result.",
    "What is subtracted: a signal of the same shape, or one frame for all scan positions."
);
arithmetic!(
    MultiplySignals,
    Multiply,
    "multiply",
    "Multiply by",
    "Multiplies by another signal, position by position and pixel by pixel: a mask, a gain.",
    "What it is multiplied by: a signal of the same shape, or one frame for all scan positions."
);
arithmetic!(
    DivideSignals,
    Divide,
    "divide",
    "Divide by",
    "Divides by another signal, position by position and pixel by pixel: a gain reference, another detector. Without value where that is 0.",
    "What it is divided by: a signal of the same shape, or one frame for all scan positions."
);

impl Rule for AddSignals {
    const KEEPS_WRITING: bool = true;
    #[inline(always)]
    fn of(a: f64, b: f64) -> f64 {
        a + b
    }
    #[inline(always)]
    fn of_complex(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        [a[0] + b[0], a[1] + b[1]]
    }
    fn units(a: &str, b: &str) -> Result<String, NotApplicable> {
        same_units(a, b)
    }
    fn display(a: &Display) -> Display {
        match a {
            Display::Cyclic { .. } | Display::Diverging => a.clone(),
            _ => Display::Sequential,
        }
    }
}

impl Rule for SubtractSignals {
    const KEEPS_WRITING: bool = true;
    #[inline(always)]
    fn of(a: f64, b: f64) -> f64 {
        a - b
    }
    #[inline(always)]
    fn of_complex(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        [a[0] - b[0], a[1] - b[1]]
    }
    fn units(a: &str, b: &str) -> Result<String, NotApplicable> {
        same_units(a, b)
    }
    fn display(a: &Display) -> Display {
        match a {
            Display::Cyclic { .. } => a.clone(),
            _ => Display::Diverging,
        }
    }
}

impl Rule for MultiplySignals {
    const KEEPS_WRITING: bool = false;
    #[inline(always)]
    fn of(a: f64, b: f64) -> f64 {
        a * b
    }
    #[inline(always)]
    fn of_complex(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
    }
    fn units(a: &str, b: &str) -> Result<String, NotApplicable> {
        Ok(match (a, b) {
            ("", one) | (one, "") => one.to_owned(),
            (a, b) if a == b => format!("{a}²"),
            (a, b) => format!("{a}·{b}"),
        })
    }
}

impl Rule for DivideSignals {
    const KEEPS_WRITING: bool = false;
    #[inline(always)]
    fn of(a: f64, b: f64) -> f64 {
        a / b
    }
    /// Smith's: no square that is too large or too small on the way.
    #[inline(always)]
    fn of_complex(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        if b[0].abs() >= b[1].abs() {
            let ratio = b[1] / b[0];
            let length = b[0] + b[1] * ratio;
            [
                (a[0] + a[1] * ratio) / length,
                (a[1] - a[0] * ratio) / length,
            ]
        } else {
            let ratio = b[0] / b[1];
            let length = b[0] * ratio + b[1];
            [
                (a[0] * ratio + a[1]) / length,
                (a[1] * ratio - a[0]) / length,
            ]
        }
    }
    fn units(a: &str, b: &str) -> Result<String, NotApplicable> {
        Ok(match (a, b) {
            (a, "") => a.to_owned(),
            (a, b) if a == b => String::new(),
            ("", b) => format!("1/({b})"),
            (a, b) => format!("{a}/({b})"),
        })
    }
}

/// Sums are of one quantity; a unit that is not known is taken to be the other's.
fn same_units(a: &str, b: &str) -> Result<String, NotApplicable> {
    match (a, b) {
        ("", known) | (known, "") => Ok(known.to_owned()),
        (a, b) if a == b => Ok(a.to_owned()),
        (a, b) => Err(NotApplicable::new(
            format!("the values of the first are {a}, those of the second {b}"),
            "values of one unit",
        )),
    }
}

fn describe<R: Rule>(inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
    check_inputs(SubtractSignals::FURTHER_INPUTS, inputs.len())?;
    let [a, b] = inputs else {
        return Err(NotApplicable::new("other inputs were given", TAKES));
    };
    if let Some(peaks) = inputs.iter().find(|input| input.kind == SignalKind::Peaks) {
        let reason = format!("a signal has {}", peaks.kind.noun());
        return Err(NotApplicable::new(
            reason,
            "two signals of frames or of maps",
        ));
    }
    if a.kind != b.kind {
        let kinds = [a, b].map(|input| input.kind.noun());
        let reason = format!("the first has {}, the second {}", kinds[0], kinds[1]);
        return Err(NotApplicable::new(
            reason,
            "two signals of frames, or two of maps",
        ));
    }
    let scans = [a, b].map(|input| input.axes.navigation_shape());
    let one_frame = a.kind == SignalKind::Frame && b.axes.positions() == 1;
    if a.axes.signal_shape() != b.axes.signal_shape() || (scans[0] != scans[1] && !one_frame) {
        let [a, b] = [a, b].map(|input| input.axes.shape_text());
        return Err(NotApplicable::new(
            format!("the first is {a}, the second {b}"),
            TAKES,
        ));
    }
    let mut meta = SignalMeta {
        value_units: R::units(&a.value_units, &b.value_units)?,
        ..(*a).clone()
    };
    if a.kind == SignalKind::Frame {
        meta = meta.with_element(element(a.element, b.element));
        if meta.element.is_complex() != a.element.is_complex() {
            meta.signal_type.clear();
        }
    } else {
        meta.element = ElementType::F32;
        meta.components = components::<R>(a, b)?;
        meta.composites = composites::<R>(a, b);
    }
    let of_scan = a.axes.navigation.iter().zip(&b.axes.navigation);
    let of_frame = a.axes.signal.iter().zip(&b.axes.signal);
    let differ = of_scan
        .filter(|_| !one_frame)
        .chain(of_frame)
        .find(|(one, other)| !inputs::steps_alike(one, other));
    meta.caveats.extend(differ.map(other_axes));
    Ok(meta)
}

/// Of the pixels of the result.
fn element(a: ElementType, b: ElementType) -> ElementType {
    let is_wide = |one: ElementType| one.as_float().part() == ElementType::F64;
    match a.is_complex() || b.is_complex() {
        false => ElementType::F32,
        true if is_wide(a) || is_wide(b) => ElementType::C128,
        true => ElementType::C64,
    }
}

fn other_axes((one, other): (&Axis, &Axis)) -> Caveat {
    let text = format!(
        "along `{}` a step of the first is {} {} and one of the second {} {}: what is combined may be of other places, and the \
         axes are the first one's",
        one.name, one.scale, one.units, other.scale, other.units
    );
    Caveat::new("axes_differ", text)
}

fn components<R: Rule>(a: &SignalMeta, b: &SignalMeta) -> Result<Vec<Component>, NotApplicable> {
    let counts = [a, b].map(|input| input.components.len());
    if counts[0] != counts[1] && counts[1] != 1 {
        return Err(NotApplicable::new(
            format!(
                "the first has {} images, the second {}",
                counts[0], counts[1]
            ),
            "maps of as many images, or a second one of one image",
        ));
    }
    let beside = b.components.iter().cycle();
    (a.components.iter().zip(beside))
        .map(|(a, b)| {
            let shown = a.shown.clone().filter(|_| R::KEEPS_WRITING);
            Ok(Component {
                units: R::units(&a.units, &b.units)?,
                display: R::display(&a.display),
                shown,
                ..a.clone()
            })
        })
        .collect()
}

/// Sums and differences of vectors are vectors, and so is a vector times a number.
fn composites<R: Rule>(a: &SignalMeta, b: &SignalMeta) -> Vec<Composite> {
    let one_number = a.components.len() != 1 && b.components.len() == 1;
    match one_number != R::KEEPS_WRITING {
        true => a.composites.clone(),
        false => Vec::new(),
    }
}

fn compute<R: Rule>(inputs: &Inputs<'_>) -> Result<Output, OperationError> {
    match inputs.outputs {
        [Output::Frame(a), Output::Frame(b)] => frames::<R>(a, b),
        [Output::Values(a), Output::Values(b)] if b.len() == 1 || a.len() == b.len() => {
            let mut values = a.to_vec();
            let beside: Vec<f32> = b.iter().copied().cycle().take(a.len()).collect();
            combine::<R, f32>(&mut values, a, &beside);
            Ok(Output::Values(values.into()))
        }
        _ => Err(unlike("other outputs than those of two such signals")),
    }
}

fn frames<R: Rule>(a: &Frame, b: &Frame) -> Result<Output, OperationError> {
    if a.shape() != b.shape() {
        return Err(unlike(format!(
            "frames of shape {:?} and {:?}",
            a.shape(),
            b.shape()
        )));
    }
    let element = element(a.element(), b.element());
    if element.is_complex() {
        return complex_frames::<R>(a, b, element);
    }
    let mut values = vec![0.0f32; a.len()];
    // Single precision holds these exactly, and is less to read and write.
    let exact = |frame: &Frame| frame.element().as_float() == ElementType::F32;
    if exact(a) && exact(b) {
        combine::<R, f32>(&mut values, &a.to_f32(), &b.to_f32());
    } else {
        let [a, b] = [a, b].map(|frame| frame.cast(ElementType::F64));
        combine::<R, f64>(&mut values, a.pixels_of_own_type(), b.pixels_of_own_type());
    }
    Frame::from_vec(a.shape(), values)
        .map(Output::Frame)
        .map_err(unlike)
}

fn complex_frames<R: Rule>(
    a: &Frame,
    b: &Frame,
    element: ElementType,
) -> Result<Output, OperationError> {
    let [a_numbers, b_numbers] = [a, b].map(|frame| frame.cast(ElementType::C128).to_numbers());
    let (a_parts, _) = a_numbers.pixels_of_own_type::<f64>().as_chunks::<2>();
    let (b_parts, _) = b_numbers.pixels_of_own_type::<f64>().as_chunks::<2>();
    let is_known = |part: &f64| match element {
        ElementType::C64 => (*part as f32).is_finite(),
        _ => part.is_finite(),
    };
    let numbers: Vec<f64> = (a_parts.iter().zip(b_parts))
        .map(|(a, b)| R::of_complex(*a, *b))
        .flat_map(|value| match value.iter().all(is_known) {
            true => value,
            false => [f64::NAN; 2],
        })
        .collect();
    Frame::of_numbers(a.shape(), element, &numbers)
        .map(Output::Frame)
        .map_err(unlike)
}

fn unlike(found: impl Into<String>) -> OperationError {
    OperationError::failed(
        found,
        "the file is damaged, or its header does not describe it",
    )
}

fn combine<R: Rule, T: Copy + Into<f64>>(out: &mut [f32], a: &[T], b: &[T]) {
    let rule = PhantomData::<R>;
    vectorised(Combine { a, b, out, rule });
}

struct Combine<'a, R, T> {
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [f32],
    rule: PhantomData<R>,
}

impl<R: Rule, T: Copy + Into<f64>> Vectorised for Combine<'_, R, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for ((out, a), b) in self.out.iter_mut().zip(self.a).zip(self.b) {
            let (a, b): (f64, f64) = ((*a).into(), (*b).into());
            let value = R::of(a, b) as f32;
            // A finite number over an infinite one is 0, and says nothing.
            let known = value.is_finite() & b.is_finite();
            *out = if known { value } else { f32::NAN };
        }
    }
}

#[cfg(test)]
mod tests {
    use signal::{Axes, Bound, Registered, serde_json::json};

    use super::*;

    fn meta(scan: &[usize], frame: &[usize], units: &str) -> SignalMeta {
        let axes = |names: &[&'static str], sizes: &[usize]| -> Vec<Axis> {
            (names.iter().zip(sizes))
                .map(|(name, size)| Axis::new(*name, *size, 0.5, 0.0, "nm"))
                .collect()
        };
        let axes = Axes::new(axes(&["y", "x"], scan), axes(&["ky", "kx"], frame));
        SignalMeta {
            value_units: units.into(),
            ..SignalMeta::frames("scan", axes, ElementType::U16)
        }
    }

    fn described(name: &str, a: &SignalMeta, b: &SignalMeta) -> Result<SignalMeta, String> {
        let bound = crate::find(name).unwrap().bind(&json!({})).unwrap();
        bound
            .describe(&[a, b])
            .map_err(|refused| refused.to_string())
    }

    fn computed(name: &str, a: Output, b: Output) -> Output {
        let bound = crate::find(name).unwrap().bind(&json!({})).unwrap();
        let inputs = Inputs {
            metas: &[],
            outputs: &[a, b],
        };
        let at = NavigationIndex::new(&[0, 0]);
        bound
            .compute(&inputs, at, None, &CancelToken::new())
            .unwrap()
    }

    #[test]
    fn what_is_unknown_in_either_is_nan() {
        let frame = |pixels: &[f32]| {
            Output::Frame(Frame::from_vec(&[1, pixels.len()], pixels.to_vec()).unwrap())
        };
        let (nan, infinite) = (f32::NAN, f32::INFINITY);
        let a = [6.0, 6.0, nan, 0.0, 6.0, infinite, 3e38];
        let b = [4.0, 0.0, 1.0, 0.0, infinite, 2.0, -3e38];
        let expected = [
            ("add", [10.0, 6.0, nan, 0.0, nan, nan, 0.0]),
            ("subtract", [2.0, 6.0, nan, 0.0, nan, nan, nan]),
            ("multiply", [24.0, 0.0, nan, 0.0, nan, nan, nan]),
            ("divide", [1.5, nan, nan, nan, nan, nan, -1.0]),
        ];
        for (name, expected) in expected {
            let Output::Frame(found) = computed(name, frame(&a), frame(&b)) else {
                panic!("a frame");
            };
            let found = found.pixels::<f32>().unwrap();
            assert!(
                (found.iter().zip(expected)).all(|(a, b)| *a == b || a.is_nan() && b.is_nan()),
                "{name}: {found:?}"
            );
        }
    }

    fn complex(parts: &[f64]) -> Output {
        let shape = [1, parts.len() / 2];
        Output::Frame(Frame::from_parts(&shape, ElementType::C128, parts.to_vec()).unwrap())
    }

    fn parts(output: &Output) -> Vec<f64> {
        match output {
            Output::Frame(frame) => {
                let numbers = frame.cast(ElementType::C128).to_numbers();
                numbers.pixels_of_own_type::<f64>().to_vec()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn complex_numbers_are_combined_as_such_with_each_other_and_with_real_ones() {
        let a = complex(&[3.0, 4.0, -1.0, 0.5, 0.0, 2.0]);
        let b = complex(&[1.0, -2.0, 0.0, 4.0, 0.0, 0.0]);
        let real = Output::Frame(Frame::from_vec(&[1, 3], vec![2u16, 4, 0]).unwrap());
        let nan = f64::NAN;
        for (name, with_complex, with_real) in [
            (
                "add",
                [4.0, 2.0, -1.0, 4.5, 0.0, 2.0],
                [5.0, 4.0, 3.0, 0.5, 0.0, 2.0],
            ),
            (
                "subtract",
                [2.0, 6.0, -1.0, -3.5, 0.0, 2.0],
                [1.0, 4.0, -5.0, 0.5, 0.0, 2.0],
            ),
            (
                "multiply",
                [11.0, -2.0, -2.0, -4.0, 0.0, 0.0],
                [6.0, 8.0, -4.0, 2.0, 0.0, 0.0],
            ),
            (
                "divide",
                [-1.0, 2.0, 0.125, 0.25, nan, nan],
                [1.5, 2.0, -0.25, 0.125, nan, nan],
            ),
        ] {
            for (other, expected) in [(&b, with_complex), (&real, with_real)] {
                let found = parts(&computed(name, a.clone(), other.clone()));
                let same = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
                assert!(found.iter().zip(&expected).all(same), "{name}: {found:?}");
            }
            let turned = parts(&computed(name, real.clone(), a.clone()));
            assert!(turned[1].abs() > 0.0, "{name} has lost the imaginary part");
        }
        // A part that is unknown leaves nothing of the number.
        let holed = complex(&[nan, 4.0, f64::INFINITY, 1.0, 1.0, 1.0]);
        let found = parts(&computed("add", a, holed));
        assert!(found[..4].iter().all(|part| part.is_nan()) && found[4..] == [1.0, 3.0]);
    }

    #[test]
    fn quotients_of_huge_and_tiny_complex_numbers_are_right() {
        for scale in [1e-300, 1e-170, 1.0, 1e170, 1e300] {
            for [c, d] in [[3.0, 1.0], [-0.5, 2.0], [0.0, 1.0], [1.0, 0.0]] {
                let (a, b) = (
                    complex(&[2.0 * scale, -scale]),
                    complex(&[c * scale, d * scale]),
                );
                let found = parts(&computed("divide", a, b));
                let length = c * c + d * d;
                let expected = [(2.0 * c - d) / length, (-c - 2.0 * d) / length];
                for (found, expected) in found.iter().zip(expected) {
                    assert!(
                        (found - expected).abs() <= 1e-15 * (1.0 + expected.abs()),
                        "{scale} {c} {d}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_result_is_complex_where_one_of_both_is() {
        let of =
            |element: ElementType, units: &str| meta(&[3, 4], &[5, 6], units).with_element(element);
        for (a, b, expected) in [
            (ElementType::C64, ElementType::C64, ElementType::C64),
            (ElementType::C64, ElementType::U16, ElementType::C64),
            (ElementType::F32, ElementType::C64, ElementType::C64),
            (ElementType::C64, ElementType::C128, ElementType::C128),
            (ElementType::C64, ElementType::F64, ElementType::C128),
        ] {
            let found = described("multiply", &of(a, "V"), &of(b, "")).unwrap();
            assert_eq!((found.element, &*found.value_units), (expected, "V"));
            assert_eq!(found.components.len(), 4);
        }
        let real = described("add", &of(ElementType::U16, ""), &of(ElementType::U16, "")).unwrap();
        assert_eq!((real.element, real.components.len()), (ElementType::F32, 0));
        let colours = of(ElementType::Rgb8, "");
        let refused = described("add", &colours, &colours).unwrap_err();
        assert!(refused.contains("RGB of 8 bit"), "{refused}");
    }

    #[test]
    fn large_whole_numbers_are_rounded_once() {
        let of = |number: u32| Output::Frame(Frame::from_vec(&[1, 1], vec![number]).unwrap());
        let Output::Frame(found) = computed("subtract", of(16_777_219), of(16_777_217)) else {
            panic!("a frame");
        };
        assert_eq!(found.pixels::<f32>().unwrap(), [2.0]);
    }

    #[test]
    fn every_image_of_a_map_with_its_own_or_with_the_one() {
        let of = |values: &[f32]| Output::Values(values.into());
        let values = |output: Output| match output {
            Output::Values(values) => values.to_vec(),
            other => panic!("{other:?}"),
        };
        let found = computed("subtract", of(&[5.0, 7.0]), of(&[1.0, 2.0]));
        assert_eq!(values(found), [4.0, 5.0]);
        let found = computed("divide", of(&[5.0, 7.0]), of(&[2.0]));
        assert_eq!(values(found), [2.5, 3.5]);
    }

    #[test]
    fn units_and_axes_are_those_of_the_result() {
        let scan = meta(&[3, 4], &[5, 6], "counts");
        let frame = meta(&[], &[5, 6], "counts");
        let gain = meta(&[], &[5, 6], "");
        let cases = [
            ("subtract", &frame, "counts"),
            ("add", &gain, "counts"),
            ("multiply", &frame, "counts²"),
            ("multiply", &gain, "counts"),
            ("divide", &frame, ""),
            ("divide", &gain, "counts"),
        ];
        for (name, other, units) in cases {
            let found = described(name, &scan, other).unwrap();
            assert_eq!(found.value_units, units, "{name}");
            assert_eq!((&found.axes, found.element), (&scan.axes, ElementType::F32));
            assert!(found.caveats.is_empty());
        }
        let found = described("divide", &gain, &meta(&[], &[5, 6], "nm")).unwrap();
        assert_eq!(found.value_units, "1/(nm)");
        let map = |units: &str| {
            let shown = Component::new("e", "ε", units, Display::Sequential).shown_in(100.0, "%");
            scan.to_map(vec![shown])
        };
        let found = described("subtract", &map(""), &map("")).unwrap();
        assert_eq!(found.components[0].display, Display::Diverging);
        assert!(found.components[0].shown.is_some());
        let vectors = || {
            let both =
                ["dy", "dx"].map(|name| Component::new(name, name, "px", Display::Diverging));
            let mut map = scan.to_map(both.to_vec());
            map.composites = vec![Composite::new(
                "d",
                "d",
                signal::Colouring::Wheel,
                &["dy", "dx"],
            )];
            map
        };
        let keeps = |name, other: &SignalMeta| {
            let found = described(name, &vectors(), other).unwrap();
            found.composites == vectors().composites
        };
        assert!(keeps("subtract", &vectors()) && keeps("divide", &map("s")));
        assert!(!keeps("multiply", &vectors()) && !keeps("add", &map("px")));
        let found = described("divide", &map("nm"), &map("nm")).unwrap();
        assert_eq!(
            (
                found.components[0].units.as_str(),
                &found.components[0].shown
            ),
            ("", &None)
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_doubtful_said() {
        let scan = meta(&[3, 4], &[5, 6], "counts");
        let mut peaks = scan.clone();
        peaks.kind = SignalKind::Peaks;
        let map = scan.to_map(vec![Component::new("a", "a", "", Display::Sequential)]);
        let cases = [
            (&scan, meta(&[4, 3], &[5, 6], "counts"), "(3, 4 | 5, 6)"),
            (&scan, meta(&[3, 4], &[6, 5], "counts"), "(3, 4 | 6, 5)"),
            (&scan, meta(&[3, 4], &[5, 6], "nm"), "counts"),
            (&scan, peaks, "peaks"),
            (&scan, map, "maps"),
        ];
        for (a, b, words) in cases {
            let refused = described("subtract", a, &b).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        // One frame goes with a scan, and not the other way round.
        assert!(described("subtract", &meta(&[], &[5, 6], ""), &scan).is_err());
        let alone = Bound::<SubtractSignals>::entry()
            .bind(&json!({}))
            .unwrap()
            .describe(&[&scan]);
        assert!(alone.unwrap_err().to_string().contains("`other`"));
        let mut other = scan.clone();
        other.axes.signal[1].scale = 0.25;
        let found = described("subtract", &scan, &other).unwrap();
        assert_eq!(found.caveats[0].code, "axes_differ");
    }
}
