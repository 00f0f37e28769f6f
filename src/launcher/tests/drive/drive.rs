//! A launcher with a test in its server's place.

use std::cell::RefCell;
use std::fs;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use portcullis_model::proof::Evidence;
use portcullis_model::session::Session;
use portcullis_model::sign_in::{Denied, SignIn};
use portcullis_model::{Secret, SessionId, SignInId};
use portcullis_testing::{account, audit, place, process, until};
use portcullis_wire::{Channel, Prompt, ToLauncher, ToServer};
use serde_json::Value;

/// PAM as most machines have it, without the delay that the launcher adds by itself.
pub(crate) const UNIX: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n\
                               password required pam_unix.so\nsession required pam_unix.so\n";
/// From where everybody signs in here.
pub(crate) const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
/// A debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the programs are copied to, once.
const CAST: &str = "/run/drive-programs";
const PROGRAMS: [&str; 3] = ["portcullis-server", "portcullis-session", "portcullis-identity"];

/// Copies the programs before there are threads: a process that another thread starts meanwhile would hold the copy open for
/// writing, and what is open for writing can't be executed.
pub(crate) fn cast() -> Result<()> {
    fs::create_dir_all(CAST)?;
    fs::copy(std::env::current_exe()?, Path::new(CAST).join(PROGRAMS[0]))?;
    for program in &PROGRAMS[1..] {
        fs::copy(place::program(program), Path::new(CAST).join(program))?;
    }
    Ok(())
}

/// In the server's place: gives descriptor 3 to the test that listens beside this program, and lives as long as the test wants.
pub(crate) fn stand_in() -> ExitCode {
    let given = || -> Result<()> {
        let wire = portcullis_sys::fd::take_inherited(3)?.remove(0).context("no descriptor 3")?;
        let beside = std::env::current_exe()?.with_file_name("test.sock");
        let mut test = UnixStream::connect(beside)?;
        portcullis_sys::fd::send(test.as_fd(), b"w", &[wire.as_fd()])?;
        drop(wire);
        test.read_to_end(&mut Vec::new())?;
        Ok(())
    };
    ExitCode::from(u8::from(given().is_err()))
}

/// The server's end of the wire.
pub(crate) struct Link {
    pub(crate) wire: Channel,
    _process: UnixStream,
    early: RefCell<Vec<ToServer>>,
}

impl Link {
    pub(crate) fn send(&self, request: &ToLauncher) -> Result<()> {
        Ok(self.wire.send(request, &[])?)
    }

    /// The first message that `pick` takes; others wait for later calls.
    pub(crate) fn find<T>(&self, what: &str, mut pick: impl FnMut(&ToServer) -> Option<T>) -> Result<T> {
        let mut early = self.early.borrow_mut();
        if let Some(at) = early.iter().position(|message| pick(message).is_some()) {
            let found = pick(&early[at]).context("picked twice alike")?;
            early.remove(at);
            return Ok(found);
        }
        let end = Instant::now() + PATIENCE;
        while let Some(message) = self.next(end)? {
            if let Some(found) = pick(&message) {
                return Ok(found);
            }
            early.push(message);
        }
        bail!("no {what}; instead: {early:?}")
    }

    fn next(&self, end: Instant) -> Result<Option<ToServer>> {
        let left = end.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(self.wire.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::try_from(left)?)? == 0 {
            return Ok(None);
        }
        Ok(Some(self.wire.receive::<ToServer>()?.0))
    }

    /// What was told already; `None` when that was all.
    pub(crate) fn waiting(&self) -> Result<Option<ToServer>> {
        self.next(Instant::now())
    }

    /// Whether the launcher closes the connection.
    pub(crate) fn is_closed(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.next(end) {
                Ok(Some(_)) => {}
                Ok(None) => bail!("the connection is open still"),
                Err(_) => return Ok(()),
            }
        }
    }

    pub(crate) fn sign_in(&self, conversation: u64, user: &str, password: &str) -> Result<()> {
        let evidence = Evidence::Form { user: user.to_owned(), password: Secret::from(password.to_owned()) };
        let agent = "Mozilla/5.0 (drive)".to_owned();
        self.send(&ToLauncher::SignInStart { conversation, remote: HERE, evidence, agent })
    }

    pub(crate) fn denied(&self, wanted: u64) -> Result<Denied> {
        self.find("denial", |message| match message {
            ToServer::Denied { conversation, reason, .. } if *conversation == wanted => Some(*reason),
            _ => None,
        })
    }

    pub(crate) fn signed_in(&self, wanted: u64) -> Result<SignIn> {
        let sign_in = RefCell::new(Vec::new());
        let id = self.find("sign-in", |message| match message {
            ToServer::SignIn(one) => {
                sign_in.borrow_mut().push((**one).clone());
                None
            }
            ToServer::SignedIn { conversation, sign_in } if *conversation == wanted => Some(*sign_in),
            _ => None,
        })?;
        sign_in
            .into_inner()
            .into_iter()
            .find(|one| one.id == id)
            .context("`SignedIn` came before its `SignIn`")
    }

    /// In how many messages that was told; ask before [`Link::signed_in_before`].
    pub(crate) fn batches(&self) -> usize {
        self.early.borrow().iter().filter(|message| matches!(message, ToServer::SignIns(_))).count()
    }

    /// Who was signed in when this server began, in the order of their ids.
    pub(crate) fn signed_in_before(&self) -> Vec<SignIn> {
        let mut all = Vec::new();
        self.early.borrow_mut().retain(|message| match message {
            ToServer::SignIns(some) => {
                all.extend(some.iter().cloned());
                false
            }
            _ => true,
        });
        all
    }

    pub(crate) fn prompts(&self, wanted: u64) -> Result<Vec<Prompt>> {
        self.find("prompts", |message| match message {
            ToServer::Prompts { conversation, prompts } if *conversation == wanted => Some(prompts.clone()),
            _ => None,
        })
    }

    pub(crate) fn answer(&self, conversation: u64, answer: &str) -> Result<()> {
        self.send(&ToLauncher::SignInAnswer { conversation, answers: vec![answer.to_owned().into()] })
    }

    pub(crate) fn session(
        &self,
        id: SessionId,
        what: &str,
        is_it: impl Fn(&Session) -> bool,
    ) -> Result<Session> {
        self.find(what, |message| match message {
            ToServer::Session(session) if session.id == id && is_it(session) => Some((**session).clone()),
            _ => None,
        })
    }

    pub(crate) fn sign_out(&self, id: SignInId) -> Result<()> {
        self.send(&ToLauncher::SignOut { sign_in: id })?;
        self.find("end of the sign-in", |message| match message {
            ToServer::SignInEnded { sign_in, .. } if *sign_in == id => Some(()),
            _ => None,
        })
    }
}

/// A launcher with folders of its own.
pub(crate) struct Drive {
    pub(crate) folder: PathBuf,
    pub(crate) service: String,
    pub(crate) launcher: Child,
    listener: UnixListener,
}

impl Drive {
    /// Starts one with this PAM service and these lines of `portcullis.conf` and `rsession.conf`.
    pub(crate) fn start(pam: &str, portcullis: &str, rsession: &str) -> Result<Self> {
        let number = place::next_number();
        Self::start_in(number, pam, portcullis, rsession)
    }

    /// Starts one whose state is on a disk of one megabyte.
    pub(crate) fn start_on_small_disk() -> Result<Self> {
        let number = place::next_number();
        let state = PathBuf::from(format!("/run/drive{number}/state"));
        fs::create_dir_all(&state)?;
        let options = Some("size=1m,mode=700");
        nix::mount::mount(Some("none"), &state, Some("tmpfs"), nix::mount::MsFlags::empty(), options)?;
        Self::start_in(number, UNIX, "", "")
    }

    fn start_in(number: u32, pam: &str, portcullis: &str, rsession: &str) -> Result<Self> {
        account::ensure_service()?;
        let folder = PathBuf::from(format!("/run/drive{number}"));
        let service = format!("pcdrive{number}");
        for dir in ["conf", "bin"] {
            fs::create_dir_all(folder.join(dir))?;
        }
        fs::write(format!("/etc/pam.d/{service}"), pam)?;
        let mut conf = format!(
            "pam-service={service}
session-end-seconds=2
{portcullis}
"
        );
        if !portcullis.contains("sign-in-failure-seconds") {
            conf.push_str(
                "sign-in-failure-seconds=1
",
            );
        }
        let jupyter = folder.join("bin/jupyter-lab");
        let double = place::program("portcullis-double-ide");
        fs::write(&jupyter, format!("#!/bin/sh\nexec {} \"$@\"\n", double.display()))?;
        fs::set_permissions(&jupyter, fs::Permissions::from_mode(0o755))?;
        for (name, text) in [
            ("rserver.conf", "www-address=127.0.0.1\nwww-port=0\n".to_owned()),
            ("portcullis.conf", conf),
            ("rsession.conf", format!("{rsession}\n")),
            ("jupyter.conf", format!("jupyter-exe={}\n", jupyter.display())),
        ] {
            fs::write(folder.join("conf").join(name), text)?;
        }
        for program in PROGRAMS {
            fs::hard_link(Path::new(CAST).join(program), folder.join("bin").join(program))?;
        }
        let socket = folder.join("bin/test.sock");
        let listener = UnixListener::bind(&socket)?;
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o666))?;
        listener.set_nonblocking(true)?;
        let launcher = spawn(&folder)?;
        Ok(Self { folder, service, launcher, listener })
    }

    /// The next server, greeted and caught up; what it was told is kept for [`Link::find`].
    pub(crate) fn server(&self) -> Result<Link> {
        let stream = until::some("a server", 20, || match self.listener.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        })?;
        stream.set_nonblocking(false)?;
        let mut byte = [0];
        let fd = portcullis_sys::fd::receive(stream.as_fd(), &mut byte)?.fds.pop().context("no wire")?;
        let link = Link { wire: Channel::from_fd(fd), _process: stream, early: RefCell::default() };
        link.find("Caught", |message| matches!(message, ToServer::Caught).then_some(()))?;
        Ok(link)
    }

    /// The next server, serving.
    pub(crate) fn ready(&self) -> Result<Link> {
        let link = self.server()?;
        link.send(&ToLauncher::Ready)?;
        Ok(link)
    }

    /// `kill -9`; the folders are left to a launcher that the test starts itself.
    pub(crate) fn leave(mut self) -> Result<PathBuf> {
        self.kill()?;
        Ok(self.folder.clone())
    }

    /// `kill -9`, and a new launcher on the same folders.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.restart_dead()
    }

    /// A new launcher after the last one ended.
    pub(crate) fn restart_dead(&mut self) -> Result<()> {
        self.launcher = spawn(&self.folder)?;
        Ok(())
    }

    /// One more launcher on the same folders.
    pub(crate) fn start_again(&self) -> Result<Child> {
        spawn(&self.folder)
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.launcher.kill()?;
        self.launcher.wait()?;
        Ok(())
    }

    pub(crate) fn pid(&self) -> Result<i32> {
        Ok(i32::try_from(self.launcher.id())?)
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        process::signal(self.pid()?, signal)
    }

    pub(crate) fn records(&self) -> Result<Vec<Value>> {
        audit::read(&self.state())
    }

    /// Waits for a record.
    pub(crate) fn record(&self, event: &str, fields: &[(&str, &str)]) -> Result<Value> {
        until::some(&format!("record {event} {fields:?}"), 20, || {
            Ok(self.records()?.into_iter().find(|record| audit::matches(record, event, fields)))
        })
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        // Sessions end with a launcher that is interrupted; what a test killed is gone already.
        let _ = self.signal(Signal::SIGINT);
        let ended = until::is("the launcher ends", 30, || {
            self.launcher.try_wait().is_ok_and(|status| status.is_some())
        });
        if ended.is_err() {
            let _ = self.launcher.kill();
        }
        if std::thread::panicking() {
            return;
        }
        let _ = fs::remove_file(format!("/etc/pam.d/{}", self.service));
    }
}

/// The launcher's arguments for these folders.
pub(crate) fn arguments(folder: &Path) -> Vec<std::ffi::OsString> {
    [("--config-dir", "conf"), ("--run-dir", "run"), ("--state-dir", "state"), ("--libexec-dir", "bin")]
        .into_iter()
        .flat_map(|(flag, dir)| [flag.into(), folder.join(dir).into_os_string()])
        .collect()
}

fn spawn(folder: &Path) -> Result<Child> {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(place::program("portcullis-launcher"));
    command.args(arguments(folder));
    command.env("PORTCULLIS_LOG", "debug").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("cannot start the launcher")
}
