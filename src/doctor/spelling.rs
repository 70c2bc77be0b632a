//! The forms in which senders write a MAC. They are far more lenient than verification may be,
//! because they only explain a rejection.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use subtle::ConstantTimeEq;

use super::cause::Cause;
use super::text::{hex_decoded, percent_decoded};

/// The limit of a value that is examined.
const MAX_LENGTH: usize = 1024;

/// The minimum of bytes that count as a part of a MAC. Fewer bytes are a word that happens to
/// decode.
const MIN_BYTES: usize = 8;

/// The bytes that a value may stand for, and the mistake in their form.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) spelling: Option<Cause>,
    pub(super) tag: Vec<u8>,
}

/// The readings of a header's value, the plainest first.
#[derive(Clone, Debug)]
pub(super) struct Readings(Vec<Reading>);

impl Readings {
    pub(super) fn of(value: &[u8]) -> Self {
        let mut readings = Vec::new();
        if value.len() <= MAX_LENGTH {
            readings.extend(plain(value));
            for (spelling, inner) in unwrapped(value) {
                let inside = plain(&inner);
                readings.extend(inside.into_iter().map(|reading| Reading {
                    spelling: Some(spelling),
                    ..reading
                }));
            }
        }
        Self(readings)
    }

    /// Returns the plainest reading.
    pub(super) fn first(&self) -> Option<&Reading> {
        self.0.first()
    }

    /// Returns the reading that equals this MAC. Compares in constant time, because some of the
    /// MACs come from genuine secrets, and an attacker can measure the time.
    pub(super) fn find(&self, mac: &[u8]) -> Option<&Reading> {
        self.0
            .iter()
            .find(|reading| bool::from(reading.tag.ct_eq(mac)))
    }

    /// Returns a reading that is the beginning of this MAC.
    pub(super) fn find_beginning(&self, mac: &[u8]) -> Option<&Reading> {
        let possible = MIN_BYTES..mac.len();
        self.0.iter().find(|reading| {
            let length = reading.tag.len();
            possible.contains(&length) && bool::from(reading.tag.ct_eq(&mac[..length]))
        })
    }
}

fn plain(value: &[u8]) -> Vec<Reading> {
    let hex = hex_decoded(value)
        .filter(|tag| tag.len() >= 16)
        .map(|tag| Reading {
            spelling: Some(Cause::Hex),
            tag,
        });
    let mut readings: Vec<_> = hex.into_iter().collect();
    if let Some(reading) = base64(value) {
        let text = hex_decoded(&reading.tag).filter(|tag| tag.len() >= 16);
        readings.extend(text.map(|tag| Reading {
            spelling: Some(Cause::HexInBase64),
            tag,
        }));
        readings.push(reading);
    }
    readings
}

/// Decodes Base64, first with the strict standard engine. Each further engine accepts one more
/// deviation.
fn base64(value: &[u8]) -> Option<Reading> {
    const ANY_PADDING: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const LOOSE: GeneralPurposeConfig = ANY_PADDING.with_decode_allow_trailing_bits(true);
    let engines = [
        (None, general_purpose::STANDARD),
        (
            Some(Cause::Unpadded),
            GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING),
        ),
        (
            Some(Cause::NonCanonical),
            GeneralPurpose::new(&alphabet::STANDARD, LOOSE),
        ),
        (
            Some(Cause::UrlSafe),
            GeneralPurpose::new(&alphabet::URL_SAFE, LOOSE),
        ),
    ];
    engines.into_iter().find_map(|(spelling, engine)| {
        let tag = engine
            .decode(value)
            .ok()
            .filter(|tag| tag.len() >= MIN_BYTES)?;
        Some(Reading { spelling, tag })
    })
}

/// Returns the inner value for each kind of wrapping around the value.
fn unwrapped(value: &[u8]) -> Vec<(Cause, Vec<u8>)> {
    let mut found = Vec::new();
    if let Some(first) = value
        .split(|&byte| byte == b',')
        .next()
        .filter(|first| first.len() < value.len())
    {
        found.push((Cause::List, first.trim_ascii().to_vec()));
    }
    if let [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] = value {
        found.push((Cause::Quoted, inner.to_vec()));
    }
    found.extend(without_prefix(value).map(|rest| (Cause::Prefixed, rest.to_vec())));
    if value.contains(&b'%') {
        found.push((Cause::PercentEncoded, percent_decoded(value)));
    }
    if value.iter().any(u8::is_ascii_whitespace) {
        let plus = value
            .iter()
            .map(|&byte| if byte == b' ' { b'+' } else { byte })
            .collect();
        let joined = value
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        found.extend([(Cause::PlusAsSpace, plus), (Cause::Broken, joined)]);
    }
    found
}

/// Drops a prefix: `sha256=` (GitHub), `v1,` (Standard Webhooks), `v0=` (Slack), or the name of a
/// scheme and a space.
fn without_prefix(value: &[u8]) -> Option<&[u8]> {
    const LONGEST_WORD: usize = 24;
    let end = value
        .iter()
        .position(|byte| matches!(byte, b'=' | b',' | b':' | b' '))?;
    let rest = value[end + 1..].trim_ascii();
    (end > 0 && end <= LONGEST_WORD && rest.len() > LONGEST_WORD).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 32] = *b"\xfb\xef\xbe0123456789abcdefghijklmno-pq\xff";

    fn spelling(value: &str) -> Option<Option<Cause>> {
        Readings::of(value.as_bytes())
            .find(&MAC)
            .map(|reading| reading.spelling)
    }

    #[test]
    fn each_form_is_read_and_named() {
        let standard = general_purpose::STANDARD.encode(MAC);
        let hex: String = MAC.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            standard.starts_with("+++"),
            "the alphabets must differ here"
        );
        for (value, named) in [
            (standard.clone(), None),
            (hex.clone(), Some(Cause::Hex)),
            (hex.to_uppercase(), Some(Cause::Hex)),
            (general_purpose::URL_SAFE.encode(MAC), Some(Cause::UrlSafe)),
            (
                general_purpose::URL_SAFE_NO_PAD.encode(MAC),
                Some(Cause::UrlSafe),
            ),
            (
                general_purpose::STANDARD_NO_PAD.encode(MAC),
                Some(Cause::Unpadded),
            ),
            (format!("{standard}, {standard}"), Some(Cause::List)),
            (format!("\"{standard}\""), Some(Cause::Quoted)),
            (format!("sha256={hex}"), Some(Cause::Prefixed)),
            (format!("sha256={standard}"), Some(Cause::Prefixed)),
            (
                standard.replace('+', "%2B").replace('=', "%3D"),
                Some(Cause::PercentEncoded),
            ),
            (standard.replace('+', " "), Some(Cause::PlusAsSpace)),
            (
                format!("{}\n{}", &standard[..20], &standard[20..]),
                Some(Cause::Broken),
            ),
            (
                general_purpose::STANDARD.encode(&hex),
                Some(Cause::HexInBase64),
            ),
        ] {
            assert_eq!(spelling(&value), Some(named), "{value}");
        }
        let mut second = standard.into_bytes();
        second[42] += 1;
        assert_eq!(
            spelling(std::str::from_utf8(&second).expect("ASCII")),
            Some(Some(Cause::NonCanonical))
        );
    }

    #[test]
    fn another_mac_is_not_found() {
        assert_eq!(spelling(&general_purpose::STANDARD.encode([7; 32])), None);
        assert!(Readings::of(b"garbage").first().is_none());
        assert_eq!(spelling("no signature at all!"), None);
        assert_eq!(spelling(&"A".repeat(5000)), None);
    }

    #[test]
    fn a_beginning_is_found_if_it_is_long_enough() {
        let of = |length: usize| {
            Readings::of(general_purpose::STANDARD.encode(&MAC[..length]).as_bytes())
        };
        assert!(of(16).find_beginning(&MAC).is_some());
        assert!(of(4).find_beginning(&MAC).is_none());
        assert!(
            of(32).find_beginning(&MAC).is_none(),
            "the whole is no beginning"
        );
    }
}
