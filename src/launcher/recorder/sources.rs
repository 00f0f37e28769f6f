//! Where the kernel tells: a program of ours on its own tracepoint for programs that are started, its audit subsystem for what is
//! refused.
//!
//! Rules of the audit subsystem are set only where they are asked for (`audit-refusals`), or where no program can be loaded:
//! with any rule, every system call of every process costs more. Without rules it still tells what Landlock and filters refuse.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_sys::audit::{Act, Assembler, Heard, Record, Rule, ours, programs};

use super::setup::Prepared;
use super::talk::Why;
use super::traced::{Execution, Traced};
use crate::log::{chain, say};

/// Records read in one turn, so that the launcher is heard in between.
const RECORDS_AT_ONCE: usize = 4096;
/// After the socket overflowed, for the numbers that tell how much was lost.
const COUNTED_WITHIN: Duration = Duration::from_secs(4);

/// Both sources, and what is missing of them.
#[derive(Debug)]
pub(super) struct Sources {
    kernel: Option<Prepared>,
    traced: Option<Traced>,
    /// Why what is refused can't be recorded.
    no_refusals: Option<String>,
    refusals: bool,
    assembler: Assembler,
    /// What a tracepoint told that is not listened to any more.
    left: Vec<Execution>,
    /// What the kernel had lost at the last look.
    lost_before: Option<u32>,
    overrun: Option<Instant>,
    /// Events whose own record of the call is missing.
    nobodys: u64,
    /// Why rules can't be kept in force, while they can't.
    broken: Option<String>,
}

/// What came of looking after the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// They were there.
    Nothing,
    /// They were set again: for a moment there were none.
    Done,
    /// It began or ceased that they can't be set.
    Changed,
}

impl Sources {
    /// Opens them; `refusals` is whether permissions and limits are asked for.
    ///
    /// # Errors
    /// Why no program that is started can be recorded.
    pub(super) fn begin(note: &Path, refusals: bool) -> Result<Self, String> {
        let traced = if refusals { Err(String::new()) } else { trace() };
        let (kernel, traced) = match (Prepared::begin(note, rules(refusals, traced.is_ok())), traced) {
            (Ok(kernel), traced) => (Ok(kernel), traced.ok()),
            (Err(error), Ok(traced)) => (Err(chain(&error)), Some(traced)),
            (Err(error), Err(why)) => {
                let error = chain(&error);
                // Asked for by rules, which can't be had: then at least the programs.
                let traced = if refusals { trace() } else { Err(why) };
                match traced {
                    Ok(traced) => (Err(error), Some(traced)),
                    Err(why) => return Err(format!("{error}; and by a program in the kernel: {why}")),
                }
            }
        };
        let (kernel, no_refusals) = match kernel {
            Ok(kernel) => (Some(kernel), None),
            Err(why) => (None, Some(why)),
        };
        let mut sources = Self {
            kernel,
            traced,
            no_refusals,
            refusals,
            assembler: Assembler::default(),
            left: Vec::new(),
            lost_before: None,
            overrun: None,
            nobodys: 0,
            broken: None,
        };
        sources.lost_before = sources.kernel.as_mut().and_then(Prepared::lost);
        Ok(sources)
    }

    /// Whether programs are recorded; and why what is refused is not.
    pub(super) fn state(&self) -> (Result<(), String>, Option<String>) {
        match (&self.broken, &self.traced) {
            (None, _) => (Ok(()), self.no_refusals.clone()),
            (Some(why), Some(_)) => (Ok(()), Some(why.clone())),
            (Some(why), None) => (Err(why.clone()), Some(why.clone())),
        }
    }

    /// `audit-refusals` changed.
    pub(super) fn want_refusals(&mut self, refusals: bool) {
        if std::mem::replace(&mut self.refusals, refusals) == refusals {
            return;
        }
        // ORDER: the new source first, so that nothing falls between the two; a start at this moment may be told twice.
        if self.traced.is_none() && !refusals {
            self.traced = trace().ok();
        }
        if let Some(kernel) = &mut self.kernel {
            self.broken =
                kernel.want(rules(refusals, self.traced.is_some())).err().map(|error| chain(&error));
            if refusals && self.broken.is_none() {
                // What it told and nobody has read yet is told all the same.
                if let Some(traced) = self.traced.take() {
                    traced.take(RECORDS_AT_ONCE, |execution| self.left.push(execution));
                }
            }
        }
    }

    /// To be polled: what the kernel's audit subsystem tells.
    pub(super) fn records(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.kernel.as_ref().map(Prepared::fd).into_iter()
    }

    /// To be polled: what the tracepoint tells.
    pub(super) fn starts(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.traced.as_ref().map(Traced::fd).into_iter()
    }

    /// Whether programs that are started are to be read at once, or some may be lost.
    pub(super) fn is_filling(&self) -> bool {
        self.traced.as_ref().is_some_and(Traced::is_filling)
    }

    /// What came; of the tracepoint only with `starts`.
    pub(super) fn read(&mut self, now: Instant, starts: bool) -> (Vec<Act>, Vec<Execution>) {
        let (mut acts, mut started) = (Vec::new(), std::mem::take(&mut self.left));
        if let Some(traced) = self.traced.as_ref().filter(|_| starts) {
            traced.take(RECORDS_AT_ONCE, |execution| started.push(execution));
        }
        let Some(kernel) = &mut self.kernel else { return (acts, started) };
        for _ in 0..RECORDS_AT_ONCE {
            match kernel.listener.hear() {
                Ok(Heard::Record(kind, text)) => {
                    // The numbers that tell how many are missing come behind all that waits.
                    self.overrun = self.overrun.map(|_| now);
                    let record = Record::parse(kind, text);
                    acts.extend(record.and_then(|record| self.assembler.take(&record, now)));
                }
                Ok(Heard::Overrun) => self.overrun = Some(now),
                Ok(Heard::Nothing) => break,
                Err(errno) => {
                    say!(Error, "records can't be read: {errno}");
                    break;
                }
            }
        }
        acts.extend(self.assembler.expired(now));
        let nobodys = acts.iter().filter(|act| act.is_nobodys()).count();
        self.nobodys += u64::try_from(nobodys).unwrap_or(u64::MAX);
        (acts, started)
    }

    /// Whether programs that are started are told by the tracepoint.
    pub(super) const fn traces(&self) -> bool {
        self.traced.is_some()
    }

    /// Whether something is to be looked at again soon.
    pub(super) fn waits(&self) -> bool {
        !self.assembler.is_idle() || self.overrun.is_some()
    }

    /// How many are missing by now; 0 where nobody knows how many.
    pub(super) fn lost(&mut self, now: Instant) -> Vec<(u64, Why)> {
        let mut all = Vec::new();
        let lost = self.assembler.lost(now) + std::mem::take(&mut self.nobodys);
        if lost > 0 {
            self.overrun = None;
            all.push((lost, Why::Kernel));
        }
        if self.overrun.is_some_and(|since| now.saturating_duration_since(since) >= COUNTED_WITHIN) {
            self.overrun = None;
            all.push((0, Why::Kernel));
        }
        all
    }

    /// What the kernel itself says that it lost since the last look.
    pub(super) fn look(&mut self) -> u64 {
        let mut more = 0;
        if let Some(lost) = self.kernel.as_mut().and_then(Prepared::lost) {
            more += self.lost_before.replace(lost).map_or(0, |before| u64::from(lost.wrapping_sub(before)));
        }
        more + self.traced.as_mut().map_or(0, Traced::lost)
    }

    /// Whether rules can't be set at the moment.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Looks after the rules.
    pub(super) fn repair(&mut self) -> Repair {
        let Some(kernel) = &mut self.kernel else { return Repair::Nothing };
        let (done, broken) = match kernel.repair() {
            Ok(done) => (done, None),
            Err(error) => (false, Some(chain(&error))),
        };
        if broken != self.broken {
            if let Some(why) = &broken {
                say!(Error, "what sessions do can't be recorded any more: {why}");
            }
            self.broken = broken;
            return Repair::Changed;
        }
        if !done {
            return Repair::Nothing;
        }
        say!(Warn, "somebody removed rules of the kernel's audit or switched it off; they are set again");
        Repair::Done
    }

    /// Sets everything back.
    pub(super) fn undo(&mut self) {
        if let Some(kernel) = &mut self.kernel {
            kernel.undo();
        }
    }
}

fn trace() -> Result<Traced, String> {
    Traced::begin().map_err(|error| chain(&error))
}

fn rules(refusals: bool, traced: bool) -> Vec<Rule> {
    match (refusals, traced) {
        (true, _) => ours(),
        (false, false) => programs(),
        (false, true) => Vec::new(),
    }
}
