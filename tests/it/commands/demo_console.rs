//! `cartgate demo --console`: it prints a link that works, follows Enter, and leaves nothing behind.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Stdio,
};

use crate::{
    demonstration::Demo,
    support::{wait_until, wire::patient},
};

/// Returns the first line of the response to a GET.
fn get(url: &str) -> String {
    let rest = url.strip_prefix("http://").expect("a URL");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = patient(std::net::TcpStream::connect(host).expect("it listens"));
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut first = String::new();
    BufReader::new(stream)
        .read_line(&mut first)
        .expect("a response");
    first
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).expect("a directory").next().is_none()
}

#[test]
fn the_link_works_and_every_signal_leaves_nothing_behind() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let dir = tempfile::tempdir().expect("a directory");
        let demo = Demo::start(dir.path(), Stdio::null());
        let link = demo.line("/login?code=");
        demo.line("Ctrl-C ends");
        assert!(get(&link).contains(" 303 "), "{link}");
        assert!(get(&link).contains(" 410 "), "it works once");
        assert!(!is_empty(dir.path()));
        demo.end_by(signal);
        assert!(
            is_empty(dir.path()),
            "{signal}: {:?}",
            fs::read_dir(dir.path())
        );
    }
}

#[test]
fn enter_stops_the_app_and_starts_it_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut demo = Demo::start(dir.path(), Stdio::piped());
    let config = demo.line("The configuration is ");
    let config = config
        .split(' ')
        .find(|word| word.ends_with(".toml,") || word.ends_with(".toml."));
    let config = config.expect("a path").trim_end_matches(['.', ',']);
    let socket = Path::new(config).with_file_name("app.sock");
    assert!(socket.exists());
    demo.press_enter();
    demo.line("The app is stopped.");
    assert!(!socket.exists());
    demo.press_enter();
    demo.line("The app runs.");
    assert!(socket.exists());
    // Without its input, the app stays as it is.
    demo.close_input();
    demo.end_by("-TERM");
    assert!(is_empty(dir.path()));
}

#[test]
fn a_signal_at_any_time_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let demo = Demo::start(dir.path(), Stdio::null());
    // As soon as there is something to leave behind.
    wait_until("its directory", || !is_empty(dir.path()));
    demo.end_by("-INT");
    assert!(is_empty(dir.path()));
}
