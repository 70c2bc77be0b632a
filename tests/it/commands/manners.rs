//! Properties of all commands: exit statuses, help, closed pipes; and `demo`.

use std::process::Stdio;

use super::{Bench, Ran, SECRET};

#[test]
fn usage_and_configuration_end_with_2_and_say_where() {
    let bench = Bench::new();
    bench.file("empty", "\n");
    for (args, said) in [
        (vec!["sign"], "CARTGATE_SECRET"),
        (vec!["sign", "--secret-file", "nowhere"], "nowhere"),
        (vec!["sign", "--secret-file", "empty"], "empty"),
        (
            vec!["sign", "--secret-file", "secret", "no-such-body"],
            "no-such-body",
        ),
        (
            vec!["send", "127.0.0.1:1", "--secret-file", "secret"],
            "http://HOST",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--set",
                "a=b",
            ],
            "--set",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--set",
                "/id/x=b",
            ],
            "/id/x",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--body",
                "-",
                "--set",
                "/a=b",
            ],
            "--set",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--forge",
                "nonsense",
            ],
            "--forge",
        ),
        (
            vec![
                "send",
                "http://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--rate",
                "0",
            ],
            "--rate",
        ),
        (
            vec![
                "send",
                "https://127.0.0.1:1",
                "--secret-file",
                "secret",
                "--ca-file",
                "no-ca",
            ],
            "no-ca",
        ),
        (
            vec![
                "send",
                "http://192.0.2.1/",
                "--secret-file",
                "secret",
                "--count",
                "2",
            ],
            "--yes",
        ),
        (
            vec![
                "send",
                "http://192.0.2.1/",
                "--secret-file",
                "secret",
                "--forge",
                "hex",
            ],
            "--yes",
        ),
        (vec!["nonsense"], "nonsense"),
    ] {
        let ran = bench.run(&args).ends(2);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
}

#[test]
fn a_flag_that_would_do_nothing_or_never_end_is_refused() {
    let bench = Bench::new();
    let serve = |more: &[&str]| {
        let gate = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            "http://127.0.0.1:1",
        ];
        let secret = ["--secret-file", "secret"];
        bench.run(&[&gate[..], &secret, more].concat())
    };
    for (more, said) in [
        // It would look like a protection, but be none.
        (
            &["--event", "abandoned-cart", "--only", "order"][..],
            "--only",
        ),
        (
            &["--event", "order", "--event-order", "order.paid"],
            "--event-order",
        ),
        (&["--keep-alive", "18446744073709551615s"], "--keep-alive"),
        (&["--answer-timeout", "400days"], "--answer-timeout"),
        (&["--upstream-idle", "1000years"], "--upstream-idle"),
        (&["--header-timeout", "0s"], "--header-timeout"),
        (&["--header-name", "Content-Type"], "--header-name"),
        (
            &["--max-body", "64MiB", "--max-memory", "32MiB"],
            "--max-memory",
        ),
    ] {
        let ran = serve(more).ends(2);
        assert!(ran.stderr.contains(said), "{more:?}: {}", ran.stderr);
    }
}

#[test]
fn a_value_that_makes_no_sense_is_not_repeated() {
    let bench = Bench::new();
    let url = "http://user:planted-password@127.0.0.1";
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--secret-file",
        "secret",
    ];
    let send = ["send", "http://127.0.0.1:1", "--secret-file", "secret"];
    let runs = [
        bench.run(&[&serve[..], &["--upstream", url]].concat()),
        bench.run_with(&serve, b"", &[("CARTGATE_UPSTREAM", url)]),
        bench.run(&[&send[..], &["--header", "Authorization planted-token"]].concat()),
        bench.run(&[&send[..], &["--set", "planted-value"]].concat()),
    ];
    for ran in runs {
        let ran = ran.ends(2);
        assert!(
            ran.stderr.contains("--"),
            "it names the flag: {}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("planted-"), "{}", ran.stderr);
    }
}

#[test]
fn help_never_shows_what_variables_hold() {
    let bench = Bench::new();
    let variables = [
        ("CARTGATE_SECRET", SECRET),
        ("CARTGATE_SECRET_FILE", SECRET),
        ("CARTGATE_HEADER", SECRET),
    ];
    for command in [
        "demo",
        "serve",
        "status",
        "send",
        "sign",
        "verify",
        "completions",
        "man",
    ] {
        for flag in ["-h", "--help"] {
            let ran = bench.run_with(&[command, flag], b"", &variables).ends(0);
            assert!(ran.stdout.contains("cartgate"), "{command}");
        }
    }
    assert!(
        bench
            .run(&["send", "--help"])
            .ends(0)
            .stdout
            .contains("CARTGATE_SECRET_FILE")
    );
}

#[test]
fn completions_know_the_commands_of_each_shell() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = bench.run(&["completions", shell]).ends(0);
        assert!(ran.stdout.contains("forge"), "{shell}");
    }
}

#[test]
fn each_command_has_a_page_that_shows_no_value() {
    let bench = Bench::new();
    let variables = [
        ("CARTGATE_SECRET_FILE", SECRET),
        ("CARTGATE_LISTEN", SECRET),
    ];
    bench.run_with(&["man", "."], b"", &variables).ends(0);
    let page = |name: &str| std::fs::read_to_string(bench.path(name)).expect("a page");
    for command in [
        "",
        "-demo",
        "-serve",
        "-send",
        "-sign",
        "-verify",
        "-completions",
        "-man",
    ] {
        let name = format!("cartgate{command}");
        let page = page(&format!("{name}.1"));
        assert!(page.contains(&format!(".TH {name} 1 ")), "{page}");
        assert!(page.contains(env!("CARGO_PKG_VERSION")), "{page}");
        let examples = page.split_once(".SH EXAMPLES\n.nf\n").expect("examples").1;
        assert!(
            examples.contains(&format!("  {}", name.replace('-', " "))),
            "{page}"
        );
        assert!(!page.contains(SECRET), "{page}");
    }
    assert!(page("cartgate-serve.1").contains("CARTGATE_SECRET_FILE"));
    let nowhere = bench.run(&["man", "nowhere"]).ends(2);
    assert!(
        nowhere.stderr.contains("nowhere/cartgate.1"),
        "{}",
        nowhere.stderr
    );
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let bench = Bench::new();
    let mut child = bench
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    Ran::of(child.wait_with_output().expect("the program ends")).ends(0);
}

#[test]
fn the_demo_goes_as_it_must() {
    let bench = Bench::new();
    let ran = bench.run(&["demo"]).ends(0);
    assert!(
        ran.stdout
            .contains("4 genuine deliveries passed, 15 forgeries were rejected"),
        "{}",
        ran.stdout
    );
    let show = bench.run(&["demo", "--json"]).ends(0).json();
    assert_eq!(show["as_expected"], true);
    assert_eq!(show["deliveries"].as_array().map(Vec::len), Some(20));
    assert_eq!(show["received_by_app"], 5);
}
