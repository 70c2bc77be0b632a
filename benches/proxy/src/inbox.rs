//! The rate of durable commits of the gate, beside that of its store alone. The test behind
//! `make bench-inbox` measures both in turn, and this reads its rounds.

use std::{env, io, process::Command};

use crate::{
    bench::Bench,
    table::{Better, GATE, Table},
};

/// The name of the table, and its rows.
pub(crate) const TABLE: &str = "Durable commits per second with 64 senders";
pub(crate) const STORE_ROW: &str = "store alone";
pub(crate) const GATE_ROW: &str = "gate";

/// Measures on all cores, because the test is the load as well.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Table> {
    let mut table = bench.table(TABLE, "1/s", Better::Neither);
    eprintln!("bench: durable commits");
    let measured = bench.on_all_cores(run).and_then(|text| read(&text));
    for [store, gate] in bench
        .keep(GATE, "durable commits", measured)?
        .unwrap_or_default()
    {
        table.add(STORE_ROW, GATE, store);
        table.add(GATE_ROW, GATE, gate);
    }
    Ok(table)
}

/// Returns the output of the test.
fn run() -> io::Result<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--release", "--locked", "--lib", "--"]);
    command.args(["--ignored", "--nocapture", "how_fast_events_are_kept"]);
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim().lines().next_back().unwrap_or("nothing");
    Err(io::Error::other(format!("the test fails: {last}")))
}

/// Reads the rates of the store and of the gate in each round.
fn read(output: &str) -> io::Result<Vec<[f64; 2]>> {
    let rounds = output.lines().filter_map(round);
    let rounds: Vec<_> = rounds.collect();
    if rounds.is_empty() {
        return Err(io::Error::other("the test prints no rounds"));
    }
    Ok(rounds)
}

fn round(line: &str) -> Option<[f64; 2]> {
    let rates = line.strip_prefix("round of 64: store alone ")?;
    let (store, gate) = rates.split_once("/s, gate ")?;
    Some([store.parse().ok()?, gate.strip_suffix("/s")?.parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounds_of_the_test_are_read() {
        let output = "\nrunning 1 test\nround of 64: store alone 1000/s, gate 950/s\n\
                      round of 64: store alone 900/s, gate 800/s\nstore alone, 1 task 90/s\n";
        let rounds = read(output).expect("rounds");
        assert_eq!(rounds, [[1000.0, 950.0], [900.0, 800.0]]);
        assert!(read("store alone, 1 task 90/s\n").is_err());
    }
}
