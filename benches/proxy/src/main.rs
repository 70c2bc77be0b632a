//! The benchmark of the gate against HAProxy and nginx with the same check (`make bench`). `speed`,
//! `viewers`, `footprint`, `growth`, `inbox` and `counts` contain the measurements.

mod accounting;
mod bench;
mod cartgate;
mod check;
mod cores;
mod counts;
mod delivery;
mod estimate;
mod figures;
mod files;
mod fleet;
mod footprint;
mod growth;
mod haproxy;
mod inbox;
mod load;
mod message;
mod nginx;
mod nginx_lua;
mod nginx_njs;
mod peer;
mod plot;
mod report;
mod rounds;
mod speed;
mod stop;
mod table;
mod upstream;
mod viewers;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    bench::{Bench, Scale},
    cartgate::Cartgate,
    counts::Budget,
    haproxy::Haproxy,
    nginx_lua::NginxLua,
    nginx_njs::NginxNjs,
    peer::Peer,
    report::Report,
    table::{AGAIN, GATE},
};

const USAGE: &str = "usage: bench [--quick] [--rounds N] --gate PROGRAM --out DIR\n       \
                     bench --counts BUDGET [--check | --bless] --gate PROGRAM";

fn main() -> ExitCode {
    let Some(args) = Args::read(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    stop::listen()?;
    files::raise()?;
    let gate = Cartgate {
        name: "Cartgate",
        program: args.gate.clone(),
    };
    match &args.work {
        Work::Bench { scale, out } => measure(&gate, *scale, out),
        Work::Counts { budget, then } => count(&gate, budget, *then),
    }
}

fn measure(gate: &Cartgate, scale: Scale, out: &Path) -> io::Result<()> {
    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(gate.clone()),
        Box::new(Haproxy),
        Box::new(NginxLua),
        Box::new(NginxNjs),
        Box::new(Cartgate {
            name: AGAIN,
            ..gate.clone()
        }),
    ];
    let mut bench = Bench::new(peers, scale)?;
    let mut report = Report::new(&bench);
    report.tables.extend(speed::measure(&mut bench)?);
    report.tables.push(speed::measure_with_logs(&mut bench)?);
    report.tables.push(viewers::measure(&mut bench)?);
    report.tables.extend(footprint::measure(&mut bench)?);
    report.tables.push(footprint::measure_burst(&mut bench)?);
    report.tables.push(growth::by_connections(&mut bench)?);
    report.tables.push(growth::by_endpoints(&mut bench)?);
    report.tables.push(growth::by_settings(&mut bench)?);
    report.tables.push(inbox::measure(&mut bench)?);
    let counted = bench.on_all_cores(|| counts::count(gate));
    report.counts = bench.keep(GATE, "counts", counted)?;
    report.left_out = bench.left_out;
    report.end();
    report.write(out)?;
    println!("{}", report.markdown());
    eprintln!(
        "bench: this, every sample and a chart are in {}",
        out.display()
    );
    Ok(())
}

/// Prints the counts and their comparison with the budget.
///
/// # Errors
///
/// When a count is over its budget, and the budget is checked.
fn count(gate: &Cartgate, file: &Path, then: Then) -> io::Result<()> {
    let mut results = counts::count(gate)?;
    if then == Then::Bless {
        // A budget without the noise of one measurement.
        results = results.lower(&counts::count(gate)?);
        Budget::write(&results, file)?;
        println!("{}", results.markdown());
        eprintln!("bench: {} is the new budget", file.display());
        return Ok(());
    }
    let budget = Budget::read(file)?;
    if !budget.compare(&results).exceeded.is_empty() {
        eprintln!("bench: counts are over the budget, so a second measurement follows");
        results = results.lower(&counts::count(gate)?);
    }
    let comparison = budget.compare(&results);
    println!("{}", results.markdown());
    print!("{}", comparison.text());
    if then == Then::Check && !comparison.exceeded.is_empty() {
        return Err(io::Error::other(
            "requests cost more than their budget; after an update of a crate, run `make pgo` first",
        ));
    }
    Ok(())
}

/// The command line.
struct Args {
    gate: PathBuf,
    work: Work,
}

enum Work {
    Bench { scale: Scale, out: PathBuf },
    Counts { budget: PathBuf, then: Then },
}

/// The step after the counts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Compare,
    Check,
    Bless,
}

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let (mut quick, mut check, mut bless) = (false, false, false);
        let (mut rounds, mut gate, mut out, mut budget) = (None, None, None, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => quick = true,
                "--check" => check = true,
                "--bless" => bless = true,
                "--rounds" => rounds = Some(words.next()?.parse().ok().filter(|one| *one > 0)?),
                "--gate" => gate = Some(words.next()?.into()),
                "--out" => out = Some(words.next()?.into()),
                "--counts" => budget = Some(words.next()?.into()),
                _ => return None,
            }
        }
        let then = match (check, bless) {
            (false, false) => Then::Compare,
            (true, false) => Then::Check,
            (false, true) => Then::Bless,
            (true, true) => return None,
        };
        let work = match (out, budget) {
            (Some(out), None) if then == Then::Compare => Work::Bench {
                scale: scale(quick, rounds),
                out,
            },
            (None, Some(budget)) if !quick && rounds.is_none() => Work::Counts { budget, then },
            _ => return None,
        };
        Some(Self { gate: gate?, work })
    }
}

fn scale(quick: bool, rounds: Option<usize>) -> Scale {
    let milliseconds = Duration::from_millis;
    if quick {
        Scale {
            rounds: rounds.unwrap_or(6),
            warm: milliseconds(30),
            span: milliseconds(150),
            paced_rounds: 3,
            paced_span: milliseconds(500),
            rest: milliseconds(5_000),
        }
    } else {
        Scale {
            rounds: rounds.unwrap_or(31),
            warm: milliseconds(50),
            span: milliseconds(300),
            paced_rounds: 9,
            paced_span: milliseconds(1_000),
            rest: milliseconds(60_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Option<Args> {
        Args::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_bench_and_counts_are_understood() {
        let bench = args("--quick --rounds 3 --gate g --out o").expect("understood");
        assert_eq!(bench.gate, PathBuf::from("g"));
        assert!(matches!(bench.work, Work::Bench { scale, .. } if scale.rounds == 3));
        for (line, expected) in [
            ("--counts b --gate g", Then::Compare),
            ("--counts b --check --gate g", Then::Check),
            ("--counts b --bless --gate g", Then::Bless),
        ] {
            let counts = args(line).expect("understood");
            assert!(
                matches!(counts.work, Work::Counts { then, .. } if then == expected),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "",
            "--gate g",
            "--gate g --out o --fast",
            "--gate g --out o --rounds 0",
            "--gate g --out o --check",
            "--gate",
            "--counts b",
            "--counts b --gate g --out o",
            "--counts b --gate g --quick",
            "--counts b --gate g --check --bless",
        ] {
            assert!(args(line).is_none(), "{line}");
        }
    }
}
