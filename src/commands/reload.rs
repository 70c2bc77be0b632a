//! `cartgate reload`.

use std::io;

use futures_util::future::join_all;
use serde::Serialize;

use super::output::{Output, message};
use super::{Failure, Outcome, input, runtime};
use crate::{
    admin::status::{AskError, Reloaded, Reloader},
    cli::ReloadArgs,
    text::terminal::printable,
};

pub(super) fn run(args: ReloadArgs) -> Result<Outcome, Failure> {
    let token = input::token(args.token_file)?;
    let gates = args.gates.iter();
    let reloaders: Vec<_> = gates
        .map(|gate| Reloader::new(gate, token.as_ref(), args.timeout).map_err(Failure::usage))
        .collect::<Result<_, _>>()?;
    let answers = runtime()?.block_on(join_all(reloaders.iter().map(Reloader::reload)));
    let gates = args.gates.iter().zip(answers);
    let gates: Vec<_> = gates
        .map(|(gate, answer)| Gate::of(gate.to_string(), answer))
        .collect();
    let mut output = Output::stdout();
    if args.json {
        output.json(&gates)?;
    } else {
        gates.iter().try_for_each(|gate| gate.print(&mut output))?;
    }
    Ok(Outcome::yes_if(gates.iter().all(Gate::is_in_force)))
}

/// The result of one gate, or the reason why there is none.
#[derive(Serialize)]
struct Gate {
    gate: String,
    reloaded: Option<Reloaded>,
    error: Option<String>,
}

impl Gate {
    fn of(gate: String, answer: Result<Reloaded, AskError>) -> Self {
        let error = answer.as_ref().err().map(ToString::to_string);
        Self {
            gate,
            reloaded: answer.ok(),
            error,
        }
    }

    fn is_in_force(&self) -> bool {
        self.reloaded.as_ref().is_some_and(|result| result.in_force)
    }

    fn print(&self, output: &mut Output) -> io::Result<()> {
        let gate = &self.gate;
        let Some(reloaded) = &self.reloaded else {
            let error = self.error.as_deref().unwrap_or_default();
            message(format_args!("cartgate: {gate}: {error}"));
            return Ok(());
        };
        for (kind, lines) in [("", &reloaded.errors), ("warning: ", &reloaded.warnings)] {
            for line in lines {
                let line = printable(line.as_bytes());
                message(format_args!("cartgate: {gate}: {kind}{line}"));
            }
        }
        if reloaded.in_force {
            output.line(format_args!("{gate}: the new configuration is in force"))?;
        } else {
            message(format_args!(
                "cartgate: {gate}: the old configuration stays in force"
            ));
        }
        Ok(())
    }
}
