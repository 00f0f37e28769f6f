//! The recorder: one process of root's that reads what the kernel's audit says of sessions (programs that are started, what is
//! refused) and hands it to the launcher as typed events. It lives on when the launcher is restarted and keeps what came
//! meanwhile, up to a bound.
//!
//! It holds no secrets, decides nothing about anybody, and writes no log: the launcher does that (`link`). The same program in
//! a role of its own ([`run`]), as keeper and helper are.

mod calm;
mod demand;
mod judge;
pub(crate) mod link;
mod probe;
mod serve;
mod setup;
mod sources;
mod store;
pub(crate) mod talk;
mod traced;
mod words;

pub(crate) use self::link::Recorder;
pub(crate) use self::probe::run as probe;
pub(crate) use self::serve::run;
