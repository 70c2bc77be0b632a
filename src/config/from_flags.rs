//! From what was typed to what it means: the flags of `serve` become a [`Config`] with one endpoint.
//! It reads secret and CA files, and does no other I/O.

use std::{sync::Arc, time::Duration};

use tower_cartgate::{
    EventKind, EventRule, Keyring, KeyringError, PointerError, Policy, Secret, SecretName,
    most_held,
};

use super::{Clocks, Config, Limits, default_workers};
use crate::{
    cli::{ClockArgs, DestinationArgs, EventArgs, LimitArgs, ServeArgs},
    destination::{ConnectorError, Destination, Settings, Trust},
    endpoint::{Endpoint, Endpoints, PathRule},
    secret_source::{SecretSource, SourceError, Warning},
};

/// The flags of `serve`, in resolved form but for the secrets, which are read anew at each reload.
#[derive(Debug)]
pub struct Resolved {
    sources: Vec<SecretSource>,
    blueprint: Blueprint,
    config: Config,
}

/// What the endpoint is made of, apart from its secrets.
#[derive(Debug)]
struct Blueprint {
    name: Arc<str>,
    path: PathRule,
    methods: Vec<http::Method>,
    header: http::HeaderName,
    max_body: u64,
    event: EventRule,
    destination: Arc<Destination>,
}

/// A mistake in what was typed, or in a file that it names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SourceError),
    /// The secrets do not go together.
    #[error("--secret-file: {0}")]
    Keyring(#[from] KeyringError),
    /// The pointer is not one.
    #[error("--event-pointer: {0}")]
    Pointer(#[from] PointerError),
    /// TLS toward the destination cannot be verified.
    #[error("--upstream: {0}")]
    Destination(#[from] ConnectorError),
    /// A method that no delivery may have.
    #[error("--method: {0} is never let in")]
    Method(http::Method),
    /// A clock of no length.
    #[error("--{0}: nothing could ever happen in no time; give it at least 1ms")]
    NoTime(&'static str),
    /// A clock that no machine lives to see the end of.
    #[error("--{0}: expected a year at most")]
    TooLong(&'static str),
    /// A header that has another meaning.
    #[error("--header-name: {0} has a meaning of its own and cannot carry a signature")]
    HeaderName(http::HeaderName),
    /// A body that no budget has room for.
    #[error("--max-memory: too little for one body of --max-body; give it at least {0} bytes")]
    Memory(u64),
    /// A head that no request fits in.
    #[error("--max-header: expected between 1KiB and 1MiB")]
    Header,
}

impl Resolved {
    /// Makes sense of the flags and reads the secrets.
    ///
    /// # Errors
    ///
    /// Every mistake that was found, not only the first.
    pub fn new(args: &ServeArgs) -> Result<(Self, Vec<Warning>), Vec<ConfigError>> {
        let mut errors = check(args);
        let event = collect(event_rule(&args.event), &mut errors);
        let workers = args.process.workers.unwrap_or_else(default_workers);
        let destination = collect(destination(args, workers), &mut errors);
        let sources = SecretSource::or_environment(args.secret_file.clone());
        let sources = collect(sources.map_err(ConfigError::from), &mut errors);
        let secrets = sources.as_deref().map(read_secrets);
        let secrets = secrets.and_then(|secrets| match secrets {
            Ok(secrets) => Some(secrets),
            Err(more) => {
                errors.extend(more);
                None
            }
        });
        let (Some(event), Some(destination), Some(sources), Some(secrets), true) =
            (event, destination, sources, secrets, errors.is_empty())
        else {
            return Err(errors);
        };
        let blueprint = Blueprint {
            name: args.name.as_str().into(),
            path: args.path.clone().unwrap_or(PathRule::All),
            methods: args.method.clone(),
            header: args.header_name.clone(),
            max_body: args.max_body.as_u64(),
            event,
            destination: Arc::new(destination),
        };
        let config = base(args, workers, blueprint.endpoints(&secrets));
        Ok((
            Self {
                sources,
                blueprint,
                config,
            },
            secrets.warnings,
        ))
    }

    /// The configuration, as read at the start.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::new(self.config.clone())
    }

    /// The configuration with the secrets as they are now.
    ///
    /// # Errors
    ///
    /// When a secret cannot be read or they do not go together: the configuration in force is then
    /// still good.
    pub fn reload(&self) -> Result<(Arc<Config>, Vec<Warning>), Vec<ConfigError>> {
        let secrets = read_secrets(&self.sources)?;
        let endpoints = self.blueprint.endpoints(&secrets);
        Ok((self.config.with_endpoints(endpoints), secrets.warnings))
    }
}

impl Blueprint {
    fn endpoints(&self, secrets: &Secrets) -> Endpoints {
        let policy = Policy::new(secrets.keyring.clone())
            .methods(self.methods.iter().cloned())
            .header(self.header.clone())
            .max_body(self.max_body)
            .event(self.event.clone());
        Endpoints::new(vec![Endpoint {
            name: Arc::clone(&self.name),
            path: self.path.clone(),
            policy: Arc::new(policy),
            secrets: secrets.named.clone(),
            destination: Arc::clone(&self.destination),
        }])
    }
}

struct Secrets {
    keyring: Keyring,
    named: Vec<(SecretName, Secret)>,
    warnings: Vec<Warning>,
}

fn read_secrets(sources: &[SecretSource]) -> Result<Secrets, Vec<ConfigError>> {
    let (mut named, mut warnings, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for source in sources {
        match source.read() {
            Ok((name, secret, more)) => {
                named.push((name, secret));
                warnings.extend(more);
            }
            Err(error) => errors.push(error.into()),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let keyring = Keyring::new(named.iter().cloned()).map_err(|error| vec![error.into()])?;
    Ok(Secrets {
        keyring,
        named,
        warnings,
    })
}

fn collect<T>(result: Result<T, ConfigError>, errors: &mut Vec<ConfigError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// Headers that frame a request, name its host or say what its body is.
const RESERVED: [http::HeaderName; 8] = [
    http::header::CONNECTION,
    http::header::CONTENT_ENCODING,
    http::header::CONTENT_LENGTH,
    http::header::CONTENT_TYPE,
    http::header::EXPECT,
    http::header::HOST,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
];

/// Longer clocks would one day be beyond what a point in time can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the types of the flags do not rule out.
fn check(args: &ServeArgs) -> Vec<ConfigError> {
    let never = [http::Method::CONNECT, http::Method::TRACE];
    let methods = args.method.iter().filter(|method| never.contains(method));
    let times = [
        ("header-timeout", args.clocks.header_timeout),
        ("keep-alive", args.clocks.keep_alive),
        ("body-timeout", args.clocks.body_timeout),
        ("write-timeout", args.clocks.write_timeout),
        ("connect-timeout", args.destination.connect_timeout),
        ("answer-timeout", args.destination.answer_timeout),
        ("answer-pause", args.destination.answer_pause),
    ];
    let no_time = times.iter().filter(|(_, time)| time.as_millis() == 0);
    let may_be_none = [
        ("upstream-idle", args.destination.upstream_idle),
        ("drain-delay", args.clocks.drain_delay),
        ("drain-limit", args.clocks.drain_limit),
    ];
    let too_long = times
        .iter()
        .chain(&may_be_none)
        .filter(|(_, time)| *time > LONGEST);
    let reserved = RESERVED.contains(&args.header_name);
    let memory = most_held(args.max_body.as_u64());
    let header = !(1024..=1024 * 1024).contains(&args.limits.max_header.as_u64());
    methods
        .map(|method| ConfigError::Method(method.clone()))
        .chain(no_time.map(|(name, _)| ConfigError::NoTime(name)))
        .chain(too_long.map(|(name, _)| ConfigError::TooLong(name)))
        .chain(reserved.then(|| ConfigError::HeaderName(args.header_name.clone())))
        .chain((memory > args.limits.max_memory.as_u64()).then_some(ConfigError::Memory(memory)))
        .chain(header.then_some(ConfigError::Header))
        .collect()
}

fn base(args: &ServeArgs, workers: usize, endpoints: Endpoints) -> Config {
    Config {
        workers,
        endpoints,
        limits: limits(&args.limits),
        clocks: clocks(&args.clocks),
        trusted_hops: args.process.trusted_proxy.iter().copied().collect(),
        access_log: args.process.access_log,
        explain: args.process.explain,
        ..Config::new(Endpoints::new(Vec::new()))
    }
}

fn limits(args: &LimitArgs) -> Limits {
    Limits {
        connections: args.max_connections,
        memory: args.max_memory.as_u64(),
        header: usize::try_from(args.max_header.as_u64()).unwrap_or(usize::MAX),
    }
}

fn clocks(args: &ClockArgs) -> Clocks {
    Clocks {
        header: args.header_timeout,
        keep_alive: args.keep_alive,
        body: args.body_timeout,
        body_rate: args.body_rate.as_u64(),
        write: args.write_timeout,
        drain_delay: args.drain_delay,
        drain_limit: args.drain_limit,
        ..Clocks::default()
    }
}

fn event_rule(args: &EventArgs) -> Result<EventRule, ConfigError> {
    let Some(pointer) = &args.event_pointer else {
        return Ok(EventRule::given(args.event.unwrap_or(EventKind::Other)));
    };
    let rule = EventRule::pointer(pointer)?
        .order(args.event_order.iter().cloned())
        .abandoned_cart(args.event_abandoned_cart.iter().cloned());
    Ok(if args.only.is_empty() {
        rule
    } else {
        rule.only(args.only.iter().copied())
    })
}

fn destination(args: &ServeArgs, workers: usize) -> Result<Destination, ConfigError> {
    let settings = settings(&args.destination);
    let address = args.upstream.clone();
    Ok(Destination::new(&args.name, address, settings, workers)?)
}

fn settings(args: &DestinationArgs) -> Settings {
    Settings {
        trust: args.ca_file.clone().map_or(Trust::Platform, Trust::CaFile),
        preserve_host: args.preserve_host,
        connect: args.connect_timeout,
        answer: args.answer_timeout,
        pause: args.answer_pause,
        idle: args.upstream_idle,
    }
}
