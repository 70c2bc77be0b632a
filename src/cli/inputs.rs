//! Values that several commands accept: the place of a body, an additional header line.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::{HeaderName, HeaderValue, Method};

/// The place of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `-`: standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl FromStr for Input {
    type Err = Infallible;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        Ok(match typed {
            "-" => Self::Stdin,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Parses a method in any case: methods are case-sensitive, and `post` means `POST`.
///
/// # Errors
///
/// If the text is no method, or CONNECT, which asks for a tunnel and carries no body.
pub(super) fn method(typed: &str) -> Result<Method, &'static str> {
    match typed.to_ascii_uppercase().parse() {
        Ok(Method::CONNECT) => Err("CONNECT carries no delivery"),
        Ok(method) => Ok(method),
        Err(_) => Err("not a method"),
    }
}

/// Parses a rate per second.
///
/// # Errors
///
/// If the text is no number above 0.
pub(super) fn rate(typed: &str) -> Result<f64, &'static str> {
    match typed.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected a number above 0"),
    }
}

/// A header to add, as `Name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLine {
    /// The name.
    pub name: HeaderName,
    /// The value, without surrounding spaces.
    pub value: HeaderValue,
}

/// A text is no header line. The message never repeats it: a value may be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderLineError {
    /// The colon is missing.
    #[error("write it as 'Name: value'")]
    NoColon,
    /// The name is invalid.
    #[error("the part before the colon is not a header name")]
    Name,
    /// The value cannot be sent.
    #[error("the value holds a character that a header cannot carry")]
    Value,
}

impl FromStr for HeaderLine {
    type Err = HeaderLineError;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let (name, value) = typed.split_once(':').ok_or(HeaderLineError::NoColon)?;
        Ok(Self {
            name: name.trim().parse().map_err(|_| HeaderLineError::Name)?,
            value: HeaderValue::from_str(value.trim()).map_err(|_| HeaderLineError::Value)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!("-".parse(), Ok(Input::Stdin));
        assert_eq!("./-".parse(), Ok(Input::File("./-".into())));
    }

    #[test]
    fn methods_are_taken_in_any_case_but_connect_in_none() {
        assert_eq!(method("put"), Ok(Method::PUT));
        assert!(method("connect").is_err());
        assert!(method("P UT").is_err());
    }

    #[test]
    fn a_header_line_is_split_at_its_first_colon() {
        let line: HeaderLine = "X-Time:  12:30 ".parse().expect("well formed");
        assert_eq!(line.name, "x-time");
        assert_eq!(line.value, "12:30");
    }

    #[test]
    fn what_is_no_header_line_is_refused_without_repeating_it() {
        for (typed, why) in [
            ("planted", HeaderLineError::NoColon),
            ("plan ted: x", HeaderLineError::Name),
            ("a: plan\nted", HeaderLineError::Value),
        ] {
            let error = typed.parse::<HeaderLine>().expect_err(typed);
            assert_eq!(error, why);
            assert!(!error.to_string().contains("plan"));
        }
    }
}
