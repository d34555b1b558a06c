//! Prints `kernel/cell/src/generated.rs`: one parameter struct per operation of the registry, and the
//! methods of `Signal` that take them. With the argument `interpreter`:
//! `kernel/eval/src/direct/generated.rs`, the list of the same structs for cells that run without the
//! compiler. Run by `cargo xtask codegen`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use signal::{Category, FurtherInput, OperationInfo, ParameterInfo, ParameterKind, pascal_case};

/// What the registry says of one operation.
type Registered = (OperationInfo, Vec<ParameterInfo>, &'static [FurtherInput]);

fn main() -> std::io::Result<()> {
    let source = match std::env::args().nth(1).as_deref() {
        Some("interpreter") => interpreter_source(&registered()),
        _ => formatted(&cell_source(&registered()))?,
    };
    std::io::stdout().write_all(source.as_bytes())
}

fn registered() -> Vec<Registered> {
    ops::registry()
        .iter()
        .map(|entry| (entry.info(), entry.parameters(), entry.further_inputs()))
        .collect()
}

/// The list of structs, fields and choices, as the macro of the interpreter reads it.
fn interpreter_source(operations: &[Registered]) -> String {
    let mut out = String::from(
        "// Written by `cargo xtask codegen` from the registry of operations; do not edit.\n\n\
         super::parameters::operations! {\n    choices {\n",
    );
    let mut choices = BTreeSet::new();
    for parameter in operations.iter().flat_map(|(_, parameters, _)| parameters) {
        if let ParameterKind::Choice { choices: names } = &parameter.kind {
            let name = bare_type(parameter);
            if choices.insert(name) {
                let variants: Vec<String> = names.iter().map(|name| pascal_case(name)).collect();
                let _ = writeln!(out, "        {name} {{ {} }}", variants.join(", "));
            }
        }
    }
    out.push_str("    }\n");
    for (info, parameters, further) in operations {
        let methods: Vec<String> = (calls_of(info, further).into_iter())
            .map(|(name, further)| {
                let names: Vec<&str> = further.iter().map(|input| input.name).collect();
                format!("{name}({})", names.join(", "))
            })
            .collect();
        let _ = write!(
            out,
            "\n    {}: {} {{",
            info.parameters_type,
            methods.join(", ")
        );
        for (index, parameter) in parameters.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let _ = write!(
                out,
                "{comma}\n        {}: {}",
                parameter.name, parameter.rust_type
            );
        }
        out.push_str(if parameters.is_empty() {
            "}\n"
        } else {
            "\n    }\n"
        });
    }
    out.push_str("}\n");
    out
}

/// The source as rustfmt lays it out.
fn formatted(source: &str) -> std::io::Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // Taken, so that it is closed: rustfmt reads to the end before it writes.
    if let Some(mut stdin) = rustfmt.stdin.take() {
        stdin.write_all(source.as_bytes())?;
    }
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        return Err(std::io::Error::other(
            "rustfmt refused the generated source",
        ));
    }
    String::from_utf8(output.stdout).map_err(std::io::Error::other)
}

/// The source text for these operations, in the order of the registry.
fn cell_source(operations: &[Registered]) -> String {
    let mut out = String::from(
        "// Written by `cargo xtask codegen` from the registry of operations; do not edit.\n\n\
         use crate::error::Result;\n\
         use crate::json::{ToJson, quoted};\n\
         use crate::operation::Operation;\n\
         use crate::region::Region;\n\
         use crate::signal::Signal;\n",
    );
    let mut choices = BTreeSet::new();
    for (info, parameters, _) in operations {
        for parameter in parameters {
            if let ParameterKind::Choice { choices: names } = &parameter.kind {
                let name = bare_type(parameter);
                if choices.insert(name.to_owned()) {
                    choice(&mut out, name, names, parameter);
                }
            }
        }
        parameter_struct(&mut out, info, parameters);
    }
    methods(&mut out, operations);
    if choices.is_empty() {
        out = out.replace("{ToJson, quoted}", "ToJson");
    }
    if !out.contains("Region>") && !out.contains("Region,") {
        out = out.replace("use crate::region::Region;\n", "");
    }
    out
}

fn bare_type(parameter: &ParameterInfo) -> &str {
    parameter
        .rust_type
        .strip_prefix("Option<")
        .and_then(|inner| inner.strip_suffix('>'))
        .unwrap_or(&parameter.rust_type)
}

fn doc(out: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{}", format!("{indent}/// {line}").trim_end());
    }
}

fn choice(out: &mut String, name: &str, names: &[String], parameter: &ParameterInfo) {
    out.push('\n');
    doc(out, "", &parameter.help);
    let _ = writeln!(
        out,
        "#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum {name} {{"
    );
    for choice in names {
        let _ = writeln!(out, "    {},", pascal_case(choice));
    }
    let _ = writeln!(out, "}}\n\nimpl ToJson for {name} {{");
    let _ = writeln!(
        out,
        "    fn to_json(&self) -> String {{\n        quoted(match self {{"
    );
    for choice in names {
        let _ = writeln!(
            out,
            "            {name}::{} => \"{choice}\",",
            pascal_case(choice)
        );
    }
    out.push_str("        })\n    }\n}\n");
}

fn parameter_struct(out: &mut String, info: &OperationInfo, parameters: &[ParameterInfo]) {
    let name = info.parameters_type;
    out.push('\n');
    doc(out, "", &format!("{}: {}", info.title, info.summary));
    if !info.reference.is_empty() {
        doc(out, "", &format!("\n{}", info.reference));
    }
    out.push_str("#[derive(Clone, Debug, PartialEq)]\n");
    if parameters.is_empty() {
        let _ = writeln!(out, "pub struct {name} {{}}");
    } else {
        let _ = writeln!(out, "pub struct {name} {{");
        for parameter in parameters {
            doc(out, "    ", &field_doc(parameter));
            let _ = writeln!(out, "    pub {}: {},", parameter.name, parameter.rust_type);
        }
        out.push_str("}\n");
    }

    let _ = writeln!(
        out,
        "\nimpl Default for {name} {{\n    fn default() -> Self {{"
    );
    if parameters.is_empty() {
        let _ = writeln!(out, "        {name} {{}}");
    } else {
        let _ = writeln!(out, "        {name} {{");
        for parameter in parameters {
            let default = parameter.literal(&parameter.default);
            let _ = writeln!(out, "            {}: {default},", parameter.name);
        }
        out.push_str("        }\n");
    }
    out.push_str("    }\n}\n");

    let _ = writeln!(out, "\nimpl Operation for {name} {{");
    let _ = writeln!(out, "    const NAME: &'static str = \"{}\";\n", info.name);
    about(out, parameters);
    out.push_str("    fn fields(&self) -> Vec<(&'static str, String)> {\n");
    match parameters {
        [] => out.push_str("        Vec::new()\n"),
        [one] => {
            let _ = writeln!(out, "        vec![(\"{0}\", self.{0}.to_json())]", one.name);
        }
        many => {
            out.push_str("        vec![\n");
            for parameter in many {
                let _ = writeln!(
                    out,
                    "            (\"{0}\", self.{0}.to_json()),",
                    parameter.name
                );
            }
            out.push_str("        ]\n");
        }
    }
    out.push_str("    }\n}\n");
}

/// Units, allowed values and meaning of each field, for the table a notebook shows.
fn about(out: &mut String, parameters: &[ParameterInfo]) {
    if parameters.is_empty() {
        return;
    }
    out.push_str("    const ABOUT: &'static [[&'static str; 3]] = &[\n");
    for parameter in parameters {
        let _ = writeln!(
            out,
            "        [{:?}, {:?}, {:?}],",
            parameter.units,
            parameter.allowed(),
            parameter.help
        );
    }
    out.push_str("    ];\n\n");
}

fn field_doc(parameter: &ParameterInfo) -> String {
    let mut text = parameter.help.clone();
    if !text.is_empty() && !text.ends_with('.') {
        text.push('.');
    }
    let allowed = parameter.allowed();
    if parameter.minimum.is_some() || parameter.optional {
        let _ = write!(text, " Allowed: {allowed}.");
    } else if !parameter.units.is_empty() {
        let _ = write!(text, " In {}.", parameter.units);
    }
    text.trim().to_owned()
}

/// A method of `Signal` with the operations that it takes the parameters of.
struct Method<'a> {
    name: String,
    /// The one with fewer further signals, if there is one.
    plain: Option<&'a str>,
    further: &'static [FurtherInput],
    operations: Vec<&'a OperationInfo>,
    takes: Takes<'a>,
}

/// What a method takes of parameters.
#[derive(Clone, Copy)]
enum Takes<'a> {
    /// The struct of its operation, or one of several.
    Struct,
    /// Its operation has none.
    Nothing,
    /// Its operation has one, which cannot be left out: the value itself, `model.reconstruct(5)`.
    Value(&'a ParameterInfo),
}

/// What the methods of an operation that shares them with no other take.
fn takes<'a>(parameters: &'a [ParameterInfo], further: &[FurtherInput]) -> Takes<'a> {
    match parameters {
        [] => Takes::Nothing,
        [one] if !one.optional && further.is_empty() => Takes::Value(one),
        _ => Takes::Struct,
    }
}

/// The methods of one operation with what each takes beside its signal: the plain one what cannot be left out, another one
/// all there is.
fn calls_of(
    info: &OperationInfo,
    further: &'static [FurtherInput],
) -> Vec<(String, &'static [FurtherInput])> {
    let required = further.iter().take_while(|input| input.required).count();
    let mut calls = vec![(info.method.to_owned(), &further[..required])];
    if required < further.len() {
        calls.push((format!("{}_with", info.method), further));
    }
    calls
}

/// Plain ones, then those that take what may be left out.
fn methods_of(operations: &[Registered]) -> Vec<Method<'_>> {
    let mut methods: Vec<Method<'_>> = Vec::new();
    for number in [0, 1] {
        for (info, parameters, further) in operations {
            let Some((name, further)) = calls_of(info, further).into_iter().nth(number) else {
                continue;
            };
            // A struct may be there to choose the operation.
            let shared = (operations.iter())
                .filter(|(other, ..)| other.method == info.method)
                .count();
            let takes = match (takes(parameters, further), shared) {
                (_, 2..) if further.is_empty() => Takes::Struct,
                (takes, _) => takes,
            };
            match methods.iter_mut().find(|method| method.name == name) {
                Some(method) => {
                    let names = |inputs: &[FurtherInput]| -> Vec<&str> {
                        inputs.iter().map(|input| input.name).collect()
                    };
                    assert_eq!(names(method.further), names(further), "inputs of `{name}`");
                    let told = [method.takes, takes];
                    assert!(
                        told.iter().all(|takes| matches!(takes, Takes::Struct)),
                        "`{name}` cannot tell its operations apart"
                    );
                    method.operations.push(info);
                }
                None => methods.push(Method {
                    name,
                    plain: (number > 0).then_some(info.method),
                    further,
                    operations: vec![info],
                    takes,
                }),
            }
        }
    }
    methods
}

fn methods(out: &mut String, operations: &[Registered]) {
    let methods = methods_of(operations);
    out.push_str("\n/// Which parameters each method of [`Signal`] takes.\npub mod method {\n");
    let mut first = true;
    for Method {
        name, operations, ..
    } in methods.iter().filter(|method| method.operations.len() > 1)
    {
        let structs: Vec<&str> = operations.iter().map(|info| info.parameters_type).collect();
        if !first {
            out.push('\n');
        }
        first = false;
        let _ = writeln!(
            out,
            "    /// Parameters of [`Signal::{name}`](super::Signal::{name}).\n    \
             #[diagnostic::on_unimplemented(\n        \
             message = \"`{name}` does not take `{{Self}}`\",\n        \
             label = \"not parameters of `{name}`\",\n        \
             note = \"it takes {}\"\n    )]\n    \
             pub trait {}: super::Operation {{}}",
            structs.join(", "),
            pascal_case(name)
        );
        for parameters in structs {
            let _ = writeln!(
                out,
                "    impl {} for super::{parameters} {{}}",
                pascal_case(name)
            );
        }
    }
    out.push_str("}\n\nimpl Signal {\n");
    for (number, method) in methods.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        signal_method(out, method);
    }
    out.push_str("}\n");
}

fn signal_method(out: &mut String, method: &Method<'_>) {
    let Method {
        name,
        plain,
        further,
        operations,
        takes,
    } = method;
    for info in operations {
        let listed = match takes {
            Takes::Struct => format!("- [`{}`]: {}", info.parameters_type, info.summary),
            Takes::Nothing | Takes::Value(_) => info.summary.to_owned(),
        };
        doc(out, "    ", &listed);
    }
    if !further.is_empty() {
        let head = match plain {
            Some(plain) => format!("\nAs [`Signal::{plain}`], with"),
            None => "\nWith".to_owned(),
        };
        doc(out, "    ", &head);
        for input in *further {
            doc(out, "    ", &format!("- `{}`: {}", input.name, input.help));
        }
    }
    let example = operations[0].parameters_type;
    // A lattice is found in peaks.
    let receiver = match operations[0].category {
        _ if name == "strain_map" => "peaks",
        Category::Models if name != "decompose" => "model",
        _ => "scan",
    };
    let (generic, parameters) = match operations.len() {
        1 => (String::new(), example),
        _ => (format!("<P: method::{}>", pascal_case(name)), "P"),
    };
    let mut given: Vec<String> = further.iter().map(|i| format!("&{}", i.name)).collect();
    let mut taken: Vec<String> = (further.iter())
        .map(|input| format!("{}: &Signal", input.name))
        .collect();
    match takes {
        Takes::Struct => {
            given.push(format!("{example}::default()"));
            taken.push(format!("parameters: {parameters}"));
        }
        Takes::Nothing => {}
        Takes::Value(one) => {
            given.push(one.literal(&one.default));
            taken.push(format!("{}: {}", one.name, one.rust_type));
            doc(
                out,
                "    ",
                &format!("- `{}`: {}", one.name, field_doc(one)),
            );
        }
    }
    let (given, taken) = (given.join(", "), taken.join(", "));
    let unfit = match (further.is_empty(), matches!(takes, Takes::Struct)) {
        (true, false) if matches!(takes, Takes::Nothing) => {
            "The operation does not fit this signal."
        }
        (true, _) => "A parameter is out of range, or the operation does not fit this signal.",
        (false, true) => {
            "A parameter is out of range, or the operation does not fit these signals."
        }
        (false, false) => "The operation does not fit these signals.",
    };
    doc(
        out,
        "    ",
        &format!(
            "\nAdds a node and computes nothing: `{receiver}.{name}({given})?`.\n\n\
             # Errors\n{unfit}"
        ),
    );
    let _ = writeln!(
        out,
        "    pub fn {name}{generic}(&self, {taken}) -> Result<Signal> {{"
    );
    let parameters = match takes {
        Takes::Struct => "parameters".to_owned(),
        Takes::Nothing => format!("{example} {{}}"),
        Takes::Value(one) => format!("{example} {{ {} }}", one.name),
    };
    if further.is_empty() {
        let _ = writeln!(out, "        self.apply(&{parameters})\n    }}");
    } else {
        let names: Vec<&str> = further.iter().map(|input| input.name).collect();
        let _ = writeln!(
            out,
            "        self.apply_with(&[{}], &{parameters})\n    }}",
            names.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn info(
        name: &'static str,
        method: &'static str,
        parameters_type: &'static str,
    ) -> OperationInfo {
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

    fn parameter(
        name: &str,
        kind: ParameterKind,
        rust_type: &str,
        default: Value,
    ) -> ParameterInfo {
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
        let committed = include_str!("../../cell/src/generated.rs");
        assert!(
            formatted(&cell_source(&registered())).unwrap() == committed,
            "kernel/cell/src/generated.rs is out of date: run `cargo xtask codegen`"
        );
        let committed = include_str!("../../eval/src/direct/generated.rs");
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
}
