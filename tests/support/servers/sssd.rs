//! sssd in front of a directory: accounts by NSS, passwords by PAM, what it remembers while the directory is gone.
//!
//! A machine has one: its pipes and `/etc/nsswitch.conf` are the namespaces' own, and so is this. Nothing is remembered longer than a
//! second while the directory answers, so that changes there are seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use super::daemon::Daemon;
use super::slapd::{READER_PASSWORD, Slapd, Way};
use super::{Ran, folder, must, need, run, write};
use crate::{place, stage};

const SSSD: &str = "/usr/sbin/sssd";
const CONFIGURATION: &str = "/etc/sssd/sssd.conf";
const REMEMBERED: &str = "/var/lib/sss";
/// Which databases it is asked for.
const DATABASES: &[&str] = &["passwd", "group", "shadow"];

/// A PAM service's text that asks it.
pub const PAM: &str = "auth required pam_sss.so\naccount required pam_sss.so\nsession optional pam_sss.so\n";

/// A running sssd.
#[derive(Debug)]
pub struct Sssd {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    folder: PathBuf,
    /// Somebody in the directory: when she is found, it is ready.
    probe: String,
}

impl Sssd {
    /// Starts it for the people of this directory; `probe` is one of them.
    ///
    /// # Errors
    /// When it does not come up; skipped where it is not installed, or outside the namespaces.
    pub fn start(slapd: &Slapd, probe: &str) -> Result<Self> {
        need(&[SSSD, "/usr/bin/getent"])?;
        if !place::isolated() {
            return stage::skip("the machine's own name service is not touched");
        }
        let folder = folder("sssd")?;
        // The programs that it starts ask for a file that nobody else may read.
        fs::create_dir_all("/etc/sssd")?;
        write(Path::new(CONFIGURATION), &configuration(slapd), 0o600)?;
        let asked = fs::read_to_string("/etc/nsswitch.conf")?;
        let lines = asked.lines().map(|line| match line.split_once(':') {
            Some((name, _)) if DATABASES.contains(&name.trim()) => format!("{name}: files sss\n"),
            _ => format!("{line}\n"),
        });
        fs::write("/etc/nsswitch.conf", lines.collect::<String>())?;
        let started = Self { daemon: Mutex::default(), folder, probe: probe.to_owned() };
        started.forget()?;
        started.resume()?;
        Ok(started)
    }

    /// What it knows of somebody, as `passwd` has it; `None` when it knows nobody of this name.
    ///
    /// # Errors
    /// When `getent` can't be started.
    pub fn passwd(&self, name: &str) -> Result<Option<String>> {
        let ran = run(Command::new("getent").args(["passwd", "-s", "sss", name]), "")?;
        Ok((ran.code == Some(0)).then_some(ran.out.trim().to_owned()))
    }

    /// Names of the groups that somebody is in.
    ///
    /// # Errors
    /// What `id` said.
    pub fn groups(&self, name: &str) -> Result<Vec<String>> {
        let out = must(Command::new("id").args(["-nG", "-z", name]))?;
        Ok(out.split('\0').map(|group| group.trim().to_owned()).filter(|group| !group.is_empty()).collect())
    }

    /// Asks PAM, with a service of the tests' own, whether somebody may come in.
    ///
    /// # Errors
    /// When `pamtester` can't be started.
    pub fn ask_pam(&self, name: &str, password: &str) -> Result<Ran> {
        fs::write("/etc/pam.d/portcullis-sssd", PAM)?;
        let mut command = Command::new("pamtester");
        command.args(["portcullis-sssd", name, "authenticate", "acct_mgmt"]);
        run(&mut command, &format!("{password}\n"))
    }

    /// Stops it: it knows nobody.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it").take();
        daemon.context("sssd is stopped")?.stop(Signal::SIGTERM)
    }

    /// Has it forget what it remembers, while it is stopped.
    ///
    /// # Errors
    /// When its files can't be removed.
    pub fn forget(&self) -> Result<()> {
        ensure!(self.daemon.lock().expect("nobody panics holding it").is_none(), "sssd runs");
        for folder in ["db", "mc"] {
            for entry in fs::read_dir(Path::new(REMEMBERED).join(folder)).into_iter().flatten().flatten() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        ensure!(daemon.is_none(), "sssd runs already");
        // -i: in the foreground, with its children.
        let args = ["-i", "--logger=stderr"].map(str::to_owned);
        let mut started = Daemon::start(Path::new(SSSD), &args, None, &self.folder.join("log"))?;
        started.await_that(|| Ok(self.passwd(&self.probe)?.is_some()))?;
        *daemon = Some(started);
        Ok(())
    }
}

fn configuration(slapd: &Slapd) -> String {
    let (uri, suffix, reader) = (slapd.uri(Way::Ldaps), slapd.suffix(), slapd.reader());
    let trusted = slapd.ca_file();
    format!(
        "[sssd]\nservices = nss, pam\ndomains = tests\n\
         [nss]\nentry_negative_timeout = 1\nmemcache_timeout = 0\n\
         [pam]\npam_id_timeout = 1\noffline_failed_login_attempts = 0\n\
         [domain/tests]\nid_provider = ldap\nauth_provider = ldap\naccess_provider = permit\nldap_schema = rfc2307\n\
         ldap_uri = {uri}\nldap_search_base = {suffix}\nldap_user_search_base = ou=people,{suffix}\n\
         ldap_group_search_base = ou=groups,{suffix}\nldap_default_bind_dn = {reader}\n\
         ldap_default_authtok = {READER_PASSWORD}\nldap_tls_reqcert = demand\nldap_tls_cacert = {}\n\
         ldap_network_timeout = 2\nldap_opt_timeout = 5\nldap_enumeration_refresh_timeout = 1\n\
         cache_credentials = true\nenumerate = false\nentry_cache_timeout = 1\nmin_id = 1000\n",
        trusted.display()
    )
}
