//! Header lines that go out with many requests: written once, copied with each.
//!
//! They stand for every field of their names: what a request's map says of those is left out, also where they give a name no
//! value. Made by whoever forwards; `h1::question` writes them.

use http::header::{HOST, HeaderName, HeaderValue};

/// Lines of a head.
pub struct Lines {
    bytes: Box<[u8]>,
    names: Box<[HeaderName]>,
}

impl Lines {
    /// Of these fields; a name without a value keeps the request's own out.
    pub fn new<'a>(fields: impl IntoIterator<Item = (HeaderName, Option<&'a HeaderValue>)>) -> Self {
        let (mut bytes, mut names) = (Vec::new(), Vec::new());
        for (name, value) in fields {
            if let Some(value) = value {
                bytes.extend_from_slice(name.as_str().as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value.as_bytes());
                bytes.extend_from_slice(b"\r\n");
            }
            names.push(name);
        }
        Self { bytes: bytes.into(), names: names.into() }
    }

    /// As they are sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the map's fields of this name are left out.
    pub(crate) fn stand_for(&self, name: &HeaderName) -> bool {
        self.names.contains(name)
    }

    /// Whether they say which host is meant.
    pub(crate) fn name_host(&self) -> bool {
        self.names.contains(&HOST)
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_struct("Lines").field("names", &self.names).finish_non_exhaustive()
    }
}
