//! The routes of JupyterLab, Notebook and the extensions people add, and what each one takes.
//!
//! First match wins, so a narrower path stands before a wider one; no path is in two tables. The list in
//! `testdata/jupyterlab-4.6.6.routes` is that of the real program; a test holds the two together. What is not here is
//! `unknown`.

mod documents;
mod extensions;
mod git;
mod interface;
mod running;

use crate::Capability;
use crate::row::{Methods, Row};

const GET: Methods = Methods::GET;
const POST: Methods = Methods::POST;
const PUT: Methods = Methods::PUT;
const PATCH: Methods = Methods::PATCH;
const DELETE: Methods = Methods::DELETE;

const SERVER: &str = "jupyter_server 2.21.1";
const TERMINALS: &str = "jupyter_server_terminals 0.5.4";
const LAB: &str = "jupyterlab 4.6.6";
const LAB_SERVER: &str = "jupyterlab_server 2.28.1";
const NOTEBOOK: &str = "notebook 7.6.5";
const GIT: &str = "jupyterlab-git 0.55.0";
const NBDIME: &str = "nbdime 4.0.4";
const PROXY: &str = "jupyter-server-proxy 4.6.0";
const LSP: &str = "jupyter-lsp 2.3.1";

/// Shorthand: a row as the tables read best.
const fn on(
    methods: Methods,
    path: &'static str,
    needs: &'static [Capability],
    seen: &'static str,
    source: &'static str,
) -> Row {
    Row::new(methods, path, needs, seen, source)
}

/// The tables, the most frequent requests first.
pub(super) static TABLES: [&[Row]; 5] =
    [running::ROWS, documents::ROWS, interface::ROWS, extensions::ROWS, git::ROWS];

/// All rows in the order they are tried.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.iter())
}
