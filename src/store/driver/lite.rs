//! SQLite: one connection on a thread of its own, because SQLite waits for the disk; who wants a transaction waits for its turn.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, ErrorCode, OpenFlags, types};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::value::{Done, Row, Value};
use crate::{Error, OpenError, error};

/// The database's file in its folder.
pub(crate) const FILE: &str = "accounts.db";
/// The file whose lock says that a store is at work. The database's own locks come and go with each transaction.
const LOCK: &str = "accounts.lock";
/// How long a statement may take: a disk that needs longer for a few pages is a disk that hangs.
const STATEMENT: Duration = Duration::from_secs(10);
/// How long the lock of somebody's `sqlite3` is waited for, in milliseconds; less than [`STATEMENT`], so that the reason is told.
const BUSY: u32 = 5000;

struct Request {
    sql: String,
    values: Vec<Value>,
    reply: oneshot::Sender<Result<Done, Error>>,
}

/// A handle to the connection's thread. The thread ends with the last handle.
#[derive(Debug)]
pub(crate) struct Lite {
    requests: mpsc::Sender<Request>,
    turn: Arc<Mutex<()>>,
}

impl Lite {
    /// Opens the database of this folder, which must exist and be ours.
    pub(crate) async fn open(folder: &Path) -> Result<Self, OpenError> {
        let (requests, receiver) = mpsc::channel::<Request>();
        let (opened, result) = oneshot::channel();
        let folder = folder.to_owned();
        let work = move || {
            let (lock, connection) = match connect(&folder) {
                Ok(pair) => pair,
                Err(error) => return drop(opened.send(Err(error))),
            };
            // Nobody waits any more when the process is ending.
            let _ = opened.send(Ok(()));
            serve(&connection, &receiver);
            drop(connection);
            // ORDER: only now may another store open the file.
            drop(lock);
        };
        let thread = std::thread::Builder::new().name("sqlite".to_owned());
        thread.spawn(work).map_err(|error| Error::Broken(format!("no thread for SQLite: {error}")))?;
        result.await.map_err(|_| gone())??;
        Ok(Self { requests, turn: Arc::new(Mutex::new(())) })
    }

    /// The right to use the connection, alone.
    pub(crate) async fn turn(&self) -> Result<OwnedMutexGuard<()>, Error> {
        let turn = Arc::clone(&self.turn).lock_owned();
        let late = |_| Error::Unreachable("the database is busy with something else".to_owned());
        tokio::time::timeout(STATEMENT, turn).await.map_err(late)
    }

    /// Runs a statement. The caller has the turn.
    pub(crate) async fn run(&self, sql: &str, values: &[Value]) -> Result<Done, Error> {
        let answer = self.send(sql, values)?;
        match tokio::time::timeout(STATEMENT, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(gone()),
            Err(_) => {
                Err(Error::Unreachable(format!("the disk did not answer in {} s", STATEMENT.as_secs())))
            }
        }
    }

    /// Has a statement run whose result nobody waits for. The thread takes requests in their order.
    pub(crate) fn send(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<oneshot::Receiver<Result<Done, Error>>, Error> {
        let (reply, answer) = oneshot::channel();
        let request = Request { sql: sql.to_owned(), values: values.to_vec(), reply };
        self.requests.send(request).map_err(|_| gone())?;
        Ok(answer)
    }
}

fn gone() -> Error {
    Error::Unreachable("the database's thread ended".to_owned())
}

fn connect(folder: &Path) -> Result<(Flock<File>, Connection), OpenError> {
    let said = |path: &Path, error: &dyn std::fmt::Display| {
        Error::Unreachable(format!("`{}` can't be opened: {error}", path.display()))
    };
    let lock = folder.join(LOCK);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock);
    let file = file.map_err(|error| said(&lock, &error))?;
    let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
    let locked = locked.map_err(|_| OpenError::InUse(folder.display().to_string()))?;

    let path: PathBuf = folder.join(FILE);
    // Made by us, so that nobody else can read it; its companions are made like it.
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    made.map_err(|error| said(&path, &error))?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(|error| said(&path, &error))?;
    let damaged = |why: String| OpenError::Damaged { path: path.display().to_string(), why };
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => damaged(error.to_string()),
        _ => OpenError::Failed(fault(&error)),
    };
    // Each for every connection: WAL lets an administrator's `sqlite3` read meanwhile; FULL, because a revocation that was
    // confirmed must be there after a power cut; the schema of a file that somebody changed must not run functions.
    for pragma in [
        &format!("PRAGMA busy_timeout = {BUSY}"),
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA trusted_schema = OFF",
        "PRAGMA temp_store = MEMORY",
    ] {
        run(&connection, pragma, &[]).map_err(failed)?;
    }
    let check = run(&connection, "PRAGMA quick_check(1)", &[]).map_err(failed)?;
    let verdict = check.one().ok_or_else(|| damaged("no answer to a check".to_owned()))?.text()?;
    if verdict == "ok" { Ok((locked, connection)) } else { Err(damaged(verdict)) }
}

fn serve(connection: &Connection, requests: &mpsc::Receiver<Request>) {
    for Request { sql, values, reply } in requests {
        let result = run(connection, &sql, &values).map_err(|error| fault(&error));
        // Whoever asked may have given up.
        let _ = reply.send(result);
    }
}

fn run(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<Done> {
    #[cfg(test)]
    crate::plans::said(sql);
    // To SQLite `$2` is a name, numbered by where it first stands; `?2` is the second. No text of ours has a dollar in it.
    let mut statement = connection.prepare(&sql.replace('$', "?"))?;
    let columns = statement.column_count();
    let bound = rusqlite::params_from_iter(values.iter().map(bound));
    if columns == 0 {
        let changed = statement.execute(bound)?;
        return Ok(Done { rows: Vec::new(), changed: changed as u64 });
    }
    let mut found = statement.query(bound)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(Row::new(
            (0..columns).map(|at| row.get::<_, types::Value>(at).map(read)).collect::<Result<_, _>>()?,
        ));
    }
    Ok(Done { rows, changed: 0 })
}

fn bound(value: &Value) -> types::Value {
    match value {
        Value::Int(number) => types::Value::Integer(*number),
        Value::Text(text) => types::Value::Text(text.clone()),
        Value::Blob(bytes) => types::Value::Blob(bytes.clone()),
        Value::Null => types::Value::Null,
    }
}

fn read(value: types::Value) -> Value {
    match value {
        types::Value::Integer(number) => Value::Int(number),
        types::Value::Text(text) => Value::Text(text),
        types::Value::Blob(bytes) => Value::Blob(bytes),
        types::Value::Null => Value::Null,
        // No column of ours is one.
        types::Value::Real(number) => Value::Text(number.to_string()),
    }
}

fn fault(error: &rusqlite::Error) -> Error {
    let text = error::chain(error);
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full(text),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::Unreachable(format!("another program holds the database: {text}"))
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            Error::Unreachable(text)
        }
        _ => Error::Broken(text),
    }
}
