//! Rows that no launcher made: whoever has the database, and not the keys, signs nobody in.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::postgres::{Database, Postgres};
use portcullis_testing::{Client, Stage, case, until};

use super::{Pair, at, honoured};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::two::rows_that_nobody_sealed_are_not_honoured", forged),
        case("identity::daemon::two::a_database_puts_nobody_in_whom_a_machine_put_out", revived),
    ]
}

/// Whether B honours this browser; a refusal is believed for a second, so that it is asked until the machine has looked again.
fn honours(pair: &Pair, client: &Client) -> Result<bool> {
    let before = pair.b.count_audit("row-refused", &[])?;
    until::some("the row is looked at", 20, || {
        if at(&pair.b, client)?.is_signed_in()? {
            return Ok(Some(true));
        }
        Ok((pair.b.count_audit("row-refused", &[])? > before).then_some(false))
    })
}

/// Runs SQL as somebody who has the database.
fn sql(database: &Database, text: &str) -> Result<String> {
    database.query(text, "disable")
}

fn forged(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    pair.b.log.expect("is not honoured");
    let (ann, client) = pair.a.signed_in("ann")?;
    let (ben, _) = pair.a.signed_in("ben")?;
    let account = |name: &str| format!("(SELECT id FROM accounts WHERE unix_name = '{name}')");
    let (of_ann, of_ben) = (account(&ann.name), account(&ben.name));
    let row = sql(&database, &format!("SELECT id FROM sign_ins WHERE account = {of_ann}"))?;
    let id = row.trim();
    ensure!(id.len() == 32, "no row: {row}");
    let kept = sql(
        &database,
        &format!("CREATE TABLE kept AS SELECT * FROM sign_ins WHERE id = '{id}'; SELECT COUNT(*) FROM kept"),
    )?;
    ensure!(kept.trim() == "1", "{kept}");
    let seals = format!("(SELECT seal FROM sign_ins WHERE account = {of_ben})");
    for (what, change) in [
        ("another's account", format!("account = {of_ben}")),
        ("a longer life", "until_at = until_at + 86400000".to_owned()),
        ("another beginning", "since = since - 1000".to_owned()),
        ("another method", "method = 'ldap'".to_owned()),
        ("another address", "remote = '192.0.2.1'".to_owned()),
        ("no seal", "seal = ''".to_owned()),
        ("another's seal", format!("seal = {seals}")),
        ("another's account and seal", format!("account = {of_ben}, seal = {seals}")),
    ] {
        sql(&database, &format!("UPDATE sign_ins SET {change} WHERE id = '{id}'"))?;
        ensure!(!honours(&pair, &client)?, "{what}: it is honoured");
        sql(
            &database,
            &format!("DELETE FROM sign_ins WHERE id = '{id}'; INSERT INTO sign_ins SELECT * FROM kept"),
        )?;
    }
    // A row that was never there, under the name that a cookie carries.
    sql(
        &database,
        &format!(
            "UPDATE sign_ins SET id = id || 'x' WHERE id = '{id}'; INSERT INTO sign_ins SELECT '{id}', account, \
             method, factors, remote, agent, node, since, until_at, seen, ended_at, why, seal FROM sign_ins \
             WHERE account = {of_ben}"
        ),
    )?;
    ensure!(!honours(&pair, &client)?, "another's row under this name is honoured");
    sql(
        &database,
        &format!(
            "DELETE FROM sign_ins WHERE id IN ('{id}', '{id}x'); INSERT INTO sign_ins SELECT * FROM kept"
        ),
    )?;
    // As it was, it is good: what was refused was refused for the change alone.
    until::is("it is honoured as it was", 20, || {
        at(&pair.b, &client).and_then(|there| there.is_signed_in()).unwrap_or(false)
    })?;
    let said = pair.b.await_audit("row-refused", &[("kind", "sign-in")], 5)?;
    ensure!(said["why"].as_str().context("a reason")?.contains("seal"), "{said}");
    // An account whose name in the database is another's opens nothing of that one, either.
    let (cid, client) = pair.a.signed_in("cid")?;
    let spare = pair.a.account("spare")?;
    sql(
        &database,
        &format!("UPDATE accounts SET unix_name = '{}' WHERE unix_name = '{}'", spare.name, cid.name),
    )?;
    ensure!(!honours(&pair, &client)?, "an account renamed in the database is another person");
    Ok(())
}

fn revived(stage: &Stage) -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let pair = Pair::start(stage, &database, "")?;
    let (ann, client, there) = pair.signed_in("ann")?;
    honoured(&[&there])?;
    // Whoever can write there can end what they like: that is all.
    let of = format!("account = (SELECT id FROM accounts WHERE unix_name = '{}')", ann.name);
    sql(
        &database,
        &format!(
            "WITH next AS (UPDATE counters SET value = value + 1 WHERE name = 'revision' RETURNING value), \
             ended AS (UPDATE sign_ins SET ended_at = 1, why = 'revoked' WHERE {of} RETURNING id) \
             INSERT INTO changes SELECT next.value, 1, 'sign-in', ended.id, 'somebody' FROM next, ended"
        ),
    )?;
    for one in [&client, &there] {
        super::gone(one, std::time::Instant::now(), 30)?;
    }
    Ok(())
}
