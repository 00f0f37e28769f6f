//! FreeRADIUS, and the file by which `pam_radius_auth` finds it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use super::daemon::Daemon;
use super::{Ran, folder, free_address, need, run, write};

const FREERADIUS: &str = "/usr/sbin/freeradius";
/// Between it and its clients.
const SECRET: &str = "Radius-Secret-1";
/// What `pam_radius_auth` waits for an answer, twice.
const TIMEOUT_SECONDS: u32 = 5;
/// Who may come in, with which password.
pub const PEOPLE: &[(&str, &str)] = &[("rada", "Rada-Pass-1"), ("rudi", "Rudi-Pass-1")];

/// A running server.
#[derive(Debug)]
pub struct Radius {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    folder: PathBuf,
    address: SocketAddr,
}

impl Radius {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not come up; skipped where it is not installed.
    pub fn start() -> Result<Self> {
        need(&[FREERADIUS, "/usr/bin/radclient"])?;
        let (folder, address) = (folder("radius")?, free_address()?);
        let people: String = PEOPLE
            .iter()
            .map(|(name, password)| format!("{name} Cleartext-Password := \"{password}\"\n"))
            .collect();
        write(&folder.join("users"), &people, 0o600)?;
        write(&folder.join("radiusd.conf"), &configuration(&folder, address), 0o600)?;
        write(&folder.join("dictionary"), "", 0o600)?;
        fs::create_dir_all(folder.join("run"))?;
        // Where the module finds it; root's alone, as it insists.
        let client = format!("127.0.0.1:{} {SECRET} {TIMEOUT_SECONDS}\n", address.port());
        write(&folder.join("client.conf"), &client, 0o600)?;
        let started = Self { daemon: Mutex::default(), folder, address };
        started.resume()?;
        Ok(started)
    }

    /// A PAM service's text that asks it.
    pub fn pam(&self) -> String {
        let conf = self.folder.join("client.conf");
        format!(
            "auth required pam_radius_auth.so conf={0}\naccount required pam_unix.so\nsession optional pam_permit.so\n",
            conf.display()
        )
    }

    /// Asks with its own client whether somebody may come in.
    ///
    /// # Errors
    /// When the client can't be started.
    pub fn ask(&self, name: &str, password: &str) -> Result<Ran> {
        let mut command = Command::new("/usr/bin/radclient");
        command.args(["-r", "1", "-t", "2", &self.address.to_string(), "auth", SECRET]).current_dir("/");
        run(&mut command, &format!("User-Name = \"{name}\"\nUser-Password = \"{password}\"\n"))
    }

    /// Stops it: nothing answers from then on.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it").take();
        daemon.context("FreeRADIUS is stopped")?.stop(Signal::SIGTERM)
    }

    /// Starts it again on the same port.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        ensure!(daemon.is_none(), "FreeRADIUS runs already");
        // -f: in the foreground.
        let at = self.folder.display().to_string();
        let args = ["-f", "-l", "stdout", "-d", &at].map(str::to_owned);
        let mut started = Daemon::start(Path::new(FREERADIUS), &args, None, &self.folder.join("log"))?;
        // UDP: only an answer shows that it is there.
        started.await_that(|| Ok(self.ask("nobody", "nothing")?.out.contains("Access-Reject")))?;
        *daemon = Some(started);
        Ok(())
    }
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    let at = folder.display();
    let port = address.port();
    format!(
        "prefix = /usr\nname = freeradius\nlibdir = /usr/lib/freeradius\nraddbdir = {at}\nconfdir = {at}\nlogdir = {at}\n\
         run_dir = {at}/run\ndb_dir = {at}\npidfile = {at}/run/pid\nmax_request_time = 5\ncleanup_delay = 0\n\
         proxy_requests = no\nhostname_lookups = no\n\
         log {{\n destination = stdout\n auth = yes\n}}\n\
         security {{\n reject_delay = 0\n status_server = no\n}}\n\
         thread pool {{\n start_servers = 2\n max_servers = 8\n}}\n\
         client tests {{\n ipaddr = 127.0.0.1\n secret = {SECRET}\n}}\n\
         modules {{\n pap {{\n }}\n files {{\n  usersfile = {at}/users\n }}\n}}\n\
         server tests {{\n listen {{\n  type = auth\n  ipaddr = 127.0.0.1\n  port = {port}\n }}\n\
         authorize {{\n  files\n  pap\n }}\n authenticate {{\n  Auth-Type PAP {{\n   pap\n  }}\n }}\n}}\n"
    )
}
