//! The ways, as a table: one row each, in parts as the page has them.

mod calls;
mod files;
mod limits;
mod network;
mod notebooks;
mod privileged;
mod processes;
mod programs;

use crate::attempt::{Attempt, Evidence, Flags, Language};

/// Title and rows of each part.
pub(crate) const PARTS: &[(&str, &[Attempt])] = &[
    ("Shells and programs", programs::ROWS),
    ("A notebook", notebooks::ROWS),
    ("Files", files::ROWS),
    ("Processes", processes::ROWS),
    ("Sockets and networks", network::ROWS),
    ("The kernel's own surface", calls::ROWS),
    ("Taking the machine from everybody", limits::ROWS),
    ("With root's rights (`allow-sudo=1`)", privileged::ROWS),
];

/// All rows.
pub(crate) fn all() -> impl Iterator<Item = &'static Attempt> {
    PARTS.iter().flat_map(|(_, rows)| rows.iter())
}

/// A row.
const fn way(
    (language, source, name): (Language, &'static str, &'static str),
    flags: Flags,
    title: &'static str,
    held_by: &'static str,
    evidence: &'static [Evidence],
) -> Attempt {
    Attempt { title, language, source, name, flags, held_by, evidence, plain: false }
}

/// In Python.
const fn python(source: &'static str, name: &'static str) -> (Language, &'static str, &'static str) {
    (Language::Python, source, name)
}

/// In C.
const fn c(source: &'static str, name: &'static str) -> (Language, &'static str, &'static str) {
    (Language::C, source, name)
}

/// In R.
const fn r(name: &'static str) -> (Language, &'static str, &'static str) {
    (Language::R, "r/ways.R", name)
}

/// In shell.
const fn shell(name: &'static str) -> (Language, &'static str, &'static str) {
    (Language::Shell, "shell/ways.sh", name)
}

/// In a notebook.
const fn notebook(name: &'static str) -> (Language, &'static str, &'static str) {
    (Language::Notebook, "notebook/ways.ipynb", name)
}
