//! The fuzz targets as ordinary tests: each over its corpus, and over mutations that are the same
//! in every run.
//!
//! `CARTGATE_FUZZ_RUNS` multiplies the number of mutations; `make fuzz` runs libFuzzer.

#![allow(missing_docs, unreachable_pub, reason = "tests: nobody else sees them")]

#[path = "../fuzz_targets/mod.rs"]
mod targets;

mod corpus;
mod documents;
mod mutation;
mod streams;

use std::{panic::catch_unwind, thread, time::Duration};

use corpus::Corpus;
use http::HeaderValue;
use mutation::Dice;
use targets::gate::{BODIES, Received, Site, check, signature};

fn runs(usual: u64) -> u64 {
    let times = std::env::var("CARTGATE_FUZZ_RUNS").ok();
    times.map_or(1, |times| {
        times
            .parse::<u64>()
            .expect("CARTGATE_FUZZ_RUNS is a number")
    }) * usual
}

/// Runs a target over the corpus, then over mutations of it.
fn exercise(name: &str, usual: u64, target: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let corpus = Corpus::load(name);
    corpus
        .all()
        .for_each(|(file, data)| attempt(file, data, &target));
    for seed in 0..runs(usual) {
        let data = corpus.mutant(&mut Dice::new(seed));
        attempt(&format!("mutant {seed} of {name}"), &data, &target);
    }
}

/// Prints the input if the target panics, so that it can be added to the corpus.
fn attempt(what: &str, data: &[u8], target: &(impl Fn(&[u8]) + std::panic::RefUnwindSafe)) {
    if catch_unwind(|| target(data)).is_err() {
        panic!("{what}: {}", data.escape_ascii());
    }
}

#[test]
fn headers() {
    exercise("header", 50_000, targets::header::run);
}

#[test]
fn events() {
    exercise("event", 20_000, targets::event::run);
    for seed in 0..runs(100_000) {
        let data = documents::document(&mut Dice::new(seed));
        attempt(&format!("document {seed}"), &data, &targets::event::run);
    }
}

#[test]
fn frames() {
    exercise("frames", 10_000, targets::frames::run);
}

/// Streams that are ambiguous on purpose, and mutants of good ones. Some pass; otherwise the oracle
/// would have nothing to judge.
#[test]
fn streams_into_the_gate() {
    const THREADS: u64 = 8;
    let corpus = Corpus::load("gate");
    let runs = runs(6000);
    let passed: usize = thread::scope(|scope| {
        let corpus = &corpus;
        let part = |first: u64| {
            move || {
                (first..runs)
                    .step_by(8)
                    .map(|seed| one_stream(corpus, seed))
                    .sum::<usize>()
            }
        };
        let parts: Vec<_> = (0..THREADS).map(|first| scope.spawn(part(first))).collect();
        parts
            .into_iter()
            .map(|part| part.join().expect("no stream broke the gate"))
            .sum()
    });
    let runs = usize::try_from(runs).expect("not that many");
    assert!(
        passed > runs / 20,
        "{passed} of {runs} passed: too few to try anything"
    );
}

fn one_stream(corpus: &Corpus, seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let data = if dice.one_in(3) {
        corpus.mutant(&mut dice)
    } else {
        streams::stream(&mut dice)
    };
    let passed = catch_unwind(|| targets::gate::run(&data));
    passed.unwrap_or_else(|_| panic!("stream {seed}: {}", data.escape_ascii()))
}

/// The name of an input in the corpus contains how many deliveries pass. The timeout suits a busy
/// machine.
#[test]
fn genuine_streams_pass_the_gate() {
    let (corpus, site) = (Corpus::load("gate"), Site::start(Duration::from_secs(10)));
    let mut found = 0;
    for (file, data) in corpus.all() {
        if let Some(rest) = file.strip_prefix("passes-") {
            let expected: usize = rest[..1].parse().expect("a digit");
            assert_eq!(site.judge(data), expected, "{file}");
            found += 1;
        }
    }
    assert!(found >= 6, "{found} genuine streams in the corpus");
}

/// An oracle that accepts everything would find nothing.
#[test]
fn the_oracle_refuses_what_should_not_have_passed() {
    let genuine = || Received {
        method: "POST".to_owned(),
        target: "/hooks?a=b".to_owned(),
        headers: [
            ("host", "app".to_owned()),
            ("content-length", BODIES[1].len().to_string()),
            ("x-cartfunnel-hmac-sha256", signature(BODIES[1]).encode()),
            ("x-cartgate-verdict", "verified".to_owned()),
            ("x-cartgate-endpoint", "fuzz".to_owned()),
            ("x-cartgate-secret-name", "default".to_owned()),
            ("x-cartgate-delivery", "id".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| {
            (
                name.parse().expect("a name"),
                value.parse().expect("a value"),
            )
        })
        .collect(),
        body: BODIES[1].to_vec(),
    };
    check(&genuine());
    let spoilt: [fn(&mut Received); 7] = [
        |one| one.body.push(b'\n'),
        |one| one.body = BODIES[2].to_vec(),
        |one| one.body = b"never signed".to_vec(),
        |one| one.method = "DELETE".to_owned(),
        |one| one.target = "/admin".to_owned(),
        |one| _ = one.headers.append("host", HeaderValue::from_static("app")),
        |one| {
            one.headers
                .extend([(http::header::UPGRADE, HeaderValue::from_static("h2c"))]);
        },
    ];
    for (place, spoil) in spoilt.into_iter().enumerate() {
        let mut received = genuine();
        spoil(&mut received);
        assert!(catch_unwind(|| check(&received)).is_err(), "number {place}");
    }
}
