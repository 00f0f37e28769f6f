//! Sign-ins: the copy that other machines, lists and the past are read from. The truth about those of this machine is the
//! launcher's; rows carry its seal, which nothing here can make.

use std::collections::BTreeMap;
use std::net::IpAddr;

use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, SignInId};

use crate::driver::{Tx, places};
use crate::groups::list;
use crate::value::{Row, Value, text, values, wrong};
use crate::{ChangeKind, Error, Store};

/// Most rows of one page and of one batch: each is some 400 bytes, and a page is one message.
pub const ROWS_AT_ONCE: usize = 128;

/// A sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInRow {
    /// What the cookie carries.
    pub id: SignInId,
    /// Whose.
    pub account: AccountId,
    /// By what method.
    pub method: String,
    /// What factors besides, separated by spaces.
    pub factors: String,
    /// From where.
    pub remote: IpAddr,
    /// What the browser called itself.
    pub agent: String,
    /// At which machine: its id.
    pub node: String,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// Until when, in milliseconds since 1970.
    pub until: u64,
    /// Last used when, in milliseconds since 1970.
    pub seen: u64,
    /// When it ended (in milliseconds since 1970) and why.
    pub ended: Option<(u64, SignInEnd)>,
    /// The launcher's.
    pub seal: Vec<u8>,
}

/// A sign-in that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub id: SignInId,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Why.
    pub why: SignInEnd,
    /// Whether only its time was over, by what one machine knew: where another moved its end past `at`, it lives.
    pub unless_moved: bool,
}

/// A sign-in that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub id: SignInId,
    /// Last used when, in milliseconds since 1970.
    pub seen: u64,
    /// Until when it is good now, in milliseconds since 1970.
    pub until: u64,
}

macro_rules! sign_ins {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, method, factors, remote, agent, node, since, until_at, seen, ended_at, why, seal ",
            "FROM sign_ins ",
            $rest
        )
    };
}

fn read(mut row: Row) -> Result<SignInRow, Error> {
    Ok(SignInRow {
        id: row.parse("the id of a sign-in")?,
        account: row.parse("the id of an account")?,
        method: row.text()?,
        factors: row.text()?,
        remote: row.parse("an address")?,
        agent: row.text()?,
        node: row.text()?,
        since: row.number()?,
        until: row.number()?,
        seen: row.number()?,
        ended: match (row.maybe_number()?, row.maybe_text()?) {
            (Some(at), why) => Some((at, end_of(&why.unwrap_or_default())?)),
            _ => None,
        },
        seal: row.bytes()?,
    })
}

/// The word of an end, which is the audit log's too.
fn word(why: SignInEnd) -> Result<String, Error> {
    let word = serde_json::to_value(why).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).ok_or_else(|| wrong("a reason"))
}

fn end_of(word: &str) -> Result<SignInEnd, Error> {
    serde_json::from_value(word.into()).map_err(|_| wrong("a reason"))
}

/// Their accounts were here when they began: the latest counts, in whatever order rows arrive.
async fn last_signed_in(tx: &mut Tx, rows: &[SignInRow]) -> Result<(), Error> {
    let mut latest = BTreeMap::new();
    for row in rows {
        let since = latest.entry(row.account).or_insert(row.since);
        *since = row.since.max(*since);
    }
    let bound: Vec<_> =
        latest.iter().flat_map(|(&account, &since)| [text(account), Value::from(since)]).collect();
    let told: Vec<_> = (0..latest.len())
        .map(|at| format!("(CAST(${} AS TEXT), CAST(${} AS BIGINT))", at * 2 + 1, at * 2 + 2))
        .collect();
    let sql = format!(
        "UPDATE accounts SET last_sign_in = told.column2 FROM (VALUES {}) AS told \
         WHERE accounts.id = told.column1 AND (last_sign_in IS NULL OR last_sign_in < told.column2)",
        told.join(", ")
    );
    tx.run(&sql, &bound).await.map(drop)
}

impl Store {
    /// Writes sign-ins that began or moved on, all or none. Again is as good as once, an end never moves back, and one that ended
    /// stays ended, but for one whose time was over and isn't: another machine may have moved it. The time of an account's last
    /// sign-in goes with them.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn began(&self, rows: &[SignInRow], now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        for some in rows.chunks(ROWS_AT_ONCE) {
            let mut bound = Vec::with_capacity(some.len() * 11);
            for row in some {
                bound.extend([
                    text(row.id),
                    text(row.account),
                    Value::from(row.method.as_str()),
                    Value::from(row.factors.as_str()),
                    text(row.remote),
                    Value::from(row.agent.as_str()),
                    Value::from(row.node.as_str()),
                    Value::from(row.since),
                    Value::from(row.until),
                    Value::from(row.seen),
                    Value::from(row.seal.as_slice()),
                ]);
                tx.changed(ChangeKind::SignIn, row.id);
            }
            let sql = format!(
                "INSERT INTO sign_ins (id, account, method, factors, remote, agent, node, since, until_at, seen, seal) \
                 VALUES {} ON CONFLICT (id) DO UPDATE SET until_at = excluded.until_at, seen = excluded.seen, \
                 seal = excluded.seal, ended_at = NULL, why = NULL \
                 WHERE (sign_ins.ended_at IS NULL AND excluded.until_at >= sign_ins.until_at) \
                 OR (sign_ins.why = 'expired' AND excluded.until_at > sign_ins.until_at)",
                places(some.len(), 11)
            );
            tx.run(&sql, &bound).await?;
            last_signed_in(&mut tx, some).await?;
        }
        tx.commit().await.map(drop)
    }

    /// Writes ends, all or none; an end that is written already stays as it is. Answers those that no row is known of: they
    /// began elsewhere and have not arrived, or nobody wrote them down.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn ended(&self, ends: &[Ended], now: u64) -> Result<Vec<SignInId>, Error> {
        let mut tx = self.begin(now).await?;
        let mut unknown = Vec::new();
        for end in ends {
            let sql = "UPDATE sign_ins SET ended_at = $2, why = $3 WHERE id = $1 AND ended_at IS NULL AND until_at <= $4";
            let over = if end.unless_moved { end.at } else { u64::MAX };
            let bound = &[text(end.id), Value::from(end.at), Value::from(word(end.why)?), Value::from(over)];
            if tx.run(sql, bound).await?.changed == 1 {
                tx.changed(ChangeKind::SignIn, end.id);
                continue;
            }
            let known = tx.run("SELECT id FROM sign_ins WHERE id = $1", &[text(end.id)]).await?.one();
            if known.is_none() {
                unknown.push(end.id);
            }
        }
        tx.commit().await?;
        Ok(unknown)
    }

    /// Writes when sign-ins were last used. Others need not hear of it.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn seen(&self, batch: &[Seen], now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        // In the order of ids, so that two machines that write the same rows wait for each other instead of both failing.
        let mut batch: Vec<_> = batch.iter().collect();
        batch.sort_by_key(|seen| seen.id);
        for seen in batch {
            let sql = "UPDATE sign_ins SET seen = $2, until_at = $3 WHERE id = $1 AND ended_at IS NULL AND seen < $2";
            tx.run(sql, &[text(seen.id), Value::from(seen.seen), Value::from(seen.until)]).await?;
        }
        tx.commit().await.map(drop)
    }

    /// Sign-ins by their ids, in no order; those that nobody wrote down are missing.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn sign_ins(&self, ids: &[SignInId]) -> Result<Vec<SignInRow>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(ROWS_AT_ONCE) {
            let bound: Vec<_> = some.iter().map(text).collect();
            let sql = format!("{}({})", sign_ins!("WHERE id IN "), list(1, some.len()));
            for row in self.driver.read(&sql, &bound).await?.rows {
                found.push(read(row)?);
            }
        }
        Ok(found)
    }

    /// At most [`ROWS_AT_ONCE`] sign-ins that live now, behind this id, in the order of ids.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn live_sign_ins(&self, after: Option<SignInId>, now: u64) -> Result<Vec<SignInRow>, Error> {
        let sql = sign_ins!("WHERE ended_at IS NULL AND id > $1 AND until_at > $2 ORDER BY id LIMIT $3");
        let after = after.map_or_else(String::new, |id| id.to_string());
        let found = self.driver.read(sql, values![after, now, ROWS_AT_ONCE as u64]).await?;
        found.rows.into_iter().map(read).collect()
    }

    /// At most [`ROWS_AT_ONCE`] live sign-ins that began at this machine, behind this id, in the order of ids.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn mine(&self, after: Option<SignInId>) -> Result<Vec<SignInId>, Error> {
        let sql =
            "SELECT id FROM sign_ins WHERE ended_at IS NULL AND id > $1 AND node = $2 ORDER BY id LIMIT $3";
        let after = after.map_or_else(String::new, |id| id.to_string());
        let found = self.driver.read(sql, values![after, self.node.as_str(), ROWS_AT_ONCE as u64]).await?;
        found.rows.into_iter().map(|mut row| row.parse("the id of a sign-in")).collect()
    }

    /// Ends all sign-ins of a person that began until `at`: of this account, and of the one that has this Unix account now. Whoever
    /// shares the database hears that the person is to be put out, signed in or not. Answers whose they were.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn revoke(
        &self,
        unix: &str,
        account: Option<AccountId>,
        at: u64,
        now: u64,
    ) -> Result<Vec<AccountId>, Error> {
        let mut tx = self.begin(now).await?;
        let sql = "SELECT id FROM accounts WHERE unix_name = $1 AND removed_at IS NULL";
        let mut meant: Vec<AccountId> = account.into_iter().collect();
        for mut row in tx.run(sql, values![unix]).await?.rows {
            let id = row.parse("the id of an account")?;
            if !meant.contains(&id) {
                meant.push(id);
            }
        }
        // In their order, so that two machines that revoke the same people wait for each other instead of both failing.
        meant.sort_unstable();
        for account in &meant {
            let sql =
                "SELECT id FROM sign_ins WHERE account = $1 AND ended_at IS NULL AND since <= $2 ORDER BY id";
            let bound = [text(account), Value::from(at)];
            for mut row in tx.run(sql, &bound).await?.rows {
                tx.changed(ChangeKind::SignIn, row.text()?);
            }
            let sql = "UPDATE sign_ins SET ended_at = $2, why = $3 WHERE account = $1 AND ended_at IS NULL AND since <= $2";
            let [account_text, at] = bound;
            tx.run(sql, &[account_text, at, Value::from(word(SignInEnd::Revoked)?)]).await?;
            tx.changed(ChangeKind::Revoked, account);
        }
        tx.commit().await?;
        Ok(meant)
    }

    /// An account's live sign-ins, at most [`ROWS_AT_ONCE`] of them.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn sign_ins_of(&self, account: AccountId, now: u64) -> Result<Vec<SignInRow>, Error> {
        let sql = sign_ins!("WHERE account = $1 AND ended_at IS NULL AND until_at > $2 LIMIT $3");
        let found = self.driver.read(sql, values![account.to_string(), now, ROWS_AT_ONCE as u64]).await?;
        found.rows.into_iter().map(read).collect()
    }

    /// Those of them that began at other machines, the newest first; at most [`ROWS_AT_ONCE`].
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn sign_ins_elsewhere(&self, account: AccountId, now: u64) -> Result<Vec<SignInRow>, Error> {
        let sql = sign_ins!(
            "WHERE account = $1 AND ended_at IS NULL AND until_at > $2 AND node <> $3 ORDER BY since DESC LIMIT $4"
        );
        let bound = values![account.to_string(), now, self.node.as_str(), ROWS_AT_ONCE as u64];
        self.driver.read(sql, bound).await?.rows.into_iter().map(read).collect()
    }

    /// An account's sign-ins, the newest first, before this one (its beginning and its id): at most [`ROWS_AT_ONCE`].
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn history(
        &self,
        account: AccountId,
        before: Option<(u64, SignInId)>,
    ) -> Result<Vec<SignInRow>, Error> {
        let sql = sign_ins!(
            "WHERE account = $1 AND (since < $2 OR (since = $2 AND id < $3)) ORDER BY since DESC, id DESC LIMIT $4"
        );
        let (since, id) = before.map_or((u64::MAX, String::new()), |(since, id)| (since, id.to_string()));
        let found =
            self.driver.read(sql, values![account.to_string(), since, id, ROWS_AT_ONCE as u64]).await?;
        found.rows.into_iter().map(read).collect()
    }

    /// Ends what ran out before `now` and forgets what ended before `keep_from`. Answers how many were forgotten.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn prune_sign_ins(&self, keep_from: u64, now: u64) -> Result<u64, Error> {
        let mut tx = self.begin(now).await?;
        let sql = "UPDATE sign_ins SET ended_at = until_at, why = 'expired' WHERE ended_at IS NULL AND until_at <= $1";
        tx.run(sql, values![now]).await?;
        let gone = tx.run("DELETE FROM sign_ins WHERE ended_at < $1", values![keep_from]).await?.changed;
        tx.commit().await?;
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_have_words() {
        for why in [SignInEnd::SignedOut, SignInEnd::Expired, SignInEnd::Revoked] {
            assert_eq!(end_of(&word(why).expect("a word")), Ok(why));
        }
        assert_eq!(word(SignInEnd::Revoked).as_deref(), Ok("revoked"));
        assert_eq!(word(SignInEnd::Expired).as_deref(), Ok("expired"));
        assert!(end_of("").is_err());
    }
}
