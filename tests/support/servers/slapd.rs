//! OpenLDAP's slapd: people and groups of every kind, TLS by a certificate of the test's own, password policies.
//!
//! The tree is the same in each directory, only its root differs:
//! `ou=people` (`uid=…`), `ou=services` (`cn=reader`, who may search), `ou=groups` (posixGroup with memberUid), `ou=roles`
//! (groupOfNames and groupOfUniqueNames; people's memberOf is kept from these, which is why they are added while it runs).

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use super::authority::{Authority, Pair};
use super::daemon::Daemon;
use super::people::{self, Person};
use super::{Ran, folder, free_address, must_with, need, run, write};

const SLAPD: &str = "/usr/sbin/slapd";
/// Who may read everything: for the first of two binds.
pub const READER_PASSWORD: &str = "Reader-Pass-1";
/// Who may write everything.
const ADMIN_PASSWORD: &str = "Admin-Pass-1";

/// What a directory is like.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its root.
    pub suffix: String,
    /// A password that comes without TLS is refused ("confidentiality required").
    pub encrypted_only: bool,
    /// Whether who has not bound may search.
    pub anonymous: bool,
    /// Most entries of one answer that isn't paged; `None` for no bound.
    pub size_limit: Option<u32>,
    /// Groups of each kind that `many` is in.
    pub many: u32,
    /// Certificate and key; `None` for a good one of its own authority.
    pub certificate: Option<Pair>,
    /// Its people.
    pub people: Vec<Person>,
}

impl Default for Setup {
    /// With everybody of [`people::people`], readable by those who have bound.
    fn default() -> Self {
        Self {
            suffix: "dc=example,dc=test".to_owned(),
            encrypted_only: false,
            anonymous: false,
            size_limit: None,
            many: 500,
            certificate: None,
            people: people::people(),
        }
    }
}

/// How a client comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In the clear.
    Plain,
    /// TLS after the connection (RFC 4511, 4.14), insisted on.
    StartTls,
    /// TLS from the first byte.
    Ldaps,
}

/// A running directory.
#[derive(Debug)]
pub struct Slapd {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    suffix: String,
    folder: PathBuf,
    plain: SocketAddr,
    tls: SocketAddr,
    authority: Authority,
}

impl Slapd {
    /// Starts one of one's own.
    ///
    /// # Errors
    /// When it does not come up; skipped where slapd is not installed.
    pub fn start(setup: &Setup) -> Result<Self> {
        need(&[SLAPD, "/usr/sbin/slapadd", "/usr/bin/ldapadd"])?;
        let folder = folder("slapd")?;
        let authority = Authority::new("Directory authority")?;
        let pair = setup.certificate.clone().map_or_else(|| authority.server(), Ok)?;
        fs::create_dir_all(folder.join("db"))?;
        write(&folder.join("ca.pem"), authority.certificate(), 0o644)?;
        write(&folder.join("server.pem"), &pair.certificate, 0o644)?;
        write(&folder.join("server.key"), &pair.key, 0o600)?;
        write(&folder.join("slapd.conf"), &configuration(setup, &folder), 0o600)?;
        let mut slapadd = Command::new("/usr/sbin/slapadd");
        slapadd.arg("-q").arg("-f").arg(folder.join("slapd.conf"));
        must_with(&mut slapadd, &people::tree(setup))?;
        let (plain, tls) = (free_address()?, free_address()?);
        let started =
            Self { daemon: Mutex::default(), suffix: setup.suffix.clone(), folder, plain, tls, authority };
        started.resume()?;
        started.add(&people::roles(setup))?;
        Ok(started)
    }

    /// The directory that the tests of a program share: `dc=example,dc=test`.
    ///
    /// # Errors
    /// As [`Slapd::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Slapd, String>> = OnceLock::new();
        once(&SHARED, Setup::default)
    }

    /// A second one, `dc=other,dc=test`: it has a `lena` too, with another password, and takes passwords by TLS only.
    ///
    /// # Errors
    /// As [`Slapd::start`].
    pub fn other() -> Result<&'static Self> {
        static OTHER: OnceLock<Result<Slapd, String>> = OnceLock::new();
        once(&OTHER, || Setup {
            suffix: "dc=other,dc=test".to_owned(),
            encrypted_only: true,
            many: 1,
            people: people::others(),
            ..Setup::default()
        })
    }

    /// Its root.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Where it listens in the clear and for StartTLS.
    pub const fn address(&self) -> SocketAddr {
        self.plain
    }

    /// Where it listens for TLS.
    pub const fn tls_address(&self) -> SocketAddr {
        self.tls
    }

    /// `ldap://…` or `ldaps://…`.
    pub fn uri(&self, way: Way) -> String {
        match way {
            Way::Plain | Way::StartTls => format!("ldap://{}", self.plain),
            Way::Ldaps => format!("ldaps://{}", self.tls),
        }
    }

    /// The authority that a client is to trust, as a file.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The authority that signed its certificate.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The service account's name; its password is [`READER_PASSWORD`].
    pub fn reader(&self) -> String {
        format!("cn=reader,ou=services,{}", self.suffix)
    }

    /// The name of a person's entry.
    pub fn person_name(&self, uid: &str) -> String {
        people::name_of(uid, &self.suffix)
    }

    /// Adds a person while it runs; returns the entry's name.
    ///
    /// # Errors
    /// What the server said.
    pub fn person(&self, person: &Person) -> Result<String> {
        self.add(&people::entry_of(person, &self.suffix))?;
        Ok(self.person_name(&person.uid))
    }

    /// Adds entries, as LDIF.
    ///
    /// # Errors
    /// What the server said.
    pub fn add(&self, ldif: &str) -> Result<()> {
        must_with(&mut self.as_admin("ldapadd"), ldif).map(drop)
    }

    /// Changes entries, as LDIF with `changetype`.
    ///
    /// # Errors
    /// What the server said.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        must_with(&mut self.as_admin("ldapmodify"), ldif).map(drop)
    }

    /// Attributes of the entries below its root that a filter finds, as LDIF.
    ///
    /// # Errors
    /// What the server said.
    pub fn search(&self, filter: &str, attributes: &[&str]) -> Result<String> {
        let mut command = self.as_admin("ldapsearch");
        command.args(["-LLL", "-o", "ldif-wrap=no", "-b", &self.suffix, filter]).args(attributes);
        must_with(&mut command, "")
    }

    /// Binds as somebody with OpenLDAP's own client, trusting the authorities in this file.
    ///
    /// # Errors
    /// When the client can't be started.
    pub fn bind(&self, way: Way, name: &str, password: &str, trusted: &Path) -> Result<Ran> {
        let mut command = client("ldapwhoami", &self.uri(way), name, password);
        if way == Way::StartTls {
            command.arg("-ZZ");
        }
        run(command.env("LDAPTLS_CACERT", trusted), "")
    }

    /// What it did and was asked: `BIND dn=…`, `SRCH … filter=…`.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Stops it: connections are refused from then on.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it").take();
        daemon.context("slapd is stopped")?.stop(Signal::SIGTERM)
    }

    /// Hangs it: connections are taken and nothing is answered, until [`Slapd::go_on`].
    ///
    /// # Errors
    /// When it is stopped.
    pub fn hang(&self) -> Result<()> {
        self.daemon.lock().expect("nobody panics holding it").as_ref().context("slapd is stopped")?.hang()
    }

    /// Ends [`Slapd::hang`].
    ///
    /// # Errors
    /// When it is stopped.
    pub fn go_on(&self) -> Result<()> {
        self.daemon.lock().expect("nobody panics holding it").as_ref().context("slapd is stopped")?.go_on()
    }

    /// Starts it again on the same ports, after [`Slapd::stop`].
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        if daemon.is_some() {
            bail!("slapd runs already");
        }
        let listens = format!("{} {}", self.uri(Way::Plain), self.uri(Way::Ldaps));
        let configuration = self.folder.join("slapd.conf").display().to_string();
        // With a level for its own log it stays in the foreground.
        let args = ["-d", "stats", "-f", &configuration, "-h", &listens].map(str::to_owned);
        let mut started = Daemon::start(Path::new(SLAPD), &args, None, &self.folder.join("log"))?;
        started.await_port(self.plain)?;
        started.await_port(self.tls)?;
        *daemon = Some(started);
        Ok(())
    }

    /// By TLS: some directories take no password without.
    fn as_admin(&self, program: &str) -> Command {
        let mut command =
            client(program, &self.uri(Way::Ldaps), &format!("cn=admin,{}", self.suffix), ADMIN_PASSWORD);
        // Its own certificate may be one that nobody should accept.
        command.env("LDAPTLS_REQCERT", "never");
        command
    }
}

fn once(slot: &'static OnceLock<Result<Slapd, String>>, setup: impl Fn() -> Setup) -> Result<&'static Slapd> {
    need(&[SLAPD, "/usr/sbin/slapadd", "/usr/bin/ldapadd"])?;
    match slot.get_or_init(|| Slapd::start(&setup()).map_err(|error| format!("{error:#}"))) {
        Ok(shared) => Ok(shared),
        Err(why) => bail!("no slapd: {why}"),
    }
}

fn client(program: &str, uri: &str, name: &str, password: &str) -> Command {
    let mut command = Command::new(program);
    // LDAPNOINIT would also switch the variables off: an empty home and folder have no files of settings.
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").current_dir("/");
    command.args(["-x", "-H", uri, "-D", name, "-w", password, "-o", "nettimeout=60"]);
    command
}

fn configuration(setup: &Setup, folder: &Path) -> String {
    let at = folder.display();
    let suffix = &setup.suffix;
    let schemas: String = ["core", "cosine", "nis", "inetorgperson"]
        .iter()
        .map(|schema| format!("include /etc/ldap/schema/{schema}.schema\n"))
        .collect();
    let modules: String =
        ["back_mdb", "memberof", "ppolicy"].iter().map(|module| format!("moduleload {module}\n")).collect();
    let limit = setup.size_limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let security = if setup.encrypted_only { "security simple_bind=64\n" } else { "" };
    let (anonymous, others) = if setup.anonymous { ("", "read") } else { ("disallow bind_anon\n", "auth") };
    format!(
        "{schemas}modulepath /usr/lib/ldap\n{modules}\
         pidfile {at}/slapd.pid\n\
         TLSCACertificateFile {at}/ca.pem\nTLSCertificateFile {at}/server.pem\nTLSCertificateKeyFile {at}/server.key\n\
         {security}{anonymous}sizelimit {limit}\n\
         database mdb\nmaxsize 67108864\nsuffix \"{suffix}\"\nrootdn \"cn=admin,{suffix}\"\nrootpw {ADMIN_PASSWORD}\n\
         directory {at}/db\ndbnosync\nindex objectClass,uid,uidNumber,gidNumber,memberUid,member,uniqueMember,cn eq\n\
         access to attrs=userPassword by self write by anonymous auth by * none\n\
         access to * by users read by anonymous {others}\n\
         overlay memberof\nmemberof-group-oc groupOfNames\nmemberof-refint TRUE\n\
         overlay ppolicy\nppolicy_default \"cn=default,ou=policies,{suffix}\"\nppolicy_use_lockout\n"
    )
}
