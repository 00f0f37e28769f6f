//! What signals ask for: reload, end; and what the service manager is told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};
use portcullis_conf::Problem;
use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_model::session::{EndReason, Manner};
use portcullis_wire::ToServer;

pub(crate) use self::before::Before;
use self::before::Refused;
use crate::configuration::Active;
use crate::handover::LEAVE_WITHIN;
use crate::launcher::{Launcher, Mode};
use crate::log::say;
use crate::server::{ServerError, ServerNo};
use crate::start::{EX_CONFIG, count, tell_problems};
use crate::table::Phase;

mod before;

/// Beyond `drain-seconds` or `session-end-seconds`, before what is left is killed.
const PATIENCE: Duration = Duration::from_secs(5);

impl Launcher {
    /// Handles the signals that came.
    pub(crate) fn on_signals(&mut self, now: Instant) {
        let mut children = false;
        while let Ok(Some(caught)) = self.signals.next() {
            match caught.signal {
                Signal::SIGCHLD => children = true,
                // Its verdict would be counted from before the server has it.
                Signal::SIGHUP if !self.is_healthy() => {
                    say!(Warn, "nothing is read again while audit log and state can't be written");
                }
                // The log has all of it.
                Signal::SIGHUP => drop(self.reload()),
                // The first process of a container takes everything along: nobody is left to hand over to.
                Signal::SIGTERM if std::process::id() != 1 => self.leave(now),
                Signal::SIGTERM | Signal::SIGQUIT => self.end(false, now),
                Signal::SIGINT => self.end(true, now),
                _ => {}
            }
        }
        if children {
            self.on_child(now);
        }
    }

    /// The newest server serves: those of before finish.
    pub(crate) fn server_ready(&mut self, now: Instant) {
        self.replace_before(now);
        // What was sent since is yet to be judged.
        if let Some(generation) = self.server.current.as_ref().map(|up| up.generation) {
            if self.before.judged(generation, self.active.generation) {
                self.told_of_configuration(generation, &Ok(()));
            }
        }
        let scheme = if self.active.settings.rserver.ssl_enabled { "https" } else { "http" };
        let root = self.active.settings.rserver.www_root_path.trim_end_matches('/');
        if !std::mem::replace(&mut self.announced, true) {
            say!(Info, "serving on {scheme}://{}{root}", self.listeners.address);
        }
        let address = reachable(self.listeners.address);
        self.service_manager.tell(format!(
            "READY=1\nSTATUS=serving on {scheme}://{address}{root}\nX_PORTCULLIS_ADDRESS={address}\n"
        ));
    }

    /// Reads the configuration again: its number, or every problem when it can't be used. It is in force when the server has said so.
    pub(crate) fn reload(&mut self) -> Result<u64, Vec<Problem>> {
        if !matches!(self.mode, Mode::Serving) {
            return Ok(self.generation);
        }
        let micros = clock_gettime(ClockId::CLOCK_MONOTONIC)
            .map_or(0, |time| time.tv_sec() * 1_000_000 + time.tv_nsec() / 1000);
        self.service_manager.tell(format!("RELOADING=1\nMONOTONIC_USEC={micros}\n"));
        match Active::read(&self.dirs, self.generation + 1, Some(&self.active)) {
            Err(problems) => {
                tell_problems(&problems, &self.dirs);
                say!(Error, "the new configuration is not used; the old one stays in force");
                self.kept_old(self.generation + 1, count(&problems));
                self.service_manager.tell("READY=1\n");
                Err(problems)
            }
            Ok(mut new) => {
                self.generation += 1;
                tell_problems(&new.remarks, &self.dirs);
                // The account can't change under running processes; the other options of a restart are the server's to see.
                new.server_user = self.active.server_user;
                // Nor the database: whoever came first to an empty one would be its administrator.
                new.keep_accounts(&self.active);
                self.log.write(Event::Configured {
                    generation: new.generation,
                    outcome: "accepted".into(),
                    problems: count(&new.remarks),
                });
                self.server.hold(ToServer::Configuration(Box::new(new.message(&self.host))));
                let now = Instant::now();
                let old = self.activate(new, now);
                self.before.replaced(old.generation, old, now);
                // Told as done when the server has said so, or the next server serves.
                Ok(self.generation)
            }
        }
    }

    /// What the launcher itself decides by; returns what it was.
    fn activate(&mut self, new: Active, now: Instant) -> Active {
        let interval = Duration::from_secs(new.settings.rserver.auth_sign_in_throttle_seconds.into());
        self.throttle.configure(interval, &new.settings.portcullis.auth_throttle_ipv6_prefixes);
        let old = std::mem::replace(&mut self.active, new);
        self.renew_recording(now);
        self.renew_identity(now);
        old
    }

    /// A server decides by this configuration.
    pub(crate) fn configuration_in_force(&mut self, from: ServerNo, generation: u64) {
        if self.is_newest(from) && self.before.judged(generation, self.active.generation) {
            say!(Info, "configuration {generation} is in force");
            self.told_of_configuration(generation, &Ok(()));
            if generation == self.active.generation {
                self.service_manager.tell("READY=1\n");
            }
        }
    }

    /// The server can't use what root could read: certificate and key that don't fit, say.
    ///
    /// # Errors
    /// For a server that can't go on with what is in force: it is replaced, after a pause, and nobody is served by anything older.
    pub(crate) fn configuration_refused(
        &mut self,
        from: ServerNo,
        generation: u64,
        why: &str,
        now: Instant,
    ) -> Result<(), ServerError> {
        let why = crate::text::printable(why, crate::text::TEXT_MAX);
        if !self.is_newest(from) {
            say!(Warn, "a server of before can't use configuration {generation} and is ended: {why}");
            self.end_unfit(from, now);
            return Ok(());
        }
        let starting = self.server.current.as_ref().is_some_and(|up| up.phase == Phase::Starting);
        match self.before.refused(generation, self.active.generation, !starting, now) {
            Refused::Back(old) => {
                self.not_used(generation, why);
                self.activate(old, now);
                self.tell_before_again();
            }
            Refused::Superseded => self.not_used(generation, why),
            Refused::Decided if starting && !self.announced => {
                self.not_used(generation, why);
                self.mode = Mode::Over(EX_CONFIG);
                return Ok(());
            }
            Refused::Decided if starting => {
                say!(
                    Error,
                    "configuration {generation} is in force and a new server can't use it, so nobody is served: {why}"
                );
            }
            Refused::Late => {
                say!(Error, "configuration {generation} is refused so late that it stays in force: {why}");
                return Err(ServerError::Unfit);
            }
            Refused::Unknown if starting => say!(Info, "configuration {generation} can't be used: {why}"),
            Refused::Decided | Refused::Unknown => {
                say!(Warn, "the server refuses configuration {generation}, which is decided: ignored: {why}");
            }
        }
        if starting { Err(ServerError::Unfit) } else { Ok(()) }
    }

    /// Says that a configuration is not used, to everybody who waits for it.
    fn not_used(&mut self, generation: u64, why: String) {
        say!(Error, "configuration {generation} can't be used: {why}");
        self.told_of_configuration(generation, &Err(why));
        self.kept_old(generation, 1);
        if self.announced {
            self.service_manager.tell("READY=1\n");
        }
    }

    /// Servers of before may have taken up what the newest one refused.
    fn tell_before_again(&mut self) {
        let before: Vec<ServerNo> = self.server.before.iter().map(|up| up.no).collect();
        for no in before {
            self.server.hold_to(no, ToServer::Configuration(Box::new(self.active.message(&self.host))));
        }
    }

    /// Whether it is the server that decides what is in force; where there is none, nobody does.
    fn is_newest(&self, no: ServerNo) -> bool {
        self.server.current.as_ref().is_some_and(|up| up.no == no)
    }

    fn kept_old(&mut self, generation: u64, problems: u32) {
        self.log.write(Event::Configured { generation, outcome: "kept-old".into(), problems });
    }

    fn end(&mut self, sessions: bool, now: Instant) {
        let again = matches!(self.mode, Mode::Ending { .. });
        let within = if again { 0 } else { self.active.settings.portcullis.drain_seconds };
        let mut most = Duration::from_secs(within.into()) + PATIENCE;
        say!(Info, "ending{}", if sessions { ", sessions too" } else { "; sessions live on" });
        self.service_manager.tell("STOPPING=1\n");
        if sessions {
            let live: Vec<SessionId> = self.sessions.keys().copied().collect();
            for id in live {
                self.end_session(id, EndReason::Revoked, Manner::Stop, now);
            }
            most = most.max(self.active.seconds(|conf| conf.session_end_seconds) + PATIENCE);
        }
        self.mode = Mode::Ending { sessions, deadline: now + most };
        self.server.retry_at = None;
        if let Some(up) = self.server.current.as_mut().filter(|up| up.phase == Phase::Serving) {
            up.phase = Phase::Draining;
        }
        self.server.before.iter_mut().for_each(|up| up.phase = Phase::Draining);
        self.server.hold(ToServer::Drain { within });
    }

    /// Leaves servers and sessions to the next launcher, once nobody loses by it; told twice, at once.
    fn leave(&mut self, now: Instant) {
        if matches!(self.mode, Mode::Ending { .. }) {
            return;
        }
        let again = matches!(self.mode, Mode::Leaving { .. });
        say!(Info, "leaving to the next launcher; servers and sessions live on");
        self.service_manager.tell("STOPPING=1\n");
        self.mode = Mode::Leaving { deadline: if again { now } else { now + LEAVE_WITHIN } };
        self.server.retry_at = None;
        if !again {
            self.server.tell(ToServer::Leaving);
        }
    }
}

/// An address that a client on this machine can use.
const fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
        }
        IpAddr::V6(ip) if ip.is_unspecified() => {
            SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), address.port())
        }
        _ => address,
    }
}
