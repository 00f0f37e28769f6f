//! Options of `database.conf`: where the database of accounts is.

use crate::option::{options, recognised};
use crate::value::{DatabaseProviderWord, Int, OptionalPath, OptionalSslModeWord, Text};

options! {
    /// The database of accounts.
    Database, "The database of accounts";

    /// What keeps the accounts: a file of this machine, or a server that machines share.
    "provider" provider: DatabaseProviderWord = "sqlite", Restart,
        "one machine needs no server beside it";
    /// The database's name at the server.
    "database" database: Text = "portcullis", Restart,
        "unlike RStudio Workbench, whose own tables stand in the database that it names after itself";
    /// A name, an address, or the folder of a Unix socket.
    "host" host: Text = "localhost", Restart,
        "as RStudio Workbench";
    /// The server's port.
    "port" port: Int<1, 65535> = "5432", Restart,
        "PostgreSQL's own";
    /// The role to sign in as.
    "username" username: Text = "portcullis", Restart,
        "a role of its own, which owns its tables and nothing else";
    /// The role's password.
    ///
    /// The file must be root's and have mode 0600 then. Neither this nor `connection-uri` is shown by `conf show`.
    "password" password: Text = "", Restart,
        "a socket of the same machine needs none";
    /// A whole address (`postgresql://…`), instead of the five options above.
    ///
    /// Its `sslmode` counts before `ssl-mode`; of libpq's words it knows those of `ssl-mode`.
    "connection-uri" connection_uri: Text = "", Restart,
        "the options say the same";
    /// How many connections work at once; one more listens.
    "pool-size" pool_size: Int<1, 100> = "4", Restart,
        "a sign-in takes one for some milliseconds; requests of those who are signed in need none";
    /// Seconds for a connection to come about.
    "connection-timeout-seconds" connection_timeout_seconds: Int<1, 60> = "10", Restart,
        "a server that works answers sooner, also from another continent";
    /// Whether TLS is used and what is verified; empty: by the host.
    ///
    /// Empty is `disable` for a socket and this machine's own addresses, and `verify-full` for every other host. `require` encrypts
    /// and takes anybody's certificate.
    "ssl-mode" ssl_mode: OptionalSslModeWord = "", Restart,
        "unlike libpq, which goes on without TLS when the server says so: roles and locks must not be somebody else's to say";
    /// File of the authorities that may vouch for the server; empty for the system's.
    "ssl-ca-file" ssl_ca_file: OptionalPath = "", Restart,
        "a certificate of a public authority needs nothing";
}

recognised! {
    OTHER, "Not used";

    Info "the launcher keeps the file below its own state folder, whose owner it watches over" {
        /// Folder of the SQLite file.
        "directory": OptionalPath = "/var/lib/rstudio-server";
    }
}

/// Options whose text is nobody's to read.
pub(crate) const SECRET: &[&str] = &["password", "connection-uri"];
