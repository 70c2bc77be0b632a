//! `cartgate status`.

use futures_util::future::join_all;
use serde::Serialize;

use super::output::Output;
use super::{Failure, Outcome, input, runtime};
use crate::{
    admin::status::{AskError, Asker, Report, Screen},
    cli::StatusArgs,
};

pub(super) fn run(args: StatusArgs) -> Result<Outcome, Failure> {
    let token = input::token(args.token_file)?;
    let askers: Vec<_> = args
        .gates
        .iter()
        .map(|gate| Asker::new(gate, token.as_ref(), args.timeout).map_err(Failure::usage))
        .collect::<Result<_, _>>()?;
    let asked = runtime()?.block_on(join_all(askers.iter().map(Asker::ask)));
    let gates: Vec<_> = args
        .gates
        .iter()
        .zip(asked)
        .map(|(gate, answer)| Gate::of(gate.to_string(), answer))
        .collect();
    let mut output = Output::stdout();
    if args.json {
        output.json(&gates)?;
    } else {
        for gate in &gates {
            output.line(gate)?;
        }
    }
    Ok(Outcome::yes_if(gates.iter().all(Gate::is_well)))
}

/// What one gate said, or why it said nothing.
#[derive(Serialize)]
struct Gate {
    gate: String,
    report: Option<Report>,
    error: Option<String>,
}

impl Gate {
    fn of(gate: String, answer: Result<Report, AskError>) -> Self {
        let error = answer.as_ref().err().map(ToString::to_string);
        Self {
            gate,
            report: answer.ok(),
            error,
        }
    }

    fn is_well(&self) -> bool {
        let report = self.report.as_ref();
        report.is_some_and(|report| report.needs.is_empty())
    }
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.report {
            Some(report) => Screen {
                gate: &self.gate,
                report,
            }
            .fmt(f),
            None => Screen::missing(f, &self.gate, self.error.as_deref().unwrap_or_default()),
        }
    }
}
