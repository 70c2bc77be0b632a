//! Rules of the project itself: the source and the licences of its crates, the crates below the
//! layer crate, the types in that crate's public interface, the files on crates.io, and the length
//! of source files. A change of one of these lists is a decision.

#![allow(missing_docs, reason = "tests")]

#[path = "guard/published.rs"]
mod published;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// In the shipped program, two versions of one of these would be two protocols, two runtimes or two
/// ways to sign. Dependencies of the tests may differ: an independent implementation is the better
/// judge of ours. (Not base64, of which PostgreSQL's protocol has its own version.)
const SINGLE: [&str; 12] = [
    "bytes",
    "digest",
    "hmac",
    "http",
    "http-body",
    "hyper",
    "ring",
    "rustls",
    "sha2",
    "subtle",
    "tokio",
    "tower-service",
];

/// All dependencies of the layer crate, with every feature. No runtime, no server, no flags.
const UNDER_THE_LAYER: [&str; 40] = [
    "axum-core",
    "base64",
    "block-buffer",
    "bytes",
    "cfg-if",
    "cmov",
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "deranged",
    "digest",
    "futures-core",
    "hmac",
    "http",
    "http-body",
    "http-body-util",
    "hybrid-array",
    "itoa",
    "memchr",
    "mime",
    "num-conv",
    "once_cell",
    "pin-project-lite",
    "powerfmt",
    "serde_core",
    "serde_json",
    "serde_path_to_error",
    "sha2",
    "subtle",
    "sync_wrapper",
    "time",
    "time-core",
    "tower-layer",
    "tower-service",
    "tracing",
    "tracing-core",
    "typenum",
    "zeroize",
    "zmij",
    "tower-cartgate",
];

/// The crates that may show in the layer crate's public interface, apart from std: a change of
/// their major version is one of ours.
const SHOWN_BY_THE_LAYER: [&str; 7] = [
    "axum_core",
    "bytes",
    "http",
    "http_body",
    "serde_core",
    "tower_layer",
    "tower_service",
];

/// Returns the rules that cargo-deny follows, too.
fn deny_rules() -> toml::Table {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    text.parse().expect("deny.toml is TOML")
}

/// Returns the licences that `deny.toml` allows.
fn allowed_licences() -> Vec<String> {
    let rules = deny_rules();
    let allowed = rules["licenses"]["allow"].as_array().expect("a list");
    let allowed = allowed.iter().map(|one| one.as_str().expect("a licence"));
    allowed.map(str::to_owned).collect()
}

/// Returns the crates that `deny.toml` bans in every version, with the reason.
fn banned_crates() -> Vec<(String, String)> {
    let rules = deny_rules();
    let denied = rules["bans"]["deny"].as_array().expect("a list").clone();
    let banned = denied
        .iter()
        .filter(|entry| entry.get("deny-multiple-versions").is_none());
    let text = |entry: &toml::Value, key: &str| entry[key].as_str().expect(key).to_owned();
    banned
        .map(|entry| (text(entry, "crate"), text(entry, "reason")))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs cargo without the network: the sources of the tests' dependencies are all here.
fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root())
        .args(arguments)
        .args(["--locked", "--offline"]);
    let output = command.output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Returns the packages of a Linux build with all features.
fn packages() -> Vec<Value> {
    let text = cargo(&[
        "metadata",
        "--format-version=1",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ]);
    let metadata: Value = serde_json::from_str(&text).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list").clone();
    assert!(packages.len() > 100, "{} packages", packages.len());
    packages
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn every_crate_comes_from_the_registry() {
    for package in packages() {
        let name = text(&package, "name");
        match package["source"].as_str() {
            Some(source) => assert!(source.starts_with("registry+"), "{name}: {source}"),
            None => assert!(
                ["cartgate", "tower-cartgate"].contains(&name),
                "{name} is no crate of ours"
            ),
        }
    }
}

#[test]
fn every_licence_is_a_permissive_one() {
    let allowed = allowed_licences();
    for package in packages() {
        let licence = text(&package, "license");
        assert!(
            permits(&allowed, licence),
            "{}: {licence:?}",
            text(&package, "name")
        );
    }
}

/// Returns whether each part of an SPDX expression is allowed, or each part of one of its alternatives.
fn permits(allowed: &[String], expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    if let Some((group, rest)) = expression
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
    {
        let rest = rest.strip_prefix(" AND ");
        return permits(allowed, group) && rest.is_none_or(|rest| permits(allowed, rest));
    }
    let one = |part: &str| allowed.iter().any(|licence| licence == part.trim());
    expression
        .split(" OR ")
        .any(|choice| choice.split(" AND ").all(one))
}

#[test]
fn a_licence_expression_is_read_as_spdx_means_it() {
    let allowed = allowed_licences();
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "MIT AND ISC",
    ] {
        assert!(permits(&allowed, good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR Apache-2.0) AND GPL-3.0",
        "Apache-2.0 WITH x",
    ] {
        assert!(!permits(&allowed, bad), "{bad}");
    }
}

#[test]
fn nothing_banned_is_in_the_tree_and_nothing_vital_twice() {
    let packages = packages();
    let banned = banned_crates();
    assert!(banned.len() > 3, "{banned:?}");
    for (name, reason) in banned {
        assert!(
            packages.iter().all(|package| text(package, "name") != name),
            "{name}: {reason}"
        );
    }
    let shipped = shipped();
    for name in SINGLE {
        let versions = shipped
            .iter()
            .filter(|package| package.split(' ').next() == Some(name))
            .count();
        assert_eq!(versions, 1, "versions of {name}");
    }
}

/// Returns the names and versions of the dependencies of the program and the layer crate.
fn shipped() -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "--workspace",
        "--edges=normal,build",
        "--all-features",
        "--target=x86_64-unknown-linux-gnu",
        "--prefix=none",
        "--format={p}",
    ]);
    let words = tree.lines().map(|line| line.split(' ').take(2));
    let packages = words.map(|words| words.collect::<Vec<_>>().join(" "));
    packages.filter(|package| !package.is_empty()).collect()
}

#[test]
fn the_layer_crate_rests_on_no_runtime() {
    let tree = cargo(&[
        "tree",
        "--package=tower-cartgate",
        "--edges=normal",
        "--all-features",
        "--target=x86_64-unknown-linux-gnu",
        "--prefix=none",
        "--format={p}",
    ]);
    let under: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let under: BTreeSet<_> = under.into_iter().filter(|name| !name.is_empty()).collect();
    assert_eq!(under, BTreeSet::from(UNDER_THE_LAYER));
}

#[test]
fn every_source_file_says_what_it_is_for_and_is_short() {
    const LONGEST: usize = 400;
    let mut files = sources(&root().join("src"));
    files.extend(sources(&root().join("middleware/src")));
    files.extend(sources(&root().join("benches/proxy/src")));
    assert!(files.len() > 50, "{} files", files.len());
    for file in files {
        let text = fs::read_to_string(&file).expect("it can be read");
        assert!(
            text.starts_with("//!") || text.starts_with("#![doc"),
            "{}",
            file.display()
        );
        assert!(
            text.lines().count() <= LONGEST,
            "{} is too long",
            file.display()
        );
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| {
        path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs")
    });
    files
        .chain(folders.iter().flat_map(|folder| sources(folder)))
        .collect()
}

/// rustdoc's JSON is the only generated list of the public items; rustdoc still calls it unstable.
#[test]
#[ignore = "it builds the documents as JSON; `make check` runs it"]
fn the_layer_crate_shows_only_the_types_that_it_means_to() {
    let json = rustdoc_json();
    let crates = &json["external_crates"];
    let mut shown = BTreeSet::new();
    let items = json["index"].as_object().expect("items").values();
    for item in items.filter(|item| is_ours(&item["inner"]["impl"])) {
        collect_crates(item, &json["paths"], &mut shown);
    }
    let shown: BTreeSet<_> = shown
        .iter()
        .map(|id| text(&crates[id.to_string()], "name"))
        .collect();
    let std = ["std", "core", "alloc"];
    assert!(
        shown.contains("http") && shown.contains("core"),
        "{shown:?}"
    );
    let foreign: BTreeSet<_> = shown
        .into_iter()
        .filter(|name| !std.contains(name))
        .collect();
    assert_eq!(foreign, BTreeSet::from(SHOWN_BY_THE_LAYER));
}

/// Returns whether an implementation is ours. A blanket implementation belongs to another crate,
/// although it covers our types; `pin_project!` writes `Unpin`, and its own types are in the
/// bounds.
fn is_ours(implementation: &Value) -> bool {
    implementation["blanket_impl"].is_null() && implementation["trait"]["path"] != "Unpin"
}

fn rustdoc_json() -> Value {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rustdoc");
    let status = Command::new(env!("CARGO"))
        .current_dir(root())
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "rustdoc",
            "--quiet",
            "--locked",
            "--package=tower-cartgate",
            "--all-features",
            "--lib",
        ])
        .arg("--target-dir")
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format=json"])
        .status();
    assert!(status.expect("cargo runs").success());
    let text = fs::read_to_string(target.join("doc/tower_cartgate.json")).expect("the documents");
    serde_json::from_str(&text).expect("JSON")
}

/// Adds the crates of all types and traits that an item names.
fn collect_crates(value: &Value, paths: &Value, crates: &mut BTreeSet<u64>) {
    match value {
        Value::Array(values) => values
            .iter()
            .for_each(|value| collect_crates(value, paths, crates)),
        Value::Object(fields) => {
            // The links of a comment are not part of the interface.
            let parts = fields
                .iter()
                .filter(|(key, _)| *key != "links" && *key != "attrs");
            parts.for_each(|(_, value)| collect_crates(value, paths, crates));
            let is_path = fields.contains_key("path") && fields.contains_key("args");
            let id = fields.get("id").filter(|_| is_path).map(Value::to_string);
            crates.extend(
                id.and_then(|id| paths[&id]["crate_id"].as_u64())
                    .filter(|&id| id != 0),
            );
        }
        _ => {}
    }
}
