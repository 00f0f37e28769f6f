//! Accounts by name, number and id, and lists of them.

use portcullis_model::AccountId;
use portcullis_model::account::Account;

use crate::accounts::Ask;
use crate::accounts::{accounts, of_id, read, with_groups};
use crate::value::{Value, values};
use crate::{Error, Store};

/// Most accounts of one page: without groups each is some 500 bytes, and a page is one message.
pub const ACCOUNTS_AT_ONCE: usize = 32;

/// Which account is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Select {
    /// By its Unix name, or else the name at its provider.
    Name(String),
    /// By its number in lists.
    Number(u64),
    /// By its id.
    Id(AccountId),
}

impl std::fmt::Display for Select {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "#{number}"),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// Which accounts a page has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Behind this number; 0: from the first.
    pub after: u64,
    /// Locked ones too.
    pub locked: bool,
    /// A part of a name or an address, in any case; empty: all.
    pub matching: String,
}

/// The live account that is meant, without its groups.
pub(crate) async fn select(mut on: impl Ask, which: &Select) -> Result<Account, Error> {
    let (sql, bound) = match which {
        Select::Id(id) => {
            let account = of_id(on, *id).await?;
            return if account.removed.is_some() { Err(Error::Removed) } else { Ok(account) };
        }
        Select::Number(number) => {
            (accounts!("WHERE a.number = $1 AND a.removed_at IS NULL"), Value::from(*number))
        }
        Select::Name(name) => {
            (accounts!("WHERE a.unix_name = $1 AND a.removed_at IS NULL"), Value::from(name.as_str()))
        }
    };
    if let Some(row) = on.ask(sql, &[bound]).await?.one() {
        return read(row);
    }
    let absent = || Error::absent("account", which);
    let Select::Name(name) = which else { return Err(absent()) };
    // Two directories may have the same name; Unix has it once.
    let sql = accounts!("WHERE a.username = $1 AND a.removed_at IS NULL LIMIT 2");
    let mut rows = on.ask(sql, values![name.as_str()]).await?.rows.into_iter();
    match (rows.next(), rows.next()) {
        (Some(_), Some(_)) => Err(Error::Several(name.clone())),
        (Some(row), None) => read(row),
        _ => Err(absent()),
    }
}

impl Store {
    /// The live account that is meant, with its groups.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Removed`], [`Error::Several`], and what a look may fail of.
    pub async fn find(&self, which: &Select) -> Result<Account, Error> {
        let account = select(&self.driver, which).await?;
        with_groups(&self.driver, account).await
    }

    /// At most [`ACCOUNTS_AT_ONCE`] live accounts in the order of their numbers, without their groups, and whether there are more.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn list(&self, listing: &Listing) -> Result<(Vec<Account>, bool), Error> {
        let sql = accounts!(
            "WHERE a.number > $1 AND a.removed_at IS NULL AND (a.locked_at IS NULL OR $2 = 1) \
             AND (LOWER(a.unix_name) LIKE $3 ESCAPE '!' OR LOWER(a.username) LIKE $3 ESCAPE '!' \
             OR LOWER(a.first_name) LIKE $3 ESCAPE '!' OR LOWER(a.last_name) LIKE $3 ESCAPE '!' \
             OR LOWER(a.email) LIKE $3 ESCAPE '!') ORDER BY a.number LIMIT $4"
        );
        let limit = ACCOUNTS_AT_ONCE as u64 + 1;
        let bound = values![listing.after, listing.locked, like(&listing.matching), limit];
        let found = self.driver.read(sql, bound).await?;
        let mut accounts = found.rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let more = accounts.len() > ACCOUNTS_AT_ONCE;
        accounts.truncate(ACCOUNTS_AT_ONCE);
        Ok((accounts, more))
    }

    /// How many live accounts there are.
    ///
    /// # Errors
    /// What a look may fail of.
    pub async fn count(&self) -> Result<u64, Error> {
        let row =
            self.driver.read("SELECT COUNT(*) FROM accounts WHERE removed_at IS NULL", &[]).await?.one();
        row.ok_or_else(|| Error::Broken("no count".to_owned()))?.number()
    }
}

/// A pattern that finds the text anywhere. What would be a pattern in it is taken as it is.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if "%_!".contains(c) {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn a_pattern_in_a_search_is_text() {
        assert_eq!(like("A_b%"), "%a!_b!%%");
        assert_eq!(like(""), "%%");
        assert_eq!(like("!"), "%!!%");
    }
}
