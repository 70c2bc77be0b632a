//! `cartgate refused`: lists and shows what a gate saved of rejected deliveries. What came from outside is made safe for a
//! terminal.

use std::{
    fmt::{self, Display, Formatter},
    path::{Path, PathBuf},
    time::SystemTime,
};

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tower_cartgate::{Keyring, RejectionKind, Secret, SecretName, Signature};

use super::{
    input,
    mistakes::mistakes,
    outcome::{Failure, Outcome},
    output::{Output, message},
    verify::{Judgement, Verdict},
};
use crate::{
    cli::{
        RejectedAt, RejectedCommand, RejectedListArgs, RejectedShowArgs, serve_with_file_alone,
        source::Source,
    },
    config::{Plan, sections::endpoint::EndpointPlan},
    rejected::{ReadError, SavedFile, SavedRejection},
    secret::{
        keyring::UniqueKeyring,
        source::{SECRET_VARIABLE, variable_is_set},
    },
    text::terminal::printable,
};

/// Above the lines of a list.
const HEADINGS: &str = "DELIVERY                              RECEIVED              CAUSE                 \
                        SOURCE               ENDPOINT";

pub(super) fn run(command: RejectedCommand) -> Result<Outcome, Failure> {
    match command {
        RejectedCommand::List(args) => list(args),
        RejectedCommand::Show(args) => show(args),
    }
}

fn list(args: RejectedListArgs) -> Result<Outcome, Failure> {
    let place = Place::of(args.at)?;
    let all = SavedFile::all(&place.dir).map_err(|error| input::unreadable(&place.dir, &error))?;
    let mut output = Output::stdout();
    if !args.json && !all.is_empty() {
        output.line(HEADINGS)?;
    }
    for saved in &all {
        let refused = match saved.read() {
            Ok(Some(refused)) => refused,
            // Its time was up meanwhile.
            Ok(None) => continue,
            Err(why) => {
                message(format_args!("cartgate: {}: {why}", saved.path.display()));
                continue;
            }
        };
        let verdict = place.judge(&refused);
        let one = Shown {
            refused: &refused,
            path: &saved.path,
            verdict: verdict.as_ref(),
        };
        if args.json {
            output.json_line(&one.json())?;
        } else {
            output.line(Line(&one))?;
        }
    }
    Ok(Outcome::Done)
}

fn show(args: RejectedShowArgs) -> Result<Outcome, Failure> {
    let place = Place::of(args.at)?;
    let saved = SavedFile::of(&place.dir, args.id);
    let refused = saved.read().map_err(|why| match why {
        ReadError::Io(error) => input::unreadable(&saved.path, &error),
        why => Failure::no(format_args!("{}: {why}", saved.path.display())),
    })?;
    let refused = refused.ok_or_else(|| {
        Failure::no(format_args!(
            "there is no saved rejection {} in {}",
            args.id,
            place.dir.display()
        ))
    })?;
    let mut output = Output::stdout();
    if args.body {
        super::output::bytes(&refused.bytes())?;
        return Ok(Outcome::Done);
    }
    let verdict = place.judge(&refused);
    let one = Shown {
        refused: &refused,
        path: &saved.path,
        verdict: verdict.as_ref(),
    };
    if args.json {
        output.json(&one.json_with_headers())?;
    } else {
        output.line(Screen(&one))?;
    }
    Ok(Outcome::Done)
}

type Secrets = Vec<(SecretName, Secret)>;

/// The directory of the saved rejections, and their judges.
struct Place {
    dir: PathBuf,
    judges: Vec<Judge>,
}

/// Secrets, and the header that carries signatures made by them.
struct Judge {
    /// The one endpoint whose deliveries it judges; none if it judges all.
    endpoint: Option<String>,
    header: HeaderName,
    keyring: Keyring,
    secrets: Secrets,
}

impl Place {
    fn of(at: RejectedAt) -> Result<Self, Failure> {
        let plan = at.config.as_deref().map(plan).transpose()?;
        let dir = match (&plan, at.dir) {
            (_, Some(dir)) => dir,
            (Some(plan), None) => kept_by(plan, at.config.as_deref())?,
            (None, None) => return Err(Failure::usage("name a directory or a configuration file")),
        };
        let is_given =
            !at.secret_file.is_empty() || plan.is_none() && variable_is_set(SECRET_VARIABLE);
        let given = is_given
            .then(|| input::secrets(at.secret_file))
            .transpose()?;
        let judges = judges(plan.as_ref(), given, at.header_name)?;
        Ok(Self { dir, judges })
    }

    /// The verdict by the secrets that are known now; none if none are known for its endpoint.
    fn judge(&self, refused: &SavedRejection) -> Option<Verdict> {
        let endpoint = refused.endpoint.to_str().ok();
        let judge = self
            .judges
            .iter()
            .find(|judge| judge.endpoint.is_none() || judge.endpoint.as_deref() == endpoint)?;
        let presented = refused.only(&judge.header).map(HeaderValue::as_bytes);
        let verdict = Verdict::of(&judge.keyring, &judge.secrets, presented, &refused.bytes());
        Some(verdict)
    }
}

fn plan(file: &Path) -> Result<Plan, Failure> {
    let source = Source::of(&serve_with_file_alone(file));
    let plan = source.plan();
    plan.map_err(|error| mistakes(source.lines(error)))
}

fn kept_by(plan: &Plan, file: Option<&Path>) -> Result<PathBuf, Failure> {
    let rejected = plan.rejected.as_ref();
    rejected
        .map(|rejected| rejected.settings.dir.clone())
        .ok_or_else(|| {
            let file = file.unwrap_or(Path::new("")).display();
            Failure::usage(format_args!(
                "{file} has no [rejected], so nothing is saved"
            ))
        })
}

/// A judge for each endpoint of the plan. Secrets and a header that are given replace those of every endpoint; given secrets
/// also judge what no endpoint of the plan received.
fn judges(
    plan: Option<&Plan>,
    given: Option<Secrets>,
    header: Option<HeaderName>,
) -> Result<Vec<Judge>, Failure> {
    let mut judges = Vec::new();
    let endpoints = plan
        .iter()
        .flat_map(|plan| plan.endpoints.iter().map(move |one| (*plan, one)));
    for (plan, endpoint) in endpoints {
        let Some(secrets) = given.clone().or_else(|| secrets_of(plan, endpoint)) else {
            continue;
        };
        let header = header.clone().unwrap_or_else(|| endpoint.header.clone());
        judges.push(Judge::of(Some(endpoint.name.clone()), secrets, header)?);
    }
    if let Some(secrets) = given {
        let header = header.unwrap_or(Signature::HEADER);
        judges.push(Judge::of(None, secrets, header)?);
    }
    Ok(judges)
}

/// Nothing if they cannot be read here: some are the gate's alone, and the list is worth something without.
fn secrets_of(plan: &Plan, endpoint: &EndpointPlan) -> Option<Secrets> {
    let read = plan.sources(endpoint).map(|(_, source)| source.read());
    let read: Result<Vec<_>, _> = read.collect();
    let read = read.map_err(|error| {
        message(format_args!(
            "cartgate: no causes for endpoint {}: {error}; name its secret with --secret-file",
            endpoint.name
        ));
    });
    let secrets = read.ok()?.into_iter();
    Some(secrets.map(|(name, secret, _)| (name, secret)).collect())
}

impl Judge {
    fn of(endpoint: Option<String>, secrets: Secrets, header: HeaderName) -> Result<Self, Failure> {
        let unique = UniqueKeyring::new(secrets).map_err(Failure::usage)?;
        Ok(Self {
            endpoint,
            header,
            keyring: unique.keyring,
            secrets: unique.secrets,
        })
    }
}

/// A saved rejection with the verdict on it.
struct Shown<'s> {
    refused: &'s SavedRejection,
    path: &'s Path,
    verdict: Option<&'s Verdict>,
}

impl Shown<'_> {
    /// The cause in one word: what the doctor found, or the reason of the rejection.
    fn cause(&self) -> String {
        match self.verdict {
            None => RejectionKind::Mismatch.as_str().to_owned(),
            Some(Verdict {
                diagnosis: Some(diagnosis),
                ..
            }) => diagnosis.cause().as_str().to_owned(),
            Some(verdict) => {
                let secret = verdict.secret.as_deref().unwrap_or_default();
                format!("verified:{secret}")
            }
        }
    }

    fn json(&self) -> Value {
        let Self {
            refused,
            path,
            verdict,
        } = self;
        json!({
            "id": refused.id,
            "received": time(refused.received()),
            "endpoint": text(&refused.endpoint),
            "peer": text(&refused.peer),
            "source": refused.source.to_string(),
            "method": refused.method.as_str(),
            "target": refused.target.as_str(),
            "bytes": refused.bytes().len(),
            "reason": RejectionKind::Mismatch.as_str(),
            "secret": verdict.and_then(|verdict| verdict.secret.as_deref()),
            "diagnosis": verdict.and_then(|verdict| verdict.diagnosis.as_ref()),
            "file": path.display().to_string(),
        })
    }

    fn json_with_headers(&self) -> Value {
        let headers = self.refused.headers.iter();
        let headers = headers.map(|(name, value)| json!([name.as_str(), text(value)]));
        let mut json = self.json();
        json["headers"] = headers.collect();
        json
    }
}

/// On one line of a list.
struct Line<'s>(&'s Shown<'s>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let refused = self.0.refused;
        write!(
            f,
            "{}  {}  {:<20}  {:<19}  {}",
            refused.id,
            time(refused.received()),
            self.0.cause(),
            refused.source.to_string(),
            printable(refused.endpoint.as_bytes()),
        )
    }
}

/// With all but the body.
struct Screen<'s>(&'s Shown<'s>);

impl Display for Screen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Shown {
            refused,
            path,
            verdict,
        } = self.0;
        writeln!(f, "delivery  {}", refused.id)?;
        writeln!(f, "received  {}", time(refused.received()))?;
        writeln!(f, "endpoint  {}", printable(refused.endpoint.as_bytes()))?;
        let peer = printable(refused.peer.as_bytes());
        writeln!(f, "from      {peer} (source {})", refused.source)?;
        writeln!(
            f,
            "file      {}",
            printable(path.as_os_str().as_encoded_bytes())
        )?;
        writeln!(f)?;
        let target = printable(refused.target.as_str().as_bytes());
        writeln!(f, "{} {target}", refused.method)?;
        for (name, value) in &refused.headers {
            writeln!(f, "{name}: {}", printable(value.as_bytes()))?;
        }
        let length = refused.bytes().len();
        writeln!(f, "({length} bytes of body; --body prints them)")?;
        writeln!(f)?;
        match verdict {
            Some(verdict) => Judgement(verdict).fmt(f),
            None => f.write_str(
                "no secret of the endpoint made its signature; --secret-file FILE looks for the cause",
            ),
        }
    }
}

fn time(time: SystemTime) -> String {
    crate::text::rfc3339::seconds(time)
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
