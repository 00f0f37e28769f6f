//! Accounts at sign-in.

use anyhow::{Result, ensure};
use portcullis_model::account::{Identity, Provider, Role, RoleRule};
use portcullis_model::role_rule::{Entry, Mapping, RoleRules};
use portcullis_store::{Error, Opening, Select, SignInRow};

use crate::book::{Book, Trials, both, group, identity, person, plain, row, sign_in};

pub(crate) fn all() -> Trials {
    both!("accounts":
        the_first_is_administrator_and_the_others_are_not,
        of_many_first_ones_at_once_one_is_administrator,
        an_account_is_found_again_by_its_identity,
        a_unix_account_belongs_to_one_identity,
        without_registration_nobody_gets_in_who_is_not_known,
        a_locked_one_stays_out_and_an_unlocked_one_comes_in,
        a_removed_one_stays_out_until_somebody_adds_it,
        a_mapping_gives_roles_at_each_sign_in,
        a_mapping_never_takes_the_last_administrator,
        a_fixed_role_is_left_alone,
        what_a_provider_says_is_kept_and_what_it_does_not_say_stays,
        text_from_outside_is_text,
    )
}

fn mapping(restrictive: bool) -> RoleRules {
    let entry =
        |role, value: &str| Entry { role, value: value.to_owned(), place: "portcullis.conf:7".to_owned() };
    RoleRules {
        mapping: Mapping::Groups,
        entries: vec![entry(Role::Administrator, "chiefs"), entry(Role::Publisher, "makers")],
        restrictive,
        ..plain()
    }
}

async fn the_first_is_administrator_and_the_others_are_not(book: Book) -> Result<()> {
    let first = sign_in(&book.store, "alice", Role::Administrator).await?;
    ensure!(first.number == 1 && first.role_fixed && first.role_reason.rule == RoleRule::FirstAccount);
    let second = sign_in(&book.store, "bob", Role::Viewer).await?;
    ensure!(second.number == 2 && !second.role_fixed && second.role_reason.rule == RoleRule::Default);
    ensure!(book.store.count().await? == 2);
    Ok(())
}

async fn of_many_first_ones_at_once_one_is_administrator(book: Book) -> Result<()> {
    let many: Vec<_> = (0..12)
        .map(|at| {
            let store = book.store.clone();
            tokio::spawn(
                async move { store.open_account(&person(&format!("user{at}")), &plain(), 1000).await },
            )
        })
        .collect();
    let mut roles = Vec::new();
    for one in many {
        roles.push(one.await??.account.role);
    }
    roles.sort();
    ensure!(roles[10..] == [Role::Viewer, Role::Administrator], "{roles:?}");
    // The same one from several machines at once is one account.
    let same: Vec<_> = (0..6)
        .map(|_| {
            let store = book.store.clone();
            tokio::spawn(async move { store.open_account(&person("zoe"), &plain(), 1000).await })
        })
        .collect();
    let mut ids = Vec::new();
    for one in same {
        ids.push(one.await??.account.id);
    }
    ids.dedup();
    ensure!(ids.len() == 1, "{ids:?}");
    Ok(())
}

async fn an_account_is_found_again_by_its_identity(book: Book) -> Result<()> {
    let made = sign_in(&book.store, "alice", Role::Administrator).await?;
    let again = book.store.open_account(&person("alice"), &plain(), 2000).await?;
    ensure!(!again.made && again.before.is_none(), "{again:?}");
    ensure!(book.store.account(made.id).await? == again.account);
    // Its time goes with the row; an older row, told later, takes nothing back.
    for since in [2000, 1500] {
        book.store.began(&[SignInRow { since, ..row(made.id, since) }], 2500).await?;
    }
    ensure!(book.store.account(made.id).await?.last_sign_in == Some(2000));
    // Another name, the same identity of a directory: a rename, and what was granted before is judged anew.
    let of = |provider: Provider, unix: &str| -> Result<Opening> {
        let identity = Identity { provider, ..identity("kim") };
        Ok(Opening { identity, username: unix.to_owned(), unix: unix.parse()?, ..person("alice") })
    };
    let corp = || Provider::Ldap("corp".to_owned());
    let made = book.store.open_account(&of(corp(), "kim")?, &plain(), 2500).await?.account;
    let renamed = book.store.open_account(&of(corp(), "kimberly")?, &plain(), 3000).await?;
    ensure!(renamed.account.id == made.id && renamed.account.unix.as_str() == "kimberly");
    ensure!(renamed.before.is_some_and(|before| before.unix.as_str() == "kim"));
    ensure!(renamed.account.epoch == made.epoch + 1);
    // A uid of this machine that has another name is another person's: it was removed and given anew.
    book.store.open_account(&of(Provider::System, "carol")?, &plain(), 4000).await?;
    let error = book.store.open_account(&of(Provider::System, "dave")?, &plain(), 5000).await.err();
    ensure!(matches!(error, Some(Error::Taken(_))), "{error:?}");
    Ok(())
}

async fn a_unix_account_belongs_to_one_identity(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let thief = Opening { identity: identity("somebody else"), ..person("alice") };
    let found = book.store.open_account(&thief, &plain(), 2000).await;
    ensure!(found == Err(Error::Taken("alice".parse()?)), "{found:?}");
    // Nor by a rename.
    sign_in(&book.store, "bob", Role::Viewer).await?;
    let thief = Opening { unix: "alice".parse()?, ..person("bob") };
    let found = book.store.open_account(&thief, &plain(), 3000).await;
    ensure!(found == Err(Error::Taken("alice".parse()?)), "{found:?}");
    ensure!(book.store.count().await? == 2);
    Ok(())
}

async fn without_registration_nobody_gets_in_who_is_not_known(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let closed = |name| Opening { register: false, ..person(name) };
    let found = book.store.open_account(&closed("bob"), &plain(), 2000).await;
    ensure!(found == Err(Error::Unregistered), "{found:?}");
    ensure!(book.store.count().await? == 1);
    book.store.open_account(&closed("alice"), &plain(), 2000).await?;
    Ok(())
}

async fn a_locked_one_stays_out_and_an_unlocked_one_comes_in(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    book.store.lock(&Select::Id(bob.id), "alice", 2000).await?;
    // Neither the quick way nor the one that writes.
    for who in [person("bob"), Opening { groups: vec![group("new")], ..person("bob") }] {
        let found = book.store.open_account(&who, &plain(), 3000).await;
        ensure!(found == Err(Error::Locked), "{found:?}");
    }
    let synced = book.store.sync_account(&person("bob"), &plain(), 3000).await;
    ensure!(synced == Err(Error::Locked), "{synced:?}");
    book.store.unlock(&Select::Id(bob.id), 4000).await?;
    ensure!(book.store.open_account(&person("bob"), &plain(), 5000).await?.account.epoch > bob.epoch);
    Ok(())
}

async fn a_removed_one_stays_out_until_somebody_adds_it(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    book.store.remove(&Select::Id(bob.id), false, 2000).await?;
    let found = book.store.open_account(&person("bob"), &plain(), 3000).await;
    ensure!(found == Err(Error::Removed), "{found:?}");
    let new = portcullis_store::NewAccount {
        identity: identity("bob"),
        username: "bob".to_owned(),
        unix: "bob".parse()?,
        profile: Default::default(),
        role: None,
    };
    let added = book.store.add_account(&new, "root", &plain(), 4000).await?;
    ensure!(added.id != bob.id && added.number == 3, "{added:?}");
    ensure!(book.store.open_account(&person("bob"), &plain(), 5000).await?.account.id == added.id);
    // The old one is still there for lists of the past.
    ensure!(book.store.account(bob.id).await?.removed == Some(2000));
    Ok(())
}

async fn a_mapping_gives_roles_at_each_sign_in(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let with = |groups: &[&str]| Opening {
        groups: groups.iter().map(|name| group(name)).collect(),
        ..person("bob")
    };
    let mut epoch = None;
    for (groups, restrictive, wanted, rule) in [
        (&["makers"][..], false, Role::Publisher, RoleRule::Group),
        (&["makers", "chiefs"], false, Role::Administrator, RoleRule::Group),
        (&["makers", "chiefs"], true, Role::Publisher, RoleRule::Group),
        (&[], false, Role::Viewer, RoleRule::Default),
    ] {
        let opened = book.store.open_account(&with(groups), &mapping(restrictive), 2000).await?;
        ensure!((opened.account.role, opened.account.role_reason.rule) == (wanted, rule), "{opened:?}");
        ensure!(opened.account.groups.len() == groups.len());
        ensure!(epoch.replace(opened.account.epoch) != Some(opened.account.epoch), "what was granted stands");
        ensure!(book.store.account(opened.account.id).await? == opened.account);
    }
    Ok(())
}

async fn a_mapping_never_takes_the_last_administrator(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let select = Select::Id(alice.id);
    // Let the mapping have it: as if an administrator by mapping were the only one.
    book.sql("UPDATE accounts SET role_fixed = 0")?;
    let opened = book.store.open_account(&person("alice"), &mapping(false), 2000).await?;
    ensure!(opened.account.role == Role::Administrator, "{opened:?}");
    let chief = Opening { groups: vec![group("chiefs")], ..person("bob") };
    book.store.open_account(&chief, &mapping(false), 3000).await?;
    let opened = book.store.open_account(&person("alice"), &mapping(false), 4000).await?;
    ensure!(opened.account.role == Role::Viewer, "{opened:?}");
    ensure!(book.store.find(&select).await?.role == Role::Viewer);
    Ok(())
}

async fn a_fixed_role_is_left_alone(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    sign_in(&book.store, "bob", Role::Viewer).await?;
    let change = portcullis_store::AccountChange { role: Some(Role::Publisher), ..Default::default() };
    book.store.alter(&Select::Name("bob".to_owned()), &change, "root", false, 2000).await?;
    let chief = Opening { groups: vec![group("chiefs")], ..person("bob") };
    let opened = book.store.open_account(&chief, &mapping(false), 3000).await?;
    ensure!(
        opened.account.role == Role::Publisher && opened.account.role_reason.place == "root",
        "{opened:?}"
    );
    Ok(())
}

async fn what_a_provider_says_is_kept_and_what_it_does_not_say_stays(book: Book) -> Result<()> {
    let mut who = person("alice");
    who.attributes.first = Some("Alice".to_owned());
    who.attributes.email = Some("alice@example.test".to_owned());
    book.store.open_account(&who, &plain(), 1000).await?;
    who.attributes.first = None;
    who.attributes.email = Some(String::new());
    let opened = book.store.open_account(&who, &plain(), 2000).await?;
    ensure!(opened.account.profile.first == "Alice" && opened.account.profile.email.is_empty(), "{opened:?}");
    ensure!(opened.before.is_some());
    // A sync says the same without being a sign-in.
    who.attributes.last = Some("Liddell".to_owned());
    let synced = book.store.sync_account(&who, &plain(), 3000).await?;
    ensure!(
        synced.account.profile.last == "Liddell" && synced.account.last_sign_in == Some(2000),
        "{synced:?}"
    );
    let stranger = book.store.sync_account(&person("bob"), &plain(), 3000).await;
    ensure!(stranger == Err(Error::Unregistered), "{stranger:?}");
    Ok(())
}

async fn text_from_outside_is_text(book: Book) -> Result<()> {
    let hostile = "'; DROP TABLE accounts; -- \" $1 %_\\ \u{202e}\u{0} Ω𝄞";
    let mut who = person("alice");
    who.username = hostile.to_owned();
    who.attributes.last = Some(hostile.to_owned());
    who.groups = vec![group(hostile)];
    let opened = book.store.open_account(&who, &plain(), 1000).await?;
    let kept = hostile.replace('\0', "\u{fffd}");
    let found = book.store.find(&Select::Name(kept.clone())).await?;
    ensure!(found.id == opened.account.id && found.profile.last == kept && found.groups[0].name == kept);
    ensure!(book.store.count().await? == 1);
    Ok(())
}
