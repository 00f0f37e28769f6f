//! The database of accounts: who there is, as what, and who was signed in when.
//!
//! One SQL text on SQLite and PostgreSQL (module `driver`), each query a typed method by its purpose. Nothing here decides who may do
//! what ([`portcullis_model::permission`] does, before) and nothing reads a clock: callers say what time it is, in milliseconds
//! since 1970. Secrets arrive sealed. Called by the identity program's role `store` alone.
#![forbid(unsafe_code)]

mod accounts;
mod changes;
mod config;
mod driver;
mod error;
mod factors;
mod groups;
mod keys;
mod migrations;
mod nodes;
#[cfg(test)]
mod plans;
mod sign_ins;
mod spent;
mod sync;
mod value;

use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

pub use accounts::acts::{AccountChange, Added, Changed, NewAccount, Removed, Transferred};
pub use accounts::list::{ACCOUNTS_AT_ONCE, Listing, Select};
pub use accounts::open::{Opened, Opening};
pub use changes::{Change, ChangeKind, Changes, KEPT, News};
pub use config::{Config, Place, Postgres, SslMode};
pub use error::{Error, OpenError};
pub use groups::{Group, Page};
pub use migrations::VERSION;
pub use nodes::{Look, Node};
pub use sign_ins::{Ended, ROWS_AT_ONCE, Seen, SignInRow};
pub use sync::Due;

use driver::{Driver, Tx};

/// An open database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    driver: Driver,
    node: String,
    node_name: String,
    wake: Arc<Notify>,
}

impl Store {
    /// Opens the database, makes its tables where they are missing, and brings them to [`VERSION`].
    ///
    /// # Errors
    /// See [`OpenError`]; with [`Error::Unreachable`] in it another try later may work.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let driver = Driver::open(&config).await?;
        // The only clock here: when the schema was changed, which is for people to read.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
        migrations::migrate(&driver, u64::try_from(now).unwrap_or(0)).await?;
        let node = config.node.to_string();
        Ok(Self { driver, node, node_name: config.node_name, wake: Arc::default() })
    }

    /// Whether other machines may use it too.
    pub const fn shared(&self) -> bool {
        matches!(self.driver, Driver::Pg(_))
    }

    /// Whether an account could be made now: everything that this waits for is waited for, and nothing is written.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn there(&self, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        tx.commit().await.map(drop)
    }

    async fn begin(&self, now: u64) -> Result<Tx, Error> {
        self.driver.begin(now, self.node.clone(), &self.wake).await
    }

    /// Waits for notices for ever; none where nobody else writes.
    fn listener(&self) -> Option<impl Future<Output = ()> + Send + 'static> {
        match &self.driver {
            Driver::Pg(pg) => Some(driver::listen::listen(Arc::clone(pg), Arc::clone(&self.wake))),
            Driver::Lite(_) => None,
        }
    }
}
