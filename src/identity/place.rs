//! Where the database is, as `database.conf` says.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_conf::{Database, DatabaseProvider, OptionalSslMode};
use portcullis_model::Secret;
use portcullis_store::{Place, Postgres, SslMode};
use portcullis_wire::identity::Job;

use crate::job;

/// Largest bundle of authorities that is read: a distribution's has some 220 KiB.
const BUNDLE_MAX: u64 = 4 * 1024 * 1024;

/// The place; `bundle` is the system's bundle of authorities, which the launcher opened.
pub(crate) fn place(database: &Database, job: &Job, bundle: Option<File>) -> Place {
    if database.provider == DatabaseProvider::Sqlite {
        return Place::Sqlite(PathBuf::from(&job.folder));
    }
    let said = |text: &String| (!text.is_empty()).then(|| Secret::from(text.clone()));
    // Without authorities nobody can vouch for the server, and a connection that needs it is refused, with that reason.
    let roots = job::secret(job, "ssl-ca-file").map_or_else(
        || {
            let mut bytes = Vec::new();
            let read = bundle.map(|file| file.take(BUNDLE_MAX).read_to_end(&mut bytes));
            if read.is_some_and(|read| read.is_ok()) { bytes } else { Vec::new() }
        },
        |named| named.expose().to_vec(),
    );
    Place::Postgres(Box::new(Postgres {
        uri: said(&database.connection_uri),
        host: database.host.clone(),
        port: u16::try_from(database.port).unwrap_or(0),
        database: database.database.clone(),
        username: database.username.clone(),
        password: said(&database.password),
        ssl: match database.ssl_mode {
            OptionalSslMode::ByHost => None,
            OptionalSslMode::Disable => Some(SslMode::Disable),
            OptionalSslMode::Require => Some(SslMode::Require),
            OptionalSslMode::VerifyCa => Some(SslMode::VerifyCa),
            OptionalSslMode::VerifyFull => Some(SslMode::VerifyFull),
        },
        roots,
        pool: usize::try_from(database.pool_size).unwrap_or(1),
        connect_timeout: Duration::from_secs(database.connection_timeout_seconds.into()),
    }))
}
