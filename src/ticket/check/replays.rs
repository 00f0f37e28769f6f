//! A token counts once: whoever asks again, at the same time or later, whatever the environment says.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::kerberos::Kdc;
use portcullis_testing::servers::negotiate as browser;
use portcullis_testing::{Stage, case};

use super::accept::{Acceptor, Outcome};

/// So many processes have the same token at once.
const AT_ONCE: usize = 8;

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("kerberos::a_token_counts_once", once),
        case("kerberos::of_many_at_once_one_is_taken", at_once),
        case("kerberos::without_a_replay_cache_nobody_is_taken", no_cache),
    ]
}

fn once(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let cache = kdc.ticket("kira", "Kira-Pass-1")?;
    let token = browser::token(kdc, &cache, &[])?;
    let accepted = acceptor.one(&token)?;
    ensure!(accepted.principal().is_some(), "{accepted:?}");
    let refused = acceptor.one(&token)?;
    ensure!(refused.is_for("Replayed"), "{refused:?}");
    // The environment has no say: these switch the cache off, where the caller names none.
    let environment = vec![("KRB5RCACHENAME", "none:".to_owned()), ("KRB5RCACHETYPE", "none".to_owned())];
    let refused = Acceptor { environment, ..acceptor.clone() }.one(&token)?;
    ensure!(refused.is_for("Replayed"), "{refused:?}");
    // It is the cache that does it: with another one the token counts.
    let accepted = acceptor.fresh()?.one(&token)?;
    ensure!(accepted.principal().is_some(), "{accepted:?}");
    // And the same person's next token is another.
    let next = browser::token(kdc, &cache, &[])?;
    let accepted = acceptor.one(&next)?;
    ensure!(accepted.principal().is_some(), "{accepted:?}");
    Ok(())
}

fn at_once(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let token = browser::token(kdc, &kdc.ticket("kira", "Kira-Pass-1")?, &[])?;
    let outcomes: Vec<Result<Outcome>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| acceptor.one(&token))).collect();
        running.into_iter().map(|one| one.join().expect("it returns its errors")).collect()
    });
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
    let taken = outcomes.iter().filter(|outcome| outcome.principal().is_some()).count();
    let replayed = outcomes.iter().filter(|outcome| outcome.is_for("Replayed")).count();
    ensure!((taken, replayed) == (1, AT_ONCE - 1), "{outcomes:?}");
    Ok(())
}

fn no_cache(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let token = browser::token(kdc, &kdc.ticket("kira", "Kira-Pass-1")?, &[])?;
    // A folder that is not there, and a folder where the file should be.
    let gone = acceptor.replays.join("gone");
    let taken = acceptor.replays.join("taken");
    std::fs::create_dir_all(taken.join("portcullis-HTTP.rcache2"))?;
    for replays in [gone, taken] {
        let refused = Acceptor { replays, ..acceptor.clone() }.one(&token)?;
        ensure!(refused.is_for("Other") && format!("{refused:?}").contains("rcache2"), "{refused:?}");
    }
    let accepted = acceptor.one(&token)?;
    ensure!(accepted.principal().is_some(), "{accepted:?}");
    Ok(())
}
