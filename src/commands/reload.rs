//! `cartgate reload`.

use std::io;

use serde::Serialize;

use super::{
    gates::{GateResponse, request_all},
    outcome::{Failure, Outcome},
    output::{Output, message},
};
use crate::{
    admin::{client::AdminClient, status::Reloaded},
    cli::ReloadArgs,
    text::terminal::printable,
};

pub(super) fn run(args: ReloadArgs) -> Result<Outcome, Failure> {
    let ReloadArgs {
        gates,
        timeout,
        json,
    } = args;
    let responses = request_all(
        &gates.addresses,
        gates.token_file,
        timeout,
        &AdminClient::reload,
    )?;
    let gates: Vec<_> = responses.into_iter().map(Gate::from).collect();
    let mut output = Output::stdout();
    if json {
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

impl From<GateResponse<Reloaded>> for Gate {
    fn from((gate, response): GateResponse<Reloaded>) -> Self {
        let error = response.as_ref().err().map(ToString::to_string);
        Self {
            gate,
            reloaded: response.ok(),
            error,
        }
    }
}

impl Gate {
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
