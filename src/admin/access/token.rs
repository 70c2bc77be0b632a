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
    /// There is none.
    Missing,
    /// It holds the token.
    Token,
    /// It holds something else, or there are several.
    Wrong,
}

impl Authorization {
    /// Compares the Authorization of a request with the token, in a time that does not depend on
    /// the token.
    pub(in crate::admin) fn of(headers: &HeaderMap, token: &Secret) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Self::Missing;
        };
        match bearer(value) {
            Some(given) if values.next().is_none() && is_token(given, token) => Self::Token,
            _ => Self::Wrong,
        }
    }
}

/// Compares in a time that depends only on the lengths.
pub(in crate::admin) fn is_token(given: &[u8], token: &Secret) -> bool {
    given.ct_eq(token.expose()).into()
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
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
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer planted-toke",
            "Basic planted-token",
            "planted-token",
        ] {
            assert_eq!(of(&[wrong]), Authorization::Wrong, "{wrong}");
        }
        assert_eq!(of(&[]), Authorization::Missing);
        let twice = ["Bearer planted-token", "Bearer planted-token"];
        assert_eq!(of(&twice), Authorization::Wrong);
    }
}
