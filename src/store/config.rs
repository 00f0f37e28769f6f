//! Where the database is: what the caller read from `database.conf`, as data.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_model::{NodeId, Secret};

/// Which database, and who we are to it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is.
    pub place: Place,
    /// Which machine this is.
    pub node: NodeId,
    /// What people call this machine.
    pub node_name: String,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// SQLite, in this folder, which exists and is ours alone.
    Sqlite(PathBuf),
    /// PostgreSQL.
    Postgres(Box<Postgres>),
}

/// How PostgreSQL is reached.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// A whole address (`postgresql://…`); what it says counts before the fields below.
    pub uri: Option<Secret>,
    /// A name, an address, or the folder of a Unix socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database there.
    pub database: String,
    /// The role to sign in as.
    pub username: String,
    /// Its password, if it needs one.
    pub password: Option<Secret>,
    /// Whether and how TLS is used; none: by the host ([`SslMode::for_host`]).
    pub ssl: Option<SslMode>,
    /// The authorities that may vouch for the server, PEM; for [`SslMode::VerifyCa`] and [`SslMode::VerifyFull`].
    pub roots: Vec<u8>,
    /// How many connections work at once.
    pub pool: usize,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
}

/// The modes of libpq that leave nothing to the server to decide (`allow` and `prefer` do).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// None.
    Disable,
    /// Encrypted, whoever answers.
    Require,
    /// Encrypted, and an authority vouches for who answers.
    VerifyCa,
    /// The same, and it is the host that was asked for.
    VerifyFull,
}

impl SslMode {
    /// Its word in `database.conf` and in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// The mode of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Disable, Self::Require, Self::VerifyCa, Self::VerifyFull]
            .into_iter()
            .find(|mode| mode.word() == word)
    }

    /// What is right when nobody said: nothing on the machine itself, everything on the way to another one.
    pub fn for_host(host: &str) -> Self {
        let here = host.starts_with('/')
            || host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if here { Self::Disable } else { Self::VerifyFull }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_is_verified() {
        for (host, wanted) in [
            ("/run/postgresql", SslMode::Disable),
            ("localhost", SslMode::Disable),
            ("127.0.0.9", SslMode::Disable),
            ("::1", SslMode::Disable),
            ("db.example.test", SslMode::VerifyFull),
            ("192.0.2.1", SslMode::VerifyFull),
            ("localhost.example.test", SslMode::VerifyFull),
        ] {
            assert_eq!(SslMode::for_host(host), wanted, "{host}");
        }
        assert_eq!(SslMode::of_word("prefer"), None);
        assert_eq!(SslMode::of_word("verify-ca"), Some(SslMode::VerifyCa));
    }
}
