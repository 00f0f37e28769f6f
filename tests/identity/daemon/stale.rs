//! Rows of the database that are read before an end and answered after it: nobody comes back by one. PostgreSQL alone: a SQLite file has
//! one machine, which asks it about no sign-in.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::postgres::Postgres;
use portcullis_testing::{Stage, case, until};

use super::ask::json;
use super::two::{at, on};

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![case("identity::daemon::stale::a_row_that_was_read_before_the_sign_out_lets_nobody_in", signed_out)]
}

fn signed_out(stage: &Stage) -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database()?;
    let mut world = on(stage, &database, "")?;
    world.launch()?;
    // A machine that takes longer than the locks may be held gives the statements up, and writes the end later.
    world.log.expect("is not written at the moment");
    world.signed_in("first")?;
    let (_, client) = world.signed_in("stale")?;
    let thief = at(&world, &client)?;
    // The end can't be written, and who looks the sign-in up has its row and waits for the account.
    let no_end = database.hold(server, "SELECT id FROM sign_ins FOR UPDATE")?;
    client.post("/auth-sign-out", &[])?;
    let no_account = database.hold(server, "LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")?;
    let asks = std::thread::spawn(move || (thief.is_signed_in(), thief));
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'accounts'::regclass";
    until::some("somebody waits for the account", 30, || {
        Ok((server.admin(&database.name, waiting)?.trim() != "0").then_some(()))
    })?;
    drop(no_end);
    until::some("the end is written, and the launcher knows", 30, || {
        Ok((json(&world, &["status"], 0)?["others"]["owed"] == 0).then_some(()))
    })?;
    drop(no_account);
    let (is_in, thief) = asks.join().ok().context("it panicked")?;
    ensure!(!is_in? && !thief.is_signed_in()?, "signed in again by a row of before");
    ensure!(world.count_audit("sign-in-elsewhere", &[])? == 0, "taken for another machine's");
    // Who is signed in on the same database comes in as before.
    let (_, other) = world.signed_in("other")?;
    ensure!(other.is_signed_in()?);
    Ok(())
}
