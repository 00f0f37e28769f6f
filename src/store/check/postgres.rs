//! What a server that others use too can do to us: changes of another machine, lost notices, lost connections, TLS.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portcullis_model::Secret;
use portcullis_model::account::Role;
use portcullis_store::{
    ChangeKind, Changes, Config, Error, News, OpenError, Place, Postgres as Settings, Select, SslMode, Store,
    VERSION,
};
use portcullis_testing::servers::postgres::{Database, Postgres};
use portcullis_testing::until;

use crate::book::{NODE, OTHER_NODE, Trials, person, pg, plain, row, settings, sign_in, trial};
use crate::changes::{soon, told};

pub(crate) fn all() -> Trials {
    vec![
        trial("postgres::two::a_notice_arrives_at_once".to_owned(), true, notices),
        trial("postgres::two::a_lost_notice_is_found_by_looking".to_owned(), true, lost_notice),
        trial("postgres::two::nobody_misses_a_change".to_owned(), true, nobody_misses),
        trial("postgres::two::one_is_the_first_administrator".to_owned(), true, first_of_two),
        trial("postgres::tables_are_made_once".to_owned(), true, migrated_once),
        trial("postgres::a_newer_database_is_refused".to_owned(), true, newer),
        trial("postgres::a_lost_connection_is_replaced".to_owned(), true, replaced),
        trial("postgres::a_small_pool_serves_many".to_owned(), true, small_pool),
        trial("postgres::a_killed_server_is_said_and_comes_back".to_owned(), true, killed),
        trial("postgres::a_silent_server_is_given_up".to_owned(), true, silent),
        trial("postgres::no_way_in_is_said_without_the_password".to_owned(), true, no_way_in),
        trial("postgres::tls_is_verified".to_owned(), true, tls),
        trial("postgres::an_address_is_as_good_as_fields".to_owned(), true, uri),
    ]
}

async fn two() -> Result<(Store, Store, Database)> {
    let database = Postgres::shared()?.database()?;
    let one = Store::open(pg(&database, NODE)).await?;
    let two = Store::open(pg(&database, OTHER_NODE)).await?;
    Ok((one, two, database))
}

fn with(settings: Settings) -> Config {
    Config { place: Place::Postgres(Box::new(settings)), node: NODE, node_name: "one".to_owned() }
}

async fn notices() -> Result<()> {
    let (one, two, _database) = two().await?;
    let mut changes = two.changes().await?;
    let alice = sign_in(&one, "alice", Role::Administrator).await?;
    ensure!(told(&mut changes).await? == [(ChangeKind::Account, alice.id.to_string(), false)]);
    let mut took = Vec::new();
    // What a busy machine adds to one row of them says nothing of the others.
    for round in 0..3 {
        took.clear();
        for at in 0..21 {
            let row = row(alice.id, 100 * round + at);
            let began = Instant::now();
            one.began(std::slice::from_ref(&row), 1000).await?;
            ensure!(told(&mut changes).await? == [(ChangeKind::SignIn, row.id.to_string(), false)]);
            took.push(began.elapsed());
            ensure!(two.sign_ins(&[row.id]).await? == [row]);
        }
        took.sort();
        ensure!(took[20] < until::promised(Duration::from_secs(1)), "{took:?}");
        // By looking alone it would be 250 ms on the average, and 500 at the most.
        if took[10] < Duration::from_millis(150) {
            return Ok(());
        }
    }
    anyhow::bail!("found by looking: {took:?}")
}

async fn lost_notice() -> Result<()> {
    let (one, two, database) = two().await?;
    sign_in(&one, "alice", Role::Administrator).await?;
    let mut changes = two.changes().await?;
    for _ in 0..5 {
        // Written as by somebody whose notices get lost on the way.
        let began = Instant::now();
        database.query(
            "BEGIN; UPDATE counters SET value = value + 1 WHERE name = 'revision'; \
             INSERT INTO changes (revision, at, kind, id, node) \
             SELECT value, 0, 'key', 'abcdefg234', 'elsewhere' FROM counters WHERE name = 'revision'; COMMIT",
            "disable",
        )?;
        ensure!(told(&mut changes).await? == [(ChangeKind::Key, "abcdefg234".to_owned(), false)]);
        ensure!(began.elapsed() < until::promised(Duration::from_secs(1)), "{:?}", began.elapsed());
    }
    // The listening connection is cut: its notices come again after a while, and nothing is missed meanwhile.
    database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND usename = current_user", "disable")?;
    let bob = sign_in(&one, "bob", Role::Viewer).await?;
    ensure!(told(&mut changes).await? == [(ChangeKind::Account, bob.id.to_string(), false)]);
    Ok(())
}

async fn nobody_misses() -> Result<()> {
    let (one, two, _database) = two().await?;
    let alice = sign_in(&one, "alice", Role::Administrator).await?;
    let begin = one.revision().await?;
    let mut followers: Vec<Changes> = vec![one.changes().await?, two.changes().await?];
    let writers: Vec<_> = (0..8u64)
        .map(|writer| {
            let store = if writer % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move {
                for at in 0..20 {
                    store.began(&[row(alice.id, writer * 100 + at)], 1000).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for changes in &mut followers {
        let mut seen = Vec::new();
        while seen.len() < 160 {
            match soon(changes).await? {
                News::Changed(found) => seen.extend(found.into_iter().map(|change| change.revision)),
                other => anyhow::bail!("{other:?}"),
            }
        }
        ensure!(seen == (begin + 1..=begin + 160).collect::<Vec<_>>(), "{seen:?}");
    }
    for writer in writers {
        writer.await??;
    }
    Ok(())
}

async fn first_of_two() -> Result<()> {
    let (one, two, _database) = two().await?;
    let (alice, bob) = (person("alice"), person("bob"));
    let rules = plain();
    let (alice, bob) =
        tokio::join!(one.open_account(&alice, &rules, 1000), two.open_account(&bob, &rules, 1000));
    let mut roles = [alice?.account.role, bob?.account.role];
    roles.sort();
    ensure!(roles == [Role::Viewer, Role::Administrator], "{roles:?}");
    Ok(())
}

async fn migrated_once() -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let all: Vec<_> = (0..6).map(|_| tokio::spawn(Store::open(pg(&database, NODE)))).collect();
    for one in all {
        one.await??;
    }
    ensure!(database.query("SELECT COUNT(*) FROM migrations", "disable")?.trim() == VERSION.to_string());
    Ok(())
}

async fn newer() -> Result<()> {
    let (one, _two, database) = two().await?;
    database.query(&format!("INSERT INTO migrations VALUES ({}, 0)", VERSION + 1), "disable")?;
    let refused = Store::open(pg(&database, NODE)).await.err();
    ensure!(refused == Some(OpenError::Newer { found: VERSION + 1, known: VERSION }), "{refused:?}");
    one.count().await?;
    Ok(())
}

async fn replaced() -> Result<()> {
    let (one, _two, database) = two().await?;
    sign_in(&one, "alice", Role::Administrator).await?;
    for at in 0..3 {
        Postgres::shared()?.disconnect(&database)?;
        ensure!(one.count().await? == 1 + at, "a look is repeated");
        Postgres::shared()?.disconnect(&database)?;
        // Nothing was asked on the broken connection, so another one begins.
        sign_in(&one, &format!("user{at}"), Role::Viewer).await?;
    }
    Ok(())
}

async fn small_pool() -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let store = Store::open(with(Settings { pool: 1, ..settings(&database) })).await?;
    let all: Vec<_> = (0..20)
        .map(|at| {
            let store = store.clone();
            tokio::spawn(
                async move { store.open_account(&person(&format!("user{at}")), &plain(), 1000).await },
            )
        })
        .collect();
    for one in all {
        one.await??;
    }
    let count =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()";
    ensure!(database.query(count, "disable")?.trim() == "1", "more connections than it may have");
    // A refusal in a transaction leaves the connection as good as before.
    for _ in 0..3 {
        let refused = store.remove(&Select::Number(1), false, 2000).await;
        ensure!(matches!(refused, Err(Error::LastAdministrator(_))), "{refused:?}");
        store.lock(&Select::Number(2), "root", 2000).await?;
    }
    Ok(())
}

async fn killed() -> Result<()> {
    let server = Postgres::start()?;
    let database = server.database()?;
    let store = Store::open(pg(&database, NODE)).await?;
    sign_in(&store, "alice", Role::Administrator).await?;
    let mut changes = store.changes().await?;
    server.kill()?;
    let began = Instant::now();
    for _ in 0..3 {
        let look = store.count().await;
        ensure!(matches!(look, Err(Error::Unreachable(_))), "{look:?}");
        let write = store.open_account(&person("bob"), &plain(), 2000).await;
        ensure!(matches!(write, Err(Error::Unreachable(_))), "{write:?}");
    }
    // Each is told at once, and not after the five seconds that a statement has.
    ensure!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    ensure!(soon(&mut changes).await? == News::Apart);
    server.resume()?;
    ensure!(soon(&mut changes).await? == News::Together);
    ensure!(store.count().await? == 1);
    let bob = sign_in(&store, "bob", Role::Viewer).await?;
    ensure!(told(&mut changes).await? == [(ChangeKind::Account, bob.id.to_string(), true)]);
    server.stop()
}

async fn silent() -> Result<()> {
    let server = Postgres::start()?;
    let database = server.database()?;
    let store =
        Store::open(with(Settings { connect_timeout: Duration::from_secs(3), ..settings(&database) }))
            .await?;
    sign_in(&store, "alice", Role::Administrator).await?;
    // Whoever holds a lock for long is not waited for either; the server says so itself.
    let lock = "BEGIN; LOCK TABLE accounts; SELECT pg_sleep(30)";
    let held = {
        let database = database.clone();
        tokio::task::spawn_blocking(move || database.query(lock, "disable"))
    };
    let waiting =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%' AND wait_event = 'PgSleep'";
    until_text(&database, waiting, "1")?;
    let began = Instant::now();
    let look = store.count().await;
    ensure!(matches!(&look, Err(Error::Unreachable(why)) if why.contains("timeout")), "{look:?}");
    ensure!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    server.disconnect(&database)?;
    ensure!(held.await?.is_err(), "its session was ended");
    sign_in(&store, "bob", Role::Viewer).await?;
    // The process behind our connection is stopped, and the one that would make a new one.
    let ours = "SELECT pid FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()";
    let pids = database.query(ours, "disable")?;
    let pids: Vec<Pid> = pids.lines().map(|pid| Ok(Pid::from_raw(pid.parse()?))).collect::<Result<_>>()?;
    let each = |signal| pids.iter().try_for_each(|pid| kill(*pid, signal));
    server.hang()?;
    each(Signal::SIGSTOP)?;
    let began = Instant::now();
    let look = store.count().await;
    let waited = began.elapsed();
    let other =
        Store::open(with(Settings { connect_timeout: Duration::from_secs(3), ..settings(&database) })).await;
    each(Signal::SIGCONT)?;
    server.go_on()?;
    ensure!(matches!(look, Err(Error::Unreachable(_))), "{look:?}");
    ensure!(waited < Duration::from_secs(20), "{waited:?}");
    ensure!(matches!(other, Err(OpenError::Failed(Error::Unreachable(_)))), "{other:?}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.count().await {
        ensure!(Instant::now() < deadline, "it does not come back: {error}");
    }
    server.stop()
}

fn until_text(database: &Database, sql: &str, wanted: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while database.query(sql, "disable")?.trim() != wanted {
        ensure!(Instant::now() < deadline, "`{sql}` never answered {wanted}");
    }
    Ok(())
}

async fn refused(settings: Settings) -> Result<String> {
    let error = Store::open(with(settings)).await.err().context("it was let in")?;
    Ok(format!("{error} {error:?}"))
}

async fn no_way_in() -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let secret = "Wrong-Pass-4711";
    let wrong = Settings { password: Some(Secret::from(secret.to_owned())), ..settings(&database) };
    let debug = format!("{wrong:?}");
    let said = refused(wrong).await?;
    ensure!(said.contains("password authentication failed"), "{said}");
    let nowhere = refused(Settings { port: 1, ..settings(&database) }).await?;
    ensure!(nowhere.contains("can't be reached"), "{nowhere}");
    let missing = refused(Settings { database: "missing".to_owned(), ..settings(&database) }).await?;
    ensure!(missing.contains("missing"), "{missing}");
    let open = Store::open(with(settings(&database))).await?;
    for text in [&debug, &said, &nowhere, &missing, &format!("{open:?}")] {
        ensure!(!text.contains(secret) && !text.contains(&database.password), "{text}");
    }
    Ok(())
}

async fn tls() -> Result<()> {
    let server = Postgres::shared()?;
    let database = server.database_by_tls()?;
    let roots = server.authority().certificate().as_bytes().to_vec();
    let stranger = portcullis_testing::servers::authority::Authority::new("Somebody else")?;
    let stranger = stranger.certificate().as_bytes().to_vec();
    let way = |ssl, roots: &[u8]| Settings { ssl: Some(ssl), roots: roots.to_vec(), ..settings(&database) };
    for (ssl, roots) in
        [(SslMode::Require, &stranger), (SslMode::VerifyCa, &roots), (SslMode::VerifyFull, &roots)]
    {
        let store = Store::open(with(way(ssl, roots))).await.with_context(|| ssl.word())?;
        ensure!(store.count().await? == 0);
    }
    for (ssl, roots, with) in [
        (SslMode::Disable, &roots, ""),
        (SslMode::VerifyCa, &stranger, "certificate"),
        (SslMode::VerifyFull, &stranger, "certificate"),
        (SslMode::VerifyFull, &Vec::new(), "TLS to the database"),
    ] {
        let said = refused(way(ssl, roots)).await.with_context(|| ssl.word())?;
        ensure!(said.contains(with), "{}: {said}", ssl.word());
    }
    // Another name leads there too, but the certificate is not for it.
    let (name, address) = (&database.name, database.address);
    let uri = format!(
        "postgresql://{name}:{}@db.example.test:{}/{name}?hostaddr={}",
        database.password,
        address.port(),
        address.ip()
    );
    let named = |ssl| Settings { uri: Some(Secret::from(uri.clone())), ..way(ssl, &roots) };
    Store::open(with(named(SslMode::VerifyCa))).await?;
    let said = refused(named(SslMode::VerifyFull)).await?;
    ensure!(said.contains("not valid for name"), "{said}");
    Ok(())
}

async fn uri() -> Result<()> {
    let database = Postgres::shared()?.database()?;
    let by = |uri: String| Settings {
        uri: Some(Secret::from(uri)),
        host: "192.0.2.1".to_owned(),
        ssl: None,
        password: None,
        ..settings(&database)
    };
    for uri in [
        database.uri(),
        format!("{}?sslmode=disable", database.uri()),
        format!("{}?sslmode=require", database.uri()),
    ] {
        let store = Store::open(with(by(uri.clone()))).await.context(uri)?;
        ensure!(store.count().await? == 0);
    }
    for (wrong, with) in [
        ("mysql://x".to_owned(), "postgresql://"),
        (format!("{}?sslmode=prefer", database.uri()), "sslmode=prefer"),
    ] {
        let said = refused(by(wrong)).await?;
        ensure!(said.contains(with) && !said.contains(&database.password), "{said}");
    }
    Ok(())
}
