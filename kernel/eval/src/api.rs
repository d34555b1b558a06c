//! The API of the cell's crate, read from its own sources: names, signatures and documentation for
//! completion and inspection that need no compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use syn::{Attribute, Expr, Fields, ImplItem, Item, Lit, Meta, Type, UseTree, Visibility};

use crate::text::{in_brackets, items};
use crate::user_crate::SOURCES;

/// The API, parsed at first use.
pub(crate) static API: LazyLock<Api> = LazyLock::new(Api::read);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    Method,
    Field,
    Type,
    Variant,
}

impl Kind {
    /// Jupyter's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Function => "function",
            Kind::Method => "method",
            Kind::Field => "property",
            Kind::Type => "class",
            Kind::Variant => "enum",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// As in the source: `fn save(&self, path: impl AsRef<Path>) -> Result<()>`, `radius: f64`.
    pub(crate) signature: String,
    pub(crate) doc: String,
}

/// An operation as a person may call it: by the title of the menu, the name on the wire, or its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// `mean_pattern`.
    pub(crate) name: String,
    /// `Mean pattern`.
    pub(crate) title: String,
    /// `MeanPattern`.
    pub(crate) parameters: String,
    /// `pattern`.
    pub(crate) method: String,
}

impl Operation {
    /// The call with all defaults, without its receiver: `pattern(MeanPattern::default())?`.
    pub(crate) fn call(&self) -> String {
        let parameters = format!("{}::default()", self.parameters);
        format!("{}?", API.call(&self.method, &parameters))
    }
}

#[derive(Default)]
pub(crate) struct Api {
    /// Types by name, with their members.
    pub(crate) types: BTreeMap<String, (Entry, Vec<Entry>)>,
    pub(crate) functions: Vec<Entry>,
    /// In the order of the menu.
    pub(crate) operations: Vec<Operation>,
    /// Types that `..default()` completes.
    with_default: BTreeSet<String>,
    /// Names of the prelude that are not for people.
    hidden: Vec<String>,
}

impl Api {
    fn read() -> Api {
        let mut api = Api::default();
        for (name, text) in SOURCES {
            match syn::parse_file(text) {
                Ok(file) => file.items.iter().for_each(|item| api.add(item, text)),
                Err(error) => {
                    tracing::error!(name, %error, "a source of the cell's crate is broken")
                }
            }
        }
        let prelude = SOURCES.iter().find(|(name, _)| *name == "prelude.rs");
        let generated = SOURCES.iter().find(|(name, _)| *name == "generated.rs");
        let (Some((_, prelude)), Some((_, generated))) = (prelude, generated) else {
            return api;
        };
        let mut names = imported(prelude, false);
        names.extend(public_types(generated));
        api.hidden = imported(prelude, true);
        api.types.retain(|name, _| names.contains(name));
        api.functions.retain(|entry| names.contains(&entry.name));
        for (name, (_, members)) in &mut api.types {
            for field in members.iter_mut().filter(|entry| entry.kind == Kind::Field) {
                if let Some(value) = default_of(generated, name, &field.name) {
                    field.doc.push_str(&format!("\n\nDefault: `{value}`."));
                }
            }
        }
        api.operations = api.read_operations(generated);
        api
    }

    fn read_operations(&self, generated: &str) -> Vec<Operation> {
        let methods: Vec<&str> = (self.members("Signal").iter())
            .map(|entry| entry.name.as_str())
            .collect();
        let with_parameters = |parameters: &str| {
            (methods.iter()).find(|method| self.parameters_of(method).contains(&parameters))
        };
        let mut found = Vec::new();
        for (owner, name) in wire_names(generated) {
            let Some((entry, _)) = self.types.get(&owner) else {
                continue;
            };
            let title = entry.doc.split(": ").next().unwrap_or_default();
            if let Some(method) = with_parameters(&owner) {
                found.push(Operation {
                    name,
                    title: title.to_owned(),
                    method: (*method).to_owned(),
                    parameters: owner,
                });
            }
        }
        found
    }

    /// The parameter structs that a method of `Signal` takes, as its documentation lists them.
    pub(crate) fn parameters_of(&self, method: &str) -> Vec<&str> {
        let entry = (self.members("Signal").iter()).find(|entry| entry.name == method);
        entry.map_or_else(Vec::new, |entry| {
            (entry.doc.lines())
                .filter_map(|line| line.strip_prefix("- [`")?.split('`').next())
                .collect()
        })
    }

    /// The signals that a method of `Signal` takes before its parameters, as it names them.
    pub(crate) fn further_of(&self, method: &str) -> Vec<&str> {
        let entry = (self.members("Signal").iter()).find(|entry| entry.name == method);
        let Some(entry) = entry.filter(|_| !self.parameters_of(method).is_empty()) else {
            return Vec::new();
        };
        let taken = (entry.signature.find('(')).and_then(|at| in_brackets(&entry.signature[at..]));
        (taken.map_or_else(Vec::new, items).into_iter())
            .filter_map(|taken| taken.strip_suffix(": &Signal"))
            .collect()
    }

    /// A call of a method of `Signal`, without its receiver: `find_peaks_with(&vacuum, parameters)`.
    pub(crate) fn call(&self, method: &str, parameters: &str) -> String {
        let further: String = (self.further_of(method).iter())
            .map(|name| format!("&{name}, "))
            .collect();
        format!("{method}({further}{parameters})")
    }

    /// Public fields of a struct, in order.
    pub(crate) fn fields(&self, type_name: &str) -> impl Iterator<Item = &Entry> {
        let members = self.members(type_name).iter();
        members.filter(|entry| entry.kind == Kind::Field)
    }

    pub(crate) fn has_default(&self, type_name: &str) -> bool {
        self.with_default.contains(type_name)
    }

    /// Names that the kernel needs in a cell and that no person does.
    pub(crate) fn is_internal(&self, name: &str) -> bool {
        const GENERATED: [&str; 4] = ["evcxr", "Evcxr", "EVCXR", "run_user_code"];
        const MODULES: [&str; 4] = ["hook", "abi", "bridge", "method"];
        name.starts_with("__")
            || GENERATED.iter().any(|start| name.starts_with(start))
            || MODULES.contains(&name)
            || self.hidden.iter().any(|hidden| hidden == name)
    }

    pub(crate) fn members(&self, type_name: &str) -> &[Entry] {
        self.types
            .get(type_name)
            .map_or(&[], |(_, members)| members)
    }

    /// The type a function returns, or a method of `owner` (of any type, if that is not known), without `Result`.
    pub(crate) fn returned_type(&self, owner: Option<&str>, function: &str) -> Option<&str> {
        let named = |entry: &&Entry| entry.name == function && entry.kind != Kind::Field;
        let entry = match owner {
            Some(owner) => self.members(owner).iter().find(named)?,
            None => {
                let methods = self.types.values().flat_map(|(_, members)| members);
                self.functions.iter().chain(methods).find(named)?
            }
        };
        let (_, returned) = entry.signature.split_once("-> ")?;
        let returned = returned.strip_prefix("Result<").unwrap_or(returned);
        let returned = returned
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?;
        self.types
            .get_key_value(returned)
            .map(|(name, _)| name.as_str())
    }

    fn add(&mut self, item: &Item, text: &str) {
        match item {
            Item::Struct(item) if public(&item.vis) => {
                if derives_default(&item.attrs) {
                    self.with_default.insert(item.ident.to_string());
                }
                let start = text.find(&format!("pub struct {} ", item.ident));
                let own = &text[start.unwrap_or(0)..];
                let fields = match &item.fields {
                    Fields::Named(fields) => fields
                        .named
                        .iter()
                        .filter(|field| public(&field.vis))
                        .filter_map(|field| {
                            let name = field.ident.as_ref()?.to_string();
                            Some(Entry {
                                signature: declaration(own, &format!("pub {name}:")),
                                name,
                                kind: Kind::Field,
                                doc: doc(&field.attrs),
                            })
                        })
                        .collect(),
                    _ => Vec::new(),
                };
                self.add_type(&item.ident.to_string(), "struct", doc(&item.attrs), fields);
            }
            Item::Enum(item) if public(&item.vis) => {
                let variants = item
                    .variants
                    .iter()
                    .map(|variant| Entry {
                        name: variant.ident.to_string(),
                        kind: Kind::Variant,
                        signature: format!("{}::{}", item.ident, variant.ident),
                        doc: doc(&variant.attrs),
                    })
                    .collect();
                self.add_type(&item.ident.to_string(), "enum", doc(&item.attrs), variants);
            }
            Item::Fn(item) if public(&item.vis) && !hidden(&item.attrs) => {
                let name = item.sig.ident.to_string();
                self.functions.push(Entry {
                    signature: declaration(text, &format!("pub fn {name}")),
                    name,
                    kind: Kind::Function,
                    doc: doc(&item.attrs),
                });
            }
            Item::Impl(item) if implements_default(item) => {
                self.with_default.extend(type_name(&item.self_ty));
            }
            Item::Impl(item) if item.trait_.is_none() => {
                let Some(owner) = type_name(&item.self_ty) else {
                    return;
                };
                let methods = item.items.iter().filter_map(|item| {
                    let ImplItem::Fn(item) = item else {
                        return None;
                    };
                    if !public(&item.vis) || hidden(&item.attrs) {
                        return None;
                    }
                    let name = item.sig.ident.to_string();
                    Some(Entry {
                        signature: declaration(text, &format!("pub fn {name}")),
                        kind: match item.sig.receiver() {
                            Some(_) => Kind::Method,
                            None => Kind::Function,
                        },
                        name,
                        doc: doc(&item.attrs),
                    })
                });
                let methods: Vec<Entry> = methods.collect();
                self.types
                    .entry(owner.clone())
                    .or_insert_with(|| (type_entry(&owner, "struct", String::new()), Vec::new()))
                    .1
                    .extend(methods);
            }
            _ => {}
        }
    }

    fn add_type(&mut self, name: &str, word: &str, doc: String, members: Vec<Entry>) {
        let slot = self
            .types
            .entry(name.to_owned())
            .or_insert_with(|| (type_entry(name, word, String::new()), Vec::new()));
        slot.0 = type_entry(name, word, doc);
        // Methods may have come first, from another file.
        slot.1.splice(0..0, members);
    }
}

fn type_entry(name: &str, word: &str, doc: String) -> Entry {
    Entry {
        name: name.into(),
        kind: Kind::Type,
        signature: format!("{word} {name}"),
        doc,
    }
}

fn public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, Meta::List(list)
            if list.path.is_ident("doc") && list.tokens.to_string() == "hidden")
    })
}

fn derives_default(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, Meta::List(list)
            if list.path.is_ident("derive") && list.tokens.to_string().contains("Default"))
    })
}

fn implements_default(item: &syn::ItemImpl) -> bool {
    let path = item.trait_.as_ref().map(|(_, path, _)| path);
    path.is_some_and(|path| path.is_ident("Default"))
}

fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => {
                        let text = text.value();
                        Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
        .collect();
    lines.join("\n")
}

fn type_name(self_type: &Type) -> Option<String> {
    match self_type {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// The declaration that begins with `start`, up to its body or comma, on one line.
fn declaration(text: &str, start: &str) -> String {
    let begins = text.match_indices(start).find(|(at, _)| {
        let next = text[at + start.len()..].chars().next();
        start.ends_with(':') || next.is_some_and(|next| matches!(next, '(' | '<'))
    });
    let Some((at, _)) = begins else {
        return start.trim_start_matches("pub ").to_owned();
    };
    let rest = &text[at..];
    let end = if start.ends_with(':') {
        rest.find(",\n")
    } else {
        rest.find(" {\n")
            .into_iter()
            .chain(rest.find("\n    where"))
            .min()
    };
    let declaration = rest[..end.unwrap_or(start.len())].trim_start_matches("pub ");
    declaration
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("( ", "(")
        .replace(", )", ")")
}

/// The value of a field in `impl Default for Type`, as the generator writes it.
fn default_of<'a>(text: &'a str, type_name: &str, field: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("impl Default for {type_name} {{"))?;
    let body = &after[..after.find("\n}")?];
    body.lines().find_map(|line| {
        let value = line.trim().strip_prefix(field)?.strip_prefix(": ")?;
        value.strip_suffix(',')
    })
}

/// Each parameter struct with the name of its operation on the wire, as the generator writes them.
fn wire_names(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split("\nimpl Operation for ")
        .skip(1)
        .filter_map(|after| {
            let (owner, rest) = after.split_once(" {")?;
            let (_, rest) = rest.split_once("const NAME: &'static str = \"")?;
            Some((owner.to_owned(), rest.split('"').next()?.to_owned()))
        })
}

/// Names in the `pub use` declarations of a file: those that are hidden, or the others.
fn imported(text: &str, of_hidden: bool) -> Vec<String> {
    fn collect(tree: &UseTree, names: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => collect(&path.tree, names),
            UseTree::Name(name) => names.push(name.ident.to_string()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, names)),
            UseTree::Rename(_) | UseTree::Glob(_) => {}
        }
    }
    let mut names = Vec::new();
    if let Ok(file) = syn::parse_file(text) {
        for item in &file.items {
            match item {
                Item::Use(item) if hidden(&item.attrs) == of_hidden => {
                    collect(&item.tree, &mut names);
                }
                _ => {}
            }
        }
    }
    names
}

fn public_types(text: &str) -> Vec<String> {
    let items = syn::parse_file(text).map_or_else(|_| Vec::new(), |file| file.items);
    items
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some(item.ident.to_string()),
            Item::Enum(item) => Some(item.ident.to_string()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_has_what_a_cell_uses() {
        let signal: Vec<&str> = API
            .members("Signal")
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        for method in [
            "subtract_background",
            "find_peaks",
            "strain_map",
            "map",
            "save",
            "shape",
        ] {
            assert!(
                signal.contains(&method),
                "{method} is missing in {signal:?}"
            );
        }
        assert!(API.functions.iter().any(|entry| entry.name == "open_with"));
        assert!(!API.functions.iter().any(|entry| entry.name == "warm"));
        let save = API
            .members("Signal")
            .iter()
            .find(|entry| entry.name == "save")
            .unwrap();
        assert_eq!(
            save.signature,
            "fn save(&self, path: impl AsRef<Path>) -> Result<()>"
        );
        assert!(save.doc.contains(".zspy"));
        let radius = API
            .members("NormalizedCorrelation")
            .iter()
            .find(|entry| entry.name == "radius");
        let radius = radius.unwrap();
        assert_eq!(radius.signature, "radius: Option<f64>");
        assert!(radius.doc.contains("Allowed: "), "{}", radius.doc);
        assert!(radius.doc.contains("Default: `"), "{}", radius.doc);
    }

    #[test]
    fn operations_have_their_titles_and_calls() {
        let mean = API
            .operations
            .iter()
            .find(|found| found.name == "mean_pattern");
        let mean = mean.unwrap();
        assert_eq!(mean.title, "Mean pattern");
        assert_eq!(mean.call(), "pattern(MeanPattern::default())?");
        assert_eq!(API.further_of("find_peaks_with"), ["vacuum"]);
        assert!(API.further_of("find_peaks").is_empty() && API.further_of("diff").is_empty());
        assert_eq!(
            API.call("find_peaks_with", "x"),
            "find_peaks_with(&vacuum, x)"
        );
        assert_eq!(API.operations.len(), 27);
        assert!(API.has_default("MeanPattern") && API.has_default("Open"));
        assert!(!API.has_default("Region") && !API.has_default("Signal"));
        assert!(API.is_internal("EvcxrDisplay") && API.is_internal("evcxr_variable_store"));
        assert!(!API.is_internal("Show") && !API.is_internal("open"));
    }

    #[test]
    fn chains_have_a_type() {
        assert_eq!(API.returned_type(None, "open"), Some("Signal"));
        assert_eq!(API.returned_type(None, "find_peaks"), Some("Signal"));
        assert_eq!(API.returned_type(Some("Signal"), "frame"), Some("Frame"));
        assert_eq!(API.returned_type(None, "save"), None);
    }
}
