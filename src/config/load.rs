//! From a plan to what serves requests: reads the secrets and certificates that the plan names, each time anew, so that a
//! reload sees what has changed. No value is judged here, only what was found at its place.

use std::{collections::HashMap, sync::Arc};

use tower_cartgate::{EventRule, Pointer, PointerError, Policy, Secret, SecretName, Weakness};

use super::{
    finding::{Finding, Place},
    plan::{
        AdminPlan, DestinationPlan, EndpointPlan, FreshPlan, InboxPlan, OnwardPlan, Plan,
        QueuePlan, TlsPlan,
    },
};
use crate::{
    admin::may_be_token,
    destination::{Destination, webhooks::Signer},
    endpoint::{Durable, Endpoint, Endpoints, Target},
    inbox::{self, Queue},
    net::certificate::Certificate,
    proxy::config::{Config, admin::AdminAccess},
    secret::{
        keyring::UniqueKeyring,
        source::{self, SecretSource, SourceError},
    },
};

/// A configuration that can be put in force.
#[derive(Debug)]
pub struct Loaded {
    /// What serves requests.
    pub config: Config,
    /// What looks like a mistake and is none.
    pub warnings: Vec<Finding>,
}

impl Plan {
    /// Reads what the plan names.
    ///
    /// # Errors
    ///
    /// Everything that cannot be read or does not go together, not only the first.
    pub fn load(&self) -> Result<Loaded, Vec<Finding>> {
        let mut reading = Reading {
            workers: self.server.workers,
            warnings: self.warnings.clone(),
            ..Reading::default()
        };
        let tls = self.server.tls.as_ref().and_then(|tls| reading.tls(tls));
        let admin = self.admin.as_ref().and_then(|admin| reading.admin(admin));
        let inbox = self.inbox.as_ref().and_then(|inbox| reading.inbox(inbox));
        let endpoints: Vec<_> = self
            .endpoints
            .iter()
            .filter_map(|endpoint| reading.endpoint(endpoint))
            .collect();
        if !reading.findings.is_empty() {
            return Err(reading.findings);
        }
        let config = Config {
            workers: self.server.workers,
            endpoints: Endpoints::new(endpoints),
            limits: self.server.limits.clone(),
            timeouts: self.server.timeouts.clone(),
            trusted_hops: self.server.trusted_proxies.iter().copied().collect(),
            access_log: self.log.access,
            explain: self.log.explain,
            tls,
            health_path: self.server.health_path.clone(),
            admin: admin.unwrap_or_default(),
            keep_refused: self.server.keep_refused.clone(),
            inbox,
        };
        Ok(Loaded {
            config,
            warnings: reading.warnings,
        })
    }
}

impl InboxPlan {
    /// Reads what an inbox without endpoints needs, and gives its settings with the warnings about them.
    ///
    /// # Errors
    ///
    /// Everything that cannot be read or does not go together.
    pub fn load(&self) -> Result<(inbox::Settings, Vec<Finding>), Vec<Finding>> {
        let mut reading = Reading::default();
        self.check(&mut reading.findings);
        match reading.inbox(self) {
            Some(settings) if reading.findings.is_empty() => Ok((settings, reading.warnings)),
            _ => Err(reading.findings),
        }
    }
}

type NamedSecrets = Vec<(SecretName, Secret)>;

/// What was read so far. Endpoints that share a secret's place read it once.
#[derive(Default)]
struct Reading {
    workers: usize,
    secrets: HashMap<SecretSource, Option<Secret>>,
    warnings: Vec<Finding>,
    findings: Vec<Finding>,
}

impl Reading {
    fn endpoint(&mut self, plan: &EndpointPlan) -> Option<Endpoint> {
        let event = self.keep(plan.at, event_rule(plan));
        let secrets: Vec<_> = plan
            .secrets
            .iter()
            .map(|(at, source)| self.secret(*at, source))
            .collect();
        let secrets: Option<Vec<_>> = secrets.into_iter().collect();
        let fresh = plan.fresh.as_ref().map(FreshPlan::rule).transpose();
        let fresh = self.keep(plan.at, fresh);
        let onward = self.onward(plan);
        let UniqueKeyring {
            keyring, secrets, ..
        } = self.keyring(plan, secrets?)?;
        let mut policy = Policy::new(keyring)
            .with_methods(plan.methods.iter().cloned())
            .with_header(plan.header.clone())
            .with_max_body(plan.max_body)
            .with_event_rule(event?);
        if let Some(rule) = fresh? {
            policy = policy.with_fresh_rule(rule);
        }
        Some(Endpoint {
            name: plan.name.as_str().into(),
            path: plan.path.clone(),
            host: plan.host.clone(),
            policy: Arc::new(policy),
            secrets,
            query: plan.query,
            headers: plan.headers.clone(),
            target: onward?,
        })
    }

    /// The keyring of an endpoint, and the secrets that are in it.
    fn keyring(&mut self, plan: &EndpointPlan, secrets: NamedSecrets) -> Option<UniqueKeyring> {
        let at = plan.secrets.first().map_or(plan.at, |one| one.0);
        let unique = self.keep(at, UniqueKeyring::new(secrets))?;
        let warnings = unique.duplicates.iter().map(|duplicate| {
            let mut places = plan.secrets.iter();
            let place = places.find(|(_, source)| *source.name() == duplicate.second);
            Finding::new(place.map_or(at, |one| one.0), duplicate)
        });
        self.warnings.extend(warnings);
        Some(unique)
    }

    fn onward(&mut self, endpoint: &EndpointPlan) -> Option<Target> {
        let (unique, queues) = match &endpoint.onward {
            OnwardPlan::Direct(plan) => {
                return Some(Target::Direct(Arc::new(self.destination(plan)?)));
            }
            OnwardPlan::Durable { unique, queues } => (unique, queues),
        };
        let queues: Vec<_> = queues.iter().map(|plan| self.queue(plan)).collect();
        let unique = unique.as_deref().map(str::parse::<Pointer>).transpose();
        Some(Target::Durable(Durable {
            queues: queues.into_iter().collect::<Option<_>>()?,
            permitted: endpoint.event.permitted().to_vec(),
            unique: self.keep(endpoint.at, unique)?,
        }))
    }

    fn queue(&mut self, plan: &QueuePlan) -> Option<Arc<Queue>> {
        let mut queue = Queue::new(Arc::new(self.destination(&plan.destination)?));
        queue.kinds.clone_from(&plan.kinds);
        queue.schedule = plan.schedule.clone();
        queue.concurrency = plan.concurrency;
        queue.timeout = plan.destination.settings.answer;
        Some(Arc::new(queue))
    }

    fn inbox(&mut self, plan: &InboxPlan) -> Option<inbox::Settings> {
        let named = [&plan.password, &plan.key, &plan.encryption_key];
        let read = named.map(|secret| self.named(secret.as_ref()));
        for (secret, at) in read.iter().zip(named).skip(1) {
            if let (Some(Some(key)), Some((at, _))) = (secret, at) {
                self.warn_of_short(*at, "key", key);
            }
        }
        // All were read before one that cannot be ends it, so that all are told.
        let [password, key, encryption] = read;
        Some(inbox::Settings {
            store: plan.store.clone(),
            password: password?,
            ca_file: plan.ca_file.as_ref().map(|(_, path)| path.clone()),
            key: key?,
            encryption: encryption?,
            limits: plan.limits,
            retain: plan.retain,
        })
    }

    fn tls(&mut self, plan: &TlsPlan) -> Option<Arc<Certificate>> {
        let loaded = Certificate::load(&plan.cert, &plan.key);
        let (certificate, warnings) = self.keep(plan.at, loaded)?;
        let warnings = warnings
            .iter()
            .map(|warning| Finding::new(plan.at, warning));
        self.warnings.extend(warnings);
        Some(Arc::new(certificate))
    }

    fn admin(&mut self, plan: &AdminPlan) -> Option<AdminAccess> {
        let token = match &plan.token {
            Some((at, place)) => Some(self.token(*at, place)?),
            None => None,
        };
        let hosts = plan.hosts.iter().map(ToString::to_string).collect();
        Some(AdminAccess { token, hosts })
    }

    fn token(&mut self, at: Place, place: &source::Place) -> Option<Secret> {
        let token = self.bare(at, place)?;
        self.keep(at, may_be_token(&token))?;
        self.warn_of_short(at, "token", &token);
        Some(token)
    }

    fn warn_of_short(&mut self, at: Place, what: &str, secret: &Secret) {
        if secret.weaknesses().contains(&Weakness::Short) {
            let message = format!("the {what} has less than 16 bytes and can be guessed");
            self.warnings.push(Finding::new(at, message));
        }
    }

    fn secret(&mut self, at: Place, source: &SecretSource) -> Option<(SecretName, Secret)> {
        let secret = match self.secrets.get(source) {
            Some(secret) => secret.clone(),
            None => {
                let secret = self.read(at, source);
                self.secrets.insert(source.clone(), secret.clone());
                secret
            }
        };
        secret.map(|secret| (source.name().clone(), secret))
    }

    fn read(&mut self, at: Place, source: &SecretSource) -> Option<Secret> {
        let read: Result<_, SourceError> = source.read();
        let (_, secret, warnings) = self.keep(at, read)?;
        let warnings = warnings.iter().map(|warning| Finding::new(at, warning));
        self.warnings.extend(warnings);
        Some(secret)
    }

    fn destination(&mut self, plan: &DestinationPlan) -> Option<Destination> {
        let mut settings = plan.settings.clone();
        for (at, name, place) in &plan.headers {
            let secret = self.bare(*at, place)?;
            let set = settings.headers.insert(name.clone(), &secret);
            self.keep(*at, set)?;
        }
        for (at, place) in &plan.standard_webhooks {
            let secret = self.bare(*at, place)?;
            let signer = match settings.sign.take() {
                Some(signer) => signer.also(&secret),
                None => Signer::new(&secret),
            };
            settings.sign = Some(self.keep(*at, signer)?);
        }
        let made = Destination::new(&plan.name, plan.address.clone(), settings, self.workers);
        self.keep(plan.at, made)
    }

    /// A secret that need not be named.
    #[expect(clippy::option_option, reason = "one that cannot be read is not none")]
    fn named(&mut self, named: Option<&(Place, source::Place)>) -> Option<Option<Secret>> {
        match named {
            Some((at, place)) => self.bare(*at, place).map(Some),
            None => Some(None),
        }
    }

    /// A secret that is no endpoint's.
    fn bare(&mut self, at: Place, place: &source::Place) -> Option<Secret> {
        let read = place.read();
        let (secret, exposures) = self.keep(at, read)?;
        let warning = |exposure| Finding::new(at, format_args!("{place}: {exposure}"));
        self.warnings.extend(exposures.iter().map(warning));
        Some(secret)
    }

    fn keep<T, E: std::fmt::Display>(&mut self, at: Place, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.findings.push(Finding::new(at, error)))
            .ok()
    }
}

/// A refusal would have an event sent again for ever, so a durable endpoint takes every kind.
fn event_rule(plan: &EndpointPlan) -> Result<EventRule, PointerError> {
    match plan.onward {
        OnwardPlan::Direct(_) => plan.event.rule(),
        OnwardPlan::Durable { .. } => plan.event.open_rule(),
    }
}
