//! Links between documents, and the paths that they name.

use std::path::Path;

use super::{Page, pages, root};

/// Folders of the project that documents name.
const FOLDERS: [&str; 9] = [
    ".ci/",
    "benches/",
    "docs/",
    "examples/",
    "middleware/",
    "packaging/",
    "scripts/",
    "src/",
    "tests/",
];

#[test]
fn every_link_resolves() {
    let pages = pages();
    let mut links = 0;
    for page in &pages {
        for (number, line) in page.prose() {
            for target in targets(line) {
                links += 1;
                let found = resolves(page, target, &pages);
                assert!(found, "{}:{number}: {target}", page.path);
            }
        }
    }
    assert!(links > 100, "only {links} links");
}

#[test]
fn every_path_exists() {
    let mut paths = 0;
    // The changelog also names files of earlier versions.
    let pages = pages()
        .into_iter()
        .filter(|page| page.path != "CHANGELOG.md");
    for page in pages {
        for (number, line) in page.prose() {
            let spans = line.split('`').skip(1).step_by(2);
            for path in spans.filter(|span| FOLDERS.iter().any(|folder| span.starts_with(folder))) {
                paths += 1;
                assert!(root().join(path).exists(), "{}:{number}: {path}", page.path);
            }
        }
    }
    assert!(paths > 60, "only {paths} paths");
}

#[test]
fn the_index_names_each_page() {
    let index = Page::read(&root().join("docs/README.md"));
    for page in pages() {
        let name = page.path.strip_prefix("docs/");
        if let Some(name) = name.filter(|name| *name != "README.md") {
            assert!(index.text.contains(&format!("]({name})")), "{name}");
        }
    }
}

/// Returns the targets of the links and images in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    targets.filter_map(|rest| Some(rest.split_once(')')?.0))
}

fn resolves(page: &Page, target: &str, pages: &[Page]) -> bool {
    if target.starts_with("https://") {
        return true;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&page.path).parent().expect("a file has a folder");
    let path = match path {
        "" => page.path.clone(),
        path => normal(&folder.join(path)),
    };
    let linked = pages.iter().find(|page| page.path == path);
    match linked {
        _ if anchor.is_empty() => root().join(path).exists(),
        Some(linked) => has_heading(linked, anchor),
        None => false,
    }
}

/// Resolves the `..` of a path.
fn normal(path: &Path) -> String {
    let mut parts = Vec::new();
    for part in path.to_str().expect("a plain name").split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn has_heading(page: &Page, anchor: &str) -> bool {
    let headings = page.prose().filter_map(|(_, line)| {
        let heading = line.trim_start_matches('#');
        (heading.len() < line.len()).then_some(heading)
    });
    headings.map(slug).any(|slug| slug == anchor)
}

/// Returns the anchor of a heading, as GitHub forms it.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    let text = heading.trim().to_lowercase();
    text.chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

#[test]
fn broken_links_are_found() {
    let page = |path: &str, text: &str| Page {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let pages = [
        page("README.md", "# Cartgate\n"),
        page("docs/log.md", "# Log\n## 1. Check `it`, all\n"),
    ];
    let resolves = |target| resolves(&pages[1], target, &pages);
    for good in [
        "#log",
        "#1-check-it-all",
        "../README.md",
        "../README.md#cartgate",
        "log.md",
    ] {
        assert!(resolves(good), "{good}");
    }
    for bad in [
        "#logs",
        "README.md#nothing",
        "../README.md#log",
        "nothing.md",
        "../src#log",
    ] {
        assert!(!resolves(bad), "{bad}");
    }
    let line = "see [one](a.md), [two](b.md#c) and ![three](d.svg)";
    assert_eq!(
        targets(line).collect::<Vec<_>>(),
        ["a.md", "b.md#c", "d.svg"]
    );
}
