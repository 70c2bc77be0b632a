//! Tests of `cartgate rejected list` and `cartgate rejected show`.

use std::fs;

use serde_json::Value;

use super::{OLD_SECRET, Site, cartgate, rejected};
use crate::{
    program::{Program, write_secret},
    support::{App, SECRET, forged, genuine, request, sign, wait_until},
};

fn objects(said: &str) -> Vec<Value> {
    let lines = said.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

#[test]
fn saved_rejections_are_listed_with_their_cause() {
    let site = Site::new();
    let gate = site.gate_with(OLD_SECRET);
    let mut client = gate.client();
    let body = b"an order";
    let early = rejected(&mut client, genuine(body));
    // A mistake that the doctor recognises.
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign(b""));
    let late = rejected(
        &mut client,
        request("POST /hooks?a=b HTTP/1.1", &lines, body),
    );
    site.file(&early);
    site.file(&late);
    let dir = site.settings.dir.display().to_string();

    let (status, said) = cartgate(&["rejected", "list", "--dir", &dir]);
    assert_eq!(status, 0, "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[1].contains(&early) && lines[2].contains(&late));
    for part in ["mismatch", "127.0.0.1", "hooks", "Z  "] {
        assert!(lines[1].contains(part), "{part} in {said}");
    }

    let new = site.secret_file("new", SECRET);
    let at = ["--dir", &dir, "--secret-file", &new];
    let list = [&["rejected", "list", "--json"][..], &at].concat();
    let (status, said) = cartgate(&list);
    assert_eq!(status, 0, "{said}");
    let [first, second] = &objects(&said)[..] else {
        panic!("two: {said}");
    };
    assert_eq!(first["id"], early.as_str());
    assert_eq!(
        (&first["secret"], &first["diagnosis"]),
        (&"default".into(), &Value::Null)
    );
    assert_eq!(second["diagnosis"]["cause"], "empty-body-signed");
    for (field, value) in [
        ("reason", Value::from("mismatch")),
        ("endpoint", "hooks".into()),
        ("source", "127.0.0.1".into()),
        ("method", "POST".into()),
        ("target", "/hooks?a=b".into()),
        ("bytes", body.len().into()),
    ] {
        assert_eq!(second[field], value, "{field} of {second}");
    }
    assert!(
        second["file"]
            .as_str()
            .is_some_and(|file| file.contains(&late))
    );
    assert!(!said.contains("an order"), "no payload: {said}");

    let show = [&["rejected", "show", &late][..], &at].concat();
    let (status, said) = cartgate(&show);
    assert_eq!(status, 0, "{said}");
    for part in [
        &*late,
        "POST /hooks?a=b",
        "x-cartfunnel-hmac-sha256: ",
        "not verified",
        "8 bytes",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let (_, said) = cartgate(&[&show[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(json["headers"][0][0], "host");
    assert_eq!(
        cartgate(&[&show[..], &["--body"]].concat()),
        (0, "an order".to_owned())
    );
}

#[test]
fn a_saved_rejection_cannot_command_the_terminal() {
    let site = Site::new();
    let gate = site.gate();
    let body = b"\x1b]0;evil\x07";
    let lines = format!(
        "X-Cartfunnel-Hmac-SHA256: {}\r\nX-Evil: a\u{9b}31mb\u{202e}c\r\n",
        sign(b"something else")
    );
    let id = rejected(
        &mut gate.client(),
        request("POST /hooks HTTP/1.1", &lines, body),
    );
    site.file(&id);
    let dir = site.settings.dir.display().to_string();
    for show in [
        &["list"][..],
        &["list", "--json"],
        &["show", &id],
        &["show", &id, "--json"],
    ] {
        let (status, said) = cartgate(&[&["rejected"], show, &["--dir", &dir]].concat());
        assert_eq!(status, 0, "{said}");
        let is_odd = |c: char| c.is_ascii_control() && c != '\n';
        assert!(!said.chars().any(is_odd), "{said:?}");
    }
}

#[test]
fn nothing_saved_is_no_failure_and_a_missing_delivery_is_one() {
    let site = Site::new();
    fs::create_dir(&site.settings.dir).expect("made");
    let dir = site.settings.dir.display().to_string();
    assert_eq!(
        cartgate(&["rejected", "list", "--dir", &dir]),
        (0, String::new())
    );
    assert_eq!(
        cartgate(&["rejected", "list", "--dir", &dir, "--json"]),
        (0, String::new())
    );
    let id = "019ac9d3-4c1e-7d52-9b0a-3f2e1d0c9b8a";
    let (status, said) = cartgate(&["rejected", "show", "--dir", &dir, id]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains(id), "{said}");
    let nowhere = format!("{dir}/nowhere");
    assert_eq!(cartgate(&["rejected", "list", "--dir", &nowhere]).0, 1);
    assert_eq!(cartgate(&["rejected", "list"]).0, 2);
    // A foreign file in the directory does not prevent the listing of the others.
    fs::write(
        site.settings
            .dir
            .join(format!("20251128T075003Z-{id}.http")),
        "x",
    )
    .expect("written");
    let (status, said) = cartgate(&["rejected", "list", "--dir", &dir]);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn a_configuration_file_names_the_directory_and_the_secrets() {
    let app = App::content();
    let url = &app.url;
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[rejected]\ndir = \"DIR/rejected\"\n\
         [secret.current]\nfile = \"DIR/secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\n\
         [[endpoint.destination]]\nurl = \"{url}\"\n"
    );
    let program = Program::serve_file(&text, &[("secret", OLD_SECRET)]);
    let id = rejected(&mut program.client(), genuine(b"an order"));
    rejected(&mut program.client(), forged(b"another"));
    let config = program.file("cartgate.toml").display().to_string();
    let list = ["rejected", "list", "--json", "--config", &config];
    wait_until("both are saved", || objects(&cartgate(&list).1).len() == 2);
    // With the new secret in the file, the list shows which one verifies.
    program.write_secret(SECRET);
    let listed = objects(&cartgate(&list).1);
    assert_eq!(listed[0]["id"], id.as_str());
    assert_eq!(listed[0]["secret"], "current");
    assert_eq!(listed[1]["diagnosis"]["cause"], "another-secret");
    // The list also works without the secret.
    fs::remove_file(program.file("secret")).expect("removed");
    let (status, said) = cartgate(&list);
    assert_eq!((status, objects(&said).len()), (0, 2), "{said}");
    assert!(said.contains("--secret-file"), "{said}");
}

#[test]
fn the_header_is_the_one_given_or_else_that_of_the_endpoint() {
    let app = App::content();
    let url = &app.url;
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[rejected]\ndir = \"DIR/rejected\"\n\
         [secret.current]\nfile = \"DIR/secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\nheader = \"x-shop-hmac\"\n\
         [[endpoint.destination]]\nurl = \"{url}\"\n"
    );
    let program = Program::serve_file(&text, &[("secret", OLD_SECRET)]);
    let body = b"an order";
    // One header by the new secret, another by none.
    let lines = format!(
        "X-Shop-Hmac: {}\r\nX-Other: {}\r\n",
        sign(body),
        sign(b"something else")
    );
    let id = rejected(
        &mut program.client(),
        request("POST /hooks HTTP/1.1", &lines, body),
    );
    let config = program.file("cartgate.toml").display().to_string();
    let new = program.file("new");
    write_secret(&new, SECRET);
    let new = new.display().to_string();
    let list = ["rejected", "list", "--json", "--config", &config];
    wait_until("it is saved", || objects(&cartgate(&list).1).len() == 1);
    let secret = |more: &[&str]| {
        let (status, said) = cartgate(&[&list[..], more].concat());
        assert_eq!(status, 0, "{said}");
        let listed = objects(&said);
        assert_eq!(listed[0]["id"], id.as_str());
        listed[0]["secret"].clone()
    };
    // Given secrets, the header of the endpoint.
    assert_eq!(secret(&["--secret-file", &new]), "default");
    let other = ["--header-name", "x-other"];
    let both = [&["--secret-file", &*new][..], &other].concat();
    assert_eq!(secret(&both), Value::Null);
    // The secrets of the endpoint, with its header and with another.
    program.write_secret(SECRET);
    assert_eq!(secret(&[]), "current");
    assert_eq!(secret(&other), Value::Null);
    // A given secret also judges deliveries of an endpoint that is no longer in the file.
    let renamed = text_with_another_name(&config);
    fs::write(&config, renamed).expect("written");
    let header = ["--header-name", "x-shop-hmac"];
    let both = [&["--secret-file", &*new][..], &header].concat();
    assert_eq!(secret(&both), "default");
}

fn text_with_another_name(config: &str) -> String {
    let text = fs::read_to_string(config).expect("a file");
    text.replace("\"orders\"", "\"carts\"")
}
