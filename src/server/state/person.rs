//! Who is behind a request: somebody who is signed in, or a program with their key.
//!
//! Called by `state`, which puts them into snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_model::SessionId;
use portcullis_model::sign_in::SignIn;
use portcullis_policy::Flags;
use portcullis_proxy::Cut;

use crate::keys::NO_SIGN_IN;
use crate::standing::Standing;

/// A person's act is told to the launcher at most once in so many seconds per sign-in (the wire's rule).
const TOUCH_EVERY: u64 = 60;

/// Somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Person {
    /// The sign-in as the launcher saw it.
    pub(crate) sign_in: SignIn,
    /// What they may do, under the snapshot's configuration and exemptions.
    pub(crate) standing: Standing,
    /// Shared by all snapshots this sign-in stands in.
    pub(crate) presence: Arc<SignInState>,
}

/// What of a sign-in moves.
#[derive(Debug)]
pub(crate) struct SignInState {
    pub(super) until: AtomicU64,
    /// Ends every stream of this sign-in.
    pub(crate) cut: Cut,
}

impl SignInState {
    /// One on which nothing hangs yet.
    pub(super) fn fresh(until: u64) -> Arc<Self> {
        Arc::new(Self { until: AtomicU64::new(until), cut: Cut::new() })
    }
}

impl Person {
    /// Whether a program acts, by a key: it is no person's act, and moves no end of idle time.
    pub(crate) fn is_program(&self) -> bool {
        self.sign_in.id == NO_SIGN_IN
    }

    /// What they may do in this session.
    pub(crate) fn flags_in(&self, id: SessionId) -> &Arc<Flags> {
        self.standing.flags_in(id)
    }

    /// The sign-in's end, in seconds since 1970.
    pub(crate) fn until(&self) -> u64 {
        self.presence.until.load(Ordering::Relaxed)
    }

    /// Moves the end to `until` after a person's act; true when the launcher is to be told.
    pub(crate) fn touch(&self, until: u64) -> bool {
        let moved = |end: u64| (until >= end.saturating_add(TOUCH_EVERY)).then_some(until);
        self.presence.until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved).is_ok()
    }

    /// The account's name.
    pub(crate) fn user(&self) -> &str {
        self.sign_in.principal.user.as_str()
    }
}
