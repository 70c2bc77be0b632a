//! A request as a server reads it. The apps respond with lines in hexadecimal: `method`, `target`,
//! `header NAME VALUE` and `body SHA-256`.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// The values by the lowercase name.
pub(crate) type Headers = BTreeMap<String, Vec<Vec<u8>>>;

/// The parts of a request that an app acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Headers,
    /// The SHA-256 of the body, in hexadecimal.
    pub(crate) body: String,
}

impl Reading {
    /// Parses the response of an app.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (mut method, mut target, mut body) = (None, None, None);
        let mut headers = Headers::new();
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["method", method_hex] => method = Some(bytes(method_hex)?),
                ["target", target_hex] => target = Some(bytes(target_hex)?),
                ["header", name, value] => {
                    let name = String::from_utf8(bytes(name)?).ok()?.to_ascii_lowercase();
                    headers.entry(name).or_default().push(bytes(value)?);
                }
                ["body", digest] => body = Some(digest.to_owned()),
                _ => return None,
            }
        }
        Some(Self {
            method: method?,
            target: target?,
            headers,
            body: body?,
        })
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
    digits.map(byte).collect()
}
