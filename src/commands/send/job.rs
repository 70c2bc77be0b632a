//! The deliveries of one `cartgate send`: one, many, or forgeries.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tower_cartgate::{EventKind, Secret};

use super::print::{no_response, print_response, print_trial, progress};
use crate::{
    cli::{ForgeChoice, HeaderLine, SampleEvent, SendArgs},
    client::{Client, Envelope, ForgeryKind, Outgoing, Row, RunPlan, Sample, SendError, forge},
    commands::{
        input,
        outcome::{Failure, Outcome},
        output::Output,
    },
    net::{connect::Trust, destination_address::Address},
};

/// The resolved arguments.
pub(super) struct Job {
    client: Arc<Client>,
    envelope: Envelope,
    secret: Secret,
    content: Content,
    plan: RunPlan,
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
    pub(super) fn from(args: SendArgs) -> Result<Self, Failure> {
        let trust = args.ca_file.map_or(Trust::Platform, Trust::CaFile);
        let client = Client::new(&args.url, &trust, args.timeout).map_err(Failure::usage)?;
        let content = match &args.body {
            Some(place) => Content::Given(input::body(place)?),
            None => {
                let sample = Sample::of(kind(args.event))
                    .expect("there is a sample for each event that --event accepts");
                Content::Sample(sample.edited(args.set).map_err(Failure::usage)?)
            }
        };
        Ok(Self {
            client: Arc::new(client),
            envelope: Envelope::new(args.method, args.header_name, headers(args.header)),
            secret: input::secret(args.secret_file)?,
            content,
            plan: RunPlan {
                count: args.count,
                concurrency: args.concurrency,
                rate: args.rate,
            },
            forge: args.forge,
            place: args.url,
            json: args.json,
        })
    }

    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        match self.forge {
            Some(ForgeChoice::All) => self.send_forgeries(ForgeryKind::ALL).await,
            Some(ForgeChoice::Only(kind)) => self.send_forgeries(&[kind]).await,
            None if self.plan.count == 1 => self.send_one().await,
            None => self.send_many().await,
        }
    }

    async fn send_one(&self) -> Result<Outcome, Failure> {
        let outgoing = self.envelope.genuine(&self.secret, self.content.body(0));
        let response = self.client.connection().deliver(outgoing).await;
        let response = response.map_err(|reason| no_response(&self.place, &reason))?;
        print_response(&response, self.json)?;
        Ok(Outcome::yes_if(response.status.is_success()))
    }

    async fn send_many(self) -> Result<Outcome, Failure> {
        let bar = progress(self.plan.count);
        let (envelope, secret, content) = (self.envelope, self.secret, self.content);
        let make = move |number| envelope.genuine(&secret, content.body(number));
        let report = crate::client::run(self.client, self.plan, make, || bar.inc(1)).await;
        bar.finish_and_clear();
        let mut output = Output::stdout();
        if self.json {
            output.json(&report.figures())?;
        } else {
            output.line(report.figures())?;
        }
        Ok(Outcome::yes_if(report.all_taken()))
    }

    async fn send_forgeries(&self, kinds: &[ForgeryKind]) -> Result<Outcome, Failure> {
        let mut rows = Vec::new();
        for &kind in kinds {
            match forge(kind, &self.envelope, &self.secret, self.content.body(0)) {
                Ok(forged) => rows.push(self.send_forgery(kind, forged).await?),
                Err(reason) if kinds.len() > 1 => rows.push(Row::not_sent(kind, reason)),
                Err(reason) => return Err(Failure::usage(reason)),
            }
        }
        print_trial(&rows, self.json)?;
        Ok(Outcome::yes_if(rows.iter().all(Row::is_right)))
    }

    /// Sends a forgery on its own connection, because a gate may close one that carried a forgery.
    async fn send_forgery(&self, kind: ForgeryKind, forged: Outgoing) -> Result<Row, Failure> {
        let outcome = self.client.connection().deliver(forged).await;
        if let Err(reason @ SendError::Connect(_)) = &outcome {
            return Err(no_response(&self.place, reason));
        }
        Ok(Row::of(kind, &outcome))
    }
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
