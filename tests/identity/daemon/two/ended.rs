//! What is ended on one machine is ended on the other, within a second.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::postgres::Postgres;
use portcullis_testing::{Stage, case, process, until, websocket};

use super::{PROMISED, Pair, at, ended_by, gone, honoured};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::two::a_sign_in_on_one_is_honoured_by_the_other", taken_over),
        case("identity::daemon::two::what_ends_on_one_ends_on_the_other_within_a_second", twenty),
        case("identity::daemon::two::sessions_and_websockets_of_the_other_machine_end_too", sessions),
        case("identity::daemon::two::a_revoked_person_without_a_sign_in_loses_the_session", session_alone),
    ]
}

fn taken_over(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let (ann, here, there) = pair.signed_in("ann")?;
    honoured(&[&there])?;
    pair.b.await_audit("sign-in-elsewhere", &[("user", &ann.name)], 5)?;
    // It is B's own by now: asked about once, told once.
    for _ in 0..5 {
        ensure!(there.is_signed_in()?, "signed out again");
    }
    ensure!(pair.b.count_audit("sign-in-elsewhere", &[])? == 1, "taken over more than once");
    ensure!(pair.b.count_audit("sign-in", &[])? == 0 && here.is_signed_in()?, "signed in anew");
    // The other way round, and nobody's cookie but one of ours.
    let (_, back) = pair.b.signed_in("ben")?;
    honoured(&[&at(&pair.a, &back)?])?;
    let stranger = pair.b.client()?;
    stranger.set_cookie("portcullis", "v1.00000000.AAAA.AAAA");
    ensure!(!stranger.is_signed_in()?, "any cookie is honoured");
    // What the machine says of the Unix account counts there, too.
    let (cid, _, there) = pair.signed_in("cid")?;
    portcullis_testing::account::shadow("chage", &["-E", "0", &cid.name])?;
    ensure!(!there.is_signed_in()?, "an expired account is honoured");
    for world in [&pair.a, &pair.b] {
        world.log.expect("an identity is lost");
    }
    Ok(())
}

/// One way to end a sign-in of A, in turn.
fn end(pair: &Pair, round: usize, name: &str, here: &portcullis_testing::Client) -> Result<&'static str> {
    Ok(match round % 3 {
        0 => {
            ended_by(&pair.a, &["revoke", name], |told| told)?;
            "revoke"
        }
        1 => {
            ended_by(&pair.a, &["users", "lock", name], |told| &told["ended"])?;
            "lock"
        }
        _ => {
            here.post("/auth-sign-out", &[])?;
            "sign-out"
        }
    })
}

fn twenty(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let mut longest = Duration::ZERO;
    for round in 0..21 {
        let (ann, here, there) = pair.signed_in("ann")?;
        honoured(&[&there]).with_context(|| format!("round {round}"))?;
        let began = Instant::now();
        let how = end(&pair, round, &ann.name, &here)?;
        let took = gone(&there, Instant::now(), 30)?;
        ensure!(
            took <= until::promised(PROMISED),
            "round {round}: a {how} took {took:?} to reach the other machine"
        );
        longest = longest.max(took);
        ensure!(!here.is_signed_in()?, "round {round}: {how} left it here");
        // It stays so: the row is over, and nobody asks it back to life.
        ensure!(!there.is_signed_in()?, "round {round}: {how} came back after {:?}", began.elapsed());
    }
    println!("ended elsewhere within {longest:?} of the answer at the most, in 21 rounds");
    Ok(())
}

fn sessions(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let (ann, _, there) = pair.signed_in("ann")?;
    honoured(&[&there])?;
    let id = there.start_session(30)?;
    let mut socket = websocket::open(&there, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    ensure!(!process::of_user(ann.uid).is_empty(), "no session");
    ended_by(&pair.a, &["revoke", &ann.name], |told| told)?;
    let since = Instant::now();
    websocket::await_close(&mut socket)?;
    let took = gone(&there, since, 30)?;
    until::is("no process is left", 30, || process::of_user(ann.uid).is_empty())?;
    let all = since.elapsed();
    ensure!(took.max(all) <= until::promised(PROMISED), "cookie {took:?}, processes {all:?}");
    println!("cookie, WebSocket and processes of the other machine ended within {all:?} of the answer");
    pair.b.await_audit("revoked", &[("user", &ann.name), ("by", "another machine")], 5)?;
    pair.b.await_audit("session-ended", &[("session", &id), ("why", "revoked")], 5)?;
    // It is no lock.
    at(&pair.b, &pair.a.client().and_then(|again| again.sign_in(&ann.name, &ann.password).map(|()| again))?)?;
    Ok(())
}

fn session_alone(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let (ann, client) = pair.b.signed_in("ann")?;
    client.start_session(30)?;
    client.post("/auth-sign-out", &[])?;
    ensure!(
        !client.is_signed_in()? && !process::of_user(ann.uid).is_empty(),
        "a session ends with its sign-in"
    );
    ended_by(&pair.a, &["revoke", &ann.name], |told| told)?;
    let since = Instant::now();
    until::is("the session of B ends with a revocation at A", 30, || process::of_user(ann.uid).is_empty())?;
    ensure!(since.elapsed() <= until::promised(PROMISED), "{:?}", since.elapsed());
    Ok(())
}
