//! Words of states and steps in addresses, classes and events.

use portcullis_model::session::{End, State, Step};

/// The word of a state.
pub(crate) const fn state(state: &State) -> &'static str {
    match state {
        State::Launching(_) => "launching",
        State::Running => "running",
        State::Ending => "ending",
        State::Ended(End { suspended: true, .. }) => "suspended",
        State::Ended(_) => "ended",
    }
}

/// What a person reads of a state.
pub(crate) const fn state_title(state: &State) -> &'static str {
    match state {
        State::Launching(_) => "Starting",
        State::Running => "Running",
        State::Ending => "Stopping",
        State::Ended(End { suspended: true, .. }) => "Suspended",
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

/// A fragment of a log (`exit status 1`) as a sentence. Names in backquotes keep their case.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let ended = text.ends_with(['.', '!', '?', '…']);
    let stop = if ended { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
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

    #[test]
    fn fragments_become_sentences() {
        assert_eq!(sentence("it took too long"), "It took too long.");
        assert_eq!(sentence("`x` is missing!"), "`x` is missing!");
        assert_eq!(sentence(" "), "");
    }
}
