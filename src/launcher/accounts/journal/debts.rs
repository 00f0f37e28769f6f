//! Ends that a database which other machines share has not confirmed: what was revoked while it was away is revoked everywhere as soon
//! as it is there, also by the next launcher.
//!
//! They are entries of the journal, each under a number, until they are paid. Who is told of them, `identity::rows` does.

use std::collections::BTreeMap;

use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, SignInId, UserName};
use portcullis_wire::identity::{EndedRow, RevokedRow};
use serde::{Deserialize, Serialize};

use super::record::{self, Entry, HEAD};
use super::{Compaction, Journal};

/// What the database is to hear. On disk as it stands here: what was released stays, others come behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Debt {
    /// A sign-in is over.
    End {
        /// Which.
        id: SignInId,
        /// When, in seconds since 1970.
        at: u64,
        /// Why.
        why: SignInEnd,
    },
    /// Everything of a person is over.
    Person {
        /// The Unix account.
        user: UserName,
        /// The account of ours, where it is known.
        account: Option<AccountId>,
        /// When, in seconds since 1970.
        at: u64,
    },
}

impl Debt {
    /// As the store is told of an end.
    pub(crate) fn end(&self) -> Option<EndedRow> {
        match *self {
            Self::End { id, at, why } => Some(EndedRow { id, at, why, unless_moved: false }),
            Self::Person { .. } => None,
        }
    }

    /// As the store is told of a person.
    pub(crate) fn person(&self) -> Option<RevokedRow> {
        match self {
            Self::Person { user, account, at } => {
                Some(RevokedRow { user: user.clone(), account: *account, at: *at })
            }
            Self::End { .. } => None,
        }
    }
}

/// Those that are not paid, in the order in which they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Debts {
    all: BTreeMap<u64, Debt>,
    last: u64,
}

impl Debts {
    /// As an entry says.
    pub(super) fn read(&mut self, number: u64, debt: Debt) {
        self.last = self.last.max(number);
        self.all.insert(number, debt);
    }

    /// As an entry says.
    pub(super) fn forget(&mut self, number: u64) {
        self.all.remove(&number);
    }

    /// All, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Debt)> {
        self.all.iter().map(|(&number, debt)| (number, debt))
    }

    /// The one of this number.
    pub(crate) fn get(&self, number: u64) -> Option<&Debt> {
        self.all.get(&number)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether this sign-in, or all of its person's of that time, is over and the database does not know it yet.
    pub(crate) fn ends(&self, id: SignInId, user: &UserName, since: u64) -> bool {
        self.all.values().any(|debt| match debt {
            Debt::End { id: ended, .. } => *ended == id,
            Debt::Person { user: ended, at, .. } => ended == user && since <= *at,
        })
    }

    /// Whether everything of this person of that time is over, and the database does not know it yet.
    pub(crate) fn puts_out(&self, user: &UserName, since: u64) -> bool {
        self.all.values().any(|debt| match debt {
            Debt::End { .. } => false,
            Debt::Person { user: ended, at, .. } => ended == user && since <= *at,
        })
    }
}

impl Journal {
    /// The database is to hear of this; answers its number.
    pub(crate) fn owe(&mut self, debt: Debt) -> u64 {
        let number = self.debts.last + 1;
        self.live += size(number, &debt);
        self.write(&Entry::Owed(number, debt.clone()));
        self.debts.read(number, debt);
        number
    }

    /// The database has heard of these.
    pub(crate) fn paid(&mut self, numbers: &[u64]) {
        if numbers.is_empty() {
            return;
        }
        for number in numbers {
            if let Some(debt) = self.debts.all.get(number) {
                self.live = self.live.saturating_sub(size(*number, debt));
            }
            self.debts.forget(*number);
        }
        self.write(&Entry::Paid(numbers.to_vec()));
    }

    /// Those that are not paid.
    pub(crate) const fn debts(&self) -> &Debts {
        &self.debts
    }
}

fn size(number: u64, debt: &Debt) -> u64 {
    let body = record::body(&Entry::Owed(number, debt.clone())).len();
    u64::try_from(HEAD + body).unwrap_or(u64::MAX)
}

impl Debts {
    /// Bytes of their records.
    pub(super) fn size(&self) -> u64 {
        self.all().map(|(number, debt)| size(number, debt)).sum()
    }

    /// Into a journal that is written anew, before anything else of it.
    pub(super) fn copy(&self, to: &mut Compaction) {
        for (number, debt) in self.all() {
            to.also(&record::body(&Entry::Owed(number, debt.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::Truth;
    use super::*;
    use crate::accounts::keys::Keys;
    use crate::sign_in::living::SignIns;

    const ID: SignInId = SignInId::from_bytes([7; 16]);

    fn end(at: u64) -> Debt {
        Debt::End { id: ID, at, why: SignInEnd::SignedOut }
    }

    fn person() -> Debt {
        let account = Some(AccountId::from_bytes([9; 16]));
        Debt::Person { user: "ann".parse().expect("a name"), account, at: 2000 }
    }

    fn open(dir: &std::path::Path) -> Journal {
        let (journal, opened) = Journal::open(dir, Truth::Journal).expect("a journal");
        assert!(opened.refused.is_none(), "{opened:?}");
        journal
    }

    fn commit(journal: &mut Journal) {
        journal.commit(&SignIns::default(), Instant::now(), true).expect("durable");
    }

    fn all(journal: &Journal) -> Vec<(u64, Debt)> {
        journal.debts().all().map(|(number, debt)| (number, debt.clone())).collect()
    }

    #[test]
    fn what_is_owed_is_owed_by_the_next_launcher_until_it_is_paid() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::open(dir.path(), Truth::Nothing).expect("a journal").0;
        let first = journal.owe(end(1));
        let second = journal.owe(person());
        commit(&mut journal);
        drop(journal);
        let mut journal = open(dir.path());
        assert_eq!(all(&journal), [(first, end(1)), (second, person())]);
        journal.paid(&[first]);
        commit(&mut journal);
        drop(journal);
        let mut journal = open(dir.path());
        assert_eq!(all(&journal), [(second, person())]);
        assert!(journal.owe(end(3)) > second, "a number is given once");
        // What was not made durable is not owed: nobody was told of it either.
        drop(journal);
        assert_eq!(all(&open(dir.path())), [(second, person())]);
    }

    #[test]
    fn a_journal_that_is_written_anew_owes_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::open(dir.path(), Truth::Nothing).expect("a journal").0;
        let numbers: Vec<u64> = (0..10).map(|at| journal.owe(end(at))).collect();
        journal.paid(&numbers[..5]);
        commit(&mut journal);
        let owed = all(&journal);
        while journal.step(&SignIns::default(), &Keys::default()).is_ok() && journal.compaction.is_some() {}
        assert_eq!((all(&journal), all(&open(dir.path()))), (owed.clone(), owed));
    }

    #[test]
    fn who_is_put_out_is_nobody_until_the_database_knows() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::open(dir.path(), Truth::Nothing).expect("a journal").0;
        let (ann, ben) = ("ann".parse().expect("a name"), "ben".parse().expect("a name"));
        let other = SignInId::from_bytes([8; 16]);
        let ends = |journal: &Journal, id, user: &UserName, since| journal.debts().ends(id, user, since);
        assert!(!ends(&journal, ID, &ann, 1000));
        let first = journal.owe(end(1));
        assert!(ends(&journal, ID, &ben, 1000) && !ends(&journal, other, &ben, 1000));
        journal.owe(person());
        assert!(
            ends(&journal, other, &ann, 2000) && !ends(&journal, other, &ann, 2001),
            "a later one is not meant"
        );
        journal.paid(&[first]);
        assert!(!ends(&journal, ID, &ben, 1000));
    }

    #[test]
    fn what_was_released_keeps_its_form() {
        let hex = |entry: &Entry<'_>| -> String {
            record::body(entry).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        // Ids are texts of 32 letters.
        let (id, account) = ("3037".repeat(16), "3039".repeat(16));
        assert_eq!(hex(&Entry::Owed(300, end(5))), format!("06ac020020{id}0500"));
        let known = format!("06010103616e6e0120{account}d00f");
        assert_eq!(hex(&Entry::Owed(1, person())), known);
        assert_eq!(hex(&Entry::Paid(vec![1, 300])), "070201ac02");
    }
}
