//! One order: from the account to the stored certificate.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use tokio::{runtime::Builder, time::timeout};
use zeroize::Zeroizing;

use super::{
    account::Accounts,
    attempts::{Attempts, Ordered},
    challenge::proof,
    domain::Domain,
    http::AcmeHttp,
    order_error::OrderError,
    problem_text::{describe, is_unknown_account},
    settings::AcmeSettings,
    state::{AcmeState, OpenChallenge},
    store::CertificateStore,
};
use crate::{net::certificate::Certificate, text::rfc3339};

/// The limit of the time for an order, whatever the server does.
const TIMEOUT: Duration = Duration::from_secs(180);

/// The time for the server to check the domains, and again to sign the certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));

/// Orders a certificate and stores it, after this number of failures. Blocks the calling thread,
/// which must not serve anything else: the server decides how much work its responses are.
pub(super) fn place(
    settings: &AcmeSettings,
    state: &Arc<AcmeState>,
    failures: u32,
    jitter: f64,
) -> Ordered {
    let store = CertificateStore::new(settings);
    let attempts = Attempts {
        settings,
        store: &store,
        failures,
        jitter,
    };
    let failed = |error| {
        let error = OrderError::file(store.file(), &error);
        Ordered::Failed(attempts.trouble(error.reason, None, SystemTime::now()))
    };
    let lock = match store.lock() {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ordered::Busy,
        Err(error) => return failed(error),
    };
    if is_stored(&store, state) {
        return Ordered::Busy;
    }
    if let Err(error) = store.reserve() {
        return failed(error);
    }
    let ordered = attempts.run(SystemTime::now, || order(settings, state, &store));
    drop(lock);
    ordered
}

fn order(
    settings: &AcmeSettings,
    state: &Arc<AcmeState>,
    store: &CertificateStore,
) -> Result<Certificate, OrderError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| OrderError::failed(error.to_string()))?;
    let http = AcmeHttp::new(settings.trust.clone());
    let work = Work {
        settings,
        state,
        store,
        http: &http,
    };
    let ordered = runtime.block_on(async { timeout(TIMEOUT, work.order()).await });
    let ordered = ordered.unwrap_or_else(|_| Err(Error::Timeout(None).into()));
    // A name that the resolver still looks up must not hold the thread.
    runtime.shutdown_background();
    let (key, chain) = ordered.map_err(|error| error.demanding(http.retry_after()))?;
    work.store(&key, &chain)
}

/// Whether another gate has ordered a certificate since the caller looked.
fn is_stored(store: &CertificateStore, state: &AcmeState) -> bool {
    let present = state.certificate();
    let present = present.map(|present| present.expires());
    let stored = store.read().ok().flatten();
    stored.is_some_and(|(stored, _)| store.is_right(&stored) && Some(stored.expires()) > present)
}

struct Work<'a> {
    settings: &'a AcmeSettings,
    state: &'a Arc<AcmeState>,
    store: &'a CertificateStore,
    http: &'a AcmeHttp,
}

impl Work<'_> {
    /// Returns a new key and the chain for it, both as PEM.
    async fn order(&self) -> Result<(Zeroizing<String>, String), OrderError> {
        let mut order = self.open().await?;
        let open = self.answer(&mut order).await?;
        self.wait(&mut order).await?;
        drop(open);
        let key = Zeroizing::new(order.finalize().await?);
        let chain = order.poll_certificate(&PATIENCE).await?;
        Ok((key, chain))
    }

    /// Opens an order, with a new account if the server has forgotten the stored one.
    async fn open(&self) -> Result<Order, OrderError> {
        let accounts = Accounts {
            settings: self.settings,
            store: self.store,
            http: self.http,
        };
        let account = accounts.open().await?;
        match self.new_order(&account).await {
            Err(Error::Api(problem)) if is_unknown_account(&problem) => {
                let account = accounts.register().await?;
                Ok(self.new_order(&account).await?)
            }
            other => Ok(other?),
        }
    }

    async fn new_order(&self, account: &Account) -> Result<Order, Error> {
        let names = self.settings.domains.iter();
        let names: Vec<_> = names
            .map(|domain| Identifier::Dns(domain.to_string()))
            .collect();
        account.new_order(&NewOrder::new(&names)).await
    }

    /// Opens the challenge of each domain that is not proven yet, and tells the server.
    async fn answer(&self, order: &mut Order) -> Result<Vec<OpenChallenge>, OrderError> {
        let mut open = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let domain = self.named(&authorization.identifier().to_string())?;
            let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
                let reason = format!("the ACME server does not offer TLS-ALPN-01 for {domain}");
                return Err(OrderError::failed(reason));
            };
            let proof = proof(&domain, challenge.key_authorization().digest().as_ref())?;
            open.push(self.state.open(&domain, &proof));
            challenge.set_ready().await?;
        }
        Ok(open)
    }

    /// Returns the domain that the server names, which must be one of the order.
    fn named(&self, name: &str) -> Result<Domain, OrderError> {
        let mut domains = self.settings.domains.iter();
        let found = domains.find(|domain| domain.as_str() == name).cloned();
        found.ok_or_else(|| {
            OrderError::failed("the ACME server asks for a domain that was not ordered")
        })
    }

    /// Waits until the server has checked all domains.
    async fn wait(&self, order: &mut Order) -> Result<(), OrderError> {
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) => Err(self.reason(order).await?),
            Err(Error::Api(problem)) => {
                let reason = self.reason(order).await;
                Err(reason.unwrap_or_else(|_| Error::Api(problem).into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the reason why the server rejected the order: that of the first domain with one.
    async fn reason(&self, order: &mut Order) -> Result<OrderError, OrderError> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let name = authorization.identifier().to_string();
            let checked = authorization.refresh().await?;
            let mut problems = checked
                .challenges
                .iter()
                .filter_map(|one| one.error.as_ref());
            if let Some(problem) = problems.next() {
                return Ok(OrderError {
                    reason: describe(problem, Some(&name)),
                    retry_after: None,
                });
            }
        }
        Err(OrderError::failed(
            "the ACME server rejected the order without a reason",
        ))
    }

    /// Checks the certificate, and stores it with its key.
    fn store(&self, key: &str, chain: &str) -> Result<Certificate, OrderError> {
        let pem = Zeroizing::new([key, chain].join("\n"));
        let path: PathBuf = self.store.file().to_owned();
        let certificate = Certificate::from_pem(pem.as_bytes(), &path)?;
        if !self.store.covers(&certificate) {
            return Err(OrderError::failed(
                "the ACME server issued a certificate for other domains",
            ));
        }
        self.check_validity(&certificate, SystemTime::now())?;
        if let Err(error) = self.store.replace(&path, pem.as_bytes()) {
            // It is good until the next start, which must order again.
            tracing::error!(path = %path.display(), %error, "certificate not stored");
        }
        Ok(certificate)
    }

    /// Rejects a certificate that is not valid now while the present one is: every client would fail,
    /// and the good key would be gone.
    fn check_validity(&self, issued: &Certificate, now: SystemTime) -> Result<(), OrderError> {
        let present = self.state.certificate();
        let is_present_valid = present.is_some_and(|one| one.validity().contains(&now));
        if issued.validity().contains(&now) || !is_present_valid {
            return Ok(());
        }
        let begins = rfc3339::seconds(issued.validity().start);
        let expires = rfc3339::seconds(issued.expires());
        Err(OrderError::failed(format!(
            "the issued certificate is valid from {begins} to {expires}, and not now"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use rcgen::{CertificateParams, KeyPair};

    use crate::{acme::server::AcmeServer, net::connect::Trust};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// Returns a key, and a certificate for it with this validity.
    fn issued(begins: SystemTime, expires: SystemTime) -> (String, String) {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (begins.into(), expires.into());
        let key = KeyPair::generate().expect("a key");
        let chain = params.self_signed(&key).expect("a certificate").pem();
        (key.serialize_pem(), chain)
    }

    #[test]
    fn a_certificate_that_is_not_valid_now_replaces_no_valid_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = AcmeSettings {
            domains: vec!["a.example".parse().expect("a domain")],
            contact: None,
            dir: dir.path().join("acme"),
            server: AcmeServer::Production,
            trust: Trust::Platform,
        };
        let store = CertificateStore::new(&settings);
        let _lock = store.lock().expect("usable");
        let state = Arc::<AcmeState>::default();
        let http = AcmeHttp::new(Trust::Platform);
        let work = Work {
            settings: &settings,
            state: &state,
            store: &store,
            http: &http,
        };
        let now = SystemTime::now();
        let invalid = [(now - DAY * 2, now - DAY), (now + DAY, now + DAY * 2)];
        // Without a valid one, there is nothing to lose: the clock may be wrong.
        for (begins, expires) in invalid {
            let (key, chain) = issued(begins, expires);
            let taken = work.store(&key, &chain).expect("better than none");
            state.put_in_force(Arc::new(taken));
        }
        let (key, chain) = issued(now - DAY, now + DAY);
        let good = work.store(&key, &chain).expect("valid");
        state.put_in_force(Arc::new(good));
        let file = std::fs::read(store.file()).expect("stored");
        for (begins, expires) in invalid {
            let (key, chain) = issued(begins, expires);
            let error = work.store(&key, &chain).expect_err("not valid now");
            assert!(error.reason.contains("and not now"), "{error}");
        }
        assert_eq!(std::fs::read(store.file()).expect("stored"), file);
    }
}
