//! What people, and programs with a key, ask about keys, other people and groups: judged by the table of permissions, done, answered.
//!
//! Where the table needs to know whose something is, the database is asked for that first. Called by `asked`.

use std::time::Instant;

use portcullis_model::account::Role;
use portcullis_model::key::{ApiKey, KEYS_MAX, KeyEnd, NewKey, Scope};
use portcullis_model::permission::{Act, Refused, Rule, Target, With, may};
use portcullis_model::proof::Attributes;
use portcullis_model::sign_in::SignIn;
use portcullis_model::{AccountId, Secret, SessionId, SignInId};
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Asker};
use portcullis_wire::identity::{AccountAct, GroupAct, Select, StoreAsk};
use portcullis_wire::owned::{NewKeyWish, NewPersonWish, OwnedAnswer, OwnedWish, PersonEdit};

use super::asked::{Asked, Person, Then};
use super::keys::Held;
use super::owners::milliseconds;
use super::wanted::{group_name, plain, wanted_key};
use crate::admin::By;
use crate::clock;
use crate::launcher::{Launcher, Mode};
use crate::server::ServerNo;

/// What an answer of the database is for.
#[derive(Debug)]
pub(crate) enum Step {
    /// A key is written, and lives from here on if whoever asked for it is still signed in.
    Key {
        held: Box<Held>,
        text: Secret,
        sign_in: SignInId,
    },
    Keys,
    /// A key of another machine is known, so that it is ended if it is this account's.
    KeyEnd {
        account: AccountId,
        why: KeyEnd,
    },
    /// A look, or an act whose answer is the account.
    Person,
    /// The account is known, so that the table can be asked.
    Edit {
        person: Box<Person>,
        edit: PersonEdit,
    },
    Groups,
    Group,
    Members,
    /// The group is known, so that the table can be asked.
    GroupJudge {
        person: Box<Person>,
        act: GroupAct,
    },
    /// An act on a group is done.
    GroupDone {
        act: GroupAct,
    },
}

type Answered = Result<Option<OwnedAnswer>, AccountRefusal>;

impl Launcher {
    /// Carries out what the table lets them; `None` where the answer comes later.
    pub(super) fn owned_ask(
        &mut self,
        from: (ServerNo, u64),
        person: &Person,
        wish: OwnedWish,
        now: Instant,
    ) -> Result<Option<AccountAnswer>, AccountRefusal> {
        Ok(self.carry_owned(from, person, wish, now)?.map(AccountAnswer::Owned))
    }

    fn carry_owned(
        &mut self,
        from: (ServerNo, u64),
        person: &Person,
        wish: OwnedWish,
        now: Instant,
    ) -> Answered {
        let told = format!("{wish:?}");
        let of = |account| Target { account, ..Target::default() };
        let later = |then: Step| Asked {
            from,
            by: By::signed_in(person.user.as_str()),
            act: None,
            then: Then::Owned(Box::new(then)),
        };
        match wish {
            OwnedWish::Keys { of: whose } => {
                let account = whose.or(person.account).ok_or(AccountRefusal::Gone)?;
                self.permit_owned(person, Act::ListKeys, &of(Some(account)), &told)?;
                self.ask_for_person(later(Step::Keys), StoreAsk::KeysOf(account), now);
            }
            OwnedWish::KeyCreate(wanted) => return self.create_key(from, person, wanted, &told, now),
            OwnedWish::KeyEnd { of: whose, key: id } => {
                let account = whose.or(person.account).ok_or(AccountRefusal::Gone)?;
                self.permit_owned(person, Act::EndKey, &of(Some(account)), &told)?;
                let here = self.keys.get(&id).map(|held| held.key.account == account);
                if here == Some(false) || here.is_none() && !self.shares_accounts() {
                    return Err(AccountRefusal::Gone);
                }
                self.writable()?;
                let own = person.account == Some(account);
                let why = if own { KeyEnd::Owner } else { KeyEnd::Administrator };
                if here.is_none() {
                    // Of another machine: the database says whose it is.
                    self.ask_for_person(later(Step::KeyEnd { account, why }), StoreAsk::Key(id), now);
                    return Ok(None);
                }
                self.end_key(id, why, Some(&By::signed_in(person.user.as_str())));
                return Ok(Some(OwnedAnswer::Done));
            }
            OwnedWish::Person { of: whose } => {
                let account = whose.or(person.account).ok_or(AccountRefusal::Gone)?;
                self.permit_owned(person, Act::SeePerson, &of(Some(account)), &told)?;
                self.ask_for_person(later(Step::Person), StoreAsk::Find(Select::Id(account)), now);
            }
            OwnedWish::PersonAdd(wanted) => {
                let role = wanted.edit.role.unwrap_or(Role::Viewer);
                self.permit_owned(person, Act::CreatePerson { role }, &Target::default(), &told)?;
                self.writable()?;
                self.add_person(later(Step::Person), wanted, now);
            }
            OwnedWish::PersonEdit { who, edit } => {
                self.writable()?;
                let then = Step::Edit { person: Box::new(person.clone()), edit };
                self.ask_for_person(later(then), StoreAsk::Find(Select::Id(who)), now);
            }
            OwnedWish::Groups { after, limit } => {
                self.permit_owned(person, Act::ListGroups, &Target::default(), &told)?;
                self.ask_for_person(later(Step::Groups), StoreAsk::Groups { after, limit }, now);
            }
            OwnedWish::Group(group) => {
                self.permit_owned(person, Act::SeeGroup, &Target::default(), &told)?;
                self.ask_for_person(later(Step::Group), StoreAsk::Group(group), now);
            }
            OwnedWish::Members { group, after, limit } => {
                self.permit_owned(person, Act::SeeGroup, &Target::default(), &told)?;
                let ask = StoreAsk::Members { group, after, limit };
                self.ask_for_person(later(Step::Members), ask, now);
            }
            OwnedWish::GroupAdd { name } => {
                self.permit_owned(person, Act::CreateGroup, &Target::default(), &told)?;
                self.writable()?;
                let act = GroupAct::Add { name: group_name(&name)?, owner: person.account };
                self.ask_for_person(
                    later(Step::GroupDone { act: act.clone() }),
                    StoreAsk::GroupAct(act),
                    now,
                );
            }
            OwnedWish::GroupRename { group, name } => {
                let act = GroupAct::Rename { group, name: group_name(&name)? };
                self.judge_group_first(later, person, act, now)?;
            }
            OwnedWish::GroupRemove(group) => {
                self.judge_group_first(later, person, GroupAct::Remove(group), now)?;
            }
            OwnedWish::Member { group, who, member } => {
                let act = GroupAct::Member { group, account: who, member };
                self.judge_group_first(later, person, act, now)?;
            }
            OwnedWish::Audit(search) => {
                self.permit_owned(person, Act::ReadAudit, &Target::default(), &told)?;
                self.writable()?;
                let by = By::signed_in(person.user.as_str());
                self.search_for_account(from, search, &by, now)?;
            }
            OwnedWish::SessionOpen(ide) => {
                let sign_in = self.session_of(person, &told)?;
                return Ok(Some(OwnedAnswer::Opened(self.try_open(&sign_in, ide, now))));
            }
            OwnedWish::SessionStop(id) => {
                self.session_of(person, &told)?;
                return self.stop_own(person, id, now);
            }
        }
        Ok(None)
    }

    /// Asks the table; a refusal is recorded.
    pub(super) fn permit_owned(
        &mut self,
        person: &Person,
        act: Act,
        target: &Target,
        told: &str,
    ) -> Result<(), AccountRefusal> {
        let rules = self.active.settings.permission_rules();
        may(&person.actor, act, target, &rules).map_err(|refused| self.owned_refused(person, told, refused))
    }

    fn owned_refused(&mut self, person: &Person, told: &str, refused: Refused) -> AccountRefusal {
        // That a page asks for a password first is no refusal that anybody must look into.
        if refused.rule != Rule::Renew {
            self.record_refused_wish(person, told.to_owned(), refused);
        }
        AccountRefusal::Rule(refused)
    }

    fn writable(&self) -> Result<(), AccountRefusal> {
        if matches!(self.mode, Mode::Serving) && self.is_healthy() {
            Ok(())
        } else {
            Err(AccountRefusal::NotWritable)
        }
    }

    fn create_key(
        &mut self,
        from: (ServerNo, u64),
        person: &Person,
        wanted: NewKeyWish,
        told: &str,
        now: Instant,
    ) -> Answered {
        let role = wanted.role.unwrap_or(person.actor.role);
        let target = Target { account: wanted.of.or(person.account), ..Target::default() };
        self.permit_owned(person, Act::CreateKey { role }, &target, told)?;
        self.writable()?;
        let (Asker::SignIn(sign_in), Some(account)) = (person.asker, person.account) else {
            return Err(AccountRefusal::Gone);
        };
        let owner = self.sign_ins.get(&sign_in).map(|one| (one.principal.clone(), one.role));
        let (principal, owner_role) = owner.ok_or(AccountRefusal::Nobody)?;
        if self.keys.len() >= KEYS_MAX {
            return Err(AccountRefusal::Value(format!("there are {KEYS_MAX} API keys, which is the limit")));
        }
        let max = u64::from(self.active.settings.people.api_key_max_days);
        let created = milliseconds();
        let key = wanted_key(wanted, role, max, created)?;
        let new = NewKey::random().map_err(|_| AccountRefusal::NotWritable)?;
        let mut key = ApiKey { id: new.id, account, digest: new.digest, ..key };
        key.seal = self.seal_for(&key, &principal);
        let ask = StoreAsk::KeyAdd(Box::new(key.clone()));
        let held = Held { key, principal, role: owner_role, locked: false, waits: false };
        let then = Step::Key { held: Box::new(held), text: new.text, sign_in };
        let by = By::signed_in(person.user.as_str());
        self.ask_for_person(Asked { from, by, act: None, then: Then::Owned(Box::new(then)) }, ask, now);
        Ok(None)
    }

    fn add_person(&mut self, mut asked: Asked, wanted: NewPersonWish, now: Instant) {
        let NewPersonWish { identity, username, unix, edit } = wanted;
        let attributes = Attributes {
            first: edit.first.map(|text| plain(&text)),
            last: edit.last.map(|text| plain(&text)),
            email: edit.email.map(|text| plain(&text)),
            ..Attributes::default()
        };
        let act = AccountAct::Add { identity, username: plain(&username), unix, attributes, role: edit.role };
        asked.act = Some(Box::new(act.clone()));
        let ask = StoreAsk::Act { by: asked.by.name.clone(), act: Box::new(act) };
        self.ask_for_person(asked, ask, now);
    }

    /// Whose session a program or person may start or stop: their own.
    fn session_of(&mut self, person: &Person, told: &str) -> Result<SignIn, AccountRefusal> {
        match (person.asker, person.actor.with) {
            (Asker::SignIn(id), _) => {
                let one = self.sign_ins.get(&id).filter(|one| one.until > clock::seconds());
                one.cloned().ok_or(AccountRefusal::Nobody)
            }
            (Asker::Key(id), With::Key(scopes)) => {
                if !self.active.settings.people.api_keys_enabled {
                    return Err(self.owned_refused(person, told, Rule::KeysOff.into()));
                }
                if !scopes.has(Scope::Sessions) {
                    return Err(self.owned_refused(person, told, Rule::Scope.into()));
                }
                let held = self.keys.get(&id).ok_or(AccountRefusal::Nobody)?;
                let life = (held.key.created / 1000, u64::MAX);
                // No sign-in has this id, and nothing is kept under it.
                let none = SignInId::from_bytes([0; 16]);
                let one = SignIn::of(none, held.principal.clone(), person.remote, life);
                Ok(SignIn { account: person.account, role: person.actor.role, ..one })
            }
            _ => Err(AccountRefusal::Nobody),
        }
    }

    fn stop_own(&mut self, person: &Person, id: SessionId, now: Instant) -> Answered {
        let whose = self.sessions.get(&id).filter(|entry| entry.kept.session.state.is_live());
        if whose.map(|entry| entry.kept.uid) != Some(person.uid) {
            return Err(AccountRefusal::Gone);
        }
        self.stop_session_of(person.uid, id, now);
        Ok(Some(OwnedAnswer::Done))
    }

    fn judge_group_first(
        &mut self,
        later: impl Fn(Step) -> Asked,
        person: &Person,
        act: GroupAct,
        now: Instant,
    ) -> Result<(), AccountRefusal> {
        self.writable()?;
        let group = match &act {
            GroupAct::Rename { group, .. } | GroupAct::Remove(group) | GroupAct::Member { group, .. } => {
                *group
            }
            GroupAct::Add { .. } => return Err(AccountRefusal::Gone),
        };
        let then = Step::GroupJudge { person: Box::new(person.clone()), act };
        self.ask_for_person(later(then), StoreAsk::Group(group), now);
        Ok(())
    }
}
