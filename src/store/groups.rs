//! Groups and who is in them: a provider's, as it names them at a sign-in, and our own.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_model::account::{GroupRef, Provider};
use portcullis_model::{AccountId, GroupId, dn};

use crate::accounts::fresh;
use crate::driver::{Tx, places};
use crate::value::{Row, Value, text, values};
use crate::{ChangeKind, Error, Store};

/// The provider of groups that are ours. No [`Provider`] has this text.
pub(crate) const OWN: &str = "portcullis";
/// How many groups one statement writes: a sign-in with 500 is a handful of statements.
const AT_ONCE: usize = 100;
/// Most groups and members of one page.
const PAGE: usize = 100;

/// Where a page begins and how long it is, in the order of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Behind this name and id; the first page when there is none.
    pub after: Option<(String, String)>,
    /// How many, at most 100.
    pub limit: usize,
}

impl Page {
    fn bound(&self) -> [Value; 3] {
        let (name, id) = self.after.clone().unwrap_or_default();
        [Value::from(name), Value::from(id), Value::from(self.limit.clamp(1, PAGE) as u64)]
    }
}

/// A group of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Names it for ever.
    pub id: GroupId,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// Made when, in milliseconds since 1970.
    pub created: u64,
    /// How many members it has.
    pub members: u64,
}

/// By what a group is known again: what the provider calls it for ever, else its distinguished name, else its name.
fn ident(group: &GroupRef) -> Vec<u8> {
    let dn = || group.dn.as_deref().and_then(dn::normalised);
    let (kind, bytes) = match &group.unique {
        Some(unique) => (b'u', unique.as_bytes().to_vec()),
        None => dn().map_or_else(|| (b'n', group.name.clone().into_bytes()), |dn| (b'd', dn.into_bytes())),
    };
    [vec![kind], bytes].concat()
}

/// In the order in which they are read again, each once.
pub(crate) fn sorted(groups: &[GroupRef]) -> Vec<GroupRef> {
    let mut seen = BTreeSet::new();
    let mut sorted: Vec<_> = groups.iter().filter(|group| seen.insert(ident(group))).cloned().collect();
    // A database sorts text by its own rules, so what is compared is sorted here, after reading as well.
    sorted.sort();
    sorted
}

/// Makes these the account's groups of its provider. Our own groups stay.
pub(crate) async fn replace(
    tx: &mut Tx,
    account: AccountId,
    provider: &Provider,
    before: &[GroupRef],
    wanted: &[GroupRef],
) -> Result<(), Error> {
    let had: BTreeMap<_, _> = before.iter().map(|group| (ident(group), group)).collect();
    let wants: BTreeMap<_, _> = wanted.iter().map(|group| (ident(group), group)).collect();
    // In the order of their keys: two transactions that write the same groups write them in the same order.
    let new: Vec<_> = wants.iter().filter(|(ident, group)| had.get(*ident) != Some(*group)).collect();
    let created = tx.now();
    for some in new.chunks(AT_ONCE) {
        let mut bound = Vec::with_capacity(some.len() * 7);
        for (ident, group) in some {
            bound.extend([
                text(fresh(GroupId::random())?),
                text(provider),
                Value::Blob((*ident).clone()),
                Value::from(group.name.as_str()),
                Value::from(group.dn.as_deref()),
                Value::from(group.unique.as_ref().map(|unique| unique.as_bytes())),
                Value::from(created),
            ]);
        }
        // A group that is known keeps its id; its name may have changed.
        let sql = format!(
            "INSERT INTO groups (id, provider, ident, name, dn, unique_id, created) VALUES {} \
             ON CONFLICT (provider, ident) DO UPDATE SET name = excluded.name, dn = excluded.dn \
             WHERE groups.name <> excluded.name OR COALESCE(groups.dn, '') <> COALESCE(excluded.dn, '')",
            places(some.len(), 7)
        );
        tx.run(&sql, &bound).await?;
        let idents: Vec<_> = some.iter().map(|(ident, _)| Value::Blob((*ident).clone())).collect();
        let sql = format!(
            "INSERT INTO memberships (account, group_id, since) \
             SELECT CAST($1 AS TEXT), id, CAST($2 AS BIGINT) FROM groups WHERE provider = $3 AND ident IN ({}) \
             ON CONFLICT (account, group_id) DO NOTHING",
            list(4, idents.len())
        );
        tx.run(&sql, &[vec![text(account), Value::from(created), text(provider)], idents].concat()).await?;
    }
    let gone: Vec<_> = had.keys().filter(|ident| !wants.contains_key(*ident)).collect();
    for some in gone.chunks(AT_ONCE) {
        let sql = format!(
            "DELETE FROM memberships WHERE account = $1 AND group_id IN \
             (SELECT m.group_id FROM memberships m JOIN groups g ON g.id = m.group_id \
             WHERE m.account = $1 AND g.provider <> $2 AND g.ident IN ({}))",
            list(3, some.len())
        );
        let idents = some.iter().map(|ident| Value::Blob((*ident).clone()));
        let bound: Vec<_> = [text(account), Value::from(OWN)].into_iter().chain(idents).collect();
        tx.run(&sql, &bound).await?;
    }
    Ok(())
}

/// `$4, $5, $6` and so on.
pub(crate) fn list(from: usize, count: usize) -> String {
    (from..from + count).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
}

fn read(mut row: Row) -> Result<Group, Error> {
    let (id, name) = (row.parse("the id of a group")?, row.text()?);
    let owner = row.maybe_text()?.map(|id| id.parse()).transpose();
    let owner = owner.map_err(|_| Error::Broken("the owner of a group is no id".to_owned()))?;
    Ok(Group { id, name, owner, created: row.number()?, members: row.number()? })
}

macro_rules! groups {
    ($rest:literal) => {
        concat!(
            "SELECT g.id, g.name, g.owner, g.created, ",
            "(SELECT COUNT(*) FROM memberships m WHERE m.group_id = g.id) FROM groups g ",
            $rest
        )
    };
}

impl Store {
    /// Makes a group of our own.
    ///
    /// # Errors
    /// [`Error::Exists`] when there is one of this name, and what a transaction may fail of.
    pub async fn add_group(&self, name: &str, owner: Option<AccountId>, now: u64) -> Result<Group, Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        let id = fresh(GroupId::random())?;
        tx.name_is_free(name, id).await?;
        let sql =
            "INSERT INTO groups (id, provider, ident, name, owner, created) VALUES ($1, $2, $3, $4, $5, $6)";
        let owner_text = owner.map(|id| id.to_string());
        let bound = &[
            text(id),
            Value::from(OWN),
            Value::from(id.as_bytes().as_slice()),
            Value::from(name),
            Value::from(owner_text),
            Value::from(now),
        ];
        tx.run(sql, bound).await?;
        tx.changed(ChangeKind::Group, id);
        tx.commit().await?;
        Ok(Group { id, name: name.to_owned(), owner, created: now, members: 0 })
    }

    /// Renames a group of our own.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Exists`], and what a transaction may fail of.
    pub async fn rename_group(&self, id: GroupId, name: &str, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        tx.name_is_free(name, id).await?;
        let sql = "UPDATE groups SET name = $2 WHERE id = $1 AND provider = $3";
        tx.one_group(sql, id, &[Value::from(name), Value::from(OWN)]).await?;
        tx.commit().await.map(drop)
    }

    /// Removes a group of our own; its members are told of as accounts.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a transaction may fail of.
    pub async fn remove_group(&self, id: GroupId, now: u64) -> Result<(), Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        for mut row in tx.run("SELECT account FROM memberships WHERE group_id = $1", &[text(id)]).await?.rows
        {
            let account = row.text()?;
            tx.changed(ChangeKind::Account, account);
        }
        let sql = "DELETE FROM memberships WHERE group_id IN (SELECT id FROM groups WHERE id = $1 AND provider = $2)";
        tx.run(sql, &[text(id), Value::from(OWN)]).await?;
        tx.one_group("DELETE FROM groups WHERE id = $1 AND provider = $2", id, &[Value::from(OWN)]).await?;
        tx.commit().await.map(drop)
    }

    /// Puts somebody into a group of our own, or takes them out. True when that changed anything.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a transaction may fail of.
    pub async fn set_member(
        &self,
        id: GroupId,
        account: AccountId,
        member: bool,
        now: u64,
    ) -> Result<bool, Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        crate::accounts::of_id(&mut tx, account).await?;
        let sql = "SELECT COUNT(*) FROM groups WHERE id = $1 AND provider = $2";
        let row = tx.run(sql, &[text(id), Value::from(OWN)]).await?.one();
        if row.map(|mut row| row.int()).transpose()? != Some(1) {
            return Err(Error::absent("group", id));
        }
        let bound = [text(account), text(id), Value::from(now)];
        let written = if member {
            let sql = "INSERT INTO memberships (account, group_id, since) VALUES ($1, $2, $3) \
                ON CONFLICT (account, group_id) DO NOTHING";
            tx.run(sql, &bound).await?.changed
        } else {
            tx.run("DELETE FROM memberships WHERE account = $1 AND group_id = $2", &bound[..2]).await?.changed
        };
        if written > 0 {
            tx.run("UPDATE accounts SET epoch = epoch + 1 WHERE id = $1", &bound[..1]).await?;
            tx.changed(ChangeKind::Account, account);
            tx.changed(ChangeKind::Group, id);
        }
        tx.commit().await?;
        Ok(written > 0)
    }

    /// A group of our own.
    ///
    /// # Errors
    /// [`Error::Absent`], and what a look may fail of.
    pub async fn group(&self, id: GroupId) -> Result<Group, Error> {
        let sql = groups!("WHERE g.id = $1 AND g.provider = 'portcullis'");
        let row = self.driver.read(sql, &[text(id)]).await?.one();
        read(row.ok_or_else(|| Error::absent("group", id))?)
    }

    /// A page of our own groups, by name.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn groups(&self, page: &Page) -> Result<Vec<Group>, Error> {
        let sql = groups!(
            "WHERE g.provider = 'portcullis' AND (g.name > $1 OR (g.name = $1 AND g.id > $2)) \
             ORDER BY g.name, g.id LIMIT $3"
        );
        self.driver.read(sql, &page.bound()).await?.rows.into_iter().map(read).collect()
    }

    /// A page of a group's members, by Unix name: id, Unix name.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn members(&self, id: GroupId, page: &Page) -> Result<Vec<(AccountId, String)>, Error> {
        let sql = "SELECT a.id, a.unix_name FROM memberships m JOIN accounts a ON a.id = m.account \
            WHERE m.group_id = $4 AND a.removed_at IS NULL \
            AND (a.unix_name > $1 OR (a.unix_name = $1 AND a.id > $2)) ORDER BY a.unix_name, a.id LIMIT $3";
        let [name, after, limit] = page.bound();
        let found = self.driver.read(sql, &[name, after, limit, text(id)]).await?;
        found.rows.into_iter().map(|mut row| Ok((row.parse("the id of an account")?, row.text()?))).collect()
    }
}

impl Tx {
    async fn name_is_free(&mut self, name: &str, id: GroupId) -> Result<(), Error> {
        let sql = "SELECT COUNT(*) FROM groups WHERE provider = $1 AND name = $2 AND id <> $3";
        let row = self.run(sql, values![OWN, name, id.to_string()]).await?.one();
        match row.map(|mut row| row.int()).transpose()? {
            Some(0) => Ok(()),
            _ => Err(Error::Exists(name.to_owned())),
        }
    }

    async fn one_group(&mut self, sql: &str, id: GroupId, rest: &[Value]) -> Result<(), Error> {
        let bound = [&[text(id)], rest].concat();
        if self.run(sql, &bound).await?.changed == 0 {
            return Err(Error::absent("group", id));
        }
        self.changed(ChangeKind::Group, id);
        Ok(())
    }
}
