//! A connection to PostgreSQL with its timeouts set, and each statement prepared once.

use std::{cell::RefCell, collections::HashMap, future, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, Connection, Error, NoTls, Row, Socket, Statement, tls::TlsStream, types::ToSql,
};

use super::{
    open_error::OpenErrorKind,
    target::{CONNECT_TIMEOUT, Target},
};

/// The timeout of a statement that a request or a delivery waits for.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of a statement for an operator or a metrics scrape.
pub(super) const LONG_STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// A parameter of a statement.
pub(super) type Param<'a> = &'a (dyn ToSql + Sync);

/// All parameters of a statement.
pub(super) type Params<'a> = &'a [Param<'a>];

/// An open connection. When it is dropped, it is closed, and the server rolls back its transaction.
pub(super) struct Session {
    pub(super) client: Client,
    driver: JoinHandle<()>,
    prepared: RefCell<HashMap<&'static str, Statement>>,
}

impl Session {
    /// Connects. The server ends each statement, and each wait for a lock, after
    /// `statement_timeout`.
    pub(super) async fn open(
        target: &Target,
        statement_timeout: Duration,
    ) -> Result<Self, OpenErrorKind> {
        let opening = async {
            let (client, driver) = match &target.tls {
                None => connected(target.config.connect(NoTls).await?),
                Some(tls) => connected(target.config.connect(tls.clone()).await?),
            };
            set_up(&client, statement_timeout).await?;
            Ok(Self {
                client,
                driver,
                prepared: RefCell::default(),
            })
        };
        let opened = timeout(CONNECT_TIMEOUT, opening).await;
        opened.unwrap_or(Err(OpenErrorKind::Silent))
    }

    /// Completes when either side closes the connection.
    pub(super) async fn closed(&mut self) {
        // The driver ends with the connection.
        let _ = (&mut self.driver).await;
        self.driver = tokio::spawn(future::ready(()));
    }

    /// Returns a prepared statement. Prepares it at the first use.
    pub(super) async fn statement(&self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        let mut prepared = self.prepared.borrow_mut();
        prepared.insert(sql, statement.clone());
        Ok(statement)
    }

    pub(super) async fn query(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        self.client.query(&statement, params).await
    }

    pub(super) async fn execute(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<u64, Error> {
        let statement = self.statement(sql).await?;
        self.client.execute(&statement, params).await
    }

    pub(super) async fn begin(&self) -> Result<(), Error> {
        self.client.batch_execute("BEGIN").await
    }

    /// Commits. Every statement before must have succeeded: otherwise the server rolls back,
    /// without an error.
    pub(super) async fn commit(&self) -> Result<(), Error> {
        self.client.batch_execute("COMMIT").await
    }

    /// Rolls back a transaction that may have begun.
    pub(super) async fn rollback(&self) -> Result<(), Error> {
        self.client.batch_execute("ROLLBACK").await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn connected<S>(pair: (Client, Connection<Socket, S>)) -> (Client, JoinHandle<()>)
where
    S: TlsStream + Unpin + Send + 'static,
{
    let (client, connection) = pair;
    // Each pending statement gets the same error.
    let driver = tokio::spawn(async move { drop(connection.await) });
    (client, driver)
}

/// Sets the timeouts and the isolation level, and makes commits sync.
///
/// If `synchronous_commit` is off for the role, the database or the server, a power cut can undo
/// acknowledged commits. All other values sync on this server, and some of them on others as well.
async fn set_up(client: &Client, statement_timeout: Duration) -> Result<(), Error> {
    const SYNCED: &str = "SELECT set_config('synchronous_commit', \
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' \
        ELSE current_setting('synchronous_commit') END, false)";
    let timeout = statement_timeout.as_millis();
    let limits = format!(
        "{SYNCED}; SET statement_timeout = {timeout}; SET lock_timeout = {timeout}; \
         SET idle_in_transaction_session_timeout = {timeout}; \
         SET default_transaction_isolation = 'read committed'; \
         SET client_min_messages = error"
    );
    client.batch_execute(&limits).await
}
