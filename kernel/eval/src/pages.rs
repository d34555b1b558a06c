//! What is said about a name when a person asks for it, `?find_peaks`: methods with what they take, structs with
//! their fields, operations by any of their names, commands, words of Rust.

mod words;

use crate::api::{API, Entry, Kind};
use crate::complete::Inspection;
use crate::help;
use crate::nearest::nearest_by;
use crate::repair::{self, kind_of};
use words::WORDS;

/// Explains one name; `None`: nothing is known about it.
pub(crate) fn page(name: &str) -> Option<Inspection> {
    let name = name.trim().trim_end_matches(['(', ')', '!', ';']).trim();
    if name.is_empty() {
        return None;
    }
    if let Some((owner, member)) = name.rsplit_once("::").or_else(|| name.rsplit_once('.')) {
        let owner = owner.rsplit("::").next().unwrap_or(owner);
        let found = API.members(owner).iter().find(|entry| entry.name == member);
        return found.map(of_entry);
    }
    if let Some(entry) = API.functions.iter().find(|entry| entry.name == name) {
        return Some(of_entry(entry));
    }
    if let Some((entry, _)) = API.types.get(name) {
        return Some(of_entry(entry));
    }
    if let Some((word, about, example)) = WORDS.iter().find(|(word, ..)| *word == name) {
        return Some(Page::new(word, about).example(example).finish());
    }
    let members = members(name);
    if !members.is_empty() {
        return Some(of_members(&members));
    }
    if let Some(found) = repair::operation(name) {
        return API
            .types
            .get(&found.parameters)
            .map(|(entry, _)| of_entry(entry));
    }
    let (code, meaning) = help::command(name)?;
    Some(Page::new(code, &format!("{meaning}.")).finish())
}

/// Names like one that nobody knows, the best first.
pub(crate) fn nearest_name(name: &str) -> Option<&'static str> {
    let name = name.rsplit(['.', ':']).next().unwrap_or(name);
    let types = API.types.values().map(|(entry, _)| entry);
    let members = API.types.values().flat_map(|(_, members)| members);
    let all = API.functions.iter().chain(types).chain(members);
    nearest_by(name, all, |entry| &entry.name).map(|entry| entry.name.as_str())
}

/// Methods, fields and variants of this name, with their types; those of `Signal` first.
fn members(name: &str) -> Vec<(&'static str, &'static Entry)> {
    let mut found: Vec<(&str, &Entry)> = API
        .types
        .iter()
        .flat_map(|(owner, (_, members))| members.iter().map(move |entry| (owner.as_str(), entry)))
        .filter(|(_, entry)| entry.name == name)
        .collect();
    found.sort_by_key(|(owner, entry)| (*owner != "Signal", entry.kind != Kind::Method, *owner));
    found
}

fn of_members(members: &[(&str, &'static Entry)]) -> Inspection {
    if let [(_, entry)] = members {
        return of_entry(entry);
    }
    let mut page: Option<Page> = None;
    for (owner, entry) in members {
        let one = about(entry, Some(owner));
        page = Some(match page {
            None => one,
            Some(before) => before.and(one),
        });
    }
    page.map(Page::finish)
        .unwrap_or_else(|| Page::new("", "").finish())
}

/// The page of an entry of the API.
pub(crate) fn of_entry(entry: &'static Entry) -> Inspection {
    about(entry, None).finish()
}

fn about(entry: &'static Entry, owner: Option<&str>) -> Page {
    let takes = match entry.kind {
        Kind::Method => API.parameters_of(&entry.name),
        _ => Vec::new(),
    };
    let owner = owner.map_or_else(|| owner_of(entry), |owner| Some(owner.to_owned()));
    let signature = signature(entry, owner.as_deref(), &takes);
    if !takes.is_empty() {
        // What the documentation lists is told below, with its fields.
        let rest: Vec<&str> = entry
            .doc
            .lines()
            .filter(|line| !line.starts_with("- [`"))
            .collect();
        let mut page = Page::new(&signature, rest.join("\n").trim());
        for name in takes {
            page = page.parameters(name, &entry.name);
        }
        return page;
    }
    let page = Page::new(&signature, &entry.doc);
    // `open_with(path, options: Open)`: what can be said in it.
    let options = API
        .types
        .keys()
        .find(|name| API.has_default(name) && entry.signature.contains(&format!(": {name})")));
    match entry.kind {
        Kind::Method | Kind::Function if options.is_some() => {
            page.members(options.map_or("", String::as_str))
        }
        Kind::Type => {
            let operation = API
                .operations
                .iter()
                .find(|found| found.parameters == entry.name);
            let page = page.members(&entry.name);
            match operation {
                Some(found) => page.example(&example(&found.method, &entry.name)),
                None => page,
            }
        }
        _ => page,
    }
}

/// The type that has the very entry.
fn owner_of(entry: &Entry) -> Option<String> {
    let found = API
        .types
        .iter()
        .find(|(_, (_, members))| members.iter().any(|member| std::ptr::eq(member, entry)));
    found.map(|(owner, _)| owner.clone())
}

/// `Signal::find_peaks(parameters) -> Result<Signal>`.
fn signature(entry: &Entry, owner: Option<&str>, takes: &[&str]) -> String {
    match (entry.kind, owner) {
        (Kind::Method, Some(owner)) if !takes.is_empty() => {
            let further: String = (API.further_of(&entry.name).iter())
                .map(|name| format!("{name}: &Signal, "))
                .collect();
            format!(
                "fn {owner}::{}(&self, {further}parameters: {}) -> Result<Signal>",
                entry.name,
                takes.join(" | ")
            )
        }
        (Kind::Method | Kind::Function, Some(owner)) => {
            entry
                .signature
                .replacen(&entry.name, &format!("{owner}::{}", entry.name), 1)
        }
        (Kind::Field, Some(owner)) => format!("{owner} {{ {} }}", entry.signature),
        _ => entry.signature.clone(),
    }
}

/// A call that runs: with the field people change first, if there is one.
fn example(method: &str, parameters: &str) -> String {
    // What is measured when it is left out is better left out.
    let measured =
        (API.fields(parameters).next()).is_some_and(|field| kind_of(field) == "Option<f64>");
    let field = API
        .fields(parameters)
        .filter(|_| !measured)
        .find_map(|field| {
            let plain = matches!(kind_of(field), "f64" | "usize");
            let (_, rest) = field.doc.rsplit_once("Default: `").filter(|_| plain)?;
            Some(format!("{}: {}", field.name, rest.strip_suffix("`.")?))
        });
    // A lattice is found in peaks.
    let receiver = if method == "strain_map" {
        "peaks"
    } else {
        "scan"
    };
    let parameters = match field {
        Some(field) => format!("{parameters} {{ {field}, ..default() }}"),
        None => format!("{parameters}::default()"),
    };
    format!("{receiver}.{}?", API.call(method, &parameters))
}

/// A page as text and as Markdown.
struct Page {
    plain: String,
    markdown: String,
}

impl Page {
    fn new(signature: &str, doc: &str) -> Self {
        Page {
            plain: format!("{signature}\n\n{doc}"),
            markdown: format!("```rust\n{signature}\n```\n\n{doc}"),
        }
    }

    fn and(mut self, other: Page) -> Self {
        self.plain.push_str(&format!("\n\n{}", other.plain));
        self.markdown
            .push_str(&format!("\n\n---\n\n{}", other.markdown));
        self
    }

    fn example(mut self, code: &str) -> Self {
        self.plain.push_str(&format!("\n\nExample: {code}"));
        self.markdown.push_str(&format!("\n\n```rust\n{code}\n```"));
        self
    }

    /// Fields and choices of a type, then the names of its methods.
    fn members(mut self, owner: &str) -> Self {
        let members = API.members(owner);
        for member in members {
            match member.kind {
                Kind::Field => self.item(&member.signature, &member.doc),
                Kind::Variant => self.item(&member.signature, &member.doc),
                _ => {}
            }
        }
        let methods: Vec<&str> = members
            .iter()
            .filter(|member| matches!(member.kind, Kind::Method | Kind::Function))
            .map(|member| member.name.as_str())
            .collect();
        if !methods.is_empty() {
            let names = methods.join(", ");
            self.plain.push_str(&format!("\n\nMethods: {names}"));
            self.markdown
                .push_str(&format!("\n\nMethods: `{}`", methods.join("`, `")));
        }
        self
    }

    /// One struct that a method takes.
    fn parameters(mut self, name: &str, method: &str) -> Self {
        let about = API.types.get(name).map_or("", |(entry, _)| {
            entry.doc.lines().next().unwrap_or_default()
        });
        self.plain.push_str(&format!("\n\n{name} - {about}"));
        self.markdown
            .push_str(&format!("\n\n**{name}**: {about}\n"));
        for field in API.fields(name) {
            self.item(&field.signature, &field.doc);
        }
        self.example(&example(method, name))
    }

    fn item(&mut self, signature: &str, doc: &str) {
        let about = doc.replace("\n\n", " ").replace('\n', " ");
        let colon = if about.is_empty() { "" } else { ": " };
        self.plain
            .push_str(&format!("\n  {signature}{colon}{about}"));
        self.markdown
            .push_str(&format!("\n- `{signature}`{colon}{about}"));
    }

    fn finish(self) -> Inspection {
        Inspection {
            plain: self.plain.trim_end().to_owned(),
            markdown: Some(self.markdown),
            html: None,
        }
    }
}

/// Examples of all pages, for the test that runs them.
#[doc(hidden)]
pub fn examples() -> Vec<String> {
    let operations = API
        .operations
        .iter()
        .map(|found| example(&found.method, &found.parameters));
    let methods = (API.members("Signal").iter()).filter_map(|entry| {
        let takes = API.parameters_of(&entry.name);
        let with_further = !API.further_of(&entry.name).is_empty();
        with_further.then(|| example(&entry.name, takes[0]))
    });
    let words = WORDS.iter().map(|(_, _, example)| (*example).to_owned());
    operations.chain(methods).chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_a_person_can_type_has_its_page() {
        let mut missing = Vec::new();
        let mut ask = |name: &str, part: &str| match page(name) {
            Some(found) if found.plain.contains(part) => {}
            Some(found) => missing.push(format!("{name} lacks {part:?}:\n{}", found.plain)),
            None => missing.push(format!("{name} has no page")),
        };
        for entry in &API.functions {
            ask(&entry.name, &entry.name);
        }
        for (name, (_, members)) in &API.types {
            ask(name, name);
            for member in members {
                ask(&member.name, &member.name);
                ask(&format!("{name}::{}", member.name), &member.name);
                ask(&format!("{name}.{}", member.name), &member.name);
            }
        }
        for operation in &API.operations {
            ask(&operation.name, &operation.parameters);
            ask(&operation.title, &operation.parameters);
        }
        for (code, meaning) in help::lines().filter(|(code, _)| code.starts_with(':')) {
            let name = code.split(' ').next().unwrap_or(code);
            ask(name, meaning);
            ask(&name[1..], "");
        }
        for (word, about, _) in WORDS {
            // Some are ours as well.
            if !API.types.contains_key(*word) {
                ask(word, about);
            }
        }
        ask("println!", "Prints a line");
        ask("find_peaks(", "NormalizedCorrelation");
        assert!(missing.is_empty(), "{}", missing.join("\n"));
        assert!(page("nothing_of_the_kind").is_none() && page("").is_none());
        assert_eq!(nearest_name("fnd_peaks"), Some("find_peaks"));
    }

    #[test]
    fn a_method_tells_everything_it_takes() {
        let found = page("find_peaks").unwrap().plain;
        for part in [
            "Signal::find_peaks(&self, parameters: NormalizedCorrelation | DifferenceOfGaussiansPeaks | LocalMaximum)",
            "Find disks (matched filter): Finds disks of one shape",
            "radius: Option<f64>: About how large the disks are. Left out: measured.",
            "Default: `None`",
            "Example: scan.find_peaks(NormalizedCorrelation::default())?",
            "LocalMaximum - ",
        ] {
            assert!(found.contains(part), "{part} is missing in\n{found}");
        }
        let found = page("find_peaks_with").unwrap().plain;
        for part in [
            "Signal::find_peaks_with(&self, vacuum: &Signal, parameters: NormalizedCorrelation) -> Result<Signal>",
            "- `vacuum`: A scan without specimen",
            "Example: scan.find_peaks_with(&vacuum, NormalizedCorrelation::default())?",
        ] {
            assert!(found.contains(part), "{part} is missing in\n{found}");
        }
        assert!(
            !found.contains("find_peaks_with(NormalizedCorrelation"),
            "{found}"
        );
        let found = page("radius").unwrap().plain;
        assert!(
            found.contains("Disk { radius: f64 }")
                && found.contains("CenterOfMass { radius: Option<f64> }"),
            "{found}"
        );
        let found = page("open_with").unwrap().plain;
        for field in API.fields("Open") {
            assert!(found.contains(&field.signature), "{found}");
        }
        assert!(
            found.contains("signal_axes: usize: Number of signal axes"),
            "{found}"
        );
        let found = page("shape").unwrap().plain;
        assert!(
            found.starts_with("fn Signal::shape(&self)") && found.contains("fn Frame::shape("),
            "{found}"
        );
    }
}
