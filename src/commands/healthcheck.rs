//! `cartgate healthcheck`.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use super::{
    outcome::{Failure, Outcome},
    output::Output,
    runtime::runtime,
};
use crate::{cli::HealthcheckArgs, net::health_socket};

/// The response of a gate that is ready.
const READY: &str = "ready";

/// The limit of a response in bytes.
const MAX: u64 = 256;

pub(super) fn run(args: &HealthcheckArgs) -> Result<Outcome, Failure> {
    let states = runtime()?.block_on(states(args));
    if states.is_empty() {
        return Err(Failure::no(match args.pid {
            Some(process) => format!("process {process} is no gate of this user that serves"),
            None => "no gate of this user serves here".to_owned(),
        }));
    }
    let mut output = Output::stdout();
    for (process, state) in &states {
        output.line(format_args!("process {process}: {state}"))?;
    }
    Ok(Outcome::yes_if(
        states.iter().all(|(_, state)| state == READY),
    ))
}

/// Asks the gates at once; returns the process and the state of each.
async fn states(args: &HealthcheckArgs) -> Vec<(i32, String)> {
    let gates = health_socket::connect().await.into_iter();
    let gates = gates.filter(|(process, _)| args.pid.is_none_or(|wanted| wanted == *process));
    let states = gates.map(async |(process, gate)| (process, state(gate, args.timeout).await));
    join_all(states).await
}

async fn state(gate: impl AsyncRead + Unpin, limit: Duration) -> String {
    let mut state = String::new();
    match timeout(limit, gate.take(MAX).read_to_string(&mut state)).await {
        Ok(Ok(1..)) => state,
        Ok(_) => "closed the connection without a response".to_owned(),
        Err(_) => format!(
            "does not respond within {}",
            humantime::format_duration(limit)
        ),
    }
}
