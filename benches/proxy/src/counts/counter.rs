//! Counts what requests of each kind cost, in runs beside each other.

use std::{
    fs, io,
    path::Path,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    case::Case,
    profile::Profile,
    results::{Cost, Results, made_with},
    system_calls::SystemCalls,
    traced::{Tool, Traced},
};
use crate::{
    cartgate::Cartgate, cores::Cores, fleet::Fleet, peer::Running, stop, upstream::Upstream,
};

/// Requests take turns on these connections, one at a time. More at a time would share waits and
/// reads, in numbers that depend on the time.
const CONNECTIONS: usize = 8;

/// The name of the tool's output in the directory of a run.
const OUTPUT: &str = "counts";

/// The time in which a tool writes its result.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the cost of each kind of request.
///
/// # Errors
///
/// If valgrind or strace is missing, if a run fails, or if the hash is not found in a profile.
pub(crate) fn count(gate: &Cartgate) -> io::Result<Results> {
    let jobs: Vec<(Case, Tool)> = [Tool::Callgrind, Tool::Strace]
        .into_iter()
        .flat_map(|tool| Case::ALL.map(|case| (case, tool)))
        .collect();
    let jobs = Mutex::new(jobs.into_iter());
    let counted = Mutex::new(Vec::new());
    let at_once = thread::available_parallelism()?.get();
    let work = || -> io::Result<()> {
        loop {
            let job = jobs.lock().expect("no thread panics").next();
            let Some((case, tool)) = job else {
                return Ok(());
            };
            eprintln!("bench: counts, {}", case.name());
            let part = count_case(gate, case, tool)?;
            counted.lock().expect("no thread panics").push((case, part));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        let mut ends = workers.into_iter().map(thread::ScopedJoinHandle::join);
        ends.try_for_each(|end| end.expect("no thread panics"))
    })?;
    let counted = counted.into_inner().expect("no thread panics");
    let costs = Case::ALL.map(|case| (case, cost(case, &counted)));
    let results = Results {
        made_with: made_with(&gate.program)?,
        costs: costs.to_vec(),
    };
    results.check_hash()?;
    Ok(results)
}

/// The result of one tool.
enum Part {
    Profile(Profile),
    SystemCalls(SystemCalls),
}

fn cost(case: Case, counted: &[(Case, Part)]) -> Cost {
    let mut cost = Cost::default();
    for (_, part) in counted.iter().filter(|(of, _)| *of == case) {
        match part {
            Part::Profile(profile) => cost.profile = *profile,
            Part::SystemCalls(calls) => cost.system_calls = calls.clone(),
        }
    }
    cost
}

fn count_case(gate: &Cartgate, case: Case, tool: Tool) -> io::Result<Part> {
    let [few, many] = case.lengths();
    let requests = f64::from(many - few);
    let [fewer, more] = [few, many].map(|count| run(gate, case, tool, count));
    let [fewer, more] = [fewer?, more?];
    Ok(match tool {
        Tool::Callgrind => {
            let [fewer, more] = [fewer, more].map(|room| profile(room.path()));
            Part::Profile(Profile::per_request(fewer?, more?, requests))
        }
        Tool::Strace => {
            let [fewer, more] = [fewer, more].map(|room| system_calls(room.path()));
            Part::SystemCalls(SystemCalls::per_request(&fewer?, &more?, requests))
        }
    })
}

/// Runs the gate under a tool, which writes into the returned directory.
fn run(gate: &Cartgate, case: Case, tool: Tool, count: u32) -> io::Result<TempDir> {
    let room = tempfile::Builder::new()
        .prefix("cartgate-count-")
        .tempdir()?;
    let upstream = Upstream::start()?;
    let traced = Traced {
        gate,
        tool,
        output: room.path().join(OUTPUT),
    };
    let cores = Cores::shared()?;
    let task = case.task();
    let peer = Running::start(&traced, 0, &task, &upstream, room.path(), &cores)?;
    be_idle(&peer)?;
    let requests = case.requests();
    let mut fleet = Fleet::connect(peer.address, CONNECTIONS)?;
    for request in requests.iter().cycle().take(count as usize) {
        let status = fleet.ask(request)?;
        if !case.expected().is(status) {
            return Err(io::Error::other(format!("unexpected status {status}")));
        }
    }
    drop(peer);
    Ok(room)
}

/// Waits until the gate uses hardly any CPU. It starts some work in the background, which would be
/// incomplete in a short run.
fn be_idle(gate: &Running) -> io::Result<()> {
    const QUIET: Duration = Duration::from_millis(200);
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let before = gate.cpu()?;
        stop::rest(QUIET)?;
        if gate.cpu()?.saturating_sub(before) < QUIET / 20 {
            break;
        }
    }
    Ok(())
}

/// Reads the files of callgrind, one for each thread. It has ended with the gate.
fn profile(room: &Path) -> io::Result<Profile> {
    let mut files = Vec::new();
    for entry in fs::read_dir(room)? {
        let entry = entry?;
        // A number follows the name.
        if entry.file_name().to_string_lossy().starts_with(OUTPUT) {
            files.push(fs::read_to_string(entry.path())?);
        }
    }
    // The file without a number is empty.
    let files = files.iter().map(String::as_str);
    Profile::of_threads(files.filter(|text| !text.is_empty()))
}

/// Reads the table of strace, which it writes after the gate has ended.
fn system_calls(room: &Path) -> io::Result<SystemCalls> {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(room.join(OUTPUT))?;
        match SystemCalls::parse(&text) {
            Err(_) if begun.elapsed() < PATIENCE => stop::rest(Duration::from_millis(20))?,
            parsed => return parsed,
        }
    }
}
