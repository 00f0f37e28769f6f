//! Capabilities, adapters as data, and the pure decision on a request.
//!
//! A request to an IDE is looked up in the IDE's table of routes ([`jupyter::rows`]); the row says which capabilities it
//! takes; the person's [`Flags`] say which of them are given. The answer is a [`Verdict`] with its reason. Nothing here
//! opens a file, a socket or a clock; nothing here knows a session, a cookie or a connection. Called by the server for
//! every request, by the launcher for the command that starts an IDE, by xtask for the generated pages.
#![forbid(unsafe_code)]

mod adapter;
mod adapters;
mod ask;
mod capability;
pub mod code_server;
mod console;
mod doors;
pub mod flag;
mod flags;
mod frame;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod generic;
mod index;
pub mod inspect;
pub mod jupyter;
mod ledger;
pub mod levels;
pub mod metadata;
mod path;
mod recorded;
mod refusal;
mod row;
pub mod rstudio;
pub mod sandbox;
mod start;
mod summary;

use portcullis_model::session::Ide;

pub use adapter::Prefix;
pub use adapters::Adapters;
pub use ask::{
    Ask, BodyRule, Direction, Forward, PathClaim, PathRule, QueryRule, SocketRule, Target, Transfer, Typed,
    Verdict,
};
pub use capability::Capability;
pub use doors::{
    Door, Example, Finer, Given, Said, Spoken, bringing, doors, finer, messages, names_hidden, naming,
    row_of, rows_of, spoken,
};
pub use flags::{Denial, Flags, Setting};
pub use frame::frame_is_activity;
pub use generic::{Accepts, App, app_refusal_body};
pub use inspect::{Inspector, inspector};
pub use ledger::{Counted, Digest, Form, Moved, Sum, Tally};
pub use portcullis_conf::Origin;
pub use portcullis_model::{Effect, Level};
pub use refusal::{Refusal, outside, over_limit, port_of_another, refusal_body};
pub use row::{Check, Methods, Row, Tail};
pub use start::{CommandError, LaunchFacts, command, command_under};
pub use summary::FlagLine;

/// Decides on a request by its head: forward it, and how, or refuse it with the reason.
pub fn decide(adapters: &Adapters, ide: Ide, flags: &Flags, ask: &Ask<'_>) -> Verdict {
    let mut verdict = adapter::decide(adapters, ide, flags, ask);
    if let (Verdict::Forward(forward), Some(strict)) = (&mut verdict, flags.audited()) {
        recorded::head(forward, adapter::decide(adapters, ide, strict, ask), strict, ask);
    }
    verdict
}

/// Decides on the whole body of a request whose head was answered with [`BodyRule::Judge`].
///
/// A [`PathRule::Resolve`] in the answer is about a path named *in the body*; the one of the head is to be kept as well.
pub fn judge_body(adapters: &Adapters, ide: Ide, flags: &Flags, ask: &Ask<'_>, body: &[u8]) -> Verdict {
    let adapter = adapter::of(ide);
    let mut verdict = adapter.judge_body(adapters, ide, flags, ask, body);
    if let (Verdict::Forward(forward), Some(strict)) = (&mut verdict, flags.audited()) {
        recorded::body(forward, adapter.judge_body(adapters, ide, strict, ask, body));
    }
    verdict
}
