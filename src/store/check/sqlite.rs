//! What a file on a disk can suffer: a kill in the middle of a write, another process, damage, a newer program.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use portcullis_model::account::Role;
use portcullis_store::{OpenError, Select, Store, VERSION};

use crate::book::{Book, Kind, Trials, lite, person, plain, row, sign_in, trial};

/// The folder that this program writes in, when it is the child that is killed.
pub(crate) const WRITER: &str = "PORTCULLIS_STORE_WRITER";
/// How often it is killed; each time at another moment of a transaction.
const KILLS: u64 = 12;

/// A version 1 file as it was written when there was only version 1. Never to be made anew.
const STORED: &str = include_str!("stored/v1.sql");

pub(crate) fn all() -> Trials {
    vec![
        trial("sqlite::what_was_acknowledged_survives_a_kill".to_owned(), false, survives),
        trial("sqlite::a_second_store_is_refused".to_owned(), false, second),
        trial("sqlite::a_reader_from_outside_disturbs_nobody".to_owned(), false, reader),
        trial("sqlite::a_writer_from_outside_is_waited_for".to_owned(), false, writer),
        trial("sqlite::a_newer_database_is_refused".to_owned(), false, newer),
        trial("sqlite::a_damaged_file_is_refused_and_left_as_it_is".to_owned(), false, damaged),
        trial("sqlite::a_folder_that_is_not_there_is_named".to_owned(), false, nowhere),
        trial("sqlite::a_stored_file_of_version_1_is_read".to_owned(), false, stored),
        trial("sqlite::the_file_is_ours_alone".to_owned(), false, modes),
    ]
}

/// The child: signs people in until it is killed, and says each time that it is written.
pub(crate) fn write_for_ever(folder: &OsStr) -> ExitCode {
    let work = async {
        // Who looked at the result of the last kill may not have let go yet.
        let store = loop {
            match Store::open(lite(folder.into())).await {
                Err(OpenError::InUse(_)) => tokio::task::yield_now().await,
                opened => break opened?,
            }
        };
        for at in store.count().await?.. {
            let opened = store.open_account(&person(&format!("user{at}")), &plain(), 1000).await?;
            store.began(&[row(opened.account.id, at)], 1000).await?;
            let mut out = std::io::stdout().lock();
            writeln!(out, "{at}")?;
            out.flush()?;
        }
        Ok::<_, anyhow::Error>(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(work));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn child(folder: &Path) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.env(WRITER, folder).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?)
}

async fn survives() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut told = None;
    for turn in 0..KILLS {
        let mut child = child(folder.path())?;
        let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        // Each time a little further, so that each statement is interrupted once.
        for _ in 0..=turn {
            told = Some(lines.next().context("the child said nothing")??.parse::<u64>()?);
        }
        child.kill()?;
        // What it wrote between our reading and its end counts as well.
        for line in lines {
            told = Some(line?.parse()?);
        }
        child.wait()?;
        let store = Store::open(lite(folder.path().to_owned())).await?;
        let told = told.context("nothing was written")?;
        let count = store.count().await?;
        ensure!(count == told + 1 || count == told + 2, "{count} accounts after {told} was said");
        let last = store.find(&Select::Name(format!("user{told}"))).await?;
        ensure!(store.sign_ins_of(last.id, 2000).await?.len() == 1, "an acknowledged sign-in is lost");
        ensure!(store.find(&Select::Name("user0".to_owned())).await?.role == Role::Administrator);
    }
    Ok(())
}

fn open_error(result: Result<Store, OpenError>) -> Result<OpenError> {
    result.err().context("it was opened")
}

async fn second() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = Store::open(lite(folder.path().to_owned())).await?;
    let error = open_error(Store::open(lite(folder.path().to_owned())).await)?;
    ensure!(error == OpenError::InUse(folder.path().display().to_string()), "{error}");
    first.count().await?;
    drop(first);
    // The thread ends with the last handle; the lock goes with it.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while let Err(error) = Store::open(lite(folder.path().to_owned())).await {
        ensure!(std::time::Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn folder_of(book: &Book) -> Result<&Path> {
    match &book.kind {
        Kind::Lite(folder) => Ok(folder.path()),
        Kind::Pg(_) => anyhow::bail!("not SQLite"),
    }
}

async fn reader() -> Result<()> {
    let book = Book::lite().await?;
    sign_in(&book.store, "alice", Role::Administrator).await?;
    let outside = rusqlite::Connection::open(folder_of(&book)?.join("accounts.db"))?;
    outside.execute_batch("BEGIN")?;
    let count = || outside.query_row("SELECT COUNT(*) FROM accounts", [], |row| row.get::<_, i64>(0));
    ensure!(count()? == 1);
    sign_in(&book.store, "bob", Role::Viewer).await?;
    ensure!(count()? == 1, "it sees what it began with");
    outside.execute_batch("COMMIT")?;
    ensure!(count()? == 2);
    Ok(())
}

async fn writer() -> Result<()> {
    let book = Book::lite().await?;
    let outside = rusqlite::Connection::open(folder_of(&book)?.join("accounts.db"))?;
    outside.execute_batch("BEGIN IMMEDIATE")?;
    let refused = book.store.open_account(&person("alice"), &plain(), 1000).await;
    let text = refused.err().context("it wrote although somebody else does")?.to_string();
    ensure!(text.contains("another program holds the database"), "{text}");
    outside.execute_batch("COMMIT")?;
    sign_in(&book.store, "alice", Role::Administrator).await?;
    Ok(())
}

async fn newer() -> Result<()> {
    let book = Book::lite().await?;
    book.sql(&format!("INSERT INTO migrations (version, at) VALUES ({}, 0)", VERSION + 1))?;
    let folder = folder_of(&book)?.to_owned();
    drop(book.store);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let error = open_error(Store::open(lite(folder.clone())).await)?;
        if error == (OpenError::Newer { found: VERSION + 1, known: VERSION }) {
            return Ok(());
        }
        ensure!(matches!(error, OpenError::InUse(_)) && std::time::Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
}

async fn damaged() -> Result<()> {
    let good = Book::lite().await?;
    sign_in(&good.store, "alice", Role::Administrator).await?;
    good.sql("PRAGMA wal_checkpoint(TRUNCATE)")?;
    let bytes = fs::read(folder_of(&good)?.join("accounts.db"))?;
    let mut middle = bytes.clone();
    middle[4096..4096 + 2000].fill(0xa5);
    for (what, content) in [
        ("noise", vec![0x5a; 8192]),
        ("text", b"this is no database, it is a letter to the administrator of this machine".to_vec()),
        ("a page in the middle", middle),
        ("the end is missing", bytes[..bytes.len() - 5000].to_vec()),
    ] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("accounts.db");
        fs::write(&path, &content)?;
        let error = open_error(Store::open(lite(folder.path().to_owned())).await).context(what)?;
        ensure!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
        ensure!(error.to_string().contains(&path.display().to_string()), "{error}");
        ensure!(fs::read(&path)? == content, "{what}: the file was changed");
    }
    Ok(())
}

async fn nowhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join("missing");
    let error = open_error(Store::open(lite(missing.clone())).await)?.to_string();
    ensure!(error.contains(&missing.display().to_string()), "{error}");
    Ok(())
}

async fn stored() -> Result<()> {
    let folder = tempfile::tempdir()?;
    rusqlite::Connection::open(folder.path().join("accounts.db"))?.execute_batch(STORED)?;
    let store = Store::open(lite(folder.path().to_owned())).await?;
    let alice = store.find(&Select::Name("alice".to_owned())).await?;
    ensure!(alice.role == Role::Administrator && alice.number == 1, "{alice:?}");
    ensure!(alice.groups.len() == 2 && alice.own_groups.len() == 1 && alice.factors.totp, "{alice:?}");
    let bob = store.find(&Select::Name("bob".to_owned())).await?;
    ensure!(bob.locked.as_ref().is_some_and(|lock| lock.by == "alice"), "{bob:?}");
    ensure!(
        store.sign_ins_of(alice.id, 2000).await?.len() == 1 && store.history(bob.id, None).await?.len() == 1
    );
    ensure!(store.keys_of(alice.id).await?.len() == 1 && store.factors(alice.id).await?.len() == 1);
    ensure!(!store.spend(b"spent", 1, 1).await? && store.looks(bob.id).await?.len() == 1);
    ensure!(store.nodes().await?.len() == 1 && store.revision().await? > 0);
    // And it is written on.
    sign_in(&store, "carol", Role::Viewer).await?;
    Ok(())
}

async fn modes() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let book = Book::lite().await?;
    for name in ["accounts.lock", "accounts.db"] {
        let mode = fs::metadata(folder_of(&book)?.join(name))?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "`{name}` has mode {mode:o}");
    }
    Ok(())
}
