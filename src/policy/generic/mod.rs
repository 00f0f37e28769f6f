//! Declared applications: whatever serves HTTP on a Unix socket (Shiny, marimo, Theia, a page of one's own).
//!
//! No row is built in: an administrator says in `adapters.conf` what an application's requests take. What nobody said is unknown, so
//! that any restrictive flag refuses it.

mod app;
mod refusal;
mod start;

use portcullis_conf::FileKind;
use portcullis_conf::adapters::Section;

use crate::adapter::Adapter;
use crate::row::{Check, Methods, Row};
use crate::{Capability, Refusal};

pub use app::App;
pub use refusal::{Accepts, app_refusal_body};
pub(crate) use start::start;

/// The adapter.
pub(crate) struct Generic;

impl Adapter for Generic {
    fn tables(&self) -> &'static [&'static [Row]] {
        &[]
    }
}

/// The rows of an application of which no route was said: its pages, as long as nothing is restricted that a page could bring.
///
/// Nobody said what its addresses do: behind one may be a file as well as a page, so both are taken, and no directory can be
/// promised.
pub(crate) fn default_rows(section: &Section) -> Vec<Row> {
    let source = format!("{}:{} (no route)", FileKind::Adapters.name(), section.line);
    let row = Row::new(Methods::GET, "**", &[Capability::Ui, Capability::Download], "administrator", "");
    vec![Row { source: source.into(), ..row.check(Check::HiddenPaths) }]
}

/// The refusal of every request to a session whose application is no longer declared.
pub(crate) fn undeclared(name: portcullis_model::AppName) -> Refusal {
    let why = format!("the application {name} is no longer declared in adapters.conf");
    Refusal::always(Capability::Unknown, 403, &why, "Stop the session, or ask your administrator.")
}

#[cfg(test)]
mod tests;
