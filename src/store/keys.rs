//! API keys: digests and seals, made by a launcher; nothing here can make one that a launcher honours.

use std::net::IpAddr;

use portcullis_model::AccountId;
use portcullis_model::account::Role;
use portcullis_model::key::{ApiKey, KEYS_PER_ACCOUNT, KeyDigest, KeyId};

use crate::accounts::of_id;
use crate::driver::Tx;
use crate::groups::list;
use crate::sign_ins::ROWS_AT_ONCE;
use crate::value::{Row, Value, text, values, wrong};
use crate::{ChangeKind, Error, Store};

/// Of a key that is over: whoever gives its row another life gives it none.
const NO_SEAL: &[u8] = &[];

macro_rules! keys {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, name, digest, scopes, role_cap, sources, created, until_at, last_used, last_from, ",
            "ended_at, seal FROM api_keys ",
            $rest
        )
    };
}

fn read(mut row: Row) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id: row.parse("the id of a key")?,
        account: row.parse("the id of an account")?,
        name: row.text()?,
        digest: KeyDigest::from_bytes(row.bytes()?.try_into().map_err(|_| wrong("a digest"))?),
        scopes: row.parse("scopes")?,
        role_cap: row.parse::<Role>("a role")?,
        sources: {
            let text = row.text()?;
            let sources = text.split_whitespace().map(str::parse).collect::<Result<_, _>>();
            sources.map_err(|_| wrong("ranges of addresses"))?
        },
        created: row.number()?,
        until: row.maybe_number()?,
        last_used: match (row.maybe_number()?, row.maybe_text()?) {
            (Some(at), Some(from)) => Some((at, from.parse().map_err(|_| wrong("an address"))?)),
            _ => None,
        },
        ended: row.maybe_number()?,
        seal: row.bytes()?,
    })
}

impl Store {
    /// Writes a key that was just made.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Removed`], [`Error::TooMany`], and what a transaction may fail of.
    pub async fn add_key(&self, key: &ApiKey, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        let owner = of_id(&mut tx, key.account).await?;
        if owner.removed.is_some() {
            return Err(Error::Removed);
        }
        if owner.locked.is_some() {
            return Err(Error::Locked);
        }
        let sql = "SELECT COUNT(*) FROM api_keys WHERE account = $1 AND ended_at IS NULL \
            AND (until_at IS NULL OR until_at > $2)";
        let row = tx.run(sql, &[text(key.account), Value::from(now)]).await?.one();
        let live = row.map(|mut row| row.number()).transpose()?.unwrap_or(0);
        if live >= KEYS_PER_ACCOUNT as u64 {
            return Err(Error::TooMany { what: "API keys", limit: KEYS_PER_ACCOUNT });
        }
        let sources: Vec<_> = key.sources.iter().map(ToString::to_string).collect();
        let sql = "INSERT INTO api_keys (id, account, name, digest, scopes, role_cap, sources, created, until_at, seal) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let bound = &[
            text(key.id),
            text(key.account),
            Value::from(key.name.as_str()),
            Value::from(key.digest.as_bytes().as_slice()),
            text(key.scopes),
            text(key.role_cap),
            Value::from(sources.join(" ")),
            Value::from(key.created),
            Value::from(key.until),
            Value::from(key.seal.as_slice()),
        ];
        tx.run(sql, bound).await?;
        tx.changed(ChangeKind::Key, key.id);
        tx.commit().await.map(drop)
    }

    /// Ends a key; true when it lived.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a transaction may fail of.
    pub async fn end_key(&self, id: KeyId, now: u64) -> Result<bool, Error> {
        let mut tx = self.begin(now).await?;
        let sql = "UPDATE api_keys SET ended_at = $2, seal = $3 WHERE id = $1 AND ended_at IS NULL";
        let lived = tx.run(sql, &[text(id), Value::from(now), Value::from(NO_SEAL)]).await?.changed == 1;
        if lived {
            tx.changed(ChangeKind::Key, id);
        } else if tx.run("SELECT id FROM api_keys WHERE id = $1", &[text(id)]).await?.one().is_none() {
            return Err(Error::absent("API key", id));
        }
        tx.commit().await?;
        Ok(lived)
    }

    /// Ends all keys of these accounts that were made until `at`.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn revoke_keys(&self, accounts: &[AccountId], at: u64, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        for account in accounts {
            let sql = "SELECT id FROM api_keys WHERE account = $1 AND ended_at IS NULL AND created <= $2 ORDER BY id";
            for mut row in tx.run(sql, &[text(account), Value::from(at)]).await?.rows {
                let id = row.text()?;
                tx.changed(ChangeKind::Key, id);
            }
            let sql = "UPDATE api_keys SET ended_at = $3, seal = $4 \
                WHERE account = $1 AND ended_at IS NULL AND created <= $2";
            let bound = [text(account), Value::from(at), Value::from(now), Value::from(NO_SEAL)];
            tx.run(sql, &bound).await?;
        }
        tx.commit().await.map(drop)
    }

    /// Writes new seals of keys that live.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn seal_keys(&self, seals: &[(KeyId, Vec<u8>)], now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        for (id, seal) in seals {
            let sql = "UPDATE api_keys SET seal = $2 WHERE id = $1 AND ended_at IS NULL";
            tx.run(sql, &[text(id), Value::from(seal.as_slice())]).await?;
            tx.changed(ChangeKind::Key, id);
        }
        tx.commit().await.map(drop)
    }

    /// Writes when and from where keys were last used. Others need not hear of it.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn keys_used(&self, batch: &[(KeyId, u64, IpAddr)], now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        // In the order of ids, as every batch that two machines may write.
        let mut batch = batch.to_vec();
        batch.sort();
        for (id, at, from) in batch {
            let sql = "UPDATE api_keys SET last_used = $2, last_from = $3 WHERE id = $1 AND COALESCE(last_used, 0) < $2";
            tx.run(sql, &[text(id), Value::from(at), text(from)]).await?;
        }
        tx.commit().await.map(drop)
    }

    /// An account's keys that live, by the time they were made.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn keys_of(&self, account: AccountId) -> Result<Vec<ApiKey>, Error> {
        let sql = keys!("WHERE account = $1 AND ended_at IS NULL ORDER BY created, id");
        self.driver.read(sql, values![account.to_string()]).await?.rows.into_iter().map(read).collect()
    }

    /// At most [`ROWS_AT_ONCE`] keys that live now, behind this id, in the order of ids.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn live_keys(&self, after: Option<KeyId>, now: u64) -> Result<Vec<ApiKey>, Error> {
        let sql = keys!(
            "WHERE ended_at IS NULL AND id > $1 AND (until_at IS NULL OR until_at > $2) ORDER BY id LIMIT $3"
        );
        let after = after.map_or_else(String::new, |id| id.to_string());
        let found = self.driver.read(sql, values![after, now, ROWS_AT_ONCE as u64]).await?;
        found.rows.into_iter().map(read).collect()
    }

    /// Keys by their ids, ended ones too, in no order; unknown ones are missing.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn keys(&self, ids: &[KeyId]) -> Result<Vec<ApiKey>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(ROWS_AT_ONCE) {
            let bound: Vec<_> = some.iter().map(text).collect();
            let sql = format!("{}({})", keys!("WHERE id IN "), list(1, some.len()));
            for row in self.driver.read(&sql, &bound).await?.rows {
                found.push(read(row)?);
            }
        }
        Ok(found)
    }
}

/// Makes the keys that live another's. Answers them as they are now.
pub(crate) async fn moved(tx: &mut Tx, from: AccountId, to: AccountId) -> Result<Vec<ApiKey>, Error> {
    let sql = keys!("WHERE account = $1 AND ended_at IS NULL ORDER BY id");
    let rows = tx.run(sql, &[text(from)]).await?.rows;
    let keys: Vec<ApiKey> = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    let sql = "UPDATE api_keys SET account = $2 WHERE account = $1 AND ended_at IS NULL";
    tx.run(sql, &[text(from), text(to)]).await?;
    for key in &keys {
        tx.changed(ChangeKind::Key, key.id);
    }
    Ok(keys.into_iter().map(|key| ApiKey { account: to, ..key }).collect())
}

/// Ends all keys of an account.
pub(crate) async fn end_all(tx: &mut Tx, account: AccountId) -> Result<(), Error> {
    let sql = "SELECT id FROM api_keys WHERE account = $1 AND ended_at IS NULL";
    for mut row in tx.run(sql, &[text(account)]).await?.rows {
        let id = row.text()?;
        tx.changed(ChangeKind::Key, id);
    }
    let sql = "UPDATE api_keys SET ended_at = $2, seal = $3 WHERE account = $1 AND ended_at IS NULL";
    let now = tx.now();
    tx.run(sql, &[text(account), Value::from(now), Value::from(NO_SEAL)]).await.map(drop)
}
