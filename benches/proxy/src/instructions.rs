//! Instructions of the gate per request, counted by callgrind. Unlike CPU time, the count is the
//! same on a busy machine.

use std::{fs, io, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{
    bench::size,
    cartgate::Cartgate,
    cores::Cores,
    delivery::{Deliveries, PATH},
    fleet::Fleet,
    load::Expected,
    peer::{Peer, Running, Site, Task, installed},
    upstream::Upstream,
};

const SIZES: [usize; 2] = [200, 2 * 1024];
const CONNECTIONS: usize = 8;

/// The difference of two runs excludes the start and the end of the program.
const REQUESTS: [u32; 2] = [1_000, 3_000];

/// Returns a table in Markdown: instructions per verified and per rejected request, by body size.
///
/// # Errors
///
/// When valgrind is missing, or a run fails.
pub(crate) fn measure(gate: &Cartgate) -> io::Result<String> {
    let counter = Counter::new(gate)?;
    let mut table = "| body | verified | rejected |\n|---|---:|---:|\n".to_owned();
    for body in SIZES {
        let deliveries = Deliveries::new(body, PATH);
        let verified = counter.per_request(body, &deliveries.genuine, Expected::Accepted)?;
        let rejected = counter.per_request(body, &deliveries.forged, Expected::Refused)?;
        table += &format!("| {} | {verified:.0} | {rejected:.0} |\n", size(body));
    }
    Ok(table)
}

struct Counter<'a> {
    gate: Callgrind<'a>,
    upstream: Upstream,
    cores: Cores,
    room: TempDir,
}

impl<'a> Counter<'a> {
    fn new(gate: &'a Cartgate) -> io::Result<Self> {
        let room = tempfile::Builder::new()
            .prefix("cartgate-count-")
            .tempdir()?;
        Ok(Self {
            gate: Callgrind {
                gate,
                valgrind: installed("valgrind")?,
                output: room.path().join("callgrind.out"),
            },
            upstream: Upstream::start()?,
            cores: Cores::divide()?,
            room,
        })
    }

    fn per_request(
        &self,
        body: usize,
        requests: &[Vec<u8>],
        expected: Expected,
    ) -> io::Result<f64> {
        let [few, many] = REQUESTS;
        let less = self.run(body, requests, expected, few)?;
        let more = self.run(body, requests, expected, many)?;
        Ok((more - less) / f64::from(many - few))
    }

    /// Returns the instructions of a whole run of the gate.
    fn run(
        &self,
        body: usize,
        requests: &[Vec<u8>],
        expected: Expected,
        count: u32,
    ) -> io::Result<f64> {
        let (task, upstream) = (Task::of(body), self.upstream.address);
        let gate = Running::start(
            &self.gate,
            0,
            &task,
            upstream,
            self.room.path(),
            &self.cores,
        )?;
        let mut fleet = Fleet::connect(gate.address, CONNECTIONS)?;
        for request in requests.iter().cycle().take(count as usize) {
            let status = fleet.ask(request)?;
            if !expected.is(status) {
                return Err(io::Error::other(format!("unexpected status {status}")));
            }
        }
        drop(gate);
        total(&fs::read_to_string(&self.gate.output)?)
            .ok_or_else(|| io::Error::other("callgrind wrote no total"))
    }
}

/// The gate under callgrind.
struct Callgrind<'a> {
    gate: &'a Cartgate,
    valgrind: PathBuf,
    output: PathBuf,
}

impl Peer for Callgrind<'_> {
    fn name(&self) -> &'static str {
        self.gate.name()
    }

    fn version(&self) -> io::Result<String> {
        self.gate.version()
    }

    fn command(&self, site: &Site<'_>) -> io::Result<Command> {
        let gate = self.gate.command(site)?;
        let mut command = Command::new(&self.valgrind);
        command
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", self.output.display()))
            .arg(gate.get_program())
            .args(gate.get_args());
        Ok(command)
    }
}

/// Reads the instructions in all from callgrind's output.
fn total(output: &str) -> Option<f64> {
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    line?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read() {
        assert_eq!(
            total("fn=(1)\n1 2\n\ntotals: 225589766\n"),
            Some(225_589_766.0)
        );
        assert_eq!(total("fn=(1)\n"), None);
    }
}
