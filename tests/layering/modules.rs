//! The modules of `src/` as their declarations name them, without those that exist only for tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item};

use crate::imports;

/// A file of `src/` and its place in the module tree.
pub(crate) struct Module {
    segments: Vec<String>,
    syntax: syn::File,
}

/// All modules by path.
pub(crate) struct Modules(BTreeMap<Vec<String>, Module>);

/// Returns the folder that holds the sources.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

impl Modules {
    /// Reads every module that `lib.rs` declares, directly or through others.
    pub(crate) fn read() -> Self {
        let mut modules = Self(BTreeMap::new());
        let library = parse(&root().join("lib.rs"));
        modules.read_children(&library, &root(), &[]);
        assert!(modules.0.len() > 100, "the sources were not found");
        modules
    }

    fn read_children(&mut self, parent: &syn::File, folder: &Path, path: &[String]) {
        for name in declared(parent) {
            let segments = [path, std::slice::from_ref(&name)].concat();
            let inner = folder.join(&name);
            let own = inner.join("mod.rs");
            let file = if own.exists() {
                own
            } else {
                inner.with_extension("rs")
            };
            let syntax = parse(&file);
            self.read_children(&syntax, &inner, &segments);
            self.0.insert(segments.clone(), Module { segments, syntax });
        }
    }

    /// Returns all modules, ordered by path.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Module> {
        self.0.values()
    }

    /// Returns the other modules that a module names outside its tests.
    pub(crate) fn imports<'a>(&'a self, module: &'a Module) -> impl Iterator<Item = &'a Module> {
        let children = |name: &str| {
            let child = [&module.segments[..], &[name.to_owned()]].concat();
            self.0.contains_key(&child)
        };
        let paths = imports::paths(&module.syntax, &module.segments, &children);
        let modules = paths.into_iter().filter_map(|path| self.holder_of(&path));
        modules.filter(|other| other.segments != module.segments)
    }

    /// Returns the innermost module that a path leads into.
    fn holder_of(&self, path: &[String]) -> Option<&Module> {
        (1..=path.len())
            .rev()
            .find_map(|length| self.0.get(&path[..length]))
    }
}

impl Module {
    /// Returns the path below the crate, such as `net::listener`.
    pub(crate) fn path(&self) -> String {
        self.segments.join("::")
    }

    /// Returns the folder of `src/` that holds the module.
    pub(crate) fn folder(&self) -> &str {
        &self.segments[0]
    }
}

/// Returns whether an item exists only in tests.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|argument| argument == "test")
    })
}

/// Returns the names of the modules that a file declares and does not contain.
fn declared(file: &syn::File) -> Vec<String> {
    let declared = file.items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() && !is_for_tests(&module.attrs) => {
            Some(module.ident.to_string())
        }
        _ => None,
    });
    declared.collect()
}

fn parse(file: &Path) -> syn::File {
    let text = fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
