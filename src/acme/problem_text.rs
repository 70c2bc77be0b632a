//! The problem documents of an ACME server in words, with the next step for an operator. The texts
//! come from outside, so they are made safe for a terminal.

use instant_acme::Problem;

use crate::text::terminal::printable;

/// The common beginning of the types of problems.
const PREFIX: &str = "urn:ietf:params:acme:error:";

/// The next step for a domain that the server could not check, for whatever reason.
const CHECKED: &str = "the domain must have a public DNS record (A or AAAA) with the address of this gate, and its port \
                       443 must lead there";

/// Describes a problem; `domain` is the name that it concerns, if it concerns one.
pub(super) fn describe(problem: &Problem, domain: Option<&str>) -> String {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let kind = kind.strip_prefix(PREFIX).unwrap_or(kind);
    let mut text = match (domain, &problem.detail) {
        (Some(domain), Some(detail)) => format!("{domain}: {detail}"),
        (Some(domain), None) => domain.to_owned(),
        (None, Some(detail)) => detail.clone(),
        (None, None) => "the ACME server states no reason".to_owned(),
    };
    for sub in &problem.subproblems {
        text += &format!("; {sub}");
    }
    let text = printable(text.as_bytes());
    let text = match kind {
        "" => text,
        kind => format!("{text} ({})", printable(kind.as_bytes())),
    };
    let hint = hint(kind).or_else(|| domain.map(|_| CHECKED));
    match hint {
        Some(hint) => format!("{text}; {hint}"),
        None => text,
    }
}

/// Returns whether the server does not know the account, as after it was set up anew.
pub(super) fn is_unknown_account(problem: &Problem) -> bool {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix(PREFIX) == Some("accountDoesNotExist")
}

/// Returns the next step for an operator.
fn hint(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "dns" => {
            "the domain must have a public DNS record (A or AAAA) with the address of this gate"
        }
        "connection" | "tls" | "unauthorized" | "incorrectResponse" => {
            "port 443 of every address of the domain must lead to this gate, without TLS in front of it"
        }
        "caa" => "a CAA record of the domain must permit this certificate authority",
        "rateLimited" => {
            "the authority limits orders; try with directory = \"staging\" until it works"
        }
        "rejectedIdentifier" => "this authority issues no certificate for the domain",
        "externalAccountRequired" => {
            "this authority requires an account of its own and is not supported"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, detail: &str) -> Problem {
        let json = serde_json::json!({ "type": format!("{PREFIX}{kind}"), "detail": detail });
        serde_json::from_value(json).expect("a problem")
    }

    #[test]
    fn a_problem_says_what_to_do_and_cannot_command_a_terminal() {
        let text = describe(&problem("dns", "no record\u{1b}[2J"), Some("a.example"));
        assert!(text.starts_with("a.example: no record"), "{text}");
        assert!(
            text.contains("(dns)") && text.contains("A or AAAA"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
        let odd = describe(&problem("malformed", "no"), Some("a.example"));
        assert!(odd.contains("A or AAAA"), "{odd}");
        let long = describe(&problem("malformed", &"x".repeat(100_000)), None);
        assert!(long.len() < 500, "{}", long.len());
        assert!(is_unknown_account(&problem("accountDoesNotExist", "")));
        assert!(!is_unknown_account(&problem("malformed", "")));
    }
}
