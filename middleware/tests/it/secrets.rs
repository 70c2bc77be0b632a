//! Tests of secrets, names and keyrings: errors, warnings, and redaction.

use tower_cartgate::{
    Keyring, KeyringError, Policy, Secret, SecretError, SecretName, Signer, VerifyLayer,
    VerifyService, Weakness,
};

use crate::support::{BODY, policy, secret, signer, whole};

const PLANTED: &str = "PLANTED-secret-text";

#[test]
fn one_line_ending_is_dropped_and_no_more() {
    let line = |text: &[u8]| Secret::from_line(text).unwrap().expose().to_vec();
    assert_eq!(line(b"text"), b"text");
    assert_eq!(line(b"text\n"), b"text");
    assert_eq!(line(b"text\r\n"), b"text");
    assert_eq!(line(b"text\n\n"), b"text\n");
    assert_eq!(line(b"text\r\n\r\n"), b"text\r\n");
    assert_eq!(line(b"text\r"), b"text\r");
    assert_eq!(line(b" text \n"), b" text ");
    assert_eq!(Secret::new("text\n").unwrap().expose(), b"text\n");
}

#[test]
fn keyrings_accept_the_same_whatever_the_names_and_the_order() {
    let keyring = |secrets: &[(&str, &str)]| {
        let named = secrets.iter().map(|(name, secret)| {
            let secret = Secret::new(*secret).unwrap();
            (name.parse().unwrap(), secret)
        });
        Keyring::new(named).unwrap()
    };
    let both = keyring(&[("a", "one"), ("b", "two")]);
    for (other, same) in [
        (keyring(&[("b", "two"), ("a", "one")]), true),
        (keyring(&[("x", "one"), ("y", "two")]), true),
        (keyring(&[("a", "one")]), false),
        (keyring(&[("a", "one"), ("b", "three")]), false),
        (keyring(&[("a", "one"), ("b", "two"), ("c", "3")]), false),
    ] {
        assert_eq!(both.accepts_the_same(&other), same, "{other:?}");
        assert_eq!(other.accepts_the_same(&both), same, "{other:?}");
    }
}

#[test]
fn what_hmac_cannot_tell_apart_is_refused() {
    for empty in ["", "\n", "\r\n"] {
        assert_eq!(Secret::from_line(empty).unwrap_err(), SecretError::Empty);
    }
    assert_eq!(Secret::new("").unwrap_err(), SecretError::Empty);
    for ending in ["text\0", "\0", "text\0\n"] {
        assert_eq!(
            Secret::from_line(ending).unwrap_err(),
            SecretError::EndsInNul
        );
    }
    assert!(Secret::new("te\0xt").is_ok());
}

#[test]
fn accidents_are_warned_of() {
    let weaknesses = |text: &str| Secret::new(text).unwrap().weaknesses();
    assert_eq!(weaknesses("sixteen bytes ok"), []);
    assert_eq!(weaknesses("fifteen bytes.."), [Weakness::Short]);
    assert_eq!(weaknesses("\u{feff}sixteen bytes ok"), [Weakness::Bom]);
    assert_eq!(weaknesses("\"sixteen bytes ok\""), [Weakness::Quotes]);
    assert_eq!(weaknesses("sixteen bytes ok'"), [Weakness::Quotes]);
    assert_eq!(weaknesses("sixteen bytes ok\n"), [Weakness::SpacesAround]);
    assert_eq!(
        weaknesses(" short\""),
        [Weakness::Quotes, Weakness::SpacesAround, Weakness::Short]
    );
}

#[test]
fn what_was_saved_around_a_secret_is_warned_of_and_can_be_taken_off() {
    let meant = "sixteen bytes ok";
    let wide = |text: &str| text.bytes().flat_map(|byte| [0, byte]).collect::<Vec<_>>();
    for (saved, weakness) in [
        ("“sixteen bytes ok”".into(), Weakness::Quotes),
        ("sixteen bytes ok\u{a0}".into(), Weakness::Invisible),
        (
            "\u{2060}sixteen bytes ok\u{200b}".into(),
            Weakness::Invisible,
        ),
        ("sixteen bytes ok\\n".into(), Weakness::EscapedNewline),
        ("# a comment\nsixteen bytes ok".into(), Weakness::Lines),
        (
            "secret: sixteen bytes ok".into(),
            Weakness::ConfigurationLine,
        ),
        ("- sixteen bytes ok".into(), Weakness::ConfigurationLine),
        ("-n sixteen bytes ok".into(), Weakness::ConfigurationLine),
        (
            "export SECRET='sixteen bytes ok'".into(),
            Weakness::ConfigurationLine,
        ),
        (r#"{"secret":"sixteen bytes ok"}"#.into(), Weakness::Json),
        (wide(meant), Weakness::Utf16),
        (
            [b"\xfe\xff".to_vec(), wide(meant)].concat(),
            Weakness::Utf16,
        ),
    ] as [(Vec<u8>, _); 12]
    {
        let secret = Secret::new(saved.clone()).unwrap();
        let shown = saved.escape_ascii();
        assert!(secret.weaknesses().contains(&weakness), "{shown}");
        assert!(!weakness.to_string().contains("sixteen"));
        assert_eq!(
            secret.repaired(weakness).unwrap().expose(),
            meant.as_bytes(),
            "{shown}"
        );
    }
    for plain in [
        "c2l4dGVlbiBieXRlcyBvaw==",
        "whsec_c2l4dGVlbg==",
        "{sixteen: bytes}",
        "a-b: short",
    ] {
        let found = Secret::new(plain).unwrap().weaknesses();
        assert!(
            found.iter().all(|one| *one == Weakness::Short),
            "{plain}: {found:?}"
        );
    }
}

#[test]
fn a_name_is_1_to_64_plain_characters() {
    for name in ["a", "shop-1_2026", &"x".repeat(64)] {
        assert_eq!(name.parse::<SecretName>().unwrap().as_ref(), name);
    }
    for name in ["", "A", "a b", "ä", "a.b", "a\n", &"x".repeat(65)] {
        assert!(SecretName::try_from(name).is_err(), "{name:?}");
    }
}

fn entry(name: &str, text: impl Into<Vec<u8>>) -> (SecretName, Secret) {
    (name.parse().unwrap(), Secret::new(text).unwrap())
}

#[test]
fn a_keyring_holds_1_to_16_different_secrets() {
    let numbered = |count: usize| {
        Keyring::new((0..count).map(|n| entry(&format!("s{n}"), format!("secret {n}"))))
    };
    assert_eq!(numbered(0).unwrap_err(), KeyringError::Empty);
    assert_eq!(numbered(16).unwrap().names().count(), 16);
    assert_eq!(numbered(17).unwrap_err(), KeyringError::TooMany);

    let named_twice = Keyring::new([entry("one", "x"), entry("one", "y")]).unwrap_err();
    assert_eq!(named_twice, KeyringError::NameTwice("one".parse().unwrap()));
    let twice = KeyringError::SecretTwice("one".parse().unwrap(), "two".parse().unwrap());
    assert_eq!(
        Keyring::new([entry("one", "x"), entry("two", "x")]).unwrap_err(),
        twice
    );
}

/// HMAC replaces a key of over 64 bytes by its hash, so these two texts are one key.
#[test]
fn a_long_secret_and_its_hash_are_the_same_secret() {
    use sha2::Digest;
    let long = "long".repeat(20);
    let hash = sha2::Sha256::digest(&long).to_vec();
    let twice = KeyringError::SecretTwice("one".parse().unwrap(), "two".parse().unwrap());
    assert_eq!(
        Keyring::new([entry("one", long), entry("two", hash)]).unwrap_err(),
        twice
    );
}

#[test]
fn one_pass_serves_all_secrets() {
    for count in [1, 2, 4, 5, 16] {
        let secrets: Vec<_> = (0..count)
            .map(|n| entry(&format!("s{n}"), format!("secret {n}")))
            .collect();
        let keyring = Keyring::new(secrets.clone()).unwrap();
        for (name, secret) in secrets {
            let mut verifier = keyring.verifier();
            BODY.as_bytes()
                .chunks(4)
                .for_each(|part| verifier.update(part));
            assert_eq!(
                verifier.finish(&Signer::new(&secret).sign(BODY.as_bytes())),
                Some(name)
            );
        }
        let mut verifier = keyring.verifier();
        verifier.update(BODY.as_bytes());
        assert_eq!(verifier.finish(&signer().sign(BODY.as_bytes())), None);
    }
}

#[test]
fn nothing_shows_a_secret_or_a_payload() {
    let secret = Secret::new(PLANTED).unwrap();
    let keyring = Keyring::new([("shown".parse().unwrap(), secret.clone())]).unwrap();
    let policy = Policy::new(keyring.clone());
    let signer = Signer::new(&secret);
    let body = "PLANTED-payload";
    let mut request = http::Request::post("/").body(body).unwrap();
    signer.sign_request(&mut request);
    let verified = tower_cartgate::verify(&policy, request.headers(), body).unwrap();
    let service = VerifyService::new((), policy.clone());
    let shown = format!(
        "{secret:?} {keyring:?} {policy:?} {signer:?} {verified:?} {:?} {:?} {:?} {service:?} {:?}",
        verified.body(),
        verified.signature(),
        keyring.verifier(),
        VerifyLayer::new(policy.clone()),
    );
    assert!(!shown.contains("PLANTED"), "{shown}");
    assert!(!shown.contains(&verified.signature().encode()), "{shown}");
    assert!(shown.contains("shown"), "the names are there to be shown");
}

#[test]
fn a_signed_request_has_one_signature() {
    let mut request = whole(BODY).map(|_| BODY);
    let header = tower_cartgate::Signature::HEADER;
    request
        .headers_mut()
        .append(&header, "another".parse().unwrap());
    request
        .headers_mut()
        .insert("x-kept", "kept".parse().unwrap());
    signer().sign_request(&mut request);
    assert_eq!(request.headers().get_all(&header).iter().count(), 1);
    assert_eq!(request.headers()["x-kept"], "kept");
    assert!(tower_cartgate::verify(&policy(), request.headers(), BODY).is_ok());
    let other = http::HeaderName::from_static("x-shopify-hmac-sha256");
    Signer::new(&secret())
        .with_header(other.clone())
        .sign_request(&mut request);
    assert!(tower_cartgate::verify(&policy().with_header(other), request.headers(), BODY).is_ok());
}
