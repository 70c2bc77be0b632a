//! Tests with published vectors, and with every malformed form of a signature header.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use tower_cartgate::{HeaderForm, Keyring, Policy, Secret, Signature, Signer, verify};

#[derive(Deserialize)]
struct MacCase {
    key: String,
    msg: String,
    tag: String,
    truncated: bool,
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

#[test]
fn the_signer_makes_the_tags_of_rfc_4231() {
    let cases: Vec<MacCase> =
        serde_json::from_str(include_str!("../data/rfc4231_hmac_sha256.json")).unwrap();
    assert_eq!(cases.len(), 7);
    assert_eq!(cases.iter().filter(|case| case.truncated).count(), 1);
    for case in cases {
        let signer = Signer::new(&Secret::new(hex(&case.key)).unwrap());
        let signature = signer.sign(&hex(&case.msg));
        let tag = hex(&case.tag);
        assert_eq!(tag.len(), if case.truncated { 16 } else { 32 });
        assert_eq!(signature.as_bytes()[..tag.len()], tag);
    }
}

#[derive(Deserialize)]
struct HeaderCases {
    secret: String,
    body: String,
    header: String,
    cases: Vec<HeaderCase>,
}

#[derive(Deserialize)]
struct HeaderCase {
    id: String,
    header_b64: String,
    accept: bool,
}

fn header_cases() -> HeaderCases {
    serde_json::from_str(include_str!("../data/signature_header_cases.json")).unwrap()
}

#[test]
fn each_of_the_297_headers_is_judged_as_it_should_be() {
    let file = header_cases();
    assert_eq!(file.cases.len(), 297);
    assert_eq!(file.cases.iter().filter(|case| case.accept).count(), 3);
    assert_eq!(file.header.to_lowercase(), Signature::HEADER.as_str());
    let policy = Policy::new(Keyring::single(Secret::new(file.secret).unwrap()));
    for case in file.cases {
        let value = BASE64_STANDARD.decode(&case.header_b64).unwrap();
        // An invalid header value cannot arrive.
        let accepted = HeaderValue::from_bytes(&value).is_ok_and(|value| {
            let headers = HeaderMap::from_iter([(Signature::HEADER, value)]);
            verify(&policy, &headers, file.body.clone()).is_ok()
        });
        assert_eq!(accepted, case.accept, "{}", case.id);
    }
}

#[test]
fn a_parsed_signature_is_written_as_it_was_read() {
    let file = header_cases();
    let good = file.cases.iter().find(|case| case.id == "good").unwrap();
    let good = BASE64_STANDARD.decode(&good.header_b64).unwrap();
    let signature = Signature::parse(&good).unwrap();
    assert_eq!(signature.encode().as_bytes(), good);
    assert_eq!(signature.to_string().as_bytes(), good);
    assert_eq!(signature.to_header_value().as_bytes(), good);
    assert_eq!(format!("{signature:?}"), "Signature(redacted)");
}

#[test]
fn a_log_can_name_the_form_of_a_header_without_its_value() {
    let canonical = Signature::from([0xfb; 32]).encode();
    let url_safe = canonical.replace('+', "-").replace('/', "_");
    assert_ne!(canonical, url_safe);
    let unpadded = canonical.trim_end_matches('=');
    let cases = [
        (vec![], HeaderForm::Absent),
        (
            vec![canonical.clone(), canonical.clone()],
            HeaderForm::Repeated,
        ),
        (vec![String::new()], HeaderForm::Empty),
        (vec![format!("{canonical},{canonical}")], HeaderForm::List),
        (vec!["fB".repeat(32)], HeaderForm::Hex),
        (vec![url_safe.clone()], HeaderForm::UrlSafe),
        (
            vec![url_safe.trim_end_matches('=').to_owned()],
            HeaderForm::UrlSafe,
        ),
        (vec![unpadded.to_owned()], HeaderForm::Unpadded),
        (vec![canonical.clone()], HeaderForm::Canonical),
        // A lenient decoder reads "...+w=" and "...+x=" as the same bytes.
        (
            vec![canonical.replace("s=", "t=")],
            HeaderForm::NonCanonical,
        ),
        (vec!["A".repeat(44)], HeaderForm::NonCanonical),
        (vec!["A".repeat(43) + "!"], HeaderForm::NonCanonical),
        (vec!["fb".repeat(31)], HeaderForm::Other),
        (vec!["A".repeat(8192)], HeaderForm::Other),
    ];
    for (values, form) in cases {
        let length = values.iter().map(String::len).sum();
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append(Signature::HEADER, value.parse().unwrap());
        }
        assert_eq!(
            HeaderForm::of(&headers, &Signature::HEADER),
            (form, length),
            "{values:?}"
        );
    }
}
