//! The origin of the configuration of commands that name none.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::Path,
};

use super::check::{Said, Site};
use crate::{
    program::Program,
    support::{App, SECRET, genuine, request, sign_with, wait_until},
};

const TEXT: &str = "CARTGATE_CONFIG_TOML";

/// Returns a gate in front of `url` with an inbox and saved rejections.
fn text(url: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"

[rejected]
dir = "rejected"

[inbox]
store = "sqlite:inbox.db"

[secret.current]
file = "secret"

[[endpoint]]
name = "orders"
path = "/*"
secrets = ["current"]
durable = true
[[endpoint.destination]]
url = "{url}"
"#
    )
}

/// Returns a directory with this `cartgate.toml`.
fn site(text: &str) -> Site {
    let site = Site::with("");
    fs::write(site.path().join("cartgate.toml"), text).expect("written");
    set_mode(&site, "cartgate.toml", 0o644);
    site
}

fn set_mode(site: &Site, name: &str, mode: u32) {
    let set = fs::set_permissions(site.path().join(name), Permissions::from_mode(mode));
    set.expect("mode set");
}

#[track_caller]
fn fails(said: &Said, parts: &[&str]) {
    assert_eq!(said.status, Some(2), "{}{}", said.out, said.err);
    for part in parts {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
}

#[test]
fn serve_finds_the_file_of_its_directory_and_names_it() {
    let app = App::content();
    let file = text(&app.url);
    let files = [("cartgate.toml", file.as_bytes()), ("secret", SECRET)];
    // A flag that goes with a file goes with a found one, too.
    let program = Program::serve_found(&files, &[("CARTGATE_WORKERS", "1")]);
    program.line(&["protecting", "workers=1"]);
    program.line(&["from=./cartgate.toml", "configuration read"]);
    assert_eq!(program.client().ask(genuine(b"an order")).status, 200);
}

#[test]
fn a_whole_file_may_be_in_a_variable_and_a_reload_reads_what_it_names() {
    let app = App::content();
    let variables = [(TEXT, &*text(&app.url))];
    let files = [
        ("secret", SECRET),
        // The variable comes first.
        ("cartgate.toml", &b"not even a configuration"[..]),
    ];
    let program = Program::serve_found(&files, &variables);
    program.line(&["from=CARTGATE_CONFIG_TOML", "configuration read"]);
    assert_eq!(program.client().ask(genuine(b"an order")).status, 200);
    let new = b"the next planted secret of the tests";
    program.write_secret(new);
    program.signal("HUP");
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(new, b"more"));
    let next = request("POST /hooks HTTP/1.1", &lines, b"more");
    wait_until("the new secret is in force", || {
        program.client().ask(next.clone()).status == 200
    });
    assert_eq!(program.client().ask(genuine(b"an order")).status, 401);
}

#[test]
fn mistakes_in_the_variable_have_their_line_and_never_its_text() {
    let site = site("");
    let wrong = text("planted://in.the.url");
    for command in ["serve", "check"] {
        let said = site.run(&[command], &[(TEXT, &wrong)]);
        fails(&said, &["CARTGATE_CONFIG_TOML:20:7: "]);
        assert!(!said.err.contains("planted"), "{}", said.err);
    }
    for (variable, value) in [
        ("CARTGATE_MAX_BODY", "1KiB"),
        ("CARTGATE_UPSTREAM", "http://127.0.0.1:1"),
    ] {
        let said = site.run(&["serve"], &[(TEXT, &wrong), (variable, value)]);
        fails(&said, &[variable, TEXT, "unset the variable"]);
    }
    let flag = site.run(&["serve", "--max-body", "1KiB"], &[(TEXT, &wrong)]);
    fails(&flag, &["--max-body has no effect", TEXT]);
    let flag = site.run(&["serve", "--config", "gate.toml"], &[(TEXT, &wrong)]);
    fails(&flag, &["--config", TEXT, "exclude each other"]);
    let both = [(TEXT, &*wrong), ("CARTGATE_CONFIG", "gate.toml")];
    fails(
        &site.run(&["serve"], &both),
        &[TEXT, "CARTGATE_CONFIG", "exclude each other"],
    );
}

#[test]
fn every_command_finds_the_same_file() {
    let file = text("http://127.0.0.1:1");
    let site = site(&file);
    let said = site.run(&["check"], &[]);
    assert_eq!(said.out, "./cartgate.toml: usable\n", "{}", said.err);
    let said = site.run(&["check"], &[(TEXT, &file)]);
    assert_eq!(said.out, "CARTGATE_CONFIG_TOML: usable\n", "{}", said.err);
    fs::create_dir(site.path().join("rejected")).expect("a directory");
    for variables in [&[][..], &[(TEXT, &*file)]] {
        let said = site.run(&["rejected", "list"], variables);
        assert_eq!(said.status, Some(0), "{}", said.err);
        let said = site.run(&["inbox", "stats"], variables);
        fails(&said, &["there is no inbox inbox.db"]);
    }
}

#[test]
fn without_a_configuration_the_next_step_is_named() {
    let site = Site::with("");
    for command in [
        &["serve"][..],
        &["check"],
        &["rejected", "list"],
        &["inbox", "stats"],
    ] {
        let said = site.run(command, &[]);
        fails(
            &said,
            &[
                "./cartgate.toml",
                "/etc/cartgate/cartgate.toml",
                "cartgate init",
            ],
        );
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    }
    let flag = site.run(&["serve", "--max-body", "1KiB"], &[]);
    fails(&flag, &["--max-body has no effect", "--upstream URL"]);
    let variable = site.run(&["serve"], &[("CARTGATE_SECRET_FILE", "secret")]);
    fails(
        &variable,
        &["the variable CARTGATE_SECRET_FILE", "--upstream URL"],
    );
    let listen = site.run(&["serve", "--upstream", "http://127.0.0.1:1"], &[]);
    fails(&listen, &["--listen <ADDR>"]);
}

#[test]
fn a_file_that_others_can_change_is_used_only_by_its_name() {
    let site = site(&text("http://127.0.0.1:1"));
    for mode in [0o664, 0o646] {
        set_mode(&site, "cartgate.toml", mode);
        for command in [&["serve"][..], &["check"], &["rejected", "list"]] {
            let next = "chmod go-w ./cartgate.toml";
            fails(
                &site.run(command, &[]),
                &["./cartgate.toml is not used", next],
            );
        }
    }
    let named = site.run(&["check", "cartgate.toml"], &[]);
    assert_eq!(named.status, Some(0), "{}", named.err);
    set_mode(&site, "cartgate.toml", 0o644);
    set_mode(&site, ".", 0o777);
    fails(
        &site.run(&["check"], &[]),
        &["other users can replace it in ."],
    );
}

#[test]
fn a_file_that_others_can_replace_is_used_only_by_its_name() {
    let replaceable = |site: &Site, directory: &str| {
        let part = format!("other users can replace it in {directory};");
        fails(&site.run(&["check"], &[]), &[&part]);
    };
    let usable = |site: &Site| {
        let said = site.run(&["check"], &[]);
        assert_eq!(said.status, Some(0), "{}", said.err);
    };
    let site = site(&text("http://127.0.0.1:1"));
    let elsewhere = tempfile::tempdir().expect("a directory");
    let elsewhere = elsewhere.path().canonicalize().expect("a path");
    let (file, target) = (site.path().join("cartgate.toml"), elsewhere.join("x.toml"));
    fs::copy(&file, &target).expect("copied");
    fs::remove_file(&file).expect("removed");
    symlink(&target, &file).expect("linked");
    usable(&site);
    let set_target_mode = |mode| {
        fs::set_permissions(&elsewhere, Permissions::from_mode(mode)).expect("mode set");
    };
    set_target_mode(0o777);
    replaceable(&site, &elsewhere.display().to_string());
    // As in /tmp: only the owner can rename or remove a file.
    set_target_mode(0o1777);
    usable(&site);
    if rustix::process::geteuid().is_root() {
        let others = |path: &Path, user, group| chown(path, user, group).expect("changed");
        others(&elsewhere, Some(12_345), None);
        replaceable(&site, &elsewhere.display().to_string());
        others(&elsewhere, Some(0), None);
        usable(&site);

        set_mode(&site, ".", 0o775);
        usable(&site);
        others(site.path(), None, Some(12_345));
        replaceable(&site, ".");
        set_mode(&site, ".", 0o755);
        usable(&site);
        others(site.path(), Some(12_345), None);
        replaceable(&site, ".");
        let named = site.run(&["check", "cartgate.toml"], &[]);
        assert_eq!(named.status, Some(0), "{}", named.err);
        others(site.path(), Some(0), Some(0));
    }
}

#[test]
fn a_reload_does_not_use_a_file_that_others_can_change() {
    let app = App::content();
    let file = text(&app.url);
    let files = [("secret", SECRET), ("cartgate.toml", file.as_bytes())];
    let program = Program::serve_found(&files, &[]);
    let path = program.file("cartgate.toml");
    let set_mode = |mode| {
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode set");
    };
    set_mode(0o666);
    program.signal("HUP");
    program.line(&["reload failed", "./cartgate.toml is not used"]);
    assert_eq!(program.client().ask(genuine(b"an order")).status, 200);
    set_mode(0o600);
    program.signal("HUP");
    program.line(&["configuration in force"]);
}
