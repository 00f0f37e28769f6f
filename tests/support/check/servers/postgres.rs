//! PostgreSQL: passwords, TLS, a database for each test, stopping and killing.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::postgres::{Database, Postgres};
use portcullis_testing::{Stage, case};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("servers::postgres::lets_in_with_the_right_password_alone", lets_in),
        case("servers::postgres::a_database_begins_as_its_template", template),
        case("servers::postgres::a_role_may_be_refused_without_tls", tls),
        case("servers::postgres::stops_dies_and_comes_back_with_what_was_committed", comes_back),
    ]
}

fn refused(answer: Result<String>, with: &str) -> Result<()> {
    match answer {
        Ok(text) => anyhow::bail!("it was let in: {text}"),
        Err(error) => {
            let text = format!("{error:#}");
            ensure!(text.contains(with), "refused, but for another reason: {text}");
            Ok(())
        }
    }
}

fn lets_in(_: &Stage) -> Result<()> {
    let postgres = Postgres::shared()?;
    let (mine, theirs) = (postgres.database()?, postgres.database()?);
    for way in ["disable", "require", "verify-full"] {
        ensure!(mine.query("SELECT current_user", way)?.trim() == mine.name, "by {way}");
    }
    let wrong = Database { password: "wrong".to_owned(), ..mine.clone() };
    refused(wrong.query("SELECT 1", "disable"), "password authentication failed")?;
    let stored = postgres
        .admin("postgres", &format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{}'", mine.name))?;
    ensure!(stored.starts_with("SCRAM-SHA-256$"), "stored as {stored}");
    // Somebody else's tables are somebody else's.
    theirs.query("CREATE TABLE secret (word TEXT)", "require")?;
    let stranger = Database { name: theirs.name.clone(), ..mine.clone() };
    refused(stranger.query("SELECT * FROM secret", "require"), "password authentication failed")
}

fn template(_: &Stage) -> Result<()> {
    let postgres = Postgres::shared()?;
    let template = postgres.database()?;
    template.query("CREATE TABLE kept (word TEXT); INSERT INTO kept VALUES ('before')", "require")?;
    let made = postgres.database_like(&template)?;
    made.query("INSERT INTO kept VALUES ('after')", "require")?;
    ensure!(made.query("SELECT word FROM kept ORDER BY word", "require")? == "after\nbefore\n");
    ensure!(template.query("SELECT word FROM kept", "require")? == "before\n");
    Ok(())
}

fn tls(_: &Stage) -> Result<()> {
    let postgres = Postgres::shared()?;
    let database = postgres.database_by_tls()?;
    ensure!(
        database.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "verify-full")? == "t\n"
    );
    refused(database.query("SELECT 1", "disable"), "no encryption")?;
    let ca_file = std::path::PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
    let distrusting = Database { ca_file, ..database };
    refused(distrusting.query("SELECT 1", "verify-full"), "certificate")
}

fn comes_back(_: &Stage) -> Result<()> {
    let postgres = Postgres::start()?;
    let database = postgres.database()?;
    database.query("CREATE TABLE kept (number BIGINT)", "require")?;
    for number in 0..3 {
        database.query(&format!("INSERT INTO kept VALUES ({number})"), "require")?;
        if number == 0 {
            postgres.stop()?;
        } else {
            postgres.kill()?;
        }
        refused(database.query("SELECT 1", "require"), "refused")?;
        postgres.resume()?;
    }
    ensure!(database.query("SELECT count(*) FROM kept", "require")? == "3\n");
    Ok(())
}
