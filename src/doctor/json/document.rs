//! Parses JSON into a tree that borrows from its text. A value tree of `serde_json` would lose the
//! spelling of numbers (`10.50` becomes `10.5`), and would take many times the memory of the text.

use serde::de::IgnoredAny;

/// A document or a part of one.
pub(crate) enum Node<'t> {
    Object(Vec<(Text<'t>, Node<'t>)>),
    Array(Vec<Node<'t>>),
    Text(Text<'t>),
    /// A number or a literal, as written.
    Word(&'t str),
}

/// A string.
pub(crate) struct Text<'t> {
    /// The string as written, with its quotes.
    pub(super) raw: &'t str,
    /// The value; none if the string contains a lone surrogate, which a Rust string cannot.
    value: Option<String>,
}

impl Text<'_> {
    /// Returns the value of the string; none if no Rust string can contain it.
    pub(crate) fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

/// The limit of the nesting, as in `serde_json`'s values. The scanner, the writer and the drop of a
/// document recurse, so a deeper document of an attacker would overflow the stack, which ends the
/// process.
pub(super) const MAX_DEPTH: usize = 128;

/// Parses a document. Returns none if it is invalid or deeper than [`MAX_DEPTH`]. (`serde_json`
/// limits the nesting of parsed values, but not of ignored ones.)
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

/// Scans a text that is valid JSON, so it checks no more than it must.
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
        self.depth = Some(self.depth + 1).filter(|depth| *depth <= MAX_DEPTH)?;
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
            value: serde_json::from_str(raw).ok(),
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
