//! The reading of paths, for the fuzz targets alone: what [`decide`](crate::decide) is made of.

use crate::path;

/// Why a path is refused whatever the flags say.
pub fn malformed(text: &str) -> Option<&'static str> {
    path::malformed(text)
}

/// Why the part of a path that chooses a row is not in its one plain spelling.
pub fn not_plain(part: &str) -> Option<&'static str> {
    path::not_plain(part)
}

/// The file a tail names.
pub fn decode_tail(tail: &str) -> Option<String> {
    path::check_tail(tail).ok()?;
    path::decode_tail(tail).ok()
}

/// A tail in its one plain spelling, when it is in another.
pub fn plain_tail(tail: &str) -> Option<String> {
    path::plain_tail(tail, false)
}
