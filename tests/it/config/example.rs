//! The example file: it is valid, and so is each setting that it shows behind a `#`.

use std::{collections::BTreeSet, path::PathBuf};

use cartgate::config::Plan;

const EXAMPLE: &str = include_str!("../../../examples/cartgate.toml");

const FILE: &str = "store = \"sqlite:/var/lib/cartgate/inbox.db\"";

/// A setting or table behind a `#` without a space.
fn setting(line: &str) -> Option<&str> {
    let setting = line.strip_prefix('#')?;
    setting
        .starts_with(|c: char| c.is_ascii_lowercase() || c == '[')
        .then_some(setting)
}

fn plan(text: &str) -> Plan {
    Plan::from_text(text).unwrap_or_else(|findings| panic!("{findings:#?}\n{text}"))
}

#[test]
fn the_example_can_be_used_as_it_is() {
    let plan = plan(EXAMPLE);
    assert_eq!(plan.endpoints.len(), 3);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn every_setting_of_the_example_can_be_used() {
    // `host` and `preserve_host` exclude each other, as do the settings of PostgreSQL and SQLite,
    // and `verdict` and a destination.
    let excluded = |line: &&str| {
        let keys = ["preserve_host =", "disk_floor =", "#verdict ="];
        keys.iter().any(|key| line.contains(key))
    };
    let lines = EXAMPLE.lines().filter(|line| !excluded(line));
    let whole: Vec<_> = lines.map(|line| setting(line).unwrap_or(line)).collect();
    let shared = "store = \"postgres://cartgate@db.internal/inbox\"";
    let plan = plan(&whole.join("\n").replace(FILE, shared));
    every_file_is_watched(&plan);
    let shown = plan.to_string();
    for line in [
        "dir = \"/var/lib/cartgate/rejected\"",
        "health_path = \"/healthz\"",
        "unique = \"/order/id\"",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in {shown}"
        );
    }
}

/// Every path below `/etc/cartgate` is that of a file which a reload reads.
fn every_file_is_watched(plan: &Plan) {
    let files: BTreeSet<_> = plan.files().into_iter().collect();
    let shown = plan.to_string();
    let texts = shown.split('"').filter(|text| text.starts_with("/etc/"));
    let named: BTreeSet<_> = texts.map(PathBuf::from).collect();
    assert_eq!(files, named);
    assert!(files.len() > 8, "{files:?}");
}

/// Shown in sentences, since the file can have but one store.
#[test]
fn the_store_of_several_gates_can_be_used_in_the_place_of_the_file() {
    let shared: Vec<_> = EXAMPLE
        .lines()
        .skip_while(|line| !line.starts_with("# Several gates share PostgreSQL"))
        .skip(1)
        .map_while(|line| line.strip_prefix("#   "))
        .collect();
    assert_eq!(shared.len(), 4, "{shared:?}");
    assert!(EXAMPLE.contains(FILE));
    let shown = plan(&EXAMPLE.replace(FILE, &shared.join("\n"))).to_string();
    assert!(shown.contains(shared[0]), "{shown}");
    assert!(!shown.contains("disk_floor"), "{shown}");
}
