//! The documents list the layers of `src/` as `tests/layering.rs` states them.

use std::fs;

use super::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file")
}

/// Returns the table of `tests/layering.rs`, the lowest layer first.
fn layers() -> Vec<String> {
    let text = read("tests/layering.rs");
    let table = text.split_once("const LAYERS").expect("the table").1;
    let table = table.split_once("];").expect("its end").0;
    let names = table.split('"').skip(1).step_by(2);
    let layers: Vec<_> = names.map(str::to_owned).collect();
    assert!(layers.len() > 10, "{layers:?}");
    layers
}

#[test]
fn contributing_lists_the_layers_in_their_order() {
    let listed: Vec<_> = layers().iter().map(|layer| format!("`{layer}`")).collect();
    let text = read("CONTRIBUTING.md").replace('\n', " ");
    assert!(text.contains(&listed.join(", ")), "{listed:?}");
}

#[test]
fn the_architecture_has_a_row_for_each_layer_in_its_order() {
    let text = read("docs/architecture.md");
    let section = text
        .split_once("## The layers of the code")
        .expect("the heading")
        .1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|row| row.strip_prefix("| `"));
    let listed: Vec<_> = rows
        .filter_map(|row| Some(row.split_once('`')?.0))
        .collect();
    assert_eq!(listed, layers());
}
