//! What a browser calls itself, for its owner's list of sign-ins. Nothing is decided by it.

use http::header::{HeaderMap, USER_AGENT};
use portcullis_model::sign_in::AGENT_MAX;

/// Its name as it came, cut; bytes that are no text are shown as such.
pub(super) fn agent(headers: &HeaderMap) -> String {
    let name = headers.get(USER_AGENT).map(|name| name.as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(name).chars().take(AGENT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_browser_is_named_and_cut() {
        assert_eq!(agent(&HeaderMap::new()), "");
        let of = |bytes: &[u8]| {
            let value = HeaderValue::from_bytes(bytes).expect("a value");
            agent(&HeaderMap::from_iter([(USER_AGENT, value)]))
        };
        assert_eq!(of(b"Mozilla/5.0 (X11)"), "Mozilla/5.0 (X11)");
        assert_eq!(of(b"\xff"), "\u{fffd}");
        assert_eq!(of(&[b'x'; 4000]).len(), AGENT_MAX);
    }
}
