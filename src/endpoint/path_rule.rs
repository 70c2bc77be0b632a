//! The paths that belong to an endpoint.

use std::{fmt, str::FromStr};

/// The paths of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// One path, byte for byte.
    Exact(String),
    /// Every path, written `/*`.
    All,
}

/// The error of a text that is no path of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a path such as /webhooks/orders without a query, or /* for every path")]
pub struct PathRuleError;

impl FromStr for PathRule {
    type Err = PathRuleError;

    fn from_str(text: &str) -> Result<Self, PathRuleError> {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '*');
        match text {
            "/*" => Ok(Self::All),
            _ if text.starts_with('/') && text.chars().all(plain) => {
                Ok(Self::Exact(text.to_owned()))
            }
            _ => Err(PathRuleError),
        }
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::All => f.write_str("/*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_rule_is_a_path_or_all() {
        assert_eq!("/*".parse(), Ok(PathRule::All));
        assert_eq!("/a/b".parse(), Ok(PathRule::Exact("/a/b".into())));
        for text in ["", "a", "/a?b", "/a#b", "/a/*", "/a b", "*", "/é"] {
            assert_eq!(text.parse::<PathRule>(), Err(PathRuleError), "{text}");
        }
    }
}
