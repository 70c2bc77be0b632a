//! The second act: an app that is down, and one that refuses. What was acknowledged is in the inbox, and comes to the app
//! later.

use std::{
    fs,
    future::pending,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tower_cartgate::{EventKind, Secret};
use uuid::Uuid;

use super::{PATH, PATIENCE, app::App, configuration, endpoint, step::Step};
use crate::{
    Resources,
    client::Client,
    delivery::event::DeliveryState,
    endpoint::{Durable, Target},
    inbox::{
        Inbox, Queue, Settings,
        settings::StoreAddress,
        store::{Selection, Store},
    },
    net::{
        address::Address,
        connect::Trust,
        listener::{ListenAddress, Listener},
    },
    proxy::config::Config,
};

/// Plays it in a directory of its own, which is gone afterwards.
pub(super) async fn play(secret: &Secret) -> io::Result<Vec<Step>> {
    let place = Place::make()?;
    let store = StoreAddress::Sqlite(place.file("inbox.db"));
    let inbox = Inbox::open(Settings::new(store)).await;
    let inbox = Arc::new(inbox.map_err(io::Error::other)?);
    let socket = place.file("app.sock");
    let listener = Listener::bind(&ListenAddress::Tcp("127.0.0.1:0".to_owned()))?;
    let gate = listener.address().to_string();
    let (config, queue) = durable(&socket, secret)?;
    let resources = Resources {
        inbox: Some(Arc::clone(&inbox)),
        ..Resources::with_listeners(vec![listener])
    };
    // The sender is kept: without it there would be no configuration to follow.
    let (_config, in_force) = watch::channel(Arc::new(config));
    let stage = Stage {
        gate: format!("http://{gate}{PATH}")
            .parse()
            .map_err(io::Error::other)?,
        store: Arc::clone(&inbox.store),
        queue,
        socket,
        secret,
    };
    tokio::select! {
        ended = crate::serve(resources, in_force, pending()) => {
            ended.and(Err(io::Error::other("the gate ended by itself")))
        }
        steps = stage.play() => steps,
    }
}

/// The same endpoint, with the inbox before its app.
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
    Ok((configuration(endpoint), queue))
}

struct Stage<'s> {
    gate: Address,
    store: Arc<dyn Store>,
    queue: Arc<Queue>,
    socket: PathBuf,
    secret: &'s Secret,
}

impl Stage<'_> {
    async fn play(&self) -> io::Result<Vec<Step>> {
        let client =
            Client::new(&self.gate, &Trust::Platform, PATIENCE).map_err(io::Error::other)?;
        let down = Step::kept(self.send(&client, 0).await);
        let app = App::on_socket(&self.socket)?;
        let back = Step::delivered(reached(|| app.received().len() == 1).await);
        app.refuse(true);
        let refused = Step::refused(self.send(&client, 1).await, self.has_dead_letter().await?);
        app.refuse(false);
        let dead = Selection {
            states: vec![DeliveryState::Dead],
            ..Selection::default()
        };
        let again = self.store.requeue(dead, None, 1).await;
        again.map_err(io::Error::other)?;
        self.queue.work.notify_one();
        let replayed = Step::replayed(reached(|| app.received().len() == 2).await);
        Ok(vec![down, back, refused, replayed])
    }

    async fn send(&self, client: &Client, number: u64) -> Option<u16> {
        let outgoing = super::envelope(http::Method::POST)
            .genuine(self.secret, super::body_of(EventKind::Order, number));
        let answer = client.connection().deliver(outgoing).await;
        answer.ok().map(|answer| answer.status.as_u16())
    }

    async fn has_dead_letter(&self) -> io::Result<bool> {
        let dead = || Selection {
            states: vec![DeliveryState::Dead],
            ..Selection::default()
        };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let found = self.store.list(dead(), None, 1).await;
            if !found.map_err(io::Error::other)?.is_empty() {
                return Ok(true);
            }
            sleep(LOOK).await;
        }
        Ok(false)
    }
}

const LOOK: Duration = Duration::from_millis(10);

/// Whether it came about within the patience that there is.
async fn reached(what: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !what() && begun.elapsed() < PATIENCE {
        sleep(LOOK).await;
    }
    what()
}

/// A directory that only this user may enter, gone when it is dropped.
struct Place(PathBuf);

impl Place {
    fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("cartgate-demo-{}", Uuid::now_v7()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What stays behind holds sample orders alone.
        let _ = fs::remove_dir_all(&self.0);
    }
}
