//! Decides by the headers of a response how long its body is, and whether its connection can be used again.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Version,
    header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};

use super::header_fault::HeaderFault;
use crate::destination::body_decoder::Length;

/// The framing that a response's headers declare.
#[derive(Debug, Default)]
pub(super) struct ResponseFraming {
    length: Option<u64>,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
    /// The first fault that makes the end of the body ambiguous.
    fault: Option<HeaderFault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    /// No coding at all, by the words of RFC 2616.
    Identity,
}

impl ResponseFraming {
    /// Takes notice of a header.
    pub(super) fn header(&mut self, name: &HeaderName, value: &HeaderValue) {
        if name == CONTENT_LENGTH {
            self.declare(value.as_bytes());
        } else if name == TRANSFER_ENCODING {
            self.code(value.as_bytes());
        } else if name == CONNECTION {
            self.connection(value.as_bytes());
        }
    }

    /// A list of equal lengths is one length (RFC 9110, section 8.6).
    fn declare(&mut self, value: &[u8]) {
        for number in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let digits = number.iter().all(u8::is_ascii_digit);
            let number = std::str::from_utf8(number).ok().filter(|_| digits);
            let Some(length) = number.and_then(|number| number.parse().ok()) else {
                return self.ambiguous(CONTENT_LENGTH, "not a length");
            };
            if self
                .length
                .replace(length)
                .is_some_and(|other| other != length)
            {
                return self.ambiguous(CONTENT_LENGTH, "two different lengths");
            }
        }
    }

    fn code(&mut self, value: &[u8]) {
        let coding = if value.eq_ignore_ascii_case(b"chunked") {
            Coding::Chunked
        } else if value.eq_ignore_ascii_case(b"identity") {
            Coding::Identity
        } else {
            return self.ambiguous(TRANSFER_ENCODING, "a coding other than chunked");
        };
        if self.coding.replace(coding).is_some() {
            self.ambiguous(TRANSFER_ENCODING, "two codings");
        }
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn ambiguous(&mut self, header: HeaderName, problem: &'static str) {
        self.found(HeaderFault {
            problem,
            header: Some(header),
            is_framing: true,
        });
    }

    /// Takes notice of a line that was dropped. It may have been meant as `Connection: close`.
    pub(super) fn dropped(&mut self, fault: &HeaderFault) {
        self.close = true;
        if fault.is_framing {
            self.found(fault.clone());
        }
    }

    fn found(&mut self, fault: HeaderFault) {
        self.close = true;
        self.fault.get_or_insert(fault);
    }

    /// The length of the body. RFC 9112, section 6.3, would have a proxy discard a response whose framing is ambiguous. But
    /// the app has taken the delivery, so its status counts; only its body is dropped, and its connection closed.
    pub(super) fn length(&mut self, status: StatusCode, version: Version) -> Length {
        if self.coding == Some(Coding::Chunked) && self.length.is_some() {
            self.ambiguous(TRANSFER_ENCODING, "a coding beside a length");
        }
        if self.coding == Some(Coding::Chunked) && version == Version::HTTP_10 {
            self.ambiguous(TRANSFER_ENCODING, "a coding in HTTP/1.0");
        }
        let is_empty = status.is_informational() || [204, 304].contains(&status.as_u16());
        if is_empty || self.fault.is_some() {
            // A body that is announced where none may be could come late.
            self.close |= self.coding.is_some() || self.length.is_some_and(|length| length > 0);
            return Length::known(0);
        }
        match (self.coding, self.length) {
            (Some(Coding::Chunked), _) => Length::chunked(),
            (coding, Some(length)) => {
                self.close |= coding.is_some();
                Length::known(length)
            }
            (_, None) => Length::UntilClose,
        }
    }

    /// Whether the connection can be used again (RFC 9112, section 9.3).
    pub(super) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }

    /// Has the headers say no more than what holds: equal lengths are one, and a body that is dropped has none.
    pub(super) fn rebuild(&self, headers: &mut HeaderMap) {
        if self.fault.is_some() {
            for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONTENT_ENCODING] {
                headers.remove(name);
            }
        } else if let Some(length) = self.length
            && headers
                .get(CONTENT_LENGTH)
                .is_some_and(|value| value.as_bytes().contains(&b','))
        {
            headers.insert(CONTENT_LENGTH, length.into());
        }
    }

    /// The fault that makes the end of the body ambiguous, or one that is harmless.
    pub(super) fn fault(self) -> Option<HeaderFault> {
        let identity = (self.coding == Some(Coding::Identity)).then_some(HeaderFault {
            problem: "the coding identity",
            header: Some(TRANSFER_ENCODING),
            is_framing: false,
        });
        self.fault.or(identity)
    }
}
