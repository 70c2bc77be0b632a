//! Signature headers from any bytes: nothing panics, and only the one canonical text of a signature
//! is accepted.
//!
//! Input: header values, one per line.

use http::{HeaderMap, HeaderValue};
use tower_cartgate::{HeaderForm, Signature};

pub fn run(data: &[u8]) {
    let values: Vec<&[u8]> = data.split(|&byte| byte == b'\n').collect();
    values.iter().for_each(|value| parse(value));
    form(&values);
}

/// The holder of one signature must not be able to write it in a second way.
fn parse(value: &[u8]) {
    let trimmed = trim(value);
    match Signature::parse(value) {
        Ok(signature) => {
            assert_eq!(signature.encode().as_bytes(), trimmed);
            assert_eq!(signature.to_header_value().as_bytes(), trimmed);
            assert_eq!(Some(*signature.as_bytes()), decode(trimmed));
        }
        Err(_) => assert_eq!(decode(trimmed), None, "a canonical signature was refused"),
    }
}

fn form(values: &[&[u8]]) {
    let mut headers = HeaderMap::new();
    for value in values {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(Signature::HEADER, value);
        }
    }
    let present: Vec<_> = headers.get_all(Signature::HEADER).iter().collect();
    let (form, length) = HeaderForm::of(&headers, &Signature::HEADER);
    assert_eq!(
        length,
        present.iter().map(|value| value.len()).sum::<usize>()
    );
    assert_eq!(form.to_string(), form.as_str());
    match present[..] {
        [] => assert_eq!(form, HeaderForm::Absent),
        [value] => {
            let canonical = decode(trim(value.as_bytes())).is_some();
            assert_eq!(form == HeaderForm::Canonical, canonical);
        }
        _ => assert_eq!(form, HeaderForm::Repeated),
    }
}

fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(start) = value.iter().position(|byte| !blank(byte)) else {
        return &[];
    };
    let end = value
        .iter()
        .rposition(|byte| !blank(byte))
        .expect("one is not blank");
    &value[start..=end]
}

/// Base64 by the text of RFC 4648, without a library.
fn decode(text: &[u8]) -> Option<[u8; 32]> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text
        .strip_suffix(b"=")
        .filter(|digits| digits.len() == 43)?;
    let mut bits = Vec::with_capacity(43 * 6);
    for digit in digits {
        let value = ALPHABET.iter().position(|letter| letter == digit)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1));
    }
    let (bytes, rest) = bits.split_at(256);
    let byte = |bits: &[usize]| bits.iter().fold(0, |byte, &bit| byte << 1 | bit as u8);
    let bytes: Vec<u8> = bytes.chunks(8).map(byte).collect();
    rest.iter()
        .all(|&bit| bit == 0)
        .then(|| bytes.try_into().expect("256 bits"))
}
