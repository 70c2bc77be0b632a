//! The types of values that settings take. A new type of value goes here, its parser into `value`.

use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use clap::{ValueEnum, builder::PossibleValue};
use http::{HeaderName, Method};
use tower_cartgate::{EventKind, SecretName};

use super::kind::{Kind, Shape};
use crate::{
    acme::{AcmeServer, Contact, Domain},
    config::value,
    destination::HostRule,
    endpoint::{Host, PathRule, Query},
    inbox::settings::StoreAddress,
    net::{destination_address::Address, listener::ListenAddress, trusted_hops::Hop},
};

/// A time with its unit, as `humantime` reads it.
const TIME: &str = r"^ *([0-9][0-9 ]*(\.[0-9]+)? *(nanos|nsec|ns|usec|us|micros|µs|millis|msec|ms|seconds|second|secs|sec|s|minutes|minute|mins|min|m|hours|hour|hrs|hr|h|days|day|d|weeks|week|wks|wk|w|months|month|M|years|year|yrs|yr|y) *)+$";

/// A token of RFC 9110.
pub(crate) const TOKEN: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/// The name of an endpoint, a destination or a secret.
pub(crate) const NAME: &str = "^[a-z0-9_-]{1,64}$";

/// A time of at least a millisecond.
pub(crate) fn timeout() -> Kind<Duration> {
    Kind {
        placeholder: "TIME",
        shape: Shape::Text(TIME),
        parse: value::timeout,
        write: value::write_time,
    }
}

/// A time that may be zero.
pub(crate) fn duration() -> Kind<Duration> {
    Kind {
        parse: value::duration,
        ..timeout()
    }
}

/// A number of bytes.
pub(crate) fn size<T: TryFrom<u64> + TryInto<u64> + Copy>() -> Kind<T> {
    Kind {
        placeholder: "SIZE",
        shape: Shape::Size,
        parse: value::size,
        write: value::write_size,
    }
}

/// The size of a request head.
pub(crate) fn header_size() -> Kind<usize> {
    Kind {
        parse: value::header_size,
        ..size()
    }
}

/// A number of at least 1.
pub(crate) fn count<T: TryFrom<u64> + Display>() -> Kind<T> {
    Kind {
        placeholder: "N",
        shape: Shape::Number {
            least: 1,
            most: None,
        },
        parse: value::count,
        write: T::to_string,
    }
}

/// A number of attempts at a time.
pub(crate) fn concurrency() -> Kind<usize> {
    Kind {
        shape: Shape::Number {
            least: 1,
            most: Some(value::MOST_CONCURRENT),
        },
        parse: value::concurrency,
        ..count()
    }
}

/// An address to listen on.
pub(crate) fn listen() -> Kind<ListenAddress> {
    parsed("ADDR", r"^(unix:/.*|systemd(:.+)?|.*:[0-9]{1,5})$")
}

/// The address of a destination.
pub(crate) fn url() -> Kind<Address> {
    parsed("URL", r"^([Hh][Tt][Tt][Pp][Ss]?://[^/@].*|unix:/.*)$")
}

/// The address of a store.
pub(crate) fn store() -> Kind<StoreAddress> {
    parsed("ADDR", r"^(sqlite:.+|postgres(ql)?://.+)$")
}

/// A proxy or a network of proxies.
pub(crate) fn hop() -> Kind<Hop> {
    parsed("ADDR", r"^(unix|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$")
}

/// A host name or address without a port.
pub(crate) fn host() -> Kind<Host> {
    parsed("NAME", r"^[^/@ ]+$")
}

/// A fixed `Host` header.
pub(crate) fn host_header() -> Kind<HostRule> {
    Kind {
        placeholder: "HOST",
        shape: Shape::Text(r"^[^/@ ]+$"),
        parse: |text| HostRule::fixed(text).map_err(|error| error.to_string()),
        write: |rule| match rule {
            HostRule::Fixed(host) => host.to_str().unwrap_or_default().to_owned(),
            HostRule::Own | HostRule::Preserve => String::new(),
        },
    }
}

/// A path to serve, or every path.
pub(crate) fn path_rule() -> Kind<PathRule> {
    parsed("PATH", r"^/[!-~]*$")
}

/// A path for health checks.
pub(crate) fn health_path() -> Kind<String> {
    text("PATH", r"^/[!-~]*$", value::health_path)
}

/// A file or directory.
pub(crate) fn path() -> Kind<PathBuf> {
    Kind {
        placeholder: "FILE",
        shape: Shape::Text("."),
        parse: value::path,
        write: |path| path.display().to_string(),
    }
}

/// A directory.
pub(crate) fn directory() -> Kind<PathBuf> {
    Kind {
        placeholder: "DIR",
        ..path()
    }
}

/// A host name that gets a certificate.
pub(crate) fn domain() -> Kind<Domain> {
    parsed("DOMAIN", r"^[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?$")
}

/// An e-mail address.
pub(crate) fn contact() -> Kind<Contact> {
    parsed("EMAIL", r"^[^@, ]+@[^@, ]+$")
}

/// An ACME server.
pub(crate) fn acme_server() -> Kind<AcmeServer> {
    parsed(
        "URL",
        r"^(production|staging|[Hh][Tt][Tt][Pp][Ss]://[^/@]+[/?].*)$",
    )
}

/// The name of an endpoint or a destination.
pub(crate) fn name() -> Kind<String> {
    text("NAME", NAME, value::name)
}

/// The name of a secret.
pub(crate) fn secret_name() -> Kind<SecretName> {
    Kind {
        placeholder: "NAME",
        shape: Shape::Text(NAME),
        parse: |text| {
            let parsed = text.parse();
            parsed.map_err(|_| {
                "expected the NAME of a table [secret.NAME], and not the secret itself".to_owned()
            })
        },
        write: |name| name.as_ref().to_owned(),
    }
}

/// A method that deliveries may have.
pub(crate) fn method() -> Kind<Method> {
    Kind {
        placeholder: "METHOD",
        shape: Shape::Text(TOKEN),
        parse: value::method,
        write: Method::to_string,
    }
}

/// The name of a header.
pub(crate) fn header_name() -> Kind<HeaderName> {
    Kind {
        parse: value::header_name,
        ..signature_header()
    }
}

/// The header that carries the signature.
pub(crate) fn signature_header() -> Kind<HeaderName> {
    Kind {
        placeholder: "NAME",
        shape: Shape::Text(TOKEN),
        parse: value::signature_header,
        write: HeaderName::to_string,
    }
}

/// A JSON pointer.
pub(crate) fn pointer() -> Kind<String> {
    text("POINTER", "^(/.*)?$", value::pointer)
}

/// A text of the payload.
pub(crate) fn payload_text() -> Kind<String> {
    text("TEXT", "", |text| Ok(text.to_owned()))
}

/// A kind of event.
pub(crate) fn event_kind() -> Kind<EventKind> {
    Kind {
        placeholder: "KIND",
        shape: Shape::Word(|| {
            let kinds = EventKind::ALL.iter();
            kinds
                .map(|kind| PossibleValue::new(kind.as_str()))
                .collect()
        }),
        parse: from_str,
        write: EventKind::to_string,
    }
}

/// The handling of a query.
pub(crate) fn query() -> Kind<Query> {
    word("QUERY")
}

/// One of the variants of `T`.
pub(crate) fn word<T: ValueEnum>(placeholder: &'static str) -> Kind<T> {
    Kind {
        placeholder,
        shape: Shape::Word(words::<T>),
        parse: |text| {
            T::from_str(text, false).map_err(|_| {
                let words = words::<T>();
                let words: Vec<_> = words
                    .iter()
                    .map(|word| format!("\"{}\"", word.get_name()))
                    .collect();
                format!("expected one of {}", words.join(", "))
            })
        },
        write: |value| {
            value
                .to_possible_value()
                .map_or_else(String::new, |word| word.get_name().to_owned())
        },
    }
}

/// The name of an environment variable.
pub(crate) fn variable() -> Kind<String> {
    text("NAME", "^[A-Za-z_][A-Za-z0-9_]*$", value::variable)
}

/// The name of a systemd credential.
pub(crate) fn credential() -> Kind<String> {
    text("NAME", "^[^./][^/]*$", value::credential)
}

fn words<T: ValueEnum>() -> Vec<PossibleValue> {
    let variants = T::value_variants().iter();
    variants.filter_map(ValueEnum::to_possible_value).collect()
}

fn text(
    placeholder: &'static str,
    pattern: &'static str,
    parse: fn(&str) -> Result<String, String>,
) -> Kind<String> {
    Kind {
        placeholder,
        shape: Shape::Text(pattern),
        parse,
        write: String::clone,
    }
}

/// A value that its own type parses and writes.
fn parsed<T: FromStr<Err: Display> + Display>(
    placeholder: &'static str,
    pattern: &'static str,
) -> Kind<T> {
    Kind {
        placeholder,
        shape: Shape::Text(pattern),
        parse: from_str,
        write: T::to_string,
    }
}

fn from_str<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}
