//! The methods of `Signal` that take the structs.

use std::fmt::Write as _;

use signal::{Category, FurtherInput, OperationInfo, ParameterInfo, pascal_case};

use super::structs::field_doc;
use super::{Registered, doc};

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
pub fn calls_of(
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

pub fn methods(out: &mut String, operations: &[Registered]) {
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
