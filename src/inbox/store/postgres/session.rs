//! A connection to PostgreSQL with its limits set, and its statements prepared once.

use std::{cell::RefCell, collections::HashMap, future, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, Connection, Error, NoTls, Row, Socket, Statement, tls::TlsStream, types::ToSql,
};

use super::{
    open_error::Why,
    target::{CONNECT, Target},
};

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// An open connection. Dropped, it is closed, and what was under way there is undone by the server.
pub(super) struct Session {
    pub(super) client: Client,
    driver: JoinHandle<()>,
    prepared: RefCell<HashMap<&'static str, Statement>>,
}

impl Session {
    /// Connects. No statement, and no wait for a lock, may take longer than `patience` there.
    pub(super) async fn open(target: &Target, patience: Duration) -> Result<Self, Why> {
        let opening = async {
            let (client, driver) = match &target.tls {
                None => connected(target.config.connect(NoTls).await?),
                Some(tls) => connected(target.config.connect(tls.clone()).await?),
            };
            set_up(&client, patience).await?;
            Ok(Self {
                client,
                driver,
                prepared: RefCell::default(),
            })
        };
        timeout(CONNECT, opening).await.unwrap_or(Err(Why::Silent))
    }

    /// Ready when it is closed, by whomever.
    pub(super) async fn closed(&mut self) {
        // It ends in no other way.
        let _ = (&mut self.driver).await;
        self.driver = tokio::spawn(future::ready(()));
    }

    /// A statement, prepared when it is first wanted.
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

    /// Only after every statement before has answered well: the server takes it for ROLLBACK otherwise, and says so to
    /// nobody.
    pub(super) async fn commit(&self) -> Result<(), Error> {
        self.client.batch_execute("COMMIT").await
    }

    /// Leaves a transaction that may have begun.
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
    // Whoever waits for an answer is told the same.
    let driver = tokio::spawn(async move { drop(connection.await) });
    (client, driver)
}

/// `synchronous_commit` off, for the role, the database or the server, would acknowledge what a power cut undoes; the
/// other values all sync here, and some of them elsewhere as well.
async fn set_up(client: &Client, patience: Duration) -> Result<(), Error> {
    const SYNCED: &str = "SELECT set_config('synchronous_commit', \
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' \
        ELSE current_setting('synchronous_commit') END, false)";
    let patience = patience.as_millis();
    let limits = format!(
        "{SYNCED}; SET statement_timeout = {patience}; SET lock_timeout = {patience}; \
         SET idle_in_transaction_session_timeout = {patience}; \
         SET default_transaction_isolation = 'read committed'; \
         SET client_min_messages = error"
    );
    client.batch_execute(&limits).await
}
