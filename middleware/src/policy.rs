//! The rules for one request, and the source that selects them.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, request::Parts};

use crate::{EventRule, FreshRule, Keyring, Signature};

/// The rules for a request: secrets, header, methods, body limit, event kind and age.
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
    /// The default body limit: 1 MiB.
    pub const DEFAULT_MAX_BODY: u64 = 1024 * 1024;

    /// Returns a policy that allows POST and PUT, bodies of up to 1 MiB and any age, with the
    /// header [`Signature::HEADER`] and the event kind `other`.
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

    /// Sets the header that contains the signature. `X-Shopify-Hmac-SHA256` has the same scheme
    /// under another name.
    #[must_use]
    pub fn with_header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// Sets the allowed methods; requests with other methods get a 405.
    ///
    /// Ignores CONNECT and TRACE: CONNECT has no body to sign, and TRACE returns the request.
    #[must_use]
    pub fn with_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        let never = [Method::CONNECT, Method::TRACE];
        let methods = methods
            .into_iter()
            .filter(|method| !never.contains(method))
            .collect();
        Self { methods, ..self }
    }

    /// Sets the body limit in bytes; longer bodies get a 413.
    #[must_use]
    pub fn with_max_body(self, bytes: u64) -> Self {
        Self {
            max_body: bytes,
            ..self
        }
    }

    /// Sets the rule for the event kind.
    #[must_use]
    pub fn with_event_rule(self, event: EventRule) -> Self {
        Self { event, ..self }
    }

    /// Sets the rule for the age; older deliveries get a 422.
    #[must_use]
    pub fn with_fresh_rule(self, rule: FreshRule) -> Self {
        Self {
            fresh: Some(rule),
            ..self
        }
    }

    /// Returns the secrets.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Returns the header that contains the signature.
    #[must_use]
    pub const fn header(&self) -> &HeaderName {
        &self.header
    }

    /// Returns the allowed methods.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Returns the body limit in bytes.
    #[must_use]
    pub const fn max_body(&self) -> u64 {
        self.max_body
    }

    /// Returns the rule for the event kind.
    #[must_use]
    pub const fn event_rule(&self) -> &EventRule {
        &self.event
    }

    /// Returns the rule for the age, if there is one.
    #[must_use]
    pub const fn fresh_rule(&self) -> Option<&FreshRule> {
        self.fresh.as_ref()
    }

    /// Returns the value of the `Allow` header (RFC 9110, section 10.2.1).
    #[must_use]
    pub fn allow(&self) -> HeaderValue {
        let methods: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        HeaderValue::try_from(methods.join(", "))
            .expect("a method is a token, and a token is visible ASCII")
    }
}

/// Selects the policy for a request by its head.
///
/// A closure can implement it. It is called once for each request, so a change takes effect with
/// the next request. `None` means that there is no such endpoint (404).
///
/// The head (host, path, headers) is not signed. It may select *which* secrets are tried, because a
/// wrong selection only fails. It must never select whether a signature is checked.
pub trait PolicySource {
    /// Returns the policy for the request with this head.
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
    /// Returns a source that always selects this policy.
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
