//! The benchmark of the gate against HAProxy and nginx with the same check (`make bench`). `speed`,
//! `viewers`, `footprint`, `growth` and `instructions` contain the measurements.

mod accounting;
mod aims;
mod bench;
mod cartgate;
mod check;
mod cores;
mod delivery;
mod files;
mod fleet;
mod footprint;
mod growth;
mod haproxy;
mod instructions;
mod load;
mod message;
mod nginx;
mod nginx_lua;
mod nginx_njs;
mod peer;
mod plot;
mod report;
mod speed;
mod stop;
mod table;
mod upstream;
mod viewers;

use std::{env, io, path::PathBuf, process::ExitCode, time::Duration};

use crate::{
    bench::{Bench, Scale},
    cartgate::Cartgate,
    haproxy::Haproxy,
    nginx_lua::NginxLua,
    nginx_njs::NginxNjs,
    peer::Peer,
    report::Report,
};

const USAGE: &str = "usage: bench [--quick] [--rounds N] --gate PROGRAM --out DIR\n       \
                     bench --instructions --gate PROGRAM";

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
        program: args.gate.clone(),
    };
    let Some(out) = &args.out else {
        println!("{}", instructions::measure(&gate)?);
        return Ok(());
    };
    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(gate),
        Box::new(Haproxy),
        Box::new(NginxLua),
        Box::new(NginxNjs),
    ];
    let mut bench = Bench::new(peers, args.scale())?;
    let mut report = Report::new(&bench);
    report.tables.extend(speed::measure(&mut bench)?);
    report.tables.extend(speed::measure_with_logs(&mut bench)?);
    report.tables.push(viewers::measure(&mut bench)?);
    report.tables.extend(footprint::measure(&mut bench)?);
    report.tables.push(footprint::measure_burst(&mut bench)?);
    report.tables.push(growth::by_connections(&mut bench)?);
    report.tables.push(growth::by_endpoints(&mut bench)?);
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

/// The command line.
struct Args {
    quick: bool,
    rounds: Option<usize>,
    gate: PathBuf,
    /// The directory of the report. Without one, only instructions are counted.
    out: Option<PathBuf>,
}

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let (mut quick, mut instructions) = (false, false);
        let (mut rounds, mut gate, mut out) = (None, None, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => quick = true,
                "--instructions" => instructions = true,
                "--rounds" => rounds = Some(words.next()?.parse().ok().filter(|one| *one > 0)?),
                "--gate" => gate = Some(words.next()?.into()),
                "--out" => out = Some(words.next()?.into()),
                _ => return None,
            }
        }
        let args = Self {
            quick,
            rounds,
            gate: gate?,
            out,
        };
        (args.out.is_none() == instructions).then_some(args)
    }

    fn scale(&self) -> Scale {
        let milliseconds = Duration::from_millis;
        if self.quick {
            Scale {
                rounds: self.rounds.unwrap_or(1),
                warm: milliseconds(100),
                span: milliseconds(600),
                rest: milliseconds(5_000),
            }
        } else {
            Scale {
                rounds: self.rounds.unwrap_or(5),
                warm: milliseconds(300),
                span: milliseconds(1_500),
                rest: milliseconds(60_000),
            }
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
    fn what_is_not_understood_is_refused() {
        let whole = args("--quick --rounds 3 --gate g --out o").expect("understood");
        assert_eq!((whole.scale().rounds, whole.gate), (3, PathBuf::from("g")));
        assert!(args("--instructions --gate g").is_some());
        for line in [
            "",
            "--gate g",
            "--gate g --out o --fast",
            "--gate g --out o --rounds 0",
            "--gate",
            "--instructions --gate g --out o",
        ] {
            assert!(args(line).is_none(), "{line}");
        }
    }
}
