//! Attackers at one address beside genuine senders at another, and beside their like at the same.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::Instant,
};

use socket2::{Domain, Socket, Type};

use crate::{
    program::Program,
    support::{App, Client, genuine, many_sockets, ms, wait_until, wire::patient},
};

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const SENDER: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A connection from this address.
fn connect(from: Ipv4Addr, to: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .bind(&SocketAddr::from((from, 0)).into())
        .expect("bound");
    socket.connect(&to.into()).expect("a connection");
    Client::over(patient(TcpStream::from(socket)))
}

/// Opens a connection each millisecond, says `words`, and keeps as many as the gate has places.
fn flood(
    from: Ipv4Addr,
    to: SocketAddr,
    words: &[u8],
    (places, opened, over): (usize, &AtomicUsize, &AtomicBool),
) {
    let mut held = std::collections::VecDeque::new();
    while !over.load(Relaxed) {
        let mut attacker = connect(from, to);
        // It may have been evicted already.
        let _ = attacker.try_send(words);
        held.push_back(attacker);
        opened.fetch_add(1, Relaxed);
        if held.len() > places {
            held.pop_front();
        }
        thread::sleep(ms(1));
    }
}

/// Sends a delivery in `pieces` over a second and a half, and returns the status.
fn deliver(to: SocketAddr, length: usize, pieces: usize) -> Option<u16> {
    let request = genuine(&vec![b'a'; length]);
    let mut client = connect(SENDER, to);
    let pause = ms(1500) / u32::try_from(pieces).expect("few");
    for piece in request.chunks(request.len().div_ceil(pieces)) {
        client.try_send(piece).ok()?;
        thread::sleep(pause);
    }
    let answer = client.try_answer().ok().flatten();
    answer.map(|answer| answer.status)
}

/// The statuses of slow deliveries beside a flood from `attacker`.
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
            .map(|_| scope.spawn(|| deliver(to, length, pieces)))
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
    // Two pieces, the second after a pause: from another address only the share protects them.
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
