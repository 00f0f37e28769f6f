//! The machines that share the database, and who looked at whose session.

use portcullis_model::{AccountId, NodeId};

use crate::accounts::fresh;
use crate::sign_ins::ROWS_AT_ONCE;
use crate::value::{Value, text, values};
use crate::{Error, Store};

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Names it.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// The ids of its cookie keys; they must be the same everywhere.
    pub ring: String,
    /// When it was last heard of, by its own clock, in milliseconds since 1970; 0 of one that was stopped.
    pub seen: u64,
    /// The last change that it applied.
    pub applied: u64,
}

/// A look at somebody's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whose session.
    pub account: AccountId,
    /// Which session.
    pub session: String,
    /// Who looked.
    pub by: String,
    /// What was done.
    pub what: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
}

impl Store {
    /// Says that this machine lives, which keys it has and what it applied.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn beat(&self, ring: &str, applied: u64, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        let sql = "INSERT INTO nodes (id, name, ring, seen, applied) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, ring = excluded.ring, seen = excluded.seen, \
            applied = excluded.applied";
        tx.run(sql, values![self.node.as_str(), self.node_name.as_str(), ring, now, applied]).await?;
        tx.commit().await.map(drop)
    }

    /// Whether that is this machine.
    pub fn is_this(&self, node: &Node) -> bool {
        node.id.to_string() == self.node
    }

    /// Says that this machine is being stopped: nobody waits for it until it says again that it lives.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn leave(&self, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        tx.run("UPDATE nodes SET seen = 0 WHERE id = $1", values![self.node.as_str()]).await?;
        tx.commit().await.map(drop)
    }

    /// The last change that this machine said it has applied; none where it never said anything.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn applied(&self) -> Result<Option<u64>, Error> {
        let sql = "SELECT applied FROM nodes WHERE id = $1";
        let row = self.driver.read(sql, values![self.node.as_str()]).await?.one();
        row.map(|mut row| row.number()).transpose()
    }

    /// All machines that were ever here, by name.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let found = self
            .driver
            .read("SELECT id, name, ring, seen, applied FROM nodes ORDER BY name, id", &[])
            .await?;
        let node = |mut row: crate::value::Row| {
            Ok(Node {
                id: row.parse("the id of a machine")?,
                name: row.text()?,
                ring: row.text()?,
                seen: row.number()?,
                applied: row.number()?,
            })
        };
        found.rows.into_iter().map(node).collect()
    }

    /// Writes down who looked.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn looked(&self, look: &Look) -> Result<(), Error> {
        let mut tx = self.begin(look.at).await?;
        let sql =
            "INSERT INTO looks (id, account, session, by_name, what, at) VALUES ($1, $2, $3, $4, $5, $6)";
        let bound = &[
            text(fresh(portcullis_model::FactorId::random())?),
            text(look.account),
            Value::from(look.session.as_str()),
            Value::from(look.by.as_str()),
            Value::from(look.what.as_str()),
            Value::from(look.at),
        ];
        tx.run(sql, bound).await?;
        tx.commit().await.map(drop)
    }

    /// Who looked at an account's sessions, the latest first, at most [`ROWS_AT_ONCE`].
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn looks(&self, account: AccountId) -> Result<Vec<Look>, Error> {
        let sql = "SELECT session, by_name, what, at FROM looks WHERE account = $1 ORDER BY at DESC, id DESC LIMIT $2";
        let found = self.driver.read(sql, values![account.to_string(), ROWS_AT_ONCE as u64]).await?;
        let look = |mut row: crate::value::Row| {
            let (session, by, what) = (row.text()?, row.text()?, row.text()?);
            Ok(Look { account, session, by, what, at: row.number()? })
        };
        found.rows.into_iter().map(look).collect()
    }

    /// Forgets looks before `before`. Answers how many.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn prune_looks(&self, before: u64, now: u64) -> Result<u64, Error> {
        let mut tx = self.begin(now).await?;
        let gone = tx.run("DELETE FROM looks WHERE at < $1", values![before]).await?.changed;
        tx.commit().await?;
        Ok(gone)
    }
}
