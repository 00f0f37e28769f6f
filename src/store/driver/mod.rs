//! One way to two databases: [`Driver::read`] for a look, [`Driver::begin`] for everything that writes.
//!
//! A look is repeated once on a new connection when the old one broke; what writes never is, but for its beginning. Nothing in
//! here knows a table but those of the changes, which a transaction writes as its last step.

mod commit;
pub(crate) mod listen;
pub(crate) mod lite;
pub(crate) mod pg;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedMutexGuard};

use crate::changes::ChangeKind;
use crate::value::{Done, Value};
use crate::{Config, Error, OpenError, Place};
pub(crate) use commit::places;
use lite::Lite;
use pg::{Lease, Pg};

/// A look that failed sooner than this failed of its connection, and another one may do; one that took longer waited for a
/// database that says nothing, and would only wait again.
const QUICK: Duration = Duration::from_secs(1);

/// One of the two databases.
#[derive(Debug, Clone)]
pub(crate) enum Driver {
    Lite(Arc<Lite>),
    Pg(Arc<Pg>),
}

/// A transaction. Dropped without [`Tx::commit`] nothing of it happened.
#[derive(Debug)]
pub(crate) struct Tx {
    on: On,
    now: u64,
    node: String,
    wake: Arc<Notify>,
    changes: Vec<(ChangeKind, String)>,
}

#[derive(Debug)]
enum On {
    Lite {
        lite: Arc<Lite>,
        /// Kept until the transaction is over.
        _turn: OwnedMutexGuard<()>,
        open: bool,
    },
    Pg(Box<Lease>),
}

impl Driver {
    pub(crate) async fn open(config: &Config) -> Result<Self, OpenError> {
        Ok(match &config.place {
            Place::Sqlite(folder) => Self::Lite(Arc::new(Lite::open(folder).await?)),
            Place::Postgres(settings) => Self::Pg(Pg::new(settings)?),
        })
    }

    /// Reads. Never for a statement that writes: it may run twice.
    pub(crate) async fn read(&self, sql: &str, values: &[Value]) -> Result<Done, Error> {
        match self {
            Self::Lite(lite) => {
                let _turn = lite.turn().await?;
                lite.run(sql, values).await
            }
            Self::Pg(pg) => {
                let began = Instant::now();
                let first = async { pg.lease(false).await?.run(sql, values).await };
                match first.await {
                    Err(Error::Unreachable(why)) if began.elapsed() < QUICK => {
                        tracing::debug!("asking the database once more: {why}");
                        pg.lease(true).await?.run(sql, values).await
                    }
                    result => result,
                }
            }
        }
    }

    async fn on(&self, begin: &str) -> Result<On, Error> {
        match self {
            Self::Lite(lite) => {
                let turn = lite.turn().await?;
                let on = On::Lite { lite: Arc::clone(lite), _turn: turn, open: true };
                lite.run(begin, &[]).await?;
                Ok(on)
            }
            Self::Pg(pg) => {
                let mut lease = pg.lease(false).await?;
                // Nothing was asked yet: a connection that broke while it was idle is no reason to fail.
                if let Err(Error::Unreachable(_)) = lease.run("BEGIN", &[]).await {
                    drop(lease);
                    lease = pg.lease(true).await?;
                    lease.run("BEGIN", &[]).await?;
                }
                lease.open = true;
                Ok(On::Pg(Box::new(lease)))
            }
        }
    }

    /// Begins to write. `now` in milliseconds since 1970 dates the changes.
    pub(crate) async fn begin(&self, now: u64, node: String, wake: &Arc<Notify>) -> Result<Tx, Error> {
        // IMMEDIATE: who reads first and writes then would be refused at the write if somebody else wrote between.
        let on = self.on("BEGIN IMMEDIATE").await?;
        Ok(Tx { on, now, node, wake: Arc::clone(wake), changes: Vec::new() })
    }

    /// Begins to change the schema: alone.
    pub(crate) async fn begin_alone(&self) -> Result<Tx, Error> {
        let on = self.on("BEGIN EXCLUSIVE").await?;
        let mut tx = Tx { on, now: 0, node: String::new(), wake: Arc::default(), changes: Vec::new() };
        if let On::Pg(_) = tx.on {
            // The number is "portcull" in ASCII: nobody else's by accident.
            tx.run("SELECT CAST(pg_advisory_xact_lock(8101526151068707948) AS TEXT)", &[]).await?;
        }
        Ok(tx)
    }

    /// Whether there is a table of this name.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, Error> {
        let sql = match self {
            Self::Lite(_) => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
            Self::Pg(_) => "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass($1)",
        };
        let row = self.read(sql, &[Value::from(name)]).await?.one();
        Ok(row.map(|mut row| row.int()).transpose()?.unwrap_or(0) > 0)
    }

    /// The schema's text for this database.
    pub(crate) fn schema(&self, text: &str) -> String {
        text.replace(
            "BYTES",
            match self {
                Self::Lite(_) => "BLOB",
                Self::Pg(_) => "BYTEA",
            },
        )
    }
}

impl Tx {
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    pub(crate) async fn run(&mut self, sql: &str, values: &[Value]) -> Result<Done, Error> {
        match &mut self.on {
            On::Lite { lite, .. } => lite.run(sql, values).await,
            On::Pg(lease) => lease.run(sql, values).await,
        }
    }

    /// Waits until nobody else is between this and their end, on any machine. SQLite's transactions are alone anyway.
    pub(crate) async fn alone(&mut self, what: &'static str) -> Result<(), Error> {
        // A row's lock lasts until the transaction's end, in one wording for both databases.
        self.run("UPDATE counters SET value = value WHERE name = $1", &[Value::from(what)]).await.map(drop)
    }

    /// Others hear of this when the transaction is committed.
    pub(crate) fn changed(&mut self, kind: ChangeKind, id: impl std::fmt::Display) {
        self.changes.push((kind, id.to_string()));
    }
}

impl Drop for On {
    fn drop(&mut self) {
        // PostgreSQL's is undone by its lease.
        if let Self::Lite { lite, open: true, .. } = self {
            // The thread takes requests in their order, so it is undone before anybody else's turn comes.
            let _ = lite.send("ROLLBACK", &[]);
        }
    }
}
