//! Determines from the headers of a response how its body is framed, and whether its connection
//! can be reused.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Version,
    header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};

use super::{body_decoder::BodyDecoder, header_fault::HeaderFault};

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
    /// No coding (RFC 2616, section 3.6).
    Identity,
}

impl ResponseFraming {
    /// Adds a header.
    pub(super) fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        if name == CONTENT_LENGTH {
            self.add_length(value.as_bytes());
        } else if name == TRANSFER_ENCODING {
            self.add_coding(value.as_bytes());
        } else if name == CONNECTION {
            self.add_connection(value.as_bytes());
        }
    }

    /// Adds a list of lengths. Equal lengths count as one (RFC 9110, section 8.6).
    fn add_length(&mut self, value: &[u8]) {
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

    fn add_coding(&mut self, value: &[u8]) {
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

    /// Adds a list of options. Without ASCII it is no such list, and keeps nothing open.
    fn add_connection(&mut self, value: &[u8]) {
        let is_list = value.is_ascii();
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= is_list && option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn ambiguous(&mut self, header: HeaderName, problem: &'static str) {
        self.set_fault(HeaderFault {
            problem,
            header: Some(header),
            is_framing: true,
        });
    }

    /// Adds a dropped line. It may have been meant as `Connection: close`.
    pub(super) fn add_dropped(&mut self, fault: &HeaderFault) {
        self.close = true;
        if fault.is_framing {
            self.set_fault(fault.clone());
        }
    }

    fn set_fault(&mut self, fault: HeaderFault) {
        self.close = true;
        self.fault.get_or_insert(fault);
    }

    /// Returns the decoder of the body. RFC 9112, section 6.3, has a proxy discard a response with
    /// ambiguous framing. But the app has processed the delivery, so its status counts; only the
    /// body is dropped, and the connection closed.
    pub(super) fn decoder(&mut self, status: StatusCode, version: Version) -> BodyDecoder {
        if self.coding == Some(Coding::Chunked) && self.length.is_some() {
            self.ambiguous(TRANSFER_ENCODING, "a coding beside a length");
        }
        if self.coding.is_some() && version == Version::HTTP_10 {
            // RFC 9112, section 6.1.
            self.ambiguous(TRANSFER_ENCODING, "a coding in HTTP/1.0");
        }
        let is_empty = status.is_informational() || [204, 304].contains(&status.as_u16());
        if is_empty || self.fault.is_some() {
            // An app that announces a body where none is allowed may send it later.
            self.close |= self.coding.is_some() || self.length.is_some_and(|length| length > 0);
            return BodyDecoder::length(0);
        }
        match (self.coding, self.length) {
            (Some(Coding::Chunked), _) => BodyDecoder::chunked(),
            (coding, Some(length)) => {
                self.close |= coding.is_some();
                BodyDecoder::length(length)
            }
            (_, None) => BodyDecoder::UntilClose,
        }
    }

    /// Returns whether the connection can be reused (RFC 9112, section 9.3).
    pub(super) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }

    /// Adapts the headers to the body: merges equal lengths, and removes the framing of a dropped
    /// body.
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

    /// Returns the fault that makes the end of the body ambiguous, or else a harmless one.
    pub(super) fn fault(self) -> Option<HeaderFault> {
        let identity = (self.coding == Some(Coding::Identity)).then_some(HeaderFault {
            problem: "the coding identity",
            header: Some(TRANSFER_ENCODING),
            is_framing: false,
        });
        self.fault.or(identity)
    }
}
