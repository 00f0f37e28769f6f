//! What a method did, kept while it works: for verbose logging and `portcullis ldap test`.
//!
//! Steps are typed ([`Step`]) and their texts are [`Shown`], which no secret can become.

use std::fmt;

use portcullis_model::proof::{Shown, Step};

/// Most steps that are kept: a person in 1,000 groups with a line each.
pub const STEPS_MAX: usize = 1500;

/// Where steps go at once, beside being kept.
type Sink = Box<dyn FnMut(&Step) + Send>;

/// The steps of one proof.
#[derive(Default)]
pub struct Told {
    steps: Vec<Step>,
    dropped: u32,
    sink: Option<Sink>,
    silent: bool,
}

impl Told {
    /// Keeps steps.
    pub fn kept() -> Self {
        Self::default()
    }

    /// Keeps nothing: nobody asked.
    pub fn silent() -> Self {
        Self { silent: true, ..Self::default() }
    }

    /// Keeps steps and hands each on as it happens.
    pub fn to(sink: impl FnMut(&Step) + Send + 'static) -> Self {
        Self { sink: Some(Box::new(sink)), ..Self::default() }
    }

    /// A step was done.
    pub fn step(&mut self, step: Step) {
        if self.silent {
            return;
        }
        if self.steps.len() >= STEPS_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if let Some(sink) = &mut self.sink {
            sink(&step);
        }
        self.steps.push(step);
    }

    /// A value was used.
    pub fn value(&mut self, name: &str, value: &str) {
        self.step(Step::Value { name: Shown::from(name), value: Shown::from(value) });
    }

    /// A rule was applied.
    pub fn rule(&mut self, rule: &str, kept: bool) {
        self.step(Step::Rule { rule: Shown::from(rule), kept });
    }

    /// All that was kept, and at the end how many were not; nothing is left.
    pub fn take(&mut self) -> Vec<Step> {
        let dropped = std::mem::take(&mut self.dropped);
        let mut steps = std::mem::take(&mut self.steps);
        if dropped > 0 {
            steps.push(Step::Dropped { count: dropped });
        }
        steps
    }

    /// How many were kept.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What was kept so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told")
            .field("steps", &self.steps)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn steps_are_kept_up_to_a_number_and_the_rest_is_counted() {
        let mut told = Told::kept();
        for at in 0..STEPS_MAX + 3 {
            told.value("n", &at.to_string());
        }
        let steps = told.take();
        assert_eq!(steps.len(), STEPS_MAX + 1);
        assert_eq!(steps.last(), Some(&Step::Dropped { count: 3 }));
    }

    #[test]
    fn a_sink_hears_each_step_and_a_quiet_one_keeps_none() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let mut told = Told::to(move |step| ear.lock().expect("a lock").push(step.to_string()));
        told.rule("group permitted", false);
        assert_eq!(*heard.lock().expect("a lock"), ["group permitted: no"]);
        let mut quiet = Told::silent();
        quiet.rule("x", true);
        assert!(quiet.take().is_empty());
    }
}
