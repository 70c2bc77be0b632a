//! The keys that a sender or a gate may use by mistake for a secret.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use tower_cartgate::Secret;

use super::cause::Cause;
use super::text::hex_decoded;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Every mistaken key for this secret, with its cause. Each is wiped like the secret itself.
pub(super) fn variants(secret: &Secret) -> impl Iterator<Item = (Cause, Secret)> {
    let text = secret.expose();
    let found = at_the_sender(text).into_iter().chain(here(text));
    let found: Vec<_> = found.filter(|(_, key)| key != text).collect();
    found
        .into_iter()
        .filter_map(|(cause, key)| Some((cause, usable(key)?)))
}

/// HMAC pads with NUL, so a decoded key that ends in it is the same key without.
fn usable(mut key: Vec<u8>) -> Option<Secret> {
    while key.last() == Some(&0) {
        key.pop();
    }
    Secret::new(key).ok()
}

/// The sender uses something else than the secret as it stands here.
fn at_the_sender(text: &[u8]) -> Vec<(Cause, Vec<u8>)> {
    let around = |before: &[u8], after: &[u8]| [before, text, after].concat();
    let mut found = vec![
        (Cause::SenderSecretNewline, around(b"", b"\n")),
        (Cause::SenderSecretNewline, around(b"", b"\r\n")),
        (Cause::SenderSecretNewline, around(b"", b"\r")),
        (Cause::SenderSecretSpaces, around(b"", b" ")),
        (Cause::SenderSecretSpaces, around(b" ", b"")),
        (Cause::SenderSecretQuotes, around(b"\"", b"\"")),
        (Cause::SenderSecretQuotes, around(b"'", b"'")),
    ];
    found.extend(hex_decoded(text).map(|key| (Cause::SenderSecretHexDecoded, key)));
    // Standard Webhooks secrets are decoded without their prefix.
    let encoded = text.strip_prefix(b"whsec_").unwrap_or(text);
    found.extend(
        base64_decoded(encoded)
            .into_iter()
            .map(|key| (Cause::SenderSecretBase64Decoded, key)),
    );
    found
}

/// The secret here has something that the true one has not, or is a form of it.
fn here(text: &[u8]) -> Vec<(Cause, Vec<u8>)> {
    let mut found = vec![(Cause::SecretNewline, without_line_end(text).to_vec())];
    found.extend(
        text.strip_prefix(BOM)
            .map(|rest| (Cause::SecretBom, without_line_end(rest).to_vec())),
    );
    found.push((Cause::SecretSpaces, text.trim_ascii().to_vec()));
    if let [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] = text.trim_ascii() {
        found.push((Cause::SecretQuotes, inner.to_vec()));
    }
    found.extend(assigned(text).map(|key| (Cause::SecretAssignment, key.to_vec())));
    let first_line = text.split(|&byte| byte == b'\n').next().unwrap_or(text);
    found.push((Cause::SecretLines, first_line.trim_ascii().to_vec()));
    found.extend([
        (Cause::SecretDecoded, hex(text)),
        (Cause::SecretDecoded, hex(text).to_ascii_uppercase()),
        (
            Cause::SecretDecoded,
            general_purpose::STANDARD.encode(text).into_bytes(),
        ),
        (
            Cause::SecretDecoded,
            general_purpose::STANDARD_NO_PAD.encode(text).into_bytes(),
        ),
        (
            Cause::SecretDecoded,
            general_purpose::URL_SAFE.encode(text).into_bytes(),
        ),
        (Cause::SecretCase, text.to_ascii_lowercase()),
        (Cause::SecretCase, text.to_ascii_uppercase()),
    ]);
    found
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .rposition(|byte| !matches!(byte, b'\n' | b'\r'))
        .map_or(0, |last| last + 1);
    &text[..end]
}

/// The value of a line from an environment file: `export NAME="value"`.
fn assigned(text: &[u8]) -> Option<&[u8]> {
    let equals = text.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (&text[..equals], text[equals + 1..].trim_ascii());
    let named = name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' '));
    let value = match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        bare => bare,
    };
    (named && !name.is_empty()).then_some(value)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabets = [&alphabet::STANDARD, &alphabet::URL_SAFE];
    alphabets
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, LOOSE).decode(text).ok())
}
