//! The first words on a socket: what the browser wants it to be.
//!
//! The server reads the second control message and nothing else; so does this, and refuses what could be read in two ways.

use serde_json::Value;

/// What a socket carries once the first words are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// Calls of the editor to the server.
    Management,
    /// Calls of the editor to the extension host.
    Extensions,
    /// Bytes of another program's port.
    Tunnel,
}

/// Longest message of the first words; the extension host's carries its environment.
pub(super) const MOST: usize = 256 * 1024;

/// From the second control message; `None` when it asks for nothing known.
pub(super) fn carries(message: &[u8]) -> Option<Carries> {
    let wish: Value = serde_json::from_slice(message).ok()?;
    if wish["type"] != "connectionType" {
        return None;
    }
    match wish["desiredConnectionType"].as_u64()? {
        1 => Some(Carries::Management),
        2 => Some(Carries::Extensions),
        3 => Some(Carries::Tunnel),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_wishes_are_known() {
        let of = |kind: &str| {
            carries(format!(r#"{{"type":"connectionType","desiredConnectionType":{kind}}}"#).as_bytes())
        };
        assert_eq!(of("1"), Some(Carries::Management));
        assert_eq!(of("2"), Some(Carries::Extensions));
        assert_eq!(of("3"), Some(Carries::Tunnel));
        for bad in ["0", "4", "1.0", "\"1\"", "null", "[1]"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(carries(br#"{"desiredConnectionType":1}"#), None);
        assert_eq!(carries(b"junk"), None);
    }
}
