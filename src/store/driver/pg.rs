//! PostgreSQL: a small pool of connections, each with its prepared statements.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};

use crate::config::{Postgres, SslMode};
use crate::driver::tls::Tls;
use crate::value::{Done, Row, Value};
use crate::{Error, OpenError, error};

/// How long a statement may take until we stop waiting: a person waits for it, and statements here take milliseconds. The
/// server's own limit is a little shorter ([`SETTINGS`]), so that its reason is told where it still answers.
const STATEMENT: Duration = Duration::from_secs(5);
/// For each connection: statements, waits for locks and transactions that nobody goes on with end on the server too, or a
/// machine that fell silent would hold its locks for ever.
const SETTINGS: &str = "SET statement_timeout = '4s'; SET lock_timeout = '3s'; \
    SET idle_in_transaction_session_timeout = '15s'; SET client_min_messages = warning";
/// Longest statement that is kept prepared: longer ones are lists that are never the same again.
const PREPARED_LEN: usize = 1000;
/// Most statements that are kept prepared: some more than there are in this crate.
const PREPARED_MAX: usize = 160;

/// The pool.
#[derive(Debug)]
pub(crate) struct Pg {
    config: tokio_postgres::Config,
    tls: Tls,
    connect_timeout: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

/// A connection and what is prepared on it.
#[derive(Debug)]
struct Connection {
    client: Client,
    prepared: HashMap<String, Statement>,
}

/// A connection for a while; it goes back into the pool when it is dropped, unless it broke.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Option<Connection>,
    pool: Arc<Pg>,
    permit: Option<OwnedSemaphorePermit>,
    /// A transaction is open.
    pub(crate) open: bool,
    /// A statement was given up: what it did is unknown, and so is what the server says next.
    broken: bool,
}

impl Pg {
    /// The pool of this database. Nothing is connected yet.
    pub(crate) fn new(settings: &Postgres) -> Result<Arc<Self>, OpenError> {
        let (config, mode) = config_of(settings)?;
        let tls = Tls::new(mode, &settings.roots)?;
        Ok(Arc::new(Self {
            config,
            tls,
            connect_timeout: settings.connect_timeout,
            permits: Arc::new(Semaphore::new(settings.pool.max(1))),
            idle: Mutex::new(Vec::new()),
        }))
    }

    /// A connection that is free, or a new one.
    pub(crate) async fn lease(self: &Arc<Self>, fresh: bool) -> Result<Lease, Error> {
        let late = |_| Error::Unreachable("all connections to the database are busy".to_owned());
        let permit = tokio::time::timeout(STATEMENT, Arc::clone(&self.permits).acquire_owned());
        let permit =
            permit.await.map_err(late)?.map_err(|_| Error::Broken("the pool is closed".to_owned()))?;
        let found = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if fresh {
                idle.clear();
            }
            idle.retain(|connection| !connection.client.is_closed());
            idle.pop()
        };
        let connection = match found {
            Some(connection) => connection,
            None => Connection { client: self.connect().await?.0, prepared: HashMap::new() },
        };
        let pool = Arc::clone(self);
        Ok(Lease { connection: Some(connection), pool, permit: Some(permit), open: false, broken: false })
    }

    async fn connect(&self) -> Result<(Client, tokio::task::AbortHandle), Error> {
        let (client, connection) = self.dial().await?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("connection to the database: {}", error::chain(&error));
            }
        });
        let settings = client.batch_execute(SETTINGS);
        let late = |_| Error::Unreachable("the database accepted a connection and says nothing".to_owned());
        tokio::time::timeout(self.connect_timeout, settings)
            .await
            .map_err(late)?
            .map_err(|error| fault(&error))?;
        Ok((client, task.abort_handle()))
    }

    /// A connection that somebody must drive, within the time for connecting.
    pub(crate) async fn dial(
        &self,
    ) -> Result<
        (
            Client,
            tokio_postgres::Connection<
                tokio_postgres::Socket,
                crate::driver::tls::Stream<tokio_postgres::Socket>,
            >,
        ),
        Error,
    > {
        let connecting = self.config.connect(self.tls.clone());
        match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(Ok(pair)) => Ok(pair),
            Ok(Err(error)) => {
                Err(Error::Unreachable(format!("the database can't be reached: {}", error::chain(&error))))
            }
            Err(_) => Err(Error::Unreachable(format!(
                "the database can't be reached within {} s",
                self.connect_timeout.as_secs()
            ))),
        }
    }
}

impl Lease {
    /// Runs a statement.
    pub(crate) async fn run(&mut self, sql: &str, values: &[Value]) -> Result<Done, Error> {
        let connection = self.connection.as_mut().ok_or_else(|| Error::Broken("no connection".to_owned()))?;
        match tokio::time::timeout(STATEMENT, connection.run(sql, values)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failure)) => {
                self.broken |= failure.is_closed() || stale(&failure);
                Err(if stale(&failure) {
                    Error::Unreachable(error::chain(&failure))
                } else {
                    fault(&failure)
                })
            }
            Err(_) => {
                self.broken = true;
                Err(Error::Unreachable(format!("the database did not answer in {} s", STATEMENT.as_secs())))
            }
        }
    }
}

impl Connection {
    async fn run(&mut self, sql: &str, values: &[Value]) -> Result<Done, tokio_postgres::Error> {
        let statement = match self.prepared.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.client.prepare(sql).await?;
                if sql.len() <= PREPARED_LEN && self.prepared.len() < PREPARED_MAX {
                    self.prepared.insert(sql.to_owned(), statement.clone());
                }
                statement
            }
        };
        let bound: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        if statement.columns().is_empty() {
            let changed = self.client.execute(&statement, &bound).await?;
            return Ok(Done { rows: Vec::new(), changed });
        }
        let found = self.client.query(&statement, &bound).await?;
        let rows = found.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Done { rows, changed: 0 })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(connection), Some(permit)) = (self.connection.take(), self.permit.take()) else { return };
        if self.broken || connection.client.is_closed() {
            return;
        }
        let pool = Arc::clone(&self.pool);
        let keep =
            move |connection| pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        if !self.open {
            return keep(connection);
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let undone = tokio::time::timeout(STATEMENT, connection.client.batch_execute("ROLLBACK")).await;
            if matches!(undone, Ok(Ok(()))) {
                keep(connection);
            }
            drop(permit);
        });
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Self::Int(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Blob(bytes) => bytes.to_sql(ty, out),
            Self::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::TEXT, Type::BYTEA].contains(ty)
    }

    to_sql_checked!();
}

fn read(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let mut values = Vec::with_capacity(row.len());
    for (at, column) in row.columns().iter().enumerate() {
        let ty = column.type_();
        values.push(if *ty == Type::INT8 {
            row.try_get::<_, Option<i64>>(at)?.map_or(Value::Null, Value::Int)
        } else if *ty == Type::INT4 {
            row.try_get::<_, Option<i32>>(at)?.map_or(Value::Null, |number| Value::Int(number.into()))
        } else if *ty == Type::BOOL {
            row.try_get::<_, Option<bool>>(at)?.into()
        } else if *ty == Type::BYTEA {
            row.try_get::<_, Option<Vec<u8>>>(at)?.map_or(Value::Null, Value::Blob)
        } else {
            row.try_get::<_, Option<String>>(at)?.map_or(Value::Null, Value::Text)
        });
    }
    Ok(Row::new(values))
}

/// A statement that another server knew, or a table that changed since it was prepared: worth one more try where nothing was
/// written.
fn stale(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::INVALID_SQL_STATEMENT_NAME,
            SqlState::FEATURE_NOT_SUPPORTED,
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ]
        .contains(code)
    })
}

pub(crate) fn fault(error: &tokio_postgres::Error) -> Error {
    let text = error::chain(error);
    let Some(code) = error.code() else {
        // Without a code the server said nothing: the connection broke, or a value did not fit.
        let ours = text.contains("serializing") || text.contains("deserializing");
        return if ours { Error::Broken(text) } else { Error::Unreachable(text) };
    };
    // Classes of PostgreSQL, appendix A: 08 connection, 40 serialization and deadlock, 53 resources, 57 operator, 28 sign-in.
    match &code.code()[..2] {
        _ if *code == SqlState::DISK_FULL => Error::Full(text),
        "08" | "28" | "40" | "53" | "57" => Error::Unreachable(text),
        _ if *code == SqlState::LOCK_NOT_AVAILABLE => Error::Unreachable(text),
        _ => Error::Broken(text),
    }
}

fn config_of(settings: &Postgres) -> Result<(tokio_postgres::Config, SslMode), OpenError> {
    let mut asked = settings.ssl;
    let mut config = match &settings.uri {
        None => {
            let mut config = tokio_postgres::Config::new();
            config
                .host(&settings.host)
                .port(settings.port)
                .dbname(&settings.database)
                .user(&settings.username);
            if let Some(password) = &settings.password {
                config.password(password.expose());
            }
            config
        }
        Some(uri) => {
            let wrong =
                || OpenError::Settings("`connection-uri` is not of the form postgresql://…".to_owned());
            let text = std::str::from_utf8(uri.expose()).map_err(|_| wrong())?;
            let (text, mode) = without_mode(text)?;
            asked = mode.or(asked);
            let mut config: tokio_postgres::Config = text.parse().map_err(|_| wrong())?;
            if let (None, Some(password)) = (config.get_password(), &settings.password) {
                config.password(password.expose());
            }
            config
        }
    };
    let hosts = config.get_hosts().iter().map(|host| match host {
        tokio_postgres::config::Host::Tcp(name) => SslMode::for_host(name),
        tokio_postgres::config::Host::Unix(_) => SslMode::Disable,
    });
    // The strictest that any of the hosts needs.
    let mode = asked.unwrap_or_else(|| {
        if hosts.into_iter().all(|mode| mode == SslMode::Disable) {
            SslMode::Disable
        } else {
            SslMode::VerifyFull
        }
    });
    config.ssl_mode(match mode {
        SslMode::Disable => tokio_postgres::config::SslMode::Disable,
        _ => tokio_postgres::config::SslMode::Require,
    });
    config.application_name("portcullis").connect_timeout(settings.connect_timeout);
    // A machine that went away is noticed within half a minute, also where nothing is being asked.
    config
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3);
    Ok((config, mode))
}

/// An address without its `sslmode`, which tokio-postgres reads, but not with all of libpq's words.
fn without_mode(uri: &str) -> Result<(String, Option<SslMode>), OpenError> {
    let Some((front, query)) = uri.split_once('?') else { return Ok((uri.to_owned(), None)) };
    let mut mode = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", word)) => {
                let unknown = || {
                    OpenError::Settings(format!(
                        "`sslmode={word}` is none of disable, require, verify-ca, verify-full"
                    ))
                };
                mode = Some(SslMode::of_word(word).ok_or_else(unknown)?);
            }
            _ => kept.push(pair),
        }
    }
    let text = if kept.is_empty() { front.to_owned() } else { format!("{front}?{}", kept.join("&")) };
    Ok((text, mode))
}
