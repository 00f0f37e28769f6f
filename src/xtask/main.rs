//! Everything a developer or a newcomer runs.
fn main() {}
