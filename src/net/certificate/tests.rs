//! Loads usable and unusable certificates.

use super::*;

use std::{fs, os::unix::fs::PermissionsExt as _};

const PLANTED: &str = "cGxhbnRlZC1rZXk";

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
        path
    }
}

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["gate.example".to_owned()]);
    let made = made.expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn refused(chain: &Path, key: &Path) -> String {
    let error = Certificate::load(chain, key).expect_err("it cannot be used");
    let text = error.to_string();
    assert!(!text.contains(PLANTED) && !text.contains("BEGIN"), "{text}");
    text
}

#[test]
fn a_key_in_place_of_its_path_is_not_shown() {
    let key = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----";
    let Err(error) = read(Path::new(key)) else {
        panic!("no such file");
    };
    let text = error.to_string();
    assert!(!text.contains("planted"), "{text}");
}

#[test]
fn errors_name_the_file_and_the_reason_and_never_the_content() {
    let files = Files::new();
    let (chain, key) = pair();
    let good_chain = files.write("chain", &chain, 0o644);
    let good_key = files.write("key", &key, 0o600);
    let stranger = files.write("stranger", &pair().1, 0o600);
    let empty = files.write("empty", "", 0o600);
    let torn = files.write(
        "torn",
        &format!("-----BEGIN PRIVATE KEY-----\n{PLANTED}\n"),
        0o600,
    );
    let odd = files.write("odd", &format!("-----BEGIN {PLANTED}\n"), 0o600);
    let wrapped = chain.replace("MII", PLANTED);
    let wrapped = files.write("wrapped", &wrapped, 0o600);
    let long = files.write("long", &"x".repeat(1024 * 1024 + 1), 0o600);
    let gone = files.0.path().join("gone");
    for (chain, key, parts) in [
        (&gone, &good_key, ["gone", "no such file"]),
        (&good_chain, &gone, ["gone", "no such file"]),
        (&empty, &good_key, ["empty", "no certificate"]),
        (&good_key, &good_key, ["key", "no certificate"]),
        (&good_chain, &empty, ["empty", "no private key"]),
        (&good_chain, &good_chain, ["chain", "no private key"]),
        (&good_chain, &torn, ["torn", "damaged"]),
        (&good_chain, &odd, ["odd", "damaged"]),
        (&wrapped, &good_key, ["wrapped", "damaged"]),
        (&long, &good_key, ["long", "longer than"]),
        (
            &good_chain,
            &stranger,
            ["stranger does not belong", "chain"],
        ),
    ] {
        let text = refused(chain, key);
        assert!(
            parts.iter().all(|part| text.contains(part)),
            "{text}: {parts:?}"
        );
    }
}

#[test]
fn one_file_may_hold_both_and_a_key_that_others_read_is_warned_of() {
    let files = Files::new();
    let (chain, key) = pair();
    for (mode, expected) in [(0o600, 0), (0o640, 0), (0o604, 1)] {
        let both = files.write("both", &format!("{key}{chain}"), mode);
        let (_, warnings) = Certificate::load(&both, &both).expect("usable");
        assert_eq!(warnings.len(), expected, "{mode:o}: {warnings:?}");
        assert!(
            warnings
                .iter()
                .all(|one| one.to_string().contains("chmod 600"))
        );
    }
}

#[test]
fn a_printed_certificate_shows_no_key() {
    let files = Files::new();
    let (chain, key) = pair();
    let both = files.write("both", &format!("{key}{chain}"), 0o600);
    let (certificate, _) = Certificate::load(&both, &both).expect("usable");
    let shown = format!("{certificate:?}");
    assert!(
        shown.starts_with("Certificate { expires: ") && shown.len() < 200,
        "{shown}"
    );
}
