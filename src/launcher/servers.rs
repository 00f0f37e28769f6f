//! The servers there are: one that serves, and those of before, which finish what people do through them.
//!
//! A new one is started when there is none, and by every new launcher: restart, upgrade and `kill -9` go one way. When it
//! serves, those that came back from the launcher before ([`door`](crate::door)) are told that they are replaced. What is
//! so is told to all of them, so that what is revoked ends wherever it hangs; an answer goes to the one that asked.

use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use portcullis_model::ExemptionId;
use portcullis_wire::ToServer;

use crate::server::{ServerError, ServerNo, Start, Up};
use crate::state::KeptServer;
use crate::table::Phase;

/// Servers of before at a time; the oldest is ended for another one.
pub(crate) const BEFORE_MAX: usize = 4;
/// First pause before a restart; doubled each time up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause before a restart.
const PAUSE_LAST: Duration = Duration::from_secs(5);
/// A server that served so long starts the pauses over.
const PROVEN: Duration = Duration::from_secs(30);

/// All of them.
#[derive(Debug)]
pub(crate) struct Servers {
    /// The newest: it serves, or is about to.
    pub(crate) current: Option<Up>,
    /// Those of before, the oldest first.
    pub(crate) before: Vec<Up>,
    /// When the next one is started.
    pub(crate) retry_at: Option<Instant>,
    /// Whose request is being handled.
    asking: ServerNo,
    pause: Duration,
    next: u32,
}

/// The oldest of those that finish something, where there are more than may be. `finish`: which do, the oldest first.
pub(crate) fn one_too_many(finish: &[bool]) -> Option<usize> {
    let count = finish.iter().filter(|finishes| **finishes).count();
    finish.iter().position(|finishes| *finishes).filter(|_| count > BEFORE_MAX)
}

impl Servers {
    /// None yet; one is to be started at once.
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            current: None,
            before: Vec::new(),
            retry_at: Some(now),
            asking: ServerNo(0),
            pause: PAUSE_FIRST,
            next: 1,
        }
    }

    /// A number for another one.
    pub(crate) const fn number(&mut self) -> ServerNo {
        self.next += 1;
        ServerNo(self.next)
    }

    /// Starts one and sends its first message.
    pub(crate) fn start(&mut self, start: &Start<'_>, now: Instant) -> Result<i32, ServerError> {
        self.retry_at = None;
        let up = Up::start(self.number(), start, now)?;
        let pid = up.process.pid();
        self.current = Some(up);
        Ok(pid)
    }

    /// All, the newest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Up> {
        self.current.iter().chain(self.before.iter().rev())
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Up> {
        self.current.iter_mut().chain(self.before.iter_mut().rev())
    }

    /// One of them.
    pub(crate) fn get(&mut self, no: ServerNo) -> Option<&mut Up> {
        self.all_mut().find(|up| up.no == no)
    }

    /// The one with this process.
    pub(crate) fn of_process(&self, pid: i32) -> Option<ServerNo> {
        self.all().find(|up| up.process.pid() == pid).map(|up| up.no)
    }

    /// Tells all what depends on nothing.
    pub(crate) fn tell(&mut self, message: ToServer) {
        let message = Rc::new(message);
        self.all_mut().for_each(|up| up.tell(message.clone()));
    }

    /// Tells all what is true only once this turn's records and state are on disk; returns whom.
    pub(crate) fn hold(&mut self, message: ToServer) -> Vec<ServerNo> {
        let message = Rc::new(message);
        let tell = |up: &mut Up| {
            up.hold(message.clone());
            up.no
        };
        self.all_mut().map(tell).collect()
    }

    /// Tells all but the one whose request is being handled what depends on nothing.
    pub(crate) fn tell_others(&mut self, message: ToServer) {
        let (asking, message) = (self.asking, Rc::new(message));
        self.all_mut().filter(|up| up.no != asking).for_each(|up| up.tell(message.clone()));
    }

    /// Whether there is more than one.
    pub(crate) fn are_several(&self) -> bool {
        self.all().nth(1).is_some()
    }

    /// Tells one of them what depends on nothing.
    pub(crate) fn tell_to(&mut self, no: ServerNo, message: ToServer) {
        if let Some(up) = self.get(no) {
            up.tell(Rc::new(message));
        }
    }

    /// Tells one of them what is true only once this turn's records and state are on disk.
    pub(crate) fn hold_to(&mut self, no: ServerNo, message: ToServer) {
        if let Some(up) = self.get(no) {
            up.hold(Rc::new(message));
        }
    }

    /// Tells the one whose request is being handled, as [`Servers::tell_to`].
    pub(crate) fn tell_answer(&mut self, message: ToServer) {
        self.tell_to(self.asking, message);
    }

    /// Tells the one whose request is being handled, as [`Servers::hold_to`].
    pub(crate) fn hold_answer(&mut self, message: ToServer) {
        self.hold_to(self.asking, message);
    }

    /// The request of this one is being handled.
    pub(crate) const fn asks(&mut self, no: ServerNo) {
        self.asking = no;
    }

    /// Whose request is being handled.
    pub(crate) const fn asking(&self) -> ServerNo {
        self.asking
    }

    /// Takes an exemption back everywhere, at once.
    pub(crate) fn take_back(&mut self, id: ExemptionId) {
        self.all_mut().for_each(|up| up.take_back(id));
    }

    /// Records and state are on disk: what was held may go.
    pub(crate) fn release(&mut self) {
        self.all_mut().for_each(Up::release);
    }

    /// Whether something waits for room in a channel.
    pub(crate) fn wants_to_write(&self) -> bool {
        self.all().any(Up::wants_to_write)
    }

    /// Sends what the channels take; returns those that can't go on.
    pub(crate) fn flush(&mut self, now: Instant) -> Vec<(ServerNo, ServerError)> {
        self.all_mut().filter_map(|up| up.flush(now).err().map(|error| (up.no, error))).collect()
    }

    /// Whether any serves those who come.
    pub(crate) fn is_serving(&self) -> bool {
        self.all().any(|up| up.phase == Phase::Serving)
    }

    /// The descriptors to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = (ServerNo, BorrowedFd<'_>, PollFlags)> {
        self.all().map(|up| {
            let (fd, flags) = up.fd();
            (up.no, fd, flags)
        })
    }

    /// As the state keeps them.
    pub(crate) fn kept(&self) -> impl Iterator<Item = KeptServer> {
        self.before.iter().chain(&self.current).map(Up::kept)
    }

    /// Lets go of one that is gone or is to be; the next is started after a pause when it was the newest.
    pub(crate) fn remove(&mut self, no: ServerNo, now: Instant) -> Option<Up> {
        if let Some(up) = self.current.take_if(|up| up.no == no) {
            self.lost(up.since, now);
            return Some(up);
        }
        let at = self.before.iter().position(|up| up.no == no)?;
        Some(self.before.remove(at))
    }

    /// None could be started.
    pub(crate) fn not_started(&mut self, now: Instant) {
        self.lost(now, now);
    }

    fn lost(&mut self, since: Instant, now: Instant) {
        if now.duration_since(since) > PROVEN {
            self.pause = PAUSE_FIRST;
        }
        self.retry_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_may_finish_and_the_oldest_makes_room() {
        assert_eq!(one_too_many(&[]), None);
        assert_eq!(one_too_many(&[true; 4]), None);
        assert_eq!(one_too_many(&[false, true, true, true, true, true]), Some(1));
        assert_eq!(one_too_many(&[false; 5]), None, "those that finish nothing are in nobody's way");
    }
}
