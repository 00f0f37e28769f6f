//! What the database says to what people and programs ask about keys, other people and groups: carried through, and told.
//!
//! Where it was only asked whose something is, the table of permissions is asked now. Called by `asked`.

use std::time::Instant;

use portcullis_model::Secret;
use portcullis_model::SignInId;
use portcullis_model::account::{Account, Provider};
use portcullis_model::audit::Event;
use portcullis_model::key::{ApiKey, Scope};
use portcullis_model::permission::{Act, Target, With};
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal};
use portcullis_wire::admin::Typed;
use portcullis_wire::identity::{
    AccountAct, AccountChange, GroupAct, GroupRow, Select, StoreAnswer, StoreAsk, StoreRefusal,
};
use portcullis_wire::owned::{OwnedAnswer, PersonEdit};

use super::asked::{Asked, Person, Then};
use super::keys::Held;
use super::owned::Step;
use super::wanted::plain;
use crate::admin::By;
use crate::launcher::Launcher;
use crate::server::ServerNo;

impl Launcher {
    /// What the database says; `None` where it is asked once more.
    pub(super) fn owned_answered(
        &mut self,
        (from, by): ((ServerNo, u64), By),
        act: Option<Box<AccountAct>>,
        step: Step,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) -> Option<Result<AccountAnswer, AccountRefusal>> {
        let answer = match (step, result) {
            (Step::Key { held, text, sign_in }, result) => self.key_written(*held, text, sign_in, result),
            (_, Err(refusal)) => Err(AccountRefusal::Store(refusal)),
            (Step::Keys, Ok(StoreAnswer::Keys(mut keys))) => {
                for key in &mut keys {
                    let here = self.keys.get(&key.id).and_then(|held| held.key.last_used);
                    key.last_used = key.last_used.max(here);
                    key.seal = Vec::new();
                }
                Ok(OwnedAnswer::Keys(keys))
            }
            (Step::KeyEnd { account, why }, Ok(StoreAnswer::Key(found))) => {
                match found.filter(|found| found.key.account == account) {
                    Some(found) => {
                        self.end_key_elsewhere(&found, why, &by);
                        Ok(OwnedAnswer::Done)
                    }
                    None => Err(AccountRefusal::Gone),
                }
            }
            (Step::Person, Ok(answer)) => match account_of(&answer) {
                Some(account) => {
                    if act.is_some() {
                        self.accounts_answered(None, &by, act.as_deref(), Ok(answer), now);
                    }
                    Ok(OwnedAnswer::Person(account))
                }
                None => Err(otherwise()),
            },
            (Step::Edit { person, edit }, Ok(StoreAnswer::Account { account, .. })) => {
                match self.edit(from, by, &person, &account, edit, now) {
                    Ok(()) => return None,
                    Err(refusal) => Err(refusal),
                }
            }
            (Step::GroupJudge { person, act }, Ok(StoreAnswer::Group { row, .. })) => {
                let account = match &act {
                    GroupAct::Member { account, .. } => Some(*account),
                    _ => None,
                };
                let target = Target { account, group_owner: row.owner, ..Target::default() };
                match self.permit_owned(&person, act_of(&act), &target, &format!("{act:?}")) {
                    Ok(()) => {
                        let then = Then::Owned(Box::new(Step::GroupDone { act: act.clone() }));
                        let ask = StoreAsk::GroupAct(act);
                        self.ask_for_person(Asked { from, by, act: None, then }, ask, now);
                        return None;
                    }
                    Err(refusal) => Err(refusal),
                }
            }
            (Step::Groups, Ok(StoreAnswer::Groups { rows, more })) => Ok(OwnedAnswer::Groups { rows, more }),
            (Step::Group, Ok(StoreAnswer::Group { row, .. })) => Ok(OwnedAnswer::Group(row)),
            (Step::Members, Ok(StoreAnswer::Members { rows, more })) => {
                Ok(OwnedAnswer::Members { rows, more })
            }
            (Step::GroupDone { act }, Ok(StoreAnswer::Group { row, changed })) => {
                Ok(self.group_done(&act, row, changed, &by))
            }
            (_, Ok(_)) => Err(otherwise()),
        };
        Some(answer.map(AccountAnswer::Owned))
    }

    fn edit(
        &mut self,
        from: (ServerNo, u64),
        by: By,
        person: &Person,
        account: &Account,
        edit: PersonEdit,
        now: Instant,
    ) -> Result<(), AccountRefusal> {
        let governed = account.identity.provider != Provider::System;
        let target = Target {
            account: Some(account.id),
            role: Some(account.role),
            role_governed: self.active.settings.role_rules().governs() && !account.role_fixed,
            name_governed: governed,
            profile_governed: governed,
            ..Target::default()
        };
        let told = format!("edit {} {edit:?}", account.id);
        // Whoever may not see this person learns nothing of them by changing them.
        self.permit_owned(person, Act::SeePerson, &target, &told).or_else(|refusal| {
            match person.actor.with {
                // A key without `users:read` may change what its scope lets it.
                With::Key(scopes) if scopes.has(Scope::UsersWrite) => Ok(()),
                _ => Err(refusal),
            }
        })?;
        if edit.username.is_some() {
            self.permit_owned(person, Act::Rename, &target, &told)?;
        }
        if edit.first.is_some() || edit.last.is_some() || edit.email.is_some() {
            self.permit_owned(person, Act::EditProfile, &target, &told)?;
        }
        if let Some(to) = edit.role {
            self.permit_owned(person, Act::ChangeRole { to }, &target, &told)?;
        }
        let change = AccountChange {
            role: edit.role,
            username: edit.username.map(|text| plain(&text)),
            first: edit.first.map(|text| plain(&text)),
            last: edit.last.map(|text| plain(&text)),
            email: edit.email.map(|text| plain(&text)),
            ..AccountChange::default()
        };
        let act = Box::new(AccountAct::Alter { who: Select::Id(account.id), change, force: false });
        let ask = StoreAsk::Act { by: by.name.clone(), act: act.clone() };
        let then = Then::Owned(Box::new(Step::Person));
        self.ask_for_person(Asked { from, by, act: Some(act), then }, ask, now);
        Ok(())
    }

    fn key_written(
        &mut self,
        mut held: Held,
        text: Secret,
        sign_in: SignInId,
        result: Result<StoreAnswer, StoreRefusal>,
    ) -> Result<OwnedAnswer, AccountRefusal> {
        // Who they are may have changed while the database wrote.
        let owner = self.sign_ins.get(&sign_in).map(|one| (one.principal.clone(), one.role));
        let refused = match result {
            Ok(StoreAnswer::Done) if !self.is_healthy() => Some(AccountRefusal::NotWritable),
            Ok(StoreAnswer::Done) if owner.is_none() => Some(AccountRefusal::Nobody),
            Ok(StoreAnswer::Done) => None,
            Ok(_) => Some(otherwise()),
            Err(refusal) => Some(AccountRefusal::Store(refusal)),
        };
        if let Some(refused) = refused {
            // It may be written all the same, and nobody will ever have its text.
            self.disown_key(held.key.id);
            return Err(refused);
        }
        if let Some((principal, role)) = owner {
            (held.principal, held.role) = (principal, role);
        }
        let key = ApiKey { seal: Vec::new(), ..held.key.clone() };
        let sources: Vec<String> = key.sources.iter().map(ToString::to_string).collect();
        self.log.write(Event::KeyCreated {
            user: held.principal.user.to_string(),
            account: key.account,
            key: key.id,
            name: key.name.clone(),
            scopes: key.scopes.to_string(),
            role: key.role_cap.to_string(),
            sources: sources.join(" "),
            until: key.until.map_or(0, |until| until / 1000),
        });
        self.begin_key(held);
        Ok(OwnedAnswer::KeyMade { key: Box::new(key), text: Typed(text) })
    }

    fn group_done(&mut self, act: &GroupAct, row: GroupRow, changed: bool, by: &By) -> OwnedAnswer {
        let (group, name, by) = (row.id, row.name.clone(), by.name.clone());
        let what = match act {
            GroupAct::Add { .. } => "made",
            GroupAct::Rename { .. } => "renamed",
            GroupAct::Remove(_) => "removed",
            GroupAct::Member { account, member, .. } => {
                if changed {
                    let (account, member) = (*account, *member);
                    // Who has neither signed in nor a key here is named by the account alone.
                    let one = self.sign_ins.values().find(|one| one.account == Some(account));
                    let user = one.map(|one| one.principal.user.to_string()).unwrap_or_default();
                    self.log.write(Event::MemberChanged { user, account, group, name, member, by });
                }
                return OwnedAnswer::Done;
            }
        };
        self.log.write(Event::GroupChanged { group, name, what: what.into(), by });
        if matches!(act, GroupAct::Remove(_)) { OwnedAnswer::Done } else { OwnedAnswer::Group(row) }
    }
}

fn otherwise() -> AccountRefusal {
    AccountRefusal::Store(StoreRefusal::Broken("it answered something else".into()))
}

const fn act_of(act: &GroupAct) -> Act {
    match act {
        GroupAct::Add { .. } => Act::CreateGroup,
        GroupAct::Rename { .. } => Act::EditGroup,
        GroupAct::Remove(_) => Act::RemoveGroup,
        GroupAct::Member { member: true, .. } => Act::AddMember,
        GroupAct::Member { member: false, .. } => Act::RemoveMember,
    }
}

fn account_of(answer: &StoreAnswer) -> Option<Box<Account>> {
    match answer {
        StoreAnswer::Account { account, .. } => Some(account.clone()),
        StoreAnswer::Changed { after, .. } => Some(after.clone()),
        _ => None,
    }
}
