//! Stylesheet, script and pictures, compiled in.
//!
//! An asset's name carries a hash of its bytes, so that a browser may keep it for ever and still gets the new one after an upgrade.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file that the server answers with under `/static/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Name below `/static/`, with the hash: `pages.1f2e3d4c5b6a.css`.
    pub path: String,
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// The bytes.
    pub bytes: &'static [u8],
    /// The name without the hash, by which templates ask for it.
    source: &'static str,
}

/// Hexadecimal digits of SHA-256 in a name: 48 bits tell versions of one file apart.
const DIGITS: usize = 12;

const SOURCES: [(&str, &str, &[u8]); 4] = [
    ("pages.css", "text/css; charset=utf-8", include_bytes!("assets/pages.css")),
    ("admin.css", "text/css; charset=utf-8", include_bytes!("assets/admin.css")),
    ("pages.js", "text/javascript; charset=utf-8", include_bytes!("assets/pages.js")),
    ("gate.svg", "image/svg+xml", include_bytes!("assets/gate.svg")),
];

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |(source, content_type, bytes): (&'static str, &'static str, &'static [u8])| Asset {
        path: hashed_name(source, bytes),
        content_type,
        bytes,
        source,
    };
    SOURCES.into_iter().map(asset).collect()
});

/// All assets. They never change while the process lives: serve them with `Cache-Control: public, max-age=31536000, immutable`.
pub fn assets() -> &'static [Asset] {
    &ASSETS
}

/// The hashed name of a source.
pub(crate) fn hashed(source: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.source == source);
    &asset.expect("templates name assets of the table; a test renders them all").path
}

fn hashed_name(source: &str, bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
    let (stem, kind) = source.rsplit_once('.').unwrap_or((source, "bin"));
    format!("{stem}.{hex}.{kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_bytes() {
        assert_eq!(hashed_name("a.css", b""), "a.e3b0c44298fc.css");
        assert_ne!(hashed_name("a.css", b"x"), hashed_name("a.css", b"y"));
        for asset in assets() {
            assert_eq!(asset.path, hashed_name(asset.source, asset.bytes));
            assert_eq!(hashed(asset.source), asset.path);
            assert!(!asset.bytes.is_empty(), "{}", asset.source);
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for asset in assets() {
            let text = std::str::from_utf8(asset.bytes).expect("all assets are text");
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for bad in ["http:", "https:", "url(", "@import", "eval(", "import("] {
                assert!(!text.contains(bad), "{} has {bad}", asset.source);
            }
        }
    }
}
