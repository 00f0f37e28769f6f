//! Lines on standard error for the journal: `LEVEL portcullis-launcher: message key=value …`.
//!
//! Expected things (a wrong password, a refused request) are INFO; WARN and ERROR mean that an administrator should look.
//! A line never holds a secret, and text from outside goes through [`crate::text::printable`] first.

use std::fmt;
use std::io::Write as _;
use std::sync::OnceLock;

/// How much it matters; the order is that of `PORTCULLIS_LOG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something does not work.
    Error,
    /// Something may stop working.
    Warn,
    /// What happens.
    Info,
    /// What happens inside.
    Debug,
}

struct Setting {
    name: String,
    most: Level,
}

static SETTING: OnceLock<Setting> = OnceLock::new();

/// Sets the process's name (`launcher`, `pam`, `keeper`) and reads `PORTCULLIS_LOG`; the first call counts.
pub(crate) fn begin(name: &str) {
    let most = match std::env::var("PORTCULLIS_LOG").as_deref() {
        Ok("error") => Level::Error,
        Ok("warn") => Level::Warn,
        Ok("debug") => Level::Debug,
        _ => Level::Info, // what happens, and no more: one line per sign-in and session
    };
    let _ = SETTING.set(Setting { name: name.to_owned(), most });
}

/// Writes one line, in one call so that lines of several processes don't mix.
pub(crate) fn line(level: Level, message: fmt::Arguments<'_>) {
    let (name, most) =
        SETTING.get().map_or(("launcher", Level::Info), |setting| (setting.name.as_str(), setting.most));
    if level > most {
        return;
    }
    let word = match level {
        Level::Error => "ERROR",
        Level::Warn => "WARN",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
    };
    let mut text = format!("{word} portcullis-{name}: {message}").replace('\n', " ");
    text.push('\n');
    // There is nowhere to say that saying failed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// `say!(Info, "message key={}", value)`.
macro_rules! say {
    ($level:ident, $($text:tt)*) => { $crate::log::line($crate::log::Level::$level, format_args!($($text)*)) };
}
pub(crate) use say;

/// An error with its causes, joined by `: `.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
