//! Searches of the audit log that are under way: a reader each, a few at a time, with a deadline.
//!
//! The launcher opens the log and hands the descriptor to the reader; it doesn't read a line itself.

use std::fs::OpenOptions;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_sys::process::Process;
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal};
use portcullis_wire::owned::OwnedAnswer;
use portcullis_wire::watch::{AdminAnswer, AdminRefusal, Found, Search};
use portcullis_wire::{Channel, ToServer, WireError};

use super::reader::{Answered, Wanted};
use super::{bounded, words_of};
use crate::admin::By;
use crate::children::Child;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::role;
use crate::server::ServerNo;

/// Searches at a time: administrators are few, and each search may read as fast as the disk gives.
const SEARCHES_MAX: usize = 3;
/// Beyond the reader's own time: it is killed then.
const WITHIN: Duration = Duration::from_secs(10);

/// One that is under way.
#[derive(Debug)]
pub(crate) struct Searching {
    server: ServerNo,
    request: u64,
    /// Asked for by the interface for programs, and answered there.
    by_account: bool,
    reader: Process,
    channel: Channel,
    deadline: Instant,
}

impl Searching {
    /// Where its answer comes.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// When it is given up.
    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Launcher {
    /// Starts a search; `Err` when there are too many, or none can be started.
    pub(super) fn search(&mut self, request: u64, search: Search, now: Instant) -> Result<(), AdminRefusal> {
        let server = self.server.asking();
        self.begin_search((server, request), search, false, now)
    }

    /// `Audit` of the interface for programs, by somebody who may.
    pub(crate) fn search_for_account(
        &mut self,
        from: (ServerNo, u64),
        search: Search,
        by: &By,
        now: Instant,
    ) -> Result<(), AccountRefusal> {
        let search = bounded(search);
        let detail = words_of(&search);
        self.begin_search(from, search, true, now).map_err(account_refusal)?;
        self.record_act("search", String::new(), detail, by);
        Ok(())
    }

    fn begin_search(
        &mut self,
        (server, request): (ServerNo, u64),
        search: Search,
        by_account: bool,
        now: Instant,
    ) -> Result<(), AdminRefusal> {
        if self.searches.len() >= SEARCHES_MAX {
            return Err(AdminRefusal::Busy);
        }
        let failed = |why: String| {
            say!(Error, "the audit log can't be searched: {why}");
            AdminRefusal::Unreadable
        };
        let path = self.dirs.audit().join("audit.jsonl");
        let log = OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(path)
            .map_err(|error| failed(error.to_string()))?;
        let (channel, theirs) = Channel::pair().map_err(|error| failed(chain(&error)))?;
        channel.set_nonblocking(true).map_err(|error| failed(chain(&error)))?;
        channel.send(&Wanted(search), &[]).map_err(|error| failed(chain(&error)))?;
        let reader = role::start_reader(&theirs, log.as_fd(), self.active.server_user)
            .map_err(|error| failed(chain(&error)))?;
        self.children.insert(reader.pid(), Child::Reader);
        let deadline = now + WITHIN;
        self.searches.push(Searching { server, request, by_account, reader, channel, deadline });
        Ok(())
    }

    /// What readers found, and those whose time is over.
    pub(crate) fn hear_searches(&mut self, now: Instant) {
        for one in std::mem::take(&mut self.searches) {
            let result = match one.channel.receive::<Answered>() {
                Ok((Answered(found), _)) => Ok(found),
                Err(WireError::WouldBlock) if now < one.deadline => {
                    self.searches.push(one);
                    continue;
                }
                Err(error) => {
                    say!(Warn, "a search of the audit log failed: {}", chain(&error));
                    Err(AdminRefusal::Unreadable)
                }
            };
            // It has answered, or is late: either way nobody waits for it any more.
            let _ = one.reader.signal(Signal::SIGKILL);
            let result = result.map(|found: Found| Box::new(found));
            if one.by_account {
                let answer = result.map(|found| AccountAnswer::Owned(OwnedAnswer::Found(found)));
                self.answer_account((one.server, one.request), answer.map_err(account_refusal));
                continue;
            }
            let result = result.map(AdminAnswer::Found);
            let answer = ToServer::Administrator { request: one.request, result };
            self.server.hold_to(one.server, answer);
        }
    }
}

const fn account_refusal(refusal: AdminRefusal) -> AccountRefusal {
    match refusal {
        AdminRefusal::Busy => AccountRefusal::Busy,
        _ => AccountRefusal::NotWritable,
    }
}
