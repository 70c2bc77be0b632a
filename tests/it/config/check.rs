//! Tests of `cartgate check`, and of `serve` with the files that `check` rejects.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use super::two_shops;
use crate::{
    program::write_secret,
    support::{App, PATIENCE, SECRET, ms},
};

/// A directory with a configuration and its secrets.
pub(super) struct Site {
    dir: tempfile::TempDir,
}

pub(super) struct Said {
    pub(super) status: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Site {
    pub(super) fn with(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("gate.toml"), text).expect("written");
        write_secret(&dir.path().join("secret"), SECRET);
        write_secret(
            &dir.path().join("another"),
            b"another planted secret of the tests",
        );
        Self { dir }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cartgate"))
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(self.path())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        // A gate that starts by mistake would run forever.
        let begun = Instant::now();
        while child.try_wait().expect("a child").is_none() && begun.elapsed() < PATIENCE {
            thread::sleep(ms(2));
        }
        let _ = child.kill();
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let said = Said {
            status: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        let secret = std::str::from_utf8(SECRET).expect("text");
        assert!(!said.out.contains(secret) && !said.err.contains(secret));
        said
    }
}

#[test]
fn a_good_file_can_be_used() {
    let site = Site::with(&two_shops(&App::content()));
    let said = site.run(&["check", "gate.toml"], &[]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    assert_eq!(said.out, "gate.toml: usable\n");
}

#[test]
fn each_mistake_is_a_line_that_editors_jump_to() {
    let text = two_shops(&App::content())
        .replace("workers", "wrkers")
        .replace("\"/carts\"", "\"carts\"")
        .replace("[\"other-shop\"]", "[\"othershop\"]");
    let site = Site::with(&text);
    let said = site.run(&["check", "gate.toml"], &[]);
    assert_eq!((said.status, said.out.as_str()), (Some(2), ""));
    let lines: Vec<_> = said.err.lines().collect();
    for (line, (place, hint)) in lines.iter().zip([
        ("gate.toml:4:1: ", "did you mean `workers`?"),
        ("gate.toml:23:8: ", "/webhooks/orders"),
        ("gate.toml:34:12: ", "did you mean `other-shop`?"),
    ]) {
        assert!(line.contains(place) && line.contains(hint), "{line}");
    }
    assert_eq!(lines.len(), 3, "{lines:#?}");

    let json = site.run(&["check", "--json", "gate.toml"], &[]);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["usable"], false);
    assert_eq!(json["mistakes"][0]["line"], 4);
    assert_eq!(json["mistakes"][0]["did_you_mean"], "workers");
}

#[test]
fn what_a_file_names_is_read_unless_it_is_not_to_be() {
    let site = Site::with(&two_shops(&App::content()));
    std::fs::remove_file(site.path().join("another")).expect("removed");
    let said = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(said.status, Some(2));
    assert!(
        said.err.contains("gate.toml:34:12: ") && said.err.contains("another"),
        "{}",
        said.err
    );
    let said = site.run(&["check", "--without-files", "gate.toml"], &[]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    let said = site.run(&["check", "nowhere.toml"], &[]);
    assert_eq!(said.status, Some(2));
    assert!(said.err.contains("nowhere.toml"));
}

#[test]
fn what_is_shown_can_be_used_again() {
    let site = Site::with(&two_shops(&App::content()));
    let shown = site.run(&["check", "--show", "gate.toml"], &[]);
    assert_eq!(shown.status, Some(0), "{}", shown.err);
    assert!(shown.out.contains("keep_alive = \"75s\""), "{}", shown.out);
    let again = Site::with(&shown.out).run(&["check", "--show", "gate.toml"], &[]);
    assert_eq!(again.out, shown.out);
}

#[test]
fn a_file_and_flags_are_not_mixed() {
    let site = Site::with(&two_shops(&App::content()));
    let with_flag = ["serve", "--config", "gate.toml", "--max-body", "1KiB"];
    let said = site.run(&with_flag, &[]);
    assert_eq!(said.status, Some(2), "{}", said.err);
    assert!(said.err.contains("--config"), "{}", said.err);
}

#[test]
fn a_variable_with_a_slip_in_its_name_is_warned_of() {
    let text =
        two_shops(&App::content()).replace("file = \"another\"", "env = \"CARTGATE_TEST_SHOP\"");
    let site = Site::with(&text);
    let variables = [
        ("CARTGATE_TEST_SHOP", "a planted secret in a variable"),
        ("CARTGATE_MAX_BDOY", "1KiB"),
    ];
    let said = site.run(&["check", "gate.toml"], &variables);
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert!(said.err.contains("CARTGATE_MAX_BDOY"), "{}", said.err);
    assert!(
        !said.err.contains("TEST_SHOP") && !said.err.contains("1KiB"),
        "{}",
        said.err
    );
}

#[test]
fn an_old_name_is_answered_by_the_new_one() {
    let text = two_shops(&App::content());
    let old = text.replace("workers", "keep_refused = \"rejected\"\nworkers");
    let said = Site::with(&old).run(&["check", "gate.toml"], &[]);
    let line = "gate.toml:4:1: this key was renamed to `dir` of the table [rejected]";
    assert_eq!(said.status, Some(2));
    assert!(said.err.contains(line), "{}", said.err);

    let site = Site::with(&text);
    let old = [("CARTGATE_KEEP_REFUSED", "rejected")];
    let said = site.run(&["check", "gate.toml"], &old);
    let line = "CARTGATE_KEEP_REFUSED was renamed to CARTGATE_SAVE_REJECTED";
    assert!(said.err.contains(line), "{}", said.err);
    for (old, new) in [
        (
            &["serve", "--keep-refused=rejected"][..],
            "'--keep-refused' was renamed to '--save-rejected'",
        ),
        (&["refused", "list"], "'refused' was renamed to 'rejected'"),
    ] {
        let said = site.run(old, &[]);
        assert_eq!(said.status, Some(2), "{}", said.err);
        assert!(said.err.contains(new), "{}", said.err);
    }
}

#[test]
fn an_admin_token_is_judged_before_anybody_has_to_give_it() {
    let admin = "[admin]\nlisten = \"0.0.0.0:0\"\ntoken = { file = \"token\" }\n";
    let site = Site::with(&(two_shops(&App::content()) + admin));
    for (token, status, expected) in [
        ("planted two words", 2, "without spaces"),
        ("planted", 0, "can be guessed"),
        ("planted-0123456789", 0, ""),
    ] {
        write_secret(&site.path().join("token"), token.as_bytes());
        let said = site.run(&["check", "gate.toml"], &[]);
        assert_eq!(said.status, Some(status), "{}", said.err);
        assert!(
            said.err.contains(expected) && !said.err.contains("planted"),
            "{}",
            said.err
        );
        assert_eq!(said.err.is_empty(), expected.is_empty(), "{}", said.err);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_the_configurations_fault() {
    let text = two_shops(&App::content()) + "[rejected]\ndir = \"secret\"\n";
    let said = Site::with(&text).run(&["serve", "--config", "gate.toml"], &[]);
    assert_eq!(said.status, Some(2), "{}", said.err);
    assert!(
        said.err.contains("cannot be saved in secret"),
        "{}",
        said.err
    );
}

#[test]
fn what_is_durable_is_judged_with_its_keys_and_kinds() {
    let durable = "durable = true\nevent = { kind = \"abandoned-cart\" }\n[[endpoint.destination]]\nevents = [\"order\"]";
    let inbox = "[inbox]\nstore = \"sqlite:inbox.db\"\nkey = { file = \"key\" }\nencryption_key = { file = \"rest\" }\n";
    let text = two_shops(&App::content()).replace(
        "event = { kind = \"abandoned-cart\" }\n[[endpoint.destination]]",
        durable,
    ) + inbox;
    let site = Site::with(&text);
    let said = site.run(&["check", "gate.toml"], &[]);
    assert_eq!(said.status, Some(2));
    let lines: Vec<_> = said.err.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].contains("gate.toml:42:7: ") && lines[0].contains("key"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("gate.toml:43:18: ") && lines[1].contains("rest"),
        "{lines:?}"
    );

    write_secret(&site.path().join("key"), b"planted");
    write_secret(&site.path().join("rest"), b"planted and long enough");
    let said = site.run(&["check", "gate.toml"], &[]);
    let lines: Vec<_> = said.err.lines().collect();
    assert_eq!((said.status, lines.len()), (Some(0), 2), "{lines:#?}");
    assert!(
        lines[0].contains("warning: gate.toml:21:1: events of kind `abandoned-cart`"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("gate.toml:42:7: the key has less than 16 bytes"),
        "{lines:?}"
    );
    assert!(!said.err.contains("planted"));
    // The check of a file does not create an inbox.
    assert!(!site.path().join("inbox.db").exists());
    let shown = site.run(&["check", "--show", "gate.toml"], &[]);
    assert!(shown.out.contains("[inbox.key]\nfile = \"key\"") && !shown.out.contains("planted"));
}
