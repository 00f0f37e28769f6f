//! API keys.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use portcullis_model::account::Role;
use portcullis_model::key::{ApiKey, KEYS_PER_ACCOUNT};
use portcullis_store::Error;

use crate::acts::key;
use crate::book::{Book, Trials, both, sign_in};

pub(crate) fn all() -> Trials {
    both!("keys":
        a_key_is_read_as_it_was_written,
        an_ended_key_is_not_among_the_living,
        there_are_so_many_and_no_more,
        the_last_use_is_kept,
        what_is_over_has_no_seal_any_more,
    )
}

async fn a_key_is_read_as_it_was_written(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let first = key(&alice);
    let second = ApiKey { until: None, sources: Vec::new(), created: 2000, ..key(&alice) };
    book.store.add_key(&first, 1000).await?;
    book.store.add_key(&second, 2000).await?;
    ensure!(book.store.keys_of(alice.id).await? == [first.clone(), second.clone()]);
    ensure!(book.store.keys(&[second.id]).await?.first() == Some(&second));
    ensure!(book.store.live_keys(None, 1000).await?.len() == 2);
    ensure!(book.store.live_keys(None, 9_000_000).await? == [second], "the first ran out");
    // The same id twice is refused, whatever else is in it.
    let twice = book.store.add_key(&ApiKey { name: "other".to_owned(), ..first }, 3000).await;
    ensure!(matches!(twice, Err(Error::Broken(_))), "{twice:?}");
    Ok(())
}

async fn an_ended_key_is_not_among_the_living(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mine = key(&alice);
    book.store.add_key(&mine, 1000).await?;
    ensure!(book.store.end_key(mine.id, 2000).await?);
    ensure!(!book.store.end_key(mine.id, 3000).await?);
    ensure!(book.store.keys_of(alice.id).await?.is_empty());
    ensure!(book.store.live_keys(None, 2000).await?.is_empty());
    ensure!(book.store.keys(&[mine.id]).await?[0].ended == Some(2000));
    let unknown = book.store.end_key(key(&alice).id, 2000).await;
    ensure!(matches!(unknown, Err(Error::Absent { what: "API key", .. })), "{unknown:?}");
    Ok(())
}

async fn there_are_so_many_and_no_more(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mut last = key(&alice);
    for _ in 0..KEYS_PER_ACCOUNT {
        last = key(&alice);
        book.store.add_key(&last, 1000).await?;
    }
    let more = book.store.add_key(&key(&alice), 1000).await;
    ensure!(more == Err(Error::TooMany { what: "API keys", limit: KEYS_PER_ACCOUNT }), "{more:?}");
    book.store.end_key(last.id, 2000).await?;
    book.store.add_key(&key(&alice), 2000).await?;
    Ok(())
}

async fn the_last_use_is_kept(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mine = key(&alice);
    book.store.add_key(&mine, 1000).await?;
    let revision = book.store.revision().await?;
    let from: IpAddr = "2001:db8::7".parse()?;
    for (at, wanted) in [(3000, 3000), (2000, 3000)] {
        book.store.keys_used(&[(mine.id, at, from)], at).await?;
        ensure!(book.store.keys(&[mine.id]).await?[0].last_used == Some((wanted, from)));
    }
    ensure!(book.store.revision().await? == revision, "others need not hear of it");
    Ok(())
}

async fn what_is_over_has_no_seal_any_more(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    let (ended, revoked) = (key(&alice), key(&alice));
    let (later, other) = (ApiKey { created: 9000, ..key(&alice) }, key(&bob));
    for one in [&ended, &revoked, &later, &other] {
        ensure!(!one.seal.is_empty(), "nothing to lose");
        book.store.add_key(one, 1000).await?;
    }
    book.store.end_key(ended.id, 2000).await?;
    let revision = book.store.revision().await?;
    book.store.revoke_keys(&[alice.id], 8999, 3000).await?;
    ensure!(book.store.revision().await? == revision + 1, "others hear of the one that ended");
    for (one, wanted) in [(&ended, Some(2000)), (&revoked, Some(3000)), (&later, None), (&other, None)] {
        let row = book.store.keys(&[one.id]).await?.remove(0);
        ensure!(row.ended == wanted && row.seal.is_empty() == wanted.is_some(), "{row:?}");
    }
    Ok(())
}
