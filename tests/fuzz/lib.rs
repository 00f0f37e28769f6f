//! What must hold for every parser whatever it is fed: one [`Target`] each.
//!
//! A target takes any bytes and panics when something does not hold: not only that nothing panics by itself, but that a
//! decision is the same for every spelling, that a stream's pieces may be cut anywhere, that what is written is read back.
//! Two drivers: [`mutate`] for a few seconds in the normal tests, and libFuzzer with coverage in `cargo xtask fuzz`.

pub mod mutate;
pub mod oracle;
pub mod targets;
pub mod worlds;

/// A parser and what it must hold.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Fed with any bytes; panics on a finding.
    pub run: fn(&[u8]),
    /// Inputs to begin with: good ones, and those that were findings once.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words its inputs are made of.
    pub words: &'static [&'static str],
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The target of this name.
pub fn named(name: &str) -> Option<&'static Target> {
    targets::ALL.iter().find(|target| target.name == name)
}
