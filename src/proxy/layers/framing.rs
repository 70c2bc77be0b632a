//! The layer that rejects broken or ambiguous HTTP.
//!
//! If two servers can read one message in two ways, an attacker can hide a request in another.
//! hyper has parsed the head; this file checks what hyper accepts beyond RFC 9112 at its strictest.

use http::{
    HeaderMap, HeaderValue, Method, Uri, Version,
    header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING},
    request::Parts,
};

use crate::{net::host_name::is_host, outcome::reject_reason::RejectReason};

/// The headers that tell how a request is to be read, found in one pass over its head.
#[derive(Debug, Default)]
pub(crate) struct FramingHeaders<'h> {
    transfer_encoding: Sole<'h>,
    host: Sole<'h>,
    /// Whether a length is no plain number.
    has_broken_length: bool,
    /// Whether the client waits for permission to send the body.
    expects: bool,
    has_unknown_expectation: bool,
}

/// The value of a header that occurs at most once.
#[derive(Debug, Default)]
enum Sole<'h> {
    #[default]
    Absent,
    One(&'h HeaderValue),
    Repeated,
}

impl<'h> Sole<'h> {
    fn add(&mut self, value: &'h HeaderValue) {
        *self = match self {
            Self::Absent => Self::One(value),
            Self::One(_) | Self::Repeated => Self::Repeated,
        };
    }
}

impl<'h> FramingHeaders<'h> {
    /// Finds the headers in the head of a request.
    pub(crate) fn of(headers: &'h HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            if name == HOST {
                found.host.add(value);
            } else if name == CONTENT_LENGTH {
                found.has_broken_length |= !is_number(value);
            } else if name == TRANSFER_ENCODING {
                found.transfer_encoding.add(value);
            } else if name == EXPECT {
                found.expects = true;
                found.has_unknown_expectation |= !is_continue(value);
            }
        }
        found
    }

    /// Whether the client waits for permission to send the body, or expects something else.
    pub(crate) fn expects(&self) -> bool {
        self.expects
    }

    /// Checks the head, which came by `scheme`, and returns the host.
    ///
    /// # Errors
    ///
    /// When the head breaks a rule; the reason names its part.
    pub(crate) fn check(&self, head: &Parts, scheme: &str) -> Result<&'h str, RejectReason> {
        version(head.version)?;
        self.transfer_encoding()?;
        if self.has_broken_length {
            return Err(RejectReason::Framing("content-length"));
        }
        let host = self.host().ok_or(RejectReason::Framing("host"))?;
        target(&head.method, &head.uri, scheme, host)?;
        if self.has_unknown_expectation {
            return Err(RejectReason::Expectation);
        }
        Ok(host)
    }

    /// Checks the transfer coding (RFC 9112, section 6.1). A server may reject any coding that it
    /// does not understand. Repeated or listed codings let a proxy and a server see two different
    /// bodies.
    fn transfer_encoding(&self) -> Result<(), RejectReason> {
        match self.transfer_encoding {
            Sole::Absent => Ok(()),
            Sole::One(value) if value.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
            Sole::One(_) | Sole::Repeated => Err(RejectReason::Framing("transfer-encoding")),
        }
    }

    /// Returns the host: exactly one `Host`, and a valid one (RFC 9112, section 3.2).
    fn host(&self) -> Option<&'h str> {
        match self.host {
            Sole::One(value) => value.to_str().ok().filter(|host| is_host(host)),
            Sole::Absent | Sole::Repeated => None,
        }
    }
}

/// Whether a length is a plain number. hyper merges equal lengths and rejects unequal ones, but
/// accepts a list (`5, 5`).
fn is_number(value: &HeaderValue) -> bool {
    !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
}

/// Whether an expectation is the only known one (RFC 9110, section 10.1.1).
fn is_continue(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"100-continue")
}

fn version(version: Version) -> Result<(), RejectReason> {
    match version {
        Version::HTTP_10 | Version::HTTP_11 => Ok(()),
        _ => Err(RejectReason::Framing("version")),
    }
}

/// The bytes that a path or a query may have (RFC 3986, section 3). Other bytes, such as a
/// backslash, are separators for one reader and letters for the next.
const IN_TARGETS: [bool; 256] = {
    let allowed = b"-._~!$&'()*+,;=:@/?%";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < allowed.len() {
        table[allowed[index] as usize] = true;
        index += 1;
    }
    table
};

/// Checks the target (RFC 9112, section 3.2): origin-form, or absolute-form with the same host and
/// the scheme that the client uses. An app may build links or decide by the scheme.
fn target(method: &Method, uri: &Uri, scheme: &str, host: &str) -> Result<(), RejectReason> {
    let path_and_query = uri.path_and_query().map_or("", |target| target.as_str());
    if !path_and_query
        .bytes()
        .all(|byte| IN_TARGETS[usize::from(byte)])
    {
        return Err(RejectReason::Framing("target"));
    }
    let Some(authority) = uri.authority() else {
        return origin_form(method, uri);
    };
    let same_host = authority.as_str().eq_ignore_ascii_case(host);
    let same_scheme = uri.scheme_str() == Some(scheme);
    if same_scheme && same_host && !authority.as_str().contains('@') {
        Ok(())
    } else {
        // Authority-form has no scheme, so this rejects CONNECT, too.
        Err(RejectReason::Framing("target"))
    }
}

fn origin_form(method: &Method, uri: &Uri) -> Result<(), RejectReason> {
    let path = uri.path();
    if path.starts_with('/') || (path == "*" && method == Method::OPTIONS) {
        Ok(())
    } else {
        Err(RejectReason::Framing("target"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults in the order of their checks, each with the parts of a request that have it.
    const FAULTS: [(&str, &[Fault]); 6] = [
        ("version", &[Fault::Version]),
        (
            "transfer-encoding",
            &[
                Fault::Header("transfer-encoding", &["gzip"]),
                Fault::Header("transfer-encoding", &[""]),
                Fault::Header("transfer-encoding", &["chunked, chunked"]),
                Fault::Header("transfer-encoding", &["chunked", "chunked"]),
            ],
        ),
        (
            "content-length",
            &[
                Fault::Header("content-length", &["5, 5"]),
                Fault::Header("content-length", &["+5"]),
                Fault::Header("content-length", &[""]),
                Fault::Header("content-length", &["5", "five"]),
                Fault::Header("content-length", &["-", "5"]),
            ],
        ),
        (
            "host",
            &[
                Fault::Header("host", &[]),
                Fault::Header("host", &[""]),
                Fault::Header("host", &["a,b"]),
                Fault::Header("host", &["gate", "gate"]),
                Fault::Header("host", &["gate", "gate", "gate"]),
            ],
        ),
        (
            "target",
            &[
                Fault::Target("https://gate/"),
                Fault::Target("http://other/"),
                Fault::Target("gate:80"),
                Fault::Target("*"),
                Fault::Target("/a\"b"),
            ],
        ),
        (
            "expect",
            &[
                Fault::Header("expect", &["101"]),
                Fault::Header("expect", &[""]),
                Fault::Header("expect", &["100-continue", "more"]),
                Fault::Header("expect", &["more", "100-continue"]),
            ],
        ),
    ];

    #[derive(Clone, Copy)]
    enum Fault {
        Version,
        Header(&'static str, &'static [&'static str]),
        Target(&'static str),
    }

    impl Fault {
        fn apply(self, head: &mut Parts) {
            match self {
                Self::Version => head.version = Version::HTTP_2,
                Self::Target(target) => head.uri = target.parse().expect("hyper accepts it"),
                Self::Header(name, values) => {
                    head.headers.remove(name);
                    for value in values {
                        head.headers.append(name, HeaderValue::from_static(value));
                    }
                }
            }
        }
    }

    fn head() -> Parts {
        let request = http::Request::post("/").header("host", "gate").body(());
        request.expect("a request").into_parts().0
    }

    fn check(head: &Parts) -> Result<&str, String> {
        let checked = FramingHeaders::of(&head.headers).check(head, "http");
        checked.map_err(|reason| match reason {
            RejectReason::Framing(part) => part.to_owned(),
            RejectReason::Expectation => "expect".to_owned(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn of_two_faults_the_first_in_the_order_of_the_checks_counts() {
        for (index, (first, faults)) in FAULTS.iter().enumerate() {
            for fault in *faults {
                let mut alone = head();
                fault.apply(&mut alone);
                assert_eq!(check(&alone), Err((*first).to_owned()), "{alone:?}");
                for later in FAULTS[index + 1..].iter().flat_map(|(_, faults)| *faults) {
                    let mut both = head();
                    later.apply(&mut both);
                    fault.apply(&mut both);
                    assert_eq!(check(&both), Err((*first).to_owned()), "{both:?}");
                }
            }
        }
    }

    #[test]
    fn a_head_without_a_fault_has_a_host() {
        let mut head = head();
        assert_eq!(check(&head), Ok("gate"));
        assert!(!FramingHeaders::of(&head.headers).expects());
        for (name, values) in [
            ("transfer-encoding", &["Chunked"][..]),
            ("content-length", &["5", "5"]),
            ("host", &["gate:80"]),
            ("expect", &["100-Continue", "100-continue"]),
        ] {
            Fault::Header(name, values).apply(&mut head);
        }
        assert_eq!(check(&head), Ok("gate:80"));
        assert!(FramingHeaders::of(&head.headers).expects());
    }
}
