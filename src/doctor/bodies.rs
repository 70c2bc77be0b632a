//! The bodies that a sender may have signed, derived from the received one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cause::Cause;
use super::text::{as_latin1, form_decoded, form_encoded, from_latin1};

const BOM: &[u8] = b"\xef\xbb\xbf";

type Undo = fn(&[u8]) -> Option<Vec<u8>>;

/// The changes that may have happened to the body, each with its inverse. They are applied one at a
/// time, because a body may be large.
pub(super) const CHANGES: &[(Cause, Undo)] = &[
    (Cause::EmptyBodySigned, |_| Some(Vec::new())),
    (Cause::NewlineAdded, |body| {
        body.strip_suffix(b"\n").map(<[u8]>::to_vec)
    }),
    (Cause::NewlineAdded, |body| {
        body.strip_suffix(b"\r\n").map(<[u8]>::to_vec)
    }),
    (Cause::NewlineLost, |body| Some([body, b"\n"].concat())),
    (Cause::NewlineLost, |body| Some([body, b"\r\n"].concat())),
    (Cause::SpaceAdded, |body| Some(body.trim_ascii().to_vec())),
    (Cause::LineEnds, |body| Some(lf_only(body))),
    (Cause::LineEnds, |body| Some(crlf(&lf_only(body)))),
    (Cause::BodyBom, |body| {
        body.strip_prefix(BOM).map(<[u8]>::to_vec)
    }),
    (Cause::BodyBom, |body| Some([BOM, body].concat())),
    (Cause::Charset, as_latin1),
    (Cause::Charset, from_latin1),
    (Cause::FormEncoding, |body| Some(form_decoded(body))),
    (Cause::FormEncoding, |body| {
        form_value(body).map(form_decoded)
    }),
    (Cause::FormEncoding, |body| Some(form_encoded(body, "+"))),
    (Cause::FormEncoding, |body| Some(form_encoded(body, "%20"))),
    (Cause::BodyBase64, |body| {
        STANDARD.decode(body.trim_ascii()).ok()
    }),
    (Cause::BodyBase64, |body| {
        Some(STANDARD.encode(body).into_bytes())
    }),
    (Cause::JsonInString, |body| {
        serde_json::from_slice(body).ok().map(String::into_bytes)
    }),
    (Cause::JsonInString, |body| {
        serde_json::to_vec(std::str::from_utf8(body).ok()?).ok()
    }),
];

fn lf_only(body: &[u8]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(body.len());
    for (place, &byte) in body.iter().enumerate() {
        if byte != b'\r' || body.get(place + 1) != Some(&b'\n') {
            changed.push(byte);
        }
    }
    changed
}

fn crlf(body: &[u8]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(body.len() + body.len() / 16);
    for &byte in body {
        if byte == b'\n' {
            changed.push(b'\r');
        }
        changed.push(byte);
    }
    changed
}

/// Returns the value after `payload=`.
fn form_value(body: &[u8]) -> Option<&[u8]> {
    const LONGEST_NAME: usize = 64;
    let equals = body
        .iter()
        .take(LONGEST_NAME)
        .position(|&byte| byte == b'=')?;
    Some(&body[equals + 1..])
}

/// Returns whether the body begins like gzip, zstd or zlib data.
pub(super) fn is_compressed(body: &[u8]) -> bool {
    const MAGIC: &[&[u8]] = &[
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"\x78\x9c",
        b"\x78\xda",
        b"\x78\x01",
    ];
    MAGIC.iter().any(|magic| body.starts_with(magic))
}
