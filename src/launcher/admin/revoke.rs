//! A revocation: everything of a person ends at once: sign-ins with what hangs on them, sessions with all their processes.
//!
//! ORDER: the sign-ins leave the list and the sessions are marked as ending in one turn, whose end writes both to the disk before
//! anybody is told. A launcher that is killed at any moment after the answer finds them gone; one that is killed before it has
//! answered may have revoked or not, and the administrator, who has no answer, asks again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use portcullis_model::audit::Event;
use portcullis_model::key::KeyId;
use portcullis_model::session::EndReason;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, SessionId, SignInId, Uid, UserName};
use portcullis_wire::ToServer;
use portcullis_wire::admin::{FromDaemon, MACHINES_SHOWN, MachineRow, Revocation};
use portcullis_wire::identity::{Machine, StoreAnswer, StoreAsk, StoreRefusal};
use portcullis_wire::keys::KEYS_AT_ONCE;
use portcullis_wire::launcher::SIGN_INS_AT_ONCE;

use super::acts::{Act, By, Doing, processes};
use super::number;
use crate::identity::ForStore;
use crate::launcher::Launcher;
use crate::log::say;
use crate::server::ServerNo;

/// How long sessions wait for the servers to count and cut what hangs on the sign-ins: with its session a stream would end before it
/// is counted. Nobody gets in meanwhile.
const COUNTED_WITHIN: Duration = Duration::from_millis(400);

/// Milliseconds for other machines to carry it out, before is told which have not: twice what they are to need.
const OTHERS_WITHIN: u32 = 2000;

/// Whose sign-ins end in records about everybody's: no account has this name.
const EVERYBODY: &str = "*";

/// One under way.
#[derive(Debug)]
pub(super) struct Revoking {
    /// By when what runs is killed, if it isn't yet.
    pub(super) kill_by: Option<Instant>,
    /// Whose; everybody's are named as the act calls them.
    user: String,
    sessions: Vec<SessionId>,
    /// Servers that have not said what they cut.
    servers: BTreeSet<ServerNo>,
    /// The same of further messages about the same revocation, by their numbers.
    further: BTreeSet<(u64, ServerNo)>,
    /// Where others share the database: which of them have carried it out.
    others: Asked,
    count: Revocation,
}

impl Revoking {
    /// Whether no other machine is asked about it.
    pub(super) fn is_alone(&self) -> bool {
        self.others == Asked::Never
    }
}

/// How far the question about other machines is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// There are none, or nobody waits for the answer.
    Never,
    /// Once the database has what was ended.
    Later,
    /// It is under way.
    Now,
    /// It is answered.
    Done,
}

impl Revoking {
    /// Whether every server has said what it cut.
    fn is_counted(&self) -> bool {
        self.servers.is_empty() && self.further.is_empty()
    }
}

impl Launcher {
    /// Ends everything of a person, told to `peer` when it is done. Who is meant by its name is meant by every number that the sign-ins
    /// and sessions have, and by every name under which `account` is signed in: a provider may have renamed it since.
    pub(crate) fn revoke(
        &mut self,
        user: &UserName,
        account: Option<AccountId>,
        by: &By,
        peer: Option<u64>,
        now: Instant,
    ) {
        self.put_out(user, account, SignInEnd::Revoked, (by, peer), now);
    }

    /// The same for this reason.
    pub(crate) fn put_out(
        &mut self,
        user: &UserName,
        account: Option<AccountId>,
        why: SignInEnd,
        (by, peer): (&By, Option<u64>),
        now: Instant,
    ) {
        self.stop_opening(user, now);
        let live = || self.sessions.values().filter(|entry| entry.kept.session.state.is_live());
        let numbers: BTreeSet<Uid> = self
            .sign_ins
            .values()
            .filter(|one| one.principal.user == *user || (account.is_some() && one.account == account))
            .map(|one| one.principal.uid)
            .chain(live().filter(|entry| entry.kept.session.user == *user).map(|entry| entry.kept.uid))
            .collect();
        let sign_ins: Vec<SignInId> = self
            .sign_ins
            .values()
            .filter(|one| one.principal.user == *user || numbers.contains(&one.principal.uid))
            .map(|one| one.id)
            .collect();
        let sessions: Vec<SessionId> = live()
            .filter(|entry| entry.kept.session.user == *user || numbers.contains(&entry.kept.uid))
            .map(|entry| entry.kept.session.id)
            .collect();
        self.end_all_of(user, (sign_ins, sessions), why, (by, peer), now);
    }

    /// Ends these sign-ins of a person and what hangs on them; sessions live on. Counted and recorded as a revocation is.
    pub(crate) fn end_these(
        &mut self,
        user: &UserName,
        sign_ins: Vec<SignInId>,
        why: SignInEnd,
        by: &By,
        now: Instant,
    ) {
        self.end_all_of(user, (sign_ins, Vec::new()), why, (by, None), now);
    }

    fn end_all_of(
        &mut self,
        user: &UserName,
        (sign_ins, sessions): (Vec<SignInId>, Vec<SessionId>),
        why: SignInEnd,
        (by, peer): (&By, Option<u64>),
        now: Instant,
    ) {
        let keys: Vec<KeyId> = self.keys.take_cuts(user).into_iter().take(KEYS_AT_ONCE).collect();
        let inside = sessions.iter().filter_map(|id| self.sessions.get(id));
        let count = Revocation {
            sign_ins: number(sign_ins.len()),
            keys: number(keys.len()),
            sessions: number(sessions.len()),
            processes: inside.map(processes).fold(0, u32::saturating_add),
            ..Revocation::default()
        };
        say!(
            Info,
            "revoked user={user} sign_ins={} sessions={} by={:?} login={}",
            count.sign_ins,
            count.sessions,
            by.name,
            by.login
        );
        self.log.write(Event::Revoked {
            user: user.to_string(),
            sign_ins: count.sign_ins,
            keys: count.keys,
            sessions: count.sessions,
            processes: count.processes,
            login: by.login,
            by: by.name.clone(),
        });
        let request = self.admin.acts.number();
        // ORDER: before the single ends are told, so that what hangs on the sign-ins is counted before it is cut. One that has
        // the rest would be counted twice, so that a number has one message: an account has fewer sign-ins than fit.
        let told = sign_ins.iter().copied().take(SIGN_INS_AT_ONCE).collect();
        let servers = self.server.hold(ToServer::Revoke { request, sign_ins: told, keys });
        for id in sign_ins {
            self.end_sign_in(id, why);
        }
        for &id in &sessions {
            self.end_soon(id, EndReason::Revoked, now);
        }
        self.dirty.at_once();
        let servers = servers.into_iter().collect();
        let kill_by = Some(now + COUNTED_WITHIN);
        let others = if peer.is_some() && self.shares_accounts() { Asked::Later } else { Asked::Never };
        let revoking = Revoking {
            kill_by,
            user: user.to_string(),
            sessions,
            servers,
            further: BTreeSet::new(),
            others,
            count,
        };
        self.admin.acts.begin(request, peer, Doing::Revokes(revoking), now);
    }

    /// Ends every sign-in of everybody; sessions and keys live on. Told to `peer` when it is done.
    pub(super) fn end_everybody(&mut self, by: &By, peer: Option<u64>, now: Instant) {
        let sign_ins: Vec<SignInId> = self.sign_ins.values().map(|one| one.id).collect();
        let count = Revocation { sign_ins: number(sign_ins.len()), ..Revocation::default() };
        say!(Info, "everybody is signed out sign_ins={} by={:?} login={}", count.sign_ins, by.name, by.login);
        self.log.write(Event::Revoked {
            user: EVERYBODY.into(),
            sign_ins: count.sign_ins,
            keys: 0,
            sessions: 0,
            processes: 0,
            login: by.login,
            by: by.name.clone(),
        });
        let request = self.admin.acts.number();
        let (mut servers, mut further) = (BTreeSet::new(), BTreeSet::new());
        for (at, some) in sign_ins.chunks(SIGN_INS_AT_ONCE).enumerate() {
            let number = if at == 0 { request } else { self.admin.acts.number() };
            let message = ToServer::Revoke { request: number, sign_ins: some.to_vec(), keys: Vec::new() };
            let told = self.server.hold(message);
            match at {
                0 => servers.extend(told),
                _ => further.extend(told.into_iter().map(|server| (number, server))),
            }
        }
        // ORDER: as in `end_all_of`.
        for id in sign_ins {
            self.end_sign_in(id, SignInEnd::Revoked);
        }
        let others = if peer.is_some() && self.shares_accounts() { Asked::Later } else { Asked::Never };
        let (user, sessions) = (EVERYBODY.into(), Vec::new());
        let revoking = Revoking { kill_by: None, user, sessions, servers, further, others, count };
        self.admin.acts.begin(request, peer, Doing::Revokes(revoking), now);
    }

    /// Has servers end what hangs on keys of a person that open nothing any more; told to `peer` when it is over.
    pub(crate) fn cut_these_keys(
        &mut self,
        user: &UserName,
        keys: Vec<KeyId>,
        peer: Option<u64>,
        now: Instant,
    ) {
        let count = Revocation { keys: number(keys.len()), ..Revocation::default() };
        let request = self.admin.acts.number();
        let servers = self.server.hold(ToServer::Revoke { request, sign_ins: Vec::new(), keys });
        let servers = servers.into_iter().collect();
        let revoking = Revoking {
            kill_by: None,
            user: user.to_string(),
            sessions: Vec::new(),
            servers,
            further: BTreeSet::new(),
            others: if peer.is_some() && self.shares_accounts() { Asked::Later } else { Asked::Never },
            count,
        };
        self.admin.acts.begin(request, peer, Doing::Revokes(revoking), now);
    }

    /// `Revoked`: a server says what it cut. One that nobody waits for any more is none.
    pub(crate) fn server_revoked(
        &mut self,
        server: ServerNo,
        request: u64,
        (websockets, transfers, left): (u32, u32, u32),
    ) {
        let acts = &mut self.admin.acts.all;
        let further =
            |act: &Act| matches!(&act.doing, Doing::Revokes(one) if one.further.contains(&(request, server)));
        let own = acts.contains_key(&request).then_some(request);
        let number = own.or_else(|| acts.iter().find(|(_, act)| further(act)).map(|(&number, _)| number));
        let act = number.and_then(|number| acts.get_mut(&number));
        let Some(Doing::Revokes(revoking)) = act.map(|act| &mut act.doing) else { return };
        let first = own.is_some() && revoking.servers.remove(&server);
        if first || revoking.further.remove(&(request, server)) {
            let count = &mut revoking.count;
            count.websockets = count.websockets.saturating_add(websockets);
            count.transfers = count.transfers.saturating_add(transfers);
            count.connections_left = count.connections_left.saturating_add(left);
        }
    }

    /// Which machines have carried it out.
    pub(crate) fn machines_answered(&mut self, act: u64, result: Result<StoreAnswer, StoreRefusal>) {
        let act = self.admin.acts.all.get_mut(&act);
        let Some(Doing::Revokes(revoking)) = act.map(|act| &mut act.doing) else { return };
        let Ok(StoreAnswer::Machines(all)) = result else {
            revoking.others = Asked::Later;
            return;
        };
        let row = |one: Machine| MachineRow { name: one.name, applied: one.applied, silent: one.silent };
        revoking.count.machines = all.into_iter().take(MACHINES_SHOWN).map(row).collect();
        revoking.others = Asked::Done;
    }

    /// A server is gone, and all that hung on it.
    pub(crate) fn server_gone_from_acts(&mut self, server: ServerNo) {
        for act in self.admin.acts.all.values_mut() {
            if let Doing::Revokes(revoking) = &mut act.doing {
                revoking.servers.remove(&server);
                revoking.further.retain(|(_, one)| *one != server);
            }
        }
    }

    /// What was ended, once that is over.
    pub(super) fn revoked(
        &mut self,
        (act, revoking): (u64, &mut Revoking),
        began: Instant,
        now: Instant,
        late: bool,
    ) -> Option<Vec<FromDaemon>> {
        let written = self.identity.rows.ends_are_written()
            && self.keys.owed().next().is_none()
            && self.identity.store.is_ready();
        if revoking.others == Asked::Later && written {
            revoking.others = Asked::Now;
            self.ask_store(ForStore::Machines(act), StoreAsk::Machines { within: OTHERS_WITHIN }, now);
        }
        // A database that is away is not waited for: what is owed is told.
        let asked = match revoking.others {
            Asked::Never | Asked::Done => false,
            Asked::Later => !self.identity.others.is_away(),
            Asked::Now => true,
        };
        if revoking.kill_by.is_some_and(|by| revoking.is_counted() || now >= by) {
            revoking.kill_by = None;
            revoking.sessions.iter().for_each(|id| self.kill_now(*id, now));
        }
        let live =
            |id: &&SessionId| self.sessions.get(*id).is_some_and(|entry| entry.kept.session.state.is_live());
        let count = &mut revoking.count;
        count.sessions_left = number(revoking.sessions.iter().filter(live).count());
        let further = revoking.further.iter().map(|(_, server)| server);
        let silent: BTreeSet<&ServerNo> = revoking.servers.iter().chain(further).collect();
        count.servers_silent = number(silent.len());
        count.owed = matches!(revoking.others, Asked::Later | Asked::Now);
        if (count.sessions_left > 0 || count.servers_silent > 0 || asked) && !late {
            return None;
        }
        let took = now.saturating_duration_since(began);
        count.micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let left = count.connections_left + count.sessions_left + count.servers_silent;
        if left > 0 {
            say!(
                Warn,
                "a revocation is not whole yet user={} connections={} sessions={} silent servers={}",
                revoking.user,
                count.connections_left,
                count.sessions_left,
                count.servers_silent
            );
        }
        self.log.write(Event::RevocationDone {
            user: revoking.user.clone(),
            websockets: count.websockets,
            transfers: count.transfers,
            left,
            milliseconds: count.micros / 1000,
        });
        Some(vec![FromDaemon::Revoked(Box::new(count.clone()))])
    }
}
