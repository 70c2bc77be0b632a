//! Sends odd requests to the gate: pipelined, and cut into pieces.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{
    dice::dice, mutation::Dice, odd_request::odd_request, recorder::Recorder, support::PATIENCE,
};

/// The number of clients.
const CLIENTS: usize = 12;

/// The maximum number of requests on a connection.
const PIPELINED: u64 = 4;

/// The number of requests per forwarded one after which the gate rejects too many.
const MAX_ATTEMPTS: u64 = 6;

/// Sends requests until the gate has forwarded this number.
pub(crate) fn send(gate: SocketAddr, recorder: &Recorder, forwarded: u64) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while recorder.forwarded() < forwarded && recorder.is_sound() {
                    let first = next.fetch_add(PIPELINED, Ordering::Relaxed);
                    assert!(
                        first < forwarded * MAX_ATTEMPTS + 1000,
                        "too few are forwarded"
                    );
                    one_connection(gate, first);
                }
            });
        }
    });
}

fn one_connection(gate: SocketAddr, first: u64) {
    let last = first + dice("pipelined", first).below(PIPELINED as usize) as u64;
    let mut bytes = Vec::new();
    (first..=last).for_each(|number| bytes.extend(odd_request(number)));
    let mut client = TcpStream::connect(gate).expect("the gate accepts");
    client.set_nodelay(true).expect("no delay");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // The gate may reject a request and close before it has read all.
    let _ = write_in_pieces(&mut client, &bytes, &mut dice("pieces", first));
    let _ = client.shutdown(Shutdown::Write);
    let mut buffer = [0; 16 * 1024];
    while client.read(&mut buffer).is_ok_and(|length| length > 0) {}
}

fn write_in_pieces(
    client: &mut TcpStream,
    mut bytes: &[u8],
    dice: &mut Dice,
) -> std::io::Result<()> {
    let most = match dice.below(8) {
        0 => 3,
        1 => 50,
        2 => 1000,
        _ => return client.write_all(bytes),
    };
    // Small pieces of a large body would only cost time.
    for _ in 0..100 {
        let (piece, rest) = bytes.split_at(bytes.len().min(1 + dice.below(most)));
        client.write_all(piece)?;
        thread::yield_now();
        bytes = rest;
    }
    client.write_all(bytes)
}
