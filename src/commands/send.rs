//! `cartgate send`.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tower_cartgate::{EventKind, Secret};

use super::output::{Output, message};
use super::{Failure, Outcome, input, runtime};
use crate::{
    cli::{ForgeChoice, HeaderLine, SampleEvent, SendArgs},
    client::{
        Answer, Client, Envelope, ForgeryKind, NoAnswer, Outgoing, Plan, Row, Sample, Table, forge,
    },
    net::{address::Address, connect::Trust},
};

pub(super) fn run(args: SendArgs) -> Result<Outcome, Failure> {
    permitted(&args)?;
    if let Some(path) = args.delivery.clone() {
        return super::resend::run(args, &path);
    }
    let job = Job::from(args)?;
    runtime()?.block_on(job.done())
}

/// A load or an attack must not hit somebody by a slip of the hand.
fn permitted(args: &SendArgs) -> Result<(), Failure> {
    let heavy = args.count > 1 || args.forge.is_some();
    if heavy && !args.url.is_loopback() && !args.yes {
        let what = if args.forge.is_some() {
            "forgeries"
        } else {
            "many deliveries"
        };
        return Err(Failure::usage(format_args!(
            "{} is not this machine; add --yes to send {what} there",
            args.url
        )));
    }
    Ok(())
}

/// What was typed, resolved.
struct Job {
    client: Arc<Client>,
    envelope: Envelope,
    secret: Secret,
    content: Content,
    plan: Plan,
    forge: Option<ForgeChoice>,
    place: Address,
    json: bool,
}

#[derive(Clone)]
enum Content {
    Given(Bytes),
    Sample(Sample),
}

impl Content {
    fn body(&self, number: u64) -> Bytes {
        match self {
            Self::Given(body) => body.clone(),
            Self::Sample(sample) => sample.body(number),
        }
    }
}

impl Job {
    fn from(args: SendArgs) -> Result<Self, Failure> {
        let trust = args.ca_file.map_or(Trust::Platform, Trust::CaFile);
        let client = Client::new(&args.url, &trust, args.timeout).map_err(Failure::usage)?;
        let content = match &args.body {
            Some(place) => Content::Given(input::body(place)?),
            None => {
                let sample = Sample::of(kind(args.event))
                    .expect("there is a sample for each event to choose");
                Content::Sample(sample.edited(args.set).map_err(Failure::usage)?)
            }
        };
        Ok(Self {
            client: Arc::new(client),
            envelope: Envelope::new(args.method, args.header_name, headers(args.header)),
            secret: input::secret(args.secret_file)?,
            content,
            plan: Plan {
                count: args.count,
                concurrency: args.concurrency,
                rate: args.rate,
            },
            forge: args.forge,
            place: args.url,
            json: args.json,
        })
    }

    async fn done(self) -> Result<Outcome, Failure> {
        match self.forge {
            Some(ForgeChoice::All) => self.forgeries(ForgeryKind::ALL).await,
            Some(ForgeChoice::Only(kind)) => self.forgeries(&[kind]).await,
            None if self.plan.count == 1 => self.one().await,
            None => self.many().await,
        }
    }

    fn genuine(&self, number: u64) -> Outgoing {
        self.envelope
            .genuine(&self.secret, self.content.body(number))
    }

    async fn one(&self) -> Result<Outcome, Failure> {
        let answer = self.client.connection().deliver(self.genuine(0)).await;
        let answer = answer.map_err(|reason| self.unanswered(&reason))?;
        print_answer(&answer, self.json)?;
        Ok(Outcome::yes_if(answer.status.is_success()))
    }

    async fn many(&self) -> Result<Outcome, Failure> {
        let bar = progress(self.plan.count);
        let (envelope, secret, content) = (
            self.envelope.clone(),
            self.secret.clone(),
            self.content.clone(),
        );
        let make = move |number| envelope.genuine(&secret, content.body(number));
        let report =
            crate::client::run(Arc::clone(&self.client), self.plan, make, || bar.inc(1)).await;
        bar.finish_and_clear();
        let mut output = Output::stdout();
        if self.json {
            output.json(&report.figures())?;
        } else {
            output.line(report.figures())?;
        }
        Ok(Outcome::yes_if(report.all_taken()))
    }

    async fn forgeries(&self, kinds: &[ForgeryKind]) -> Result<Outcome, Failure> {
        let mut rows = Vec::new();
        // A connection each: a gate may well close one that carried a forgery.
        for &kind in kinds {
            let forged = match forge(kind, &self.envelope, &self.secret, self.content.body(0)) {
                Ok(forged) => forged,
                Err(reason) if kinds.len() > 1 => {
                    rows.push(Row::not_sent(kind, reason));
                    continue;
                }
                Err(reason) => return Err(Failure::usage(reason)),
            };
            let outcome = self.client.connection().deliver(forged).await;
            if let Err(reason @ NoAnswer::Connect(_)) = &outcome {
                return Err(self.unanswered(reason));
            }
            rows.push(Row::of(kind, &outcome));
        }
        self.print_trial(&rows)?;
        Ok(Outcome::yes_if(rows.iter().all(Row::is_well)))
    }

    fn print_trial(&self, rows: &[Row]) -> Result<(), Failure> {
        let mut output = Output::stdout();
        if self.json {
            let well = rows.iter().all(Row::is_well);
            output.json(&json!({ "all_refused": well, "forgeries": rows }))?;
        } else {
            output.line(Table(rows))?;
        }
        let got_in = rows.iter().filter(|row| row.got_in()).count();
        let unclear = rows.iter().filter(|row| !row.is_well()).count() - got_in;
        if got_in > 0 {
            message(format_args!("cartgate: {got_in} got in"));
        }
        if unclear > 0 {
            message(format_args!(
                "cartgate: {unclear} met something else than a judgement of the signature"
            ));
        }
        if rows.iter().any(Row::is_a_genuine_one_refused) {
            message(
                "cartgate: note: even a true signature was refused, so this secret is not the one over there",
            );
        }
        Ok(())
    }

    fn unanswered(&self, reason: &NoAnswer) -> Failure {
        no_answer(&self.place, reason)
    }
}

/// What came of one delivery.
pub(super) fn print_answer(answer: &Answer, json: bool) -> Result<(), Failure> {
    const LINES_SHOWN: usize = 8;
    let mut output = Output::stdout();
    if json {
        output.json(&json!({
            "status": answer.status.as_u16(),
            "delivery": answer.delivery_id(),
            "seconds": answer.took.as_secs_f64(),
            "answer": answer.first_lines(LINES_SHOWN),
        }))?;
        return Ok(());
    }
    output.line(format_args!("status    {}", answer.status))?;
    if let Some(id) = answer.delivery_id() {
        output.line(format_args!("delivery  {id}"))?;
    }
    for (place, line) in answer.first_lines(LINES_SHOWN).iter().enumerate() {
        let label = if place == 0 { "answer" } else { "" };
        output.line(format_args!("{label:8}  {line}"))?;
    }
    Ok(())
}

pub(super) fn no_answer(place: &Address, reason: &NoAnswer) -> Failure {
    Failure::no(format_args!("{place}: {reason}"))
}

fn kind(event: SampleEvent) -> EventKind {
    match event {
        SampleEvent::Order => EventKind::Order,
        SampleEvent::AbandonedCart => EventKind::AbandonedCart,
    }
}

fn headers(lines: Vec<HeaderLine>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(line.name, line.value);
    }
    headers
}

/// Drawn on stderr, and only where that is a terminal.
fn progress(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
