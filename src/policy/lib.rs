//! Capabilities, adapters as data, and the pure decision on a request.
//!
//! A request to an IDE is looked up in the IDE's table of routes ([`jupyter::rows`]); the row says which capabilities it
//! takes; the person's [`Flags`] say which of them are given. The answer is a [`Verdict`] with its reason. Nothing here
//! opens a file, a socket or a clock; nothing here knows a session, a cookie or a connection. Called by the server for
//! every request, by the launcher for the command that starts an IDE, by xtask for the generated pages.
#![forbid(unsafe_code)]

mod ask;
mod capability;
pub mod flag;
mod flags;
mod frame;
pub mod jupyter;
mod path;
mod refusal;
mod row;
mod start;
mod summary;

use portcullis_model::session::Ide;

pub use ask::{
    Ask, BodyRule, Direction, Forward, PathClaim, PathRule, QueryRule, SocketRule, Transfer, Verdict,
};
pub use capability::Capability;
pub use flags::{Denial, Flags, Setting};
pub use frame::frame_is_activity;
pub use portcullis_conf::Origin;
pub use portcullis_model::Level;
pub use refusal::{Refusal, outside, over_limit, port_of_another, refusal_body};
pub use row::{Check, Methods, Row, Tail};
pub use start::{CommandError, LaunchFacts, command};
pub use summary::FlagLine;

/// Decides on a request by its head: forward it, and how, or refuse it with the reason.
pub fn decide(ide: Ide, flags: &Flags, ask: &Ask<'_>) -> Verdict {
    match ide {
        Ide::Jupyter => jupyter::decide(flags, ask),
    }
}

/// Decides on the whole body of a request whose head was answered with [`BodyRule::Judge`].
///
/// A [`PathRule::Resolve`] in the answer is about a path named *in the body*; the one of the head is to be kept as well.
pub fn judge_body(ide: Ide, flags: &Flags, ask: &Ask<'_>, body: &[u8]) -> Verdict {
    match ide {
        Ide::Jupyter => jupyter::judge_body(flags, ask, body),
    }
}
