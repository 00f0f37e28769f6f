//! Groups of providers and our own.

use anyhow::{Result, ensure};
use portcullis_model::GroupId;
use portcullis_model::account::{GroupRef, Role, UniqueId};
use portcullis_store::{Error, Opening, Page};

use crate::book::{Book, Trials, both, group, person, plain, sign_in};

pub(crate) fn all() -> Trials {
    both!("groups":
        five_hundred_groups_are_replaced_at_a_sign_in,
        a_group_keeps_its_identity_when_it_is_renamed,
        the_same_sign_in_changes_nothing,
        many_people_of_the_same_groups_sign_in_at_once,
        own_groups_have_owners_and_members,
        pages_of_groups_and_members,
    )
}

fn named(range: std::ops::Range<u32>) -> Vec<GroupRef> {
    range.map(|at| group(&format!("group {at}"))).collect()
}

async fn five_hundred_groups_are_replaced_at_a_sign_in(book: Book) -> Result<()> {
    let with = |groups| Opening { groups, ..person("alice") };
    for (range, at) in [(0..500, 1000), (250..750, 2000), (740..750, 3000), (0..0, 4000)] {
        let wanted = named(range);
        let opened = book.store.open_account(&with(wanted.clone()), &plain(), at).await?;
        let mut names: Vec<_> = wanted.iter().map(|group| group.name.clone()).collect();
        names.sort();
        let found: Vec<_> = opened.account.groups.iter().map(|group| group.name.clone()).collect();
        ensure!(found == names, "{} instead of {}", found.len(), names.len());
        ensure!(book.store.account(opened.account.id).await? == opened.account);
    }
    ensure!(book.sql("SELECT COUNT(*) FROM memberships")?.trim() == "0");
    Ok(())
}

async fn a_group_keeps_its_identity_when_it_is_renamed(book: Book) -> Result<()> {
    let unique = UniqueId::try_from(vec![1, 2, 3])?;
    let guid = |name: &str| GroupRef { unique: Some(unique.clone()), ..group(name) };
    let dn = |name: &str, dn: &str| GroupRef { dn: Some(dn.to_owned()), ..group(name) };
    let with = |groups| Opening { groups, ..person("alice") };
    let first = with(vec![guid("old"), dn("x", "CN=X,DC=a"), guid("twice"), group("old")]);
    let opened = book.store.open_account(&first, &plain(), 1000).await?;
    // The one with the id came twice; a plain name is another group.
    ensure!(opened.account.groups.len() == 3, "{:?}", opened.account.groups);
    let second = with(vec![guid("new"), dn("x", "cn=x, dc=a")]);
    let opened = book.store.open_account(&second, &plain(), 2000).await?;
    ensure!(opened.account.groups == [guid("new"), dn("x", "cn=x, dc=a")], "{:?}", opened.account.groups);
    ensure!(book.store.account(opened.account.id).await? == opened.account);
    ensure!(book.sql("SELECT COUNT(*) FROM groups")?.trim() == "3", "groups were made anew");
    Ok(())
}

async fn the_same_sign_in_changes_nothing(book: Book) -> Result<()> {
    let mut groups = named(0..50);
    let with = |groups| Opening { groups, ..person("alice") };
    let first = book.store.open_account(&with(groups.clone()), &plain(), 1000).await?;
    let revision = book.store.revision().await?;
    groups.reverse();
    groups.push(groups[0].clone());
    let again = book.store.open_account(&with(groups), &plain(), 2000).await?;
    ensure!(again.before.is_none() && again.account.epoch == first.account.epoch, "{:?}", again.before);
    ensure!(book.store.revision().await? == revision, "others were told of nothing");
    Ok(())
}

async fn many_people_of_the_same_groups_sign_in_at_once(book: Book) -> Result<()> {
    let all: Vec<_> = (0..8)
        .map(|at| {
            let store = book.store.clone();
            let mut groups = named(0..120);
            // Each in another order: on a server with row locks that is a deadlock unless somebody sorts.
            groups.rotate_left(at * 13);
            let who = Opening { groups, ..person(&format!("user{at}")) };
            tokio::spawn(async move { store.open_account(&who, &plain(), 1000).await })
        })
        .collect();
    for one in all {
        ensure!(one.await??.account.groups.len() == 120);
    }
    ensure!(book.sql("SELECT COUNT(*) FROM groups")?.trim() == "120");
    Ok(())
}

async fn own_groups_have_owners_and_members(book: Book) -> Result<()> {
    let store = &book.store;
    let alice = sign_in(store, "alice", Role::Administrator).await?;
    let made = store.add_group("makers", Some(alice.id), 1000).await?;
    ensure!(store.group(made.id).await? == made);
    let again = store.add_group("makers", None, 1000).await;
    ensure!(again == Err(Error::Exists("makers".to_owned())), "{again:?}");
    ensure!(store.set_member(made.id, alice.id, true, 2000).await?);
    ensure!(!store.set_member(made.id, alice.id, true, 2000).await?, "twice is once");
    let member = store.account(alice.id).await?;
    ensure!(member.own_groups == [made.id] && member.epoch == alice.epoch + 1, "{member:?}");
    // The provider's groups come and go, ours stay.
    let who = Opening { groups: vec![group("makers")], ..person("alice") };
    store.open_account(&who, &plain(), 3000).await?;
    let opened = store.open_account(&person("alice"), &plain(), 4000).await?;
    ensure!(opened.account.own_groups == [made.id] && opened.account.groups.is_empty(), "{opened:?}");
    store.rename_group(made.id, "builders", 5000).await?;
    ensure!(store.group(made.id).await?.name == "builders" && store.group(made.id).await?.members == 1);
    let nobody = GroupId::from_bytes([9; 16]);
    for result in [
        store.rename_group(nobody, "x", 5000).await,
        store.remove_group(nobody, 5000).await,
        store.set_member(nobody, alice.id, true, 5000).await.map(drop),
    ] {
        ensure!(matches!(result, Err(Error::Absent { what: "group", .. })), "{result:?}");
    }
    store.remove_group(made.id, 6000).await?;
    ensure!(store.account(alice.id).await?.own_groups.is_empty());
    ensure!(matches!(store.group(made.id).await, Err(Error::Absent { .. })));
    Ok(())
}

async fn pages_of_groups_and_members(book: Book) -> Result<()> {
    let store = &book.store;
    let mut ids = Vec::new();
    for at in 0..25 {
        ids.push(store.add_group(&format!("group {at:02}"), None, 1000).await?.id);
    }
    let mut page = Page { after: None, limit: 10 };
    let mut names = Vec::new();
    loop {
        let found = store.groups(&page).await?;
        let Some(last) = found.last() else { break };
        page.after = Some((last.name.clone(), last.id.to_string()));
        names.extend(found.into_iter().map(|group| group.name));
    }
    ensure!(names == (0..25).map(|at| format!("group {at:02}")).collect::<Vec<_>>(), "{names:?}");
    for name in ["alice", "bob", "carol"] {
        let who = store.open_account(&person(name), &plain(), 1000).await?.account;
        store.set_member(ids[0], who.id, true, 2000).await?;
    }
    let first = store.members(ids[0], &Page { after: None, limit: 2 }).await?;
    ensure!(first.iter().map(|member| member.1.as_str()).eq(["alice", "bob"]), "{first:?}");
    let after = Some((first[1].1.clone(), first[1].0.to_string()));
    let rest = store.members(ids[0], &Page { after, limit: 2 }).await?;
    ensure!(rest.len() == 1 && rest[0].1 == "carol", "{rest:?}");
    Ok(())
}
