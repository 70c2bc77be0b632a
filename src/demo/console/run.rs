//! Runs the gate, its sample app and its traffic, and removes all of it at the end.

use std::{
    fmt::Display,
    fs,
    future::{Future, pending},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep},
};
use tower_cartgate::Secret;

use super::{
    reload::Reloader,
    sample_app::SampleApp,
    settings::{self, APP_SOCKET, CONFIG_FILE, PREVIOUS_SECRET_FILE, SECRET_FILE},
    traffic,
    welcome::{Started, Stopped, Welcome},
};
use crate::{
    Resources,
    admin::{Credentials, reload_channel},
    demo::{
        gate::{bind, fresh_secret},
        temp_dir::TempDir,
    },
    inbox::Inbox,
    net::listener::Listener,
    proxy::config::admin::AdminAccess,
};

/// The time that the end waits for the workers to release the inbox.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The interval at which it looks.
const POLL: Duration = Duration::from_millis(5);

/// A gate with a console in a temporary directory, which is removed at the end.
pub struct ConsoleDemo {
    secret: Secret,
    public: Listener,
    admin: Listener,
    credentials: Arc<Credentials>,
    reloader: Reloader,
    // Dropped last, because the others have files in it.
    dir: TempDir,
}

impl ConsoleDemo {
    /// Binds free ports and writes the files of the gate.
    ///
    /// # Errors
    ///
    /// When this machine provides no sockets, or no temporary directory.
    pub fn prepare() -> io::Result<Self> {
        let dir = TempDir::create()?;
        let (secret, public, admin) = (fresh_secret(), bind()?, bind()?);
        let text = settings::text(dir.path(), &public.address(), &admin.address());
        write(&dir.file(CONFIG_FILE), text.as_bytes())?;
        write(&dir.file(SECRET_FILE), secret.expose())?;
        write(&dir.file(PREVIOUS_SECRET_FILE), fresh_secret().expose())?;
        Ok(Self {
            secret,
            public,
            admin,
            credentials: Arc::new(Credentials::random()?),
            reloader: Reloader::of(dir.file(CONFIG_FILE)),
            dir,
        })
    }

    /// Runs until `stop` is ready. Each message of `presses` stops or starts the sample app. `tell`
    /// prints what a user needs to know.
    ///
    /// # Errors
    ///
    /// When the gate cannot start, or ends by itself; or when `tell` fails.
    pub async fn run(
        self,
        presses: mpsc::Receiver<()>,
        stop: impl Future<Output = ()>,
        mut tell: impl FnMut(&dyn Display) -> io::Result<()>,
    ) -> io::Result<()> {
        let config = self.reloader.read().map_err(io::Error::other)?;
        let settings = config.inbox.clone();
        let settings = settings.ok_or_else(|| io::Error::other("no inbox is configured"))?;
        let inbox = Arc::new(Inbox::open(settings).await.map_err(io::Error::other)?);
        let app = SampleApp::start(self.dir.file(APP_SOCKET))?;
        let gate = self.public.address();
        tell(&self.welcome(&config.admin)?)?;
        let (sender, config) = watch::channel(Arc::new(config));
        let (reloads, requests) = reload_channel();
        let resources = Resources {
            admin: vec![self.admin],
            inbox: Some(Arc::clone(&inbox)),
            reloads: Some(reloads),
            credentials: Some(self.credentials),
            ..Resources::with_listeners(vec![self.public])
        };
        let (drain, drains) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = drains.await;
        };
        let mut serving = pin!(crate::serve(resources, config, shutdown));
        tokio::select! {
            ended = &mut serving => {
                return ended.and(Err(io::Error::other("the gate ended by itself")));
            }
            failed = traffic::send_to(&gate, &self.secret) => failed?,
            failed = follow(presses, app, &mut tell) => failed?,
            () = self.reloader.run(requests, &sender) => {}
            () = stop => {}
        }
        drop(drain);
        serving.await?;
        close(inbox).await;
        Ok(())
    }

    fn welcome(&self, access: &AdminAccess) -> io::Result<Welcome<'_>> {
        let admin = self.admin.tcp_address();
        let admin = admin.ok_or_else(|| io::Error::other("the console has no address"))?;
        Ok(Welcome {
            link: self.credentials.link(admin, access)?,
            gate: self.public.address(),
            dir: self.dir.path(),
        })
    }
}

/// Stops or starts the app at each press. Returns only an error.
async fn follow(
    mut presses: mpsc::Receiver<()>,
    mut app: SampleApp,
    tell: &mut impl FnMut(&dyn Display) -> io::Result<()>,
) -> io::Result<()> {
    while presses.recv().await.is_some() {
        app.toggle()?;
        if app.runs() {
            tell(&Started)?;
        } else {
            tell(&Stopped)?;
        }
    }
    // Without a terminal, the app runs to the end.
    pending().await
}

/// Waits until the workers, which end independently, have released the inbox, and closes it: an
/// open store would write further files while its directory is removed.
async fn close(inbox: Arc<Inbox>) {
    let begun = Instant::now();
    while Arc::strong_count(&inbox) > 1 && begun.elapsed() < CLOSE_TIMEOUT {
        sleep(POLL).await;
    }
}

/// Writes a file that only this user can read.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)
}
