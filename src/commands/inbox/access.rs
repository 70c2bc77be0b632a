//! Access to an inbox: through the gate that has the SQLite file open, or by opening the store in
//! this process.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use uuid::Uuid;

use super::{
    gate::{Gate, Start},
    place::Place,
};
use crate::{
    cli::InboxAt,
    commands::{outcome::Failure, output::message},
    inbox::{
        Inbox,
        operations::{
            DeliveryFilter, EventDetails, InboxStats, JobDetails, JobRequest, Jobs, JobsError,
            OpenedBody, Operations, PageRange, StoredDelivery,
        },
    },
    profile::{offline, view::ProfileView},
};

/// The time for retries while another process has the file open and no gate responds: a gate that
/// starts opens the file before it listens for commands, and another command closes it soon.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// The access to an inbox.
pub(super) enum Access {
    /// Through the gate that has it open.
    Gate(Box<Gate>),
    /// By the open store. No other process has it open, or several processes may.
    Store(Box<Jobs>),
}

impl Access {
    /// Opens the access. Reads the keys of the inbox only if no gate has it open.
    pub(super) async fn open(at: &InboxAt) -> Result<Self, Failure> {
        let place = Place::of(at)?;
        let begun = Instant::now();
        let mut settings = None;
        loop {
            if let Some(gate) = place.gate().await? {
                return Ok(Self::Gate(Box::new(gate)));
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
                    let operations = Operations::new(Arc::new(inbox), place.destinations);
                    return Ok(Self::Store(Box::new(Jobs::new(operations))));
                }
                Err(error) if error.is_in_use() && begun.elapsed() < TIMEOUT => {
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(Failure::no(error)),
            }
        }
    }

    /// Calls `each` with every page of the selected deliveries.
    pub(super) async fn list(
        &self,
        filter: DeliveryFilter,
        mut each: impl FnMut(&[StoredDelivery]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let jobs = match self {
            Self::Gate(gate) => return gate.list(filter, each).await,
            Self::Store(jobs) => jobs,
        };
        let mut page = PageRange {
            selection: filter.into(),
            most: PageRange::MOST,
            ..PageRange::default()
        };
        loop {
            let listed = jobs.operations().list(page.clone()).await;
            let listed = listed.map_err(Failure::no)?;
            each(&listed.items)?;
            let Some(next) = listed.next else {
                return Ok(());
            };
            page.after = Some(next.0);
        }
    }

    /// Returns one event, if it is stored.
    pub(super) async fn show(&self, id: Uuid) -> Result<Option<EventDetails>, Failure> {
        match self {
            Self::Gate(gate) => gate.show(id).await,
            Self::Store(jobs) => jobs.operations().show(id).await.map_err(Failure::no),
        }
    }

    /// Returns the body of one event, if it is stored.
    pub(super) async fn body(&self, id: Uuid) -> Result<Option<OpenedBody>, Failure> {
        match self {
            Self::Gate(gate) => gate.body(id).await,
            Self::Store(jobs) => jobs.operations().body(id).await.map_err(Failure::no),
        }
    }

    /// Returns the content of the inbox.
    pub(super) async fn stats(&self) -> Result<InboxStats, Failure> {
        match self {
            Self::Gate(gate) => gate.stats().await,
            Self::Store(jobs) => jobs.operations().stats().await.map_err(Failure::no),
        }
    }

    /// Returns the profiles of the endpoints.
    pub(super) async fn profile(&self) -> Result<ProfileView, Failure> {
        let jobs = match self {
            Self::Gate(gate) => return gate.profile().await,
            Self::Store(jobs) => jobs,
        };
        let stored = offline::read(jobs.operations().inbox()).await;
        let stored = stored.map_err(Failure::no)?;
        for warning in &stored.warnings {
            message(format_args!("cartgate: warning: {warning}"));
        }
        Ok(stored.view)
    }

    /// Accepts the shape of an endpoint's last payloads. Returns false if there is no such endpoint.
    pub(super) async fn accept(&self, endpoint: &str) -> Result<bool, Failure> {
        match self {
            Self::Gate(gate) => gate.accept(endpoint).await,
            Self::Store(jobs) => {
                let accepted = offline::accept(jobs.operations().inbox(), endpoint).await;
                accepted.map_err(Failure::no)
            }
        }
    }

    /// Writes a copy of the store to a new file.
    pub(super) async fn back_up(&self, to: &Path) -> Result<(), Failure> {
        match self {
            Self::Gate(gate) => gate.back_up(to).await,
            Self::Store(jobs) => jobs.operations().back_up(to).await.map_err(Failure::no),
        }
    }

    /// Creates a job, which counts the selected deliveries.
    pub(super) async fn create(&self, request: JobRequest) -> Result<JobDetails, Failure> {
        match self {
            Self::Gate(gate) => gate.create(&request).await,
            Self::Store(jobs) => jobs.create(request).await.map_err(Failure::no),
        }
    }

    /// Starts a job, unless another one runs.
    pub(super) async fn start(&self, id: Uuid) -> Result<Start, Failure> {
        match self {
            Self::Gate(gate) => gate.start(id).await,
            Self::Store(jobs) => match jobs.start(id) {
                Ok(_) => Ok(Start::Started),
                Err(JobsError::AnotherRuns(_)) => Ok(Start::Wait),
                Err(error) => Err(Failure::no(error)),
            },
        }
    }

    /// Returns a job with its progress.
    pub(super) async fn job(&self, id: Uuid) -> Result<JobDetails, Failure> {
        match self {
            Self::Gate(gate) => gate.job(id).await,
            Self::Store(jobs) => jobs.show(id).map_err(Failure::no),
        }
    }

    /// Cancels a job, and returns it once it works no more.
    pub(super) async fn cancel(&self, id: Uuid) -> Result<JobDetails, Failure> {
        match self {
            Self::Gate(gate) => gate.cancel(id).await,
            Self::Store(jobs) => jobs.cancel(id).await.map_err(Failure::no),
        }
    }
}
