//! The TOML blocks of the documents are valid configuration files. A fragment is completed with the
//! tables that it leaves out.

use std::fmt::Write as _;

use cartgate::config::Plan;

use super::pages;

#[test]
fn every_configuration_is_valid() {
    let mut configurations = 0;
    // The layer's page shows a Cargo.toml.
    let pages = pages()
        .into_iter()
        .filter(|page| !page.path.starts_with("middleware/"));
    for page in pages {
        let blocks = page.blocks();
        for block in blocks.iter().filter(|block| block.language == "toml") {
            configurations += 1;
            let text = completed(&block.text);
            let place = format!("{}:{}", page.path, block.line);
            if let Err(findings) = Plan::from_text(&text) {
                panic!("{place}: {findings:#?}\n{text}");
            }
        }
    }
    assert!(configurations >= 10, "only {configurations} configurations");
}

/// Adds what a fragment needs to be a whole file.
fn completed(fragment: &str) -> String {
    let mut text = fragment.to_owned();
    if !text.contains("[server]") {
        text.push_str("\n[server]\nlisten = \"127.0.0.1:8080\"\n");
    }
    if !text.contains("[[endpoint]]") {
        text.push_str(
            "\n[[endpoint]]\nname = \"orders\"\npath = \"/orders\"\nsecrets = [\"shop\"]\n",
        );
        if text.contains("[inbox]") {
            text.push_str("durable = true\n");
        }
    }
    if !text.contains("[[endpoint.destination]]") && !text.contains("verdict = true") {
        text.push_str("\n[[endpoint.destination]]\nurl = \"http://127.0.0.1:3000\"\n");
    }
    if text.contains("durable = true") && !text.contains("[inbox]") {
        text.push_str("\n[inbox]\nstore = \"sqlite:inbox.db\"\n");
    }
    for name in secrets(&text) {
        if !text.contains(&format!("[secret.{name}]")) {
            writeln!(text, "\n[secret.{name}]\nfile = \"{name}.secret\"").expect("a String");
        }
    }
    text
}

/// Returns the names of the secrets that endpoints use.
fn secrets(text: &str) -> Vec<String> {
    let lists = text
        .lines()
        .filter_map(|line| line.strip_prefix("secrets = "));
    let names = lists.flat_map(|list| list.split('"').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}
