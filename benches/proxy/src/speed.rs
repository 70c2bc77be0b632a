//! The speed of each peer: the cost of a request, the throughput and the latency, in rounds.

use std::{io, time::Duration};

use hdrhistogram::Histogram;

use crate::{
    bench::{Bench, size},
    delivery::{Deliveries, PATH},
    load::{Expected, Load, Saturation, pace, saturate},
    peer::{Running, Task},
    rounds::Rounds,
    table::{Better, Table},
};

const SIZES: [usize; 4] = [200, 2 * 1024, 64 * 1024, 1024 * 1024];

/// The size of a typical delivery.
const ORDINARY: usize = 2 * 1024;

/// The largest body for which latency is measured. Larger ones are too few for a percentile.
const LARGEST_PACED: usize = 64 * 1024;

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
        let slowest = tables.saturate(bench, &field, &accepted, body)?;
        if body <= LARGEST_PACED && slowest.is_finite() {
            tables.pace(bench, &field, &accepted, body, slowest * CALM)?;
        }
        if body == ORDINARY {
            let refused = load(bench, &deliveries.forged, Expected::Refused, body);
            tables.refuse(bench, &field, &refused)?;
        }
    }
    Ok(tables.into())
}

/// Measures with a log line for each request.
pub(crate) fn measure_with_logs(bench: &mut Bench) -> io::Result<Table> {
    let name = "CPU per verified request, access logs on";
    let mut cpu = bench.table(name, "us", Better::Less);
    for body in [200, ORDINARY] {
        let deliveries = Deliveries::new(body, PATH);
        let task = Task {
            logs: true,
            ..Task::of(body)
        };
        let field = bench.field(&task, |_| true)?;
        let load = load(bench, &deliveries.genuine, Expected::Accepted, body);
        let what = format!("{}, access logs on", size(body));
        rounds(bench, &what, &load).run(
            bench,
            &field,
            |_, peer, fleet| saturate(fleet, &load, || peer.cpu()),
            |place, one| cpu.add(&size(body), field[place].column, cost(&one)),
        )?;
    }
    Ok(cpu)
}

/// Returns the CPU time of a request in microseconds.
pub(crate) fn cost(one: &Saturation) -> f64 {
    one.cpu.as_secs_f64() * 1e6 / one.answers as f64
}

/// The concurrency that saturates a peer without filling the caches with waiting requests.
pub(crate) fn at_once(body: usize) -> usize {
    if body > 16 * 1024 { 16 } else { 64 }
}

/// Returns a saturating load.
pub(crate) fn load<'r>(
    bench: &Bench,
    requests: &'r [Vec<u8>],
    expected: Expected,
    body: usize,
) -> Load<'r> {
    Load {
        requests,
        expected,
        at_once: at_once(body),
        warm: bench.scale.warm,
        span: bench.scale.span,
    }
}

/// Returns the rounds of a saturating load with a connection for each request at a time.
pub(crate) fn rounds<'a>(bench: &Bench, what: &'a str, load: &Load<'_>) -> Rounds<'a> {
    Rounds {
        what,
        count: bench.scale.rounds,
        connections: load.at_once,
    }
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
        let table = |name, unit, better| bench.table(name, unit, better);
        Self {
            cpu: table("CPU per verified request", "us", Better::Less),
            rate: table(
                "Verified requests per second at saturation",
                "1/s",
                Better::More,
            ),
            share: table("Share of its core used at saturation", "%", Better::Neither),
            median: table("Median latency at a fixed load", "us", Better::Less),
            tail: table(
                "99th percentile of latency at a fixed load",
                "us",
                Better::Less,
            ),
            refusals: table("Rejections per second at saturation", "1/s", Better::More),
            refusal_cpu: table("CPU per rejection", "us", Better::Less),
        }
    }

    /// Returns the throughput of the slowest peer.
    fn saturate(
        &mut self,
        bench: &mut Bench,
        field: &[Running],
        load: &Load<'_>,
        body: usize,
    ) -> io::Result<f64> {
        let row = size(body);
        let mut slowest = f64::INFINITY;
        let what = format!("{row}, saturation");
        rounds(bench, &what, load).run(
            bench,
            field,
            |_, peer, fleet| saturate(fleet, load, || peer.cpu()),
            |place, one| {
                let column = field[place].column;
                self.cpu.add(&row, column, cost(&one));
                self.rate.add(&row, column, per_second(&one));
                let share = one.cpu.as_secs_f64() / one.elapsed.as_secs_f64();
                self.share.add(&row, column, share * 100.0);
                slowest = slowest.min(per_second(&one));
            },
        )?;
        Ok(slowest)
    }

    fn pace(
        &mut self,
        bench: &mut Bench,
        field: &[Running],
        load: &Load<'_>,
        body: usize,
        rate: f64,
    ) -> io::Result<()> {
        let row = format!("{} at {rate:.0}/s", size(body));
        let load = Load {
            span: bench.scale.paced_span,
            ..*load
        };
        let rounds = Rounds {
            what: &row,
            count: bench.scale.paced_rounds,
            connections: load.at_once,
        };
        rounds.run(
            bench,
            field,
            |_, _, fleet| pace(fleet, &load, rate),
            |place, waited| {
                let column = field[place].column;
                self.median.add(&row, column, quantile(&waited, 0.5));
                if waited.len() >= FOR_A_TAIL {
                    self.tail.add(&row, column, quantile(&waited, 0.99));
                }
            },
        )
    }

    fn refuse(&mut self, bench: &mut Bench, field: &[Running], load: &Load<'_>) -> io::Result<()> {
        let row = size(ORDINARY);
        rounds(bench, "rejections", load).run(
            bench,
            field,
            |bench, peer, fleet| {
                let before = bench.upstream.arrived();
                let one = saturate(fleet, load, || peer.cpu())?;
                if bench.upstream.arrived() != before {
                    return Err(io::Error::other("it passed forgeries under load"));
                }
                Ok(one)
            },
            |place, one| {
                let column = field[place].column;
                self.refusals.add(&row, column, per_second(&one));
                self.refusal_cpu.add(&row, column, cost(&one));
            },
        )
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
