//! Tests that produce each cause and expect the diagnosis of it. An unrelated signature must get
//! none.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;
use tower_cartgate::{Secret, SecretName};

use super::*;

const KEY: &[u8] = b"Shared-Secret-0123456789";
const BODY: &[u8] = "{\"id\":17,\"total\":10.50,\"name\":\"Büyer & Co/Test\"}".as_bytes();

fn mac(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any length");
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

fn named(name: &str, key: &[u8]) -> (SecretName, Secret) {
    (
        name.parse().expect("a name"),
        Secret::new(key.to_vec()).expect("a secret"),
    )
}

/// Diagnoses `header` and `body` at a gate with the secret `gate`.
fn found(gate: &[u8], header: &str, body: &[u8]) -> Diagnosis {
    let secrets = [
        named("other", b"some-other-secret-of-the-shop"),
        named("shop", gate),
    ];
    diagnose(&secrets, Some(header.as_bytes()), body)
}

/// Diagnoses the body `arrived` at a gate with the secret `gate`, after the sender signed `signed`
/// with `sender`.
fn of(gate: &[u8], sender: &[u8], signed: &[u8], arrived: &[u8]) -> Diagnosis {
    found(gate, &STANDARD.encode(mac(sender, signed)), arrived)
}

#[track_caller]
fn assert_proved(diagnosis: &Diagnosis, cause: Cause) {
    assert_eq!(
        (diagnosis.cause(), diagnosis.certainty()),
        (cause, Certainty::Proved),
        "{diagnosis}"
    );
}

#[test]
fn the_true_one_is_genuine() {
    let diagnosis = of(KEY, KEY, BODY, BODY);
    assert_proved(&diagnosis, Cause::Genuine);
    assert_eq!(diagnosis.secret().map(AsRef::as_ref), Some("shop"));
}

#[test]
fn a_stranger_is_another_secret() {
    for body in [BODY, b"", b"\n", b"text", b"{}", b"\"\"", b"a=b"] {
        let diagnosis = of(
            KEY,
            b"an-honest-different-secret",
            b"and another body",
            body,
        );
        assert_eq!(diagnosis.cause(), Cause::AnotherSecret, "{diagnosis}");
        assert_eq!(diagnosis.certainty(), Certainty::Open);
        assert_eq!(diagnosis.secret(), None);
    }
}

#[test]
fn headers_that_hold_nothing() {
    assert_proved(
        &diagnose(&[named("shop", KEY)], None, BODY),
        Cause::HeaderAbsent,
    );
    assert_proved(&found(KEY, " ", BODY), Cause::HeaderEmpty);
    assert_proved(&found(KEY, "not-a-signature!", BODY), Cause::NotASignature);
}

#[test]
fn spellings_of_the_true_mac() {
    let true_one = mac(KEY, BODY);
    let standard = STANDARD.encode(&true_one);
    let hex: String = true_one.iter().map(|byte| format!("{byte:02x}")).collect();
    for (header, cause) in [
        (hex.clone(), Cause::Hex),
        (STANDARD.encode(&hex), Cause::HexInBase64),
        (standard.trim_end_matches('=').to_owned(), Cause::Unpadded),
        (format!("{standard},{standard}"), Cause::List),
        (format!("\"{standard}\""), Cause::Quoted),
        (format!("sha256={hex}"), Cause::Prefixed),
        (standard.replace('=', "%3D"), Cause::PercentEncoded),
        (
            format!("{} {}", &standard[..9], &standard[9..]),
            Cause::Broken,
        ),
        (STANDARD.encode(&true_one[..16]), Cause::Truncated),
    ] {
        let diagnosis = found(KEY, &header, BODY);
        assert_proved(&diagnosis, cause);
        assert_eq!(diagnosis.secret().map(AsRef::as_ref), Some("shop"));
    }
}

#[test]
fn alphabets_that_differ() {
    let body = (0..64u8).map(|byte| vec![byte]).find(|body| {
        let standard = STANDARD.encode(mac(KEY, body));
        standard.contains('+') && standard.contains('/')
    });
    let body = body.expect("one signature in three holds both");
    let true_one = mac(KEY, &body);
    assert_proved(
        &found(KEY, &URL_SAFE_NO_PAD.encode(&true_one), &body),
        Cause::UrlSafe,
    );
    assert_proved(
        &found(KEY, &STANDARD.encode(&true_one).replace('+', " "), &body),
        Cause::PlusAsSpace,
    );
    let mut second = STANDARD.encode(&true_one).into_bytes();
    second[42] = if second[42] == b'9' {
        b'+'
    } else {
        second[42] + 1
    };
    let second = String::from_utf8(second).expect("ASCII");
    assert_proved(&found(KEY, &second, &body), Cause::NonCanonical);
}

#[test]
fn a_form_without_the_mac_in_it_is_only_likely() {
    let diagnosis = found(KEY, &"ab".repeat(32), BODY);
    assert_eq!(
        (diagnosis.cause(), diagnosis.certainty()),
        (Cause::Hex, Certainty::Likely)
    );
    let diagnosis = found(KEY, &STANDARD.encode([7; 20]), BODY);
    assert_eq!(
        (diagnosis.cause(), diagnosis.certainty()),
        (Cause::OtherLength, Certainty::Likely)
    );
    assert!(diagnosis.to_string().contains("SHA-1"), "{diagnosis}");
}

#[test]
fn keys_that_the_sender_gets_wrong() {
    let hex_text = b"00112233445566778899aabbccddeeff";
    let base64_text = b"c2VjcmV0LXRoYXQtaXMtYmFzZTY0LXRleHQ=";
    for (gate, sender, cause) in [
        (KEY, [KEY, b"\n"].concat(), Cause::SenderSecretNewline),
        (KEY, [KEY, b"\r\n"].concat(), Cause::SenderSecretNewline),
        (KEY, [KEY, b" "].concat(), Cause::SenderSecretSpaces),
        (KEY, [b" ", KEY].concat(), Cause::SenderSecretSpaces),
        (KEY, [b"\"", KEY, b"\""].concat(), Cause::SenderSecretQuotes),
        (
            hex_text,
            text::hex_decoded(hex_text).expect("hex"),
            Cause::SenderSecretHexDecoded,
        ),
        (
            base64_text,
            STANDARD.decode(base64_text).expect("Base64"),
            Cause::SenderSecretBase64Decoded,
        ),
        (
            b"whsec_c2VjcmV0LXRoYXQ=",
            b"secret-that".to_vec(),
            Cause::SenderSecretBase64Decoded,
        ),
        (KEY, Vec::new(), Cause::SenderSecretEmpty),
    ] {
        assert_proved(&of(gate, &sender, BODY, BODY), cause);
    }
}

#[test]
fn a_decoded_key_that_ends_in_nul_is_found_too() {
    let sender = text::hex_decoded(b"aabbcc00").expect("hex");
    assert_proved(
        &of(b"aabbcc00", &sender, BODY, BODY),
        Cause::SenderSecretHexDecoded,
    );
}

#[test]
fn keys_that_are_wrong_here() {
    let around = |before: &[u8], after: &[u8]| [before, KEY, after].concat();
    for (gate, cause) in [
        (around(b"", b"\n"), Cause::SecretNewline),
        (around(b"", b"\r\n\n"), Cause::SecretNewline),
        (around(b"\xef\xbb\xbf", b""), Cause::SecretBom),
        (around(b" ", b""), Cause::SecretSpaces),
        (around(b"\t", b"  "), Cause::SecretSpaces),
        (around(b"'", b"'"), Cause::SecretQuotes),
        (around(b"\"", b"\" "), Cause::SecretQuotes),
        (around(b"CARTFUNNEL_SECRET=", b""), Cause::SecretAssignment),
        (around(b"export SECRET=\"", b"\""), Cause::SecretAssignment),
        (around(b"secret: ", b""), Cause::SecretAssignment),
        (around(b"secret: \"", b"\""), Cause::SecretAssignment),
        (around(b"- ", b""), Cause::SecretAssignment),
        (around(b"-n ", b""), Cause::SecretAssignment),
        (around("“".as_bytes(), "”".as_bytes()), Cause::SecretQuotes),
        (around(b"", "\u{a0}".as_bytes()), Cause::SecretInvisible),
        (around("\u{2060}".as_bytes(), b""), Cause::SecretInvisible),
        (around(b"", b"\\n"), Cause::SecretEscapedNewline),
        (around(b"{\"secret\":\"", b"\"}"), Cause::SecretJson),
        (around(b"# from the dashboard\n", b""), Cause::SecretLines),
        (around(b"# once\nSECRET=", b""), Cause::SecretLines),
        (around(b"", b"\nold-one"), Cause::SecretLines),
        (KEY.to_ascii_lowercase(), Cause::AnotherSecret),
    ] {
        let diagnosis = of(&gate, KEY, BODY, BODY);
        assert_eq!(diagnosis.cause(), cause, "{diagnosis}");
    }
    assert_proved(
        &of(b"AbCd-EfGh", b"abcd-efgh", BODY, BODY),
        Cause::SecretCase,
    );
    assert_proved(
        &of(b"\x01\x02\xfe", b"0102fe", BODY, BODY),
        Cause::SecretDecoded,
    );
    assert_proved(
        &of(b"\x01\x02\xfe", b"0102FE", BODY, BODY),
        Cause::SecretDecoded,
    );
    assert_proved(
        &of(
            b"\x01\x02\xfe\xff",
            STANDARD.encode(b"\x01\x02\xfe\xff").as_bytes(),
            BODY,
            BODY,
        ),
        Cause::SecretDecoded,
    );
}

#[test]
fn bodies_that_changed_on_the_way() {
    let with = |before: &[u8], after: &[u8]| [before, BODY, after].concat();
    let latin1 = text::as_latin1(BODY).expect("Latin-1 letters");
    for (signed, arrived, cause) in [
        (Vec::new(), BODY.to_vec(), Cause::EmptyBodySigned),
        (BODY.to_vec(), with(b"", b"\n"), Cause::NewlineAdded),
        (BODY.to_vec(), with(b"", b"\r\n"), Cause::NewlineAdded),
        (with(b"", b"\n"), BODY.to_vec(), Cause::NewlineLost),
        (with(b"", b"\r\n"), BODY.to_vec(), Cause::NewlineLost),
        (BODY.to_vec(), with(b" ", b" "), Cause::SpaceAdded),
        (
            b"a\nb\nc".to_vec(),
            b"a\r\nb\r\nc".to_vec(),
            Cause::LineEnds,
        ),
        (
            b"a\r\nb\r\nc".to_vec(),
            b"a\nb\nc".to_vec(),
            Cause::LineEnds,
        ),
        (BODY.to_vec(), with(b"\xef\xbb\xbf", b""), Cause::BodyBom),
        (with(b"\xef\xbb\xbf", b""), BODY.to_vec(), Cause::BodyBom),
        (latin1.clone(), BODY.to_vec(), Cause::Charset),
        (BODY.to_vec(), latin1, Cause::Charset),
        (
            b"{\"a b\":1}".to_vec(),
            b"%7B%22a+b%22%3A1%7D".to_vec(),
            Cause::FormEncoding,
        ),
        (
            b"{\"a b\":1}".to_vec(),
            b"payload=%7B%22a%20b%22%3A1%7D".to_vec(),
            Cause::FormEncoding,
        ),
        (
            b"%7B%22a+b%22%3A1%7D".to_vec(),
            b"{\"a b\":1}".to_vec(),
            Cause::FormEncoding,
        ),
        (
            BODY.to_vec(),
            STANDARD.encode(BODY).into_bytes(),
            Cause::BodyBase64,
        ),
        (
            STANDARD.encode(BODY).into_bytes(),
            BODY.to_vec(),
            Cause::BodyBase64,
        ),
        (
            b"{\"a\":1}".to_vec(),
            br#""{\"a\":1}""#.to_vec(),
            Cause::JsonInString,
        ),
        (
            br#""{\"a\":1}""#.to_vec(),
            b"{\"a\":1}".to_vec(),
            Cause::JsonInString,
        ),
    ] {
        assert_proved(&of(KEY, KEY, &signed, &arrived), cause);
    }
}

#[test]
fn json_written_anew_by_the_usual_libraries() {
    let compact = BODY.to_vec();
    let text = std::str::from_utf8(BODY).expect("UTF-8");
    for signed in [
        text.replace(',', ", ").replace(':', ": "),
        text.replace(',', ", ")
            .replace(':', ": ")
            .replace('ü', "\\u00fc"),
        text.replace('ü', "\\u00fc"),
        text.replace('/', "\\/"),
        text.replace('ü', "\\u00fc").replace('/', "\\/"),
        text.replace('&', "\\u0026"),
        "{\n  \"id\": 17,\n  \"total\": 10.50,\n  \"name\": \"Büyer & Co/Test\"\n}".to_owned(),
        "{\n    \"id\": 17,\n    \"total\": 10.50,\n    \"name\": \"Büyer & Co/Test\"\n}"
            .to_owned(),
        "{\"id\":17,\"name\":\"Büyer & Co/Test\",\"total\":10.50}".to_owned(),
    ] {
        let diagnosis = of(KEY, KEY, signed.as_bytes(), &compact);
        assert_proved(&diagnosis, Cause::JsonReSerialized);
        assert_proved(
            &of(KEY, KEY, &compact, signed.as_bytes()),
            match signed.find("name") < signed.find("total") {
                // Sorting cannot be undone, since the order before is not known.
                true => continue,
                false => Cause::JsonReSerialized,
            },
        );
    }
}

#[test]
fn other_algorithms() {
    let sha1 = {
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(KEY).expect("any length");
        mac.update(BODY);
        mac.finalize().into_bytes().to_vec()
    };
    let sha512 = {
        let mut mac = Hmac::<sha2::Sha512>::new_from_slice(KEY).expect("any length");
        mac.update(BODY);
        mac.finalize().into_bytes().to_vec()
    };
    let sha384 = {
        let mut mac = Hmac::<sha2::Sha384>::new_from_slice(KEY).expect("any length");
        mac.update(BODY);
        mac.finalize().into_bytes().to_vec()
    };
    let plain = |bytes: &[u8]| sha2::Sha256::digest(bytes).to_vec();
    for (tag, cause) in [
        (sha1, Cause::HmacSha1),
        (sha512, Cause::HmacSha512),
        (sha384, Cause::HmacSha384),
        (plain(BODY), Cause::PlainSha256),
        (plain(&[KEY, BODY].concat()), Cause::HashOfBoth),
        (plain(&[BODY, KEY].concat()), Cause::HashOfBoth),
        (mac(BODY, KEY), Cause::Swapped),
    ] {
        assert_proved(&found(KEY, &STANDARD.encode(&tag), BODY), cause);
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        let diagnosis = found(KEY, &hex, BODY);
        assert_proved(&diagnosis, cause);
        assert_eq!(diagnosis.spelling(), Some(Cause::Hex));
    }
}

#[test]
fn a_form_and_another_mistake_are_found_together() {
    let hex: String = mac(KEY, BODY)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let diagnosis = found(KEY, &hex, &[BODY, b"\n"].concat());
    assert_proved(&diagnosis, Cause::NewlineAdded);
    assert_eq!(diagnosis.spelling(), Some(Cause::Hex));
    assert!(diagnosis.to_string().contains("hex"));
}

#[test]
fn a_compressed_body_is_suspected() {
    let diagnosis = of(KEY, KEY, BODY, b"\x1f\x8b\x08 compressed");
    assert_eq!(
        (diagnosis.cause(), diagnosis.certainty()),
        (Cause::CompressedBody, Certainty::Likely)
    );
}

#[test]
fn a_long_body_is_tried_only_as_it_is() {
    let long = vec![b' '; MAX_BODY + 1];
    assert_proved(&of(KEY, KEY, &long, &long), Cause::Genuine);
    let diagnosis = of(KEY, KEY, b"", &long);
    assert_eq!(diagnosis.cause(), Cause::AnotherSecret);
    assert!(diagnosis.to_string().contains("too long"));
}

#[test]
fn nothing_said_holds_the_secret_or_the_body() {
    let gate = b"planted-secret \n";
    for header in [
        STANDARD.encode(mac(b"planted-secret", b"planted-body")),
        "planted-header".to_owned(),
    ] {
        let diagnosis = found(gate, &header, b"planted-body\n");
        for text in [
            diagnosis.to_string(),
            format!("{diagnosis:?}"),
            serde_json::to_string(&diagnosis).expect("JSON"),
        ] {
            assert!(!text.contains("planted"), "{text}");
        }
    }
}

#[test]
fn words_for_scripts_are_stable_and_distinct() {
    assert_eq!(Cause::JsonReSerialized.as_str(), "json-re-serialized");
    assert_eq!(Cause::AnotherSecret.as_str(), "another-secret");
    let diagnosis = serde_json::to_value(of(KEY, KEY, b"", BODY)).expect("JSON");
    assert_eq!(diagnosis["cause"], "empty-body-signed");
    assert_eq!(diagnosis["certainty"], "proved");
    assert_eq!(diagnosis["secret"], "shop");
}

#[test]
fn numbers_that_were_written_anew_are_found() {
    for (signed, received, words) in [
        (
            r#"{"total":19.90,"n":2}"#,
            r#"{"total":19.9,"n":2}"#,
            "19.90 for 19.9",
        ),
        (
            r#"{"total": 19.90, "n": 2}"#,
            r#"{"total":19.9,"n":2}"#,
            "19.90 for 19.9",
        ),
        (
            r#"{"total":20.00,"n":5.50}"#,
            r#"{"total":20,"n":5.5}"#,
            "20.00 for 20",
        ),
        (
            r#"{"total":19.9,"n":-2}"#,
            r#"{"total":19.90,"n":-2.00}"#,
            "19.9 for 19.90",
        ),
        (
            r#"{"total":20.0,"n":1.5}"#,
            r#"{"total":20,"n":1.5}"#,
            "20.0",
        ),
    ] {
        let diagnosis = of(KEY, KEY, signed.as_bytes(), received.as_bytes());
        assert_proved(&diagnosis, Cause::JsonReSerialized);
        assert!(diagnosis.to_string().contains(words), "{diagnosis}");
    }
}
