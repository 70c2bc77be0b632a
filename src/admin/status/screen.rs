//! The report of a gate as one screen. The report may come from another server, so all text is made
//! safe for a terminal.

use std::fmt::{self, Display, Formatter};

use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;

use super::{
    removable::removable_since,
    report::{Alarm, Destination, Endpoint, Event, Inbox, Report, Room, Waiting},
    span::Span,
};
use crate::text::terminal::printable;

/// The screen of a gate.
pub struct Screen<'r> {
    /// The address of the admin listener.
    pub gate: &'r str,
    /// The report.
    pub report: &'r Report,
}

impl Display for Screen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (report, bold) = (self.report, Style::new().bold());
        let state = if report.ready { "ready" } else { "NOT ready" };
        let version = safe(&report.version);
        let up = self.ago(report.started);
        writeln!(
            f,
            "{bold}{}{bold:#}  cartgate {version}, {state}, up for {up}",
            self.gate
        )?;
        self.room(f)?;
        for endpoint in &report.endpoints {
            self.endpoint(f, endpoint)?;
        }
        let last = self.event(report.last_astray.as_ref());
        writeln!(f, "  no endpoint  {:<8} {last}", report.astray)?;
        for destination in &report.destinations {
            self.destination(f, destination)?;
        }
        if let Some(inbox) = &report.inbox {
            self.inbox(f, inbox)?;
        }
        for certificate in &report.certificates {
            let name = safe(&certificate.certificate);
            match certificate.ends.checked_sub(report.now) {
                Some(left) => writeln!(f, "  certificate {name}: expires in {}", Span(left))?,
                None => writeln!(f, "  certificate {name}: expired")?,
            }
        }
        for alarm in &report.alarms {
            self.alarm(f, alarm)?;
        }
        problems(f, &report.problems)
    }
}

impl Screen<'_> {
    /// Writes the screen of a gate without a report, with the reason.
    pub(crate) fn missing(f: &mut Formatter<'_>, gate: &str, reason: &str) -> fmt::Result {
        let bold = Style::new().bold();
        writeln!(f, "{bold}{gate}{bold:#}")?;
        problems(f, &[format!("no report: {reason}")])
    }

    fn room(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let Room { taken, limit } = report.connections;
        write!(f, "  {taken} of {limit} connections")?;
        if report.connections_refused > 0 {
            write!(f, " ({} rejected)", report.connections_refused)?;
        }
        let Room { taken, limit } = report.memory;
        let (taken, limit) = (ByteSize(taken), ByteSize(limit));
        write!(f, ", {taken} of {limit} for large bodies")?;
        if report.log_lines_dropped > 0 {
            write!(f, ", {} log lines dropped", report.log_lines_dropped)?;
        }
        let since = self.ago(report.configuration.since);
        write!(f, "\n  configuration in force for {since}")?;
        if let Some(trigger) = &report.configuration.trigger {
            write!(f, ", last reload by {}", safe(trigger))?;
        }
        if report.configuration.watch {
            write!(f, ", files watched")?;
        }
        let missing: Vec<_> = report
            .sandbox
            .missing
            .iter()
            .map(|part| safe(part))
            .collect();
        match &*report.sandbox.state {
            "enforced" => writeln!(f, ", sandbox enforced"),
            "partly" => writeln!(f, "\n  sandbox enforced without {}", missing.join(", ")),
            "off" => writeln!(f, ", sandbox off"),
            _ => writeln!(f),
        }
    }

    fn endpoint(&self, f: &mut Formatter<'_>, endpoint: &Endpoint) -> fmt::Result {
        let mode = if endpoint.verdict { " (verdict)" } else { "" };
        writeln!(f, "  endpoint {}{mode}", safe(&endpoint.endpoint))?;
        let last = self.last(endpoint.last_verified);
        writeln!(f, "    verified   {:<8} {last}", endpoint.verified)?;
        let last = self.event(endpoint.last_rejected.as_ref());
        writeln!(f, "    rejected   {:<8} {last}", endpoint.rejected)?;
        if let Some(late) = &endpoint.late {
            writeln!(f, "    late       {}", late.words())?;
        }
        if endpoint.not_taken > 0 {
            let last = self.event(endpoint.last_not_taken.as_ref());
            writeln!(f, "    not taken  {:<8} {last}", endpoint.not_taken)?;
        }
        if endpoint.unidentified > 0 {
            let last = self.event(endpoint.last_unidentified.as_ref());
            writeln!(f, "    no id      {:<8} {last}", endpoint.unidentified)?;
        }
        for (rank, secret) in endpoint.secrets.iter().enumerate() {
            let last = self.last(secret.last_matched);
            let since = self.ago(secret.counted_since);
            let newest = &endpoint.secrets[0];
            let removable = removable_since(newest, secret, self.report.now);
            let hint = match removable.filter(|_| rank > 0) {
                Some(_) => "; can be removed",
                None => "",
            };
            let (name, matched) = (safe(&secret.secret), secret.matched);
            writeln!(
                f,
                "    secret {name}: matched {matched}, {last}, counted for {since}{hint}"
            )?;
        }
        Ok(())
    }

    fn destination(&self, f: &mut Formatter<'_>, destination: &Destination) -> fmt::Result {
        writeln!(f, "  destination {}", safe(&destination.destination))?;
        let last = self.last(destination.last_taken);
        writeln!(f, "    taken      {:<8} {last}", destination.taken)?;
        let last = self.event(destination.last_failed.as_ref());
        writeln!(f, "    failed     {:<8} {last}", destination.failed)
    }

    fn inbox(&self, f: &mut Formatter<'_>, inbox: &Inbox) -> fmt::Result {
        let Room { taken, limit } = inbox.events;
        let bytes = (ByteSize(inbox.bytes.taken), ByteSize(inbox.bytes.limit));
        let (held, most) = bytes;
        writeln!(f, "  inbox: {taken} of {limit} events, {held} of {most}")?;
        let mut waiting = inbox.waiting.iter();
        waiting.try_for_each(|waiting| self.waiting(f, waiting))
    }

    fn waiting(&self, f: &mut Formatter<'_>, waiting: &Waiting) -> fmt::Result {
        let name = match &*waiting.destination {
            "" => "no destination".to_owned(),
            name => safe(name),
        };
        write!(f, "    for {name}: {} wait", waiting.pending)?;
        if let Some(oldest) = waiting.oldest {
            write!(f, ", the oldest for {}", self.ago(oldest))?;
        }
        if let Some(since) = waiting.down_since {
            write!(f, "; down for {}", self.ago(since))?;
        }
        let (dead, quarantined) = (waiting.dead, waiting.quarantined);
        writeln!(f, "; {dead} dead letters, {quarantined} in quarantine")
    }

    fn alarm(&self, f: &mut Formatter<'_>, alarm: &Alarm) -> fmt::Result {
        let (name, last) = (safe(&alarm.alarm), self.last(alarm.last_sent));
        write!(f, "  alarms to {name}: {} sent, {last}", alarm.sent)?;
        if let Some(since) = alarm.failing_since {
            write!(f, "; failing for {}", self.ago(since))?;
        }
        writeln!(f)
    }

    fn ago(&self, then: u64) -> Span {
        Span::since(then, self.report.now)
    }

    fn last(&self, then: Option<u64>) -> String {
        then.map_or_else(
            || "never".to_owned(),
            |then| format!("last {} ago", self.ago(then)),
        )
    }

    fn event(&self, event: Option<&Event>) -> String {
        let reason = event.map(|event| format!(": {}", safe(&event.reason)));
        self.last(event.map(|event| event.at)) + &reason.unwrap_or_default()
    }
}

fn problems(f: &mut Formatter<'_>, problems: &[String]) -> fmt::Result {
    if problems.is_empty() {
        let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
        return write!(f, "  {green}no open problems{green:#}");
    }
    let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
    write!(f, "  {red}open problems:{red:#}")?;
    let mut problems = problems.iter();
    problems.try_for_each(|problem| write!(f, "\n    - {}", safe(problem)))
}

fn safe(text: &str) -> String {
    printable(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{removable::QUIET, report::Secret},
        *,
    };

    const NOW: u64 = 1_000_000_000;

    fn report(newest: Option<u64>, older: Option<u64>, counted_since: u64) -> Report {
        let secret = |name: &str, last_matched| Secret {
            secret: name.to_owned(),
            last_matched,
            counted_since,
            ..Secret::default()
        };
        Report {
            now: NOW,
            endpoints: vec![Endpoint {
                secrets: vec![secret("new", newest), secret("old", older)],
                ..Endpoint::default()
            }],
            ..Report::default()
        }
    }

    fn shown(report: &Report) -> String {
        Screen {
            gate: "here",
            report,
        }
        .to_string()
    }

    #[test]
    fn an_older_secret_may_go_once_it_was_quiet_while_the_newest_was_in_use() {
        let long_ago = NOW - 10 * QUIET;
        for (newest, older, counted_since, removable) in [
            (Some(NOW), None, long_ago, true),
            (Some(NOW), Some(NOW - QUIET), long_ago, true),
            (Some(NOW), Some(NOW - QUIET + 1), long_ago, false),
            (Some(NOW), None, NOW - QUIET + 1, false),
            (None, None, long_ago, false),
            (
                Some(NOW - 3 * QUIET),
                Some(NOW - 2 * QUIET),
                long_ago,
                false,
            ),
        ] {
            let shown = shown(&report(newest, older, counted_since));
            assert_eq!(
                shown.matches("can be removed").count(),
                usize::from(removable),
                "{shown}"
            );
            assert!(!removable || shown.contains("secret old"), "{shown}");
        }
    }

    #[test]
    fn what_a_gate_says_cannot_command_the_terminal() {
        let evil = || "\x1b]0;evil\x07".to_owned();
        let event = || {
            Some(Event {
                at: 1,
                reason: evil(),
            })
        };
        let mut report = report(None, None, 0);
        report.version = evil();
        report.problems = vec![evil()];
        report.destinations.push(Destination {
            destination: evil(),
            last_failed: event(),
            ..Destination::default()
        });
        report.inbox = Some(Inbox {
            waiting: vec![Waiting {
                destination: evil(),
                ..Waiting::default()
            }],
            ..Inbox::default()
        });
        report.alarms.push(Alarm {
            alarm: evil(),
            ..Alarm::default()
        });
        let endpoint = &mut report.endpoints[0];
        endpoint.endpoint = evil();
        endpoint.last_rejected = event();
        endpoint.unidentified = 1;
        endpoint.last_unidentified = event();
        endpoint.secrets[0].secret = evil();
        let shown = shown(&report);
        assert_eq!(shown.matches("evil").count(), 10);
        assert!(
            !shown.contains("\x1b]") && !shown.contains('\x07'),
            "{shown:?}"
        );
    }

    #[test]
    fn who_is_needed_is_said_last() {
        let mut report = report(None, None, 0);
        assert!(shown(&report).contains("no open problems"));
        report.problems = vec!["one".to_owned(), "two".to_owned()];
        assert!(shown(&report).ends_with("\n    - one\n    - two"));
    }
}
