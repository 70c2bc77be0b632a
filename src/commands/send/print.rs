//! Prints the results of `cartgate send`.

use http::StatusCode;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::{
    client::{ResponseSummary, Row, SendError, Table},
    commands::{
        outcome::Failure,
        output::{Output, message},
    },
    net::{connect::ConnectError, destination_address::Address},
};

/// Lines of a response's body that are printed.
const BODY_LINES: usize = 8;

/// Prints the response to one delivery.
pub(super) fn print_response(response: &ResponseSummary, json: bool) -> Result<(), Failure> {
    let mut output = Output::stdout();
    let body = response.first_lines(BODY_LINES);
    if json {
        output.json(&json!({
            "status": response.status.as_u16(),
            "delivery": response.delivery_id(),
            "seconds": response.took.as_secs_f64(),
            "body": body,
        }))?;
        return Ok(());
    }
    output.line(format_args!("status    {}", response.status))?;
    if let Some(id) = response.delivery_id() {
        output.line(format_args!("delivery  {id}"))?;
    }
    for (index, line) in body.iter().enumerate() {
        let label = if index == 0 { "body" } else { "" };
        output.line(format_args!("{label:8}  {line}"))?;
    }
    if let Some(next) = next_step(response) {
        message(format_args!("cartgate: {next}"));
    }
    Ok(())
}

/// Prints the results of forgeries: a table on stdout, and the problems on stderr.
pub(super) fn print_trial(rows: &[Row], json: bool) -> Result<(), Failure> {
    let mut output = Output::stdout();
    if json {
        let all_rejected = rows.iter().all(Row::is_right);
        output.json(&json!({ "all_rejected": all_rejected, "forgeries": rows }))?;
    } else {
        output.line(Table(rows))?;
    }
    let passed = rows.iter().filter(|row| row.got_in()).count();
    let unclear = rows.iter().filter(|row| !row.is_right()).count() - passed;
    if passed > 0 {
        message(format_args!("cartgate: {passed} passed"));
    }
    if unclear > 0 {
        message(format_args!(
            "cartgate: {unclear} got a response that does not judge the signature"
        ));
    }
    if rows.iter().any(Row::is_rejected_genuine) {
        message(
            "cartgate: note: even a genuine signature was rejected, so the receiver has another secret",
        );
    }
    Ok(())
}

/// Returns the failure for a delivery without a response.
pub(super) fn no_response(place: &Address, reason: &SendError) -> Failure {
    let next = match reason {
        SendError::Connect(ConnectError::Tls(_)) => {
            "; if its certificate is from your own authority, name that with --ca-file FILE"
        }
        SendError::Connect(_) => "; check that the gate runs, and that the address is right",
        SendError::Closed | SendError::Broken(_) if !place.is_tls() => {
            "; if the gate has a certificate, write https://"
        }
        SendError::Closed | SendError::Broken(_) | SendError::TimedOut => "",
    };
    Failure::no(format_args!("{place}: {reason}{next}"))
}

/// Returns the likely next step after a response that a gate has written itself.
fn next_step(response: &ResponseSummary) -> Option<&'static str> {
    if !response.is_from_gate() {
        return None;
    }
    Some(match response.status {
        StatusCode::UNAUTHORIZED => {
            "the gate has another secret for this path; on its machine, `cartgate rejected list` names the cause"
        }
        StatusCode::NOT_FOUND => {
            "the gate has no endpoint for this path or host; `path` of its [[endpoint]] is the right one"
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "the endpoint does not allow this method; choose another with --method"
        }
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            "the signature is right, but the gate got no response from the app; its log has the cause"
        }
        _ => return None,
    })
}

/// Returns a progress bar on stderr. It is drawn only on a terminal.
pub(super) fn progress(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
