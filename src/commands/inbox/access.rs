//! Finds who carries an order out: the gate that runs on an SQLite file, or this process, which opens the store itself.

use std::sync::Arc;

use super::super::{Failure, output::message, serve::mistakes};
use crate::{
    cli::{InboxAt, serve_with_file_alone},
    config::{Finding, Source, plan::InboxPlan},
    inbox::{
        Inbox, Settings,
        control::{Answer, Client, Desk, Order},
        settings::StoreAddress,
    },
};

/// A way to an inbox.
pub(super) enum Access {
    /// A gate has it.
    Gate(Client),
    /// Nobody else has it, or it is one that several can have.
    Own(Box<Own>),
}

pub(super) struct Own {
    inbox: Inbox,
    destinations: Destinations,
}

/// Those that are configured, where a file says so.
type Destinations = Option<Vec<Arc<str>>>;

impl Access {
    pub(super) async fn open(at: InboxAt) -> Result<Self, Failure> {
        let (settings, destinations) = settings(at)?;
        if let StoreAddress::Sqlite(file) = &settings.store {
            if let Some(gate) = Client::find(file).await.map_err(Failure::no)? {
                return Ok(Self::Gate(gate));
            }
            // Opening makes one, and a slip in a name is no wish for an inbox.
            if !file.exists() {
                return Err(Failure::usage(format_args!(
                    "there is no inbox {}",
                    file.display()
                )));
            }
        }
        let inbox = Inbox::open(settings).await.map_err(Failure::no)?;
        let own = Own {
            inbox,
            destinations,
        };
        Ok(Self::Own(Box::new(own)))
    }

    pub(super) async fn ask(&self, order: Order) -> Result<Answer, Failure> {
        match self {
            Self::Gate(gate) => gate.ask(&order).await.map_err(Failure::no),
            Self::Own(own) => {
                let desk = Desk {
                    inbox: &own.inbox,
                    destinations: own.destinations.clone(),
                };
                desk.carry_out(order).await.map_err(Failure::no)
            }
        }
    }
}

/// An answer to another order than was given.
pub(super) fn otherwise() -> Failure {
    Failure::no("the gate answers otherwise than it was asked; is it of another version?")
}

/// The settings of the inbox, and the destinations that are configured if a file names them.
fn settings(at: InboxAt) -> Result<(Settings, Destinations), Failure> {
    let Some(file) = at.config else {
        let store = at.inbox.expect("clap asks for one of the two");
        let plan = InboxPlan::from_flags(store, &at.files);
        return Ok((loaded(&plan)?, None));
    };
    let source = Source::of(&serve_with_file_alone(&file));
    let lines = |error| mistakes(source.lines(error));
    let plan = source.plan().map_err(lines)?;
    let config = source.load(&plan).map_err(lines)?.config;
    let names = config.endpoints.iter();
    let names = names
        .flat_map(|one| one.onward.destinations())
        .map(|one| Arc::clone(&one.name))
        .collect();
    let settings = config
        .inbox
        .ok_or_else(|| Failure::usage(format_args!("{} has no [inbox]", file.display())))?;
    Ok((settings, Some(names)))
}

fn loaded(plan: &InboxPlan) -> Result<Settings, Failure> {
    let lines = |findings: Vec<Finding>| {
        let lines = findings.iter().map(ToString::to_string);
        mistakes(lines.collect())
    };
    let (settings, warnings) = plan.load().map_err(lines)?;
    for warning in warnings {
        message(format_args!("cartgate: warning: {warning}"));
    }
    Ok(settings)
}
