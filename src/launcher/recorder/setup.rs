//! What is set in the kernel so that it records, and set back at the end.
//!
//! Rules of others, and the state they chose, stay: ours are added behind theirs, and what was on before stays on.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_sys::audit::{
    Assembler, AuditError, Control, Heard, Listed, Listener, Record, Rule, Status, ours,
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

/// The kernel, recording.
#[derive(Debug)]
pub(super) struct Prepared {
    control: Control,
    /// Every record.
    pub(super) listener: Listener,
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
    pub(super) fn begin(note: &Path) -> Result<Self, SetupError> {
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
        let mut prepared = Self { control, listener, before, note: note.to_owned() };
        let proven = prepared.repair().and_then(|_| prove());
        match proven {
            Ok(()) => Ok(prepared),
            Err(error) => {
                prepared.undo();
                Err(error)
            }
        }
    }

    /// Sets what is missing; says whether anything was.
    pub(super) fn repair(&mut self) -> Result<bool, SetupError> {
        let status = self.control.status()?;
        let (listed, rules) = (self.control.rules()?, ours());
        if listed.iter().any(Listed::silences_tasks) {
            return Err(SetupError::Never);
        }
        let missing = Listed::missing(&listed, &rules);
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
        Ok(off || !missing.is_empty())
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
}

/// Starts a program in a login session of its own and waits for its record, with its argument.
fn prove() -> Result<(), SetupError> {
    let mark = format!("portcullis-proof-{}-{}", std::process::id(), role::log_id());
    // One of its own: what comes meanwhile for sessions is not to be passed over.
    let mut listener = Listener::join()?;
    let end = Instant::now() + PROVEN_WITHIN;
    let probe = role::start_probe(&mark).map_err(SetupError::Probe)?;
    match probe.wait() {
        Ok(Ended::Exited(0)) => {}
        Ok(Ended::Exited(NO_LOGIN)) => return Err(SetupError::NoLogin),
        Ok(ended) => return Err(SetupError::Broken(ended.to_string())),
        Err(errno) => return Err(SetupError::Broken(errno.to_string())),
    }
    let mut assembler = Assembler::default();
    loop {
        let now = Instant::now();
        loop {
            let act = match listener.hear() {
                Ok(Heard::Record(kind, text)) => {
                    Record::parse(kind, text).and_then(|record| assembler.take(&record, now))
                }
                Ok(Heard::Overrun) => None,
                Ok(Heard::Nothing) | Err(_) => break,
            };
            let args = act.filter(|act| act.syscall.is_some()).and_then(|act| act.args);
            if args.is_some_and(|args| args.texts().contains(&mark)) {
                return Ok(());
            }
        }
        let left = end.saturating_duration_since(now);
        if left.is_zero() {
            return Err(SetupError::Silent);
        }
        let mut polled = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
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
