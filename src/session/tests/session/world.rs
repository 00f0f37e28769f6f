//! One session with everything around it, in a scratch directory.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use portcullis_model::session::{IdeCommand, Transport};
use portcullis_model::{Gid, Port, Secret, SessionId, Uid};
use portcullis_sys::exec::Exec;
use portcullis_sys::fd;
use portcullis_sys::process::{Ended, Process};
use portcullis_sys::socket::{connect_seqpacket, listen_seqpacket, listen_tcp};
use portcullis_wire::{Channel, Go, Report, SessionSpec};

/// The session's user; no account has these numbers.
pub(crate) const USER: u32 = 20_001;
/// The proxy.
pub(crate) const PROXY: u32 = 20_002;
/// Somebody else on the machine.
pub(crate) const OTHER: u32 = 20_003;
/// A group that PAM added.
pub(crate) const EXTRA: u32 = 20_009;

/// Where scratch directories are: not among the temporary files, which a session may have of its own.
const BASE: &str = "/var/lib";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) program: PathBuf,
    pub(crate) session: Process,
    pub(crate) launcher: Channel,
    pub(crate) door: String,
    pub(crate) port: String,
    pub(crate) private: PathBuf,
    log: File,
    /// The keeper's end of the channel that the specification came by, as long as it lives.
    pub(crate) tell: Option<Channel>,
    /// Log lines of WARN or ERROR that the test expects.
    pub(crate) expected: Vec<&'static str>,
}

/// A session that is about to be started.
pub(crate) struct Setting {
    pub(crate) spec: SessionSpec,
    pub(crate) by_keeper: bool,
    /// Whether the keeper says that it has done its part.
    pub(crate) go: bool,
    /// Whether a launcher is there from the start.
    pub(crate) with_launcher: bool,
    /// The ids the process starts with; root's when none.
    pub(crate) start_as: Option<u32>,
    /// As process 1 of a namespace, when it is to have a view.
    pub(crate) as_first: bool,
    dir: tempfile::TempDir,
    program: PathBuf,
    private: PathBuf,
    listener: TcpListener,
}

/// Copies of this program where every user can execute them: where it lives, others may not look.
pub(crate) struct Cast {
    dir: tempfile::TempDir,
    program: PathBuf,
    ide: PathBuf,
}

static CAST: OnceLock<Cast> = OnceLock::new();

/// Made before any test starts a process: a file that some child holds open for writing at that moment can't be executed.
pub(crate) fn cast() -> &'static Cast {
    CAST.get_or_init(|| {
        let dir = tempfile::Builder::new().prefix("portcullis-cast-").tempdir_in(BASE).expect("a directory");
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o711)).expect("own");
        let [program, ide] = ["portcullis-session", "ide"].map(|name| {
            let path = dir.path().join(name);
            std::fs::copy("/proc/self/exe", &path).expect("a copy");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("own");
            path
        });
        Cast { dir, program, ide }
    })
}

impl Cast {
    /// Removes them; a static is not dropped.
    pub(crate) fn leave(&self) {
        let _ = std::fs::remove_dir_all(self.dir.path());
    }
}

pub(crate) fn setting(mode: &str) -> Setting {
    let dir = tempfile::Builder::new().prefix("portcullis-session-").tempdir_in(BASE).expect("a directory");
    let set =
        |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("own");
    set(dir.path(), 0o711);
    let program = cast().program.clone();
    let private = dir.path().join("session");
    std::fs::create_dir(&private).expect("a directory");
    chown(&private, Some(USER), Some(USER)).expect("root");
    set(&private, 0o700);
    let listener = listen_tcp("127.0.0.1:0".parse().expect("an address"), false).expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let text = |path: &Path| path.to_str().expect("plain").to_owned();
    let socket = text(&private.join("ide.sock"));
    let spec = SessionSpec {
        id: SessionId::from_bytes([7; 8]),
        user: "alice".parse().expect("a name"),
        uid: Uid(USER),
        gid: Gid(USER),
        groups: vec![Gid(USER), Gid(EXTRA)],
        proxy_uid: Uid(PROXY),
        transport: Transport::Tcp(Port(port)),
        dir: text(&private),
        cgroups: Vec::new(),
        command: IdeCommand {
            program: text(&program),
            args: ["--role", "ide", mode, &socket].map(str::to_owned).into(),
            env: vec![("HOME".into(), "/nonexistent".into()), ("A".into(), "b c".into())],
            secret_env: vec![("TOKEN".into(), Secret::from("s3cret".to_owned()))],
            cwd: "/".into(),
            socket,
            files: vec![("conf/ide.json".into(), "{}".into())],
            probe: "/api".into(),
        },
        sandbox: portcullis_model::sandbox::Sandbox::default(),
        answer_within: 20,
        end_within: 5,
    };
    Setting {
        spec,
        by_keeper: false,
        go: true,
        with_launcher: true,
        start_as: None,
        as_first: true,
        dir,
        program,
        private,
        listener,
    }
}

impl Setting {
    /// The IDE is another file than the session's program, as it is in life: no page of it is shared when memory is measured.
    pub(crate) fn ide_of_its_own(&mut self) {
        self.spec.command.program = cast().ide.to_str().expect("plain").to_owned();
    }

    /// A folder beside the session's, of this user, which everybody may read.
    pub(crate) fn folder(&self, name: &str, uid: u32) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir(&path).expect("a directory");
        chown(&path, Some(uid), Some(uid)).expect("root");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("own");
        path
    }

    /// The session's program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn start(self) -> World {
        let Self { spec, by_keeper, go, with_launcher, start_as, as_first, dir, program, private, listener } =
            self;
        let (tell, told) = Channel::pair().expect("a pair");
        tell.send(&spec, &[]).expect("sent");
        if go {
            tell.send(&Go::InForce, &[]).expect("sent");
        }
        let (launcher, reports) = Channel::pair().expect("a pair");
        let door = dir.path().join("door.sock");
        let control = listen_seqpacket(&door, 0o666, None).expect("a socket");
        let log_path = dir.path().join("log");
        let log = File::create(&log_path).expect("a file");

        let mut exec = Exec::new(&program).expect("a program");
        exec.arg("--role");
        // A keeper does the same for its session.
        if spec.sandbox.view.is_some() && as_first && !by_keeper {
            exec.first_process();
        }
        if by_keeper {
            exec.arg("keeper").arg(&program).arg(if spec.sandbox.view.is_some() { "first" } else { "any" })
        } else {
            exec.arg("session")
        };
        let stray = File::open("/etc/passwd").expect("a file"); // a descriptor that must not get through
        let stdout = if by_keeper { Some(fd::pipe().expect("a pipe")) } else { None };
        exec.env("PORTCULLIS_LOG", b"info").env("LD_STRAY", b"1").fd(2, log.as_fd()).fd(9, stray.as_fd());
        exec.fd(3, told.as_fd()).fd(4, control.as_fd()).fd(5, listener.as_fd());
        if with_launcher {
            exec.fd(6, reports.as_fd());
        }
        if let Some((_, writer)) = &stdout {
            exec.fd(1, writer.as_fd());
        }
        // As the keeper leaves it: root with the user's groups, or the user.
        exec.identity(start_as.unwrap_or(0), start_as.unwrap_or(0), &[USER, EXTRA]);
        let session = exec.spawn().expect("a process");
        drop(exec);
        let session = match stdout {
            None => session,
            Some((reader, writer)) => {
                drop(writer);
                let mut text = [0; 16];
                let length = File::from(reader).read(&mut text).expect("a number");
                let pid = String::from_utf8_lossy(&text[..length]).trim().parse().expect("a number");
                drop((told, reports));
                let world_session = Process::open(pid).expect("the session");
                KEEPER.with(|keeper| *keeper.borrow_mut() = Some(session));
                world_session
            }
        };
        let port = listener.local_addr().expect("bound").port().to_string();
        let log = File::open(&log_path).expect("the log");
        let door = door.to_str().expect("plain").to_owned();
        let tell = Some(tell);
        World { dir, program, session, launcher, door, port, private, log, tell, expected: Vec::new() }
    }

    /// Starts it and waits until the IDE answers.
    pub(crate) fn running(self) -> World {
        let world = self.start();
        world.until(|report| match report {
            Report::Failed { .. } => panic!("{report:?}"),
            report => matches!(report, Report::Running),
        });
        world
    }
}

thread_local! {
    /// The keeper of this test, when it has one.
    pub(crate) static KEEPER: std::cell::RefCell<Option<Process>> = const { std::cell::RefCell::new(None) };
}

pub(crate) fn report(channel: &Channel) -> Report {
    ready(channel.as_fd(), PATIENCE);
    channel.receive::<Report>().expect("a report").0
}

fn ready(fd: BorrowedFd<'_>, within: Duration) {
    let mut polled = [PollFd::new(fd, PollFlags::POLLIN)];
    let count = poll(&mut polled, PollTimeout::try_from(within).expect("short")).expect("polled");
    assert_eq!(count, 1, "nothing came within {within:?}");
}

impl World {
    /// Reports until the one that is meant, with it.
    pub(crate) fn until(&self, last: impl Fn(&Report) -> bool) -> Vec<Report> {
        until(&self.launcher, last)
    }

    /// Waits for the session's end; returns how it ended and the reports until then.
    pub(crate) fn ended(&self) -> (Ended, Vec<Report>) {
        let reports = self.until(|report| matches!(report, Report::Ended { .. }));
        ready(self.session.as_fd(), PATIENCE);
        (self.session.wait().expect("a child"), reports)
    }

    /// What a role says when played by `uid`.
    pub(crate) fn play(&self, uid: u32, role: &[&str]) -> String {
        let mut part = self.part(uid, role);
        let text = part.rest();
        part.process.wait().expect("its end");
        text
    }

    /// A role that goes on.
    pub(crate) fn part(&self, uid: u32, role: &[&str]) -> Part {
        let ((input, told), (says, output)) = (fd::pipe().expect("a pipe"), fd::pipe().expect("a pipe"));
        let mut exec = Exec::new(&self.program).expect("a program");
        exec.arg("--role");
        for word in role {
            exec.arg(word);
        }
        exec.identity(uid, uid, &[]).fd(0, input.as_fd()).fd(1, output.as_fd());
        let process = exec.spawn().expect("a process");
        Part { process, told: Some(told), says: File::from(says) }
    }

    /// A new launcher at the control socket.
    pub(crate) fn new_launcher(&self) -> Channel {
        let fd = connect_seqpacket(Path::new(&self.door)).expect("connected");
        fd::set_nonblocking(fd.as_fd(), false).expect("blocking");
        Channel::from_fd(fd)
    }

    /// What the session's process has logged so far.
    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).expect("the log")
    }

    /// A file of the session's process.
    pub(crate) fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.session.pid())).expect("it lives")
    }

    /// Processor time it has used, in clock ticks of 10 ms: user, system.
    pub(crate) fn ticks(&self) -> Vec<String> {
        let stat = self.proc("stat");
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        fields.split_ascii_whitespace().skip(11).take(2).map(str::to_owned).collect()
    }

    /// One number of the session's `smaps_rollup`, in kB.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let text = self.proc("smaps_rollup");
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.expect(field).trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.session.has_ended() {
            let _ = self.session.signal(Signal::SIGTERM);
            let _ = self.session.signal(Signal::SIGTERM);
            let mut polled = [PollFd::new(self.session.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut polled, PollTimeout::from(20_000_u16));
        }
        let mut text = String::new();
        let _ = self.log.read_to_string(&mut text);
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "the session's log:\n{text}");
            return;
        }
        let bad = |line: &&str| line.starts_with("WARN") || line.starts_with("ERROR");
        let known = |line: &&str| self.expected.iter().any(|part| line.contains(part));
        let unexpected: Vec<&str> = text.lines().filter(bad).filter(|line| !known(line)).collect();
        assert!(unexpected.is_empty(), "in the log: {unexpected:?}");
        assert!(!text.contains("s3cret"), "a secret in the log");
    }
}

/// A role that is being played.
pub(crate) struct Part {
    pub(crate) process: Process,
    told: Option<OwnedFd>,
    says: File,
}

impl Part {
    /// Waits for so many bytes of what it says.
    pub(crate) fn hear(&mut self, length: usize) -> String {
        let mut text = vec![0; length];
        self.says.read_exact(&mut text).expect("words");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Tells it to go on.
    pub(crate) fn go_on(&mut self) {
        let told = self.told.take().expect("once");
        File::from(told).write_all(b"x").expect("told");
    }

    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.says.read_to_string(&mut text).expect("words");
        text
    }
}

pub(crate) fn until(channel: &Channel, last: impl Fn(&Report) -> bool) -> Vec<Report> {
    let mut all = Vec::new();
    loop {
        let next = report(channel);
        let done = last(&next);
        all.push(next);
        if done {
            return all;
        }
    }
}

/// Waits until it holds, looking every few milliseconds; for what the kernel gives no event of.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
