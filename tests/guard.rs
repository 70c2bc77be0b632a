//! What must stay true of the project itself: where its crates come from, under which licences, what the layer crate
//! rests on and shows. Whoever changes one of these lists has decided something.

#![allow(missing_docs, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const LICENCES: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "WITH LLVM-exception",
    "Zlib",
];

const BANNED: [(&str, &str); 6] = [
    (
        "aws-lc-rs",
        "two TLS providers in one program panic at run time; ours is ring",
    ),
    ("aws-lc-sys", "as aws-lc-rs"),
    ("native-tls", "it would end the one static binary"),
    ("openssl", "as native-tls"),
    ("openssl-sys", "as native-tls"),
    ("serde_yaml", "nobody keeps it"),
];

/// In what ships, two versions of one of these would be two protocols, two runtimes or two ways to sign. What only the
/// tests take may differ: an implementation that judges ours is worth more the less it shares with it. (Not base64, of which
/// PostgreSQL's protocol has a version of its own.)
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

/// All that the layer crate builds on, with every feature. No runtime, no server, no flags.
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

/// What may show in the layer crate's public interface, apart from std: a change of their major version is one of ours.
const SHOWN_BY_THE_LAYER: [&str; 7] = [
    "axum_core",
    "bytes",
    "http",
    "http_body",
    "serde_core",
    "tower_layer",
    "tower_service",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs cargo without the network: what the tests were built from is all here.
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

/// The packages that a Linux build of everything takes.
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
    for package in packages() {
        let licence = text(&package, "license");
        assert!(permits(licence), "{}: {licence:?}", text(&package, "name"));
    }
}

/// Whether each part of an SPDX expression is allowed, or each part of one of its alternatives.
fn permits(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(" WITH ", "\0WITH ");
    if let Some((group, rest)) = expression
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
    {
        return permits(group) && rest.strip_prefix(" AND ").is_none_or(permits);
    }
    let one = |part: &str| part.split('\0').all(|word| LICENCES.contains(&word.trim()));
    expression
        .split(" OR ")
        .any(|choice| choice.split(" AND ").all(one))
}

#[test]
fn a_licence_expression_is_read_as_spdx_means_it() {
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "MIT AND ISC",
    ] {
        assert!(permits(good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR Apache-2.0) AND GPL-3.0",
        "Apache-2.0 WITH x",
    ] {
        assert!(!permits(bad), "{bad}");
    }
}

#[test]
fn nothing_banned_is_in_the_tree_and_nothing_vital_twice() {
    let packages = packages();
    for (name, reason) in BANNED {
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

/// Names with versions, of what the program and the layer crate are built from.
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

/// rustdoc's JSON is the one list of what is public that is not made by hand; rustdoc still calls it unstable.
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

/// A blanket implementation says what others do for all types, ours among them; `Unpin` is written by `pin_project!`,
/// whose own types are in its bounds.
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

/// The crates of all types and traits that are named anywhere in an item.
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
