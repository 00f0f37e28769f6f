//! What people change of accounts.

use anyhow::{Result, ensure};
use portcullis_model::account::{Account, Identity, Provider, Role, RoleRule, UniqueId};
use portcullis_model::key::{ApiKey, NewKey, Scopes};
use portcullis_store::{AccountChange, Error, Listing, Look, NewAccount, Select};

use crate::book::{Book, Trials, WHY, both, identity, person, plain, row, sign_in};

pub(crate) fn all() -> Trials {
    both!("acts":
        accounts_are_made_beforehand,
        the_first_one_made_beforehand_is_administrator,
        fields_change_and_the_rest_stays,
        the_last_administrator_is_demoted_by_force_alone,
        a_lock_ends_sign_ins_and_keeps_keys,
        what_is_owned_is_transferred_before_a_removal,
        a_removal_takes_all_access,
        one_is_found_by_name_number_and_id,
        lists_have_pages,
        looks_are_kept,
        what_is_due_is_told,
    )
}

fn new(name: &str, role: Option<Role>) -> NewAccount {
    NewAccount {
        identity: identity(name),
        username: name.to_owned(),
        unix: name.parse().expect("a user name"),
        profile: Default::default(),
        role,
    }
}

pub(crate) fn key(account: &Account) -> ApiKey {
    let made = NewKey::random().expect("random numbers");
    ApiKey {
        id: made.id,
        account: account.id,
        name: "nightly".to_owned(),
        digest: made.digest,
        scopes: "sessions users:read".parse::<Scopes>().expect("scopes"),
        role_cap: Role::Publisher,
        sources: vec!["192.0.2.0/24".parse().expect("a range"), "2001:db8::/32".parse().expect("a range")],
        created: 1000,
        until: Some(9_000_000),
        last_used: None,
        ended: None,
        seal: vec![9; 32],
    }
}

async fn accounts_are_made_beforehand(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let made = book.store.add_account(&new("bob", Some(Role::Administrator)), "root", &plain(), 2000).await?;
    ensure!(made.role == Role::Administrator && made.role_fixed && made.role_reason.rule == RoleRule::Given);
    let made = book.store.add_account(&new("carol", None), "root", &plain(), 2000).await?;
    ensure!(made.role == Role::Viewer && !made.role_fixed && made.last_sign_in.is_none());
    let opened = book.store.open_account(&person("carol"), &plain(), 3000).await?;
    ensure!(!opened.made && opened.account.id == made.id);
    let again = book.store.add_account(&new("carol", None), "root", &plain(), 4000).await;
    ensure!(again == Err(Error::Exists("carol".to_owned())), "{again:?}");
    let thief = NewAccount { identity: identity("another"), ..new("carol", None) };
    let taken = book.store.add_account(&thief, "root", &plain(), 4000).await;
    ensure!(taken == Err(Error::Taken("carol".parse()?)), "{taken:?}");
    Ok(())
}

async fn the_first_one_made_beforehand_is_administrator(book: Book) -> Result<()> {
    let made = book.store.add_account(&new("alice", None), "root", &plain(), 1000).await?;
    ensure!(made.role == Role::Administrator && made.role_fixed, "{made:?}");
    sign_in(&book.store, "bob", Role::Viewer).await?;
    Ok(())
}

async fn fields_change_and_the_rest_stays(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    let select = Select::Id(bob.id);
    let change = AccountChange { email: Some("bob@example.test".to_owned()), ..Default::default() };
    let changed = book.store.alter(&select, &change, "root", false, 2000).await?;
    ensure!(changed.before == bob && changed.after.epoch == bob.epoch, "{changed:?}");
    let unique = UniqueId::try_from(vec![0, 1, 255])?;
    let identity = Identity { provider: Provider::Ldap("corp".to_owned()), unique };
    let change = AccountChange {
        username: Some("robert".to_owned()),
        unix: Some("robert".parse()?),
        identity: Some(identity.clone()),
        role: Some(Role::Publisher),
        ..Default::default()
    };
    let changed = book.store.alter(&select, &change, "root", false, 3000).await?;
    ensure!(changed.after.epoch == bob.epoch + 1 && changed.after.profile.email == "bob@example.test");
    ensure!(book.store.account_of(&identity).await?.is_some_and(|account| account.id == bob.id));
    ensure!(book.store.account(bob.id).await? == changed.after);
    let change = AccountChange { unix: Some("alice".parse()?), ..Default::default() };
    let taken = book.store.alter(&select, &change, "root", true, 4000).await;
    ensure!(taken == Err(Error::Taken("alice".parse()?)), "{taken:?}");
    let change = AccountChange { identity: Some(crate::book::identity("alice")), ..Default::default() };
    let taken = book.store.alter(&select, &change, "root", true, 4000).await;
    ensure!(taken == Err(Error::Exists("alice".to_owned())), "{taken:?}");
    ensure!(book.store.account(bob.id).await? == changed.after, "a refusal changed something");
    Ok(())
}

async fn the_last_administrator_is_demoted_by_force_alone(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    let demote = AccountChange { role: Some(Role::Viewer), ..Default::default() };
    let promote = AccountChange { role: Some(Role::Administrator), ..Default::default() };
    let last = Err(Error::LastAdministrator("alice".to_owned()));
    let select = Select::Id(alice.id);
    ensure!(book.store.alter(&select, &demote, "root", false, 2000).await == last);
    ensure!(
        book.store.remove(&select, false, 2000).await == Err(Error::LastAdministrator("alice".to_owned()))
    );
    // A locked administrator is none.
    book.store.alter(&Select::Id(bob.id), &promote, "root", false, 2000).await?;
    book.store.lock(&Select::Id(bob.id), "root", 2000).await?;
    ensure!(book.store.alter(&select, &demote, "root", false, 3000).await == last);
    book.store.unlock(&Select::Id(bob.id), 3000).await?;
    book.store.alter(&select, &demote, "root", false, 3000).await?;
    let forced = book.store.alter(&Select::Id(bob.id), &demote, "root", true, 4000).await?;
    ensure!(forced.after.role == Role::Viewer);
    Ok(())
}

async fn a_lock_ends_sign_ins_and_keeps_keys(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    book.store.began(&[row(bob.id, 1), row(bob.id, 2)], 1000).await?;
    book.store.add_key(&key(&bob), 1000).await?;
    let locked = book.store.lock(&Select::Name("bob".to_owned()), "alice", 2000).await?;
    let lock = locked.after.locked.clone();
    ensure!(lock.is_some_and(|lock| (lock.at, lock.by.as_str()) == (2000, "alice")));
    ensure!(locked.after.epoch == bob.epoch + 1);
    ensure!(book.store.sign_ins_of(bob.id, 2000).await?.is_empty());
    ensure!(book.store.history(bob.id, None).await?.iter().all(|row| row.ended == Some((2000, WHY))));
    ensure!(book.store.keys_of(bob.id).await?.len() == 1);
    let again = book.store.lock(&Select::Id(bob.id), "root", 3000).await?;
    ensure!(again.before == again.after && again.after == locked.after, "a second lock changed something");
    let refused = book.store.add_key(&key(&bob), 3000).await;
    ensure!(refused == Err(Error::Locked), "{refused:?}");
    let unlocked = book.store.unlock(&Select::Id(bob.id), 4000).await?;
    ensure!(unlocked.after.locked.is_none() && unlocked.after.epoch == locked.after.epoch);
    ensure!(book.store.sign_ins_of(bob.id, 4000).await?.is_empty(), "an unlock signs nobody in");
    Ok(())
}

async fn what_is_owned_is_transferred_before_a_removal(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    let group = book.store.add_group("makers", Some(bob.id), 1000).await?;
    book.store.add_key(&key(&bob), 1000).await?;
    ensure!(book.store.owned(bob.id).await? == [("groups", 1), ("keys", 1)]);
    let refused = book.store.remove(&Select::Id(bob.id), true, 2000).await;
    let owns = Error::Owns { name: "bob".to_owned(), count: 1, what: "groups" };
    ensure!(refused == Err(owns), "{refused:?}");
    let (from, to) = (Select::Id(bob.id), Select::Id(alice.id));
    let moved = book.store.transfer(&from, &to, true, 3000).await?;
    ensure!(moved.moved == [("groups", 1), ("keys", 1)] && moved.keys.len() == 1, "{moved:?}");
    ensure!(moved.keys[0].account == alice.id);
    ensure!(book.store.group(group.id).await?.owner == Some(alice.id));
    ensure!(
        book.store.keys_of(alice.id).await? == moved.keys && book.store.keys_of(bob.id).await?.is_empty()
    );
    book.store.seal_keys(&[(moved.keys[0].id, vec![1, 2, 3])], 3000).await?;
    ensure!(book.store.keys_of(alice.id).await?[0].seal == [1, 2, 3]);
    ensure!(book.store.transfer(&from, &from, true, 3000).await?.moved.is_empty());
    book.store.remove(&Select::Id(bob.id), false, 4000).await?;
    Ok(())
}

async fn a_removal_takes_all_access(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    let mine = key(&bob);
    book.store.add_key(&mine, 1000).await?;
    book.store.began(&[row(bob.id, 1)], 1000).await?;
    book.store.synced(bob.id, true, 5000, 1000).await?;
    let bob = book.store.account(bob.id).await?;
    let removed = book.store.remove(&Select::Name("bob".to_owned()), false, 2000).await?;
    ensure!(removed.before == bob && removed.after.removed == Some(2000) && !removed.after.live());
    ensure!(book.store.keys(&[mine.id]).await?[0].ended == Some(2000));
    ensure!(book.store.live_keys(None, 2000).await?.is_empty());
    ensure!(book.store.live_sign_ins(None, 2000).await?.is_empty());
    ensure!(book.store.due(10, 9000).await?.is_empty());
    ensure!(book.store.count().await? == 1 && book.store.history(bob.id, None).await?.len() == 1);
    for select in [Select::Name("bob".to_owned()), Select::Number(2)] {
        let absent = book.store.find(&select).await;
        ensure!(matches!(absent, Err(Error::Absent { .. })), "{absent:?}");
    }
    ensure!(book.store.lock(&Select::Id(bob.id), "root", 3000).await == Err(Error::Removed));
    Ok(())
}

async fn one_is_found_by_name_number_and_id(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let named = |username: &str, unix: &str| {
        let mut new = new(unix, None);
        new.username = username.to_owned();
        new
    };
    let first = book.store.add_account(&named("robert", "corp-robert"), "root", &plain(), 2000).await?;
    let select = Select::Name("robert".to_owned());
    ensure!(book.store.find(&select).await? == first);
    book.store.add_account(&named("robert", "lab-robert"), "root", &plain(), 2000).await?;
    let several = book.store.find(&select).await;
    ensure!(several == Err(Error::Several("robert".to_owned())), "{several:?}");
    for select in [Select::Name("alice".to_owned()), Select::Number(1), Select::Id(alice.id)] {
        ensure!(book.store.find(&select).await? == alice, "{select}");
    }
    let absent = book.store.find(&Select::Number(99)).await;
    ensure!(absent == Err(Error::Absent { what: "account", name: "#99".to_owned() }), "{absent:?}");
    Ok(())
}

async fn lists_have_pages(book: Book) -> Result<()> {
    for at in 0..70 {
        book.store.add_account(&new(&format!("user{at}"), None), "root", &plain(), 1000).await?;
    }
    book.store.lock(&Select::Name("user5".to_owned()), "root", 1000).await?;
    let mut seen = Vec::new();
    let mut listing = Listing::default();
    loop {
        let (page, more) = book.store.list(&listing).await?;
        seen.extend(page.iter().map(|account| account.number));
        let Some(last) = page.last() else { break };
        listing.after = last.number;
        if !more {
            break;
        }
    }
    ensure!(seen.len() == 69 && seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    let matching = |text: &str, locked| Listing { matching: text.to_owned(), locked, after: 0 };
    for (text, locked, wanted) in
        [("USER5", false, 10), ("user5", true, 11), ("user_", false, 0), ("%", false, 0), ("nobody", true, 0)]
    {
        let (page, _) = book.store.list(&matching(text, locked)).await?;
        ensure!(page.len() == wanted, "{text}: {}", page.len());
    }
    Ok(())
}

async fn looks_are_kept(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let look = |at| Look {
        account: alice.id,
        session: "0011223344556677".to_owned(),
        by: "root".to_owned(),
        what: "show".to_owned(),
        at,
    };
    for at in [1000, 3000, 2000] {
        book.store.looked(&look(at)).await?;
    }
    ensure!(book.store.looks(alice.id).await? == [look(3000), look(2000), look(1000)]);
    ensure!(book.store.prune_looks(2000, 4000).await? == 1);
    ensure!(book.store.looks(alice.id).await? == [look(3000), look(2000)]);
    Ok(())
}

async fn what_is_due_is_told(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    book.store.synced(alice.id, true, 5000, 1000).await?;
    book.store.synced(bob.id, false, 4000, 1000).await?;
    book.store.synced(bob.id, false, 4500, 2000).await?;
    ensure!(book.store.due(10, 4400).await?.is_empty());
    let due = book.store.due(10, 5000).await?;
    let found: Vec<_> = due.iter().map(|due| (due.account, due.at, due.failures)).collect();
    ensure!(found == [(bob.id, 0, 2), (alice.id, 1000, 0)], "{found:?}");
    ensure!(book.store.due(1, 5000).await?.len() == 1);
    book.store.synced(bob.id, true, 9000, 6000).await?;
    book.store.synced(bob.id, false, 7000, 6500).await?;
    ensure!(book.store.due(1, 8000).await?[0].account == alice.id);
    let bobs = book.store.due(10, 8000).await?;
    ensure!(bobs[1].at == 6000 && bobs[1].failures == 1, "{bobs:?}");
    Ok(())
}
