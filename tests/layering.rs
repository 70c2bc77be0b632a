//! The layers of `src/`: a module imports only modules of lower layers, and no files import each
//! other in a cycle.

#![allow(missing_docs, reason = "tests")]

#[path = "layering/cycles.rs"]
mod cycles;
#[path = "layering/imports.rs"]
mod imports;
#[path = "layering/modules.rs"]
mod modules;

use std::collections::BTreeSet;

use cycles::cycles;
use modules::{Module, Modules};

/// The folders of `src/`, lowest layer first.
const LAYERS: [&str; 25] = [
    "runtime",
    "text",
    "secret",
    "outcome",
    "telemetry",
    "doctor",
    "sandbox",
    "net",
    "acme",
    "delivery",
    "rejected",
    "client",
    "destination",
    "inbox",
    "alarm",
    "endpoint",
    "profile",
    "proxy",
    "late",
    "admin",
    "server",
    "config",
    "cli",
    "demo",
    "commands",
];

#[test]
fn modules_import_only_lower_layers() {
    let modules = Modules::read();
    let mut violations = BTreeSet::new();
    for module in modules.all() {
        for imported in modules.imports(module) {
            if layer(imported) > layer(module) {
                violations.insert(format!("{} imports {}", module.path(), imported.path()));
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn files_form_no_cycle() {
    let modules = Modules::read();
    let cycles = cycles(&modules);
    assert!(cycles.is_empty(), "{cycles:#?}");
}

#[test]
fn only_the_crate_roots_lie_directly_in_src() {
    let mut direct: Vec<_> = std::fs::read_dir(modules::root())
        .expect("src can be read")
        .map(|entry| entry.expect("an entry of src").path())
        .filter(|path| path.is_file())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    direct.sort();
    assert_eq!(direct, ["lib.rs", "main.rs"]);
}

/// Returns the position of a module's folder in the table.
fn layer(module: &Module) -> usize {
    let folder = module.folder();
    LAYERS
        .iter()
        .position(|layer| *layer == folder)
        .unwrap_or_else(|| panic!("the folder {folder} is missing in LAYERS"))
}
