//! An account at a sign-in: found by its identity, or made.

use portcullis_model::account::{Account, GroupRef, Identity, Provider, Role};
use portcullis_model::proof::Attributes;
use portcullis_model::role_rule::{self, RoleRules, Told};
use portcullis_model::{AccountId, UserName};

use crate::accounts::{fresh, of_identity, set_groups, with_groups};
use crate::driver::Tx;
use crate::groups;
use crate::value::{Value, text, values};
use crate::{ChangeKind, Error, Store};

/// A proven person whose Unix account may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Who it is.
    pub identity: Identity,
    /// The name at the provider.
    pub username: String,
    /// The Unix account.
    pub unix: UserName,
    /// What else the provider said.
    pub attributes: Attributes,
    /// The provider's groups.
    pub groups: Vec<GroupRef>,
    /// Whether an account is made where there is none.
    pub register: bool,
}

/// The account of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// As it is now.
    pub account: Account,
    /// Whether it was made for this.
    pub made: bool,
    /// As it was before, where the sign-in changed more than its time.
    pub before: Option<Account>,
}

impl Store {
    /// Finds or makes the account of a sign-in and brings it up to date. The first account of all is an administrator, also when
    /// two sign in for the first time at the same moment on two machines.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Removed`], [`Error::Unregistered`], [`Error::Taken`], and what a transaction may fail of.
    pub async fn open_account(&self, who: &Opening, rules: &RoleRules, now: u64) -> Result<Opened, Error> {
        if let Some(account) = self.account_of(&who.identity).await? {
            if account.locked.is_some() {
                return Err(Error::Locked);
            }
            if let Some(opened) = as_before(account, who, rules) {
                return Ok(opened);
            }
        }
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        let opened = match of_identity(&mut tx, &who.identity).await? {
            Some(account) => renewed(&mut tx, account, who, rules, Some(now)).await?,
            None => made(&mut tx, who, rules).await?,
        };
        tx.commit().await?;
        Ok(opened)
    }

    /// What the provider says of somebody who does not sign in just now. As at a sign-in, but for its time.
    ///
    /// # Errors
    /// As [`Store::open_account`]; never makes an account.
    pub async fn sync_account(&self, who: &Opening, rules: &RoleRules, now: u64) -> Result<Opened, Error> {
        let mut tx = self.begin(now).await?;
        tx.alone("account").await?;
        let account = of_identity(&mut tx, &who.identity).await?.ok_or(Error::Unregistered)?;
        let opened = renewed(&mut tx, account, who, rules, None).await?;
        tx.commit().await?;
        Ok(opened)
    }
}

/// The usual sign-in: nothing changed but its time, and that is written with the sign-in's row ([`Store::began`]). So nothing is
/// written here, nobody waits for anybody, and no other machine need hear of it.
fn as_before(account: Account, who: &Opening, rules: &RoleRules) -> Option<Opened> {
    let mut after = account.clone();
    applied(&mut after, who, rules);
    let same = after == account && account.groups == groups::sorted(&who.groups);
    same.then_some(Opened { account, made: false, before: None })
}

/// What the provider says, put into the account; the role by the rules unless it is fixed. Groups are put in by the caller.
fn applied(account: &mut Account, who: &Opening, rules: &RoleRules) {
    account.username.clone_from(&who.username);
    account.unix = who.unix.clone();
    let Attributes { first, last, email, role_values } = &who.attributes;
    for (kept, told) in [
        (&mut account.profile.first, first),
        (&mut account.profile.last, last),
        (&mut account.profile.email, email),
    ] {
        if let Some(told) = told {
            kept.clone_from(told);
        }
    }
    if rules.governs() && !account.role_fixed {
        let told = Told { groups: &who.groups, values: role_values };
        (account.role, account.role_reason) = role_rule::role(false, rules, told);
    }
}

async fn renewed(
    tx: &mut Tx,
    account: Account,
    who: &Opening,
    rules: &RoleRules,
    at: Option<u64>,
) -> Result<Opened, Error> {
    let before = with_groups(&mut *tx, account).await?;
    if before.locked.is_some() {
        return Err(Error::Locked);
    }
    // A uid that is another Unix account's now is somebody else's: removed there, and given anew. A rename is an administrator's to say.
    if who.identity.provider == Provider::System && who.unix != before.unix {
        return Err(Error::Taken(who.unix.clone()));
    }
    let mut account = before.clone();
    applied(&mut account, who, rules);
    if account.unix != before.unix {
        tx.not_taken(&account.unix, Some(account.id)).await?;
    }
    // A mapping that names nobody must not shut everybody out: the last administrator stays one.
    if before.role == Role::Administrator
        && account.role < before.role
        && tx.last_administrator(account.id).await?
    {
        (account.role, account.role_reason) = (before.role, before.role_reason.clone());
    }
    let regrouped = set_groups(tx, &mut account, &who.groups).await?;
    if regrouped || account.role != before.role || account.unix != before.unix {
        account.epoch = account.epoch.wrapping_add(1);
    }
    let changed = account != before;
    account.last_sign_in = at.or(account.last_sign_in);
    if changed || at.is_some() {
        tx.update(&account).await?;
    }
    Ok(Opened { account, made: false, before: changed.then_some(before) })
}

async fn made(tx: &mut Tx, who: &Opening, rules: &RoleRules) -> Result<Opened, Error> {
    let sql =
        "SELECT COUNT(*) FROM accounts WHERE provider = $1 AND unique_id = $2 AND removed_at IS NOT NULL";
    let bound = &[text(&who.identity.provider), Value::from(who.identity.unique.as_bytes())];
    let row = tx.run(sql, bound).await?.one();
    if row.map(|mut row| row.int()).transpose()? != Some(0) {
        return Err(Error::Removed);
    }
    if !who.register {
        return Err(Error::Unregistered);
    }
    tx.not_taken(&who.unix, None).await?;
    let number = tx.next_number().await?;
    let first = number == 1;
    let told = Told { groups: &who.groups, values: &who.attributes.role_values };
    let (role, role_reason) = role_rule::role(first, rules, told);
    let mut account = Account {
        id: fresh(AccountId::random())?,
        number,
        identity: who.identity.clone(),
        username: who.username.clone(),
        unix: who.unix.clone(),
        profile: who.attributes.profile(),
        role,
        role_reason,
        // Or the mapping would take it away again at the second sign-in.
        role_fixed: first,
        locked: None,
        created: tx.now(),
        last_sign_in: Some(tx.now()),
        epoch: 0,
        groups: Vec::new(),
        own_groups: Vec::new(),
        factors: Default::default(),
        removed: None,
    };
    tx.insert(&account).await?;
    set_groups(tx, &mut account, &who.groups).await?;
    tx.changed(ChangeKind::Account, account.id);
    Ok(Opened { account, made: true, before: None })
}

impl Store {
    /// Whether this Unix account belongs to somebody.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn owner_of(&self, unix: &UserName) -> Result<Option<AccountId>, Error> {
        let sql = "SELECT id FROM accounts WHERE unix_name = $1 AND removed_at IS NULL";
        let row = self.driver.read(sql, values![unix.as_str()]).await?.one();
        row.map(|mut row| row.parse("the id of an account")).transpose()
    }
}
