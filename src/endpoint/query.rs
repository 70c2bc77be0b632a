//! The treatment of the query in a request's target.
//!
//! The query is not signed: a client that has captured a delivery can send it again with another
//! query. A destination whose URL has a path gets that path in any case.

use http::{Uri, uri::PathAndQuery};

/// The treatment of a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Query {
    /// The destination gets the query as it came.
    #[default]
    Pass,
    /// The destination does not get the query.
    Drop,
    /// A request with a query, even an empty one, is rejected.
    Refuse,
}

impl Query {
    /// Whether a request for this target is rejected.
    pub(crate) fn rejects(self, target: &Uri) -> bool {
        self == Self::Refuse && target.query().is_some()
    }

    /// Changes the target to the one that the destination gets.
    pub(crate) fn apply(self, target: &mut Uri) {
        if self != Self::Drop || target.query().is_none() {
            return;
        }
        let path: PathAndQuery = target
            .path()
            .parse()
            .expect("the path of a target is a target itself");
        *target = path.into();
    }
}

impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
            Self::Refuse => "refuse",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect("a target")
    }

    #[test]
    fn an_empty_query_is_one_too() {
        for target in ["/a?", "/a?b=c", "/?", "http://gate/a?b", "http://gate?b"] {
            assert!(Query::Refuse.rejects(&uri(target)), "{target}");
            assert!(!Query::Pass.rejects(&uri(target)), "{target}");
            assert!(!Query::Drop.rejects(&uri(target)), "{target}");
        }
        for target in ["/a", "/a%3Fb", "http://gate/a", "*"] {
            assert!(!Query::Refuse.rejects(&uri(target)), "{target}");
        }
    }

    #[test]
    fn dropping_leaves_the_path_byte_for_byte() {
        for (target, applied) in [
            ("/a?", "/a"),
            ("/a/../%2e//b;c?d=e?f", "/a/../%2e//b;c"),
            ("//a/b?c", "//a/b"),
            ("/%3F?x", "/%3F"),
            ("http://gate/a?b", "/a"),
            ("http://gate?b", "/"),
            ("/a", "/a"),
        ] {
            let (mut found, mut same) = (uri(target), uri(target));
            Query::Drop.apply(&mut found);
            assert_eq!(found.path_and_query().expect("a path"), applied, "{target}");
            Query::Pass.apply(&mut same);
            assert_eq!(same, uri(target));
        }
    }
}
