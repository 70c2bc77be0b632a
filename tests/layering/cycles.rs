//! Cycles of modules, found by Tarjan's algorithm for strongly connected components.

use std::collections::BTreeMap;

use crate::modules::{Module, Modules};

/// Returns each set of modules that reach each other through imports.
pub(crate) fn cycles(modules: &Modules) -> Vec<Vec<String>> {
    let imports: BTreeMap<_, Vec<_>> = modules
        .all()
        .map(|module| {
            let imported = modules.imports(module).map(Module::path);
            (module.path(), imported.collect())
        })
        .collect();
    let mut search = Search {
        imports: &imports,
        order: BTreeMap::new(),
        lowest: BTreeMap::new(),
        stack: Vec::new(),
        found: Vec::new(),
    };
    for module in imports.keys() {
        if !search.order.contains_key(module.as_str()) {
            search.visit(module);
        }
    }
    search.found
}

struct Search<'a> {
    imports: &'a BTreeMap<String, Vec<String>>,
    order: BTreeMap<&'a str, usize>,
    lowest: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    found: Vec<Vec<String>>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, module: &'a str) {
        let own = self.order.len();
        self.order.insert(module, own);
        self.lowest.insert(module, own);
        self.stack.push(module);
        for imported in &self.imports[module] {
            let reached = match self.order.get(imported.as_str()) {
                None => {
                    self.visit(imported);
                    self.lowest[imported.as_str()]
                }
                Some(order) if self.stack.contains(&imported.as_str()) => *order,
                Some(_) => continue,
            };
            let lowest = self.lowest[module].min(reached);
            self.lowest.insert(module, lowest);
        }
        if self.lowest[module] == own {
            self.pop(module);
        }
    }

    fn pop(&mut self, root: &str) {
        let first = self.stack.iter().position(|module| *module == root);
        let first = first.expect("a visited module is on the stack");
        let component = self.stack.split_off(first);
        if component.len() > 1 {
            self.found
                .push(component.into_iter().map(str::to_owned).collect());
        }
    }
}
