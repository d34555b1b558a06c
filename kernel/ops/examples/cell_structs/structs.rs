//! The parameter struct of an operation, and the enums of its choices.

use std::fmt::Write as _;

use signal::{OperationInfo, ParameterInfo, pascal_case};

use super::doc;

pub fn choice(out: &mut String, name: &str, names: &[String], parameter: &ParameterInfo) {
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

pub fn parameter_struct(out: &mut String, info: &OperationInfo, parameters: &[ParameterInfo]) {
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

pub fn field_doc(parameter: &ParameterInfo) -> String {
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
