//! A revocation: everything of a person ends at once: sign-ins with what hangs on them, sessions with all their processes.
//!
//! ORDER: the sign-ins leave the list and the sessions are marked as ending in one turn, whose end writes both to the disk before
//! anybody is told. A launcher that is killed at any moment after the answer finds them gone; one that is killed before it has
//! answered may have revoked or not, and the administrator, who has no answer, asks again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use portcullis_model::audit::Event;
use portcullis_model::session::EndReason;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{SessionId, SignInId, Uid, UserName};
use portcullis_wire::ToServer;
use portcullis_wire::admin::{FromDaemon, Revocation};
use portcullis_wire::launcher::SIGN_INS_AT_ONCE;

use super::acts::{By, Doing, processes};
use super::number;
use crate::launcher::Launcher;
use crate::log::say;
use crate::server::ServerNo;

/// How long sessions wait for the servers to count and cut what hangs on the sign-ins: with its session a stream would end before it
/// is counted. Nobody gets in meanwhile.
const COUNTED_WITHIN: Duration = Duration::from_millis(100);

/// One under way.
#[derive(Debug)]
pub(super) struct Revoking {
    /// By when what runs is killed, if it isn't yet.
    pub(super) kill_by: Option<Instant>,
    user: UserName,
    sessions: Vec<SessionId>,
    /// Servers that have not said what they cut.
    servers: BTreeSet<ServerNo>,
    count: Revocation,
}

impl Launcher {
    /// Ends everything of a person, told to `peer` when it is done. An account is meant by its name and by every number that
    /// its sign-ins and sessions have.
    pub(crate) fn revoke(&mut self, user: &UserName, by: &By, peer: Option<u64>, now: Instant) {
        let live = || self.sessions.values().filter(|entry| entry.kept.session.state.is_live());
        let numbers: BTreeSet<Uid> = self
            .sign_ins
            .values()
            .map(|one| &one.principal)
            .filter(|who| who.user == *user)
            .map(|who| who.uid)
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
        let inside = sessions.iter().filter_map(|id| self.sessions.get(id));
        let count = Revocation {
            sign_ins: number(sign_ins.len()),
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
            sessions: count.sessions,
            processes: count.processes,
            login: by.login,
            by: by.name.clone(),
        });
        let request = self.admin.acts.number();
        // ORDER: before the single ends are told, so that what hangs on the sign-ins is counted before it is cut. One that has
        // the rest would be counted twice, so that a number has one message: an account has fewer sign-ins than fit.
        let told = sign_ins.iter().copied().take(SIGN_INS_AT_ONCE).collect();
        let servers = self.server.hold(ToServer::Revoke { request, sign_ins: told });
        for id in sign_ins {
            self.end_sign_in(id, SignInEnd::Revoked);
        }
        for &id in &sessions {
            self.end_soon(id, EndReason::Revoked, now);
        }
        self.dirty.at_once();
        let servers = servers.into_iter().collect();
        let kill_by = Some(now + COUNTED_WITHIN);
        let revoking = Revoking { kill_by, user: user.clone(), sessions, servers, count };
        self.admin.acts.begin(request, peer, Doing::Revokes(revoking), now);
    }

    /// `Revoked`: a server says what it cut. One that nobody waits for any more is none.
    pub(crate) fn server_revoked(
        &mut self,
        server: ServerNo,
        request: u64,
        (websockets, transfers, left): (u32, u32, u32),
    ) {
        let act = self.admin.acts.all.get_mut(&request);
        let Some(Doing::Revokes(revoking)) = act.map(|act| &mut act.doing) else { return };
        if revoking.servers.remove(&server) {
            let count = &mut revoking.count;
            count.websockets = count.websockets.saturating_add(websockets);
            count.transfers = count.transfers.saturating_add(transfers);
            count.connections_left = count.connections_left.saturating_add(left);
        }
    }

    /// A server is gone, and all that hung on it.
    pub(crate) fn server_gone_from_acts(&mut self, server: ServerNo) {
        for act in self.admin.acts.all.values_mut() {
            if let Doing::Revokes(revoking) = &mut act.doing {
                revoking.servers.remove(&server);
            }
        }
    }

    /// What was ended, once that is over.
    pub(super) fn revoked(
        &mut self,
        revoking: &mut Revoking,
        began: Instant,
        now: Instant,
        late: bool,
    ) -> Option<Vec<FromDaemon>> {
        if revoking.kill_by.is_some_and(|by| revoking.servers.is_empty() || now >= by) {
            revoking.kill_by = None;
            revoking.sessions.iter().for_each(|id| self.kill_now(*id, now));
        }
        let live =
            |id: &&SessionId| self.sessions.get(*id).is_some_and(|entry| entry.kept.session.state.is_live());
        let count = &mut revoking.count;
        count.sessions_left = number(revoking.sessions.iter().filter(live).count());
        count.servers_silent = number(revoking.servers.len());
        if (count.sessions_left > 0 || count.servers_silent > 0) && !late {
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
            user: revoking.user.to_string(),
            websockets: count.websockets,
            transfers: count.transfers,
            left,
            milliseconds: count.micros / 1000,
        });
        Some(vec![FromDaemon::Revoked(Box::new(count.clone()))])
    }
}
