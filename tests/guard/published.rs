//! Rules of the packages on crates.io: the files in them, and the oldest Rust that builds them.

use std::{collections::BTreeSet, fs, path::Path};

use super::{cargo, packages, root, text};

/// The crates with their folders, and the places from which their packages take files.
const PUBLISHED: [(&str, &str, &[&str]); 2] = [
    (
        "cartgate",
        "",
        &[
            "src/",
            "docs/log.md",
            "tests/servers/",
            "tests/corpus/response/",
            "CHANGELOG.md",
            "README.md",
            "LICENSE-",
        ],
    ),
    (
        "tower-cartgate",
        "middleware",
        &["src/", "examples/", "README.md", "LICENSE-"],
    ),
];

/// Cargo adds these.
const GENERATED: [&str; 4] = [
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
];

/// crates.io rejects a package of more than 10 MiB. Ours are far below, and a stray picture would show.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Returns the paths in the package of a crate.
fn packaged(name: &str) -> BTreeSet<String> {
    let list = cargo(&["package", "--list", "--allow-dirty", "--package", name]);
    let files: BTreeSet<_> = list.lines().map(str::to_owned).collect();
    assert!(files.len() > 20, "{files:?}");
    files
}

#[test]
fn each_package_contains_its_sources_and_no_strays() {
    for (name, folder, places) in PUBLISHED {
        let mut size = 0;
        for file in packaged(name) {
            if GENERATED.contains(&&*file) {
                continue;
            }
            let meant = places.iter().any(|place| file.starts_with(place));
            assert!(meant, "{name}: {file}");
            size += fs::metadata(root().join(folder).join(&file))
                .expect("a file")
                .len();
        }
        assert!(size < LARGEST, "{name}: {size} bytes");
    }
}

#[test]
fn each_package_contains_the_files_that_its_sources_include() {
    let mut included = 0;
    for (name, folder, _) in PUBLISHED {
        let files = packaged(name);
        for source in files.iter().filter(|file| file.ends_with(".rs")) {
            let text = fs::read_to_string(root().join(folder).join(source)).expect("a source");
            for path in includes(&text) {
                let path = normal(Path::new(source).parent().expect("a folder"), path);
                assert!(files.contains(&path), "{name}: {source} includes {path}");
                included += 1;
            }
        }
    }
    assert!(included > 5, "only {included} included files");
}

/// Returns the paths that a source includes.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    ["include_str!(", "include_bytes!("]
        .into_iter()
        .flat_map(move |call| text.split(call).skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

/// Resolves a relative path from a folder of the package.
fn normal(folder: &Path, path: &str) -> String {
    let mut parts: Vec<_> = folder
        .iter()
        .map(|part| part.to_str().expect("text"))
        .collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn included_paths_are_found_and_resolved() {
    let text = r#"include_str!("../a.md"); include_bytes!(
        "b.bin"
    ); include_str!(name)"#;
    assert_eq!(includes(text).collect::<Vec<_>>(), ["../a.md", "b.bin"]);
    assert_eq!(normal(Path::new("src/x"), "../../docs/a.md"), "docs/a.md");
}

/// `make msrv` builds with that Rust. The layer crate supports an older one with older versions of
/// its dependencies, which cargo selects.
#[test]
fn no_dependency_needs_a_newer_rust_than_the_gate() {
    let packages = packages();
    let ours = |name: &str| {
        packages
            .iter()
            .find(|package| text(package, "name") == name)
    };
    let gate = version(text(ours("cartgate").expect("the gate"), "rust_version"));
    let layer = version(text(
        ours("tower-cartgate").expect("the layer"),
        "rust_version",
    ));
    assert!((1, 85, 0) <= layer && layer <= gate, "{layer:?}, {gate:?}");
    for package in &packages {
        let Some(needed) = package["rust_version"].as_str() else {
            continue;
        };
        let (name, release) = (text(package, "name"), text(package, "version"));
        assert!(version(needed) <= gate, "{name} {release}: Rust {needed}");
    }
}

fn version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().expect("a number"));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}
