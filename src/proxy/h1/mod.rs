//! The HTTP/1.1 spoken to sessions: one connection, written and read by the task that serves the client.
//!
//! hyper's client needs a second task per connection and wakes across them for every request; here the
//! same task writes the head, pumps the body and reads the answer. What comes from a session is not
//! trusted: anything that breaks framing ends the exchange and the connection.
//!
//! Callers: `forward` and `tunnel` only.

pub(crate) mod answer;
pub(crate) mod chunks;
pub(crate) mod link;
pub(crate) mod pump;
pub(crate) mod question;
