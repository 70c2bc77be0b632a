//! `docs/log.md` describes each field of each line. The test reads the lines from the code, because
//! no test causes all of them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../../../docs/log.md");

/// The fields that begin every line.
const ALWAYS: [&str; 4] = ["timestamp", "level", "target", "message"];

const MACROS: [&str; 7] = [
    "debug!(",
    "info!(",
    "warn!(",
    "error!(",
    "line!(",
    "attempt_line!(",
    "$level!(",
];

#[test]
fn the_page_lists_each_field_that_a_line_can_have() {
    let mut files = Vec::new();
    find(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let mut fields: BTreeSet<String> = ALWAYS.map(str::to_owned).into();
    let mut lines = 0;
    for file in files {
        let code = fs::read_to_string(&file).expect("a source file");
        for arguments in calls(&code) {
            lines += 1;
            fields.extend(arguments.iter().filter_map(|one| field(one)));
        }
    }
    assert!(lines > 40, "only {lines} log lines were found");
    let listed: BTreeSet<String> = listed("## Fields").collect();
    let missing: Vec<_> = fields.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&fields).collect();
    assert!(missing.is_empty(), "not in docs/log.md: {missing:?}");
    assert!(
        stale.is_empty(),
        "in docs/log.md, and in no line: {stale:?}"
    );
}

/// Returns the names in the first column of the table below a heading.
fn listed(heading: &str) -> impl Iterator<Item = String> {
    let section = PAGE.split_once(heading).expect("the heading").1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|row| row.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "tests" {
            find(&path, files);
        } else if name.ends_with(".rs") && !name.contains("tests") {
            files.push(path);
        }
    }
}

/// Returns the arguments of each call of a log macro.
fn calls(code: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for name in MACROS {
        for (at, _) in code.match_indices(name) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let mut arguments = arguments(&code[at + name.len()..]);
            if name.ends_with("line!(") {
                // The level and the source of the first fields.
                arguments.drain(..2.min(arguments.len()));
            }
            calls.push(arguments);
        }
    }
    calls
}

/// Returns the arguments up to the closing parenthesis, split at the commas between them.
fn arguments(code: &str) -> Vec<String> {
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for character in code.chars() {
        let own = arguments.last_mut().expect("never empty");
        match character {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        own.push(character);
    }
    arguments
}

/// Returns the field that an argument sets: `name = value`, `name`, `%name` or `?name`.
fn field(argument: &str) -> Option<String> {
    let argument = argument.trim();
    // The arguments that a macro passes on precede its own fields.
    let argument = argument.strip_prefix("$($field)*").unwrap_or(argument);
    let name = match argument.split_once(" = ") {
        Some((name, _)) => name.trim(),
        None => argument.trim_start_matches(['%', '?']),
    };
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_owned())
}
