//! The API of the cell's crate, read from its own sources: names, signatures and documentation for
//! completion and inspection that need no compiler.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use syn::{Attribute, Expr, Fields, ImplItem, Item, Lit, Meta, Type, UseTree, Visibility};

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

#[derive(Default)]
pub(crate) struct Api {
    /// Types by name, with their members.
    pub(crate) types: BTreeMap<String, (Entry, Vec<Entry>)>,
    pub(crate) functions: Vec<Entry>,
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
        let mut names = imported(prelude);
        names.extend(public_types(generated));
        api.types.retain(|name, _| names.contains(name));
        api.functions.retain(|entry| names.contains(&entry.name));
        for (name, (_, members)) in &mut api.types {
            for field in members.iter_mut().filter(|entry| entry.kind == Kind::Field) {
                if let Some(value) = default_of(generated, name, &field.name) {
                    field.doc.push_str(&format!("\n\nDefault: `{value}`."));
                }
            }
        }
        api
    }

    pub(crate) fn members(&self, type_name: &str) -> &[Entry] {
        self.types
            .get(type_name)
            .map_or(&[], |(_, members)| members)
    }

    /// The type a function or method of this name returns, without `Result`.
    pub(crate) fn returned_type(&self, function: &str) -> Option<&str> {
        let methods = self.types.values().flat_map(|(_, members)| members);
        let entry = self
            .functions
            .iter()
            .chain(methods)
            .find(|entry| entry.name == function && entry.kind != Kind::Field)?;
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
                let fields = match &item.fields {
                    Fields::Named(fields) => fields
                        .named
                        .iter()
                        .filter(|field| public(&field.vis))
                        .filter_map(|field| {
                            let name = field.ident.as_ref()?.to_string();
                            Some(Entry {
                                signature: declaration(text, &format!("pub {name}:")),
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

/// Names in the `pub use` declarations of a file.
fn imported(text: &str) -> Vec<String> {
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
                Item::Use(item) if !hidden(&item.attrs) => collect(&item.tree, &mut names),
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
        assert_eq!(radius.signature, "radius: f64");
        assert!(radius.doc.contains("Allowed: "), "{}", radius.doc);
        assert!(radius.doc.contains("Default: `"), "{}", radius.doc);
    }

    #[test]
    fn chains_have_a_type() {
        assert_eq!(API.returned_type("open"), Some("Signal"));
        assert_eq!(API.returned_type("find_peaks"), Some("Signal"));
        assert_eq!(API.returned_type("frame"), Some("Frame"));
        assert_eq!(API.returned_type("save"), None);
    }
}
