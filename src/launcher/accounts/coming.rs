//! Sign-ins and API keys of other machines that are being looked at: which, for whom, and how far. What is asked and judged stands in
//! [`known`](super::known).

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Instant;

use nix::sys::signal::Signal;
use portcullis_model::account::Account;
use portcullis_model::key::KeyId;
use portcullis_model::seal::Carried;
use portcullis_model::{AccountId, SignInId, Uid};
use portcullis_sys::process::Process;
use portcullis_wire::Channel;
use portcullis_wire::identity::{Elsewhere, KeyElsewhere};

use super::journal::debts::Debt;
use crate::launcher::Launcher;
use crate::server::ServerNo;

/// What comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comer {
    /// A sign-in.
    SignIn(SignInId),
    /// An API key.
    Key(KeyId),
}

/// A row that is one of ours, and whose it is; with what its seal carries.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// A sign-in.
    SignIn(Box<Elsewhere>, Carried),
    /// An API key.
    Key(Box<KeyElsewhere>, Uid),
}

impl Found {
    /// Whose it is.
    pub(super) fn account(&self) -> &Account {
        match self {
            Self::SignIn(found, _) => &found.account,
            Self::Key(found, _) => &found.account,
        }
    }

    /// Its owner's groups at their provider.
    pub(super) fn groups(&self) -> &[String] {
        match self {
            Self::SignIn(found, _) => &found.groups,
            Self::Key(found, _) => &found.groups,
        }
    }

    /// Its owner's number, as the seal carries it.
    pub(super) fn uid(&self) -> Uid {
        match self {
            Self::SignIn(_, carried) => carried.uid,
            Self::Key(_, uid) => *uid,
        }
    }
}

/// Those that are being looked at.
#[derive(Debug, Default)]
pub(crate) struct Coming {
    pub(super) all: BTreeMap<Comer, Look>,
    /// How often the database was asked: the number of the last question.
    pub(super) asked: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Look {
    /// Which servers asked, by which numbers.
    pub(super) askers: Vec<(ServerNo, u64)>,
    /// Since when it is looked at.
    pub(super) began: Instant,
    /// When it has had its time.
    pub(super) until: Instant,
    /// How far it is.
    pub(super) stage: Stage,
    /// Which question about it counts.
    pub(super) asked: u64,
    /// Something of a key or its owner is otherwise since the database was asked, or it is over: the database is asked once more.
    pub(super) anew: bool,
}

/// How far a look is.
#[derive(Debug)]
pub(super) enum Stage {
    /// The database was asked.
    Asked,
    /// For a process.
    Waits(Found),
    /// PAM and the name service are.
    Account { of: Found, helper: Process, channel: Channel },
}

impl Coming {
    /// What to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = (Comer, BorrowedFd<'_>)> {
        self.all.iter().filter_map(|(&id, look)| match &look.stage {
            Stage::Account { channel, .. } => Some((id, channel.as_fd())),
            Stage::Asked | Stage::Waits(_) => None,
        })
    }

    /// When one has had its time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.all.values().map(|look| look.until).min()
    }
}

impl Launcher {
    /// An account is otherwise: what was read of keys that may be its is read once more.
    pub(super) fn look_anew_at_keys_of(&mut self, account: AccountId) {
        self.look_anew(|_, owner| owner.is_none_or(|owner| owner.id == account));
    }

    /// A key is this account's by now.
    pub(super) fn look_anew_at_key(&mut self, key: KeyId, account: AccountId) {
        self.look_anew(|id, owner| id == key && owner.is_none_or(|owner| owner.id != account));
    }

    /// The database has these ends by now. What it was asked before may have been read without them, and be answered after them: it is
    /// read once more, or somebody would come back by a row of before.
    pub(crate) fn look_anew_at_paid(&mut self, paid: &[u64]) {
        let debts = self.journal.debts();
        for (comer, look) in &mut self.coming.all {
            if !matches!(look.stage, Stage::Asked) {
                continue;
            }
            look.anew |= paid.iter().filter_map(|&number| debts.get(number)).any(|debt| match debt {
                Debt::End { id, .. } => *comer == Comer::SignIn(*id),
                // Whose it is, the answer says.
                Debt::Person { .. } => true,
            });
        }
    }

    /// Reads once more what may be otherwise, of keys with these ids and, where that is known already, these owners.
    fn look_anew(&mut self, concerned: impl Fn(KeyId, Option<&Account>) -> bool) {
        let mut anew = Vec::new();
        for (&comer, look) in &mut self.coming.all {
            let Comer::Key(id) = comer else { continue };
            match &look.stage {
                // Its answer may have been on its way before.
                Stage::Asked => look.anew |= concerned(id, None),
                Stage::Waits(of) if concerned(id, Some(of.account())) => anew.push(comer),
                Stage::Account { of, helper, .. } if concerned(id, Some(of.account())) => {
                    let _ = helper.signal(Signal::SIGKILL); // nobody waits for it
                    anew.push(comer);
                }
                Stage::Waits(_) | Stage::Account { .. } => continue,
            }
            if anew.last() == Some(&comer) {
                look.stage = Stage::Asked;
            }
        }
        let now = Instant::now();
        anew.into_iter().for_each(|comer| self.ask_about_row(comer, now));
    }
}
