//! Events as text.

use std::fmt::{self, Display, Formatter};

use bytesize::ByteSize;

use super::{
    delivery::{cause_of, failure},
    text::{self, age, rfc3339, safe},
};
use crate::{
    inbox::{
        finished_attempt::AttemptResult,
        operations::{AttemptDetails, EventDetails, StoredDelivery},
    },
    runtime::clock::Millis,
};

/// An event for people.
pub(crate) struct Event<'s> {
    pub(crate) shown: &'s EventDetails,
    pub(crate) now: Millis,
}

impl Display for Event<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = self.shown;
        let ago = age(shown.received, self.now);
        writeln!(f, "event     {}", shown.id)?;
        writeln!(f, "endpoint  {}", safe(&shown.endpoint))?;
        writeln!(f, "kind      {}", safe(&shown.kind))?;
        writeln!(f, "received  {} ({ago} ago)", rfc3339(shown.received))?;
        if let Some(row) = shown.deliveries.first() {
            writeln!(f, "size      {}", ByteSize(row.size))?;
            if row.seen > 1 {
                let (first, before) = (rfc3339(row.first_received), row.copy);
                let seen = row.seen;
                writeln!(
                    f,
                    "copies    {before} before it, {seen} in all, the first at {first}"
                )?;
            }
        }
        match &shown.broken {
            None => writeln!(f, "seal      intact")?,
            Some(reason) => writeln!(f, "seal      {}", safe(reason))?,
        }
        self.head(f)?;
        let mut deliveries = shown.deliveries.iter();
        write!(f, "deliveries")?;
        deliveries.try_for_each(|row| self.delivery(f, row))?;
        if shown.attempts.is_empty() {
            return Ok(());
        }
        write!(f, "\nattempts")?;
        let mut attempts = shown.attempts.iter();
        attempts.try_for_each(|one| attempt(f, one))
    }
}

impl Event<'_> {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(head) = &self.shown.head else {
            return Ok(());
        };
        writeln!(f, "secret    {}", safe(&head.secret))?;
        writeln!(f, "from      {}", safe(&head.peer))?;
        writeln!(f, "head      {} {}", safe(&head.method), safe(&head.target))?;
        for (name, value) in &head.headers {
            writeln!(f, "          {}: {}", safe(name), safe(value))?;
        }
        Ok(())
    }

    fn delivery(&self, f: &mut Formatter<'_>, row: &StoredDelivery) -> fmt::Result {
        let (name, state, attempts) = (
            text::destination(row.destination.as_deref()),
            row.state.as_str(),
            row.attempts,
        );
        write!(f, "\n          {name}: {state} after {attempts} attempts")?;
        if let Some(last) = row.last {
            write!(f, ", last {} ago", age(last, self.now))?;
        }
        let status = row.status.map(|status| status.to_string());
        if let Some(result) = failure(row).or(status) {
            write!(f, " ({result})")?;
        }
        match row.due {
            Some(due) if due > self.now => write!(f, ", next in {}", age(self.now, due)),
            Some(_) => write!(f, ", due now"),
            None => Ok(()),
        }
    }
}

fn attempt(f: &mut Formatter<'_>, one: &AttemptDetails) -> fmt::Result {
    let (started, name, number) = (rfc3339(one.started), safe(&one.destination), one.number);
    let result = match one.result {
        AttemptResult::Delivered => "delivered",
        AttemptResult::Failed => "failed",
        AttemptResult::Deferred => "failed, not counted,",
    };
    let ms = one.ms;
    write!(
        f,
        "\n          {started}  {name}: attempt {number} {result} after {ms:.1} ms"
    )?;
    let response = one.response.as_deref();
    let cause = one.reason.as_deref();
    let cause = cause.map(|reason| cause_of(reason, one.status, response));
    match cause.or(one.status.map(|status| status.to_string())) {
        Some(result) => write!(f, " ({result})"),
        None => Ok(()),
    }
}
