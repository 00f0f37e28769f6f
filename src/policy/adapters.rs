//! What a configuration adds to the built-in adapters: an administrator's rows and declared applications.
//!
//! Built once per configuration; a decision only looks. Called by the server for every request, by the launcher for a start,
//! by the administrator's commands.

use portcullis_conf::Settings;
use portcullis_model::session::Ide;

use crate::adapter::{self, Prefix};
use crate::row::Row;

/// Rows and applications of `adapters.conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adapters {}

impl Adapters {
    /// Of a configuration.
    pub fn new(_settings: &Settings) -> Self {
        Self {}
    }

    /// An administrator's rows for an IDE; tried before the built-in ones.
    pub fn rows(&self, _ide: Ide) -> &[Row] {
        &[]
    }

    /// Whether requests to an IDE keep the session's prefix.
    pub fn prefix(&self, ide: Ide) -> Prefix {
        adapter::of(ide).prefix()
    }
}
