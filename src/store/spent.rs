//! What counts once: ids of assertions and of tokens, kept for as long as they would be good.

use crate::value::values;
use crate::{Error, Store};

impl Store {
    /// Spends an id until `until`: true the first time, false ever after, on all machines.
    ///
    /// # Errors
    /// What a transaction may fail of; then it counts as spent.
    pub async fn spend(&self, id: &[u8], until: u64, now: u64) -> Result<bool, Error> {
        let mut tx = self.begin(now).await?;
        let sql = "INSERT INTO spent (id, until_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        let first = tx.run(sql, values![id, until]).await?.changed == 1;
        tx.commit().await?;
        Ok(first)
    }

    /// Forgets what would not be good any more. Answers how many.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn prune_spent(&self, now: u64) -> Result<u64, Error> {
        let mut tx = self.begin(now).await?;
        let gone = tx.run("DELETE FROM spent WHERE until_at < $1", values![now]).await?.changed;
        tx.commit().await?;
        Ok(gone)
    }
}
