//! The operator's e-mail address, which the ACME server gets.

use std::{fmt, str::FromStr};

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact(String);

/// The text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one e-mail address such as \"ops@shop.example\"")]
pub struct ContactError;

impl Contact {
    /// Returns the address as ACME writes it.
    pub(super) fn url(&self) -> String {
        format!("mailto:{}", self.0)
    }
}

impl FromStr for Contact {
    type Err = ContactError;

    fn from_str(text: &str) -> Result<Self, ContactError> {
        let address = text.strip_prefix("mailto:").unwrap_or(text);
        // RFC 8555 permits neither several addresses nor header fields (`?subject=`).
        let plain = |byte: u8| byte.is_ascii_graphic() && !b",?\"<>()".contains(&byte);
        let has_both = address.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        });
        let is_address = has_both && address.bytes().all(plain);
        is_address
            .then(|| Self(address.to_owned()))
            .ok_or(ContactError)
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_address_is_a_contact() {
        for text in ["ops@shop.example", "mailto:ops@shop.example"] {
            let contact = text.parse::<Contact>().expect("an address");
            assert_eq!(contact.url(), "mailto:ops@shop.example");
            assert_eq!(contact.to_string(), "ops@shop.example");
        }
        for text in [
            "",
            "ops",
            "@a",
            "a@",
            "a@b@c",
            "a@b,c@d",
            "a@b?x=y",
            "a b@c",
            "Ops <a@b>",
        ] {
            assert_eq!(text.parse::<Contact>(), Err(ContactError), "{text}");
        }
    }
}
