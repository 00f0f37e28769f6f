//! A running Portcullis of one test's own: folders, PAM service, accounts, the real launcher.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::account::{self, Account};
use crate::client::Client;
use crate::log::Log;
use crate::process::{self, Process};
use crate::readiness::Readiness;
use crate::servers::postgres::Database;
use crate::stage::Found;
use crate::tls::{self, Certificate};
use crate::{audit, place, until};

/// A debug build on a machine that is busy with other tests.
pub(crate) const READY_SECONDS: u64 = 60;
/// Longer than the launcher waits for sessions that won't end.
const END_SECONDS: u64 = 40;
/// A running Portcullis.
#[derive(Debug)]
pub struct World {
    /// What all its processes log.
    pub log: Log,
    pub(crate) number: u32,
    pub(crate) folder: PathBuf,
    pub(crate) found: Arc<Mutex<Found>>,
    /// Where PostgreSQL keeps its accounts, when it does.
    pub(crate) database: Option<Database>,
    pub(crate) accounts: Mutex<Vec<Account>>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) environment: Vec<(String, String)>,
    /// Where the programs are, of another version, say.
    pub(crate) programs: Option<PathBuf>,
    pub(crate) readiness: Readiness,
    pub(crate) launcher: Option<Child>,
    pub(crate) address: SocketAddr,
    pub(crate) settings: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    pub(crate) over: bool,
}

impl World {
    /// Its configuration.
    pub fn config_dir(&self) -> PathBuf {
        self.folder.join("conf")
    }

    /// Its state: what survives a restart.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Its sockets.
    pub fn run_dir(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// A folder for whatever the test needs, reachable by every account.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The PAM service's file.
    pub fn pam_file(&self) -> PathBuf {
        PathBuf::from(format!("/etc/pam.d/pc{}", self.number))
    }

    /// A new account with a home and a password.
    ///
    /// # Errors
    /// What `useradd` said.
    pub fn account(&self, stem: &str) -> Result<Account> {
        self.account_with(stem, &[])
    }

    /// The same with more arguments to `useradd`.
    ///
    /// # Errors
    /// What `useradd` said.
    pub fn account_with(&self, stem: &str, more: &[&str]) -> Result<Account> {
        let account = account::create(stem, more)?;
        self.accounts.lock().expect("nobody panics holding it").push(account.clone());
        Ok(account)
    }

    /// A browser that was never here.
    ///
    /// # Errors
    /// When its TLS can't be set up.
    pub fn client(&self) -> Result<Client> {
        Ok(match &self.certificate {
            Some(certificate) => {
                Client::new_tls(self.address, tls::client(certificate, &["http/1.1"], false)?)
            }
            None => Client::new(self.address),
        })
    }

    /// An account and a browser in which it is signed in.
    ///
    /// # Errors
    /// When it can't sign in.
    pub fn signed_in(&self, stem: &str) -> Result<(Account, Client)> {
        let account = self.account(stem)?;
        let client = self.client()?;
        client.sign_in(&account.name, &account.password)?;
        Ok((account, client))
    }

    /// The certificate of [`crate::builder::Builder::tls`].
    pub const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Where the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the launcher and waits until it serves.
    ///
    /// # Errors
    /// When it does not.
    pub fn launch(&mut self) -> Result<()> {
        let mut child = self.spawn()?;
        let mut ready = || -> Result<SocketAddr> {
            loop {
                let alive = || child.try_wait().is_ok_and(|over| over.is_none());
                let said = self.readiness.await_line("READY=1", READY_SECONDS, alive)?;
                // What a launcher of before said after a reload may wait there still: a start says the address.
                if let Some(address) =
                    said.lines().find_map(|line| line.strip_prefix("X_PORTCULLIS_ADDRESS="))
                {
                    return Ok(address.parse()?);
                }
            }
        };
        let address = ready();
        self.launcher = Some(child);
        self.address = address?;
        Ok(())
    }

    pub(crate) fn spawn(&self) -> Result<Child> {
        let program = match &self.programs {
            Some(folder) => folder.join("portcullis-launcher"),
            None => place::program("portcullis-launcher"),
        };
        Command::new(program)
            .arg("--config-dir")
            .arg(self.config_dir())
            .arg("--run-dir")
            .arg(self.run_dir())
            .arg("--state-dir")
            .arg(self.state_dir())
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("NOTIFY_SOCKET", self.readiness.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(self.log.input()?)
            .spawn()
            .context("cannot start the launcher")
    }

    /// Sets options of a file as [`crate::builder::Builder::conf`] does; takes effect at the next reload or start.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set(&self, file: &str, text: &str) -> Result<()> {
        let mut settings = self.settings.lock().expect("nobody panics holding it");
        let options = settings.entry(file.to_owned()).or_default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            options.retain(|(known, _)| known != name);
            options.push((name.to_owned(), value.to_owned()));
        }
        drop(settings);
        self.write_settings(file)
    }

    pub(crate) fn write_settings(&self, file: &str) -> Result<()> {
        let settings = self.settings.lock().expect("nobody panics holding it");
        let text: String = settings
            .get(file)
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        fs::write(self.config_dir().join(file), text).with_context(|| format!("cannot write `{file}`"))
    }

    /// Has the configuration read again and waits until that is done.
    ///
    /// # Errors
    /// When the launcher doesn't answer.
    pub fn reload(&mut self) -> Result<()> {
        process::signal(self.launcher_pid()?, Signal::SIGHUP)?;
        let launcher = self.launcher.as_mut().context("no launcher")?;
        let alive = || launcher.try_wait().is_ok_and(|over| over.is_none());
        self.readiness.await_line("READY=1", READY_SECONDS, alive).map(drop)
    }

    /// Sends the launcher a signal and waits until it is gone.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&mut self, signal: Signal) -> Result<ExitStatus> {
        let mut child = self.launcher.take().context("no launcher")?;
        process::signal(i32::try_from(child.id())?, signal)?;
        let status = until::some("the launcher ends", END_SECONDS, || Ok(child.try_wait()?));
        if status.is_err() {
            child.kill()?;
            child.wait()?;
        }
        status
    }

    /// The launcher's process id.
    ///
    /// # Errors
    /// When it doesn't run.
    pub fn launcher_pid(&self) -> Result<i32> {
        Ok(i32::try_from(self.launcher.as_ref().context("no launcher")?.id())?)
    }

    /// The server's process, a child of the launcher.
    ///
    /// # Errors
    /// When there is none.
    pub fn server(&self) -> Result<Process> {
        let launcher = self.launcher_pid()?;
        until::some("there is a server", 20, || {
            let all = process::all();
            Ok(all.into_iter().find(|one| one.parent == launcher && one.name() == "portcullis-server"))
        })
    }

    /// The process of a session, as its audit record names it.
    ///
    /// # Errors
    /// When it never started or is gone.
    pub fn session_process(&self, session: &str) -> Result<Process> {
        let record = self.await_audit("session-started", &[("session", session)], 20)?;
        let pid = record["pid"].as_i64().context("a record without a pid")?;
        process::read(i32::try_from(pid)?)
    }

    /// The IDE of a session: the session process's child.
    ///
    /// # Errors
    /// When there is none.
    pub fn ide_process(&self, session: &str) -> Result<Process> {
        let parent = self.session_process(session)?.pid;
        until::some("there is an IDE", 20, || {
            Ok(process::all().into_iter().find(|one| one.parent == parent && one.state != "Z"))
        })
    }

    /// The process that records what sessions do, while there is one.
    pub fn recorder(&self) -> Option<Process> {
        let note = self.run_dir().join("recorder.before");
        // Other runs' processes may be seen here, and their worlds have the same names: not in our mounts.
        let mounts = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
        let is_it = |one: &Process| {
            one.args.get(1).is_some_and(|role| role == "recorder")
                && one.args.get(2).is_some_and(|path| Path::new(path) == note)
                && mounts(&one.pid.to_string()) == mounts("self")
        };
        process::all().into_iter().find(is_it)
    }

    /// The audit log; its chain is checked.
    ///
    /// # Errors
    /// When the chain is broken.
    pub fn audit(&self) -> Result<Vec<Value>> {
        audit::read(&self.state_dir())
    }

    /// Waits for a record of this event with these fields.
    ///
    /// # Errors
    /// When none comes; tells those that did.
    pub fn await_audit(&self, event: &str, fields: &[(&str, &str)], seconds: u64) -> Result<Value> {
        until::some("a record", seconds, || {
            Ok(self.audit()?.into_iter().find(|record| audit::matches(record, event, fields)))
        })
        .with_context(|| {
            let records = self.audit().unwrap_or_default();
            let texts: Vec<String> = records.iter().map(ToString::to_string).collect();
            format!("no audit record {event} {fields:?} among\n{}", texts.join("\n"))
        })
    }

    /// How many records of this event with these fields there are.
    ///
    /// # Errors
    /// When the chain is broken.
    pub fn count_audit(&self, event: &str, fields: &[(&str, &str)]) -> Result<usize> {
        Ok(self.audit()?.iter().filter(|record| audit::matches(record, event, fields)).count())
    }

    /// Gives up on a launcher that was expected not to serve.
    pub fn abandon(&mut self) {
        self.over = true;
        if let Some(mut child) = self.launcher.take() {
            // Ended by itself is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Has the end check look at this world again after [`World::abandon`].
    pub const fn revive(&mut self) {
        self.over = false;
    }

    fn end(&mut self) -> Result<()> {
        if self.over {
            return Ok(());
        }
        self.over = true;
        if self.launcher.is_none() {
            // A test that killed the launcher leaves sessions: the next launcher ends them.
            self.launch().context("cannot start again to end what is left")?;
        }
        let status = self.stop(Signal::SIGINT)?;
        if !status.success() {
            bail!("the launcher ended with {status}");
        }
        // It sets the kernel's audit back, which the next world has too.
        until::is("its recorder ends", END_SECONDS, || self.recorder().is_none())
    }

    fn check(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(error) = self.end() {
            problems.push(format!("{error:#}"));
        }
        if let Err(error) = self.close_book() {
            problems.push(format!("{error:#}"));
        }
        self.log.settle();
        for line in self.log.unexpected() {
            problems.push(format!("unexpected in the log: {line}"));
        }
        if let Err(error) = self.audit() {
            problems.push(format!("{error:#}"));
        }
        for account in self.accounts.lock().expect("nobody panics holding it").iter() {
            let left = || process::of_user(account.uid);
            if until::is("no process is left", 5, || left().is_empty()).is_err() {
                for one in left() {
                    problems.push(format!("left over of {}: {} {:?}", account.name, one.pid, one.args));
                    // Gone in between is as good.
                    let _ = process::kill_hard(one.pid);
                }
            }
        }
        problems
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let problems = self.check();
        if let Some(mut child) = self.launcher.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let lines = self.log.lines();
        let from = lines.len().saturating_sub(80);
        let mut found = self.found.lock().expect("no test thread died holding it");
        found.problems.extend(problems);
        found.logs.push(lines[from..].join("\n"));
    }
}
