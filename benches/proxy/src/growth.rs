//! The cost of a request by the number of connections and of endpoints.

use std::io;

use crate::{
    bench::{Bench, in_turn},
    delivery::{Deliveries, PATH},
    files,
    fleet::Fleet,
    load::{Expected, Load, saturate},
    peer::{Running, Task},
    speed::{at_once, cost},
    table::Table,
};

const BODY: usize = 200;
const CONNECTIONS: [usize; 4] = [1, 100, 1_000, 10_000];
const ENDPOINTS: [usize; 3] = [1, 100, 1_000];

/// The number of requests at a time. The connections take turns.
pub(crate) fn by_connections(bench: &mut Bench) -> io::Result<Table> {
    let mut cpu = bench.table(
        "CPU per verified request of 200 B, by open connections",
        "us",
    );
    let deliveries = Deliveries::new(BODY, PATH);
    let field = bench.field(&Task::of(BODY), |_| true)?;
    // A round number within the limit of open files.
    let most = (files::most_connections() / 1_000 * 1_000).max(100);
    for round in 0..bench.scale.rounds {
        eprintln!("bench: growth of connections, round {}", round + 1);
        for count in CONNECTIONS {
            let count = count.min(most);
            for peer in in_turn(&field, round) {
                let outcome = drive(bench, peer, &deliveries, count);
                if let Some(one) =
                    bench.keep(peer.column, &format!("{count} connections"), outcome)?
                {
                    cpu.add(&count.to_string(), peer.column, one);
                }
            }
        }
    }
    Ok(cpu)
}

/// Measures only the gate, because peers have no endpoints.
pub(crate) fn by_endpoints(bench: &mut Bench) -> io::Result<Table> {
    let mut cpu = bench.table(
        "CPU per verified request of 200 B, by endpoints in the file",
        "us",
    );
    let deliveries = Deliveries::new(BODY, PATH);
    for round in 0..bench.scale.rounds {
        eprintln!("bench: growth of endpoints, round {}", round + 1);
        for endpoints in ENDPOINTS {
            let task = Task {
                endpoints,
                ..Task::of(BODY)
            };
            for peer in bench.field(&task, |name| name == "Cartgate")? {
                let outcome = drive(bench, &peer, &deliveries, at_once(BODY));
                if let Some(one) =
                    bench.keep(peer.column, &format!("{endpoints} endpoints"), outcome)?
                {
                    cpu.add(&endpoints.to_string(), peer.column, one);
                }
            }
        }
    }
    Ok(cpu)
}

fn drive(
    bench: &Bench,
    peer: &Running,
    deliveries: &Deliveries,
    connections: usize,
) -> io::Result<f64> {
    let mut fleet = Fleet::connect(peer.address, connections)?;
    let load = Load {
        requests: &deliveries.genuine,
        expected: Expected::Accepted,
        at_once: connections.min(at_once(BODY)),
        warm: bench.scale.warm,
        span: bench.scale.span,
    };
    Ok(cost(&saturate(&mut fleet, &load, || peer.cpu())?))
}
