//! No circle of imports crosses folders: what is in one can be read, moved and tested without those that use it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};
use syn::visit::{self, Visit};

type Module = Vec<String>;

/// Modules of a crate and the paths each of them names.
#[derive(Default)]
struct Crate {
    paths: BTreeMap<Module, BTreeSet<Module>>,
    /// Names that a module hands on, and where from.
    handed_on: BTreeMap<Module, Module>,
}

struct Paths<'a> {
    of: &'a Module,
    found: BTreeSet<Module>,
    handed_on: BTreeMap<Module, Module>,
}

fn is_of_tests(attributes: &[syn::Attribute]) -> bool {
    let is_test = |list: &syn::MetaList| list.tokens.to_string() == "test";
    (attributes.iter()).any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(is_test)
    })
}

/// The modules that an item declares, without those of tests: itself, or those in a list of operations.
fn declared(item: &syn::Item) -> Vec<String> {
    match item {
        syn::Item::Mod(child) if child.content.is_none() && !is_of_tests(&child.attrs) => {
            vec![child.ident.to_string()]
        }
        syn::Item::Macro(list) if list.mac.path.is_ident("operations") => {
            let tokens: Vec<String> = (list.mac.tokens.clone().into_iter())
                .map(|token| token.to_string())
                .collect();
            let modules = tokens.windows(2).filter(|pair| pair[0] == "mod");
            modules.map(|pair| pair[1].clone()).collect()
        }
        _ => Vec::new(),
    }
}

impl Paths<'_> {
    /// A path from the crate's root; `None` of one that begins elsewhere.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let ups = path.iter().take_while(|name| *name == "super").count();
        let base: &[String] = match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => return Some([self.of, &path[1..]].concat()),
            "super" => &self.of[..self.of.len().checked_sub(ups)?],
            _ => self.of,
        };
        Some([base, &path[ups..]].concat())
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree, is_public: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.tree(&before, &path.tree, is_public);
            }
            syn::UseTree::Group(group) => {
                (group.items.iter()).for_each(|tree| self.tree(before, tree, is_public));
            }
            syn::UseTree::Name(name) => {
                self.used(before, &name.ident, &name.ident, is_public);
            }
            syn::UseTree::Rename(rename) => {
                self.used(before, &rename.ident, &rename.rename, is_public);
            }
            syn::UseTree::Glob(_) => self.found.extend(self.absolute(before)),
        }
    }

    fn used(&mut self, before: &[String], name: &syn::Ident, called: &syn::Ident, is_public: bool) {
        let path = match name == "self" {
            true => before.to_vec(),
            false => [before, &[name.to_string()]].concat(),
        };
        let Some(path) = self.absolute(&path) else {
            return;
        };
        if is_public {
            let called = [self.of.as_slice(), &[called.to_string()]].concat();
            self.handed_on.insert(called, path.clone());
        } else {
            self.found.insert(path);
        }
    }
}

impl<'a> Visit<'a> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(&[], &item.tree, is_public);
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_of_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let names: Module = (path.segments.iter())
            .map(|segment| segment.ident.to_string())
            .collect();
        self.found.extend(self.absolute(&names));
        visit::visit_path(self, path);
    }
}

impl Crate {
    fn read(name: &str) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../kernel")
            .join(name)
            .join("src");
        let mut all = Crate::default();
        all.module(&root.join("lib.rs"), &root, Vec::new())?;
        Ok(all)
    }

    /// A module and those it declares, without those of tests.
    fn module(&mut self, file: &Path, folder: &Path, of: Module) -> Result<()> {
        let text = std::fs::read_to_string(file)?;
        let items = syn::parse_file(&text)?;
        for name in items.items.iter().flat_map(declared) {
            let below = folder.join(&name);
            let beside = folder.join(format!("{name}.rs"));
            let file = if beside.exists() {
                beside
            } else {
                below.join("mod.rs")
            };
            self.module(&file, &below, [of.as_slice(), &[name]].concat())?;
        }
        let mut paths = Paths {
            of: &of,
            found: BTreeSet::new(),
            handed_on: BTreeMap::new(),
        };
        paths.visit_file(&items);
        let Paths {
            found, handed_on, ..
        } = paths;
        self.handed_on.extend(handed_on);
        self.paths.insert(of, found);
        Ok(())
    }

    /// The module that a path leads to.
    fn module_of(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let handed_on = (1..=path.len())
                .find_map(|length| Some((length, self.handed_on.get(&path[..length])?)));
            match handed_on {
                Some((length, from)) => path = [from.as_slice(), &path[length..]].concat(),
                None => break,
            }
        }
        while !self.paths.contains_key(&path) {
            path.pop();
        }
        path
    }

    /// For each folder, which of what is in it names which other.
    fn siblings(&self) -> BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> {
        let mut siblings: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (of, paths) in &self.paths {
            for path in paths {
                let to = self.module_of(path);
                let common = of.iter().zip(&to).take_while(|(a, b)| a == b).count();
                // A module may name what is below it, and what is below it may name the module.
                if let (Some(from), Some(to)) = (of.get(common), to.get(common)) {
                    let folder = siblings.entry(of[..common].to_vec()).or_default();
                    folder.entry(from.clone()).or_default().insert(to.clone());
                }
            }
        }
        siblings
    }

    fn is_folder(&self, module: &[String]) -> bool {
        (self.paths.keys()).any(|other| other.len() > module.len() && other.starts_with(module))
    }
}

fn reached(graph: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(at) = open.pop() {
        for next in graph.get(&at).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

fn circles(name: &str) -> Result<Vec<String>> {
    let all = Crate::read(name)?;
    let mut circles = Vec::new();
    for (folder, graph) in all.siblings() {
        for from in graph.keys() {
            let reached = reached(&graph, from);
            let is_circle = reached.contains(from);
            if is_circle && all.is_folder(&[folder.as_slice(), std::slice::from_ref(from)].concat())
            {
                let back: Vec<&str> = (graph.iter())
                    .filter(|(other, next)| reached.contains(*other) && next.contains(from))
                    .map(|(other, _)| other.as_str())
                    .collect();
                let place = folder.join("::");
                circles.push(format!(
                    "{name} {place}: `{from}` is named by {back:?}, which it needs"
                ));
            }
        }
    }
    Ok(circles)
}

#[test]
fn no_circle_of_imports_crosses_folders() -> Result<()> {
    for name in ["io", "ops"] {
        let circles = circles(name)?;
        ensure!(circles.is_empty(), "{}", circles.join("\n"));
    }
    Ok(())
}
