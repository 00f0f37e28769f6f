//! Sign-ins that another machine gave out, honoured here when their cookie comes.
//!
//! The server saw a cookie of ours whose sign-in was never told here. The row in the database is believed as far as its seal goes;
//! whether the Unix account may be used on this machine, PAM and the name service say, as at a sign-in. Nothing is asked twice at the
//! same time, and nobody is let in who could not have signed in here. Rows that no launcher made are in the audit log.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_model::audit::Event;
use portcullis_model::proof::MethodName;
use portcullis_model::seal::{Carried, SealedSignIn};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{Secret, SignInId, UserName};
use portcullis_sys::process::{Ended, Process};
use portcullis_wire::batches::{SIGN_IN_MAX, size};
use portcullis_wire::identity::{Elsewhere, StoreAnswer, StoreAsk, StoreRefusal};
use portcullis_wire::{Channel, ToServer, WireError};

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

/// Sign-ins that are looked at at a time: each is a process of some milliseconds. More wait for the next request of theirs.
const COMING_MAX: usize = 64;
/// Processes at a time.
const HELPERS_MAX: usize = 8;
/// Time for the database and for PAM together; the browser waits for it.
const WITHIN: Duration = Duration::from_secs(5);

/// Those that are being looked at.
#[derive(Debug, Default)]
pub(crate) struct Coming {
    all: BTreeMap<SignInId, Look>,
}

#[derive(Debug)]
struct Look {
    /// Which servers asked, by which numbers.
    askers: Vec<(ServerNo, u64)>,
    until: Instant,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The database was asked.
    Asked,
    /// For a process.
    Waits(Box<Elsewhere>, Carried),
    /// PAM and the name service are.
    Account { of: Box<Elsewhere>, carried: Carried, helper: Process, channel: Channel },
}

impl Coming {
    /// What to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = (SignInId, BorrowedFd<'_>)> {
        self.all.iter().filter_map(|(&id, look)| match &look.stage {
            Stage::Account { channel, .. } => Some((id, channel.as_fd())),
            Stage::Asked | Stage::Waits(..) => None,
        })
    }

    /// When one has had its time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.all.values().map(|look| look.until).min()
    }
}

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
        if let Some(look) = self.coming.all.get_mut(&id) {
            look.askers.push(from);
            return;
        }
        let may = self.shares_accounts()
            && self.identity.store.is_ready()
            && self.is_healthy()
            && self.takes_requests()
            && self.offline.is_none()
            && self.coming.all.len() < COMING_MAX;
        if !may {
            return self.recognised(&[from], false);
        }
        let look = Look { askers: vec![from], until: now + WITHIN, stage: Stage::Asked };
        self.coming.all.insert(id, look);
        self.ask_store_within(ForStore::Known(id), StoreAsk::Known(id), WITHIN, now);
    }

    /// Refuses one that came too often for its row.
    pub(crate) fn known_too_many(&mut self, from: (ServerNo, u64)) {
        self.recognised(&[from], false);
    }

    /// ORDER: held behind the sign-in itself, which is on disk before anybody is told.
    fn recognised(&mut self, askers: &[(ServerNo, u64)], lives: bool) {
        for &(server, request) in askers {
            self.server.hold_to(server, ToServer::Recognised { request, lives });
        }
    }

    /// What the database says of one.
    pub(crate) fn known_answered(
        &mut self,
        id: SignInId,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        if !self.coming.all.get(&id).is_some_and(|look| matches!(look.stage, Stage::Asked)) {
            return; // it ended meanwhile
        }
        let found = match result {
            Ok(StoreAnswer::Elsewhere(Some(found))) => found,
            Ok(StoreAnswer::Elsewhere(None)) => return self.is_not_known(id),
            Ok(_) | Err(_) => return self.not_taken(id, "the database was not to be asked"),
        };
        match self.judge_row(id, &found) {
            Ok(carried) => {
                if let Some(look) = self.coming.all.get_mut(&id) {
                    look.stage = Stage::Waits(found, carried);
                }
                self.ask_about_coming(now);
            }
            Err(Some(why)) => self.row_refused(id, found.account.unix.as_str(), &why),
            Err(None) => self.is_not_known(id),
        }
    }

    /// Whether a row is one of ours, and of somebody who may be signed in; `Err(None)`: it is, and is over.
    fn judge_row(&self, id: SignInId, found: &Elsewhere) -> Result<Carried, Option<Refused>> {
        let Elsewhere { row, account } = found;
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
            let waits = |look: &Look| matches!(look.stage, Stage::Waits(..));
            let Some(id) = self.coming.all.iter().find(|(_, look)| waits(look)).map(|(&id, _)| id) else {
                return;
            };
            if let Err(why) = self.ask_about(id, now) {
                say!(Error, "cannot ask about an account: {why}");
                self.is_not_known(id);
            }
        }
    }

    fn ask_about(&mut self, id: SignInId, _now: Instant) -> Result<(), String> {
        let Some(look) = self.coming.all.get_mut(&id) else { return Ok(()) };
        let Stage::Waits(found, carried) = &look.stage else { return Ok(()) };
        let job = Job {
            step: Step::Again,
            service: self.active.settings.portcullis.pam_service.clone(),
            user: found.account.unix.to_string(),
            remote: found.row.remote.to_string(),
            password: Secret::default(),
            only_password_prompts: true,
        };
        let (channel, theirs) = Channel::pair().map_err(|error| chain(&error))?;
        let helper = role::start_helper(&theirs).map_err(|error| chain(&error))?;
        self.children.insert(helper.pid(), Child::Known(id));
        let told = channel.set_nonblocking(true).and_then(|()| channel.send(&ToHelper::Job(job), &[]));
        look.stage = Stage::Account { of: found.clone(), carried: *carried, helper, channel };
        told.map_err(|error| chain(&error))
    }

    /// What PAM and the name service say.
    pub(crate) fn hear_coming(&mut self, id: SignInId, now: Instant) {
        let Some(look) = self.coming.all.get(&id) else { return };
        let Stage::Account { of, carried, channel, .. } = &look.stage else { return };
        let (found, carried) = (of.clone(), *carried);
        match channel.receive::<FromHelper>() {
            Ok((FromHelper::Stands(Standing::Good { principal, .. }), _)) => {
                self.take_over(&found, carried, *principal);
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
    pub(crate) fn coming_ended(&mut self, id: SignInId, pid: i32, ended: Ended, now: Instant) {
        self.hear_coming(id, now);
        let its = |look: &Look| matches!(&look.stage, Stage::Account { helper, .. } if helper.pid() == pid);
        if self.coming.all.get(&id).is_some_and(its) {
            self.log.write(Event::ProcessLost { process: "helper".into(), status: ended.to_string() });
            self.not_taken(id, &format!("the PAM helper ended: {ended}"));
        }
        self.ask_about_coming(now);
    }

    /// Everything said yes: from here on it is a sign-in of this machine, too.
    fn take_over(&mut self, found: &Elsewhere, carried: Carried, principal: Principal) {
        let Elsewhere { row, account } = found;
        let id = row.id;
        let settings = &self.active.settings.rserver;
        let permitted =
            permit::permit(&principal, self.active.minimum_uid, &settings.auth_required_user_group);
        if principal.user != account.unix || principal.uid != carried.uid {
            let why = format!(
                "the account has number {} there and {} here: machines that share accounts must agree",
                carried.uid, principal.uid
            );
            return self.row_refused(id, account.unix.as_str(), &why);
        }
        if let Err(why) = permitted {
            return self.not_taken(id, &why.to_string());
        }
        let Some(method) = MethodName::ALL.into_iter().find(|name| name.word() == row.method) else {
            return self.not_taken(id, "there is no such method here");
        };
        let mut sign_in = SignIn::of(id, principal, row.remote, (row.since, row.until));
        sign_in.account = Some(account.id);
        sign_in.role = account.role;
        sign_in.method = method;
        sign_in.agent.clone_from(&row.agent);
        sign_in.seen = row.seen;
        if size(&sign_in) > SIGN_IN_MAX || !self.has_room_for(&sign_in) {
            return self.not_taken(id, "there are too many sign-ins");
        }
        if self.is_over(&sign_in) {
            return self.is_not_known(id);
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
        self.forget_coming(id, true);
    }

    /// No launcher made this row, or it can't be one of this machine.
    fn row_refused(&mut self, id: SignInId, user: &str, why: &str) {
        say!(Error, "a sign-in of the database is not honoured user={user:?} why={why:?}");
        self.log.write(Event::RowRefused { kind: "sign-in".into(), id: id.to_string(), why: why.into() });
        self.forget_coming(id, false);
    }

    fn not_taken(&mut self, id: SignInId, why: &str) {
        say!(Info, "a sign-in of another machine is not honoured here why={why:?}");
        self.forget_coming(id, false);
    }

    fn is_not_known(&mut self, id: SignInId) {
        self.forget_coming(id, false);
    }

    fn forget_coming(&mut self, id: SignInId, lives: bool) {
        let Some(look) = self.coming.all.remove(&id) else { return };
        if let Stage::Account { helper, .. } = &look.stage {
            let _ = helper.signal(Signal::SIGKILL); // it has said all, or nobody waits for it
        }
        self.recognised(&look.askers, lives);
    }

    /// A sign-in is over while it is being looked at.
    pub(crate) fn nobody_comes_by(&mut self, id: SignInId) {
        self.forget_coming(id, false);
    }

    /// A person is put out while their sign-ins are being looked at.
    pub(crate) fn nobody_comes_as(&mut self, user: &UserName) {
        let theirs = |look: &Look| match &look.stage {
            // Whose it is, nobody knows yet: asked again by the next request.
            Stage::Asked => true,
            Stage::Waits(of, _) | Stage::Account { of, .. } => of.account.unix == *user,
        };
        let all: Vec<SignInId> =
            self.coming.all.iter().filter(|(_, look)| theirs(look)).map(|(&id, _)| id).collect();
        all.into_iter().for_each(|id| self.forget_coming(id, false));
    }

    /// Gives up what has had its time.
    pub(crate) fn tick_coming(&mut self, now: Instant) {
        let late: Vec<SignInId> =
            self.coming.all.iter().filter(|(_, look)| now >= look.until).map(|(&id, _)| id).collect();
        late.into_iter().for_each(|id| self.not_taken(id, "no answer in time"));
    }
}
