//! The answers to the three questions: from flags, from a terminal, or defaults.

use std::{fmt::Display, str::FromStr};

use tower_cartgate::Secret;
use zeroize::Zeroizing;

use super::terminal::Terminal;
use crate::{
    cli::{Front, InitArgs},
    commands::{input, outcome::Failure, output::message},
    net::destination_address::Address,
    secret::{
        random::random,
        source::{SECRET_VARIABLE, SecretPlace, SecretSource, variable_is_set},
    },
};

const UPSTREAM: &str = "http://127.0.0.1:3000/webhooks/orders";
const FRONT: &str = "127.0.0.1:8080";

/// The answers.
pub(super) struct Answers {
    /// The app.
    pub(super) upstream: Address,
    /// The secret; none to keep the present one.
    pub(super) secret: Option<GivenSecret>,
    /// The public side of the gate.
    pub(super) front: Front,
}

/// The secret to write.
pub(super) struct GivenSecret {
    secret: Secret,
    /// Whether it is a random one, which Cartfunnel does not know.
    pub(super) is_random: bool,
}

impl GivenSecret {
    /// Returns the content of its file.
    pub(super) fn line(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.secret.expose(), b"\n"].concat())
    }

    /// Returns a random secret for tests.
    pub(super) fn random() -> Result<Self, Failure> {
        let secret = random::<32>().map_err(Failure::no)?;
        Ok(Self {
            secret,
            is_random: true,
        })
    }
}

impl From<Secret> for GivenSecret {
    fn from(secret: Secret) -> Self {
        Self {
            secret,
            is_random: false,
        }
    }
}

/// The defaults, without a secret.
impl Default for Answers {
    fn default() -> Self {
        Self {
            upstream: UPSTREAM.parse().expect("a URL"),
            secret: None,
            front: FRONT.parse().expect("an address"),
        }
    }
}

impl Answers {
    /// Returns the answers of the arguments, and asks for the missing ones. `has_secret` tells
    /// whether there is a secret that stays without an answer.
    pub(super) fn of(args: InitArgs, has_secret: bool) -> Result<Self, Failure> {
        let given = secret(args.secret_file)?;
        let terminal = if args.yes { None } else { Terminal::find() };
        if terminal.is_none() && !args.yes {
            let missing = [
                ("--upstream", args.upstream.is_none()),
                ("--secret-file", given.is_none() && !has_secret),
                ("--listen", args.listen.is_none()),
            ];
            check_complete(missing)?;
        }
        let terminal = terminal.as_ref();
        let upstream = match args.upstream {
            Some(upstream) => upstream,
            None => ask(
                terminal,
                "URL of the app, with the path of its webhook",
                UPSTREAM,
            )?,
        };
        let secret = match (given, terminal) {
            (Some(given), _) => Some(given),
            (None, Some(terminal)) => ask_secret(terminal, has_secret)?,
            (None, None) if has_secret => None,
            (None, None) => Some(GivenSecret::random()?),
        };
        let front = match args.listen {
            Some(front) => front,
            None => ask(
                terminal,
                "Address of the gate, or its public host name for HTTPS",
                FRONT,
            )?,
        };
        Ok(Self {
            upstream,
            secret,
            front,
        })
    }
}

/// Fails if a flag is missing and there is no terminal for a question.
fn check_complete(missing: [(&str, bool); 3]) -> Result<(), Failure> {
    let missing = missing.iter().filter(|(_, is_missing)| *is_missing);
    let missing: Vec<_> = missing.map(|(flag, _)| *flag).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "there is no terminal to ask on; give {}, or --yes for the defaults",
        missing.join(" and ")
    )))
}

/// Returns the secret in the given file or in the variable, if any.
fn secret(file: Option<SecretSource>) -> Result<Option<GivenSecret>, Failure> {
    let source = match file {
        Some(source) if *source.place() == SecretPlace::File("-".into()) => {
            SecretSource::file(source.name().clone(), "/dev/stdin")
        }
        Some(source) => source,
        None if variable_is_set(SECRET_VARIABLE) => SecretSource::from_env_var(SECRET_VARIABLE),
        None => return Ok(None),
    };
    let (_, secret) = input::read(&source)?;
    Ok(Some(secret.into()))
}

/// Asks until the answer is valid. An empty answer, or no terminal, means the default.
fn ask<T: FromStr<Err: Display>>(
    terminal: Option<&Terminal>,
    question: &str,
    default: &str,
) -> Result<T, Failure> {
    loop {
        let line = match terminal {
            Some(terminal) => terminal.line(&format!("{question} [{default}]: "))?,
            None => String::new(),
        };
        let answer = match line.trim() {
            "" => default,
            answer => answer,
        };
        match answer.parse() {
            Ok(answer) => return Ok(answer),
            Err(error) => message(error),
        }
    }
}

/// Asks for the secret until it can be used.
fn ask_secret(terminal: &Terminal, has_secret: bool) -> Result<Option<GivenSecret>, Failure> {
    let otherwise = if has_secret {
        "Enter keeps the present one"
    } else {
        "Enter makes a random one for tests"
    };
    let question = format!("Secret of Cartfunnel's Webhooks page, not shown ({otherwise}): ");
    loop {
        let typed = terminal.hidden_line(&question)?;
        if typed.is_empty() {
            return match has_secret {
                true => Ok(None),
                false => GivenSecret::random().map(Some),
            };
        }
        if typed.iter().any(u8::is_ascii_control) {
            message(
                "the secret contains a control character, such as an arrow key; type or paste it again",
            );
            continue;
        }
        let secret = match Secret::from_line(typed.as_slice()) {
            Ok(secret) => secret,
            Err(error) => {
                message(format_args!("the secret cannot be used: {error}"));
                continue;
            }
        };
        let weaknesses = secret.weaknesses();
        for weakness in &weaknesses {
            message(format_args!("warning: {weakness}"));
        }
        if weaknesses.is_empty() || is_yes(&terminal.line("Use it nevertheless? [y/N]: ")?) {
            return Ok(Some(secret.into()));
        }
    }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}
