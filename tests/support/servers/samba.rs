//! A domain controller as Active Directory is: Samba, with its own LDAP and Kerberos on their own ports.
//!
//! It takes its time (a quarter of a minute) and the machine's own ports 389, 636 and 88: there is one in the namespaces, for the set
//! of tests that is about it. Passwords are taken by TLS only.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;

use super::authority::Authority;
use super::daemon::Daemon;
use super::ldif::{entry, in_name};
use super::slapd::Way;
use super::{Ran, folder, must, must_with, need, run, write};
use crate::{place, stage};

const SAMBA: &str = "/usr/sbin/samba";
const PROVISION: &str = "/usr/bin/samba-tool";
/// Its Kerberos realm.
pub const REALM: &str = "AD.TEST";
/// Its root.
pub const SUFFIX: &str = "DC=ad,DC=test";
/// May do everything.
const ADMIN: &str = "administrator@ad.test";
const ADMIN_PASSWORD: &str = "Admin-Pass-1!";
/// LDAP, LDAP over TLS, Kerberos.
const PORTS: [u16; 3] = [389, 636, 88];
/// Values of an attribute that Active Directory gives in one answer (`MaxValRange`); the rest must be asked for. Samba gives all
/// unless it is asked for a range.
pub const RANGE: u32 = 1500;

/// Whether somebody may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// With the right password, yes.
    Good,
    /// Switched off (`userAccountControl`).
    Disabled,
    /// No longer (`accountExpires`).
    Expired,
    /// The password must be changed first (`pwdLastSet`).
    MustChange,
}

/// Everybody: name, password, standing. `nested` is in a group that is in `analysts`; `many` is in as many as was said.
pub const PEOPLE: &[(&str, &str, Standing)] = &[
    ("ann", "Ann-Pass-12", Standing::Good),
    ("reader", "Reader-Pass-12", Standing::Good),
    ("many", "Many-Pass-12", Standing::Good),
    ("nested", "Nested-Pass-12", Standing::Good),
    ("jürgen", "Jürgen-Paß-12", Standing::Good),
    ("disabled", "Disabled-Pass-12", Standing::Disabled),
    ("expired", "Expired-Pass-12", Standing::Expired),
    ("renewed", "Renewed-Pass-12", Standing::MustChange),
];

/// A running domain controller.
#[derive(Debug)]
pub struct Samba {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    folder: PathBuf,
}

impl Samba {
    /// Provisions and starts it; `many` groups for the person of that name.
    ///
    /// # Errors
    /// When it does not come up; skipped where it is not installed, or outside the namespaces.
    pub fn start(many: u32) -> Result<Self> {
        need(&[SAMBA, PROVISION, "/usr/bin/ldapadd"])?;
        if !place::isolated() {
            return stage::skip("the ports of a directory are the machine's own");
        }
        let folder = folder("samba")?;
        let authority = Authority::new("Domain authority")?;
        let pair = authority.server()?;
        write(&folder.join("ca.pem"), authority.certificate(), 0o644)?;
        write(&folder.join("server.pem"), &pair.certificate, 0o644)?;
        write(&folder.join("server.key"), &pair.key, 0o600)?;
        let at = |name: &str| folder.join(name).display().to_string();
        let mut provision = Command::new(PROVISION);
        provision.args(["domain", "provision", "--realm=AD.TEST", "--domain=ADTEST", "--host-name=dc1"]);
        provision.args(["--server-role=dc", "--dns-backend=NONE", "--host-ip=127.0.0.1"]);
        provision.args([format!("--targetdir={}", at("dc")), format!("--adminpass={ADMIN_PASSWORD}")]);
        let options = [
            "interfaces=lo".to_owned(),
            "bind interfaces only=yes".to_owned(),
            "server services=ldap cldap kdc rpc".to_owned(),
            format!("tls cafile={}", at("ca.pem")),
            format!("tls certfile={}", at("server.pem")),
            format!("tls keyfile={}", at("server.key")),
        ];
        must(provision.args(options.map(|option| format!("--option={option}"))).current_dir("/"))?;
        let started = Self { daemon: Mutex::default(), folder };
        started.resume()?;
        started.add(&people(many))?;
        Ok(started)
    }

    /// `ldap://…` or `ldaps://…`.
    pub fn uri(&self, way: Way) -> String {
        match way {
            Way::Plain | Way::StartTls => "ldap://127.0.0.1".to_owned(),
            Way::Ldaps => "ldaps://127.0.0.1".to_owned(),
        }
    }

    /// The authority that a client is to trust, as a file.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// For `KRB5_CONFIG`.
    pub fn kerberos_file(&self) -> PathBuf {
        self.folder.join("krb5.conf")
    }

    /// Adds entries, as LDIF.
    ///
    /// # Errors
    /// What the server said.
    pub fn add(&self, ldif: &str) -> Result<()> {
        let mut command = self.client("ldapadd", Way::Ldaps, ADMIN, ADMIN_PASSWORD, &self.ca_file());
        must_with(&mut command, ldif).map(drop)
    }

    /// Changes entries, as LDIF with `changetype`.
    ///
    /// # Errors
    /// What the server said.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        let mut command = self.client("ldapmodify", Way::Ldaps, ADMIN, ADMIN_PASSWORD, &self.ca_file());
        must_with(&mut command, ldif).map(drop)
    }

    /// Attributes of the entries that a filter finds, as LDIF.
    ///
    /// # Errors
    /// What the server said.
    pub fn search(&self, filter: &str, attributes: &[&str]) -> Result<String> {
        let mut command = self.client("ldapsearch", Way::Ldaps, ADMIN, ADMIN_PASSWORD, &self.ca_file());
        command.args(["-LLL", "-o", "ldif-wrap=no", "-b", SUFFIX, filter]).args(attributes);
        must_with(&mut command, "")
    }

    /// Binds as somebody (`ann@ad.test`, `ADTEST\ann` or an entry's name) with OpenLDAP's own client.
    ///
    /// # Errors
    /// When the client can't be started.
    pub fn bind(&self, way: Way, name: &str, password: &str, trusted: &Path) -> Result<Ran> {
        let mut command = self.client("ldapsearch", way, name, password, trusted);
        if way == Way::StartTls {
            command.arg("-ZZ");
        }
        run(command.args(["-LLL", "-s", "base", "-b", SUFFIX, "dn"]), "")
    }

    /// `kinit`: whether somebody gets a ticket.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn kinit(&self, name: &str, password: &str) -> Result<Ran> {
        let mut command = Command::new("/usr/bin/kinit");
        command
            .env("KRB5_CONFIG", self.kerberos_file())
            .env("KRB5CCNAME", "MEMORY:")
            .arg(format!("{name}@{REALM}"));
        run(&mut command, &format!("{password}\n"))
    }

    /// Stops it: connections are refused from then on.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it").take();
        daemon.context("Samba is stopped")?.stop(Signal::SIGTERM)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        ensure!(daemon.is_none(), "Samba runs already");
        fs::write(
            self.kerberos_file(),
            format!(
                "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n rdns = false\n udp_preference_limit = 1\n\
                 [realms]\n {REALM} = {{\n  kdc = 127.0.0.1\n }}\n"
            ),
        )?;
        let settings = self.folder.join("dc/etc/smb.conf").display().to_string();
        // -i: in the foreground; one process for all of it.
        let args = ["-i", "-M", "single", "-d1", "-s", &settings].map(str::to_owned);
        let mut started = Daemon::start(Path::new(SAMBA), &args, None, &self.folder.join("log"))?;
        for port in PORTS {
            started.await_port(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        }
        *daemon = Some(started);
        Ok(())
    }

    fn client(&self, program: &str, way: Way, name: &str, password: &str, trusted: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").current_dir("/");
        command.env("LDAPTLS_CACERT", trusted);
        command.args(["-x", "-H", &self.uri(way), "-D", name, "-w", password, "-o", "nettimeout=20"]);
        command
    }
}

/// The name of an entry.
pub fn name_of(name: &str) -> String {
    format!("CN={},CN=Users,{SUFFIX}", in_name(name))
}

fn people(many: u32) -> String {
    let mut text = String::new();
    for (name, password, standing) in PEOPLE {
        // 512: an account of a person; 2: switched off (MS-ADTS 2.2.16).
        let control = if *standing == Standing::Disabled { "514" } else { "512" };
        // Hundreds of nanoseconds since 1601; 0 is never.
        let expires = if *standing == Standing::Expired { "130000000000000000" } else { "0" };
        let mut of = vec![
            ("objectClass", "user"),
            ("sAMAccountName", name),
            ("givenName", name),
            ("sn", "Domain"),
            ("userAccountControl", control),
            ("accountExpires", expires),
        ];
        let principal = format!("{name}@ad.test");
        of.push(("userPrincipalName", &principal));
        if *standing == Standing::MustChange {
            of.push(("pwdLastSet", "0"));
        }
        let mut one = entry(&name_of(name), &of);
        one.pop();
        // In quotes, UTF-16 (MS-ADTS 3.1.1.3.1.5.1).
        let secret: Vec<u8> = format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
        text += &format!("{one}unicodePwd:: {}\n\n", STANDARD.encode(secret));
    }
    let group = |name: &str, members: &[&str]| {
        let members: Vec<String> = members.iter().map(|member| name_of(member)).collect();
        let mut of = vec![("objectClass", "group"), ("sAMAccountName", name)];
        of.extend(members.iter().map(|member| ("member", member.as_str())));
        entry(&name_of(name), &of)
    };
    text += &group("inner", &["nested"]);
    text += &group("analysts", &["ann", "inner"]);
    text += &group("Größe", &["ann"]);
    for number in 1..=many {
        text += &group(&format!("role{number:04}"), &["many"]);
    }
    text
}
