//! A refusal in the form an application's client understands: nobody knows what that is, so it is taken from what it asks for.

use serde_json::json;

use crate::Refusal;

/// What the client of a request wants to read, a page apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// JSON.
    Json,
    /// Anything: it gets text.
    Text,
}

impl Accepts {
    /// From `Accept`, as sent. `*/*`, which scripts send by default, is text.
    pub fn of(accept: Option<&str>) -> Self {
        let json = |kind: &str| {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
        };
        if accept.is_some_and(|accept| accept.split(',').any(json)) { Self::Json } else { Self::Text }
    }
}

/// The body that answers a refused request of an application: content type and text.
///
/// JSON has the reason under the names that clients of different makes look for (`message`, `error`, `detail`).
pub fn app_refusal_body(refusal: &Refusal, id: &str, accepts: Accepts) -> (&'static str, String) {
    let text = refusal.text.replace('`', "");
    match accepts {
        Accepts::Json => {
            let ours = json!({ "id": id, "rule": refusal.rule, "capability": refusal.capability.word() });
            let body = json!({ "message": text, "error": text, "detail": text, "portcullis": ours });
            ("application/json", body.to_string())
        }
        Accepts::Text => {
            let body = format!("{text}\n\nRule: {}\nReference: {id}\n", refusal.rule);
            ("text/plain; charset=utf-8", body)
        }
    }
}
