//! The gate that has an inbox open, as a client of its API sees it.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use super::new_file;
use crate::{
    admin::client::{AdminClient, AdminError},
    commands::outcome::Failure,
    inbox::{
        operations::{
            CursorText, DeliveryFilter, EventDetails, InboxStats, JobDetails, JobRequest,
            OpenedBody, PageRange, StoredDelivery, StoredPage,
        },
        socket::socket_path,
    },
    profile::view::{EndpointView, ProfileView},
};

/// The timeout of a request, which is long enough for the backup of a full store on a slow disk.
/// The gate ends every other request much earlier.
const TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The number of ids in one URL.
const IDS: usize = 100;

/// A client of a running gate.
pub(super) struct Gate {
    client: AdminClient,
    /// The file of the store.
    store: PathBuf,
}

/// The result of a request to start a job.
pub(super) enum Start {
    Started,
    /// Another job has to end first.
    Wait,
}

/// The result of a request for a backup.
enum Written {
    Done,
    /// The gate may not create this file. It says so in these words.
    OutsideSandbox(String),
}

impl Gate {
    /// Returns the gate whose store is `file`, or none if no gate runs on it.
    pub(super) async fn find(file: &Path) -> Result<Option<Self>, Failure> {
        let client = AdminClient::find(&socket_path(file), TIMEOUT).await;
        Ok(client.map_err(Failure::no)?.map(|client| Self {
            client,
            store: file.to_owned(),
        }))
    }

    pub(super) async fn list(
        &self,
        mut filter: DeliveryFilter,
        mut each: impl FnMut(&[StoredDelivery]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // Lists are in the order of their ids, and a URL has room for a part of them.
        filter.ids.sort_unstable();
        filter.ids.dedup();
        let parts: Vec<_> = filter.ids.chunks(IDS).collect();
        let parts = if parts.is_empty() {
            vec![&[][..]]
        } else {
            parts
        };
        for ids in parts {
            self.list_part(&filter, ids, &mut each).await?;
        }
        Ok(())
    }

    async fn list_part(
        &self,
        filter: &DeliveryFilter,
        ids: &[Uuid],
        each: &mut impl FnMut(&[StoredDelivery]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("limit", &PageRange::MOST.to_string());
            query.extend_pairs(filter.to_params());
            query.extend_pairs(ids.iter().map(|id| ("id", id.to_string())));
            query.extend_pairs(after.map(|after: CursorText| ("after", after.to_string())));
            let target = format!("/api/v1/inbox/deliveries?{}", query.finish());
            let page: StoredPage = self.get(&target).await?;
            each(&page.items)?;
            if page.next.is_none() {
                return Ok(());
            }
            after = page.next;
        }
    }

    pub(super) async fn show(&self, id: Uuid) -> Result<Option<EventDetails>, Failure> {
        let shown = self.client.get(&format!("/api/v1/inbox/events/{id}")).await;
        shown.map(Some).or_else(unless_missing)
    }

    pub(super) async fn body(&self, id: Uuid) -> Result<Option<OpenedBody>, Failure> {
        let target = format!("/api/v1/inbox/events/{id}/body");
        match self.client.get_bytes(&target).await {
            Ok(body) => Ok(Some(Ok(body))),
            Err(AdminError::Problem(problem)) if problem.reason == "broken" => {
                Ok(Some(Err(problem.detail)))
            }
            Err(error) => unless_missing(error),
        }
    }

    pub(super) async fn stats(&self) -> Result<InboxStats, Failure> {
        self.get("/api/v1/inbox/stats").await
    }

    pub(super) async fn profile(&self) -> Result<ProfileView, Failure> {
        self.get("/api/v1/profile").await
    }

    pub(super) async fn accept(&self, endpoint: &str) -> Result<bool, Failure> {
        let target = format!("/api/v1/profile/{endpoint}/accept");
        match self.client.post::<EndpointView>(&target, &json!({})).await {
            Ok(_) => Ok(true),
            Err(AdminError::Problem(problem)) if problem.reason == "unknown-endpoint" => Ok(false),
            Err(error) => Err(failure(error)),
        }
    }

    /// Writes a copy of the store to a new file. If the sandbox of the gate denies that file, the gate
    /// writes one beside the store, and this process moves it.
    pub(super) async fn back_up(&self, to: &Path) -> Result<(), Failure> {
        match self.write_backup(to).await? {
            Written::Done => return Ok(()),
            Written::OutsideSandbox(_) => {}
        }
        let beside = new_file::beside(&self.store).map_err(|error| cannot_write(to, &error))?;
        if let Written::OutsideSandbox(detail) = self.write_backup(&beside).await? {
            return Err(Failure::no(detail));
        }
        new_file::move_to(&beside, to).map_err(|error| cannot_write(to, &error))
    }

    async fn write_backup(&self, to: &Path) -> Result<Written, Failure> {
        let to = to.to_str().ok_or_else(|| {
            Failure::usage(format_args!("{}: the name is not UTF-8", to.display()))
        })?;
        let body = json!({ "file": to });
        let written = self
            .client
            .post::<serde_json::Value>("/api/v1/inbox/backups", &body);
        match written.await {
            Ok(_) => Ok(Written::Done),
            Err(AdminError::Problem(problem)) if problem.reason == "outside-sandbox" => {
                Ok(Written::OutsideSandbox(problem.detail))
            }
            Err(error) => Err(failure(error)),
        }
    }

    pub(super) async fn create(&self, request: &JobRequest) -> Result<JobDetails, Failure> {
        let created = self.client.post("/api/v1/inbox/jobs", request).await;
        created.map_err(failure)
    }

    pub(super) async fn start(&self, id: Uuid) -> Result<Start, Failure> {
        let target = format!("/api/v1/inbox/jobs/{id}/start");
        match self.client.post::<JobDetails>(&target, &json!({})).await {
            Ok(_) => Ok(Start::Started),
            Err(AdminError::Problem(problem)) if problem.reason == "another-job-runs" => {
                Ok(Start::Wait)
            }
            Err(error) => Err(failure(error)),
        }
    }

    pub(super) async fn job(&self, id: Uuid) -> Result<JobDetails, Failure> {
        self.get(&format!("/api/v1/inbox/jobs/{id}")).await
    }

    pub(super) async fn cancel(&self, id: Uuid) -> Result<JobDetails, Failure> {
        let cancelled = self
            .client
            .delete(&format!("/api/v1/inbox/jobs/{id}"))
            .await;
        cancelled.map_err(failure)
    }

    async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, Failure> {
        self.client.get(target).await.map_err(failure)
    }
}

/// Returns nothing if the gate does not have the object, or else the failure.
fn unless_missing<T>(error: AdminError) -> Result<Option<T>, Failure> {
    match error {
        AdminError::Problem(problem) if problem.reason == "not-found" => Ok(None),
        error => Err(failure(error)),
    }
}

fn cannot_write(to: &Path, error: &io::Error) -> Failure {
    Failure::no(format_args!("{}: {error}", to.display()))
}

fn failure(error: AdminError) -> Failure {
    match error {
        AdminError::Status(_) | AdminError::NotUnderstood => Failure::no(
            "the gate that has the inbox open does not understand the command; it is of another version than this command",
        ),
        AdminError::Token => Failure::no(
            "the gate serves its own user and root through this socket; run the command as one of them",
        ),
        AdminError::NoResponse(error) => Failure::no(format_args!(
            "the connection to the gate broke off: {error}"
        )),
        error => Failure::no(error),
    }
}
