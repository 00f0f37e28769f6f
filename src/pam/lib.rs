//! A PAM transaction whose conversation is data.
//!
//! [`Transaction`] runs the steps of `pam(3)` in the order that modules expect; what modules ask goes to a [`Conversation`]
//! as a list of [`Message`]s and comes back as answers or as "the person went away". Every call may block for as long as a
//! module likes, and a module may do anything to its process: only throw-away helper processes call this, never the launcher
//! itself (`portcullis_launcher::sign_in::helper` and `portcullis_launcher::keeper`).
//!
//! It must not decide who may sign in: it says what PAM said. A name that PAM changed is to be asked for again with
//! [`Transaction::user`].
#![forbid(unsafe_code)]

mod bridge;
mod failure;
mod transaction;

pub use bridge::{ANSWER_MAX, Answer, Cancelled, Conversation, Message, QUESTIONS_MAX, Style, TEXT_MAX};
pub use failure::{Failure, FailureKind, Stage};
pub use transaction::{Request, Silent, Transaction};
