//! The keys that a sender or a gate may use by mistake instead of the secret.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use tower_cartgate::{Secret, Weakness};

use super::cause::Cause;
use super::text::hex_decoded;

/// Returns each mistaken key for this secret, with its cause. Each is zeroized like the secret.
pub(super) fn variants(secret: &Secret) -> impl Iterator<Item = (Cause, Secret)> {
    let text = secret.expose();
    let sender = at_the_sender(text).into_iter();
    let newline = [(Cause::SecretNewline, without_line_end(text).to_vec())].into_iter();
    let forms = |found: Vec<(Cause, Vec<u8>)>| {
        let found: Vec<_> = found.into_iter().filter(|(_, key)| key != text).collect();
        found
            .into_iter()
            .filter_map(|(cause, key)| Some((cause, usable(key)?)))
    };
    forms(sender.chain(newline).collect())
        .chain(saved_by_mistake(secret))
        .chain(forms(in_another_form(text)))
}

/// Returns the repaired secrets if the secret here was saved with one or two additions, such as
/// quotes in a line of YAML.
fn saved_by_mistake(secret: &Secret) -> Vec<(Cause, Secret)> {
    let repaired = |secret: &Secret| {
        let weaknesses = secret.weaknesses().into_iter();
        let repaired =
            weaknesses.filter_map(|weakness| Some((weakness, secret.repaired(weakness)?)));
        repaired.collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    for (weakness, once) in repaired(secret) {
        let Some(cause) = cause_of(weakness) else {
            continue;
        };
        let twice = repaired(&once);
        found.push((cause, once));
        found.extend(twice.into_iter().map(|(_, twice)| (cause, twice)));
    }
    found
}

fn cause_of(weakness: Weakness) -> Option<Cause> {
    Some(match weakness {
        Weakness::Bom => Cause::SecretBom,
        Weakness::Quotes => Cause::SecretQuotes,
        Weakness::SpacesAround => Cause::SecretSpaces,
        Weakness::Utf16 => Cause::SecretUtf16,
        Weakness::Invisible => Cause::SecretInvisible,
        Weakness::EscapedNewline => Cause::SecretEscapedNewline,
        Weakness::Lines => Cause::SecretLines,
        Weakness::ConfigurationLine => Cause::SecretAssignment,
        Weakness::Json => Cause::SecretJson,
        _ => return None,
    })
}

/// Drops NUL bytes at the end of a decoded key. HMAC pads with NUL, so the key stays the same.
fn usable(mut key: Vec<u8>) -> Option<Secret> {
    while key.last() == Some(&0) {
        key.pop();
    }
    Secret::new(key).ok()
}

/// Returns the keys of a sender that changes the secret.
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

/// Returns the genuine secret if the secret here is another form of it.
fn in_another_form(text: &[u8]) -> Vec<(Cause, Vec<u8>)> {
    vec![
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
    ]
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .rposition(|byte| !matches!(byte, b'\n' | b'\r'))
        .map_or(0, |last| last + 1);
    &text[..end]
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
