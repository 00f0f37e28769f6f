//! Waiting: everything that may come, and the next moment at which something is due without it.
//!
//! It must not handle anything: what is ready is returned, in the order in which a turn looks at it.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_model::SessionId;

use super::{LAZY, Launcher, Mode, RETRY};
use crate::accounts::coming::Comer;
use crate::identity::Role;
use crate::server::ServerNo;
use crate::sign_in::Talk;

/// Where to look after a poll.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Signals,
    Server(ServerNo),
    Door,
    Admin,
    Recorder,
    Identity(Role),
    Searches,
    Files,
    Look(u64),
    Helper(Talk),
    Known(Comer),
    Words(SessionId),
    Reports(SessionId),
    Watched(SessionId),
}

impl Launcher {
    /// Waits until something comes or is due; what is ready then.
    pub(super) fn wait(&self) -> Vec<Source> {
        let mut all = vec![(Source::Signals, Some(self.signals.as_fd()), PollFlags::POLLIN)];
        all.extend(self.server.fds().map(|(no, fd, flags)| (Source::Server(no), Some(fd), flags)));
        all.extend(self.searches.iter().map(|one| (Source::Searches, Some(one.fd()), PollFlags::POLLIN)));
        all.extend(self.door.fds().map(|(fd, flags)| (Source::Door, Some(fd), flags)));
        // While records can't be written, the recorder keeps what it has.
        let recorder = self.recorder.fd().filter(|_| self.is_healthy());
        all.push((Source::Recorder, recorder, PollFlags::POLLIN));
        all.extend(self.identity.fds().map(|(role, fd, flags)| (Source::Identity(role), Some(fd), flags)));
        let looks = self.sync.fds().map(|(no, fd)| (no.map_or(Source::Files, Source::Look), fd));
        all.extend(looks.map(|(source, fd)| (source, Some(fd), PollFlags::POLLIN)));
        all.extend(self.admin.fds().map(|(fd, flags)| (Source::Admin, Some(fd), flags)));
        for (&id, conversation) in &self.conversations {
            all.push((Source::Helper(id), conversation.fd(), PollFlags::POLLIN));
        }
        let looks = self.coming.fds().map(|(id, fd)| (Source::Known(id), Some(fd), PollFlags::POLLIN));
        all.extend(looks);
        for (&id, entry) in &self.sessions {
            all.push((
                Source::Words(id),
                entry.words.as_ref().map(|channel| channel.as_fd()),
                PollFlags::POLLIN,
            ));
            all.push((
                Source::Reports(id),
                entry.reports.as_ref().map(|channel| channel.as_fd()),
                PollFlags::POLLIN,
            ));
            all.push((Source::Watched(id), entry.watched(), PollFlags::POLLIN));
        }
        let (sources, mut fds): (Vec<Source>, Vec<PollFd<'_>>) =
            all.into_iter().filter_map(|(source, fd, flags)| Some((source, PollFd::new(fd?, flags)))).unzip();
        let timeout = self.next_deadline().map_or(PollTimeout::NONE, |at| {
            let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        // Interrupted or failed: nothing is ready, and the next turn looks again.
        if poll(&mut fds, timeout).is_err() {
            return Vec::new();
        }
        let ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
        sources.into_iter().zip(&fds).filter(|(_, fd)| ready(fd)).map(|(source, _)| source).collect()
    }

    fn next_deadline(&self) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut at = |deadline: Option<Instant>| {
            next = match (next, deadline) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        };
        if matches!(self.mode, Mode::Serving) {
            at(self.server.retry_at);
        }
        if self.is_healthy() {
            at(self.dirty.since.map(|since| since + LAZY));
            at(self.journal.deadline());
        }
        if !self.is_healthy() || self.server.wants_to_write() {
            at(Some(Instant::now() + RETRY));
        }
        self.conversations.values().for_each(|conversation| at(conversation.deadline()));
        self.sessions.values().for_each(|entry| at(entry.deadline));
        at(self.admin.deadline());
        at(Some(self.load_deadline()));
        self.searches.iter().for_each(|one| at(Some(one.deadline())));
        at(self.recorder.deadline());
        at(self.identity.deadline());
        at(self.others_deadline());
        at(self.identity.others.next_look().filter(|_| self.identity.store.is_ready()));
        at(self.coming.deadline());
        at(self.sync_deadline());
        at(self.looks.deadline());
        at(self.keys_deadline());
        at(self.service_manager.patience().map(|patience| Instant::now() + patience));
        at(self.exemptions_deadline());
        at(self.door.deadline());
        at(self.watchdog.deadline());
        let watches = !(self.sessions.is_empty()
            && self.sign_ins.is_empty()
            && self.keys.len() == 0
            && self.exemptions.is_empty()
            && self.server.before.is_empty());
        if watches || !self.lost_records.is_empty() {
            at(Some(self.next_sweep));
        }
        if let Mode::Ending { deadline, .. } | Mode::Leaving { deadline } = self.mode {
            at(Some(deadline));
        }
        next
    }
}
