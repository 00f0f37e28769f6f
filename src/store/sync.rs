//! When which account is to be looked up again at its provider.

use portcullis_model::AccountId;

use crate::value::{Value, text, values};
use crate::{Error, Store};

/// An account whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub account: AccountId,
    /// Last looked up when, in milliseconds since 1970; 0: never.
    pub at: u64,
    /// How often it failed since.
    pub failures: u64,
}

impl Store {
    /// Writes that an account was looked up, or that it could not be, and when it is to be next.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn synced(&self, account: AccountId, worked: bool, next: u64, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        let (at, failures) = if worked { (now, 0u64) } else { (0, 1) };
        let sql = "INSERT INTO sync (account, at, due, failures) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (account) DO UPDATE SET due = excluded.due, \
            at = CASE WHEN excluded.failures = 0 THEN excluded.at ELSE sync.at END, \
            failures = CASE WHEN excluded.failures = 0 THEN 0 ELSE sync.failures + 1 END";
        tx.run(sql, &[text(account), Value::from(at), Value::from(next), Value::from(failures)]).await?;
        tx.commit().await.map(drop)
    }

    /// Accounts whose time has come, the longest overdue first.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn due(&self, limit: u64, now: u64) -> Result<Vec<Due>, Error> {
        let sql = "SELECT account, at, failures FROM sync WHERE due <= $1 ORDER BY due LIMIT $2";
        let found = self.driver.read(sql, values![now, limit]).await?;
        let due = |mut row: crate::value::Row| {
            Ok(Due {
                account: row.parse("the id of an account")?,
                at: row.number()?,
                failures: row.number()?,
            })
        };
        found.rows.into_iter().map(due).collect()
    }
}
