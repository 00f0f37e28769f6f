//! Words of states and steps in addresses, classes and events.

use portcullis_model::session::{State, Step};

/// The word of a state.
pub(crate) const fn state(state: &State) -> &'static str {
    match state {
        State::Launching(_) => "launching",
        State::Running => "running",
        State::Ending => "ending",
        State::Ended(_) => "ended",
    }
}

/// What a person reads of a state.
pub(crate) const fn state_title(state: &State) -> &'static str {
    match state {
        State::Launching(_) => "Starting",
        State::Running => "Running",
        State::Ending => "Stopping",
        State::Ended(_) => "Ended",
    }
}

/// The word of a step.
pub(crate) const fn step(step: Step) -> &'static str {
    match step {
        Step::Port => "port",
        Step::PamSession => "pam-session",
        Step::BecomeUser => "become-user",
        Step::StartIde => "start-ide",
        Step::Answer => "answer",
    }
}

/// Splits a text at its backquotes: `(true, …)` stands between two of them and names a thing.
pub(crate) fn prose(text: &str) -> Vec<(bool, &str)> {
    let parts: Vec<_> = text.split('`').collect();
    if parts.len() % 2 == 0 {
        return vec![(false, text)]; // one without its partner: leave the text as it is
    }
    parts
        .into_iter()
        .enumerate()
        .map(|(at, part)| (at % 2 == 1, part))
        .filter(|(_, part)| !part.is_empty())
        .collect()
}

/// `1 minute`, `2 minutes`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backquotes_name_things() {
        assert_eq!(prose("a `b` c"), [(false, "a "), (true, "b"), (false, " c")]);
        assert_eq!(prose("`b`"), [(true, "b")]);
        assert_eq!(prose("it`s"), [(false, "it`s")]);
        assert_eq!(prose(""), []);
    }
}
