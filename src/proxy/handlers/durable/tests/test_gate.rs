//! A gate with one durable endpoint and its clients, for the tests of the intake.

use std::{path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tower_cartgate::{EventKind, EventRule, Keyring, Policy, Secret, Signer};
use uuid::Uuid;

use crate::{
    Resources,
    delivery::seal::{DeliverySeals, Sealer},
    destination::Destination,
    endpoint::{Durable, Endpoint, Endpoints, PathRule, Target},
    inbox::{
        Inbox, Queue, Settings,
        attempt_history::AttemptHistory,
        meter::InboxMeter,
        settings::StoreAddress,
        store::{DeliveryRow, ListOrder, Selection, Store, StoreMeter, sqlite},
    },
    net::listener::{ListenAddress, Listener},
    proxy::{config::Config, meters::Metrics},
    runtime::clock::Clock,
};

pub(crate) const SECRET: &str = "planted-secret-of-the-durable-tests";
pub(crate) const BODY: &str = r#"{"event":"paid"}"#;
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A gate with one durable endpoint on the runtime of a test.
pub(crate) struct TestGate {
    pub(crate) address: String,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) queue: Arc<Queue>,
    task: JoinHandle<std::io::Result<()>>,
    _dir: TempDir,
}

impl Drop for TestGate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TestGate {
    pub(crate) fn start(store: Arc<dyn Store>, change: impl FnOnce(&mut Endpoint)) -> Self {
        let queue = queue();
        let mut endpoint = endpoint(&queue);
        change(&mut endpoint);
        let dir = tempfile::tempdir().expect("a directory");
        let inbox = Arc::new(Inbox {
            store,
            meter: Arc::new(InboxMeter::new(Arc::default())),
            attempts: AttemptHistory::default(),
            sealer: Sealer::new(&key(), None),
            // The socket for inbox commands is beside this file.
            settings: Settings::new(StoreAddress::Sqlite(dir.path().join("inbox.db"))),
        });
        let listen: ListenAddress = "127.0.0.1:0".parse().expect("an address");
        let listener = Listener::bind(&listen).expect("bound");
        let address = listener.address().to_string();
        let mut config = Config::new(Endpoints::new(vec![endpoint]));
        config.workers = 1;
        config.health_path = Some("/health".into());
        let resources = Resources {
            inbox: Some(Arc::clone(&inbox)),
            metrics: Arc::new(Metrics::default()),
            ..Resources::with_listeners(vec![listener])
        };
        let task = tokio::spawn(async move {
            let (_keep, config) = watch::channel(Arc::new(config));
            crate::serve(resources, config, std::future::pending()).await
        });
        Self {
            address,
            inbox,
            queue,
            task,
            _dir: dir,
        }
    }

    /// Returns its endpoint again, with the same queue.
    pub(crate) fn endpoint(&self) -> Endpoint {
        endpoint(&self.queue)
    }

    pub(crate) async fn connect(&self, wire: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.expect("connected");
        stream.write_all(wire).await.expect("written");
        stream
    }

    /// Returns the whole response to a request after which the connection closes.
    pub(crate) async fn ask(&self, wire: &[u8]) -> String {
        let mut answer = String::new();
        let mut stream = self.connect(wire).await;
        let read = stream.read_to_string(&mut answer);
        timeout(PATIENCE, read)
            .await
            .expect("in time")
            .expect("read");
        answer.to_ascii_lowercase()
    }

    pub(crate) async fn send(&self, body: &str) -> String {
        self.ask(&genuine(body)).await
    }

    /// Returns every delivery in the store.
    pub(crate) async fn stored(&self) -> Vec<DeliveryRow> {
        let all = self
            .inbox
            .store
            .list(Selection::default(), ListOrder::default(), None, 100);
        all.await.expect("listed")
    }

    pub(crate) async fn opened(&self, id: Uuid) -> crate::delivery::seal::Intact {
        let shown = self.inbox.store.show(id).await.expect("shown");
        let (event, _) = shown.expect("there");
        self.inbox.sealer.open(&event).expect("intact")
    }
}

fn key() -> Secret {
    Secret::new("the key of the store").expect("a secret")
}

pub(crate) fn queue() -> Arc<Queue> {
    let address = "http://127.0.0.1:1".parse().expect("an address");
    let destination = Destination::new("fulfilment", address, Default::default(), 1);
    let mut queue = Queue::new(Arc::new(destination.expect("plain HTTP")));
    queue.kinds = vec![EventKind::Order, EventKind::AbandonedCart];
    Arc::new(queue)
}

pub(crate) fn endpoint(queue: &Arc<Queue>) -> Endpoint {
    let secret = Secret::new(SECRET).expect("a secret");
    let rule = EventRule::pointer("/event").expect("a pointer");
    let rule = rule.order(["paid"]).abandoned_cart(["left"]);
    let policy = Policy::new(Keyring::single(secret)).with_event_rule(rule);
    let destination = Arc::clone(&queue.destination);
    let mut endpoint = Endpoint::new("orders", PathRule::All, policy, Vec::new(), destination);
    endpoint.target = Target::Durable(Durable {
        queues: vec![Arc::clone(queue)],
        permitted: Vec::new(),
        unique: None,
    });
    endpoint
}

pub(crate) fn signed_by(secret: &str, body: &str) -> Vec<u8> {
    let signature = Signer::new(&Secret::new(secret).expect("a secret")).sign(body.as_bytes());
    let length = body.len();
    format!(
        "POST /hooks?a=b HTTP/1.1\r\nHost: gate.example\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nX-Shop: one\r\n\
         X-Shop: two\r\nCookie: planted\r\nX-Cartfunnel-Hmac-SHA256: {signature}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn genuine(body: &str) -> Vec<u8> {
    signed_by(SECRET, body)
}

pub(crate) fn durable(endpoint: &mut Endpoint) -> &mut Durable {
    match &mut endpoint.target {
        Target::Durable(durable) => durable,
        Target::Direct(_) | Target::Verdict => panic!("it is durable"),
    }
}

pub(crate) fn real(dir: &Path) -> Arc<dyn Store> {
    let limits = Settings::new(StoreAddress::Sqlite("unused".into())).limits;
    let limits = crate::inbox::settings::Limits {
        copies: 3,
        disk_floor: 0,
        ..limits
    };
    let file = dir.join("inbox.db");
    let (seals, meter) = (DeliverySeals::new(&key()), Arc::<StoreMeter>::default());
    sqlite::open(&file, &limits, seals, Clock::System, meter).expect("opened")
}
