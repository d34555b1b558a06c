//! The structs, fields and choices for cells that run without the compiler.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use signal::{ParameterKind, pascal_case};

use super::methods::calls_of;
use super::{Registered, bare_type};

/// The list of structs, fields and choices, as the macro of the interpreter reads it.
pub fn interpreter_source(operations: &[Registered]) -> String {
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
