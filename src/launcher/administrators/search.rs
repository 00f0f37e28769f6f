//! Searches of the audit log that are under way: a reader each, a few at a time, with a deadline.
//!
//! The launcher opens the log and hands the descriptor to the reader; it doesn't read a line itself.

use std::fs::OpenOptions;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_sys::process::Process;
use portcullis_wire::watch::{AdminAnswer, AdminRefusal, Found, Search};
use portcullis_wire::{Channel, ToServer, WireError};

use super::reader::{Answered, Wanted};
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
        let server = self.server.asking();
        self.searches.push(Searching { server, request, reader, channel, deadline: now + WITHIN });
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
            let result = result.map(|found: Found| AdminAnswer::Found(Box::new(found)));
            let answer = ToServer::Administrator { request: one.request, result };
            self.server.hold_to(one.server, answer);
        }
    }
}
