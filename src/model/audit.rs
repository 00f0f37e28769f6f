//! The audit log's events, declared once (`events`): the enum, its words and the table for the reference come from there.
//!
//! A record is one JSON line: `seq`, `time`, `event` with its fields, `prev` and `hash`. The launcher alone writes them
//! (`portcullis_launcher::audit`); [`record`] makes one, [`check`] is what `portcullis audit verify` does.

mod chain;
mod declare;
mod events;
mod lost;

pub use chain::{ChainError, GENESIS, Record, check, record};
pub use declare::EventDoc;
pub use events::{Event, TABLE};
pub use lost::Lost;
