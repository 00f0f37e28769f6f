//! A running Portcullis of one test's own: folders, PAM service, accounts, the real launcher.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
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
use crate::stage::Found;
use crate::tls::{self, Certificate};
use crate::{audit, place, until};

/// A debug build on a machine that is busy with other tests.
const READY_SECONDS: u64 = 60;
/// Longer than the launcher waits for sessions that won't end.
const END_SECONDS: u64 = 40;
/// Ports for the sessions of one world; worlds run side by side.
const PORTS_PER_WORLD: u32 = 10;

/// PAM as most machines have it, without the delay that makes every wrong password cost seconds: the launcher has its own.
const PAM: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n\
                   password required pam_unix.so\nsession required pam_unix.so\n";

/// A world being described.
#[derive(Debug)]
pub struct Builder {
    found: Arc<Mutex<Found>>,
    number: u32,
    settings: BTreeMap<String, Vec<(String, String)>>,
    texts: BTreeMap<String, String>,
    pam: String,
    ide: Ide,
    certificate: Option<Certificate>,
    environment: Vec<(String, String)>,
}

#[derive(Debug)]
enum Ide {
    Double(Vec<String>),
    Jupyter,
    Program(String),
}

impl Builder {
    pub(crate) fn new(found: Arc<Mutex<Found>>) -> Self {
        let number = place::next_number();
        let first = 20_000 + (number * PORTS_PER_WORLD) % 8_000;
        let builder = Self {
            found,
            number,
            settings: BTreeMap::new(),
            texts: BTreeMap::new(),
            pam: PAM.to_owned(),
            ide: Ide::Double(Vec::new()),
            certificate: None,
            environment: Vec::new(),
        };
        builder
            .conf("rserver.conf", "www-address=127.0.0.1\nwww-port=0")
            .conf("rsession.conf", &format!("session-port-range={first}-{}", first + PORTS_PER_WORLD - 1))
            .conf("portcullis.conf", &format!("pam-service=pc{number}\nsign-in-failure-seconds=1"))
    }

    /// Sets options of a file, one `name=value` a line; what was set before under the same name is replaced.
    #[must_use]
    pub fn conf(mut self, file: &str, text: &str) -> Self {
        let options = self.settings.entry(file.to_owned()).or_default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            options.retain(|(known, _)| known != name);
            options.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Leaves an option out that a world sets by itself.
    #[must_use]
    pub fn without(mut self, file: &str, name: &str) -> Self {
        if let Some(options) = self.settings.get_mut(file) {
            options.retain(|(known, _)| known != name);
        }
        self
    }

    /// Writes a file as it is (`profiles`, `ip-rules`, `login.html`, or a broken one).
    #[must_use]
    pub fn file(mut self, file: &str, text: &str) -> Self {
        self.texts.insert(file.to_owned(), text.to_owned());
        self
    }

    /// The PAM service's file.
    #[must_use]
    pub fn pam(mut self, text: &str) -> Self {
        text.clone_into(&mut self.pam);
        self
    }

    /// The double of an IDE, with `--double-…` switches (see its own help).
    #[must_use]
    pub fn double(mut self, switches: &[&str]) -> Self {
        self.ide = Ide::Double(switches.iter().map(|&switch| switch.to_owned()).collect());
        self
    }

    /// The real JupyterLab.
    #[must_use]
    pub fn jupyter(mut self) -> Self {
        self.ide = Ide::Jupyter;
        self
    }

    /// Some other program in the IDE's place.
    #[must_use]
    pub fn ide_program(mut self, path: &str) -> Self {
        self.ide = Ide::Program(path.to_owned());
        self
    }

    /// Serves https with a certificate of the test's own.
    ///
    /// # Errors
    /// When there is no certificate to be made.
    pub fn tls(mut self) -> Result<Self> {
        self.certificate = Some(tls::certificate()?);
        Ok(self)
    }

    /// Sets a variable in the launcher's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes everything and starts the launcher.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(self) -> Result<World> {
        let mut world = self.build()?;
        world.launch()?;
        Ok(world)
    }

    /// Writes everything, runs the launcher until it ends, and returns how and with what output.
    ///
    /// # Errors
    /// When it goes on running.
    pub fn start_in_vain(self) -> Result<(ExitStatus, String)> {
        let mut world = self.build()?;
        let mut child = world.spawn()?;
        let status = until::some("the launcher ends", READY_SECONDS, || Ok(child.try_wait()?))?;
        world.over = true;
        world.log.settle();
        world.log.expect("");
        Ok((status, world.log.lines().join("\n")))
    }

    /// Writes everything, but starts nothing.
    ///
    /// # Errors
    /// When a folder can't be made.
    pub fn build(mut self) -> Result<World> {
        account::ensure_service()?;
        let folder = PathBuf::from(format!("/run/w{}", self.number));
        for name in ["conf", "ide"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::write(format!("/etc/pam.d/pc{}", self.number), &self.pam)?;
        let program = match &self.ide {
            Ide::Double(switches) => write_double(&folder, switches)?,
            Ide::Jupyter => match place::jupyter_lab() {
                Some(program) => program.display().to_string(),
                None => return crate::stage::skip("JupyterLab is not installed on this machine"),
            },
            Ide::Program(path) => path.clone(),
        };
        if !self
            .settings
            .get("jupyter.conf")
            .is_some_and(|set| set.iter().any(|(name, _)| name == "jupyter-exe"))
        {
            self = self.conf("jupyter.conf", &format!("jupyter-exe={program}"));
        }
        if let Some(certificate) = &self.certificate {
            let (pem, key) = (folder.join("tls.pem"), folder.join("tls.key"));
            fs::write(&pem, &certificate.certificate)?;
            fs::write(&key, &certificate.key)?;
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
            let text = format!(
                "ssl-enabled=1\nssl-certificate={}\nssl-certificate-key={}",
                pem.display(),
                key.display()
            );
            self = self.conf("rserver.conf", &text);
        }
        let world = World {
            readiness: Readiness::bind(&folder.join("notify"))?,
            log: Log::new()?,
            number: self.number,
            folder,
            found: Arc::clone(&self.found),
            accounts: Mutex::default(),
            certificate: self.certificate.take(),
            environment: self.environment.clone(),
            launcher: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Mutex::new(std::mem::take(&mut self.settings)),
            over: false,
        };
        let files: Vec<String> =
            world.settings.lock().expect("nobody panics holding it").keys().cloned().collect();
        for file in &files {
            world.write_settings(file)?;
        }
        for (file, text) in &self.texts {
            fs::write(world.config_dir().join(file), text)?;
        }
        Ok(world)
    }
}

/// The double in JupyterLab's place: a script, because the configuration names a program without arguments.
fn write_double(folder: &Path, switches: &[String]) -> Result<String> {
    let path = folder.join("ide/jupyter-lab");
    let program = place::program("portcullis-double-ide");
    let script = format!("#!/bin/sh\nexec {} {} \"$@\"\n", program.display(), switches.join(" "));
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path.display().to_string())
}

/// A running Portcullis.
#[derive(Debug)]
pub struct World {
    /// What all its processes log.
    pub log: Log,
    number: u32,
    folder: PathBuf,
    found: Arc<Mutex<Found>>,
    accounts: Mutex<Vec<Account>>,
    certificate: Option<Certificate>,
    environment: Vec<(String, String)>,
    readiness: Readiness,
    launcher: Option<Child>,
    address: SocketAddr,
    settings: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    over: bool,
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

    /// The certificate of [`Builder::tls`].
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
        let said = self
            .readiness
            .await_line("READY=1", READY_SECONDS, || child.try_wait().is_ok_and(|over| over.is_none()));
        self.launcher = Some(child);
        let said = said?;
        let address = said.lines().find_map(|line| line.strip_prefix("X_PORTCULLIS_ADDRESS="));
        self.address = address.with_context(|| format!("ready without an address: {said}"))?.parse()?;
        Ok(())
    }

    fn spawn(&self) -> Result<Child> {
        Command::new(place::program("portcullis-launcher"))
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

    /// Sets options of a file as [`Builder::conf`] does; takes effect at the next reload or start.
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

    fn write_settings(&self, file: &str) -> Result<()> {
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
        Ok(())
    }

    fn check(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(error) = self.end() {
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
