//! The most likely mistakes, each with the message of the program: it states the problem and its
//! place, and says what to do next.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use super::{Bench, Ran};
use crate::{
    program::Program,
    support::{App, SECRET, authority::Authority, genuine},
};

const CONFIG: &str = r#"[server]
listen = "127.0.0.1:0"
workers = 2

[secret.shop]
file = "secret"

[[endpoint]]
name = "orders"
path = "/orders"
secrets = ["shop"]

[[endpoint.destination]]
url = "http://127.0.0.1:1/orders"
"#;

const LISTEN: &str = "listen = \"127.0.0.1:0\"";
const FILE: &str = "file = \"secret\"";
const NAME: &str = "secrets = [\"shop\"]";
const URL: &str = "http://127.0.0.1:1/orders";

/// A mistake in the file: the changes that make it, and the place, the problem and the next step in
/// the message.
type InFile = (&'static [(&'static str, &'static str)], [&'static str; 3]);

const IN_FILE: [InFile; 19] = [
    (
        &[(FILE, "file = \"nofile\"")],
        [
            ":11:12: ",
            "secret file nofile: there is no such file",
            "create it with mode 0600",
        ],
    ),
    (
        &[(FILE, "file = \"/etc/cartgate/cartfunnel.secret\"")],
        [
            ":11:12: ",
            "/etc/cartgate/cartfunnel.secret",
            "run `sudo cartgate init --system`",
        ],
    ),
    (
        &[(FILE, "file = \"empty\"")],
        [
            ":11:12: ",
            "the secret in empty cannot be used",
            "write another one there",
        ],
    ),
    (
        &[(FILE, "value = \"planted-secret-of-a-user\"")],
        [":5:1: ", "exactly one of `file`", "write file = \"PATH\""],
    ),
    (
        &[(FILE, "file = \"planted-secret-of-a-user\"")],
        [
            ":11:12: ",
            "may be the secret itself",
            "write the secret into a file",
        ],
    ),
    (
        &[(NAME, "secrets = [\"planted/Secret+of=\"]")],
        [
            ":11:12: ",
            "not the secret itself",
            "expected the NAME of a table [secret.NAME]",
        ],
    ),
    (
        &[(NAME, "secrets = [\"shp\"]")],
        [
            ":11:12: ",
            "no [secret] of this name",
            "did you mean `shop`?",
        ],
    ),
    (
        &[(URL, "127.0.0.1:3000/orders")],
        [":14:7: ", "expected http://HOST", "unix:/SOCKET"],
    ),
    (
        &[
            (LISTEN, "listen = \":4000\""),
            (URL, "http://localhost:4000/orders"),
        ],
        [":14:7: ", "the gate's own address :4000", "another port"],
    ),
    (
        &[("workers", "wrkers")],
        [":3:1: ", "this key is unknown", "did you mean `workers`?"],
    ),
    (
        &[("workers", "cores_of_the_machine")],
        [
            ":3:1: ",
            "this key is unknown",
            "`cartgate check --schema` lists every key",
        ],
    ),
    (
        &[("workers = 2", "workers = \"two\"")],
        [":3:11: ", "expected a number", "of at least 1"],
    ),
    (
        &[(
            "workers = 2",
            "tls = { cert = \"cert.pem\", key = \"key.pem\" }",
        )],
        [
            ":3:7: ",
            "key.pem does not belong to",
            "name the key that was made with it",
        ],
    ),
    (
        &[(
            "workers = 2",
            "tls = { cert = \"nocert.pem\", key = \"key.pem\" }",
        )],
        [":3:7: ", "cannot read nocert.pem", "check the path"],
    ),
    (
        &[(NAME, "secrets = [\"shop\"]\ndurable = true")],
        [
            ":1:1: ",
            "`inbox` is missing",
            "a table [inbox] with at least `store`",
        ],
    ),
    (
        &[
            (
                "[secret",
                "[inbox]\nstore = \"sqlite:nodir/inbox.db\"\n[secret",
            ),
            (NAME, "secrets = [\"shop\"]\ndurable = true"),
        ],
        [
            ":6:9: ",
            "its directory is not there",
            "create it, writable for the gate's user",
        ],
    ),
    (
        &[("[secret", "[rejected]\ndir = \"nodir/rejected\"\n[secret")],
        [
            ":6:7: ",
            "cannot be saved in nodir/rejected",
            "its parent directory is not there; create it",
        ],
    ),
    (
        &[("[secret", "[admin]\nlisten = \":9180\"\n[secret")],
        [
            ":6:10: ",
            "other machines can reach the admin listener",
            "give it a token, or",
        ],
    ),
    (
        &[(
            "[[endpoint]]",
            "[[endpoint]]\nname = \"first\"\npath = \"/orders\"\nsecrets = [\"shop\"]\n[[endpoint.destination]]\nurl = \"http://127.0.0.1:2\"\n[[endpoint]]",
        )],
        [
            ":14:1: ",
            "the endpoint at 8:1 has the same path",
            "another `path` or `host`",
        ],
    ),
];

/// A mistake in the arguments, and the parts of the message.
type InArguments = (&'static [&'static str], &'static [&'static str]);

const IN_ARGUMENTS: [InArguments; 11] = [
    (
        &["serve"],
        &[
            "there is no ./cartgate.toml and no /etc/cartgate/cartgate.toml",
            "run `cartgate init`",
        ],
    ),
    (
        &["serve", "--config", "nofile.toml"],
        &[
            "cannot read nofile.toml: there is no such file",
            "write one with `cartgate init`",
        ],
    ),
    (
        &["serve", "--config", "."],
        &["cannot read .: it is a directory", "name a file in it"],
    ),
    (
        &["serve", "--listen", ":0", "--upstrem", "http://127.0.0.1:1"],
        &[
            "unexpected argument '--upstrem'",
            "a similar argument exists: '--upstream'",
        ],
    ),
    (
        &[
            "serve",
            "--listen",
            "8080",
            "--upstream",
            "http://127.0.0.1:1",
        ],
        &[
            "'8080' for '--listen <ADDR>'",
            "expected ADDRESS:PORT (127.0.0.1:8080",
        ],
    ),
    (
        &["serve", "--listen", ":0", "--upstream", "127.0.0.1:3000"],
        &[
            "for '--upstream <URL>'",
            "expected http://HOST[:PORT][/PATH]",
        ],
    ),
    (
        &[
            "serve",
            "--listen",
            ":0",
            "--upstream",
            "http://127.0.0.1:1",
        ],
        &[
            "--secret-file: no secret is given",
            "use --secret-file FILE, or set CARTGATE_SECRET",
        ],
    ),
    (
        &["serve", "--max-body", "1MiB"],
        &[
            "--max-body has no effect",
            "add --upstream URL, or write the setting into a file",
        ],
    ),
    (
        &["send", "127.0.0.1:8080", "--secret-file", "secret"],
        &["for '<URL>'", "expected http://HOST[:PORT][/PATH]"],
    ),
    (
        &["send", "http://127.0.0.1:1/", "--secret-file", "secret"],
        &[
            "http://127.0.0.1:1/: no connection",
            "check that the gate runs",
        ],
    ),
    (
        &["status", "http://127.0.0.1:1"],
        &["no listener", "[admin] listen = ADDR"],
    ),
];

/// Returns a directory with the files that the configurations name.
fn bench(config: &str) -> Bench {
    let bench = Bench::new();
    bench.file("gate.toml", config);
    bench.file("empty", "\n");
    let (authority, dir) = (Authority::new(), bench.dir.path());
    authority.leaf("gate.example").files(dir);
    // The key of another certificate.
    let cert = fs::read(bench.path("cert.pem")).expect("a certificate");
    authority.leaf("other.example").files(dir);
    fs::write(bench.path("cert.pem"), cert).expect("written");
    bench
}

fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(CONFIG.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

#[track_caller]
fn says(ran: &Ran, parts: &[&str]) {
    let said = [ran.stdout.as_str(), &ran.stderr].concat();
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    assert!(
        !said.contains("planted") && !said.contains("os error 2"),
        "{said}"
    );
}

#[test]
fn mistakes_in_the_file() {
    for (changes, parts) in IN_FILE {
        let bench = bench(&changed(changes));
        for command in [
            &["check", "gate.toml"][..],
            &["serve", "--config", "gate.toml"],
        ] {
            let ran = bench.run(command).ends(2);
            says(&ran, &parts);
            assert!(ran.stderr.lines().count() <= 2, "{}", ran.stderr);
        }
    }
}

#[test]
fn mistakes_in_the_arguments() {
    let bench = Bench::new();
    for (args, parts) in IN_ARGUMENTS {
        let ran = bench.run(args);
        assert!([1, 2].contains(&ran.status), "{args:?}");
        says(&ran, parts);
    }
}

#[test]
fn values_that_are_probably_mistakes_are_warned_of() {
    let bench = bench(CONFIG);
    let check = |parts: &[&str]| says(&bench.run(&["check", "gate.toml"]).ends(0), parts);
    let readable = Permissions::from_mode(0o644);
    fs::set_permissions(bench.path("secret"), readable).expect("mode set");
    check(&["secret shop (secret)", "can read the file; chmod 600 it"]);
    bench.file("secret", "\"a-long-text-in-quotes\"");
    check(&["secret shop (secret)", "quotation mark; remove it"]);
    bench.file("secret", " a-long-text-after-a-space");
    check(&["secret shop (secret)", "space"]);
    bench.file("secret", "short");
    check(&["secret shop (secret)", "16 bytes"]);
    bench.file("secret", super::SECRET);

    let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    let expired = Authority::new().leaf_until("gate.example", yesterday);
    expired.files(bench.dir.path());
    let tls = "tls = { cert = \"cert.pem\", key = \"key.pem\" }";
    bench.file("gate.toml", changed(&[("workers = 2", tls)]));
    check(&["gate.toml:3:7: ", "expired at ", "renew it"]);
}

#[test]
fn an_address_in_use() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = held.local_addr().expect("an address").to_string();
    let listen = format!("listen = \"{taken}\"");
    let bench = bench(&CONFIG.replace(LISTEN, &listen));
    let ran = bench.run(&["serve", "--config", "gate.toml"]).ends(2);
    drop(held);
    says(
        &ran,
        &[&taken, "the address is in use", "choose another address"],
    );
}

#[test]
fn an_inbox_of_a_newer_version() {
    let durable = changed(&[
        (
            "[secret",
            "[inbox]\nstore = \"sqlite:DIR/inbox.db\"\n[secret",
        ),
        (NAME, "secrets = [\"shop\"]\ndurable = true"),
    ]);
    let dir = tempfile::tempdir().expect("a directory");
    let text = durable.replace("DIR", &dir.path().display().to_string());
    let gate = Program::serve_file(&text, &[("secret", SECRET)]);
    gate.signal("TERM");
    gate.end();
    let db = rusqlite::Connection::open(dir.path().join("inbox.db")).expect("opened");
    db.pragma_update(None, "user_version", 99).expect("set");
    drop(db);
    let ran = bench(&text).run(&["check", "gate.toml"]).ends(2);
    says(
        &ran,
        &[
            "gate.toml:6:9: ",
            "a newer Cartgate wrote it",
            "use that version, or",
        ],
    );
}

/// Runs the program as a user without privileges, who may read this directory.
fn as_user(bench: &Bench, args: &[&str]) -> Ran {
    let root = rustix::process::geteuid().is_root();
    let program = env!("CARGO_BIN_EXE_cartgate");
    let mut command = if root {
        // The directories of the build may be closed to other users.
        let copy = bench.path("cartgate");
        if !copy.exists() {
            fs::copy(program, &copy).expect("copied");
        }
        set_mode(&copy, 0o755);
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(copy);
        command
    } else {
        Command::new(program)
    };
    let output = command.args(args).current_dir(bench.dir.path()).output();
    Ran::of(output.expect("setpriv of util-linux"))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode set");
}

#[test]
fn mistakes_of_permission() {
    let durable = changed(&[
        (
            "[secret",
            "[inbox]\nstore = \"sqlite:closed/inbox.db\"\n[secret",
        ),
        (NAME, "secrets = [\"shop\"]\ndurable = true"),
    ]);
    let bench = bench(&durable);
    set_mode(bench.dir.path(), 0o755);
    fs::create_dir(bench.path("closed")).expect("a directory");
    set_mode(&bench.path("closed"), 0o555);
    for name in ["gate.toml", "secret"] {
        set_mode(&bench.path(name), 0o644);
    }
    let check = |parts: &[&str]| {
        let ran = as_user(&bench, &["check", "gate.toml"]).ends(2);
        says(&ran, parts);
    };
    check(&[
        "gate.toml:6:9: ",
        "closed/inbox.db",
        "must belong to the gate's user",
    ]);

    set_mode(&bench.path("secret"), 0o000);
    let next = "let the gate's user read it, or use sudo";
    check(&[
        "gate.toml:13:12: ",
        "secret file secret: permission denied",
        next,
    ]);
    set_mode(&bench.path("gate.toml"), 0o000);
    check(&["cannot read gate.toml: permission denied", next]);

    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first: u16 = first.map_or(1024, |text| text.trim().parse().expect("a port"));
    if first > 2 {
        set_mode(&bench.path("secret"), 0o644);
        let listen = changed(&[(LISTEN, "listen = \"127.0.0.1:2\"")]);
        bench.file("gate.toml", listen);
        set_mode(&bench.path("gate.toml"), 0o644);
        let parts = [
            "gate.toml:2:10: ",
            "below 1024 need a privilege",
            "choose a higher one",
        ];
        check(&parts);
    }
}

#[test]
fn deliveries_that_a_gate_does_not_take() {
    let bench = bench(CONFIG);
    let app = App::content();
    let admin = [
        "--path",
        "/hooks",
        "--method",
        "POST",
        "--admin",
        "127.0.0.1:0",
    ];
    let gate = Program::serve(&app, &admin);
    bench.file("right", SECRET);
    let url = |path: &str| format!("http://{}{path}", gate.address());
    for (path, secret, more, parts) in [
        (
            "/hooks",
            "secret",
            &[][..],
            ["401", "`cartgate rejected list` names the cause"],
        ),
        (
            "/other",
            "right",
            &[],
            ["404", "`path` of its [[endpoint]]"],
        ),
        (
            "/hooks",
            "right",
            &["--method", "PUT"],
            ["405", "choose another with --method"],
        ),
    ] {
        let (url, args) = (url(path), ["--secret-file", secret]);
        let args = [&["send", &url][..], &args, more].concat();
        says(&bench.run(&args).ends(1), &parts);
    }
    let token = format!("http://{}", gate.admin());
    let token = ["status", &token, "--token-file", "secret"];
    says(
        &bench.run(&token).ends(1),
        &["requires another token", "--token-file FILE"],
    );
    says(
        &bench.run(&["status", &url("")]).ends(1),
        &["404", "is this an admin listener"],
    );

    let down = Program::serve_at("http://127.0.0.1:1/hooks", &[]);
    assert_eq!(down.client().ask(genuine(b"an order")).status, 502);
    down.line(&[
        "level=ERROR",
        "status=502",
        "check that the app runs, and that its URL is right",
    ]);
    let url = format!("http://{}/", down.address());
    let ran = bench.run(&["send", &url, "--secret-file", "right"]).ends(1);
    says(
        &ran,
        &["502", "no response from the app; its log has the cause"],
    );
}

#[test]
fn connections_that_a_gate_with_a_certificate_does_not_take() {
    let bench = bench(CONFIG);
    let (cert, key) = Authority::new().leaf("localhost").files(bench.dir.path());
    let [cert, key] = [cert, key].map(|path| path.display().to_string());
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let gate = Program::serve(&App::content(), &tls);
    let port = gate.address().port();
    for (scheme, next) in [
        ("https", "name that with --ca-file FILE"),
        ("http", "if the gate has a certificate, write https://"),
    ] {
        let url = format!("{scheme}://localhost:{port}/");
        says(
            &bench
                .run(&["send", &url, "--secret-file", "secret"])
                .ends(1),
            &[&url, next],
        );
    }
}
