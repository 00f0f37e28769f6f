//! A row of an adapter: which requests it covers and what they do.

use crate::Capability;

/// A path pattern: literal text, `*` for one segment, `**` for the rest (or, before a literal end, for what lies between).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern(pub &'static str);

/// What is checked beyond the capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Nothing.
    None,
}

/// A row of an adapter's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Methods, separated by blanks. `GET` covers `HEAD`.
    pub methods: &'static str,
    /// Paths.
    pub path: Pattern,
    /// What it takes; the first names the row.
    pub needs: &'static [Capability],
    /// Where the row comes from.
    pub source: &'static str,
}
