//! A refusal as RStudio's page shows it: an error of a call, which has status 200 always, or the answer to a form.

use serde_json::json;

use crate::Refusal;

/// Status and body of a refusal, where RStudio's page would not show another: of calls and of uploads.
///
/// The page reads errors only of answers with status 200, and an upload's only of a page in its hidden frame.
pub fn refusal_answer(path: &str, refusal: &Refusal, id: &str) -> Option<(u16, &'static str, String)> {
    let text = refusal.text.replace('`', "");
    if path.starts_with("/rpc/") || path.starts_with("/events/") {
        let (kind, body) = refusal_body(refusal, &text, id);
        return Some((200, kind, body));
    }
    if path == "/upload" {
        let body = refusal_body(refusal, &text, id).1;
        let body = body.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        return Some((200, "text/html; charset=utf-8", body));
    }
    None
}

/// An error of a call: the page shows the message of the inner one.
pub(crate) fn refusal_body(refusal: &Refusal, text: &str, id: &str) -> (&'static str, String) {
    let body = json!({
        "error": {
            "code": 100,
            "message": text,
            "error": { "code": 13, "category": "portcullis", "message": text, "location": "" },
            "client_info": text,
        },
        "portcullis": { "id": id, "rule": refusal.rule, "capability": refusal.capability.word() },
    });
    ("application/json", body.to_string())
}
