//! The second part: an app that is down, and one that rejects an order. The gate acknowledges each
//! order once it is in the inbox, and delivers it later.

use std::{
    future::pending,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::Method;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tower_cartgate::{EventKind, Secret};

use super::{
    app::App,
    gate::{TIMEOUT, bind, body, client, config, endpoint, envelope},
    step::Step,
    temp_dir::TempDir,
};
use crate::{
    Resources,
    client::Client,
    delivery::event::DeliveryState,
    endpoint::{Durable, Target},
    inbox::{
        Inbox, Queue, Settings,
        settings::StoreAddress,
        store::{ListOrder, Selection, Store},
    },
    proxy::config::Config,
};

/// The interval at which the demonstration looks for a result.
const POLL: Duration = Duration::from_millis(10);

/// Runs the gate in a temporary directory, and plays the steps.
pub(super) async fn run(secret: &Secret) -> io::Result<Vec<Step>> {
    let dir = TempDir::create()?;
    let store = StoreAddress::Sqlite(dir.file("inbox.db"));
    let inbox = Inbox::open(Settings::new(store)).await;
    let inbox = Arc::new(inbox.map_err(io::Error::other)?);
    let socket = dir.file("app.sock");
    let listener = bind()?;
    let client = client(&listener)?;
    let (config, queue) = durable(&socket, secret)?;
    let resources = Resources {
        inbox: Some(Arc::clone(&inbox)),
        ..Resources::with_listeners(vec![listener])
    };
    // The gate follows the sender, so it must live as long as the gate.
    let (_sender, config) = watch::channel(Arc::new(config));
    let scenario = Scenario {
        client,
        store: Arc::clone(&inbox.store),
        queue,
        socket,
        secret,
    };
    tokio::select! {
        ended = crate::serve(resources, config, pending()) => {
            ended.and(Err(io::Error::other("the gate ended by itself")))
        }
        steps = scenario.play() => steps,
    }
}

/// Returns the configuration with the inbox in front of the app, and the queue of the app.
fn durable(socket: &Path, secret: &Secret) -> io::Result<(Config, Arc<Queue>)> {
    let mut endpoint = endpoint(&format!("unix:{}", socket.display()), secret)?;
    let destination = endpoint.target.destinations().next().map(Arc::clone);
    let destination = destination.ok_or_else(|| io::Error::other("no destination"))?;
    let queue = Arc::new(Queue::new(destination));
    endpoint.target = Target::Durable(Durable {
        queues: vec![Arc::clone(&queue)],
        permitted: Vec::new(),
        unique: None,
    });
    Ok((config(endpoint), queue))
}

/// The gate, its store and the socket of its app.
struct Scenario<'s> {
    client: Client,
    store: Arc<dyn Store>,
    queue: Arc<Queue>,
    socket: PathBuf,
    secret: &'s Secret,
}

impl Scenario<'_> {
    async fn play(&self) -> io::Result<Vec<Step>> {
        let down = Step::stored(self.send(0).await);
        let app = App::on_socket(&self.socket)?;
        let back = Step::delivered(becomes_true(|| app.received().len() == 1).await);
        app.reject(true);
        let rejected = Step::rejected(self.send(1).await, self.has_dead_letter().await?);
        app.reject(false);
        self.replay_dead_letter().await?;
        let replayed = Step::replayed(becomes_true(|| app.received().len() == 2).await);
        Ok(vec![down, back, rejected, replayed])
    }

    /// Sends an order; returns the status of the response.
    async fn send(&self, number: u64) -> Option<u16> {
        let body = body(EventKind::Order, number);
        let outgoing = envelope(Method::POST).genuine(self.secret, body);
        let response = self.client.connection().deliver(outgoing).await;
        response.ok().map(|response| response.status.as_u16())
    }

    async fn has_dead_letter(&self) -> io::Result<bool> {
        let begun = Instant::now();
        while begun.elapsed() < TIMEOUT {
            let found = self
                .store
                .list(dead_letters(), ListOrder::OldestFirst, None, 1)
                .await;
            if !found.map_err(io::Error::other)?.is_empty() {
                return Ok(true);
            }
            sleep(POLL).await;
        }
        Ok(false)
    }

    async fn replay_dead_letter(&self) -> io::Result<()> {
        let requeued = self.store.requeue(dead_letters(), None, 1).await;
        requeued.map_err(io::Error::other)?;
        self.queue.work.notify_one();
        Ok(())
    }
}

fn dead_letters() -> Selection {
    Selection {
        states: vec![DeliveryState::Dead],
        ..Selection::default()
    }
}

/// Returns whether the condition becomes true within the timeout.
async fn becomes_true(condition: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !condition() && begun.elapsed() < TIMEOUT {
        sleep(POLL).await;
    }
    condition()
}
