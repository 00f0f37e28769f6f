//! What is generated from the tables: the reference and the sample files.

/// All generated files: path below the repository's root, and text.
pub fn files() -> Vec<(String, String)> {
    Vec::new()
}
