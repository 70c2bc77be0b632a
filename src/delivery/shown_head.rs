//! The head of a request as people see it: as text, bounded, and without credentials.

use http::{HeaderMap, Method, Uri};
use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

/// The bytes of a target that are shown.
const TARGET: usize = 2 * 1024;

/// The bytes of a header's value that are shown.
const VALUE: usize = 1024;

/// The bytes of all headers that are shown. A gate may allow heads of a MiB.
const HEADERS: usize = 8 * 1024;

/// The bytes of a method that are shown, which is more than any registered method has.
const METHOD: usize = 32;

/// A head for people. It holds no credential, so it may be kept and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownHead {
    method: String,
    target: String,
    /// One line `name: value` for each header. Neither can contain a line feed.
    lines: String,
    /// The number of headers that are not shown, because the others take the limit.
    omitted: usize,
}

impl ShownHead {
    /// Shows the head of a request as it was received.
    pub(crate) fn received(method: &Method, target: &Uri, headers: &HeaderMap) -> Self {
        let target = target.path_and_query();
        let target = target.map_or("", |target| target.as_str());
        let mut shown = Self::new(method.as_str(), target);
        for (name, value) in headers {
            shown.add(name.as_str(), value.as_bytes(), value.is_sensitive());
        }
        shown
    }

    /// Shows a head that the gate wrote. The values of the headers that `is_secret` names are
    /// hidden, as those of all credentials are.
    pub(crate) fn written(wire: &[u8], is_secret: impl Fn(&str) -> bool) -> Self {
        let mut lines = wire
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
        let mut words = first.splitn(3, ' ');
        let (method, target) = (words.next(), words.next());
        let mut shown = Self::new(method.unwrap_or_default(), target.unwrap_or_default());
        for line in lines.take_while(|line| !line.is_empty()) {
            let colon = line.windows(2).position(|two| two == b": ");
            let (name, value) = line.split_at(colon.unwrap_or(line.len()));
            let name = String::from_utf8_lossy(name);
            shown.add(&name, value.get(2..).unwrap_or_default(), is_secret(&name));
        }
        shown
    }

    fn new(method: &str, target: &str) -> Self {
        Self {
            method: shortened(method, METHOD),
            target: shortened(target, TARGET),
            lines: String::new(),
            omitted: 0,
        }
    }

    fn add(&mut self, name: &str, value: &[u8], is_secret: bool) {
        if self.lines.len() + name.len() + value.len().min(VALUE) > HEADERS {
            self.omitted += 1;
            return;
        }
        let value = if is_secret || is_credential(name) {
            redacted(value.len())
        } else {
            shortened(&String::from_utf8_lossy(value), VALUE)
        };
        for part in [name, ": ", &value, "\n"] {
            self.lines.push_str(part);
        }
    }

    /// Shows another target.
    pub(crate) fn with_target(self, target: &str) -> Self {
        Self {
            target: shortened(target, TARGET),
            ..self
        }
    }

    /// Returns the name and the value of each header.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.lines.split_terminator('\n');
        lines.filter_map(|line| line.split_once(": "))
    }
}

impl Serialize for ShownHead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut head = serializer.serialize_struct("ShownHead", 4)?;
        head.serialize_field("method", &self.method)?;
        head.serialize_field("target", &self.target)?;
        head.serialize_field("headers", &Headers(self))?;
        head.serialize_field("omitted", &self.omitted)?;
        head.end()
    }
}

struct Headers<'a>(&'a ShownHead);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = serializer.serialize_seq(None)?;
        for pair in self.0.headers() {
            pairs.serialize_element(&pair)?;
        }
        pairs.end()
    }
}

/// Whether a header proves who sends a request. Its value could be used again, so it is never
/// shown. Senders give such headers names of their own, so parts of names count.
pub(crate) fn is_credential(name: &str) -> bool {
    const PARTS: [&str; 10] = [
        "authorization",
        "cookie",
        "token",
        "secret",
        "password",
        "api-key",
        "apikey",
        "signature",
        "hmac",
        "credential",
    ];
    // The gate's own headers name a secret, and hold none.
    !name.starts_with("x-cartgate-") && PARTS.iter().any(|part| name.contains(part))
}

/// Returns the text in place of a value of this length.
pub(crate) fn redacted(length: usize) -> String {
    format!("(redacted, {length} bytes)")
}

/// Cuts a text between two characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end));
    format!("{}…", &text[..end.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn received(lines: &[(&'static str, &[u8])]) -> ShownHead {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(value).expect("a value");
            headers.append(*name, value);
        }
        ShownHead::received(&Method::POST, &Uri::from_static("/hooks?a=b"), &headers)
    }

    #[test]
    fn a_head_is_shown_without_what_proves_its_sender() {
        let shown = received(&[
            ("host", b"gate.example"),
            ("authorization", b"Bearer planted"),
            ("cookie", b"planted=1"),
            ("proxy-authorization", b"Basic planted"),
            ("x-cartfunnel-hmac-sha256", b"planted"),
            ("x-shop-api-key", b"planted"),
            ("x-cartgate-secret-name", b"current"),
        ]);
        let json = serde_json::to_value(&shown).expect("text");
        assert_eq!(json["method"], "POST");
        assert_eq!(json["target"], "/hooks?a=b");
        assert!(!json.to_string().contains("planted"), "{json}");
        let pairs = json["headers"].as_array().expect("pairs");
        assert_eq!(pairs.len(), 7);
        assert_eq!(pairs[0], serde_json::json!(["host", "gate.example"]));
        assert_eq!(pairs[1][1], "(redacted, 14 bytes)");
        assert_eq!(pairs[6][1], "current");
    }

    #[test]
    fn any_bytes_of_a_value_are_text() {
        let shown = received(&[("x-a", b"<b>\xff\": x\t'"), ("x-b", b""), ("x-c", b": ")]);
        let headers: Vec<_> = shown.headers().collect();
        assert_eq!(
            headers,
            [("x-a", "<b>\u{fffd}\": x\t'"), ("x-b", ""), ("x-c", ": ")]
        );
    }

    #[test]
    fn a_long_head_is_cut_and_says_so() {
        let long = vec![b'a'; 3 * VALUE];
        let many: Vec<_> = (0..20).map(|_| ("x-long", &*long)).collect();
        let shown = received(&many);
        assert!(shown.lines.len() <= HEADERS + 100, "{}", shown.lines.len());
        assert_eq!(shown.headers().count() + shown.omitted, 20);
        assert!(shown.headers().all(|(_, value)| value.len() <= VALUE + 3));
        assert_eq!(shortened("ééé", 3), "é…");
    }

    #[test]
    fn a_written_head_is_read_line_by_line() {
        let wire = b"PUT /a HTTP/1.1\r\nhost: app\r\nx-door: planted\r\nx: \xfe: b\r\n\r\n";
        let shown = ShownHead::written(wire, |name| name == "x-door");
        let headers: Vec<_> = shown.headers().collect();
        let door = "(redacted, 7 bytes)";
        assert_eq!(
            headers,
            [("host", "app"), ("x-door", door), ("x", "\u{fffd}: b")]
        );
        assert_eq!((&*shown.method, &*shown.target), ("PUT", "/a"));
    }
}
