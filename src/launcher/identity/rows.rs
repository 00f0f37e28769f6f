//! What the database is to know of sign-ins: told behind, in order, again when it was not written.
//!
//! Who is signed in is the launcher's own knowledge; the database has it for lists and for other machines. While it is away rows wait
//! here, up to a number. Where other machines share the database, what began is told by whoever grants it, each row carries a seal
//! that only launchers make, and ends do not wait behind anything: they are debts of the journal until the database has them.

use std::time::Instant;

use portcullis_model::sign_in::{SignIn, SignInEnd};
use portcullis_model::{AccountId, SignInId, UserName};
use portcullis_wire::identity::{EndedRow, StoreRefusal};

use crate::accounts::coming::Comer;
use crate::accounts::journal::debts::Debt;
use crate::clock;
use crate::launcher::Launcher;

use super::ForStore;
use super::queue::{Queue, Row};
use super::sealed::row;

/// Seconds of a sign-in's end that are as good as the same for lists.
const MOVED_EVERY: u64 = 1800;
/// Which of the two rows of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Ends that other machines wait for.
    Ends,
    /// All else.
    Rest,
}

/// What waits.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    ends: Queue,
    rest: Queue,
}

impl Rows {
    const fn lane(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Ends => &mut self.ends,
            Lane::Rest => &mut self.rest,
        }
    }

    /// When they are told again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ends.again_at.into_iter().chain(self.rest.again_at).min()
    }

    /// The database is there again: nothing waits for its time.
    pub(crate) fn at_once(&mut self) {
        (self.ends.again_at, self.rest.again_at) = (None, None);
    }

    /// Whether everything is written that other machines are to carry out.
    pub(crate) fn ends_are_written(&self) -> bool {
        self.ends.waiting.is_empty()
    }

    /// Whether what lives was told, since it was to be.
    pub(crate) fn rest_is_written(&self) -> bool {
        self.rest.waiting.is_empty()
    }
}

impl Launcher {
    /// A sign-in began, or was moved.
    pub(crate) fn row_began(&mut self, sign_in: &SignIn) {
        // Nobody else is to honour one that is good for nothing yet.
        if sign_in.is_limited() {
            return;
        }
        if let Some(row) = self.row_of(sign_in) {
            self.identity.rows.rest.push(Row::Began(row));
        }
    }

    /// One ended here.
    pub(crate) fn row_ended(&mut self, sign_in: &SignIn, why: SignInEnd) {
        if sign_in.account.is_none() {
            return;
        }
        let (id, at) = (sign_in.id, clock::seconds());
        if self.shares_accounts() {
            return self.owe(Debt::End { id, at, why });
        }
        let row = EndedRow { id, at, why, unless_moved: false };
        self.identity.rows.rest.push(Row::Ended(row, None));
    }

    /// The time of one is over, by what is known here. Where its person acts on another machine, it goes on there, and here as soon
    /// as they come back.
    pub(crate) fn row_expired(&mut self, sign_in: &SignIn) {
        if sign_in.account.is_none() {
            return;
        }
        let (id, at, unless_moved) = (sign_in.id, clock::seconds(), self.shares_accounts());
        let row = EndedRow { id, at, why: SignInEnd::Expired, unless_moved };
        self.identity.rows.rest.push(Row::Ended(row, None));
    }

    /// The row of a sign-in that nobody was given may be in the database all the same.
    pub(crate) fn row_withdrawn(&mut self, id: SignInId) {
        self.owe(Debt::End { id, at: clock::seconds(), why: SignInEnd::Revoked });
    }

    /// A row of this machine is in the database whose sign-in nobody has here: why it ended, a launcher of before knew.
    pub(crate) fn row_of_before_ended(&mut self, id: SignInId) {
        let (at, why) = (clock::seconds(), SignInEnd::SignedOut);
        if self.shares_accounts() {
            return self.owe(Debt::End { id, at, why });
        }
        self.identity.rows.rest.push(Row::Ended(EndedRow { id, at, why, unless_moved: false }, None));
    }

    /// A sign-in that only other machines know is over: its person says so here.
    pub(crate) fn row_elsewhere_ended(&mut self, id: SignInId) {
        self.owe(Debt::End { id, at: clock::seconds(), why: SignInEnd::SignedOut });
    }

    /// Everything of a person is over, on every machine.
    pub(crate) fn revoked_for_all(&mut self, user: &UserName, account: Option<AccountId>) {
        if self.shares_accounts() {
            self.owe(Debt::Person { user: user.clone(), account, at: clock::seconds() });
        }
    }

    /// ORDER: into the journal of this turn: who is told that it is over may rely on every machine's hearing of it.
    fn owe(&mut self, debt: Debt) {
        let number = self.journal.owe(debt.clone());
        if let Debt::End { id, .. } = &debt {
            self.nobody_comes_by(Comer::SignIn(*id));
        }
        match &debt {
            Debt::End { id, .. } if self.identity.rows.take_back(*id) => {
                self.identity.rows.owes_behind(number, &debt);
            }
            _ => self.identity.rows.owes(number, &debt),
        }
    }

    /// A person's acts moved the end of one: told so rarely that lists and other machines know enough.
    pub(crate) fn row_moved(&mut self, before: u64, sign_in: &SignIn) {
        // Other machines believe the row's end. It is never behind by more than a quarter of the time for which an act is good.
        let idle = u64::from(self.active.settings.rserver.auth_timeout_minutes) * 60;
        let every = if idle > 0 { MOVED_EVERY.min((idle / 4).max(1)) } else { MOVED_EVERY };
        if before / every != sign_in.until / every {
            self.row_began(sign_in);
        }
    }

    /// Tells what waits. ORDER: after records and journal are on disk: the database must not know of a sign-in that nobody was given.
    pub(crate) fn tell_rows(&mut self, now: Instant) {
        if !self.identity.store.is_ready() || !self.is_healthy() {
            return;
        }
        for lane in [Lane::Ends, Lane::Rest] {
            if let Some(ask) = self.identity.rows.lane(lane).next(now) {
                let round = self.identity.rows.lane(lane).round;
                self.ask_store(ForStore::Rows(lane, round), ask, now);
            }
        }
        self.tell_applied();
    }

    /// What the store says of rows.
    pub(super) fn rows_answered(
        &mut self,
        (lane, round): (Lane, u64),
        result: Result<(), &StoreRefusal>,
        now: Instant,
    ) {
        if self.identity.rows.lane(lane).round != round {
            return; // what was told then is told again
        }
        match result {
            Ok(()) => {
                let paid = self.identity.rows.lane(lane).written();
                // ORDER: before they are no debts any more, which is what answers are judged by that come first.
                self.look_anew_at_paid(&paid);
                self.journal.paid(&paid);
            }
            Err(error) => self.identity.rows.lane(lane).again(error, now),
        }
    }

    /// The store can be asked: whoever waited for it is asked about, and what lives is told, for it may be another database or an
    /// older copy of it.
    pub(super) fn store_is_there(&mut self, now: Instant) {
        let sealer = self.sealer();
        let all = self.sign_ins.values();
        let live: Vec<Row> =
            all.filter_map(|one| Some(Row::Began(row(one, one.account?, sealer.as_ref())))).collect();
        let rows = &mut self.identity.rows;
        // Those of sign-ins that are over by now too: their ends find a row then.
        let before = std::mem::take(&mut rows.rest.waiting);
        rows.rest.waiting = live.into_iter().chain(before).collect();
        for lane in [&mut rows.rest, &mut rows.ends] {
            lane.under_way = 0;
            lane.round += 1;
        }
        rows.at_once();
        // What a launcher of before owes, too.
        rows.ends.waiting.clear();
        for (number, debt) in self.journal.debts().all() {
            rows.owes(number, debt);
        }
        self.identity.others.begin_again();
        self.look_up_owners();
        self.open_waiting_accounts(now);
        self.withheld_go_on(now);
        self.start_helpers(now);
    }

    /// What others changed was missed: what lives is told again, and the store answers what of it is over.
    pub(super) fn tell_all_that_lives_again(&mut self, now: Instant) {
        self.store_is_there(now);
    }
}

impl Rows {
    /// What was to be told of this sign-in is not any more: after its end it would be a row that lives. True when it is being told just
    /// now, so that the end has to come behind it.
    fn take_back(&mut self, id: SignInId) -> bool {
        let its = |row: &Row| matches!(row, Row::Began(row) if row.id == id);
        let told = self.rest.under_way.min(self.rest.waiting.len());
        let mut behind = self.rest.waiting.split_off(told);
        behind.retain(|row| !its(row));
        let is_told = self.rest.waiting.iter().any(its);
        self.rest.waiting.append(&mut behind);
        is_told
    }

    /// As [`Rows::owes`], right behind what is being told.
    fn owes_behind(&mut self, number: u64, debt: &Debt) {
        if let Some(end) = debt.end() {
            self.rest.waiting.insert(self.rest.under_way, Row::Ended(end, Some(number)));
        }
    }

    fn owes(&mut self, number: u64, debt: &Debt) {
        let end = debt.end().map(|end| Row::Ended(end, Some(number)));
        let row = end.or_else(|| debt.person().map(|person| Row::Revoked(person, number)));
        row.into_iter().for_each(|row| self.ends.push(row));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_wire::identity::{HistoryRow, StoreAsk};

    use super::*;

    fn began(number: u8) -> Row {
        let remote = std::net::IpAddr::from([192, 0, 2, 1]);
        Row::Began(HistoryRow {
            id: SignInId::from_bytes([number; 16]),
            account: AccountId::from_bytes([1; 16]),
            method: "pam".into(),
            remote,
            agent: String::new(),
            since: 1,
            seen: 1,
            until: 2,
            seal: Vec::new(),
        })
    }

    #[test]
    fn an_end_is_never_told_before_the_beginning_that_it_ends() {
        let (now, id) = (Instant::now(), SignInId::from_bytes([1; 16]));
        let end = Debt::End { id, at: 3, why: SignInEnd::SignedOut };
        let mut rows = Rows::default();
        for row in [began(1), began(2)] {
            rows.rest.push(row);
        }
        assert!(!rows.take_back(id), "nobody was told of it");
        assert_eq!(rows.rest.waiting.len(), 1);
        rows.rest.waiting.push_front(began(1));
        assert!(matches!(rows.rest.next(now), Some(StoreAsk::Began(told)) if told.len() == 2));
        rows.rest.push(began(1));
        assert!(rows.take_back(id), "it is being told");
        assert_eq!(rows.rest.waiting.len(), 2, "and not once more");
        rows.owes_behind(7, &end);
        assert!(rows.rest.written().is_empty());
        assert!(matches!(rows.rest.next(now), Some(StoreAsk::Ended(told)) if told.len() == 1));
        assert_eq!(rows.rest.written(), [7]);
    }
}
