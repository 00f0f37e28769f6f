//! Sign-ins and API keys that another machine gave out, honoured here when they come.
//!
//! The server saw a cookie of ours whose sign-in was never told here, or a key (what is of keys alone stands in `keys_elsewhere`). The row in the database is believed as far as its seal goes;
//! whether the Unix account may be used on this machine, PAM and the name service say, as at a sign-in. Nothing is asked twice at the
//! same time, and nobody is let in who could not have signed in here. Rows that no launcher made are in the audit log.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_model::account::Provider;
use portcullis_model::audit::Event;
use portcullis_model::proof::MethodName;
use portcullis_model::seal::{Carried, SealedSignIn};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{Secret, SignInId, UserName};
use portcullis_sys::process::Ended;
use portcullis_wire::batches::{SIGN_IN_MAX, size};
use portcullis_wire::identity::{Elsewhere, StoreAnswer, StoreAsk, StoreRefusal};
use portcullis_wire::{Channel, ToServer, WireError};

use super::coming::{Comer, Found, Look, Stage};
use super::sync::with_groups_of;
use crate::children::Child;
use crate::clock;
use crate::identity::ForStore;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::role;
use crate::server::ServerNo;
use crate::sign_in::again::Standing;
use crate::sign_in::permit;
use crate::sign_in::talk::{FromHelper, Job, Step, ToHelper};

/// Sign-ins and keys that are looked at at a time: each is a process of some milliseconds. More wait for the next request of theirs.
const COMING_MAX: usize = 64;
/// Keys among them: whoever knows their form may make texts up, and keeps no sign-in out by that.
const KEYS_COMING_MAX: usize = 32;
/// Processes at a time.
const HELPERS_MAX: usize = 8;
/// Time for the database and for PAM together; the browser waits for it.
const WITHIN: Duration = Duration::from_secs(5);

/// Why a row of the database is not honoured here.
type Refused = String;

impl Launcher {
    /// `Known`: the server saw a cookie of ours that names this sign-in.
    pub(crate) fn known_ask(&mut self, from: (ServerNo, u64), id: SignInId, now: Instant) {
        if let Some(sign_in) = self.sign_ins.get(&id) {
            let told = ToServer::SignIn(Box::new(sign_in.clone()));
            self.server.hold_to(from.0, told);
            return self.recognised(&[from], true);
        }
        self.comes(from, Comer::SignIn(id), now);
    }

    /// Looks at what is unknown here.
    pub(super) fn comes(&mut self, from: (ServerNo, u64), comer: Comer, now: Instant) {
        if let Some(look) = self.coming.all.get_mut(&comer) {
            look.askers.push(from);
            return;
        }
        let keys = self.coming.all.keys().filter(|one| matches!(one, Comer::Key(_))).count();
        let may = self.shares_accounts()
            && self.identity.store.is_ready()
            && self.is_healthy()
            && self.takes_requests()
            && self.offline.is_none()
            && self.coming.all.len() < COMING_MAX
            && (matches!(comer, Comer::SignIn(_)) || keys < KEYS_COMING_MAX);
        if !may {
            return self.recognised(&[from], false);
        }
        let (stage, until) = (Stage::Asked, now + WITHIN);
        let look = Look { askers: vec![from], began: now, until, stage, asked: 0, anew: false };
        self.coming.all.insert(comer, look);
        self.ask_about_row(comer, now);
    }

    pub(super) fn ask_about_row(&mut self, comer: Comer, now: Instant) {
        let Some(look) = self.coming.all.get_mut(&comer) else { return };
        self.coming.asked += 1;
        look.asked = self.coming.asked;
        let who = ForStore::Known(comer, look.asked);
        let ask = match comer {
            Comer::SignIn(id) => StoreAsk::Known(id),
            Comer::Key(id) => StoreAsk::Key(id),
        };
        self.ask_store_within(who, ask, WITHIN, now);
    }

    /// Refuses one that came too often for its row.
    pub(crate) fn known_too_many(&mut self, from: (ServerNo, u64)) {
        self.recognised(&[from], false);
    }

    /// ORDER: held behind the sign-in itself, which is on disk before anybody is told.
    pub(super) fn recognised(&mut self, askers: &[(ServerNo, u64)], lives: bool) {
        for &(server, request) in askers {
            self.server.hold_to(server, ToServer::Recognised { request, lives });
        }
    }

    /// What the database says of one; of a question of before, which may have been answered before it ended, nobody hears.
    pub(crate) fn known_answered(
        &mut self,
        (comer, asked): (Comer, u64),
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let waits = |look: &&mut Look| matches!(look.stage, Stage::Asked) && look.asked == asked;
        let look = self.coming.all.get_mut(&comer).filter(waits);
        let Some(look) = look else { return }; // it ended meanwhile
        if std::mem::take(&mut look.anew) {
            return self.ask_about_row(comer, now);
        }
        let (judged, user) = match (comer, result) {
            (Comer::SignIn(id), Ok(StoreAnswer::Elsewhere(Some(found)))) => {
                let (judged, user) = (self.judge_row(id, &found), found.account.unix.clone());
                (judged.map(|carried| Found::SignIn(found, carried)), user)
            }
            (Comer::Key(id), Ok(StoreAnswer::Key(Some(found)))) => {
                let (judged, user) = (self.judge_key(id, &found), found.account.unix.clone());
                (judged.map(|uid| Found::Key(found, uid)), user)
            }
            (_, Ok(StoreAnswer::Elsewhere(None) | StoreAnswer::Key(None))) => {
                return self.is_not_known(comer);
            }
            (_, Ok(_) | Err(_)) => return self.not_taken(comer, "the database was not to be asked"),
        };
        match judged {
            Ok(found) => {
                if let Some(look) = self.coming.all.get_mut(&comer) {
                    look.stage = Stage::Waits(found);
                }
                self.ask_about_coming(now);
            }
            Err(Some(why)) => self.row_refused(comer, user.as_str(), &why),
            Err(None) => self.is_not_known(comer),
        }
    }

    /// Whether a row is one of ours, and of somebody who may be signed in; `Err(None)`: it is, and is over.
    fn judge_row(&self, id: SignInId, found: &Elsewhere) -> Result<Carried, Option<Refused>> {
        let Elsewhere { row, account, .. } = found;
        if row.id != id || row.account != account.id {
            return Err(Some("it is another row than the one that was asked for".into()));
        }
        let sealed = SealedSignIn {
            id,
            account: row.account,
            user: account.unix.as_str(),
            method: &row.method,
            remote: row.remote,
            since: row.since,
            until: row.until,
        };
        let sealer = self.sealer().ok_or_else(|| Some("there is no key to check it by".to_owned()))?;
        let carried = sealer.check_sign_in(&sealed, &row.seal).map_err(|error| Some(error.to_string()))?;
        let over = row.until <= clock::seconds()
            || !account.live()
            || carried.limited
            || self.journal.debts().ends(id, &account.unix, row.since);
        if over { Err(None) } else { Ok(carried) }
    }

    /// Asks PAM and the name service about those who wait, so many at a time.
    fn ask_about_coming(&mut self, now: Instant) {
        let busy = |look: &&Look| matches!(look.stage, Stage::Account { .. });
        while self.coming.all.values().filter(busy).count() < HELPERS_MAX {
            let waits = |look: &Look| matches!(look.stage, Stage::Waits(_));
            let Some(id) = self.coming.all.iter().find(|(_, look)| waits(look)).map(|(&id, _)| id) else {
                return;
            };
            if let Err(why) = self.ask_about(id, now) {
                say!(Error, "cannot ask about an account: {why}");
                self.is_not_known(id);
            }
        }
    }

    fn ask_about(&mut self, id: Comer, _now: Instant) -> Result<(), String> {
        let Some(look) = self.coming.all.get_mut(&id) else { return Ok(()) };
        let Stage::Waits(found) = &look.stage else { return Ok(()) };
        // A key comes from everywhere.
        let remote = match found {
            Found::SignIn(found, _) => found.row.remote.to_string(),
            Found::Key(..) => String::new(),
        };
        let job = Job {
            step: Step::Again,
            service: self.active.settings.portcullis.pam_service.clone(),
            user: found.account().unix.to_string(),
            remote,
            password: Secret::default(),
            only_password_prompts: true,
        };
        let (channel, theirs) = Channel::pair().map_err(|error| chain(&error))?;
        let helper = role::start_helper(&theirs).map_err(|error| chain(&error))?;
        self.children.insert(helper.pid(), Child::Known(id));
        let told = channel.set_nonblocking(true).and_then(|()| channel.send(&ToHelper::Job(job), &[]));
        look.stage = Stage::Account { of: found.clone(), helper, channel };
        told.map_err(|error| chain(&error))
    }

    /// What PAM and the name service say.
    pub(crate) fn hear_coming(&mut self, id: Comer, now: Instant) {
        let Some(look) = self.coming.all.get(&id) else { return };
        let Stage::Account { of, channel, .. } = &look.stage else { return };
        let found = of.clone();
        match channel.receive::<FromHelper>() {
            Ok((FromHelper::Stands(Standing::Good { principal, .. }), _)) => {
                self.take_over(id, found, *principal);
            }
            Ok((FromHelper::Stands(Standing::Refused(why) | Standing::Unreachable(why)), _)) => {
                self.not_taken(id, &why);
            }
            Ok((FromHelper::Stands(Standing::Gone { why, .. }), _)) => self.not_taken(id, &why),
            Ok(_) => self.not_taken(id, "the PAM helper said something else"),
            // Closed without a word: its end says why.
            Err(WireError::WouldBlock | WireError::Closed) => return,
            Err(error) => self.not_taken(id, &chain(&error)),
        }
        self.ask_about_coming(now);
    }

    /// A helper ended; a last word may still be there.
    pub(crate) fn coming_ended(&mut self, id: Comer, pid: i32, ended: Ended, now: Instant) {
        self.hear_coming(id, now);
        let its = |look: &Look| matches!(&look.stage, Stage::Account { helper, .. } if helper.pid() == pid);
        if self.coming.all.get(&id).is_some_and(its) {
            self.log.write(Event::ProcessLost { process: "helper".into(), status: ended.to_string() });
            self.not_taken(id, &format!("the PAM helper ended: {ended}"));
        }
        self.ask_about_coming(now);
    }

    /// PAM and the name service said yes: from here on it is one of this machine, too.
    fn take_over(&mut self, comer: Comer, found: Found, principal: Principal) {
        let (account, uid) = (found.account(), found.uid());
        let settings = &self.active.settings.rserver;
        let permitted =
            permit::permit(&principal, self.active.minimum_uid, &settings.auth_required_user_group);
        if principal.user != account.unix || principal.uid != uid {
            let why = format!(
                "the account has number {uid} there and {} here: machines that share accounts must agree",
                principal.uid
            );
            let user = account.unix.clone();
            return self.row_refused(comer, user.as_str(), &why);
        }
        if let Err(why) = permitted {
            return self.not_taken(comer, &why.to_string());
        }
        // As at a sign-in here: a flag that is a provider's group's holds on each machine.
        let counts = self.active.settings.membership.provider_groups;
        let counts = counts && account.identity.provider != Provider::System;
        let principal = if counts { with_groups_of(principal, found.groups().to_vec()) } else { principal };
        let person = (principal.uid, principal.user.clone());
        let began = self.coming.all.get(&comer).map(|look| look.began);
        match found {
            Found::SignIn(found, carried) => self.take_sign_in(&found, carried, principal),
            Found::Key(found, _) => self.take_key(*found, principal),
        }
        began.into_iter().for_each(|began| self.sync_who_came_in(person.clone(), began));
    }

    fn take_sign_in(&mut self, found: &Elsewhere, carried: Carried, principal: Principal) {
        let Elsewhere { row, account, .. } = found;
        let (id, comer) = (row.id, Comer::SignIn(row.id));
        let Some(method) = MethodName::ALL.into_iter().find(|name| name.word() == row.method) else {
            return self.not_taken(comer, "there is no such method here");
        };
        let mut sign_in = SignIn::of(id, principal, row.remote, (row.since, row.until));
        sign_in.account = Some(account.id);
        sign_in.role = account.role;
        sign_in.method = method;
        sign_in.agent.clone_from(&row.agent);
        sign_in.seen = row.seen;
        sign_in.ends = carried.ends;
        if size(&sign_in) > SIGN_IN_MAX || !self.has_room_for(&sign_in) {
            return self.not_taken(comer, "there are too many sign-ins");
        }
        // Its end may have been said here meanwhile.
        if self.is_over(&sign_in) || self.journal.debts().ends(id, &account.unix, row.since) {
            return self.is_not_known(comer);
        }
        say!(Info, "signed in at another machine user={} remote={}", account.unix, row.remote);
        self.log.write(Event::SignInElsewhere {
            user: account.unix.to_string(),
            uid: carried.uid,
            remote: row.remote,
            sign_in: id,
        });
        self.journal.began(&sign_in);
        self.server.hold(ToServer::SignIn(Box::new(sign_in.clone())));
        self.sign_ins.insert(sign_in);
        self.forget_coming(comer, true);
    }

    /// No launcher made this row, or it can't be one of this machine.
    fn row_refused(&mut self, comer: Comer, user: &str, why: &str) {
        let (kind, id) = match comer {
            Comer::SignIn(id) => ("sign-in", id.to_string()),
            Comer::Key(id) => ("key", id.to_string()),
        };
        say!(Error, "a {kind} of the database is not honoured user={user:?} why={why:?}");
        self.log.write(Event::RowRefused { kind: kind.into(), id, why: why.into() });
        self.forget_coming(comer, false);
    }

    pub(super) fn not_taken(&mut self, comer: Comer, why: &str) {
        let kind = if matches!(comer, Comer::SignIn(_)) { "sign-in" } else { "key" };
        say!(Info, "a {kind} of another machine is not honoured here why={why:?}");
        self.forget_coming(comer, false);
    }

    pub(super) fn is_not_known(&mut self, comer: Comer) {
        self.forget_coming(comer, false);
    }

    pub(super) fn forget_coming(&mut self, id: Comer, lives: bool) {
        let Some(look) = self.coming.all.remove(&id) else { return };
        if let Stage::Account { helper, .. } = &look.stage {
            let _ = helper.signal(Signal::SIGKILL); // it has said all, or nobody waits for it
        }
        self.recognised(&look.askers, lives);
    }

    /// A sign-in or a key is over while it is being looked at.
    pub(crate) fn nobody_comes_by(&mut self, id: Comer) {
        self.forget_coming(id, false);
    }

    /// A person is put out while their sign-ins are being looked at.
    pub(crate) fn nobody_comes_as(&mut self, user: &UserName) {
        let theirs = |(comer, look): &(&Comer, &mut Look)| match &look.stage {
            // Whose it is, nobody knows yet: asked again by the next request.
            Stage::Asked => matches!(comer, Comer::SignIn(_)),
            Stage::Waits(of) | Stage::Account { of, .. } => of.account().unix == *user,
        };
        let keys = self.coming.all.iter_mut().filter(|(comer, _)| matches!(comer, Comer::Key(_)));
        keys.for_each(|(_, look)| look.anew = true);
        let all: Vec<Comer> = self.coming.all.iter_mut().filter(theirs).map(|(&id, _)| id).collect();
        all.into_iter().for_each(|id| self.forget_coming(id, false));
    }

    /// Gives up what has had its time.
    pub(crate) fn tick_coming(&mut self, now: Instant) {
        let late: Vec<Comer> =
            self.coming.all.iter().filter(|(_, look)| now >= look.until).map(|(&id, _)| id).collect();
        late.into_iter().for_each(|id| self.not_taken(id, "no answer in time"));
    }
}
