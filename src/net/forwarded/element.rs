//! The grammar of the header `Forwarded` (RFC 7239). A line that breaks it has no elements: an open
//! quote of the client could have swallowed the element that a hop wrote after it.

/// The element that one hop wrote.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) node: Option<String>,
    pub(super) host: Option<String>,
    pub(super) proto: Option<String>,
}

impl Element {
    /// Sets a parameter. Returns `None` if the element has it already.
    fn set(&mut self, name: &str, value: String) -> Option<()> {
        let known = [
            ("for", &mut self.node),
            ("host", &mut self.host),
            ("proto", &mut self.proto),
        ];
        let mut known = known.into_iter();
        match known.find(|(known, _)| name.eq_ignore_ascii_case(known)) {
            Some((_, field)) => field.replace(value).is_none().then_some(()),
            None => Some(()),
        }
    }
}

/// Parses a line into its elements. Returns `None` if the line is malformed.
pub(super) fn parse(line: &str) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = line.trim_start_matches(SPACE);
    loop {
        if !rest.is_empty() && !rest.starts_with([',', ';']) {
            let (name, text) = rest.split_once('=')?;
            let (value, after) = value(text)?;
            is_token(name).then_some(())?;
            element.set(name, value)?;
            rest = after.trim_start_matches(SPACE);
        }
        match rest.as_bytes().first() {
            Some(b';') => {}
            Some(b',') => elements.push(std::mem::take(&mut element)),
            Some(_) => return None,
            None => break,
        }
        rest = rest[1..].trim_start_matches(SPACE);
    }
    elements.push(element);
    elements.retain(|element| *element != Element::default());
    Some(elements)
}

const SPACE: [char; 2] = [' ', '\t'];

/// Parses a value. Returns it with the text after it.
fn value(text: &str) -> Option<(String, &str)> {
    if let Some(text) = text.strip_prefix('"') {
        return quoted(text);
    }
    // Some proxies write a port or an IPv6 address without quotes.
    let is_bare = |char: char| is_of_a_token(char) || ":[]".contains(char);
    let end = text.find(|char| !is_bare(char)).unwrap_or(text.len());
    let (value, after) = text.split_at(end);
    (!value.is_empty()).then(|| (value.to_owned(), after))
}

/// Parses a quoted string after its opening quote. Returns it with the text after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            char => value.push(char),
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_of_a_token)
}

fn is_of_a_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(line: &str) -> Option<Vec<String>> {
        let elements = parse(line)?.into_iter();
        Some(elements.filter_map(|element| element.node).collect())
    }

    #[test]
    fn elements_are_read_with_quotes_and_escapes() {
        for (line, expected) in [
            ("", &[][..]),
            (" , ;, ", &[]),
            ("proto=https", &[]),
            ("for=a, For=b;by=c,FOR=\"d\"", &["a", "b", "d"]),
            (
                r#"for="a\", for=b";x="\\";proto=http , for=c"#,
                &["a\", for=b", "c"],
            ),
            ("for=[::1]:80;", &["[::1]:80"]),
        ] {
            let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(nodes(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_malformed_line_has_no_elements() {
        for line in [
            "for=\"a, for=b",
            "for=\"a, for=\"[::1]\"",
            "for=\"a\\\", for=b",
            "for=\"a\"b",
            "for=a b",
            "for=a;for=b",
            "for=",
            "for",
            "=a",
            "for =a",
            "for= a",
            "for=a/b",
            "for=\u{e4}",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
