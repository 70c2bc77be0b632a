//! From a plan to the settings of a running gate. Each load reads the secrets and certificates that
//! the plan names, so a reload sees their changes.

mod alarm;

use std::{collections::HashMap, sync::Arc};

use tower_cartgate::{EventRule, Pointer, PointerError, Policy, Secret, SecretName, Weakness};

use super::{
    finding::{Finding, Place},
    plan::Plan,
    sections::{
        acme::AcmePlan, admin::AdminPlan, destination::DestinationPlan, endpoint::EndpointPlan,
        fresh::FreshPlan, inbox::InboxPlan, tls::TlsPlan,
    },
    setting::access::PlacedSource,
};
use crate::{
    acme::CertificateStore,
    admin::may_be_token,
    destination::{Destination, webhooks::Signer},
    endpoint::{Durable, Endpoint, Endpoints, Target},
    inbox::{self, Queue, Schedule},
    net::{
        certificate::{Certificate, Warning},
        connect::{Trust, client_config},
    },
    proxy::config::{Config, admin::AdminAccess, tls::Tls},
    secret::{
        keyring::UniqueKeyring,
        source::{self, SecretSource, SourceError},
    },
};

/// A configuration that can serve requests.
#[derive(Debug)]
pub struct Loaded {
    /// The settings of a running gate.
    pub config: Config,
    /// Values that look like mistakes.
    pub warnings: Vec<Finding>,
}

impl Plan {
    /// Reads the files and variables that the plan names.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn load(&self) -> Result<Loaded, Vec<Finding>> {
        let mut reading = Reading {
            workers: self.server.workers,
            warnings: self.warnings.clone(),
            ..Reading::default()
        };
        let tls = self.server.tls.as_ref().and_then(|tls| reading.tls(tls));
        let admin = self.admin.as_ref().and_then(|admin| reading.admin(admin));
        let inbox = self.inbox.as_ref().and_then(|inbox| reading.inbox(inbox));
        let alarms = reading.alarms(&self.alarms);
        let endpoints: Vec<_> = self
            .endpoints
            .iter()
            .filter_map(|endpoint| reading.endpoint(self, endpoint))
            .collect();
        if !reading.findings.is_empty() {
            return Err(reading.findings);
        }
        let config = Config {
            watch: self.server.watch,
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
            rejected: self.rejected.as_ref().map(|plan| plan.settings.clone()),
            inbox,
            alarms,
            shown: self.shown().into(),
        };
        Ok(Loaded {
            config,
            warnings: reading.warnings,
        })
    }
}

impl InboxPlan {
    /// Reads the secrets of an inbox without endpoints. Returns its settings with the warnings
    /// about them.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
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

/// The results so far. Endpoints that share the place of a secret read it once.
#[derive(Default)]
struct Reading {
    workers: usize,
    secrets: HashMap<SecretSource, Option<Secret>>,
    warnings: Vec<Finding>,
    findings: Vec<Finding>,
}

impl Reading {
    fn endpoint(&mut self, whole: &Plan, plan: &EndpointPlan) -> Option<Endpoint> {
        let at = plan.at.table();
        let event = self.keep(at, event_rule(plan));
        let secrets: Vec<_> = whole
            .sources(plan)
            .map(|(at, source)| self.secret(at, source))
            .collect();
        let secrets: Option<Vec<_>> = secrets.into_iter().collect();
        let fresh = plan.fresh.as_ref().map(FreshPlan::rule).transpose();
        let fresh = self.keep(at, fresh);
        let target = self.target(plan);
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
            headers: plan.header_changes(),
            target: target?,
            silence: plan.silence,
        })
    }

    /// The keyring of an endpoint, and the secrets that are in it.
    fn keyring(&mut self, plan: &EndpointPlan, secrets: NamedSecrets) -> Option<UniqueKeyring> {
        let at = plan.secrets.first().map_or(plan.at.table(), |one| one.0);
        let unique = self.keep(at, UniqueKeyring::new(secrets))?;
        let warnings = unique.duplicates.iter().map(|duplicate| {
            let mut places = plan.secrets.iter();
            let place = places.find(|(_, name)| *name == duplicate.second);
            Finding::new(place.map_or(at, |one| one.0), duplicate)
        });
        self.warnings.extend(warnings);
        Some(unique)
    }

    fn target(&mut self, endpoint: &EndpointPlan) -> Option<Target> {
        if endpoint.verdict {
            return Some(Target::Verdict);
        }
        if !endpoint.durable {
            let direct = self.destination(endpoint.destinations.first()?)?;
            return Some(Target::Direct(Arc::new(direct)));
        }
        let queues: Vec<_> = endpoint.queues().map(|plan| self.queue(plan)).collect();
        let unique = endpoint.unique.as_deref().map(str::parse::<Pointer>);
        Some(Target::Durable(Durable {
            queues: queues.into_iter().collect::<Option<_>>()?,
            permitted: endpoint.event.only.clone(),
            unique: self.keep(endpoint.at.of("unique"), unique.transpose())?,
        }))
    }

    fn queue(&mut self, plan: &DestinationPlan) -> Option<Arc<Queue>> {
        let mut queue = Queue::new(Arc::new(self.destination(plan)?));
        queue.kinds.clone_from(&plan.kinds);
        queue.schedule = Schedule::new(plan.waits.clone());
        queue.concurrency = plan.concurrency;
        queue.timeout = plan.settings.response_timeout;
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
        // All were read before the first failure returns, so that every mistake is reported.
        let [password, key, encryption] = read;
        Some(inbox::Settings {
            store: plan.store.clone(),
            password: password?,
            ca_file: plan.ca_file.clone(),
            key: key?,
            encryption: encryption?,
            limits: plan.limits,
            retain: plan.retain,
        })
    }

    /// Reads the secrets that sign as Standard Webhooks; none if there are none.
    #[expect(
        clippy::option_option,
        reason = "an unreadable secret is not an absent one"
    )]
    fn signer(&mut self, sources: &[PlacedSource]) -> Option<Option<Signer>> {
        let mut all = None::<Signer>;
        for (at, place) in sources {
            let secret = self.bare(*at, place)?;
            let signer = match all.take() {
                Some(signer) => signer.also(&secret),
                None => Signer::new(&secret),
            };
            all = Some(self.keep(*at, signer)?);
        }
        Some(all)
    }

    fn tls(&mut self, plan: &TlsPlan) -> Option<Tls> {
        if let Some(acme) = &plan.acme {
            return self.acme(acme);
        }
        let (cert, key) = plan.files()?;
        let at = plan.at.table();
        let (certificate, warnings) = self.keep(at, Certificate::load(cert, key))?;
        self.warn_of(at, &warnings);
        Some(Tls::Files(Arc::new(certificate)))
    }

    /// Reads the stored certificate. A damaged one is no reason not to start: the gate orders
    /// another.
    fn acme(&mut self, plan: &AcmePlan) -> Option<Tls> {
        let settings = plan.settings();
        let (at, store) = (plan.at.of("dir"), CertificateStore::new(&settings));
        let probed = store.probe().map_err(|error| {
            let dir = settings.dir.display();
            format!("{dir} cannot hold certificates: {error}; set `dir` to a directory of the gate's user")
        });
        let warning = self.keep(at, probed)?;
        self.warnings
            .extend(warning.map(|warning| Finding::new(at, warning)));
        // Without authorities of the machine, as in an empty image, a stored certificate still serves.
        match (client_config(&settings.trust), &settings.trust) {
            (Err(error), Trust::Platform) => self.warnings.push(Finding::new(at, error)),
            (checked, _) => self.keep(plan.at.of("ca_file"), checked.map(drop))?,
        }
        let stored = match store.read() {
            Ok(Some((stored, mut warnings))) => {
                // The gate renews it by itself.
                warnings.retain(|warning| !matches!(warning, Warning::Expired { .. }));
                self.warn_of(at, &warnings);
                Some(Arc::new(stored))
            }
            Ok(None) => None,
            Err(error) => {
                self.warnings.push(Finding::new(at, error));
                None
            }
        };
        Some(Tls::Acme {
            settings: Arc::new(settings),
            stored,
        })
    }

    fn warn_of(&mut self, at: Place, warnings: &[Warning]) {
        let warnings = warnings.iter().map(|warning| Finding::new(at, warning));
        self.warnings.extend(warnings);
    }

    fn admin(&mut self, plan: &AdminPlan) -> Option<AdminAccess> {
        let token = match &plan.token {
            Some((at, place)) => Some(self.token(*at, place)?),
            None => None,
        };
        let hosts = plan.hosts.iter().map(ToString::to_string).collect();
        Some(AdminAccess {
            token,
            hosts,
            console: plan.console,
        })
    }

    fn token(&mut self, at: Place, place: &source::SecretPlace) -> Option<Secret> {
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
        settings.trust = plan.ca_file.clone().map_or(Trust::Platform, Trust::CaFile);
        settings.host = plan.host_rule();
        for (at, name, place) in &plan.headers {
            let secret = self.bare(*at, place)?;
            let set = settings.headers.insert(name.clone(), &secret);
            self.keep(*at, set)?;
        }
        settings.sign = self.signer(&plan.standard_webhooks)?;
        let made = Destination::new(&plan.name, plan.address.clone(), settings, self.workers);
        self.keep(plan.at.table(), made)
    }

    /// Reads a secret that may be absent.
    #[expect(
        clippy::option_option,
        reason = "an unreadable secret is not an absent one"
    )]
    fn named(&mut self, named: Option<&(Place, source::SecretPlace)>) -> Option<Option<Secret>> {
        match named {
            Some((at, place)) => self.bare(*at, place).map(Some),
            None => Some(None),
        }
    }

    /// Reads a secret without a name.
    fn bare(&mut self, at: Place, place: &source::SecretPlace) -> Option<Secret> {
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

/// Returns the rule for requests. A durable endpoint accepts every kind, because the sender would
/// repeat a rejected event without end.
fn event_rule(plan: &EndpointPlan) -> Result<EventRule, PointerError> {
    if plan.durable {
        plan.event.open_rule()
    } else {
        plan.event.rule()
    }
}
