//! Tests of the limits of the parser, and of the styles of the writer.

use super::{
    document::{MAX_DEPTH, parse},
    style::{Escapes, Layout, Numbers, Style},
    writer::{spell, write},
};

const TEXT: &str = r#"{"b":[1.50,2e3,{},[]],"a":"é/<\u0001😀\n","n":null}"#;

fn written(layout: Layout, escapes: Escapes, sorted: bool) -> String {
    let document = parse(TEXT.as_bytes()).expect("JSON");
    let style = Style {
        layout,
        escapes,
        sorted,
        numbers: Numbers::AsWritten,
    };
    String::from_utf8(write(&document, style, 1024).expect("short")).expect("UTF-8")
}

#[test]
fn as_written_and_compact_is_the_text_itself() {
    assert_eq!(written(Layout::Compact, Escapes::AsWritten, false), TEXT);
    let spread = format!("\n {} \n", TEXT.replace(',', " , ").replace(':', " : "));
    let document = parse(spread.as_bytes()).expect("JSON");
    let style = Style {
        layout: Layout::Compact,
        escapes: Escapes::AsWritten,
        sorted: false,
        numbers: Numbers::AsWritten,
    };
    assert_eq!(
        write(&document, style, 1024).expect("short"),
        TEXT.as_bytes()
    );
}

#[test]
fn layouts_are_those_of_python_and_javascript() {
    let python = r#"{"b": [1.50, 2e3, {}, []], "a": "\u00e9/<\u0001\ud83d\ude00\n", "n": null}"#;
    assert_eq!(written(Layout::Spaced, Escapes::Ascii, false), python);
    let javascript = "{\n  \"b\": [\n    1.50,\n    2e3,\n    {},\n    []\n  ],\n  \"a\": \"é/<\\u0001😀\\n\",\n  \"n\": null\n}";
    assert_eq!(
        written(Layout::Indented("  "), Escapes::Least, false),
        javascript
    );
}

#[test]
fn escapes_are_those_of_php_and_go() {
    let php = r#"{"b":[1.50,2e3,{},[]],"a":"\u00e9\/<\u0001\ud83d\ude00\n","n":null}"#;
    assert_eq!(
        written(Layout::Compact, Escapes::AsciiAndSlashes, false),
        php
    );
    let go_sorted = r#"{"a":"é/\u003c\u0001😀\n","b":[1.50,2e3,{},[]],"n":null}"#;
    assert_eq!(written(Layout::Compact, Escapes::Html, true), go_sorted);
}

#[test]
fn every_style_means_the_same() {
    let meaning: serde_json::Value = serde_json::from_str(TEXT).expect("JSON");
    let document = parse(TEXT.as_bytes()).expect("JSON");
    let mut styles = 0;
    for style in Style::all() {
        let again: serde_json::Value =
            serde_json::from_slice(&write(&document, style, 1024).expect("short")).expect("JSON");
        assert_eq!(again, meaning, "{style:?}");
        styles += 1;
    }
    assert_eq!(styles, 120);
}

#[test]
fn what_is_no_json_or_nested_without_end_is_left() {
    for text in ["", "{", "{\"a\"}", "[1,]", "\"\u{1}\"", "nul"] {
        assert!(parse(text.as_bytes()).is_none(), "{text:?}");
    }
    assert!(parse("[".repeat(100_000).as_bytes()).is_none());
    assert!(parse(b"\"\xff\"").is_none());
}

#[test]
fn what_is_nested_deeper_than_any_payload_is_left() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_some());
    // An attacker chooses the body, and deeper recursion would end the process.
    for levels in [MAX_DEPTH + 1, 5_000, 100_000] {
        assert!(parse(nested(levels).as_bytes()).is_none(), "{levels}");
        let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(parse(objects.as_bytes()).is_none(), "{levels} objects");
    }
}

#[test]
fn a_text_that_grows_out_of_proportion_is_not_written() {
    // In a deep and wide document, the indent of each item is a hundred times as long as the item.
    let wide = format!(
        "{}{}1{}",
        "[".repeat(MAX_DEPTH),
        "1,".repeat(50_000),
        "]".repeat(MAX_DEPTH)
    );
    let document = parse(wide.as_bytes()).expect("JSON");
    for style in Style::all() {
        let text = spell(&document, style, wide.len());
        assert!(text.len() <= wide.len() + 1024, "{style:?}: {}", text.len());
    }
}
