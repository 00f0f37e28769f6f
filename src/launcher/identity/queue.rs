//! A row of rows that are told one batch after the other, each again until it is written.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use portcullis_wire::identity::{EndedRow, HistoryRow, ROWS_AT_ONCE, RevokedRow, StoreAsk, StoreRefusal};

use crate::log::say;

/// Rows that wait: a day of a large site, some 30 MB. Older ones are given up then, and that is said.
const ROWS_MAX: usize = 100_000;
/// Pause before rows that were not written are told again.
const AGAIN: Duration = Duration::from_secs(5);

/// Something to be told; what the journal owes has its number there.
#[derive(Debug, Clone)]
pub(super) enum Row {
    Began(HistoryRow),
    Ended(EndedRow, Option<u64>),
    Revoked(RevokedRow, u64),
}

/// Those of one lane.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Row>,
    /// How many of the first were told and not answered.
    pub(super) under_way: usize,
    /// How often some were told: an answer to an earlier time is about others.
    pub(super) round: u64,
    pub(super) again_at: Option<Instant>,
    failing_said: bool,
    given_up: u64,
}

impl Queue {
    pub(super) fn push(&mut self, row: Row) {
        if self.waiting.len() >= ROWS_MAX && self.under_way == 0 {
            self.waiting.pop_front();
            self.given_up += 1;
        }
        self.waiting.push_back(row);
    }

    /// The next to be told: as many of one kind as come first.
    pub(super) fn next(&mut self, now: Instant) -> Option<StoreAsk> {
        if self.under_way > 0 || self.again_at.is_some_and(|at| now < at) {
            return None;
        }
        let began = |row: &Row| match row {
            Row::Began(row) => Some(row.clone()),
            Row::Ended(..) | Row::Revoked(..) => None,
        };
        let ended = |row: &Row| match row {
            Row::Ended(row, _) => Some(row.clone()),
            Row::Began(_) | Row::Revoked(..) => None,
        };
        let (ask, count) = match self.waiting.front()? {
            Row::Began(_) => {
                let rows: Vec<_> = self.waiting.iter().map_while(began).take(ROWS_AT_ONCE).collect();
                let count = rows.len();
                (StoreAsk::Began(rows), count)
            }
            Row::Ended(..) => {
                let rows: Vec<_> = self.waiting.iter().map_while(ended).take(ROWS_AT_ONCE).collect();
                let count = rows.len();
                (StoreAsk::Ended(rows), count)
            }
            Row::Revoked(row, _) => (StoreAsk::Revoke(row.clone()), 1),
        };
        self.under_way = count;
        self.round += 1;
        Some(ask)
    }

    /// Those told last are written; the numbers of those that the journal owed.
    pub(super) fn written(&mut self) -> Vec<u64> {
        let paid = self.waiting.drain(..self.under_way.min(self.waiting.len())).filter_map(|row| match row {
            Row::Began(_) => None,
            Row::Ended(_, number) => number,
            Row::Revoked(_, number) => Some(number),
        });
        let paid = paid.collect();
        (self.under_way, self.again_at) = (0, None);
        if std::mem::take(&mut self.failing_said) {
            say!(Info, "the history of sign-ins is written again");
        }
        if self.given_up > 0 {
            say!(Warn, "the database's history lacks {} rows that came while it was away", self.given_up);
            self.given_up = 0;
        }
        paid
    }

    /// They are not.
    pub(super) fn again(&mut self, why: &StoreRefusal, now: Instant) {
        (self.under_way, self.again_at) = (0, Some(now + AGAIN));
        if !std::mem::replace(&mut self.failing_said, true) {
            say!(Warn, "the history of sign-ins is not written at the moment: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::sign_in::SignInEnd;
    use portcullis_model::{AccountId, SignInId};

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

    fn ended(number: u8) -> Row {
        let why = SignInEnd::SignedOut;
        let row = EndedRow { id: SignInId::from_bytes([number; 16]), at: 3, why, unless_moved: false };
        Row::Ended(row, Some(number.into()))
    }

    fn revoked(number: u64) -> Row {
        Row::Revoked(RevokedRow { user: "ann".parse().expect("a name"), account: None, at: 1 }, number)
    }

    #[test]
    fn rows_are_told_in_their_order_and_again_until_they_are_written() {
        let now = Instant::now();
        let mut rows = Queue::default();
        for row in [began(1), began(2), ended(1), began(3), revoked(7), revoked(8)] {
            rows.push(row);
        }
        let count = |ask: Option<StoreAsk>| match ask {
            Some(StoreAsk::Began(rows)) => (rows.len(), 'b'),
            Some(StoreAsk::Ended(rows)) => (rows.len(), 'e'),
            Some(StoreAsk::Revoke(_)) => (1, 'r'),
            _ => (0, '-'),
        };
        assert_eq!(count(rows.next(now)), (2, 'b'));
        assert_eq!(count(rows.next(now)), (0, '-'), "one at a time");
        rows.again(&StoreRefusal::Unreachable("gone".into()), now);
        assert_eq!(count(rows.next(now)), (0, '-'), "after a pause");
        assert_eq!(count(rows.next(now + AGAIN)), (2, 'b'));
        assert!(rows.written().is_empty());
        assert_eq!(count(rows.next(now)), (1, 'e'));
        assert_eq!(rows.written(), [1]);
        assert_eq!(count(rows.next(now)), (1, 'b'));
        assert!(rows.written().is_empty());
        for number in [7, 8] {
            assert_eq!(count(rows.next(now)), (1, 'r'));
            assert_eq!(rows.written(), [number]);
        }
        assert_eq!(count(rows.next(now)), (0, '-'));
    }

    #[test]
    fn there_is_a_bound_and_what_it_costs_is_counted() {
        let mut rows = Queue::default();
        for _ in 0..ROWS_MAX + 3 {
            rows.push(ended(1));
        }
        assert_eq!((rows.waiting.len(), rows.given_up), (ROWS_MAX, 3));
        let _ = rows.next(Instant::now());
        let _ = rows.written();
        assert_eq!(rows.given_up, 0);
    }
}
