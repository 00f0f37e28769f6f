//! PostgreSQL: a cluster in a folder of its own, passwords by SCRAM, TLS offered, a database for each test.

mod held;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

pub use self::held::Held;
use super::authority::Authority;
use super::daemon::Daemon;
use super::{folder, free_address, give, must, need, run, write};
use crate::{place, process, until};

/// Debian keeps the programs of each release apart.
const RELEASES: &str = "/usr/lib/postgresql";
/// The account that its package makes; it won't run as root.
const ACCOUNT: &str = "postgres";
/// The superuser's password.
const PASSWORD: &str = "Postgres-Pass-1";
/// What a killed one's other processes take to notice.
const GONE_SECONDS: u64 = 20;
/// A role that may come by TLS only: without it its password is refused.
pub const TLS_ONLY: &str = "tls_only";

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    programs: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    authority: Authority,
}

/// A database of one test, and the role that owns it.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name, also the role's.
    pub name: String,
    /// The role's password.
    pub password: String,
    /// Where the cluster listens.
    pub address: SocketAddr,
    /// The authority that a client is to trust.
    pub ca_file: PathBuf,
}

impl Postgres {
    /// Makes and starts a cluster of one's own, to be stopped and killed.
    ///
    /// # Errors
    /// When it does not come up; skipped where PostgreSQL is not installed.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = folder("pg")?;
        give(&folder, ACCOUNT)?;
        let authority = Authority::new("Database authority")?;
        let pair = authority.server()?;
        let password = folder.join("password");
        write(&folder.join("ca.pem"), authority.certificate(), 0o644)?;
        for (name, text) in [
            ("password", PASSWORD),
            ("server.pem", pair.certificate.as_str()),
            ("server.key", pair.key.as_str()),
        ] {
            write(&folder.join(name), text, 0o600)?;
            give(&folder.join(name), ACCOUNT)?;
        }
        let mut initdb = Command::new("setpriv");
        initdb.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups", "--"]).current_dir("/");
        initdb
            .arg(programs.join("initdb"))
            .arg("-D")
            .arg(folder.join("data"))
            .arg(format!("--pwfile={}", password.display()));
        // Nothing here must survive the machine.
        must(initdb.args([
            "-A",
            "scram-sha-256",
            "-U",
            ACCOUNT,
            "--no-sync",
            "--no-instructions",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]))?;
        write(&folder.join("data/pg_hba.conf"), &rules(), 0o644)?;
        let started =
            Self { daemon: Mutex::default(), programs, folder, address: free_address()?, authority };
        started.resume()?;
        started.admin("postgres", &format!("CREATE ROLE {TLS_ONLY} NOLOGIN"))?;
        Ok(started)
    }

    /// The cluster that the tests of a program share: for all who neither stop nor hang it.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        programs()?;
        match SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}"))) {
            Ok(shared) => Ok(shared),
            Err(why) => bail!("no PostgreSQL: {why}"),
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that signed its certificate.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A new, empty database with a role that owns it.
    ///
    /// # Errors
    /// What the server said.
    pub fn database(&self) -> Result<Database> {
        self.create("template0")
    }

    /// A new database with all that `template` has; nobody may be connected to that one meanwhile.
    ///
    /// # Errors
    /// What the server said.
    pub fn database_like(&self, template: &Database) -> Result<Database> {
        let made = self.create(&template.name)?;
        // What the template's role made is the new role's.
        self.admin(&made.name, &format!("REASSIGN OWNED BY \"{}\" TO \"{}\"", template.name, made.name))?;
        Ok(made)
    }

    /// A database whose role is refused without TLS.
    ///
    /// # Errors
    /// What the server said.
    pub fn database_by_tls(&self) -> Result<Database> {
        let made = self.database()?;
        self.admin("postgres", &format!("GRANT {TLS_ONLY} TO \"{}\"", made.name))?;
        Ok(made)
    }

    fn create(&self, template: &str) -> Result<Database> {
        let number = place::next_number();
        let (name, password) = (format!("portcullis_{number}"), format!("Database-Pass-{number}"));
        self.admin("postgres", &format!("CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'"))?;
        self.admin(
            "postgres",
            &format!("CREATE DATABASE \"{name}\" OWNER \"{name}\" TEMPLATE \"{template}\""),
        )?;
        Ok(Database { name, password, address: self.address, ca_file: self.folder.join("ca.pem") })
    }

    /// Runs SQL as the superuser; returns unaligned rows.
    ///
    /// # Errors
    /// What `psql` said.
    pub fn admin(&self, database: &str, sql: &str) -> Result<String> {
        let admin = Database {
            name: database.to_owned(),
            password: PASSWORD.to_owned(),
            address: self.address,
            ca_file: self.folder.join("ca.pem"),
        };
        let ran = run(&mut psql(&admin, ACCOUNT, sql, "require"), "")?;
        if ran.code != Some(0) {
            bail!("psql: `{sql}`: {}", ran.err);
        }
        Ok(ran.out)
    }

    /// Takes a database and its role away, whoever is connected still.
    ///
    /// # Errors
    /// What the server said.
    pub fn remove(&self, database: &Database) -> Result<()> {
        self.admin("postgres", &format!("DROP DATABASE \"{}\" WITH (FORCE)", database.name))?;
        self.admin("postgres", &format!("DROP ROLE \"{}\"", database.name)).map(drop)
    }

    /// All that a database has, as SQL; bytes are hexadecimal digits.
    ///
    /// # Errors
    /// What `pg_dump` said.
    pub fn dump(&self, database: &Database) -> Result<String> {
        let mut command = Command::new(self.programs.join("pg_dump"));
        must(as_role(&mut command, database, &database.name, "disable"))
    }

    /// Ends every connection to a database, as a restart of the network would.
    ///
    /// # Errors
    /// What the server said.
    pub fn disconnect(&self, database: &Database) -> Result<()> {
        let of = format!("FROM pg_stat_activity WHERE datname = '{}'", database.name);
        self.admin("postgres", &format!("SELECT pg_terminate_backend(pid) {of}")).map(drop)
    }

    /// Stops it at once (`pg_ctl stop -m immediate`): connections break, what was not written is replayed at the next start.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        self.take()?.stop(Signal::SIGQUIT)
    }

    /// `kill -9` of the first process. The others notice and go, which is waited for: until then none can be started again.
    ///
    /// # Errors
    /// When it is stopped already, or they stay.
    pub fn kill(&self) -> Result<()> {
        let daemon = self.take()?;
        let workers = process::descendants(daemon.pid()?);
        drop(daemon);
        until::is("PostgreSQL's other processes are gone", GONE_SECONDS, || {
            !workers.iter().any(|one| process::is_alive(one.pid))
        })
    }

    /// Hangs its first process: connections are taken by the kernel and never served. Those that are there go on.
    ///
    /// # Errors
    /// When it is stopped.
    pub fn hang(&self) -> Result<()> {
        self.daemon
            .lock()
            .expect("nobody panics holding it")
            .as_ref()
            .context("PostgreSQL is stopped")?
            .hang()
    }

    /// Ends [`Postgres::hang`].
    ///
    /// # Errors
    /// When it is stopped.
    pub fn go_on(&self) -> Result<()> {
        self.daemon
            .lock()
            .expect("nobody panics holding it")
            .as_ref()
            .context("PostgreSQL is stopped")?
            .go_on()
    }

    /// Starts it again on the same port, after [`Postgres::stop`] or [`Postgres::kill`].
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let data = self.folder.join("data");
        let settings = [
            format!("port={}", self.address.port()),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", self.folder.display()),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", self.folder.join("server.pem").display()),
            format!("ssl_key_file={}", self.folder.join("server.key").display()),
            // A power cut is not among the tests; the kernel keeps what a killed server wrote.
            "fsync=off".to_owned(),
            "max_connections=200".to_owned(),
            "shared_buffers=32MB".to_owned(),
            "autovacuum=off".to_owned(),
            "timezone=UTC".to_owned(),
        ];
        let mut args = vec!["-D".to_owned(), data.display().to_string()];
        args.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        if daemon.is_some() {
            bail!("PostgreSQL runs already");
        }
        let (program, log) = (self.programs.join("postgres"), self.folder.join("log"));
        let mut started = Daemon::start(&program, &args, Some(ACCOUNT), &log)?;
        started.await_that(|| self.accepts())?;
        *daemon = Some(started);
        Ok(())
    }

    fn accepts(&self) -> Result<bool> {
        let mut command = Command::new(self.programs.join("pg_isready"));
        command.args(["-q", "-h", "127.0.0.1", "-p", &self.address.port().to_string()]);
        Ok(run(&mut command, "")?.code == Some(0))
    }

    fn take(&self) -> Result<Daemon> {
        self.daemon.lock().expect("nobody panics holding it").take().context("PostgreSQL is stopped")
    }
}

impl Database {
    /// Writes the `database.conf` by which a daemon keeps its accounts here: root's alone, since the password is in it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_conf(&self, config_dir: &Path) -> Result<()> {
        let text = format!(
            "provider=postgresql\nhost=127.0.0.1\nport={}\ndatabase={}\nusername={}\npassword={}\nssl-mode=disable\n",
            self.address.port(),
            self.name,
            self.name,
            self.password,
        );
        write(&config_dir.join("database.conf"), &text, 0o600)
    }

    /// `postgresql://…`, for `connection-uri`.
    pub fn uri(&self) -> String {
        format!("postgresql://{}:{}@{}/{}", self.name, self.password, self.address, self.name)
    }

    /// Runs SQL as the role that owns it, with this `sslmode` (`disable`, `require`, `verify-full`).
    ///
    /// # Errors
    /// What `psql` said.
    pub fn query(&self, sql: &str, ssl_mode: &str) -> Result<String> {
        let ran = run(&mut psql(self, &self.name, sql, ssl_mode), "")?;
        if ran.code != Some(0) {
            bail!("psql: {}", ran.err);
        }
        Ok(ran.out)
    }
}

fn psql(database: &Database, role: &str, sql: &str, ssl_mode: &str) -> Command {
    let mut command = Command::new("psql");
    as_role(&mut command, database, role, ssl_mode);
    command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
    command
}

/// Has one of PostgreSQL's own programs connect as this role.
fn as_role<'a>(command: &'a mut Command, database: &Database, role: &str, ssl_mode: &str) -> &'a mut Command {
    command.env_clear().env("PATH", "/usr/bin:/bin").env("PGPASSWORD", &database.password).current_dir("/");
    command.env("PGSSLMODE", ssl_mode).env("PGSSLROOTCERT", &database.ca_file);
    command.args(["-h", "127.0.0.1", "-p", &database.address.port().to_string()]);
    command.args(["-U", role, "-d", &database.name])
}

/// Who may come how; the first line that fits decides.
fn rules() -> String {
    format!(
        "hostnossl all +{TLS_ONLY} all reject\nhost all all 127.0.0.1/32 scram-sha-256\nlocal all all scram-sha-256\n"
    )
}

/// The newest release that is installed.
fn programs() -> Result<PathBuf> {
    let releases = fs::read_dir(RELEASES).into_iter().flatten().flatten();
    let newest = releases
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .map_or_else(|| "none".to_owned(), |release| release.to_string());
    let programs = Path::new(RELEASES).join(newest).join("bin");
    let needed = programs.join("initdb");
    need(&[&needed.display().to_string(), "/usr/bin/psql"])?;
    Ok(programs)
}
