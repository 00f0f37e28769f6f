//! Second factors: a code counts once.

use anyhow::{Result, ensure};
use portcullis_model::account::{Account, Role};
use portcullis_model::factor::{FACTORS_MAX, Factor, FactorKind};
use portcullis_model::{AccountId, FactorId};
use portcullis_store::Error;

use crate::book::{Book, Trials, both, sign_in};

pub(crate) fn all() -> Trials {
    both!("factors":
        a_step_is_used_up_once,
        a_counter_goes_up,
        a_recovery_code_is_used_up_once,
        an_account_knows_what_is_enrolled,
        there_are_so_many_and_no_more,
    )
}

fn factor(account: &Account, kind: FactorKind) -> Factor {
    Factor {
        id: FactorId::random().expect("random numbers"),
        account: account.id,
        kind,
        name: "phone".to_owned(),
        sealed: vec![0, 255, 1],
        credential: vec![4, 0, 4],
        counter: 0,
        step: 0,
        created: 1000,
        last_used: None,
        confirmed: false,
    }
}

async fn a_step_is_used_up_once(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mine = factor(&alice, FactorKind::Totp);
    book.store.add_factor(&mine, 1000).await?;
    for (step, wanted) in [(10, true), (10, false), (9, false), (11, true)] {
        ensure!(book.store.accept_step(&mine, step, 2000).await? == wanted, "{step}");
    }
    let many: Vec<_> = (0..10)
        .map(|_| {
            let (store, mine) = (book.store.clone(), mine.clone());
            tokio::spawn(async move { store.accept_step(&mine, 20, 3000).await })
        })
        .collect();
    let mut accepted = 0;
    for one in many {
        accepted += u32::from(one.await??);
    }
    ensure!(accepted == 1, "accepted {accepted} times");
    // Somebody else's account does not use it up.
    let stranger = Factor { account: AccountId::from_bytes([9; 16]), ..mine.clone() };
    ensure!(!book.store.accept_step(&stranger, 30, 3000).await?);
    let kept = book.store.factors(alice.id).await?;
    let wanted = Factor { step: 20, last_used: Some(3000), confirmed: true, ..mine };
    ensure!(kept == [wanted], "{kept:?}");
    Ok(())
}

async fn a_counter_goes_up(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mine = factor(&alice, FactorKind::Passkey);
    book.store.add_factor(&mine, 1000).await?;
    // One that has no counter says 0 for ever; one that has must not go back, nor to 0.
    for (counter, wanted) in [(0, true), (0, true), (5, true), (5, false), (4, false), (0, false), (6, true)]
    {
        ensure!(book.store.accept_counter(&mine, counter, 2000).await? == wanted, "{counter}");
    }
    Ok(())
}

async fn a_recovery_code_is_used_up_once(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let mine = Factor { counter: 10, confirmed: true, ..factor(&alice, FactorKind::Recovery) };
    book.store.add_factor(&mine, 1000).await?;
    ensure!(book.store.account(alice.id).await?.factors.recovery == 10);
    ensure!(book.store.accept_code(&mine, &[1], 9, 2000).await?);
    ensure!(!book.store.accept_code(&mine, &[2], 9, 2000).await?, "it was read before the first was used up");
    let read = book.store.factors(alice.id).await?.remove(0);
    ensure!(read.sealed == [1] && read.counter == 9, "{read:?}");
    ensure!(book.store.account(alice.id).await?.factors.recovery == 9);
    Ok(())
}

async fn an_account_knows_what_is_enrolled(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    let (totp, passkey) = (factor(&alice, FactorKind::Totp), factor(&alice, FactorKind::Passkey));
    let codes = Factor { counter: 10, confirmed: true, ..factor(&alice, FactorKind::Recovery) };
    for factor in [&totp, &passkey, &codes] {
        book.store.add_factor(factor, 1000).await?;
    }
    let enrolled = || async { Ok::<_, Error>(book.store.account(alice.id).await?.factors) };
    ensure!(!enrolled().await?.enrolled(), "none is confirmed");
    book.store.accept_step(&totp, 1, 2000).await?;
    book.store.accept_counter(&passkey, 0, 2000).await?;
    let now = book.store.account(alice.id).await?;
    ensure!(now.factors.totp && now.factors.passkey && now.factors.recovery == 10);
    ensure!(now.epoch > alice.epoch);
    book.store.remove_factor(alice.id, totp.id, 3000).await?;
    ensure!(!enrolled().await?.totp && enrolled().await?.recovery == 10);
    let stranger = book.store.remove_factor(AccountId::from_bytes([9; 16]), passkey.id, 3000).await;
    ensure!(matches!(stranger, Err(Error::Absent { what: "factor", .. })), "{stranger:?}");
    book.store.remove_factor(alice.id, passkey.id, 3000).await?;
    ensure!(enrolled().await?.recovery == 0, "codes stand in for a factor that is not there any more");
    ensure!(book.store.factors(alice.id).await?.is_empty());
    Ok(())
}

async fn there_are_so_many_and_no_more(book: Book) -> Result<()> {
    let alice = sign_in(&book.store, "alice", Role::Administrator).await?;
    for _ in 0..FACTORS_MAX {
        book.store.add_factor(&factor(&alice, FactorKind::Passkey), 1000).await?;
    }
    let more = book.store.add_factor(&factor(&alice, FactorKind::Totp), 1000).await;
    ensure!(more == Err(Error::TooMany { what: "factors", limit: FACTORS_MAX }), "{more:?}");
    ensure!(book.store.prune_factors(1000, 5000).await? == 0);
    ensure!(book.store.prune_factors(1001, 5000).await? == FACTORS_MAX as u64, "never confirmed");
    book.store.add_factor(&factor(&alice, FactorKind::Totp), 6000).await?;
    Ok(())
}
