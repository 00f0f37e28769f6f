//! Administrators in their browser: who is one, what they see, what they do.
//!
//! The server asks in the name of a sign-in; whether that sign-in's groups or role are an administrator's is decided here, each time, on root's
//! configuration. Every act and each search is in the audit log with who did it before it is answered; so is one that was refused.
//! Whether a request is one of a person's own pages is the server's to check.

pub(crate) mod reader;
mod search;
mod uses;

use std::time::Instant;

use portcullis_conf::Rights;
use portcullis_model::audit::Event;
use portcullis_model::session::Manner;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{Effect, SessionId, SignInId, UserName};
use portcullis_wire::ToServer;
use portcullis_wire::watch::{
    AdminAct, AdminAnswer, AdminManner, AdminRefusal, Done, Look, SESSIONS_MAX, Search, WORD_MAX,
};

pub(crate) use self::search::Searching;
pub(crate) use self::uses::Uses;
use crate::accounts::looks::Deed;
use crate::admin::By;
use crate::launcher::{Launcher, Mode};
use crate::{role, text};

impl Launcher {
    /// `AdminLook`.
    pub(crate) fn admin_look(
        &mut self,
        (request, sign_in): (u64, SignInId),
        history: bool,
        at: Option<SessionId>,
        now: Instant,
    ) {
        let rights = self.rights_of(sign_in).ok_or(AdminRefusal::NotAdministrator);
        if let (Ok(_), Some(session), Ok(by)) = (rights, at, self.name_of(sign_in)) {
            self.looked_at_session(session, &by, Deed::Looked, now);
        }
        let result = rights.map(|rights| AdminAnswer::Look(Box::new(self.look_for(rights, history, now))));
        self.server.tell_answer(ToServer::Administrator { request, result });
    }

    /// `AdminAct`.
    pub(crate) fn admin_act(&mut self, request: u64, sign_in: SignInId, act: AdminAct, now: Instant) {
        let result = self.superuser(sign_in, &act).and_then(|by| self.act(act, &by, now));
        let result = result.map(AdminAnswer::Done);
        self.server.hold_answer(ToServer::Administrator { request, result });
    }

    /// `AdminSearch`. Its answer comes when the reader has one.
    pub(crate) fn admin_search(&mut self, request: u64, sign_in: SignInId, search: Search, now: Instant) {
        let begun = self.searcher(sign_in).and_then(|by| {
            let search = bounded(search);
            let detail = words_of(&search);
            // A session's records are named by it, a person's by the name; whoever lists everybody looks at nobody.
            match (search.session.parse::<SessionId>(), search.user.parse::<UserName>()) {
                (Ok(session), _) => self.looked_at_session(session, &by, Deed::Records, now),
                (Err(_), Ok(user)) => self.note_look(&user, None, &by, Deed::Records, now),
                _ => {}
            }
            self.search(request, search, now)?;
            self.record_act("search", String::new(), detail, &by);
            Ok(())
        });
        if let Err(refusal) = begun {
            self.answer_administrator(request, refusal);
        }
    }

    /// Refuses a request that came too often for its row.
    pub(crate) fn admin_too_many(&mut self, request: u64) {
        self.answer_administrator(request, AdminRefusal::Busy);
    }

    fn answer_administrator(&mut self, request: u64, refusal: AdminRefusal) {
        self.server.hold_answer(ToServer::Administrator { request, result: Err(refusal) });
    }

    fn rights_of(&self, sign_in: SignInId) -> Option<Rights> {
        let sign_in = self.sign_ins.get(&sign_in).filter(|sign_in| !sign_in.is_limited())?;
        self.active.settings.rights(&sign_in.principal.groups, sign_in.role)
    }

    /// Whoever may act, by name; a refusal is recorded, since no page offers what is refused here.
    fn superuser(&mut self, sign_in: SignInId, act: &AdminAct) -> Result<By, AdminRefusal> {
        let refusal = match self.rights_of(sign_in) {
            Some(Rights::Acts) if !matches!(self.mode, Mode::Serving) || !self.is_healthy() => {
                return Err(AdminRefusal::NotWritable);
            }
            Some(Rights::Acts) => return self.name_of(sign_in),
            Some(Rights::Sees) => AdminRefusal::NotSuperuser,
            None => AdminRefusal::NotAdministrator,
        };
        self.record_refused_administrator(sign_in, &format!("{act:?}"), refusal);
        Err(refusal)
    }

    fn searcher(&mut self, sign_in: SignInId) -> Result<By, AdminRefusal> {
        if self.rights_of(sign_in).is_some() {
            // A search that can't be recorded is not made.
            return if self.is_healthy() { self.name_of(sign_in) } else { Err(AdminRefusal::NotWritable) };
        }
        let refusal = AdminRefusal::NotAdministrator;
        self.record_refused_administrator(sign_in, "search the audit log", refusal);
        Err(refusal)
    }

    fn name_of(&self, sign_in: SignInId) -> Result<By, AdminRefusal> {
        let found = self.sign_ins.get(&sign_in).map(|one| By::signed_in(one.principal.user.as_str()));
        found.ok_or(AdminRefusal::NotAdministrator)
    }

    fn record_refused_administrator(&mut self, sign_in: SignInId, what: &str, refusal: AdminRefusal) {
        let Some(sign_in) = self.sign_ins.get(&sign_in) else { return };
        let rule = match refusal {
            AdminRefusal::NotSuperuser => "admin-superuser-group",
            _ => "admin-group",
        };
        self.log.write(Event::Refused {
            user: sign_in.principal.user.to_string(),
            session: String::new(),
            remote: sign_in.remote,
            capability: "administration".into(),
            what: what.into(),
            rule: rule.into(),
            id: role::log_id(),
            count: 1,
            ide: String::new(),
            method: String::new(),
            path: String::new(),
            effect: Effect::Block.word().into(),
        });
    }

    fn look_for(&mut self, rights: Rights, history: bool, now: Instant) -> Look {
        let live = self.sessions.iter().filter(|(_, entry)| entry.kept.session.state.is_live());
        let groups = live.take(SESSIONS_MAX).map(|(&id, entry)| (id, entry.kept.cgroups.clone())).collect();
        let sessions = self.uses.look(groups, |id| self.log.counts.deeds(id), now);
        Look {
            acts: rights == Rights::Acts,
            sessions,
            history: if history { self.load.samples() } else { Vec::new() },
            machine: self.load.machine(now),
            writable: self.is_healthy(),
            draining: self.draining(),
            audit_seq: self.log.seq(),
            uptime: now.duration_since(self.began).as_secs(),
            not_recorded: self.recorder.why_not(),
        }
    }

    fn act(&mut self, act: AdminAct, by: &By, now: Instant) -> Result<Done, AdminRefusal> {
        match act {
            AdminAct::EndSession { session, manner } => {
                let manner = match manner {
                    AdminManner::Stop => Manner::Stop,
                    AdminManner::Suspend => Manner::Suspend,
                    AdminManner::Kill => Manner::Kill,
                };
                self.end_by_admin(session, manner, by, now).map_err(|_| AdminRefusal::Gone)?;
                Ok(Done::Session)
            }
            AdminAct::EndSignIn { target } => {
                let user = self.sign_ins.get(&target).map(|one| one.principal.user.clone());
                let user = user.ok_or(AdminRefusal::Gone)?;
                self.note_look(&user, None, by, Deed::SignInEnded, now);
                self.record_act("sign-in-end", user.to_string(), target.to_string(), by);
                self.end_sign_in(target, SignInEnd::Revoked);
                Ok(Done::SignIn)
            }
            AdminAct::Revoke { user } => {
                let sign_ins = self.sign_ins.values().filter(|one| one.principal.user == user).count();
                let live = self.sessions.values().map(|entry| &entry.kept.session);
                let sessions = live.filter(|one| one.user == user && one.state.is_live()).count();
                if sign_ins + sessions == 0 {
                    return Err(AdminRefusal::Gone);
                }
                self.end_keys_of(&user, None, by);
                self.note_look(&user, None, by, Deed::Revoked, now);
                self.revoked_for_all(&user, None);
                self.revoke(&user, None, by, None, now);
                let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
                Ok(Done::Revoked { sign_ins: number(sign_ins), sessions: number(sessions) })
            }
        }
    }
}

/// Words of a bounded length that no terminal obeys.
fn bounded(search: Search) -> Search {
    let cut = |word: String| text::printable(word.trim(), WORD_MAX);
    let Search { user, event, session, from, until, text, before } = search;
    Search {
        user: cut(user),
        event: cut(event),
        session: cut(session),
        from: cut(from),
        until: cut(until),
        text: cut(text),
        before,
    }
}

/// What was looked for, for the record.
fn words_of(search: &Search) -> String {
    let Search { user, event, session, from, until, text, before } = search;
    let words = [
        ("user", user),
        ("event", event),
        ("session", session),
        ("from", from),
        ("until", until),
        ("text", text),
    ];
    let said = words.into_iter().filter(|(_, word)| !word.is_empty());
    let mut all: Vec<String> = said.map(|(name, word)| format!("{name}={word}")).collect();
    all.extend(before.map(|seq| format!("before={seq}")));
    if all.is_empty() { "everything".to_owned() } else { all.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_told_as_it_was_asked() {
        assert_eq!(words_of(&Search::default()), "everything");
        let search = Search {
            user: " alice\u{1b} ".into(),
            text: "x".repeat(999),
            before: Some(7),
            ..Search::default()
        };
        let told = words_of(&bounded(search));
        assert_eq!(told, format!("user=alice\u{fffd} text={} before=7", "x".repeat(WORD_MAX)));
    }
}
