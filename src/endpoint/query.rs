//! What an endpoint does with the query of a request's target. The query is not signed: whoever has
//! captured a delivery may send it again with another. A destination whose URL has a path gets that
//! path whatever is said here.

use http::{Uri, uri::PathAndQuery};

/// Whether a query reaches the destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Query {
    /// As it came.
    #[default]
    Pass,
    /// The destination does not see it.
    Drop,
    /// A request that has one, even an empty one, is refused.
    Refuse,
}

impl Query {
    /// Whether a request for this target is refused.
    pub(crate) fn refuses(self, target: &Uri) -> bool {
        self == Self::Refuse && target.query().is_some()
    }

    /// The target as the destination is to see it.
    pub(crate) fn kept(self, target: Uri) -> Uri {
        if self != Self::Drop || target.query().is_none() {
            return target;
        }
        let path: PathAndQuery = target
            .path()
            .parse()
            .expect("the path of a target is a target itself");
        path.into()
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
            assert!(Query::Refuse.refuses(&uri(target)), "{target}");
            assert!(!Query::Pass.refuses(&uri(target)), "{target}");
            assert!(!Query::Drop.refuses(&uri(target)), "{target}");
        }
        for target in ["/a", "/a%3Fb", "http://gate/a", "*"] {
            assert!(!Query::Refuse.refuses(&uri(target)), "{target}");
        }
    }

    #[test]
    fn dropping_leaves_the_path_byte_for_byte() {
        for (target, kept) in [
            ("/a?", "/a"),
            ("/a/../%2e//b;c?d=e?f", "/a/../%2e//b;c"),
            ("//a/b?c", "//a/b"),
            ("/%3F?x", "/%3F"),
            ("http://gate/a?b", "/a"),
            ("http://gate?b", "/"),
            ("/a", "/a"),
        ] {
            let found = Query::Drop.kept(uri(target));
            assert_eq!(found.path_and_query().expect("a path"), kept, "{target}");
            assert_eq!(Query::Pass.kept(uri(target)), uri(target));
        }
    }
}
