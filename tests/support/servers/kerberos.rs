//! MIT Kerberos: a realm with a KDC of its own, people, services and their keytabs, and the clients `kinit` and `curl`.
//!
//! Whoever uses it names its configuration (`KRB5_CONFIG`); PAM modules and our daemon read `/etc/krb5.conf`, which
//! [`Kdc::install`] makes it, for the whole test program.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

use super::daemon::Daemon;
use super::{Ran, folder, free_address, must, must_with, need, run, write};
use crate::place;

const KDC: &str = "/usr/sbin/krb5kdc";
/// The realm that the tests of a program share.
pub const REALM: &str = "EXAMPLE.TEST";

/// Whether somebody may have a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// With the right password, yes.
    Good,
    /// Only to change the password.
    PasswordExpired,
    /// No longer.
    Expired,
    /// Locked by an administrator.
    Locked,
}

/// Everybody in the realm: name, password, standing.
pub const PEOPLE: &[(&str, &str, Standing)] = &[
    ("kira", "Kira-Pass-1", Standing::Good),
    ("kira/admin", "Admin-Pass-1", Standing::Good),
    ("Upper", "Upper-Pass-1", Standing::Good),
    ("olga", "Olga-Pass-1", Standing::PasswordExpired),
    ("egon", "Egon-Pass-1", Standing::Expired),
    ("lock", "Lock-Pass-1", Standing::Locked),
];

/// A running realm.
#[derive(Debug)]
pub struct Kdc {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    folder: PathBuf,
    address: SocketAddr,
    realm: String,
    /// kadmin.local takes turns by itself, but gives up when it has to wait.
    administered: Mutex<()>,
}

impl Kdc {
    /// Makes and starts a realm of one's own.
    ///
    /// # Errors
    /// When it does not come up; skipped where it is not installed.
    pub fn start(realm: &str) -> Result<Self> {
        need(&[KDC, "/usr/sbin/kadmin.local", "/usr/sbin/kdb5_util", "/usr/bin/kinit"])?;
        let (folder, address) = (folder("kdc")?, free_address()?);
        let kdc = Self {
            daemon: Mutex::default(),
            folder,
            address,
            realm: realm.to_owned(),
            administered: Mutex::default(),
        };
        write(&kdc.config_file(), &configuration(realm, address), 0o644)?;
        write(&kdc.folder.join("kdc.conf"), &kdc.settings(), 0o600)?;
        write(&kdc.folder.join("acl"), "", 0o600)?;
        must(kdc.command("/usr/sbin/kdb5_util").args(["create", "-s", "-P", "Master-Pass-1", "-r", realm]))?;
        let mut queries = String::new();
        for (name, password, standing) in PEOPLE {
            let with = match standing {
                Standing::Good => "",
                Standing::PasswordExpired => "-pwexpire 2020-01-01 ",
                Standing::Expired => "-expire 2020-01-01 ",
                Standing::Locked => "-allow_tix ",
            };
            queries += &format!("addprinc {with}-pw {password} {name}\n");
        }
        kdc.administer(&queries)?;
        kdc.resume()?;
        Ok(kdc)
    }

    /// The realm that the tests of a program share: [`REALM`].
    ///
    /// # Errors
    /// As [`Kdc::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Kdc, String>> = OnceLock::new();
        need(&[KDC, "/usr/sbin/kadmin.local", "/usr/sbin/kdb5_util", "/usr/bin/kinit"])?;
        match SHARED.get_or_init(|| Self::start(REALM).map_err(|error| format!("{error:#}"))) {
            Ok(shared) => Ok(shared),
            Err(why) => bail!("no KDC: {why}"),
        }
    }

    /// Its name.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// For `KRB5_CONFIG`.
    pub fn config_file(&self) -> PathBuf {
        self.folder.join("krb5.conf")
    }

    /// Makes it what `/etc/krb5.conf` says, in the namespaces.
    ///
    /// # Errors
    /// Outside of them.
    pub fn install(&self) -> Result<()> {
        ensure!(place::isolated(), "the machine's own /etc/krb5.conf is not touched");
        fs::copy(self.config_file(), "/etc/krb5.conf")?;
        Ok(())
    }

    /// Adds somebody.
    ///
    /// # Errors
    /// What kadmin said.
    pub fn principal(&self, name: &str, password: &str) -> Result<()> {
        self.administer(&format!("addprinc -pw {password} {name}\n"))
    }

    /// Adds a service (`HTTP/localhost`) unless it is there, and writes a keytab with new keys of it; root's alone. What older
    /// keytabs of it have is of before.
    ///
    /// # Errors
    /// What kadmin said.
    pub fn keytab(&self, service: &str) -> Result<PathBuf> {
        let path = self.folder.join(format!("keytab-{}", place::next_number()));
        let turn = self.administered.lock().expect("nobody panics holding it");
        let known =
            self.query("listprincs\n")?.lines().any(|line| line == format!("{service}@{}", self.realm));
        let add = if known { String::new() } else { format!("addprinc -randkey {service}\n") };
        self.query(&format!("{add}ktadd -k {} {service}\n", path.display()))?;
        drop(turn);
        ensure!(path.is_file(), "no keytab of {service}");
        Ok(path)
    }

    /// Queries to `kadmin.local`, a line each.
    ///
    /// # Errors
    /// What it said.
    pub fn administer(&self, queries: &str) -> Result<()> {
        let _turn = self.administered.lock().expect("nobody panics holding it");
        self.query(queries).map(drop)
    }

    /// Only for whoever has the turn.
    fn query(&self, queries: &str) -> Result<String> {
        let mut command = self.command("/usr/sbin/kadmin.local");
        let ran = run(command.args(["-r", &self.realm]), queries)?;
        // It succeeds whatever becomes of a query, and says so on standard error, beside warnings.
        let wrong = ran.err.lines().find(|line| line.contains(" while ") && !line.starts_with("WARNING"));
        match wrong {
            None if ran.code == Some(0) => Ok(ran.out),
            _ => bail!("kadmin.local: {queries}: {}", ran.err),
        }
    }

    /// `kinit`: fetches a ticket for somebody into this file.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn kinit(&self, name: &str, password: &str, cache: &Path) -> Result<Ran> {
        let mut command = self.as_owner("/usr/bin/kinit", cache);
        run(command.arg(format!("{name}@{}", self.realm)), &format!("{password}\n"))
    }

    /// A ticket of somebody, in a file of its own.
    ///
    /// # Errors
    /// What `kinit` said.
    pub fn ticket(&self, name: &str, password: &str) -> Result<PathBuf> {
        let cache = self.folder.join(format!("cache-{}", place::next_number()));
        let mut command = self.as_owner("/usr/bin/kinit", &cache);
        must_with(command.arg(format!("{name}@{}", self.realm)), &format!("{password}\n"))?;
        Ok(cache)
    }

    /// A client's program of the owner of this ticket: `curl --negotiate`, `kvno`, `klist`.
    pub fn as_owner(&self, program: &str, cache: &Path) -> Command {
        let mut command = self.command(program);
        command.env("KRB5CCNAME", format!("FILE:{}", cache.display()));
        command
    }

    /// Stops it: connections are refused from then on.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it").take();
        daemon.context("the KDC is stopped")?.stop(Signal::SIGTERM)
    }

    /// Starts it again on the same port.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        ensure!(daemon.is_none(), "the KDC runs already");
        let environment = self.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // -n: in the foreground.
        let args = ["-n", "-r", &self.realm].map(str::to_owned);
        let mut started =
            Daemon::start_with(Path::new(KDC), &args, None, &self.folder.join("log"), &environment)?;
        started.await_port(self.address)?;
        *daemon = Some(started);
        Ok(())
    }

    fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("KRB5_CONFIG", self.config_file().display().to_string()),
            ("KRB5_KDC_PROFILE", self.folder.join("kdc.conf").display().to_string()),
        ]
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C.UTF-8");
        command.envs(self.environment()).current_dir("/");
        command
    }

    fn settings(&self) -> String {
        let (at, realm, address) = (self.folder.display(), &self.realm, self.address);
        format!(
            "[kdcdefaults]\n kdc_listen = {address}\n kdc_tcp_listen = {address}\n\
             [realms]\n {realm} = {{\n  database_name = {at}/principal\n  key_stash_file = {at}/stash\n  acl_file = {at}/acl\n  \
             max_life = 10h\n  supported_enctypes = aes256-cts:normal\n }}\n\
             [logging]\n kdc = STDERR\n"
        )
    }
}

fn configuration(realm: &str, address: SocketAddr) -> String {
    // Over TCP alone: a UDP packet that nobody takes costs a second. Names are taken as they are written.
    format!(
        "[libdefaults]\n default_realm = {realm}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n \
         dns_canonicalize_hostname = false\n udp_preference_limit = 1\n\
         [realms]\n {realm} = {{\n  kdc = {address}\n }}\n\
         [domain_realm]\n localhost = {realm}\n .example.test = {realm}\n"
    )
}
