//! The launcher's end of the recorder: found or started, told whose sessions are whose, heard, replaced when it dies.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_conf::Wanted;
use portcullis_model::Uid;
use portcullis_model::audit::Event;
use portcullis_sys::process::Ended;
use portcullis_sys::socket::{listen_seqpacket, remove_socket};
use portcullis_wire::{Channel, WireError};

use super::talk::{FromRecorder, Seen, ToRecorder, Watched};
use crate::children::Child;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::role;

/// Longest wait for the recorder at the start of the daemon: its proof takes some tens of milliseconds, at most two seconds.
const STARTED_WITHIN: Duration = Duration::from_secs(5);
/// Messages handled in one turn, so that one session can't keep the others waiting.
const BATCH: usize = 4;
/// First pause before one that died is replaced; doubled up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// See [`PAUSE_FIRST`].
const PAUSE_LAST: Duration = Duration::from_secs(60);
/// One that lived so long is replaced after the first pause again.
const PROVEN: Duration = Duration::from_secs(60);

/// How recording stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recording {
    /// `audit-programs=off`.
    Off,
    /// The recorder was started and has said nothing yet, or is about to be replaced.
    Waiting,
    /// It records.
    Usable,
    /// It can't.
    Unusable(String),
}

/// The recorder as the launcher has it.
#[derive(Debug)]
pub(crate) struct Recorder {
    channel: Option<Channel>,
    /// How it stands.
    pub(crate) state: Recording,
    /// Why what is refused is not recorded.
    pub(crate) no_refusals: Option<String>,
    /// Number of the last thing that was handed to the audit log, until the recorder was told that it is on disk.
    heard: Option<u64>,
    /// It begins beside sessions, which may start programs before it says that it records.
    beside: bool,
    retry_at: Option<Instant>,
    pause: Duration,
    since: Instant,
}

impl Recorder {
    /// None yet.
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            channel: None,
            state: Recording::Waiting,
            no_refusals: None,
            heard: None,
            beside: false,
            retry_at: None,
            pause: PAUSE_FIRST,
            since: now,
        }
    }

    /// The descriptor to poll.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.channel.as_ref().map(|channel| channel.as_fd())
    }

    /// When the next one is started.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Why nothing is recorded; `None` where it is.
    pub(crate) fn why_not(&self) -> Option<String> {
        match &self.state {
            Recording::Usable => None,
            Recording::Off => Some("audit-programs=off".to_owned()),
            Recording::Waiting => Some("the recorder is being started".to_owned()),
            Recording::Unusable(why) => Some(why.clone()),
        }
    }

    fn say(&self, word: &ToRecorder) {
        if let Some(Err(error)) = self.channel.as_ref().map(|channel| channel.send(word, &[])) {
            // One that is gone is noticed when it is heard, and its successor is told anew.
            if !matches!(error, WireError::Closed) {
                say!(Error, "the recorder can't be told: {}", chain(&error));
            }
        }
    }

    /// What was heard is on disk.
    pub(crate) fn written(&mut self) {
        if let Some(last) = self.heard.take() {
            self.say(&ToRecorder::Written(last));
        }
    }

    /// A session that is recorded from here on.
    pub(crate) fn watch(&self, watched: &Watched) {
        self.say(&ToRecorder::Watch(watched.clone()));
    }

    /// A session whose processes are gone.
    pub(crate) fn forget(&self, login: u32) {
        self.say(&ToRecorder::Forget(login));
    }

    /// Nothing is to be recorded any more.
    pub(crate) fn end(&mut self) {
        self.say(&ToRecorder::End);
        self.channel = None;
    }
}

impl Launcher {
    fn door(&self) -> PathBuf {
        self.dirs.run.join("recorder.sock")
    }

    /// At the start: finds the recorder that an earlier launcher left, or starts one, and waits until it says whether it records.
    pub(crate) fn begin_recording(&mut self, now: Instant) {
        self.renew_recording(now);
        // Nobody began anything meanwhile.
        self.recorder.beside = false;
        // ORDER: before anybody's session: the kernel follows only processes that began after it was told to.
        let end = now + STARTED_WITHIN;
        while self.recorder.state == Recording::Waiting && self.recorder.retry_at.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            let Some(fd) = self.recorder.fd().filter(|_| !left.is_zero()) else { return };
            let mut polled = [PollFd::new(fd, PollFlags::POLLIN)];
            let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
            self.hear_recorder(Instant::now());
        }
    }

    /// When the configuration changed: the same beside everybody's work, so the loop hears what it says. Until then
    /// `audit-programs=required` starts no session, and with `auto` is said that records may be missing.
    pub(crate) fn renew_recording(&mut self, now: Instant) {
        if self.active.settings.confinement.audit_programs == Wanted::Off {
            if let Ok(channel) = Channel::connect(&self.door()) {
                let _ = channel.send(&ToRecorder::End, &[]);
            }
            self.recorder = Recorder::new(now);
            self.recorder.state = Recording::Off;
            return;
        }
        if self.recorder.channel.is_some() {
            self.recorder.say(&ToRecorder::Refusals(self.active.settings.confinement.audit_refusals));
            return;
        }
        self.recorder.state = Recording::Waiting;
        self.recorder.beside = true;
        self.connect_recorder(now);
    }

    /// Knocks at the door, or starts one that opens it.
    fn connect_recorder(&mut self, now: Instant) {
        self.recorder.retry_at = None;
        self.recorder.since = now;
        let connected = Channel::connect(&self.door()).or_else(|_| self.start_recorder());
        let connected = connected.and_then(|channel| channel.set_nonblocking(true).map(|()| channel));
        match connected {
            Ok(channel) => {
                self.recorder.channel = Some(channel);
                self.recorder.say(&ToRecorder::Refusals(self.active.settings.confinement.audit_refusals));
            }
            Err(error) => {
                say!(Error, "the recorder can't be started: {}", chain(&error));
                self.retry_recorder(now);
                return;
            }
        }
        for watched in self.sessions.values().filter_map(|entry| entry.kept.watched.as_ref()) {
            self.recorder.watch(watched);
        }
    }

    fn start_recorder(&mut self) -> Result<Channel, WireError> {
        let path = self.door();
        remove_socket(&path).map_err(WireError::System)?;
        let door = listen_seqpacket(&path, 0o600, None).map_err(WireError::System)?;
        let refusals = self.active.settings.confinement.audit_refusals;
        match role::start_recorder(door.as_fd(), &self.dirs.run.join("recorder.before"), refusals) {
            Ok(process) => drop(self.children.insert(process.pid(), Child::Recorder)),
            Err(error) => {
                say!(Error, "the recorder can't be started: {}", chain(&error));
                return Err(WireError::Closed);
            }
        }
        Channel::connect(&path)
    }

    fn retry_recorder(&mut self, now: Instant) {
        if now.saturating_duration_since(self.recorder.since) >= PROVEN {
            self.recorder.pause = PAUSE_FIRST;
        }
        self.recorder.retry_at = Some(now + self.recorder.pause);
        self.recorder.pause = (self.recorder.pause * 2).min(PAUSE_LAST);
    }

    /// Starts one where it is time.
    pub(crate) fn tick_recorder(&mut self, now: Instant) {
        if self.recorder.retry_at.is_some_and(|at| now >= at) {
            self.connect_recorder(now);
        }
    }

    /// What the recorder says. While records can't be written it is not heard, and keeps what it has.
    pub(crate) fn hear_recorder(&mut self, now: Instant) {
        for _ in 0..BATCH {
            let Some(channel) = &self.recorder.channel else { return };
            match channel.receive::<FromRecorder>() {
                Ok((FromRecorder::State { usable, no_refusals, version }, _)) => {
                    self.recorder_stands(usable, no_refusals, &version);
                }
                Ok((FromRecorder::Seen { last, seen }, _)) => {
                    self.recorder.heard = Some(last);
                    seen.into_iter().for_each(|one| self.write_seen(one));
                }
                Err(WireError::WouldBlock) => return,
                Err(error) => return self.recorder_gone(&error, now),
            }
        }
    }

    fn recorder_stands(&mut self, usable: Result<(), String>, no_refusals: Option<String>, version: &str) {
        if version != env!("CARGO_PKG_VERSION") {
            say!(Info, "the recorder is of version {version} and is replaced once it is idle");
        }
        if let Some(why) = no_refusals.as_ref().filter(|_| usable.is_ok()) {
            if self.recorder.no_refusals.as_ref() != Some(why) {
                say!(Info, "what the kernel refuses in sessions is not recorded: {why}");
            }
        }
        self.recorder.no_refusals = no_refusals;
        // What pages and levels say of this machine.
        self.host.audit = usable.is_ok() && self.recorder.no_refusals.is_none();
        let new = match usable {
            Ok(()) => {
                if std::mem::take(&mut self.recorder.beside) {
                    self.say_missing();
                }
                Recording::Usable
            }
            Err(why) => {
                // Where it is demanded, nobody's session starts: that is for an administrator to see.
                let demanded = self.active.settings.confinement.audit_programs == Wanted::Required;
                let level = if demanded { crate::log::Level::Error } else { crate::log::Level::Info };
                crate::log::line(level, format_args!("programs started in sessions are not recorded: {why}"));
                Recording::Unusable(why)
            }
        };
        self.recorder.state = new;
    }

    /// Its channel broke: it died, or it ended because it can't record.
    fn recorder_gone(&mut self, error: &WireError, now: Instant) {
        self.recorder.channel = None;
        self.recorder.heard = None;
        if matches!(self.recorder.state, Recording::Unusable(_)) {
            return; // tried again at the next start or reload
        }
        let recorded = self.recorder.state == Recording::Usable;
        self.recorder.state = Recording::Waiting;
        self.retry_recorder(now);
        if recorded && self.say_missing() {
            say!(Warn, "the recorder is replaced: {}", chain(error));
        }
    }

    /// That nobody knows what sessions did for a moment; whether there are any.
    fn say_missing(&mut self) -> bool {
        let watched = self.sessions.values().any(|entry| entry.is_recorded());
        if watched {
            self.log.write(Event::ExecutionsLost {
                session: String::new(),
                count: 0,
                why: super::talk::Why::Recorder.word().into(),
            });
        }
        watched
    }

    /// The daemon ends. Sessions that live on are recorded on, for the next launcher; without any, nothing is.
    pub(crate) fn leave_recorder(&mut self) {
        let live = self.sessions.values().any(|entry| entry.kept.session.state.is_live());
        // What came last is written, as far as it has come.
        self.hear_recorder(Instant::now());
        if self.log.commit().is_ok() {
            self.recorder.written();
        }
        if !live {
            self.recorder.end();
        }
    }

    /// The process of a recorder of ours ended.
    pub(crate) fn recorder_ended(&mut self, ended: Ended, now: Instant) {
        self.hear_recorder(now);
        if matches!(ended, Ended::Exited(_)) {
            return;
        }
        say!(Warn, "the recorder ended: {ended}");
        self.log.write(Event::ProcessLost { process: "recorder".into(), status: ended.to_string() });
    }

    fn write_seen(&mut self, seen: Seen) {
        let entry = seen.login().and_then(|login| {
            self.sessions.values().find(|entry| entry.kept.watched.as_ref().is_some_and(|w| w.login == login))
        });
        let event = match (seen, entry) {
            (Seen::Lost { count, why, .. }, entry) => Event::ExecutionsLost {
                session: entry.map_or_else(String::new, |entry| entry.kept.session.id.to_string()),
                count,
                why: why.word().into(),
            },
            (_, None) => return, // of a session that is forgotten
            (Seen::Executed(one), Some(entry)) => Event::Executed {
                session: entry.kept.session.id,
                user: entry.kept.session.user.to_string(),
                ide: entry.kept.session.ide.to_string(),
                pid: one.pid,
                ppid: one.ppid,
                uid: Uid(one.uid),
                program: one.program,
                argv: one.argv,
                cut: one.cut,
                cwd: one.cwd,
                success: one.error.is_empty(),
                error: one.error,
                verdict: one.verdict.word().into(),
            },
            (Seen::Refused(one), Some(entry)) => Event::Refusal {
                session: entry.kept.session.id,
                user: entry.kept.session.user.to_string(),
                ide: entry.kept.session.ide.to_string(),
                pid: one.pid,
                program: one.program,
                what: one.what,
                target: one.target,
                by: one.by.word().into(),
                count: one.count,
            },
        };
        self.log.write(event);
    }
}
