//! From one server to the next: those of before are let in, replaced, bounded and ended here; and how this launcher leaves
//! its own to the next one.
//!
//! Called by the loop. It must not forget a server that runs: whoever hangs on it could not be cut off any more.

use std::time::{Duration, Instant};

use portcullis_model::audit::Event;
use portcullis_model::session::State;
use portcullis_wire::admin::ServerState;
use portcullis_wire::batches::batches;
use portcullis_wire::launcher::Carried;
use portcullis_wire::{Let, ToServer, versions};

use crate::clock;
use crate::door::Guest;
use crate::launcher::{Launcher, Mode};
use crate::log::{chain, say};
use crate::server::{ServerNo, Up};
use crate::servers::{BEFORE_MAX, one_too_many};
use crate::table::Phase;

/// Beyond a server's own bound, before it is killed.
const PATIENCE: u64 = 15;
/// How long this launcher may take to leave: for what PAM decides on, and for starts that are between two processes.
pub(crate) const LEAVE_WITHIN: Duration = Duration::from_secs(10);
/// Seconds for a server of another version to finish what is under way.
const OTHER_VERSION_WITHIN: u64 = 5;

/// Why a server's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Replaced,
    OtherVersion,
    TooMany,
    Refused,
    Late,
}

impl Why {
    const fn word(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::OtherVersion => "other-version",
            Self::TooMany => "too-many",
            Self::Refused => "configuration-refused",
            Self::Late => "late",
        }
    }
}

impl Launcher {
    /// Those who stand at the door.
    pub(crate) fn hear_door(&mut self, now: Instant) {
        for guest in self.door.hear(now) {
            self.let_in(guest, now);
        }
    }

    /// A server of before is back: it hears of everything that lives, and is replaced as soon as another one serves.
    pub(crate) fn let_in(&mut self, guest: Guest, now: Instant) {
        let Guest { survivor, knock, channel, listeners: _ } = guest;
        let pid = survivor.process.pid();
        let seconds = clock::seconds();
        if knock.version != versions::SERVER {
            let _ = Let::OtherVersion.send(&channel);
            say!(
                Warn,
                "a server of another version ends what hangs on it pid={pid}: {}",
                words(knock.carried)
            );
            self.write_replaced(pid, knock.carried, OTHER_VERSION_WITHIN, Why::OtherVersion);
            // Not let in, but not forgotten: should it not end, it is ended.
            self.door.expect_end(survivor, now + Duration::from_secs(OTHER_VERSION_WITHIN + PATIENCE));
            return;
        }
        let no = self.server.number();
        let told = channel.set_nonblocking(true).and_then(|()| Let::In.send(&channel));
        let mut up = Up::returned(no, survivor.process, survivor.kept, channel);
        up.carried = knock.carried;
        if let Err(error) = told {
            say!(Warn, "a server of before is gone again pid={pid}: {}", chain(&error));
            up.kill();
            return;
        }
        say!(Info, "a server of before is back pid={pid}: {}", words(knock.carried));
        self.server.before.push(up);
        // They come back in any order.
        self.server.before.sort_by_key(|up| up.known.started);
        self.server.hold_to(no, ToServer::Configuration(Box::new(self.active.message(&self.host))));
        self.tell_all_that_lives(no);
        if self.server.current.as_ref().is_some_and(|up| up.phase == Phase::Serving) {
            self.replace(no, now);
        } else if let Some(until) = self.server.get(no).and_then(|up| up.until) {
            let within = u32::try_from(until.saturating_sub(seconds)).unwrap_or(u32::MAX);
            self.server.hold_to(no, ToServer::Replaced { within });
        }
    }

    /// What a server must know before it decides anything.
    pub(crate) fn tell_all_that_lives(&mut self, no: ServerNo) {
        for kept in self.exemptions.values() {
            self.server.hold_to(no, ToServer::Exemption(Box::new(kept.exemption.clone())));
        }
        for batch in batches(self.sign_ins.values()) {
            self.server.hold_to(no, ToServer::SignIns(batch.into_iter().cloned().collect()));
        }
        self.tell_keys(no);
        for entry in self.sessions.values() {
            self.server.hold_to(no, ToServer::Session(Box::new(entry.kept.session.clone())));
        }
        // Also that people are let in: one that comes back knows what was so before.
        self.server.hold_to(no, ToServer::Offline(self.offline.clone().map(Box::new)));
        self.server.hold_to(no, ToServer::Apart(self.identity.others.is_cut_off()));
        self.server.hold_to(no, ToServer::Caught);
    }

    /// The newest server serves: those of before finish.
    pub(crate) fn replace_before(&mut self, now: Instant) {
        let before: Vec<ServerNo> = self.server.before.iter().map(|up| up.no).collect();
        before.into_iter().for_each(|no| self.replace(no, now));
    }

    fn replace(&mut self, no: ServerNo, now: Instant) {
        let most = u64::from(self.active.settings.portcullis.handover_minutes) * 60;
        let seconds = clock::seconds();
        let Some(up) = self.server.get(no) else { return };
        // One that was replaced before keeps its bound, unless there is a shorter one now.
        let until = up.until.unwrap_or(u64::MAX).min(seconds.saturating_add(most));
        let news = up.until.is_none();
        (up.until, up.phase) = (Some(until), Phase::Draining);
        let (pid, carried) = (up.known.pid, up.carried);
        let within = until.saturating_sub(seconds);
        let message = ToServer::Replaced { within: u32::try_from(within).unwrap_or(u32::MAX) };
        self.server.hold_to(no, message);
        self.dirty.at_once();
        if news {
            say!(Info, "a server finishes within {within} s pid={pid}: {}", words(carried));
            self.write_replaced(pid, carried, within, Why::Replaced);
        }
        // One that nothing hangs on ends by itself, and costs nobody theirs.
        let finish: Vec<bool> = self
            .server
            .before
            .iter()
            .map(|up| up.phase == Phase::Draining && !up.carried.is_nothing())
            .collect();
        if let Some(oldest) = one_too_many(&finish).and_then(|at| self.server.before.get(at)).map(|up| up.no)
        {
            say!(Warn, "more than {BEFORE_MAX} servers finish: the oldest is ended");
            self.end_server(oldest, Why::TooMany, now);
        }
    }

    /// A server of before can't use the configuration: what it restricts would not hold there.
    pub(crate) fn end_unfit(&mut self, no: ServerNo, now: Instant) {
        self.end_server(no, Why::Refused, now);
    }

    fn end_server(&mut self, no: ServerNo, why: Why, now: Instant) {
        let Some(up) = self.server.get(no) else { return };
        (up.until, up.phase) = (Some(clock::seconds()), Phase::Draining);
        let (pid, carried) = (up.known.pid, up.carried);
        self.server.tell_to(no, ToServer::Drain { within: 0 });
        self.write_replaced(pid, carried, 0, why);
        if why == Why::Late {
            self.drop_server_now(no, now);
        }
    }

    fn write_replaced(&mut self, pid: i32, carried: Carried, within: u64, why: Why) {
        self.log.write(Event::ServerReplaced {
            pid,
            why: why.word().into(),
            within,
            connections: carried.connections,
            websockets: carried.websockets,
            busy: carried.busy,
        });
    }

    /// Whoever had their time, or never came back.
    pub(crate) fn tick_servers(&mut self, now: Instant) {
        let seconds = clock::seconds();
        let is_late = |up: &&Up| up.until.is_some_and(|until| seconds >= until.saturating_add(PATIENCE));
        let late: Vec<ServerNo> = self.server.before.iter().filter(is_late).map(|up| up.no).collect();
        for no in late {
            say!(Warn, "a server did not finish in time and is killed");
            self.end_server(no, Why::Late, now);
        }
        for survivor in self.door.late(now) {
            let pid = survivor.process.pid();
            say!(Warn, "a server of before did not come back and is killed pid={pid}");
            let _ = survivor.process.signal(nix::sys::signal::Signal::SIGKILL);
            self.log
                .write(Event::ProcessLost { process: "server".into(), status: "did not come back".into() });
            self.dirty.soon();
        }
    }

    /// Records who was refused at the door.
    pub(crate) fn say_strangers(&mut self) {
        for (stranger, count) in self.door.strangers() {
            let (pid, uid) = (stranger.pid, stranger.uid);
            let why = stranger.why;
            say!(Warn, "a stranger knocked as a server pid={pid} uid={} count={count}: {why}", uid.0);
            self.log.write(Event::ServerRefused { pid, uid, why: why.into(), count });
        }
    }

    /// Whether requests of servers are carried out.
    pub(crate) const fn takes_requests(&self) -> bool {
        matches!(self.mode, Mode::Serving | Mode::Leaving { .. })
    }

    /// Whether this launcher can leave without anybody's loss.
    pub(crate) fn may_leave(&self) -> bool {
        let paused = |up: &Up| up.paused || up.phase == Phase::Starting;
        self.server.all().all(paused) && !self.is_deciding() && !self.is_starting()
    }

    /// Whether a session's start is between two processes: the next launcher could not tell what became of it.
    fn is_starting(&self) -> bool {
        self.sessions.values().any(|entry| {
            matches!(entry.kept.session.state, State::Launching(_))
                && entry.kept.process.is_none()
                && entry.kept.ending.is_none()
        })
    }

    /// The servers, for whoever administers this.
    pub(crate) fn servers_state(&self) -> Vec<ServerState> {
        let now = clock::seconds();
        let state = |up: &Up| ServerState {
            pid: up.known.pid,
            phase: match up.phase {
                Phase::Starting => "starting",
                Phase::Serving => "serving",
                Phase::Draining => "draining",
            }
            .into(),
            since: up.kept().since,
            ends_in: up.until.map(|until| until.saturating_sub(now)),
            carried: up.carried,
        };
        self.server.all().map(state).collect()
    }
}

fn words(carried: Carried) -> String {
    let Carried { connections, websockets, busy } = carried;
    format!("{connections} connections, {busy} of them busy, and {websockets} WebSockets")
}
