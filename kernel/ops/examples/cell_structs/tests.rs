use serde_json::{Value, json};
use signal::Category;

use super::*;

fn info(name: &'static str, method: &'static str, parameters_type: &'static str) -> OperationInfo {
    OperationInfo {
        name,
        method,
        parameters_type,
        title: "Title",
        summary: "Summary.",
        category: Category::Background,
        reference: "",
    }
}

fn parameter(name: &str, kind: ParameterKind, rust_type: &str, default: Value) -> ParameterInfo {
    ParameterInfo {
        name: name.into(),
        kind,
        optional: rust_type.starts_with("Option"),
        default,
        minimum: None,
        maximum: None,
        units: String::new(),
        help: "Help.".into(),
        rust_type: rust_type.into(),
    }
}

#[test]
fn the_committed_file_is_what_the_registry_gives() {
    let committed = include_str!("../../../cell/src/generated.rs");
    assert!(
        formatted(&cell_source(&registered())).unwrap() == committed,
        "kernel/cell/src/generated.rs is out of date: run `cargo xtask codegen`"
    );
    let committed = include_str!("../../../eval/src/direct/generated.rs");
    assert!(
        interpreter_source(&registered()) == committed,
        "kernel/eval/src/direct/generated.rs is out of date: run `cargo xtask codegen`"
    );
}

#[test]
fn every_kind_of_default_is_rust() {
    let choices = ParameterKind::Choice {
        choices: vec!["sum".into(), "arith-mean".into()],
    };
    let operations = [(
        info("one", "first", "One"),
        vec![
            parameter("a", ParameterKind::Number, "f64", json!(4)),
            parameter("b", ParameterKind::Integer, "usize", json!(3)),
            parameter("c", choices, "Statistic", json!("arith-mean")),
            parameter(
                "d",
                ParameterKind::SignalPoint,
                "Option<[f64; 2]>",
                Value::Null,
            ),
            parameter(
                "e",
                ParameterKind::NavigationRegion,
                "Region",
                json!({"x0": 0, "y0": 1, "width": 2, "height": 3}),
            ),
            parameter("f", ParameterKind::Text, "String", json!("a\"b")),
            parameter(
                "g",
                ParameterKind::SignalRange,
                "Option<[f64; 2]>",
                json!([1, 2.5]),
            ),
            parameter(
                "h",
                ParameterKind::SignalPolygon,
                "Vec<[f64; 2]>",
                json!([[1, 2], [3, 4], [0.5, 6]]),
            ),
        ],
        &[][..],
    )];
    let source = cell_source(&operations);
    for line in [
        "a: 4.0,",
        "b: 3,",
        "c: Statistic::ArithMean,",
        "d: None,",
        "e: Region::rectangle(0, 1, 2, 3),",
        "f: \"a\\\"b\".into(),",
        "g: Some([1.0, 2.5]),",
        "h: vec![[1.0, 2.0], [3.0, 4.0], [0.5, 6.0]],",
        "Statistic::ArithMean => \"arith-mean\",",
        "pub fn first(&self, parameters: One)",
    ] {
        assert!(source.contains(line), "{line} is missing in\n{source}");
    }
}

#[test]
fn methods_of_several_operations_take_a_marker() {
    let operations = [
        (info("one", "strain_map", "StrainMap"), Vec::new(), &[][..]),
        (info("two", "strain_map", "Other"), Vec::new(), &[][..]),
    ];
    let source = cell_source(&operations);
    assert!(source.contains("pub fn strain_map<P: method::StrainMap>"));
    assert!(source.contains("impl StrainMap for super::Other {}"));
}

#[test]
fn nothing_is_said_in_a_struct_that_can_be_said_without() {
    let count = parameter("count", ParameterKind::Integer, "usize", json!(5));
    let share = parameter("share", ParameterKind::Number, "Option<f64>", Value::Null);
    let operations = [
        (info("one", "all", "One"), Vec::new(), &[][..]),
        (info("two", "some", "Two"), vec![count], &[][..]),
        (info("three", "most", "Three"), vec![share], &[][..]),
    ];
    let source = cell_source(&operations);
    for line in [
        "pub fn all(&self, ) -> Result<Signal>",
        "self.apply(&One {})",
        "`scan.all()?`",
        "pub fn some(&self, count: usize) -> Result<Signal>",
        "self.apply(&Two { count })",
        "`scan.some(5)?`",
        "/// - `count`: Help.",
        "pub fn most(&self, parameters: Three) -> Result<Signal>",
    ] {
        assert!(source.contains(line), "{line} is missing in\n{source}");
    }
}

#[test]
fn further_inputs_are_arguments() {
    const DARK: FurtherInput = FurtherInput {
        name: "dark",
        help: "Subtracted.",
        required: false,
    };
    let operations = [
        (
            info("one", "clean", "One"),
            vec![parameter("width", ParameterKind::Number, "f64", json!(1))],
            &[DARK][..],
        ),
        (info("two", "clean", "Two"), Vec::new(), &[][..]),
    ];
    let source = cell_source(&operations);
    for line in [
        "pub fn clean<P: method::Clean>(&self, parameters: P)",
        "pub fn clean_with(&self, dark: &Signal, parameters: One) -> Result<Signal>",
        "self.apply_with(&[dark], &parameters)",
        "/// - `dark`: Subtracted.",
        "`scan.clean_with(&dark, One::default())?`",
    ] {
        assert!(source.contains(line), "{line} is missing in\n{source}");
    }
    let source = interpreter_source(&operations);
    assert!(
        source.contains("One: clean(), clean_with(dark) {"),
        "{source}"
    );
}

#[test]
fn what_cannot_be_left_out_is_an_argument_of_the_plain_method() {
    const fn input(name: &'static str, required: bool) -> FurtherInput {
        FurtherInput {
            name,
            help: "Compared.",
            required,
        }
    }
    const BOTH: &[FurtherInput] = &[input("other", true), input("mask", false)];
    let width = || parameter("width", ParameterKind::Number, "f64", json!(1));
    let operations = [
        (info("one", "compare", "One"), vec![width()], BOTH),
        (info("two", "less", "Two"), Vec::new(), &BOTH[..1]),
    ];
    let source = cell_source(&operations);
    for line in [
        "pub fn compare(&self, other: &Signal, parameters: One)",
        "pub fn compare_with(&self, other: &Signal, mask: &Signal, parameters: One)",
        "pub fn less(&self, other: &Signal) -> Result<Signal>",
        "self.apply_with(&[other], &Two {})",
        "`scan.compare(&other, One::default())?`",
        "`scan.less(&other)?`",
    ] {
        assert!(source.contains(line), "{line} is missing in\n{source}");
    }
    for method in ["compare", "less"] {
        for alone in [
            format!("{method}(&self, parameters"),
            format!("{method}(&self)"),
        ] {
            assert!(!source.contains(&alone), "{alone} in\n{source}");
        }
    }
    let source = interpreter_source(&operations);
    for line in [
        "One: compare(other), compare_with(other, mask) {",
        "Two: less(other) {}",
    ] {
        assert!(source.contains(line), "{line} is missing in\n{source}");
    }
}
