//! Small text codecs of the doctor: hex, percent-encoding, form encoding, Latin-1.

/// Decodes an even number of hex digits.
pub(super) fn hex_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// Decodes `%2B` and the like. Other text stays as it is.
pub(super) fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escape = (first == b'%')
            .then(|| tail.get(..2).and_then(hex_decoded))
            .flatten();
        match escape {
            Some(byte) => {
                decoded.extend(byte);
                rest = &tail[2..];
            }
            None => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    decoded
}

/// Decodes a form's body, where `+` is a space.
pub(super) fn form_decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|&byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_decoded(&spaced)
}

/// Encodes bytes like the form encoding of the URL standard, with `space` for a space.
pub(super) fn form_encoded(bytes: &[u8], space: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len() * 3);
    for &byte in bytes {
        match byte {
            b' ' => encoded.extend_from_slice(space.as_bytes()),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                encoded.push(byte);
            }
            _ => encoded.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    encoded
}

/// Returns UTF-8 text as Latin-1, if it has only such letters and not only ASCII.
pub(super) fn as_latin1(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.is_ascii())?;
    text.chars()
        .map(|letter| u8::try_from(u32::from(letter)).ok())
        .collect()
}

/// Interprets bytes as Latin-1 and returns them as UTF-8. Returns none for ASCII.
pub(super) fn from_latin1(bytes: &[u8]) -> Option<Vec<u8>> {
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    (!bytes.is_ascii()).then(|| text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_whole_or_nothing() {
        assert_eq!(hex_decoded(b"00fFa1"), Some(vec![0, 255, 0xa1]));
        for wrong in [&b""[..], b"0", b"0g", b"+1"] {
            assert_eq!(hex_decoded(wrong), None);
        }
    }

    #[test]
    fn percent_and_form_go_both_ways() {
        assert_eq!(percent_decoded(b"a%2Bb%zz%4"), b"a+b%zz%4");
        assert_eq!(form_decoded(b"a+b%2B"), b"a b+");
        assert_eq!(form_encoded("a b/é".as_bytes(), "+"), b"a+b%2F%C3%A9");
        assert_eq!(form_encoded(b"a b", "%20"), b"a%20b");
    }

    #[test]
    fn latin1_goes_both_ways() {
        assert_eq!(as_latin1("é".as_bytes()), Some(vec![0xe9]));
        assert_eq!(from_latin1(&[0xe9]), Some("é".as_bytes().to_vec()));
        assert_eq!(as_latin1("€".as_bytes()), None);
        assert_eq!(as_latin1(b"ascii"), None);
        assert_eq!(from_latin1(b"ascii"), None);
    }
}
