//! Writes a document in a style.
//!
//! `serde_json` cannot: it writes keys only in its own spelling, and numbers only by their value.

use super::{
    document::{Node, Text},
    style::{Escapes, Layout, Numbers, Style},
};

/// Returns the document in this style. Returns none if it is longer than `limit`: indented, a few
/// bytes can become a hundred times as many.
pub(crate) fn write(document: &Node<'_>, style: Style, limit: usize) -> Option<Vec<u8>> {
    let text = spell(document, style, limit);
    (text.len() <= limit).then(|| text.into_bytes())
}

/// Returns the text, which ends soon after `limit`.
pub(super) fn spell(document: &Node<'_>, style: Style, limit: usize) -> String {
    let mut writer = Writer {
        style,
        out: String::new(),
        depth: 0,
        limit,
    };
    writer.node(document);
    writer.out
}

struct Writer {
    style: Style,
    out: String,
    depth: usize,
    limit: usize,
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
            members.sort_by(|(a, _), (b, _)| a.value().cmp(&b.value()));
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
            if self.out.len() > self.limit {
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
            && self.out.len() <= self.limit
        {
            self.out.push('\n');
            (0..self.depth).for_each(|_| self.out.push_str(indent));
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        match text.value() {
            Some(value) if self.style.escapes != Escapes::AsWritten => {
                self.out.push('"');
                value.chars().for_each(|letter| self.letter(letter));
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
