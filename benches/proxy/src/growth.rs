//! The cost of a request by the number of connections and of endpoints, and by settings.

use std::io;

use tempfile::TempDir;

use crate::{
    bench::Bench,
    delivery::{Deliveries, PATH},
    files,
    load::{Expected, saturate},
    peer::Task,
    rounds::Rounds,
    speed::{cost, load, rounds},
    table::{AGAIN, Better, GATE, Table},
};

const BODY: usize = 200;
const CONNECTIONS: [usize; 2] = [1_000, 6_000];
const ENDPOINTS: [usize; 3] = [1, 100, 1_000];

/// The peers, in the order in which they take part if the limit of open files excludes some.
const FIRST: [&str; 4] = ["Cartgate", "HAProxy", "nginx + Lua", AGAIN];

/// Measures with the number of requests at a time that saturates a peer. The connections take
/// turns.
pub(crate) fn by_connections(bench: &mut Bench) -> io::Result<Table> {
    let name = "CPU per verified request of 200 B, by open connections";
    let mut cpu = bench.table(name, "us", Better::Less);
    let deliveries = Deliveries::new(BODY, PATH);
    let load = load(bench, &deliveries.genuine, Expected::Accepted, BODY);
    for count in CONNECTIONS {
        let row = count.to_string();
        let what = format!("{count} connections");
        if count > files::most_connections() {
            bench.leave_out(format!("{what}: the limit of open files is too low"));
            continue;
        }
        let places = files::most_of_the_bench() / count;
        let rank = |name: &str| FIRST.iter().position(|first| *first == name);
        let takes_part = |name: &str| rank(name).unwrap_or(FIRST.len()) < places;
        for name in bench
            .names()
            .filter(|name| !takes_part(name))
            .collect::<Vec<_>>()
        {
            bench.leave_out(format!(
                "{name}, {what}: the limit of open files is too low"
            ));
        }
        let field = bench.field(&Task::of(BODY), takes_part)?;
        let rounds = Rounds {
            what: &what,
            count: bench.scale.rounds,
            connections: count,
        };
        rounds.run(
            bench,
            &field,
            |_, peer, fleet| saturate(fleet, &load, || peer.cpu()),
            |place, one| cpu.add(&row, field[place].column, cost(&one)),
        )?;
    }
    Ok(cpu)
}

/// The name of the table of endpoints.
pub(crate) const BY_ENDPOINTS: &str = "CPU per verified request of 200 B, by endpoints in the file";

/// Measures only the gate, because peers have no endpoints.
pub(crate) fn by_endpoints(bench: &mut Bench) -> io::Result<Table> {
    let tasks = ENDPOINTS.map(|endpoints| {
        let task = Task {
            endpoints,
            ..Task::of(BODY)
        };
        (endpoints.to_string(), task)
    });
    gates(bench, BY_ENDPOINTS, &tasks)
}

/// The table of settings and its rows.
pub(crate) const BY_SETTINGS: &str = "CPU per verified request of 200 B, by settings";
pub(crate) const DEFAULTS: &str = "defaults";
pub(crate) const UNIX: &str = "Unix socket to the app";
pub(crate) const NO_SANDBOX: &str = "no sandbox";

/// Measures only the gate: with its defaults, with a Unix socket to the app, and without its
/// sandbox.
pub(crate) fn by_settings(bench: &mut Bench) -> io::Result<Table> {
    let default = Task::of(BODY);
    let unix = Task {
        unix: true,
        ..default.clone()
    };
    let free = Task {
        sandbox: false,
        ..default.clone()
    };
    let tasks = [
        (DEFAULTS.to_owned(), default),
        (UNIX.to_owned(), unix),
        (NO_SANDBOX.to_owned(), free),
    ];
    gates(bench, BY_SETTINGS, &tasks)
}

/// Measures a gate for each task, beside each other. Each has a row with a name.
fn gates(bench: &mut Bench, name: &str, tasks: &[(String, Task)]) -> io::Result<Table> {
    let mut cpu = bench.table(name, "us", Better::Neither);
    let deliveries = Deliveries::new(BODY, PATH);
    let load = load(bench, &deliveries.genuine, Expected::Accepted, BODY);
    let (mut rooms, mut field) = (Vec::new(), Vec::new());
    for (_, task) in tasks {
        let room = TempDir::with_prefix("cartgate-gates-")?;
        field.push(bench.start_in(room.path(), GATE, task)?);
        rooms.push(room);
    }
    rounds(bench, name, &load).run(
        bench,
        &field,
        |_, peer, fleet| saturate(fleet, &load, || peer.cpu()),
        |place, one| cpu.add(&tasks[place].0, GATE, cost(&one)),
    )?;
    Ok(cpu)
}
