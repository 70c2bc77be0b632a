//! The bearer token.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use subtle::ConstantTimeEq as _;
use tower_cartgate::Secret;

/// The error of a token that no request can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected visible ASCII characters without spaces in one line, as a bearer token needs")]
pub struct TokenError;

/// Checks whether a request can carry `token`. A header cannot carry a space or a second line of
/// it.
///
/// # Errors
///
/// [`TokenError`], which does not quote the token.
pub fn may_be_token(token: &Secret) -> Result<(), TokenError> {
    let visible = token.expose().iter().all(u8::is_ascii_graphic);
    visible.then_some(()).ok_or(TokenError)
}

/// The Authorization of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Authorization {
    /// There is no bearer token. Browsers send the login of a proxy to the gate, too (`Basic`).
    Missing,
    /// It holds the token.
    Token,
    /// It holds another bearer token, or there are several.
    Wrong,
}

impl Authorization {
    /// Compares the Authorization of a request with the token, in a time that does not depend on
    /// the token.
    pub(in crate::admin) fn of(headers: &HeaderMap, token: &Secret) -> Self {
        let values = headers.get_all(AUTHORIZATION);
        match values.iter().find_map(bearer) {
            None => Self::Missing,
            Some(given) if values.iter().count() == 1 && is_token(given, token) => Self::Token,
            Some(_) => Self::Wrong,
        }
    }
}

/// Compares in a time that depends only on the lengths.
pub(super) fn is_token(given: &[u8], token: &Secret) -> bool {
    given.ct_eq(token.expose()).into()
}

/// Returns what follows the scheme `Bearer`.
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let value = value.as_bytes();
    let end = value.iter().position(|byte| *byte == b' ');
    let (scheme, token) = value.split_at(end.unwrap_or(value.len()));
    scheme
        .eq_ignore_ascii_case(b"Bearer")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_nobody_could_give_is_none() {
        let may_be = |token: &str| may_be_token(&Secret::new(token).expect("a secret"));
        assert_eq!(may_be("planted-token~/+="), Ok(()));
        for token in ["planted token", "planted ", "planted\n", "pl\u{e4}nted"] {
            assert_eq!(may_be(token), Err(TokenError), "{token}");
        }
    }

    #[test]
    fn only_one_authorization_with_the_token_is_right() {
        let token = Secret::new("planted-token").expect("a token");
        let of = |values: &[&str]| {
            let values = values.iter().map(|value| {
                let value = HeaderValue::from_str(value).expect("a value");
                (AUTHORIZATION, value)
            });
            Authorization::of(&values.collect(), &token)
        };
        assert_eq!(of(&["Bearer planted-token"]), Authorization::Token);
        assert_eq!(of(&["bearer  planted-token"]), Authorization::Token);
        for wrong in ["Bearer", "Bearer ", "Bearer planted-toke"] {
            assert_eq!(of(&[wrong]), Authorization::Wrong, "{wrong}");
            assert_eq!(of(&["Basic dTpw", wrong]), Authorization::Wrong, "{wrong}");
        }
        // The login of a proxy proves nothing here, and forbids nothing.
        for other in [
            "Basic planted-token",
            "planted-token",
            "",
            "Bearerplanted-token",
        ] {
            assert_eq!(of(&[other]), Authorization::Missing, "{other}");
        }
        assert_eq!(of(&[]), Authorization::Missing);
        let both = ["Basic dTpw", "Bearer planted-token"];
        assert_eq!(of(&both), Authorization::Wrong);
        let twice = ["Bearer planted-token", "Bearer planted-token"];
        assert_eq!(of(&twice), Authorization::Wrong);
    }
}
