//! JSON written in the ways of the common libraries, with numbers kept as they are written. A value
//! tree of `serde_json` would lose that (`10.50` becomes `10.5`), and cost many times the text's
//! size.

use serde::de::IgnoredAny;

/// A parsed document that borrows from its text.
pub(crate) enum Node<'t> {
    Object(Vec<(Text<'t>, Node<'t>)>),
    Array(Vec<Node<'t>>),
    Text(Text<'t>),
    /// A number or a literal, as written.
    Word(&'t str),
}

/// A string, as written with its quotes, and what it says.
pub(crate) struct Text<'t> {
    raw: &'t str,
    /// `None` where it holds what no Rust string can: a lone surrogate.
    said: Option<String>,
}

impl Text<'_> {
    /// The text that it stands for; `None` if no Rust string can hold it.
    pub(crate) fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }
}

/// A way to write JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    layout: Layout,
    escapes: Escapes,
    sorted: bool,
    numbers: Numbers,
}

/// How numbers without an exponent are written. A parser loses the zeros of `19.90`, and some writers add them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    AsWritten,
    /// `19.90` as `19.9` and `20.00` as `20`.
    Shortest,
    /// `19.9` as `19.90`.
    Cents,
    /// `19.9` as `19.90` and `20` as `20.00`.
    AllCents,
    /// `20` as `20.0`.
    Floats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Compact,
    /// `, ` and `: ` on one line, as Python writes.
    Spaced,
    Indented(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escapes {
    AsWritten,
    Least,
    Ascii,
    Slashes,
    AsciiAndSlashes,
    Html,
}

impl Style {
    /// Every known way.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        const LAYOUTS: [Layout; 5] = [
            Layout::Compact,
            Layout::Spaced,
            Layout::Indented("  "),
            Layout::Indented("    "),
            Layout::Indented("\t"),
        ];
        const ESCAPES: [Escapes; 6] = [
            Escapes::AsWritten,
            Escapes::Least,
            Escapes::Ascii,
            Escapes::Slashes,
            Escapes::AsciiAndSlashes,
            Escapes::Html,
        ];
        const NUMBERS: [Numbers; 4] = [
            Numbers::Cents,
            Numbers::Shortest,
            Numbers::AllCents,
            Numbers::Floats,
        ];
        let written = [false, true].into_iter().flat_map(|sorted| {
            LAYOUTS.into_iter().flat_map(move |layout| {
                ESCAPES.into_iter().map(move |escapes| Self {
                    layout,
                    escapes,
                    sorted,
                    numbers: Numbers::AsWritten,
                })
            })
        });
        // Each guess costs a MAC, so numbers are combined with the most common escapes alone.
        let renumbered = NUMBERS.into_iter().flat_map(|numbers| {
            LAYOUTS.into_iter().flat_map(move |layout| {
                ESCAPES.into_iter().take(3).map(move |escapes| Self {
                    layout,
                    escapes,
                    sorted: false,
                    numbers,
                })
            })
        });
        written.chain(renumbered)
    }

    /// In words, what the signed text looked like.
    pub(super) fn words(self) -> String {
        let layout = match self.layout {
            Layout::Compact => "compact",
            Layout::Spaced => "with a space after each comma and colon",
            Layout::Indented("\t") => "indented by tabs",
            Layout::Indented(indent) if indent.len() == 2 => "indented by 2",
            Layout::Indented(_) => "indented by 4",
        };
        let escapes = match self.escapes {
            Escapes::AsWritten => "",
            Escapes::Least => ", with the fewest escapes",
            Escapes::Ascii => ", escaped to ASCII",
            Escapes::Slashes => ", with escaped slashes",
            Escapes::AsciiAndSlashes => ", escaped to ASCII with escaped slashes",
            Escapes::Html => ", with <, > and & escaped",
        };
        let sorted = if self.sorted { ", keys sorted" } else { "" };
        let numbers = match self.numbers {
            Numbers::AsWritten => "",
            Numbers::Shortest => ", with numbers without zeros at their end (19.9 for 19.90)",
            Numbers::Cents => ", with zeros at the end of numbers (19.90 for 19.9)",
            Numbers::AllCents => ", with two decimals in each number (20.00 for 20)",
            Numbers::Floats => ", with whole numbers as 20.0",
        };
        format!("what was signed was {layout}{escapes}{sorted}{numbers}")
    }
}

/// As deep as `serde_json` reads values. The scanner, the writer and the end of a document recurse,
/// and what an attacker nests deeper would overflow the stack, which ends the process.
const DEEPEST: usize = 128;

/// Parses a document, if it is one and no deeper than [`DEEPEST`]. (`serde_json` bounds the nesting
/// of what it reads, but skips what it ignores without a bound.)
pub(crate) fn parse(body: &[u8]) -> Option<Node<'_>> {
    serde_json::from_slice::<IgnoredAny>(body).ok()?;
    let text = std::str::from_utf8(body).ok()?;
    Scanner {
        text,
        at: 0,
        depth: 0,
    }
    .node()
}

/// Reads what is already known to be JSON, so it looks no further than it must.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Scanner<'t> {
    fn node(&mut self) -> Option<Node<'t>> {
        match self.peek()? {
            b'{' => self.items(b'}', Self::member).map(Node::Object),
            b'[' => self.items(b']', Self::node).map(Node::Array),
            b'"' => self.string().map(Node::Text),
            _ => {
                let rest = &self.text[self.at..];
                let ends = |c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace();
                self.take(rest.find(ends).unwrap_or(rest.len()))
                    .map(Node::Word)
            }
        }
    }

    fn items<T>(&mut self, end: u8, item: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        self.at += 1;
        self.depth = Some(self.depth + 1).filter(|depth| *depth <= DEEPEST)?;
        while self.peek()? != end {
            items.push(item(self)?);
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        self.depth -= 1;
        Some(items)
    }

    fn member(&mut self) -> Option<(Text<'t>, Node<'t>)> {
        self.peek()?;
        let key = self.string()?;
        self.peek().filter(|&colon| colon == b':')?;
        self.at += 1;
        Some((key, self.node()?))
    }

    fn string(&mut self) -> Option<Text<'t>> {
        let bytes = &self.text.as_bytes()[self.at..];
        let mut length = 1;
        while *bytes.get(length)? != b'"' {
            length += if bytes[length] == b'\\' { 2 } else { 1 };
        }
        let raw = self.take(length + 1)?;
        Some(Text {
            raw,
            said: serde_json::from_str(raw).ok(),
        })
    }

    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        Some(self.text.as_bytes()[self.at])
    }

    fn take(&mut self, length: usize) -> Option<&'t str> {
        let taken = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(taken)
    }
}

/// The document in this style, unless it grows longer than `longest`: indented, a few bytes can ask
/// for a hundred times as many.
pub(super) fn write(document: &Node<'_>, style: Style, longest: usize) -> Option<Vec<u8>> {
    let text = spell(document, style, longest);
    (text.len() <= longest).then(|| text.into_bytes())
}

/// Stops soon after `longest`.
fn spell(document: &Node<'_>, style: Style, longest: usize) -> String {
    let mut writer = Writer {
        style,
        out: String::new(),
        depth: 0,
        longest,
    };
    writer.node(document);
    writer.out
}

struct Writer {
    style: Style,
    out: String,
    depth: usize,
    longest: usize,
}

impl Writer {
    fn node(&mut self, node: &Node<'_>) {
        match node {
            Node::Object(members) => self.object(members),
            Node::Array(items) => {
                self.items(['[', ']'], items, Self::node);
            }
            Node::Text(text) => self.text(text),
            Node::Word(word) => self.word(word),
        }
    }

    fn word(&mut self, word: &str) {
        let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
        if self.style.numbers == Numbers::AsWritten || !word.chars().all(is_plain) {
            return self.out.push_str(word);
        }
        let fraction = word.split_once('.').map(|(_, fraction)| fraction.len());
        match (self.style.numbers, fraction) {
            (Numbers::Shortest, Some(_)) => {
                let trimmed = word.trim_end_matches('0').trim_end_matches('.');
                self.out.push_str(trimmed);
            }
            (Numbers::Cents | Numbers::AllCents, Some(1)) => self.out.extend([word, "0"]),
            (Numbers::AllCents, None) => self.out.extend([word, ".00"]),
            (Numbers::Floats, None) => self.out.extend([word, ".0"]),
            _ => self.out.push_str(word),
        }
    }

    fn object(&mut self, members: &[(Text<'_>, Node<'_>)]) {
        let mut members: Vec<_> = members.iter().collect();
        if self.style.sorted {
            members.sort_by(|(a, _), (b, _)| a.said.cmp(&b.said));
        }
        self.items(['{', '}'], &members, |writer, (key, value)| {
            writer.text(key);
            writer
                .out
                .push_str(if writer.style.layout == Layout::Compact {
                    ":"
                } else {
                    ": "
                });
            writer.node(value);
        });
    }

    fn items<T>(&mut self, [open, close]: [char; 2], items: &[T], each: impl Fn(&mut Self, &T)) {
        self.out.push(open);
        self.depth += 1;
        for (place, item) in items.iter().enumerate() {
            if self.out.len() > self.longest {
                return;
            }
            if place > 0 {
                self.out.push_str(if self.style.layout == Layout::Spaced {
                    ", "
                } else {
                    ","
                });
            }
            self.line();
            each(self, item);
        }
        self.depth -= 1;
        if !items.is_empty() {
            self.line();
        }
        self.out.push(close);
    }

    fn line(&mut self) {
        if let Layout::Indented(indent) = self.style.layout
            && self.out.len() <= self.longest
        {
            self.out.push('\n');
            (0..self.depth).for_each(|_| self.out.push_str(indent));
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        match &text.said {
            Some(said) if self.style.escapes != Escapes::AsWritten => {
                self.out.push('"');
                said.chars().for_each(|letter| self.letter(letter));
                self.out.push('"');
            }
            _ => self.out.push_str(text.raw),
        }
    }

    fn letter(&mut self, letter: char) {
        use Escapes::{Ascii, AsciiAndSlashes, Html, Slashes};
        match (letter, self.style.escapes) {
            ('"' | '\\', _) => self.out.extend(['\\', letter]),
            ('\n', _) => self.out.push_str("\\n"),
            ('\r', _) => self.out.push_str("\\r"),
            ('\t', _) => self.out.push_str("\\t"),
            ('\u{8}', _) => self.out.push_str("\\b"),
            ('\u{c}', _) => self.out.push_str("\\f"),
            ('/', Slashes | AsciiAndSlashes) => self.out.push_str("\\/"),
            ('<' | '>' | '&' | '\u{2028}' | '\u{2029}', Html) => self.escape(letter),
            (letter, Ascii | AsciiAndSlashes) if !letter.is_ascii() => self.escape(letter),
            (letter, _) if u32::from(letter) < 0x20 => self.escape(letter),
            _ => self.out.push(letter),
        }
    }

    fn escape(&mut self, letter: char) {
        for unit in letter.encode_utf16(&mut [0; 2]) {
            self.out.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

#[cfg(test)]
mod tests;
