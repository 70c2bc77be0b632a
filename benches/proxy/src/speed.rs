//! The speed of each peer: the cost of a request, the throughput and the latency, in rounds.

use std::{io, time::Duration};

use hdrhistogram::Histogram;

use crate::{
    bench::{Bench, in_turn, size},
    delivery::{Deliveries, PATH},
    fleet::Fleet,
    load::{Expected, Load, Saturation, pace, saturate},
    peer::{Running, Task},
    table::Table,
};

const SIZES: [usize; 4] = [200, 2 * 1024, 64 * 1024, 1024 * 1024];

/// The size of a typical delivery.
const ORDINARY: usize = 2 * 1024;

/// The fixed load for latency, as a part of the throughput of the slowest peer.
const CALM: f64 = 0.4;

/// The least number of requests for a 99th percentile that is more than one or two outliers.
const FOR_A_TAIL: u64 = 500;

/// Measures with access logs off.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Table>> {
    let mut tables = Tables::new(bench);
    for body in SIZES {
        let deliveries = Deliveries::new(body, PATH);
        let field = bench.field(&Task::of(body), |_| true)?;
        let accepted = load(bench, &deliveries.genuine, Expected::Accepted, body);
        let mut slowest = f64::INFINITY;
        for round in 0..bench.scale.rounds {
            eprintln!("bench: {}, saturation, round {}", size(body), round + 1);
            for peer in in_turn(&field, round) {
                if let Some(one) = drive(bench, peer, &accepted, &size(body))? {
                    tables.add(&size(body), peer.column, &one);
                    slowest = slowest.min(per_second(&one));
                }
            }
        }
        tables.wait(bench, &field, &accepted, body, slowest * CALM)?;
        if body == ORDINARY {
            let refused = load(bench, &deliveries.forged, Expected::Refused, body);
            tables.refuse(bench, &field, &refused)?;
        }
    }
    Ok(tables.into())
}

/// Measures with a log line for each request.
pub(crate) fn measure_with_logs(bench: &mut Bench) -> io::Result<Vec<Table>> {
    let mut cpu = bench.table("CPU per verified request, access logs on", "us");
    for body in [200, ORDINARY] {
        let deliveries = Deliveries::new(body, PATH);
        let task = Task {
            logs: true,
            ..Task::of(body)
        };
        let field = bench.field(&task, |_| true)?;
        let accepted = load(bench, &deliveries.genuine, Expected::Accepted, body);
        for round in 0..bench.scale.rounds {
            eprintln!("bench: {}, access logs on, round {}", size(body), round + 1);
            for peer in in_turn(&field, round) {
                if let Some(one) = drive(bench, peer, &accepted, "access logs on")? {
                    cpu.add(&size(body), peer.column, cost(&one));
                }
            }
        }
    }
    Ok(vec![cpu])
}

/// Returns the CPU time of a request in microseconds.
pub(crate) fn cost(one: &Saturation) -> f64 {
    one.cpu.as_secs_f64() * 1e6 / one.answers as f64
}

/// The concurrency that saturates a peer without filling the caches with waiting requests.
pub(crate) fn at_once(body: usize) -> usize {
    if body > 16 * 1024 { 16 } else { 64 }
}

fn load<'r>(bench: &Bench, requests: &'r [Vec<u8>], expected: Expected, body: usize) -> Load<'r> {
    Load {
        requests,
        expected,
        at_once: at_once(body),
        warm: bench.scale.warm,
        span: bench.scale.span,
    }
}

fn drive(
    bench: &mut Bench,
    peer: &Running,
    load: &Load<'_>,
    what: &str,
) -> io::Result<Option<Saturation>> {
    let outcome = Fleet::connect(peer.address, load.at_once)
        .and_then(|mut fleet| saturate(&mut fleet, load, || peer.cpu()));
    bench.keep(peer.column, what, outcome)
}

fn per_second(one: &Saturation) -> f64 {
    one.answers as f64 / one.elapsed.as_secs_f64()
}

/// The tables of the results.
struct Tables {
    cpu: Table,
    rate: Table,
    share: Table,
    median: Table,
    tail: Table,
    refusals: Table,
    refusal_cpu: Table,
}

impl Tables {
    fn new(bench: &Bench) -> Self {
        Self {
            cpu: bench.table("CPU per verified request", "us"),
            rate: bench.table("Verified requests per second at saturation", "1/s"),
            share: bench
                .table("Share of its core used at saturation", "%")
                .plain(),
            median: bench.table("Median latency at a fixed load", "us"),
            tail: bench.table("99th percentile of latency at a fixed load", "us"),
            refusals: bench.table("Rejections per second at saturation", "1/s"),
            refusal_cpu: bench.table("CPU per rejection", "us"),
        }
    }

    fn add(&mut self, row: &str, column: usize, one: &Saturation) {
        self.cpu.add(row, column, cost(one));
        self.rate.add(row, column, per_second(one));
        let share = one.cpu.as_secs_f64() / one.elapsed.as_secs_f64();
        self.share.add(row, column, share * 100.0);
    }

    fn wait(
        &mut self,
        bench: &mut Bench,
        field: &[Running],
        load: &Load<'_>,
        body: usize,
        rate: f64,
    ) -> io::Result<()> {
        if !rate.is_finite() {
            return Ok(());
        }
        let row = format!("{} at {rate:.0}/s", size(body));
        for round in 0..bench.scale.rounds {
            eprintln!("bench: {row}, round {}", round + 1);
            for peer in in_turn(field, round) {
                let outcome = Fleet::connect(peer.address, load.at_once)
                    .and_then(|mut fleet| pace(&mut fleet, load, rate));
                let Some(waited) = bench.keep(peer.column, &row, outcome)? else {
                    continue;
                };
                self.median.add(&row, peer.column, quantile(&waited, 0.5));
                if waited.len() >= FOR_A_TAIL {
                    self.tail.add(&row, peer.column, quantile(&waited, 0.99));
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, bench: &mut Bench, field: &[Running], load: &Load<'_>) -> io::Result<()> {
        let row = size(ORDINARY);
        for round in 0..bench.scale.rounds {
            eprintln!("bench: rejections, round {}", round + 1);
            for peer in in_turn(field, round) {
                let before = bench.upstream.arrived();
                let one = drive(bench, peer, load, "refusals")?;
                if bench.upstream.arrived() != before {
                    let leak = Err(io::Error::other("it passed forgeries under load"));
                    bench.keep::<()>(peer.column, "refusals", leak)?;
                } else if let Some(one) = one {
                    self.refusals.add(&row, peer.column, per_second(&one));
                    self.refusal_cpu.add(&row, peer.column, cost(&one));
                }
            }
        }
        Ok(())
    }
}

impl From<Tables> for Vec<Table> {
    fn from(all: Tables) -> Self {
        vec![
            all.cpu,
            all.rate,
            all.share,
            all.median,
            all.tail,
            all.refusals,
            all.refusal_cpu,
        ]
    }
}

fn quantile(waited: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_nanos(waited.value_at_quantile(quantile)).as_secs_f64() * 1e6
}
