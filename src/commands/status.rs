//! `cartgate status`.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::{
    gates::{GateResponse, request_all},
    outcome::{Failure, Outcome},
    output::Output,
};
use crate::{
    admin::{
        client::AdminClient,
        status::{Report, Screen},
    },
    cli::StatusArgs,
};

pub(super) fn run(args: StatusArgs) -> Result<Outcome, Failure> {
    let StatusArgs {
        gates,
        timeout,
        json,
    } = args;
    let responses = request_all(
        &gates.addresses,
        gates.token_file,
        timeout,
        &AdminClient::report,
    )?;
    let gates: Vec<_> = responses.into_iter().map(Gate::from).collect();
    let mut output = Output::stdout();
    if json {
        output.json(&gates)?;
    } else {
        for gate in &gates {
            output.line(gate)?;
        }
    }
    Ok(Outcome::yes_if(gates.iter().all(Gate::is_without_problems)))
}

/// The report of one gate, or the reason why there is none.
#[derive(Serialize)]
struct Gate {
    gate: String,
    report: Option<Report>,
    error: Option<String>,
}

impl From<GateResponse<Report>> for Gate {
    fn from((gate, response): GateResponse<Report>) -> Self {
        let error = response.as_ref().err().map(ToString::to_string);
        Self {
            gate,
            report: response.ok(),
            error,
        }
    }
}

impl Gate {
    fn is_without_problems(&self) -> bool {
        let report = self.report.as_ref();
        report.is_some_and(|report| report.problems.is_empty())
    }
}

impl Display for Gate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
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
