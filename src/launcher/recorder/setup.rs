//! What is set in the kernel so that it records, and set back at the end.
//!
//! Rules of others, and the state they chose, stay: ours are added behind theirs, and what was on before stays on.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_sys::audit::{
    Act, Assembler, AuditError, Control, Heard, Listed, Listener, Record, Rule, Status, ours,
};
use portcullis_sys::process::Ended;
use thiserror::Error;

use super::probe::NO_LOGIN;
use crate::log::{chain, say};
use crate::role;

/// Records that may wait in the kernel: those of a thousand programs started at once; its own 64 are a dozen's.
const BACKLOG: u32 = 8192;
/// Longest wait for the record of the probe.
const PROVEN_WITHIN: Duration = Duration::from_secs(2);
/// The same with all the probes that are started anew because somebody changed rules or state meanwhile, as those do who load
/// the machine's own rules at its start: that takes them some tenths of a second.
const SETTLED_WITHIN: Duration = Duration::from_secs(4);

/// Why nothing can be recorded.
#[derive(Debug, Error)]
pub(super) enum SetupError {
    /// The kernel's audit.
    #[error("the kernel does not record for us")]
    Audit(#[from] AuditError),
    /// `auditctl -e 2`.
    #[error(
        "the kernel's audit rules are locked until the next boot (`auditctl -e 2`) and ours are not among them"
    )]
    Locked,
    /// `-a never,task`.
    #[error("a rule keeps the kernel from recording anything (`auditctl -l`: never,task)")]
    Never,
    /// The probe could not be started.
    #[error("the proof can't be started")]
    Probe(#[source] portcullis_sys::exec::ExecError),
    /// Sessions could not be told apart.
    #[error("processes can't be given a login session of their own (`/proc/self/loginuid`)")]
    NoLogin,
    /// It ended otherwise.
    #[error("the proof ended with {0}")]
    Broken(String),
    /// The record of a program that was started did not come.
    #[error("a program was started for proof and its record did not arrive within {} s: a rule of the machine's excludes it, or the kernel was started without audit", PROVEN_WITHIN.as_secs())]
    Silent,
}

/// The kernel's audit, recording.
#[derive(Debug)]
pub(super) struct Prepared {
    control: Control,
    /// Hears every record.
    pub(super) listener: Listener,
    /// Rules that are to be in force. Without any, Landlock and filters still tell what they refuse, and no call costs more.
    wanted: Vec<Rule>,
    before: Before,
    note: PathBuf,
}

/// How it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Before {
    enabled: bool,
    backlog: u32,
    /// Bits of the rules that were there already.
    rules: u32,
}

impl Before {
    fn of(status: Status, listed: &[Listed], rules: &[Rule]) -> Self {
        let there = |rule: &Rule| listed.iter().any(|one| rule.is(one));
        let bits = rules.iter().enumerate().filter(|(_, rule)| there(rule)).map(|(at, _)| 1_u32 << at);
        Self { enabled: status.enabled != 0, backlog: status.backlog_limit, rules: bits.sum() }
    }

    fn text(self, boot: &str) -> String {
        format!("{boot} {} {} {}\n", u8::from(self.enabled), self.backlog, self.rules)
    }

    /// What a recorder of this boot left that had no time to set anything back.
    fn parse(text: &str, boot: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        if words.next()? != boot {
            return None;
        }
        let enabled = words.next()? != "0";
        Some(Self { enabled, backlog: words.next()?.parse().ok()?, rules: words.next()?.parse().ok()? })
    }
}

impl Prepared {
    /// Sets what is missing and proves that it works; sets it back where it doesn't.
    pub(super) fn begin(note: &Path, wanted: Vec<Rule>) -> Result<Self, SetupError> {
        let mut control = Control::open()?;
        let status = control.status()?;
        let listener = Listener::join()?;
        let rules = ours();
        let listed = control.rules()?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let left = std::fs::read_to_string(note).ok().and_then(|text| Before::parse(&text, boot.trim()));
        let before = left.unwrap_or_else(|| Before::of(status, &listed, &rules));
        // ORDER: known on disk before anything is changed: a recorder that is killed leaves the way back to the next.
        if let Err(error) = std::fs::write(note, before.text(boot.trim())) {
            say!(Warn, "cannot write `{}`: {error}", note.display());
        }
        let mut prepared = Self { control, listener, wanted, before, note: note.to_owned() };
        let proven = prepared.repair().and_then(|_| prepared.prove());
        match proven {
            Ok(()) => Ok(prepared),
            Err(error) => {
                prepared.undo();
                Err(error)
            }
        }
    }

    /// Other rules from now on.
    pub(super) fn want(&mut self, wanted: Vec<Rule>) -> Result<(), SetupError> {
        self.wanted = wanted;
        self.repair().map(drop)
    }

    /// Sets what is missing; says whether anything was.
    pub(super) fn repair(&mut self) -> Result<bool, SetupError> {
        let status = self.control.status()?;
        let listed = self.control.rules()?;
        if !self.wanted.is_empty() && listed.iter().any(Listed::silences_tasks) {
            return Err(SetupError::Never);
        }
        let missing = Listed::missing(&listed, &self.wanted);
        if status.is_locked() {
            return if missing.is_empty() { Ok(false) } else { Err(SetupError::Locked) };
        }
        if status.backlog_limit < BACKLOG && status.backlog_limit != 0 {
            self.control.set_backlog(BACKLOG)?;
        }
        let off = status.enabled == 0;
        if off {
            self.control.set_enabled(true)?;
        }
        for rule in &missing {
            self.control.add(rule)?;
        }
        for (at, rule) in ours().iter().enumerate() {
            let there = listed.iter().any(|one| rule.is(one));
            if there && !self.wanted.contains(rule) && self.before.rules & (1 << at) == 0 {
                self.control.delete(rule)?;
            }
        }
        Ok(off || !missing.is_empty())
    }

    /// The descriptor to poll.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// How many records the kernel dropped since boot.
    pub(super) fn lost(&mut self) -> Option<u32> {
        self.control.status().ok().map(|status| status.lost)
    }

    /// Sets everything back to how it was.
    pub(super) fn undo(&mut self) {
        let undone = self.control.status().and_then(|status| {
            if status.is_locked() {
                return Ok(());
            }
            for (at, rule) in ours().iter().enumerate() {
                if self.before.rules & (1 << at) == 0 {
                    self.control.delete(rule)?;
                }
            }
            if self.before.backlog != status.backlog_limit {
                self.control.set_backlog(self.before.backlog)?;
            }
            if !self.before.enabled && status.enabled != 0 {
                self.control.set_enabled(false)?;
            }
            Ok(())
        });
        match undone {
            Ok(()) => drop(std::fs::remove_file(&self.note)),
            Err(error) => say!(Warn, "the kernel's audit stays as it is: {}", chain(&error)),
        }
    }

    /// Starts a program in a login session of its own and waits for its record: of the program with its argument, where rules
    /// ask for it, else of the session that began. Where somebody changes rules or state meanwhile, what is missing is set
    /// again and another one is started: the record of the first may never have been made.
    fn prove(&mut self) -> Result<(), SetupError> {
        // One of its own: what comes meanwhile for sessions is not to be passed over.
        let mut listener = Listener::join()?;
        let settled = Instant::now() + SETTLED_WITHIN;
        let mut probe = Awaited::start(!self.wanted.is_empty())?;
        let mut assembler = Assembler::default();
        loop {
            let (mut proven, mut changed) = (false, false);
            let now = Instant::now();
            loop {
                let act = match listener.hear() {
                    Ok(Heard::Record(kind, text)) => {
                        Record::parse(kind, text).and_then(|record| assembler.take(&record, now))
                    }
                    Ok(Heard::Overrun) => None,
                    Ok(Heard::Nothing) | Err(_) => break,
                };
                proven |= act.as_ref().is_some_and(|act| probe.is_proven_by(act));
                changed |= act.is_some_and(|act| act.reconfigured);
            }
            // What we set ourselves is heard too, before the probe's record: nothing is missing then, and one probe too many
            // does no harm.
            let missed = changed && self.repair()?;
            if proven && !missed {
                return Ok(());
            }
            if changed && now < settled {
                probe = Awaited::start(!self.wanted.is_empty())?;
            }
            let left = probe.until.min(settled).saturating_duration_since(now);
            if left.is_zero() {
                return Err(SetupError::Silent);
            }
            let mut polled = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        }
    }
}

/// A probe whose record is waited for.
struct Awaited {
    mark: String,
    pid: i32,
    by_rules: bool,
    until: Instant,
}

impl Awaited {
    fn start(by_rules: bool) -> Result<Self, SetupError> {
        let until = Instant::now() + PROVEN_WITHIN;
        let (mark, pid) = start_probe()?;
        Ok(Self { mark, pid, by_rules, until })
    }

    fn is_proven_by(&self, act: &Act) -> bool {
        let began = act.moved.is_some_and(|(.., who)| who == self.pid);
        let args = act.args.as_ref().filter(|_| act.syscall.is_some());
        if self.by_rules { args.is_some_and(|args| args.texts().contains(&self.mark)) } else { began }
    }
}

/// Runs a probe to its end: its mark, an argument of the program that it started, and its process.
pub(super) fn start_probe() -> Result<(String, i32), SetupError> {
    let mark = format!("portcullis-proof-{}-{}", std::process::id(), role::log_id());
    let probe = role::start_probe(&mark).map_err(SetupError::Probe)?;
    match probe.wait() {
        Ok(Ended::Exited(0)) => Ok((mark, probe.pid())),
        Ok(Ended::Exited(NO_LOGIN)) => Err(SetupError::NoLogin),
        Ok(ended) => Err(SetupError::Broken(ended.to_string())),
        Err(errno) => Err(SetupError::Broken(errno.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_read_in_the_same_boot_only() {
        let before = Before { enabled: false, backlog: 64, rules: 5 };
        assert_eq!(Before::parse(&before.text("b"), "b"), Some(before));
        assert_eq!(Before::parse(&before.text("b"), "c"), None);
        for text in ["", "b", "b 0", "b 0 x 1", "b 0 1 -1"] {
            assert_eq!(Before::parse(text, "b"), None, "{text}");
        }
    }
}
