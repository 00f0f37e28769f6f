//! What an event of the kernel's means for a session: pure.

use nix::errno::Errno;
use portcullis_sys::audit::{
    Act, Syscall, address, call_name, is_exec, is_for_process, is_fork, process_of, writes,
};

use super::talk::{By, Executed, Refused, Seen, Verdict, Watched};
use super::traced::Execution;
use super::words;

/// Of which login session an event is.
pub(super) fn login(act: &Act) -> Option<u32> {
    act.syscall.as_ref().map(|call| call.session).or_else(|| act.seccomp.as_ref().map(|found| found.session))
}

/// What is to be recorded of it; `exists` says whether a program is there on the machine.
pub(super) fn judge(act: &Act, watched: &Watched, exists: impl Fn(&str) -> bool) -> Vec<Seen> {
    if let Some(found) = &act.seccomp {
        let refused = Refused {
            login: watched.login,
            pid: found.pid,
            program: found.exe.clone(),
            what: call_name(found.arch, found.number),
            target: String::new(),
            by: By::Seccomp,
            count: 1,
        };
        return vec![Seen::Refused(refused)];
    }
    let Some(call) = &act.syscall else { return landlocks(act, watched).into_iter().collect() };
    let execs = is_exec(call.arch, call.number);
    let mut seen = Vec::new();
    if execs {
        seen.extend(executed(act, call, watched).map(Seen::Executed));
    }
    // The session process itself, a child of the keeper, tries its way back to root and out to prove that they are closed.
    if watched.keeper.is_none_or(|keeper| keeper.pid != call.ppid) {
        seen.extend(refused(act, call, watched, execs, exists).map(Seen::Refused));
    }
    seen
}

/// A refusal of Landlock's without a record of the call: the kernel doesn't say whose act it was.
fn landlocks(act: &Act, watched: &Watched) -> Option<Seen> {
    let denial = act.landlock.as_ref()?;
    Some(Seen::Refused(Refused {
        login: watched.login,
        pid: 0,
        program: String::new(),
        what: words::landlock(&denial.blockers),
        target: denial.target.clone(),
        by: By::Landlock,
        count: 1,
    }))
}

fn errno(call: &Syscall) -> Option<Errno> {
    let code = i32::try_from(call.exit.checked_neg()?).ok()?;
    (!call.success && code > 0).then(|| Errno::from_raw(code))
}

fn executed(act: &Act, call: &Syscall, watched: &Watched) -> Option<Executed> {
    let error = errno(call);
    // Whoever looks along a search path finds nothing in most places. What is hidden is told as refused.
    if matches!(error, Some(Errno::ENOENT | Errno::ENOTDIR)) {
        return None;
    }
    let (program, error) = match error {
        None => (call.exe.clone(), String::new()),
        Some(error) => (path(act).unwrap_or_default(), format!("{error:?}")),
    };
    let verdict = if error.is_empty() { verdict(&program, watched) } else { Verdict::None };
    let args = act.args.as_ref();
    Some(Executed {
        login: watched.login,
        pid: call.pid,
        ppid: call.ppid,
        uid: call.euid,
        program,
        argv: args.map(portcullis_sys::audit::Args::texts).unwrap_or_default(),
        // Without any where there must be some, they were lost.
        cut: args.map_or(error.is_empty(), portcullis_sys::audit::Args::is_cut),
        cwd: act.cwd.clone().unwrap_or_default(),
        error,
        verdict,
    })
}

fn refused(
    act: &Act,
    call: &Syscall,
    watched: &Watched,
    execs: bool,
    exists: impl Fn(&str) -> bool,
) -> Option<Refused> {
    let refused = |what: String, target: String, by: By| {
        Some(Refused {
            login: watched.login,
            pid: call.pid,
            program: call.exe.clone(),
            what,
            target,
            by,
            count: 1,
        })
    };
    let name = || call_name(call.arch, call.number);
    if let Some(denial) = &act.landlock {
        // A path as the kernel has it where Landlock named none.
        let target = Some(denial.target.clone()).filter(|target| !target.is_empty()).or_else(|| target(act));
        return refused(words::landlock(&denial.blockers), target.unwrap_or_default(), By::Landlock);
    }
    match errno(call)? {
        error @ (Errno::EACCES | Errno::EPERM) => {
            let internet = act.address.as_deref().and_then(address).is_some_and(|(_, internet)| internet);
            // The kernel itself refuses no destination this way; rules on packets and connections do.
            let by = if internet && error == Errno::EPERM { By::Network } else { By::Permissions };
            if by == By::Network && watched.ruled {
                return None; // told by the rules themselves
            }
            refused(name(), target(act).unwrap_or_default(), by)
        }
        Errno::ENOENT if execs => {
            let path = path(act)?;
            let hidden = watched.hidden.iter().any(|folder| is_entry(&path, folder));
            if hidden && exists(&path) { refused(name(), path, By::Hidden) } else { None }
        }
        Errno::EROFS => refused(name(), target(act).unwrap_or_default(), By::Permissions),
        Errno::ESRCH if is_for_process(call.arch, call.number) => {
            // Of a process that is not there the kernel has the number only, as it was given.
            let number = process_of(call.arch, call.number, call.args);
            refused(name(), format!("process {number}"), By::Hidden)
        }
        Errno::EMFILE => refused(name(), "open files".into(), By::Limit),
        Errno::EAGAIN if is_fork(call.arch, call.number) => refused(name(), "processes".into(), By::Limit),
        Errno::ENOSPC if writes(call.arch, call.number) => {
            refused(name(), target(act).unwrap_or_else(|| "file system".into()), By::Limit)
        }
        _ => None,
    }
}

fn target(act: &Act) -> Option<String> {
    let address = act.address.as_deref().and_then(address).map(|(text, _)| text);
    let process = act.process.as_ref().map(|(pid, name)| format!("process {pid} ({name})"));
    address.or(process).or_else(|| path(act))
}

/// The path that was meant, from the root.
fn path(act: &Act) -> Option<String> {
    let name = act.paths.iter().find(|one| !one.is_parent).or_else(|| act.paths.first())?;
    let name = name.name.as_str();
    match act.cwd.as_deref() {
        Some(cwd) if !name.starts_with('/') => Some(format!("{}/{name}", cwd.trim_end_matches('/'))),
        _ => Some(name.to_owned()),
    }
}

/// A program that the tracepoint told of.
pub(super) fn traced(started: Execution, watched: &Watched) -> Seen {
    let verdict = verdict(&started.program, watched);
    let Execution { pid, ppid, uid, program, cwd, argv, cut, .. } = started;
    let login = watched.login;
    let error = String::new();
    Seen::Executed(Executed { login, pid, ppid, uid, program, argv, cut, cwd, error, verdict })
}

fn verdict(program: &str, watched: &Watched) -> Verdict {
    let is_shell = || SHELLS.iter().any(|name| program.rsplit('/').next() == Some(name));
    match &watched.allowed {
        Some(allowed) if !allowed.iter().any(|one| is_within(program, one)) => Verdict::WouldBeRefused,
        None if watched.hidden.iter().any(|folder| is_entry(program, folder)) && is_shell() => {
            Verdict::StandIn
        }
        _ => Verdict::None,
    }
}

/// Names of shells in whose place another program stands where others are hidden.
const SHELLS: [&str; 3] = ["sh", "dash", "bash"];

/// Whether a path is this one or below it.
fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.ends_with('/'))
}

/// Whether a path names an entry of this folder itself: it is looked at with root's rights, so nothing of it may lead elsewhere.
fn is_entry(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|name| !name.is_empty() && !name.contains('/') && name != "." && name != "..")
}

#[cfg(test)]
mod tests;
