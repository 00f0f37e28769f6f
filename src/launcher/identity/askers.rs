//! Who waits for what the identity program's roles answer. Data: what becomes of an answer stands in `hear`.

use portcullis_model::account::Account;
use portcullis_model::key::KeyId;
use portcullis_model::proof::Proven;
use portcullis_wire::identity::AccountAct;

use super::rows::Lane;
use crate::accounts::asked::Asked;
use crate::accounts::coming::Comer;
use crate::accounts::sync::Asker as Looker;
use crate::admin::By;
use crate::sign_in::Attempt;
use crate::sign_in::begin::Beginning;

/// Who waits for an answer of the store.
#[derive(Debug)]
pub(crate) enum ForStore {
    /// Somebody signs in.
    Opening(Attempt),
    /// Somebody signs in, and has a second factor.
    Factor(Attempt),
    /// Somebody who proved nothing is to be told so.
    There(Attempt),
    /// Their proof counts once.
    Spending(Attempt, Box<Proven>),
    /// An administrator at root's socket.
    Administrator {
        /// Whose request.
        peer: u64,
        /// Who it is.
        by: By,
        /// What they want; none where they only look.
        act: Option<Box<AccountAct>>,
    },
    /// Nobody any more, but what was asked is done all the same if the answer says so.
    Late {
        /// Who asked.
        by: By,
        /// What.
        act: Box<AccountAct>,
    },
    /// Rows that are written behind: told again when they were not.
    Rows(Lane, u64),
    /// Somebody signs in, whose row is written before they are told.
    Writing(Attempt),
    /// Somebody with a cookie or a key of another machine; the question's number.
    Known(Comer, u64),
    /// An administrator ends a key that nobody used here.
    KeyEnd {
        /// Whose request.
        peer: u64,
        /// Which.
        key: KeyId,
        /// Who it is.
        by: By,
    },
    /// Keys were given from one account to another: those that nobody used here are sealed anew.
    KeysGiven {
        /// From whom.
        from: Box<Account>,
        /// To whom.
        to: Box<Account>,
    },
    /// A revocation: which machines have carried it out.
    Machines(u64),
    /// What the database has of this machine.
    Mine,
    /// How the other machines are.
    Others,
    /// Somebody who is signed in, or has a key.
    Asked(Box<Asked>),
    /// A look at somebody who is signed in: who it is.
    Sync(Looker),
    /// What that found is written.
    Synced,
    /// Nobody: that somebody looked is written down behind, once.
    Looked,
    /// What became of API keys is written down behind, until it is.
    Keys(crate::accounts::owners::Told),
}

impl ForStore {
    /// Who changes what, where something is changed: that counts however late it is answered.
    pub(super) fn act(&self) -> Option<(&By, &AccountAct)> {
        match self {
            Self::Administrator { by, act, .. } => Some((by, act.as_deref()?)),
            Self::Asked(asked) => Some((&asked.by, asked.act.as_deref()?)),
            Self::Opening(_)
            | Self::Factor(_)
            | Self::There(_)
            | Self::Spending(..)
            | Self::Late { .. }
            | Self::Rows(..)
            | Self::Writing(_)
            | Self::Known(..)
            | Self::KeyEnd { .. }
            | Self::KeysGiven { .. }
            | Self::Machines(_)
            | Self::Mine
            | Self::Others
            | Self::Looked
            | Self::Keys(_)
            | Self::Sync(_)
            | Self::Synced => None,
        }
    }
}

/// Who waits for an answer of a method.
#[derive(Debug)]
pub(crate) enum ForAsk {
    /// Somebody signs in.
    Proof(Attempt),
    /// A look at somebody who is signed in.
    Members(Looker),
    /// Somebody is to be sent to a provider.
    Begin(Beginning),
    /// A provider wants to know of us.
    Describe(Beginning),
    /// A SAML provider's metadata are fetched: in which round, and what came so far.
    Metadata {
        /// See [`super::SamlKnown`].
        round: u64,
        /// Its first pieces.
        text: Vec<u8>,
    },
    /// They are read.
    Provider {
        /// See [`super::SamlKnown`].
        round: u64,
    },
    /// An administrator tries directories.
    Test {
        /// Whose request.
        peer: u64,
    },
}
