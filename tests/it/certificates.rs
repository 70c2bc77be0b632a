//! The gate's certificate: its renewal under load, an unusable one, and its expiry.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, SystemTime},
};

use cartgate::net::certificate::Certificate;
use rustls::{ClientConfig, pki_types::CertificateDer};
use tempfile::TempDir;

use crate::{
    program::Program,
    support::{
        App, BODY, Client,
        authority::Authority,
        genuine,
        session::{BOTH, NAME, Session, connect, shown},
        stop::Stop,
        wait_until,
    },
};

const RENEWALS: usize = 20;

/// The program under TLS, and the directory with its certificate.
struct Site {
    authority: Authority,
    files: TempDir,
    program: Program,
}

impl Site {
    fn before(app: &App) -> Self {
        let authority = Authority::new();
        let files = tempfile::tempdir().expect("a directory");
        let (chain, key) = authority.leaf(NAME).files(files.path());
        let text = |path: &Path| path.display().to_string();
        let (chain, key) = (text(&chain), text(&key));
        let program = Program::serve(app, &["--tls-cert", &chain, "--tls-key", &key]);
        Self {
            authority,
            files,
            program,
        }
    }

    /// Replaces the certificate and sends the signal for a reload.
    fn renew(&self) -> CertificateDer<'static> {
        let leaf = self.authority.leaf(NAME);
        leaf.files(self.files.path());
        self.program.signal("HUP");
        leaf.der
    }

    fn trusting(&self) -> Arc<ClientConfig> {
        Arc::new(self.authority.client(&BOTH))
    }

    fn connect(&self, config: &Arc<ClientConfig>) -> Session {
        connect(self.program.address(), config)
    }

    /// Returns the certificate that a new client without a session gets.
    fn shown(&self) -> CertificateDer<'static> {
        shown(self.program.address(), &self.trusting())
    }
}

#[test]
fn a_certificate_renewed_again_and_again_under_load_fails_no_request() {
    let app = App::content();
    let site = Site::before(&app);
    let config = site.trusting();
    let mut first = Client::over(site.connect(&config));
    let (on_kept, on_new, stop) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicBool::new(false),
    );
    let ask = |client: &mut Client, count: &AtomicUsize| {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
        count.fetch_add(1, SeqCst);
    };
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            let mut client = Client::over(site.connect(&config));
            while !stop.load(SeqCst) {
                ask(&mut client, &on_kept);
            }
        });
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                ask(&mut Client::over(site.connect(&config)), &on_new);
            }
        });
        for _ in 0..RENEWALS {
            let before = (on_kept.load(SeqCst), on_new.load(SeqCst));
            let renewed = site.renew();
            wait_until("the new certificate", || site.shown() == renewed);
            // Two more: the second one began after the change.
            wait_until("requests behind it", || {
                on_kept.load(SeqCst) > before.0 + 1 && on_new.load(SeqCst) > before.1 + 1
            });
        }
    });
    assert_eq!(first.ask(genuine(BODY)).status, 200, "it keeps its session");
    let sent = on_kept.load(SeqCst) + on_new.load(SeqCst) + 1;
    assert_eq!(app.count(), sent);
}

#[test]
fn a_certificate_whose_key_is_not_there_yet_leaves_the_old_one() {
    let app = App::content();
    let site = Site::before(&app);
    let old = site.shown();
    let key = site.files.path().join("key.pem");
    let of_old = std::fs::read(&key).expect("a key");
    let leaf = site.authority.leaf(NAME);
    leaf.files(site.files.path());
    let of_new = std::fs::read(&key).expect("a key");
    std::fs::write(&key, of_old).expect("written");
    site.program.signal("HUP");
    site.program.line(&["ERROR", "stays in force"]);
    assert_eq!(site.shown(), old);
    std::fs::write(&key, of_new).expect("written");
    site.program.signal("HUP");
    site.program.line(&["configuration in force"]);
    assert_eq!(site.shown(), leaf.der);
}

#[test]
fn the_end_of_a_certificate_is_known() {
    let authority = Authority::new();
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // X.509 encodes dates before and after 2050 differently.
    for end in [at(1_893_456_123), at(4_102_444_801)] {
        let certificate = authority.leaf_until(NAME, end).certificate();
        assert_eq!(certificate.expires(), end);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let (chain, key) = authority
        .leaf_until(NAME, at(1_600_000_000))
        .files(dir.path());
    let (_, warnings) = Certificate::load(&chain, &key).expect("a warning, no error");
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let parts = ["cert.pem", "expired at 2020-09-13T12:26:40Z"];
    assert!(
        parts.iter().all(|part| warnings[0].contains(part)),
        "{warnings:?}"
    );
}
