//! What goes over `/events` (server-sent events) to an open page.
//!
//! An event says that something changed and what page it concerns; the page then fetches its own HTML again, so that a state
//! is put into words in one place only. After the connection opens, send one [`session_event`] for each session of the
//! person, so that nothing is missed between the page and the connection; then [`KEEP_ALIVE`] every 20 s or so.

use portcullis_model::SessionId;
use portcullis_model::session::State;

use crate::words;

/// A comment line that keeps the connection open through other proxies.
pub const KEEP_ALIVE: &str = ":\n\n";

/// A session began, changed or ended: `event: session`, data `{"id":…,"state":"launching|running|ending|ended|suspended","step":…}`.
pub fn session_event(id: SessionId, state: &State) -> String {
    let step = match state {
        State::Launching(step) => words::step(*step),
        State::Running | State::Ending | State::Ended(_) => "",
    };
    let state = words::state(state);
    format!("event: session\ndata: {{\"id\":\"{id}\",\"state\":\"{state}\",\"step\":\"{step}\"}}\n\n")
}

/// The sign-in is over: the page goes to the sign-in page. Close the connection after it.
pub const fn signed_out_event() -> &'static str {
    "event: signed-out\ndata: {}\n\n"
}

#[cfg(test)]
mod tests {
    use portcullis_model::session::Step;

    use super::*;

    #[test]
    fn an_event_is_one_block_of_json() {
        let id = SessionId::from_bytes([1; 8]);
        assert_eq!(
            session_event(id, &State::Launching(Step::Answer)),
            "event: session\ndata: {\"id\":\"0101010101010101\",\"state\":\"launching\",\"step\":\"answer\"}\n\n"
        );
    }
}
