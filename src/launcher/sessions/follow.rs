//! Following sessions: what keeper and session process say, becomes state, audit record and message to the server.

use std::time::Instant;

use nix::sys::signal::Signal;
use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_model::session::{End, Ide, OUTPUT_LINES, State, Step, Transport, door_path};
use portcullis_policy::rstudio::exit_words;
use portcullis_sys::cgroup::{Group, Refusals};
use portcullis_sys::process::{Ended, Process};
use portcullis_sys::socket::remove_socket;
use portcullis_wire::{Report, ToServer, WireError};

use super::limits::was_killed;
use super::patience::PATIENCE;
use super::talk::FromKeeper;
use super::{PamOpened, end_reason};
use crate::launcher::Launcher;
use crate::log::{Level, chain, say};
use crate::{clock, log, text};

/// Longest line of an IDE's output that is kept, in characters.
const LINE_MAX: usize = 1000;

impl Launcher {
    /// What the keeper says.
    pub(crate) fn hear_keeper(&mut self, id: SessionId, now: Instant) {
        loop {
            let Some(entry) = self.sessions.get_mut(&id) else { return };
            let Some(words) = &entry.words else { return };
            match words.receive::<FromKeeper>() {
                Ok((FromKeeper::Opened { env, groups, login }, _)) => {
                    self.pam_opened(id, PamOpened { env, groups, login }, now);
                }
                Ok((FromKeeper::Looked { answers, done }, _)) => self.looked(id, answers, done),
                Ok((FromKeeper::Started(known), _)) => {
                    entry.kept.process = Some(known);
                    self.dirty.at_once();
                    self.prove(id);
                }
                Ok((FromKeeper::Failed { step, why }, _)) => {
                    entry.told.closed = true;
                    self.start_failed(id, step, &why, &[]);
                }
                Ok((FromKeeper::Closed { status, left_over, killed, forks }, _)) => {
                    entry.told.closed = true;
                    entry.told.left_over += left_over;
                    say!(Debug, "a keeper closed session={id} process={status:?} left_over={left_over}");
                    self.refused_last(id, Refusals { killed, forks });
                }
                Err(WireError::WouldBlock) => return,
                Err(error) => {
                    if !matches!(error, WireError::Closed) {
                        say!(Error, "a keeper's channel session={id}: {}", chain(&error));
                    }
                    entry.words = None;
                    return;
                }
            }
        }
    }

    /// What the session process reports.
    pub(crate) fn hear_session(&mut self, id: SessionId, now: Instant) {
        loop {
            let Some(entry) = self.sessions.get_mut(&id) else { return };
            let Some(reports) = &entry.reports else { return };
            let report = match reports.receive::<Report>() {
                Ok((report, _)) => report,
                Err(WireError::WouldBlock) => return,
                Err(error) => {
                    if !matches!(error, WireError::Closed) {
                        say!(Error, "a session's channel session={id}: {}", chain(&error));
                    }
                    entry.reports = None;
                    return;
                }
            };
            self.reported(id, report, now);
        }
    }

    fn reported(&mut self, id: SessionId, report: Report, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        match report {
            Report::Proof(line) => {
                entry.told.proof = Some(line);
                self.prove(id);
            }
            Report::Step(step) if matches!(entry.kept.session.state, State::Launching(_)) => {
                self.set_state(id, State::Launching(step));
            }
            Report::Step(_) => {}
            Report::Running => {
                if matches!(entry.kept.session.state, State::Launching(_)) {
                    entry.deadline = None;
                    entry.kept.session.last_activity = clock::seconds();
                    say!(Info, "session runs session={id}");
                    self.log.counts.runs(id, entry.kept.session.ide.word(), now);
                    self.dirty.at_once();
                    self.set_state(id, State::Running);
                }
            }
            Report::Failed { step, why, output } => {
                self.look_at_end(id);
                self.start_failed(id, step, &why, &output);
            }
            Report::IdeExited { status, output } => {
                self.look_at_end(id);
                self.suspended(id, &status);
                let Some(entry) = self.sessions.get_mut(&id) else { return };
                entry.told.ide_killed = was_killed(&status);
                let words = match entry.kept.session.ide {
                    Ide::Rstudio => exit_words(&status).map(|words| format!("{status}: {words}")),
                    Ide::Jupyter | Ide::CodeServer | Ide::App(_) => None,
                };
                let status = words.unwrap_or(status);
                entry.told.exited.get_or_insert_with(|| text::printable(&status, text::TEXT_MAX));
                entry.told.output = clean(&output);
                self.ending(id, now);
            }
            Report::PeerRefused { peer, count } => {
                let port = port(entry.kept.session.transport);
                // One that was gone before the kernel could be asked is nobody to look for.
                let level = if peer < 0 { Level::Info } else { Level::Warn };
                let about = format!("session={id} port={port} uid={peer} count={count}");
                log::line(level, format_args!("a stranger connected to a session {about}"));
                self.log.write(Event::PeerRefused { session: id, port, peer });
            }
            Report::ConnectionRefused { target, packet, count } => {
                let session = &entry.kept.session;
                self.log.write(Event::Refusal {
                    session: id,
                    user: session.user.to_string(),
                    ide: session.ide.word().into(),
                    // Not known: what was refused is told by the rules, after the act.
                    pid: 0,
                    program: String::new(),
                    what: if packet { "packet" } else { "connect or sendto" }.into(),
                    target: target.to_string(),
                    by: "network".into(),
                    count: count.into(),
                });
            }
            Report::Ended { left_over } => {
                entry.told.left_over += left_over;
                self.ending(id, now);
            }
        }
    }

    pub(super) fn start_failed(&mut self, id: SessionId, step: Step, why: &str, output: &[String]) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let why = text::printable(why, text::TEXT_MAX);
        say!(Info, "session start failed session={id} step={step:?} why={why:?}");
        entry.told.failed.get_or_insert((step, why));
        if !output.is_empty() {
            entry.told.output = clean(output);
        }
        self.ending(id, Instant::now());
    }

    /// Its end has begun, whoever began it: it is to be over in time.
    pub(super) fn ending(&mut self, id: SessionId, now: Instant) {
        let patience = self.active.seconds(|conf| conf.session_end_seconds) + PATIENCE;
        if let Some(entry) = self.sessions.get_mut(&id) {
            if !matches!(entry.kept.session.state, State::Ending | State::Ended(_)) {
                entry.deadline = Some(now + patience);
                self.dirty.soon();
                self.set_state(id, State::Ending);
            }
        }
    }

    /// The record of the start, once both its halves are known.
    pub(super) fn prove(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let (Some(known), Some(proof)) = (entry.kept.process, &entry.told.proof) else { return };
        if std::mem::replace(&mut entry.kept.proven, true) {
            return;
        }
        let session = &entry.kept.session;
        self.log.write(Event::SessionStarted {
            session: id,
            user: session.user.to_string(),
            ide: session.ide.to_string(),
            pid: known.pid,
            port: port(session.transport),
            proof: proof.clone(),
        });
        self.dirty.at_once();
    }

    pub(super) fn set_state(&mut self, id: SessionId, state: State) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.kept.session.state != state {
            entry.kept.session.state = state;
            self.server.hold(ToServer::Session(Box::new(entry.kept.session.clone())));
        }
    }

    /// A keeper of ours ended.
    pub(crate) fn keeper_ended(&mut self, id: SessionId, ended: Ended, now: Instant) {
        self.hear_keeper(id, now);
        self.hear_session(id, now);
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.keeper = None;
        entry.words = None;
        if !entry.told.closed {
            say!(Warn, "a keeper ended before its session session={id}: {ended}");
            self.log.write(Event::ProcessLost { process: "keeper".into(), status: ended.to_string() });
        }
        self.without_keeper(id, now);
    }

    /// An adopted keeper, or the session process of a lost one, ended.
    pub(crate) fn watched_ended(&mut self, id: SessionId, now: Instant) {
        self.hear_session(id, now);
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.lost.as_ref().is_some_and(Process::has_ended) {
            entry.lost = None;
            self.over(id);
        } else if entry.keeper.as_ref().is_some_and(Process::has_ended) {
            entry.keeper = None;
            self.without_keeper(id, now);
        }
    }

    /// Without its keeper the session process gets `SIGTERM` from the kernel and ends its own; it is waited for.
    pub(super) fn without_keeper(&mut self, id: SessionId, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let process = entry.kept.process.filter(|_| !entry.told.closed);
        match process.and_then(|known| Process::open_started(known.pid, known.started).ok()) {
            Some(process) => {
                let _ = process.signal(Signal::SIGTERM);
                entry.lost = Some(process);
                entry.killed = false;
                self.ending(id, now);
            }
            None => self.over(id),
        }
    }

    /// Nothing of it runs any more.
    pub(super) fn over(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if !entry.kept.session.state.is_live() {
            return;
        }
        let group = Group::at(std::mem::take(&mut entry.kept.cgroups));
        let _ = remove_socket(&door_path(&self.dirs.run, id));
        // Mostly nothing: its keeper did it. Else what is left in the group ends now.
        self.clear(id, &group);
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.over = Some(Instant::now());
        let why =
            end_reason(entry.kept.ending.as_ref(), &entry.told, entry.kept.session.load.killed.as_ref());
        let step = entry.told.failed.as_ref().map(|(step, _)| *step);
        let output = std::mem::take(&mut entry.told.output);
        let suspended = entry.told.suspended;
        entry.kept.session.warning = None;
        entry.deadline = None;
        entry.reports = None;
        entry.kept.process = None;
        entry.kept.keeper = None;
        if let Some(watched) = &entry.kept.watched {
            self.recorder.forget(watched.login);
        }
        say!(Info, "session ended session={id} why={why:?}");
        self.log.write(Event::SessionEnded {
            session: id,
            user: entry.kept.session.user.to_string(),
            why: why.clone(),
            left_over: entry.told.left_over,
            suspended,
        });
        self.dirty.at_once();
        self.set_state(id, State::Ended(End { why, step, output, at: clock::seconds(), suspended }));
    }
}

const fn port(transport: Transport) -> u16 {
    match transport {
        Transport::Tcp(port) => port.0,
        Transport::Unix => 0,
    }
}

/// The last lines of an IDE's output, fit for a page.
fn clean(output: &[String]) -> Vec<String> {
    let from = output.len().saturating_sub(OUTPUT_LINES);
    output[from..].iter().map(|line| text::printable(line, LINE_MAX)).collect()
}
