//! One look: who it is at the database, what the directory says, what PAM and the name service say, one after the other.
//!
//! Each is a question to another process with a deadline for all of them. What is not answered is as if it was not asked.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Instant;

use nix::sys::signal::Signal;
use portcullis_model::account::{Account, Identity, Provider};
use portcullis_model::proof::{Attributes, Failure, Membership, MethodName};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{AccountId, Gid, Secret};
use portcullis_sys::process::{Ended, Process};
use portcullis_wire::Channel;
use portcullis_wire::identity::{AskAnswer, Opening, Select, StoreAnswer, StoreAsk, StoreRefusal, ToAsk};

use super::apply::with_groups_of;
use super::judge::{Found, Known, Verdict, judge, provider};
use super::{Cause, Person};
use crate::children::Child;
use crate::identity::{ForAsk, ForStore};
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::role;
use crate::sign_in::again::Standing;
use crate::sign_in::talk::{FromHelper, Job, Step, ToHelper};

/// One look.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) person: Person,
    pub(super) cause: Cause,
    pub(super) deadline: Instant,
    /// How often changes of the files had been heard of as it began.
    heard: u64,
    stage: Stage,
    /// As they were, as far as is known.
    before: Principal,
    /// From where they came in last.
    remote: String,
    account: Option<AccountId>,
    /// Who it is at the database, where that was asked.
    known: Option<Box<Account>>,
    /// What the directory says of them.
    says: Option<Box<Membership>>,
}

#[derive(Debug)]
enum Stage {
    /// The database is asked who it is.
    Finding,
    /// The directory is asked.
    Asking,
    /// A helper looks.
    Looking { helper: Process, channel: Channel },
}

/// Names a look to whoever answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asker(u64);

impl Check {
    /// The helper's descriptor.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.stage {
            Stage::Looking { channel, .. } => Some(channel.as_fd()),
            Stage::Finding | Stage::Asking => None,
        }
    }
}

/// What a session alone says of its owner; the rest is what nobody is.
fn of_session(entry: &crate::sessions::Entry) -> Principal {
    Principal {
        user: entry.kept.session.user.clone(),
        uid: entry.kept.uid,
        gid: Gid(u32::MAX),
        groups: entry.kept.groups.clone(),
        home: String::new(),
        shell: String::new(),
    }
}

impl Launcher {
    /// Somebody as they are known, the latest first: by a sign-in, a key, or a session.
    fn known_as(&self, person: &Person) -> Option<(Principal, String, Option<AccountId>)> {
        let is_theirs = |principal: &Principal| (principal.uid, &principal.user) == (person.0, &person.1);
        let sign_ins = self.sign_ins.of(person.0).filter(|one| is_theirs(&one.principal));
        if let Some(one) = sign_ins.max_by_key(|one: &&SignIn| (one.account.is_some(), one.since)) {
            return Some((one.principal.clone(), one.remote.to_string(), one.account));
        }
        if let Some(held) = self.keys.values().find(|held| !held.waits && is_theirs(&held.principal)) {
            return Some((held.principal.clone(), String::new(), Some(held.key.account)));
        }
        let live = self.sessions.values().filter(|entry| entry.kept.session.state.is_live());
        let theirs = live.filter(|e| (e.kept.uid, &e.kept.session.user) == (person.0, &person.1));
        theirs.map(of_session).next().map(|principal| (principal, String::new(), None))
    }

    /// Begins one; of somebody who isn't here any more there is none.
    pub(super) fn begin_check(&mut self, person: Person, cause: Cause, now: Instant) {
        let Some((before, remote, account)) = self.known_as(&person) else {
            self.looked_at(&person, |_| {});
            return;
        };
        self.sync.last += 1;
        let no = self.sync.last;
        let deadline = now + self.active.seconds(|conf| conf.pam_timeout_seconds);
        let (stage, known, says, heard) = (Stage::Finding, None, None, self.sync.heard);
        let check = Check { person, cause, deadline, heard, stage, before, remote, account, known, says };
        let user = check.person.1.clone();
        self.sync.running.insert(no, check);
        let settings = &self.active.settings;
        let directories = portcullis_conf::sign_in::methods(settings).contains(&MethodName::Ldap);
        if !directories && !settings.membership.provider_groups {
            return self.look_by_helper(no, now);
        }
        let who = account.map_or_else(|| Select::Name(user.to_string()), Select::Id);
        self.ask_store_soon(ForStore::Sync(Asker(no)), StoreAsk::Find(who), now);
    }

    /// The database says who it is.
    pub(crate) fn sync_found(
        &mut self,
        Asker(no): Asker,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let Some(check) = self.sync.running.get_mut(&no) else { return };
        if !matches!(check.stage, Stage::Finding) {
            return;
        }
        let account = match result {
            Ok(StoreAnswer::Account { account, .. }) if account.unix == check.person.1 => account,
            // Somebody else's, who is called so at a provider, or who has another account of this machine by now.
            Ok(StoreAnswer::Account { .. }) => {
                check.account = None;
                return self.look_by_helper(no, now);
            }
            // Nobody of the database's: what this machine says counts alone.
            Err(StoreRefusal::NoAccount(_)) => return self.look_by_helper(no, now),
            Ok(_) => {
                return self.look_ends(no, Verdict::Unknown("the store answered something else".into()), now);
            }
            Err(why) => return self.look_ends(no, Verdict::Unknown(why.to_string()), now),
        };
        check.account = Some(account.id);
        let identity = account.identity.clone();
        check.known = Some(account);
        if !matches!(identity.provider, Provider::Ldap(_)) {
            return self.look_by_helper(no, now);
        }
        check.stage = Stage::Asking;
        let deadline = check.deadline;
        let message = |request| ToAsk::Members { request, identity };
        self.ask_method(MethodName::Ldap, ForAsk::Members(Asker(no)), deadline, message, now);
    }

    /// The directory says what they are a member of.
    pub(crate) fn sync_told(&mut self, Asker(no): Asker, result: Result<AskAnswer, Failure>, now: Instant) {
        let Some(check) = self.sync.running.get_mut(&no) else { return };
        if !matches!(check.stage, Stage::Asking) {
            return;
        }
        let verdict = match result {
            Ok(AskAnswer::Members(says)) => {
                check.says = Some(says);
                return self.look_by_helper(no, now);
            }
            Ok(_) => Verdict::Unknown("the directory's process answered something else".into()),
            Err(failure) => match provider(&failure) {
                Ok(()) => Verdict::Unknown(failure.to_string()),
                Err(why) => Verdict::Ends(why),
            },
        };
        self.look_ends(no, verdict, now);
    }

    fn look_by_helper(&mut self, no: u64, now: Instant) {
        if let Err(why) = self.start_check(no) {
            say!(Error, "cannot start a PAM helper: {why}");
            self.look_ends(no, Verdict::Unknown(why), now);
        }
    }

    fn start_check(&mut self, no: u64) -> Result<(), String> {
        let Some(check) = self.sync.running.get_mut(&no) else { return Ok(()) };
        let job = Job {
            step: Step::Again,
            service: self.active.settings.portcullis.pam_service.clone(),
            user: check.person.1.to_string(),
            remote: check.remote.clone(),
            password: Secret::default(),
            only_password_prompts: true,
        };
        let (channel, theirs) = Channel::pair().map_err(|error| chain(&error))?;
        let helper = role::start_helper(&theirs).map_err(|error| chain(&error))?;
        self.children.insert(helper.pid(), Child::Look(no));
        let told = channel.set_nonblocking(true).and_then(|()| channel.send(&ToHelper::Job(job), &[]));
        check.stage = Stage::Looking { helper, channel };
        told.map_err(|error| chain(&error))
    }

    /// A helper says what it saw.
    pub(crate) fn hear_check(&mut self, no: u64, now: Instant) {
        let Some(check) = self.sync.running.get(&no) else { return };
        let Stage::Looking { channel, .. } = &check.stage else { return };
        let standing = match channel.receive::<FromHelper>() {
            Ok((FromHelper::Stands(standing), _)) => standing,
            Ok(_) => Standing::Unreachable("the helper answered something else".into()),
            // Closed without a word: its end says why.
            Err(portcullis_wire::WireError::WouldBlock | portcullis_wire::WireError::Closed) => return,
            Err(error) => Standing::Unreachable(chain(&error)),
        };
        if let Standing::Good { local, .. } = &standing {
            // By no password: whether it was locked as they came in, this look doesn't know.
            let user = check.person.1.clone();
            self.sync.learn(&user, *local, false, &mut self.dirty);
        }
        let Some(check) = self.sync.running.get(&no) else { return };
        let person = &check.person;
        let known = Known {
            before: &check.before,
            local: self.sync.local.contains(&person.1),
            unlocked: self.sync.unlocked.contains(&person.1),
            missing: self.sync.missing.get(person).map(|since| now.saturating_duration_since(*since)),
            minimum_uid: self.active.minimum_uid,
            required: &self.active.settings.rserver.auth_required_user_group,
        };
        let verdict = judge(standing, &known);
        self.look_ends(no, verdict, now);
    }

    /// A helper's process ended; a last word may still be there.
    pub(crate) fn check_ended(&mut self, no: u64, pid: i32, ended: Ended, now: Instant) {
        self.hear_check(no, now);
        let is_its =
            |check: &Check| matches!(&check.stage, Stage::Looking { helper, .. } if helper.pid() == pid);
        if self.sync.running.get(&no).is_some_and(is_its) {
            self.look_ends(no, Verdict::Unknown(format!("the PAM helper ended: {ended}")), now);
        }
    }

    /// Gives up those that take too long.
    pub(super) fn give_up_late_looks(&mut self, now: Instant) {
        let late = self.sync.running.iter().filter(|(_, check)| now >= check.deadline);
        let late: Vec<u64> = late.map(|(&no, _)| no).collect();
        for no in late {
            self.look_ends(no, Verdict::Unknown("no answer in time".into()), now);
        }
    }

    /// It is over; what it found is put in force.
    fn look_ends(&mut self, no: u64, verdict: Verdict, now: Instant) {
        // ORDER: what changed before it was answered is heard before the answer counts.
        self.hear_files(now);
        let Some(check) = self.sync.running.remove(&no) else { return };
        if let Stage::Looking { helper, .. } = &check.stage {
            // Reaped as any child; mostly it has ended already.
            let _ = helper.signal(Signal::SIGKILL);
        }
        let person = check.person.clone();
        if !matches!(verdict, Verdict::Missing(_)) {
            self.sync.missing.remove(&person);
        }
        if matches!(verdict, Verdict::Unknown(_)) {
            self.sync.unsure.insert(person.clone());
        } else {
            self.sync.unsure.remove(&person);
        }
        // It may have seen what was in the files for a moment, and is in none of the two readings around it.
        if check.heard != self.sync.heard && !matches!(verdict, Verdict::Ends(_)) {
            self.sync.again.entry(person.clone()).or_insert(Cause::Files);
        }
        match verdict {
            Verdict::Is(principal) => {
                let names = check.groups_for_flags(self.active.settings.membership.provider_groups);
                let principal = with_groups_of(*principal, names);
                let changed = self.is_now(&principal, check.cause.word(), now);
                self.tell_store_of(&check, &principal, now);
                self.counted(&person, if changed { Found::Changed } else { Found::Same });
            }
            Verdict::Ends(why) => {
                self.identity_lost(&person, check.account, &why, check.cause.word(), now);
                self.counted(&person, Found::Ended);
            }
            Verdict::Unknown(why) => {
                say!(Info, "nobody knows whether somebody may still be here user={}: {why}", person.1);
                self.not_synced(check.account, now);
                self.counted(&person, Found::Unreachable);
            }
            Verdict::Missing(why) => {
                say!(Info, "an account is missing, it is looked for again user={}: {why}", person.1);
                self.sync.missing.entry(person.clone()).or_insert(now);
                self.not_synced(check.account, now);
                self.counted(&person, Found::Unreachable);
            }
        }
        if let Some(cause) = self.sync.again.remove(&person) {
            self.sync.add(person, cause);
        }
    }

    /// Metric, administrators who wait, and the round.
    fn counted(&mut self, person: &Person, found: Found) {
        self.log.counts.membership_checked(found.word());
        if self.sync.again.contains_key(person) {
            return; // whoever waits, waits for the look that comes: this one was begun before
        }
        self.looked_at(person, |synced| {
            let count = match found {
                Found::Same => &mut synced.same,
                Found::Changed => &mut synced.changed,
                Found::Ended => &mut synced.ended,
                Found::Unreachable => &mut synced.unreachable,
            };
            *count = count.saturating_add(1);
        });
    }

    /// Somebody was looked up, or isn't here any more.
    fn looked_at(&mut self, person: &Person, count: impl Fn(&mut portcullis_wire::admin::Synced)) {
        self.count_for_administrators(person, count);
        if let Some((_, left)) = &mut self.sync.round {
            left.remove(person);
        }
        self.end_round();
    }

    /// Has the database know what was found: groups, and the role that these give.
    fn tell_store_of(&mut self, check: &Check, principal: &Principal, now: Instant) {
        let Some(account) = check.account else { return };
        let next = self.next_look();
        let opening = match (&check.says, &check.known) {
            (Some(says), Some(known)) => Some(opening(known.identity.clone(), principal, says)),
            // Without directories nobody else is asked, and who it is need not be looked for: this machine's accounts are its numbers.
            (None, known) if known.as_ref().is_none_or(|one| one.identity.provider == Provider::System) => {
                self.opening_of_this_machine(account, principal)
            }
            _ => None,
        };
        let ask = match opening {
            Some(who) => StoreAsk::Sync { who: Box::new(who), next },
            None => return,
        };
        self.ask_store_soon(ForStore::Synced, ask, now);
    }

    /// As a sign-in by this machine would say it; `None` where another provider keeps the account.
    fn opening_of_this_machine(&self, account: AccountId, principal: &Principal) -> Option<Opening> {
        let theirs = self.sign_ins.of(principal.uid).find(|one| one.account == Some(account))?;
        let of_system = matches!(
            theirs.method,
            MethodName::Pam | MethodName::Kerberos | MethodName::Proxy | MethodName::None
        );
        let opening = crate::sign_in::account::opening(principal, None);
        of_system.then(|| opening.ok()).flatten()
    }

    fn not_synced(&mut self, account: Option<AccountId>, now: Instant) {
        if let Some(account) = account {
            let next = self.next_look();
            self.ask_store_soon(ForStore::Synced, StoreAsk::NotSynced { account, next }, now);
        }
    }

    /// About when the next look is, in milliseconds since 1970.
    fn next_look(&self) -> u64 {
        let interval = u64::from(self.active.settings.membership.membership_update_interval) * 60;
        crate::clock::seconds().saturating_add(interval).saturating_mul(1000)
    }
}

impl Check {
    /// Names of the provider's groups, where those count as this machine's do.
    fn groups_for_flags(&self, count: bool) -> Vec<String> {
        let of_provider = match (&self.says, &self.known) {
            (Some(says), _) => &says.groups,
            (None, Some(known)) if known.identity.provider != Provider::System => &known.groups,
            _ => return Vec::new(),
        };
        if count { of_provider.iter().map(|group| group.name.clone()).collect() } else { Vec::new() }
    }
}

fn opening(identity: Identity, principal: &Principal, says: &Membership) -> Opening {
    let attributes: Attributes = says.attributes.clone();
    Opening {
        identity,
        username: says.user.clone(),
        unix: principal.user.clone(),
        attributes,
        groups: says.groups.clone(),
        register: false,
    }
}
