//! What others hear of.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use portcullis_model::account::Role;
use portcullis_store::{ChangeKind, Changes, Ended, KEPT, News, Select};

use crate::acts::key;
use crate::book::{Book, Trials, WHY, both, person, plain, row, sign_in};

pub(crate) fn all() -> Trials {
    both!("changes":
        each_change_is_told_once_and_in_order,
        what_was_refused_is_not_told,
        who_missed_too_much_reads_everything,
        who_waits_is_woken,
        machines_say_that_they_live,
    )
}

/// The next news, which must come soon.
pub(crate) async fn soon(changes: &mut Changes) -> Result<News> {
    tokio::time::timeout(Duration::from_secs(60), changes.next()).await.context("nothing was told")
}

pub(crate) async fn told(changes: &mut Changes) -> Result<Vec<(ChangeKind, String, bool)>> {
    match soon(changes).await? {
        News::Changed(found) => Ok(found.into_iter().map(|it| (it.kind, it.id, it.ours)).collect()),
        other => anyhow::bail!("{other:?}"),
    }
}

async fn each_change_is_told_once_and_in_order(book: Book) -> Result<()> {
    let store = &book.store;
    let mut changes = store.changes().await?;
    let alice = sign_in(store, "alice", Role::Administrator).await?;
    let id = alice.id.to_string();
    ensure!(told(&mut changes).await? == [(ChangeKind::Account, id.clone(), true)]);
    let rows = [row(alice.id, 2), row(alice.id, 1)];
    store.began(&rows, 1000).await?;
    let both = [
        (ChangeKind::SignIn, rows[0].id.to_string(), true),
        (ChangeKind::SignIn, rows[1].id.to_string(), true),
    ];
    ensure!(told(&mut changes).await? == both);
    store.ended(&[Ended { id: rows[0].id, at: 2000, why: WHY, unless_moved: false }], 2000).await?;
    ensure!(told(&mut changes).await? == both[..1]);
    let mine = key(&alice);
    store.add_key(&mine, 2000).await?;
    ensure!(told(&mut changes).await? == [(ChangeKind::Key, mine.id.to_string(), true)]);
    store.lock(&Select::Id(alice.id), "root", 3000).await?;
    ensure!(told(&mut changes).await? == [(ChangeKind::Account, id, true), both[1].clone()]);
    ensure!(changes.revision() == store.revision().await?);
    // From the beginning it is the same once more.
    let mut all = store.changes_from(0);
    ensure!(told(&mut all).await?.len() == 7 && all.revision() == changes.revision());
    Ok(())
}

async fn what_was_refused_is_not_told(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let revision = book.store.revision().await?;
    let remove = book.store.remove(&Select::Id(alice.id), false, 2000).await;
    ensure!(remove.is_err(), "{remove:?}");
    book.store.open_account(&person("alice"), &plain(), 3000).await?;
    ensure!(book.store.revision().await? == revision);
    // The next one follows without a hole.
    sign_in(&book.store, "bob", Role::Viewer).await?;
    ensure!(book.store.revision().await? == revision + 1);
    Ok(())
}

async fn who_missed_too_much_reads_everything(book: Book) -> Result<()> {
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let mut late = book.store.changes_from(0);
    let mut current = book.store.changes().await?;
    ensure!(book.store.prune_changes(1000 + KEPT).await? == 0, "a day is kept");
    ensure!(book.store.prune_changes(1001 + KEPT).await? == 1);
    ensure!(soon(&mut late).await? == News::Missed(1));
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    let wanted = [(ChangeKind::Account, bob.id.to_string(), true)];
    for changes in [&mut late, &mut current] {
        ensure!(told(changes).await? == wanted, "nobody misses what comes afterwards");
    }
    // A hole at the front is a hole too.
    let mut older = book.store.changes_from(0);
    ensure!(soon(&mut older).await? == News::Missed(2));
    Ok(())
}

async fn who_waits_is_woken(book: Book) -> Result<()> {
    let mut changes = book.store.changes().await?;
    let waiting = tokio::spawn(async move { told(&mut changes).await });
    // Given up in the middle nothing is lost either.
    let mut other = book.store.changes().await?;
    for _ in 0..5 {
        let early = tokio::time::timeout(Duration::from_millis(20), other.next()).await;
        ensure!(early.is_err(), "{early:?}");
    }
    sign_in(&book.store, "alice", Role::Administrator).await?;
    ensure!(waiting.await??.len() == 1);
    Ok(())
}

async fn machines_say_that_they_live(book: Book) -> Result<()> {
    ensure!(book.store.applied().await?.is_none());
    book.store.beat("0a1b2c3d", 7, 1000).await?;
    book.store.beat("0a1b2c3d 4e5f6071", 9, 2000).await?;
    let nodes = book.store.nodes().await?;
    ensure!(nodes.len() == 1 && nodes[0].id == crate::book::NODE && nodes[0].name == "one", "{nodes:?}");
    ensure!((nodes[0].ring.as_str(), nodes[0].seen, nodes[0].applied) == ("0a1b2c3d 4e5f6071", 2000, 9));
    ensure!(book.store.applied().await? == Some(9));
    book.store.leave(3000).await?;
    ensure!(book.store.nodes().await?[0].seen == 0, "nobody waits for it");
    ensure!(book.store.applied().await? == Some(9), "and it goes on where it was");
    Ok(())
}
