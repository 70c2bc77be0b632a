//! The example file: it can be used, each setting in it is a real one at its real default, and none is missing.

use std::collections::BTreeSet;

use cartgate::config::Plan;

const EXAMPLE: &str = include_str!("../../../examples/cartgate.toml");

/// A setting behind a `#` without a space.
fn setting(line: &str) -> Option<&str> {
    let setting = line.strip_prefix('#')?;
    setting
        .starts_with(|c: char| c.is_ascii_lowercase())
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

/// Settings that exclude each other, or that are off by default.
const NOT_DEFAULTS: [&str; 14] = [
    "health_path",
    "keep_refused",
    "token",
    "hosts",
    "host",
    "fresh",
    "add_headers",
    "drop_headers",
    "ca_file",
    "headers",
    "key",
    "encryption_key",
    "unique",
    "events",
];

#[test]
fn each_setting_that_is_commented_out_is_a_real_one_at_its_default() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut settings = 0;
    for (number, line) in lines.iter().enumerate() {
        let Some(setting) = setting(line) else {
            continue;
        };
        settings += 1;
        // How many cores there are is no matter of the file.
        if setting.starts_with("workers") {
            continue;
        }
        let mut text = lines.clone();
        text[number] = setting;
        let shown = plan(&text.join("\n")).to_string();
        let key = setting.split(' ').next().expect("a key");
        let own = NOT_DEFAULTS.contains(&key) || key == "standard_webhooks";
        assert_eq!(shown == plan(EXAMPLE).to_string(), !own, "{setting}");
    }
    assert!(settings > 30, "only {settings}");
}

#[test]
fn no_setting_is_missing() {
    let whole = EXAMPLE.lines().map(|line| setting(line).unwrap_or(line));
    // `host` and `preserve_host` exclude each other.
    let together: Vec<_> = whole
        .clone()
        .filter(|line| !line.starts_with("preserve_host"))
        .collect();
    let shown = plan(&together.join("\n")).to_string();
    let whole = whole.collect::<Vec<_>>().join("\n");
    let keys = |text: &str| -> BTreeSet<String> {
        let keys = text.lines().filter_map(|line| line.split_once(" = "));
        keys.map(|(key, _)| key.to_owned()).collect()
    };
    let shown = keys(&shown);
    assert!(shown.len() > 40, "{shown:?}");
    let missing: Vec<_> = shown.difference(&keys(&whole)).cloned().collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Set out in sentences, since the file can have but one store.
#[test]
fn the_store_of_several_gates_can_be_used_in_the_place_of_the_file() {
    const FILE: &str = "store = \"sqlite:/var/lib/cartgate/inbox.db\"";
    let shared: Vec<_> = EXAMPLE
        .lines()
        .skip_while(|line| !line.starts_with("# Several gates share PostgreSQL"))
        .skip(1)
        .map_while(|line| line.strip_prefix("#   "))
        .collect();
    assert_eq!(shared.len(), 4, "{shared:?}");
    assert!(EXAMPLE.contains(FILE));
    let shown = plan(&EXAMPLE.replace(FILE, &shared.join("\n"))).to_string();
    for line in shared {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    assert!(!shown.contains("disk_floor"), "{shown}");
}
