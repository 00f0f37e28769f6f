//! The launcher's end of one role of the identity program: started, told its job, asked, heard, replaced when it dies.
//!
//! Every ask has a number and a deadline. An answer to a number that nobody gave, or a second one, breaks the rules: the process is
//! ended and another one started. What waits then is given back to the caller, who decides. It knows nothing of what is asked.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use portcullis_sys::process::Process;
use portcullis_wire::{Channel, Message, WireError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Messages that wait for a role to read: more than everybody who may sign in at a time, and rows of a busy minute.
const QUEUE_MAX: usize = 10_000;
/// First pause before one that died is replaced; doubled up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// See [`PAUSE_FIRST`].
const PAUSE_LAST: Duration = Duration::from_secs(5);
/// One that lived so long is replaced after the first pause again.
const PROVEN: Duration = Duration::from_secs(60);

/// What is asked, and for whom.
#[derive(Debug)]
struct Waiting<W> {
    who: W,
    deadline: Instant,
}

/// One role.
#[derive(Debug)]
pub(crate) struct Link<Out, W> {
    channel: Option<Channel>,
    process: Option<Process>,
    /// It said that it can do its job.
    ready: bool,
    queue: VecDeque<(Out, Option<OwnedFd>)>,
    waiting: BTreeMap<u64, Waiting<W>>,
    next: u64,
    retry_at: Option<Instant>,
    pause: Duration,
    since: Instant,
}

impl<Out: Message + Serialize, W> Link<Out, W> {
    /// None yet; to be started at once.
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            channel: None,
            process: None,
            ready: false,
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            next: 1,
            retry_at: Some(now),
            pause: PAUSE_FIRST,
            since: now,
        }
    }

    /// Whether it can be asked.
    pub(crate) const fn is_ready(&self) -> bool {
        self.ready
    }

    /// It said that it can.
    pub(crate) const fn is_there(&mut self) {
        self.ready = true;
    }

    /// Whether this child is its process.
    pub(crate) fn is(&self, pid: i32) -> bool {
        self.process.as_ref().is_some_and(|process| process.pid() == pid)
    }

    /// Whether one is to be started now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.channel.is_none() && self.retry_at.is_some_and(|at| now >= at)
    }

    /// A process that was started, with its end of the channel; `job` is its first message.
    pub(crate) fn started(
        &mut self,
        process: Process,
        channel: Channel,
        job: (Out, Option<OwnedFd>),
        now: Instant,
    ) {
        self.process = Some(process);
        self.channel = Some(channel);
        self.ready = false;
        self.retry_at = None;
        self.since = now;
        self.queue.clear();
        self.queue.push_back(job);
    }

    /// It can't be started, or is gone: whoever waited, in the order of their asks.
    pub(crate) fn lost(&mut self, now: Instant) -> Vec<W> {
        if let Some(process) = self.process.take() {
            let _ = process.signal(Signal::SIGKILL);
        }
        self.channel = None;
        self.ready = false;
        self.queue.clear();
        if now.saturating_duration_since(self.since) >= PROVEN {
            self.pause = PAUSE_FIRST;
        }
        self.retry_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_LAST);
        std::mem::take(&mut self.waiting).into_values().map(|waiting| waiting.who).collect()
    }

    /// Queues a message that has no answer.
    pub(crate) fn tell(&mut self, message: Out, fd: Option<OwnedFd>) {
        if self.channel.is_some() {
            self.queue.push_back((message, fd));
        }
    }

    /// Asks; gives the asker back where nobody can be asked.
    pub(crate) fn ask(
        &mut self,
        who: W,
        deadline: Instant,
        message: impl FnOnce(u64) -> Out,
    ) -> Result<u64, W> {
        if self.ready { self.ask_started(who, deadline, message) } else { Err(who) }
    }

    /// The same of a role that can be asked before it said that it can: it reads its job first, and answers when it did.
    pub(crate) fn ask_started(
        &mut self,
        who: W,
        deadline: Instant,
        message: impl FnOnce(u64) -> Out,
    ) -> Result<u64, W> {
        if self.channel.is_none() || self.queue.len() >= QUEUE_MAX {
            return Err(who);
        }
        let number = self.next;
        self.next += 1;
        self.queue.push_back((message(number), None));
        self.waiting.insert(number, Waiting { who, deadline });
        Ok(number)
    }

    /// Who waits for this answer. `None` breaks the rules, unless it had its time: a number that was given and is waited for no more.
    pub(crate) fn answered(&mut self, request: u64) -> Option<W> {
        self.waiting.remove(&request).map(|waiting| waiting.who)
    }

    /// Who waits for an answer that is still to come.
    pub(crate) fn asker(&self, request: u64) -> Option<&W> {
        self.waiting.get(&request).map(|waiting| &waiting.who)
    }

    /// The same, to add to it.
    pub(crate) fn asker_mut(&mut self, request: u64) -> Option<&mut W> {
        self.waiting.get_mut(&request).map(|waiting| &mut waiting.who)
    }

    /// Whether a number was ever given.
    pub(crate) const fn was_asked(&self, request: u64) -> bool {
        request > 0 && request < self.next
    }

    /// Somebody waits for the answer to this number from here on.
    pub(crate) fn wait_on(&mut self, request: u64, who: W, deadline: Instant) {
        self.waiting.insert(request, Waiting { who, deadline });
    }

    /// Those whose deadline is over, and the numbers of their asks.
    pub(crate) fn late(&mut self, now: Instant) -> Vec<(u64, W)> {
        let late: Vec<u64> =
            self.waiting.iter().filter(|(_, waiting)| now >= waiting.deadline).map(|(&n, _)| n).collect();
        late.into_iter().filter_map(|number| Some((number, self.answered(number)?))).collect()
    }

    /// When something is to be done about it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting.values().map(|waiting| waiting.deadline).chain(self.retry_at).min()
    }

    /// What to poll.
    pub(crate) fn fd(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let writes = if self.queue.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
        self.channel.as_ref().map(|channel| (channel.as_fd(), PollFlags::POLLIN | writes))
    }

    /// Sends what the channel takes.
    pub(crate) fn flush(&mut self) -> Result<(), WireError> {
        let Some(channel) = &self.channel else { return Ok(()) };
        while let Some((message, fd)) = self.queue.front() {
            let beside: Vec<BorrowedFd<'_>> = fd.iter().map(|fd| fd.as_fd()).collect();
            match channel.send(message, &beside) {
                Ok(()) => drop(self.queue.pop_front()),
                Err(WireError::WouldBlock) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next message; `None` when none waits. Nothing comes beside one.
    pub(crate) fn receive<In: Message + DeserializeOwned>(&self) -> Result<Option<In>, WireError> {
        let Some(channel) = &self.channel else { return Ok(None) };
        match channel.receive::<In>() {
            Ok((message, fds)) if fds.is_empty() => Ok(Some(message)),
            Ok(_) => Err(WireError::Malformed),
            Err(WireError::WouldBlock) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
