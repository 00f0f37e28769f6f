//! What is told of an attempt: to whoever asked, and to the log where the section says so.

use portcullis_model::proof::Step;

use crate::Told;

/// The steps of an attempt at one directory.
#[derive(Debug)]
pub(super) struct Talk<'a> {
    told: &'a mut Told,
    section: &'a str,
    log: bool,
}

impl<'a> Talk<'a> {
    /// Tells `told`, and the log when `log` is set (`logging=1`).
    pub(super) fn new(told: &'a mut Told, section: &'a str, log: bool) -> Self {
        Self { told, section, log }
    }

    /// A step was done.
    pub(super) fn step(&mut self, step: Step) {
        if self.log {
            tracing::info!(directory = self.section, "{step}");
        }
        self.told.step(step);
    }
}
