//! A sign-in that is good for nothing but to enrol a second factor, through a server that doesn't hold it to that.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_model::permission::Rule;
use portcullis_model::session::Ide;
use portcullis_testing::{Stage, account, case};
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Asker, Wish};
use portcullis_wire::factors::{FactorAnswer, FactorWish};
use portcullis_wire::launcher::OpenError;
use portcullis_wire::watch::AdminRefusal;
use portcullis_wire::{ToLauncher, ToServer};

use crate::drive::{Drive, Link, UNIX};

/// A group whose members need a second factor.
const NEEDS: &str = "drivefactor";

pub(crate) fn all() -> Vec<Trial> {
    vec![case("a limited sign-in opens nothing, whatever a server asks by it", limited)]
}

fn asked(
    link: &Link,
    request: u64,
    asker: Asker,
    wish: Wish,
) -> Result<Result<AccountAnswer, AccountRefusal>> {
    link.send(&ToLauncher::AccountAsk { request, asker, wish: Box::new(wish) })?;
    link.find("answer about an account", |message| match message {
        ToServer::Answered { request: found, result } if *found == request => {
            Some(result.clone().map(|answer| *answer))
        }
        _ => None,
    })
}

fn limited(_: &Stage) -> Result<()> {
    account::shadow("groupadd", &["--force", NEEDS])?;
    let drive = Drive::start(UNIX, &format!("factor-required-groups={NEEDS}\n"), "")?;
    // The first is administrator: not even that opens anything.
    let ann = account::create("lim", &["--groups", NEEDS])?;
    let link = drive.ready()?;
    link.sign_in(1, &ann.name, &ann.password)?;
    let sign_in = link.signed_in(1)?;
    ensure!(sign_in.is_limited() && sign_in.until == sign_in.since + 15 * 60, "{sign_in:?}");
    drive.record("sign-in", &[("user", &ann.name), ("factor", "to-enrol")])?;
    link.send(&ToLauncher::OpenSession { request: 7, sign_in: sign_in.id, ide: Ide::Jupyter })?;
    let opened = link.find("answer", |message| match message {
        ToServer::Opened { request: 7, result } => Some(result.clone()),
        _ => None,
    })?;
    ensure!(matches!(opened, Err(OpenError::NotOffered { .. })), "{opened:?}");
    link.send(&ToLauncher::AdminLook { request: 8, sign_in: sign_in.id, history: false, at: None })?;
    let looked = link.find("answer", |message| match message {
        ToServer::Administrator { request: 8, result } => Some(result.as_ref().err().copied()),
        _ => None,
    })?;
    ensure!(looked == Some(AdminRefusal::NotAdministrator), "{looked:?}");
    let asker = Asker::SignIn(sign_in.id);
    let people = Wish::People { after: 0, locked: false, matching: String::new() };
    let refused = asked(&link, 9, asker, people)?;
    ensure!(
        matches!(&refused, Err(AccountRefusal::Rule(refused)) if refused.rule == Rule::FactorFirst),
        "{refused:?}"
    );
    // What it is for: one's own factors. A passkey's answer to a challenge that nobody made counts for nothing.
    let seen = asked(&link, 10, asker, Wish::Factor(Box::new(FactorWish::Look)))?;
    let is_seen = |answer: &AccountAnswer| matches!(answer, AccountAnswer::Factor(answer) if matches!(&**answer, FactorAnswer::Seen(seen) if seen.limited));
    ensure!(seen.as_ref().is_ok_and(is_seen), "{seen:?}");
    let answer = FactorWish::PasskeyFinish { name: String::new(), answer: "{}".into() };
    let refused = asked(&link, 11, asker, Wish::Factor(Box::new(answer)))?;
    ensure!(matches!(refused, Err(AccountRefusal::Value(_) | AccountRefusal::Gone)), "{refused:?}");
    // An act moves nothing of its end.
    link.send(&ToLauncher::Touch { sign_in: sign_in.id, until: sign_in.until + 3600 })?;
    let seen = asked(&link, 12, asker, Wish::OwnLook)?;
    let until = match seen {
        Ok(AccountAnswer::Own(own)) => own.sign_ins.first().map(|one| one.until),
        _ => None,
    };
    ensure!(until == Some(sign_in.until), "{until:?}");
    Ok(())
}
