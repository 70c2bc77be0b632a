//! The texts that follow from the definitions of the settings: the example, the reference and the
//! JSON schema. `CARTGATE_BLESS=1` writes them anew.

use std::{env, fmt::Write as _, fs, path::Path};

use cartgate::config::{self, Description};

/// Compares a file of the project with the text that it should hold, or writes it.
fn is_up_to_date(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("CARTGATE_BLESS").is_some() {
        fs::write(&file, expected).expect("written");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let lines = found.lines().zip(expected.lines()).enumerate();
    for (number, (found, expected)) in lines {
        assert_eq!(
            found,
            expected,
            "{path}:{}: set CARTGATE_BLESS=1",
            number + 1
        );
    }
    assert_eq!(found, expected, "{path}: set CARTGATE_BLESS=1");
}

#[test]
fn the_schema_is_the_one_of_the_settings() {
    let schema = serde_json::to_string_pretty(&config::json_schema()).expect("JSON");
    is_up_to_date("examples/cartgate.schema.json", &(schema + "\n"));
}

#[test]
fn the_reference_lists_the_settings() {
    const BEGIN: &str = "<!-- settings:begin -->\n";
    const END: &str = "<!-- settings:end -->";
    let path = "docs/reference.md";
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a page");
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    is_up_to_date(path, &format!("{before}{BEGIN}{}{END}{after}", reference()));
}

#[test]
fn the_packages_have_the_file_that_init_writes() {
    is_up_to_date(
        "packaging/systemd/cartgate.toml",
        &cartgate::commands::packaged(),
    );
}

#[test]
fn the_example_has_every_setting() {
    is_up_to_date("examples/cartgate.toml", &example());
}

fn reference() -> String {
    let mut text =
        String::from("| table | key | flag | default | meaning |\n|---|---|---|---|---|\n");
    let tables = config::settings();
    for table in &tables {
        let header = match table.key {
            "endpoint" | "alarm" => format!("[[{}]]", table.key),
            key => format!("[{key}]"),
        };
        match &table.nested {
            Some(settings) => rows(&mut text, &header, "", settings),
            None => row(&mut text, "[secret.NAME]", "", &secret(table)),
        }
    }
    text
}

/// The secrets have names in place of keys.
fn secret(table: &Description) -> Description {
    Description {
        key: "file`, `env`, `credential",
        flag: Some("--secret-file"),
        required: true,
        ..table.clone()
    }
}

fn rows(text: &mut String, header: &str, prefix: &str, settings: &[Description]) {
    for setting in settings {
        match &setting.nested {
            Some(nested) if setting.key == "destination" => {
                rows(text, "[[endpoint.destination]]", "", nested);
            }
            Some(nested) => {
                row(text, header, prefix, setting);
                rows(text, header, &format!("{prefix}{}.", setting.key), nested);
            }
            None => row(text, header, prefix, setting),
        }
    }
}

fn row(text: &mut String, header: &str, prefix: &str, setting: &Description) {
    let flag = setting
        .flag
        .map_or_else(String::new, |flag| format!("`{flag}`"));
    let default = match (&setting.default, &setting.value) {
        _ if setting.required => "required".to_owned(),
        (Some(words), _) => words.clone(),
        (None, Some(value)) => match value.trim_matches(['[', ']']) {
            "" => "none".to_owned(),
            value => format!("`{}`", value.replace('"', "")),
        },
        (None, None) => "none".to_owned(),
    };
    let meaning = sentences(setting).replace('|', "\\|");
    let key = setting.key;
    writeln!(
        text,
        "| `{header}` | `{prefix}{key}` | {flag} | {default} | {meaning} |"
    )
    .expect("a String accepts everything");
}

/// The help as a sentence, with everything that belongs to it.
fn sentences(setting: &Description) -> String {
    let mut text = format!("{}.", setting.help);
    if !setting.details.is_empty() {
        text = format!("{text} {}", setting.details);
    }
    if !setting.words.is_empty() {
        let words = setting.words.iter().map(|word| format!("`{word}`"));
        let words: Vec<_> = words.collect();
        text = format!("{text} One of {}.", words.join(", "));
    }
    if setting.restart {
        text += " A change needs a restart.";
    }
    text
}

/// Settings that the example sets; it shows every other one behind a `#`.
const SET: [&str; 10] = [
    "server",
    "server.tls",
    "admin",
    "inbox",
    "log",
    "endpoint",
    "endpoint.event",
    "endpoint.durable",
    "endpoint.destination",
    "endpoint.destination.name",
];

/// Texts of the example that follow a setting.
const AFTER: [(&str, &str); 3] = [
    (
        "server.tls",
        r#"# The gate orders the certificate itself, if port 443 of the domain leads to it (docs/tls.md):
#   tls = { acme = { domains = ["hooks.shop.example"], contact = "ops@shop.example" } }
"#,
    ),
    (
        "inbox.store",
        r#"
# Several gates share PostgreSQL, and need the same key:
#   store = "postgres://cartgate@db.internal/inbox"
#   password = { file = "/etc/cartgate/inbox.password" }
#   key = { file = "/etc/cartgate/inbox.key" }
#   ca_file = "/etc/cartgate/internal-ca.pem"
"#,
    ),
    (
        "secret",
        r#"[secret.current]
file = "/etc/cartgate/cartfunnel.secret"

# While Cartfunnel moves from an old secret to a new one, name both.
[secret.previous]
env = "CARTFUNNEL_PREVIOUS"

# A credential of systemd: LoadCredential=other-shop:/etc/cartgate/other-shop.secret in the unit.
[secret.other-shop]
credential = "other-shop"
"#,
    ),
];

const FIRST_LINES: &str = r#"#:schema ./cartgate.schema.json
#
# Every setting of `cartgate serve --config FILE`. A `#` without a space after it precedes a setting
# that is at its default or off; remove the `#` to set it.
#
#   cartgate check examples/cartgate.toml --without-files     checks the file alone
#   cartgate check --show /etc/cartgate/cartgate.toml         shows the configuration in force
#   cartgate reload, systemctl reload cartgate, kill -HUP     applies a change without losing a request
#
# Flags and variables of `serve` override the addresses, the admin listener, the watch, the sandbox,
# the workers and the log: CARTGATE_LISTEN, for example.
#
# Times have a unit ("500ms", "10s", "1h 30m"), sizes may have one ("64KiB", "1MiB", 4096). An unknown
# key is an error. A relative path starts at the directory in which the gate was started. The file
# holds no secrets: it names their places.
#
# A test generates this file from the definitions in src/config/sections (CARTGATE_BLESS=1).
"#;

const LAST_LINES: &str = r#"
# A second destination has a queue of its own: neither waits for the other.
[[endpoint.destination]]
name = "warehouse"
url = "http://127.0.0.1:3002/hooks"

# A second endpoint, for carts. It shares the secret, so each accepts the captured deliveries of the
# other.
[[endpoint]]
name = "carts"
path = "/webhooks/carts"
secrets = ["current", "previous"]
event = { kind = "abandoned-cart" }

[[endpoint.destination]]
url = "unix:/run/support/app.sock:/carts"

# A third endpoint, for another shop whose service uses the same scheme under another header name.
[[endpoint]]
name = "other-shop"
path = "/webhooks/orders"
host = "other.example"
header = "x-shopify-hmac-sha256"
secrets = ["other-shop"]

[[endpoint.destination]]
url = "http://127.0.0.1:3001/orders"
"#;

fn example() -> String {
    let mut text = FIRST_LINES.to_owned();
    for table in &config::settings() {
        text.push('\n');
        comment(&mut text, &sentences(table));
        add_table(&mut text, table.key, &format!("[{}]", table.key), table);
    }
    text + LAST_LINES
}

/// Adds a table with its settings.
fn add_table(text: &mut String, path: &str, header: &str, table: &Description) {
    if let Some(settings) = &table.nested {
        let header = match path {
            "endpoint" => "[[endpoint]]",
            "alarm" => "[[alarm]]",
            "endpoint.destination" => "[[endpoint.destination]]",
            _ => header,
        };
        let hash = if SET.contains(&path) { "" } else { "#" };
        text.push_str(&format!("{hash}{header}\n"));
        for (index, setting) in settings.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            add_setting(text, &format!("{path}.{}", setting.key), hash, setting);
        }
    }
    if let Some((_, after)) = AFTER.iter().find(|(after, _)| *after == path) {
        text.push_str(after);
    }
}

fn add_setting(text: &mut String, path: &str, hash: &str, setting: &Description) {
    let mut about = sentences(setting);
    if let Some(words) = &setting.default {
        about = format!("{about} Default: {words}.");
    }
    comment(text, &about);
    if path == "endpoint.destination" {
        return add_table(text, path, "", setting);
    }
    for nested in setting.nested.iter().flatten() {
        comment(text, &format!("`{}`: {}.", nested.key, nested.help));
    }
    let value = setting.example.map(str::to_owned);
    let value = value.or_else(|| setting.value.clone());
    let value = value.unwrap_or_else(|| panic!("{path} has neither a default nor an example"));
    let is_set = hash.is_empty() && (setting.required || SET.contains(&path));
    let hash = if is_set { "" } else { "#" };
    text.push_str(&format!("{hash}{} = {value}\n", setting.key));
    if let Some((_, after)) = AFTER.iter().find(|(after, _)| *after == path) {
        text.push_str(after);
    }
}

/// Adds sentences as comments of at most 100 columns.
fn comment(text: &mut String, sentences: &str) {
    let mut line = String::from("#");
    for word in sentences.split(' ') {
        if line.len() + 1 + word.len() > 100 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
