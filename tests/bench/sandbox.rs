//! What the sandbox and the record of programs cost: the start of a session, a program, computing, files.
//!
//! Needs the machine's own process and network namespaces, where the kernel's audit system answers. Every way of running the same
//! work is loaded in each round, in an order that rotates; processor times are compared, which a busy machine disturbs least.

mod ground;
mod scripts;
mod starts;
mod tables;
mod unaudited;
mod work;

use std::path::Path;

use anyhow::Result;
use portcullis_testing::stage::Stage;

use crate::report::{Bar, Table};

/// How much, and with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// Starts of a session each way.
    pub(crate) starts: usize,
    /// Interleaved rounds of work.
    pub(crate) rounds: usize,
    /// A static program that ends at once.
    pub(crate) program: &'a Path,
    /// A folder with numpy in it; without it, nothing is computed.
    pub(crate) numpy: Option<&'a Path>,
}

/// Measures all of it.
///
/// # Errors
/// When a session doesn't start or its work fails.
pub(crate) fn measure(plan: &Plan<'_>, bars: &mut Vec<Bar>) -> Result<Vec<Table>> {
    let stage = Stage::default();
    let mut tables = vec![starts::measure(&stage, plan, bars)?];
    tables.extend(work::measure(&stage, plan, bars)?);
    Ok(tables)
}
