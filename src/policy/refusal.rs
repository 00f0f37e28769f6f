//! Why a request is refused, in words for the person, and in the form the IDE shows.
//!
//! What the person reads says what was refused, why, and what to do. The rule (flag, file, line) is in it: a person who
//! asks the administrator for a change can name the line.

use portcullis_model::session::Ide;
use serde_json::json;

use crate::Capability;

/// A refused request and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub capability: Capability,
    /// HTTP status: 403 by a flag, 400 for a malformed target, 405 for a method, 413 for size.
    pub status: u16,
    /// The option that refuses, when one does.
    pub flag: Option<&'static str>,
    /// For the audit log: `allow-shell=0 (rsession.conf:3)`, or `unknown route …`.
    pub rule: String,
    /// For the person: what, why, and what to do.
    pub text: String,
}

/// The body that answers a refused request: content type and text.
///
/// JupyterLab shows `message` and `reason` of its JSON errors in a dialogue. With `wants_html` the server renders its own
/// page instead and only the plain text is returned here.
pub fn refusal_body(ide: Ide, refusal: &Refusal, id: &str, wants_html: bool) -> (&'static str, String) {
    if wants_html {
        return ("text/plain; charset=utf-8", format!("{}\n\nReference: {id}\n", refusal.text));
    }
    match ide {
        Ide::Jupyter => (
            "application/json",
            json!({
                "message": refusal.text,
                "reason": refusal.rule,
                "portcullis": { "id": id, "rule": refusal.rule, "capability": refusal.capability.word() },
            })
            .to_string(),
        ),
    }
}
