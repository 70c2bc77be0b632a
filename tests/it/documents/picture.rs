//! The picture of the terminal in the README, rendered from the output of `cartgate demo`.
//! `CARTGATE_BLESS=1` writes it again after a change of that output.

use std::{env, fmt::Write as _, fs, process::Command};

use super::root;

const PICTURE: &str = "docs/demo.svg";

#[test]
fn the_picture_shows_the_output_of_the_demo() {
    let rendered = render(&steady(&demo()));
    let file = root().join(PICTURE);
    if env::var_os("CARTGATE_BLESS").is_some() {
        fs::write(&file, &rendered).expect("written");
    }
    let shown = fs::read_to_string(&file).expect("the picture");
    assert!(
        shown == rendered,
        "{PICTURE} shows another output than `cartgate demo` prints. To render it again:\n\
         CARTGATE_BLESS=1 cargo test --test it documents::picture"
    );
}

/// Returns what the demo prints on a terminal with colors.
fn demo() -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let command = command.arg("demo").env_clear().env("CLICOLOR_FORCE", "1");
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Replaces the ports, which differ in each run.
fn steady(output: &str) -> String {
    const ADDRESS: &str = "127.0.0.1:";
    let mut parts = output.split(ADDRESS);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (part, port) in parts.zip(["3000", "8080"]) {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        text.extend([ADDRESS, port, rest]);
    }
    assert_eq!(
        text.matches(ADDRESS).count(),
        output.matches(ADDRESS).count()
    );
    text
}

/// Part of a line in one style, which begins at a column.
#[derive(Debug, PartialEq)]
struct Run {
    column: usize,
    class: String,
    text: String,
}

const COLUMN: f64 = 8.4;
const ROW: usize = 20;
const MARGIN: usize = 20;
/// The title bar and the line with the command.
const HEADER: usize = 84;

fn render(output: &str) -> String {
    let lines: Vec<_> = output.lines().map(runs).collect();
    let columns = lines
        .iter()
        .flatten()
        .map(|run| run.column + run.text.chars().count());
    let columns = u16::try_from(columns.max().unwrap_or(0)).expect("a screen's width");
    let width = MARGIN as f64 * 2.0 + COLUMN * f64::from(columns);
    let height = HEADER + lines.len() * ROW + MARGIN;
    let mut svg = opening(width.ceil(), height);
    for (number, line) in lines.iter().enumerate() {
        let y = HEADER + ROW + number * ROW - ROW / 4;
        for run in line {
            let x = MARGIN as f64 + COLUMN * run.column as f64;
            let (class, text) = (&run.class, escaped(&run.text));
            writeln!(svg, r#"<text x="{x:.1}" y="{y}"{class}>{text}</text>"#).expect("a String");
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The window, its title bar and the command. A terminal is dark in a bright page, too.
fn opening(width: f64, height: usize) -> String {
    let (w, h) = (width - 1.0, height - 1);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace" font-size="14" fill="#d1d7e0" role="img">
<title>The output of cartgate demo</title>
<style>
text {{ white-space: pre }} .bold {{ font-weight: 700; fill: #f0f6fc }} .green {{ fill: #4ac26b }} .yellow {{ fill: #e3b341 }} .red {{ fill: #ff7b72 }} .soft {{ fill: #9198a1 }}
</style>
<rect x="0.5" y="0.5" width="{w}" height="{h}" rx="8" fill="#151b23" stroke="#3d444d"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/><circle cx="62" cy="20" r="6" fill="#28c840"/>
<text x="{MARGIN}" y="64"><tspan class="soft">$</tspan> <tspan class="bold">cartgate demo</tspan></text>
"##
    )
}

/// Splits a line at its changes of style and at its gaps, so that columns align in any font.
fn runs(line: &str) -> Vec<Run> {
    let (mut runs, mut column, mut classes) = (Vec::new(), 0, Vec::new());
    for (number, part) in line.split("\x1b[").enumerate() {
        let mut text = part;
        if number > 0 {
            let (codes, rest) = part.split_once('m').expect("a sequence that sets a style");
            codes.split(';').for_each(|code| apply(code, &mut classes));
            text = rest;
        }
        for (start, words) in phrases(text) {
            runs.push(Run {
                column: column + start,
                class: attribute(&classes),
                text: words.to_owned(),
            });
        }
        column += text.chars().count();
    }
    runs
}

fn apply(code: &str, classes: &mut Vec<&'static str>) {
    match code {
        "" | "0" => classes.clear(),
        "1" => classes.push("bold"),
        "31" => classes.push("red"),
        "32" => classes.push("green"),
        "33" => classes.push("yellow"),
        _ => panic!("the picture has no style for the code {code}"),
    }
}

fn attribute(classes: &[&str]) -> String {
    match classes {
        [] => String::new(),
        classes => format!(r#" class="{}""#, classes.join(" ")),
    }
}

/// Returns the parts between gaps of two spaces and more, each with its column.
fn phrases(text: &str) -> Vec<(usize, &str)> {
    let (mut phrases, mut column) = (Vec::new(), 0);
    for part in text.split("  ") {
        let words = part.trim_start();
        if !words.is_empty() {
            let indent = part.chars().count() - words.chars().count();
            phrases.push((column + indent, words.trim_end()));
        }
        column += part.chars().count() + 2;
    }
    phrases
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[test]
fn a_line_is_split_into_styles_and_columns() {
    let run = |column, class: &str, text: &str| Run {
        column,
        class: class.to_owned(),
        text: text.to_owned(),
    };
    let line = "forgery hex   \x1b[33m401\x1b[0m     nothing here";
    let expected = [
        run(0, "", "forgery hex"),
        run(14, r#" class="yellow""#, "401"),
        run(22, "", "nothing here"),
    ];
    assert_eq!(runs(line), expected);
    assert_eq!(runs("\x1b[1mtitle"), [run(0, r#" class="bold""#, "title")]);
    assert_eq!(escaped("a<b&c"), "a&lt;b&amp;c");
    assert_eq!(
        steady("app 127.0.0.1:41 gate 127.0.0.1:5."),
        "app 127.0.0.1:3000 gate 127.0.0.1:8080."
    );
}
