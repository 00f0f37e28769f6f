//! What people change of accounts. Whether they may was asked before; here is only what the data itself forbids.

use portcullis_model::account::{Account, Identity, Lock, Profile, Role, RoleReason, RoleRule};
use portcullis_model::key::ApiKey;
use portcullis_model::role_rule::{self, RoleRules, Told};
use portcullis_model::{AccountId, UserName};

use crate::accounts::list::{Select, select};
use crate::accounts::{fresh, of_identity, with_groups};
use crate::driver::Tx;
use crate::value::{Value, text, values};
use crate::{ChangeKind, Error, Store, keys};

/// What belongs to an account and keeps it from being removed until it is another's: table, column, and what to call it.
/// Who adds such a thing adds a row.
pub(crate) const OWNED: &[(&str, &str, &str)] = &[("groups", "owner", "groups")];

/// An account made before its first sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Who it is; with the system's provider the unique id is the uid as text.
    pub identity: Identity,
    /// The name at the provider.
    pub username: String,
    /// The Unix account.
    pub unix: UserName,
    /// Names and address, where they are known.
    pub profile: Profile,
    /// The role that a person gives it; none: by the rules, now for the first account, else at sign-ins.
    pub role: Option<Role>,
}

/// What of an account changes; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The role. From then on it is fixed.
    pub role: Option<Role>,
    /// The name at its provider.
    pub username: Option<String>,
    /// The Unix account.
    pub unix: Option<UserName>,
    /// Who it is at its provider.
    pub identity: Option<Identity>,
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// What pages call the person.
    pub display: Option<String>,
}

/// A change, from and to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Before.
    pub before: Account,
    /// After.
    pub after: Account,
}

/// An account that was made.
pub type Added = Account;

/// A removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// As it was.
    pub before: Account,
    /// As it is kept for lists of the past.
    pub after: Account,
}

/// A transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// From whom.
    pub from: Account,
    /// To whom.
    pub to: Account,
    /// How many things of each kind, keys among them.
    pub moved: Vec<(&'static str, u64)>,
    /// The keys that are the other's now. Their seals are of the former owner: seal them anew ([`Store::seal_keys`]) or nobody
    /// honours them.
    pub keys: Vec<ApiKey>,
}

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Taken`], and what a transaction may fail of.
    pub async fn add_account(
        &self,
        new: &NewAccount,
        by: &str,
        rules: &RoleRules,
        now: u64,
    ) -> Result<Added, Error> {
        let mut tx = self.begin(now).await?;
        let number = tx.next_number().await?;
        if let Some(account) = of_identity(&mut tx, &new.identity).await? {
            return Err(Error::Exists(account.username));
        }
        tx.not_taken(&new.unix, None).await?;
        let (role, role_reason) = match new.role {
            Some(role) => (role, given(by)),
            None => role_rule::role(number == 1, rules, Told::default()),
        };
        let account = Account {
            id: fresh(AccountId::random())?,
            number,
            identity: new.identity.clone(),
            username: new.username.clone(),
            unix: new.unix.clone(),
            profile: new.profile.clone(),
            role,
            role_reason,
            role_fixed: number == 1 || new.role.is_some(),
            locked: None,
            created: now,
            last_sign_in: None,
            epoch: 0,
            groups: Vec::new(),
            own_groups: Vec::new(),
            factors: Default::default(),
            removed: None,
        };
        tx.insert(&account).await?;
        tx.changed(ChangeKind::Account, account.id);
        tx.commit().await?;
        Ok(account)
    }

    /// Changes fields. A role given so is fixed: no mapping changes it afterwards.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Taken`], [`Error::Exists`], [`Error::LastAdministrator`] without `force`, and what a
    /// transaction may fail of.
    pub async fn alter(
        &self,
        which: &Select,
        change: &AccountChange,
        by: &str,
        force: bool,
        now: u64,
    ) -> Result<Changed, Error> {
        let change = change.clone();
        let mut tx = self.begin(now).await?;
        let before = tx.locked_account(which).await?;
        let mut after = before.clone();
        if let Some(role) = change.role {
            (after.role, after.role_reason, after.role_fixed) = (role, given(by), true);
        }
        if let Some(identity) = change.identity {
            match of_identity(&mut tx, &identity).await? {
                Some(other) if other.id != before.id => return Err(Error::Exists(other.username)),
                _ => after.identity = identity,
            }
        }
        if let Some(unix) = change.unix {
            tx.not_taken(&unix, Some(before.id)).await?;
            after.unix = unix;
        }
        let profile = &mut after.profile;
        for (kept, given) in [
            (&mut after.username, change.username),
            (&mut profile.first, change.first),
            (&mut profile.last, change.last),
            (&mut profile.email, change.email),
            (&mut profile.display, change.display),
        ] {
            if let Some(given) = given {
                *kept = given;
            }
        }
        let demoted = before.role == Role::Administrator && after.role < before.role;
        if demoted && !force && tx.last_administrator(before.id).await? {
            return Err(Error::LastAdministrator(before.username));
        }
        if (after.role, &after.unix, &after.identity) != (before.role, &before.unix, &before.identity) {
            after.epoch = after.epoch.wrapping_add(1);
        }
        tx.update(&after).await?;
        tx.commit().await?;
        Ok(Changed { before, after })
    }

    /// Locks an account and ends its sign-ins here; keys are kept, and are good again when it is unlocked.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a transaction may fail of. A second lock changes nothing.
    pub async fn lock(&self, which: &Select, by: &str, now: u64) -> Result<Changed, Error> {
        let mut tx = self.begin(now).await?;
        let before = tx.locked_account(which).await?;
        let mut after = before.clone();
        if before.locked.is_none() {
            after.locked = Some(Lock { at: now, by: by.to_owned() });
            after.epoch = after.epoch.wrapping_add(1);
            tx.update(&after).await?;
            tx.end_all(after.id, "revoked").await?;
        }
        tx.commit().await?;
        Ok(Changed { before, after })
    }

    /// Takes the lock away.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a transaction may fail of. Without a lock nothing changes.
    pub async fn unlock(&self, which: &Select, now: u64) -> Result<Changed, Error> {
        let mut tx = self.begin(now).await?;
        let before = tx.locked_account(which).await?;
        let mut after = before.clone();
        if before.locked.is_some() {
            after.locked = None;
            tx.update(&after).await?;
        }
        tx.commit().await?;
        Ok(Changed { before, after })
    }

    /// Makes what one owns another's: everything of `OWNED`, and with `keys` the keys that live.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a transaction may fail of.
    pub async fn transfer(
        &self,
        from: &Select,
        to: &Select,
        with_keys: bool,
        now: u64,
    ) -> Result<Transferred, Error> {
        let mut tx = self.begin(now).await?;
        let from = tx.locked_account(from).await?;
        let to = tx.locked_account(to).await?;
        let mut moved = Vec::new();
        let mut keys = Vec::new();
        if from.id != to.id {
            for (table, column, what) in OWNED {
                let sql = format!("UPDATE {table} SET {column} = $2 WHERE {column} = $1");
                moved.push((*what, tx.run(&sql, &[text(from.id), text(to.id)]).await?.changed));
            }
            if with_keys {
                keys = keys::moved(&mut tx, from.id, to.id).await?;
                moved.push(("keys", keys.len() as u64));
            }
            for id in [from.id, to.id] {
                tx.changed(ChangeKind::Account, id);
            }
        }
        tx.commit().await?;
        Ok(Transferred { from, to, moved, keys })
    }

    /// Removes an account that owns nothing any more: its sign-ins and keys end, its factors and memberships are forgotten. Its
    /// row is kept for lists of the past, its id is never given again.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Owns`], [`Error::LastAdministrator`] without `force`, and what a transaction may fail of.
    pub async fn remove(&self, which: &Select, force: bool, now: u64) -> Result<Removed, Error> {
        let mut tx = self.begin(now).await?;
        let before = tx.locked_account(which).await?;
        for (table, column, what) in OWNED {
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1");
            let row = tx.run(&sql, &[text(before.id)]).await?.one();
            let count = row.map(|mut row| row.number()).transpose()?.unwrap_or(0);
            if count > 0 {
                return Err(Error::Owns { name: before.username, count, what });
            }
        }
        if before.role == Role::Administrator && !force && tx.last_administrator(before.id).await? {
            return Err(Error::LastAdministrator(before.username));
        }
        tx.end_all(before.id, "revoked").await?;
        keys::end_all(&mut tx, before.id).await?;
        for table in ["factors", "memberships", "sync"] {
            tx.run(&format!("DELETE FROM {table} WHERE account = $1"), &[text(before.id)]).await?;
        }
        let mut after = Account { removed: Some(now), factors: Default::default(), ..before.clone() };
        after.epoch = after.epoch.wrapping_add(1);
        (after.groups, after.own_groups) = (Vec::new(), Vec::new());
        tx.update(&after).await?;
        tx.commit().await?;
        Ok(Removed { before, after })
    }
}

impl Tx {
    /// The account that is meant, with its groups, while nobody else changes accounts.
    pub(crate) async fn locked_account(&mut self, which: &Select) -> Result<Account, Error> {
        self.alone("account").await?;
        let account = select(&mut *self, which).await?;
        with_groups(self, account).await
    }

    /// Ends all sign-ins of an account.
    pub(crate) async fn end_all(&mut self, account: AccountId, why: &str) -> Result<(), Error> {
        let sql = "SELECT id FROM sign_ins WHERE account = $1 AND ended_at IS NULL ORDER BY id";
        let live = self.run(sql, &[text(account)]).await?;
        for mut row in live.rows {
            let id = row.text()?;
            self.changed(ChangeKind::SignIn, id);
        }
        let sql = "UPDATE sign_ins SET ended_at = $2, why = $3 WHERE account = $1 AND ended_at IS NULL";
        let bound = &[text(account), Value::from(self.now()), Value::from(why)];
        self.run(sql, bound).await.map(drop)
    }
}

fn given(by: &str) -> RoleReason {
    RoleReason { rule: RoleRule::Given, value: String::new(), place: by.to_owned() }
}

impl Store {
    /// How many things of each kind of `OWNED` an account owns, and how many keys of it live.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn owned(&self, account: AccountId) -> Result<Vec<(&'static str, u64)>, Error> {
        let mut found = Vec::new();
        let keys =
            ("SELECT COUNT(*) FROM api_keys WHERE account = $1 AND ended_at IS NULL".to_owned(), "keys");
        let others = OWNED.iter().map(|(table, column, what)| {
            (format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1"), *what)
        });
        for (sql, what) in others.chain([keys]) {
            let row = self.driver.read(&sql, values![account.to_string()]).await?.one();
            found.push((what, row.map(|mut row| row.number()).transpose()?.unwrap_or(0)));
        }
        Ok(found)
    }
}
