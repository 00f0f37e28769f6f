//! Starting this same program in another role: a fresh address space, without the launcher's keys, tokens and descriptors.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use nix::sys::signal::Signal;
use portcullis_sys::cgroup::Group;
use portcullis_sys::exec::{Exec, ExecError, Limit};
use portcullis_sys::process::Process;
use portcullis_wire::Channel;

use crate::configuration::ServerUser;
use crate::confinement::Confinement;
use crate::identity;
use crate::server::PATH;

/// First argument of a PAM helper.
pub(crate) const HELPER: &str = "pam-helper";
/// First argument of a keeper.
pub(crate) const KEEPER: &str = "keeper";

/// First argument of a remover.
pub(crate) const REMOVER: &str = "remover";
/// First argument of the recorder.
pub(crate) const RECORDER: &str = "recorder";
/// Third argument of a recorder that records more than programs.
pub(crate) const REFUSALS: &str = "refusals";
/// First argument of a reader of the audit log.
pub(crate) const READER: &str = "reader";
/// First argument of the recorder's probe.
pub(crate) const PROBE: &str = "recorder-probe";

/// This program, by what runs: after an upgrade of the file on disk it is still the version that the launcher speaks to.
pub(crate) const SELF: &str = "/proc/self/exe";

/// Starts a PAM helper; it dies with the launcher.
pub(crate) fn start_helper(channel: &Channel) -> Result<Process, ExecError> {
    let mut exec = this(HELPER, channel.as_fd())?;
    exec.death_signal(Signal::SIGKILL).spawn()
}

/// Starts a keeper; it outlives the launcher.
pub(crate) fn start_keeper(
    channel: &Channel,
    control: BorrowedFd<'_>,
    tcp: Option<BorrowedFd<'_>>,
    report: BorrowedFd<'_>,
) -> Result<Process, ExecError> {
    let mut exec = this(KEEPER, channel.as_fd())?;
    exec.fd(4, control).fd(6, report);
    if let Some(tcp) = tcp {
        exec.fd(5, tcp);
    }
    exec.spawn()
}

/// Starts a remover; it outlives the launcher. Nobody waits for it.
pub(crate) fn start_remover(dir: &Path, group: &Group) -> Result<Process, ExecError> {
    let mut exec = plain(REMOVER)?;
    exec.arg(dir);
    for dir in group.dirs() {
        exec.arg(dir);
    }
    exec.spawn()
}

/// Starts the recorder at a door where launchers knock; it outlives this one. `note` is where it keeps the way back.
pub(crate) fn start_recorder(
    door: BorrowedFd<'_>,
    note: &Path,
    refusals: bool,
) -> Result<Process, ExecError> {
    let mut exec = this(RECORDER, door)?;
    exec.arg(note);
    if refusals {
        exec.arg(REFUSALS);
    }
    exec.spawn()
}

/// Starts a reader: as the server's account, with the log open for reading, and with no more of anything than a search takes. It
/// dies with the launcher.
pub(crate) fn start_reader(
    channel: &Channel,
    log: BorrowedFd<'_>,
    user: ServerUser,
) -> Result<Process, ExecError> {
    const MEGABYTE: u64 = 1024 * 1024;
    let mut exec = this(READER, channel.as_fd())?;
    exec.fd(4, log).identity(user.uid, user.gid, &[user.gid]).no_new_privs().no_capabilities();
    exec.limit(Limit::Data, 256 * MEGABYTE, 256 * MEGABYTE).nofile(16, 16).nice(10);
    exec.death_signal(Signal::SIGKILL).spawn()
}

/// Starts a role of the identity program, another program than this one; it dies with the launcher.
pub(crate) fn start_identity(
    program: &Path,
    role: identity::Role,
    channel: &Channel,
    user: ServerUser,
    confinement: &Confinement,
) -> Result<Process, ExecError> {
    const MEGABYTE: u64 = 1024 * 1024;
    let mut exec = Exec::new(program)?;
    exec.fd(3, channel.as_fd()).env("PATH", PATH.as_bytes());
    match role {
        identity::Role::Store => exec.arg("store"),
        identity::Role::Ask(method) => exec.arg("ask").arg(method.word()),
        identity::Role::Once(method, _) => exec.arg(identity::word(method)),
    };
    if let Ok(level) = std::env::var("PORTCULLIS_LOG") {
        exec.env("PORTCULLIS_LOG", level.as_bytes());
    }
    exec.identity(user.uid, user.gid, &[user.gid]).cwd(Path::new("/")).umask(0o077).own_session();
    // A page of a thousand accounts, a directory's answer with a thousand groups, side by side: far below.
    exec.limit(Limit::Data, 512 * MEGABYTE, 512 * MEGABYTE).nofile(256, 256).oom_score(0);
    confinement.hold(&mut exec);
    exec.death_signal(Signal::SIGKILL).spawn()
}

/// Starts a probe of the kernel's records.
pub(crate) fn start_probe(mark: &str) -> Result<Process, ExecError> {
    let mut exec = plain(PROBE)?;
    exec.arg(mark).death_signal(Signal::SIGKILL).spawn()
}

fn this<'a>(role: &str, channel: BorrowedFd<'a>) -> Result<Exec<'a>, ExecError> {
    let mut exec = plain(role)?;
    exec.fd(3, channel);
    Ok(exec)
}

fn plain<'a>(role: &str) -> Result<Exec<'a>, ExecError> {
    let mut exec = Exec::new(Path::new(SELF))?;
    exec.arg(role).env("PATH", PATH.as_bytes());
    if let Ok(level) = std::env::var("PORTCULLIS_LOG") {
        exec.env("PORTCULLIS_LOG", level.as_bytes());
    }
    exec.cwd(Path::new("/")).umask(0o077).own_session();
    Ok(exec)
}

/// An id that a person is shown and an administrator finds in the log.
pub(crate) fn log_id() -> String {
    let mut bytes = [0; 4];
    // Without randomness the id is no secret lost: it only finds a line.
    let _ = getrandom::fill(&mut bytes);
    format!("{:08x}", u32::from_be_bytes(bytes))
}
