//! The database goes away and comes back, notices are lost, machines are killed in the midst: no end is lost.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::servers::postgres::Postgres;
use portcullis_testing::{Stage, World, case, process, until};

use super::{PROMISED, Pair, at, ended_by, gone, honoured, portcullis};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::two::the_database_goes_away_and_what_was_ended_meanwhile_is_ended", away),
        case("identity::daemon::two::a_machine_that_is_cut_off_for_long_answers_nobody", apart),
        case("identity::daemon::two::lost_notices_are_found_by_looking", notices),
        case("identity::daemon::two::a_machine_that_was_down_hears_what_ended_meanwhile", down),
        case("identity::daemon::two::an_end_outlives_the_launcher_that_owes_it", owed),
        case("identity::daemon::two::what_was_written_for_nobody_is_withdrawn", withdrawn),
    ]
}

/// What the log says of a database that is away, and of processes that a test kills.
pub(super) fn expect(world: &World) {
    for part in [
        "database",
        "can't be asked",
        "can't be reached",
        "not written",
        "could not be written",
        "killed",
        "lost",
        "ended",
        "nobody is answered",
        "answered again",
        "changes",
        "refused",
        "launcher is gone",
        "the launcher can't be told",
        "contact with other machines",
        "not whole",
        "cannot write",
        "other machines",
    ] {
        world.log.expect(part);
    }
}

fn away(stage: &Stage) -> Result<()> {
    let postgres = Postgres::start()?;
    let pair = Pair::start(stage, &postgres.database()?, "")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let (ann, here, there) = pair.signed_in("ann")?;
    let (ben, of_ben, of_ben_there) = pair.signed_in("ben")?;
    honoured(&[&there, &of_ben_there])?;
    postgres.stop()?;
    // Who is signed in needs no database; nobody new comes in who would be nobody elsewhere.
    ensure!(here.is_signed_in()? && there.is_signed_in()?, "signed out by the database's end");
    let new = pair.a.client()?;
    new.try_sign_in(&ben.name, &ben.password)?;
    ensure!(!new.is_signed_in()?, "somebody was let in whom the other machine doesn't know");
    // What is ended here is ended at once, and owed to the other.
    let output = portcullis(&pair.a, &["revoke", &ann.name])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(said.contains("NOT told to other machines yet") && !output.status.success(), "{said}");
    ensure!(!here.is_signed_in()?, "a revocation waits for the database");
    of_ben.post("/auth-sign-out", &[])?;
    ensure!(!of_ben.is_signed_in()?, "a sign-out waits for the database");
    ensure!(there.is_signed_in()?, "the other machine knows by itself");
    postgres.resume()?;
    let since = Instant::now();
    let took = gone(&there, since, 60)?.max(gone(&of_ben_there, since, 60)?);
    println!("what was ended while the database was away is ended elsewhere {took:?} after it is back");
    ensure!(took < until::promised(Duration::from_secs(10)), "{took:?}");
    until::is("people come in again", 20, || new.sign_in(&ben.name, &ben.password).is_ok())?;
    until::is("and are honoured", 20, || at(&pair.b, &new).and_then(|it| it.is_signed_in()).unwrap_or(false))
}

fn apart(stage: &Stage) -> Result<()> {
    let postgres = Postgres::start()?;
    let pair = Pair::start(stage, &postgres.database()?, "database-lost-seconds=2")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let (_, here, there) = pair.signed_in("ann")?;
    honoured(&[&there])?;
    let status = |client: &portcullis_testing::Client| -> Result<u16> {
        Ok(client.request("GET", "/").header("Accept", "text/html").send()?.status)
    };
    // From before: it is away as soon as it is told to stop.
    let since = Instant::now();
    postgres.stop()?;
    for client in [&here, &there] {
        until::some("nobody is answered", 20, || Ok((status(client)? == 503).then_some(())))?;
    }
    ensure!(since.elapsed() >= Duration::from_secs(2), "cut off after {:?}", since.elapsed());
    ensure!(pair.a.client()?.get("/health-check")?.status != 0, "machines are told nothing");
    let said = String::from_utf8_lossy(&portcullis(&pair.a, &["status"])?.stdout).into_owned();
    ensure!(said.contains("database"), "status says nothing of it: {said}");
    postgres.resume()?;
    for client in [&here, &there] {
        until::some("people are answered again", 20, || Ok((status(client)? == 200).then_some(())))?;
    }
    Ok(())
}

fn notices(stage: &Stage) -> Result<()> {
    let postgres = Postgres::shared()?;
    let database = postgres.database()?;
    let pair = Pair::start(stage, &database, "")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let mut longest = Duration::ZERO;
    for _ in 0..3 {
        let (ann, _, there) = pair.signed_in("ann")?;
        honoured(&[&there])?;
        // Whoever listened does not any more: what comes now is found by looking.
        let listens = format!(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'LISTEN%'",
            database.name
        );
        postgres.admin("postgres", &listens)?;
        ended_by(&pair.a, &["revoke", &ann.name], |told| told)?;
        longest = longest.max(gone(&there, Instant::now(), 30)?);
    }
    ensure!(longest <= until::promised(PROMISED), "{longest:?}");
    println!("without notices within {longest:?} of the answer");
    // All connections at once, as a network that comes back.
    let (ann, _, there) = pair.signed_in("ann")?;
    honoured(&[&there])?;
    postgres.disconnect(&database)?;
    until::some("the revocation is told", 20, || {
        Ok(portcullis(&pair.a, &["revoke", &ann.name])?.status.success().then_some(()))
    })?;
    gone(&there, Instant::now(), 10).map(drop)
}

fn down(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let mut pair = Pair::start(stage, &database, "")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let (ann, _, there) = pair.signed_in("ann")?;
    let id = there.start_session(30)?;
    honoured(&[&there])?;
    process::kill_hard(pair.b.launcher_pid()?)?;
    pair.b.stop(Signal::SIGKILL)?;
    let output = portcullis(&pair.a, &["revoke", &ann.name])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(said.contains("NOT carried out there yet") && !output.status.success(), "{said}");
    pair.b.launch()?;
    let since = Instant::now();
    let back = at(&pair.b, &there)?;
    let took = gone(&back, since, 60)?;
    println!("a machine that was down knows {took:?} after it serves");
    ensure!(took <= until::promised(Duration::from_secs(5)), "{took:?}");
    until::is("the session ends", 20, || process::of_user(ann.uid).is_empty())?;
    pair.b.await_audit("session-ended", &[("session", &id)], 10)?;
    Ok(())
}

fn owed(stage: &Stage) -> Result<()> {
    let postgres = Postgres::start()?;
    let mut pair = Pair::start(stage, &postgres.database()?, "")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let (_, here, there) = pair.signed_in("ann")?;
    let (ben, _, of_ben_there) = pair.signed_in("ben")?;
    honoured(&[&there, &of_ben_there])?;
    postgres.stop()?;
    here.post("/auth-sign-out", &[])?;
    ensure!(!here.is_signed_in()?, "not signed out");
    portcullis(&pair.a, &["revoke", &ben.name])?;
    // The journal has both, the database neither, and the launcher is no more.
    process::kill_hard(pair.a.launcher_pid()?)?;
    pair.a.stop(Signal::SIGKILL)?;
    postgres.resume()?;
    ensure!(there.is_signed_in()?, "the other machine knows by itself");
    pair.a.launch()?;
    let since = Instant::now();
    let took = gone(&there, since, 60)?.max(gone(&of_ben_there, since, 60)?);
    println!("what a killed launcher owed is ended elsewhere {took:?} after the next one serves");
    ensure!(took <= until::promised(Duration::from_secs(5)), "{took:?}");
    ensure!(!at(&pair.a, &there)?.is_signed_in()?, "it came back at its own machine");
    Ok(())
}

fn withdrawn(stage: &Stage) -> Result<()> {
    let postgres = Postgres::start()?;
    let database = postgres.database()?;
    let mut pair = Pair::start(stage, &database, "")?;
    [&pair.a, &pair.b].into_iter().for_each(expect);
    let (ann, _, there) = pair.signed_in("ann")?;
    // A row of this machine of which no launcher knows: one was killed after the database had it and before the journal had.
    let copy = format!(
        "INSERT INTO sign_ins SELECT '{}', account, method, factors, remote, agent, node, since, until_at, seen, NULL, \
         NULL, seal FROM sign_ins WHERE account = (SELECT id FROM accounts WHERE unix_name = '{}')",
        "0".repeat(32),
        ann.name
    );
    database.query(&copy, "disable").context("a copy")?;
    process::kill_hard(pair.a.launcher_pid()?)?;
    pair.a.stop(Signal::SIGKILL)?;
    pair.a.launch()?;
    until::some("it is ended", 20, || {
        let live = database.query("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL", "disable")?;
        Ok((live.trim() == "1").then_some(()))
    })?;
    ensure!(there.is_signed_in()?, "somebody else's ended");
    Ok(())
}
