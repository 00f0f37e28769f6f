//! The administrator's socket: root's own command asks, the launcher answers from one table.
//!
//! The socket is root's (0600), and whoever connects is asked of the kernel all the same. A request that changes something is
//! answered once its record and the state are on disk. It must not answer the server, nor anybody but uid 0: callers' messages
//! are taken for an administrator's will.

mod accounts;
pub(crate) mod acts;
mod keys;
mod ldap;
mod offline;
mod peers;
mod reload;
mod revoke;
mod rotate;
mod rows;
mod table;

use std::time::Instant;

use portcullis_wire::admin::{
    EXEMPTIONS_AT_ONCE, FromDaemon, LOADS_AT_ONCE, PEOPLE_AT_ONCE, Refusal, SESSIONS_AT_ONCE, Status,
    ToDaemon, Which,
};

use portcullis_wire::identity::StoreAsk;

pub(crate) use self::acts::By;
use self::acts::Doing;
pub(crate) use self::peers::Admin;
use self::table::{Effect, kind, row};
use crate::accounts::looks::Deed;
use crate::launcher::{Launcher, Mode};
use crate::log::say;

impl Launcher {
    /// What root asks, of whoever is connected.
    pub(crate) fn hear_admin(&mut self, now: Instant) {
        self.admin.accept(now);
        for (peer, request) in self.admin.requests(now) {
            let row = row(kind(&request));
            let login = self.admin.login(peer);
            let answer =
                self.permit(&request, now).and_then(|()| self.carry_out(request, (peer, login), now));
            match answer {
                Ok(answer) if row.effect == Effect::Changes => self.admin.hold(peer, answer),
                // While the disk is full, that is what `portcullis status` is asked for.
                Ok(answer) => self.admin.tell(peer, answer),
                Err(refusal) => {
                    say!(Info, "an administrator's request was refused request={}: {refusal}", row.name);
                    self.admin.tell(peer, vec![FromDaemon::Refused(refusal)]);
                }
            }
        }
    }

    /// Whether the table lets a request through now.
    fn permit(&mut self, request: &ToDaemon, now: Instant) -> Result<(), Refusal> {
        let kind = kind(request);
        let row = row(kind);
        if !self.admin.meter.permits(kind, now.duration_since(self.began).as_secs()) {
            return Err(Refusal::TooMany(row.per_second));
        }
        match row.effect {
            Effect::Reads => Ok(()),
            Effect::Changes if !matches!(self.mode, Mode::Serving) => Err(Refusal::Ending),
            Effect::Changes if !self.is_healthy() => Err(Refusal::NotWritable),
            Effect::Changes => Ok(()),
        }
    }

    /// One arm per row of the table; nothing is answered yet where something takes a while. `login` is whose login session asks,
    /// for the audit log.
    fn carry_out(
        &mut self,
        request: ToDaemon,
        (peer, login): (u64, i64),
        now: Instant,
    ) -> Result<Vec<FromDaemon>, Refusal> {
        let mut answer = match request {
            ToDaemon::Status => {
                let loads = self.loads();
                let loads = loads.chunks(LOADS_AT_ONCE).map(|some| FromDaemon::Loads(some.to_vec()));
                std::iter::once(FromDaemon::Status(Box::new(self.status()))).chain(loads).collect()
            }
            ToDaemon::Exempt { user, flag, seconds, reason, session } => {
                let exemption = self.exempt(user, flag, seconds, &reason, session, login)?;
                let running = self.sessions.values().filter(|entry| {
                    entry.kept.session.state.is_live()
                        && entry.kept.session.user == exemption.user
                        && exemption.session.is_none_or(|id| entry.kept.session.id == id)
                });
                let running = number(running.count());
                vec![FromDaemon::Exempted { exemption: Box::new(exemption), running }]
            }
            ToDaemon::Exemptions => {
                let all: Vec<_> = self.exemptions.values().map(|kept| kept.exemption.clone()).collect();
                all.chunks(EXEMPTIONS_AT_ONCE).map(|some| FromDaemon::Exemptions(some.to_vec())).collect()
            }
            ToDaemon::EndExemption { id } => {
                let ended = self.withdraw(id, login).ok_or(Refusal::Exemption(id))?;
                vec![FromDaemon::Ended(Box::new(ended))]
            }
            ToDaemon::WhyAlive { session } => {
                let why = self.why_alive(session).ok_or(Refusal::NoSession(session))?;
                self.looked_at_session(session, &By::command(login, ""), Deed::Explained, now);
                vec![FromDaemon::WhyAlive(Box::new(why))]
            }
            ToDaemon::Sessions { which, ended } => {
                let rows = self.session_rows(&which, ended);
                let by = By::command(login, "");
                match &which {
                    Which::Session(id) => self.looked_at_session(*id, &by, Deed::Looked, now),
                    Which::User(user) => self.note_look(user, None, &by, Deed::Looked, now),
                    Which::All | Which::Process(_) => {}
                }
                rows.chunks(SESSIONS_AT_ONCE).map(|some| FromDaemon::Sessions(some.to_vec())).collect()
            }
            ToDaemon::People => {
                let rows = self.people_rows();
                rows.chunks(PEOPLE_AT_ONCE).map(|some| FromDaemon::People(some.to_vec())).collect()
            }
            ToDaemon::EndSessions { which, manner, several, by } => {
                let by = By::command(login, &by);
                let rows = self.end_sessions(&which, manner, several, &by, now)?;
                let act = self.admin.acts.number();
                self.admin.acts.begin(act, Some(peer), Doing::Ends(rows), now);
                return Ok(Vec::new());
            }
            ToDaemon::Revoke { user, by } => {
                let by = By::command(login, &by);
                self.note_look(&user, None, &by, Deed::Revoked, now);
                self.end_keys_of(&user, None, &by);
                self.revoked_for_all(&user, None);
                self.revoke(&user, None, &by, Some(peer), now);
                return Ok(Vec::new());
            }
            ToDaemon::GoOffline { message, suspend, by } => {
                vec![self.go_offline(&message, suspend, &By::command(login, &by), now)?]
            }
            ToDaemon::GoOnline { by } => vec![self.go_online(&By::command(login, &by))],
            ToDaemon::Reload { by } => match self.reload_for(peer, &By::command(login, &by), now) {
                Some(answer) => vec![answer],
                None => return Ok(Vec::new()),
            },
            ToDaemon::Accounts { after, locked, matching } => {
                let ask = StoreAsk::List { after, locked, matching };
                self.ask_for_administrator(peer, By::command(login, ""), ask, now);
                return Ok(Vec::new());
            }
            ToDaemon::Account { who } => {
                self.ask_for_administrator(peer, By::command(login, ""), StoreAsk::Find(who), now);
                return Ok(Vec::new());
            }
            ToDaemon::AccountAct { act, by } => {
                let by = By::command(login, &by);
                let ask = StoreAsk::Act { by: by.name.clone(), act };
                self.ask_for_administrator(peer, by, ask, now);
                return Ok(Vec::new());
            }
            ToDaemon::SyncUsers { user, by } => {
                self.sync_for(user.as_ref(), &By::command(login, &by), peer, now);
                return Ok(Vec::new());
            }
            ToDaemon::Keys => self.tell_admin_keys(),
            ToDaemon::EndKey { key, by } => {
                return self.end_key_for_admin(peer, key, &By::command(login, &by), now);
            }
            ToDaemon::RotateKeys { revoke_old, by } => {
                let told = self.rotate_keys(revoke_old, &By::command(login, &by), peer, now)?;
                if told.is_empty() {
                    return Ok(told);
                }
                told
            }
            ToDaemon::LdapTest { user, password } => {
                self.test_directories(peer, user, password.0, now)?;
                return Ok(Vec::new());
            }
        };
        answer.push(FromDaemon::Done);
        Ok(answer)
    }

    fn status(&self) -> Status {
        let live = self.sessions.values().filter(|entry| entry.kept.session.state.is_live());
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: nix::unistd::getpid().as_raw(),
            uptime: self.began.elapsed().as_secs(),
            address: self.listeners.address.to_string(),
            serving: self.server.is_serving(),
            writable: self.is_healthy(),
            generation: self.active.generation,
            sign_ins: number(self.sign_ins.len()),
            sessions: number(live.count()),
            exemptions: number(self.exemptions.len()),
            not_recorded: self.recorder.why_not(),
            offline: self.offline.clone(),
            servers: self.servers_state(),
            others: self.others_state(),
        }
    }
}

pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
