//! The memory of each peer: idle, per idle connection, and after large bodies.

use std::io;

use crate::{
    bench::Bench,
    delivery::{Deliveries, PATH},
    files,
    fleet::Fleet,
    load::{Expected, Load, saturate},
    peer::{Running, Task},
    stop,
    table::{AGAIN, Better, Table},
};

const CONNECTIONS: [usize; 2] = [1_000, 5_000];

/// The bodies that connections carry before they are idle.
const SMALL: usize = 200;

const LARGE: usize = 1024 * 1024;

/// The number of large bodies in a burst.
const BURST: usize = 64;

/// The name of the table of connections.
pub(crate) const EACH: &str = "Memory per idle connection that has carried a request";

/// The name of the table of bursts, and its rows.
pub(crate) const BURST_TABLE: &str = "Memory around a burst of 64 bodies of 1 MiB at once";
pub(crate) const BEFORE: &str = "before";
pub(crate) const LATER: &str = "after a rest of ";

/// Measures each peer alone, so that no page is shared.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Table>> {
    let mut idle = bench.table("Memory, idle", "KiB", Better::Less);
    let mut each = bench.table(EACH, "bytes", Better::Less);
    let deliveries = Deliveries::new(SMALL, PATH);
    for column in 0..bench.peers.len() {
        let name = bench.peers[column].name();
        if name == AGAIN {
            continue;
        }
        eprintln!("bench: memory of {name}");
        for count in CONNECTIONS
            .into_iter()
            .filter(|count| *count <= files::most_connections())
        {
            for peer in bench.field(&Task::of(SMALL), |one| one == name)? {
                let outcome = connections(&peer, count, &deliveries);
                let Some((before, one)) = bench.keep(column, "idle connections", outcome)? else {
                    continue;
                };
                idle.add("just started", column, before as f64 / 1024.0);
                each.add(&format!("{count} connections"), column, one);
            }
        }
    }
    Ok(vec![idle, each])
}

/// Sends all bursts first, so that all peers rest at the same time.
pub(crate) fn measure_burst(bench: &mut Bench) -> io::Result<Table> {
    let mut memory = bench.table(BURST_TABLE, "KiB", Better::Less);
    let deliveries = (Deliveries::new(SMALL, PATH), Deliveries::new(LARGE, PATH));
    let field = bench.field(&Task::of(LARGE), |name| name != AGAIN)?;
    let mut rested = Vec::new();
    for peer in &field {
        eprintln!("bench: a burst for {}", bench.peers[peer.column].name());
        let before = drive(bench, peer, &deliveries.0.genuine);
        let after =
            before.and_then(|before| Ok((before, drive(bench, peer, &deliveries.1.genuine)?)));
        if let Some((before, after)) = bench.keep(peer.column, "a burst", after)? {
            memory.add(BEFORE, peer.column, before);
            memory.add("just after", peer.column, after);
            rested.push(peer);
        }
    }
    let rest = bench.scale.rest;
    eprintln!("bench: {} s of rest", rest.as_secs());
    stop::rest(rest)?;
    for peer in rested {
        let row = format!("{LATER}{} s", rest.as_secs());
        memory.add(&row, peer.column, peer.memory()? as f64 / 1024.0);
    }
    Ok(memory)
}

fn connections(peer: &Running, count: usize, deliveries: &Deliveries) -> io::Result<(u64, f64)> {
    let before = peer.memory()?;
    let mut fleet = Fleet::connect(peer.address, count)?;
    for request in deliveries.genuine.iter().cycle().take(count) {
        let status = fleet.ask(request)?;
        if !Expected::Accepted.is(status) {
            return Err(io::Error::other(format!(
                "one of {count} requests got {status}"
            )));
        }
    }
    let grown = peer.memory()?.saturating_sub(before);
    Ok((before, grown as f64 / count as f64))
}

/// Returns the memory of a peer after a load, in KiB.
fn drive(bench: &Bench, peer: &Running, requests: &[Vec<u8>]) -> io::Result<f64> {
    let mut fleet = Fleet::connect(peer.address, BURST)?;
    let load = Load {
        requests,
        expected: Expected::Accepted,
        at_once: BURST,
        warm: bench.scale.warm,
        span: bench.scale.paced_span,
    };
    saturate(&mut fleet, &load, || peer.cpu())?;
    drop(fleet);
    Ok(peer.memory()? as f64 / 1024.0)
}
