//! What this process must know of people without asking anybody: in memory, and on disk in a journal.
//!
//! Called by the loop and by `sign_in`. It must not decide who is let in. What people ask about accounts is answered in `asked`.

mod answered;
pub(crate) mod asked;
pub(crate) mod coming;
pub(crate) mod factors;
pub(crate) mod journal;
pub(crate) mod keys;
mod keys_elsewhere;
pub(crate) mod known;
pub(crate) mod looks;
pub(crate) mod others;
mod own;
mod owned;
pub(crate) mod owners;
pub(crate) mod sync;
mod wanted;
