//! The names in a cell: those it mentions, those its patterns bind, those its items define.

use std::collections::HashSet;

use syn::{Item, Pat, Stmt, UseTree};

use crate::tokens::{Step, rust_start, step};

/// Every word of the cell, those in the braces of format strings included: what it may refer to.
pub(crate) fn mentioned(code: &str) -> HashSet<&str> {
    let mut words = HashSet::new();
    let mut at = rust_start(code);
    while at < code.len() {
        match step(code, at) {
            Step::Unfinished => {
                words.extend(in_braces(&code[at..]));
                break;
            }
            Step::Skip(end) => {
                words.extend(in_braces(&code[at..end]));
                at = end;
            }
            Step::Word(end) => {
                words.insert(&code[at..end]);
                at = end;
            }
            Step::Byte(_) => at += 1,
        }
    }
    words
}

/// Names in `{name}` and `{value:width$}` of a literal; too many do no harm.
fn in_braces(literal: &str) -> impl Iterator<Item = &str> {
    literal.split('{').skip(1).flat_map(|after| {
        let inside = &after[..after.find('}').unwrap_or(after.len())];
        inside
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .filter(|word| !word.is_empty())
    })
}

/// What a cell defines at its top level.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Defined {
    /// Bound by the patterns of `let`.
    pub(crate) bound: Vec<String>,
    /// Items and imports: they may hide names of the prelude.
    pub(crate) items: Vec<String>,
}

/// Empty for a cell that does not parse: it does not compile either.
pub(crate) fn defined(code: &str) -> Defined {
    let mut defined = Defined::default();
    let rust = &code[rust_start(code)..];
    let parsed = syn::parse::Parser::parse_str(syn::Block::parse_within, rust);
    for statement in parsed.into_iter().flatten() {
        match statement {
            Stmt::Local(local) => bound(&local.pat, &mut defined.bound),
            Stmt::Item(item) => item_names(&item, &mut defined.items),
            // `macro_rules! name { … }` with braces.
            Stmt::Macro(call) => defined
                .items
                .extend(call.mac.path.get_ident().and_then(|_| {
                    let name = call.mac.tokens.clone().into_iter().next()?;
                    call.mac
                        .path
                        .is_ident("macro_rules")
                        .then(|| name.to_string())
                })),
            Stmt::Expr(..) => {}
        }
    }
    defined
}

fn bound(pattern: &Pat, names: &mut Vec<String>) {
    let mut all = |patterns: &mut dyn Iterator<Item = &Pat>| {
        patterns.for_each(|pattern| bound(pattern, names));
    };
    match pattern {
        Pat::Ident(found) => {
            names.push(found.ident.to_string().trim_start_matches("r#").to_owned());
            if let Some((_, inner)) = &found.subpat {
                bound(inner, names);
            }
        }
        Pat::Or(found) => all(&mut found.cases.iter()),
        Pat::Paren(found) => bound(&found.pat, names),
        Pat::Reference(found) => bound(&found.pat, names),
        Pat::Slice(found) => all(&mut found.elems.iter()),
        Pat::Struct(found) => all(&mut found.fields.iter().map(|field| &*field.pat)),
        Pat::Tuple(found) => all(&mut found.elems.iter()),
        Pat::TupleStruct(found) => all(&mut found.elems.iter()),
        Pat::Type(found) => bound(&found.pat, names),
        _ => {}
    }
}

fn item_names(item: &Item, names: &mut Vec<String>) {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::ExternCrate(item) => item.rename.as_ref().map_or(&item.ident, |(_, name)| name),
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => match &item.ident {
            Some(ident) => ident,
            None => return,
        },
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Use(item) => return imported(&item.tree, names),
        _ => return,
    };
    names.push(ident.to_string());
}

fn imported(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => imported(&path.tree, names),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| imported(tree, names)),
        // Names that come with a star are hidden by those of the prelude or clash with them.
        UseTree::Glob(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_format_strings_are_mentioned() {
        let words = mentioned(":dep other = \"1\"\nlet a = b.c(\"d {e:>f$} {{g}}\"); // h");
        for word in ["let", "a", "b", "c", "e", "f"] {
            assert!(words.contains(word), "{word} is missing in {words:?}");
        }
        assert!(
            !words.contains("d") && !words.contains("other"),
            "{words:?}"
        );
    }

    #[test]
    fn patterns_and_items_define_names() {
        let code = "use std::fmt::{self, Debug as D};\nlet (a, [b, ..]) = x; let Peak { ky, kx: c, .. } = p;\n\
                    fn open() {} struct S; macro_rules! m { () => {} }\nlet d @ Some(_) = e else { panic!() };";
        let defined = defined(code);
        assert_eq!(defined.bound, ["a", "b", "ky", "c", "d"]);
        assert_eq!(defined.items, ["self", "D", "open", "S", "m"]);
    }
}
