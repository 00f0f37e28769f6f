//! Accounts: found or made at a sign-in ([`open`]), changed by people ([`acts`]), listed ([`list`]).

pub(crate) mod acts;
pub(crate) mod list;
pub(crate) mod open;

use portcullis_model::account::{Account, GroupRef, Identity, Lock, Profile, RoleReason, RoleRule, UniqueId};
use portcullis_model::factor::FactorNeed;
use portcullis_model::{AccountId, GroupId};

use crate::driver::{Driver, Tx};
use crate::groups::{self, OWN};
use crate::value::{Done, Row, Value, text, values, wrong};
use crate::{Error, Store};

/// The columns of an account, in the order of [`read`]. The factors are counted here, so that a list is one statement.
macro_rules! accounts {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.number, a.provider, a.unique_id, a.username, a.unix_name, ",
            "a.first_name, a.last_name, a.email, a.display, ",
            "a.role, a.role_rule, a.role_value, a.role_place, a.role_fixed, ",
            "a.locked_at, a.locked_by, a.created, a.last_sign_in, a.epoch, a.removed_at, ",
            "(SELECT COUNT(*) FROM factors f WHERE f.account = a.id AND f.kind = 'totp' AND f.confirmed = 1), ",
            "(SELECT COUNT(*) FROM factors f WHERE f.account = a.id AND f.kind = 'passkey' AND f.confirmed = 1), ",
            "(SELECT CAST(COALESCE(SUM(f.counter), 0) AS BIGINT) FROM factors f ",
            "WHERE f.account = a.id AND f.kind = 'recovery' AND f.confirmed = 1) ",
            "FROM accounts a ",
            $rest
        )
    };
}
pub(crate) use accounts;

/// Who can be asked for rows: the database at large, or a transaction.
pub(crate) trait Ask {
    async fn ask(&mut self, sql: &str, values: &[Value]) -> Result<Done, Error>;
}

impl Ask for &Driver {
    async fn ask(&mut self, sql: &str, values: &[Value]) -> Result<Done, Error> {
        self.read(sql, values).await
    }
}

impl Ask for &mut Tx {
    async fn ask(&mut self, sql: &str, values: &[Value]) -> Result<Done, Error> {
        self.run(sql, values).await
    }
}

/// An account of a row, without its groups.
pub(crate) fn read(mut row: Row) -> Result<Account, Error> {
    let id = row.parse("the id of an account")?;
    let number = row.number()?;
    let provider = row.parse("a provider")?;
    let unique = UniqueId::try_from(row.bytes()?).map_err(|_| wrong("a unique id"))?;
    let identity = Identity { provider, unique };
    let username = row.text()?;
    let unix = row.parse("a user name")?;
    let profile = Profile { first: row.text()?, last: row.text()?, email: row.text()?, display: row.text()? };
    let role = row.parse("a role")?;
    let rule = RoleRule::of_word(&row.text()?).ok_or_else(|| wrong("a rule of roles"))?;
    let role_reason = RoleReason { rule, value: row.text()?, place: row.text()? };
    let role_fixed = row.yes()?;
    let (at, by) = (row.maybe_number()?, row.maybe_text()?);
    let locked = at.map(|at| Lock { at, by: by.unwrap_or_default() });
    let created = row.number()?;
    let last_sign_in = row.maybe_number()?;
    let epoch = u32::try_from(row.number()?)?;
    let removed = row.maybe_number()?;
    let factors = FactorNeed {
        totp: row.yes()?,
        passkey: row.yes()?,
        recovery: u8::try_from(row.number()?).unwrap_or(u8::MAX),
    };
    let (groups, own_groups) = (Vec::new(), Vec::new());
    Ok(Account {
        id,
        number,
        identity,
        username,
        unix,
        profile,
        role,
        role_reason,
        role_fixed,
        locked,
        created,
        last_sign_in,
        epoch,
        groups,
        own_groups,
        factors,
        removed,
    })
}

/// The account with its groups.
pub(crate) async fn with_groups(mut on: impl Ask, mut account: Account) -> Result<Account, Error> {
    let sql = "SELECT g.provider, g.id, g.name, g.unique_id, g.dn FROM memberships m \
        JOIN groups g ON g.id = m.group_id WHERE m.account = $1";
    for mut row in on.ask(sql, &[text(account.id)]).await?.rows {
        let provider = row.text()?;
        let id: GroupId = row.parse("the id of a group")?;
        if provider == OWN {
            account.own_groups.push(id);
            continue;
        }
        let name = row.text()?;
        let unique = row.maybe_bytes()?.map(UniqueId::try_from).transpose();
        let unique = unique.map_err(|_| wrong("the unique id of a group"))?;
        account.groups.push(GroupRef { name, unique, dn: row.maybe_text()? });
    }
    account.groups.sort();
    account.own_groups.sort();
    Ok(account)
}

/// The live account of this identity.
pub(crate) async fn of_identity(mut on: impl Ask, identity: &Identity) -> Result<Option<Account>, Error> {
    let sql = accounts!("WHERE a.provider = $1 AND a.unique_id = $2 AND a.removed_at IS NULL");
    let bound = &[text(&identity.provider), Value::from(identity.unique.as_bytes())];
    on.ask(sql, bound).await?.one().map(read).transpose()
}

/// The account of this id, removed ones too.
pub(crate) async fn of_id(mut on: impl Ask, id: AccountId) -> Result<Account, Error> {
    let row = on.ask(accounts!("WHERE a.id = $1"), &[text(id)]).await?.one();
    read(row.ok_or_else(|| Error::absent("account", id))?)
}

impl Store {
    /// The account of this id with its groups, removed ones too.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a look may fail of.
    pub async fn account(&self, id: AccountId) -> Result<Account, Error> {
        let account = of_id(&self.driver, id).await?;
        with_groups(&self.driver, account).await
    }

    /// The account of this identity with its groups, if it is a live one.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn account_of(&self, identity: &Identity) -> Result<Option<Account>, Error> {
        match of_identity(&self.driver, identity).await? {
            Some(account) => with_groups(&self.driver, account).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Tx {
    /// Refuses when the Unix account belongs to another live account.
    pub(crate) async fn not_taken(
        &mut self,
        unix: &portcullis_model::UserName,
        by: Option<AccountId>,
    ) -> Result<(), Error> {
        let sql = "SELECT COUNT(*) FROM accounts WHERE unix_name = $1 AND removed_at IS NULL AND id <> $2";
        let id = by.map_or_else(String::new, |id| id.to_string());
        let row = self.run(sql, values![unix.as_str(), id]).await?.one();
        match row.map(|mut row| row.int()).transpose()? {
            Some(0) => Ok(()),
            _ => Err(Error::Taken(unix.clone())),
        }
    }

    /// Whether nobody else administrates.
    pub(crate) async fn last_administrator(&mut self, id: AccountId) -> Result<bool, Error> {
        let sql = "SELECT COUNT(*) FROM accounts WHERE role = 'administrator' AND locked_at IS NULL \
            AND removed_at IS NULL AND id <> $1";
        let row = self.run(sql, &[text(id)]).await?.one();
        Ok(row.map(|mut row| row.int()).transpose()? == Some(0))
    }

    /// Writes an account that is new.
    pub(crate) async fn insert(&mut self, account: &Account) -> Result<(), Error> {
        let columns = "id, number, provider, unique_id, username, unix_name, first_name, last_name, email, display, \
            role, role_rule, role_value, role_place, role_fixed, locked_at, locked_by, created, last_sign_in, epoch";
        let places = crate::driver::places(1, 20);
        let bound = &[
            text(account.id),
            Value::from(account.number),
            text(&account.identity.provider),
            Value::from(account.identity.unique.as_bytes()),
            Value::from(account.username.as_str()),
            text(&account.unix),
            Value::from(account.profile.first.as_str()),
            Value::from(account.profile.last.as_str()),
            Value::from(account.profile.email.as_str()),
            Value::from(account.profile.display.as_str()),
            text(account.role),
            Value::from(account.role_reason.rule.word()),
            Value::from(account.role_reason.value.as_str()),
            Value::from(account.role_reason.place.as_str()),
            Value::from(account.role_fixed),
            Value::from(account.locked.as_ref().map(|lock| lock.at)),
            Value::from(account.locked.as_ref().map(|lock| lock.by.as_str())),
            Value::from(account.created),
            Value::from(account.last_sign_in),
            Value::from(u64::from(account.epoch)),
        ];
        self.run(&format!("INSERT INTO accounts ({columns}) VALUES {places}"), bound).await.map(drop)
    }

    /// Writes what may change of an account; its groups are [`groups`]'s.
    pub(crate) async fn update(&mut self, account: &Account) -> Result<(), Error> {
        let sql = "UPDATE accounts SET provider = $2, unique_id = $3, username = $4, unix_name = $5, \
            first_name = $6, last_name = $7, email = $8, display = $9, role = $10, role_rule = $11, \
            role_value = $12, role_place = $13, role_fixed = $14, locked_at = $15, locked_by = $16, \
            last_sign_in = $17, epoch = $18, removed_at = $19 WHERE id = $1";
        let bound = &[
            text(account.id),
            text(&account.identity.provider),
            Value::from(account.identity.unique.as_bytes()),
            Value::from(account.username.as_str()),
            text(&account.unix),
            Value::from(account.profile.first.as_str()),
            Value::from(account.profile.last.as_str()),
            Value::from(account.profile.email.as_str()),
            Value::from(account.profile.display.as_str()),
            text(account.role),
            Value::from(account.role_reason.rule.word()),
            Value::from(account.role_reason.value.as_str()),
            Value::from(account.role_reason.place.as_str()),
            Value::from(account.role_fixed),
            Value::from(account.locked.as_ref().map(|lock| lock.at)),
            Value::from(account.locked.as_ref().map(|lock| lock.by.as_str())),
            Value::from(account.last_sign_in),
            Value::from(u64::from(account.epoch)),
            Value::from(account.removed),
        ];
        self.run(sql, bound).await?;
        self.changed(crate::ChangeKind::Account, account.id);
        Ok(())
    }

    /// The number of the next account. From here on nobody else makes or changes accounts until this transaction is over.
    pub(crate) async fn next_number(&mut self) -> Result<u64, Error> {
        self.run("UPDATE counters SET value = value + 1 WHERE name = 'account'", &[]).await?;
        let row = self.run("SELECT value FROM counters WHERE name = 'account'", &[]).await?.one();
        row.ok_or_else(|| Error::Broken("the counter of accounts is missing".to_owned()))?.number()
    }
}

/// A new id.
pub(crate) fn fresh<T, E: std::fmt::Display>(id: Result<T, E>) -> Result<T, Error> {
    id.map_err(|error| Error::Broken(format!("no random numbers: {error}")))
}

/// Gives the account these groups of its provider; true when that changed any.
pub(crate) async fn set_groups(
    tx: &mut Tx,
    account: &mut Account,
    wanted: &[GroupRef],
) -> Result<bool, Error> {
    let wanted = groups::sorted(wanted);
    if account.groups == wanted {
        return Ok(false);
    }
    groups::replace(tx, account.id, &account.identity.provider, &account.groups, &wanted).await?;
    account.groups = wanted;
    Ok(true)
}
