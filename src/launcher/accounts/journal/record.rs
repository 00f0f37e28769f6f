//! The form of the journal: a line that says what it is, then records, each bound to all before it.
//!
//! A record is its length (`u32`, little endian), the same with every bit turned round, the first eight bytes of
//! SHA-256(those of the record before ‖ length ‖ body), and the body, an [`Entry`] as postcard. So a record that was not written to
//! its end is told from one that was changed: its length can be trusted although the rest is not there. It must not touch a disk.

use std::borrow::Cow;
use std::net::IpAddr;

use portcullis_model::account::Role;
use portcullis_model::key::{ApiKey, KeyId};
use portcullis_model::proof::MethodName;
use portcullis_model::sign_in::{Principal, Second, SignIn};
use portcullis_model::{AccountId, SignInId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::debts::Debt;

use crate::accounts::keys;

/// The first line. Another form of records would have another number.
pub(super) const FIRST: &[u8] = b"portcullis sign-ins 1\n";
/// Bytes before a body.
pub(super) const HEAD: usize = 16;
/// Largest body: twice what a sign-in may have (`batches::SIGN_IN_MAX`).
pub(super) const BODY_MAX: usize = 128 * 1024;
/// Acts in one record: some 20 bytes each.
pub(super) const TOUCHED_AT_ONCE: usize = 1024;

/// What a record says. Variants that were released stay as they are, and others come behind them: a launcher that doesn't know one
/// refuses the file whole, for it may be the end of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry<'a> {
    /// A sign-in began, or is written down once more.
    SignIn(Held<'a>),
    /// It is over. Of one that isn't there it says nothing.
    Ended([u8; 16]),
    /// People acted: until when their sign-ins live now, and when that was, in seconds since 1970.
    Touched(Vec<([u8; 16], u64, u64)>),
    /// An API key began, or is another now.
    Key(HeldKey<'a>),
    /// It is over since then (in milliseconds since 1970), and the database is to hear of it.
    KeyEnded(KeyId, u64),
    /// The database has heard of these.
    KeysPaid(Vec<KeyId>),
    /// The database that other machines share is to hear of an end, under a number.
    Owed(u64, Debt),
    /// It has heard of these.
    Paid(Vec<u64>),
    /// As `SignIn`, of one whose provider gave it an end.
    Ending(Held<'a>, u64),
}

impl<'a> Entry<'a> {
    /// The entry of a sign-in.
    pub(super) fn of(sign_in: &'a SignIn) -> Self {
        let held = Held::of(sign_in);
        match sign_in.ends {
            Some(ends) => Self::Ending(held, ends),
            None => Self::SignIn(held),
        }
    }
}

/// An API key on disk: as [`Held`], it stays as it is once released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeldKey<'a> {
    key: Cow<'a, ApiKey>,
    principal: Cow<'a, Principal>,
    role: Role,
    locked: bool,
    waits: bool,
}

impl<'a> HeldKey<'a> {
    /// This one.
    pub(super) fn of(held: &'a keys::Held) -> Self {
        let keys::Held { key, principal, role, locked, waits } = held;
        let (key, principal) = (Cow::Borrowed(key), Cow::Borrowed(principal));
        Self { key, principal, role: *role, locked: *locked, waits: *waits }
    }

    /// As everybody knows it.
    pub(super) fn into_held(self) -> keys::Held {
        let Self { key, principal, role, locked, waits } = self;
        let (key, principal) = (key.into_owned(), principal.into_owned());
        keys::Held { key, principal, role, locked, waits }
    }
}

/// Bytes that this key has as a record.
pub(super) fn key_size(held: &keys::Held) -> u64 {
    let body = postcard::experimental::serialized_size(&Entry::Key(HeldKey::of(held))).unwrap_or(0);
    u64::try_from(HEAD + body).unwrap_or(u64::MAX)
}

/// A sign-in on disk. A field more is a variant more of [`Entry`]: postcard writes no names, so this stays as it is once released,
/// whatever becomes of [`SignIn`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held<'a> {
    id: [u8; 16],
    principal: Cow<'a, Principal>,
    remote: IpAddr,
    since: u64,
    until: u64,
    account: Option<[u8; 16]>,
    role: Role,
    method: MethodName,
    agent: Cow<'a, str>,
    seen: u64,
    second: Second,
}

impl<'a> Held<'a> {
    /// This one, but for its provider's end.
    pub(super) fn of(sign_in: &'a SignIn) -> Self {
        let SignIn {
            id,
            principal,
            remote,
            since,
            until,
            account,
            role,
            method,
            agent,
            seen,
            second,
            ends: _,
        } = sign_in;
        Self {
            id: *id.as_bytes(),
            principal: Cow::Borrowed(principal),
            remote: *remote,
            since: *since,
            until: *until,
            account: account.map(|account| *account.as_bytes()),
            role: *role,
            method: *method,
            agent: Cow::Borrowed(agent),
            seen: *seen,
            second: *second,
        }
    }

    /// As everybody knows it, with its provider's end.
    pub(super) fn into_sign_in(self, ends: Option<u64>) -> SignIn {
        let Self { id, principal, remote, since, until, account, role, method, agent, seen, second } = self;
        SignIn {
            id: SignInId::from_bytes(id),
            principal: principal.into_owned(),
            remote,
            since,
            until,
            account: account.map(AccountId::from_bytes),
            role,
            method,
            agent: agent.into_owned(),
            seen,
            second,
            ends,
        }
    }
}

/// What a record is bound to.
pub(super) type Check = [u8; 8];

fn check(before: Check, length: [u8; 4], body: &[u8]) -> Check {
    let hash = Sha256::new().chain_update(before).chain_update(length).chain_update(body).finalize();
    std::array::from_fn(|at| hash[at])
}

/// What the first record is bound to.
pub(super) fn begin() -> Check {
    check([0; 8], [0; 4], FIRST)
}

/// The body of a record.
pub(super) fn body(entry: &Entry<'_>) -> Vec<u8> {
    // Nothing in an entry can't be written; an empty body is no entry, and would be noticed.
    postcard::to_allocvec(entry).unwrap_or_default()
}

/// Bytes that this sign-in has as a record.
pub(super) fn size(sign_in: &SignIn) -> u64 {
    let body = postcard::experimental::serialized_size(&Entry::of(sign_in)).unwrap_or(0);
    u64::try_from(HEAD + body).unwrap_or(u64::MAX)
}

/// Appends a record, bound to the one before.
pub(super) fn append(to: &mut Vec<u8>, chain: &mut Check, body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    *chain = check(*chain, length, body);
    to.extend_from_slice(&length);
    to.extend_from_slice(&length.map(|byte| !byte));
    to.extend_from_slice(chain);
    to.extend_from_slice(body);
}

/// Why a file is no journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unreadable {
    /// Not a file, or one that is larger than any journal.
    #[error("it is not a file of a journal's size")]
    Form,
    /// The first line is another one.
    #[error("it does not begin as a journal of this version")]
    First,
    /// The record at this byte is not the one that was written there.
    #[error("the record at byte {0} was changed")]
    Changed(usize),
    /// The record at this byte says what this version doesn't know.
    #[error("the record at byte {0} is of another version")]
    Unknown(usize),
}

/// Reads all records of a file, in order, and returns where the last whole one ends and what the next is bound to. What is behind
/// that was not written to its end: nobody was told of it.
///
/// # Errors
/// When something in it is not as it was written. What the rest says can't be trusted then, nor left out: it may be that somebody
/// signed out.
pub(super) fn read(
    text: &[u8],
    mut each: impl FnMut(Entry<'static>, usize),
) -> Result<(usize, Check), Unreadable> {
    if !text.starts_with(FIRST) {
        return Err(Unreadable::First);
    }
    let (mut at, mut chain) = (FIRST.len(), begin());
    while let Some((head, rest)) = text[at..].split_first_chunk::<HEAD>() {
        let length: [u8; 4] = std::array::from_fn(|byte| head[byte]);
        let is_length = (0..4).all(|byte| head[byte] == !head[byte + 4]);
        let whole = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if !is_length || whole > BODY_MAX {
            return Err(Unreadable::Changed(at));
        }
        let Some(body) = rest.get(..whole) else { break };
        let bound = check(chain, length, body);
        if bound != head[8..] {
            return Err(Unreadable::Changed(at));
        }
        match postcard::take_from_bytes(body) {
            Ok((entry, [])) => each(entry, HEAD + whole),
            _ => return Err(Unreadable::Unknown(at)),
        }
        (at, chain) = (at + HEAD + whole, bound);
    }
    Ok((at, chain))
}
