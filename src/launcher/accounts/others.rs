//! Other machines with the same database: what they ended ends here, they are told how far this one is, and while they can't be heard of
//! for long nobody is answered.
//!
//! Whatever takes something away is carried out on the store's word alone; nothing that gives something is. Where the database is this
//! machine's own (SQLite) nothing of this is there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use portcullis_model::account::Account;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, SignInId, UserName};
use portcullis_wire::admin::{MACHINES_SHOWN, MachineState, OthersState};
use portcullis_wire::identity::{Machine, StoreAnswer, StoreAsk, StoreRefusal, ToStore};
use portcullis_wire::{ToServer, WireError};

use super::coming::Comer;
use crate::admin::By;
use crate::identity::ForStore;
use crate::launcher::Launcher;
use crate::log::say;

/// How often the other machines are looked at, for whoever asks how the daemon is.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Changes that may be waited for: the last of them says all.
const UPTO_MAX: usize = 1024;

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// Since when nothing is heard of them; none while all is.
    apart: Option<Instant>,
    /// Whether anything was ever heard of them.
    heard: bool,
    /// Whether servers were told that nobody is to be answered.
    cut_off: bool,
    /// Changes that were heard of, until the store was told that they are carried out, and the last act that was begun by then.
    upto: VecDeque<(u64, u64)>,
    /// The machines as they were seen last, and when they are looked at again.
    machines: Vec<MachineState>,
    next_look: Option<Instant>,
    /// Whether the database is to be asked which sign-ins it has of this machine, and behind which one.
    mine: Mine,
}

/// The look at what the database has of this machine.
#[derive(Debug, Default)]
enum Mine {
    /// There is nothing to be looked for.
    #[default]
    Seen,
    /// Behind this one.
    Behind(Option<SignInId>),
    /// The answer is waited for.
    Asked,
}

impl Others {
    /// The store is there, maybe with another copy of the database.
    pub(crate) fn begin_again(&mut self) {
        self.mine = Mine::Behind(None);
    }

    /// Seconds since nothing is heard of them, and whether nobody is answered therefore.
    pub(crate) fn apart(&self, now: Instant) -> Option<(u64, bool)> {
        self.apart.map(|since| (now.saturating_duration_since(since).as_secs(), self.cut_off))
    }

    /// Whether it was heard of and is not: one that is being opened for the first time is waited for.
    pub(crate) const fn is_away(&self) -> bool {
        self.heard && self.apart.is_some()
    }

    /// When the other machines are looked at.
    pub(crate) const fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Whether servers answer nobody.
    pub(crate) const fn is_cut_off(&self) -> bool {
        self.cut_off
    }
}

/// When a machine that hears nothing since `apart` answers nobody any more; `lost` in seconds, 0 for never.
fn cut_off_at(apart: Option<Instant>, lost: u32) -> Option<Instant> {
    (lost > 0).then_some(apart?).map(|since| since + Duration::from_secs(lost.into()))
}

impl Launcher {
    /// An account is otherwise than it was, by an act on another machine.
    pub(crate) fn account_changed_elsewhere(
        &mut self,
        account: &Account,
        now: Instant,
    ) -> Result<(), WireError> {
        self.only_of_others()?;
        self.account_changed(account, now);
        if !account.live() {
            self.nobody_comes_as(&account.unix);
        }
        Ok(())
    }

    /// Sign-ins are over on another machine.
    pub(crate) fn ended_elsewhere(&mut self, ended: Vec<(SignInId, SignInEnd)>) -> Result<(), WireError> {
        self.only_of_others()?;
        for (id, why) in ended {
            self.nobody_comes_by(Comer::SignIn(id));
            self.end_without_row(id, why);
        }
        Ok(())
    }

    /// Everything of a person was ended on another machine.
    pub(crate) fn revoked_elsewhere(
        &mut self,
        account: AccountId,
        user: &UserName,
        now: Instant,
    ) -> Result<(), WireError> {
        self.only_of_others()?;
        self.nobody_comes_as(user);
        let by = By { login: -1, name: "another machine".into() };
        self.end_keys_of(user, Some(account), &by);
        self.revoke(user, Some(account), &by, None, now);
        Ok(())
    }

    /// All that others changed up to this revision was told.
    pub(crate) fn heard_upto(&mut self, revision: u64) -> Result<(), WireError> {
        self.only_of_others()?;
        let others = &mut self.identity.others;
        others.upto.push_back((revision, self.admin.acts.last()));
        if others.upto.len() > UPTO_MAX {
            others.upto.pop_front();
        }
        Ok(())
    }

    /// Nobody else writes into a database of this machine's own: a store that says so was taken over.
    pub(crate) fn only_of_others(&self) -> Result<(), WireError> {
        if self.shares_accounts() { Ok(()) } else { Err(WireError::Malformed) }
    }

    /// The database can't be reached, or can again and everything missed was told.
    pub(crate) fn apart(&mut self, apart: bool, now: Instant) {
        let others = &mut self.identity.others;
        if !apart {
            others.heard = true;
            if others.apart.take().is_some() {
                say!(Info, "the database that other machines share is heard of");
            }
            self.identity.rows.at_once();
            if std::mem::take(&mut self.identity.others.cut_off) {
                say!(Warn, "people are answered again");
                self.server.hold(ToServer::Apart(false));
            }
        } else if others.apart.is_none() {
            others.apart = Some(now);
            // A start is nothing to be warned of.
            if others.heard {
                say!(Warn, "the database that other machines share can't be reached; what is known goes on");
            }
        }
    }

    /// When nobody is to be answered any more.
    pub(crate) fn others_deadline(&self) -> Option<Instant> {
        let lost = self.active.settings.kept.database_lost_seconds;
        let others = &self.identity.others;
        cut_off_at(others.apart, lost).filter(|_| !others.cut_off && self.shares_accounts())
    }

    /// Cuts this machine off where it has heard nothing for too long; looks at what the database has of it.
    pub(crate) fn tick_others(&mut self, now: Instant) {
        if !self.shares_accounts() {
            return self.look_for_mine(now);
        }
        if !self.identity.store.is_ready() {
            self.apart(true, now);
        }
        if self.others_deadline().is_some_and(|at| now >= at) {
            self.identity.others.cut_off = true;
            say!(
                Error,
                "nobody is answered: for {} s nothing is known of what other machines ended (`database-lost-seconds`)",
                self.active.settings.kept.database_lost_seconds
            );
            self.server.hold(ToServer::Apart(true));
        }
        if self.identity.store.is_ready() && self.identity.others.next_look.is_none_or(|at| now >= at) {
            self.identity.others.next_look = Some(now + LOOK_EVERY);
            self.ask_store(ForStore::Others, StoreAsk::Machines { within: 0 }, now);
        }
        self.look_for_mine(now);
    }

    /// The other machines, as the database has them.
    pub(crate) fn others_answered(&mut self, result: Result<StoreAnswer, StoreRefusal>) {
        let Ok(StoreAnswer::Machines(all)) = result else { return };
        let state = |one: Machine| MachineState {
            name: one.name,
            silent: one.silent,
            same_keys: one.same_keys,
            same_factor_key: one.same_factor_key,
            ahead: one.ahead,
        };
        let machines: Vec<MachineState> = all.into_iter().take(MACHINES_SHOWN).map(state).collect();
        let others = &mut self.identity.others;
        for one in machines.iter().filter(|one| !one.same_keys) {
            if !others.machines.iter().any(|known| known.name == one.name && !known.same_keys) {
                say!(
                    Error,
                    "`{}` has other cookie keys: neither machine honours the other's sign-ins",
                    one.name
                );
            }
        }
        for one in machines.iter().filter(|one| !one.same_factor_key) {
            if !others.machines.iter().any(|known| known.name == one.name && !known.same_factor_key) {
                say!(
                    Error,
                    "`{}` has another factor key: second factors of one machine can't be opened by the other",
                    one.name
                );
            }
        }
        others.machines = machines;
    }

    /// For whoever asks how the daemon is.
    pub(crate) fn others_state(&self) -> Option<OthersState> {
        let apart = self.identity.others.apart(Instant::now());
        self.shares_accounts().then(|| OthersState {
            apart: apart.map(|(seconds, _)| seconds),
            cut_off: self.identity.others.cut_off,
            owed: u32::try_from(self.journal.debts().len()).unwrap_or(u32::MAX),
            machines: self.identity.others.machines.clone(),
        })
    }

    /// Says how far this machine is. ORDER: after journal and servers have it, after everything that it ends is over, and after what
    /// lives was told where something was missed.
    pub(crate) fn tell_applied(&mut self) {
        let others = &mut self.identity.others;
        let missed = !matches!(others.mine, Mine::Seen) && !self.identity.rows.rest_is_written();
        if missed {
            return;
        }
        let mut done = None;
        while let Some(&(revision, act)) = others.upto.front() {
            if self.admin.acts.carry_out(act) {
                break;
            }
            done = Some(revision);
            others.upto.pop_front();
        }
        if let Some(revision) = done {
            self.identity.store.tell(ToStore::Applied(revision), None);
        }
    }

    /// Once what lives is written: what the database has of this machine besides was begun or ended by a launcher that was killed over
    /// it.
    fn look_for_mine(&mut self, now: Instant) {
        let Mine::Behind(after) = self.identity.others.mine else { return };
        let rows = &self.identity.rows;
        if !self.identity.store.is_ready() || !rows.rest_is_written() || !rows.ends_are_written() {
            return;
        }
        self.identity.others.mine = Mine::Asked;
        self.ask_store(ForStore::Mine, StoreAsk::Mine { after }, now);
    }

    /// What the database has of this machine.
    pub(crate) fn mine_answered(&mut self, result: Result<StoreAnswer, StoreRefusal>) {
        let Ok(StoreAnswer::Mine(ids)) = result else {
            // Looked for again with the next store.
            self.identity.others.mine = Mine::Seen;
            return;
        };
        let more = ids.len() >= portcullis_wire::identity::ROWS_AT_ONCE;
        self.identity.others.mine =
            ids.last().filter(|_| more).map_or(Mine::Seen, |last| Mine::Behind(Some(*last)));
        let over =
            ids.into_iter().filter(|id| self.sign_ins.get(id).is_none() && !self.is_being_written(*id));
        for id in over.collect::<Vec<_>>() {
            self.row_of_before_ended(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_cut_off_after_its_time_and_never_without_one() {
        let now = Instant::now();
        assert_eq!(cut_off_at(None, 300), None);
        assert_eq!(cut_off_at(Some(now), 0), None, "0 is never");
        assert_eq!(cut_off_at(Some(now), 300), Some(now + Duration::from_secs(300)));
    }
}
