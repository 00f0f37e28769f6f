//! From root to the user: everything that happens before the first thing of the user's runs.

use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::AcceptConn;
use portcullis_model::session::{Step, Transport};
use portcullis_sys::bpf::Denials;
use portcullis_sys::ids::{BecomeError, become_user};
use portcullis_sys::peer::SockDiag;
use portcullis_sys::proof::proof;
use portcullis_sys::signals::Signals;
use portcullis_sys::{attributes, fd, namespaces};
use portcullis_wire::{Channel, Go, Report, SessionSpec, WireError};
use thiserror::Error;

use crate::confine::view::{self, ViewError};
use crate::confine::{self, ConfineError, limits, privileges};
use crate::{chain, journal};

/// Last descriptor that is inherited.
const HIGHEST: i32 = 7;
/// Descriptors this process may have: two for each relayed connection, so some 30,000 of these.
const NOFILE: u64 = 65_536;
/// Longest path of a Unix socket, without the zero at its end (`unix(7)`).
const SOCKET_PATH_MAX: usize = 107;

/// Why the process can't be a session. The launcher is told where it can be.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// Descriptors.
    #[error("the inherited descriptors can't be taken")]
    Descriptors(#[source] Errno),
    /// One that must be there.
    #[error("descriptor {0} is missing or of the wrong kind")]
    Missing(i32),
    /// The specification.
    #[error("the specification can't be read")]
    Spec(#[source] WireError),
    /// What the keeper does.
    #[error("the keeper didn't put the session into its groups")]
    Go(#[source] WireError),
    /// What is in it.
    #[error("the specification is refused: {0}")]
    Refused(#[from] SpecError),
    /// The drop.
    #[error("the process can't become the user")]
    Become(#[source] BecomeError),
    /// What confines it.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// What there is for it.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A property of the process.
    #[error("can't set {0}")]
    Attribute(&'static str, #[source] Errno),
    /// The keeper went away.
    #[error("the keeper is gone")]
    Orphan,
    /// The proof.
    #[error("the proof can't be read")]
    Proof(#[source] std::io::Error),
}

/// What a specification must not say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SpecError {
    /// A session of root.
    #[error("it is for uid or gid 0")]
    Root,
    /// The proxy must be an account of its own.
    #[error("the proxy's account is root or the user's own")]
    Proxy,
    /// A path.
    #[error("`{0}` is not an absolute path")]
    Relative(String),
    /// The IDE's socket is elsewhere.
    #[error(
        "the IDE's socket `{0}` is not in the session's directory, or its path is longer than {SOCKET_PATH_MAX} bytes"
    )]
    Socket(String),
    /// A request that is none.
    #[error("the probe `{0}` is not a path")]
    Probe(String),
}

/// A process that is the user and knows its task.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) spec: SessionSpec,
    pub(crate) control: OwnedFd,
    pub(crate) listener: Option<Port>,
    pub(crate) signals: Signals,
    pub(crate) launcher: Option<Channel>,
    /// What the rules on connections refuse.
    pub(crate) denials: Option<Denials>,
    pub(crate) proof: String,
    /// The user's limit of descriptors, for the IDE; ours is higher.
    pub(crate) nofile: (u64, u64),
}

/// The session's TCP port, and where to ask who is at the other end of its connections.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) listener: TcpListener,
    pub(crate) diag: SockDiag,
}

/// Takes the descriptors, reads the task, becomes the user. Whatever fails ends the process.
pub(crate) fn start() -> Result<Started, StartError> {
    let keeper = nix::unistd::getppid().as_raw();
    // ORDER: first, before anything here opens a descriptor; afterwards only those of the contract are left.
    let mut inherited = fd::take_inherited(HIGHEST).map_err(StartError::Descriptors)?.into_iter();
    let mut next = || inherited.next().flatten();
    let (spec, control, listener, launcher, denials) = (next(), next(), next(), next(), next());
    let denials = denials.map(Denials::open).transpose().map_err(StartError::Descriptors)?;

    let launcher = launcher.map(Channel::from_fd);
    if let Some(launcher) = &launcher {
        fd::set_nonblocking(launcher.as_fd(), true).map_err(StartError::Descriptors)?;
    }
    // ORDER: before anything that takes time: process 1 of a namespace loses signals that it neither takes nor blocks.
    let signals = Signals::take(&[Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])
        .map_err(|errno| StartError::Attribute("signals", errno))?;
    tell(launcher.as_ref(), &Report::Step(Step::BecomeUser));
    let started = become_session(keeper, spec, control, listener);
    match started {
        Ok((spec, control, listener, proof, nofile)) => {
            Ok(Started { spec, control, listener, signals, launcher, denials, proof, nofile })
        }
        Err(error) => {
            let failed = Report::Failed { step: Step::BecomeUser, why: chain(&error), output: Vec::new() };
            tell(launcher.as_ref(), &failed);
            tell(launcher.as_ref(), &Report::Ended { left_over: 0 });
            Err(error)
        }
    }
}

fn tell(launcher: Option<&Channel>, report: &Report) {
    if let Some(Err(error)) = launcher.map(|launcher| launcher.send(report, &[])) {
        journal::warn(format_args!("the launcher can't be told error={error}"));
    }
}

type Parts = (SessionSpec, OwnedFd, Option<Port>, String, (u64, u64));

fn become_session(
    keeper: i32,
    spec: Option<OwnedFd>,
    control: Option<OwnedFd>,
    listener: Option<OwnedFd>,
) -> Result<Parts, StartError> {
    // ORDER: everything is read and checked before the first effect.
    let channel = Channel::from_fd(spec.ok_or(StartError::Missing(3))?);
    let (spec, _) = channel.receive::<SessionSpec>().map_err(StartError::Spec)?;
    check(&spec)?;
    let control = control.filter(|fd| getsockopt(fd, AcceptConn).is_ok_and(|listens| listens));
    let control = control.ok_or(StartError::Missing(4))?;
    fd::set_nonblocking(control.as_fd(), true).map_err(StartError::Descriptors)?;
    let listener = match spec.transport {
        Transport::Unix => None,
        Transport::Tcp(port) => {
            let listener = listener.filter(|fd| getsockopt(fd, AcceptConn).is_ok_and(|listens| listens));
            let listener = TcpListener::from(listener.ok_or(StartError::Missing(5))?);
            if listener.local_addr().map_or(true, |bound| bound.port() != port.0) {
                return Err(StartError::Missing(listener.as_raw_fd()));
            }
            fd::set_nonblocking(listener.as_fd(), true).map_err(StartError::Descriptors)?;
            // ORDER: before the network may become one of its own: the port's connections are of the machine's.
            let diag = SockDiag::open().map_err(StartError::Descriptors)?;
            Some(Port { listener, diag })
        }
    };

    let set = |what| move |errno| StartError::Attribute(what, errno);
    if !spec.sandbox.privileges {
        // ORDER: from here on no program can gain anything, whatever comes later.
        attributes::no_new_privs().map_err(set("no_new_privs"))?;
    }
    // The keeper's directory and mask are of no concern to the user.
    nix::unistd::chdir("/").map_err(set("the directory"))?;
    attributes::umask(0o077);
    // ORDER: before rules and filter, which are about what it shows, and may close the calls that make it.
    view::enter(&spec)?;
    // ORDER: the keeper does its part meanwhile: from here on this process is in its groups, and under the rules on connections.
    // Nothing was started, and no socket for a network made, before.
    let (Go::InForce, _) = channel.receive().map_err(StartError::Go)?;
    confine::connections::in_force(&spec.sandbox.network)?;
    if spec.sandbox.view.is_some() {
        namespaces::own_shared_memory().map_err(set("shared memory of its own"))?;
    }
    limits::raise_priority(&spec.sandbox.limits).map_err(set("the niceness"))?;
    // ORDER: after the last step that needs files and calls of root's, and before the drop, after which it is root's no more.
    confine::in_force_now(&spec)?;
    let groups: Vec<u32> = spec.groups.iter().map(|group| group.0).collect();
    become_user(spec.uid.0, spec.gid.0, &groups, privileges::kept(spec.sandbox.privileges))
        .map_err(StartError::Become)?;
    // ORDER: after the drop, which resets these two. The kernel has closed our memory to the user at the drop already
    // (suid_dumpable); this says so whatever the machine's setting.
    attributes::dumpable(false).map_err(set("dumpable"))?;
    attributes::die_with_parent(keeper, Signal::SIGTERM).map_err(|_| StartError::Orphan)?;
    // Process 1 can't tell one parent from another. Its keeper holds the other end as long as it lives.
    if namespaces::is_first_process() && is_hung_up(&channel) {
        return Err(StartError::Orphan);
    }
    attributes::subreaper().map_err(set("subreaper"))?;
    let line = proof(confine::proven(&spec)).map_err(StartError::Proof)?;

    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(set("nofile"))?;
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(NOFILE).max(soft), hard).map_err(set("nofile"))?;
    Ok((spec, control, listener, line, (soft, hard)))
}

fn is_hung_up(channel: &Channel) -> bool {
    let mut polled = [PollFd::new(channel.as_fd(), PollFlags::empty())];
    poll(&mut polled, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Whether this process may act on it. The launcher made it and is trusted; a mistake of ours must not open a door.
fn check(spec: &SessionSpec) -> Result<(), SpecError> {
    if spec.uid.0 == 0 || spec.gid.0 == 0 {
        return Err(SpecError::Root);
    }
    if spec.proxy_uid.0 == 0 || spec.proxy_uid == spec.uid {
        return Err(SpecError::Proxy);
    }
    let command = &spec.command;
    if let Some(path) =
        [&spec.dir, &command.program, &command.cwd].into_iter().find(|path| !path.starts_with('/'))
    {
        return Err(SpecError::Relative(path.clone()));
    }
    let socket = Path::new(&command.socket);
    let inside = socket.parent() == Some(Path::new(&spec.dir)) && socket.file_name().is_some();
    if !inside || command.socket.len() > SOCKET_PATH_MAX {
        return Err(SpecError::Socket(command.socket.clone()));
    }
    if !command.probe.starts_with('/') || !command.probe.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SpecError::Probe(command.probe.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::session::IdeCommand;
    use portcullis_model::{Gid, SessionId, Uid};

    fn spec() -> SessionSpec {
        SessionSpec {
            id: SessionId::from_bytes([7; 8]),
            user: "alice".parse().expect("a name"),
            uid: Uid(20_001),
            gid: Gid(20_001),
            groups: Vec::new(),
            proxy_uid: Uid(20_002),
            transport: Transport::Unix,
            dir: "/run/portcullis/sessions/07".into(),
            cgroups: Vec::new(),
            command: IdeCommand {
                program: "/usr/bin/jupyter-lab".into(),
                args: Vec::new(),
                env: Vec::new(),
                secret_env: Vec::new(),
                cwd: "/home/alice".into(),
                socket: "/run/portcullis/sessions/07/ide.sock".into(),
                files: Vec::new(),
                probe: "/s/07/api".into(),
            },
            sandbox: portcullis_model::sandbox::Sandbox::default(),
            answer_within: 60,
            end_within: 10,
        }
    }

    fn refused(change: impl FnOnce(&mut SessionSpec)) -> Option<SpecError> {
        let mut spec = spec();
        change(&mut spec);
        check(&spec).err()
    }

    #[test]
    fn a_specification_that_opens_a_door_is_refused() {
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|spec| spec.uid = Uid(0)), Some(SpecError::Root));
        assert_eq!(refused(|spec| spec.gid = Gid(0)), Some(SpecError::Root));
        assert_eq!(refused(|spec| spec.proxy_uid = Uid(0)), Some(SpecError::Proxy));
        assert_eq!(refused(|spec| spec.proxy_uid = spec.uid), Some(SpecError::Proxy));
        for elsewhere in
            ["/tmp/ide.sock", "/run/portcullis/sessions/07/../08/ide.sock", "/run/portcullis/sessions/07/.."]
        {
            let found = refused(|spec| spec.command.socket = elsewhere.into());
            assert!(matches!(found, Some(SpecError::Socket(_))), "{elsewhere}");
        }
        for probe in ["", "api", "/a b", "/a\r\nX: y"] {
            let found = refused(|spec| spec.command.probe = probe.into());
            assert!(matches!(found, Some(SpecError::Probe(_))), "{probe:?}");
        }
        let found = refused(|spec| spec.command.program = "jupyter-lab".into());
        assert_eq!(found, Some(SpecError::Relative("jupyter-lab".into())));
    }
}
