//! What administrators do to sessions, and what of it takes a while: an act is answered when it is over, or has had its time.
//!
//! Who may is decided before: the command is root's, and the pages' rights are checked by their caller.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_model::session::{EndReason, Manner, State};
use portcullis_sys::cgroup::Group;
use portcullis_sys::tree;
use portcullis_wire::admin::{EndedRow, FromDaemon, LOADS_AT_ONCE, Refusal, Which};

use super::number;
use super::reload::Reloading;
use super::revoke::Revoking;
use crate::accounts::looks::Deed;
use crate::accounts::sync::Syncing;
use crate::launcher::Launcher;
use crate::log::say;
use crate::sessions::Entry;
use crate::text::{NAME_MAX, printable};

/// How long an answer waits for what was asked to be over: below the command's own patience.
const WITHIN: Duration = Duration::from_secs(7);

/// Who does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct By {
    /// Whose login session it is, as the kernel says; -1 when it doesn't know, or it is asked for in a browser.
    pub(crate) login: i64,
    /// The name: who is signed in, or as root's command says it.
    pub(crate) name: String,
}

impl By {
    /// Root's command.
    pub(crate) fn command(login: i64, name: &str) -> Self {
        let name = printable(name.trim(), NAME_MAX);
        Self { login, name: if name.is_empty() { "root".to_owned() } else { name } }
    }

    /// Somebody who is signed in.
    pub(crate) fn signed_in(name: &str) -> Self {
        Self { login: -1, name: name.to_owned() }
    }
}

/// Something that takes a while, and who waits for it.
#[derive(Debug)]
pub(super) struct Act {
    /// The caller at the administrator's socket; none where nobody waits.
    pub(super) peer: Option<u64>,
    pub(super) began: Instant,
    until: Instant,
    pub(super) doing: Doing,
}

/// What.
#[derive(Debug)]
pub(super) enum Doing {
    /// These sessions end.
    Ends(Vec<EndedRow>),
    /// All of a person ends.
    Revokes(Revoking),
    /// The server takes a configuration up.
    Reloads(Reloading),
    /// People are looked up.
    Syncs(Syncing),
}

/// All that is under way, by a number that servers answer with.
#[derive(Debug, Default)]
pub(crate) struct Acts {
    pub(super) all: BTreeMap<u64, Act>,
    last: u64,
}

impl Acts {
    /// A number for the next.
    pub(super) const fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Begins one.
    pub(super) fn begin(&mut self, number: u64, peer: Option<u64>, doing: Doing, now: Instant) {
        self.all.insert(number, Act { peer, began: now, until: now + WITHIN, doing });
    }

    /// Begins to wait for looks at people.
    pub(crate) fn begin_sync(&mut self, syncing: Syncing, peer: u64, now: Instant) {
        let number = self.number();
        self.begin(number, Some(peer), Doing::Syncs(syncing), now);
    }

    /// Those that wait for looks.
    pub(crate) fn syncing(&mut self) -> impl Iterator<Item = &mut Syncing> {
        self.all.values_mut().filter_map(|act| match &mut act.doing {
            Doing::Syncs(syncing) => Some(syncing),
            Doing::Ends(_) | Doing::Revokes(_) | Doing::Reloads(_) => None,
        })
    }

    /// The number of the last one that was begun.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Whether something that began up to this number is being ended, for which nobody here asks other machines: what they wait for
    /// is among it.
    pub(crate) fn carry_out(&self, upto: u64) -> bool {
        self.all
            .range(..=upto)
            .any(|(_, act)| matches!(&act.doing, Doing::Revokes(revoking) if revoking.is_alone()))
    }

    /// When the next one has had its time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let kill_by = |act: &Act| match &act.doing {
            Doing::Revokes(revoking) => revoking.kill_by,
            Doing::Ends(_) | Doing::Reloads(_) | Doing::Syncs(_) => None,
        };
        self.all.values().flat_map(|act| [Some(act.until), kill_by(act)]).flatten().min()
    }
}

impl Launcher {
    /// Ends one session for an administrator; recorded with their name.
    ///
    /// # Errors
    /// When there is none that runs.
    pub(crate) fn end_by_admin(
        &mut self,
        id: SessionId,
        manner: Manner,
        by: &By,
        now: Instant,
    ) -> Result<EndedRow, Refusal> {
        let entry = self.sessions.get(&id).filter(|entry| entry.kept.session.state.is_live());
        let entry = entry.ok_or(Refusal::NoSession(id))?;
        let session = &entry.kept.session;
        let row = EndedRow {
            id,
            user: session.user.clone(),
            ide: session.ide,
            processes: processes(entry),
            over: false,
            suspended: false,
        };
        let deed = match manner {
            Manner::Stop => Deed::Ended,
            Manner::Suspend | Manner::ForceSuspend => Deed::Suspended,
            Manner::Kill => Deed::Killed,
        };
        self.note_look(&row.user, Some(id), by, deed, now);
        self.record_act(word(manner), id.to_string(), row.user.to_string(), by);
        self.end_session(id, EndReason::Administrator(by.name.clone()), manner, now);
        Ok(row)
    }

    /// Ends sessions for root's command.
    pub(super) fn end_sessions(
        &mut self,
        which: &Which,
        manner: Manner,
        several: bool,
        by: &By,
        now: Instant,
    ) -> Result<Vec<EndedRow>, Refusal> {
        let ids = self.meant(which)?;
        if let (Which::User(user), false, 2..) = (which, several, ids.len()) {
            return Err(Refusal::Several { user: user.clone(), count: number(ids.len()) });
        }
        Ok(ids.into_iter().filter_map(|id| self.end_by_admin(id, manner, by, now).ok()).collect())
    }

    /// The live sessions that are meant; for everybody's there may be none.
    pub(super) fn meant(&self, which: &Which) -> Result<Vec<SessionId>, Refusal> {
        let live = || self.sessions.iter().filter(|(_, entry)| entry.kept.session.state.is_live());
        let ids: Vec<SessionId> = match which {
            Which::All => return Ok(live().map(|(&id, _)| id).collect()),
            Which::Session(id) => live().filter(|(known, _)| *known == id).map(|(&id, _)| id).collect(),
            Which::User(user) => {
                live().filter(|(_, entry)| entry.kept.session.user == *user).map(|(&id, _)| id).collect()
            }
            Which::Process(pid) => {
                live().find(|(_, entry)| has_process(entry, *pid)).map(|(&id, _)| id).into_iter().collect()
            }
        };
        match which {
            _ if !ids.is_empty() => Ok(ids),
            Which::All => Ok(ids),
            Which::Session(id) => Err(Refusal::NoSession(*id)),
            Which::User(user) => Err(Refusal::NoSessionOf(user.clone())),
            Which::Process(pid) => Err(Refusal::NoProcess(*pid)),
        }
    }

    /// Records what has no event of its own.
    pub(crate) fn record_act(&mut self, act: &str, target: String, detail: String, by: &By) {
        say!(Info, "an administrator acts act={act} target={target:?} by={:?} login={}", by.name, by.login);
        self.log.write(Event::Administered {
            act: act.into(),
            target,
            detail,
            login: by.login,
            by: by.name.clone(),
        });
    }

    /// Answers what is over, or has had its time.
    pub(crate) fn tick_acts(&mut self, now: Instant) {
        let all = std::mem::take(&mut self.admin.acts.all);
        for (request, mut act) in all {
            let late = now >= act.until;
            let answer = match &mut act.doing {
                Doing::Ends(rows) => self.ended(rows, late),
                Doing::Revokes(revoking) => self.revoked((request, revoking), act.began, now, late),
                Doing::Reloads(reloading) => self.reloaded(reloading, late),
                Doing::Syncs(syncing) => syncing.over(late),
            };
            match (answer, act.peer) {
                (None, _) => drop(self.admin.acts.all.insert(request, act)),
                (Some(mut answer), Some(peer)) => {
                    answer.push(FromDaemon::Done);
                    self.admin.hold(peer, answer);
                }
                (Some(_), None) => {}
            }
        }
    }

    /// The rows, once all of them are over.
    fn ended(&self, rows: &mut [EndedRow], late: bool) -> Option<Vec<FromDaemon>> {
        for row in rows.iter_mut() {
            let state = self.sessions.get(&row.id).map(|entry| &entry.kept.session.state);
            row.over = state.is_none_or(|state| !state.is_live());
            row.suspended = matches!(state, Some(State::Ended(end)) if end.suspended);
        }
        let all_over = rows.iter().all(|row| row.over);
        (all_over || late).then(|| {
            rows.chunks(LOADS_AT_ONCE).map(|some| FromDaemon::EndedSessions(some.to_vec())).collect()
        })
    }
}

/// What the audit log calls it.
const fn word(manner: Manner) -> &'static str {
    match manner {
        Manner::Stop => "session-stop",
        Manner::Suspend => "session-suspend",
        Manner::ForceSuspend => "session-force-suspend",
        Manner::Kill => "session-kill",
    }
}

/// Processes in a session: of its group, or below its keeper where it has none.
pub(super) fn processes(entry: &Entry) -> u32 {
    let group = Group::at(&entry.kept.cgroups);
    if !group.is_nowhere() {
        return group.pids().map_or(0, |pids| number(pids.len()));
    }
    let root = entry.kept.process.map(|known| known.pid);
    root.map_or(0, |pid| tree::descendants(pid).map_or(1, |below| number(below.len() + 1)))
}

/// Whether a process belongs to a session.
fn has_process(entry: &Entry, pid: i32) -> bool {
    let known = [entry.kept.process, entry.kept.keeper].into_iter().flatten();
    if known.into_iter().any(|known| known.pid == pid) {
        return true;
    }
    let group = Group::at(&entry.kept.cgroups);
    if !group.is_nowhere() {
        return group.pids().is_ok_and(|pids| pids.contains(&pid));
    }
    let root = entry.kept.process.map(|known| known.pid);
    root.is_some_and(|root| {
        tree::descendants(root).is_ok_and(|below| below.iter().any(|stat| stat.pid == pid))
    })
}
