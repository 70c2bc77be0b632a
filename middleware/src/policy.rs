//! What one request is judged by, and who says so. Judging itself is elsewhere.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, request::Parts};

use crate::{EventRule, FreshRule, Keyring, Signature};

/// What a request is judged by: secrets, header, methods, limit and the rules for its event kind and age.
///
/// ```
/// # use tower_cartgate::{EventKind, EventRule, Keyring, Policy, Secret};
/// # let keyring = Keyring::single(Secret::new("shared_secret")?);
/// let policy = Policy::new(keyring)
///     .with_methods([http::Method::POST])
///     .with_max_body(256 * 1024)
///     .with_event_rule(EventRule::given(EventKind::Order));
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    keyring: Keyring,
    header: HeaderName,
    methods: Vec<Method>,
    max_body: u64,
    event: EventRule,
    fresh: Option<FreshRule>,
}

impl Policy {
    /// The longest body unless another is set: 1 MiB.
    pub const DEFAULT_MAX_BODY: u64 = 1024 * 1024;

    /// POST and PUT, bodies of up to 1 MiB, the header [`Signature::HEADER`], the event kind `other`, of any age.
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        Self {
            keyring,
            header: Signature::HEADER,
            methods: vec![Method::POST, Method::PUT],
            max_body: Self::DEFAULT_MAX_BODY,
            event: EventRule::default(),
            fresh: None,
        }
    }

    /// The header that holds the signature. `X-Shopify-Hmac-SHA256` is the same scheme under another name.
    #[must_use]
    pub fn with_header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// The methods allowed; of the others, each is answered 405.
    ///
    /// CONNECT and TRACE are left out of it: the one has no body to sign, the other sends the request back.
    #[must_use]
    pub fn with_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        let never = [Method::CONNECT, Method::TRACE];
        let methods = methods
            .into_iter()
            .filter(|method| !never.contains(method))
            .collect();
        Self { methods, ..self }
    }

    /// The longest body allowed, in bytes; a longer one is answered 413.
    #[must_use]
    pub fn with_max_body(self, bytes: u64) -> Self {
        Self {
            max_body: bytes,
            ..self
        }
    }

    /// How the event kind is found.
    #[must_use]
    pub fn with_event_rule(self, event: EventRule) -> Self {
        Self { event, ..self }
    }

    /// How old a delivery may be; an older one is answered 422.
    #[must_use]
    pub fn with_fresh_rule(self, rule: FreshRule) -> Self {
        Self {
            fresh: Some(rule),
            ..self
        }
    }

    /// The secrets.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The header that holds the signature.
    #[must_use]
    pub const fn header(&self) -> &HeaderName {
        &self.header
    }

    /// The methods allowed.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The longest body allowed, in bytes.
    #[must_use]
    pub const fn max_body(&self) -> u64 {
        self.max_body
    }

    /// How the event kind is found.
    #[must_use]
    pub const fn event_rule(&self) -> &EventRule {
        &self.event
    }

    /// How old a delivery may be; none if it may be of any age.
    #[must_use]
    pub const fn fresh_rule(&self) -> Option<&FreshRule> {
        self.fresh.as_ref()
    }

    /// The value of an `Allow` header (RFC 9110, section 10.2.1).
    #[must_use]
    pub fn allow(&self) -> HeaderValue {
        let methods: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        HeaderValue::try_from(methods.join(", "))
            .expect("a method is a token, and a token is visible ASCII")
    }
}

/// Finds the policy for a request, by its head alone.
///
/// A closure will do. It is asked once for each request, whose snapshot the policy then is: a change takes effect
/// with the next one. None means that there is no such endpoint (404).
///
/// What it goes by (host, path, a header) is not signed. It may choose *whose* secret is tried, for then a wrong
/// choice only fails; it must never choose whether one is.
pub trait PolicySource {
    /// The policy for the request with this head.
    fn policy(&self, head: &Parts) -> Option<Arc<Policy>>;
}

impl<F: Fn(&Parts) -> Option<Arc<Policy>>> PolicySource for F {
    fn policy(&self, head: &Parts) -> Option<Arc<Policy>> {
        self(head)
    }
}

/// The same policy for every request.
#[derive(Debug, Clone)]
pub struct StaticPolicy(Arc<Policy>);

impl StaticPolicy {
    /// This policy.
    #[must_use]
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        Self(policy.into())
    }
}

impl PolicySource for StaticPolicy {
    fn policy(&self, _: &Parts) -> Option<Arc<Policy>> {
        Some(Arc::clone(&self.0))
    }
}
