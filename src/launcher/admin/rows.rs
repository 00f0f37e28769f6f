//! Tables for root's command: sessions with what they use, people with their sign-ins.

use std::collections::BTreeMap;

use portcullis_model::UserName;
use portcullis_model::session::{Session, State, Transport};
use portcullis_model::sign_in::SignIn;
use portcullis_sys::cgroup::Group;
use portcullis_wire::admin::{PersonRow, SIGN_INS_SHOWN, SessionRow, SignInRow, Which};

use super::acts::processes;
use super::number;
use crate::launcher::Launcher;
use crate::sessions::Entry;

impl Launcher {
    /// Sessions, the oldest first. Whose there are none has an empty table.
    pub(super) fn session_rows(&self, which: &Which, ended: bool) -> Vec<SessionRow> {
        let is_meant = |entry: &&Entry| {
            let session = &entry.kept.session;
            (ended || session.state.is_live())
                && match which {
                    Which::All => true,
                    Which::Session(id) => session.id == *id,
                    Which::User(user) => session.user == *user,
                    Which::Process(pid) => entry.kept.process.is_some_and(|known| known.pid == *pid),
                }
        };
        let mut rows: Vec<SessionRow> = self.sessions.values().filter(is_meant).map(row).collect();
        rows.sort_by_key(|row| (row.started, row.id));
        rows
    }

    /// Everybody who is signed in or has a session.
    pub(super) fn people_rows(&self) -> Vec<PersonRow> {
        let mut people: BTreeMap<(&UserName, portcullis_model::Uid), (Vec<&SignIn>, usize)> = BTreeMap::new();
        for sign_in in self.sign_ins.values() {
            let who = (&sign_in.principal.user, sign_in.principal.uid);
            people.entry(who).or_default().0.push(sign_in);
        }
        for entry in self.sessions.values().filter(|entry| entry.kept.session.state.is_live()) {
            people.entry((&entry.kept.session.user, entry.kept.uid)).or_default().1 += 1;
        }
        let person = |((user, uid), (mut sign_ins, sessions)): ((&UserName, _), (Vec<&SignIn>, usize))| {
            sign_ins.sort_by_key(|sign_in| std::cmp::Reverse(sign_in.since));
            let row = |one: &&SignIn| SignInRow { remote: one.remote, since: one.since, until: one.until };
            PersonRow {
                user: user.clone(),
                uid,
                sign_ins: sign_ins.iter().take(SIGN_INS_SHOWN).map(row).collect(),
                more_sign_ins: number(sign_ins.len().saturating_sub(SIGN_INS_SHOWN)),
                sessions: number(sessions),
            }
        };
        people.into_iter().map(person).collect()
    }
}

fn row(entry: &Entry) -> SessionRow {
    let session = &entry.kept.session;
    let group = Group::at(&entry.kept.cgroups);
    let alive = session.state.is_live() && !group.is_nowhere();
    SessionRow {
        id: session.id,
        user: session.user.clone(),
        ide: session.ide,
        state: without_output(session),
        started: session.started,
        last_activity: session.last_activity,
        pid: entry.kept.process.map_or(0, |known| known.pid),
        port: match session.transport {
            Transport::Tcp(port) => port.0,
            Transport::Unix => 0,
        },
        processes: alive.then(|| processes(entry)),
        memory: if alive { group.usage().memory } else { None },
        processor: if alive { group.processor_micros() } else { None },
    }
}

/// What an IDE said last is its owner's to read.
fn without_output(session: &Session) -> State {
    let mut state = session.state.clone();
    if let State::Ended(end) = &mut state {
        end.output.clear();
    }
    state
}
