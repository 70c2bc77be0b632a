//! The documents: links and paths resolve, commands run, configurations are valid, and the picture
//! of the terminal shows the output of the demo.

mod commands;
mod configurations;
mod layers;
mod links;
mod picture;
mod sandbox;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A document, by its path from the root of the project.
struct Page {
    path: String,
    text: String,
}

/// A fenced block of a document.
struct Block {
    language: String,
    /// Its first line in the document, counted from 1.
    line: usize,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every document of the project.
fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = ["", "docs", "examples", "middleware"]
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    paths.sort();
    assert!(paths.len() > 15, "only {} documents", paths.len());
    paths.iter().map(|path| Page::read(path)).collect()
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a document");
        let path = path.strip_prefix(root()).expect("a file of the project");
        Self {
            path: path.to_str().expect("a plain name").to_owned(),
            text,
        }
    }

    /// Returns the fenced blocks, without the indentation of their fence.
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, Block)> = None;
        for (number, line) in self.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(language), None) => {
                    let block = Block {
                        language: language.to_owned(),
                        line: number + 2,
                        text: String::new(),
                    };
                    open = Some((indent, block));
                }
                (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
                (None, Some((indent, block))) => {
                    block.text.push_str(line.get(*indent..).unwrap_or_default());
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block without an end", self.path);
        blocks
    }

    /// Returns the text outside of fenced blocks, line by line with its number.
    fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut fenced = false;
        let lines = self.text.lines().zip(1..);
        lines.filter_map(move |(line, number)| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            (!fenced && !fence).then_some((number, line))
        })
    }
}

#[test]
fn the_readme_fits_in_its_length() {
    let readme = Page::read(&root().join("README.md"));
    assert!(readme.text.lines().count() <= 220);
}
