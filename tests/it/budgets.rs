//! Attackers at each limit, while genuine deliveries pass.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
};

use crate::{
    program::Program,
    support::{
        App, BODY, Client, Gate, Setup, forged, genuine, genuine_in_chunks, many_sockets, ms,
        request, signature_line, wait_until,
    },
};

const MIB: u64 = 1024 * 1024;

/// Returns a head that declares a body of this length.
fn announced(length: usize, of: &[u8]) -> String {
    let signature = signature_line(of);
    format!("POST /hooks HTTP/1.1\r\nHost: gate\r\nContent-Length: {length}\r\n{signature}\r\n")
}

/// Returns the bytes that each kind of stuck client sends before it stops.
fn stuck() -> [(&'static str, Vec<u8>); 5] {
    [
        ("silent", Vec::new()),
        ("half a first line", b"POST /ho".to_vec()),
        (
            "half a head",
            b"POST /hooks HTTP/1.1\r\nHost: gate\r\nX: ".to_vec(),
        ),
        ("no body", announced(5, BODY).into_bytes()),
        (
            "half a body",
            [announced(50_000, BODY).as_bytes(), &[b'a'; 2_000]].concat(),
        ),
    ]
}

fn small_gate(app: &App, connections: usize) -> Gate {
    Setup::before(app)
        .with(|setup| setup.config.limits.connections = connections)
        .start()
}

#[test]
fn a_gate_full_of_stuck_clients_takes_genuine_deliveries() {
    for (kind, words) in stuck() {
        let app = App::content();
        let gate = small_gate(&app, 20);
        let mut attackers: Vec<_> = (0..20).map(|_| gate.client()).collect();
        attackers
            .iter_mut()
            .for_each(|attacker| attacker.send(&words).ignore());
        for round in 0..20 {
            let answer = gate.client().ask(genuine(BODY));
            assert_eq!(answer.status, 200, "{kind}, round {round}");
        }
        assert_eq!(app.count(), 20);
    }
}

#[test]
fn idle_clients_that_were_served_go_first() {
    let app = App::content();
    let gate = small_gate(&app, 3);
    let mut idle = gate.client();
    assert_eq!(idle.ask(forged(BODY)).status, 401);
    let mut receiving = [gate.client(), gate.client()];
    let request = genuine(BODY);
    for client in &mut receiving {
        client.send(&request[..request.len() - 1]);
    }
    let mut fourth = gate.client();
    assert_eq!(fourth.ask(genuine(BODY)).status, 200);
    idle.is_closed();
    for client in &mut receiving {
        assert_eq!(client.ask(&request[request.len() - 1..]).status, 200);
    }
}

/// Opens connections that stay stuck, one after the other, and reopens each that the gate closes.
fn come_back(gate: &Gate, words: &[u8], over: &AtomicBool, opened: &AtomicUsize) {
    let mut held = std::collections::VecDeque::new();
    while !over.load(Relaxed) {
        let mut attacker = gate.client();
        // The gate may have closed it already.
        let _ = attacker.try_send(words);
        held.push_back(attacker);
        opened.fetch_add(1, Relaxed);
        if held.len() > 128 {
            held.pop_front();
        }
        thread::sleep(ms(2));
    }
}

#[test]
fn attackers_who_come_back_for_ever_do_not_keep_genuine_deliveries_out() {
    let _many = many_sockets();
    for (kind, words) in stuck() {
        let app = App::content();
        let gate = small_gate(&app, 128);
        let (over, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
        let mut taken = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| come_back(&gate, &words, &over, &opened));
            wait_until("a full gate", || opened.load(Relaxed) > 150);
            for _ in 0..30 {
                thread::sleep(ms(10));
                let mut client = gate.client();
                let answer = client
                    .try_send(genuine(BODY))
                    .and_then(|()| client.try_answer());
                taken.push(answer.ok().flatten().map(|answer| answer.status));
            }
            over.store(true, Relaxed);
        });
        assert!(
            taken.iter().all(|status| *status == Some(200)),
            "{kind}: {taken:?}"
        );
    }
}

fn gate_with_memory(app: &App, memory: u64) -> Gate {
    Setup::before(app)
        .with(|setup| setup.config.limits.memory = memory)
        .start()
}

#[test]
fn bodies_that_hold_all_memory_do_not_keep_others_out() {
    let app = App::content();
    let gate = gate_with_memory(&app, 4 * MIB);
    let mut attackers: Vec<_> = (0..16).map(|_| gate.client()).collect();
    let most = [announced(1_000_000, BODY).as_bytes(), &[b'a'; 900_000]].concat();
    for attacker in &mut attackers {
        // The gate rejects some of them while they write.
        let _ = attacker.try_send(&most);
    }
    // Small bodies have their own share; large ones replace those that are stuck.
    for size in [5, 10_000, 100_000, 500_000, 1_000_000] {
        let body = vec![b'b'; size];
        for request in [genuine(&body), genuine_in_chunks(&body, 1000)] {
            assert_eq!(gate.client().ask(request).status, 200, "{size}");
        }
    }
    assert_eq!(app.count(), 10);
    let refused = attackers.iter_mut().filter_map(|attacker| {
        attacker.end();
        attacker.try_answer().ok().flatten()
    });
    assert!(refused.filter(|answer| answer.status == 503).count() >= 12);
}

#[test]
fn memory_that_was_given_back_is_there_again() {
    let app = App::content();
    let gate = gate_with_memory(&app, 2 * MIB);
    let body = vec![b'a'; 900_000];
    for _ in 0..20 {
        // A forged, a broken and a genuine delivery each release their memory.
        let mut client = gate.client();
        client.send(announced(1_000_000, BODY)).send(&body);
        drop(client);
        assert_eq!(gate.client().ask(forged(&body)).status, 401);
        assert_eq!(gate.client().ask(genuine(&body)).status, 200);
    }
    // Both fit at the same time only if nothing leaked.
    let request = genuine(&body);
    let mut two = [gate.client(), gate.client()];
    for client in &mut two {
        client.send(&request[..request.len() - 1]);
    }
    for client in &mut two {
        assert_eq!(client.ask(&request[request.len() - 1..]).status, 200);
    }
}

#[test]
fn memory_full_of_verified_deliveries_is_503_and_small_ones_still_pass() {
    let (app, hold) = App::holding();
    let gate = gate_with_memory(&app, 2 * MIB);
    let large = genuine(&vec![b'a'; 900_000]);
    let mut held = vec![gate.client(), gate.client()];
    for client in &mut held {
        client.send(&large);
    }
    app.wait_for(2);
    // The gate evicts nobody for it: the app has both deliveries.
    let answer = gate.client().ask(&large);
    assert_eq!((answer.status, answer.closes()), (503, true));
    held.push(gate.client());
    held[2].send(genuine(&[b'a'; 5000]));
    app.wait_for(3);
    hold.open();
    for client in &mut held {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(gate.client().ask(&large).status, 200);
}

#[test]
fn the_body_that_makes_least_progress_goes() {
    let app = App::content();
    let gate = gate_with_memory(&app, 2 * MIB);
    let body = vec![b'a'; 900_000];
    let request = genuine(&body);
    let piece = |client: &mut Client, part: usize| {
        let size = request.len() / 100;
        client.send(&request[part * size..(part + 1) * size]);
    };
    let (mut stuck, mut moving) = (gate.client(), gate.client());
    (0..80).for_each(|part| piece(&mut stuck, part));
    (0..60).for_each(|part| piece(&mut moving, part));
    // The rate of a body is measured over the last two seconds.
    for part in 60..80 {
        piece(&mut moving, part);
        thread::sleep(ms(125));
    }
    let third = gate.client().ask(&request);
    assert_eq!(third.status, 200);
    assert_eq!(stuck.answer().status, 503);
    moving.send(&request[request.len() / 100 * 80..]);
    assert_eq!(moving.answer().status, 200);
}

/// Returns the number of clients in the tests of memory; `ulimit -n` must permit twice as many.
fn clients(default: usize) -> usize {
    let asked = std::env::var("CARTGATE_CLIENTS").ok();
    asked.map_or(default, |count| {
        count.parse().expect("CARTGATE_CLIENTS is a number")
    })
}

#[test]
fn stuck_clients_hold_little_memory_while_genuine_deliveries_go_on() {
    let _many = many_sockets();
    let app = App::content();
    let program = Program::serve(&app, &["--access-log", "off"]);
    let request = genuine(BODY);
    let mut attackers: Vec<_> = (0..clients(400)).map(|_| program.client()).collect();
    for (n, attacker) in attackers.iter_mut().enumerate() {
        match n % 4 {
            0 => {}
            1 => attacker.send("POST /hooks HTTP/1.1\r\nHost: ").ignore(),
            2 => attacker.send(announced(5, BODY)).ignore(),
            _ => attacker.send(&request[..request.len() - 1]).ignore(),
        }
    }
    for byte in b"X: one byte at a time, round after round".repeat(5) {
        // In the middle of a header, with each byte in its own segment.
        attackers
            .iter_mut()
            .skip(1)
            .step_by(4)
            .for_each(|attacker| attacker.send([byte]).ignore());
    }
    for _ in 0..50 {
        assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    }
    let peak = program.peak_memory();
    assert!(peak < 100 * MIB, "{} MiB", peak / MIB);
    // All of them were held: those that lack one byte still get a response.
    for attacker in attackers.iter_mut().skip(3).step_by(4) {
        assert_eq!(attacker.ask(&request[request.len() - 1..]).status, 200);
    }
}

/// The memory that a connection may hold in addition to `--max-memory`, as in `docs/reference.md`.
const SHARE: u64 = 64 * 1024;

#[test]
fn connections_hold_no_more_than_their_documented_share() {
    let _many = many_sockets();
    let app = App::content();
    let limit = 8 * MIB;
    let args = ["--access-log", "off", "--max-memory", "8MiB"];
    let patient = ["--body-rate", "1B", "--body-timeout", "10m"];
    let args = [&args[..], &patient].concat();
    let program = Program::serve(&app, &args);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    let before = program.peak_memory();
    // Large buffers behind rejected requests, then a long head and most of a body.
    let padding = format!("X: {}\r\n", "y".repeat(1_000));
    let refused = request("POST /hooks HTTP/1.1", &padding, b"").repeat(60);
    let fields: String = (0..90)
        .map(|n| format!("x{n}: {}\r\n", "y".repeat(60)))
        .collect();
    let lines = signature_line(b"something else") + &fields;
    let last = request("POST /hooks HTTP/1.1", &lines, &[b'a'; 6_000]);
    let mut attackers: Vec<_> = (0..clients(400)).map(|_| program.client()).collect();
    for attacker in &mut attackers {
        attacker.send(&refused);
        (0..60).for_each(|_| assert_eq!(attacker.answer().status, 401));
        attacker.send(&refused).send(&last[..last.len() - 1]);
    }
    for attacker in &mut attackers {
        (0..60).for_each(|_| assert_eq!(attacker.answer().status, 401));
    }
    // Each got a response, so the gate read all of it.
    for attacker in &mut attackers {
        assert_eq!(attacker.ask(&last[last.len() - 1..]).status, 401);
    }
    let grown = program.peak_memory() - before;
    let bound = attackers.len() as u64 * SHARE + limit + limit / 16;
    assert!(grown < bound, "{} of {} KiB", grown / 1024, bound / 1024);
}

/// For a client that reads nothing, the gate makes one response, not one for each request.
#[test]
fn requests_whose_responses_are_not_read_wait() {
    let app = App::content();
    let program = Program::serve(&app, &["--access-log", "off", "--write-timeout", "1s"]);
    let mut deaf = program.client();
    let many = request("POST /hooks HTTP/1.1", "", b"").repeat(1_000);
    // Until the gate stops reading and closes the connection.
    while deaf.try_send(&many).is_ok() {}
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
}

/// Sends bodies of many clients in the smallest pieces, in turn, so that the gate reads each piece
/// separately.
fn drip(program: &Program, clients: usize, wire: &[u8], step: usize) {
    let mut clients: Vec<_> = (0..clients).map(|_| program.client()).collect();
    for piece in wire.chunks(step) {
        clients
            .iter_mut()
            .for_each(|client| client.send(piece).ignore());
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn one_byte_segments_and_one_byte_chunks_hold_no_more_than_their_bytes() {
    let _many = many_sockets();
    let app = App::content();
    let patient = [
        "--access-log",
        "off",
        "--body-rate",
        "1B",
        "--body-timeout",
        "10m",
    ];
    let program = Program::serve(&app, &patient);
    assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    let before = program.peak_memory();
    let clients = clients(400) / 4;
    let body = vec![b'a'; 600];
    // If the gate kept the buffer of each read, this would take half a gigabyte.
    drip(&program, clients, &genuine(&body), 1);
    let wire = genuine_in_chunks(&vec![b'a'; 2_000], 1);
    drip(&program, clients, &wire, 6 * 64);
    drip(&program, clients, &genuine_in_chunks(&body, 1), 6);
    let grown = program.peak_memory() - before;
    assert!(grown < 64 * MIB, "{} MiB", grown / MIB);
    assert_eq!(app.count(), 1 + 3 * clients);
}

#[test]
fn few_files_do_not_let_silent_clients_keep_genuine_deliveries_out() {
    let _many = many_sockets();
    let app = App::content();
    // At the usual limit of a system, which is far below the default of `--max-connections`
    // (10,000).
    let program = Program::serve_with_files(&app, 128, &["--access-log", "off"]);
    let _silent: Vec<_> = (0..200).map(|_| program.client()).collect();
    for _ in 0..5 {
        assert_eq!(program.client().ask(genuine(BODY)).status, 200);
    }
}

/// Ends a chain of calls in a closure.
trait Ignore {
    fn ignore(&self) {}
}

impl Ignore for Client {}
