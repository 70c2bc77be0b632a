//! Sessions of browsers. A session has two halves, and each is worthless alone: a cookie, which no
//! script can read, and a page key, which only pages of the console's own origin hold. Browsers send
//! cookies to every port of a host, and keys to none by themselves.
//!
//! The gate can check both without storing them, so that a session survives a restart with a
//! configured token, and ends with the token.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::COOKIE};
use ring::hmac;
use tower_cartgate::Secret;

use super::{host::authority, scheme::is_https};
use crate::secret::random::random;

/// The time until a session ends.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The purposes of the keys. They separate the halves of a session from each other, and from every
/// other use of the token.
const COOKIE_PURPOSE: &[u8] = b"cartgate console cookie v2";
const PAGE_PURPOSE: &[u8] = b"cartgate console page v2";

/// The header that carries the page key.
const PAGE_KEY: HeaderName = HeaderName::from_static("x-cartgate-key");

/// The only path whose query may carry the page key: browsers send no headers of a page's choice
/// with a request for an event stream.
const STREAM: &str = "/api/v1/events";

/// The characters of a tag: 32 bytes in Base64.
const TAG: usize = 43;

/// The characters of a session's id: the expiry in ten digits, a dot, and 8 random bytes in Base64.
const ID: usize = 22;

/// The limit of cookies that are compared. Other servers on the same host name can set cookies with
/// our name.
const MAX_COOKIES: usize = 64;

/// The sessions that one token opens at one port.
pub(in crate::admin) struct Session {
    cookie_key: hmac::Key,
    page_key: hmac::Key,
    /// The name of the cookie. It contains the port, because browsers send the cookies of a host
    /// name to all of its ports, and two gates must not overwrite each other's.
    name: String,
    is_secure: bool,
}

/// The halves of a new session.
pub(in crate::admin) struct Opened {
    pub(in crate::admin) cookie: HeaderValue,
    pub(in crate::admin) key: String,
}

/// The id of an open session: its expiry and a random part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct SessionId(String);

impl SessionId {
    /// Returns the end of the session, in seconds.
    pub(super) fn expiry(&self) -> Option<u64> {
        self.0.split_once('.')?.0.parse().ok()
    }
}

impl Session {
    /// Returns the sessions of a listener, as this request addresses it.
    pub(in crate::admin) fn new(token: &Secret, headers: &HeaderMap) -> Self {
        let token = hmac::Key::new(hmac::HMAC_SHA256, token.expose());
        let key = |purpose| {
            let key = hmac::sign(&token, purpose);
            hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())
        };
        // The number of the port, and never the text of the header.
        let port = authority(headers).and_then(|authority| authority.port_u16());
        Self {
            cookie_key: key(COOKIE_PURPOSE),
            page_key: key(PAGE_PURPOSE),
            name: port.map_or_else(|| "cartgate".to_owned(), |port| format!("cartgate-{port}")),
            is_secure: is_https(headers),
        }
    }

    /// Opens a session. `now` is in seconds.
    pub(in crate::admin) fn open(&self, now: u64) -> Option<Opened> {
        let expiry = now + LIFETIME.as_secs();
        let random = random::<8>().ok()?;
        let random = std::str::from_utf8(random.expose()).ok()?;
        let id = format!("{expiry:010}.{random}");
        let tag = |key| BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(key, &self.signed(&id)));
        let value = format!("{id}.{}", tag(&self.cookie_key));
        Some(Opened {
            cookie: self.cookie(&value, LIFETIME)?,
            key: tag(&self.page_key),
        })
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

    /// Returns the session of a request that carries both halves of one that is open at `now`, in
    /// seconds.
    pub(in crate::admin) fn find(
        &self,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        now: u64,
    ) -> Option<SessionId> {
        let key = BASE64_URL_SAFE_NO_PAD
            .decode(page_key(method, uri, headers)?)
            .ok()?;
        let lines = headers.get_all(COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let values = pairs.filter_map(|pair| {
            let value = pair.trim_ascii().strip_prefix(self.name.as_bytes())?;
            value.strip_prefix(b"=")
        });
        values
            .filter(|value| value.len() == ID + 1 + TAG)
            .take(MAX_COOKIES)
            .find_map(|value| self.session(value, &key, now))
    }

    fn session(&self, value: &[u8], page_tag: &[u8], now: u64) -> Option<SessionId> {
        let (id, tag) = value.split_at_checked(ID)?;
        let tag = BASE64_URL_SAFE_NO_PAD
            .decode(tag.strip_prefix(b".")?)
            .ok()?;
        let id = std::str::from_utf8(id).ok()?;
        let signed = self.signed(id);
        // The tags first: the expiry of a forgery means nothing.
        hmac::verify(&self.cookie_key, &signed, &tag).ok()?;
        hmac::verify(&self.page_key, &signed, page_tag).ok()?;
        let id = SessionId(id.to_owned());
        id.expiry().is_some_and(|expiry| now < expiry).then_some(id)
    }

    /// Returns the bytes that both halves sign. The name of the cookie is among them, so a session
    /// of one port is none at another.
    fn signed(&self, id: &str) -> Vec<u8> {
        format!("{}={id}", self.name).into_bytes()
    }
}

/// Returns the page key of a request.
fn page_key<'r>(method: &Method, uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r [u8]> {
    let mut values = headers.get_all(PAGE_KEY).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => return Some(value.as_bytes()),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    if method != Method::GET || uri.path() != STREAM {
        return None;
    }
    let mut parameters = uri.query()?.split('&');
    parameters
        .find_map(|parameter| parameter.strip_prefix("key="))
        .map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use http::header::{HOST, ORIGIN};

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn at(host: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))])
    }

    fn session_of(token: &str) -> Session {
        let token = Secret::new(token).expect("a token");
        Session::new(&token, &at("127.0.0.1:9180"))
    }

    /// Returns the cookie with its attributes, and the page key.
    fn opened(session: &Session) -> (String, String) {
        let Opened { cookie, key } = session.open(NOW).expect("randomness");
        (cookie.to_str().expect("text").to_owned(), key)
    }

    fn pair(cookie: &str) -> &str {
        cookie.split(';').next().unwrap_or_default()
    }

    fn found(session: &Session, lines: &[&str], key: &str, now: u64) -> Option<SessionId> {
        let value = |text: &str| HeaderValue::from_str(text).expect("a value");
        let lines = lines.iter().map(|line| (COOKIE, value(line)));
        let headers = lines.chain([(PAGE_KEY, value(key))]).collect();
        let uri = Uri::from_static("/api/v1/status");
        session.find((&Method::GET, &uri, &headers), now)
    }

    fn is_in(session: &Session, lines: &[&str], key: &str, now: u64) -> bool {
        found(session, lines, key, now).is_some()
    }

    #[test]
    fn a_session_lasts_for_half_a_day_and_as_long_as_its_token() {
        let session = session_of("planted-token");
        let (cookie, key) = opened(&session);
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"));
        assert!(is_in(&session, &[pair(&cookie)], &key, NOW));
        assert!(is_in(&session, &[pair(&cookie)], &key, NOW + 43_199));
        assert!(!is_in(&session, &[pair(&cookie)], &key, NOW + 43_200));
        let other = session_of("another-planted-token");
        assert!(!is_in(&other, &[pair(&cookie)], &key, NOW));
    }

    #[test]
    fn neither_half_is_a_session() {
        let session = session_of("planted-token");
        let (cookie, key) = opened(&session);
        let (other_cookie, other_key) = opened(&session);
        let (_, tag) = pair(&cookie).rsplit_once('.').expect("a tag");
        assert!(!is_in(&session, &[], &key, NOW));
        for key in ["", &other_key, tag, &key[1..], &format!("{key}=")] {
            assert!(!is_in(&session, &[pair(&cookie)], key, NOW), "{key}");
        }
        assert_ne!(pair(&cookie), pair(&other_cookie), "each has its own id");
        let (_, tag) = pair(&other_cookie).rsplit_once('.').expect("a tag");
        assert_ne!(tag, other_key, "a cookie does not contain its key");
    }

    #[test]
    fn a_session_belongs_to_one_port() {
        let token = Secret::new("planted-token").expect("a token");
        let (cookie, key) = opened(&Session::new(&token, &at("127.0.0.1:9180")));
        let elsewhere = Session::new(&token, &at("127.0.0.1:99"));
        let renamed = pair(&cookie).replace("cartgate-9180", "cartgate-99");
        assert!(!is_in(&elsewhere, &[&renamed], &key, NOW));
    }

    #[test]
    fn only_the_stream_may_carry_its_key_in_the_query() {
        let session = session_of("planted-token");
        let (cookie, key) = opened(&session);
        let cookie = HeaderValue::from_str(pair(&cookie)).expect("a value");
        let headers = HeaderMap::from_iter([(COOKIE, cookie)]);
        let is_in = |method: Method, target: String| {
            let uri = target.parse().expect("a target");
            session.find((&method, &uri, &headers), NOW).is_some()
        };
        assert!(is_in(Method::GET, format!("/api/v1/events?key={key}")));
        assert!(is_in(Method::GET, format!("/api/v1/events?a=b&key={key}")));
        assert!(!is_in(Method::GET, "/api/v1/events".to_owned()));
        assert!(!is_in(Method::GET, format!("/api/v1/status?key={key}")));
        assert!(!is_in(Method::POST, format!("/api/v1/events?key={key}")));
    }

    #[test]
    fn no_part_of_a_cookie_can_be_changed() {
        let session = session_of("planted-token");
        let (cookie, key) = opened(&session);
        let good = pair(&cookie);
        let (id, tag) = good.rsplit_once('.').expect("two parts");
        for forged in [
            "",
            "cartgate-9180",
            "cartgate-9180=",
            "cartgate-9180=.",
            &format!("{id}."),
            &format!("{id}0.{tag}"),
            &format!("{good}="),
            &good[..good.len() - 1],
            &good.replacen("=1", "=9", 1),
            &good.replace("cartgate-9180", "cartgate-9181"),
            &good.replace("cartgate-9180", "xcartgate-9180"),
        ] {
            assert!(!is_in(&session, &[forged], &key, NOW), "{forged}");
        }
    }

    #[test]
    fn cookies_of_other_servers_on_the_host_change_nothing() {
        let session = session_of("planted-token");
        let (cookie, key) = opened(&session);
        let good = pair(&cookie);
        let tossed = format!("cartgate-9180=1.x; a=b;{good}");
        assert!(is_in(&session, &[&tossed], &key, NOW));
        assert!(is_in(&session, &["cartgate-9180=x", good], &key, NOW));
        // As many as fit into a head.
        let many = "cartgate-9180=x; ".repeat(1900);
        assert!(is_in(&session, &[&(many + good)], &key, NOW));
        let alike = format!("cartgate-9180={}; ", "x".repeat(ID + 1 + TAG));
        let few = alike.repeat(MAX_COOKIES - 1);
        assert!(is_in(&session, &[&(few + good)], &key, NOW));
        assert!(!is_in(
            &session,
            &[&(alike.repeat(MAX_COOKIES) + good)],
            &key,
            NOW
        ));
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
            let (cookie, _) = opened(&session);
            assert!(cookie.starts_with(name), "{cookie}");
            assert!(!cookie.contains("evil"));
        }
        let mut headers = at("gate.example");
        headers.insert(ORIGIN, HeaderValue::from_static("https://gate.example"));
        let (cookie, _) = opened(&Session::new(&token, &headers));
        assert!(cookie.ends_with("; Secure"));
    }
}
