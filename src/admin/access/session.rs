//! Sessions of browsers. A session is a cookie that the gate can check without storing it, so that
//! it survives a restart with a configured token, and ends with the token.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, ORIGIN},
};
use ring::hmac;
use tower_cartgate::Secret;

use super::host::authority;

/// The time until a session ends.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Separates the key of sessions from every other use of the token.
const PURPOSE: &[u8] = b"cartgate console session v1";

/// The limit of cookies that are compared. Other servers on the same host name can set cookies with
/// our name.
const MAX_COOKIES: usize = 8;

/// The sessions that one token opens.
pub(in crate::admin) struct Session {
    key: hmac::Key,
    /// The name of the cookie. It contains the port, because browsers send the cookies of a host
    /// name to all of its ports, and two gates must not overwrite each other's.
    name: String,
    is_secure: bool,
}

impl Session {
    /// Returns the sessions of a listener, as this request addresses it.
    pub(in crate::admin) fn new(token: &Secret, headers: &HeaderMap) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose());
        let key = hmac::sign(&key, PURPOSE);
        // The number of the port, and never the text of the header.
        let port = authority(headers).and_then(|authority| authority.port_u16());
        let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            name: port.map_or_else(|| "cartgate".to_owned(), |port| format!("cartgate-{port}")),
            is_secure: origin.is_some_and(|origin| origin.starts_with(b"https://")),
        }
    }

    /// Returns the cookie of a new session. `now` is in seconds.
    pub(in crate::admin) fn open(&self, now: u64) -> Option<HeaderValue> {
        let expiry = (now + LIFETIME.as_secs()).to_string();
        let tag = hmac::sign(&self.key, expiry.as_bytes());
        let tag = BASE64_URL_SAFE_NO_PAD.encode(tag);
        self.cookie(&format!("{expiry}.{tag}"), LIFETIME)
    }

    /// Returns the cookie that removes the session from the browser.
    pub(in crate::admin) fn close(&self) -> Option<HeaderValue> {
        self.cookie("", Duration::ZERO)
    }

    fn cookie(&self, value: &str, age: Duration) -> Option<HeaderValue> {
        let (name, age) = (&self.name, age.as_secs());
        let secure = if self.is_secure { "; Secure" } else { "" };
        let cookie =
            format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}");
        let mut cookie = HeaderValue::from_str(&cookie).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }

    /// Returns whether a request carries a session that is open at `now`, in seconds.
    pub(in crate::admin) fn is_in(&self, headers: &HeaderMap, now: u64) -> bool {
        let lines = headers.get_all(COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let values = pairs.filter_map(|pair| {
            let value = pair.trim_ascii().strip_prefix(self.name.as_bytes())?;
            value.strip_prefix(b"=")
        });
        values
            .take(MAX_COOKIES)
            .any(|value| self.is_open(value, now))
    }

    fn is_open(&self, value: &[u8], now: u64) -> bool {
        let Some(dot) = value.iter().position(|byte| *byte == b'.') else {
            return false;
        };
        let (expiry, tag) = (&value[..dot], &value[dot + 1..]);
        let Ok(tag) = BASE64_URL_SAFE_NO_PAD.decode(tag) else {
            return false;
        };
        // The tag first: the expiry of a forgery means nothing.
        hmac::verify(&self.key, expiry, &tag).is_ok()
            && std::str::from_utf8(expiry)
                .ok()
                .and_then(|expiry| expiry.parse::<u64>().ok())
                .is_some_and(|expiry| now < expiry)
    }
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;

    const NOW: u64 = 1_000_000;

    fn at(host: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))])
    }

    fn session_of(token: &str) -> Session {
        let token = Secret::new(token).expect("a token");
        Session::new(&token, &at("127.0.0.1:9180"))
    }

    fn opened(session: &Session) -> String {
        let cookie = session.open(NOW).expect("a cookie");
        cookie.to_str().expect("text").to_owned()
    }

    fn pair(cookie: &str) -> &str {
        cookie.split(';').next().unwrap_or_default()
    }

    fn is_in(session: &Session, lines: &[&str], now: u64) -> bool {
        let lines = lines.iter().map(|line| {
            let line = HeaderValue::from_str(line).expect("a value");
            (COOKIE, line)
        });
        session.is_in(&lines.collect(), now)
    }

    #[test]
    fn a_session_lasts_for_half_a_day_and_as_long_as_its_token() {
        let session = session_of("planted-token");
        let cookie = opened(&session);
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"));
        assert!(is_in(&session, &[pair(&cookie)], NOW));
        assert!(is_in(&session, &[pair(&cookie)], NOW + 43_199));
        assert!(!is_in(&session, &[pair(&cookie)], NOW + 43_200));
        let other = session_of("another-planted-token");
        assert!(!is_in(&other, &[pair(&cookie)], NOW));
    }

    #[test]
    fn no_part_of_a_cookie_can_be_changed() {
        let session = session_of("planted-token");
        let cookie = opened(&session);
        let good = pair(&cookie);
        let (expiry, tag) = good.split_once('.').expect("two parts");
        for forged in [
            "",
            "cartgate-9180",
            "cartgate-9180=",
            "cartgate-9180=.",
            &format!("{expiry}."),
            &format!("{expiry}0.{tag}"),
            &format!("{good}="),
            &good[..good.len() - 1],
            &good.replace("cartgate-9180", "cartgate-9181"),
            &good.replace("cartgate-9180", "xcartgate-9180"),
        ] {
            assert!(!is_in(&session, &[forged], NOW), "{forged}");
        }
    }

    #[test]
    fn cookies_of_other_servers_on_the_host_change_nothing() {
        let session = session_of("planted-token");
        let cookie = opened(&session);
        let good = pair(&cookie);
        let tossed = format!("cartgate-9180=1.x; a=b;{good}");
        assert!(is_in(&session, &[&tossed], NOW));
        assert!(is_in(&session, &["cartgate-9180=x", good], NOW));
        let many = "cartgate-9180=x; ".repeat(1000);
        assert!(!is_in(&session, &[&(many + good)], NOW));
    }

    #[test]
    fn the_host_of_a_request_cannot_write_into_the_cookie() {
        let token = Secret::new("planted-token").expect("a token");
        for (host, name) in [
            ("localhost:1", "cartgate-1="),
            ("localhost", "cartgate="),
            ("localhost:99999", "cartgate="),
            ("localhost:1; Domain=evil.example", "cartgate="),
        ] {
            let session = Session::new(&token, &at(host));
            let cookie = opened(&session);
            assert!(cookie.starts_with(name), "{cookie}");
            assert!(!cookie.contains("evil"));
        }
        let mut headers = at("gate.example");
        headers.insert(ORIGIN, HeaderValue::from_static("https://gate.example"));
        let cookie = opened(&Session::new(&token, &headers));
        assert!(cookie.ends_with("; Secure"));
    }
}
