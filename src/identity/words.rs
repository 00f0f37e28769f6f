//! The store's words and the launcher's, from one to the other: what is meant, why not, and accounts in a size that fits a message.

use portcullis_model::account::{Account, GroupRef};
use portcullis_store::Error;
use portcullis_wire::identity::{Select, StoreRefusal};

/// An account without its groups: with them it may be larger than a message, and nobody who is answered looks at them.
pub(crate) fn light(account: Account) -> Account {
    Account { groups: Vec::new(), own_groups: Vec::new(), ..account }
}

/// An account without its groups, and their names.
pub(crate) fn light_with_names(mut account: Account) -> (Account, Vec<String>) {
    let names = std::mem::take(&mut account.groups).into_iter().map(|group| group.name).collect();
    (light(account), names)
}

/// The same of an account as it was and as it is, each with the groups that only it has: they are for the record.
pub(crate) fn groups_that_differ(before: Account, after: Account) -> (Account, Account) {
    let only = |these: &Account, those: &Account| -> Vec<GroupRef> {
        these.groups.iter().filter(|group| !those.groups.contains(group)).cloned().collect()
    };
    let (gone, new) = (only(&before, &after), only(&after, &before));
    (Account { groups: gone, ..light(before) }, Account { groups: new, ..light(after) })
}

/// Which account is meant.
pub(crate) fn select(who: Select) -> portcullis_store::Select {
    match who {
        Select::Name(name) => portcullis_store::Select::Name(name),
        Select::Number(number) => portcullis_store::Select::Number(number),
        Select::Id(id) => portcullis_store::Select::Id(id),
    }
}

/// Why not.
pub(crate) fn refusal(error: Error) -> StoreRefusal {
    match error {
        Error::Locked => StoreRefusal::Locked,
        Error::Removed => StoreRefusal::Removed,
        Error::Unregistered => StoreRefusal::Unregistered,
        Error::Taken(name) => StoreRefusal::Taken(name.to_string()),
        Error::Absent { what: "account", name } => StoreRefusal::NoAccount(name),
        Error::Absent { what, name } => StoreRefusal::Absent(format!("{what} `{name}`")),
        Error::Several(name) => StoreRefusal::Several(name),
        Error::Unreachable(why) => StoreRefusal::Unreachable(why),
        Error::Full(why) | Error::Broken(why) => StoreRefusal::Broken(why),
        Error::Exists(_) | Error::LastAdministrator(_) | Error::Owns { .. } | Error::TooMany { .. } => {
            StoreRefusal::Rule(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_that_differ_are_told() {
        let group = |name: &str| GroupRef { name: name.into(), unique: None, dn: None };
        let with = |names: &[&str]| {
            let mut account = crate::tests::account();
            account.groups = names.iter().map(|name| group(name)).collect();
            account
        };
        let (before, after) = groups_that_differ(with(&["a", "b", "c"]), with(&["b", "d"]));
        assert_eq!((before.groups, after.groups), (vec![group("a"), group("c")], vec![group("d")]));
        assert!(light(with(&["a"])).groups.is_empty());
    }
}
