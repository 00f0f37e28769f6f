//! Sign-ins and what counts once.

use anyhow::{Result, ensure};
use portcullis_model::account::Role;
use portcullis_model::sign_in::SignInEnd;
use portcullis_store::{ChangeKind, Ended, ROWS_AT_ONCE, Seen, SignInRow};

use crate::book::{Book, Trials, WHY, both, row, sign_in};

pub(crate) fn all() -> Trials {
    both!("sign_ins":
        what_began_is_read_again,
        an_end_is_an_end,
        what_one_machine_thinks_over_another_may_have_moved,
        a_person_is_put_out_everywhere,
        the_last_use_moves_forward_only,
        pages_of_the_living_and_of_the_past,
        what_ran_out_ends_and_what_ended_long_ago_goes,
        an_id_is_spent_once,
    )
}

async fn what_began_is_read_again(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mut one = row(alice.id, 1);
    one.agent = "Mozilla/5.0 'quoted' \u{1F600}".to_owned();
    one.remote = "2001:db8::1".parse()?;
    book.store.began(&[one.clone(), row(alice.id, 2)], 1000).await?;
    ensure!(book.store.sign_ins(&[one.id]).await? == [one.clone()]);
    // Again is as good as once, and a longer life is taken.
    one.until += 1;
    book.store.began(std::slice::from_ref(&one), 2000).await?;
    ensure!(book.store.sign_ins(&[one.id]).await? == [one]);
    ensure!(book.store.sign_ins(&[]).await?.is_empty());
    ensure!(book.store.sign_ins_of(alice.id, 2000).await?.len() == 2);
    ensure!(book.store.sign_ins_of(alice.id, 2_000_000).await?.is_empty(), "past its time");
    Ok(())
}

async fn an_end_is_an_end(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let one = row(alice.id, 1);
    book.store.began(std::slice::from_ref(&one), 1000).await?;
    let end = |id, why| Ended { id: row(alice.id, id).id, at: 2000, why, unless_moved: false };
    let unknown = book.store.ended(&[end(1, WHY), end(5, WHY)], 2000).await?;
    ensure!(unknown == [row(alice.id, 5).id], "{unknown:?}");
    let again = book.store.ended(&[end(1, SignInEnd::SignedOut)], 3000).await?;
    ensure!(again.is_empty(), "it is known");
    // Nothing brings it back: neither a late row nor a late use.
    book.store.began(std::slice::from_ref(&one), 4000).await?;
    book.store.seen(&[Seen { id: one.id, seen: 5000, until: 9_000_000 }], 5000).await?;
    let found = book.store.sign_ins(&[one.id]).await?;
    ensure!(found[0].ended == Some((2000, WHY)) && found[0].until == one.until, "{found:?}");
    ensure!(book.store.sign_ins_of(alice.id, 5000).await?.is_empty());
    Ok(())
}

async fn what_one_machine_thinks_over_another_may_have_moved(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mut one = row(alice.id, 1);
    book.store.began(std::slice::from_ref(&one), 1000).await?;
    let over = |at| Ended { id: one.id, at, why: SignInEnd::Expired, unless_moved: true };
    let first_end = one.until;
    book.store.ended(&[over(first_end - 1)], 2000).await?;
    ensure!(book.store.sign_ins(&[one.id]).await?[0].ended.is_none(), "it lives longer");
    // An end never moves back, and its seal stays the one that fits it.
    let before = SignInRow { until: one.until - 1, seal: vec![1; 32], ..one.clone() };
    book.store.began(&[before], 2000).await?;
    ensure!(book.store.sign_ins(&[one.id]).await? == [one.clone()]);
    book.store.ended(&[over(first_end)], 2000).await?;
    ensure!(book.store.sign_ins(&[one.id]).await?[0].ended == Some((first_end, SignInEnd::Expired)));
    // The same once more says nothing new; where the person acts, it is not over.
    book.store.began(std::slice::from_ref(&one), 3000).await?;
    ensure!(book.store.sign_ins(&[one.id]).await?[0].ended.is_some());
    one.until += 1;
    book.store.began(std::slice::from_ref(&one), 3000).await?;
    ensure!(book.store.sign_ins(&[one.id]).await? == [one.clone()]);
    ensure!(book.store.mine(None).await? == [one.id]);
    ensure!(book.store.mine(Some(one.id)).await?.is_empty());
    Ok(())
}

async fn a_person_is_put_out_everywhere(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let bob = sign_in(&book.store, "bob", Role::Viewer).await?;
    let mut rows = [row(alice.id, 1), row(alice.id, 2), row(bob.id, 3)];
    rows[1].since = 7000;
    rows[0].node = portcullis_model::NodeId::from_bytes([9; 16]).to_string();
    book.store.began(&rows, 1000).await?;
    ensure!(book.store.mine(None).await? == [rows[1].id, rows[2].id], "one began elsewhere");
    let mut changes = book.store.changes().await?;
    ensure!(book.store.revoke("alice", None, 6000, 6000).await? == [alice.id]);
    let wanted = [
        (ChangeKind::SignIn, rows[0].id.to_string(), true),
        (ChangeKind::Revoked, alice.id.to_string(), true),
    ];
    ensure!(crate::changes::told(&mut changes).await? == wanted);
    let ended: Vec<_> = book.store.sign_ins(&rows.each_ref().map(|row| row.id)).await?;
    let of = |id| ended.iter().find(|row| row.id == id).map(|row| row.ended.is_some());
    ensure!(
        [0, 1, 2].map(|at: usize| of(rows[at].id)) == [Some(true), Some(false), Some(false)],
        "{ended:?}"
    );
    // Whoever has no sign-in may have a session: that is told too. By name and by account it is one person.
    ensure!(book.store.revoke("alice", Some(alice.id), 6000, 6000).await? == [alice.id]);
    ensure!(crate::changes::told(&mut changes).await? == [(ChangeKind::Revoked, alice.id.to_string(), true)]);
    ensure!(book.store.revoke("nobody", None, 6000, 6000).await?.is_empty());
    Ok(())
}

async fn the_last_use_moves_forward_only(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let one = row(alice.id, 1);
    book.store.began(std::slice::from_ref(&one), 1000).await?;
    let revision = book.store.revision().await?;
    for (seen, wanted) in [(5000, 5000), (4000, 5000), (6000, 6000)] {
        book.store.seen(&[Seen { id: one.id, seen, until: 1_000_000 + seen }], seen).await?;
        let found = book.store.sign_ins(&[one.id]).await?;
        ensure!((found[0].seen, found[0].until) == (wanted, 1_000_000 + wanted), "{found:?}");
    }
    ensure!(book.store.revision().await? == revision, "others need not hear of it");
    Ok(())
}

async fn pages_of_the_living_and_of_the_past(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let rows: Vec<_> = (0..300).map(|at| row(alice.id, at)).collect();
    book.store.began(&rows, 1000).await?;
    let mut found = Vec::new();
    while let Some(page) = Some(book.store.live_sign_ins(found.last().copied(), 1000).await?) {
        ensure!(page.len() <= ROWS_AT_ONCE);
        found.extend(page.iter().map(|row| row.id));
        if page.is_empty() {
            break;
        }
    }
    ensure!(found == rows.iter().map(|row| row.id).collect::<Vec<_>>(), "{}", found.len());
    let mut past = Vec::new();
    let mut before = None;
    loop {
        let page = book.store.history(alice.id, before).await?;
        let Some(last) = page.last() else { break };
        before = Some((last.since, last.id));
        past.extend(page.into_iter().map(|row| row.id));
    }
    found.reverse();
    ensure!(past == found, "{}", past.len());
    Ok(())
}

async fn what_ran_out_ends_and_what_ended_long_ago_goes(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mut old = row(alice.id, 1);
    old.until = 5000;
    book.store.began(&[old.clone(), row(alice.id, 2)], 1000).await?;
    ensure!(book.store.prune_sign_ins(0, 5000).await? == 0);
    ensure!(book.store.sign_ins(&[old.id]).await?[0].ended == Some((5000, SignInEnd::Expired)));
    ensure!(book.store.sign_ins_of(alice.id, 5000).await?.len() == 1);
    ensure!(book.store.prune_sign_ins(5000, 6000).await? == 0);
    ensure!(book.store.prune_sign_ins(5001, 6000).await? == 1);
    ensure!(book.store.history(alice.id, None).await?.len() == 1);
    Ok(())
}

async fn an_id_is_spent_once(book: Book) -> Result<()> {
    ensure!(book.store.spend(b"_assertion\x00\xff", 5000, 1000).await?);
    ensure!(!book.store.spend(b"_assertion\x00\xff", 9000, 1000).await?);
    ensure!(book.store.spend(b"_another", 5000, 1000).await?);
    // Of many at once one is the first.
    let many: Vec<_> = (0..10)
        .map(|_| {
            let store = book.store.clone();
            tokio::spawn(async move { store.spend(b"raced", 5000, 1000).await })
        })
        .collect();
    let mut first = 0;
    for one in many {
        first += u32::from(one.await??);
    }
    ensure!(first == 1, "{first} were the first");
    ensure!(book.store.prune_spent(5000).await? == 0);
    ensure!(book.store.prune_spent(5001).await? == 3);
    Ok(())
}
