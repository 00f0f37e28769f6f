//! A database for one test, of either kind, and people for it.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Completion, Failed, Trial};
use portcullis_model::account::{Account, GroupRef, Identity, Provider, Role, UniqueId};
use portcullis_model::proof::Attributes;
use portcullis_model::role_rule::RoleRules;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, NodeId, Secret, SignInId};
use portcullis_store::{Config, Opening, Place, Postgres as Settings, SignInRow, SslMode, Store};
use portcullis_testing::servers::postgres::{Database, Postgres};
use tempfile::TempDir;

/// An empty database.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) store: Store,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Lite(TempDir),
    Pg(Database),
}

pub(crate) const NODE: NodeId = NodeId::from_bytes([1; 16]);
pub(crate) const OTHER_NODE: NodeId = NodeId::from_bytes([2; 16]);

impl Book {
    pub(crate) async fn lite() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(lite(folder.path().to_owned())).await?;
        Ok(Self { store, kind: Kind::Lite(folder) })
    }

    pub(crate) async fn pg() -> Result<Self> {
        let database = Postgres::shared()?.database()?;
        let store = Store::open(pg(&database, NODE)).await?;
        Ok(Self { store, kind: Kind::Pg(database) })
    }

    /// Runs SQL behind the store's back. Answers the rows as text.
    pub(crate) fn sql(&self, sql: &str) -> Result<String> {
        match &self.kind {
            Kind::Pg(database) => database.query(sql, "disable"),
            Kind::Lite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("accounts.db"))?;
                let mut text = String::new();
                let mut statement = connection.prepare(sql)?;
                let columns = statement.column_count();
                if columns == 0 {
                    statement.execute([])?;
                    return Ok(text);
                }
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    for at in 0..columns {
                        let value: rusqlite::types::Value = row.get(at)?;
                        text.push_str(&match value {
                            rusqlite::types::Value::Integer(number) => number.to_string(),
                            rusqlite::types::Value::Text(text) => text,
                            other => format!("{other:?}"),
                        });
                        text.push(if at + 1 == columns { '\n' } else { '|' });
                    }
                }
                Ok(text)
            }
        }
    }
}

pub(crate) fn lite(folder: PathBuf) -> Config {
    Config { place: Place::Sqlite(folder), node: NODE, node_name: "one".to_owned() }
}

pub(crate) fn settings(database: &Database) -> Settings {
    Settings {
        uri: None,
        host: database.address.ip().to_string(),
        port: database.address.port(),
        database: database.name.clone(),
        username: database.name.clone(),
        password: Some(Secret::from(database.password.clone())),
        ssl: Some(SslMode::Disable),
        roots: Vec::new(),
        pool: 4,
        connect_timeout: Duration::from_secs(5),
    }
}

pub(crate) fn pg(database: &Database, node: NodeId) -> Config {
    let node_name = if node == NODE { "one" } else { "two" }.to_owned();
    Config { place: Place::Postgres(Box::new(settings(database))), node, node_name }
}

/// A test that runs to its end in a runtime of its own; one that needs PostgreSQL says so where there is none.
pub(crate) fn trial<F, B>(name: String, needs_postgres: bool, body: B) -> Trial
where
    F: Future<Output = Result<()>>,
    B: FnOnce() -> F + Send + 'static,
{
    Trial::ignorable_test(name, move || {
        if needs_postgres {
            if let Err(error) = Postgres::shared() {
                let why = format!("{error:#}");
                // Anything else than that is a failure.
                if why.contains("is not installed") || !nix::unistd::geteuid().is_root() {
                    return Ok(Completion::ignored_with(why));
                }
            }
        }
        run(body()).map_err(|error| Failed::from(format!("{error:#}")))?;
        Ok(Completion::Completed)
    })
}

fn run<F: Future<Output = Result<()>>>(test: F) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(600), test).await.context("it hangs")? })
}

/// Each test twice, once on each database.
macro_rules! both {
    ($set:literal: $($test:ident),* $(,)?) => {
        vec![$(
            $crate::book::trial(concat!("sqlite::", $set, "::", stringify!($test)).to_owned(), false, || async {
                $test($crate::book::Book::lite().await?).await
            }),
            $crate::book::trial(concat!("postgres::", $set, "::", stringify!($test)).to_owned(), true, || async {
                $test($crate::book::Book::pg().await?).await
            }),
        )*]
    };
}
pub(crate) use both;

/// A set of tests.
pub(crate) type Trials = Vec<Trial>;

/// Somebody of the machine's name service.
pub(crate) fn person(name: &str) -> Opening {
    Opening {
        identity: identity(name),
        username: name.to_owned(),
        unix: name.parse().expect("a user name"),
        attributes: Attributes::default(),
        groups: Vec::new(),
        register: true,
    }
}

pub(crate) fn identity(name: &str) -> Identity {
    let unique = UniqueId::try_from(format!("uid of {name}").into_bytes()).expect("a unique id");
    Identity { provider: Provider::System, unique }
}

pub(crate) fn group(name: &str) -> GroupRef {
    GroupRef { name: name.to_owned(), unique: None, dn: None }
}

/// Rules without a mapping.
pub(crate) fn plain() -> RoleRules {
    RoleRules::default()
}

/// Signs somebody in for the first time; the role must be this.
pub(crate) async fn sign_in(store: &Store, name: &str, wanted: Role) -> Result<Account> {
    let opened = store.open_account(&person(name), &plain(), 1000).await?;
    ensure!(opened.made && opened.account.role == wanted, "{opened:?}");
    Ok(opened.account)
}

/// A sign-in's row.
pub(crate) fn row(account: AccountId, id: u64) -> SignInRow {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&id.to_be_bytes());
    SignInRow {
        id: SignInId::from_bytes(bytes),
        account,
        method: "pam".to_owned(),
        factors: String::new(),
        remote: "192.0.2.1".parse().expect("an address"),
        agent: "a browser".to_owned(),
        node: NODE.to_string(),
        since: 1000 + id,
        until: 1_000_000,
        seen: 1000 + id,
        ended: None,
        seal: vec![7; 32],
    }
}

/// Why rows are ended here.
pub(crate) const WHY: SignInEnd = SignInEnd::Revoked;
