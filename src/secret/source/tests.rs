//! Tests of the syntax of sources, and of the results of reading them.

use super::*;

use std::fs;

fn source(typed: &str) -> Result<SecretSource, SourceSyntaxError> {
    typed.parse()
}

fn written(content: &[u8], mode: u32) -> (tempfile::TempDir, SecretSource) {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("secret");
    fs::write(&path, content).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
    (dir, SecretSource::file(default_name(), path))
}

#[test]
fn a_name_is_told_from_a_path() {
    for (typed, name, path) in [
        ("/run/secrets/shop", "default", "/run/secrets/shop"),
        ("current=/run/shop", "current", "/run/shop"),
        ("./a=b", "default", "./a=b"),
        ("old=a=b", "old", "a=b"),
    ] {
        let source = source(typed).expect(typed);
        assert_eq!(source.name().as_ref(), name, "{typed}");
        assert_eq!(source.place(), &SecretPlace::File(path.into()), "{typed}");
    }
    assert!(matches!(source("Big=x"), Err(SourceSyntaxError::Name)));
    assert!(matches!(source("=x"), Err(SourceSyntaxError::Name)));
    assert!(matches!(source("name="), Err(SourceSyntaxError::NoFile)));
    assert!(matches!(source(""), Err(SourceSyntaxError::NoFile)));
}

#[test]
fn one_newline_is_dropped_and_no_more() {
    for (content, expected) in [
        (
            &b"sixteen-bytes-or-more\n"[..],
            &b"sixteen-bytes-or-more"[..],
        ),
        (b"sixteen-bytes-or-more\r\n", b"sixteen-bytes-or-more"),
        (b"sixteen-bytes-or-more\n\n", b"sixteen-bytes-or-more\n"),
        (b"sixteen-bytes-or-more", b"sixteen-bytes-or-more"),
    ] {
        let (_dir, source) = written(content, 0o600);
        let (_, secret, _) = source.read().expect("readable");
        assert_eq!(secret.expose(), expected);
    }
}

#[test]
fn a_file_that_others_get_at_is_warned_of_and_a_private_one_is_not() {
    for (mode, can) in [
        (0o604, "can read the file"),
        (0o620, "can change the file"),
        (0o602, "can change the file"),
        (0o666, "can read and change the file"),
    ] {
        let (_dir, source) = written(b"a-secret-that-is-long-enough\n", mode);
        let (_, _, warnings) = source.read().expect("readable");
        assert_eq!(warnings.len(), 1, "{mode:o}");
        let text = warnings[0].to_string();
        assert!(text.contains("chmod 600") && text.contains(can), "{text}");
    }

    let (_dir, source) = written(b"a-secret-that-is-long-enough\n", 0o600);
    assert!(source.read().expect("readable").2.is_empty());
}

#[test]
fn weaknesses_are_warned_of_without_the_text() {
    let (_dir, source) = written(b"\"planted\"\n", 0o600);
    let (_, _, warnings) = source.read().expect("readable");
    assert!(!warnings.is_empty());
    assert!(
        warnings
            .iter()
            .all(|warning| !warning.to_string().contains("planted"))
    );
}

#[test]
fn errors_name_the_place_and_never_the_content() {
    let (_dir, empty) = written(b"\n", 0o600);
    let text = empty.read().expect_err("empty").to_string();
    assert!(text.contains("secret"), "{text}");

    let (_dir, nul) = written(b"planted\0", 0o600);
    assert!(!nul.read().expect_err("NUL").to_string().contains("planted"));

    let (_dir, long) = written(&vec![b'x'; 70_000], 0o600);
    assert!(matches!(long.read(), Err(SourceError::TooLong { .. })));

    let gone = source("/nowhere/at/all").expect("well formed");
    assert!(
        gone.read()
            .expect_err("missing")
            .to_string()
            .contains("/nowhere/at/all")
    );
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let source = SecretSource::from_env_var("CARTGATE_TEST_NEVER_SET");
    assert!(
        source
            .read()
            .expect_err("unset")
            .to_string()
            .contains("CARTGATE_TEST_NEVER_SET")
    );
}
