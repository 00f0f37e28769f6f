//! Queries as code-server reads them, and what is asked of them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::place::Place;
use crate::Ask;

/// The values of a parameter, decoded as a form field.
pub(super) fn values<'q>(ask: &Ask<'q>, name: &'static str) -> impl Iterator<Item = Cow<'q, str>> {
    ask.query.unwrap_or_default().split('&').filter_map(move |pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(found) == name).then(|| decoded(value))
    })
}

/// Why a request for a WebSocket isn't one of the editor's; `None` when it is.
///
/// The server opens its editor's socket on any path, and one parameter turns the frames of the WebSocket off.
pub(super) fn not_a_socket(ask: &Ask<'_>) -> Option<&'static str> {
    let one = |name: &'static str| {
        let mut values = values(ask, name);
        values.next().filter(|_| values.next().is_none())
    };
    let Some(token) = one("reconnectionToken") else { return Some("it has not one reconnectionToken") };
    if token.is_empty() || token.len() > 64 || !token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        return Some("its reconnectionToken is none");
    }
    if one("skipWebSocketFrames").as_deref() != Some("false") {
        return Some("it does not say skipWebSocketFrames=false");
    }
    if values(ask, "reconnection").any(|value| !matches!(&*value, "true" | "false")) {
        return Some("its reconnection is neither true nor false");
    }
    None
}

/// The place that a parameter names; an error when it can't be said in one way.
pub(super) fn place(ask: &Ask<'_>, name: &'static str) -> Result<Option<Place>, &'static str> {
    let mut values = values(ask, name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("it is given twice");
    }
    if value.is_empty() { Ok(None) } else { Place::of_path(&value).map(Some) }
}

/// Percent-decoded once, `+` is a blank.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text); // nearly always, and at every handshake
    }
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}
