//! Finds who carries an order out: the gate that runs on an SQLite file, or this process, which opens the store itself.

use std::{
    fs::File,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    cli::{InboxAt, serve_with_file_alone, source::Source},
    commands::{input, mistakes::mistakes, outcome::Failure, output::message},
    config::{Finding, plan::InboxPlan},
    inbox::{
        Inbox, Settings,
        control::{Client, Command, CommandResponse, Handler},
        settings::StoreAddress,
    },
};

/// How long to try again while somebody else has the file and no gate takes orders: a gate that starts has the file before it
/// listens for orders, and a command that ends soon has it as well.
const PATIENCE: Duration = Duration::from_secs(2);

/// The wait between two tries.
const PAUSE: Duration = Duration::from_millis(20);

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
    /// Reads nothing but the place of the inbox while a gate has it: the gate knows its keys.
    pub(super) async fn open(at: InboxAt) -> Result<Self, Failure> {
        let place = Place::of(at)?;
        let begun = Instant::now();
        let mut settings = None;
        loop {
            if let Some(gate) = place.gate().await? {
                return Ok(Self::Gate(gate));
            }
            let settings = match &settings {
                Some(settings) => settings,
                None => settings.insert(place.settings()?),
            };
            match Inbox::open(settings.clone()).await {
                Ok(inbox) => {
                    let destinations = place.destinations;
                    let own = Own {
                        inbox,
                        destinations,
                    };
                    return Ok(Self::Own(Box::new(own)));
                }
                Err(error) if error.is_in_use() && begun.elapsed() < PATIENCE => {
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(Failure::no(error)),
            }
        }
    }

    pub(super) async fn ask(&self, command: Command) -> Result<CommandResponse, Failure> {
        match self {
            Self::Gate(gate) => gate.send(&command).await.map_err(Failure::no),
            Self::Own(own) => {
                let handler = Handler {
                    inbox: &own.inbox,
                    destinations: own.destinations.clone(),
                };
                handler.handle(command).await.map_err(Failure::no)
            }
        }
    }
}

/// An answer to another order than was given.
pub(super) fn otherwise() -> Failure {
    Failure::no("the gate answers otherwise than it was asked; is it of another version?")
}

/// Opening makes a file, and a slip in a name is no wish for an inbox. Nor can another user look into one.
fn must_be_readable(file: &Path) -> Result<(), Failure> {
    match File::open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::usage(format_args!(
            "there is no inbox {}",
            file.display()
        ))),
        Err(error) => Err(input::unreadable(file, &error)),
    }
}

/// The place of the inbox. In a configuration file, only `[inbox]` and the names of destinations matter: the secrets and
/// certificates of other sections may not even be readable here.
struct Place {
    plan: InboxPlan,
    source: Option<Source>,
    destinations: Destinations,
}

impl Place {
    fn of(at: InboxAt) -> Result<Self, Failure> {
        let Some(file) = at.config else {
            let store = at.inbox.expect("clap asks for one of the two");
            return Ok(Self {
                plan: InboxPlan::from_flags(store, &at.files),
                source: None,
                destinations: None,
            });
        };
        let source = Source::of(&serve_with_file_alone(&file));
        let plan = source.plan();
        let plan = plan.map_err(|error| mistakes(source.lines(error)))?;
        let names = plan.endpoints.iter();
        let names = names.flat_map(|one| one.onward.destinations());
        let names = names.map(|one| one.name.as_str().into()).collect();
        let plan = plan.inbox;
        let plan =
            plan.ok_or_else(|| Failure::usage(format_args!("{} has no [inbox]", file.display())))?;
        Ok(Self {
            plan,
            source: Some(source),
            destinations: Some(names),
        })
    }

    /// The gate that has it and takes orders, if there is one.
    async fn gate(&self) -> Result<Option<Client>, Failure> {
        let StoreAddress::Sqlite(file) = &self.plan.store else {
            return Ok(None);
        };
        let gate = Client::find(file).await;
        // A gate still has a file that was removed.
        if !matches!(gate, Ok(Some(_))) {
            must_be_readable(file)?;
        }
        gate.map_err(Failure::no)
    }

    /// The settings, with the keys and the password.
    fn settings(&self) -> Result<Settings, Failure> {
        let loaded = self.plan.load().map_err(|findings| {
            let lines = findings.iter().map(|finding| self.line(finding));
            mistakes(lines.collect())
        });
        let (settings, warnings) = loaded?;
        for warning in &warnings {
            message(format_args!("cartgate: warning: {}", self.line(warning)));
        }
        Ok(settings)
    }

    fn line(&self, finding: &Finding) -> String {
        match &self.source {
            Some(source) => source.line(finding),
            None => finding.to_string(),
        }
    }
}
