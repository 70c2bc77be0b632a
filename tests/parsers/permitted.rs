//! The permitted differences of each server: it rejects a request before its app, or hands over one
//! part in its own documented way. No permitted difference changes the method, the body or the
//! boundary between two requests.

use crate::delivered::Delivered;

/// Returns the reason for which a difference is permitted: by the request, the kind of the
/// difference and its detail.
pub(crate) type Permits = fn(&Delivered, &str, &str) -> Option<&'static str>;

/// Permits nothing.
pub(crate) fn none(_: &Delivered, _: &str, _: &str) -> Option<&'static str> {
    None
}

pub(crate) fn by_puma(_: &Delivered, kind: &str, detail: &str) -> Option<&'static str> {
    match (kind, detail) {
        // Rack has no other place for a header with this name.
        ("a header is missing", "version") => {
            Some("`Version` has the name of Rack's own variable `HTTP_VERSION`")
        }
        _ => None,
    }
}

pub(crate) fn by_webrick(delivered: &Delivered, kind: &str, detail: &str) -> Option<&'static str> {
    let (path, query) = delivered.target();
    match kind {
        "another target" if path.starts_with("//") => {
            let is_same = delivered.reading.target.ends_with(detail.as_bytes());
            is_same.then_some("several slashes at the start are one")
        }
        "rejected" if is_odd_path(path) || query.is_some_and(is_odd_query) => {
            Some("400 for a path or a query that its URI parser rejects")
        }
        "rejected" if is_odd_host(delivered) => Some("400 for a host that is no name"),
        _ => None,
    }
}

pub(crate) fn by_gunicorn(delivered: &Delivered, kind: &str, detail: &str) -> Option<&'static str> {
    match kind {
        "another value" if detail.starts_with("content-type: ") => {
            is_repeated(delivered, "content-type")
                .then_some("the last one of several `Content-Type`")
        }
        _ => None,
    }
}

pub(crate) fn by_uvicorn(delivered: &Delivered, kind: &str, detail: &str) -> Option<&'static str> {
    match (kind, delivered.target()) {
        // ASGI has the query without its question mark.
        ("another target", (path, Some(""))) if path == detail => {
            Some("an empty query is none (ASGI)")
        }
        _ => None,
    }
}

pub(crate) fn by_php(delivered: &Delivered, kind: &str, _: &str) -> Option<&'static str> {
    let line = delivered.raw.iter().position(|byte| *byte == b'\r');
    match kind {
        "no response" if line.is_some_and(|end| delivered.cut < end) => {
            Some("closes if a path arrives in two pieces, which the gate does not send")
        }
        _ => None,
    }
}

pub(crate) fn by_nginx(delivered: &Delivered, kind: &str, detail: &str) -> Option<&'static str> {
    let (path, _) = delivered.target();
    match kind {
        "a header is missing" if detail == "content-type" => {
            let is_empty = delivered.header("content-type").is_empty();
            is_empty.then_some("an empty `Content-Type` is none (FastCGI)")
        }
        "another value" if detail.starts_with("host: ") => {
            let host = String::from_utf8_lossy(delivered.header("host")).to_ascii_lowercase();
            let name = detail
                .trim_start_matches("host: [\"")
                .trim_end_matches("\"]");
            host.starts_with(name)
                .then_some("`Host` in lowercase and without its port (Debian's settings)")
        }
        "another value" if detail.starts_with("content-type: ") => {
            is_repeated(delivered, "content-type")
                .then_some("the first one of several `Content-Type`")
        }
        "rejected" if is_odd_path(path) => {
            Some("400 for a path that leads above the root or cannot be decoded")
        }
        "rejected" if is_odd_host(delivered) => Some("400 for a host that is no name"),
        "rejected"
            if ["authorization", "if-match"]
                .iter()
                .any(|name| is_repeated(delivered, name)) =>
        {
            Some("400 for a repeated `Authorization` or `If-Match`")
        }
        _ => None,
    }
}

pub(crate) fn by_tomcat(delivered: &Delivered, kind: &str, detail: &str) -> Option<&'static str> {
    let (path, _) = delivered.target();
    match (kind, detail) {
        ("rejected", "400") if is_odd_path(path) => Some(
            "400 for a path that leads above the root, cannot be decoded, or has an encoded slash",
        ),
        ("rejected", "400") if is_odd_host(delivered) => Some("400 for a host that is no name"),
        ("rejected", "404") if path.contains("WEB-INF") => Some("404 for its own `WEB-INF`"),
        _ => None,
    }
}

pub(crate) fn by_go(delivered: &Delivered, kind: &str, detail: &str) -> Option<&'static str> {
    let (path, _) = delivered.target();
    match (kind, detail) {
        // The connection breaks off if Go has not read the body by then.
        ("rejected" | "no response", _) if has_broken_escape(path) => {
            Some("400 for a path with a broken escape")
        }
        ("rejected", "400") if is_odd_host(delivered) => Some("400 for a host that is no name"),
        _ => None,
    }
}

fn is_repeated(delivered: &Delivered, name: &str) -> bool {
    let values = delivered.reading.headers.get(name);
    values.is_some_and(|values| values.len() > 1)
}

/// Returns whether a path has escapes or dot segments.
fn is_odd_path(path: &str) -> bool {
    path.contains('%')
        || path
            .split(['/', ';'])
            .any(|segment| [".", ".."].contains(&segment))
}

fn is_odd_query(query: &str) -> bool {
    has_broken_escape(query)
}

/// Returns whether two hexadecimal digits are missing after a percent sign.
fn has_broken_escape(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.any(|part| {
        let digits = part.as_bytes().iter().take(2);
        digits.filter(|digit| digit.is_ascii_hexdigit()).count() < 2
    })
}

/// Returns whether the host has an empty label, an unusual byte or a port out of range.
fn is_odd_host(delivered: &Delivered) -> bool {
    let host = String::from_utf8_lossy(delivered.header("host")).into_owned();
    [
        "gate..example",
        "*.example",
        "gate.example:65536",
        "gate.example:",
        "a-.b",
        "a_b.example",
    ]
    .contains(&host.as_str())
}
