//! The prefix of every address of ours (`www-root-path`).

use std::fmt;

use crate::assets;

/// `www-root-path`, normalised: empty, or `/a/b` without a slash at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root(String);

impl Root {
    /// From the option's text: slashes are collapsed, so that `//other.host` can't become an address of another host, and
    /// empty, `.` and `..` segments are dropped.
    pub fn new(path: &str) -> Self {
        let segments = path.split('/').filter(|segment| !matches!(*segment, "" | "." | ".."));
        Self(segments.fold(String::new(), |text, segment| text + "/" + segment))
    }

    /// The prefix: empty, or `/a/b`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of an asset by its source name (`pages.css`), with the hash in it.
    pub(crate) fn asset(&self, name: &str) -> String {
        format!("{}/static/{}", self.0, assets::hashed(name))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_becomes_one_prefix() {
        for (text, prefix) in [
            ("", ""),
            ("/", ""),
            ("/ide", "/ide"),
            ("ide/", "/ide"),
            ("//evil.example/x", "/evil.example/x"),
            ("/a/../b/./", "/a/b"),
        ] {
            assert_eq!(Root::new(text).as_str(), prefix, "{text}");
        }
    }
}
