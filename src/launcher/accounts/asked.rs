//! What people ask about accounts, by their sign-in or a key: judged by the table of permissions, then done, then answered.
//!
//! Who asks is looked up here each time; a server's word for it is an id, no more. Living sign-ins are this process's own knowledge,
//! so that they are shown and ended while the database is away; what only the database knows is answered as not to be had then.
//! Each refusal of a rule is in the audit log.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use portcullis_conf::Rights;
use portcullis_model::account::{Account, Role};
use portcullis_model::audit::Event;
use portcullis_model::permission::{Act, Actor, Refused, Rule, Target, With, may};
use portcullis_model::sign_in::SignIn;
use portcullis_model::{AccountId, Effect, Uid, UserName};
use portcullis_wire::ToServer;
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Asker, Own, Wish};
use portcullis_wire::identity::{AccountAct, AccountChange, Select, StoreAnswer, StoreAsk, StoreRefusal};

use super::own::Which;
use super::owned::Step;
use super::owners::milliseconds;
use crate::admin::By;
use crate::identity::ForStore;
use crate::launcher::{Launcher, Mode};
use crate::server::ServerNo;
use crate::{clock, role};

/// Time for the database's answer: a person waits for the page.
const ASKED_WITHIN: Duration = Duration::from_secs(5);

/// Who asks, as this process knows them.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Their account; none of a sign-in of before there were accounts.
    pub(crate) account: Option<AccountId>,
    /// Their Unix account.
    pub(crate) user: UserName,
    /// Its number.
    pub(crate) uid: Uid,
    /// By what they ask.
    pub(crate) asker: Asker,
    /// What the table of permissions is asked about.
    pub(crate) actor: Actor,
    /// From where they signed in.
    pub(crate) remote: std::net::IpAddr,
}

/// An ask that waits for the database.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Which server asked, by which number.
    pub(crate) from: (ServerNo, u64),
    /// Who.
    pub(crate) by: By,
    /// What is changed, where something is.
    pub(crate) act: Option<Box<AccountAct>>,
    /// What becomes of the answer.
    pub(crate) then: Then,
}

/// What the database's answer is for.
#[derive(Debug)]
pub(crate) enum Then {
    /// The past is put beside what lives.
    Own(Box<Own>),
    /// Those of one's own that other machines have end; so many of here did.
    Ends { person: Box<Person>, which: Which, here: u32 },
    /// A page of accounts.
    People,
    /// An account is another one.
    Changed,
    /// About keys, other people, groups.
    Owned(Box<Step>),
    /// About one's own second factors.
    Factor(Box<super::factors::Step>),
}

impl Launcher {
    /// `AccountAsk`.
    pub(crate) fn account_ask(&mut self, from: (ServerNo, u64), asker: Asker, wish: Wish, now: Instant) {
        let done = self.who_asks(asker).ok_or(AccountRefusal::Nobody).and_then(|person| {
            if let Wish::Owned(wish) = wish {
                return self.owned_ask(from, &person, wish, now);
            }
            if let Wish::Factor(wish) = wish {
                return self.factor_ask(from, &person, *wish, now);
            }
            self.permit_wish(&person, &wish)?;
            self.carry_wish(from, &person, wish, now)
        });
        match done {
            Ok(Some(answer)) => self.answer_account(from, Ok(answer)),
            Ok(None) => {}
            Err(refusal) => self.answer_account(from, Err(refusal)),
        }
    }

    /// Refuses a request that came too often for its row.
    pub(crate) fn account_too_many(&mut self, from: (ServerNo, u64)) {
        self.answer_account(from, Err(AccountRefusal::Busy));
    }

    /// Told once this turn's records are on disk.
    pub(crate) fn answer_account(
        &mut self,
        (server, request): (ServerNo, u64),
        result: Result<AccountAnswer, AccountRefusal>,
    ) {
        let result = result.map(Box::new);
        self.server.hold_to(server, ToServer::Answered { request, result });
    }

    /// Who that is, if they are somebody.
    fn who_asks(&self, asker: Asker) -> Option<Person> {
        match asker {
            Asker::SignIn(id) => {
                let one = self.sign_ins.get(&id)?;
                let with = With::SignIn { limited: one.is_limited(), fresh: self.is_fresh(one) };
                let actor = Actor { account: one.account, role: one.role, locked: false, with };
                Some(Person {
                    account: one.account,
                    user: one.principal.user.clone(),
                    uid: one.principal.uid,
                    asker,
                    actor,
                    remote: one.remote,
                })
            }
            Asker::Key(id) => {
                let actor = self.keys.actor(&id, milliseconds())?;
                let held = self.keys.get(&id)?;
                let remote = held.key.last_used.map_or(Ipv4Addr::UNSPECIFIED.into(), |(_, from)| from);
                Some(Person {
                    account: actor.account,
                    user: held.principal.user.clone(),
                    uid: held.principal.uid,
                    asker,
                    actor,
                    remote,
                })
            }
        }
    }

    /// Whether the last proof of who it is was not long ago (`renew-minutes`).
    pub(crate) fn is_fresh(&self, sign_in: &SignIn) -> bool {
        let within = u64::from(self.active.settings.factors.renew_minutes) * 60;
        clock::seconds().saturating_sub(sign_in.since) <= within
    }

    /// Whether the table of permissions lets them.
    fn permit_wish(&mut self, person: &Person, wish: &Wish) -> Result<(), AccountRefusal> {
        let (act, target) = self.judged(person, wish);
        let mut actor = person.actor;
        actor.role = actor.role.max(self.role_by_pages(person, wish));
        let rules = self.active.settings.permission_rules();
        may(&actor, act, &target, &rules).map_err(|refused| self.refuse_wish(person, wish, refused))
    }

    /// The role that the pages of administrators give: whoever sees everybody there may list accounts, whoever acts there may change
    /// them.
    fn role_by_pages(&self, person: &Person, wish: &Wish) -> Role {
        let Asker::SignIn(id) = person.asker else { return Role::Viewer };
        let Some(one) = self.sign_ins.get(&id) else { return Role::Viewer };
        let looks = matches!(wish, Wish::People { .. });
        match self.active.settings.rights(&one.principal.groups, one.role) {
            Some(Rights::Acts) => Role::Administrator,
            Some(Rights::Sees) if looks => Role::Administrator,
            Some(Rights::Sees) | None => Role::Viewer,
        }
    }

    /// What the table is asked about a wish: exhaustive, so that each new one is decided.
    fn judged(&self, person: &Person, wish: &Wish) -> (Act, Target) {
        let oneself = Target { account: person.account, ..Target::default() };
        let governs = self.active.settings.role_rules().governs();
        match wish {
            Wish::OwnLook => (Act::LookAtSelf, oneself),
            Wish::EndSignIn(_) | Wish::EndAllOthers | Wish::EndAll => (Act::EndSignIns, oneself),
            Wish::People { .. } => (Act::ListPeople, Target::default()),
            Wish::Lock(who) => (Act::Lock, Target { account: Some(*who), ..Target::default() }),
            Wish::Unlock(who) => (Act::Unlock, Target { account: Some(*who), ..Target::default() }),
            Wish::SetRole { who, role } => {
                let target = Target { account: Some(*who), role_governed: governs, ..Target::default() };
                (Act::ChangeRole { to: *role }, target)
            }
            // Judged where it is carried out.
            Wish::Owned(_) | Wish::Factor(_) => (Act::LookAtSelf, oneself),
        }
    }

    /// A refusal of a rule, with its record.
    pub(super) fn refuse_wish(&mut self, person: &Person, wish: &Wish, refused: Refused) -> AccountRefusal {
        self.record_refused_wish(person, format!("{wish:?}"), refused);
        AccountRefusal::Rule(refused)
    }

    /// Records a refusal of a rule.
    pub(super) fn record_refused_wish(&mut self, person: &Person, what: String, refused: Refused) {
        self.log.write(Event::Refused {
            user: person.user.to_string(),
            session: String::new(),
            remote: person.remote,
            capability: "accounts".into(),
            what,
            rule: refused.to_string(),
            id: role::log_id(),
            count: 1,
            ide: String::new(),
            method: String::new(),
            path: String::new(),
            effect: Effect::Block.word().into(),
        });
    }

    /// Does it; `None` where the answer comes later.
    fn carry_wish(
        &mut self,
        from: (ServerNo, u64),
        person: &Person,
        wish: Wish,
        now: Instant,
    ) -> Result<Option<AccountAnswer>, AccountRefusal> {
        let by = By::signed_in(person.user.as_str());
        match wish {
            Wish::OwnLook => Ok(self.look_at_own(from, person, by, now)),
            Wish::EndSignIn(id) => {
                let own = self.own_sign_ins(person).any(|one| one.id == id);
                let known = self.sign_ins.get(&id).is_some();
                if !own && known {
                    return Err(self.refuse_wish(person, &wish, Rule::NotYours.into()));
                }
                if !own && (person.account.is_none() || !self.shares_accounts()) {
                    return Err(AccountRefusal::Gone);
                }
                let which = if own { Which::Here(id) } else { Which::Elsewhere(id) };
                Ok(self.end_own(from, person, which, now))
            }
            Wish::EndAllOthers => Ok(self.end_own(from, person, Which::Others, now)),
            Wish::EndAll => Ok(self.end_own(from, person, Which::All, now)),
            Wish::People { after, locked, matching } => {
                let matching = crate::text::printable(matching.trim(), crate::text::NAME_MAX);
                let ask = StoreAsk::List { after, locked, matching };
                self.ask_for_person(Asked { from, by, act: None, then: Then::People }, ask, now);
                Ok(None)
            }
            Wish::Lock(who) => self.change_account(from, by, AccountAct::Lock(Select::Id(who)), now),
            Wish::Unlock(who) => self.change_account(from, by, AccountAct::Unlock(Select::Id(who)), now),
            Wish::SetRole { who, role } => {
                let change = AccountChange { role: Some(role), ..AccountChange::default() };
                let act = AccountAct::Alter { who: Select::Id(who), change, force: false };
                self.change_account(from, by, act, now)
            }
            Wish::Owned(wish) => self.owned_ask(from, person, wish, now),
            Wish::Factor(wish) => self.factor_ask(from, person, *wish, now),
        }
    }

    fn change_account(
        &mut self,
        from: (ServerNo, u64),
        by: By,
        act: AccountAct,
        now: Instant,
    ) -> Result<Option<AccountAnswer>, AccountRefusal> {
        if !matches!(self.mode, Mode::Serving) || !self.is_healthy() {
            return Err(AccountRefusal::NotWritable);
        }
        let ask = StoreAsk::Act { by: by.name.clone(), act: Box::new(act.clone()) };
        let asked = Asked { from, by, act: Some(Box::new(act)), then: Then::Changed };
        self.ask_for_person(asked, ask, now);
        Ok(None)
    }

    /// Asks the database for somebody; where it can't be asked, or is late, they are told so.
    pub(crate) fn ask_for_person(&mut self, asked: Asked, ask: StoreAsk, now: Instant) {
        self.ask_store_within(ForStore::Asked(Box::new(asked)), ask, ASKED_WITHIN, now);
    }

    /// What the database says to somebody who asked.
    pub(crate) fn asked_answered(
        &mut self,
        asked: Asked,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let Asked { from, by, act, then } = asked;
        let otherwise = || AccountRefusal::Store(StoreRefusal::Broken("it answered something else".into()));
        let then = match then {
            Then::Owned(step) => {
                let answer = self.owned_answered((from, by), act, *step, result, now);
                return answer.into_iter().for_each(|answer| self.answer_account(from, answer));
            }
            Then::Factor(step) => {
                let answer = self.factor_done(*step, result);
                return self.answer_account(from, answer);
            }
            then => then,
        };
        let answer = match (then, result) {
            (Then::Own(own), result) => Ok(self.with_past(*own, result)),
            (Then::Ends { person, which, here }, result) => {
                self.end_elsewhere(&person, (which, here), result, &by, now)
            }
            (Then::People, Ok(StoreAnswer::Accounts { rows, more })) => {
                Ok(AccountAnswer::People { rows, more })
            }
            (Then::Changed, Ok(answer)) => {
                let after: Option<Box<Account>> = match &answer {
                    StoreAnswer::Changed { after, .. } => Some(after.clone()),
                    StoreAnswer::Account { account, .. } => Some(account.clone()),
                    _ => None,
                };
                // Recorded and carried through as an act of root's command.
                self.accounts_answered(None, &by, act.as_deref(), Ok(answer), now);
                after.map(AccountAnswer::Changed).ok_or_else(otherwise)
            }
            (_, Err(refusal)) => Err(AccountRefusal::Store(refusal)),
            (_, Ok(_)) => Err(otherwise()),
        };
        self.answer_account(from, answer);
    }
}
