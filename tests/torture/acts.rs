//! What happens, one event at a time: to the daemon, and to people of whom each is made anew afterwards.

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use portcullis_testing::{place, process, until};
use std::process::Command;

use crate::campaign::Campaign;
use crate::events::{Event, Kind};

/// By when nothing of a revoked person runs any more; what is acknowledged as whole is gone at once.
const GONE: u64 = 5;

impl Campaign {
    /// Has it happen, with what follows at once.
    ///
    /// # Errors
    /// When the daemon does not come back, or a person is not served.
    pub(crate) fn happen(&mut self, event: Event) -> Result<()> {
        let victim = event.lot % self.victims.len();
        match event.kind {
            Kind::KillSession => self.kill_session(victim, event),
            Kind::SignOut => self.sign_out(victim, event),
            Kind::Revoke | Kind::Lock => self.revoke(victim, event),
            Kind::EndSession => self.end_session(victim, event),
            kind => self.disturb(kind, event.lot),
        }
    }

    fn disturb(&mut self, kind: Kind, lot: usize) -> Result<()> {
        self.world.forget_notifications()?;
        match kind {
            Kind::Reload => {
                self.world.set("portcullis.conf", &format!("session-end-seconds={}", 5 + lot % 10))?;
                self.world.reload()?;
                self.ledger.acknowledge("configured", "accepted");
            }
            Kind::Restart | Kind::Upgrade => {
                if kind == Kind::Upgrade {
                    self.programs.rotate_left(1);
                    let next = self.programs[0].clone();
                    self.world.switch_to(&next);
                }
                let status = self.world.stop(Signal::SIGTERM)?;
                ensure!(status.success(), "the launcher ended with {status}");
                self.world.launch()?;
            }
            Kind::KillLauncher => {
                self.world.stop(Signal::SIGKILL)?;
                self.world.launch()?;
            }
            Kind::KillServer => {
                process::kill_hard(self.world.server()?.pid)?;
                self.world.await_ready()?;
            }
            Kind::KillBoth => {
                let (launcher, server) = (self.world.launcher_pid()?, self.world.server()?.pid);
                // The launcher first: it would start another server else.
                process::kill_hard(launcher)?;
                process::kill_hard(server)?;
                self.world.stop(Signal::SIGKILL)?;
                self.world.launch()?;
            }
            Kind::KillStore => self.kill_store()?,
            Kind::KillSession | Kind::SignOut | Kind::Revoke | Kind::Lock | Kind::EndSession => {}
        }
        if kind.brings_a_server() {
            self.board.next_generation();
        }
        Ok(())
    }

    /// Another one keeps accounts before anybody signs in again; whoever is in notices nothing.
    fn kill_store(&self) -> Result<()> {
        let launcher = self.world.launcher_pid()?;
        let store = || {
            let named = |pid: i32| {
                std::fs::read_to_string(format!("/proc/{pid}/comm"))
                    .is_ok_and(|name| name.trim() == "pc-store")
            };
            process::descendants(launcher).into_iter().map(|one| one.pid).find(|pid| named(*pid))
        };
        let before = store().context("there is no store")?;
        process::kill_hard(before)?;
        until::is("another store answers", 20, || {
            store().is_some_and(|now| now != before) && self.command(&["users", "list"]).is_ok()
        })
    }

    fn follow(&mut self, event: Event) -> Result<()> {
        event.then.map_or(Ok(()), |kind| self.disturb(kind, event.lot))
    }

    /// A revocation was acknowledged, the kill that follows is done: what was open must be cut, now or by now.
    fn must_be_cut(&mut self, victim: usize, event: Event) {
        let person = &mut self.victims[victim];
        if let Err(error) = person.is_cut() {
            self.lost_revocations.push(format!("{} after {event}: {error:#}", person.account.name));
        }
    }

    fn sign_out(&mut self, victim: usize, event: Event) -> Result<()> {
        let person = &self.victims[victim];
        let (name, cookie) = (person.account.name.clone(), person.revoked(event.to_string())?);
        person.client.post("/auth-sign-out", &[])?.expect(200).context("a sign-out")?;
        self.ledger.acknowledge("sign-in-ended", &format!("{name} signed-out"));
        self.ledger.revoked.push(cookie);
        self.follow(event)?;
        self.must_be_cut(victim, event);
        self.victims[victim].sign_in_again(&self.world, &mut self.ledger)
    }

    fn revoke(&mut self, victim: usize, event: Event) -> Result<()> {
        let person = &self.victims[victim];
        let (name, uid) = (person.account.name.clone(), person.account.uid);
        let (cookie, session) = (person.revoked(event.to_string())?, person.session.clone());
        if event.kind == Kind::Lock {
            self.command(&["users", "lock", &name])?;
            self.ledger.acknowledge("account-locked", &name);
        } else {
            self.command(&["revoke", &name])?;
            self.ledger.acknowledge("revoked", &name);
        }
        self.ledger.acknowledge("sign-in-ended", &format!("{name} revoked"));
        self.ledger.revoked.push(cookie);
        self.ledger.end(&session);
        self.follow(event)?;
        self.must_be_cut(victim, event);
        if until::is("nothing runs", GONE, || process::of_user(uid).is_empty()).is_err() {
            let left: Vec<String> = process::of_user(uid).iter().map(|one| one.name().to_owned()).collect();
            self.lost_revocations.push(format!("{name} after {event}: processes are left: {left:?}"));
        }
        self.ledger.await_end(&session, &event.to_string());
        if event.kind == Kind::Lock {
            self.command(&["users", "unlock", &name])?;
            self.ledger.acknowledge("account-unlocked", &name);
        }
        self.victims[victim].sign_in_again(&self.world, &mut self.ledger)?;
        self.victims[victim].start_again(&mut self.ledger)
    }

    fn end_session(&mut self, victim: usize, event: Event) -> Result<()> {
        let person = &self.victims[victim];
        let session = person.session.clone();
        if event.lot % 3 == 0 {
            self.command(&["session", "kill", &session])?;
        } else {
            let path = format!("/sessions/{session}/stop");
            person.client.post(&path, &[])?.expect(303).context("the end of a session")?;
        }
        self.ledger.end(&session);
        self.follow(event)?;
        self.gone(victim, event)
    }

    fn kill_session(&mut self, victim: usize, event: Event) -> Result<()> {
        let person = &self.victims[victim];
        let keeper = process::read(person.process)?.parent;
        let pid = [keeper, person.process, person.ide.0][event.lot / 7 % 3];
        ensure!(pid > 1, "the session of {} has no such process", person.account.name);
        self.ledger.end(&person.session.clone());
        process::kill_hard(pid)?;
        self.follow(event)?;
        self.gone(victim, event)
    }

    /// A session is over: its end is recorded, its processes are gone, and its owner starts another one.
    fn gone(&mut self, victim: usize, event: Event) -> Result<()> {
        let session = self.victims[victim].session.clone();
        self.ledger.await_end(&session, &event.to_string());
        self.victims[victim].held = None;
        let person = &mut self.victims[victim];
        let uid = person.account.uid;
        if until::is("nothing runs", GONE, || process::of_user(uid).is_empty()).is_err() {
            self.left_over.push(format!("session {session} after {event}"));
        }
        person.start_again(&mut self.ledger)
    }

    /// Runs a verb of `portcullis`, which must say that it did it.
    fn command(&self, args: &[&str]) -> Result<()> {
        let mut command = Command::new(place::program("portcullis"));
        let output = command.args(args).arg("--run-dir").arg(self.world.run_dir()).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "portcullis {}: {}: {said}", args.join(" "), output.status);
        Ok(())
    }
}
