//! Access to an inbox: through the gate that has the SQLite file open, or by opening the store in
//! this process.

use std::{
    fs::File,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    cli::{InboxAt, serve_with_file_alone, source::ConfigSource},
    commands::{input, mistakes::mistakes, outcome::Failure, output::message},
    config::{Finding, sections::inbox::InboxPlan},
    inbox::{
        Inbox,
        control::{Client, Command, CommandResponse, Handler, Page},
        settings::StoreAddress,
        store::{DeliveryRow, Selection},
    },
};

/// The time for retries while another process has the file open and no gate responds: a gate that
/// starts opens the file before it listens for commands, and another command closes it soon.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// The access to an inbox.
pub(super) enum Access {
    /// Through the gate that has it open.
    Gate(Client),
    /// By the open store. No other process has it open, or several processes may.
    Store(Box<OpenStore>),
}

/// A store that this process has opened.
pub(super) struct OpenStore {
    inbox: Inbox,
    destinations: Destinations,
}

/// The names of the configured destinations, if there is a configuration file.
type Destinations = Option<Vec<Arc<str>>>;

impl Access {
    /// Opens the access. Reads the keys of the inbox only if no gate has it open.
    pub(super) async fn open(at: InboxAt) -> Result<Self, Failure> {
        let place = Place::of(at)?;
        let begun = Instant::now();
        let mut settings = None;
        loop {
            if let Some(gate) = place.gate().await? {
                return Ok(Self::Gate(gate));
            }
            let (own, warnings) = match settings.take().map_or_else(|| place.plan.load(), Ok) {
                Ok(loaded) => settings.insert(loaded),
                // The keys may be readable only to a gate that starts, and is about to listen.
                Err(_) if place.may_have_gate() && begun.elapsed() < TIMEOUT => {
                    sleep(PAUSE).await;
                    continue;
                }
                Err(findings) => return Err(place.mistakes(&findings)),
            };
            match Inbox::open(own.clone()).await {
                Ok(inbox) => {
                    place.warn(warnings);
                    let destinations = place.destinations;
                    let store = OpenStore {
                        inbox,
                        destinations,
                    };
                    return Ok(Self::Store(Box::new(store)));
                }
                Err(error) if error.is_in_use() && begun.elapsed() < TIMEOUT => {
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(Failure::no(error)),
            }
        }
    }

    /// Sends a request to the inbox; returns the response.
    pub(super) async fn send(&self, command: Command) -> Result<CommandResponse, Failure> {
        match self {
            Self::Gate(gate) => gate.send(&command).await.map_err(Failure::no),
            Self::Store(store) => {
                let handler = Handler {
                    inbox: &store.inbox,
                    destinations: store.destinations.clone(),
                };
                handler.handle(command).await.map_err(Failure::no)
            }
        }
    }

    /// Calls `each` with every page of the selected deliveries.
    pub(super) async fn list(
        &self,
        selection: Selection,
        mut each: impl FnMut(&[DeliveryRow]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut page = Page {
            selection,
            after: None,
            most: Page::MOST,
        };
        loop {
            let CommandResponse::Listed(rows) = self.send(Command::List(page.clone())).await?
            else {
                return Err(unexpected());
            };
            let Some(last) = rows.last() else {
                return Ok(());
            };
            each(&rows)?;
            if rows.len() < page.most {
                return Ok(());
            }
            page.after = Some(last.into());
        }
    }
}

/// Returns the failure for the response to another request.
pub(super) fn unexpected() -> Failure {
    Failure::no("unexpected response of the gate; is it another version?")
}

/// Checks that the file exists and is readable, because opening the store would create a missing
/// file.
fn check_file(file: &Path) -> Result<(), Failure> {
    match File::open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::usage(format_args!(
            "there is no inbox {}",
            file.display()
        ))),
        Err(error) => Err(input::unreadable(file, &error)),
    }
}

/// The place of the inbox. Only `[inbox]` and the names of destinations are read from a
/// configuration file, because this user may be unable to read the secrets and certificates of
/// other sections.
struct Place {
    plan: InboxPlan,
    source: Option<ConfigSource>,
    destinations: Destinations,
}

impl Place {
    fn of(at: InboxAt) -> Result<Self, Failure> {
        let Some(file) = at.config else {
            return Ok(Self {
                plan: at.inbox.plan("--inbox"),
                source: None,
                destinations: None,
            });
        };
        let source = ConfigSource::of(&serve_with_file_alone(&file));
        let plan = source.plan();
        let plan = plan.map_err(|error| mistakes(source.lines(error)))?;
        let names = plan.destinations();
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

    /// Returns the gate that has the inbox open, if there is one.
    async fn gate(&self) -> Result<Option<Client>, Failure> {
        let StoreAddress::Sqlite(file) = &self.plan.store else {
            return Ok(None);
        };
        let gate = Client::find(file).await;
        // A gate still has a removed file open.
        if !matches!(gate, Ok(Some(_))) {
            check_file(file)?;
        }
        gate.map_err(Failure::no)
    }

    /// Returns whether a gate that starts would listen for commands.
    fn may_have_gate(&self) -> bool {
        matches!(self.plan.store, StoreAddress::Sqlite(_))
    }

    /// Returns the failure for settings that cannot be loaded.
    fn mistakes(&self, findings: &[Finding]) -> Failure {
        let lines = findings.iter().map(|finding| self.line(finding));
        mistakes(lines.collect())
    }

    /// Prints the warnings of loaded settings.
    fn warn(&self, warnings: &[Finding]) {
        for warning in warnings {
            message(format_args!("cartgate: warning: {}", self.line(warning)));
        }
    }

    fn line(&self, finding: &Finding) -> String {
        match &self.source {
            Some(source) => source.line(finding),
            None => finding.to_string(),
        }
    }
}
