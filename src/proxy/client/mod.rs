//! HTTP/1 towards clients: one task a connection reads a head, has it answered, writes the answer, and reads the next.
//!
//! hyper's server did this before; it serves HTTP/2 alone now. Two things were to be had by our own: what is
//! read is judged once, as it stands on the wire (hyper mends some of what we refuse before anybody sees it), and a
//! request costs half the processor time, because nothing is handed from one state machine to another.
//! It must not decide who may do what, and must not hold bodies. Called by `connection`.

mod date;
pub(crate) mod head;
mod inlet;
mod linger;
mod outlet;
mod reply;
mod serve;
mod wire;

pub(crate) use serve::serve;
pub(crate) use wire::{Rest, Shared};
