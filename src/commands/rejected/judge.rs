//! The verdict on a saved rejection by the secrets that are known now.

use http::HeaderName;
use tower_cartgate::{Keyring, Secret, SecretName, Signature};

use crate::{
    commands::{outcome::Failure, output::message},
    config::{Plan, sections::endpoint::EndpointPlan},
    doctor::SignatureVerdict,
    rejected::{RejectionJudge, SavedRejection},
    secret::keyring::UniqueKeyring,
};

type Secrets = Vec<(SecretName, Secret)>;

/// The judges of all endpoints.
pub(super) struct Judges(Vec<EndpointJudge>);

/// The judge of an endpoint.
struct EndpointJudge {
    /// The endpoint whose deliveries it judges. `None` judges those of any endpoint.
    endpoint: Option<String>,
    header: HeaderName,
    keyring: Keyring,
    secrets: Secrets,
}

impl Judges {
    /// Returns a judge for each endpoint of the plan. `secrets` and `header` replace those of every
    /// endpoint; `secrets` also judge deliveries of endpoints that the plan does not contain.
    pub(super) fn new(
        plan: Option<&Plan>,
        secrets: Option<Secrets>,
        header: Option<HeaderName>,
    ) -> Result<Self, Failure> {
        let mut judges = Vec::new();
        let endpoints = plan
            .iter()
            .flat_map(|plan| plan.endpoints.iter().map(move |endpoint| (*plan, endpoint)));
        for (plan, endpoint) in endpoints {
            let Some(secrets) = secrets.clone().or_else(|| secrets_of(plan, endpoint)) else {
                continue;
            };
            let header = header.clone().unwrap_or_else(|| endpoint.header.clone());
            judges.push(EndpointJudge::new(
                Some(endpoint.name.clone()),
                secrets,
                header,
            )?);
        }
        if let Some(secrets) = secrets {
            let header = header.unwrap_or(Signature::HEADER);
            judges.push(EndpointJudge::new(None, secrets, header)?);
        }
        Ok(Self(judges))
    }

    /// Returns the verdict. Returns `None` if no secret of the endpoint is known.
    pub(super) fn judge(&self, rejection: &SavedRejection) -> Option<SignatureVerdict> {
        let endpoint = rejection.endpoint.to_str().ok();
        let judge = self
            .0
            .iter()
            .find(|judge| judge.endpoint.is_none() || judge.endpoint.as_deref() == endpoint)?;
        Some(judge.secrets().judge(rejection))
    }
}

impl EndpointJudge {
    fn new(
        endpoint: Option<String>,
        secrets: Secrets,
        header: HeaderName,
    ) -> Result<Self, Failure> {
        let unique = UniqueKeyring::new(secrets).map_err(Failure::usage)?;
        Ok(Self {
            endpoint,
            header,
            keyring: unique.keyring,
            secrets: unique.secrets,
        })
    }

    fn secrets(&self) -> RejectionJudge<'_> {
        RejectionJudge {
            header: &self.header,
            keyring: &self.keyring,
            secrets: &self.secrets,
        }
    }
}

/// Reads the secrets of an endpoint. Reports and ignores secrets that only the gate can read,
/// because a list without causes is still useful.
fn secrets_of(plan: &Plan, endpoint: &EndpointPlan) -> Option<Secrets> {
    let read = plan.sources(endpoint).map(|(_, source)| source.read());
    let read: Result<Vec<_>, _> = read.collect();
    let read = read.map_err(|error| {
        message(format_args!(
            "cartgate: no causes for endpoint {}: {error}; give its secret with --secret-file",
            endpoint.name
        ));
    });
    let secrets = read.ok()?.into_iter();
    Some(secrets.map(|(name, secret, _)| (name, secret)).collect())
}
