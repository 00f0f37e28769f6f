//! The session's life as a loop: start, answer, serve, end.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::signal::Signal;
use portcullis_model::session::Step;
use portcullis_sys::namespaces::is_first_process;
use portcullis_sys::process::reap;
use portcullis_sys::signals::Signals;
use portcullis_wire::{Order, Report, SessionSpec};

use crate::denials::Refusals;
use crate::door::{self, Door};
use crate::ide::Ide;
use crate::poll::{Poll, Token, Watch};
use crate::probe::Probe;
use crate::relay::{Relays, Side};
use crate::reports::Reports;
use crate::start::Started;
use crate::{chain, end, journal};

/// Everything that is read goes through this one buffer: large enough that a system call costs little beside its bytes.
const BUFFER: usize = 128 * 1024;

/// Where the session is in its life.
#[derive(Debug)]
enum Phase {
    /// The IDE does not answer yet; until when it may take.
    Starting(Box<Probe>, Instant),
    /// It answered.
    Running,
    /// It was asked to save its state and to go, whatever runs; until when it may take.
    Suspending(Instant),
    /// It was asked to end; until when it may take.
    Ending(Instant),
}

struct Session<'s> {
    spec: &'s SessionSpec,
    poll: &'s Poll,
    signals: Signals,
    phase: Phase,
    ide: Option<Ide>,
    relays: Relays,
    door: Door,
    reports: Reports,
    refusals: Option<Refusals>,
    /// What a launcher that asks is told.
    said: Report,
    failed: bool,
    buffer: Vec<u8>,
}

/// Lives the session to its end.
pub(crate) fn run(started: Started) -> ExitCode {
    let Started { spec, control, listener, signals, launcher, denials, proof, nofile } = started;
    journal::info(format_args!(
        "the session starts session={} user={:?} proof={proof:?}",
        spec.id,
        spec.user.as_str()
    ));
    let poll = match Poll::new() {
        Ok(poll) => poll,
        Err(errno) => return out_of_room(errno),
    };
    let built = build(&poll, &signals, proof).and_then(|(signals_watch, reports)| {
        let door = Door::new(&poll, control, launcher, spec.proxy_uid.0)?;
        let refusals = denials.map(|ring| Refusals::new(ring, &poll)).transpose()?;
        Ok((signals_watch, reports, door, refusals))
    });
    let (_signals_watch, reports, door, refusals) = match built {
        Ok(parts) => parts,
        Err(errno) => return out_of_room(errno),
    };
    let mut session = Session {
        spec: &spec,
        poll: &poll,
        signals,
        phase: Phase::Ending(Instant::now()),
        ide: None,
        relays: Relays::new(listener),
        door,
        reports,
        refusals,
        said: Report::Step(Step::StartIde),
        failed: false,
        buffer: vec![0; BUFFER],
    };
    session.launch(nofile);
    session.turn();
    session.finish()
}

fn out_of_room(errno: Errno) -> ExitCode {
    journal::error(format_args!("the session can't poll error={errno}"));
    ExitCode::FAILURE
}

fn build(poll: &Poll, signals: &Signals, proof: String) -> Result<(Watch, Reports), Errno> {
    let mut watch = Watch::default();
    watch.set(poll, signals, Token::Signals, Some(EpollFlags::EPOLLIN))?;
    let mut reports = Reports::default();
    reports.push(Report::Proof(proof));
    Ok((watch, reports))
}

impl Session<'_> {
    fn say(&mut self, report: Report) {
        self.said = report.clone();
        self.reports.push(report);
    }

    fn launch(&mut self, nofile: (u64, u64)) {
        self.say(Report::Step(Step::StartIde));
        match Ide::start(self.spec, nofile, self.poll) {
            Ok(ide) => {
                journal::info(format_args!("the IDE starts session={} pid={}", self.spec.id, ide.pid()));
                self.ide = Some(ide);
                self.say(Report::Step(Step::Answer));
                let now = Instant::now();
                let probe =
                    Probe::new(self.spec.command.socket.clone().into(), &self.spec.command.probe, now);
                let within = Duration::from_secs(self.spec.answer_within.into());
                self.phase = Phase::Starting(Box::new(probe), now + within);
            }
            Err(error) => self.fail(Step::StartIde, chain(&error), Instant::now()),
        }
    }

    /// The start failed: says so and ends.
    fn fail(&mut self, step: Step, why: String, now: Instant) {
        journal::info(format_args!(
            "the session's start failed session={} step={step:?} why={why:?}",
            self.spec.id
        ));
        self.failed = true;
        let output = self.ide.as_ref().map(Ide::lines).unwrap_or_default();
        self.say(Report::Failed { step, why, output });
        self.end(now);
    }

    /// Asks the IDE to end; asked a second time, it is not waited for any longer.
    fn end(&mut self, now: Instant) {
        self.relays.close();
        let within = Duration::from_secs(self.spec.end_within.into());
        self.phase = match self.phase {
            Phase::Ending(_) => Phase::Ending(now),
            Phase::Starting(..) | Phase::Running | Phase::Suspending(_) => Phase::Ending(now + within),
        };
        if let Some(ide) = &self.ide {
            ide.signal(Signal::SIGTERM);
        }
    }

    /// Asks RStudio's session to save its state and to go. `SIGUSR1` is heeded when nothing runs in it, `SIGUSR2` always; then
    /// there is a time by which it must be gone.
    fn suspend(&mut self, forced: bool, now: Instant) {
        let Some(ide) = self.ide.as_ref().filter(|_| matches!(self.phase, Phase::Running)) else { return };
        journal::info(format_args!("the IDE is asked to suspend session={} forced={forced}", self.spec.id));
        ide.signal(if forced { Signal::SIGUSR2 } else { Signal::SIGUSR1 });
        if forced {
            self.relays.close();
            self.phase = Phase::Suspending(now + Duration::from_secs(self.spec.end_within.into()));
        }
    }

    fn turn(&mut self) {
        loop {
            self.door.report(self.poll, &mut self.reports);
            let now = Instant::now();
            if let Phase::Ending(until) = self.phase {
                if until <= now || !self.ide.as_ref().is_some_and(Ide::runs) {
                    return;
                }
            }
            let events = match self.poll.wait(self.due(now)) {
                Ok(events) => events,
                Err(errno) => return journal::error(format_args!("the session can't poll error={errno}")),
            };
            let now = Instant::now();
            for (token, flags) in events {
                self.handle(token, flags, now);
            }
            self.tick(now);
        }
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        let (phase, probe) = match &self.phase {
            Phase::Starting(probe, until) => (Some(*until), Some(probe.due())),
            Phase::Running => (None, None),
            Phase::Suspending(until) | Phase::Ending(until) => (Some(*until), None),
        };
        let refusals = self.refusals.as_ref().and_then(Refusals::due);
        let all = [phase, probe, refusals, self.relays.due(), self.door.due(now), self.reports.due()];
        all.into_iter().flatten().min()
    }

    fn handle(&mut self, token: Token, flags: EpollFlags, now: Instant) {
        let socket = Path::new(&self.spec.command.socket);
        let serves = matches!(self.phase, Phase::Running);
        let (poll, buffer) = (self.poll, &mut self.buffer[..]);
        match token {
            Token::Port => self.relays.accept(poll, socket, self.spec.proxy_uid.0, &mut self.reports, now),
            Token::Proxy(index) => self.relays.ready(poll, index, Side::Proxy, flags, buffer, now),
            Token::Ide(index) => self.relays.ready(poll, index, Side::Ide, flags, buffer, now),
            Token::Control => self.door.accept(poll, &mut self.reports, now),
            Token::Client(index) => self.door.asked(poll, index, door::Ide { socket, serves }, now),
            Token::Launcher => {
                for order in self.door.orders(poll) {
                    match order {
                        Order::Status => self.reports.push(self.said.clone()),
                        Order::End => self.end(now),
                        Order::Suspend { forced } => self.suspend(forced, now),
                    }
                }
            }
            Token::Output => {
                if let Some(ide) = &mut self.ide {
                    ide.drain(poll, buffer);
                }
            }
            Token::Probe => {
                let Phase::Starting(probe, _) = &mut self.phase else { return };
                if probe.ready(now) {
                    self.answered(now);
                }
            }
            Token::Signals => self.signalled(now),
            Token::Denials => {
                if let Some(refusals) = &mut self.refusals {
                    refusals.ready(&mut self.reports, now);
                }
            }
        }
    }

    fn answered(&mut self, now: Instant) {
        if let Err(errno) = self.relays.open(self.poll) {
            return self.fail(Step::Answer, format!("the session's port can't be opened: {errno}"), now);
        }
        journal::info(format_args!("the IDE answers session={}", self.spec.id));
        self.phase = Phase::Running;
        self.say(Report::Running);
    }

    fn signalled(&mut self, now: Instant) {
        while let Ok(Some(caught)) = self.signals.next() {
            match caught.signal {
                // What the session's own processes send is not obeyed: their owner ends it at the page.
                Signal::SIGTERM | Signal::SIGINT if caught.outside || !is_first_process() => self.end(now),
                Signal::SIGCHLD => self.reaped(now),
                _ => {} // HUP: there is no configuration to read again and no terminal to lose
            }
        }
    }

    /// Children ended: orphans of the user's, or the IDE itself.
    fn reaped(&mut self, now: Instant) {
        for (pid, ended) in reap() {
            let Some(ide) = self.ide.as_mut().filter(|ide| ide.pid() == pid && ide.runs()) else { continue };
            ide.reaped(ended, self.poll, &mut self.buffer);
            match self.phase {
                Phase::Starting(..) => {
                    self.fail(Step::Answer, format!("the IDE ended before it answered: {ended}"), now);
                }
                Phase::Running | Phase::Suspending(_) => {
                    let output = ide.lines();
                    self.say(Report::IdeExited { status: ended.to_string(), output });
                    self.end(now);
                }
                Phase::Ending(_) => {}
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        if let Some(refusals) = &mut self.refusals {
            refusals.tick(&mut self.reports, now);
        }
        let socket = Path::new(&self.spec.command.socket);
        if let Phase::Starting(probe, until) = &mut self.phase {
            probe.tick(self.poll, now);
            if *until <= now {
                let within = self.spec.answer_within;
                let why = format!("the IDE did not answer within {within} seconds: {}", probe.last());
                self.fail(Step::Answer, why, now);
            }
        }
        if matches!(self.phase, Phase::Suspending(until) if until <= now) {
            journal::info(format_args!("the IDE did not suspend in time session={}", self.spec.id));
            self.end(now);
        }
        let serves = matches!(self.phase, Phase::Running);
        self.door.tick(self.poll, door::Ide { socket, serves }, now);
        self.relays.tick(self.poll, socket, now);
        self.reports.tick(now);
    }

    fn finish(mut self) -> ExitCode {
        let left_over = end::kill_all(self.ide.as_ref(), &self.spec.cgroups);
        // Left behind by every IDE that is killed. In a directory of the user's: removing a name follows no link.
        let _ = std::fs::remove_file(&self.spec.command.socket);
        journal::info(format_args!("the session ended session={} left_over={left_over}", self.spec.id));
        end::tell_last(self.door.launcher(), &mut self.reports, left_over);
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
