//! Second factors: sealed rows, and the one place where a code or a counter is used up, so that it counts once on all machines.

use portcullis_model::factor::{FACTORS_MAX, Factor};
use portcullis_model::{AccountId, FactorId};

use crate::accounts::of_id;
use crate::driver::Tx;
use crate::value::{Row, Value, text, values};
use crate::{ChangeKind, Error, Store};

const COLUMNS: &str =
    "id, account, kind, name, secret, credential, counter, step, created, last_used, confirmed";

fn read(mut row: Row) -> Result<Factor, Error> {
    Ok(Factor {
        id: row.parse("the id of a factor")?,
        account: row.parse("the id of an account")?,
        kind: row.parse("a kind of factor")?,
        name: row.text()?,
        sealed: row.bytes()?,
        credential: row.bytes()?,
        counter: row.number()?,
        step: row.number()?,
        created: row.number()?,
        last_used: row.maybe_number()?,
        confirmed: row.yes()?,
    })
}

impl Store {
    /// Writes a factor, confirmed or not.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Removed`], [`Error::TooMany`], and what a transaction may fail of.
    pub async fn add_factor(&self, factor: &Factor, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        if of_id(&mut tx, factor.account).await?.removed.is_some() {
            return Err(Error::Removed);
        }
        let row =
            tx.run("SELECT COUNT(*) FROM factors WHERE account = $1", &[text(factor.account)]).await?.one();
        let count = row.map(|mut row| row.number()).transpose()?.unwrap_or(0);
        if count >= FACTORS_MAX as u64 {
            return Err(Error::TooMany { what: "factors", limit: FACTORS_MAX });
        }
        let sql = format!("INSERT INTO factors ({COLUMNS}) VALUES {}", crate::driver::places(1, 11));
        let bound = &[
            text(factor.id),
            text(factor.account),
            text(factor.kind),
            Value::from(factor.name.as_str()),
            Value::from(factor.sealed.as_slice()),
            Value::from(factor.credential.as_slice()),
            Value::from(factor.counter),
            Value::from(factor.step),
            Value::from(factor.created),
            Value::from(factor.last_used),
            Value::from(factor.confirmed),
        ];
        tx.run(&sql, bound).await?;
        tx.touched(factor.account).await?;
        tx.commit().await.map(drop)
    }

    /// An account's factors, those not confirmed too, by the time they were enrolled.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn factors(&self, account: AccountId) -> Result<Vec<Factor>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM factors WHERE account = $1 ORDER BY created, id");
        self.driver.read(&sql, values![account.to_string()]).await?.rows.into_iter().map(read).collect()
    }

    /// Uses up a time step (TOTP): true when neither it nor a later one was used before, on any machine. The first time confirms
    /// the factor.
    ///
    /// # Errors
    /// What a transaction may fail of; then the code counts as not accepted, and may be used up all the same.
    pub async fn accept_step(&self, factor: &Factor, step: u64, now: u64) -> Result<bool, Error> {
        let sql = "UPDATE factors SET step = $3, last_used = $4, confirmed = 1 WHERE id = $1 AND account = $2 AND step < $3";
        self.accept(factor, sql, &[Value::from(step), Value::from(now)], now).await
    }

    /// Takes an authenticator's counter (passkey): true when it is higher than the last one, or when the authenticator has none
    /// and never had (WebAuthn level 2, section 6.1.1).
    ///
    /// # Errors
    /// As [`Store::accept_step`].
    pub async fn accept_counter(&self, factor: &Factor, counter: u64, now: u64) -> Result<bool, Error> {
        let sql = "UPDATE factors SET counter = $3, last_used = $4, confirmed = 1 WHERE id = $1 AND account = $2 \
            AND (counter < $3 OR (counter = 0 AND $3 = 0))";
        self.accept(factor, sql, &[Value::from(counter), Value::from(now)], now).await
    }

    /// Replaces what is sealed, if nobody replaced it since `factor` was read: a recovery code is used up so, and `left` says how
    /// many there are now. True when it was replaced.
    ///
    /// # Errors
    /// As [`Store::accept_step`].
    pub async fn accept_code(
        &self,
        factor: &Factor,
        sealed: &[u8],
        left: u64,
        now: u64,
    ) -> Result<bool, Error> {
        let sql = "UPDATE factors SET secret = $3, counter = $4, last_used = $5, confirmed = 1 \
            WHERE id = $1 AND account = $2 AND secret = $6";
        let rest =
            [Value::from(sealed), Value::from(left), Value::from(now), Value::from(factor.sealed.as_slice())];
        self.accept(factor, sql, &rest, now).await
    }

    async fn accept(&self, factor: &Factor, sql: &str, rest: &[Value], now: u64) -> Result<bool, Error> {
        let mut tx = self.begin(now).await?;
        let bound = [&[text(factor.id), text(factor.account)], rest].concat();
        let accepted = tx.run(sql, &bound).await?.changed == 1;
        if accepted && !factor.confirmed {
            tx.touched(factor.account).await?;
        }
        tx.commit().await?;
        Ok(accepted)
    }

    /// Forgets a factor of this account; the recovery codes too when it was the last other one.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a transaction may fail of.
    pub async fn remove_factor(&self, account: AccountId, id: FactorId, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        let sql = "DELETE FROM factors WHERE id = $1 AND account = $2";
        if tx.run(sql, &[text(id), text(account)]).await?.changed == 0 {
            return Err(Error::absent("factor", id));
        }
        let sql = "DELETE FROM factors WHERE account = $1 AND kind = 'recovery' AND NOT EXISTS \
            (SELECT 1 FROM factors f WHERE f.account = $1 AND f.kind <> 'recovery')";
        tx.run(sql, &[text(account)]).await?;
        tx.touched(account).await?;
        tx.commit().await.map(drop)
    }

    /// Forgets factors that were begun before `before` and never confirmed. Answers how many.
    ///
    /// # Errors
    /// What a transaction may fail of.
    pub async fn prune_factors(&self, before: u64, now: u64) -> Result<u64, Error> {
        let mut tx = self.begin(now).await?;
        let sql = "DELETE FROM factors WHERE confirmed = 0 AND created < $1";
        let gone = tx.run(sql, values![before]).await?.changed;
        tx.commit().await?;
        Ok(gone)
    }
}

impl Tx {
    /// What an account may do changed: what was granted before is judged anew, and others hear of it.
    async fn touched(&mut self, account: AccountId) -> Result<(), Error> {
        self.run("UPDATE accounts SET epoch = epoch + 1 WHERE id = $1", &[text(account)]).await?;
        self.changed(ChangeKind::Account, account);
        Ok(())
    }
}
