//! Attackers at one address, and genuine senders at another or at the same.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::{
    program::Program,
    support::{App, Client, genuine, many_sockets, ms, wait_until, wire::patient},
};

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const SENDER: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Connects from this address.
fn connect(from: Ipv4Addr, to: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .bind(&SocketAddr::from((from, 0)).into())
        .expect("bound");
    socket.connect(&to.into()).expect("a connection");
    Client::over(patient(TcpStream::from(socket)))
}

/// Opens a connection each millisecond, sends `words`, and keeps as many as the gate's limit.
fn flood(
    from: Ipv4Addr,
    to: SocketAddr,
    words: &[u8],
    (places, opened, over): (usize, &AtomicUsize, &AtomicBool),
) {
    let mut held = std::collections::VecDeque::new();
    while !over.load(Relaxed) {
        let mut attacker = connect(from, to);
        // The gate may have evicted it already.
        let _ = attacker.try_send(words);
        held.push_back(attacker);
        opened.fetch_add(1, Relaxed);
        if held.len() > places {
            held.pop_front();
        }
        thread::sleep(ms(1));
    }
}

/// Sends a delivery in `pieces` over `time`, and returns the status.
fn deliver(
    from: Ipv4Addr,
    to: SocketAddr,
    (length, pieces): (usize, usize),
    time: Duration,
) -> Option<u16> {
    let request = genuine(&vec![b'a'; length]);
    let mut client = connect(from, to);
    let pause = time / u32::try_from(pieces).expect("few");
    for piece in request.chunks(request.len().div_ceil(pieces)) {
        client.try_send(piece).ok()?;
        thread::sleep(pause);
    }
    let answer = client.try_answer().ok().flatten();
    answer.map(|answer| answer.status)
}

/// Returns the statuses of slow deliveries during a flood from `attacker`.
fn beside_a_flood(
    program: &Program,
    (attacker, words, places): (Ipv4Addr, &[u8], usize),
    deliveries: usize,
    (length, pieces): (usize, usize),
) -> Vec<Option<u16>> {
    let to = program.address();
    let (opened, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| flood(attacker, to, words, (places, &opened, &over)));
        wait_until("a full gate", || opened.load(Relaxed) > places + 10);
        let begun = Instant::now();
        let senders: Vec<_> = (0..deliveries)
            .map(|_| scope.spawn(|| deliver(SENDER, to, (length, pieces), ms(1500))))
            .collect();
        let statuses: Vec<_> = senders
            .into_iter()
            .map(|one| one.join().expect("no panic"))
            .collect();
        assert!(begun.elapsed() >= ms(1000), "they take their time");
        over.store(true, Relaxed);
        statuses
    })
}

#[test]
fn silent_newcomers_do_not_evict_deliveries_that_take_a_while() {
    let _many = many_sockets();
    let app = App::content();
    let program = Program::serve(&app, &["--access-log", "off", "--max-connections", "100"]);
    // Two pieces, the second after a pause: only the share protects them from another address.
    let statuses = beside_a_flood(&program, (ATTACKER, b"", 100), 20, (300, 2));
    assert_eq!(statuses, [Some(200); 20]);
}

#[test]
fn a_body_that_keeps_its_rate_is_not_evicted_for_silent_newcomers_of_the_same_address() {
    let _many = many_sockets();
    let app = App::content();
    let program = Program::serve(&app, &["--access-log", "off", "--max-connections", "300"]);
    let statuses = beside_a_flood(&program, (SENDER, b"", 300), 20, (60_000, 30));
    assert_eq!(statuses, [Some(200); 20]);
}

#[test]
fn fresh_bodies_of_one_address_do_not_evict_a_slower_one_of_another() {
    let _many = many_sockets();
    let app = App::content();
    let args = [
        "--access-log",
        "off",
        "--max-memory",
        "8MiB",
        "--max-connections",
        "300",
    ];
    let program = Program::serve(&app, &args);
    let fresh = genuine(&vec![b'b'; 400_000]);
    let fresh = &fresh[..fresh.len() - 1];
    let statuses = beside_a_flood(&program, (ATTACKER, fresh, 30), 2, (900_000, 30));
    assert_eq!(statuses, [Some(200); 2]);
}

/// Returns a different address for each of the first 64 attackers.
fn attacker(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(1 + number % 64).expect("few"))
}

/// Opens a body for each place, and keeps each above the minimum rate. Once all have run for the
/// two seconds that make them steady, opens more, and another one for each that is evicted. Ends by
/// itself if the test fails.
fn drip(to: SocketAddr, (places, crowded, over): (usize, &AtomicBool, &AtomicBool)) {
    let request = genuine(&vec![b'c'; 1_000_000]);
    let head = &request[..request.len() - 1_000_000];
    let begin = |number| {
        let mut client = connect(attacker(number), to);
        // The gate may have evicted it already.
        let _ = client.try_send(head);
        (client, Instant::now())
    };
    let begun = Instant::now();
    let mut attackers: Vec<_> = (0..places).map(begin).collect();
    while !over.load(Relaxed) && begun.elapsed() < ms(25_000) {
        thread::sleep(ms(200));
        for (number, attacker) in attackers.iter_mut().enumerate() {
            if attacker.0.try_send([b'c'; 600]).is_err() {
                *attacker = begin(number);
            }
        }
        if attackers.len() == places && attackers.iter().all(|one| one.1.elapsed() > ms(2500)) {
            attackers.extend((places..places + 5).map(begin));
            crowded.store(true, Relaxed);
        }
    }
}

/// Returns the statuses of three deliveries from each of eight addresses, while bodies at their
/// rate fill the gate.
fn beside_steady_bodies(extra: &[&str]) -> Vec<Option<u16>> {
    let _many = many_sockets();
    let app = App::content();
    let args = ["--access-log", "off", "--max-connections", "64"];
    let program = Program::serve(&app, &[&args, extra].concat());
    let to = program.address();
    let (crowded, over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| drip(to, (64, &crowded, &over)));
        wait_until("steady bodies", || crowded.load(Relaxed));
        let senders: Vec<_> = (1..=8)
            .map(|last| Ipv4Addr::new(127, 0, 2, last))
            .map(|from| {
                scope.spawn(move || [(); 3].map(|()| deliver(from, to, (20_000, 2), ms(200))))
            })
            .collect();
        let statuses = senders
            .into_iter()
            .flat_map(|one| one.join().expect("no panic"))
            .collect();
        over.store(true, Relaxed);
        statuses
    })
}

#[test]
fn steady_bodies_of_many_addresses_leave_places_to_newcomers() {
    assert_eq!(beside_steady_bodies(&[]), [Some(200); 24]);
}

#[test]
fn steady_bodies_through_a_trusted_proxy_leave_places_to_newcomers() {
    let trusted = ["--trusted-proxy", "127.0.0.0/8"];
    assert_eq!(beside_steady_bodies(&trusted), [Some(200); 24]);
}
