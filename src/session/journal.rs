//! Lines for the journal, on standard error: `LEVEL portcullis-session: message key=value`.
//!
//! What comes from users is written with `{:?}` by the callers, so that it can't make a line of its own. Never a secret.

use std::fmt::Arguments;
use std::io::Write;
use std::sync::OnceLock;

/// What an administrator should look at.
pub(crate) fn error(line: Arguments<'_>) {
    write("ERROR", 0, line);
}

/// Something that is not as it should be, and that we went on with.
pub(crate) fn warn(line: Arguments<'_>) {
    write("WARN", 1, line);
}

/// What is expected to happen.
pub(crate) fn info(line: Arguments<'_>) {
    write("INFO", 2, line);
}

/// What only somebody who looks for a fault wants to know.
pub(crate) fn debug(line: Arguments<'_>) {
    write("DEBUG", 3, line);
}

fn write(word: &str, level: u8, line: Arguments<'_>) {
    static LEVEL: OnceLock<u8> = OnceLock::new();
    let most = *LEVEL.get_or_init(|| match std::env::var("PORTCULLIS_LOG").as_deref() {
        Ok("error") => 0,
        Ok("warn") => 1,
        Ok("debug") => 3,
        _ => 2, // info: one line per start and end
    });
    if level <= most {
        // Nobody to tell when the journal is gone.
        let _ = std::io::stderr().write_all(format!("{word} portcullis-session: {line}\n").as_bytes());
    }
}
